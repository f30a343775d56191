//! Prices of AWS in US East (N. Virginia), dollars, as listed in November 2026, without free tiers.

/// A price of a unit of an AWS service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Price {
    /// The service and its unit.
    pub(crate) what: &'static str,
    /// Dollars for `per` of them.
    pub(crate) dollars: f64,
    /// Units that `dollars` buy.
    pub(crate) per: f64,
}

impl Price {
    /// Returns the price of some units, in dollars.
    pub(crate) fn of(self, units: f64) -> f64 {
        self.dollars * units / self.per
    }
}

const fn price(what: &'static str, dollars: f64, per: f64) -> Price {
    Price { what, dollars, per }
}

pub(crate) const WRITE_UNIT: Price = price("DynamoDB, write request units on demand", 0.625, 1e6);
pub(crate) const READ_UNIT: Price = price("DynamoDB, read request units on demand", 0.125, 1e6);
pub(crate) const WRITE_HOUR: Price = price("DynamoDB, provisioned write units, an hour", 0.00065, 1.0);
pub(crate) const READ_HOUR: Price = price("DynamoDB, provisioned read units, an hour", 0.00013, 1.0);
pub(crate) const LAMBDA_REQUEST: Price = price("Lambda, requests", 0.20, 1e6);
pub(crate) const LAMBDA_GB_SECOND: Price = price("Lambda on Arm, GB-seconds", 0.000_013_333_4, 1.0);
pub(crate) const BUS_EVENT: Price = price("EventBridge, events of up to 64 KB", 1.00, 1e6);
pub(crate) const OBJECT_WRITE: Price = price("S3, objects written", 0.005, 1e3);
pub(crate) const LOG_GB: Price = price("CloudWatch, logs taken in, GB", 0.50, 1.0);
pub(crate) const METRIC_MONTH: Price = price("CloudWatch, metrics, a month", 0.30, 1.0);
pub(crate) const KINESIS_STREAM_HOUR: Price = price("Kinesis on demand, a stream, an hour", 0.04, 1.0);
pub(crate) const KINESIS_GB_IN: Price = price("Kinesis on demand, GB written", 0.08, 1.0);
pub(crate) const KINESIS_GB_OUT: Price = price("Kinesis on demand, GB read", 0.04, 1.0);
pub(crate) const KINESIS_SHARD_HOUR: Price = price("Kinesis provisioned, a shard, an hour", 0.015, 1.0);
pub(crate) const KINESIS_PUT_UNIT: Price = price("Kinesis provisioned, put units of 25 KB", 0.014, 1e6);

pub(crate) const SQS_REQUEST: Price = price("SQS, requests of up to 64 KB", 0.40, 1e6);

/// All prices, for the table in `docs/cost.md`.
pub(crate) const ALL: [Price; 16] = [
    WRITE_UNIT,
    READ_UNIT,
    WRITE_HOUR,
    READ_HOUR,
    LAMBDA_REQUEST,
    LAMBDA_GB_SECOND,
    BUS_EVENT,
    OBJECT_WRITE,
    LOG_GB,
    METRIC_MONTH,
    KINESIS_STREAM_HOUR,
    KINESIS_GB_IN,
    KINESIS_GB_OUT,
    KINESIS_SHARD_HOUR,
    KINESIS_PUT_UNIT,
    SQS_REQUEST,
];

/// A month, as AWS counts its hours.
pub(crate) const SECONDS_PER_MONTH: f64 = 730.0 * 3600.0;
