//! Delta coding of points: the context that writer and reader share.

use andon_domain::never;

use super::UnpackError;
use super::bytes::{Reader, Writer};
use super::value::{DeltaBase, Texts};
use crate::state::PointOrder;

/// Flags of a point's order, above the kind of its value.
pub(super) const OWN_IS_EFFECTIVE: u8 = 0x10;
pub(super) const SENT_IS_OWN: u8 = 0x20;

/// The knowledge that writer and reader share at each point of a head.
pub(super) struct DeltaContext {
    /// By tag.
    pub bases: Vec<DeltaBase>,
    pub texts: Texts,
    sequence_number: i64,
    pub reference_ms: i64,
}

impl DeltaContext {
    /// Starts a head with a number of tags, and a time from which other times are counted.
    pub(super) fn new(tags: usize, reference_ms: i64) -> Self {
        Self {
            bases: vec![DeltaBase::default(); tags],
            texts: Texts::default(),
            sequence_number: 0,
            reference_ms,
        }
    }

    pub(super) fn base(&self, slot: usize) -> DeltaBase {
        match self.bases.get(slot) {
            Some(base) => *base,
            None => {
                never!("tag {slot} of {} is packed", self.bases.len());
                DeltaBase::NONE
            }
        }
    }

    pub(super) fn set_base(&mut self, slot: usize, base: DeltaBase) {
        match self.bases.get_mut(slot) {
            Some(known) => *known = base,
            None => never!("tag {slot} of {} is packed", self.bases.len()),
        }
    }

    pub(super) fn write_order(&mut self, writer: &mut Writer, order: PointOrder, effective_ms: i64) {
        if order.own_ms != effective_ms {
            writer.time(order.own_ms, effective_ms);
        }
        if order.sent_ms != order.own_ms {
            writer.time(order.sent_ms, order.own_ms);
        }
        // Consecutive numbers differ by little; wrapping differences wrap back.
        writer.signed(order.sequence_number.wrapping_sub(self.sequence_number));
        self.sequence_number = order.sequence_number;
    }

    pub(super) fn read_order(
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

/// Returns the flags of a point's order.
pub(super) fn order_flags(order: PointOrder, effective_ms: i64) -> u8 {
    let own = if order.own_ms == effective_ms { OWN_IS_EFFECTIVE } else { 0 };
    let sent = if order.sent_ms == order.own_ms { SENT_IS_OWN } else { 0 };
    own | sent
}
