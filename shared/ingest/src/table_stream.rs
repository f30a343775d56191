//! Events of the stream of a DynamoDB table, as Lambda delivers them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::EventError;
use crate::records::read_records;

/// The expectation, for errors.
const EXPECTED: &str = "an event of a DynamoDB stream";

/// The attributes of an item, by name.
pub type Image = BTreeMap<String, Attribute>;

/// An attribute: a text, a number or binary data in base64. Attributes of other types have none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Attribute {
    /// A text.
    pub s: Option<String>,
    /// A number.
    pub n: Option<String>,
    /// Binary data in base64.
    pub b: Option<String>,
}

/// A change of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableChange<'a> {
    /// Its place in the stream; empty if the record does not have it.
    pub sequence_number: String,
    /// The new item, `None` for a removed one; or why the record cannot be read.
    pub new_image: Result<Option<Image>, String>,
    /// The record.
    pub json: &'a str,
}

/// The members that a record has even if it is damaged elsewhere.
#[derive(Deserialize)]
struct Place {
    dynamodb: Option<Numbered>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Numbered {
    sequence_number: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: String,
    dynamodb: Change,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    new_image: Option<Image>,
}

/// Reads the changes of an event, in its order. A record that cannot be read does not affect the others.
///
/// # Errors
/// When it is an event of another kind.
pub fn read_table_event(event: &[u8]) -> Result<Vec<TableChange<'_>>, EventError> {
    Ok(read_records(event, EXPECTED)?.into_iter().map(|record| change(record.get())).collect())
}

fn change(json: &str) -> TableChange<'_> {
    let new_image = match serde_json::from_str::<Record>(json) {
        Ok(record) if record.event_name == "REMOVE" => Ok(None),
        Ok(record) => {
            record.dynamodb.new_image.map(Some).ok_or_else(|| "the record has no new image".to_owned())
        }
        Err(error) => Err(error.to_string()),
    };
    let place = serde_json::from_str::<Place>(json).ok().and_then(|place| place.dynamodb);
    let sequence_number = place.and_then(|numbered| numbered.sequence_number).unwrap_or_default();
    TableChange { sequence_number, new_image, json }
}
