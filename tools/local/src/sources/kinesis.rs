//! Reads the shards of a Kinesis stream.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_kinesis::types::{Record, ShardIteratorType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Page, ReadError, Reader, Shard, SourceRecord};

/// Reads a Kinesis stream.
#[derive(Clone, Debug)]
pub struct KinesisReader {
    client: Client,
    stream: String,
    region: String,
    arn: String,
}

impl KinesisReader {
    /// A reader of a stream.
    pub fn new(client: Client, stream: impl Into<String>, arn: impl Into<String>) -> Self {
        let region =
            client.config().region().map_or_else(|| "us-east-1".to_owned(), |region| region.to_string());
        Self { client, stream: stream.into(), region, arn: arn.into() }
    }

    /// As Lambda writes it.
    fn json(&self, shard: &str, record: &Record) -> String {
        // Milliseconds as decimals of seconds, without a float on the way.
        let arrival_ms =
            record.approximate_arrival_timestamp.and_then(|at| at.to_millis().ok()).unwrap_or_default();
        let arrival = format!("{}.{:03}", arrival_ms.div_euclid(1000), arrival_ms.rem_euclid(1000));
        let key = serde_json::Value::from(record.partition_key.clone());
        let number = &record.sequence_number;
        let data = STANDARD.encode(record.data.as_ref());
        format!(
            "{{\"kinesis\":{{\"kinesisSchemaVersion\":\"1.0\",\"partitionKey\":{key},\"sequenceNumber\":\"{number}\",\
             \"data\":\"{data}\",\"approximateArrivalTimestamp\":{arrival}}},\"eventSource\":\"aws:kinesis\",\
             \"eventVersion\":\"1.0\",\"eventID\":\"{shard}:{number}\",\"eventName\":\"aws:kinesis:record\",\
             \"invokeIdentityArn\":\"arn:aws:iam::000000000000:role/andon\",\"awsRegion\":\"{}\",\
             \"eventSourceARN\":\"{}\"}}",
            self.region, self.arn
        )
    }
}

fn read_error<E: ProvideErrorMetadata + std::error::Error>(error: &E) -> ReadError {
    let text = DisplayErrorContext(error).to_string();
    match error.code() {
        Some("ResourceNotFoundException") => ReadError::Gone(text),
        _ => ReadError::Other(text),
    }
}

impl Reader for KinesisReader {
    async fn shards(&self) -> Result<Vec<Shard>, ReadError> {
        let mut shards = Vec::new();
        let mut next = None;
        loop {
            let request = self.client.list_shards();
            let request = match next {
                None => request.stream_name(&self.stream),
                Some(next) => request.next_token(next),
            };
            let answer = request.send().await.map_err(|error| read_error(&error))?;
            for shard in answer.shards.unwrap_or_default() {
                let parents = [shard.parent_shard_id, shard.adjacent_parent_shard_id];
                shards.push(Shard { id: shard.shard_id, parents: parents.into_iter().flatten().collect() });
            }
            next = answer.next_token;
            if next.is_none() {
                return Ok(shards);
            }
        }
    }

    async fn begin(&self, shard: &str, after: Option<&str>) -> Result<String, ReadError> {
        let request = self.client.get_shard_iterator().stream_name(&self.stream).shard_id(shard);
        let request = match after {
            None => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Some(number) => request
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(number),
        };
        let answer = request.send().await.map_err(|error| read_error(&error))?;
        answer.shard_iterator.ok_or_else(|| ReadError::Other("no iterator in the answer".to_owned()))
    }

    async fn read(&self, shard: &str, from: &str) -> Result<Page, ReadError> {
        let answer = self.client.get_records().shard_iterator(from).limit(10_000).send().await;
        let answer = answer.map_err(|error| read_error(&error))?;
        let records = answer.records.iter().map(|record| SourceRecord {
            number: record.sequence_number.clone(),
            json: self.json(shard, record),
        });
        Ok(Page { records: records.collect(), next: answer.next_shard_iterator })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_kinesis::config::{BehaviorVersion, Region};
    use aws_sdk_kinesis::primitives::{Blob, DateTime};

    use super::*;

    #[test]
    fn a_record_stands_in_an_event_as_lambda_writes_it() {
        let config = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .build();
        let reader = KinesisReader::new(Client::from_conf(config), "points", "arn:points");
        let record = Record::builder()
            .sequence_number("49")
            .partition_key("press \"1\"")
            .data(Blob::new("hi"))
            .approximate_arrival_timestamp(DateTime::from_millis(1_545_084_650_087))
            .build()
            .unwrap();
        let json = reader.json("shardId-000000000006", &record);
        assert!(json.contains("\"approximateArrivalTimestamp\":1545084650.087}"), "{json}");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["eventID"], "shardId-000000000006:49");
        assert_eq!(json["kinesis"]["partitionKey"], "press \"1\"");
        assert_eq!(json["kinesis"]["sequenceNumber"], "49");
        assert_eq!(json["kinesis"]["data"], "aGk=");
        assert_eq!(json["awsRegion"], "eu-central-1");
    }
}
