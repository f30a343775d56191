// The queue of score requests: the fold does not wait for models.

import { Duration } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

import type { Settings } from './settings';

export interface ScoreRequests {
  readonly queue: Queue;
  /** Messages that were delivered too often, for an operator. */
  readonly dead: Queue;
}

/** Visibility timeout in timeouts of the function, as AWS advises: Lambda retries throttled invocations within it. */
const TIMEOUTS = 6;

export function scoreRequests(scope: Construct, settings: Settings): ScoreRequests {
  const { timeoutSeconds, batchWindowSeconds, scoreRequestDays, deliveries } = settings.enrich;
  const kept = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true };
  const dead = new Queue(scope, 'ScoreRequestsDead', {
    ...kept,
    queueName: `${settings.name}-score-requests-dead`,
    // The maximum: messages wait for an operator, and their time in the first queue counts too.
    retentionPeriod: Duration.days(14),
  });
  const queue = new Queue(scope, 'ScoreRequests', {
    ...kept,
    queueName: `${settings.name}-score-requests`,
    visibilityTimeout: Duration.seconds(TIMEOUTS * timeoutSeconds + batchWindowSeconds),
    retentionPeriod: Duration.days(scoreRequestDays),
    deadLetterQueue: { queue: dead, maxReceiveCount: deliveries },
  });
  return { queue, dead };
}
