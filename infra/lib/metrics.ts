// The metrics that the functions write of themselves (docs/telemetry.md), and those of the services around them.

import { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';

const MINUTE = Duration.minutes(1);

/** A metric that a function writes of itself, by the name in docs/telemetry.md. */
export function own(stream: string, fn: string, metricName: string, statistic: string, period = MINUTE): Metric {
  return new Metric({
    namespace: 'andon',
    metricName,
    dimensionsMap: { stream, function: fn },
    statistic,
    period,
    label: `${fn} ${metricName}`,
  });
}

/**
 * Counts as one sum. A count that is zero is not written at all, so each is filled with zero first; and a series where
 * none was ever written has no points, which an alarm takes for good.
 */
export function sum(label: string, metrics: Readonly<Record<string, IMetric>>, period = MINUTE): MathExpression {
  const filled = Object.keys(metrics).map((id) => `FILL(${id}, 0)`);
  return new MathExpression({ expression: filled.join(' + '), usingMetrics: { ...metrics }, label, period });
}

/** The part that some counts are of them and a further one, in percent. */
export function percent(
  label: string,
  part: Readonly<Record<string, IMetric>>,
  rest: IMetric,
  period: Duration,
): MathExpression {
  const filled = Object.keys(part).map((id) => `FILL(${id}, 0)`);
  const some = `(${filled.join(' + ')})`;
  return new MathExpression({
    expression: `100 * ${some} / (${some} + FILL(rest, 0))`,
    usingMetrics: { ...part, rest },
    label,
    period,
  });
}
