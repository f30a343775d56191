import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { Template } from 'aws-cdk-lib/assertions';

import { Assets, MissingAssets } from '../lib/assets';
import { deployment } from '../lib/deployment';
import { settingsOf } from '../lib/given';
import { dev } from '../lib/presets';
import { app, MODELS, templateOf } from './support';

test('a template without code is refused by CloudFormation and says what to do', () => {
  const { Rules } = templateOf('dev').toJSON();
  const [{ Assert, AssertDescription }] = Rules.NoCode.Assertions;
  assert.deepEqual(Assert, { 'Fn::Equals': ['placeholder', 'code'] });
  assert.match(AssertDescription, /build them/);
});

test('zips as cargo-lambda leaves them are taken, and the template can be deployed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'andon-assets-'));
  try {
    const make = (name: string) => {
      mkdirSync(join(folder, `andon-${name}`));
      // The empty zip.
      writeFileSync(join(folder, `andon-${name}`, 'bootstrap.zip'), Buffer.from(`504b0506${'00'.repeat(18)}`, 'hex'));
    };
    ['evaluate', 'publish', 'tick'].forEach(make);
    const template = Template.fromStack(deployment(app(), dev, new Assets(folder)));
    assert.equal(template.toJSON()['Rules'], undefined);
    // What asks models is needed only where there are some.
    const models = settingsOf({ preset: 'dev', settings: MODELS });
    assert.throws(() => deployment(app(), models, new Assets(folder)), /andon-enrich/);
    make('enrich');
    Template.fromStack(deployment(app(), models, new Assets(folder)));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what is missing is said with how to make it', () => {
  assert.throws(
    () => deployment(app(), dev, new Assets('/nowhere')),
    (error) => error instanceof MissingAssets && /\/nowhere\/andon-evaluate.*cargo lambda build/.test(error.message),
  );
});
