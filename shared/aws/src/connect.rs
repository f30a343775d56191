//! Connections: one HTTP client for all services, and a client of each service when it is first needed.

use std::cell::OnceCell;
use std::time::Duration;

use aws_config::retry::RetryConfig;
#[cfg(feature = "sagemaker")]
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::meter::Meter;
use crate::{Config, Metered};

/// Timeout of a connection. It is short, because another address stands behind the same name.
const CONNECT: Duration = Duration::from_secs(2);

/// Timeout of all attempts of one call with the waits between them, in halves of the timeout of one attempt.
const CALL_HALVES: u32 = 5;

/// Factor of the timeouts for an object, which may have many megabytes.
const OBJECT_TIMES: u32 = 4;

/// Timeout of one attempt to create or delete a resource: an emulator starts the service for it only then.
const SETUP_ATTEMPT: Duration = Duration::from_secs(60);

/// Maximum attempts of one call. The caller retries too, and knows how much time is left.
const ATTEMPTS: u32 = 3;

/// The ports of the service, over AWS.
///
/// Its futures need the runtime of tokio, with time and I/O.
pub struct Aws {
    pub(crate) config: Config,
    pub(crate) meter: Meter,
    pub(crate) queue_url: OnceCell<String>,
    sdk: SdkConfig,
    #[cfg(feature = "dynamodb")]
    dynamodb: OnceCell<aws_sdk_dynamodb::Client>,
    #[cfg(feature = "kinesis")]
    kinesis: OnceCell<aws_sdk_kinesis::Client>,
    #[cfg(feature = "eventbridge")]
    eventbridge: OnceCell<aws_sdk_eventbridge::Client>,
    #[cfg(feature = "s3")]
    s3: OnceCell<aws_sdk_s3::Client>,
    #[cfg(feature = "sqs")]
    sqs: OnceCell<aws_sdk_sqs::Client>,
    #[cfg(feature = "sagemaker")]
    models: OnceCell<aws_sdk_sagemakerruntime::Client>,
}

impl Aws {
    /// Creates the ports. No service is called yet, so nothing can fail yet.
    pub async fn connect(config: &Config) -> Self {
        Self::with(config, timeouts(config.call_timeout())).await
    }

    /// Creates the ports for `setup`, with longer timeouts.
    #[cfg(feature = "all")]
    pub(crate) async fn connect_for_setup(config: &Config) -> Self {
        Self::with(config, timeouts(config.call_timeout().max(SETUP_ATTEMPT))).await
    }

    async fn with(config: &Config, timeouts: TimeoutConfig) -> Self {
        Self {
            config: config.clone(),
            meter: Meter::new(config.meter),
            queue_url: OnceCell::new(),
            sdk: sdk(config, timeouts).await,
            #[cfg(feature = "dynamodb")]
            dynamodb: OnceCell::new(),
            #[cfg(feature = "kinesis")]
            kinesis: OnceCell::new(),
            #[cfg(feature = "eventbridge")]
            eventbridge: OnceCell::new(),
            #[cfg(feature = "s3")]
            s3: OnceCell::new(),
            #[cfg(feature = "sqs")]
            sqs: OnceCell::new(),
            #[cfg(feature = "sagemaker")]
            models: OnceCell::new(),
        }
    }

    /// Returns the settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the requests so far. Empty unless [`Config::meter`] is set.
    #[must_use]
    pub fn metered(&self) -> Metered {
        self.meter.counts()
    }

    /// Returns the configuration for clients of further services.
    #[must_use]
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    #[cfg(feature = "dynamodb")]
    pub(crate) fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.dynamodb.get_or_init(|| aws_sdk_dynamodb::Client::new(&self.sdk))
    }

    #[cfg(feature = "kinesis")]
    pub(crate) fn kinesis(&self) -> &aws_sdk_kinesis::Client {
        self.kinesis.get_or_init(|| aws_sdk_kinesis::Client::new(&self.sdk))
    }

    #[cfg(feature = "eventbridge")]
    pub(crate) fn eventbridge(&self) -> &aws_sdk_eventbridge::Client {
        self.eventbridge.get_or_init(|| aws_sdk_eventbridge::Client::new(&self.sdk))
    }

    #[cfg(feature = "s3")]
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

    #[cfg(feature = "sqs")]
    pub(crate) fn sqs(&self) -> &aws_sdk_sqs::Client {
        self.sqs.get_or_init(|| aws_sdk_sqs::Client::new(&self.sdk))
    }

    /// Returns a client that tries a call once and leaves the timeout to the caller: a model may take longer than any service
    /// of AWS.
    #[cfg(feature = "sagemaker")]
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
        loader = loader.credentials_provider(aws_credential_types::Credentials::new(
            &credentials.access_key_id,
            credentials.secret_access_key.text(),
            credentials.session_token.as_ref().map(crate::config::Secret::text),
            None,
            "variables",
        ));
    }
    loader.load().await
}
