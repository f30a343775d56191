// An example of a consumer: states that people must know of, to an SNS topic. Others are made alike: a rule on the bus
// that matches `detail`, and a target.

import { Duration } from 'aws-cdk-lib';
import { type EventBus, Rule } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

import { SOURCE, STATE_CHANGED } from './bus';
import type { Settings } from './settings';

export interface ConsumerSettings {
  /** The states that reach subscribers. The rules define their names: list each state that is a warning or worse. */
  readonly states: readonly string[];

  /** The email address that gets the changes; null: the subscribers of the topic alone. */
  readonly email: string | null;
}

export function consumer(scope: Construct, settings: Settings, bus: EventBus, failures: Queue): Topic {
  const { states, email } = settings.consumer;
  const topic = new Topic(scope, 'Warnings', {
    topicName: `${settings.name}-warnings`,
    displayName: `Warnings of ${settings.name}`,
    enforceSSL: true,
  });
  if (email !== null) {
    topic.addSubscription(new EmailSubscription(email));
  }
  new Rule(scope, 'WarningOrWorse', {
    ruleName: `${settings.name}-warnings`,
    description: 'State changes to a warning or worse, for people',
    eventBus: bus,
    eventPattern: { source: [SOURCE], detailType: [STATE_CHANGED], detail: { to: [...states] } },
    targets: [
      new SnsTopic(topic, {
        // A change that the topic did not accept by then is no longer news; an operator finds it in the queue.
        deadLetterQueue: failures,
        maxEventAge: Duration.hours(1),
      }),
    ],
  });
  return topic;
}
