//! The table `state`: heads, segments and views of machines.

mod commit;
pub(crate) mod head;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use andon_workflows::ports::{Commit, Committed, Head, Page, PortError, StateStore, StoredSegment, View};

use crate::Aws;
use crate::error::port_error;
use crate::item::{Fields, Item, binary, number, text};
use crate::meter::Price;
use crate::table::{Condition, Range, Writes};
use head::{DUE_AT, DUE_BUCKET, EQUIPMENT, EXPIRES, HEAD, PART};

/// The index of due times: keys only.
pub(crate) const DUE_INDEX: &str = "due";

const SEGMENT: &str = "seg#";
const SEGMENT_BYTES: &str = "b";
const VIEW: &str = "rule#";
const SEQUENCE: &str = "q";
const TRANSITION: &str = "t";

fn encode_segment(equipment: &str, segment: &StoredSegment) -> Item {
    let mut item = head::key(equipment, &format!("{SEGMENT}{}", segment.name));
    item.insert(SEGMENT_BYTES.to_owned(), binary(segment.bytes.as_slice()));
    item.insert(EXPIRES.to_owned(), number(segment.expires_s));
    item
}

fn decode_segment(equipment: &str, item: Item) -> Result<StoredSegment, PortError> {
    let what = format!("a segment of `{equipment}`");
    let mut fields = Fields::new(&what, item);
    let part = fields.must_text(PART)?;
    Ok(StoredSegment {
        name: part.strip_prefix(SEGMENT).unwrap_or(&part).to_owned(),
        bytes: fields.binary(SEGMENT_BYTES)?.unwrap_or_default(),
        expires_s: fields.must_number(EXPIRES)?,
    })
}

fn encode_view(view: &View) -> Item {
    let mut item = head::key(&view.equipment, &format!("{VIEW}{}", view.rule));
    item.insert(SEQUENCE.to_owned(), number(view.sequence));
    item.insert(TRANSITION.to_owned(), text(&view.transition));
    item
}

fn decode_view(equipment: &str, item: Item) -> Result<View, PortError> {
    let what = format!("a view of `{equipment}`");
    let mut fields = Fields::new(&what, item);
    let part = fields.must_text(PART)?;
    Ok(View {
        equipment: equipment.to_owned(),
        rule: part.strip_prefix(VIEW).unwrap_or(&part).to_owned(),
        sequence: fields.must_number(SEQUENCE)?,
        transition: fields.must_text(TRANSITION)?,
    })
}

impl StateStore for Aws {
    async fn read_heads(&self, machines: &[&str]) -> Result<Vec<Option<Head>>, PortError> {
        let table = &self.config.names.state_table;
        let once: BTreeSet<&str> = machines.iter().copied().collect();
        let keys = once.into_iter().map(|equipment| head::key(equipment, HEAD)).collect();
        let what = match machines {
            [one] => format!("the head of `{one}`"),
            _ => format!("the heads of {} machines", machines.len()),
        };
        let items = self.get_items(table, &what, keys).await?;
        let heads: BTreeMap<String, Head> = items.into_iter().map(head::decode).collect::<Result<_, _>>()?;
        Ok(machines.iter().map(|equipment| heads.get(*equipment).cloned()).collect())
    }

    async fn read_segments(&self, equipment: &str) -> Result<Vec<StoredSegment>, PortError> {
        let range = Range {
            table: &self.config.names.state_table,
            what: &format!("the segments of `{equipment}`"),
            partition: (EQUIPMENT, equipment),
            sort: Some((PART, SEGMENT)),
        };
        let items = self.query_all(range).await?;
        items.into_iter().map(|item| decode_segment(equipment, item)).collect()
    }

    async fn write_segments(&self, equipment: &str, segments: &[StoredSegment]) -> Result<(), PortError> {
        let what = format!("segments of `{equipment}`");
        let mut writes = Writes::default();
        for segment in segments {
            writes.put(&what, (equipment, &segment.name), encode_segment(equipment, segment))?;
        }
        self.write_items(&self.config.names.state_table, &what, writes).await
    }

    async fn delete_segments(&self, equipment: &str, names: &[String]) -> Result<(), PortError> {
        let mut writes = Writes::default();
        for name in names {
            writes.delete((equipment, name), head::key(equipment, &format!("{SEGMENT}{name}")))?;
        }
        let what = format!("segments of `{equipment}`");
        self.write_items(&self.config.names.state_table, &what, writes).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, PortError> {
        self.commit_key(commit).await
    }

    async fn write_view(&self, view: &View) -> Result<(), PortError> {
        let what = format!("the view of `{}` on `{}`", view.rule, view.equipment);
        let condition = Condition::exceeds(SEQUENCE, view.sequence);
        let table = &self.config.names.state_table;
        let item = encode_view(view);
        // Refused: one of the same or a greater sequence is there.
        self.put(table, &what, item, Some(condition)).await.map(|_| ())
    }

    async fn read_views(&self, equipment: &str) -> Result<Vec<View>, PortError> {
        let range = Range {
            table: &self.config.names.state_table,
            what: &format!("the views of `{equipment}`"),
            partition: (EQUIPMENT, equipment),
            sort: Some((PART, VIEW)),
        };
        let items = self.query_all(range).await?;
        items.into_iter().map(|item| decode_view(equipment, item)).collect()
    }

    async fn due(
        &self,
        bucket: u32,
        until_ms: i64,
        next: Option<&str>,
    ) -> Result<Page<(String, i64)>, PortError> {
        let table = &self.config.names.state_table;
        let start = next.map(|next| due_start(bucket, next)).transpose()?;
        let answer = self
            .dynamodb()
            .query()
            .table_name(table)
            .index_name(DUE_INDEX)
            .key_condition_expression("#b = :b AND #a <= :a")
            .expression_attribute_names("#b", DUE_BUCKET)
            .expression_attribute_names("#a", DUE_AT)
            .expression_attribute_values(":b", number(bucket))
            .expression_attribute_values(":a", number(until_ms))
            .set_exclusive_start_key(start)
            .set_return_consumed_capacity(self.meter.wanted())
            .send()
            .await
            .map_err(|error| port_error(format_args!("cannot read who is due in bucket {bucket}"), &error))?;
        let items = answer.items.unwrap_or_default();
        self.count_items("Query", table, Price::ReadIndex, &items, answer.consumed_capacity.as_slice());
        let due = |item: Item| {
            let mut fields = Fields::new("the index of due times", item);
            Ok((fields.must_text(EQUIPMENT)?, fields.must_number(DUE_AT)?))
        };
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty()).map(due).transpose()?;
        Ok(Page {
            items: items.into_iter().map(due).collect::<Result<_, PortError>>()?,
            next: next.map(|(equipment, at_ms): (String, i64)| format!("{at_ms} {equipment}")),
        })
    }

    async fn scan_heads(&self, next: Option<&str>) -> Result<Page<(String, Head)>, PortError> {
        let table = &self.config.names.state_table;
        let start = next.map(scan_start).transpose()?;
        let answer = self
            .dynamodb()
            .scan()
            .table_name(table)
            .consistent_read(true)
            .filter_expression("#p = :p")
            .expression_attribute_names("#p", PART)
            .expression_attribute_values(":p", text(HEAD))
            .set_exclusive_start_key(start)
            .set_return_consumed_capacity(self.meter.wanted())
            .send()
            .await
            .map_err(|error| port_error("cannot read all heads", &error))?;
        let items = answer.items.unwrap_or_default();
        self.count_items("Scan", table, Price::ReadRange, &items, answer.consumed_capacity.as_slice());
        let last = answer.last_evaluated_key.filter(|key| !key.is_empty());
        let next = last.map(|key| {
            let mut fields = Fields::new("the place in the table of states", key);
            Ok::<_, PortError>(scan_cursor(&fields.must_text(EQUIPMENT)?, &fields.must_text(PART)?))
        });
        Ok(Page {
            items: items.into_iter().map(head::decode).collect::<Result<_, _>>()?,
            next: next.transpose()?,
        })
    }
}

/// Returns the key after which a query of a bucket continues.
fn due_start(bucket: u32, next: &str) -> Result<Item, PortError> {
    let place = next.split_once(' ').and_then(|(at_ms, id)| Some((at_ms.parse::<i64>().ok()?, id)));
    let (at_ms, equipment) = place
        .ok_or_else(|| PortError::permanent(format!("`{next}` is no place in a list of due machines")))?;
    let mut start = head::key(equipment, HEAD);
    start.insert(DUE_BUCKET.to_owned(), number(bucket));
    start.insert(DUE_AT.to_owned(), number(at_ms));
    Ok(start)
}

/// Returns the cursor of a scan. It is JSON, since both parts of a key may contain any separator.
fn scan_cursor(equipment: &str, part: &str) -> String {
    serde_json::json!([equipment, part]).to_string()
}

fn scan_start(next: &str) -> Result<Item, PortError> {
    let (equipment, part): (String, String) = serde_json::from_str(next)
        .map_err(|_| PortError::permanent(format!("`{next}` is no place in a list of states")))?;
    Ok(head::key(&equipment, &part))
}
