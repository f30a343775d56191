// A deployment: one stream, and all that evaluates it.

import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

import { Alarms } from './alarms';
import type { Assets } from './assets';
import { bus } from './bus';
import { consumer } from './consumer';
import { dashboard } from './dashboard';
import { enrich } from './enrich';
import { environment } from './environment';
import { evaluate } from './evaluate';
import { internalKey } from './internal-key';
import { asksModels, modelAnswers } from './models';
import { functionsOf, type Parts, type Stores } from './parts';
import { publish } from './publish';
import { scoreRequests } from './score-requests';
import { failures } from './queues';
import { records } from './records';
import { Canary } from './rollout';
import type { Settings } from './settings';
import { stream } from './stream';
import { Tables } from './tables';
import { tick } from './tick';

export class AndonStack extends Stack {
  constructor(scope: Construct, id: string, settings: Settings, assets: Assets, props: StackProps = {}) {
    super(scope, id, { description: 'andon: condition monitoring of production lines', ...props });
    const stores: Stores = {
      stream: stream(this, settings),
      tables: new Tables(this, settings),
      records: records(this, settings),
      bus: bus(this, settings),
      failures: failures(this, settings),
      internalKey: internalKey(this, settings),
      ...(asksModels(settings) && { scoreRequests: scoreRequests(this, settings) }),
    };
    const asked = stores.scoreRequests && { scoreRequests: stores.scoreRequests, answers: modelAnswers(this, settings) };
    // Functions to come (control, archive, route) stand here, each in a file of its own.
    const parts: Parts = {
      ...stores,
      evaluate: evaluate(this, settings, assets, stores),
      publish: publish(this, settings, assets, stores),
      tick: tick(this, settings, assets, stores),
      ...(asked && { enrich: enrich(this, settings, assets, stores, asked) }),
    };
    const warnings = consumer(this, settings, stores.bus, stores.failures);
    const alarms = settings.alarms.kind === 'all' ? new Alarms(this, settings, parts) : undefined;
    if (settings.rollout.kind === 'canary') {
      new Canary(this, settings, Object.values(functionsOf(parts)));
    }
    dashboard(this, settings, parts, alarms);
    assets.refuseDeployment(this);
    const variables = Object.entries(environment(settings, stores)).map(([name, value]) => `${name}=${value}`);
    new CfnOutput(this, 'Environment', {
      value: variables.join(' '),
      description: 'Variables with which the command line finds this deployment',
    });
    new CfnOutput(this, 'WarningsTopic', { value: warnings.topicArn, description: 'State changes to a warning or worse' });
    if (asked) {
      new CfnOutput(this, 'ModelAnswersTopic', {
        value: asked.answers.topicArn,
        description: 'Where asynchronous endpoints tell of success and of failure',
      });
    }
    if (alarms) {
      new CfnOutput(this, 'AlarmsTopic', { value: alarms.topic.topicArn, description: 'Alarms of the deployment itself' });
    }
  }
}
