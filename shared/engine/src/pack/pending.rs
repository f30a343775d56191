//! Pending points in a head: most of its bytes, for a machine that sends much.
//!
//! The next point of a tag is usually like the one before: a number with as many places, under a sequence number that
//! grew by as much. Such a point takes one byte for its tag, and its value.

use std::collections::BTreeMap;

use andon_domain::never;
use compact_str::CompactString;

use super::UnpackError;
use super::bytes::{Reader, Writer};
use super::delta::{DeltaContext, OWN_IS_EFFECTIVE, SENT_IS_OWN, order_flags};
use super::value::{self, DeltaBase, KIND_BITS};
use crate::fold::{KeyState, PendingPointRef, PendingTag, PendingTagRef};
use crate::state::PointOrder;

/// The flag of a point like the one before of its tag. The bits below hold the position of the tag.
const ALIKE: u8 = 0x80;

/// A flag of any other point, above the kind of its value: its sequence number is the expected one.
const AS_EXPECTED: u8 = 0x40;

/// In versions with long points, the same bit is the flag of a tag that is written by name.
const UNNAMED: u8 = 0x40;

/// A number that is no kind of a value.
const NO_KIND: u8 = KIND_BITS;

/// The last point of a tag, from which the next one is predicted.
#[derive(Clone, Copy, Debug)]
struct Track {
    base: DeltaBase,
    kind: u8,
    sequence_number: Option<i64>,
    /// The last growth of its sequence number.
    step: Option<i64>,
}

impl Track {
    const NEW: Self = Self { base: DeltaBase::NONE, kind: NO_KIND, sequence_number: None, step: None };
}

/// The tracks of the key's tags by position, then of other tags in the order of their first points.
struct Tracks {
    of: Vec<Track>,
    /// The last growth of any tag's sequence number.
    step: i64,
}

impl Tracks {
    fn new(state: &KeyState, context: &DeltaContext) -> Self {
        let tracks = state.tags.iter().zip(&context.bases).map(|(tag, base)| match &tag.newest {
            Some(newest) => Track {
                base: *base,
                kind: value::kind_of(&newest.value, &mut base.clone()).0,
                sequence_number: Some(newest.order.sequence_number),
                step: None,
            },
            None => Track::NEW,
        });
        Self { of: tracks.collect(), step: 0 }
    }

    fn get(&self, place: usize) -> Track {
        // A damaged head may name a tag that does not exist; the reader rejects it when it looks for the name.
        self.of.get(place).copied().unwrap_or(Track::NEW)
    }

    /// Returns the expected sequence number of the next point.
    fn expected(&self, track: &Track) -> i64 {
        let step = track.step.unwrap_or(self.step);
        // A tag without points counts from 0.
        track.sequence_number.map_or(0, |last| last.wrapping_add(step))
    }

    /// Remembers a point of a tag that exists.
    fn keep(&mut self, place: usize, base: DeltaBase, kind: u8, sequence_number: i64) {
        let Some(track) = self.of.get_mut(place) else {
            return never!("tag {place} of {} has a pending point", self.of.len());
        };
        let step = track.sequence_number.map(|last| sequence_number.wrapping_sub(last));
        self.step = step.unwrap_or(self.step);
        *track = Track { base, kind, sequence_number: Some(sequence_number), step };
    }
}

pub(super) fn write(writer: &mut Writer, state: &KeyState, mut context: DeltaContext) {
    let mut tracks = Tracks::new(state, &context);
    let mut names = BTreeMap::new();
    writer.length(state.pending.instants().count());
    let mut before_ms = state.watermark_ms;
    for (effective_ms, points) in state.pending.instants() {
        writer.time(effective_ms, before_ms);
        before_ms = effective_ms;
        writer.length(points.len());
        for packed in points {
            if let Some(point) = state.pending.view(effective_ms, packed) {
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
    context: &mut DeltaContext,
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
    let mut base = track.base;
    let (kind, digits) = value::kind_of(&point.value, &mut base);
    let order = point.order;
    let expected = tracks.expected(&track);
    let flags = order_flags(order, effective_ms);
    let usual = flags == OWN_IS_EFFECTIVE | SENT_IS_OWN && kind == track.kind;
    match u8::try_from(place) {
        Ok(place) if place < ALIKE && usual && order.sequence_number == expected => {
            writer.byte(ALIKE | place)
        }
        _ => {
            let as_expected = order.sequence_number == expected;
            writer.byte(kind | flags | if as_expected { AS_EXPECTED } else { 0 });
            writer.length(place);
            if let Some(name) = new_name {
                writer.text(name);
            }
            if flags & OWN_IS_EFFECTIVE == 0 {
                writer.time(order.own_ms, effective_ms);
            }
            if flags & SENT_IS_OWN == 0 {
                writer.time(order.sent_ms, order.own_ms);
            }
            if !as_expected {
                // Wrapping differences wrap back.
                writer.signed(order.sequence_number.wrapping_sub(expected));
            }
        }
    }
    value::write_rest(writer, &point.value, digits, &mut context.texts);
    tracks.keep(place, base, kind, order.sequence_number);
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    state: &mut KeyState,
    mut context: DeltaContext,
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
        let (kind, order) = if alike {
            let order = PointOrder { own_ms: effective_ms, sent_ms: effective_ms, sequence_number: expected };
            (track.kind, order)
        } else {
            let own = header & OWN_IS_EFFECTIVE != 0;
            let own_ms = if own { effective_ms } else { reader.time(effective_ms)? };
            let sent_ms = if header & SENT_IS_OWN != 0 { own_ms } else { reader.time(own_ms)? };
            let more = if header & AS_EXPECTED != 0 { 0 } else { reader.signed()? };
            let sequence_number = expected.wrapping_add(more);
            (header & KIND_BITS, PointOrder { own_ms, sent_ms, sequence_number })
        };
        let mut base = track.base;
        let value = value::read(reader, kind, &mut base, &mut context.texts)?;
        let tag = match names.get(place.wrapping_sub(named)) {
            Some(name) => PendingTag::Unnamed(name.clone()),
            None if place < named => {
                PendingTag::Named(u32::try_from(place).map_err(|_| UnpackError::OtherRules)?)
            }
            None => return Err(UnpackError::OtherRules),
        };
        tracks.keep(place, base, kind, order.sequence_number);
        state.pending.push(effective_ms, order, tag, &value);
        Ok(())
    })
}

/// As [`read`], up to [`super::LAST_VERSION_OF_LONG_POINTS`].
pub(super) fn read_long(
    reader: &mut Reader<'_>,
    state: &mut KeyState,
    mut context: DeltaContext,
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
        let order = context.read_order(reader, header, effective_ms)?;
        // A tag that no rule names has no base.
        let mut base = slot.map(|slot| context.base(slot)).unwrap_or_default();
        let value = value::read(reader, header, &mut base, &mut context.texts)?;
        if let Some(slot) = slot {
            context.set_base(slot, base);
        }
        state.pending.push(effective_ms, order, tag, &value);
        Ok(())
    })
}

/// Reads the instants, and each of their points with `point`.
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
