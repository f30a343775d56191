//! Creates the resources of the system for development: on an emulator, or in a private account. Resources that exist are
//! left as they are.

mod inspect;
mod tables;

use std::time::Duration;

use andon_clock::Stopwatch;
use andon_workflows::ports::PortError;
use aws_sdk_kinesis::types::StreamStatus;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, Delete, ObjectIdentifier};

pub use self::inspect::Inspected;
use crate::error::{port_error, unbuilt};
use crate::{Aws, Config};

/// Maximum wait until a resource is created or deleted.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

const PAUSE: Duration = Duration::from_millis(250);

const HOUR_MS: i64 = 3_600_000;

/// The region in which buckets are created without naming it.
const FIRST_REGION: &str = "us-east-1";

/// Makes stream, tables, bus, queue and bucket, and waits until they can be used.
///
/// # Errors
/// If a resource cannot be created; the error names it and the cause.
pub async fn create(config: &Config) -> Result<(), PortError> {
    let aws = Aws::connect_for_setup(config).await;
    // Those that take their time go first, and are waited for last.
    aws.create_stream().await?;
    aws.create_tables().await?;
    aws.create_bus().await?;
    aws.create_queue().await?;
    aws.create_bucket().await?;
    aws.finish_tables().await?;
    aws.finish_stream().await
}

/// Deletes all of it, with everything in it.
///
/// # Errors
/// If a resource cannot be deleted; the error names it and the cause.
pub async fn delete(config: &Config) -> Result<(), PortError> {
    let aws = Aws::connect_for_setup(config).await;
    aws.delete_bucket().await?;
    aws.delete_queue().await?;
    aws.delete_bus().await?;
    aws.delete_tables().await?;
    aws.delete_stream().await
}

/// Polls until a condition holds. The error after the timeout names the condition.
async fn poll_until(
    what: &str,
    mut is_so: impl AsyncFnMut() -> Result<bool, PortError>,
) -> Result<(), PortError> {
    let since = Stopwatch::start();
    while !is_so().await? {
        if since.elapsed() > READY_TIMEOUT {
            return Err(PortError::transient(format!("{what}: not so after {} s", READY_TIMEOUT.as_secs())));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

impl Aws {
    async fn create_stream(&self) -> Result<(), PortError> {
        let stream = &self.config.names.stream;
        let answer =
            self.kinesis().create_stream().stream_name(stream).shard_count(self.config.shards).send().await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) => {
                Ok(())
            }
            Err(error) => Err(port_error(format_args!("cannot create the stream `{stream}`"), &error)),
        }
    }

    async fn finish_stream(&self) -> Result<(), PortError> {
        let stream = &self.config.names.stream;
        let mut hours = 0;
        poll_until(&format!("the stream `{stream}` is active"), async || {
            let answer = self.kinesis().describe_stream_summary().stream_name(stream).send().await;
            let answer = answer
                .map_err(|error| port_error(format_args!("cannot look at the stream `{stream}`"), &error))?;
            let summary = answer.stream_description_summary;
            hours = summary.as_ref().map_or(0, |summary| summary.retention_period_hours);
            Ok(summary.is_some_and(|summary| summary.stream_status == StreamStatus::Active))
        })
        .await?;
        let wanted = i32::try_from(self.config.stream_retention_ms.div_euclid(HOUR_MS)).unwrap_or(i32::MAX);
        if hours >= wanted {
            return Ok(());
        }
        let answer = self
            .kinesis()
            .increase_stream_retention_period()
            .stream_name(stream)
            .retention_period_hours(wanted)
            .send()
            .await;
        answer.map(|_| ()).map_err(|error| {
            port_error(format_args!("cannot keep the records of `{stream}` for {wanted} hours"), &error)
        })
    }

    async fn delete_stream(&self) -> Result<(), PortError> {
        let stream = &self.config.names.stream;
        let answer =
            self.kinesis().delete_stream().stream_name(stream).enforce_consumer_deletion(true).send().await;
        match answer {
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {}
            Err(error) => {
                return Err(port_error(format_args!("cannot delete the stream `{stream}`"), &error));
            }
        }
        poll_until(&format!("the stream `{stream}` is gone"), async || {
            let answer = self.kinesis().describe_stream_summary().stream_name(stream).send().await;
            match answer {
                Ok(_) => Ok(false),
                Err(error)
                    if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) =>
                {
                    Ok(true)
                }
                Err(error) => Err(port_error(format_args!("cannot look at the stream `{stream}`"), &error)),
            }
        })
        .await
    }

    /// The name of the bus, unless it is the one that every account has.
    fn own_bus(&self) -> Option<&str> {
        let bus = self.config.names.bus.as_str();
        let name = bus.rsplit('/').next().unwrap_or(bus);
        (name != "default").then_some(name)
    }

    async fn create_bus(&self) -> Result<(), PortError> {
        let Some(bus) = self.own_bus() else { return Ok(()) };
        match self.eventbridge().create_event_bus().name(bus).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_resource_already_exists_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(port_error(format_args!("cannot create the bus `{bus}`"), &error)),
        }
    }

    async fn delete_bus(&self) -> Result<(), PortError> {
        let Some(bus) = self.own_bus() else { return Ok(()) };
        // One that is not there is no error.
        let answer = self.eventbridge().delete_event_bus().name(bus).send().await;
        answer.map(|_| ()).map_err(|error| port_error(format_args!("cannot delete the bus `{bus}`"), &error))
    }

    /// The name of the queue, also where its URL was given.
    fn queue_name(&self) -> &str {
        let queue = self.config.names.failures_queue.as_str();
        queue.rsplit('/').next().unwrap_or(queue)
    }

    async fn create_queue(&self) -> Result<(), PortError> {
        let queue = self.queue_name();
        let answer = self.sqs().create_queue().queue_name(queue).send().await;
        answer
            .map(|_| ())
            .map_err(|error| port_error(format_args!("cannot create the queue `{queue}`"), &error))
    }

    async fn delete_queue(&self) -> Result<(), PortError> {
        let queue = self.queue_name();
        let wrong = |error: &dyn std::fmt::Display| format!("cannot delete the queue `{queue}`{error}");
        let url = match self.sqs().get_queue_url().queue_name(queue).send().await {
            Ok(answer) => answer.queue_url.unwrap_or_default(),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_queue_does_not_exist()) => {
                return Ok(());
            }
            Err(error) => return Err(port_error(wrong(&""), &error)),
        };
        let answer = self.sqs().delete_queue().queue_url(url).send().await;
        answer.map(|_| ()).map_err(|error| port_error(wrong(&""), &error))
    }

    async fn create_bucket(&self) -> Result<(), PortError> {
        let bucket = &self.config.names.bucket;
        let region = self.sdk().region().map(ToString::to_string).filter(|region| region != FIRST_REGION);
        let place = region.map(|region| {
            CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::from(region.as_str()))
                .build()
        });
        match self.s3().create_bucket().bucket(bucket).set_create_bucket_configuration(place).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_bucket_already_owned_by_you()) => {
                Ok(())
            }
            Err(error) => {
                let mut error = port_error(format_args!("cannot create the bucket `{bucket}`"), &error);
                // One that is there and can be listed is as good as one that was created.
                if self.s3().head_bucket().bucket(bucket).send().await.is_ok() {
                    return Ok(());
                }
                if error.message.contains("BucketAlreadyExists") {
                    error.message.push_str(
                        "; names of buckets are taken all over the world, set another one as ANDON_BUCKET",
                    );
                }
                Err(error)
            }
        }
    }

    async fn delete_bucket(&self) -> Result<(), PortError> {
        let bucket = &self.config.names.bucket;
        let what = format!("cannot delete the bucket `{bucket}`");
        loop {
            let found = match self.s3().list_objects_v2().bucket(bucket).send().await {
                Ok(found) => found.contents.unwrap_or_default(),
                Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_bucket()) => {
                    return Ok(());
                }
                Err(error) => return Err(port_error(&what, &error)),
            };
            if found.is_empty() {
                break;
            }
            let mut objects = Delete::builder().quiet(true);
            for name in found.into_iter().filter_map(|object| object.key) {
                objects = objects.objects(ObjectIdentifier::builder().key(name).build().map_err(unbuilt)?);
            }
            let objects = objects.build().map_err(unbuilt)?;
            let answer = self.s3().delete_objects().bucket(bucket).delete(objects).send().await;
            let answer = answer.map_err(|error| port_error(&what, &error))?;
            if let Some(error) = answer.errors().first() {
                let name = error.key().unwrap_or_default();
                let said = error.message().unwrap_or("no message");
                return Err(PortError::transient(format!("{what}: its object `{name}` stays: {said}")));
            }
        }
        let answer = self.s3().delete_bucket().bucket(bucket).send().await;
        answer.map(|_| ()).map_err(|error| port_error(&what, &error))
    }
}
