// The whole template of each preset, and of one with models. What changes on purpose is written anew with `ANDON_BLESS=1 npm test`, and the
// difference is read before it is committed.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT } from '../lib/assets';
import { MODELS, PRESETS, templateOf } from './support';

/** Lines of a difference that are shown. */
const LINES = 30;

/** Each preset, and one with models. */
const TEMPLATES = [
  ...PRESETS.map((preset) => ({ name: preset, preset, settings: {} })),
  { name: 'production-models', preset: 'production', settings: MODELS },
];

for (const { name, preset, settings } of TEMPLATES) {
  test(`the template of ${name} is the one that was read last`, () => {
    const file = join(ROOT, 'infra', 'test', 'snapshots', `${name}.json`);
    const template = `${JSON.stringify(templateOf(preset, settings).toJSON(), null, 1)}\n`;
    if (process.env['ANDON_BLESS'] === '1') {
      writeFileSync(file, template);
    }
    assert.ok(existsSync(file), `there is no ${file}; write it with ANDON_BLESS=1`);
    const snapshot = readFileSync(file, 'utf8');
    const gone = without(snapshot, template).map((line) => `- ${line}`);
    const come = without(template, snapshot).map((line) => `+ ${line}`);
    const shown = [...gone, ...come].slice(0, LINES).join('\n');
    assert.ok(template === snapshot, `the template differs from ${file} (ANDON_BLESS=1 writes it anew):\n${shown}`);
  });
}

/** The lines of a text that another one does not have. */
function without(text: string, other: string): string[] {
  const known = new Set(other.split('\n'));
  return text.split('\n').filter((line) => !known.has(line));
}
