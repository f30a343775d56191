//! The head: everything of a state except for old panes.

use std::sync::Arc;

use andon_domain::limits;
use compact_str::CompactString;

use super::bytes::{Reader, Writer};
use super::delta::{DeltaContext, order_flags};
use super::{LAST_VERSION_OF_LONG_POINTS, UnpackError, VERSION, bindings, panes, pending, segments, value};
use crate::compile::{CompiledRules, RuleSet};
use crate::fold::{EntryState, KeyState, NONE_MS, RuleState, Rules, Source, Winner};
use crate::state::{Newest, TagState};

/// Flags of the state.
const ALWAYS: u8 = 0x01;
const HAS_INSTANT: u8 = 0x02;
const HAS_WATERMARK: u8 = 0x04;
const HAS_BINDINGS: u8 = 0x08;

/// Flags of a tag, above the kind of its value and the flags of its order. A tag without a value has only these.
const NAMED_LATER: u8 = 0x40;
const NO_VALUE: u8 = 0x80;

/// Flags of an entry.
const ACTIVE: u8 = 0x01;
const SINCE: u8 = 0x02;
const RELEASABLE: u8 = 0x04;
const COUNT: u8 = 0x08;

pub(super) fn write(state: &KeyState) -> Vec<u8> {
    let mut writer = Writer::default();
    let set = &state.rules.set;
    let has_bindings = bindings::has_any(state);
    writer.byte(VERSION);
    let always = set.start_ms() == CompiledRules::ALWAYS_MS;
    let has_watermark = state.watermark_ms != i64::MIN;
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    writer.byte(
        flag(always, ALWAYS)
            | flag(state.first_instant_ms.is_some(), HAS_INSTANT)
            | flag(has_watermark, HAS_WATERMARK)
            | flag(has_bindings, HAS_BINDINGS),
    );
    if !always {
        writer.signed(set.start_ms());
    }
    segments::write_list(&mut writer, &state.segments);
    writer.0.extend_from_slice(&state.rules.plan.fingerprint.to_le_bytes());
    // A state has a clock: it is packed after its first record at the earliest.
    let reference_ms = state.clock_ms;
    writer.signed(reference_ms);
    if has_watermark {
        writer.time(state.watermark_ms, reference_ms);
    }
    if let Some(first_instant_ms) = state.first_instant_ms {
        writer.time(first_instant_ms, reference_ms);
        writer.time(state.last_ms, reference_ms);
    }
    let mut context = DeltaContext::new(state.tags.len(), reference_ms);
    write_sources(&mut writer, state);
    write_tags(&mut writer, state, &mut context);
    write_rules(&mut writer, state);
    pending::write(&mut writer, state, context);
    write_windows(&mut writer, state);
    if has_bindings {
        bindings::write(&mut writer, state);
    }
    writer.0
}

/// The part of a head before the list of segments.
pub(super) struct Preamble {
    pub version: u8,
    pub flags: u8,
    /// The start of the rule set, ms.
    pub start_ms: i64,
}

pub(super) fn read_preamble(reader: &mut Reader<'_>) -> Result<Preamble, UnpackError> {
    let version = match reader.byte()? {
        version @ 1..=VERSION => version,
        version => return Err(UnpackError::Version(version)),
    };
    let mut flags = reader.byte()?;
    if version == LAST_VERSION_OF_LONG_POINTS {
        flags |= HAS_BINDINGS;
    }
    let start_ms = if flags & ALWAYS != 0 { CompiledRules::ALWAYS_MS } else { reader.signed()? };
    Ok(Preamble { version, flags, start_ms })
}

pub(super) fn read<'a>(
    equipment: &str,
    rules: &CompiledRules,
    head: &[u8],
    mut segment: impl FnMut(super::SegmentId) -> Option<&'a [u8]>,
) -> Result<KeyState, UnpackError> {
    let mut reader = Reader(head);
    let Preamble { version, flags, start_ms } = read_preamble(&mut reader)?;
    let live = segments::read_list(&mut reader)?;
    let set: &Arc<RuleSet> = rules.starting_at(start_ms).ok_or(UnpackError::UnknownRuleSet { start_ms })?;
    let rules = Rules::new(set, equipment).map_err(|_| UnpackError::OtherRules)?;
    if reader.take(8)? != rules.plan.fingerprint.to_le_bytes() {
        return Err(UnpackError::OtherRules);
    }
    let mut state = KeyState::with_rules(equipment, rules);
    let reference_ms = Reader(reader.0).time(0).and_then(|_| reader.signed())?;
    state.clock_ms = reference_ms;
    if flags & HAS_WATERMARK != 0 {
        state.watermark_ms = reader.time(reference_ms)?;
    }
    if flags & HAS_INSTANT != 0 {
        state.first_instant_ms = Some(reader.time(reference_ms)?);
        state.last_ms = reader.time(reference_ms)?;
    }
    let mut context = DeltaContext::new(state.tags.len(), reference_ms);
    read_sources(&mut reader, &mut state)?;
    read_tags(&mut reader, &mut state, &mut context)?;
    read_rules(&mut reader, &mut state)?;
    if !winners_exist(&state) {
        return Err(UnpackError::OtherRules);
    }
    if version <= LAST_VERSION_OF_LONG_POINTS {
        pending::read_long(&mut reader, &mut state, context)?;
    } else {
        pending::read(&mut reader, &mut state, context)?;
    }
    state.segments = live;
    for id in state.segments.ids().collect::<Vec<_>>() {
        segments::read(&mut state, id, segment(id))?;
    }
    let windows = reader.count()?;
    let watermark_ms = state.watermark_ms;
    segments::read_windows(&mut state, &mut reader, windows, watermark_ms)?;
    if flags & HAS_BINDINGS != 0 {
        bindings::read(&mut reader, &mut state)?;
    }
    if !reader.0.is_empty() {
        return Err(UnpackError::Corrupt("there is more than a state"));
    }
    for (number, plan_rule) in (0..).zip(&Arc::clone(&state.rules.plan).rules) {
        let due_ms = state.due_from_state_ms(plan_rule);
        state.timers.set(number, due_ms);
    }
    state.arm_bindings();
    Ok(state)
}

fn write_sources(writer: &mut Writer, state: &KeyState) {
    writer.length(state.sources.0.len());
    for source in &state.sources.0 {
        writer.text(&source.id);
        writer.time(source.mark_ms, state.clock_ms);
        writer.time(source.last_ms, state.clock_ms);
    }
}

fn read_sources(reader: &mut Reader<'_>, state: &mut KeyState) -> Result<(), UnpackError> {
    let count = reader.count()?;
    if count > limits::SOURCES {
        return Err(UnpackError::Corrupt("there are too many sources"));
    }
    for _ in 0..count {
        let id = CompactString::new(reader.text()?);
        let (mark_ms, last_ms) = (reader.time(state.clock_ms)?, reader.time(state.clock_ms)?);
        state.sources.0.push(Source { id, mark_ms, last_ms });
    }
    Ok(())
}

fn write_tags(writer: &mut Writer, state: &KeyState, context: &mut DeltaContext) {
    for (slot, tag) in state.tags.iter().enumerate() {
        let named_later = tag.named_since_ms != i64::MIN;
        let named = if named_later { NAMED_LATER } else { 0 };
        match &tag.newest {
            None => writer.byte(named | NO_VALUE),
            Some(newest) => {
                let mut base = context.base(slot);
                let flags = named | order_flags(newest.order, newest.effective_ms);
                let mut texts = std::mem::take(&mut context.texts);
                let between = |writer: &mut Writer| {
                    writer.time(newest.effective_ms, context.reference_ms);
                    context.write_order(writer, newest.order, newest.effective_ms);
                };
                value::write(writer, &newest.value, flags, &mut base, &mut texts, between);
                context.texts = texts;
                context.set_base(slot, base);
            }
        }
        if named_later {
            writer.time(tag.named_since_ms, context.reference_ms);
        }
    }
}

fn read_tags(
    reader: &mut Reader<'_>,
    state: &mut KeyState,
    context: &mut DeltaContext,
) -> Result<(), UnpackError> {
    for (slot, tag) in state.tags.iter_mut().enumerate() {
        let header = reader.byte()?;
        let mut newest = None;
        if header & NO_VALUE == 0 {
            let effective_ms = reader.time(context.reference_ms)?;
            let order = context.read_order(reader, header, effective_ms)?;
            let mut base = context.base(slot);
            let value = value::read(reader, header, &mut base, &mut context.texts)?;
            context.set_base(slot, base);
            newest = Some(Newest { order, effective_ms, value });
        }
        let named_later = header & NAMED_LATER != 0;
        let named_since_ms = if named_later { reader.time(context.reference_ms)? } else { i64::MIN };
        *tag = TagState { newest, ..TagState::unseen(named_since_ms) };
    }
    Ok(())
}

fn write_rules(writer: &mut Writer, state: &KeyState) {
    for of_byte in state.all_conditions_false.chunks(8) {
        let bits = of_byte.iter().rev().fold(0, |bits, all_false| bits << 1 | u8::from(*all_false));
        writer.byte(bits);
    }
    for rule in &state.rule_states {
        match &rule.winner {
            Winner::Default => writer.byte(0),
            Winner::Former(name) => {
                writer.byte(1);
                writer.text(name);
            }
            Winner::Otherwise(group) => writer.unsigned(2 + 2 * u64::from(*group)),
            Winner::Entry(group, entry) => {
                writer.unsigned(3 + 2 * u64::from(*group));
                writer.unsigned(u64::from(*entry));
            }
        }
        writer.unsigned(rule.sequence);
    }
    for entry in &state.entries {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let (since, releasable) = (entry.since_ms != NONE_MS, entry.releasable_since_ms != NONE_MS);
        writer.byte(
            flag(entry.active, ACTIVE)
                | flag(since, SINCE)
                | flag(releasable, RELEASABLE)
                | flag(entry.count > 0, COUNT),
        );
        if since {
            writer.time(entry.since_ms, state.clock_ms);
        }
        if releasable {
            writer.time(entry.releasable_since_ms, state.clock_ms);
        }
        if entry.count > 0 {
            writer.unsigned(entry.count.into());
        }
    }
    writer.length(state.retired_sequences.len());
    for (id, sequence) in &state.retired_sequences {
        writer.text(id);
        writer.unsigned(*sequence);
    }
}

fn read_rules(reader: &mut Reader<'_>, state: &mut KeyState) -> Result<(), UnpackError> {
    let bits = reader.take(state.all_conditions_false.len().div_ceil(8))?;
    for (of_byte, byte) in state.all_conditions_false.chunks_mut(8).zip(bits) {
        for (bit, all_false) in of_byte.iter_mut().enumerate() {
            *all_false = byte >> bit & 1 != 0;
        }
    }
    for rule in &mut state.rule_states {
        let small = |number: u64| u16::try_from(number).map_err(|_| UnpackError::OtherRules);
        let winner = match reader.unsigned()? {
            0 => Winner::Default,
            1 => Winner::Former(reader.text()?.into()),
            code if code % 2 == 0 => Winner::Otherwise(small((code - 2) / 2)?),
            code => Winner::Entry(small((code - 3) / 2)?, small(reader.unsigned()?)?),
        };
        *rule = RuleState { winner, sequence: reader.unsigned()?, listed: 0 };
    }
    for entry in &mut state.entries {
        let flags = reader.byte()?;
        let clock_ms = state.clock_ms;
        let mut time = |flag: u8| if flags & flag != 0 { reader.time(clock_ms) } else { Ok(NONE_MS) };
        let (since_ms, releasable_since_ms) = (time(SINCE)?, time(RELEASABLE)?);
        let count = if flags & COUNT != 0 { reader.small()? } else { 0 };
        *entry = EntryState { active: flags & ACTIVE != 0, since_ms, releasable_since_ms, count };
    }
    for _ in 0..reader.count()? {
        let id = CompactString::new(reader.text()?);
        state.retired_sequences.insert(id, reader.unsigned()?);
    }
    Ok(())
}

/// Returns whether every winner is a state of its rule. The fingerprint does not cover `otherwise`, and a damaged head
/// may name any position.
fn winners_exist(state: &KeyState) -> bool {
    let planned = state.rules.plan.rules.iter().zip(&state.rule_states);
    planned.into_iter().all(|(planned, rule_state)| {
        let group = |group: u16| {
            let rule = state.rules.set.rules.get(planned.rule as usize);
            rule.and_then(|rule| rule.rule.groups.get(usize::from(group)))
        };
        match &rule_state.winner {
            Winner::Default | Winner::Former(_) => true,
            Winner::Otherwise(at) => group(*at).is_some_and(|group| group.otherwise.is_some()),
            Winner::Entry(at, entry) => {
                group(*at).is_some_and(|group| usize::from(*entry) < group.states.len())
            }
        }
    })
}

fn write_windows(writer: &mut Writer, state: &KeyState) {
    let specs = state.rules.plan.windows.iter().enumerate();
    let windows: Vec<_> = specs
        .map(|(position, spec)| (position, *spec, segments::unsealed(state, position)))
        .filter(|(_, _, panes)| !panes.is_empty())
        .collect();
    writer.length(windows.len());
    let mut before = 0;
    for (position, spec, of_window) in windows {
        writer.length(position - before);
        before = position;
        panes::write(writer, spec, state.watermark_ms, of_window.into_iter());
    }
}
