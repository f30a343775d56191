//! Where something leaves: the bus, the stream, the failure destination.

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
    /// What it is about, for rules of the bus that match resources: the equipment.
    pub resource: String,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It will be delivered.
    Yes,
    /// It was refused.
    No(Refusal),
}

/// Why an entry was refused.
pub type Refusal = PortError;

/// The bus.
pub trait Bus {
    /// Offers entries in one request where they fit into one; one answer per entry, in order. An error is that of the
    /// whole request: any of the entries may have been accepted.
    async fn offer(&self, entries: &[BusEntry]) -> Result<Vec<Accepted>, PortError>;
}

/// A record for the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// The equipment.
    pub partition_key: String,
    /// What is sent.
    pub data: Vec<u8>,
}

/// What became of a record for the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is on this shard.
    At {
        /// The shard's id.
        shard: String,
        /// Its sequence number there.
        sequence_number: SequenceNumber,
    },
    /// It was refused.
    No(Refusal),
}

/// The stream of data points, to be written to.
pub trait Stream {
    /// Its name.
    fn stream_name(&self) -> &str;

    /// Writes records; one answer per record, in order. Any number of records is taken.
    async fn put_records(&self, entries: &[StreamEntry]) -> Result<Vec<Written>, PortError>;

    /// The ids of the shards that can be written to.
    async fn open_shards(&self) -> Result<Vec<String>, PortError>;
}

/// Where goes what can never be delivered, for a person to look at.
pub trait Failures {
    /// Reports a JSON text.
    async fn report_failure(&self, report: &str) -> Result<(), PortError>;
}
