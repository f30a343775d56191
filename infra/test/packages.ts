import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT } from '../lib/assets';

const text = (name: string) => readFileSync(join(ROOT, 'infra', name), 'utf8');

test('every dependency says why it is here', () => {
  const { dependencies, devDependencies } = JSON.parse(text('package.json'));
  const readme = text('README.md');
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    assert.ok(readme.includes(`\`${name}\``), `${name} is not explained in infra/README.md`);
    assert.match(String(version), /^\d+\.\d+\.\d+$/, `${name} has no exact version`);
  }
});

test('packages come from the public registry of npm and nowhere else', () => {
  const { packages } = JSON.parse(text('package-lock.json')) as { packages: Record<string, { resolved?: string }> };
  const others = Object.values(packages)
    .map(({ resolved }) => resolved)
    .filter((url) => url !== undefined && !url.startsWith('https://registry.npmjs.org/'));
  assert.deepEqual(others, []);
});
