// Each function may do just what it does: its policy against the calls that its sources make.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { callsOf, type Workflow } from './calls';
import { one, PRESETS, resources, templateOf } from './support';

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
};

/** What functions do that is in no workflow: the log, and, for those that seal or open records, the key. */
const START: Readonly<Record<Workflow, readonly string[]>> = {
  evaluate: ['secretsmanager:GetSecretValue key'],
  publish: [],
  tick: ['secretsmanager:GetSecretValue key'],
};

const LOG = ['logs:CreateLogStream log', 'logs:PutLogEvents log'];

/** The queue is given by its URL: that it can be found by its name is for the command line. */
const NOT_CALLED = new Set(['sqs:GetQueueUrl failures']);

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
    [/^\{"Fn::Join":\["",\[\{"Fn::GetAtt":\["Records\w+","Arn"\]\},"\/[a-z]+\/\*"\]\]\}$/, 'records'],
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

for (const fn of ['evaluate', 'publish', 'tick'] as const) {
  test(`${fn} may do what it does and nothing else`, () => {
    const called = callsOf(fn).filter((call) => !NOT_CALLED.has(call));
    const expected = [...new Set([...called, ...SERVICE[fn], ...START[fn], ...LOG])].sort();
    assert.deepEqual(granted('production', fn, { evaluate: { lanes: 2 } }), expected);
    // With one lane nothing is put back into the stream.
    const withOneLane = expected.filter((call) => fn !== 'evaluate' || call !== 'kinesis:PutRecords stream');
    for (const preset of PRESETS) {
      assert.deepEqual(granted(preset, fn), withOneLane);
    }
  });
}

test('no two functions share a role', () => {
  for (const preset of PRESETS) {
    const functions = Object.values(resources(templateOf(preset), 'AWS::Lambda::Function'));
    const roles = functions.map(({ Properties }) => Properties['Role']['Fn::GetAtt'][0]);
    assert.equal(new Set(roles).size, functions.length);
  }
});
