// The failure destination: what can never be delivered, for a person to look at.

import { Duration } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

import { acknowledge } from './nag';
import type { Settings } from './settings';

export function failures(scope: Construct, settings: Settings): Queue {
  const queue = new Queue(scope, 'Failures', {
    queueName: `${settings.name}-failures`,
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    // The longest there is: it waits for people.
    retentionPeriod: Duration.days(14),
  });
  acknowledge(queue, 'AwsSolutions-SQS3', 'it is itself where failures go, and nothing takes from it by itself');
  return queue;
}
