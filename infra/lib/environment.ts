// The environment variables of the functions: resource names and settings (`Config` in shared/aws).

import type { Stores } from './parts';
import type { Settings } from './settings';

export function environment(settings: Settings, stores: Stores): Record<string, string> {
  const { stream, tables, records, bus, failures, scoreRequests } = stores;
  return {
    ANDON_STREAM: stream.streamName,
    ANDON_STATE_TABLE: tables.state.tableName,
    ANDON_OUTBOX_TABLE: tables.outbox.tableName,
    ANDON_CHECKPOINTS_TABLE: tables.checkpoints.tableName,
    ANDON_RULES_TABLE: tables.rules.tableName,
    ANDON_BUCKET: records.bucketName,
    ANDON_BUS: bus.eventBusName,
    // By its URL, so that no function has to look it up.
    ANDON_FAILURES_QUEUE: failures.queueUrl,
    ...(scoreRequests && { ANDON_SCORE_REQUESTS_QUEUE_URL: scoreRequests.queue.queueUrl }),
    ANDON_STREAM_RETENTION: `${settings.stream.retentionHours}h`,
    ANDON_STATE_TTL: `${settings.evaluate.stateDays}d`,
    ANDON_OUTBOX_TTL: `${settings.evaluate.outboxDays}d`,
  };
}
