import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';

import type { AndonStack } from '../lib/stack';
import { MODELS, PRESETS, stackOf } from './support';

/** All that there may be: models, and buckets of their own for what asynchronous ones read and write. */
const EXCHANGE = { models: { ...MODELS.models, asyncInputBucket: 'their-inputs', answerBuckets: ['their-answers'] } };

interface Acknowledged {
  readonly path: string;
  readonly id: string;
  readonly reason: string;
}

function acknowledgements(stack: AndonStack): Acknowledged[] {
  return stack.node.findAll().flatMap((construct) =>
    construct.node.metadata
      .filter((entry) => entry.type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap((entry) => Object.entries(entry.data as Record<string, string>))
      .map(([id, reason]) => ({ path: construct.node.path, id, reason })),
  );
}

function findings(stack: AndonStack): string[] {
  const report = new AwsSolutionsChecks(stack).validateScope(stack);
  return report.violations.flatMap(({ ruleName, violatingResources }) =>
    violatingResources.map(({ constructPath }) => `${ruleName} at ${constructPath}`),
  );
}

for (const preset of PRESETS) {
  test(`cdk-nag finds nothing in ${preset} that is not explained`, () => {
    assert.deepEqual(findings(stackOf(preset)), []);
    assert.deepEqual(findings(stackOf(preset, EXCHANGE)), []);
  });

  test(`every exception of ${preset} has its reason`, () => {
    const all = acknowledgements(stackOf(preset, EXCHANGE));
    assert.ok(all.length > 5);
    assert.deepEqual(
      all.filter(({ reason }) => reason.length < 20),
      [],
    );
  });
}

test('an exception that is no longer needed is found', () => {
  // Beside those of cdk-nag there are some of CDK's own checks, which only a whole synthesis makes.
  const expected = acknowledgements(stackOf('production', EXCHANGE)).filter(({ id }) => id.startsWith('AwsSolutions'));
  // The same deployment, where nothing is acknowledged.
  const acknowledge = mock.method(Validations.prototype, 'acknowledge', () => undefined);
  const found = findings(stackOf('production', EXCHANGE));
  acknowledge.mock.restore();
  for (const { path, id } of expected) {
    const exception = `${id.replace(/^annotation::/i, '')} at ${path}`;
    assert.ok(
      found.some((finding) => finding.startsWith(exception)),
      `${exception} is acknowledged and is no finding`,
    );
  }
});
