// tick: time for silent machines.

import { Duration } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { Construct } from 'constructs';

import type { Assets } from './assets';
import { environment } from './environment';
import { AndonFunction, type Size } from './function';
import type { Stores } from './parts';
import { internalKeyReader, listing, onIndex, onObjects, onStream, onTable } from './permissions';
import type { Settings } from './settings';

export interface TickSettings extends Size {
  /**
   * Interval between two scans for due machines: the maximum delay of a change that only time causes. The function
   * waits between looks, and is paid for that; 60 makes one look a minute and costs next to nothing.
   */
  readonly intervalSeconds: number;

  /**
   * 1: never two side by side. Two do no harm, since what was sent is remembered; they only cost. null where the account
   * has no concurrency to reserve: a new account has ten in all, and reserves none.
   */
  readonly reservedConcurrency: number | null;
}

export function tick(scope: Construct, settings: Settings, assets: Assets, stores: Stores): AndonFunction {
  const { internalKey, stream, tables, records } = stores;
  const fn = new AndonFunction(scope, 'Tick', settings, assets, {
    name: 'tick',
    description: 'Sends ticks to silent machines',
    size: settings.tick,
    environment: {
      ...environment(settings, stores),
      ANDON_INTERNAL_KEY_SECRET: internalKey.secretArn,
      ANDON_TICK_INTERVAL: `${settings.tick.intervalSeconds}s`,
    },
    reservedConcurrency: settings.tick.reservedConcurrency,
    permissions: {
      Key: internalKeyReader(internalKey),
      Due: onIndex(tables.state, 'due', 'Query'),
      State: onTable(tables.state, 'Scan'),
      Checkpoints: onTable(tables.checkpoints, 'GetItem', 'PutItem', 'Query'),
      Rules: onTable(tables.rules, 'GetItem'),
      Stream: onStream(stream, 'PutRecords'),
      LargeStatesAndRules: onObjects(records, ['state/', 'rules/'], 'GetObject'),
      LargeMemory: onObjects(records, ['ticks/'], 'GetObject', 'PutObject', 'DeleteObject'),
      Missing: listing(records),
    },
  });
  // The next minute makes up for one that was missed: no second try, and nothing that is late.
  fn.alias.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
  new Rule(fn, 'EveryMinute', {
    ruleName: `${settings.name}-tick`,
    description: 'Time for silent machines',
    schedule: Schedule.rate(Duration.minutes(1)),
    targets: [
      new LambdaFunction(fn.alias, {
        event: RuleTargetInput.fromObject({}),
        retryAttempts: 0,
        maxEventAge: Duration.minutes(1),
      }),
    ],
  });
  return fn;
}
