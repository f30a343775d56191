// The bucket: rejected and parked records, and what is too large for an item.

import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

import { ASYNC, asksModels } from './models';
import { acknowledge } from './nag';
import type { Settings } from './settings';

export interface RecordsSettings {
  /** How long rejected records are kept for people to look at. Nothing reads them otherwise. */
  readonly rejectedDays: number;

  /** Name of a bucket that is to hold the log of accesses to this one; null: none is written. */
  readonly accessLogBucket: string | null;
}

/** Decisions that are too large for an item go to objects, which outlive the item in the outbox by that many days. */
const DECIDED_MARGIN_DAYS = 3;

export function records(scope: Construct, settings: Settings): Bucket {
  const { rejectedDays, accessLogBucket } = settings.records;
  const { account, region } = Stack.of(scope);
  const logs = accessLogBucket === null ? undefined : Bucket.fromBucketName(scope, 'AccessLogs', accessLogBucket);
  const bucket = new Bucket(scope, 'Records', {
    // Names of buckets are the same name space for all accounts.
    bucketName: `${settings.name}-records-${account}-${region}`,
    encryption: BucketEncryption.S3_MANAGED,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    ...(logs && { serverAccessLogsBucket: logs, serverAccessLogsPrefix: `${settings.name}/` }),
    // What is not listed here is never deleted by age: parked records until they are unparked, states as long as a head
    // names them.
    lifecycleRules: [
      { id: 'rejected', prefix: 'rejected/', expiration: Duration.days(rejectedDays) },
      {
        id: 'decided',
        prefix: 'decided/',
        expiration: Duration.days(settings.evaluate.outboxDays + DECIDED_MARGIN_DAYS),
      },
      ...(asksModels(settings)
        ? [{ id: 'async', prefix: `${ASYNC}/`, expiration: Duration.days(settings.models.asyncDays) }]
        : []),
      { id: 'unfinished', abortIncompleteMultipartUploadAfter: Duration.days(1) },
    ],
    // A bucket that holds something cannot be deleted; emptying it is left to people, since it takes a function of its
    // own to do it here.
    removalPolicy: settings.data === 'retain' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  });
  if (!logs) {
    acknowledge(
      bucket,
      'AwsSolutions-S1',
      'read by the functions and by operators; `records.accessLogBucket` names a bucket for the log where one is wanted',
    );
  }
  return bucket;
}
