//! Pending points: points that wait for the watermark, by their effective timestamp.
//!
//! With many machines, pending points are most of the memory that a replay or a batch walks through. Memory that fits
//! the processor's cache is fast. So a usual point is packed in 32 bytes, and any other point is stored unpacked in a
//! map.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use andon_domain::{Value, never};
use compact_str::CompactString;

use crate::compile::plan::ensure;
use crate::state::PointOrder;

/// The tag of a pending point: a tag that the key's rules name, or any other tag. The latter keeps its name, because a
/// later rule set may name it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PendingTag {
    Named(u32),
    Unnamed(CompactString),
}

/// A pending point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PendingPoint {
    pub order: PointOrder,
    pub tag: PendingTag,
    pub value: Value,
}

/// A view of the tag of a pending point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PendingTagRef<'p> {
    Named(u32),
    Unnamed(&'p str),
}

/// A view of a pending point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PendingPointRef<'p> {
    pub order: PointOrder,
    pub tag: PendingTagRef<'p>,
    pub value: Value,
}

/// A pending point in 32 bytes, or the key of an unpacked one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedPoint {
    sequence_number: i64,
    /// The number's bits, the text's bytes, or the key of an unpacked point.
    bits: u64,
    /// A position in the key's tags, or a position in `names` with [`UNNAMED`] set.
    tag: u32,
    /// The distance, ms, of the own timestamp behind the effective one. The sent timestamp is the own one.
    behind_ms: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Number,
    Bool(bool),
    /// A text of at most 8 bytes, with its length.
    ShortText(u8),
    Unpacked,
}

impl PackedPoint {
    /// Returns the order of a packed point.
    #[inline]
    fn order(&self, effective_ms: i64) -> PointOrder {
        let own_ms = effective_ms - i64::from(self.behind_ms);
        PointOrder { own_ms, sent_ms: own_ms, sequence_number: self.sequence_number }
    }

    /// Returns the value of a packed point; `None` for the key of an unpacked one.
    #[inline]
    fn value(&self) -> Option<Value> {
        match self.kind {
            Kind::Number => Some(Value::Number(f64::from_bits(self.bits))),
            Kind::Bool(value) => Some(Value::Bool(value)),
            Kind::ShortText(length) => {
                let bytes = self.bits.to_le_bytes();
                let text = bytes.get(..usize::from(length)).and_then(|text| std::str::from_utf8(text).ok());
                Some(Value::Text(CompactString::new(text.unwrap_or_else(|| {
                    never!("a pending text of {length} bytes is {bytes:?}");
                    ""
                }))))
            }
            Kind::Unpacked => None,
        }
    }
}

const UNNAMED: u32 = 1 << 31;

/// Maximum names, of tags that no rule names, that packed points refer to by number. Points with further names are
/// stored unpacked: hostile names must not make the search for a name long.
const MOST_NAMES: usize = 32;

/// The name of a tag that no rule names.
#[derive(Clone, Debug)]
struct Name {
    /// Its first 8 bytes: most different names differ here.
    start: u64,
    name: CompactString,
}

impl Name {
    #[inline]
    fn start(name: &str) -> u64 {
        let name = name.as_bytes();
        // The start of a short name is its length. Names with equal starts are compared in full.
        name.first_chunk().map_or(name.len() as u64, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// The pending points of a key: instants by effective timestamp, the points of each in stream order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pending {
    /// The oldest instant's effective timestamp, if a point is pending: every record reads it.
    first_ms: i64,
    /// The newest instant. It stands apart from the others, because most points belong to it.
    newest_ms: i64,
    newest: Vec<PackedPoint>,
    /// The other instants; none without a newest one.
    older: BTreeMap<i64, Vec<PackedPoint>>,
    count: usize,
    names: Vec<Name>,
    unpacked: BTreeMap<u64, PendingPoint>,
    next_unpacked: u64,
    /// An emptied list, kept for its memory.
    spare: Vec<PackedPoint>,
}

impl Pending {
    pub(crate) fn push(&mut self, effective_ms: i64, order: PointOrder, tag: PendingTag, value: &Value) {
        let name = match tag {
            PendingTag::Named(slot) => return self.push_named(effective_ms, order, slot, value),
            PendingTag::Unnamed(name) => name,
        };
        self.push_unnamed(effective_ms, order, &name, value);
    }

    /// Pushes a point of a tag that no rule names.
    #[inline]
    pub(crate) fn push_unnamed(&mut self, effective_ms: i64, order: PointOrder, name: &str, value: &Value) {
        let number = self.number_of(name);
        let packed = match number.and_then(|number| Self::pack(effective_ms, order, number | UNNAMED, value))
        {
            Some(packed) => packed,
            None => self.store_unpacked(PendingPoint {
                order,
                tag: PendingTag::Unnamed(name.into()),
                value: value.clone(),
            }),
        };
        self.push_packed(effective_ms, packed);
    }

    /// Pushes a point of the tag at a position, as nearly all points are.
    #[inline]
    pub(crate) fn push_named(&mut self, effective_ms: i64, order: PointOrder, slot: u32, value: &Value) {
        let packed = match Self::pack(effective_ms, order, slot, value) {
            Some(packed) => packed,
            None => self.store_unpacked(PendingPoint {
                order,
                tag: PendingTag::Named(slot),
                value: value.clone(),
            }),
        };
        self.push_packed(effective_ms, packed);
    }

    #[inline]
    fn push_packed(&mut self, effective_ms: i64, packed: PackedPoint) {
        if self.count > 0 && effective_ms == self.newest_ms {
            self.newest.push(packed);
        } else {
            self.push_elsewhere(effective_ms, packed);
        }
        self.count += 1;
    }

    /// Pushes a point of any instant but the newest one.
    fn push_elsewhere(&mut self, effective_ms: i64, packed: PackedPoint) {
        let spare = &mut self.spare;
        if self.count == 0 {
            self.first_ms = effective_ms;
        } else if effective_ms < self.newest_ms {
            self.first_ms = self.first_ms.min(effective_ms);
            self.older.entry(effective_ms).or_insert_with(|| std::mem::take(spare)).push(packed);
            return;
        }
        let before = std::mem::replace(&mut self.newest, std::mem::take(spare));
        if !before.is_empty() {
            self.older.insert(self.newest_ms, before);
        }
        self.newest_ms = effective_ms;
        self.newest.push(packed);
    }

    /// Packs a point of the tag at a position or with the number of a name. Returns `None` if it does not fit: its own
    /// timestamp is not the sent one or is 49 days behind the effective one, or its text is long.
    #[inline]
    fn pack(effective_ms: i64, order: PointOrder, tag: u32, value: &Value) -> Option<PackedPoint> {
        let behind_ms = u32::try_from(effective_ms.checked_sub(order.own_ms)?).ok()?;
        if order.sent_ms != order.own_ms {
            return None;
        }
        let (kind, bits) = match value {
            Value::Number(number) => (Kind::Number, number.to_bits()),
            Value::Bool(value) => (Kind::Bool(*value), 0),
            Value::Text(text) => {
                let mut bytes = [0; 8];
                bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
                (Kind::ShortText(u8::try_from(text.len()).ok()?), u64::from_le_bytes(bytes))
            }
        };
        Some(PackedPoint { sequence_number: order.sequence_number, bits, tag, behind_ms, kind })
    }

    /// Returns the number of a name; `None` if there are too many names.
    #[inline]
    fn number_of(&mut self, name: &str) -> Option<u32> {
        let start = Name::start(name);
        let known = self.names.iter().position(|known| known.start == start && known.name == name);
        let number = known.or_else(|| {
            if self.names.len() >= MOST_NAMES {
                return None;
            }
            self.names.push(Name { start, name: name.into() });
            Some(self.names.len() - 1)
        })?;
        // It is less than `MOST_NAMES`.
        u32::try_from(number).ok()
    }

    #[cold]
    fn store_unpacked(&mut self, point: PendingPoint) -> PackedPoint {
        self.next_unpacked += 1;
        self.unpacked.insert(self.next_unpacked, point);
        PackedPoint {
            sequence_number: 0,
            bits: self.next_unpacked,
            tag: UNNAMED,
            behind_ms: 0,
            kind: Kind::Unpacked,
        }
    }

    /// Returns a view of a point of an instant.
    #[inline]
    pub(crate) fn view(&self, effective_ms: i64, packed: &PackedPoint) -> Option<PendingPointRef<'_>> {
        let Some(value) = packed.value() else {
            let PendingPoint { order, tag, value } = self.unpacked(packed)?;
            let tag = match tag {
                PendingTag::Named(slot) => PendingTagRef::Named(*slot),
                PendingTag::Unnamed(name) => PendingTagRef::Unnamed(name),
            };
            return Some(PendingPointRef { order: *order, tag, value: value.clone() });
        };
        let tag = match packed.tag & UNNAMED {
            0 => PendingTagRef::Named(packed.tag),
            _ => PendingTagRef::Unnamed(self.name(packed.tag & !UNNAMED)?),
        };
        Some(PendingPointRef { order: packed.order(effective_ms), tag, value })
    }

    fn unpacked(&self, packed: &PackedPoint) -> Option<&PendingPoint> {
        let point = self.unpacked.get(&packed.bits);
        if point.is_none() {
            never!("unpacked point {} is none of {}", packed.bits, self.unpacked.len());
        }
        point
    }

    fn name(&self, number: u32) -> Option<&str> {
        let name = self.names.get(number as usize);
        if name.is_none() {
            never!("name {number} of {} names of pending points", self.names.len());
        }
        name.map(|name| name.name.as_str())
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Returns the effective timestamp of the oldest instant, ms.
    #[inline]
    pub(crate) fn first_ms(&self) -> Option<i64> {
        (self.count > 0).then_some(self.first_ms)
    }

    /// Takes the oldest instant with its points in stream order. [`Pending::tag_of`] and [`Pending::take`] read them.
    pub(crate) fn pop(&mut self) -> Option<(i64, Vec<PackedPoint>)> {
        let (effective_ms, points) = match self.older.pop_first() {
            Some(oldest) => oldest,
            None if self.newest.is_empty() => return None,
            None => (self.newest_ms, std::mem::take(&mut self.newest)),
        };
        self.count -= points.len();
        self.first_ms = self.older.first_key_value().map_or(self.newest_ms, |(first_ms, _)| *first_ms);
        Some((effective_ms, points))
    }

    /// Returns the position of a taken point's tag; `None` if no rule of the key names it.
    #[inline]
    pub(crate) fn tag_of(&self, packed: &PackedPoint) -> Option<u32> {
        match (packed.kind, packed.tag & UNNAMED) {
            (Kind::Unpacked, _) => match self.unpacked(packed)?.tag {
                PendingTag::Named(slot) => Some(slot),
                PendingTag::Unnamed(_) => None,
            },
            (_, 0) => Some(packed.tag),
            _ => None,
        }
    }

    /// Takes a point of a taken instant, with its tag's position; `None` if no rule of the key names its tag.
    #[inline]
    pub(crate) fn take(
        &mut self,
        effective_ms: i64,
        packed: &PackedPoint,
    ) -> Option<(u32, PointOrder, Value)> {
        if packed.kind == Kind::Unpacked {
            let Some(point) = self.unpacked.remove(&packed.bits) else {
                never!("unpacked point {} is none of {}", packed.bits, self.unpacked.len());
                return None;
            };
            return match point.tag {
                PendingTag::Named(slot) => Some((slot, point.order, point.value)),
                PendingTag::Unnamed(_) => None,
            };
        }
        if packed.tag & UNNAMED != 0 {
            return None;
        }
        // Every point but an unpacked one has its value.
        Some((packed.tag, packed.order(effective_ms), packed.value()?))
    }

    /// Sorts the points of a taken instant by their order; stream order decides between equals.
    pub(crate) fn sort(&self, effective_ms: i64, points: &mut [PackedPoint]) {
        points.sort_by_cached_key(|packed| self.view(effective_ms, packed).map(|point| point.order));
    }

    /// Returns the memory of an applied instant.
    pub(crate) fn recycle(&mut self, mut points: Vec<PackedPoint>) {
        points.clear();
        if points.capacity() > self.spare.capacity() && points.capacity() <= 256 {
            self.spare = points;
        }
        if self.count == 0 {
            self.names.clear();
        }
    }

    /// Returns all instants with their points, for [`Pending::view`].
    pub(crate) fn instants(&self) -> impl Iterator<Item = (i64, &[PackedPoint])> {
        let older = self.older.iter().map(|(effective_ms, points)| (*effective_ms, points.as_slice()));
        let newest = (!self.newest.is_empty()).then_some((self.newest_ms, self.newest.as_slice()));
        older.chain(newest)
    }

    /// Returns the same points under other tags.
    pub(crate) fn renamed(&self, mut rename: impl FnMut(PendingTagRef<'_>) -> PendingTag) -> Self {
        let mut renamed = Self::default();
        for (effective_ms, points) in self.instants() {
            for point in points.iter().filter_map(|packed| self.view(effective_ms, packed)) {
                renamed.push(effective_ms, point.order, rename(point.tag), &point.value);
            }
        }
        renamed
    }

    /// Checks the invariants of the pending points of a key with `tags` tags.
    ///
    /// - Every instant is later than `after_ms`, has points, and stands before the newest one.
    /// - The count and the first time are those of the instants.
    /// - Every point has its tag, its name or its unpacked form. Every unpacked form has its point.
    /// - No own timestamp is after the effective one or the sent one.
    pub(crate) fn check(&self, tags: usize, after_ms: i64) -> Result<(), String> {
        let count: usize = self.instants().map(|(_, points)| points.len()).sum();
        ensure(count == self.count, || format!("{} points are pending; instants have {count}", self.count))?;
        let first_ms = self.instants().next().map(|(at_ms, _)| at_ms);
        ensure(self.first_ms() == first_ms, || {
            format!("the first pending instant is {:?}; expected {first_ms:?}", self.first_ms())
        })?;
        let newest_ms = self.older.last_key_value().map(|(at_ms, _)| *at_ms);
        ensure(newest_ms.is_none_or(|at_ms| at_ms < self.newest_ms && !self.newest.is_empty()), || {
            format!("instant {newest_ms:?} is not before the newest, {}", self.newest_ms)
        })?;
        ensure(self.names.len() <= MOST_NAMES, || format!("{} names of pending points", self.names.len()))?;
        let mut unpacked = 0;
        for (at_ms, points) in self.instants() {
            ensure(at_ms > after_ms && !points.is_empty(), || {
                format!("{} points wait for {at_ms}; the watermark is {after_ms}", points.len())
            })?;
            for packed in points {
                unpacked += usize::from(packed.kind == Kind::Unpacked);
                self.check_point(at_ms, packed, tags)?;
            }
        }
        ensure(unpacked == self.unpacked.len(), || {
            format!("{unpacked} pending points have {} unpacked forms", self.unpacked.len())
        })
    }

    fn check_point(&self, at_ms: i64, packed: &PackedPoint, tags: usize) -> Result<(), String> {
        let (tag, order) = if packed.kind == Kind::Unpacked {
            let Some(point) = self.unpacked.get(&packed.bits) else {
                return Err(format!("no unpacked point has the key {}", packed.bits));
            };
            let tag = match &point.tag {
                PendingTag::Named(slot) => (*slot as usize) < tags,
                PendingTag::Unnamed(_) => true,
            };
            (tag, point.order)
        } else {
            let number = (packed.tag & !UNNAMED) as usize;
            let tag = if packed.tag & UNNAMED == 0 { number < tags } else { number < self.names.len() };
            (tag, packed.order(at_ms))
        };
        ensure(tag, || format!("{packed:?}; there are {tags} tags and {} names", self.names.len()))?;
        ensure(order.own_ms <= at_ms && order.own_ms <= order.sent_ms, || format!("{order:?} at {at_ms}"))
    }
}
