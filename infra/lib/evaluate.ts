// evaluate: folds the stream of data points.

import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';

import type { Assets } from './assets';
import { environment } from './environment';
import { AndonFunction, type Size } from './function';
import type { Stores } from './parts';
import { internalKeyReader, kinesisReader, listing, onObjects, onQueue, onStream, onTable } from './permissions';
import type { Settings } from './settings';

export interface EvaluateSettings extends Size {
  /**
   * How long records are gathered before they are evaluated, 0 to 300. The dial between latency and cost: each batch
   * costs one commit for each equipment in it, however many points it has.
   */
  readonly batchWindowSeconds: number;

  /** Most records of a batch, up to 10,000; it ends at 6 MB in any case. Fewer only cost more commits. */
  readonly batchSize: number;

  /**
   * ParallelizationFactor: batches of one shard that are worked on side by side, 1 to 10. Above 1 every record's
   * partition key must be the equipment of all its points (what is not, is put back and paid for twice), and watermarks
   * become upper bounds; but it is cheaper than as many shards where the functions, not the shards, are the limit.
   */
  readonly parallelizationFactor: number;

  /** Maximum of new machines in a batch: a flood of invented ids slows its shard and does not fill the table. */
  readonly newKeysPerBatch: number;

  /** Between two checkpoints of a shard. They are for people to look at, and each is a write. */
  readonly checkpointSeconds: number;

  /** Days from the last record of a machine to the expiry of its state. Longer than the stream's retention. */
  readonly stateDays: number;

  /** Days for which decisions can be published again. Shorter than `stateDays`. */
  readonly outboxDays: number;
}

export function evaluate(scope: Construct, settings: Settings, assets: Assets, stores: Stores): AndonFunction {
  const { stream, tables, records, internalKey, scoreRequests } = stores;
  const { batchWindowSeconds, batchSize, parallelizationFactor, newKeysPerBatch, checkpointSeconds } = settings.evaluate;
  const fn = new AndonFunction(scope, 'Evaluate', settings, assets, {
    name: 'evaluate',
    description: 'Folds data points into states of rules',
    size: settings.evaluate,
    environment: {
      ...environment(settings, stores),
      ANDON_INTERNAL_KEY_SECRET: internalKey.secretArn,
      ANDON_PARALLELIZATION_FACTOR: `${parallelizationFactor}`,
      ANDON_NEW_KEYS_PER_BATCH: `${newKeysPerBatch}`,
      ANDON_CHECKPOINT_INTERVAL: `${checkpointSeconds}s`,
    },
    permissions: {
      Source: kinesisReader(stream),
      Key: internalKeyReader(internalKey),
      State: onTable(tables.state, 'BatchGetItem', 'BatchWriteItem', 'GetItem', 'PutItem', 'Query'),
      Outbox: onTable(tables.outbox, 'PutItem'),
      Checkpoints: onTable(tables.checkpoints, 'GetItem', 'PutItem'),
      Rules: onTable(tables.rules, 'GetItem'),
      // Only then is anything put back.
      ...(parallelizationFactor > 1 && { Rekey: onStream(stream, 'PutRecords') }),
      ...(scoreRequests && { ScoreRequests: onQueue(scoreRequests.queue, 'SendMessage') }),
      SetAside: onObjects(records, ['rejected/', 'parked/', 'decided/'], 'PutObject'),
      LargeRules: onObjects(records, ['rules/'], 'GetObject'),
      LargeStates: onObjects(records, ['state/'], 'GetObject', 'PutObject', 'DeleteObject'),
      Missing: listing(records),
    },
  });
  new CfnEventSourceMapping(fn, 'Source', {
    functionName: fn.alias.functionArn,
    eventSourceArn: stream.streamArn,
    // From the oldest record: what was sent before the function was there counts too.
    startingPosition: 'TRIM_HORIZON',
    batchSize,
    maximumBatchingWindowInSeconds: batchWindowSeconds,
    parallelizationFactor,
    // The function answers the first record of any equipment that is not done; only from there it comes again.
    functionResponseTypes: ['ReportBatchItemFailures'],
    // Where the function ends without an answer, the batch is halved, so that a record that ends it ends alone.
    bisectBatchOnFunctionError: true,
    // Retries have no limit of count or age. The function itself parks a machine that it cannot evaluate, so a retry
    // means a transient fault. Giving up would lose points.
    maximumRetryAttempts: -1,
    maximumRecordAgeInSeconds: -1,
  });
  return fn;
}
