//! The head: everything of a state but old panes.

use std::sync::Arc;

use andon_domain::limits;
use compact_str::CompactString;

use super::bytes::{Reader, Writer};
use super::value::{self, DeltaBase, Texts};
use super::{LAST_VERSION_OF_LONG_POINTS, UnpackError, VERSION, bindings, panes, pending, segments};
use crate::compile::{CompiledRules, RuleSet};
use crate::fold::{
    EntryState, KeyState, NONE_MS, Newest, PointOrder, RuleState, Rules, Source, TagState, Winner,
};

/// Flags of the state.
const ALWAYS: u8 = 0x01;
const HAS_INSTANT: u8 = 0x02;
const HAS_WATERMARK: u8 = 0x04;
const HAS_BINDINGS: u8 = 0x08;

/// Flags of a tag, above the kind of its value; a tag without a value has only the last two.
pub(super) const OWN_IS_EFFECTIVE: u8 = 0x10;
pub(super) const SENT_IS_OWN: u8 = 0x20;
const NAMED_LATER: u8 = 0x40;
const NO_VALUE: u8 = 0x80;

/// Flags of an entry.
const ACTIVE: u8 = 0x01;
const SINCE: u8 = 0x02;
const RELEASABLE: u8 = 0x04;
const COUNT: u8 = 0x08;

/// What both sides know while they go through a head.
pub(super) struct Context {
    /// By tag.
    pub near: Vec<DeltaBase>,
    pub texts: Texts,
    sequence_number: i64,
    reference_ms: i64,
}

pub(super) fn write(state: &KeyState) -> Vec<u8> {
    let mut writer = Writer::default();
    let set = &state.rules.set;
    let has_bindings = bindings::are_in(state);
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
    // A state is packed after a record at the earliest, so it has a clock.
    let reference_ms = state.clock_ms;
    writer.signed(reference_ms);
    if has_watermark {
        writer.time(state.watermark_ms, reference_ms);
    }
    if let Some(first_instant_ms) = state.first_instant_ms {
        writer.time(first_instant_ms, reference_ms);
        writer.time(state.last_ms, reference_ms);
    }
    let mut context = Context {
        near: vec![DeltaBase::default(); state.tags.len()],
        texts: Texts::default(),
        sequence_number: 0,
        reference_ms,
    };
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

/// What stands before the list of segments.
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
    let mut context = Context {
        near: vec![DeltaBase::default(); state.tags.len()],
        texts: Texts::default(),
        sequence_number: 0,
        reference_ms,
    };
    read_sources(&mut reader, &mut state)?;
    read_tags(&mut reader, &mut state, &mut context)?;
    read_rules(&mut reader, &mut state)?;
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
    for (position, plan_rule) in Arc::clone(&state.rules.plan).rules.iter().enumerate() {
        let due_ms = state.due_from_state_ms(plan_rule);
        state.timers.set(u32::try_from(position).unwrap_or(u32::MAX), due_ms);
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

impl Context {
    fn write_rank(&mut self, writer: &mut Writer, rank: PointOrder, effective_ms: i64) {
        if rank.own_ms != effective_ms {
            writer.time(rank.own_ms, effective_ms);
        }
        if rank.sent_ms != rank.own_ms {
            writer.time(rank.sent_ms, rank.own_ms);
        }
        // Consecutive numbers differ by little; wrapping differences wrap back.
        writer.signed(rank.sequence_number.wrapping_sub(self.sequence_number));
        self.sequence_number = rank.sequence_number;
    }

    pub(super) fn read_rank(
        &mut self,
        reader: &mut Reader<'_>,
        flags: u8,
        effective_ms: i64,
    ) -> Result<PointOrder, UnpackError> {
        let own_ms = if flags & OWN_IS_EFFECTIVE == 0 { reader.time(effective_ms)? } else { effective_ms };
        let sent_ms = if flags & SENT_IS_OWN == 0 { reader.time(own_ms)? } else { own_ms };
        self.sequence_number = self.sequence_number.wrapping_add(reader.signed()?);
        Ok(PointOrder { own_ms, sent_ms, sequence_number: self.sequence_number })
    }
}

pub(super) fn rank_flags(rank: PointOrder, effective_ms: i64) -> u8 {
    let own = if rank.own_ms == effective_ms { OWN_IS_EFFECTIVE } else { 0 };
    let sent = if rank.sent_ms == rank.own_ms { SENT_IS_OWN } else { 0 };
    own | sent
}

fn write_tags(writer: &mut Writer, state: &KeyState, context: &mut Context) {
    for (slot, tag) in state.tags.iter().enumerate() {
        let named_later = tag.named_since_ms != i64::MIN;
        let named = if named_later { NAMED_LATER } else { 0 };
        match &tag.newest {
            None => writer.byte(named | NO_VALUE),
            Some(newest) => {
                let mut near = context.near.get(slot).copied().unwrap_or_default();
                let flags = named | rank_flags(newest.rank, newest.effective_ms);
                let mut texts = std::mem::take(&mut context.texts);
                let between = |writer: &mut Writer| {
                    writer.time(newest.effective_ms, context.reference_ms);
                    context.write_rank(writer, newest.rank, newest.effective_ms);
                };
                value::write(writer, &newest.value, flags, &mut near, &mut texts, between);
                context.texts = texts;
                context.keep_near(slot, near);
            }
        }
        if named_later {
            writer.time(tag.named_since_ms, context.reference_ms);
        }
    }
}

impl Context {
    pub(super) fn keep_near(&mut self, slot: usize, near: DeltaBase) {
        if let Some(kept) = self.near.get_mut(slot) {
            *kept = near;
        }
    }
}

fn read_tags(
    reader: &mut Reader<'_>,
    state: &mut KeyState,
    context: &mut Context,
) -> Result<(), UnpackError> {
    for (slot, tag) in state.tags.iter_mut().enumerate() {
        let header = reader.byte()?;
        let mut newest = None;
        if header & NO_VALUE == 0 {
            let effective_ms = reader.time(context.reference_ms)?;
            let rank = context.read_rank(reader, header, effective_ms)?;
            let mut near = context.near.get(slot).copied().unwrap_or_default();
            let value = value::read(reader, header, &mut near, &mut context.texts)?;
            context.keep_near(slot, near);
            newest = Some(Newest { rank, effective_ms, value });
        }
        let named_later = header & NAMED_LATER != 0;
        let named_since_ms = if named_later { reader.time(context.reference_ms)? } else { i64::MIN };
        *tag = TagState { newest, ..TagState::unseen(named_since_ms) };
    }
    Ok(())
}

fn write_rules(writer: &mut Writer, state: &KeyState) {
    let mut calm_bits = vec![0_u8; state.all_conditions_false.len().div_ceil(8)];
    for (position, _) in state
        .all_conditions_false
        .iter()
        .enumerate()
        .filter(|(_, all_conditions_false)| **all_conditions_false)
    {
        if let Some(byte) = calm_bits.get_mut(position / 8) {
            *byte |= 1 << (position % 8);
        }
    }
    writer.0.append(&mut calm_bits);
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
    writer.length(state.retired.len());
    for (id, sequence) in &state.retired {
        writer.text(id);
        writer.unsigned(*sequence);
    }
}

fn read_rules(reader: &mut Reader<'_>, state: &mut KeyState) -> Result<(), UnpackError> {
    let calm_bits = reader.take(state.all_conditions_false.len().div_ceil(8))?;
    for (position, all_conditions_false) in state.all_conditions_false.iter_mut().enumerate() {
        *all_conditions_false =
            calm_bits.get(position / 8).is_some_and(|byte| byte >> (position % 8) & 1 != 0);
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
        state.retired.insert(id, reader.unsigned()?);
    }
    Ok(())
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
