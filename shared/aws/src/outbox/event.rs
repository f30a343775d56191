//! Events of the outbox's stream.

use andon_ingest::{EventError, Image, TableChange, read_table_event};
use andon_workflows::base64;
use andon_workflows::publish::OutboxDelivery;

use super::{CLOCK, EQUIPMENT, EXPIRES, LIST, OBJECT, PACKED_LIST, Stored, VERSION};

/// Bytes that are kept of a record that cannot be read.
const SHOWN_BYTES: usize = 4 << 10;

/// Reads the new items of an event, in its order. One that cannot be read says why, with its record, and does not affect
/// the others.
///
/// Items that expire are left out. One that was written over another counts as new: the state of its key had expired
/// and began again, and what it decided now has the version of a decision that is not deleted yet.
///
/// # Errors
/// When it is an event of another kind.
pub fn deliveries(event: &[u8]) -> Result<Vec<OutboxDelivery>, EventError> {
    Ok(read_table_event(event)?.into_iter().filter_map(delivery).collect())
}

fn delivery(change: TableChange<'_>) -> Option<OutboxDelivery> {
    let item = change.new_image.transpose()?.and_then(read);
    Some(OutboxDelivery {
        sequence_number: change.sequence_number,
        item: item.map_err(|error| format!("{error}; in {}", shown(change.json))),
    })
}

fn read(mut image: Image) -> Result<andon_workflows::ports::OutboxItem, String> {
    let mut taken = |name: &str| image.remove(name).unwrap_or_default();
    let missing = |name: &str, what: &str| format!("expected {what} as attribute `{name}`");
    let binary =
        taken(PACKED_LIST).b.map(|text| base64::decode(&text).ok_or_else(|| missing(PACKED_LIST, "base64")));
    let stored = Stored {
        equipment: taken(EQUIPMENT).s.ok_or_else(|| missing(EQUIPMENT, "a text"))?,
        version: number(taken(VERSION).n).ok_or_else(|| missing(VERSION, "a number"))?,
        clock_ms: number(taken(CLOCK).n).ok_or_else(|| missing(CLOCK, "a number"))?,
        expires_s: number(taken(EXPIRES).n).ok_or_else(|| missing(EXPIRES, "a number"))?,
        list: taken(LIST).s,
        packed_list: binary.transpose()?,
        object: taken(OBJECT).s,
    };
    stored.read().map_err(|error| error.message)
}

fn number<T: std::str::FromStr>(text: Option<String>) -> Option<T> {
    text?.parse().ok()
}

/// Returns the beginning of a text, for a message.
fn shown(text: &str) -> String {
    let mut end = text.len().min(SHOWN_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    match text.get(..end) {
        Some(start) if end < text.len() => format!("{start}.. ({} bytes)", text.len()),
        _ => text.to_owned(),
    }
}
