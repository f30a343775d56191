//! A head as an item.
//!
//! Every commit is charged by the KiB of this item, names of attributes included; hence their length.

use andon_workflows::ports::{Due, Head, PortError};

use crate::item::{Fields, Item, add, binary, item, number, text};

/// Partition key: the equipment.
pub(crate) const EQUIPMENT: &str = "id";
/// Sort key: [`HEAD`], `seg#NAME` or `rule#ID`.
pub(crate) const PART: &str = "part";
/// The sort key of a head.
pub(crate) const HEAD: &str = "head";
/// The number of writes of the head.
pub(crate) const VERSION: &str = "v";
/// See [`andon_workflows::envelope`]. Left out where it is empty.
pub(crate) const BODY: &str = "b";
/// When the item may be deleted, s: the attribute of the table's time to live.
pub(crate) const EXPIRES: &str = "x";
/// Partition key of the index of due times: the bucket. Only heads that will be due have it.
pub(crate) const DUE_BUCKET: &str = "db";
/// Sort key of the index of due times, ms.
pub(crate) const DUE_AT: &str = "da";
const FAILURES: &str = "f";
/// JSON.
const PARKED: &str = "p";

/// Returns the key of a part of a state.
pub(crate) fn key(equipment: &str, part: &str) -> Item {
    item([(EQUIPMENT, text(equipment)), (PART, text(part))])
}

/// Encodes a head as an item of the table.
pub(crate) fn encode(equipment: &str, head: &Head) -> Result<Item, PortError> {
    let mut item = key(equipment, HEAD);
    item.insert(VERSION.to_owned(), number(head.version));
    add(&mut item, BODY, (!head.body.is_empty()).then(|| binary(head.body.as_slice())));
    add(&mut item, EXPIRES, head.expires_s.map(number));
    add(&mut item, DUE_BUCKET, head.due.map(|due| number(due.bucket)));
    add(&mut item, DUE_AT, head.due.map(|due| number(due.at_ms)));
    add(&mut item, FAILURES, (head.failures > 0).then(|| number(head.failures)));
    if let Some(parked) = &head.parked {
        let json = serde_json::to_string(parked).map_err(|error| {
            PortError::permanent(format!("cannot write why `{equipment}` is parked as json: {error}"))
        })?;
        item.insert(PARKED.to_owned(), text(json));
    }
    Ok(item)
}

/// Decodes the equipment and its head from an item.
pub(crate) fn decode(item: Item) -> Result<(String, Head), PortError> {
    let equipment = match item.get(EQUIPMENT).and_then(|id| id.as_s().ok()) {
        Some(equipment) => equipment.clone(),
        None => return Err(PortError::permanent("a head without an equipment")),
    };
    let what = format!("the head of `{equipment}`");
    let mut fields = Fields::new(&what, item);
    let bucket = fields.number(DUE_BUCKET)?;
    let at_ms = fields.number(DUE_AT)?;
    let parked = fields.text(PARKED)?.map(|json| serde_json::from_str(&json)).transpose();
    let head = Head {
        version: fields.must_number(VERSION)?,
        body: fields.binary(BODY)?.unwrap_or_default(),
        due: bucket.zip(at_ms).map(|(bucket, at_ms)| Due { bucket, at_ms }),
        expires_s: fields.number(EXPIRES)?,
        failures: fields.number(FAILURES)?.unwrap_or_default(),
        parked: parked.map_err(|error| {
            PortError::permanent(format!("{what} is damaged: why it is parked is no json, {error}"))
        })?,
    };
    Ok((equipment, head))
}

/// Returns the size of a head as an item of the table, bytes, as DynamoDB counts it. Each KiB begun is a write unit.
///
/// # Errors
/// When it cannot be stored at all.
pub fn head_bytes(equipment: &str, head: &Head) -> Result<usize, PortError> {
    Ok(crate::item::size(&encode(equipment, head)?))
}
