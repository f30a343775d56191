//! Looks at what a deployment is made of, and changes nothing.

use andon_workflows::ports::PortError;
use aws_sdk_dynamodb::types::{StreamViewType, TableDescription, TableStatus, TimeToLiveStatus};
use aws_sdk_kinesis::types::StreamStatus;
use aws_sdk_sqs::types::QueueAttributeName;

use super::HOUR_MS;
use super::tables::Table;
use crate::Aws;
use crate::error::port_error;
use crate::state::DUE_INDEX;

/// A resource that was inspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// The name of the resource, such as ``table `andon-state` ``.
    pub what: String,
    /// The findings, each with its expectation; empty if the resource is as expected.
    pub wrong: Vec<String>,
}

impl Inspected {
    fn of(what: String, found: Result<Vec<String>, PortError>) -> Self {
        Self { what, wrong: found.unwrap_or_else(|error| vec![error.message]) }
    }
}

impl Aws {
    /// Inspects stream, tables, bucket, bus and queues. If a resource cannot be read, for example without a permission, the
    /// error is its finding.
    pub async fn inspect(&self) -> Vec<Inspected> {
        let names = &self.config.names;
        let mut all = vec![Inspected::of(format!("stream `{}`", names.stream), self.inspect_stream().await)];
        for table in self.tables() {
            let found = self.inspect_table(&table).await;
            all.push(Inspected::of(format!("table `{}`", table.name), found));
        }
        all.push(Inspected::of(format!("bucket `{}`", names.bucket), self.inspect_bucket().await));
        all.push(Inspected::of(format!("bus `{}`", names.bus), self.inspect_bus().await));
        all.push(Inspected::of(format!("queue `{}`", self.queue_name()), self.inspect_queue().await));
        if let Some(url) = &self.config.score_requests_queue {
            let what = format!("queue of score requests `{url}`");
            all.push(Inspected::of(what, self.inspect_score_requests(url).await));
        }
        all
    }

    async fn inspect_stream(&self) -> Result<Vec<String>, PortError> {
        let stream = &self.config.names.stream;
        let answer = self.kinesis().describe_stream_summary().stream_name(stream).send().await;
        let answer = answer.map_err(|error| port_error("cannot look at it", &error))?;
        let Some(summary) = answer.stream_description_summary else { return Ok(Vec::new()) };
        let mut wrong = Vec::new();
        if !matches!(summary.stream_status, StreamStatus::Active | StreamStatus::Updating) {
            wrong.push(format!("it is {}, expected ACTIVE", summary.stream_status));
        }
        let kept_ms = i64::from(summary.retention_period_hours).saturating_mul(HOUR_MS);
        if kept_ms > self.config.stream_retention_ms {
            wrong.push(format!(
                "it keeps records for {} h, but ANDON_STREAM_RETENTION says {} h: positions would be forgotten before the \
                 records that they are for",
                summary.retention_period_hours,
                self.config.stream_retention_ms.div_euclid(HOUR_MS)
            ));
        }
        Ok(wrong)
    }

    async fn inspect_table(&self, table: &Table<'_>) -> Result<Vec<String>, PortError> {
        let answer = self.dynamodb().describe_table().table_name(table.name).send().await;
        let answer = answer.map_err(|error| port_error("cannot look at it", &error))?;
        let mut wrong = answer.table.map_or_else(Vec::new, |found| table.compare(&found));
        if let Some(attribute) = table.expires {
            let answer = self.dynamodb().describe_time_to_live().table_name(table.name).send().await;
            let answer = answer.map_err(|error| port_error("cannot look at its time to live", &error))?;
            let known = answer.time_to_live_description;
            let enabled = known.as_ref().is_some_and(|known| {
                known.attribute_name() == Some(attribute)
                    && matches!(
                        known.time_to_live_status,
                        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
                    )
            });
            if !enabled {
                wrong.push(format!("its items do not expire, expected a time to live by `{attribute}`"));
            }
        }
        Ok(wrong)
    }

    async fn inspect_bucket(&self) -> Result<Vec<String>, PortError> {
        let answer = self.s3().head_bucket().bucket(&self.config.names.bucket).send().await;
        answer.map(|_| Vec::new()).map_err(|error| port_error("cannot look at it", &error))
    }

    async fn inspect_bus(&self) -> Result<Vec<String>, PortError> {
        let Some(bus) = self.own_bus() else { return Ok(Vec::new()) };
        let answer = self.eventbridge().describe_event_bus().name(bus).send().await;
        answer.map(|_| Vec::new()).map_err(|error| port_error("cannot look at it", &error))
    }

    async fn inspect_queue(&self) -> Result<Vec<String>, PortError> {
        let answer = self.sqs().get_queue_url().queue_name(self.queue_name()).send().await;
        answer.map(|_| Vec::new()).map_err(|error| port_error("cannot look at it", &error))
    }

    async fn inspect_score_requests(&self, url: &str) -> Result<Vec<String>, PortError> {
        let redrive = QueueAttributeName::RedrivePolicy;
        let answer =
            self.sqs().get_queue_attributes().queue_url(url).attribute_names(redrive.clone()).send().await;
        let answer = answer.map_err(|error| port_error("cannot look at it", &error))?;
        let has_end = answer.attributes().is_some_and(|attributes| attributes.contains_key(&redrive));
        let wrong = "it has no dead-letter queue: what can never be done would come again for days";
        Ok(if has_end { Vec::new() } else { vec![wrong.to_owned()] })
    }
}

impl Table<'_> {
    /// In what a table differs from what it should be.
    fn compare(&self, found: &TableDescription) -> Vec<String> {
        let mut wrong = Vec::new();
        if !matches!(found.table_status, Some(TableStatus::Active | TableStatus::Updating)) {
            let status = found.table_status.as_ref().map_or("unknown", TableStatus::as_str);
            wrong.push(format!("it is {status}, expected ACTIVE"));
        }
        let keys: Vec<&str> = found.key_schema().iter().map(|key| key.attribute_name.as_str()).collect();
        let expected = [self.partition, self.sort.0];
        if keys != expected {
            wrong.push(format!("its key is {keys:?}, expected {expected:?}"));
        }
        let has_index =
            found.global_secondary_indexes().iter().any(|index| index.index_name() == Some(DUE_INDEX));
        if self.due_index && !has_index {
            wrong.push(format!("it has no index `{DUE_INDEX}`: silent machines would get no ticks"));
        }
        let stream = found.stream_specification.as_ref().filter(|stream| stream.stream_enabled);
        let view = stream.and_then(|stream| stream.stream_view_type.as_ref());
        let whole = matches!(view, Some(StreamViewType::NewImage | StreamViewType::NewAndOldImages));
        if self.stream && !whole {
            wrong.push("it has no stream of new images: nothing would be published".to_owned());
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_comparison_lists_each_setting_that_a_table_lacks() {
        let aws = Aws::connect(&crate::Config::default()).await;
        let found = TableDescription::builder().table_status(TableStatus::Active).build();
        let wrong: Vec<Vec<String>> = aws.tables().iter().map(|table| table.compare(&found)).collect();
        let about = |table: usize, word: &str| {
            wrong.get(table).is_some_and(|wrong| wrong.iter().any(|line| line.contains(word)))
        };
        assert!(about(0, "its key is") && about(0, "index `due`") && !about(0, "stream"), "{wrong:?}");
        assert!(about(1, "stream of new images") && !about(1, "index"), "{wrong:?}");
        assert!(
            about(2, r#"expected ["stream", "part"]"#) && about(3, r#"expected ["id", "n"]"#),
            "{wrong:?}"
        );
    }
}
