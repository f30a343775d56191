//! Starts a whole system: an emulator, its resources, the functions and their event sources.

mod async_io;
mod binaries;
mod changes;
#[cfg(feature = "deployed")]
mod deploy;
mod score_requests;
#[cfg(feature = "deployed")]
mod zip;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use andon_aws::{Aws, Config, setup};
use andon_clock::Stopwatch;
use andon_models::Model;
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_kinesis::error::DisplayErrorContext;

use self::async_io::Bucket;
#[cfg(feature = "deployed")]
use self::deploy::DeployedFunctions;
use self::score_requests::Queue;
use crate::event::Listener;
use crate::models::ModelServer;
use crate::runtime_host::{Function, RuntimeHost};
use crate::sources::{DynamoDbReader, KinesisReader, QueueReader, Source, SourceSettings, Target};
use crate::{Emulator, EmulatorError};

/// The function that folds the stream of data points.
pub const EVALUATE: &str = "andon-evaluate";

/// The function that publishes state changes.
pub const PUBLISH: &str = "andon-publish";

/// The function that sends ticks.
pub const TICK: &str = "andon-tick";

/// The function that calls models.
pub const ENRICH: &str = "andon-enrich";

/// Timeout of every function but `tick`.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Maximum number of items in a batch of `publish`.
const OUTBOX_BATCH: usize = 100;

/// Timeout of `tick`, which runs for a minute.
const TICK_TIMEOUT: Duration = Duration::from_secs(90);

/// Memory that functions see in `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, MB.
const MEMORY_MB: u32 = 512;

/// A way to run the functions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Functions {
    /// As child processes, behind event sources of this crate.
    #[default]
    LocalProcesses,
    /// As functions of the endpoint's Lambda, behind its event source mappings, set as in production.
    #[cfg(feature = "deployed")]
    Deployed,
}

/// A place for stream, tables, bus, queues and bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// In an emulator that is started for this.
    #[default]
    Emulator,
    /// In a running emulator, or any other endpoint, at a URL.
    Endpoint(String),
    /// In AWS, in the account and region that its own tools find.
    Aws,
}

/// The settings of a system.
#[derive(Clone, Debug)]
pub struct Options {
    /// The place of streams, tables, bus, queues and bucket.
    pub backend: Backend,
    /// The prefix of all names.
    pub prefix: String,
    /// Variables of the functions, over the defaults: `ANDON_*`, and `AWS_*` for an endpoint that asks for more than
    /// emulators do.
    pub vars: BTreeMap<String, String>,
    /// The host of the functions.
    pub functions: Functions,
    /// The batch window of `evaluate`.
    pub window: Duration,
    /// Maximum records in a batch of `evaluate`.
    pub batch_size: usize,
    /// Models by endpoint, hosted here. In AWS without any, the endpoints there are called.
    pub models: BTreeMap<String, Model>,
    /// The receiver of events.
    pub listener: Listener,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            backend: Backend::default(),
            prefix: "andon".to_owned(),
            vars: BTreeMap::new(),
            functions: Functions::default(),
            window: Duration::from_secs(1),
            batch_size: 10_000,
            models: BTreeMap::new(),
            listener: Listener::silent(),
        }
    }
}

/// A reason why the system does not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SystemError {
    /// The emulator is not installed or did not start.
    #[error(transparent)]
    Emulator(#[from] EmulatorError),
    /// A setting is wrong.
    #[error("{0}")]
    Settings(String),
    /// The binaries of the functions are missing.
    #[error("{0}")]
    Binaries(String),
    /// A request to the emulator or endpoint failed.
    #[error("{0}")]
    Endpoint(String),
}

impl SystemError {
    /// The error of a failed request.
    fn request(what: impl Display, error: &(impl std::error::Error + ?Sized)) -> Self {
        Self::Endpoint(format!("{what}: {}", DisplayErrorContext(error)))
    }

    /// The error of an incomplete response.
    fn answer(what: impl Display) -> Self {
        Self::Endpoint(format!("{what}: not in the answer"))
    }
}

/// A running system. [`System::down`] stops it in order; a drop stops it at once.
#[derive(Debug)]
pub struct System {
    // Dropped in this order.
    sources: Vec<Source>,
    models: Option<ModelServer>,
    host: Option<RuntimeHost>,
    #[cfg(feature = "deployed")]
    deployed: Option<DeployedFunctions>,
    vars: BTreeMap<String, String>,
    config: Config,
    endpoint: Option<String>,
    changes_queue: String,
    points: KinesisReader,
    sqs: aws_sdk_sqs::Client,
    _emulator: Option<Emulator>,
}

impl System {
    /// Starts everything, and waits until it runs. Needs a runtime of tokio with time and I/O, which must go on running.
    ///
    /// # Errors
    /// See [`SystemError`]. Everything that was started is stopped again.
    pub async fn up(options: Options) -> Result<Self, SystemError> {
        let listener = &options.listener;
        let programs = binaries::find(&[EVALUATE, PUBLISH, TICK, ENRICH], listener)?;
        let (emulator, endpoint) = start_backend(&options)?;
        let mut vars = variables(endpoint.as_deref(), &options)?;
        let config = config_of(&vars)?;
        listener.step("creating stream, tables, bus, queues and bucket");
        create(&config).await?;
        let sdk = startup_client(&config).await;
        let changes_queue =
            changes::create(&sdk, &config.names.bus, &format!("{}-changes", options.prefix)).await?;
        let queue = score_requests::create(&sdk, &options.prefix).await?;
        vars.insert("ANDON_SCORE_REQUESTS_QUEUE_URL".to_owned(), queue.url.clone());
        let bucket = Bucket::new(&sdk, &config.names.bucket, listener.clone());
        let models = host_models(&options, &bucket).await?;
        if let Some(server) = &models {
            vars.entry("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME".to_owned()).or_insert_with(|| server.url());
        }
        let config = config_of(&vars)?;
        let arns = Arns::find(&sdk, &config, queue).await?;
        let kinesis = aws_sdk_kinesis::Client::new(&sdk);
        let points = KinesisReader::new(kinesis, &config.names.stream, &arns.stream);
        let mut system = Self {
            sources: Vec::new(),
            models,
            host: None,
            #[cfg(feature = "deployed")]
            deployed: None,
            vars,
            config,
            endpoint,
            changes_queue,
            points,
            sqs: aws_sdk_sqs::Client::new(&sdk),
            _emulator: emulator,
        };
        system.start_functions(programs, &sdk, &arns, &bucket, &options).await?;
        listener.step("ready");
        Ok(system)
    }

    /// Starts the functions, and the event sources that invoke them.
    async fn start_functions(
        &mut self,
        programs: Vec<PathBuf>,
        sdk: &SdkConfig,
        arns: &Arns,
        bucket: &Bucket,
        options: &Options,
    ) -> Result<(), SystemError> {
        let timeouts = [(EVALUATE, TIMEOUT), (PUBLISH, TIMEOUT), (TICK, TICK_TIMEOUT), (ENRICH, TIMEOUT)];
        let functions = timeouts.into_iter().zip(programs).map(|((name, timeout), program)| Function {
            name: name.to_owned(),
            program,
            arguments: Vec::new(),
            variables: self.vars.clone(),
            timeout,
            memory_mb: MEMORY_MB,
        });
        match options.functions {
            Functions::LocalProcesses => {
                options.listener.step("starting the functions");
                let host = RuntimeHost::new(functions, options.listener.clone());
                bucket.notify_at(&host);
                self.sources = sources(sdk, &host, &self.points, arns, options);
                self.host = Some(host);
            }
            #[cfg(feature = "deployed")]
            Functions::Deployed => {
                options.listener.step("deploying the functions");
                let deployed = DeployedFunctions::new(sdk, functions, arns, options).await?;
                self.sources = vec![Source::every_minute(deployed.tick())];
                self.deployed = Some(deployed);
            }
        }
        Ok(())
    }

    /// Stops the event sources after their current batches, then the functions, then the emulator if this started it.
    pub async fn down(mut self) {
        self.sources.iter().for_each(Source::stop);
        for source in std::mem::take(&mut self.sources) {
            source.down().await;
        }
        if let Some(host) = self.host.take() {
            host.down();
        }
        #[cfg(feature = "deployed")]
        if let Some(deployed) = self.deployed.take() {
            deployed.delete().await;
        }
    }

    /// The endpoint of the emulator, or the one named in the options; `None` for AWS.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The variables of the functions, which clients of the system need too. Contains the internal key.
    #[must_use]
    pub fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    /// The variables as settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// URL of the queue that gets every state change, as events of EventBridge.
    #[must_use]
    pub fn changes_queue(&self) -> &str {
        &self.changes_queue
    }

    /// Receives state changes from their queue, as bodies of EventBridge events. Waits up to `wait_s` seconds for the first.
    ///
    /// # Errors
    /// Returns an error if the queue does not answer.
    pub async fn receive_changes(&self, wait_s: i32) -> Result<Vec<String>, SystemError> {
        changes::receive(&self.sqs, &self.changes_queue, wait_s).await
    }

    /// Reads the stream of data points.
    #[must_use]
    pub fn points(&self) -> &KinesisReader {
        &self.points
    }

    /// The models that are hosted here.
    #[must_use]
    pub fn models(&self) -> Option<&ModelServer> {
        self.models.as_ref()
    }

    /// Kills every process of a function that is handling an event. Has no effect on deployed functions.
    pub fn kill_invoking(&self, function: &str) {
        if let Some(host) = &self.host {
            host.kill_invoking(function);
        }
    }
}

/// Maximum wait for an endpoint to answer: some emulators start a service with its first request.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(120);

/// Returns the configuration of clients that wait as long.
async fn startup_client(config: &Config) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(STARTUP_TIMEOUT)
        .operation_attempt_timeout(STARTUP_TIMEOUT)
        .build();
    Aws::connect(config).await.sdk().to_builder().timeout_config(timeouts).build()
}

/// Returns the emulator, if this starts one, and the endpoint, if it is not that of AWS.
fn start_backend(options: &Options) -> Result<(Option<Emulator>, Option<String>), SystemError> {
    match &options.backend {
        Backend::Emulator => {
            options.listener.step("starting the emulator");
            let emulator = Emulator::start(&options.listener)?;
            let endpoint = emulator.endpoint().to_owned();
            Ok((Some(emulator), Some(endpoint)))
        }
        Backend::Endpoint(endpoint) => Ok((None, Some(endpoint.clone()))),
        #[cfg(feature = "deployed")]
        Backend::Aws if options.functions == Functions::Deployed => Err(SystemError::Settings(
            "functions are deployed to emulators only; those in aws are deployed as any others are"
                .to_owned(),
        )),
        Backend::Aws => Ok((None, None)),
    }
}

/// Hosts the models. In AWS without models of its own, the endpoints there are called.
async fn host_models(options: &Options, bucket: &Bucket) -> Result<Option<ModelServer>, SystemError> {
    if options.backend == Backend::Aws && options.models.is_empty() {
        return Ok(None);
    }
    let server = ModelServer::start(options.models.clone(), Some(Arc::new(bucket.clone()))).await;
    server.map(Some).map_err(|error| SystemError::Endpoint(format!("no port for models: {error}")))
}

fn config_of(vars: &BTreeMap<String, String>) -> Result<Config, SystemError> {
    Config::from_vars(vars.clone()).map_err(|error| SystemError::Settings(error.to_string()))
}

/// Creates the stream, the tables, the bus, the queues and the bucket.
async fn create(config: &Config) -> Result<(), SystemError> {
    let since = Stopwatch::start();
    loop {
        match setup::create(config).await {
            Ok(()) => return Ok(()),
            // Existing resources are left as they are.
            Err(error) if error.is_transient() && since.elapsed() < STARTUP_TIMEOUT => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(SystemError::Endpoint(error.to_string())),
        }
    }
}

/// The ARNs of the event sources.
#[derive(Clone, Debug)]
struct Arns {
    stream: String,
    outbox: String,
    score_requests: Queue,
}

impl Arns {
    async fn find(sdk: &SdkConfig, config: &Config, queue: Queue) -> Result<Self, SystemError> {
        let names = &config.names;
        let kinesis = aws_sdk_kinesis::Client::new(sdk);
        let what = format!("the stream `{}`", names.stream);
        let answer = kinesis.describe_stream_summary().stream_name(&names.stream).send().await;
        let answer = answer.map_err(|error| SystemError::request(&what, &error))?;
        let stream = answer.stream_description_summary.map(|summary| summary.stream_arn);
        let stream = stream.ok_or_else(|| SystemError::answer(&what))?;
        let dynamodb = aws_sdk_dynamodb::Client::new(sdk);
        let what = format!("the table `{}`", names.outbox_table);
        let answer = dynamodb.describe_table().table_name(&names.outbox_table).send().await;
        let answer = answer.map_err(|error| SystemError::request(&what, &error))?;
        let outbox = answer.table.and_then(|table| table.latest_stream_arn);
        let outbox = outbox.ok_or_else(|| SystemError::answer(format_args!("the stream of {what}")))?;
        Ok(Self { stream, outbox, score_requests: queue })
    }
}

/// Pause between two reads of an idle shard: Kinesis allows five reads per second and shard.
const IDLE: Duration = Duration::from_millis(200);

fn sources(
    sdk: &SdkConfig,
    host: &RuntimeHost,
    points: &KinesisReader,
    arns: &Arns,
    options: &Options,
) -> Vec<Source> {
    let target = |function: &str| Target { host: host.clone(), function: function.to_owned() };
    let outbox = DynamoDbReader::new(aws_sdk_dynamodbstreams::Client::new(sdk), &arns.outbox);
    let sqs = aws_sdk_sqs::Client::new(sdk);
    let score_requests = QueueReader::new(sqs, &arns.score_requests.url, &arns.score_requests.arn);
    let gathering = SourceSettings { batch_size: options.batch_size, window: options.window, idle: IDLE };
    // State changes are published at once.
    let at_once = SourceSettings { batch_size: OUTBOX_BATCH, window: Duration::ZERO, idle: IDLE };
    vec![
        Source::stream(points.clone(), target(EVALUATE), gathering, options.listener.clone()),
        Source::stream(outbox, target(PUBLISH), at_once, options.listener.clone()),
        Source::queue(score_requests, target(ENRICH), options.listener.clone()),
        Source::every_minute(target(TICK)),
    ]
}

/// Variables that name the resources, with the suffix of each name.
pub const NAMES: [(&str, &str); 8] = [
    ("ANDON_STREAM", "-points"),
    ("ANDON_STATE_TABLE", "-state"),
    ("ANDON_OUTBOX_TABLE", "-outbox"),
    ("ANDON_CHECKPOINTS_TABLE", "-checkpoints"),
    ("ANDON_RULES_TABLE", "-rules"),
    ("ANDON_BUCKET", "-records"),
    ("ANDON_BUS", ""),
    ("ANDON_FAILURES_QUEUE", "-failures"),
];

fn variables(endpoint: Option<&str>, options: &Options) -> Result<BTreeMap<String, String>, SystemError> {
    let mut vars = BTreeMap::new();
    for (name, end) in NAMES {
        vars.insert(name.to_owned(), format!("{}{end}", options.prefix));
    }
    let key = random_key()
        .map_err(|error| SystemError::Settings(format!("no random numbers for the internal key: {error}")))?;
    vars.insert("ANDON_INTERNAL_KEY".to_owned(), key);
    if let Some(endpoint) = endpoint {
        let emulator = [
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        vars.extend(emulator.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    vars.extend(options.vars.clone());
    Ok(vars)
}

/// Returns 32 random bytes in hexadecimal. The key allows to forge ticks, so every system has its own.
fn random_key() -> io::Result<String> {
    let mut key = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    Ok(key.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_has_names_of_its_prefix_and_a_key_of_its_own() {
        let options = Options { prefix: "plant-7".to_owned(), ..Options::default() };
        let one = variables(Some("http://127.0.0.1:1"), &options).unwrap();
        let other = variables(Some("http://127.0.0.1:1"), &options).unwrap();
        assert_eq!(one["ANDON_STREAM"], "plant-7-points");
        assert_eq!(one["ANDON_BUS"], "plant-7");
        assert_ne!(one["ANDON_INTERNAL_KEY"], other["ANDON_INTERNAL_KEY"]);
        let config = Config::from_vars(one).unwrap();
        assert!(config.authenticator().is_ok());
    }
}
