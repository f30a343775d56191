//! What the events of all sources of Lambda have in common: a list of records.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Why an event cannot be read at all.
#[derive(Debug)]
pub struct EventError {
    expected: &'static str,
    error: serde_json::Error,
}

impl EventError {
    /// With what was expected, such as `an event of a DynamoDB stream`.
    pub(crate) fn of(expected: &'static str) -> impl Fn(serde_json::Error) -> Self {
        move |error| Self { expected, error }
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not {}, `{{\"Records\": [..]}}`: {}", self.expected, self.error)
    }
}

impl std::error::Error for EventError {}

/// The records of an event, each unread, so that one that is damaged does not spoil the others.
pub(crate) fn read<'a>(event: &'a [u8], expected: &'static str) -> Result<Vec<&'a RawValue>, EventError> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow, rename = "Records")]
        records: Vec<&'a RawValue>,
    }
    let event: Event<'a> = serde_json::from_slice(event).map_err(EventError::of(expected))?;
    Ok(event.records)
}
