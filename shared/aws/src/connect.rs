//! Connections: one HTTP client for all services, and a client of each service when it is first needed.

use std::cell::OnceCell;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::meter::Meter;
use crate::{Config, Metered};

/// An address that does not answer is given up soon: there is another one behind the name.
const CONNECT: Duration = Duration::from_secs(2);

/// All attempts of one call, with the waits between, take at most so many times what one may take, in halves.
const CALL_HALVES: u32 = 5;

/// So many times as long with an object, which may be of many megabytes.
const OBJECT_TIMES: u32 = 4;

/// One attempt to make or delete something: an emulator starts the service for it only then.
const SETUP_ATTEMPT: Duration = Duration::from_secs(60);

/// Attempts of one call. Whoever called tries again too, and knows how much time is left.
const ATTEMPTS: u32 = 3;

/// The ports of the service, over AWS.
///
/// Its futures need the runtime of tokio, with time and I/O.
pub struct Aws {
    pub(crate) config: Config,
    pub(crate) meter: Meter,
    pub(crate) queue_url: OnceCell<String>,
    sdk: SdkConfig,
    dynamodb: OnceCell<aws_sdk_dynamodb::Client>,
    kinesis: OnceCell<aws_sdk_kinesis::Client>,
    eventbridge: OnceCell<aws_sdk_eventbridge::Client>,
    s3: OnceCell<aws_sdk_s3::Client>,
    sqs: OnceCell<aws_sdk_sqs::Client>,
    models: OnceCell<aws_sdk_sagemakerruntime::Client>,
}

impl Aws {
    /// Gets ready. Nothing is asked of any service yet, so that nothing can fail yet.
    pub async fn connect(config: &Config) -> Self {
        Self::with(config, timeouts(config.call_timeout())).await
    }

    /// Gets ready to make or delete what is used.
    pub(crate) async fn connect_for_setup(config: &Config) -> Self {
        Self::with(config, timeouts(config.call_timeout().max(SETUP_ATTEMPT))).await
    }

    async fn with(config: &Config, timeouts: TimeoutConfig) -> Self {
        Self {
            config: config.clone(),
            meter: Meter::new(config.meter),
            queue_url: OnceCell::new(),
            sdk: sdk(config, timeouts).await,
            dynamodb: OnceCell::new(),
            kinesis: OnceCell::new(),
            eventbridge: OnceCell::new(),
            s3: OnceCell::new(),
            sqs: OnceCell::new(),
            models: OnceCell::new(),
        }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What was asked so far. Empty unless [`Config::meter`] is set.
    #[must_use]
    pub fn metered(&self) -> Metered {
        self.meter.counts()
    }

    /// What clients of further services can be made of.
    #[must_use]
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    pub(crate) fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.dynamodb.get_or_init(|| aws_sdk_dynamodb::Client::new(&self.sdk))
    }

    pub(crate) fn kinesis(&self) -> &aws_sdk_kinesis::Client {
        self.kinesis.get_or_init(|| aws_sdk_kinesis::Client::new(&self.sdk))
    }

    pub(crate) fn eventbridge(&self) -> &aws_sdk_eventbridge::Client {
        self.eventbridge.get_or_init(|| aws_sdk_eventbridge::Client::new(&self.sdk))
    }

    pub(crate) fn s3(&self) -> &aws_sdk_s3::Client {
        self.s3.get_or_init(|| {
            let config = aws_sdk_s3::config::Builder::from(&self.sdk)
                .timeout_config(timeouts(self.config.call_timeout() * OBJECT_TIMES))
                // An emulator has no name of its own for each bucket.
                .force_path_style(self.config.endpoint.is_some())
                .build();
            aws_sdk_s3::Client::from_conf(config)
        })
    }

    pub(crate) fn sqs(&self) -> &aws_sdk_sqs::Client {
        self.sqs.get_or_init(|| aws_sdk_sqs::Client::new(&self.sdk))
    }

    /// Tries a call once, for as long as whoever calls waits: a model may take longer than any service of AWS.
    pub(crate) fn models(&self) -> &aws_sdk_sagemakerruntime::Client {
        self.models.get_or_init(|| {
            let config = aws_sdk_sagemakerruntime::config::Builder::from(&self.sdk)
                .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).build())
                .retry_config(RetryConfig::disabled())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
            let config = match &self.config.model_endpoint {
                Some(endpoint) => config.endpoint_url(endpoint),
                None => config,
            };
            aws_sdk_sagemakerruntime::Client::from_conf(config.build())
        })
    }
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aws").field("config", &self.config).finish_non_exhaustive()
    }
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(attempt * CALL_HALVES / 2)
        .build()
}

async fn sdk(config: &Config, timeouts: TimeoutConfig) -> SdkConfig {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_secs(1));
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(retries);
    if let Some(region) = &config.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &config.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(credentials) = &config.credentials {
        loader = loader.credentials_provider(aws_sdk_dynamodb::config::Credentials::new(
            &credentials.access_key_id,
            credentials.secret_access_key.text(),
            credentials.session_token.as_ref().map(crate::config::Secret::text),
            None,
            "variables",
        ));
    }
    loader.load().await
}
