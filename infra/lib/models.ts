// Models: which endpoints may be asked, and where those that answer later read and write.

import { Stack } from 'aws-cdk-lib';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

import type { Permission } from './function';
import { listing, onObjects } from './permissions';
import type { Settings } from './settings';

export interface ModelSettings {
  /**
   * Names of the endpoints of SageMaker that rules may ask, in the account and region of the deployment. Empty: no model
   * is asked, and there is neither queue nor function for it, so that nothing is paid; rules that name one go on, and
   * evaluate counts `questionsUnsent`.
   */
  readonly endpoints: readonly string[];

  /** A server of models that is asked in the place of SageMaker, such as `http://127.0.0.1:8080`; null: SageMaker. */
  readonly endpoint: string | null;

  /**
   * Name of the bucket from which asynchronous endpoints read what is too large for a call (128,000 bytes); null: that
   * of the deployment. Their role must be allowed to read it.
   */
  readonly questionBucket: string | null;

  /** What the names of these objects begin with. */
  readonly questionPrefix: string;

  /**
   * Names of the buckets in which asynchronous endpoints leave their answers, where that is not `async/` in the bucket of
   * the deployment. What is left there is not deleted.
   */
  readonly answerBuckets: readonly string[];

  /**
   * What belongs to asynchronous calls (`async/` in the bucket of the deployment) is deleted so long after it was written.
   * An answer is awaited for an hour at most; what is kept for longer is for people to look at.
   */
  readonly asyncDays: number;
}

/** Where the bucket of the deployment has what belongs to asynchronous calls. */
export const ASYNC = 'async';

/** Whether any model may be asked. */
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

/** Objects that are written for asynchronous endpoints and read of them, wherever they are. */
export function exchanged(scope: Construct, settings: Settings, records: IBucket): Readonly<Record<string, Permission>> {
  const { questionBucket, questionPrefix, answerBuckets } = settings.models;
  const bucket = (id: string, name: string) => Bucket.fromBucketName(scope, id, name);
  const questions = questionBucket === null ? records : bucket('QuestionObjects', questionBucket);
  const answers = answerBuckets.map((name, number) => {
    const from = bucket(`AnswerObjects${number}`, name);
    return {
      [`Answers${number}`]: { ...onObjects(from, [''], 'GetObject'), why: 'endpoints name their answers by themselves' },
      [`MissingAnswers${number}`]: listing(from),
    };
  });
  return { LargeQuestions: onObjects(questions, [questionPrefix], 'PutObject'), ...Object.assign({}, ...answers) };
}

/** Where asynchronous endpoints tell that they have answered, or failed: whoever makes one names it there. */
export function modelAnswers(scope: Construct, settings: Settings): Topic {
  return new Topic(scope, 'ModelAnswers', {
    topicName: `${settings.name}-model-answers`,
    displayName: `Answers of models to ${settings.name}`,
    enforceSSL: true,
  });
}
