//! Sinks: the bus, the stream, the failure destination.

use andon_ingest::SequenceNumber;

use super::PortError;

/// A state change, ready for the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusEntry {
    /// `Rule State Changed`.
    pub detail_type: String,
    /// JSON.
    pub detail: String,
    /// Effective event time, ms.
    pub at_ms: i64,
    /// The machine, for rules of the bus that match resources.
    pub resource: String,
}

/// An answer to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// The entry will be delivered.
    Yes,
    /// The entry was refused.
    No(Refusal),
}

/// A reason why an entry was refused.
pub type Refusal = PortError;

/// The bus.
pub trait Bus {
    /// Offers entries, in one request if they fit; returns one answer per entry, in order. An error concerns the whole
    /// request: any of the entries may have been accepted.
    async fn offer(&self, entries: &[BusEntry]) -> Result<Vec<Accepted>, PortError>;
}

/// A record for the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// The partition key: the id of the machine.
    pub partition_key: String,
    /// The content.
    pub data: Vec<u8>,
}

/// An answer to a record for the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The record is on a shard.
    At {
        /// The shard's id.
        shard: String,
        /// Its sequence number there.
        sequence_number: SequenceNumber,
    },
    /// The record was refused.
    No(Refusal),
}

/// The stream of data points, for its writers.
pub trait Stream {
    /// Returns its name.
    fn stream_name(&self) -> &str;

    /// Writes any number of records; returns one answer per record, in order.
    async fn put_records(&self, entries: &[StreamEntry]) -> Result<Vec<Written>, PortError>;

    /// Returns the ids of the open shards.
    async fn open_shards(&self) -> Result<Vec<String>, PortError>;
}

/// The failure destination: entries that can never be delivered, for an operator.
pub trait Failures {
    /// Reports a JSON text.
    async fn report_failure(&self, report: &str) -> Result<(), PortError>;
}
