//! The table `outbox`: decisions, by machine and version.

pub mod event;
#[cfg(test)]
mod tests;

use andon_ingest::gzip::{Spare, gzip};
use andon_workflows::ports::{OutboxItem, OutboxStore, Page, Payload, PortError};

use crate::Aws;
use crate::error::port_error;
use crate::item::{Fields, Item, binary, item, number, text};
use crate::meter::Price;
use crate::packed::unpacked;

/// Partition key.
pub(crate) const EQUIPMENT: &str = "id";
/// Sort key, a number.
pub(crate) const VERSION: &str = "v";
/// When the item expires, s: the attribute of the table's time to live.
pub(crate) const EXPIRES: &str = "x";
/// The greatest arrival that the key had seen, ms.
const CLOCK: &str = "c";
/// A JSON list of transitions.
const LIST: &str = "t";
/// The same, compressed with gzip, where that is shorter.
const PACKED_LIST: &str = "z";
/// The name of an object with it, compressed with gzip.
const OBJECT: &str = "o";

/// Maximum unpacked size of a list in an item, in bytes.
const LIST_BYTES: usize = 16 << 20;

/// Returns the stored item. A transaction costs two units for each KiB, so lists are compressed.
pub(crate) fn encode(decided: &OutboxItem) -> Result<Item, PortError> {
    let mut item = item([
        (EQUIPMENT, text(&decided.equipment)),
        (VERSION, number(decided.version)),
        (CLOCK, number(decided.clock_ms)),
        (EXPIRES, number(decided.expires_s)),
    ]);
    let (name, value) = match &decided.payload {
        Payload::Object(name) => (OBJECT, text(name)),
        Payload::Inline(list) => {
            let packed = gzip(list.as_bytes(), Spare::Bytes);
            if packed.len() < list.len() { (PACKED_LIST, binary(packed)) } else { (LIST, text(list)) }
        }
    };
    item.insert(name.to_owned(), value);
    Ok(item)
}

/// The attributes of a stored item, from the table or its stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stored {
    equipment: String,
    version: u64,
    clock_ms: i64,
    expires_s: i64,
    list: Option<String>,
    packed_list: Option<Vec<u8>>,
    object: Option<String>,
}

impl Stored {
    fn read(self) -> Result<OutboxItem, PortError> {
        let what = format!("the decision of `{}`, version {},", self.equipment, self.version);
        let payload = match (self.list, self.packed_list, self.object) {
            (Some(list), None, None) => Payload::Inline(list),
            (None, Some(packed), None) => {
                let list = String::from_utf8(unpacked(&what, &packed, LIST_BYTES)?);
                Payload::Inline(
                    list.map_err(|_| PortError::permanent(format!("{what} is damaged: it is not UTF-8")))?,
                )
            }
            (None, None, Some(name)) => Payload::Object(name),
            _ => {
                return Err(PortError::permanent(format!(
                    "{what} is damaged: expected one of the attributes `{LIST}`, `{PACKED_LIST}` and `{OBJECT}`"
                )));
            }
        };
        Ok(OutboxItem {
            equipment: self.equipment,
            version: self.version,
            clock_ms: self.clock_ms,
            expires_s: self.expires_s,
            payload,
        })
    }
}

/// Reads an item of the table.
pub(crate) fn decode(item: Item) -> Result<OutboxItem, PortError> {
    let mut fields = Fields::new("a decision", item);
    let stored = Stored {
        equipment: fields.must_text(EQUIPMENT)?,
        version: fields.must_number(VERSION)?,
        clock_ms: fields.must_number(CLOCK)?,
        expires_s: fields.must_number(EXPIRES)?,
        list: fields.text(LIST)?,
        packed_list: fields.binary(PACKED_LIST)?,
        object: fields.text(OBJECT)?,
    };
    stored.read()
}

impl OutboxStore for Aws {
    async fn decided(
        &self,
        since_ms: i64,
        equipment: Option<&str>,
        next: Option<&str>,
    ) -> Result<Page<OutboxItem>, PortError> {
        let start = next.map(start).transpose()?;
        let (items, last) = match equipment {
            Some(equipment) => self.query_decided(since_ms, equipment, start).await?,
            None => self.scan_decided(since_ms, start).await?,
        };
        let next = last.filter(|key| !key.is_empty()).map(|key| {
            let mut fields = Fields::new("the place in the table of decisions", key);
            let version: u64 = fields.must_number(VERSION)?;
            Ok::<_, PortError>(format!("{version} {}", fields.must_text(EQUIPMENT)?))
        });
        let mut items: Vec<OutboxItem> = items.into_iter().map(decode).collect::<Result<_, _>>()?;
        if equipment.is_none() {
            // DynamoDB guarantees no order of a scan, though it mostly has this one.
            items.sort_by(|one, other| (&one.equipment, one.version).cmp(&(&other.equipment, other.version)));
        }
        Ok(Page { items, next: next.transpose()? })
    }
}

/// A page of items, and the key to continue from.
type ItemPage = (Vec<Item>, Option<Item>);

impl Aws {
    async fn query_decided(
        &self,
        since_ms: i64,
        equipment: &str,
        start: Option<Item>,
    ) -> Result<ItemPage, PortError> {
        let table = &self.config.names.outbox_table;
        let answer = self
            .dynamodb()
            .query()
            .table_name(table)
            .consistent_read(true)
            .key_condition_expression("#e = :e")
            .filter_expression("#c >= :c")
            .expression_attribute_names("#e", EQUIPMENT)
            .expression_attribute_values(":e", text(equipment))
            .expression_attribute_names("#c", CLOCK)
            .expression_attribute_values(":c", number(since_ms))
            .set_exclusive_start_key(start)
            .set_return_consumed_capacity(self.meter.wanted())
            .send()
            .await
            .map_err(|error| {
                port_error(format_args!("cannot read the decisions of `{equipment}`"), &error)
            })?;
        let items = answer.items.unwrap_or_default();
        self.count_items("Query", table, Price::ReadRange, &items, answer.consumed_capacity.as_slice());
        Ok((items, answer.last_evaluated_key))
    }

    async fn scan_decided(&self, since_ms: i64, start: Option<Item>) -> Result<ItemPage, PortError> {
        let table = &self.config.names.outbox_table;
        let answer = self
            .dynamodb()
            .scan()
            .table_name(table)
            .consistent_read(true)
            .filter_expression("#c >= :c")
            .expression_attribute_names("#c", CLOCK)
            .expression_attribute_values(":c", number(since_ms))
            .set_exclusive_start_key(start)
            .set_return_consumed_capacity(self.meter.wanted())
            .send()
            .await
            .map_err(|error| port_error("cannot read the decisions", &error))?;
        let items = answer.items.unwrap_or_default();
        self.count_items("Scan", table, Price::ReadRange, &items, answer.consumed_capacity.as_slice());
        Ok((items, answer.last_evaluated_key))
    }
}

/// Reads the key to continue from.
fn start(next: &str) -> Result<Item, PortError> {
    let place = next.split_once(' ').and_then(|(version, id)| Some((version.parse::<u64>().ok()?, id)));
    let (version, equipment) =
        place.ok_or_else(|| PortError::permanent(format!("`{next}` is no place in a list of decisions")))?;
    Ok(item([(EQUIPMENT, text(equipment)), (VERSION, number(version))]))
}
