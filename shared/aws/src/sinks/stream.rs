//! The Kinesis stream of data points, written to.

use andon_domain::never;
use andon_workflows::ports::{PortError, Stream, StreamEntry, Written};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, PutRecordsResultEntry, ShardFilter, ShardFilterType};

use super::requests;
use crate::Aws;
use crate::error::{entry_error, port_error, unbuilt};

/// Records in one request.
const RECORDS: usize = 500;

/// Bytes of all records of a request with their keys, unless one alone has more.
const REQUEST_BYTES: usize = 5 << 20;

/// Bytes of a record with its key.
const RECORD_BYTES: usize = 10 << 20;

/// Letters of a partition key.
const KEY_LETTERS: usize = 256;

fn size(entry: &StreamEntry) -> usize {
    entry.data.len() + entry.partition_key.len()
}

/// Returns the error of a record that no stream accepts.
fn refused(entry: &StreamEntry) -> Option<PortError> {
    let key = entry.partition_key.chars().count();
    if key == 0 || key > KEY_LETTERS {
        return Some(PortError::permanent(format!(
            "a record for a partition key of {key} letters; expected 1 to {KEY_LETTERS}"
        )));
    }
    let bytes = size(entry);
    (bytes > RECORD_BYTES).then(|| {
        PortError::permanent(format!(
            "the record of `{}` has {bytes} bytes; the stream takes {RECORD_BYTES}",
            entry.partition_key
        ))
    })
}

fn what(entry: &StreamEntry) -> String {
    format!("cannot write a record of `{}`", entry.partition_key)
}

impl Stream for Aws {
    fn stream_name(&self) -> &str {
        &self.config.names.stream
    }

    async fn put_records(&self, entries: &[StreamEntry]) -> Result<Vec<Written>, PortError> {
        let mut answers: Vec<Option<Written>> =
            entries.iter().map(|entry| refused(entry).map(Written::No)).collect();
        let sizes = entries.iter().zip(&answers).map(|(entry, no)| no.is_none().then(|| size(entry)));
        for request in requests(sizes.collect::<Vec<_>>().into_iter(), RECORDS, REQUEST_BYTES) {
            let sent: Vec<&StreamEntry> = request.iter().filter_map(|number| entries.get(*number)).collect();
            let said = self.put_some(&sent).await?;
            for (number, said) in request.into_iter().zip(said) {
                match answers.get_mut(number) {
                    Some(answer) => *answer = Some(said),
                    None => never!("an answer for record {number} of {}", entries.len()),
                }
            }
        }
        let unanswered =
            |entry| Written::No(PortError::transient(format!("{}: no answer for it", what(entry))));
        Ok(answers
            .into_iter()
            .zip(entries)
            .map(|(said, entry)| said.unwrap_or_else(|| unanswered(entry)))
            .collect())
    }

    async fn open_shards(&self) -> Result<Vec<String>, PortError> {
        let stream = &self.config.names.stream;
        let (mut open, mut next) = (Vec::new(), None);
        loop {
            let request = self.kinesis().list_shards();
            // What comes after the first page is asked for by its token alone.
            let request = match next {
                Some(token) => request.next_token(token),
                None => {
                    let latest = ShardFilter::builder().r#type(ShardFilterType::AtLatest).build();
                    request.stream_name(stream).shard_filter(latest.map_err(unbuilt)?)
                }
            };
            let answer = request
                .send()
                .await
                .map_err(|error| port_error(format_args!("cannot list the shards of `{stream}`"), &error))?;
            let shards = answer.shards.unwrap_or_default();
            self.meter.request("kinesis.ListShards", shards.len(), 0);
            // Not every stream honours the filter.
            let is_open = |shard: &aws_sdk_kinesis::types::Shard| {
                shard.sequence_number_range().is_none_or(|range| range.ending_sequence_number().is_none())
            };
            open.extend(shards.into_iter().filter(is_open).map(|shard| shard.shard_id));
            next = answer.next_token;
            if next.is_none() {
                return Ok(open);
            }
        }
    }
}

impl Aws {
    /// One request. Its error is that of each of its records, so that what another request did is not forgotten.
    async fn put_some(&self, entries: &[&StreamEntry]) -> Result<Vec<Written>, PortError> {
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            let record = PutRecordsRequestEntry::builder()
                .partition_key(&entry.partition_key)
                .data(Blob::new(entry.data.clone()))
                .build();
            records.push(record.map_err(unbuilt)?);
        }
        let answer = self
            .kinesis()
            .put_records()
            .stream_name(&self.config.names.stream)
            .set_records(Some(records))
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                return Ok(entries
                    .iter()
                    .map(|entry| Written::No(port_error(what(entry), &error)))
                    .collect());
            }
        };
        let bytes = entries.iter().map(|entry| size(entry)).sum();
        self.meter.request("kinesis.PutRecords", entries.len(), bytes);
        let mut said = answer.records.into_iter();
        Ok(entries.iter().map(|entry| written(entry, said.next())).collect())
    }
}

fn written(entry: &StreamEntry, said: Option<PutRecordsResultEntry>) -> Written {
    let Some(said) = said else {
        return Written::No(PortError::transient(format!("{}: no answer for it", what(entry))));
    };
    if let Some(code) = said.error_code.filter(|code| !code.is_empty()) {
        return Written::No(entry_error(what(entry), &code, said.error_message.as_deref()));
    }
    let number = said.sequence_number.as_deref().and_then(|number| number.parse().ok());
    match (said.shard_id, number) {
        (Some(shard), Some(sequence_number)) => Written::At { shard, sequence_number },
        _ => Written::No(PortError::transient(format!(
            "{}: the answer has no shard or no sequence number",
            what(entry)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, bytes: usize) -> StreamEntry {
        StreamEntry { partition_key: key.to_owned(), data: vec![0; bytes] }
    }

    #[test]
    fn a_record_that_no_stream_takes_is_refused_for_good() {
        for entry in [entry("", 1), entry(&"k".repeat(257), 1), entry("key", (10 << 20) - 2)] {
            assert!(refused(&entry).is_some_and(|error| !error.is_transient()));
        }
        assert_eq!(refused(&entry("key", (10 << 20) - 3)), None);
        assert_eq!(refused(&entry(&"\u{fc}".repeat(256), 1)), None);
    }

    #[test]
    fn each_record_has_its_own_answer() {
        let said = |code: Option<&str>| {
            PutRecordsResultEntry::builder()
                .set_error_code(code.map(str::to_owned))
                .shard_id("shardId-000000000001")
                .sequence_number("49590338271490256608559692538361571095921575989136588898")
                .build()
        };
        let entry = entry("key", 1);
        assert!(matches!(written(&entry, Some(said(None))), Written::At { .. }));
        for (code, transient) in [
            ("ProvisionedThroughputExceededException", true),
            ("InternalFailure", true),
            ("KMSAccessDeniedException", true),
            ("InvalidArgumentException", false),
        ] {
            let Written::No(error) = written(&entry, Some(said(Some(code)))) else { panic!("{code}") };
            assert_eq!(error.is_transient(), transient, "{code}");
        }
        assert!(matches!(written(&entry, None), Written::No(error) if error.is_transient()));
    }
}
