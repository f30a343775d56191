//! Deploys the functions to Lambda at an endpoint, behind its own event source mappings.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use andon_clock::Stopwatch;
use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::create_event_source_mapping::builders::CreateEventSourceMappingFluentBuilder;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    Environment, EventSourcePosition, Filter, FilterCriteria, FunctionCode, FunctionResponseType, Runtime,
    State,
};

use super::{Arns, ENRICH, EVALUATE, OUTBOX_BATCH, Options, PUBLISH, SystemError, TICK, zip};
use crate::event::Listener;
use crate::runtime_host::{Function, InvokeError};
use crate::sources::Invoke;

/// Maximum messages of a batch of `enrich`.
const SCORE_REQUESTS_BATCH: i32 = 10;

/// Maximum wait until a function or event source is ready.
const READY: Duration = Duration::from_secs(120);

const PAUSE: Duration = Duration::from_millis(250);

/// Functions and event sources at an endpoint.
#[derive(Debug)]
pub(super) struct DeployedFunctions {
    client: Client,
    listener: Listener,
    prefix: String,
    mappings: Vec<String>,
}

/// A function of Lambda that is invoked from here.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    client: Client,
    function: String,
}

impl DeployedFunctions {
    /// Deploys functions and connects them.
    pub(super) async fn new(
        sdk: &SdkConfig,
        functions: impl IntoIterator<Item = Function>,
        arns: &Arns,
        options: &Options,
    ) -> Result<Self, SystemError> {
        let mut deployed = Self {
            client: Client::new(sdk),
            listener: options.listener.clone(),
            prefix: options.prefix.clone(),
            mappings: Vec::new(),
        };
        let outcome = deployed.deploy(functions, arns, options).await;
        if outcome.is_err() {
            deployed.delete().await;
        }
        outcome.map(|()| deployed)
    }

    async fn deploy(
        &mut self,
        functions: impl IntoIterator<Item = Function>,
        arns: &Arns,
        options: &Options,
    ) -> Result<(), SystemError> {
        for function in functions {
            self.function(&function).await?;
        }
        let mapping = |function: &str, source: &str| {
            self.client
                .create_event_source_mapping()
                .function_name(self.name(function))
                .event_source_arn(source)
                .starting_position(EventSourcePosition::TrimHorizon)
                .function_response_types(FunctionResponseType::ReportBatchItemFailures)
                .bisect_batch_on_function_error(true)
                // Forever, whatever the age.
                .maximum_retry_attempts(-1)
                .maximum_record_age_in_seconds(-1)
        };
        let window_s = i32::try_from(options.window.as_secs()).unwrap_or(i32::MAX);
        let points = mapping(EVALUATE, &arns.stream)
            .batch_size(i32::try_from(options.batch_size).unwrap_or(10_000))
            .maximum_batching_window_in_seconds(window_s);
        // Items that expire are nothing to publish.
        let inserts = Filter::builder().pattern(r#"{"eventName":["INSERT","MODIFY"]}"#).build();
        let outbox = mapping(PUBLISH, &arns.outbox)
            .batch_size(i32::try_from(OUTBOX_BATCH).unwrap_or(100))
            .filter_criteria(FilterCriteria::builder().filters(inserts).build());
        let score_requests = self
            .client
            .create_event_source_mapping()
            .function_name(self.name(ENRICH))
            .event_source_arn(&arns.score_requests.arn)
            .function_response_types(FunctionResponseType::ReportBatchItemFailures)
            .batch_size(SCORE_REQUESTS_BATCH);
        self.connect(points, &arns.stream).await?;
        self.connect(outbox, &arns.outbox).await?;
        self.connect(score_requests, &arns.score_requests.arn).await
    }

    fn name(&self, function: &str) -> String {
        format!("{}-{}", self.prefix, function.trim_start_matches("andon-"))
    }

    async fn function(&self, function: &Function) -> Result<(), SystemError> {
        let name = self.name(&function.name);
        let what = format!("the function `{name}`");
        let binary = fs::read(&function.program).map_err(|error| {
            SystemError::Binaries(format!("cannot read `{}`: {error}", function.program.display()))
        })?;
        let package = zip::pack(&binary)
            .ok_or_else(|| SystemError::Binaries(format!("{what} is too large for a package")))?;
        // Variables that Lambda sets itself.
        let own = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
        let vars: BTreeMap<_, _> =
            function.variables.iter().filter(|(name, _)| !own.contains(&name.as_str())).collect();
        let environment = vars
            .into_iter()
            .fold(Environment::builder(), |environment, (name, value)| environment.variables(name, value));
        let request = self
            .client
            .create_function()
            .function_name(&name)
            .runtime(Runtime::Providedal2023)
            .handler("bootstrap")
            .role("arn:aws:iam::000000000000:role/andon")
            .code(FunctionCode::builder().zip_file(Blob::new(package)).build())
            .timeout(i32::try_from(function.timeout.as_secs()).unwrap_or(900))
            .memory_size(i32::try_from(function.memory_mb).unwrap_or(512))
            .environment(environment.build());
        request.send().await.map_err(|error| SystemError::request(&what, &error))?;
        let since = Stopwatch::start();
        loop {
            let answer = self.client.get_function_configuration().function_name(&name).send().await;
            let answer = answer.map_err(|error| SystemError::request(&what, &error))?;
            match answer.state {
                Some(State::Active) | None => return Ok(()),
                Some(State::Failed) => {
                    let reason = answer.state_reason.unwrap_or_default();
                    return Err(SystemError::Endpoint(format!("{what} cannot be deployed: {reason}")));
                }
                Some(_) if since.elapsed() > READY => {
                    return Err(SystemError::Endpoint(format!(
                        "{what} is not ready after {} s",
                        READY.as_secs()
                    )));
                }
                Some(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn connect(
        &mut self,
        mapping: CreateEventSourceMappingFluentBuilder,
        source: &str,
    ) -> Result<(), SystemError> {
        let what = format!("the event source of `{source}`");
        let answer = mapping.send().await.map_err(|error| SystemError::request(&what, &error))?;
        let id = answer.uuid.ok_or_else(|| SystemError::answer(&what))?;
        self.mappings.push(id.clone());
        let since = Stopwatch::start();
        loop {
            let answer = self.client.get_event_source_mapping().uuid(&id).send().await;
            let answer = answer.map_err(|error| SystemError::request(&what, &error))?;
            if answer.state.as_deref() == Some("Enabled") {
                return Ok(());
            }
            if since.elapsed() > READY {
                let state = answer.state.unwrap_or_default();
                return Err(SystemError::Endpoint(format!(
                    "{what} is `{state}` after {} s",
                    READY.as_secs()
                )));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The function `tick`: emulators do not keep schedules well, so it is invoked from here.
    pub(super) fn tick(&self) -> Remote {
        Remote { client: self.client.clone(), function: self.name(TICK) }
    }

    /// Deletes the deployed functions and event sources.
    pub(super) async fn delete(&self) {
        let not_deleted = |what: &str, error: &dyn std::error::Error| {
            self.listener.problem(format!("{what} cannot be deleted: {error}"));
        };
        for id in &self.mappings {
            if let Err(error) = self.client.delete_event_source_mapping().uuid(id).send().await {
                not_deleted(id, &error);
            }
        }
        for function in [EVALUATE, PUBLISH, TICK, ENRICH] {
            let name = self.name(function);
            if let Err(error) = self.client.delete_function().function_name(&name).send().await {
                not_deleted(&name, &error);
            }
        }
    }
}

impl Invoke for Remote {
    async fn invoke(&self, event: Vec<u8>) -> Result<Vec<u8>, InvokeError> {
        let answer =
            self.client.invoke().function_name(&self.function).payload(Blob::new(event)).send().await;
        match answer {
            Ok(answer) => match (answer.function_error, answer.payload) {
                (None, payload) => Ok(payload.unwrap_or_else(|| Blob::new("")).into_inner()),
                (Some(error), _) => Err(InvokeError::Failed(error)),
            },
            Err(error) => Err(InvokeError::NotStarted(error.to_string())),
        }
    }
}
