//! The table `rules`: the pointer, the documents of sets, versions of single rules.
//!
//! Everything is compressed. Documents of sets may have 64 MiB and rarely change: where one does not fit into an item even
//! compressed, the item names an object. That is one write that succeeds or fails as a whole, where pieces in several
//! items could be read half written; and the table stays small enough to be read by people.

use andon_domain::limits::DOCUMENT_BYTES;
use andon_ingest::gzip::{Spare, gzip};
use andon_workflows::object_keys;
use andon_workflows::ports::{Advanced, Objects as _, Pointer, PortError, RuleStore, RuleVersion, SetRef};
use serde::{Deserialize, Serialize};

use crate::Aws;
use crate::checkpoints::former;
use crate::item::{Fields, Item, binary, item, number, text};
use crate::packed::{INLINE_BYTES, pack, unpack, unpacked};
use crate::table::{Condition, Put, Range, Writes};

/// Partition key: [`POINTER`], `set#DIGEST` or `rule#ID`.
pub(crate) const SUBJECT: &str = "id";
/// Sort key, a number: of a version its own, ms; otherwise 0.
pub(crate) const NUMBER: &str = "n";
const POINTER: &str = "pointer";
const SET: &str = "set#";
const RULE: &str = "rule#";
/// The number of writes of the pointer.
const REVISION: &str = "r";
/// JSON, compressed with gzip.
const CONTENT: &str = "c";
/// The name of an object with it.
const OBJECT: &str = "o";

/// The form that is written. Every one that was ever deployed stays readable.
const FORM: u8 = 1;

#[derive(Serialize, Deserialize)]
struct PointerForm {
    form: u8,
    sets: Vec<SetRef>,
}

#[derive(Serialize, Deserialize)]
struct VersionForm {
    /// Versions used to be written with the start of their set as their number, and without this.
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    note: String,
}

fn key(subject: &str, at: i64) -> Item {
    item([(SUBJECT, text(subject)), (NUMBER, number(at))])
}

fn encode_pointer(pointer: &Pointer) -> Result<Item, PortError> {
    let form = PointerForm { form: FORM, sets: pointer.sets.clone() };
    let mut item = key(POINTER, 0);
    item.insert(REVISION.to_owned(), number(pointer.revision));
    item.insert(CONTENT.to_owned(), binary(pack("the rule pointer", &form)?));
    Ok(item)
}

fn decode_pointer(item: Item) -> Result<Pointer, PortError> {
    let mut fields = Fields::new("the rule pointer", item);
    let content = fields.binary(CONTENT)?;
    let form: PointerForm = unpack("the rule pointer", &fields.must(CONTENT, content)?)?;
    if form.form != FORM {
        return Err(PortError::permanent(format!(
            "the rule pointer has form {}; this program reads forms up to {FORM}",
            form.form
        )));
    }
    Ok(Pointer { revision: fields.must_number(REVISION)?, sets: form.sets })
}

fn encode_version(version: &RuleVersion) -> Result<Item, PortError> {
    let form = VersionForm {
        set: version.set.clone(),
        document: version.document.clone(),
        note: version.note.clone(),
    };
    let mut item = key(&format!("{RULE}{}", version.id), version.number);
    item.insert(CONTENT.to_owned(), binary(pack(&format!("a version of the rule `{}`", version.id), &form)?));
    Ok(item)
}

fn decode_version(id: &str, item: Item) -> Result<RuleVersion, PortError> {
    let what = format!("a version of the rule `{id}`");
    let mut fields = Fields::new(&what, item);
    let content = fields.binary(CONTENT)?;
    let form: VersionForm = unpack(&what, &fields.must(CONTENT, content)?)?;
    Ok(RuleVersion {
        id: id.to_owned(),
        number: fields.must_number(NUMBER)?,
        set: form.set,
        document: form.document,
        note: form.note,
    })
}

/// Returns the name of the object with the document of a set that does not fit into an item.
fn object_name(digest: &str) -> String {
    format!("rules/{}.json.gz", object_keys::safe(digest))
}

impl RuleStore for Aws {
    async fn pointer(&self) -> Result<Pointer, PortError> {
        let found =
            self.get_item(&self.config.names.rules_table, "the rule pointer", key(POINTER, 0)).await?;
        Ok(found.map(decode_pointer).transpose()?.unwrap_or_default())
    }

    async fn advance(&self, pointer: &Pointer) -> Result<Advanced, PortError> {
        let what = "the rule pointer";
        let condition = Condition::follows(REVISION, former(what, pointer.revision)?);
        let item = encode_pointer(pointer)?;
        let table = &self.config.names.rules_table;
        Ok(match self.put_item_if(table, what, key(POINTER, 0), item, condition).await? {
            Put::Done => Advanced::Done,
            Put::Refused => Advanced::Conflict,
        })
    }

    async fn read_set(&self, digest: &str) -> Result<Vec<u8>, PortError> {
        let what = format!("the rule set `{digest}`");
        let table = &self.config.names.rules_table;
        let found = self.get_item(table, &what, key(&format!("{SET}{digest}"), 0)).await?;
        let missing = |place: &str| PortError::permanent(format!("{what} is not in {place}"));
        let mut fields = Fields::new(&what, found.ok_or_else(|| missing(&format!("the table `{table}`")))?);
        let packed = match fields.text(OBJECT)? {
            None => {
                let content = fields.binary(CONTENT)?;
                fields.must(CONTENT, content)?
            }
            Some(name) => self.get_object(&name).await?.ok_or_else(|| missing(&format!("`{name}`")))?,
        };
        unpacked(&what, &packed, DOCUMENT_BYTES)
    }

    async fn write_set(&self, digest: &str, document: &[u8]) -> Result<(), PortError> {
        let what = format!("the rule set `{digest}`");
        if document.len() > DOCUMENT_BYTES {
            return Err(PortError::permanent(format!(
                "{what} has {} bytes; expected at most {DOCUMENT_BYTES}",
                document.len()
            )));
        }
        let packed = gzip(document, Spare::Bytes);
        let mut item = key(&format!("{SET}{digest}"), 0);
        if packed.len() <= INLINE_BYTES {
            item.insert(CONTENT.to_owned(), binary(packed));
        } else {
            let name = object_name(digest);
            self.put_object(&name, packed).await?;
            item.insert(OBJECT.to_owned(), text(name));
        }
        self.put_item(&self.config.names.rules_table, &what, item).await
    }

    async fn write_versions(&self, versions: &[RuleVersion]) -> Result<(), PortError> {
        let what = "versions of rules";
        let mut writes = Writes::default();
        for version in versions {
            writes.put(what, (&version.id, &version.number.to_string()), encode_version(version)?)?;
        }
        self.write_items(&self.config.names.rules_table, what, writes).await
    }

    async fn versions(&self, id: &str) -> Result<Vec<RuleVersion>, PortError> {
        let range = Range {
            table: &self.config.names.rules_table,
            what: &format!("the versions of the rule `{id}`"),
            partition: (SUBJECT, &format!("{RULE}{id}")),
            sort: None,
        };
        self.query_all(range).await?.into_iter().map(|item| decode_version(id, item)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(start_ms: i64, note: &str) -> SetRef {
        SetRef {
            start_ms,
            digest: object_keys::digest(&start_ms.to_le_bytes(), 32),
            written_ms: start_ms - 11_000,
            rules: 20,
            note: note.to_owned(),
        }
    }

    #[test]
    fn the_pointer_is_read_as_it_was_written() {
        let sets = vec![set(1_700_000_000_000, ""), set(1_700_000_000_001, "\u{fc}")];
        let pointer = Pointer { revision: 2, sets };
        assert_eq!(decode_pointer(encode_pointer(&pointer).unwrap()), Ok(pointer));
    }

    #[test]
    fn the_first_form_of_the_pointer_stays_readable() {
        let json = r#"{"form":1,"sets":[{"startMs":5,"digest":"ab","writtenMs":4,"rules":3,"note":"why"}]}"#;
        let mut item = key("pointer", 0);
        item.insert("r".to_owned(), number(9));
        item.insert("c".to_owned(), binary(gzip(json.as_bytes(), Spare::Bytes)));
        let set =
            SetRef { start_ms: 5, digest: "ab".to_owned(), written_ms: 4, rules: 3, note: "why".to_owned() };
        assert_eq!(decode_pointer(item), Ok(Pointer { revision: 9, sets: vec![set] }));
    }

    #[test]
    fn the_pointer_of_some_sets_is_read_with_one_unit() {
        // It is read at the start of every batch.
        let sets =
            (0..50).map(|index| set(1_700_000_000_000 + index * 3_600_000, "limits of line 3")).collect();
        let bytes = crate::item::size(&encode_pointer(&Pointer { revision: 50, sets }).unwrap());
        assert!(bytes <= 4096, "{bytes} bytes");
    }

    #[test]
    fn a_version_is_read_as_it_was_written() {
        for document in [None, Some("{\"id\":\"r\"}".to_owned())] {
            let (id, set, note) = ("r".to_owned(), Some("ab".to_owned()), "why".to_owned());
            let version = RuleVersion { id, number: -5, set, document, note };
            assert_eq!(decode_version("r", encode_version(&version).unwrap()), Ok(version));
        }
    }

    #[test]
    fn the_first_form_of_a_version_stays_readable() {
        let mut item = key("rule#r", 5);
        item.insert("c".to_owned(), binary(gzip(br#"{"document":"{}","note":"why"}"#, Spare::Bytes)));
        let (id, document, note) = ("r".to_owned(), Some("{}".to_owned()), "why".to_owned());
        let version = RuleVersion { id, number: 5, set: None, document, note };
        assert_eq!(decode_version("r", item), Ok(version));
    }
}
