//! Replay: lines of records in, transitions out, as a running system would have decided.
//!
//! It is pure like the fold: lines come as bytes, and results go to a [`Sink`].

use andon_domain::wire::{Message, MessageContent};
use andon_domain::{DataPoint, LookupMap, Reason, RuleDocument, Transition, never};

use crate::compile::{CompiledRules, RuleSet};
use crate::fold::{BoundScoreRequest, FoldError, KeyState, Outcome, Record, RecordBody, RejectedPoint};

/// A receiver of the results of a replay.
pub trait Sink {
    /// Receives a state change.
    fn transition(&mut self, transition: Transition);

    /// Receives a score request.
    fn request(&mut self, request: BoundScoreRequest) {
        let _ = request;
    }

    /// Receives a point of a valid record that arrived at `arrival_ms`, before the fold uses or rejects it.
    fn point(&mut self, equipment: &str, point: &DataPoint<'_>, arrival_ms: i64) {
        let _ = (equipment, point, arrival_ms);
    }

    /// Receives a rejected point. It may stand on an earlier line than the current one.
    fn rejected_point(&mut self, equipment: &str, rejected: &RejectedPoint) {
        let _ = (equipment, rejected);
    }

    /// Receives the reason why a message, or an item of a list, was rejected.
    fn rejected_message(&mut self, reason: Reason, detail: &str) {
        let _ = (reason, detail);
    }
}

/// The counts of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines read.
    pub lines: u64,
    /// Valid data points read.
    pub points: u64,
    /// State changes decided.
    pub transitions: u64,
    /// Rejections by reason, in the order of [`Reason::ALL`].
    pub rejected: [u64; Reason::ALL.len()],
    /// Points with a timestamp after their arrival.
    pub points_from_future: u64,
    /// Times that too many pending points raised the watermark.
    pub watermark_forced: u64,
    /// Score requests.
    pub requests: u64,
    /// Score requests dropped because their record led to too many.
    pub requests_dropped: u64,
}

impl Counts {
    /// Returns the rejections for one reason.
    #[must_use]
    pub fn rejected(&self, reason: Reason) -> u64 {
        match self.rejected.get(reason.index()) {
            Some(count) => *count,
            None => {
                never!("the reason {reason} has number {}", reason.index());
                0
            }
        }
    }

    fn reject(&mut self, reason: Reason, count: u64) {
        match self.rejected.get_mut(reason.index()) {
            Some(counted) => *counted += count,
            None => never!("the reason {reason} has number {}", reason.index()),
        }
    }
}

/// A replay: the rule sets, and the state of every equipment with a record so far.
#[derive(Debug)]
pub struct Replay {
    rules: CompiledRules,
    keys: Vec<KeyState>,
    by_equipment: LookupMap<compact_str::CompactString, usize>,
    greatest_mark_ms: Option<i64>,
    counts: Counts,
    /// An outcome that is empty between records, kept for its memory.
    outcome: Outcome,
}

impl Replay {
    /// Returns a replay that begins with these rules.
    #[must_use]
    pub fn new(rules: CompiledRules) -> Self {
        Self {
            rules,
            keys: Vec::new(),
            by_equipment: LookupMap::default(),
            greatest_mark_ms: None,
            counts: Counts::default(),
            outcome: Outcome::default(),
        }
    }

    /// Reads the first of some lines unless it is blank, and returns the lines behind it.
    ///
    /// # Errors
    /// As [`Replay::line`].
    pub fn first_line<'a>(&mut self, lines: &'a [u8], sink: &mut impl Sink) -> Result<&'a [u8], FoldError> {
        if let Some((point, behind)) = Message::read_canonical_line(lines) {
            self.canonical(&point, sink)?;
            return Ok(behind);
        }
        let end = memchr::memchr(b'\n', lines).unwrap_or(lines.len());
        let Some((line, behind)) = lines.split_at_checked(end) else {
            never!("the end of the line is at {end} of {}", lines.len());
            return Ok(&[]);
        };
        if !line.iter().all(u8::is_ascii_whitespace) {
            self.line(line, sink)?;
        }
        // The last line may have no end.
        Ok(behind.get(1..).unwrap_or_default())
    }

    /// Reads one line, without its line end.
    ///
    /// # Errors
    /// When a rule set cannot serve an equipment. A line that is wrong in itself is rejected and counted.
    pub fn line(&mut self, line: &[u8], sink: &mut impl Sink) -> Result<(), FoldError> {
        if let Some(point) = Message::read_canonical(line) {
            return self.canonical(&point, sink);
        }
        self.counts.lines += 1;
        let message = Message::read(line);
        for rejection in &message.rejections {
            self.counts.reject(rejection.reason, 1);
            sink.rejected_message(rejection.reason, &rejection.detail);
        }
        self.counts.reject(Reason::Malformed, message.unlisted_rejections);
        let arrival_ms = message.arrival_or_greatest_ms();
        match (&message.content, arrival_ms) {
            (MessageContent::One(equipment, point), Some(arrival_ms)) => {
                self.points(equipment, std::slice::from_ref(point), arrival_ms, sink)
            }
            (MessageContent::Several(by_equipment), Some(arrival_ms)) => by_equipment
                .iter()
                .try_for_each(|(equipment, points)| self.points(equipment, points, arrival_ms, sink)),
            (MessageContent::Tick(equipment), arrival_ms) => self.tick(equipment, arrival_ms, sink),
            (MessageContent::Rules(document), Some(start_ms)) => {
                self.rule_set(document, start_ms, sink);
                Ok(())
            }
            (
                MessageContent::Nothing
                | MessageContent::One(..)
                | MessageContent::Several(_)
                | MessageContent::Rules(_),
                _,
            ) => Ok(()),
        }
    }

    /// Counts a line that is longer than a record may be, which the caller did not keep.
    pub fn too_long(&mut self, sink: &mut impl Sink) {
        self.counts.lines += 1;
        self.counts.reject(Reason::Malformed, 1);
        let detail = format!("the line is longer than {} bytes", andon_domain::limits::RECORD_BYTES);
        sink.rejected_message(Reason::Malformed, &detail);
    }

    /// Ends the replay as `--end close` does: the event time of every key advances to the greatest mark of the whole
    /// input.
    pub fn close(&mut self, sink: &mut impl Sink) {
        // Without points there is no mark, and no pending point or timer.
        let Some(end_ms) = self.greatest_mark_ms else { return };
        for key in &mut self.keys {
            let mut outcome = key.close(end_ms);
            report(&mut self.counts, key.equipment(), &mut outcome, sink);
        }
    }

    /// Returns the counts so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Returns the keys, in the order of their first records.
    #[must_use]
    pub fn keys(&self) -> &[KeyState] {
        &self.keys
    }

    /// Returns the rule sets so far.
    #[must_use]
    pub fn rules(&self) -> &CompiledRules {
        &self.rules
    }

    /// Replaces every key by the result of `f`, for tests that store and restore states between records.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn replace_keys<E>(
        &mut self,
        mut f: impl FnMut(&CompiledRules, &KeyState) -> Result<KeyState, E>,
    ) -> Result<(), E> {
        for key in &mut self.keys {
            *key = f(&self.rules, key)?;
        }
        Ok(())
    }

    /// Folds a line with one data point, its equipment, and its arrival from an envelope.
    #[inline]
    fn canonical(
        &mut self,
        (arrival_ms, equipment, point): &(Option<i64>, &str, DataPoint<'_>),
        sink: &mut impl Sink,
    ) -> Result<(), FoldError> {
        self.counts.lines += 1;
        let arrival_ms = arrival_ms.or(point.created_at_ms).unwrap_or(point.timestamp_ms);
        self.points(equipment, std::slice::from_ref(point), arrival_ms, sink)
    }

    #[inline]
    fn points(
        &mut self,
        equipment: &str,
        points: &[DataPoint<'_>],
        arrival_ms: i64,
        sink: &mut impl Sink,
    ) -> Result<(), FoldError> {
        for point in points {
            self.counts.points += 1;
            sink.point(equipment, point, arrival_ms);
            if !point.derived {
                self.greatest_mark_ms = self.greatest_mark_ms.max(Some(point.timestamp_ms.min(arrival_ms)));
            }
        }
        let index = self.key(equipment, arrival_ms)?;
        self.apply(index, &Record { arrival_ms, body: RecordBody::Points(points) }, sink)
    }

    fn tick(
        &mut self,
        equipment: &str,
        arrival_ms: Option<i64>,
        sink: &mut impl Sink,
    ) -> Result<(), FoldError> {
        let index = match (self.by_equipment.get(equipment), arrival_ms) {
            (Some(index), _) => *index,
            (None, Some(arrival_ms)) => self.key(equipment, arrival_ms)?,
            // The arrival of a bare tick is the clock of its key. A new key has no clock.
            (None, None) => return Ok(()),
        };
        let Some(key) = self.keys.get(index) else {
            never!("key {index} of {}", self.keys.len());
            return Ok(());
        };
        let arrival_ms = arrival_ms.unwrap_or(key.clock_ms());
        self.apply(index, &Record { arrival_ms, body: RecordBody::Tick }, sink)
    }

    /// Returns the key of an equipment. A new key begins with the rules that are due at this arrival.
    #[inline]
    fn key(&mut self, equipment: &str, arrival_ms: i64) -> Result<usize, FoldError> {
        if let Some(index) = self.by_equipment.get(equipment) {
            return Ok(*index);
        }
        let index = self.keys.len();
        self.keys.push(KeyState::new(equipment, &self.rules, arrival_ms)?);
        self.by_equipment.insert(equipment.into(), index);
        Ok(index)
    }

    #[inline]
    fn apply(&mut self, index: usize, record: &Record<'_>, sink: &mut impl Sink) -> Result<(), FoldError> {
        let count = self.keys.len();
        let Some(key) = self.keys.get_mut(index) else {
            never!("key {index} of {count}");
            return Ok(());
        };
        key.apply_to(&self.rules, record, &mut self.outcome)?;
        report(&mut self.counts, key.equipment(), &mut self.outcome, sink);
        Ok(())
    }

    fn rule_set(&mut self, document: &str, start_ms: i64, sink: &mut impl Sink) {
        let compiled = match RuleDocument::from_json(document) {
            Ok(document) => RuleSet::compile(document).map_err(crate::AddSetError::Invalid),
            Err(detail) => return self.reject_rules(&detail, sink),
        };
        if let Err(error) = compiled.and_then(|set| self.rules.push(start_ms, set)) {
            self.reject_rules(&error.to_string(), sink);
        }
    }

    fn reject_rules(&mut self, detail: &str, sink: &mut impl Sink) {
        self.counts.reject(Reason::RulesRefused, 1);
        sink.rejected_message(Reason::RulesRefused, detail);
    }
}

#[inline]
fn report(counts: &mut Counts, equipment: &str, outcome: &mut Outcome, sink: &mut impl Sink) {
    counts.points_from_future += std::mem::take(&mut outcome.points_from_future);
    counts.watermark_forced += std::mem::take(&mut outcome.watermark_forced);
    for rejected in outcome.rejections.drain(..) {
        counts.reject(rejected.reason, 1);
        sink.rejected_point(equipment, &rejected);
    }
    for transition in outcome.transitions.drain(..) {
        counts.transitions += 1;
        sink.transition(transition);
    }
    if !outcome.requests.is_empty() {
        counts.requests += outcome.requests.len() as u64;
        counts.requests_dropped += std::mem::take(&mut outcome.requests_dropped);
        outcome.requests.drain(..).for_each(|request| sink.request(request));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Quiet;

    impl Sink for Quiet {
        fn transition(&mut self, _: Transition) {}
    }

    #[test]
    fn lines_of_any_form_are_taken_one_by_one_and_blank_ones_are_nothing() {
        let set = RuleSet::compile(RuleDocument::default()).unwrap();
        let mut replay = Replay::new(CompiledRules::new(set));
        let usual = r#"{"timestamp":5,"equipmentId":"e","tag":"t","value":1}"#;
        let spaced = r#"{"timestamp": 5, "equipmentId": "e", "tag": "t", "value": 1}"#;
        let lines = format!("{usual}\n\n{spaced}\r\n \r\n{usual}\r\n{{\n{usual}x\n{spaced}");
        let mut rest = lines.as_bytes();
        let mut taken = 0;
        while !rest.is_empty() {
            rest = replay.first_line(rest, &mut Quiet).unwrap();
            taken += 1;
        }
        let counts = replay.counts();
        assert_eq!((taken, counts.lines, counts.points), (8, 6, 4));
        assert_eq!(counts.rejected(Reason::Malformed), 2);
    }
}
