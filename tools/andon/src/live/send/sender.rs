//! Writes records to the stream in batches, and throttled ones again.

use std::collections::BTreeSet;

use andon_workflows::ports::{Clock, PortError, Stream, Written};

use super::record::Record;

/// Records of one request.
const BATCH_RECORDS: usize = 500;

/// Bytes of one request.
const BATCH_BYTES: usize = 1 << 20;

/// Attempts of one record.
const ATTEMPTS: u32 = 10;

/// Wait before the second attempt, ms; doubled each time, up to the greatest.
const FIRST_WAIT_MS: u64 = 100;
const GREATEST_WAIT_MS: u64 = 5_000;

/// Counts of the records sent.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) points: u64,
    pub(super) records: u64,
    /// Attempts of records after their first.
    pub(super) retries: u64,
    /// Records that the stream will never take, and why the first one was refused.
    pub(super) refused: u64,
    pub(super) first_refusal: Option<String>,
    pub(super) machines: BTreeSet<String>,
    pub(super) shards: BTreeSet<String>,
}

/// Collects records and sends them.
pub(super) struct Sender<'p, P> {
    ports: &'p P,
    batch: Vec<Record>,
    bytes: usize,
}

impl<'p, P: Stream + Clock> Sender<'p, P> {
    pub(super) fn new(ports: &'p P) -> Self {
        Self { ports, batch: Vec::new(), bytes: 0 }
    }

    /// Takes a record; sends what was collected when that is enough for a request.
    pub(super) async fn push(&mut self, record: Record, tally: &mut Tally) -> Result<(), PortError> {
        let bytes = record.entry.data.len() + record.entry.partition_key.len();
        if self.batch.len() >= BATCH_RECORDS || self.bytes + bytes > BATCH_BYTES {
            self.flush(tally).await?;
        }
        self.bytes += bytes;
        self.batch.push(record);
        Ok(())
    }

    /// Sends what was collected. What is refused for now is sent again before anything that comes later, so that disorder
    /// stays within a request.
    pub(super) async fn flush(&mut self, tally: &mut Tally) -> Result<(), PortError> {
        self.bytes = 0;
        let mut open = std::mem::take(&mut self.batch);
        let mut wait_ms = FIRST_WAIT_MS;
        for attempt in 1.. {
            if open.is_empty() {
                break;
            }
            let entries: Vec<_> = open.iter().map(|record| record.entry.clone()).collect();
            let answers = match self.ports.put_records(&entries).await {
                Ok(answers) => answers,
                Err(error) if error.is_transient() => vec![Written::No(error); open.len()],
                Err(error) => return Err(error),
            };
            let mut again = Vec::new();
            let mut last = None;
            for (record, answer) in open.into_iter().zip(answers) {
                match answer {
                    Written::At { shard, .. } => {
                        tally.points += record.points;
                        tally.records += 1;
                        tally.machines.insert(record.entry.partition_key);
                        tally.shards.insert(shard);
                    }
                    Written::No(error) if error.is_transient() => {
                        last = Some(error);
                        again.push(record);
                    }
                    Written::No(error) => {
                        tally.refused += 1;
                        tally.first_refusal.get_or_insert(error.message);
                    }
                }
            }
            open = again;
            let Some(error) = last else { break };
            if attempt >= ATTEMPTS {
                return Err(error);
            }
            tally.retries += open.len() as u64;
            self.ports.sleep_ms(wait_ms).await;
            wait_ms = (wait_ms * 2).min(GREATEST_WAIT_MS);
        }
        Ok(())
    }
}
