// Where state changes go out.

import { Duration } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';

import type { Settings } from './settings';

export interface BusSettings {
  /**
   * How long the bus remembers what it was given, to replay it to consumers; 0: not at all. Beyond, `andon republish`
   * says again what the outbox remembers.
   */
  readonly archiveDays: number;
}

/** The source of all events of the project. */
export const SOURCE = 'andon';

/** The detail type of a state change. */
export const STATE_CHANGED = 'Rule State Changed';

export function bus(scope: Construct, settings: Settings): EventBus {
  const bus = new EventBus(scope, 'Bus', {
    eventBusName: settings.name,
    description: 'State changes of rules. Delivered at least once and in no order: `sequence` orders.',
  });
  if (settings.bus.archiveDays > 0) {
    bus.archive('Archive', {
      archiveName: `${settings.name}-state-changes`,
      description: 'State changes, to be replayed to consumers that missed them',
      eventPattern: { source: [SOURCE], detailType: [STATE_CHANGED] },
      retention: Duration.days(settings.bus.archiveDays),
    });
  }
  return bus;
}
