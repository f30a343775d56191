// Each function may do just what it does: its policy against the calls that its sources make.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT } from '../lib/assets';
import { callsOf, type Workflow } from './calls';
import { MODELS, one, PRESETS, resources, templateOf } from './support';

type Statement = { Sid: string; Action: string | string[]; Resource: unknown; Condition?: unknown };

/** What the service does with the function's role, before and after the function is called. */
const SERVICE: Readonly<Record<Workflow, readonly string[]>> = {
  evaluate: [
    'kinesis:DescribeStream stream',
    'kinesis:DescribeStreamSummary stream',
    'kinesis:GetRecords stream',
    'kinesis:GetShardIterator stream',
    'kinesis:ListShards stream',
  ],
  publish: [
    'dynamodb:DescribeStream outbox/stream',
    'dynamodb:GetRecords outbox/stream',
    'dynamodb:GetShardIterator outbox/stream',
    'dynamodb:ListStreams *',
    // The event source sends there what it gives up.
    'sqs:SendMessage failures',
  ],
  tick: [],
  enrich: ['sqs:DeleteMessage score-requests', 'sqs:GetQueueAttributes score-requests', 'sqs:ReceiveMessage score-requests'],
};

/** What functions do that is in no workflow: the log, and, for those that seal or open records, the key. */
const START: Readonly<Record<Workflow, readonly string[]>> = {
  evaluate: ['secretsmanager:GetSecretValue key'],
  publish: [],
  tick: ['secretsmanager:GetSecretValue key'],
  enrich: ['secretsmanager:GetSecretValue key'],
};

const LOG = ['logs:CreateLogStream log', 'logs:PutLogEvents log'];

/** The queue is given by its URL: that it can be found by its name is for the command line. */
const NOT_CALLED = new Set(['sqs:GetQueueUrl failures']);

/** Buckets other than that of the deployment, for what is exchanged with asynchronous endpoints. */
const ELSEWHERE = { asyncInputBucket: 'their-inputs', answerBuckets: ['their-answers'] };

/** Actions where everything is in the bucket of the deployment. */
const inOneBucket = (calls: readonly string[]) => [
  ...new Set(calls.map((call) => call.replace(/ (?:inputs|answers)$/, ' records'))),
];

function granted(preset: string, fn: Workflow, settings: unknown = {}): string[] {
  const template = templateOf(preset, settings);
  const { Role } = one(template, 'AWS::Lambda::Function', { FunctionName: `andon-${fn}` }).Properties;
  const role = resources(template, 'AWS::IAM::Role')[Role['Fn::GetAtt'][0]];
  assert.ok(role);
  assert.equal(role.Properties['ManagedPolicyArns'], undefined);
  assert.equal(role.Properties['Policies'].length, 1);
  const statements = role.Properties['Policies'][0].PolicyDocument.Statement as Statement[];
  const all = statements.flatMap(({ Action, Resource }) =>
    [Action].flat().flatMap((action) => [Resource].flat().map((resource) => `${action} ${thing(resource)}`)),
  );
  return [...new Set(all)].sort();
}

/** What a resource of a policy is: the name that the sources have for it. */
function thing(resource: unknown): string {
  const text = JSON.stringify(resource);
  const things: [RegExp, string][] = [
    [/^"\*"$/, '*'],
    [/:log-group:/, 'log'],
    [/^\{"Fn::GetAtt":\["Points\w+","Arn"\]\}$/, 'stream'],
    [/^\{"Fn::GetAtt":\["Records\w+","Arn"\]\}$/, 'records'],
    [/^\{"Fn::Join":\["",\[\{"Fn::GetAtt":\["Records\w+","Arn"\]\},"\/[a-z/]+\/\*"\]\]\}$/, 'records'],
    [/"},":s3:::their-inputs\/async\/input\/\*"/, 'inputs'],
    [/"},":s3:::their-answers(?:\/\*)?"/, 'answers'],
    [/:endpoint\/(?:bearing-anomaly|Filler-2|filler-2)"/, 'endpoints'],
    [/^\{"Fn::GetAtt":\["ScoreRequests\w{8}","Arn"\]\}$/, 'score-requests'],
    [/^\{"Fn::GetAtt":\["Bus\w+","Arn"\]\}$/, 'bus'],
    [/^\{"Fn::GetAtt":\["Failures\w+","Arn"\]\}$/, 'failures'],
    [/^\{"Ref":"InternalKey\w+"\}$/, 'key'],
    [/^\{"Fn::GetAtt":\["TablesOutbox\w+","StreamArn"\]\}$/, 'outbox/stream'],
    [/^\{"Fn::Join":\["",\[\{"Fn::GetAtt":\["TablesState\w+","Arn"\]\},"\/index\/due"\]\]\}$/, 'state/index'],
    ...['State', 'Outbox', 'Checkpoints', 'Rules'].map((table): [RegExp, string] => [
      new RegExp(`^\\{"Fn::GetAtt":\\["Tables${table}\\w{8}","Arn"\\]\\}$`),
      table.toLowerCase(),
    ]),
  ];
  const found = things.find(([pattern]) => pattern.test(text));
  assert.ok(found, `a resource that is not known: ${text}`);
  return found[1];
}

for (const fn of ['evaluate', 'publish', 'tick', 'enrich'] as const) {
  test(`${fn} may do what it does and nothing else`, () => {
    const called = callsOf(fn).filter((call) => !NOT_CALLED.has(call));
    const all = [...new Set([...called, ...SERVICE[fn], ...START[fn], ...LOG])].sort();
    const everything = { evaluate: { parallelizationFactor: 2 }, models: { ...MODELS.models, ...ELSEWHERE } };
    assert.deepEqual(granted('production', fn, everything), all);
    // With a parallelization factor of 1 nothing is written under another key.
    const withFactorOne = inOneBucket(all).filter((call) => fn !== 'evaluate' || call !== 'kinesis:PutRecords stream');
    const withoutModels = withFactorOne.filter((call) => call !== 'sqs:SendMessage score-requests');
    for (const preset of PRESETS) {
      assert.deepEqual(granted(preset, fn, MODELS), withFactorOne);
      if (fn !== 'enrich') {
        assert.deepEqual(granted(preset, fn), withoutModels);
      }
    }
  });
}

test('enrich asks only the endpoints that are named, however SageMaker writes them', () => {
  const { Role } = one(templateOf('dev', MODELS), 'AWS::Lambda::Function', { FunctionName: 'andon-enrich' }).Properties;
  const role = resources(templateOf('dev', MODELS), 'AWS::IAM::Role')[Role['Fn::GetAtt'][0]];
  const statements = role?.Properties['Policies'][0].PolicyDocument.Statement as Statement[];
  const { Resource } = statements.find(({ Sid }) => Sid === 'Models') ?? {};
  const names = JSON.stringify(Resource).match(/:endpoint\/[^"]+/g);
  assert.deepEqual(names, [':endpoint/bearing-anomaly', ':endpoint/Filler-2', ':endpoint/filler-2']);
});

test('what the documentation says that functions may do is what they call', () => {
  const chapter = readFileSync(join(ROOT, 'docs', 'aws.md'), 'utf8').split('\n## ').find((text) => text.startsWith('Permissions\n'));
  const rows = [...(chapter ?? '').matchAll(/^\| `(\w+)` \| (.+) \|$/gm)];
  const documented = rows.map(([, fn, row]) => [fn, (row ?? '').split('; ').flatMap(actionsOf).sort()]);
  const called = (['evaluate', 'publish', 'tick', 'enrich'] as const).map((fn) => [fn, inOneBucket(callsOf(fn)).sort()]);
  assert.deepEqual(documented, called);
});

/** What `state: `GetItem`, `PutItem`` of the documentation says. */
function actionsOf(text: string): string[] {
  const [thing = '', actions = ''] = text.split(': ');
  const named: Readonly<Record<string, readonly [string, string]>> = {
    state: ['dynamodb', 'state'],
    'its index `due`': ['dynamodb', 'state/index'],
    outbox: ['dynamodb', 'outbox'],
    checkpoints: ['dynamodb', 'checkpoints'],
    rules: ['dynamodb', 'rules'],
    bucket: ['s3', 'records'],
    stream: ['kinesis', 'stream'],
    bus: ['events', 'bus'],
    'queue of failures': ['sqs', 'failures'],
    'queue of score requests': ['sqs', 'score-requests'],
    endpoints: ['sagemaker', 'endpoints'],
  };
  const [service, name] = named[thing] ?? ['unknown', thing];
  return [...actions.matchAll(/`(\w+)`/g)].map(([, action]) => `${service}:${action} ${name}`);
}

test('no two functions share a role', () => {
  for (const preset of PRESETS) {
    const functions = Object.values(resources(templateOf(preset, MODELS), 'AWS::Lambda::Function'));
    const roles = functions.map(({ Properties }) => Properties['Role']['Fn::GetAtt'][0]);
    assert.equal(new Set(roles).size, functions.length);
  }
});
