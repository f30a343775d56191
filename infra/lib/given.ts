// What was given on the command line or in cdk.json, laid over a preset. All mistakes are reported at once.
//
//   cdk synth -c preset=production -c settings='{"name": "plant-7", "evaluate": {"batchWindowSeconds": 1}}'

import { presets } from './presets';
import type { Settings } from './settings';

export class Mistakes extends Error {
  constructor(readonly mistakes: readonly string[]) {
    super(mistakes.join('\n'));
  }
}

export interface Given {
  /** A name in `presets`. */
  readonly preset: string;
  /** Some of the settings, as an object or as its JSON. */
  readonly settings: unknown;
}

export function settingsOf(given: Given): Settings {
  const preset = presets[given.preset];
  if (preset === undefined) {
    throw new Mistakes([`\`preset\` is \`${given.preset}\`; expected one of ${listed(Object.keys(presets))}`]);
  }
  const mistakes: string[] = [];
  const settings = overlaid('settings', preset, parsed(given.settings, mistakes), mistakes) as Settings;
  mistakes.push(...contradictions(settings));
  if (mistakes.length > 0) {
    throw new Mistakes(mistakes);
  }
  return settings;
}

function parsed(given: unknown, mistakes: string[]): unknown {
  if (typeof given !== 'string') {
    return given ?? {};
  }
  try {
    return JSON.parse(given);
  } catch (error) {
    mistakes.push(`\`settings\` is no JSON: ${String(error)}`);
    return {};
  }
}

/** Settings that are null by default, and their type otherwise. */
const OPTIONAL: Readonly<Record<string, 'string' | 'number'>> = {
  'settings.endpoint': 'string',
  'settings.records.accessLogBucket': 'string',
  'settings.tick.reservedConcurrency': 'number',
  'settings.models.endpoint': 'string',
  'settings.models.asyncInputBucket': 'string',
  'settings.alarms.email': 'string',
  'settings.alarms.silentMinutes': 'number',
  'settings.consumer.email': 'string',
};

const CHOICES: Readonly<Record<string, readonly unknown[]>> = {
  'settings.architecture': ['arm64', 'x86_64'],
  'settings.data': ['retain', 'destroy'],
  'settings.stream.mode': ['on-demand', 'provisioned'],
  'settings.logs.retentionDays': [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400],
  'settings.logs.level': ['error', 'warn', 'info', 'debug'],
  'settings.alarms.kind': ['all', 'none'],
  'settings.rollout.kind': ['at-once', 'canary'],
};

/** Least and most. What the functions read has the bounds that they have (`Config` in shared/aws). */
const BOUNDS: Readonly<Record<string, readonly [number, number]>> = {
  'settings.generation': [1, 1_000_000],
  'settings.stream.shards': [1, 10_000],
  'settings.stream.retentionHours': [24, 8760],
  'settings.records.rejectedDays': [1, 3650],
  'settings.evaluate.memoryMb': [128, 10_240],
  'settings.evaluate.timeoutSeconds': [10, 900],
  'settings.evaluate.batchWindowSeconds': [0, 300],
  'settings.evaluate.batchSize': [1, 10_000],
  'settings.evaluate.parallelizationFactor': [1, 10],
  'settings.evaluate.newKeysPerBatch': [1, 1_000_000],
  'settings.evaluate.checkpointSeconds': [0, 3600],
  'settings.evaluate.stateDays': [1, 3650],
  'settings.evaluate.outboxDays': [1, 3650],
  'settings.publish.memoryMb': [128, 10_240],
  'settings.publish.timeoutSeconds': [10, 900],
  'settings.publish.batchSize': [1, 10_000],
  'settings.publish.batchWindowSeconds': [0, 300],
  'settings.publish.parallelizationFactor': [1, 10],
  // The stream of a table holds a day.
  'settings.publish.giveUpHours': [1, 23],
  'settings.tick.memoryMb': [128, 10_240],
  // It works through a minute.
  'settings.tick.timeoutSeconds': [10, 60],
  'settings.tick.intervalSeconds': [1, 60],
  'settings.tick.reservedConcurrency': [1, 1000],
  'settings.models.asyncDays': [1, 3650],
  'settings.enrich.memoryMb': [128, 10_240],
  'settings.enrich.timeoutSeconds': [10, 900],
  'settings.enrich.invocations': [2, 1000],
  'settings.enrich.calls': [1, 1000],
  'settings.enrich.batchSize': [1, 10_000],
  'settings.enrich.batchWindowSeconds': [0, 300],
  'settings.enrich.deliveries': [2, 1000],
  // A queue holds no message for longer.
  'settings.enrich.scoreRequestDays': [1, 14],
  'settings.bus.archiveDays': [0, 3650],
  'settings.alarms.iteratorAgeSeconds': [1, 86_400],
  'settings.alarms.watermarkLagSeconds': [1, 604_800],
  'settings.alarms.rejectedPercent': [0, 100],
  'settings.alarms.silentMinutes': [1, 1440],
  'settings.alarms.scoreRequestAgeSeconds': [60, 1_209_600],
};

const BUCKET = /^[a-z0-9.-]{3,63}$/;

/** What a text, or each of a list, consists of. */
const FORMS: Readonly<Record<string, readonly [RegExp, string]>> = {
  'settings.name': [
    /^[a-z][a-z0-9-]{1,23}$/,
    'a name of 2 to 24 small letters, digits and `-`, which begins with a letter',
  ],
  'settings.models.endpoints': [
    /^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/,
    'a list of names of up to 63 letters, digits and `-`',
  ],
  'settings.models.asyncInputBucket': [BUCKET, 'a name of 3 to 63 small letters, digits, `.` and `-`'],
  'settings.models.asyncInputPrefix': [/^[A-Za-z0-9_./-]{1,200}$/, '1 to 200 letters, digits, `_`, `-`, `.` and `/`'],
  'settings.models.answerBuckets': [BUCKET, 'a list of names of 3 to 63 small letters, digits, `.` and `-`'],
};

/** Lists that may be empty. */
const EMPTIABLE = ['settings.models.endpoints', 'settings.models.answerBuckets'];

function overlaid(path: string, preset: unknown, given: unknown, mistakes: string[]): unknown {
  if (given === undefined) {
    return preset;
  }
  if (isGroup(preset)) {
    if (!isGroup(given)) {
      mistakes.push(`\`${path}\` is ${shown(given)}; expected an object`);
      return preset;
    }
    for (const name of Object.keys(given).filter((name) => !(name in preset))) {
      mistakes.push(`\`${path}.${name}\` is no setting; expected one of ${listed(Object.keys(preset))}`);
    }
    const entries = Object.entries(preset);
    return Object.fromEntries(
      entries.map(([name, value]) => [name, overlaid(`${path}.${name}`, value, given[name], mistakes)]),
    );
  }
  const mistake = wrong(path, preset, given);
  if (mistake !== undefined) {
    mistakes.push(`\`${path}\` is ${shown(given)}; expected ${mistake}`);
    return preset;
  }
  return given;
}

/** What was expected, where it is something else. */
function wrong(path: string, preset: unknown, given: unknown): string | undefined {
  const optional = OPTIONAL[path];
  if (optional !== undefined && given === null) {
    return undefined;
  }
  const choices = CHOICES[path];
  if (choices !== undefined) {
    return choices.includes(given) ? undefined : `one of ${listed(choices)}`;
  }
  const [form, said] = FORMS[path] ?? [/^/, undefined];
  if (Array.isArray(preset)) {
    const isList = Array.isArray(given) && (given.length > 0 || EMPTIABLE.includes(path));
    const isRight = isList && given.every((text) => typeof text === 'string' && form.test(text));
    return isRight ? undefined : (said ?? 'a list of texts');
  }
  const kind = optional ?? typeof preset;
  if (typeof given !== kind) {
    return `a ${kind}`;
  }
  const bounds = BOUNDS[path];
  if (bounds !== undefined && typeof given === 'number') {
    const [least, most] = bounds;
    const whole = Number.isInteger(given) && given >= least && given <= most;
    return whole ? undefined : `a whole number from ${least} to ${most}`;
  }
  return said === undefined || form.test(String(given)) ? undefined : said;
}

/** What is right by itself and wrong together. */
function contradictions({ stream, evaluate, enrich }: Settings): string[] {
  const mistakes: string[] = [];
  for (const [what, hours] of [
    ['stream.retentionHours', stream.retentionHours],
    ['evaluate.outboxDays', evaluate.outboxDays * 24],
  ] as const) {
    if (evaluate.stateDays * 24 <= hours) {
      mistakes.push(
        `\`settings.evaluate.stateDays\` is \`${evaluate.stateDays}\`; expected more than \`${what}\`, which is ${hours / 24} days`,
      );
    }
  }
  // The event source's own rule for queues.
  if (enrich.batchSize > 10 && enrich.batchWindowSeconds === 0) {
    mistakes.push(
      `\`settings.enrich.batchWindowSeconds\` is \`0\`; expected at least 1 for \`enrich.batchSize\` above 10, which is ${enrich.batchSize}`,
    );
  }
  return mistakes;
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function listed(names: readonly unknown[]): string {
  return names.map((name) => `\`${String(name)}\``).join(', ');
}
