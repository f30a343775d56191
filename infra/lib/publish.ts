// publish: from the outbox to the bus.

import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';

import type { Assets } from './assets';
import { environment } from './environment';
import { AndonFunction, type Size } from './function';
import type { Stores } from './parts';
import { listing, onBus, onObjects, onQueue, onTable, TABLE_STREAM_NAMES, tableStreamReader } from './permissions';
import type { Settings } from './settings';

export interface PublishSettings extends Size {
  /** Items of the outbox in a batch, up to 10,000; an item holds what one commit decided. */
  readonly batchSize: number;

  /** How long items are gathered. A state change is rare and waited for: 0. */
  readonly batchWindowSeconds: number;

  /**
   * Batches of one shard of the outbox's stream side by side. Changes of one equipment keep their order at any number.
   */
  readonly parallelizationFactor: number;

  /**
   * An item that could not be published for that many hours goes to the failure destination, since an item that ends the function
   * each time would hold up those behind it for a day. Longer than an outage of the bus that one would wait out.
   * `andon republish` says again what was given up.
   */
  readonly giveUpHours: number;
}

export function publish(scope: Construct, settings: Settings, assets: Assets, stores: Stores): AndonFunction {
  const { tables, failures, bus, records } = stores;
  const { batchSize, batchWindowSeconds, parallelizationFactor, giveUpHours } = settings.publish;
  const fn = new AndonFunction(scope, 'Publish', settings, assets, {
    name: 'publish',
    description: 'Publishes decided state changes',
    size: settings.publish,
    environment: environment(settings, stores),
    permissions: {
      Source: tableStreamReader(tables.outbox),
      SourceNames: TABLE_STREAM_NAMES,
      // Also for the event source, which sends there what it gives up.
      Failures: onQueue(failures, 'SendMessage'),
      Bus: onBus(bus, 'PutEvents'),
      Views: onTable(tables.state, 'PutItem'),
      LargeDecisions: onObjects(records, ['decided/'], 'GetObject'),
      LargeFailures: onObjects(records, ['failures/'], 'PutObject'),
      Missing: listing(records),
    },
  });
  new CfnEventSourceMapping(fn, 'Source', {
    functionName: fn.alias.functionArn,
    eventSourceArn: tables.outbox.tableStreamArn ?? '',
    startingPosition: 'TRIM_HORIZON',
    batchSize,
    maximumBatchingWindowInSeconds: batchWindowSeconds,
    parallelizationFactor,
    functionResponseTypes: ['ReportBatchItemFailures'],
    bisectBatchOnFunctionError: true,
    // Only what was decided: items that are deleted by their age neither wake the function nor cost anything. What is
    // written over an item counts: the state of its key had expired and began again at an earlier version.
    filterCriteria: { filters: [{ pattern: JSON.stringify({ eventName: ['INSERT', 'MODIFY'] }) }] },
    // As often as it takes in that time, then to the failure destination.
    maximumRetryAttempts: -1,
    maximumRecordAgeInSeconds: giveUpHours * 3600,
    destinationConfig: { onFailure: { destination: failures.queueArn } },
  });
  return fn;
}
