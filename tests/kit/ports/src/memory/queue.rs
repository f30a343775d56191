//! A queue as SQS has it.

use std::collections::BTreeMap;

use andon_workflows::ports::QueueEntry;

/// A queue of SQS: at least once, in no order.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    messages: BTreeMap<u64, Queued>,
    sent: u64,
    /// The bodies of messages that were received too often: the dead-letter queue.
    pub dead: Vec<String>,
}

/// A queued message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its body.
    pub body: String,
    /// The time before which it cannot be received, ms.
    pub visible_ms: i64,
    /// The number of receives.
    pub received: u32,
}

impl Queue {
    /// Adds a message.
    pub fn send(&mut self, entry: &QueueEntry, now_ms: i64) {
        self.sent += 1;
        let visible_ms = now_ms + i64::from(entry.delay_s) * 1000;
        self.messages.insert(self.sent, Queued { body: entry.body.clone(), visible_ms, received: 0 });
    }

    /// Receives up to `most` visible messages and hides them for `hidden_ms`. A message that was received `most_receives`
    /// times goes to the dead-letter queue instead.
    pub fn receive(
        &mut self,
        most: usize,
        now_ms: i64,
        hidden_ms: i64,
        most_receives: u32,
    ) -> Vec<(u64, Queued)> {
        let ids: Vec<u64> = self.visible(now_ms).take(most).collect();
        ids.into_iter()
            .filter_map(|id| Some((id, self.take(id, now_ms, hidden_ms, most_receives)?)))
            .collect()
    }

    /// Returns the ids of visible messages, in the order in which they were sent.
    pub fn visible(&self, now_ms: i64) -> impl Iterator<Item = u64> {
        self.messages.iter().filter(move |(_, message)| message.visible_ms <= now_ms).map(|(id, _)| *id)
    }

    /// Receives one message, as [`Queue::receive`] does.
    pub fn take(&mut self, id: u64, now_ms: i64, hidden_ms: i64, most_receives: u32) -> Option<Queued> {
        let message = self.messages.get_mut(&id)?;
        message.received += 1;
        if message.received > most_receives {
            self.dead.extend(self.messages.remove(&id).map(|message| message.body));
            return None;
        }
        message.visible_ms = now_ms + hidden_ms;
        Some(message.clone())
    }

    /// Deletes a message.
    pub fn delete(&mut self, id: u64) {
        self.messages.remove(&id);
    }

    /// Returns the number of messages, hidden ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Returns whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Returns the number of messages sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Returns all messages, hidden ones included.
    pub fn messages(&self) -> impl Iterator<Item = &Queued> {
        self.messages.values()
    }
}
