// What functions may do, in the words of what they do.

import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import type { Stream } from 'aws-cdk-lib/aws-kinesis';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Queue } from 'aws-cdk-lib/aws-sqs';

import type { Permission } from './function';

/** What an event source needs to read the stream of data points with the function's role. */
export function kinesisReader(stream: Stream): Permission {
  return {
    actions: [
      'kinesis:DescribeStream',
      'kinesis:DescribeStreamSummary',
      'kinesis:GetRecords',
      'kinesis:GetShardIterator',
      'kinesis:ListShards',
    ],
    resources: [stream.streamArn],
  };
}

/** What an event source needs to read the stream of a table with the function's role. */
export function tableStreamReader(table: Table): Permission {
  return {
    actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
    resources: [table.tableStreamArn ?? ''],
  };
}

/** What an event source needs to take messages from a queue with the function's role. */
export function queueReader(queue: Queue): Permission {
  return onQueue(queue, 'DeleteMessage', 'GetQueueAttributes', 'ReceiveMessage');
}

/** Names of streams are not divided by table. */
export const TABLE_STREAM_NAMES: Permission = {
  actions: ['dynamodb:ListStreams'],
  resources: ['*'],
  why: 'the event source lists streams, which IAM does not divide by table; only names are seen',
};

export function internalKeyReader(secret: Secret): Permission {
  return { actions: ['secretsmanager:GetSecretValue'], resources: [secret.secretArn] };
}

export function onTable(table: Table, ...calls: string[]): Permission {
  return { actions: calls.map((call) => `dynamodb:${call}`), resources: [table.tableArn] };
}

export function onIndex(table: Table, index: string, ...calls: string[]): Permission {
  return { actions: calls.map((call) => `dynamodb:${call}`), resources: [`${table.tableArn}/index/${index}`] };
}

export function onStream(stream: Stream, ...calls: string[]): Permission {
  return { actions: calls.map((call) => `kinesis:${call}`), resources: [stream.streamArn] };
}

/** Objects whose names begin with some prefixes. */
export function onObjects(bucket: IBucket, prefixes: readonly string[], ...calls: string[]): Permission {
  return {
    actions: calls.map((call) => `s3:${call}`),
    resources: prefixes.map((prefix) => bucket.arnForObjects(`${prefix}*`)),
    why: 'objects are named by equipment, shard and position, or by the call of a model',
  };
}

/** Without it, an object that is missing looks like one that is forbidden. */
export function listing(bucket: IBucket): Permission {
  return { actions: ['s3:ListBucket'], resources: [bucket.bucketArn] };
}

export function onBus(bus: EventBus, ...calls: string[]): Permission {
  return { actions: calls.map((call) => `events:${call}`), resources: [bus.eventBusArn] };
}

export function onQueue(queue: Queue, ...calls: string[]): Permission {
  return { actions: calls.map((call) => `sqs:${call}`), resources: [queue.queueArn] };
}
