// What a deployment consists of, for those parts that look at all others.

import type { EventBus } from 'aws-cdk-lib/aws-events';
import type { Stream } from 'aws-cdk-lib/aws-kinesis';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Queue } from 'aws-cdk-lib/aws-sqs';

import type { AndonFunction } from './function';
import type { ScoreRequests } from './score-requests';
import type { Tables } from './tables';

/** What is there before the functions. */
export interface Stores {
  readonly stream: Stream;
  readonly tables: Tables;
  readonly records: Bucket;
  readonly bus: EventBus;
  readonly failures: Queue;
  readonly internalKey: Secret;
  /** Where models are asked. */
  readonly scoreRequests?: ScoreRequests;
}

export interface Parts extends Stores {
  readonly evaluate: AndonFunction;
  readonly publish: AndonFunction;
  readonly tick: AndonFunction;
  /** Where models are asked. */
  readonly enrich?: AndonFunction;
}

/** All functions, by name. */
export function functionsOf({ evaluate, publish, tick, enrich }: Parts): Readonly<Record<string, AndonFunction>> {
  return { evaluate, publish, tick, ...(enrich && { enrich }) };
}
