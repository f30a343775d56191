//! The state of one tag: its newest point, and the values that decide nothing new.

use andon_domain::Value;

use crate::compile::Plan;
use crate::compile::plan::{PlanTag, ReevaluateOn};

/// The order of the points of one tag: own timestamp, then sent timestamp, then sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PointOrder {
    /// The lesser of the sent timestamp and the arrival, ms.
    pub own_ms: i64,
    pub sent_ms: i64,
    pub sequence_number: i64,
}

/// The newest applied point of a tag.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Newest {
    pub order: PointOrder,
    pub effective_ms: i64,
    pub value: Value,
}

/// The state of a tag.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TagState {
    pub newest: Option<Newest>,
    /// The effective time at which a change of rules first named the tag; [`i64::MIN`] if the rules always named it.
    pub named_since_ms: i64,
    /// The last instant with a point of the tag. It has no meaning between records.
    pub touched: u64,
    /// Bounds, both exclusive, between which no comparison of the tag changes since its rules were last evaluated.
    /// [`TagState::NO_UNCHANGED_BAND`] if these bounds are unknown.
    pub unchanged_band: (f64, f64),
}

impl TagState {
    /// A band that contains no number.
    pub(crate) const NO_UNCHANGED_BAND: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

    /// Returns the state of a tag without points.
    pub(crate) const fn unseen(named_since_ms: i64) -> Self {
        Self { newest: None, named_since_ms, touched: 0, unchanged_band: Self::NO_UNCHANGED_BAND }
    }

    /// Returns whether a point can change what the tag's rules decide.
    #[inline(always)]
    pub(crate) fn decides(
        &mut self,
        reevaluate_on: ReevaluateOn,
        plan: &Plan,
        plan_tag: &PlanTag,
        value: &Value,
        changed: bool,
    ) -> bool {
        match (reevaluate_on, value) {
            (ReevaluateOn::EveryPoint | ReevaluateOn::BindingInput, _) => true,
            (ReevaluateOn::ThresholdCrossed, Value::Number(number)) => {
                let (lower, upper) = self.unchanged_band;
                let between = lower < *number && *number < upper;
                if !between {
                    self.unchanged_band = plan.unchanged_band_around(plan_tag, *number);
                }
                !between
            }
            (ReevaluateOn::ThresholdCrossed | ReevaluateOn::ValueChanged, _) => {
                self.unchanged_band = Self::NO_UNCHANGED_BAND;
                changed
            }
        }
    }
}
