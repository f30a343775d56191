// Models: the endpoints that may be called, and the objects of asynchronous ones.

import { Stack } from 'aws-cdk-lib';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

import type { Permission } from './function';
import { listing, onObjects } from './permissions';
import type { Settings } from './settings';

export interface ModelSettings {
  /**
   * Names of the endpoints of SageMaker that rules may use, in the account and region of the deployment. Empty: no model
   * is called, and there is neither queue nor function for it, so that nothing is billed. Rules that name one go on, and
   * evaluate counts `scoreRequestsUnsent`.
   */
  readonly endpoints: readonly string[];

  /** A server of models that is called in the place of SageMaker, such as `http://127.0.0.1:8080`; null: SageMaker. */
  readonly endpoint: string | null;

  /**
   * Name of the bucket of the inputs of asynchronous endpoints that are too large for a call (128,000 bytes); null: that
   * of the deployment. Their role must be allowed to read it.
   */
  readonly asyncInputBucket: string | null;

  /** Prefix of the names of these objects. */
  readonly asyncInputPrefix: string;

  /**
   * Names of the buckets in which asynchronous endpoints leave their answers, where that is not `async/` in the bucket of
   * the deployment. What is left there is not deleted.
   */
  readonly answerBuckets: readonly string[];

  /**
   * Objects of asynchronous calls (`async/` in the bucket of the deployment) are deleted that many days after they were written.
   * An answer is awaited for an hour at most; what is kept for longer is for people to look at.
   */
  readonly asyncDays: number;
}

/** Folder of asynchronous calls in the bucket of the deployment. */
export const ASYNC = 'async';

/** Whether any model may be called. */
export function asksModels({ models }: Settings): boolean {
  return models.endpoints.length > 0;
}

/** Calls of the endpoints. */
export function onEndpoints(scope: Construct, settings: Settings): Permission {
  const { partition, region, account } = Stack.of(scope);
  // SageMaker writes names in small letters where it names an endpoint by its ARN, and tells none apart by their case.
  const names = settings.models.endpoints.flatMap((name) => [name, name.toLowerCase()]);
  return {
    actions: ['sagemaker:InvokeEndpoint', 'sagemaker:InvokeEndpointAsync'],
    resources: [...new Set(names)].map((name) => `arn:${partition}:sagemaker:${region}:${account}:endpoint/${name}`),
  };
}

/** Access to the inputs and answers of asynchronous endpoints, in whichever bucket. */
export function exchanged(scope: Construct, settings: Settings, records: IBucket): Readonly<Record<string, Permission>> {
  const { asyncInputBucket, asyncInputPrefix, answerBuckets } = settings.models;
  const bucket = (id: string, name: string) => Bucket.fromBucketName(scope, id, name);
  const scoreRequests = asyncInputBucket === null ? records : bucket('AsyncInputs', asyncInputBucket);
  const answers = answerBuckets.map((name, number) => {
    const from = bucket(`AnswerObjects${number}`, name);
    return {
      [`Answers${number}`]: { ...onObjects(from, [''], 'GetObject'), why: 'endpoints name their answers by themselves' },
      [`MissingAnswers${number}`]: listing(from),
    };
  });
  return { AsyncInputs: onObjects(scoreRequests, [asyncInputPrefix], 'PutObject'), ...Object.assign({}, ...answers) };
}

/** The topic of asynchronous endpoints for success and failure; the configuration of an endpoint names it. */
export function modelAnswers(scope: Construct, settings: Settings): Topic {
  return new Topic(scope, 'ModelAnswers', {
    topicName: `${settings.name}-model-answers`,
    displayName: `Answers of models to ${settings.name}`,
    enforceSSL: true,
  });
}
