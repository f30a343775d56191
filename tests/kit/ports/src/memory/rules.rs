//! Keeps the table `rules` in memory.

use andon_domain::limits::DOCUMENT_BYTES;
use andon_workflows::ports::{Advanced, Pointer, PortError, RuleStore, RuleVersion};

use super::world::fits;
use super::{Call, Gate, Memory};

impl<G: Gate> RuleStore for Memory<G> {
    async fn pointer(&self) -> Result<Pointer, PortError> {
        self.call(Call { method: "pointer", subject: "" }, |world| {
            if world.flaws.stale_pointer && world.pointer.revision > 0 {
                return Ok(world.stale.get_or_insert_with(|| world.pointer.clone()).clone());
            }
            Ok(world.pointer.clone())
        })
        .await
    }

    async fn advance(&self, pointer: &Pointer) -> Result<Advanced, PortError> {
        self.call(Call { method: "advance", subject: "" }, |world| {
            fits("pointer", pointer.sets.iter().map(|set| 110 + set.note.len()).sum())?;
            if world.pointer == *pointer {
                return Ok(Advanced::Done);
            }
            if world.pointer.revision + 1 != pointer.revision {
                return Ok(Advanced::Conflict);
            }
            world.listed.extend(pointer.sets.iter().map(|set| (set.start_ms, set.clone())));
            world.pointer = pointer.clone();
            Ok(Advanced::Done)
        })
        .await
    }

    async fn read_set(&self, digest: &str) -> Result<Vec<u8>, PortError> {
        self.call(Call { method: "read_set", subject: digest }, |world| {
            let document = world.sets.get(digest).cloned();
            document.ok_or_else(|| PortError::permanent(format!("there is no rule set `{digest}`")))
        })
        .await
    }

    async fn write_set(&self, digest: &str, document: &[u8]) -> Result<(), PortError> {
        self.call(Call { method: "write_set", subject: digest }, |world| {
            let length = document.len();
            if length > DOCUMENT_BYTES {
                return Err(PortError::permanent(format!(
                    "the rule set `{digest}` has {length} bytes; the limit is {DOCUMENT_BYTES}"
                )));
            }
            world.sets.insert(digest.to_owned(), document.to_owned());
            Ok(())
        })
        .await
    }

    async fn write_versions(&self, versions: &[RuleVersion]) -> Result<(), PortError> {
        for version in versions {
            self.call(Call { method: "write_versions", subject: &version.id }, |world| {
                let document = version.document.as_ref().map_or(0, String::len);
                fits(&version.id, version.id.len() + document + version.note.len())?;
                world.versions.insert((version.id.clone(), version.number), version.clone());
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    async fn versions(&self, id: &str) -> Result<Vec<RuleVersion>, PortError> {
        self.call(Call { method: "versions", subject: id }, |world| {
            let from = (id.to_owned(), i64::MIN);
            let of_rule = world.versions.range(from..).take_while(|((of, _), _)| of == id);
            Ok(of_rule.map(|(_, version)| version.clone()).collect())
        })
        .await
    }
}
