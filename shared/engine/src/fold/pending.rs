//! Points that wait for the watermark, by their effective timestamp.
//!
//! With many equipments these points are most of the memory that a replay or a batch walks through, and what fits
//! the processor's cache is fast. So a point is kept in 32 bytes where it is of the usual kind, and whole, aside,
//! where it is not.

use std::collections::BTreeMap;

use andon_domain::Value;
use compact_str::CompactString;

/// What orders the points of one tag: (own timestamp, sent timestamp, sequence number).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PointOrder {
    pub own_ms: i64,
    pub sent_ms: i64,
    pub sequence_number: i64,
}

/// The tag of a pending point: one that the key's rules name, or another, whose name must be kept since a later
/// rule set may name it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PendingTag {
    Named(u32),
    Unnamed(CompactString),
}

/// A point that waits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PendingPoint {
    pub rank: PointOrder,
    pub tag: PendingTag,
    pub value: Value,
}

/// A tag of a pending point, looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PendingTagRef<'p> {
    Named(u32),
    Unnamed(&'p str),
}

/// A point that waits, looked at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PendingPointRef<'p> {
    pub rank: PointOrder,
    pub tag: PendingTagRef<'p>,
    pub value: Value,
}

/// A point as it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedPoint {
    sequence_number: i64,
    /// The number's bits, the text's bytes, or the key of a point that is kept whole.
    bits: u64,
    /// A position in the key's tags, or one in `names` with [`UNNAMED`] set.
    tag: u32,
    /// How far the own timestamp, which is also the one sent, lies behind the effective one.
    behind_ms: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Number,
    Bool(bool),
    /// Of so many bytes.
    ShortText(u8),
    Whole,
}

impl PackedPoint {
    /// The rank of a point that is not kept whole.
    #[inline]
    fn rank(&self, effective_ms: i64) -> PointOrder {
        let own_ms = effective_ms - i64::from(self.behind_ms);
        PointOrder { own_ms, sent_ms: own_ms, sequence_number: self.sequence_number }
    }

    /// The value of a point that is not kept whole.
    #[inline]
    fn value(&self) -> Option<Value> {
        match self.kind {
            Kind::Number => Some(Value::Number(f64::from_bits(self.bits))),
            Kind::Bool(value) => Some(Value::Bool(value)),
            Kind::ShortText(length) => {
                let bytes = self.bits.to_le_bytes();
                let text = std::str::from_utf8(bytes.get(..usize::from(length))?).ok()?;
                Some(Value::Text(CompactString::new(text)))
            }
            Kind::Whole => None,
        }
    }
}

const UNNAMED: u32 = 1 << 31;

/// So many names of tags that no rule names are told by number; points of further ones are kept whole, so that
/// hostile names cannot make the search for them long.
const MOST_NAMES: usize = 32;

/// The name of a tag that no rule names.
#[derive(Clone, Debug)]
struct Name {
    /// What it begins with: most names that differ, differ here.
    start: u64,
    name: CompactString,
}

impl Name {
    #[inline]
    fn start(name: &str) -> u64 {
        let name = name.as_bytes();
        // A short one has its length for a start, and is compared in full.
        name.first_chunk().map_or(name.len() as u64, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// The pending points of a key: instants by effective timestamp, the points of each in stream order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pending {
    /// The oldest instant's effective timestamp, if anything is pending: every record asks for it.
    first_ms: i64,
    /// The newest instant, apart from the others since most points come for it.
    newest_ms: i64,
    newest: Vec<PackedPoint>,
    /// The other instants; none without a newest one.
    older: BTreeMap<i64, Vec<PackedPoint>>,
    count: usize,
    names: Vec<Name>,
    whole: BTreeMap<u64, PendingPoint>,
    next_whole: u64,
    /// An emptied list, kept for its memory.
    spare: Vec<PackedPoint>,
}

impl Pending {
    pub(crate) fn push(&mut self, effective_ms: i64, rank: PointOrder, tag: PendingTag, value: &Value) {
        let name = match tag {
            PendingTag::Named(slot) => return self.push_named(effective_ms, rank, slot, value),
            PendingTag::Unnamed(name) => name,
        };
        self.push_unnamed(effective_ms, rank, &name, value);
    }

    /// As [`Pending::push`] for a tag that no rule names.
    #[inline]
    pub(crate) fn push_unnamed(&mut self, effective_ms: i64, rank: PointOrder, name: &str, value: &Value) {
        let number = self.number_of(name);
        let kept = match number.and_then(|number| Self::keep(effective_ms, rank, number | UNNAMED, value)) {
            Some(kept) => kept,
            None => self.keep_whole(PendingPoint {
                rank,
                tag: PendingTag::Unnamed(name.into()),
                value: value.clone(),
            }),
        };
        self.push_kept(effective_ms, kept);
    }

    /// As [`Pending::push`] for the tag at a position: what nearly all points are.
    #[inline]
    pub(crate) fn push_named(&mut self, effective_ms: i64, rank: PointOrder, slot: u32, value: &Value) {
        let kept = match Self::keep(effective_ms, rank, slot, value) {
            Some(kept) => kept,
            None => {
                self.keep_whole(PendingPoint { rank, tag: PendingTag::Named(slot), value: value.clone() })
            }
        };
        self.push_kept(effective_ms, kept);
    }

    #[inline]
    fn push_kept(&mut self, effective_ms: i64, kept: PackedPoint) {
        if self.count > 0 && effective_ms == self.newest_ms {
            self.newest.push(kept);
        } else {
            self.push_elsewhere(effective_ms, kept);
        }
        self.count += 1;
    }

    /// Pushes a point that is not of the newest instant so far.
    fn push_elsewhere(&mut self, effective_ms: i64, kept: PackedPoint) {
        let spare = &mut self.spare;
        if self.count == 0 {
            self.first_ms = effective_ms;
        } else if effective_ms < self.newest_ms {
            self.first_ms = self.first_ms.min(effective_ms);
            self.older.entry(effective_ms).or_insert_with(|| std::mem::take(spare)).push(kept);
            return;
        }
        let before = std::mem::replace(&mut self.newest, std::mem::take(spare));
        if !before.is_empty() {
            self.older.insert(self.newest_ms, before);
        }
        self.newest_ms = effective_ms;
        self.newest.push(kept);
    }

    /// The short form of a point of the tag at a position or with a number, if it has one.
    #[inline]
    fn keep(effective_ms: i64, rank: PointOrder, tag: u32, value: &Value) -> Option<PackedPoint> {
        let behind_ms = u32::try_from(effective_ms.checked_sub(rank.own_ms)?).ok()?;
        if rank.sent_ms != rank.own_ms {
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
        Some(PackedPoint { sequence_number: rank.sequence_number, bits, tag, behind_ms, kind })
    }

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
        u32::try_from(number).ok()
    }

    #[cold]
    fn keep_whole(&mut self, point: PendingPoint) -> PackedPoint {
        self.next_whole += 1;
        self.whole.insert(self.next_whole, point);
        PackedPoint {
            sequence_number: 0,
            bits: self.next_whole,
            tag: UNNAMED,
            behind_ms: 0,
            kind: Kind::Whole,
        }
    }

    /// The point that a kept one stands for.
    #[inline]
    pub(crate) fn look(&self, effective_ms: i64, kept: &PackedPoint) -> Option<PendingPointRef<'_>> {
        let Some(value) = kept.value() else {
            let PendingPoint { rank, tag, value } = self.whole.get(&kept.bits)?;
            let tag = match tag {
                PendingTag::Named(slot) => PendingTagRef::Named(*slot),
                PendingTag::Unnamed(name) => PendingTagRef::Unnamed(name),
            };
            return Some(PendingPointRef { rank: *rank, tag, value: value.clone() });
        };
        let tag = match kept.tag & UNNAMED {
            0 => PendingTagRef::Named(kept.tag),
            _ => PendingTagRef::Unnamed(&self.names.get((kept.tag & !UNNAMED) as usize)?.name),
        };
        Some(PendingPointRef { rank: kept.rank(effective_ms), tag, value })
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The effective timestamp of the oldest instant.
    #[inline]
    pub(crate) fn first_ms(&self) -> Option<i64> {
        (self.count > 0).then_some(self.first_ms)
    }

    /// Takes the oldest instant, its points in stream order; they are read by [`Pending::tag_of`] and
    /// [`Pending::take`].
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

    /// The position of a taken point's tag, if some rule of the key names it.
    #[inline]
    pub(crate) fn tag_of(&self, kept: &PackedPoint) -> Option<u32> {
        match (kept.kind, kept.tag & UNNAMED) {
            (Kind::Whole, _) => match self.whole.get(&kept.bits)?.tag {
                PendingTag::Named(slot) => Some(slot),
                PendingTag::Unnamed(_) => None,
            },
            (_, 0) => Some(kept.tag),
            _ => None,
        }
    }

    /// A taken point that some rule names, with its tag's position; nothing is left of it here.
    #[inline]
    pub(crate) fn take(&mut self, effective_ms: i64, kept: &PackedPoint) -> Option<(u32, PointOrder, Value)> {
        if kept.kind == Kind::Whole {
            let point = self.whole.remove(&kept.bits)?;
            return match point.tag {
                PendingTag::Named(slot) => Some((slot, point.rank, point.value)),
                PendingTag::Unnamed(_) => None,
            };
        }
        if kept.tag & UNNAMED != 0 {
            return None;
        }
        Some((kept.tag, kept.rank(effective_ms), kept.value()?))
    }

    /// Sorts the points of a taken instant by rank; stream order decides between equals.
    pub(crate) fn sort(&self, effective_ms: i64, points: &mut [PackedPoint]) {
        points.sort_by_cached_key(|kept| self.look(effective_ms, kept).map(|point| point.rank));
    }

    /// Gives the memory of an applied instant back.
    pub(crate) fn recycle(&mut self, mut points: Vec<PackedPoint>) {
        points.clear();
        if points.capacity() > self.spare.capacity() && points.capacity() <= 256 {
            self.spare = points;
        }
        if self.count == 0 {
            self.names.clear();
        }
    }

    /// All instants with their points, which [`Pending::look`] shows.
    pub(crate) fn instants(&self) -> impl Iterator<Item = (i64, &[PackedPoint])> {
        let older = self.older.iter().map(|(effective_ms, points)| (*effective_ms, points.as_slice()));
        let newest = (!self.newest.is_empty()).then_some((self.newest_ms, self.newest.as_slice()));
        older.chain(newest)
    }

    /// The same points under other tags.
    pub(crate) fn renamed(&self, mut rename: impl FnMut(PendingTagRef<'_>) -> PendingTag) -> Self {
        let mut renamed = Self::default();
        for (effective_ms, points) in self.instants() {
            for point in points.iter().filter_map(|kept| self.look(effective_ms, kept)) {
                renamed.push(effective_ms, point.rank, rename(point.tag), &point.value);
            }
        }
        renamed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_point_takes_half_a_line_of_the_cache() {
        assert_eq!(size_of::<PackedPoint>(), 32);
    }

    #[test]
    fn instants_go_in_the_order_of_time_however_they_came() {
        let mut pending = Pending::default();
        let push = |pending: &mut Pending, effective_ms| {
            let rank = PointOrder { own_ms: effective_ms, sent_ms: effective_ms, sequence_number: 0 };
            pending.push(effective_ms, rank, PendingTag::Named(0), &Value::Bool(true));
        };
        let pop = |pending: &mut Pending| pending.pop().map(|(at_ms, points)| (at_ms, points.len()));
        for effective_ms in [5, 3, 5, 7, 3, 5, -1, 7] {
            push(&mut pending, effective_ms);
        }
        let order: Vec<_> = pending.instants().map(|(at_ms, points)| (at_ms, points.len())).collect();
        assert_eq!(order, [(-1, 1), (3, 2), (5, 3), (7, 2)]);
        assert_eq!((pop(&mut pending), pending.first_ms()), (Some((-1, 1)), Some(3)));
        push(&mut pending, 2);
        assert_eq!(pending.first_ms(), Some(2));
        for instant in [(2, 1), (3, 2), (5, 3), (7, 2)] {
            assert_eq!((pending.first_ms(), pop(&mut pending)), (Some(instant.0), Some(instant)));
        }
        assert_eq!((pending.first_ms(), pop(&mut pending), pending.len()), (None, None, 0));
        // Older than what is gone: a key's time never does that, but nothing here relies on it.
        push(&mut pending, 1);
        assert_eq!((pending.first_ms(), pop(&mut pending)), (Some(1), Some((1, 1))));
    }

    #[test]
    fn points_of_any_kind_come_back_as_they_were() {
        let mut pending = Pending::default();
        let mut pushed = Vec::new();
        let values = [
            Value::Number(-0.0),
            Value::Bool(true),
            Value::Text("12345678".into()),
            Value::Text("123456789".into()),
        ];
        for (own_ms, sent_ms) in
            [(100, 100), (99, 99), (100, 105), (100 - (1 << 40), 100 - (1 << 40)), (105, 105)]
        {
            for value in &values {
                for tag in [PendingTag::Named(7), PendingTag::Unnamed("u".into())] {
                    let rank = PointOrder { own_ms, sent_ms, sequence_number: i64::MIN };
                    pending.push(100, rank, tag.clone(), value);
                    pushed.push(PendingPoint { rank, tag, value: value.clone() });
                }
            }
        }
        for name in 0..100 {
            let tag = PendingTag::Unnamed(format!("name {name}").into());
            let rank = PointOrder { own_ms: 100, sent_ms: 100, sequence_number: name };
            pending.push(100, rank, tag.clone(), &Value::Bool(false));
            pushed.push(PendingPoint { rank, tag, value: Value::Bool(false) });
        }
        let instants: Vec<_> = pending.instants().collect();
        let [(100, kept)] = instants.as_slice() else { panic!("{} instants", instants.len()) };
        let looked: Vec<_> = kept.iter().filter_map(|kept| pending.look(100, kept)).collect();
        assert_eq!(looked.len(), pushed.len());
        for (looked, point) in looked.iter().zip(&pushed) {
            let tag = match &point.tag {
                PendingTag::Named(slot) => PendingTagRef::Named(*slot),
                PendingTag::Unnamed(name) => PendingTagRef::Unnamed(name),
            };
            assert_eq!((looked.rank, looked.tag, &looked.value), (point.rank, tag, &point.value));
        }
        let named: Vec<_> = pushed.iter().filter(|point| matches!(point.tag, PendingTag::Named(_))).collect();
        let (at_ms, points) = pending.pop().unwrap();
        let taken: Vec<_> = points.iter().filter_map(|kept| pending.take(at_ms, kept)).collect();
        assert_eq!(taken.len(), named.len());
        for ((slot, rank, value), point) in taken.iter().zip(named) {
            assert_eq!((*slot, rank, value), (7, &point.rank, &point.value));
        }
        assert!(pending.whole.is_empty() && pending.len() == 0);
    }
}
