//! The shift as a timeline of incidents and state changes.

use std::collections::BTreeMap;

use andon_domain::{Reason, Transition};
use andon_engine::replay::Counts;
use andon_simulator::{Incident, Shift, Totals};

use crate::reason::Reasons;
use crate::terminal::{Terminal, grouped};
use crate::times::clock;

/// A state change, and when it was known.
pub(super) struct KnownChange {
    pub(super) transition: Transition,
    /// The arrival, in ms, by which it was decided.
    pub(super) known_ms: i64,
}

/// Lines are not longer than this many characters.
const WIDTH: usize = 110;
/// Where the text begins, after the time, the mark and the name of the equipment.
const TEXT_AT: usize = 27;
/// Delay from which a state change is marked as known late, ms.
const LATER_MS: i64 = 60_000;

/// The equipment of an incident that concerns all machines.
pub(super) const WHOLE_LINE: &str = "line";

/// One line of the timeline.
enum Entry<'a> {
    Begins(&'a Incident),
    Ends(&'a Incident),
    KnownChange(&'a KnownChange),
}

impl Entry<'_> {
    fn at_ms(&self) -> i64 {
        match self {
            Self::Begins(incident) => incident.at_ms,
            Self::Ends(incident) => incident.until_ms,
            Self::KnownChange(said) => said.transition.at,
        }
    }
}

/// The whole story, as text.
pub(super) fn text(
    shift: &Shift,
    said: &[KnownChange],
    reasons: &Reasons,
    rules: usize,
    seed: u64,
    terminal: &Terminal,
) -> String {
    let day = shift.story().first().map_or(0, |first| first.at_ms);
    let mut page = Page { terminal, text: String::new() };
    page.line(&format!(
        "One shift of a bottling line, {} to {} UTC (simulated, seed {seed}): {} data points of eight machines, {rules} \
         rules.\nLines with {} are what andon said. The others are what really happened, which it does not know.\n",
        date_and_time(day),
        clock(shift.end_ms()),
        grouped(shift.totals().points),
        page.mark(),
    ));
    let mut routine = Routine::default();
    for entry in timeline(shift.story(), said) {
        if let Entry::KnownChange(said) = &entry
            && is_routine(&said.transition)
        {
            routine.add(&said.transition);
            continue;
        }
        routine.tell(&mut page);
        match entry {
            Entry::Begins(incident) => page.begins(incident),
            Entry::Ends(incident) => page.ends(incident),
            Entry::KnownChange(said) => page.said(said, &reasons.text(&said.transition)),
        }
    }
    routine.tell(&mut page);
    page.text
}

/// By time. The end of an incident stands only where something was said while it went on: otherwise its beginning,
/// with its length, says enough.
fn timeline<'a>(story: &'a [Incident], said: &'a [KnownChange]) -> Vec<Entry<'a>> {
    let mut entries = Vec::new();
    for incident in story {
        entries.push(Entry::Begins(incident));
        let during = |said: &&KnownChange| {
            incident.at_ms < said.transition.at && said.transition.at <= incident.until_ms
        };
        let concerned =
            |said: &&KnownChange| machine(incident).is_none_or(|name| name == said.transition.equipment_id);
        if said.iter().filter(during).filter(concerned).any(|said| !is_routine(&said.transition)) {
            entries.push(Entry::Ends(incident));
        }
    }
    entries.extend(said.iter().map(Entry::KnownChange));
    // Stable: at the same time, what happens stands before what is said about it.
    entries.sort_by_key(Entry::at_ms);
    entries
}

/// The machine that an incident is about; none for senders and for the whole line.
pub(super) fn machine(incident: &Incident) -> Option<&'static str> {
    let name = incident.equipment;
    if name == WHOLE_LINE || name.starts_with("gateway-") || name.ends_with("-drive") {
        None
    } else {
        Some(name)
    }
}

/// Whether a change only says that a machine works, stands, or is watched now.
pub(super) fn is_routine(transition: &Transition) -> bool {
    let quiet = |state: &str| matches!(state, "UNKNOWN" | "NORMAL" | "IDLE" | "ACTIVE");
    quiet(&transition.from) && transition.to.as_deref().is_some_and(quiet)
}

/// A group of routine changes that the story shows as one line.
#[derive(Default)]
struct Routine {
    at_ms: Option<i64>,
    changes: BTreeMap<String, u64>,
}

impl Routine {
    fn add(&mut self, transition: &Transition) {
        self.at_ms.get_or_insert(transition.at);
        let to = transition.to.as_deref().unwrap_or("removed");
        *self.changes.entry(format!("{} → {to}", transition.from)).or_default() += 1;
    }

    fn tell(&mut self, page: &mut Page<'_>) {
        let Self { at_ms: Some(at_ms), changes } = std::mem::take(self) else { return };
        let count: u64 = changes.values().sum();
        let list = changes.iter().map(|(change, count)| match count {
            1 => change.clone(),
            count => format!("{change} ({count} times)"),
        });
        let (noun, mark) = (if count == 1 { "change" } else { "changes" }, page.mark());
        let list = list.collect::<Vec<_>>().join(", ");
        page.entry(at_ms, &mark, "", &format!("and {count} routine {noun}: {list}"), "2");
    }
}

struct Page<'a> {
    terminal: &'a Terminal,
    text: String,
}

impl Page<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn mark(&self) -> String {
        self.terminal.paint_result("►", "36")
    }

    fn begins(&mut self, incident: &Incident) {
        let length = span(incident.until_ms.saturating_sub(incident.at_ms));
        let text = format!("{} ({length})", incident.text);
        self.entry(incident.at_ms, " ", incident.equipment, &text, "");
    }

    fn ends(&mut self, incident: &Incident) {
        let text = format!("that is over: {}", incident.kind.name().replace('-', " "));
        self.entry(incident.until_ms, " ", incident.equipment, &text, "");
    }

    fn said(&mut self, said: &KnownChange, reason: &str) {
        let KnownChange { transition, known_ms } = said;
        let to = transition.to.as_deref().unwrap_or("removed");
        let (from, to) = (self.terminal.paint_state(&transition.from), self.terminal.paint_state(to));
        let rule = self.terminal.paint_result(&transition.rule_id, "1");
        let (mark, equipment) = (self.mark(), transition.equipment_id.as_str());
        self.line(&format!("{}  {mark} {equipment:<14} {rule}: {from} → {to}", clock(transition.at)));
        self.wrapped(reason, "2");
        if known_ms.saturating_sub(transition.at) > LATER_MS {
            self.wrapped(&format!("known at {}, when the points came", clock(*known_ms)), "2");
        }
    }

    /// A line with its text wrapped under itself.
    fn entry(&mut self, at_ms: i64, mark: &str, equipment: &str, text: &str, style: &str) {
        let mut lines = wrap(text, WIDTH - TEXT_AT).into_iter();
        let first = self.terminal.paint_result(&lines.next().unwrap_or_default(), style);
        self.line(&format!("{}  {mark} {equipment:<14} {first}", clock(at_ms)));
        for line in lines {
            self.indented(&line, style);
        }
    }

    fn wrapped(&mut self, text: &str, style: &str) {
        for line in wrap(text, WIDTH - TEXT_AT) {
            self.indented(&line, style);
        }
    }

    fn indented(&mut self, line: &str, style: &str) {
        let line = self.terminal.paint_result(line, style);
        self.line(&format!("{:TEXT_AT$}{line}", ""));
    }
}

/// Returns the counts of points that reached no rule, or reached it in an unusual way, and changed no state.
pub(super) fn unseen(counts: &Counts, totals: &Totals, terminal: &Terminal) -> String {
    let facts = [
        (
            totals.backlog,
            "points came late out of a gateway's backlog: judged by the time when they were measured",
        ),
        (counts.rejected(Reason::Late), "of all points were too late to be used"),
        (totals.ahead, "points were stamped later than they arrived: taken as measured at their arrival"),
        (totals.redelivered, "points came a second time: not one of them counted twice"),
        (counts.rejected(Reason::BadQuality), "values were marked as bad by their sensor: not used"),
        (counts.rejected(Reason::Malformed), "lines could not be read: not used"),
    ];
    let mut text = format!("\n{}\n", terminal.paint_result("Handled on the way:", "1"));
    for (count, what) in facts {
        text.push_str(&format!("{:>8} {what}\n", grouped(count)));
    }
    text
}

/// Lines of at most `width` characters, broken between words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn date_and_time(at_ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(at_ms) {
        Ok(time) => time.strftime("%A %Y-%m-%d, %H:%M:%S").to_string(),
        Err(_) => clock(at_ms),
    }
}

/// A length of time: `35 s`, `19 min`, `1 h 5 min`, with spaces at which no line is broken.
fn span(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    match seconds {
        3_600.. => format!("{}\u{a0}h\u{a0}{}\u{a0}min", seconds / 3_600, seconds / 60 % 60),
        120.. => format!("{}\u{a0}min", (seconds + 30) / 60),
        _ => format!("{seconds}\u{a0}s"),
    }
}

#[cfg(test)]
mod tests {
    use andon_simulator::IncidentKind;

    use super::*;

    fn incident(at_s: i64, until_s: i64, equipment: &'static str) -> Incident {
        let (at_ms, until_ms) = (at_s * 1_000, until_s * 1_000);
        Incident {
            at_ms,
            until_ms,
            equipment,
            kind: IncidentKind::Overheating,
            text: "it gets hot".to_owned(),
        }
    }

    fn said(at_s: i64, from: &str, to: &str) -> KnownChange {
        let text = format!(
            r#"{{"ruleId":"hot","ruleVersion":1,"equipmentId":"filler-1","sequence":1,"from":"{from}","to":"{to}",
            "at":{},"group":null}}"#,
            at_s * 1_000
        );
        KnownChange { transition: serde_json::from_str(&text).unwrap(), known_ms: at_s * 1_000 }
    }

    fn told(story: &[Incident], said: &[KnownChange]) -> Vec<String> {
        timeline(story, said)
            .iter()
            .map(|entry| match entry {
                Entry::Begins(incident) => format!("begin {}", incident.at_ms / 1_000),
                Entry::Ends(incident) => format!("end {}", incident.until_ms / 1_000),
                Entry::KnownChange(said) => format!("said {}", said.transition.at / 1_000),
            })
            .collect()
    }

    #[test]
    fn the_end_of_an_incident_is_shown_only_after_a_change_within_it() {
        let story = [incident(10, 20, "filler-1"), incident(30, 40, "filler-1")];
        let said = [said(15, "NORMAL", "ALARM"), said(50, "ALARM", "NORMAL")];
        assert_eq!(told(&story, &said), ["begin 10", "said 15", "end 20", "begin 30", "said 50"]);
    }

    #[test]
    fn what_is_said_of_another_machine_does_not_end_an_incident() {
        let said = [said(15, "NORMAL", "ALARM")];
        assert_eq!(told(&[incident(10, 20, "packer-1")], &said), ["begin 10", "said 15"]);
        // A gateway serves many machines.
        assert_eq!(told(&[incident(10, 20, "gateway-2")], &said), ["begin 10", "said 15", "end 20"]);
    }

    #[test]
    fn what_happens_stands_before_what_is_said_at_the_same_time() {
        assert_eq!(
            told(&[incident(10, 20, "filler-1")], &[said(10, "NORMAL", "ALARM")]),
            ["begin 10", "said 10"]
        );
    }

    #[test]
    fn changes_between_quiet_states_are_routine() {
        assert!(is_routine(&said(1, "UNKNOWN", "NORMAL").transition));
        assert!(is_routine(&said(1, "ACTIVE", "IDLE").transition));
        assert!(!is_routine(&said(1, "ACTIVE", "WARNING").transition));
        assert!(!is_routine(&said(1, "MAINTENANCE", "ACTIVE").transition));
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensibilities no", 7), ["incomprehensibilities", "no"]);
    }

    #[test]
    fn lengths_of_time_are_as_fine_as_they_need_to_be() {
        assert_eq!(
            [30_400, 119_000, 149_000, 4_000_000].map(span).map(|span| span.replace('\u{a0}', " ")),
            ["30 s", "119 s", "2 min", "1 h 6 min"]
        );
    }
}
