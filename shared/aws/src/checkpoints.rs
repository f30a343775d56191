//! The table `checkpoints`: how far each shard was folded, and beside it what `tick` remembers.
//!
//! Both are written every few seconds and charged by the KiB, hence compressed, and times are stored by their distance
//! from the newest: those are few digits.

use std::collections::BTreeMap;

use andon_workflows::object_keys;
use andon_workflows::ports::{
    Checkpoint, CheckpointStore, Objects as _, PortError, Saved, SourceMark, TickMemory, TickMemoryStore,
};
use serde::{Deserialize, Serialize};

use crate::Aws;
use crate::item::{Fields, Item, binary, item, number, text};
use crate::packed::{INLINE_BYTES, pack, unpack, unpacked};
use crate::table::{Condition, Put, Range};

/// Partition key: the stream.
pub(crate) const STREAM: &str = "stream";
/// Sort key: `shard#ID`, or [`TICKS`].
pub(crate) const PART: &str = "part";
const SHARD: &str = "shard#";
const TICKS: &str = "ticks";
/// The number of writes.
const REVISION: &str = "r";
/// JSON, compressed with gzip.
const CONTENT: &str = "c";
/// The name of an object with it.
const OBJECT: &str = "o";

/// Maximum size of the unpacked tick memory, bytes.
const MEMORY_BYTES: usize = 16 << 20;

/// The form that is written. Every one that was ever deployed stays readable.
const FORM: u8 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    form: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<String>,
    arrival_ms: i64,
    written_ms: i64,
    points: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    rejected: BTreeMap<String, u64>,
    /// By source: the time from its mark to `arrival_ms`, ms; the time from its last point to `arrival_ms`, ms; its points
    /// ahead; its points late.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sources: BTreeMap<String, (i64, i64, u64, u64)>,
}

fn key(stream: &str, part: &str) -> Item {
    item([(STREAM, text(stream)), (PART, text(part))])
}

fn shard_part(shard: &str) -> String {
    format!("{SHARD}{shard}")
}

fn encode(stream: &str, shard: &str, checkpoint: &Checkpoint) -> Result<Item, PortError> {
    let before = |ms: i64| checkpoint.arrival_ms.wrapping_sub(ms);
    let form = Form {
        form: FORM,
        position: checkpoint.position.map(|position| position.to_string()),
        arrival_ms: checkpoint.arrival_ms,
        written_ms: checkpoint.written_ms,
        points: checkpoint.points,
        rejected: checkpoint.rejected.clone(),
        sources: checkpoint
            .sources
            .iter()
            .map(|(source, mark)| {
                (source.clone(), (before(mark.mark_ms), before(mark.last_ms), mark.ahead, mark.late))
            })
            .collect(),
    };
    let mut item = key(stream, &shard_part(shard));
    item.insert(REVISION.to_owned(), number(checkpoint.revision));
    item.insert(CONTENT.to_owned(), binary(pack(&format!("the checkpoint of `{shard}`"), &form)?));
    Ok(item)
}

/// The shard and its checkpoint.
fn decode(item: Item) -> Result<(String, Checkpoint), PortError> {
    let mut fields = Fields::new("a checkpoint", item);
    let part = fields.must_text(PART)?;
    let shard = part.strip_prefix(SHARD).unwrap_or(&part).to_owned();
    let what = format!("the checkpoint of `{shard}`");
    let revision = fields.must_number(REVISION)?;
    let content = fields.binary(CONTENT)?;
    let form: Form = unpack(&what, &fields.must(CONTENT, content)?)?;
    if form.form != FORM {
        return Err(PortError::permanent(format!(
            "{what} has form {}; this program reads forms up to {FORM}",
            form.form
        )));
    }
    let position = form.position.map(|text| text.parse()).transpose();
    let at = |before_ms: i64| form.arrival_ms.wrapping_sub(before_ms);
    let checkpoint = Checkpoint {
        revision,
        position: position.map_err(|error| PortError::permanent(format!("{what} is damaged: {error}")))?,
        arrival_ms: form.arrival_ms,
        written_ms: form.written_ms,
        sources: form
            .sources
            .into_iter()
            .map(|(source, (mark, last, ahead, late))| {
                (source, SourceMark { mark_ms: at(mark), last_ms: at(last), ahead, late })
            })
            .collect(),
        rejected: form.rejected,
        points: form.points,
    };
    Ok((shard, checkpoint))
}

/// The revision that this one is written over.
pub(crate) fn former(what: &str, revision: u64) -> Result<u64, PortError> {
    revision
        .checked_sub(1)
        .ok_or_else(|| PortError::permanent(format!("{what} has revision 0; expected 1 or more")))
}

impl CheckpointStore for Aws {
    async fn read_checkpoint(&self, stream: &str, shard: &str) -> Result<Option<Checkpoint>, PortError> {
        let what = format!("the checkpoint of `{shard}`");
        let found = self
            .get_item(&self.config.names.checkpoints_table, &what, key(stream, &shard_part(shard)))
            .await?;
        Ok(found.map(decode).transpose()?.map(|(_, checkpoint)| checkpoint))
    }

    async fn save_checkpoint(
        &self,
        stream: &str,
        shard: &str,
        checkpoint: &Checkpoint,
    ) -> Result<Saved, PortError> {
        let what = format!("the checkpoint of `{shard}`");
        let condition = Condition::follows(REVISION, former(&what, checkpoint.revision)?);
        let (key, item) = (key(stream, &shard_part(shard)), encode(stream, shard, checkpoint)?);
        let put = self.put_item_if(&self.config.names.checkpoints_table, &what, key, item, condition).await?;
        Ok(saved(put))
    }

    async fn checkpoints(&self, stream: &str) -> Result<Vec<(String, Checkpoint)>, PortError> {
        let range = Range {
            table: &self.config.names.checkpoints_table,
            what: &format!("the checkpoints of `{stream}`"),
            partition: (STREAM, stream),
            sort: Some((PART, SHARD)),
        };
        self.query_all(range).await?.into_iter().map(decode).collect()
    }
}

fn saved(put: Put) -> Saved {
    match put {
        Put::Done => Saved::Done,
        Put::Refused => Saved::Conflict,
    }
}

/// Returns the prefix of objects that hold a tick memory too large for an item.
fn overflow_prefix(stream: &str) -> String {
    format!("ticks/{}/", object_keys::safe(stream))
}

impl TickMemoryStore for Aws {
    async fn recall(&self, stream: &str) -> Result<TickMemory, PortError> {
        let what = format!("what tick remembers of `{stream}`");
        let found = self.get_item(&self.config.names.checkpoints_table, &what, key(stream, TICKS)).await?;
        let Some(found) = found else { return Ok(TickMemory::default()) };
        let mut fields = Fields::new(&what, found);
        let packed = match fields.text(OBJECT)? {
            None => {
                let content = fields.binary(CONTENT)?;
                fields.must(CONTENT, content)?
            }
            // It is deleted when a newer one is written.
            Some(name) => self.get_object(&name).await?.ok_or_else(|| {
                PortError::transient(format!("{what} was in `{name}`, which is not there any more"))
            })?,
        };
        let json = unpacked(&what, &packed, MEMORY_BYTES)?;
        serde_json::from_slice(&json)
            .map_err(|error| PortError::permanent(format!("{what} is damaged: {error}")))
    }

    async fn remember(&self, stream: &str, memory: &TickMemory) -> Result<Saved, PortError> {
        let what = format!("what tick remembers of `{stream}`");
        let condition = Condition::follows(REVISION, former(&what, memory.revision)?);
        let packed = pack(&what, memory)?;
        let mut item = key(stream, TICKS);
        item.insert(REVISION.to_owned(), number(memory.revision));
        // Long names that do not compress: a sender invents ids.
        let object = (packed.len() > INLINE_BYTES).then(|| {
            format!("{}{:020}-{}", overflow_prefix(stream), memory.revision, object_keys::digest(&packed, 8))
        });
        match &object {
            None => item.insert(CONTENT.to_owned(), binary(packed)),
            Some(name) => {
                self.put_object(name, packed).await?;
                item.insert(OBJECT.to_owned(), text(name))
            }
        };
        let table = &self.config.names.checkpoints_table;
        let put = self.put_item_if(table, &what, key(stream, TICKS), item, condition).await?;
        if let (Put::Done, Some(name)) = (put, &object) {
            // One that stays for an error is deleted the next time.
            for old in self.list_objects(&overflow_prefix(stream)).await.unwrap_or_default() {
                if old < *name {
                    let _ = self.delete_object(&old).await;
                }
            }
        }
        Ok(saved(put))
    }
}

#[cfg(test)]
mod tests {
    use andon_ingest::gzip::{Spare, gzip};

    use super::*;

    fn checkpoint() -> Checkpoint {
        let mark = |mark_ms, late| SourceMark { mark_ms, last_ms: 1_700_000_000_400, ahead: 2, late };
        Checkpoint {
            revision: 7,
            position: "49590338271490256608559692538361571095921575989136588898".parse().ok(),
            arrival_ms: 1_700_000_000_500,
            written_ms: 1_700_000_000_900,
            sources: BTreeMap::from([
                ("gateway-1".to_owned(), mark(1_700_000_000_300, 0)),
                ("gateway-2".to_owned(), mark(i64::MIN, 3)),
            ]),
            rejected: BTreeMap::from([("late".to_owned(), 3)]),
            points: 1234,
        }
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_written() {
        for checkpoint in [checkpoint(), Checkpoint { revision: 1, ..Checkpoint::default() }] {
            let item = encode("points", "shardId-000000000000", &checkpoint).unwrap();
            assert_eq!(decode(item).unwrap(), ("shardId-000000000000".to_owned(), checkpoint));
        }
    }

    #[test]
    fn the_first_form_of_a_checkpoint_stays_readable() {
        let json = r#"{"form":1,"position":"49590338271490256608559692538361571095921575989136588898",
            "arrivalMs":1700000000500,"writtenMs":1700000000900,"points":1234,"rejected":{"late":3},
            "sources":{"gateway-1":[200,100,2,0],"gateway-2":[-9223370336854775308,100,2,3]}}"#;
        let mut item = key("points", "shard#shardId-000000000000");
        item.insert("r".to_owned(), number(7));
        item.insert("c".to_owned(), binary(gzip(json.as_bytes(), Spare::Bytes)));
        assert_eq!(decode(item).unwrap().1, checkpoint());
    }

    #[test]
    fn a_later_form_is_refused_by_name() {
        let mut item = key("points", "shard#s");
        item.insert("r".to_owned(), number(1));
        let json = br#"{"form":2,"arrivalMs":0,"writtenMs":0,"points":0}"#;
        item.insert("c".to_owned(), binary(gzip(json, Spare::Bytes)));
        let error = decode(item).unwrap_err().to_string();
        assert_eq!(error, "the checkpoint of `s` has form 2; this program reads forms up to 1");
    }

    #[test]
    fn the_checkpoint_of_two_hundred_sources_takes_few_write_units() {
        let sources = (0..200)
            .map(|index| {
                let mark_ms = 1_700_000_000_000 - (index * 7919) % 60_000;
                let mark = SourceMark { mark_ms, last_ms: mark_ms + (index * 31) % 900, ahead: 0, late: 0 };
                (format!("plant-7/gateway-{index:03}"), mark)
            })
            .collect();
        let full = Checkpoint { sources, ..checkpoint() };
        let bytes = crate::item::size(&encode("points", "shardId-000000000000", &full).unwrap());
        assert!(bytes <= 4096, "{bytes} bytes");
    }
}
