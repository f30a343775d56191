//! Settings, read from variables: names, bounds, the secret of internal messages. All mistakes are reported at once.

mod secret;
#[cfg(test)]
mod tests;
mod vars;

use std::fmt;

use andon_domain::Millis;
use andon_ingest::Authenticator;
use andon_workflows::enrich::EnrichSettings;
use andon_workflows::evaluate::EvaluateSettings;
use andon_workflows::measures::Level;
use andon_workflows::rulebook::KeepSets;
use andon_workflows::tick::TickSettings;

pub use secret::Secret;
use vars::Vars;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Names of the resources that the system reads and writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceNames {
    /// `ANDON_STREAM`: the Kinesis stream of data points.
    pub stream: String,
    /// `ANDON_STATE_TABLE`: heads, segments, views.
    pub state_table: String,
    /// `ANDON_OUTBOX_TABLE`: decisions to publish.
    pub outbox_table: String,
    /// `ANDON_CHECKPOINTS_TABLE`: the progress of each shard.
    pub checkpoints_table: String,
    /// `ANDON_RULES_TABLE`: rule sets and the pointer to them.
    pub rules_table: String,
    /// `ANDON_BUCKET`: rejected and parked records, and contents that are too large for an item.
    pub bucket: String,
    /// `ANDON_BUS`: the EventBridge bus.
    pub bus: String,
    /// `ANDON_FAILURES_QUEUE`: name or URL of the SQS queue for failures that a retry cannot fix.
    pub failures_queue: String,
}

impl Default for ResourceNames {
    fn default() -> Self {
        Self {
            stream: "andon-points".to_owned(),
            state_table: "andon-state".to_owned(),
            outbox_table: "andon-outbox".to_owned(),
            checkpoints_table: "andon-checkpoints".to_owned(),
            rules_table: "andon-rules".to_owned(),
            bucket: "andon-records".to_owned(),
            bus: "andon".to_owned(),
            failures_queue: "andon-failures".to_owned(),
        }
    }
}

/// Credentials that were given as variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<Secret>,
}

/// The settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `AWS_REGION` or `AWS_DEFAULT_REGION`; `None`: where every AWS tool looks.
    pub region: Option<String>,
    /// `AWS_ENDPOINT_URL`: an emulator, or a private endpoint.
    pub endpoint: Option<String>,
    /// `None`: where every AWS tool looks.
    pub credentials: Option<Credentials>,
    /// Names of the resources.
    pub names: ResourceNames,
    /// `ANDON_INTERNAL_KEY`: seals ticks and scores.
    pub internal_key: Option<Secret>,
    /// `ANDON_INTERNAL_KEY_OLD`: opens messages that were sealed before the key was changed.
    pub internal_key_old: Option<Secret>,
    /// `ANDON_INTERNAL_KEY_SECRET`: name or ARN of a secret of Secrets Manager that is the key, in place of
    /// `ANDON_INTERNAL_KEY`; see [`crate::Aws::authenticator`].
    pub internal_key_secret: Option<String>,
    /// `ANDON_PARALLELIZATION_FACTOR`: the `ParallelizationFactor` of the event source.
    pub parallelization_factor: u32,
    /// `ANDON_NEW_KEYS_PER_BATCH`: maximum of new keys in a batch.
    pub new_keys_per_batch: usize,
    /// `ANDON_STATE_TTL`: time from the last record of a key to the expiry of its state, ms.
    pub state_ttl_ms: i64,
    /// `ANDON_OUTBOX_TTL`: retention of decisions in the outbox, ms.
    pub outbox_ttl_ms: i64,
    /// `ANDON_STREAM_RETENTION`: retention of the stream, ms.
    pub stream_retention_ms: i64,
    /// `ANDON_CHECKPOINT_INTERVAL`: minimum interval between two checkpoints of a shard, ms.
    pub checkpoint_interval_ms: i64,
    /// `ANDON_TICK_INTERVAL`: interval between two scans for due keys, ms.
    pub tick_interval_ms: i64,
    /// `ANDON_SCORE_REQUESTS_QUEUE_URL`: URL of the SQS queue of score requests; `None`: no model is called.
    pub score_requests_queue: Option<String>,
    /// `ANDON_ENRICH_CONCURRENCY`: concurrent model calls of one invocation of `enrich`.
    pub enrich_concurrency: usize,
    /// `ANDON_ASYNC_BUCKET`: the bucket of inputs of asynchronous calls that are too large for a message; `None`: that of
    /// `ANDON_BUCKET`.
    pub async_bucket: Option<String>,
    /// `ANDON_ASYNC_PREFIX`: prefix of the names of these objects.
    pub async_prefix: String,
    /// `AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME`: the endpoint of model calls, if it is not that of the other services.
    pub model_endpoint: Option<String>,
    /// `ANDON_CALL_TIMEOUT`: timeout of one attempt of a call, ms; four times that for an object.
    pub call_timeout_ms: u64,
    /// `ANDON_LOG_LEVEL`: the lowest level of a line that is printed in full. `debug` adds details and zeros.
    pub log_level: Level,
    /// `ANDON_SHARDS`: shards of a stream that [`crate::setup`] creates.
    pub shards: i32,
    /// Counts requests and consumed capacity; see [`crate::Aws::metered`].
    pub meter: bool,
}

impl Default for Config {
    fn default() -> Self {
        let evaluate = EvaluateSettings::default();
        Self {
            region: None,
            endpoint: None,
            credentials: None,
            names: ResourceNames::default(),
            internal_key: None,
            internal_key_old: None,
            internal_key_secret: None,
            parallelization_factor: evaluate.parallelization_factor,
            new_keys_per_batch: evaluate.new_keys_per_batch,
            state_ttl_ms: evaluate.state_ttl_ms,
            outbox_ttl_ms: evaluate.outbox_ttl_ms,
            stream_retention_ms: DAY_MS,
            checkpoint_interval_ms: evaluate.checkpoint_interval_ms,
            tick_interval_ms: TickSettings::default().interval_ms,
            score_requests_queue: None,
            enrich_concurrency: EnrichSettings::default().concurrency,
            async_bucket: None,
            async_prefix: "async/input/".to_owned(),
            model_endpoint: None,
            // DynamoDB answers in milliseconds; an answer that takes seconds is lost.
            call_timeout_ms: 5000,
            log_level: Level::default(),
            shards: 1,
            meter: false,
        }
    }
}

/// The mistakes in the settings, all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// One sentence each.
    pub mistakes: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, mistake) in self.mistakes.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            f.write_str(mistake)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the settings from variables. Those with other names are left alone, and an empty one is one that is not set.
    ///
    /// # Errors
    /// When some are wrong; the error names them all.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut vars = Vars::new(vars);
        let default = Self::default();
        let names = vars.names();
        let config = Self {
            region: vars.text("AWS_REGION").or_else(|| vars.text("AWS_DEFAULT_REGION")),
            endpoint: vars.url("AWS_ENDPOINT_URL"),
            credentials: vars.credentials(),
            names,
            internal_key: vars.secret("ANDON_INTERNAL_KEY"),
            internal_key_old: vars.secret("ANDON_INTERNAL_KEY_OLD"),
            internal_key_secret: vars.text("ANDON_INTERNAL_KEY_SECRET"),
            parallelization_factor: vars.number(
                "ANDON_PARALLELIZATION_FACTOR",
                default.parallelization_factor,
                1,
                10,
            ),
            new_keys_per_batch: vars.number(
                "ANDON_NEW_KEYS_PER_BATCH",
                default.new_keys_per_batch,
                1,
                1_000_000,
            ),
            state_ttl_ms: vars.duration(
                "ANDON_STATE_TTL",
                default.state_ttl_ms,
                2 * HOUR_MS,
                10 * 365 * DAY_MS,
            ),
            outbox_ttl_ms: vars.duration(
                "ANDON_OUTBOX_TTL",
                default.outbox_ttl_ms,
                HOUR_MS,
                10 * 365 * DAY_MS,
            ),
            stream_retention_ms: vars.duration(
                "ANDON_STREAM_RETENTION",
                default.stream_retention_ms,
                DAY_MS,
                365 * DAY_MS,
            ),
            checkpoint_interval_ms: vars.duration(
                "ANDON_CHECKPOINT_INTERVAL",
                default.checkpoint_interval_ms,
                0,
                HOUR_MS,
            ),
            tick_interval_ms: vars.duration("ANDON_TICK_INTERVAL", default.tick_interval_ms, 100, 60_000),
            score_requests_queue: vars.url("ANDON_SCORE_REQUESTS_QUEUE_URL"),
            enrich_concurrency: vars.number("ANDON_ENRICH_CONCURRENCY", default.enrich_concurrency, 1, 1000),
            async_bucket: vars.bucket("ANDON_ASYNC_BUCKET"),
            async_prefix: vars.prefix("ANDON_ASYNC_PREFIX", default.async_prefix),
            model_endpoint: vars.url("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"),
            call_timeout_ms: vars.duration("ANDON_CALL_TIMEOUT", 5000, 100, 600_000).unsigned_abs(),
            log_level: vars.log_level("ANDON_LOG_LEVEL"),
            shards: vars.number("ANDON_SHARDS", default.shards, 1, 10_000),
            meter: default.meter,
        };
        let mut mistakes = vars.mistakes;
        mistakes.extend(config.contradictions());
        if mistakes.is_empty() { Ok(config) } else { Err(ConfigError { mistakes }) }
    }

    /// Returns the mistakes of settings that contradict each other.
    fn contradictions(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let text = |ms: i64| Millis(ms).to_string();
        // A redelivered record of a deleted state would be folded again, and a state that came back would write over
        // the decisions of the one before.
        for (what, ms) in
            [("ANDON_STREAM_RETENTION", self.stream_retention_ms), ("ANDON_OUTBOX_TTL", self.outbox_ttl_ms)]
        {
            if self.state_ttl_ms <= ms {
                mistakes.push(format!(
                    "`ANDON_STATE_TTL` is `{}`; expected more than `{what}`, which is `{}`",
                    text(self.state_ttl_ms),
                    text(ms)
                ));
            }
        }
        if self.internal_key_secret.is_some()
            && (self.internal_key.is_some() || self.internal_key_old.is_some())
        {
            mistakes.push(
                "`ANDON_INTERNAL_KEY_SECRET` and `ANDON_INTERNAL_KEY` are both set; expected one of them"
                    .to_owned(),
            );
        }
        let (state, outbox) = (&self.names.state_table, &self.names.outbox_table);
        let (checkpoints, rules) = (&self.names.checkpoints_table, &self.names.rules_table);
        let tables = [
            ("ANDON_STATE_TABLE", state),
            ("ANDON_OUTBOX_TABLE", outbox),
            ("ANDON_CHECKPOINTS_TABLE", checkpoints),
            ("ANDON_RULES_TABLE", rules),
        ];
        for (number, (one, name)) in tables.iter().enumerate() {
            for (other, _) in tables.iter().skip(number + 1).filter(|(_, other)| other == name) {
                mistakes.push(format!(
                    "`{one}` and `{other}` are both `{name}`; expected a table of its own each"
                ));
            }
        }
        mistakes
    }

    /// Returns the authenticator of internal messages.
    ///
    /// # Errors
    /// When there is no key.
    pub fn authenticator(&self) -> Result<Authenticator, ConfigError> {
        let wrong = |mistake: String| ConfigError { mistakes: vec![mistake] };
        let key = self.internal_key.as_ref().ok_or_else(|| {
            wrong(
                "`ANDON_INTERNAL_KEY` is not set; expected the secret that seals ticks, at least 32 bytes in base64 or \
                 hexadecimal (make one with `openssl rand -base64 32`)"
                    .to_owned(),
            )
        })?;
        let seal = Authenticator::new(key.bytes())
            .map_err(|error| wrong(format!("`ANDON_INTERNAL_KEY` is {error}")))?;
        match &self.internal_key_old {
            None => Ok(seal),
            Some(old) => seal
                .and_opens(old.bytes())
                .map_err(|error| wrong(format!("`ANDON_INTERNAL_KEY_OLD` is {error}"))),
        }
    }

    /// Returns the timeout of one attempt of a call.
    #[must_use]
    pub(crate) fn call_timeout(&self) -> std::time::Duration {
        std::time::Duration::from_millis(self.call_timeout_ms)
    }

    /// The settings of `evaluate`.
    #[must_use]
    pub fn evaluate_settings(&self) -> EvaluateSettings {
        EvaluateSettings {
            parallelization_factor: self.parallelization_factor,
            state_ttl_ms: self.state_ttl_ms,
            outbox_ttl_ms: self.outbox_ttl_ms,
            position_ttl_ms: self.stream_retention_ms.saturating_add(HOUR_MS),
            new_keys_per_batch: self.new_keys_per_batch,
            checkpoint_interval_ms: self.checkpoint_interval_ms,
            ..EvaluateSettings::new(&self.names.stream)
        }
    }

    /// The settings of `enrich`.
    #[must_use]
    pub fn enrich_settings(&self) -> EnrichSettings {
        EnrichSettings { concurrency: self.enrich_concurrency, ..EnrichSettings::default() }
    }

    /// The settings of `tick`.
    #[must_use]
    pub fn tick_settings(&self) -> TickSettings {
        // Half of what a state lives at rest: every state is folded with a newer set long before an old one is dropped.
        TickSettings {
            interval_ms: self.tick_interval_ms,
            set_age_ms: self.state_ttl_ms / 2,
            ..TickSettings::default()
        }
    }

    /// Returns the time for which superseded rule sets are kept.
    #[must_use]
    pub fn keep_sets(&self) -> KeepSets {
        // DynamoDB deletes some days after an item has expired.
        KeepSets(self.state_ttl_ms.saturating_add(10 * DAY_MS))
    }
}
