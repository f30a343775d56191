// What rings, and when. What to do then: docs/operations.md, "Alarms", which has a section for each.

import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

import type { AndonFunction } from './function';
import { own, percent, sum } from './metrics';
import { functionsOf, type Parts } from './parts';
import type { ScoreRequests } from './score-requests';
import type { Settings } from './settings';

export interface AlarmSettings {
  /** `none` only for emulators, which have no alarms on sums of metrics. */
  readonly kind: 'all' | 'none';

  /** The email address that gets the alarms; null: the subscribers of the topic alone. */
  readonly email: string | null;

  /** Records that wait for longer are an alarm: above the batch window, and below what the line's people can wait. */
  readonly iteratorAgeSeconds: number;

  /** Event time that is behind by more is an alarm: above what the slowest sender buffers. */
  readonly watermarkLagSeconds: number;

  /** Rejected points and messages above this part of all, over a quarter of an hour, are an alarm. */
  readonly rejectedPercent: number;

  /** Minutes without any point that are an alarm; null: lines may be silent for any time. */
  readonly silentMinutes: number | null;

  /**
   * Score requests that wait for longer are an alarm. Reminders of asynchronous calls lie in the queue for a quarter
   * of an hour, and what was left undone for six timeouts of enrich: above both. Without asynchronous endpoints it may be
   * as short as the latter.
   */
  readonly scoreRequestAgeSeconds: number;
}

/** One alarm: what is looked at, and how many bad ones of how many periods of its metric make it ring. */
interface Watch {
  readonly metric: IMetric;
  readonly above: number;
  readonly periods: number;
  readonly bad?: number;
  readonly says: string;
}

export class Alarms extends Construct {
  readonly topic: Topic;
  readonly all: Alarm[] = [];

  constructor(
    scope: Construct,
    private readonly settings: Settings,
    parts: Parts,
  ) {
    super(scope, 'Alarms');
    const { email, silentMinutes } = settings.alarms;
    this.topic = new Topic(this, 'Topic', {
      topicName: `${settings.name}-alarms`,
      displayName: `Alarms of ${settings.name}`,
      enforceSSL: true,
    });
    if (email !== null) {
      this.topic.addSubscription(new EmailSubscription(email));
    }
    for (const [name, watch] of Object.entries(watches(settings, parts))) {
      this.ring(name, watch, ComparisonOperator.GREATER_THAN_THRESHOLD, TreatMissingData.NOT_BREACHING);
    }
    // Of these two the absence is the harm.
    const minute = { above: 1, periods: 5 };
    this.ring(
      'tick-stands-still',
      {
        ...minute,
        metric: parts.tick.function.metricInvocations({ period: Duration.minutes(1), statistic: 'Sum' }),
        says: 'no ticks are sent: silent machines keep their states',
      },
      ComparisonOperator.LESS_THAN_THRESHOLD,
      TreatMissingData.BREACHING,
    );
    if (silentMinutes !== null) {
      this.ring(
        'silence',
        {
          above: 1,
          periods: silentMinutes,
          metric: own(parts.stream.streamName, 'evaluate', 'points', 'Sum'),
          says: 'no data point arrives at all',
        },
        ComparisonOperator.LESS_THAN_THRESHOLD,
        TreatMissingData.BREACHING,
      );
    }
  }

  private ring(name: string, watch: Watch, comparisonOperator: ComparisonOperator, missing: TreatMissingData): void {
    const alarm = new Alarm(this, name, {
      alarmName: `${this.settings.name}-${name}`,
      alarmDescription: `${watch.says}; see docs/operations.md, "${name}"`,
      metric: watch.metric,
      threshold: watch.above,
      evaluationPeriods: watch.periods,
      datapointsToAlarm: watch.bad ?? watch.periods,
      comparisonOperator,
      treatMissingData: missing,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    this.all.push(alarm);
  }
}

function watches(settings: Settings, parts: Parts): Record<string, Watch> {
  const { iteratorAgeSeconds, watermarkLagSeconds, rejectedPercent } = settings.alarms;
  const streamName = parts.stream.streamName;
  const minute = Duration.minutes(1);
  const quarter = Duration.minutes(15);
  const count = (fn: string, name: string, period = minute) => own(streamName, fn, name, 'Sum', period);
  const functions = Object.entries(functionsOf(parts));
  const each = (metric: (fn: AndonFunction, name: string) => [string, IMetric]): Record<string, IMetric> =>
    Object.fromEntries(functions.map(([name, fn]) => metric(fn, name)));
  const age = (fn: AndonFunction) => fn.function.metric('IteratorAge', { statistic: 'Maximum', period: minute });
  return {
    'evaluate-behind': {
      metric: age(parts.evaluate),
      above: iteratorAgeSeconds * 1000,
      periods: 5,
      says: 'data points wait to be evaluated',
    },
    'publish-behind': {
      metric: age(parts.publish),
      above: iteratorAgeSeconds * 1000,
      periods: 5,
      says: 'decided state changes wait to be published',
    },
    'watermark-lag': {
      metric: own(streamName, 'evaluate', 'watermarkLagMs', 'Maximum'),
      above: watermarkLagSeconds * 1000,
      periods: 10,
      says: 'event time is behind: a sender buffers, or its clock is slow',
    },
    rejected: {
      metric: percent(
        'rejected, %',
        {
          malformed: count('evaluate', 'rejectedMalformed', quarter),
          undecodable: count('evaluate', 'rejectedUndecodable', quarter),
          toolarge: count('evaluate', 'rejectedTooLarge', quarter),
          late: count('evaluate', 'rejectedLate', quarter),
          superseded: count('evaluate', 'rejectedSuperseded', quarter),
        },
        count('evaluate', 'points', quarter),
        quarter,
      ),
      above: rejectedPercent,
      periods: 1,
      says: 'many data points are not used',
    },
    forged: {
      metric: count('evaluate', 'rejectedForged'),
      above: 0,
      periods: 1,
      says: 'a record in the stream claims to be from andon and is not',
    },
    parked: {
      metric: sum('parked', {
        keys: count('evaluate', 'parkedKeys'),
        messages: count('evaluate', 'parkedMessages'),
        failing: count('evaluate', 'failingKeys'),
      }),
      above: 0,
      periods: 1,
      says: 'a machine cannot be evaluated and is parked',
    },
    'invariants-broken': {
      metric: sum('broken', each((_, name) => [name, count(name, 'invariantsBroken')])),
      above: 0,
      periods: 1,
      says: 'an invariant of the program does not hold: a defect of this version',
    },
    'not-done': {
      metric: sum('not done', {
        keys: count('evaluate', 'keysNotDone'),
        items: count('publish', 'itemsNotDone'),
        ...(parts.enrich && { messages: count('enrich', 'messagesNotDone') }),
      }),
      above: 0,
      periods: 5,
      says: 'something comes again and again',
    },
    failures: {
      metric: parts.failures.metricApproximateNumberOfMessagesVisible({ period: minute, statistic: 'Maximum' }),
      above: 0,
      periods: 1,
      says: 'something that could not be delivered or read is in the failure queue',
    },
    throttles: {
      metric: sum('throttled', {
        ...each((fn, name) => [name, fn.function.metricThrottles({ period: minute, statistic: 'Sum' })]),
        stream: parts.stream.metric('WriteProvisionedThroughputExceeded', { statistic: 'Sum', period: minute }),
        stateread: parts.tables.state.metric('ReadThrottleEvents', { statistic: 'Sum', period: minute }),
        statewrite: parts.tables.state.metric('WriteThrottleEvents', { statistic: 'Sum', period: minute }),
        outboxwrite: parts.tables.outbox.metric('WriteThrottleEvents', { statistic: 'Sum', period: minute }),
        checkpoints: parts.tables.checkpoints.metric('WriteThrottleEvents', { statistic: 'Sum', period: minute }),
      }),
      above: 0,
      periods: 5,
      bad: 3,
      says: 'a limit of the account, the stream or a table is reached',
    },
    errors: {
      metric: sum('errors', {
        ...each((fn, name) => [name, fn.function.metricErrors({ period: minute, statistic: 'Sum' })]),
        refused: sum('failed', each((_, name) => [`failed${name}`, count(name, 'failed')])),
      }),
      above: 0,
      periods: 5,
      bad: 2,
      says: 'a function ends without an answer',
    },
    'score-requests-unsent': {
      metric: count('evaluate', 'scoreRequestsUnsent'),
      above: 0,
      periods: 1,
      says: 'rules use models, and their score requests cannot be sent',
    },
    ...(parts.scoreRequests && modelWatches(settings, parts.scoreRequests, count)),
  };
}

function modelWatches(
  { alarms }: Settings,
  { queue, dead }: ScoreRequests,
  count: (fn: string, name: string) => IMetric,
): Record<string, Watch> {
  const largest = { statistic: 'Maximum', period: Duration.minutes(1) };
  return {
    'score-requests-behind': {
      metric: queue.metricApproximateAgeOfOldestMessage(largest),
      above: alarms.scoreRequestAgeSeconds,
      periods: 5,
      says: 'score requests wait in the queue',
    },
    'score-requests-dead': {
      metric: dead.metricApproximateNumberOfMessagesVisible(largest),
      above: 0,
      periods: 1,
      says: 'score requests were delivered too often and are in the dead-letter queue',
    },
    'models-fail': {
      metric: sum('failed calls', {
        timeouts: count('enrich', 'modelTimeouts'),
        errors: count('enrich', 'modelCallErrors'),
      }),
      above: 0,
      periods: 5,
      bad: 3,
      says: 'models do not answer in time, or refuse for now',
    },
    'models-unanswered': {
      metric: sum('without a score', {
        unanswered: count('enrich', 'requestsUnanswered'),
        old: count('enrich', 'scoreRequestsTooOld'),
      }),
      above: 0,
      periods: 5,
      bad: 2,
      says: 'score requests end without a score',
    },
  };
}
