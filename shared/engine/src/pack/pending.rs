//! Points that wait for the watermark: most of a head, where an equipment sends much.
//!
//! What a tag sends is much like what it sent before: a number of as many places, under a sequence number that has
//! grown by as much. Such a point is a byte that names its tag, and its value.

use std::collections::BTreeMap;

use compact_str::CompactString;

use super::UnpackError;
use super::bytes::{Reader, Writer};
use super::head::{Context, OWN_IS_EFFECTIVE, SENT_IS_OWN, rank_flags};
use super::value::{self, DeltaBase, KIND_BITS};
use crate::fold::{KeyState, PendingPointRef, PendingTag, PendingTagRef, PointOrder};

/// A point that is much like the one before of its tag, whose position is in the bits below.
const ALIKE: u8 = 0x80;

/// A flag of a point that is not, above the kind of its value: its sequence number is the expected one.
const AS_EXPECTED: u8 = 0x40;

/// A flag, in its place, of a point that is written in full: the tag stands there by name.
const UNNAMED: u8 = 0x40;

/// No kind of a value.
const NO_KIND: u8 = KIND_BITS;

/// What is known of a tag: first that of the key's tags by position, then others, in the order in which they come.
#[derive(Clone, Copy, Debug)]
struct Track {
    near: DeltaBase,
    kind: u8,
    sequence_number: Option<i64>,
    /// By how much its sequence number grew last.
    step: Option<i64>,
}

impl Track {
    const NEW: Self = Self { near: DeltaBase::NONE, kind: NO_KIND, sequence_number: None, step: None };
}

struct Tracks {
    of: Vec<Track>,
    /// By how much some tag's sequence number grew last.
    step: i64,
}

impl Tracks {
    fn new(state: &KeyState, context: &Context) -> Self {
        let tracks = state.tags.iter().zip(&context.near).map(|(tag, near)| match &tag.newest {
            Some(newest) => Track {
                near: *near,
                kind: value::kind_of(&newest.value, &mut near.clone()).0,
                sequence_number: Some(newest.rank.sequence_number),
                step: None,
            },
            None => Track::NEW,
        });
        Self { of: tracks.collect(), step: 0 }
    }

    fn get(&self, place: usize) -> Track {
        self.of.get(place).copied().unwrap_or(Track::NEW)
    }

    /// The sequence number that is expected next.
    fn expected(&self, track: &Track) -> i64 {
        let step = track.step.unwrap_or(self.step);
        track.sequence_number.map_or(0, |last| last.wrapping_add(step))
    }

    /// Keeps what a point says of its tag.
    fn keep(&mut self, place: usize, near: DeltaBase, kind: u8, sequence_number: i64) {
        let Some(track) = self.of.get_mut(place) else { return };
        let step = track.sequence_number.map(|last| sequence_number.wrapping_sub(last));
        self.step = step.unwrap_or(self.step);
        *track = Track { near, kind, sequence_number: Some(sequence_number), step };
    }
}

pub(super) fn write(writer: &mut Writer, state: &KeyState, mut context: Context) {
    let mut tracks = Tracks::new(state, &context);
    let mut names = BTreeMap::new();
    writer.length(state.pending.instants().count());
    let mut before_ms = state.watermark_ms;
    for (effective_ms, points) in state.pending.instants() {
        writer.time(effective_ms, before_ms);
        before_ms = effective_ms;
        writer.length(points.len());
        for kept in points {
            if let Some(point) = state.pending.look(effective_ms, kept) {
                write_point(writer, &point, effective_ms, &mut tracks, &mut names, &mut context);
            }
        }
    }
}

fn write_point<'p>(
    writer: &mut Writer,
    point: &PendingPointRef<'p>,
    effective_ms: i64,
    tracks: &mut Tracks,
    names: &mut BTreeMap<&'p str, usize>,
    context: &mut Context,
) {
    let (place, new_name) = match point.tag {
        PendingTagRef::Named(slot) => (slot as usize, None),
        PendingTagRef::Unnamed(name) => match names.get(name) {
            Some(place) => (*place, None),
            None => {
                names.insert(name, tracks.of.len());
                tracks.of.push(Track::NEW);
                (tracks.of.len() - 1, Some(name))
            }
        },
    };
    let track = tracks.get(place);
    let mut near = track.near;
    let (kind, digits) = value::kind_of(&point.value, &mut near);
    let rank = point.rank;
    let expected = tracks.expected(&track);
    let flags = rank_flags(rank, effective_ms);
    let usual = flags == OWN_IS_EFFECTIVE | SENT_IS_OWN && kind == track.kind;
    match u8::try_from(place) {
        Ok(place) if place < ALIKE && usual && rank.sequence_number == expected => writer.byte(ALIKE | place),
        _ => {
            let as_expected = rank.sequence_number == expected;
            writer.byte(kind | flags | if as_expected { AS_EXPECTED } else { 0 });
            writer.length(place);
            if let Some(name) = new_name {
                writer.text(name);
            }
            if flags & OWN_IS_EFFECTIVE == 0 {
                writer.time(rank.own_ms, effective_ms);
            }
            if flags & SENT_IS_OWN == 0 {
                writer.time(rank.sent_ms, rank.own_ms);
            }
            if !as_expected {
                // Wrapping differences wrap back.
                writer.signed(rank.sequence_number.wrapping_sub(expected));
            }
        }
    }
    value::write_rest(writer, &point.value, digits, &mut context.texts);
    tracks.keep(place, near, kind, rank.sequence_number);
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    state: &mut KeyState,
    mut context: Context,
) -> Result<(), UnpackError> {
    let named = state.tags.len();
    let mut tracks = Tracks::new(state, &context);
    let mut names: Vec<CompactString> = Vec::new();
    each_instant(reader, state.watermark_ms, |reader, effective_ms| {
        let header = reader.byte()?;
        let alike = header & ALIKE != 0;
        let place = if alike { usize::from(header & !ALIKE) } else { reader.small()? as usize };
        if place == tracks.of.len() && !alike {
            names.push(reader.text()?.into());
            tracks.of.push(Track::NEW);
        }
        let track = tracks.get(place);
        let expected = tracks.expected(&track);
        let (kind, rank) = if alike {
            let rank = PointOrder { own_ms: effective_ms, sent_ms: effective_ms, sequence_number: expected };
            (track.kind, rank)
        } else {
            let own = header & OWN_IS_EFFECTIVE != 0;
            let own_ms = if own { effective_ms } else { reader.time(effective_ms)? };
            let sent_ms = if header & SENT_IS_OWN != 0 { own_ms } else { reader.time(own_ms)? };
            let more = if header & AS_EXPECTED != 0 { 0 } else { reader.signed()? };
            let sequence_number = expected.wrapping_add(more);
            (header & KIND_BITS, PointOrder { own_ms, sent_ms, sequence_number })
        };
        let mut near = track.near;
        let value = value::read(reader, kind, &mut near, &mut context.texts)?;
        let tag = match names.get(place.wrapping_sub(named)) {
            Some(name) => PendingTag::Unnamed(name.clone()),
            None if place < named => {
                PendingTag::Named(u32::try_from(place).map_err(|_| UnpackError::OtherRules)?)
            }
            None => return Err(UnpackError::OtherRules),
        };
        tracks.keep(place, near, kind, rank.sequence_number);
        state.pending.push(effective_ms, rank, tag, &value);
        Ok(())
    })
}

/// As [`read`], up to [`super::LAST_VERSION_OF_LONG_POINTS`].
pub(super) fn read_long(
    reader: &mut Reader<'_>,
    state: &mut KeyState,
    mut context: Context,
) -> Result<(), UnpackError> {
    each_instant(reader, state.watermark_ms, |reader, effective_ms| {
        let header = reader.byte()?;
        let (tag, slot) = if header & UNNAMED != 0 {
            (PendingTag::Unnamed(reader.text()?.into()), None)
        } else {
            let slot = reader.small()?;
            if slot as usize >= state.tags.len() {
                return Err(UnpackError::OtherRules);
            }
            (PendingTag::Named(slot), Some(slot as usize))
        };
        let rank = context.read_rank(reader, header, effective_ms)?;
        let mut near = slot.and_then(|slot| context.near.get(slot)).copied().unwrap_or_default();
        let value = value::read(reader, header, &mut near, &mut context.texts)?;
        if let Some(slot) = slot {
            context.keep_near(slot, near);
        }
        state.pending.push(effective_ms, rank, tag, &value);
        Ok(())
    })
}

/// Reads the instants, and with `point` each point of them.
fn each_instant(
    reader: &mut Reader<'_>,
    watermark_ms: i64,
    mut point: impl FnMut(&mut Reader<'_>, i64) -> Result<(), UnpackError>,
) -> Result<(), UnpackError> {
    let mut before_ms = watermark_ms;
    for index in 0..reader.count()? {
        let effective_ms = reader.time(before_ms)?;
        if index > 0 && effective_ms <= before_ms {
            return Err(UnpackError::Corrupt("pending points are out of order"));
        }
        before_ms = effective_ms;
        for _ in 0..reader.count()? {
            point(reader, effective_ms)?;
        }
    }
    Ok(())
}
