// Points in, state changes out at the example consumer.
//
//   node build/trial/main.js OUTPUTS.json PATH-OF-andon

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../lib/assets';
import { json, query } from './emulator';

/** Both warnings that the points of one sample decide, and the one that a model decides on the other; by events/README.md. */
const EXPECTED = [
  'filler-overheat of filler-1: WARNING at 2026-03-02T06:06:00.000Z',
  'filler-overheat of filler-1: WARNING at 2026-03-02T06:09:05.000Z',
  'filler-anomaly of filler-9: WARNING at 2026-03-02T06:01:00.000Z',
];

const PATIENCE_MS = 180_000;

interface Outputs {
  readonly andon: { readonly Environment: string; readonly WarningsTopic: string };
}

async function main(outputsFile: string, andon: string): Promise<void> {
  const outputs = (JSON.parse(readFileSync(outputsFile, 'utf8')) as Outputs).andon;
  const variables = Object.fromEntries(outputs.Environment.split(' ').map((pair) => pair.split('=', 2)));
  const run = (...args: string[]): void => {
    console.log(`> andon ${args.join(' ')}`);
    const done = spawnSync(andon, args, { stdio: 'inherit', cwd: ROOT, env: { ...process.env, ...variables } });
    if (done.status !== 0) {
      throw new Error(`\`${andon} ${args[0]}\` ended with ${done.status ?? done.signal ?? done.error}`);
    }
  };
  const queue = await subscriber(outputs.WarningsTopic);
  const samples = ['first-rule', 'filler-anomaly'];
  run('rules', 'put', ...samples.map((name) => join('events', 'rules', `${name}.yaml`)), '--wait');
  run('send', ...samples.map((name) => join('events', 'points', `${name}.jsonl`)));
  const since = Date.now();
  const heard = new Set<string>();
  while (!EXPECTED.every((change) => heard.has(change))) {
    if (Date.now() - since > PATIENCE_MS) {
      throw new Error(`heard ${[...heard].join(', ') || 'nothing'} within ${PATIENCE_MS / 1000} s`);
    }
    for (const change of await received(queue)) {
      console.log(`heard at the consumer: ${change}`);
      heard.add(change);
    }
  }
  run('status');
  console.log('points went in, and the state changes came out at the example consumer, that of the model too');
}

/** A queue that subscribes to the topic. */
async function subscriber(topic: string): Promise<string> {
  const { QueueUrl } = await json('sqs', 'AmazonSQS.CreateQueue', { QueueName: 'andon-trial' });
  const asked = { QueueUrl, AttributeNames: ['QueueArn'] };
  const { Attributes } = await json('sqs', 'AmazonSQS.GetQueueAttributes', asked);
  await query('sns', 'Subscribe', {
    Version: '2010-03-31',
    TopicArn: topic,
    Protocol: 'sqs',
    Endpoint: Attributes.QueueArn as string,
  });
  return QueueUrl as string;
}

async function received(queue: string): Promise<string[]> {
  const wanted = { QueueUrl: queue, WaitTimeSeconds: 5, MaxNumberOfMessages: 10 };
  const { Messages } = await json('sqs', 'AmazonSQS.ReceiveMessage', wanted);
  const bodies = ((Messages ?? []) as { Body: string }[]).map(({ Body }) => JSON.parse(Body) as { Message: string });
  return bodies.map(({ Message }) => {
    const { detail } = JSON.parse(Message) as { detail: Record<'ruleId' | 'equipmentId' | 'to', string> & { at: number } };
    return `${detail.ruleId} of ${detail.equipmentId}: ${detail.to} at ${new Date(detail.at).toISOString()}`;
  });
}

const [outputsFile, andon] = process.argv.slice(2);
main(outputsFile ?? '', andon ?? '').catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
