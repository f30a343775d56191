// One page to look at: is it well, is it in time, what does it do, what was not used, what does it cost.

import { Duration } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  PeriodOverride,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';

import type { Alarms } from './alarms';
import { own } from './metrics';
import { functionsOf, type Parts } from './parts';
import type { ScoreRequests } from './score-requests';
import type { Settings } from './settings';

const MINUTE = Duration.minutes(1);

export function dashboard(scope: Construct, settings: Settings, parts: Parts, alarms: Alarms | undefined): Dashboard {
  const streamName = parts.stream.streamName;
  const counts = (fn: string, ...names: string[]) => names.map((name) => own(streamName, fn, name, 'Sum'));
  const most = (fn: string, ...names: string[]) => names.map((name) => own(streamName, fn, name, 'Maximum'));
  const functionNames = Object.keys(functionsOf(parts));
  const functions = Object.values(functionsOf(parts)).map((part) => part.function);
  const rows: IWidget[][] = [
    [
      new TextWidget({
        width: 24,
        height: 2,
        markdown: `# ${settings.name}\nWhat each number means: docs/telemetry.md. What to do when an alarm rings: docs/operations.md.`,
      }),
    ],
    alarms ? [new AlarmStatusWidget({ width: 24, height: 3, alarms: alarms.all, title: 'Alarms' })] : [],
    [
      graph('In time: age of records, ms', [
        ...[parts.evaluate.function, parts.publish.function].map((fn) => fn.metric('IteratorAge', { statistic: 'Maximum', period: MINUTE, label: fn.node.path })),
        ...most('evaluate', 'watermarkLagMs'),
      ]),
      graph('Sensor to bus, ms', [
        own(streamName, 'publish', 'sinceArrivalMs', 'p50'),
        own(streamName, 'publish', 'sinceArrivalMs', 'p99'),
      ]),
      graph('Duration of invocations, ms', [
        ...most('evaluate', 'durationMs'),
        ...most('publish', 'durationMs'),
      ]),
    ],
    [
      graph('Points, commits', counts('evaluate', 'points', 'commits')),
      graph('State changes', [...counts('evaluate', 'transitions'), ...counts('publish', 'published')]),
      graph('Ticks', counts('tick', 'ticksSent', 'announced', 'ticksHeldBack', 'ticksDeferred')),
    ],
    ...(parts.scoreRequests ? models(parts.scoreRequests, counts, most) : []),
    [
      graph(
        'Not used',
        counts(
          'evaluate',
          'rejectedMalformed',
          'rejectedUndecodable',
          'rejectedTooLarge',
          'rejectedLate',
          'rejectedSuperseded',
          'rejectedBadQuality',
          'rejectedNoValue',
          'rejectedDuplicate',
          'rejectedForged',
        ),
      ),
      graph('Set aside, or to come again', [
        ...counts('evaluate', 'parkedMessages', 'parkedKeys', 'failingKeys', 'keysNotDone'),
        ...counts('publish', 'itemsNotDone', 'undeliverable', 'unreadable'),
      ]),
      graph('Conflicts, retries, errors', [
        ...counts('evaluate', 'conflicts', 'retries', 'errors', 'outOfTime'),
        ...counts('publish', 'retries', 'errors'),
        ...counts('tick', 'errors'),
        ...functionNames.flatMap((name) => counts(name, 'invariantsBroken')),
      ]),
    ],
    [
      graph('Invocations', functions.map((fn) => fn.metricInvocations({ period: MINUTE }))),
      graph('Ended without an answer, throttled', [
        ...functions.map((fn) => fn.metricErrors({ period: MINUTE })),
        ...functions.map((fn) => fn.metricThrottles({ period: MINUTE })),
      ]),
      graph('DynamoDB: consumed units of state', [
        parts.tables.state.metricConsumedReadCapacityUnits({ period: MINUTE }),
        parts.tables.state.metricConsumedWriteCapacityUnits({ period: MINUTE }),
      ]),
    ],
  ];
  return new Dashboard(scope, 'Dashboard', {
    dashboardName: settings.name,
    defaultInterval: Duration.hours(3),
    periodOverride: PeriodOverride.INHERIT,
    widgets: rows,
  });
}

type Named = (fn: string, ...names: string[]) => IMetric[];

/** Are models in time, what do they answer, and what is left without a score. */
function models({ queue, dead }: ScoreRequests, counts: Named, most: Named): IWidget[][] {
  const largest = { statistic: 'Maximum', period: MINUTE };
  return [
    [
      graph('Models: input to score, call, ms', most('enrich', 'inputToScoreMs', 'callMs', 'durationMs')),
      graph('Models: score requests, calls, scores', [
        ...counts('evaluate', 'scoreRequests'),
        ...counts('enrich', 'scoreRequests', 'modelCalls', 'scores', 'cacheHits', 'asyncCalls'),
      ]),
      graph('Models: without a score, or late', [
        ...counts('evaluate', 'scoreRequestsUnsent', 'scoreRequestsTooOld', 'scoreRequestsDropped'),
        ...counts('enrich', 'requestsUnanswered', 'substitutes', 'scoreRequestsTooOld', 'asyncResultsLost', 'asyncResultsLate'),
      ]),
    ],
    [
      graph('Models: calls under way', most('enrich', 'inFlight')),
      graph('Models: calls that failed', [
        ...counts('enrich', 'modelTimeouts', 'modelCallErrors', 'modelCallsRejected', 'unreadable', 'retries'),
        ...counts('enrich', 'malformed', 'messagesNotDone', 'outOfTime', 'errors'),
      ]),
      graph('Models: score requests that wait', [
        queue.metricApproximateNumberOfMessagesVisible(largest),
        queue.metricApproximateAgeOfOldestMessage(largest),
        dead.metricApproximateNumberOfMessagesVisible({ ...largest, label: 'dead' }),
      ]),
    ],
  ];
}

function graph(title: string, left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: 8, height: 6, leftYAxis: { min: 0 } });
}
