//! Collects points, transitions and rejected points from a stream, in bounded memory.

use std::collections::{BTreeMap, VecDeque};

use crate::escape::{clip, head};
use crate::input::{Operand, ReportOptions, RuleInfo, TransitionInfo, Value};
use crate::limits::{self, fair_share};
use crate::numbers::{id, index};
use crate::series::NumberSeries;
use crate::strip::Strip;
use andon_domain::LookupMap;

/// Collects points, transitions and rejected points, and writes the page.
///
/// Points of one tag may come slightly out of order. The page reports the count of everything beyond a limit.
#[derive(Debug, Default)]
pub struct ReportBuilder {
    pub(crate) options: ReportOptions,
    /// Lines of fixed width.
    pub(crate) table: Vec<String>,
    pub(crate) rules: Vec<RuleInfo>,
    rule_index: LookupMap<String, u32>,
    tag_index: LookupMap<String, u32>,
    pub(crate) machines: Vec<Equipment>,
    equipment_index: LookupMap<String, u32>,
    last_equipment: u32,
    series: Vec<Series>,
    series_index: LookupMap<(u32, u32), u32>,
    most_buckets: usize,
    pub(crate) pairs: Vec<Pair>,
    pair_index: LookupMap<(u32, u32), u32>,
    pub(crate) reasons: BTreeMap<String, Reason>,
    pub(crate) incidents: Vec<Incident>,
    pub(crate) totals: Totals,
}

/// Counts over everything, whether or not it is drawn.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) points: u64,
    pub(crate) rejected: u64,
    pub(crate) transitions: u64,
    /// Points of tags that rules name, without a place to keep them.
    pub(crate) points_not_kept: u64,
    /// Transitions whose rule, equipment or pair is beyond a bound.
    pub(crate) transitions_not_kept: u64,
    pub(crate) rules_not_kept: u64,
    pub(crate) incidents_not_kept: u64,
    pub(crate) first_ms: Option<i64>,
    pub(crate) last_ms: Option<i64>,
}

impl Totals {
    fn span(&mut self, at_ms: i64) {
        self.first_ms = Some(self.first_ms.map_or(at_ms, |first| first.min(at_ms)));
        self.last_ms = Some(self.last_ms.map_or(at_ms, |last| last.max(at_ms)));
    }
}

#[derive(Debug)]
pub(crate) struct Equipment {
    pub(crate) name: String,
    /// Time of its earliest point.
    pub(crate) first_ms: Option<i64>,
    pub(crate) points: u64,
    pub(crate) rejected: BTreeMap<String, u64>,
}

/// A series of one tag of one machine. A tag may carry numbers and texts.
#[derive(Debug, Default)]
pub(crate) struct Series {
    pub(crate) numbers: NumberSeries,
    pub(crate) strip: Strip,
    pub(crate) strip_points: u64,
}

/// A rule on an equipment.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) equipment: u32,
    pub(crate) rule: u32,
    /// Winning state before the first transition; the rule's default if there was none.
    pub(crate) initial: Option<String>,
    pub(crate) winners: Strip,
    /// Winning state now: none before the first transition; of it none if the rule was removed.
    pub(crate) now: Option<Option<String>>,
    pub(crate) since_ms: i64,
    pub(crate) transitions: u64,
    pub(crate) listed: VecDeque<TransitionInfo>,
    /// Time spent in each state until the last transition.
    pub(crate) time_in: BTreeMap<String, i64>,
}

/// Points that were not used, or used with a reservation, for one reason.
#[derive(Debug, Default)]
pub(crate) struct Reason {
    pub(crate) rejected: u64,
    pub(crate) counted: u64,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) line: u64,
    pub(crate) equipment: Option<String>,
    pub(crate) detail: String,
}

#[derive(Debug)]
pub(crate) struct Incident {
    pub(crate) at_ms: i64,
    pub(crate) equipment: Option<String>,
    pub(crate) text: String,
}

impl ReportBuilder {
    /// A report without anything in it.
    #[must_use]
    pub fn new(options: ReportOptions) -> Self {
        Self { options, most_buckets: limits::BUCKETS, ..Self::default() }
    }

    /// A table at the top, as lines of fixed width.
    pub fn table(&mut self, text: &str) {
        let lines = text.lines().take(limits::TABLE_LINES);
        self.table = lines.map(|line| clip(line, limits::TEXT_CHARS * 4)).collect();
    }

    /// Makes a rule known. Points of its tags are kept from here on; a rule of a known id replaces it.
    pub fn rule(&mut self, mut rule: RuleInfo) {
        for tag in &rule.tags {
            let known = self.tag_index.len();
            if known < limits::TAGS && tag.len() <= limits::NAME_BYTES && !self.tag_index.contains_key(tag) {
                self.tag_index.insert(tag.clone(), id(known));
            }
        }
        rule.description = clip(&rule.description, limits::TEXT_CHARS * 2);
        let known = self.rule_index.get(&rule.rule_id).map(|known| index(*known));
        match known {
            Some(known) => {
                if let Some(known) = self.rules.get_mut(known) {
                    *known = rule;
                }
            }
            None if self.rules.len() < limits::RULES && rule.rule_id.len() <= limits::NAME_BYTES => {
                self.rule_index.insert(rule.rule_id.clone(), id(self.rules.len()));
                self.rules.push(rule);
            }
            None => self.totals.rules_not_kept += 1,
        }
    }

    /// Says that a rule watches an equipment, so that it has its row even if it never changes state. Pairs with a
    /// transition need not be announced; a rule that is not known is ignored.
    pub fn watch(&mut self, rule_id: &str, equipment: &str) {
        if let Some(rule) = self.rule_index.get(rule_id).copied()
            && let Some(equipment) = self.equipment_id(equipment)
        {
            self.pair_mut(equipment, rule);
        }
    }

    /// A point that was taken into account, at its own timestamp (milliseconds since the epoch).
    pub fn point(&mut self, equipment: &str, tag: &str, at_ms: i64, value: Value<'_>) {
        self.totals.points += 1;
        self.totals.span(at_ms);
        let Some(equipment_id) = self.equipment_id(equipment) else {
            self.totals.points_not_kept += 1;
            return;
        };
        if let Some(equipment) = self.machines.get_mut(index(equipment_id)) {
            equipment.points += 1;
            equipment.first_ms = Some(equipment.first_ms.map_or(at_ms, |first| first.min(at_ms)));
        }
        let Some(tag_id) = self.tag_index.get(tag).copied() else { return };
        let most = self.most_buckets;
        let Some(series) = self.series_mut(equipment_id, tag_id) else {
            self.totals.points_not_kept += 1;
            return;
        };
        match value {
            Value::Num(number) if number.is_finite() => series.numbers.push(at_ms, number, most),
            Value::Num(_) => self.totals.points_not_kept += 1,
            Value::Bool(on) => series.text(at_ms, if on { "true" } else { "false" }, most),
            Value::Text(text) => series.text(at_ms, text, most),
        }
    }

    /// A change of the winning state; those of one rule and equipment in the order of decision.
    pub fn transition(&mut self, transition: TransitionInfo) {
        self.totals.transitions += 1;
        self.totals.span(transition.at_ms);
        let rule = match self.rule_index.get(&transition.rule_id).copied() {
            Some(known) => known,
            // Not announced: shown all the same, without charts.
            None => {
                let rule_id = transition.rule_id.clone();
                let default_state = transition.from.clone();
                self.rule(RuleInfo { rule_id, default_state, ..RuleInfo::default() });
                match self.rule_index.get(&transition.rule_id).copied() {
                    Some(rule) => rule,
                    None => {
                        self.totals.transitions_not_kept += 1;
                        return;
                    }
                }
            }
        };
        let equipment = self.equipment_id(&transition.equipment);
        let first_ms = equipment.and_then(|e| self.machines.get(index(e))).and_then(|e| e.first_ms);
        let (most_changes, most_listed) = (self.most_changes(), self.most_listed());
        match equipment.and_then(|equipment| self.pair_mut(equipment, rule)) {
            Some(pair) => pair.transition(transition, first_ms, most_changes, most_listed),
            None => self.totals.transitions_not_kept += 1,
        }
    }

    /// A record or point that was not used: why, whose it was if that is known, its line in the input (from 1), and
    /// what exactly was wrong.
    pub fn rejected(&mut self, reason: &str, equipment: Option<&str>, line: u64, detail: &str) {
        self.totals.rejected += 1;
        let name = self.reason_name(reason);
        let entry = self.reasons.entry(name.clone()).or_default();
        entry.rejected += 1;
        if entry.samples.len() < limits::SAMPLES {
            entry.samples.push(Sample {
                line,
                equipment: equipment.map(|name| clip(name, limits::NAME_CHARS)),
                detail: clip(detail, limits::TEXT_CHARS),
            });
        }
        if let Some(id) = equipment.and_then(|equipment| self.equipment_id(equipment))
            && let Some(equipment) = self.machines.get_mut(index(id))
        {
            *equipment.rejected.entry(name).or_default() += 1;
        }
    }

    /// Points that were used, but that an operator should know of (`ahead`, `forced`): `n` more of them.
    pub fn counted(&mut self, reason: &str, n: u64) {
        if n > 0 {
            let name = self.reason_name(reason);
            let entry = self.reasons.entry(name).or_default();
            entry.counted = entry.counted.saturating_add(n);
        }
    }

    /// Something that happened on the line, told by a person or a simulation; marked in the overview.
    pub fn incident(&mut self, at_ms: i64, equipment: Option<&str>, text: &str) {
        if self.incidents.len() < limits::INCIDENTS {
            self.incidents.push(Incident {
                at_ms,
                equipment: equipment.map(|name| head(name, limits::NAME_BYTES).to_owned()),
                text: clip(text, limits::TEXT_CHARS * 2),
            });
        } else {
            self.totals.incidents_not_kept += 1;
        }
    }

    pub(crate) fn series(&self, equipment: u32, tag: &str) -> Option<&Series> {
        let tag = self.tag_index.get(tag)?;
        self.series.get(index(*self.series_index.get(&(equipment, *tag))?))
    }

    pub(crate) fn all_series(&self) -> &[Series] {
        &self.series
    }

    fn equipment_id(&mut self, name: &str) -> Option<u32> {
        // Senders send in bursts: most points are of the same equipment as the one before.
        if self.machines.get(index(self.last_equipment)).is_some_and(|last| last.name == name) {
            return Some(self.last_equipment);
        }
        if let Some(known) = self.equipment_index.get(name) {
            self.last_equipment = *known;
            return Some(*known);
        }
        let new = self.machines.len();
        if new >= limits::MACHINES || name.len() > limits::NAME_BYTES {
            return None;
        }
        self.equipment_index.insert(name.to_owned(), id(new));
        self.machines.push(Equipment {
            name: name.to_owned(),
            first_ms: None,
            points: 0,
            rejected: BTreeMap::new(),
        });
        Some(id(new))
    }

    fn series_mut(&mut self, equipment: u32, tag: u32) -> Option<&mut Series> {
        if let Some(known) = self.series_index.get(&(equipment, tag)) {
            return self.series.get_mut(index(*known));
        }
        let new = self.series.len();
        if new >= limits::SERIES {
            return None;
        }
        self.series_index.insert((equipment, tag), id(new));
        self.series.push(Series::default());
        // By powers of two, so that all are shrunk a few times only.
        let share = fair_share(limits::BUCKETS_IN_ALL, (new + 1).next_power_of_two(), 60, limits::BUCKETS);
        if share < self.most_buckets {
            self.most_buckets = share;
            for series in &mut self.series {
                series.numbers.shrink_to(share);
                series.strip.shrink_to(share);
            }
        }
        self.series.get_mut(new)
    }

    fn pair_mut(&mut self, equipment: u32, rule: u32) -> Option<&mut Pair> {
        if let Some(known) = self.pair_index.get(&(equipment, rule)) {
            return self.pairs.get_mut(index(*known));
        }
        let new = self.pairs.len();
        if new >= limits::PAIRS {
            return None;
        }
        self.pair_index.insert((equipment, rule), id(new));
        self.pairs.push(Pair {
            equipment,
            rule,
            initial: None,
            winners: Strip::default(),
            now: None,
            since_ms: 0,
            transitions: 0,
            listed: VecDeque::new(),
            time_in: BTreeMap::new(),
        });
        if (new + 1).is_power_of_two() {
            let (changes, listed) = (self.most_changes(), self.most_listed());
            for pair in &mut self.pairs {
                pair.winners.shrink_to(changes);
                let beyond = pair.listed.len().saturating_sub(listed);
                pair.listed.drain(..beyond);
            }
        }
        self.pairs.get_mut(new)
    }

    fn most_changes(&self) -> usize {
        fair_share(limits::CHANGES_IN_ALL, self.pairs.len(), 60, limits::CHANGES)
    }

    fn most_listed(&self) -> usize {
        fair_share(limits::LISTED_IN_ALL, self.pairs.len(), 2, self.options.max_listed_transitions)
    }

    fn reason_name(&self, reason: &str) -> String {
        let name = clip(reason, limits::NAME_CHARS);
        let room = self.reasons.len() < limits::REASONS - 1 || self.reasons.contains_key(&name);
        if room { name } else { "other".to_owned() }
    }
}

impl Series {
    fn text(&mut self, at_ms: i64, text: &str, most: usize) {
        self.strip_points += 1;
        self.strip.push(at_ms, text, most);
    }
}

impl Pair {
    fn transition(&mut self, mut t: TransitionInfo, first_ms: Option<i64>, changes: usize, listed: usize) {
        let before = head(&t.from, limits::VALUE_BYTES).to_owned();
        if self.transitions == 0 {
            self.since_ms = first_ms.map_or(t.at_ms, |first| first.min(t.at_ms));
            self.initial = Some(before.clone());
        }
        // States beyond the bound share one entry, as in the strip.
        let full = self.time_in.len() >= limits::STRIP_VALUES - 1 && !self.time_in.contains_key(&before);
        let spent = self.time_in.entry(if full { "other values".to_owned() } else { before }).or_default();
        *spent = spent.saturating_add(t.at_ms.saturating_sub(self.since_ms).max(0));
        self.transitions += 1;
        self.since_ms = t.at_ms;
        let to = t.to.as_deref().map(|to| head(to, limits::VALUE_BYTES));
        self.winners.push(t.at_ms, to.unwrap_or(REMOVED), changes);
        self.now = Some(to.map(str::to_owned));

        t.from = head(&t.from, limits::VALUE_BYTES).to_owned();
        t.to = to.map(str::to_owned);
        t.group = t.group.map(|group| clip(&group, limits::NAME_CHARS));
        t.explanation.truncate(limits::OPERANDS);
        t.explanation = t.explanation.into_iter().map(clip_operand).collect();
        t.rule_id = String::new();
        t.equipment = String::new();
        if self.listed.len() >= listed {
            self.listed.pop_front();
        }
        if listed > 0 {
            self.listed.push_back(t);
        }
    }
}

/// The state that a strip shows after the removal of a rule.
pub(crate) const REMOVED: &str = "(no rule)";

fn clip_operand(operand: Operand) -> Operand {
    Operand {
        text: clip(&operand.text, limits::TEXT_CHARS),
        value: clip(&operand.value, limits::NAME_CHARS),
        at_ms: operand.at_ms,
    }
}
