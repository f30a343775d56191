// The queue of questions to models: nobody who decides what to ask waits for who asks.

import { Duration } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

import type { Settings } from './settings';

export interface Questions {
  readonly queue: Queue;
  /** What came again too often, for a person to look at. */
  readonly dead: Queue;
}

/** A message is hidden for so many timeouts of the function, as AWS advises: throttled invocations are tried again in it. */
const TIMEOUTS = 6;

export function questions(scope: Construct, settings: Settings): Questions {
  const { timeoutSeconds, batchWindowSeconds, questionDays, deliveries } = settings.enrich;
  const kept = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true };
  const dead = new Queue(scope, 'QuestionsDead', {
    ...kept,
    queueName: `${settings.name}-questions-dead`,
    // The longest there is: it waits for people, and the time in the queue before counts too.
    retentionPeriod: Duration.days(14),
  });
  const queue = new Queue(scope, 'Questions', {
    ...kept,
    queueName: `${settings.name}-questions`,
    visibilityTimeout: Duration.seconds(TIMEOUTS * timeoutSeconds + batchWindowSeconds),
    retentionPeriod: Duration.days(questionDays),
    deadLetterQueue: { queue: dead, maxReceiveCount: deliveries },
  });
  return { queue, dead };
}
