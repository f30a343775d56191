// Alarms and dashboard name metrics that there are, and each alarm says what to do.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT } from '../lib/assets';
import { MODELS, PRESETS, resources, templateOf } from './support';

const document = (name: string) => readFileSync(join(ROOT, 'docs', name), 'utf8');

/** The metrics of each function by docs/telemetry.md; those of every function stand under each. */
function documented(): Map<string, Set<string>> {
  const metrics = new Map<string, Set<string>>();
  let section = '';
  for (const line of document('telemetry.md').split('\n')) {
    section = /^## (.+)$/.exec(line)?.[1] ?? section;
    const [, name, , kind] = line.split('|').map((cell) => cell.trim());
    if (name?.startsWith('`') && kind === 'metric') {
      const names = metrics.get(section) ?? new Set();
      metrics.set(section, names.add(name.replaceAll('`', '')));
    }
  }
  return metrics;
}

/** Namespace `andon`: function and name of each metric in a template. */
function used(preset: string): [string, string][] {
  const template = templateOf(preset, MODELS);
  const found: [string, string][] = [];
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) {
      value.forEach(collect);
    } else if (typeof value === 'object' && value !== null) {
      const { Namespace, MetricName, Dimensions } = value as Record<string, any>;
      if (Namespace === 'andon') {
        const fn = Dimensions.find((dimension: { Name: string }) => dimension.Name === 'function');
        found.push([fn.Value, MetricName]);
      }
      Object.values(value).forEach(collect);
    }
  };
  Object.values(resources(template, 'AWS::CloudWatch::Alarm')).forEach(collect);
  const dashboards = JSON.stringify(resources(template, 'AWS::CloudWatch::Dashboard')).replaceAll('\\', '');
  for (const [, name, fn] of dashboards.matchAll(/\["andon","(\w+)","function","(\w+)"/g)) {
    found.push([fn ?? '', name ?? '']);
  }
  return found;
}

test('every metric that is looked at is one that its function writes', () => {
  const metrics = documented();
  const common = metrics.get('Every function') ?? new Set();
  assert.ok(common.size > 0 && (metrics.get('evaluate')?.size ?? 0) > 10, 'docs/telemetry.md was not understood');
  for (const preset of PRESETS) {
    const all = used(preset);
    assert.ok(all.length > 40, `only ${all.length} metrics were found`);
    for (const [fn, name] of all) {
      assert.ok(common.has(name) || metrics.get(fn)?.has(name), `${fn} writes no metric ${name}`);
    }
  }
});

test('every alarm has a section in the operations guide, and every section its alarm', () => {
  const template = templateOf('production', { alarms: { silentMinutes: 10 }, ...MODELS });
  const named = Object.values(resources(template, 'AWS::CloudWatch::Alarm'))
    .map(({ Properties }) => Properties['AlarmName'] as string | undefined)
    .flatMap((name) => name?.replace(/^andon-/, '') ?? []);
  const guide = document('operations.md');
  const chapter = guide.slice(guide.indexOf('\n## Alarms\n'), guide.indexOf('\n## ', guide.indexOf('\n## Alarms\n') + 4));
  const sections = [...chapter.matchAll(/^### `(.+)`$/gm)].map(([, name]) => name ?? '');
  assert.deepEqual(sections.sort(), named.sort());
});

test('an alarm is sent to its topic, also when it is over', () => {
  for (const preset of PRESETS) {
    const alarms = Object.values(resources(templateOf(preset, MODELS), 'AWS::CloudWatch::Alarm'));
    for (const { Properties } of alarms.filter(({ Properties }) => Properties['AlarmName'])) {
      assert.equal(Properties['AlarmActions'].length, 1);
      assert.equal(Properties['OKActions'].length, 1);
      assert.match(Properties['AlarmDescription'], /docs\/operations\.md/);
    }
  }
});

test('no alarm looks at more metrics than an alarm may', () => {
  for (const { Properties } of Object.values(resources(templateOf('production', MODELS), 'AWS::CloudWatch::Alarm'))) {
    const metrics = (Properties['Metrics'] ?? []).filter((metric: { MetricStat?: unknown }) => metric.MetricStat);
    assert.ok(metrics.length <= 10, `${Properties['AlarmName']}: ${metrics.length}`);
  }
});
