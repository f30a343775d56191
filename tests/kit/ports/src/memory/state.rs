//! Keeps the tables `state` and `outbox` in memory, with their transactions.

use andon_workflows::envelope::{Positions, StateEnvelope};
use andon_workflows::ports::{
    Commit, Committed, Head, OutboxItem, OutboxStore, Page, Parked, Payload, PortError, StateStore,
    StoredSegment, View,
};

use super::world::{Commitment, fits, page};
use super::{Call, Gate, Memory, World};

impl World {
    fn read_head(&mut self, equipment: &str) -> Option<Head> {
        let mut head = self.heads.get(equipment).cloned()?;
        if self.flaws.forgets_positions
            && self.every(3)
            && let Ok(body) = StateEnvelope::read(&head.body)
        {
            head.body = StateEnvelope { positions: Positions::default(), ..body }.write();
        }
        Some(head)
    }

    /// The flaw [`super::Flaws::mixes_up_parkers`].
    fn takes_for_a_repeat(&self, stored: &Head, head: &Head) -> bool {
        let nameless = |head: &Head| {
            let parked = head.parked.clone();
            Head { parked: parked.map(|of| Parked { newest_object: String::new(), ..of }), ..head.clone() }
        };
        self.flaws.mixes_up_parkers && nameless(stored) == nameless(head)
    }

    fn commit(&mut self, commit: &Commit) -> Result<Committed, PortError> {
        let Commit { equipment, read_version, head, outbox } = commit;
        if head.version != read_version + 1 {
            return Err(PortError::permanent(format!(
                "the head of `{equipment}` has version {}; expected {}, one more than was read",
                head.version,
                read_version + 1
            )));
        }
        let reason = head.parked.as_ref().map_or(0, |parked| parked.reason.len());
        fits(equipment, equipment.len() + head.body.len() + reason)?;
        if let Some(item) = outbox {
            if (&item.equipment, item.version) != (equipment, head.version) {
                return Err(PortError::permanent(format!(
                    "the outbox item of `{equipment}` is of `{}`, version {}; expected version {}",
                    item.equipment, item.version, head.version
                )));
            }
            let (Payload::Inline(payload) | Payload::Object(payload)) = &item.payload;
            fits(equipment, equipment.len() + payload.len())?;
        }
        let stored = self.heads.get(equipment);
        if self.refused_equipment.as_ref() == Some(equipment)
            && stored.map_or(&[][..], |stored| &stored.body) != head.body
        {
            return Err(PortError::permanent(format!("what was folded for `{equipment}` cannot be stored")));
        }
        let stored_version = stored.map_or(0, |stored| stored.version);
        let blindly = self.flaws.unparks_blindly
            && head.parked.is_none()
            && stored.is_some_and(|stored| stored.parked.is_some());
        if stored_version != *read_version && !self.flaws.ignores_versions && !blindly {
            let repeat = stored.is_some_and(|stored| stored == head || self.takes_for_a_repeat(stored, head));
            return Ok(if repeat { Committed::Done } else { Committed::Conflict });
        }
        let mut head = head.clone();
        if self.flaws.loses_due {
            head.due = None;
        }
        self.heads.insert(equipment.clone(), head.clone());
        self.due_changes.push_back((self.now_ms, equipment.clone(), head.due));
        let mut outbox = outbox.clone();
        if outbox.is_some() && self.flaws.loses_outbox && self.every(3) {
            outbox = None;
        }
        if let Some(item) = &outbox {
            // An item that replaces another one is no insert, and does not appear in the stream of new items.
            if self.outbox.insert((equipment.clone(), item.version), item.clone()).is_none() {
                self.inserted.push(item.clone());
            }
        }
        self.commits.push(Commitment { at_ms: self.now_ms, equipment: equipment.clone(), head, outbox });
        Ok(Committed::Done)
    }

    fn write_view(&mut self, view: &View) -> Result<(), PortError> {
        fits(&view.equipment, view.equipment.len() + view.rule.len() + view.transition.len())?;
        let key = (view.equipment.clone(), view.rule.clone());
        let newer = self.views.get(&key).is_none_or(|stored| stored.sequence < view.sequence);
        if newer || self.flaws.ignores_sequences {
            self.views.insert(key, view.clone());
        }
        Ok(())
    }
}

impl<G: Gate> StateStore for Memory<G> {
    async fn read_heads(&self, keys: &[&str]) -> Result<Vec<Option<Head>>, PortError> {
        let call = Call { method: "read_heads", subject: keys.first().copied().unwrap_or_default() };
        self.call(call, |world| Ok(keys.iter().map(|id| world.read_head(id)).collect())).await
    }

    async fn read_segments(&self, equipment: &str) -> Result<Vec<StoredSegment>, PortError> {
        self.call(Call { method: "read_segments", subject: equipment }, |world| {
            let from = (equipment.to_owned(), String::new());
            let of_key = world.segments.range(from..).take_while(|((of, _), _)| of == equipment);
            Ok(of_key.map(|(_, segment)| segment.clone()).collect())
        })
        .await
    }

    async fn write_segments(&self, equipment: &str, segments: &[StoredSegment]) -> Result<(), PortError> {
        // One by one: the ports do not promise that they are written together.
        for segment in segments {
            self.call(Call { method: "write_segments", subject: equipment }, |world| {
                fits(equipment, equipment.len() + segment.bytes.len())?;
                world.segments.insert((equipment.to_owned(), segment.name.clone()), segment.clone());
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    async fn delete_segments(&self, equipment: &str, names: &[String]) -> Result<(), PortError> {
        for name in names {
            self.call(Call { method: "delete_segments", subject: equipment }, |world| {
                world.segments.remove(&(equipment.to_owned(), name.clone()));
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, PortError> {
        let call = Call { method: "commit", subject: &commit.equipment };
        let committed = self.call(call, |world| world.commit(commit)).await?;
        self.write_held_back();
        Ok(committed)
    }

    async fn write_view(&self, view: &View) -> Result<(), PortError> {
        self.call(Call { method: "write_view", subject: &view.equipment }, |world| world.write_view(view))
            .await
    }

    async fn read_views(&self, equipment: &str) -> Result<Vec<View>, PortError> {
        self.call(Call { method: "read_views", subject: equipment }, |world| {
            if world.flaws.forgets_views {
                return Ok(Vec::new());
            }
            let from = (equipment.to_owned(), String::new());
            let of_key = world.views.range(from..).take_while(|((of, _), _)| of == equipment);
            Ok(of_key.map(|(_, view)| view.clone()).collect())
        })
        .await
    }

    async fn due(
        &self,
        bucket: u32,
        until_ms: i64,
        next: Option<&str>,
    ) -> Result<Page<(String, i64)>, PortError> {
        let next = next.map(due_token).transpose()?;
        self.call(Call { method: "due", subject: "" }, |world| {
            let lag = self.gate.lag(world.young_due_changes());
            world.show_due_changes(lag);
            let from = (bucket, i64::MIN, String::new());
            let due = world.due.range(from..).filter(|(_, at_ms, id)| {
                next.as_ref().is_none_or(|(after_ms, after)| (*at_ms, id) > (*after_ms, after))
            });
            let due = due.take_while(|(of, at_ms, _)| *of == bucket && *at_ms <= until_ms);
            Ok(page(due.map(|(_, at_ms, id)| (format!("{at_ms} {id}"), (id.clone(), *at_ms))), world.page))
        })
        .await
    }

    async fn scan_heads(&self, next: Option<&str>) -> Result<Page<(String, Head)>, PortError> {
        self.call(Call { method: "scan_heads", subject: "" }, |world| {
            let heads = world.heads.iter().filter(|(id, _)| next.is_none_or(|next| id.as_str() > next));
            Ok(page(heads.map(|(id, head)| (id, (id.clone(), head.clone()))), world.page))
        })
        .await
    }
}

/// Reads the token of a page of due keys.
fn due_token(text: &str) -> Result<(i64, String), PortError> {
    let parts = text.split_once(' ').and_then(|(at_ms, id)| Some((at_ms.parse().ok()?, id.to_owned())));
    parts.ok_or_else(|| PortError::permanent(format!("`{text}` is no place in a list of due keys")))
}

impl<G: Gate> OutboxStore for Memory<G> {
    async fn decided(
        &self,
        since_ms: i64,
        equipment: Option<&str>,
        next: Option<&str>,
    ) -> Result<Page<OutboxItem>, PortError> {
        let next = next.map(outbox_token).transpose()?;
        self.call(Call { method: "decided", subject: equipment.unwrap_or_default() }, |world| {
            let items = world.outbox.iter().filter(|(key, item)| {
                next.as_ref().is_none_or(|next| *key > next)
                    && item.clock_ms >= since_ms
                    && equipment.is_none_or(|of| item.equipment == of)
            });
            Ok(page(items.map(|((id, version), item)| (format!("{version} {id}"), item.clone())), world.page))
        })
        .await
    }
}

/// Reads the token of a page of outbox items.
fn outbox_token(text: &str) -> Result<(String, u64), PortError> {
    let parts = text.split_once(' ').and_then(|(version, id)| Some((id.to_owned(), version.parse().ok()?)));
    parts.ok_or_else(|| PortError::permanent(format!("`{text}` is no place in a list of decisions")))
}
