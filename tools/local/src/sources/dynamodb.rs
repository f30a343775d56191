//! Reads the stream of a DynamoDB table.

use std::collections::BTreeMap;

use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_dynamodbstreams::types::{AttributeValue, Record, ShardIteratorType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Page, ReadError, Reader, Shard, SourceRecord};

/// Reads the stream of a table.
#[derive(Clone, Debug)]
pub struct DynamoDbReader {
    client: Client,
    arn: String,
}

impl DynamoDbReader {
    /// A reader of a stream.
    pub fn new(client: Client, arn: impl Into<String>) -> Self {
        Self { client, arn: arn.into() }
    }

    /// As Lambda writes it; `None` for a record without a number, which cannot be.
    fn record(&self, record: &Record) -> Option<SourceRecord> {
        let change = record.dynamodb.as_ref()?;
        let number = change.sequence_number.clone()?;
        let item = |item: &Option<_>| item.as_ref().map(|item| json!(item_json(item)));
        let mut dynamodb = json!({
            "ApproximateCreationDateTime": change.approximate_creation_date_time.map(|at| at.secs()),
            "SequenceNumber": number,
            "SizeBytes": change.size_bytes,
            "StreamViewType": change.stream_view_type.as_ref().map(|view| view.as_str()),
        });
        let images = [
            ("Keys", item(&change.keys)),
            ("NewImage", item(&change.new_image)),
            ("OldImage", item(&change.old_image)),
        ];
        for (name, image) in images {
            if let (Some(image), Some(dynamodb)) = (image, dynamodb.as_object_mut()) {
                dynamodb.insert(name.to_owned(), image);
            }
        }
        let json = json!({
            "eventID": record.event_id,
            "eventName": record.event_name.as_ref().map(|name| name.as_str()),
            "eventVersion": record.event_version.as_deref().unwrap_or("1.1"),
            "eventSource": "aws:dynamodb",
            "awsRegion": record.aws_region,
            "dynamodb": dynamodb,
            "eventSourceARN": self.arn,
        });
        Some(SourceRecord { number, json: json.to_string() })
    }
}

fn item_json<'i>(
    item: impl IntoIterator<Item = (&'i String, &'i AttributeValue)>,
) -> BTreeMap<&'i String, Value> {
    item.into_iter().map(|(name, value)| (name, value_json(value))).collect()
}

fn value_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::B(bytes) => json!({"B": STANDARD.encode(bytes.as_ref())}),
        AttributeValue::Bool(bool) => json!({"BOOL": bool}),
        AttributeValue::Bs(list) => {
            json!({"BS": list.iter().map(|bytes| STANDARD.encode(bytes.as_ref())).collect::<Vec<_>>()})
        }
        AttributeValue::L(list) => json!({"L": list.iter().map(value_json).collect::<Vec<_>>()}),
        AttributeValue::M(map) => json!({"M": item_json(map)}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Ns(list) => json!({"NS": list}),
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::Ss(list) => json!({"SS": list}),
        // One that this version does not know of.
        _ => json!({"NULL": true}),
    }
}

fn read_error<E: ProvideErrorMetadata + std::error::Error>(error: &E) -> ReadError {
    let text = DisplayErrorContext(error).to_string();
    match error.code() {
        Some("ResourceNotFoundException") => ReadError::Gone(text),
        _ => ReadError::Other(text),
    }
}

impl Reader for DynamoDbReader {
    async fn shards(&self) -> Result<Vec<Shard>, ReadError> {
        let mut shards = Vec::new();
        let mut last = None;
        loop {
            let request =
                self.client.describe_stream().stream_arn(&self.arn).set_exclusive_start_shard_id(last);
            let answer = request.send().await.map_err(|error| read_error(&error))?;
            let Some(description) = answer.stream_description else { return Ok(shards) };
            for shard in description.shards.unwrap_or_default() {
                let Some(id) = shard.shard_id else { continue };
                shards.push(Shard { id, parents: shard.parent_shard_id.into_iter().collect() });
            }
            last = description.last_evaluated_shard_id;
            if last.is_none() {
                return Ok(shards);
            }
        }
    }

    async fn begin(&self, shard: &str, after: Option<&str>) -> Result<String, ReadError> {
        let request = self.client.get_shard_iterator().stream_arn(&self.arn).shard_id(shard);
        let request = match after {
            None => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Some(number) => {
                request.shard_iterator_type(ShardIteratorType::AfterSequenceNumber).sequence_number(number)
            }
        };
        let answer = request.send().await.map_err(|error| read_error(&error))?;
        answer.shard_iterator.ok_or_else(|| ReadError::Other("no iterator in the answer".to_owned()))
    }

    async fn read(&self, _shard: &str, from: &str) -> Result<Page, ReadError> {
        let answer = self.client.get_records().shard_iterator(from).limit(1000).send().await;
        let answer = answer.map_err(|error| read_error(&error))?;
        let records = answer.records.unwrap_or_default();
        Ok(Page {
            records: records.iter().filter_map(|record| self.record(record)).collect(),
            next: answer.next_shard_iterator,
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodbstreams::config::{BehaviorVersion, Region};
    use aws_sdk_dynamodbstreams::primitives::{Blob, DateTime};
    use aws_sdk_dynamodbstreams::types::{OperationType, StreamRecord};

    use super::*;

    #[test]
    fn an_insert_stands_in_an_event_as_lambda_writes_it() {
        let config = aws_sdk_dynamodbstreams::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .build();
        let reader = DynamoDbReader::new(Client::from_conf(config), "arn:outbox");
        let change = StreamRecord::builder()
            .approximate_creation_date_time(DateTime::from_secs(1_545_084_650))
            .keys("equipmentId", AttributeValue::S("press-1".to_owned()))
            .new_image("version", AttributeValue::N("7".to_owned()))
            .new_image("body", AttributeValue::B(Blob::new("hi")))
            .new_image("list", AttributeValue::L(vec![AttributeValue::Bool(true)]))
            .sequence_number("111")
            .build();
        let record = Record::builder().event_name(OperationType::Insert).dynamodb(change).build();
        let record = reader.record(&record).unwrap();
        assert_eq!(record.number, "111");
        let json: Value = serde_json::from_str(&record.json).unwrap();
        assert_eq!(json["eventName"], "INSERT");
        assert_eq!(json["eventSourceARN"], "arn:outbox");
        assert_eq!(json["dynamodb"]["Keys"], json!({"equipmentId": {"S": "press-1"}}));
        assert_eq!(json["dynamodb"]["SequenceNumber"], "111");
        assert_eq!(
            json["dynamodb"]["NewImage"],
            json!({"version": {"N": "7"}, "body": {"B": "aGk="}, "list": {"L": [{"BOOL": true}]}})
        );
    }
}
