// Sets of settings to begin with. What is set otherwise is given beside them, see given.ts.

import type { Settings } from './settings';

/** To try it, alone: costs least when little happens, leaves nothing behind. */
export const dev: Settings = {
  name: 'andon',
  architecture: 'arm64',
  data: 'destroy',
  endpoint: null,
  generation: 1,
  // One shard costs a third of the least that a stream on demand does.
  stream: { mode: 'provisioned', shards: 1, retentionHours: 24 },
  tables: { pointInTimeRecovery: true },
  records: { rejectedDays: 7, accessLogBucket: null },
  evaluate: {
    // Most of an invocation is waiting for DynamoDB; a third of a core is enough for the rest.
    memoryMb: 512,
    timeoutSeconds: 60,
    // A trial should show results at once.
    batchWindowSeconds: 1,
    batchSize: 10_000,
    parallelizationFactor: 1,
    newKeysPerBatch: 500,
    checkpointSeconds: 3,
    stateDays: 30,
    outboxDays: 8,
  },
  publish: {
    memoryMb: 256,
    timeoutSeconds: 60,
    batchSize: 100,
    batchWindowSeconds: 0,
    parallelizationFactor: 1,
    giveUpHours: 6,
  },
  tick: {
    // It waits for most of its time: the least there is.
    memoryMb: 128,
    timeoutSeconds: 60,
    intervalSeconds: 10,
    // A new account has no concurrency to reserve.
    reservedConcurrency: null,
  },
  models: {
    endpoints: [],
    endpoint: null,
    asyncInputBucket: null,
    asyncInputPrefix: 'async/input/',
    answerBuckets: [],
    asyncDays: 7,
  },
  enrich: {
    // It waits for models for most of its time, and remembers scores.
    memoryMb: 256,
    // Longer than the longest `timeout` of a binding, and no longer: unfinished messages are delivered again after six of it.
    timeoutSeconds: 60,
    // The least there is: a new account has ten invocations in all.
    invocations: 2,
    calls: 20,
    batchSize: 100,
    batchWindowSeconds: 1,
    // With six minutes between them, an outage of an hour.
    deliveries: 12,
    scoreRequestDays: 4,
  },
  bus: { archiveDays: 1 },
  logs: { retentionDays: 7, level: 'info' },
  rollout: { kind: 'at-once' },
  alarms: {
    kind: 'all',
    email: null,
    iteratorAgeSeconds: 60,
    watermarkLagSeconds: 300,
    rejectedPercent: 5,
    silentMinutes: null,
    scoreRequestAgeSeconds: 1200,
  },
  consumer: { states: ['WARNING', 'ALARM'], email: null },
};

/** For lines that are watched: data is kept, versions take over by and by. */
export const production: Settings = {
  ...dev,
  data: 'retain',
  // Right at any load from the first day on. Once the load is known, shards cost less: docs/operations.md, "Sizing".
  // A weekend and a day to fix a shard that stands still.
  stream: { mode: 'on-demand', shards: 1, retentionHours: 72 },
  records: { rejectedDays: 90, accessLogBucket: null },
  // Five seconds are still "within seconds", and one commit for each machine then carries five seconds of points.
  evaluate: { ...dev.evaluate, batchWindowSeconds: 5 },
  tick: { ...dev.tick, reservedConcurrency: 1 },
  // A hundred concurrent calls: 500/s of models that take 200 ms.
  enrich: { ...dev.enrich, invocations: 5 },
  bus: { archiveDays: 30 },
  logs: { retentionDays: 30, level: 'info' },
  rollout: { kind: 'canary' },
};

/** For an emulator of AWS: what the default one does not have is left out, and functions are those of this machine. */
export const emulator: Settings = {
  ...dev,
  architecture: process.arch === 'arm64' ? 'arm64' : 'x86_64',
  bus: { archiveDays: 0 },
  alarms: { ...dev.alarms, kind: 'none' },
};

export const presets: Readonly<Record<string, Settings>> = { dev, production, emulator };
