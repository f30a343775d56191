//! All of it together: an emulator, what the system reads and writes there, the functions and their event sources.

mod async_io;
mod binaries;
mod changes;
mod deploy;
mod score_requests;
mod zip;

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, Read as _};
use std::time::Duration;

use andon_aws::{Aws, Config, setup};
use andon_clock::Stopwatch;
use andon_models::Model;
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_kinesis::error::DisplayErrorContext;

use self::async_io::Bucket;
use self::deploy::Deployed;
use self::score_requests::Queue;
use crate::event::Listener;
use crate::models::ModelServer;
use crate::runtime_host::{Function, RuntimeHost};
use crate::sources::{DynamoDbReader, KinesisReader, QueueReader, Source, SourceSettings, Target};
use crate::{Emulator, EmulatorError};

/// The function that folds the stream.
pub const EVALUATE: &str = "andon-evaluate";

/// The function that publishes what was decided.
pub const PUBLISH: &str = "andon-publish";

/// The function that sends ticks.
pub const TICK: &str = "andon-tick";

/// The function that asks models.
pub const ENRICH: &str = "andon-enrich";

/// Longest invocation of all functions but `tick`.
const TIMEOUT: Duration = Duration::from_secs(60);

/// `tick` works through a minute.
const TICK_TIMEOUT: Duration = Duration::from_secs(90);

/// Memory that functions are told to have.
const MEMORY_MB: u32 = 512;

/// Who runs the functions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Functions {
    /// This process: as processes of its own, behind event sources of its own.
    #[default]
    Here,
    /// The endpoint: as functions of Lambda, behind its event source mappings, set as in production.
    Deployed,
}

/// Where streams, tables, bus, queues and bucket are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In an emulator that is started for this.
    #[default]
    Emulator,
    /// In one that runs already, or whatever else answers at a URL.
    Endpoint(String),
    /// In AWS, in the account and region that its own tools find.
    Aws,
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything is.
    pub place: Place,
    /// What all names begin with.
    pub prefix: String,
    /// Variables of the functions, over the defaults: `ANDON_*`, and `AWS_*` for an endpoint that asks for more than
    /// emulators do.
    pub vars: BTreeMap<String, String>,
    /// Who runs the functions.
    pub functions: Functions,
    /// How long `evaluate` gathers records for a batch.
    pub window: Duration,
    /// Most records of a batch of `evaluate`.
    pub batch_size: usize,
    /// Models by endpoint, hosted here. In AWS, without any, the endpoints there are asked.
    pub models: BTreeMap<String, Model>,
    /// Whom to tell what happens.
    pub listener: Listener,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            place: Place::default(),
            prefix: "andon".to_owned(),
            vars: BTreeMap::new(),
            functions: Functions::default(),
            window: Duration::from_secs(1),
            batch_size: 10_000,
            models: BTreeMap::new(),
            listener: Listener::nobody(),
        }
    }
}

/// Why the system does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SystemError {
    /// There is no emulator.
    Emulator(EmulatorError),
    /// Something that was set is wrong.
    Settings(String),
    /// The binaries of the functions are not there.
    Binaries(String),
    /// The emulator, or endpoint, did not do what it was asked.
    Endpoint(String),
}

impl Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Emulator(error) => error.fmt(f),
            Self::Settings(text) | Self::Binaries(text) | Self::Endpoint(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for SystemError {}

impl From<EmulatorError> for SystemError {
    fn from(error: EmulatorError) -> Self {
        Self::Emulator(error)
    }
}

impl SystemError {
    /// A request that failed.
    fn request(what: impl Display, error: &(impl std::error::Error + ?Sized)) -> Self {
        Self::Endpoint(format!("{what}: {}", DisplayErrorContext(error)))
    }

    /// An answer that lacks something.
    fn answer(what: impl Display) -> Self {
        Self::Endpoint(format!("{what}: not in the answer"))
    }
}

/// A system that runs. Dropped, it stops at once; [`System::down`] stops it in order.
#[derive(Debug)]
pub struct System {
    // In the order in which they are to go.
    sources: Vec<Source>,
    models: Option<ModelServer>,
    host: Option<RuntimeHost>,
    deployed: Option<Deployed>,
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
    /// See [`SystemError`]. What was started is stopped again.
    pub async fn up(options: Options) -> Result<Self, SystemError> {
        let listener = &options.listener;
        let programs = binaries::find(&[EVALUATE, PUBLISH, TICK, ENRICH], listener)?;
        let (emulator, endpoint) = match &options.place {
            Place::Emulator => {
                listener.step("starting the emulator");
                let emulator = Emulator::start(listener)?;
                let endpoint = emulator.endpoint().to_owned();
                (Some(emulator), Some(endpoint))
            }
            Place::Endpoint(endpoint) => (None, Some(endpoint.clone())),
            Place::Aws if options.functions == Functions::Deployed => {
                let refused =
                    "functions are deployed to emulators only; those in aws are deployed as any others are";
                return Err(SystemError::Settings(refused.to_owned()));
            }
            Place::Aws => (None, None),
        };
        let mut vars = variables(endpoint.as_deref(), &options)?;
        let config =
            Config::from_vars(vars.clone()).map_err(|error| SystemError::Settings(error.to_string()))?;
        listener.step("creating stream, tables, bus, queues and bucket");
        create(&config).await?;
        let sdk = patient(&config).await;
        let changes_queue =
            changes::create(&sdk, &config.names.bus, &format!("{}-changes", options.prefix)).await?;
        let queue = score_requests::create(&sdk, &options.prefix).await?;
        vars.insert("ANDON_QUESTIONS_QUEUE_URL".to_owned(), queue.url.clone());
        let around = Bucket::new(&sdk, &config.names.bucket, listener.clone());
        let models = if options.place == Place::Aws && options.models.is_empty() {
            None
        } else {
            let server =
                ModelServer::start(options.models.clone(), Some(std::sync::Arc::new(around.clone())));
            let server = server
                .await
                .map_err(|error| SystemError::Endpoint(format!("no port for models: {error}")))?;
            vars.entry("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME".to_owned()).or_insert_with(|| server.url());
            Some(server)
        };
        let config =
            Config::from_vars(vars.clone()).map_err(|error| SystemError::Settings(error.to_string()))?;
        let arns = Arns::find(&sdk, &config, queue).await?;
        let kinesis = aws_sdk_kinesis::Client::new(&sdk);
        let points = KinesisReader::new(kinesis, &config.names.stream, &arns.stream);
        let functions = [(EVALUATE, TIMEOUT), (PUBLISH, TIMEOUT), (TICK, TICK_TIMEOUT), (ENRICH, TIMEOUT)]
            .into_iter()
            .zip(programs);
        let functions = functions.map(|((name, timeout), program)| Function {
            name: name.to_owned(),
            program,
            arguments: Vec::new(),
            variables: vars.clone(),
            timeout,
            memory_mb: MEMORY_MB,
        });
        let mut system = Self {
            sources: Vec::new(),
            models,
            host: None,
            deployed: None,
            vars: vars.clone(),
            config,
            endpoint,
            changes_queue,
            points,
            sqs: aws_sdk_sqs::Client::new(&sdk),
            _emulator: emulator,
        };
        match options.functions {
            Functions::Here => {
                listener.step("starting the functions");
                let host = RuntimeHost::new(functions, listener.clone());
                around.tell_at(&host);
                system.sources = sources(&sdk, &host, &system.points, &arns, &options);
                system.host = Some(host);
            }
            Functions::Deployed => {
                listener.step("deploying the functions");
                let deployed = Deployed::new(&sdk, functions, &arns, &options).await?;
                system.sources = vec![Source::every_minute(deployed.tick())];
                system.deployed = Some(deployed);
            }
        }
        listener.step("ready");
        Ok(system)
    }

    /// Stops: first the event sources, after the batches that are under way; then the functions; then the emulator, if it
    /// is one of ours.
    pub async fn down(mut self) {
        self.sources.iter().for_each(Source::stop);
        for source in std::mem::take(&mut self.sources) {
            source.down().await;
        }
        if let Some(host) = self.host.take() {
            host.down();
        }
        if let Some(deployed) = self.deployed.take() {
            deployed.delete().await;
        }
    }

    /// Where the emulator, or what was named in its place, answers; `None` for AWS.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The variables that the functions have, and whoever talks to the system needs. Among them is the internal key.
    #[must_use]
    pub fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    /// The same, read.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// URL of the queue that gets every state change, as events of EventBridge.
    #[must_use]
    pub fn changes_queue(&self) -> &str {
        &self.changes_queue
    }

    /// Takes state changes off their queue: bodies of events of EventBridge. Waits up to so many seconds for the first.
    ///
    /// # Errors
    /// When the queue does not answer.
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

    /// Kills every process of a function that is working on an event. Only where functions run here.
    pub fn kill_invoking(&self, function: &str) {
        if let Some(host) = &self.host {
            host.kill_invoking(function);
        }
    }
}

/// Patience with an endpoint that does not answer: some start their services when they are first asked.
const PATIENCE: Duration = Duration::from_secs(120);

/// What clients are made of that have as much patience.
async fn patient(config: &Config) -> SdkConfig {
    let timeouts =
        TimeoutConfig::builder().operation_timeout(PATIENCE).operation_attempt_timeout(PATIENCE).build();
    Aws::connect(config).await.sdk().to_builder().timeout_config(timeouts).build()
}

/// Makes what the system reads and writes.
async fn create(config: &Config) -> Result<(), SystemError> {
    let since = Stopwatch::start();
    loop {
        match setup::create(config).await {
            Ok(()) => return Ok(()),
            // What was made already is left as it is.
            Err(error) if error.is_transient() && since.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(SystemError::Endpoint(error.to_string())),
        }
    }
}

/// What event sources are named by.
#[derive(Clone, Debug)]
struct Arns {
    stream: String,
    outbox: String,
    questions: Queue,
}

impl Arns {
    async fn find(sdk: &SdkConfig, config: &Config, questions: Queue) -> Result<Self, SystemError> {
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
        Ok(Self { stream, outbox, questions })
    }
}

/// Between two looks at a shard: a shard of Kinesis may be read five times a second.
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
    let questions = QueueReader::new(sqs, &arns.questions.url, &arns.questions.arn);
    let gathering = SourceSettings { batch_size: options.batch_size, window: options.window, idle: IDLE };
    // What was decided is published at once.
    let at_once = SourceSettings { batch_size: deploy::OUTBOX_BATCH, window: Duration::ZERO, idle: IDLE };
    vec![
        Source::stream(points.clone(), target(EVALUATE), gathering, options.listener.clone()),
        Source::stream(outbox, target(PUBLISH), at_once, options.listener.clone()),
        Source::queue(questions, target(ENRICH), options.listener.clone()),
        Source::every_minute(target(TICK)),
    ]
}

/// Variables that name what the system reads and writes, and what each name ends in.
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

/// 32 random bytes in hexadecimal. Those who know it can forge ticks, so every system has one of its own.
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
