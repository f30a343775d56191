//! The replay contract: lines of records in, transitions out, as a running system would have decided.
//!
//! Pure like the fold: lines come as bytes, what happens goes to a [`Sink`].

use andon_domain::wire::{Message, MessageContent};
use andon_domain::{DataPoint, LookupMap, Reason, RuleDocument, Transition};

use crate::compile::{CompiledRules, RuleSet};
use crate::fold::{BoundScoreRequest, FoldError, KeyState, Outcome, Record, RecordBody, RejectedPoint};

/// What a replay tells while it runs.
pub trait Sink {
    /// A state change was decided.
    fn transition(&mut self, transition: Transition);

    /// A model is to be asked.
    fn request(&mut self, request: BoundScoreRequest) {
        let _ = request;
    }

    /// A point of a valid record that arrived at `arrival_ms` was read (before it is known whether it will be used).
    fn point(&mut self, equipment: &str, point: &DataPoint<'_>, arrival_ms: i64) {
        let _ = (equipment, point, arrival_ms);
    }

    /// A point was not used. It may have come on an earlier line than that which was just read.
    fn rejected_point(&mut self, equipment: &str, rejected: &RejectedPoint) {
        let _ = (equipment, rejected);
    }

    /// A message, or an item of a list, could not be used.
    fn rejected_message(&mut self, reason: Reason, detail: &str) {
        let _ = (reason, detail);
    }
}

/// What a replay has counted.
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
    /// Points whose timestamp lay after their arrival.
    pub ahead: u64,
    /// Times that too many points were pending.
    pub forced: u64,
    /// Requests to models.
    pub requests: u64,
    /// Requests that were not kept since their record led to too many.
    pub requests_dropped: u64,
}

impl Counts {
    /// Rejections of one reason.
    #[must_use]
    pub fn rejected(&self, reason: Reason) -> u64 {
        self.rejected.get(reason.index()).copied().unwrap_or_default()
    }

    fn reject(&mut self, reason: Reason, count: u64) {
        if let Some(counted) = self.rejected.get_mut(reason.index()) {
            *counted += count;
        }
    }
}

/// A replay: the rule sets, and the state of every equipment that has come up.
#[derive(Debug)]
pub struct Replay {
    rules: CompiledRules,
    keys: Vec<KeyState>,
    by_equipment: LookupMap<compact_str::CompactString, usize>,
    greatest_mark_ms: Option<i64>,
    counts: Counts,
    /// Empty between records; kept for its memory.
    outcome: Outcome,
}

impl Replay {
    /// A replay that begins with these rules.
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

    /// Reads the first of some lines, if it is not blank, and answers with the lines behind it.
    ///
    /// # Errors
    /// As [`Replay::line`].
    pub fn first_line<'a>(&mut self, lines: &'a [u8], sink: &mut impl Sink) -> Result<&'a [u8], FoldError> {
        if let Some((point, behind)) = Message::read_usual_line(lines) {
            self.usual(&point, sink)?;
            return Ok(behind);
        }
        let end = memchr::memchr(b'\n', lines).unwrap_or(lines.len());
        let (line, behind) = lines.split_at_checked(end).unwrap_or_default();
        if !line.iter().all(u8::is_ascii_whitespace) {
            self.line(line, sink)?;
        }
        Ok(behind.get(1..).unwrap_or_default())
    }

    /// Reads one line, without its line end.
    ///
    /// # Errors
    /// When a rule set cannot serve an equipment. Anything wrong with the line itself is rejected and counted.
    pub fn line(&mut self, line: &[u8], sink: &mut impl Sink) -> Result<(), FoldError> {
        if let Some(point) = Message::read_canonical(line) {
            return self.usual(&point, sink);
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

    /// Counts a line that is longer than a record may be, and was not kept.
    pub fn too_long(&mut self, sink: &mut impl Sink) {
        self.counts.lines += 1;
        self.counts.reject(Reason::Malformed, 1);
        let detail = format!("the line is longer than {} bytes", andon_domain::limits::RECORD_BYTES);
        sink.rejected_message(Reason::Malformed, &detail);
    }

    /// Ends the replay as `--end close` does: event time advances for every key to the greatest mark in the whole
    /// input.
    pub fn close(&mut self, sink: &mut impl Sink) {
        let Some(end_ms) = self.greatest_mark_ms else { return };
        for key in &mut self.keys {
            let mut outcome = key.close(end_ms);
            report(&mut self.counts, key.equipment(), &mut outcome, sink);
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The keys, in the order in which they came up.
    #[must_use]
    pub fn keys(&self) -> &[KeyState] {
        &self.keys
    }

    /// The rule sets known so far.
    #[must_use]
    pub fn rules(&self) -> &CompiledRules {
        &self.rules
    }

    /// Puts every key through `f`, for tests that store and restore states between records.
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

    /// A line that is a data point, with its arrival in an envelope and its equipment.
    #[inline]
    fn usual(
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
            // The arrival of a bare tick is the clock of its key: of a new key, there is none.
            (None, None) => return Ok(()),
        };
        let clock_ms = self.keys.get(index).map(KeyState::clock_ms);
        match arrival_ms.or(clock_ms) {
            Some(arrival_ms) => self.apply(index, &Record { arrival_ms, body: RecordBody::Tick }, sink),
            None => Ok(()),
        }
    }

    /// The key of an equipment; a new one begins with the rules due at this arrival.
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
        let Some(key) = self.keys.get_mut(index) else { return Ok(()) };
        key.apply_to(&self.rules, record, &mut self.outcome)?;
        report(&mut self.counts, key.equipment(), &mut self.outcome, sink);
        Ok(())
    }

    fn rule_set(&mut self, document: &str, start_ms: i64, sink: &mut impl Sink) {
        let compiled = match RuleDocument::from_json(document) {
            Ok(document) => RuleSet::compile(document).map_err(crate::AddSetError::Invalid),
            Err(detail) => return self.refuse(&detail, sink),
        };
        if let Err(refused) = compiled.and_then(|set| self.rules.push(start_ms, set)) {
            self.refuse(&refused.to_string(), sink);
        }
    }

    fn refuse(&mut self, detail: &str, sink: &mut impl Sink) {
        self.counts.reject(Reason::RulesRefused, 1);
        sink.rejected_message(Reason::RulesRefused, detail);
    }
}

#[inline]
fn report(counts: &mut Counts, equipment: &str, outcome: &mut Outcome, sink: &mut impl Sink) {
    counts.ahead += std::mem::take(&mut outcome.ahead);
    counts.forced += std::mem::take(&mut outcome.forced);
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
