//! The list of records that the events of all sources have in common.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::EventError;

impl EventError {
    /// Makes an error of the expectation, such as `an event of a DynamoDB stream`.
    pub(crate) fn of(expected: &'static str) -> impl Fn(serde_json::Error) -> Self {
        move |error| Self(format!("not {expected}, `{{\"Records\": [..]}}`: {error}"))
    }
}

/// Returns the records of an event, each unread, so that a damaged one does not affect the others.
pub(crate) fn read_records<'a>(
    event: &'a [u8],
    expected: &'static str,
) -> Result<Vec<&'a RawValue>, EventError> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow, rename = "Records")]
        records: Vec<&'a RawValue>,
    }
    let event: Event<'a> = serde_json::from_slice(event).map_err(EventError::of(expected))?;
    Ok(event.records)
}
