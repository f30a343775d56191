import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Mistakes, settingsOf } from '../lib/given';
import { dev, production } from '../lib/presets';

function mistakes(preset: string, settings: unknown): readonly string[] {
  try {
    settingsOf({ preset, settings });
  } catch (error) {
    if (error instanceof Mistakes) {
      return error.mistakes;
    }
    throw error;
  }
  return [];
}

test('what is not given is that of the preset', () => {
  assert.deepEqual(settingsOf({ preset: 'dev', settings: undefined }), dev);
  const given = settingsOf({ preset: 'production', settings: '{"name": "plant-7", "evaluate": {"parallelizationFactor": 4}}' });
  assert.deepEqual(given, { ...production, name: 'plant-7', evaluate: { ...production.evaluate, parallelizationFactor: 4 } });
});

test('all mistakes are reported at once, each with what was expected', () => {
  const given = {
    name: 'Plant 7',
    architecture: 'riscv',
    data: true,
    endpoint: 4566,
    stream: { mode: 'provisioned', shards: 0 },
    evaluate: { parallelizationFactor: 11, batchWindowSeconds: '5', stateDays: 5 },
    models: { endpoints: ['no_name'], asyncInputBucket: 'Bucket', asyncInputPrefix: '', answerBuckets: 'one' },
    enrich: { batchWindowSeconds: 0, invocations: 1 },
    consumer: { states: [] },
    alarms: 'none',
    publisher: {},
  };
  assert.deepEqual(mistakes('dev', given), [
    '`settings.publisher` is no setting; expected one of `name`, `architecture`, `data`, `endpoint`, `generation`, `stream`, `tables`, ' +
      '`records`, `evaluate`, `publish`, `tick`, `models`, `enrich`, `bus`, `logs`, `rollout`, `alarms`, `consumer`',
    '`settings.name` is `Plant 7`; expected a name of 2 to 24 small letters, digits and `-`, which begins with a letter',
    '`settings.architecture` is `riscv`; expected one of `arm64`, `x86_64`',
    '`settings.data` is `true`; expected one of `retain`, `destroy`',
    '`settings.endpoint` is `4566`; expected a string',
    '`settings.stream.shards` is `0`; expected a whole number from 1 to 10000',
    '`settings.evaluate.batchWindowSeconds` is `5`; expected a number',
    '`settings.evaluate.parallelizationFactor` is `11`; expected a whole number from 1 to 10',
    '`settings.models.endpoints` is `["no_name"]`; expected a list of names of up to 63 letters, digits and `-`',
    '`settings.models.asyncInputBucket` is `Bucket`; expected a name of 3 to 63 small letters, digits, `.` and `-`',
    '`settings.models.asyncInputPrefix` is ``; expected 1 to 200 letters, digits, `_`, `-`, `.` and `/`',
    '`settings.models.answerBuckets` is `one`; expected a list of names of 3 to 63 small letters, digits, `.` and `-`',
    '`settings.enrich.invocations` is `1`; expected a whole number from 2 to 1000',
    '`settings.alarms` is `none`; expected an object',
    '`settings.consumer.states` is `[]`; expected a list of texts',
    '`settings.evaluate.stateDays` is `5`; expected more than `evaluate.outboxDays`, which is 8 days',
    '`settings.enrich.batchWindowSeconds` is `0`; expected at least 1 for `enrich.batchSize` above 10, which is 100',
  ]);
  assert.deepEqual(mistakes('prod', {}), ['`preset` is `prod`; expected one of `dev`, `production`, `emulator`']);
  assert.match(mistakes('dev', '{name: 1}')[0] ?? '', /^`settings` is no JSON: /);
});

test('a setting that may be absent can be set and taken away', () => {
  assert.equal(settingsOf({ preset: 'dev', settings: { alarms: { email: 'a@b.c' } } }).alarms.email, 'a@b.c');
  assert.equal(
    settingsOf({ preset: 'production', settings: { tick: { reservedConcurrency: null } } }).tick.reservedConcurrency,
    null,
  );
});

test('lists that may be empty can be emptied', () => {
  assert.deepEqual(settingsOf({ preset: 'dev', settings: { models: { endpoints: [], answerBuckets: [] } } }), dev);
});

test('every number and every choice has its bounds', () => {
  // Something of another kind is refused at every leaf of the settings.
  const leaves = (value: object, path: string[]): string[][] =>
    Object.entries(value).flatMap(([name, inner]) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? leaves(inner as object, [...path, name])
        : [[...path, name]],
    );
  for (const path of leaves(production, [])) {
    for (const wrong of [-1, 0.5, 1e9, {}]) {
      const given = path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), wrong);
      assert.equal(mistakes('production', given).length > 0, true, `${path.join('.')} takes ${JSON.stringify(wrong)}`);
    }
  }
});
