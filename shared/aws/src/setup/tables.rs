//! Tables, their index and their times to live.

use andon_workflows::ports::PortError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, IndexStatus, KeySchemaElement, KeyType,
    Projection, ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType, TableStatus,
    TimeToLiveSpecification, TimeToLiveStatus,
};

use super::poll_until;
use crate::error::{port_error, unbuilt};
use crate::state::{DUE_INDEX, head};
use crate::{Aws, checkpoints, outbox, rules};

/// A table to create or inspect.
pub(super) struct Table<'a> {
    pub(super) name: &'a str,
    pub(super) partition: &'static str,
    pub(super) sort: (&'static str, ScalarAttributeType),
    /// The attribute that says when an item may be deleted.
    pub(super) expires: Option<&'static str>,
    /// With the index of due times.
    pub(super) due_index: bool,
    /// With a stream of new images.
    pub(super) stream: bool,
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, PortError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(unbuilt)
}

fn attribute(name: &str, kind: ScalarAttributeType) -> Result<AttributeDefinition, PortError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().map_err(unbuilt)
}

impl Aws {
    pub(super) fn tables(&self) -> [Table<'_>; 4] {
        let names = &self.config.names;
        let plain = |name, partition, sort| Table {
            name,
            partition,
            sort,
            expires: None,
            due_index: false,
            stream: false,
        };
        let text = ScalarAttributeType::S;
        let number = ScalarAttributeType::N;
        [
            Table {
                expires: Some(head::EXPIRES),
                due_index: true,
                ..plain(&names.state_table, head::EQUIPMENT, (head::PART, text.clone()))
            },
            Table {
                expires: Some(outbox::EXPIRES),
                stream: true,
                ..plain(&names.outbox_table, outbox::EQUIPMENT, (outbox::VERSION, number.clone()))
            },
            plain(&names.checkpoints_table, checkpoints::STREAM, (checkpoints::PART, text)),
            plain(&names.rules_table, rules::SUBJECT, (rules::NUMBER, number)),
        ]
    }

    pub(super) async fn create_tables(&self) -> Result<(), PortError> {
        for table in self.tables() {
            self.create_table(&table).await?;
        }
        Ok(())
    }

    async fn create_table(&self, table: &Table<'_>) -> Result<(), PortError> {
        let (sort, kind) = &table.sort;
        let mut request = self
            .dynamodb()
            .create_table()
            .table_name(table.name)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute(table.partition, ScalarAttributeType::S)?)
            .attribute_definitions(attribute(sort, kind.clone())?)
            .key_schema(key(table.partition, KeyType::Hash)?)
            .key_schema(key(sort, KeyType::Range)?);
        if table.due_index {
            let index = GlobalSecondaryIndex::builder()
                .index_name(DUE_INDEX)
                .key_schema(key(head::DUE_BUCKET, KeyType::Hash)?)
                .key_schema(key(head::DUE_AT, KeyType::Range)?)
                .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
                .build()
                .map_err(unbuilt)?;
            request = request
                .attribute_definitions(attribute(head::DUE_BUCKET, ScalarAttributeType::N)?)
                .attribute_definitions(attribute(head::DUE_AT, ScalarAttributeType::N)?)
                .global_secondary_indexes(index);
        }
        if table.stream {
            let stream = StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewImage)
                .build()
                .map_err(unbuilt)?;
            request = request.stream_specification(stream);
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) => {
                Ok(())
            }
            Err(error) => Err(port_error(format_args!("cannot create the table `{}`", table.name), &error)),
        }
    }

    /// Waits for the tables, and lets their items expire.
    pub(super) async fn finish_tables(&self) -> Result<(), PortError> {
        for table in self.tables() {
            poll_until(&format!("the table `{}` is active", table.name), async || {
                let answer = self.dynamodb().describe_table().table_name(table.name).send().await;
                let answer = answer.map_err(|error| {
                    port_error(format_args!("cannot look at the table `{}`", table.name), &error)
                })?;
                Ok(answer.table.is_some_and(|found| {
                    found.table_status == Some(TableStatus::Active)
                        && found
                            .global_secondary_indexes()
                            .iter()
                            .all(|index| index.index_status == Some(IndexStatus::Active))
                }))
            })
            .await?;
            if let Some(attribute) = table.expires {
                self.let_expire(table.name, attribute).await?;
            }
        }
        Ok(())
    }

    async fn let_expire(&self, table: &str, attribute: &str) -> Result<(), PortError> {
        let what = format!("cannot let the items of `{table}` expire");
        let answer = self.dynamodb().describe_time_to_live().table_name(table).send().await;
        let known = answer.map_err(|error| port_error(&what, &error))?.time_to_live_description;
        let status = known.and_then(|known| known.time_to_live_status);
        if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            return Ok(());
        }
        let wanted = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build();
        let answer = self
            .dynamodb()
            .update_time_to_live()
            .table_name(table)
            .time_to_live_specification(wanted.map_err(unbuilt)?)
            .send()
            .await;
        answer.map(|_| ()).map_err(|error| port_error(&what, &error))
    }

    pub(super) async fn delete_tables(&self) -> Result<(), PortError> {
        for table in self.tables() {
            let name = table.name;
            match self.dynamodb().delete_table().table_name(name).send().await {
                Ok(_) => {}
                Err(error)
                    if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {}
                Err(error) => {
                    return Err(port_error(format_args!("cannot delete the table `{name}`"), &error));
                }
            }
            poll_until(&format!("the table `{name}` is gone"), async || {
                match self.dynamodb().describe_table().table_name(name).send().await {
                    Ok(_) => Ok(false),
                    Err(error)
                        if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) =>
                    {
                        Ok(true)
                    }
                    Err(error) => Err(port_error(format_args!("cannot look at the table `{name}`"), &error)),
                }
            })
            .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    /// The tables as shared/aws/tables.json writes them.
    fn described(aws: &Aws) -> Value {
        let key = |name: &str, kind: &ScalarAttributeType| json!({"name": name, "type": kind.as_str()});
        let mut tables = Map::new();
        for table in aws.tables() {
            let (sort, kind) = &table.sort;
            let mut shape = Map::new();
            shape.insert("partitionKey".to_owned(), key(table.partition, &ScalarAttributeType::S));
            shape.insert("sortKey".to_owned(), key(sort, kind));
            if table.due_index {
                let number = &ScalarAttributeType::N;
                let index = json!({"partitionKey": key(head::DUE_BUCKET, number), "sortKey": key(head::DUE_AT, number)});
                shape.insert("indexes".to_owned(), json!({DUE_INDEX: index}));
            }
            if let Some(attribute) = table.expires {
                shape.insert("timeToLive".to_owned(), attribute.into());
            }
            if table.stream {
                shape.insert("stream".to_owned(), StreamViewType::NewImage.as_str().into());
            }
            tables.insert(table.name.trim_start_matches("andon-").to_owned(), Value::Object(shape));
        }
        Value::Object(tables)
    }

    #[tokio::test]
    async fn tables_for_development_are_those_that_are_deployed() {
        let aws = Aws::connect(&crate::Config::default()).await;
        let deployed: Value = serde_json::from_str(include_str!("../../tables.json")).unwrap();
        assert_eq!(described(&aws), deployed);
    }
}
