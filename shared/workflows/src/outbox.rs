//! The payload of an outbox item: transitions as JSON, in the item or, if they are too long, in an object.

use andon_domain::Transition;
use andon_ingest::gzip::{Spare, gunzip, gzip};

use crate::limits;
use crate::object_keys;
use crate::ports::{Objects, OutboxItem, Payload, PortError};

/// An encoded payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encoded {
    /// The payload of the item.
    pub payload: Payload,
    /// Name and content of the object to write before the item, if the payload names one.
    pub object: Option<(String, Vec<u8>)>,
}

/// Encodes the transitions of a commit; `None` if there are none.
///
/// # Errors
/// If a transition cannot be written as JSON.
pub(crate) fn encode(
    equipment: &str,
    version: u64,
    transitions: &[Transition],
) -> Result<Option<Encoded>, String> {
    if transitions.is_empty() {
        return Ok(None);
    }
    let json = serde_json::to_string(transitions).map_err(|error| error.to_string())?;
    if json.len() <= limits::OUTBOX_ITEM_BYTES {
        return Ok(Some(Encoded { payload: Payload::Inline(json), object: None }));
    }
    let name = object_keys::decided(equipment, version, json.as_bytes());
    let object = Some((name.clone(), gzip(json.as_bytes(), Spare::Time)));
    Ok(Some(Encoded { payload: Payload::Object(name), object }))
}

/// Reads the transitions of an item, from its object if it names one.
///
/// # Errors
/// A permanent one if the payload is missing or damaged.
pub(crate) async fn read(ports: &impl Objects, item: &OutboxItem) -> Result<Vec<Transition>, PortError> {
    let json = match &item.payload {
        Payload::Inline(json) => json.clone(),
        Payload::Object(name) => {
            let packed = ports.get_object(name).await?;
            let packed =
                packed.ok_or_else(|| PortError::permanent(format!("the object `{name}` is missing")))?;
            let damaged =
                |error: String| PortError::permanent(format!("the object `{name}` is damaged: {error}"));
            let json =
                gunzip(&packed, limits::UNPACKED_OBJECT_BYTES).map_err(|error| damaged(error.to_string()))?;
            String::from_utf8(json).map_err(|error| damaged(error.to_string()))?
        }
    };
    serde_json::from_str(&json).map_err(|error| {
        let (equipment, version) = (&item.equipment, item.version);
        PortError::permanent(format!(
            "the transitions of `{equipment}`, version {version}, are damaged: {error}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use futures_util::FutureExt as _;

    use super::*;

    /// Objects in memory.
    #[derive(Default)]
    struct Bucket(RefCell<BTreeMap<String, Vec<u8>>>);

    impl Objects for Bucket {
        async fn put_object(&self, name: &str, bytes: Vec<u8>) -> Result<(), PortError> {
            self.0.borrow_mut().insert(name.to_owned(), bytes);
            Ok(())
        }

        async fn get_object(&self, name: &str) -> Result<Option<Vec<u8>>, PortError> {
            Ok(self.0.borrow().get(name).cloned())
        }

        async fn list_objects(&self, _: &str) -> Result<Vec<String>, PortError> {
            Ok(self.0.borrow().keys().cloned().collect())
        }

        async fn delete_object(&self, name: &str) -> Result<(), PortError> {
            self.0.borrow_mut().remove(name);
            Ok(())
        }
    }

    fn transitions(count: u64) -> Vec<Transition> {
        let transition = |sequence| Transition {
            rule_id: "overheat".into(),
            rule_version: 1,
            equipment_id: "filler-1".into(),
            sequence,
            from: "OK".into(),
            to: Some("WARNING".into()),
            at: 1_700_000_000_000,
            group: None,
            explanation: None,
        };
        (1..=count).map(transition).collect()
    }

    #[test]
    fn transitions_are_read_as_they_were_encoded_in_the_item_and_in_an_object() {
        assert_eq!(encode("filler-1", 3, &[]), Ok(None));
        for (count, in_object) in [(1, false), (5000, true)] {
            let bucket = Bucket::default();
            let encoded = encode("filler-1", 3, &transitions(count)).unwrap().unwrap();
            assert_eq!(encoded.object.is_some(), in_object);
            let item = OutboxItem {
                equipment: "filler-1".to_owned(),
                version: 3,
                clock_ms: 0,
                expires_s: 0,
                payload: encoded.payload,
            };
            if let Some((name, content)) = encoded.object {
                let missing = read(&bucket, &item).now_or_never().unwrap().unwrap_err();
                assert_eq!(missing, PortError::permanent(format!("the object `{name}` is missing")));
                bucket.put_object(&name, content).now_or_never().unwrap().unwrap();
            }
            assert_eq!(read(&bucket, &item).now_or_never().unwrap(), Ok(transitions(count)));
        }
    }
}
