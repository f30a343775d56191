// The stream of data points.

import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Stream, StreamEncryption, StreamMode } from 'aws-cdk-lib/aws-kinesis';
import type { Construct } from 'constructs';

import type { Settings } from './settings';

export interface StreamSettings {
  /**
   * `on-demand` follows the load by itself and costs more per byte; `provisioned` costs by the shard. See
   * docs/operations.md, "Sizing".
   */
  readonly mode: 'on-demand' | 'provisioned';

  /** Shards where the mode is `provisioned`. One takes 1,000 records/s and 1 MB/s. */
  readonly shards: number;

  /**
   * Retention of records. A shard that stands still for longer loses data: so it is the time that operators have to fix
   * what is broken. Beyond 24 hours each shard and hour costs more.
   */
  readonly retentionHours: number;
}

export function stream(scope: Construct, settings: Settings): Stream {
  const { mode, shards, retentionHours } = settings.stream;
  const capacity = mode === 'provisioned' ? { shardCount: shards } : {};
  return new Stream(scope, 'Points', {
    streamName: `${settings.name}-points`,
    streamMode: mode === 'provisioned' ? StreamMode.PROVISIONED : StreamMode.ON_DEMAND,
    ...capacity,
    retentionPeriod: Duration.hours(retentionHours),
    // The key of the service: encrypted at rest, and without a key that has to be granted to every sender.
    encryption: StreamEncryption.MANAGED,
    removalPolicy: settings.data === 'retain' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  });
}
