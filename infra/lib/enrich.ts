// enrich: asks models what evaluate wants to know, and brings their scores into the stream.

import { Duration } from 'aws-cdk-lib';
import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { LambdaSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';

import type { Assets } from './assets';
import { environment } from './environment';
import { AndonFunction, type Size } from './function';
import { ASYNC, exchanged, onEndpoints } from './models';
import { acknowledge } from './nag';
import type { Stores } from './parts';
import { internalKeyReader, listing, onObjects, onQueue, onStream, queueReader } from './permissions';
import type { ScoreRequests } from './score-requests';
import type { Settings } from './settings';

export interface EnrichSettings extends Size {
  /**
   * Most invocations side by side, 2 to 1,000. With `calls` the dial of capacity: `invocations` x `calls` calls are under
   * way at a time, and that divided by how long one takes are calls a second. More than the endpoints bear only makes
   * them refuse.
   */
  readonly invocations: number;

  /** Calls that one invocation makes side by side, 1 to 1,000. It waits for nearly all of its time: many cost one. */
  readonly calls: number;

  /**
   * Most messages of a batch, up to 10,000; each is one call. Several times `calls`, so that they are under way all the
   * time; few enough that all are done within the timeout.
   */
  readonly batchSize: number;

  /** How long messages are gathered, 0 to 300. A score comes later by so much; above ten messages at least 1. */
  readonly batchWindowSeconds: number;

  /**
   * A message that came so often and is not done goes to the dead-letter queue. It comes again after six timeouts: with
   * both, what an outage may last. No less than the `retries` of the bindings and two.
   */
  readonly deliveries: number;

  /** Retention of the queue in days, 1 to 14; by then a score request is mostly older than its `too_old`. */
  readonly scoreRequestDays: number;
}

export function enrich(
  scope: Construct,
  settings: Settings,
  assets: Assets,
  stores: Stores,
  asked: { readonly scoreRequests: ScoreRequests; readonly answers: Topic },
): AndonFunction {
  const { stream, records, internalKey, failures } = stores;
  const { scoreRequests, answers } = asked;
  const { invocations, calls, batchSize, batchWindowSeconds } = settings.enrich;
  const { endpoint, asyncInputBucket, asyncInputPrefix } = settings.models;
  const fn = new AndonFunction(scope, 'Enrich', settings, assets, {
    name: 'enrich',
    description: 'Asks models and brings their scores into the stream',
    size: settings.enrich,
    environment: {
      ...environment(settings, stores),
      ANDON_INTERNAL_KEY_SECRET: internalKey.secretArn,
      ANDON_ENRICH_CONCURRENCY: `${calls}`,
      ANDON_ASYNC_BUCKET: asyncInputBucket ?? records.bucketName,
      ANDON_ASYNC_PREFIX: asyncInputPrefix,
      ...(endpoint !== null && { AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME: endpoint }),
    },
    permissions: {
      Source: queueReader(scoreRequests.queue),
      Key: internalKeyReader(internalKey),
      Models: onEndpoints(scope, settings),
      // Of calls that are answered later.
      Reminders: onQueue(scoreRequests.queue, 'SendMessage'),
      Scores: onStream(stream, 'PutRecords'),
      Failures: onQueue(failures, 'SendMessage'),
      LargeFailures: onObjects(records, ['failures/'], 'PutObject'),
      Calls: onObjects(records, [`${ASYNC}/`], 'GetObject', 'PutObject', 'DeleteObject'),
      Missing: listing(records),
      ...exchanged(scope, settings, records),
    },
  });
  new CfnEventSourceMapping(fn, 'Source', {
    functionName: fn.alias.functionArn,
    eventSourceArn: scoreRequests.queue.queueArn,
    batchSize,
    maximumBatchingWindowInSeconds: batchWindowSeconds,
    // The function answers the messages that are not done; only those come again.
    functionResponseTypes: ['ReportBatchItemFailures'],
    // By the event source and not by the function: what the function refused would count as delivered.
    scalingConfig: { maximumConcurrency: invocations },
  });
  acknowledge(
    answers.addSubscription(new LambdaSubscription(fn.alias)),
    'CloudFormation-Validate::W3694',
    'SNS calls an alias like any function, and only by an alias a former version can come back',
  );
  // A poll in the queue of score requests makes up for a lost notification.
  fn.alias.configureAsyncInvoke({ retryAttempts: 2, maxEventAge: Duration.hours(1) });
  return fn;
}
