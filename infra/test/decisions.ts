// The decisions that matter, one by one: a change of the template that breaks one of them says which.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Match } from 'aws-cdk-lib/assertions';

import { MODELS, one, PRESETS, resources, templateOf } from './support';

const EVERYTHING_THAT_HOLDS_DATA = [
  'AWS::Kinesis::Stream',
  'AWS::DynamoDB::Table',
  'AWS::S3::Bucket',
  'AWS::SecretsManager::Secret',
];

test('production keeps its data when it is deleted, and dev leaves nothing behind', () => {
  for (const type of EVERYTHING_THAT_HOLDS_DATA) {
    for (const [id, resource] of Object.entries(resources(templateOf('production'), type))) {
      assert.equal(resource.DeletionPolicy, 'Retain', id);
    }
    for (const [id, resource] of Object.entries(resources(templateOf('dev'), type))) {
      assert.equal(resource.DeletionPolicy, 'Delete', id);
    }
  }
  for (const table of Object.values(resources(templateOf('production'), 'AWS::DynamoDB::Table'))) {
    assert.equal(table.Properties['DeletionProtectionEnabled'], true);
  }
});

test('the stream follows the load in production and is one shard in dev', () => {
  templateOf('production').hasResourceProperties('AWS::Kinesis::Stream', {
    StreamModeDetails: { StreamMode: 'ON_DEMAND' },
    ShardCount: Match.absent(),
    RetentionPeriodHours: 72,
  });
  templateOf('dev').hasResourceProperties('AWS::Kinesis::Stream', { ShardCount: 1, RetentionPeriodHours: 24 });
});

for (const preset of PRESETS) {
  const template = templateOf(preset);
  const withModels = templateOf(preset, MODELS);

  test(`evaluate of ${preset} never gives a record up and never skips one`, () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Points'), 'Arn'] },
      StartingPosition: 'TRIM_HORIZON',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: -1,
      MaximumRecordAgeInSeconds: -1,
      ParallelizationFactor: 1,
      DestinationConfig: Match.absent(),
      FilterCriteria: Match.absent(),
    });
  });

  test(`publish of ${preset} sees only what was decided, and what it gives up goes to the failure destination`, () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^TablesOutbox'), 'StreamArn'] },
      StartingPosition: 'TRIM_HORIZON',
      FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT","MODIFY"]}' }] },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      MaximumBatchingWindowInSeconds: 0,
      MaximumRecordAgeInSeconds: 6 * 3600,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Failures'), 'Arn'] } } },
    });
  });

  test(`tick of ${preset} runs every minute and is not tried twice`, () => {
    const rule = one(template, 'AWS::Events::Rule', { Name: 'andon-tick' });
    assert.equal(rule.Properties['ScheduleExpression'], 'rate(1 minute)');
    assert.equal(rule.Properties['Targets'][0].RetryPolicy.MaximumRetryAttempts, 0);
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', { MaximumRetryAttempts: 0 });
    const { Timeout } = one(template, 'AWS::Lambda::Function', { FunctionName: 'andon-tick' }).Properties;
    assert.ok(Timeout <= 60, 'it would still run when it is invoked again');
  });

  test(`all that invokes functions of ${preset} goes by the alias, so that a former version can come back`, () => {
    assert.equal(Object.keys(resources(template, 'AWS::Lambda::Alias')).length, 3);
    const aliases = Object.keys(resources(withModels, 'AWS::Lambda::Alias'));
    assert.equal(aliases.length, 4);
    for (const source of Object.values(resources(withModels, 'AWS::Lambda::EventSourceMapping'))) {
      assert.ok(aliases.includes(source.Properties['FunctionName'].Ref));
    }
    const { Endpoint } = one(withModels, 'AWS::SNS::Subscription', { Protocol: 'lambda' }).Properties;
    assert.ok(aliases.includes(Endpoint.Ref));
    const { Targets } = one(withModels, 'AWS::Events::Rule', { Name: 'andon-tick' }).Properties;
    assert.ok(aliases.includes(Targets[0].Arn.Ref));
    for (const version of Object.values(resources(withModels, 'AWS::Lambda::Version'))) {
      assert.equal(version.DeletionPolicy, 'Retain');
    }
  });

  test(`the functions of ${preset} are native binaries for arm64`, () => {
    template.allResourcesProperties('AWS::Lambda::Function', {
      Runtime: 'provided.al2023',
      Architectures: ['arm64'],
      Handler: 'bootstrap',
    });
  });

  test(`tables of ${preset} are paid by the request and can be restored to any second`, () => {
    template.allResourcesProperties('AWS::DynamoDB::Table', {
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
  });

  test(`nothing that waits for a person in ${preset} is deleted by its age`, () => {
    const { Rules } = one(template, 'AWS::S3::Bucket').Properties['LifecycleConfiguration'];
    const expiring = Rules.filter((rule: { ExpirationInDays?: number }) => rule.ExpirationInDays !== undefined);
    assert.deepEqual(expiring.map((rule: { Prefix: string }) => rule.Prefix).sort(), ['decided/', 'rejected/']);
    const { MessageRetentionPeriod } = one(template, 'AWS::SQS::Queue').Properties;
    assert.equal(MessageRetentionPeriod, 14 * 86_400);
  });

  test(`no client without TLS or from outside reads or writes the data of ${preset}`, () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
    const withoutTls = { Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } };
    const denies = { PolicyDocument: { Statement: Match.arrayWith([Match.objectLike(withoutTls)]) } };
    withModels.allResourcesProperties('AWS::S3::BucketPolicy', denies);
    withModels.allResourcesProperties('AWS::SQS::QueuePolicy', denies);
    withModels.allResourcesProperties('AWS::SNS::TopicPolicy', denies);
    template.hasResourceProperties('AWS::Kinesis::Stream', { StreamEncryption: { EncryptionType: 'KMS' } });
    withModels.allResourcesProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true });
  });

  test(`the internal key of ${preset} is made where it is kept, and in no environment`, () => {
    const { GenerateSecretString } = one(template, 'AWS::SecretsManager::Secret').Properties;
    assert.equal(GenerateSecretString.PasswordLength, 64);
    for (const { Properties } of Object.values(resources(template, 'AWS::Lambda::Function'))) {
      assert.equal(Properties['Environment'].Variables.ANDON_INTERNAL_KEY, undefined);
      assert.ok(!JSON.stringify(Properties).includes('{{resolve:'));
    }
  });

  test(`${preset} without models has nothing that asks them`, () => {
    assert.equal(JSON.stringify(template.toJSON()).match(/andon-score-requests"|sagemaker|enrich/g), null);
    template.resourceCountIs('AWS::SQS::Queue', 1);
  });

  test(`score requests of ${preset} come again until they are done, and then wait for a person`, () => {
    const queue = one(withModels, 'AWS::SQS::Queue', { QueueName: 'andon-score-requests' }).Properties;
    const dead = one(withModels, 'AWS::SQS::Queue', { QueueName: 'andon-score-requests-dead' }).Properties;
    const { Timeout } = one(withModels, 'AWS::Lambda::Function', { FunctionName: 'andon-enrich' }).Properties;
    assert.ok(queue['VisibilityTimeout'] >= 6 * Timeout, 'a message comes again while it is worked on');
    assert.ok(dead['MessageRetentionPeriod'] === 14 * 86_400 && queue['MessageRetentionPeriod'] < 14 * 86_400);
    assert.match(queue['RedrivePolicy'].deadLetterTargetArn['Fn::GetAtt'][0], /^ScoreRequestsDead/);
    // A binding may ask for ten further attempts, of which each delivery is one.
    assert.ok(queue['RedrivePolicy'].maxReceiveCount >= 12);
    const invocations = { dev: 2, production: 5 }[preset];
    withModels.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ScoreRequests'), 'Arn'] },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: invocations },
      BatchSize: 100,
      MaximumBatchingWindowInSeconds: 1,
    });
  });

  test(`${preset} gives the score request queue to the functions that use it`, () => {
    const of = (name: string) =>
      one(withModels, 'AWS::Lambda::Function', { FunctionName: `andon-${name}` }).Properties['Environment'].Variables;
    for (const name of ['evaluate', 'enrich']) {
      assert.match(of(name).ANDON_SCORE_REQUESTS_QUEUE_URL.Ref, /^ScoreRequests/);
    }
    assert.equal(of('enrich').ANDON_ENRICH_CONCURRENCY, '20');
    assert.deepEqual(of('enrich').ANDON_ASYNC_BUCKET, of('enrich').ANDON_BUCKET);
    assert.equal(of('enrich').ANDON_ASYNC_PREFIX, 'async/input/');
    const { Environment, ModelAnswersTopic } = withModels.toJSON()['Outputs'];
    assert.match(JSON.stringify(Environment), / ANDON_SCORE_REQUESTS_QUEUE_URL=","?/);
    assert.ok(ModelAnswersTopic);
  });

  test(`what asynchronous calls of ${preset} leave behind is deleted, and nothing else that is in use`, () => {
    const { Rules } = one(withModels, 'AWS::S3::Bucket').Properties['LifecycleConfiguration'];
    const rule = Rules.find((rule: { Id: string }) => rule.Id === 'async');
    assert.deepEqual(rule, { Id: 'async', Prefix: 'async/', ExpirationInDays: 7, Status: 'Enabled' });
  });

  test(`warnings and worse of ${preset} reach the example consumer, and what it does not take is found again`, () => {
    const rule = one(template, 'AWS::Events::Rule', { Name: 'andon-warnings' }).Properties;
    assert.deepEqual(rule['EventPattern'], {
      source: ['andon'],
      'detail-type': ['Rule State Changed'],
      detail: { to: ['WARNING', 'ALARM'] },
    });
    assert.ok(rule['Targets'][0].DeadLetterConfig.Arn);
  });
}

test('a new account can take dev, and production never runs two ticks side by side', () => {
  const concurrency = (preset: string) =>
    one(templateOf(preset), 'AWS::Lambda::Function', { FunctionName: 'andon-tick' }).Properties[
      'ReservedConcurrentExecutions'
    ];
  assert.equal(concurrency('dev'), undefined);
  assert.equal(concurrency('production'), 1);
});

test('x86_64 is one setting away', () => {
  templateOf('dev', { architecture: 'x86_64' }).allResourcesProperties('AWS::Lambda::Function', {
    Architectures: ['x86_64'],
  });
});

test('the settings reach what they are for', () => {
  const template = templateOf('production', {
    name: 'plant-7',
    endpoint: 'http://127.0.0.1:4566',
    evaluate: { batchWindowSeconds: 30, batchSize: 500, parallelizationFactor: 4, checkpointSeconds: 10, stateDays: 60 },
    tick: { intervalSeconds: 60 },
    bus: { archiveDays: 0 },
    alarms: { email: 'plant@example.com', silentMinutes: 10 },
    records: { accessLogBucket: 'logs-of-all' },
    models: { endpoints: ['m'], asyncInputBucket: 'their-inputs', asyncInputPrefix: 'in/', asyncDays: 30 },
    enrich: { timeoutSeconds: 100, invocations: 40, calls: 50, batchSize: 10, batchWindowSeconds: 0, deliveries: 20 },
  });
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    MaximumBatchingWindowInSeconds: 30,
    BatchSize: 500,
    ParallelizationFactor: 4,
  });
  const variables = (name: string) =>
    one(template, 'AWS::Lambda::Function', { FunctionName: name }).Properties['Environment'].Variables;
  const evaluate = variables('plant-7-evaluate');
  assert.equal(evaluate.ANDON_PARALLELIZATION_FACTOR, '4');
  assert.equal(evaluate.ANDON_CHECKPOINT_INTERVAL, '10s');
  assert.equal(evaluate.ANDON_STATE_TTL, '60d');
  assert.equal(evaluate.ANDON_STREAM_RETENTION, '72h');
  assert.equal(evaluate.AWS_ENDPOINT_URL, 'http://127.0.0.1:4566');
  assert.equal(variables('plant-7-tick').ANDON_TICK_INTERVAL, '60s');
  template.resourceCountIs('AWS::Events::Archive', 0);
  template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'plant@example.com' });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    AlarmName: 'plant-7-silence',
    EvaluationPeriods: 10,
    TreatMissingData: 'breaching',
  });
  template.hasResourceProperties('AWS::S3::Bucket', {
    LoggingConfiguration: { DestinationBucketName: 'logs-of-all', LogFilePrefix: 'plant-7/' },
  });
  const enrich = variables('plant-7-enrich');
  assert.equal(enrich.ANDON_ENRICH_CONCURRENCY, '50');
  assert.equal(enrich.ANDON_ASYNC_BUCKET, 'their-inputs');
  assert.equal(enrich.ANDON_ASYNC_PREFIX, 'in/');
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    ScalingConfig: { MaximumConcurrency: 40 },
    BatchSize: 10,
    MaximumBatchingWindowInSeconds: 0,
  });
  const queue = one(template, 'AWS::SQS::Queue', { QueueName: 'plant-7-score-requests' }).Properties;
  assert.equal(queue['VisibilityTimeout'], 600);
  assert.equal(queue['RedrivePolicy'].maxReceiveCount, 20);
  // Two tenants in one account have nothing in common.
  const names = JSON.stringify(template.toJSON()).match(/"(?:[A-Za-z]*Name)":"andon[^"]*"/g);
  assert.equal(names, null);
});

test('another generation lets every function start anew', () => {
  const versions = (generation: number) => Object.keys(resources(templateOf('dev', { generation }), 'AWS::Lambda::Version'));
  const [before, after] = [versions(1), versions(2)];
  assert.equal(before.length, 3);
  assert.deepEqual(before.filter((version) => after.includes(version)), []);
});

test('a new version of production takes over by and by, and that of dev at once', () => {
  templateOf('production').resourceCountIs('AWS::CodeDeploy::DeploymentGroup', 3);
  templateOf('production', MODELS).resourceCountIs('AWS::CodeDeploy::DeploymentGroup', 4);
  templateOf('production').hasResourceProperties('AWS::CodeDeploy::DeploymentGroup', {
    AutoRollbackConfiguration: { Enabled: true, Events: Match.arrayWith(['DEPLOYMENT_STOP_ON_ALARM']) },
  });
  templateOf('dev').resourceCountIs('AWS::CodeDeploy::DeploymentGroup', 0);
});
