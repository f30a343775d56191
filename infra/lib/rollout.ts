// How a new version of a function takes over.

import { Duration } from 'aws-cdk-lib';
import { Alarm, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { LambdaApplication, LambdaDeploymentConfig, LambdaDeploymentGroup } from 'aws-cdk-lib/aws-codedeploy';
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

import type { AndonFunction } from './function';
import { acknowledge } from './nag';
import type { Settings } from './settings';

export interface RolloutSettings {
  /**
   * `at-once`: the new version takes all invocations. `canary`: it takes a tenth of them for five minutes, then all, and
   * where it ends without an answer in that time, the former version comes back. Both may run side by side: each reads
   * what the other stores.
   */
  readonly kind: 'at-once' | 'canary';
}

const POLICY = 'service-role/AWSCodeDeployRoleForLambdaLimited';

/** New versions of functions take over by and by. */
export class Canary extends Construct {
  constructor(scope: Construct, settings: Settings, functions: readonly AndonFunction[]) {
    super(scope, 'Rollout');
    const application = new LambdaApplication(this, 'Application', { applicationName: settings.name });
    const role = new Role(this, 'Role', {
      description: `Moves the aliases of ${settings.name} to new versions`,
      assumedBy: new ServicePrincipal('codedeploy.amazonaws.com'),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName(POLICY)],
    });
    acknowledge(
      role,
      `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${POLICY}]`,
      'what CodeDeploy needs changes with CodeDeploy; this is the narrower of its two policies',
    );
    for (const { node, alias } of functions) {
      new LambdaDeploymentGroup(this, node.id, {
        application,
        role,
        alias,
        deploymentConfig: LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
        alarms: [
          new Alarm(this, `${node.id}Fails`, {
            alarmDescription: `A new version of ${node.id} ends without an answer: the former one comes back`,
            metric: alias.metricErrors({ period: Duration.minutes(1), statistic: 'Sum' }),
            threshold: 1,
            evaluationPeriods: 1,
            treatMissingData: TreatMissingData.NOT_BREACHING,
          }),
        ],
      });
    }
  }
}
