// What all functions have: a role of their own that may do just what they call, a log of their own, and an alias that
// event sources call, so that a former version can come back at once.

import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Effect, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Alias, Architecture, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

import type { Assets } from './assets';
import { acknowledge } from './nag';
import type { Settings } from './settings';

export interface LogSettings {
  /** How long logs are kept. One line an invocation: small, and the only record of what was rejected when. */
  readonly retentionDays: 1 | 3 | 5 | 7 | 14 | 30 | 60 | 90 | 120 | 150 | 180 | 365 | 400;

  /** Lines below are not written; metrics are made of lines of `info`. */
  readonly level: 'error' | 'warn' | 'info' | 'debug';
}

export interface Size {
  /** With memory comes CPU: 1,769 MB are one core. */
  readonly memoryMb: number;

  /** Timeout of an invocation. Work that is cut off is done again, exactly once. */
  readonly timeoutSeconds: number;
}

/** Something that a function may do. */
export interface Permission {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** Why a resource is not one thing but a pattern; empty where none is. */
  readonly why?: string;
}

export interface AndonFunctionProps {
  /** `evaluate`, `publish`, ..: the crate is `andon-evaluate`, the function `NAME-evaluate`. */
  readonly name: string;
  readonly description: string;
  readonly size: Size;
  readonly environment: Readonly<Record<string, string>>;
  readonly permissions: Readonly<Record<string, Permission>>;
  /** Most invocations at a time; null: as many as the account has. */
  readonly reservedConcurrency?: number | null;
}

/** The alias that event sources call. */
const ALIAS = 'live';

export class AndonFunction extends Construct {
  readonly function: LambdaFunction;
  readonly alias: Alias;
  readonly role: Role;

  constructor(scope: Construct, id: string, settings: Settings, assets: Assets, props: AndonFunctionProps) {
    super(scope, id);
    const functionName = `${settings.name}-${props.name}`;
    const logs = new LogGroup(this, 'Log', {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: settings.logs.retentionDays,
      // A log tells of data and is none; kept, it would be in the way of a deployment under the same name.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = this.roleOf({
      ...props.permissions,
      Log: {
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [this.logStreams(functionName)],
        why: 'log streams are made by the instances of the function, under names of their own',
      },
    });
    const reserved = props.reservedConcurrency ?? null;
    this.function = new LambdaFunction(this, 'Function', {
      functionName,
      description: `${props.description} (generation ${settings.generation})`,
      runtime: Runtime.PROVIDED_AL2023,
      handler: 'bootstrap',
      architecture: settings.architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
      code: assets.code(`andon-${props.name}`),
      memorySize: props.size.memoryMb,
      timeout: Duration.seconds(props.size.timeoutSeconds),
      environment: {
        ...props.environment,
        ANDON_LOG_LEVEL: settings.logs.level,
        ...(settings.endpoint !== null && { AWS_ENDPOINT_URL: settings.endpoint }),
      },
      role: this.role.withoutPolicyUpdates(),
      logGroup: logs,
      ...(reserved !== null && { reservedConcurrentExecutions: reserved }),
      // Former versions stay, so that the alias can go back to them.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
    });
    assets.name(this.function, `andon-${props.name}`);
    this.alias = new Alias(this, 'Live', { aliasName: ALIAS, version: this.function.currentVersion });
  }

  private logStreams(functionName: string): string {
    const { partition, region, account } = Stack.of(this);
    return `arn:${partition}:logs:${region}:${account}:log-group:/aws/lambda/${functionName}:log-stream:*`;
  }

  private roleOf(permissions: Readonly<Record<string, Permission>>): Role {
    const statements = Object.entries(permissions).map(
      ([sid, { actions, resources }]) =>
        new PolicyStatement({ sid, effect: Effect.ALLOW, actions: [...actions], resources: [...resources] }),
    );
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: { Calls: new PolicyDocument({ statements }) },
    });
    for (const { resources, why } of Object.values(permissions)) {
      for (const resource of resources.filter((resource) => why !== undefined && resource.includes('*'))) {
        acknowledge(role, `AwsSolutions-IAM5[Resource::${patternOf(this, resource)}]`, why ?? '');
      }
    }
    return role;
  }
}

/** A resource as cdk-nag names it: references in angle brackets. */
function patternOf(scope: Construct, resource: string): string {
  const resolved: unknown = Stack.of(scope).resolve(resource);
  return flat(resolved);
}

function flat(value: unknown): string {
  if (typeof value === 'string') {
    return value;
  }
  const [[name, argument] = ['', undefined]] = Object.entries(value as Record<string, unknown>);
  if (name === 'Ref') {
    return `<${String(argument)}>`;
  }
  if (name === 'Fn::GetAtt') {
    return `<${(argument as string[]).join('.')}>`;
  }
  if (name === 'Fn::Join') {
    const [separator, parts] = argument as [string, unknown[]];
    return parts.map(flat).join(separator);
  }
  return JSON.stringify(value);
}
