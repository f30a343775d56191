//! The true incidents of a shift, for the operator to compare with the decisions of the rules.

use std::fmt;

/// An incident of a shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Start, event time in ms since the epoch.
    pub at_ms: i64,
    /// End, in ms since the epoch; never after the end of the shift.
    pub until_ms: i64,
    /// The machine (`filler-1`), the sender (`gateway-2`), or `line` for all machines.
    pub equipment: &'static str,
    /// Kind of the incident.
    pub kind: IncidentKind,
    /// One plain sentence, without a full stop.
    pub text: String,
}

/// A kind of incident. Every shift has each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IncidentKind {
    /// The line is started and heated up.
    WarmUp,
    /// The line is stopped, cleaned and started again for another bottle.
    ProductChange,
    /// A machine is worked on, with its maintenance mode switched on.
    Maintenance,
    /// A temperature creeps over its limit.
    Overheating,
    /// A measured value jumps around a limit.
    FlappingSensor,
    /// A contact opens and closes without cause.
    ChatteringContact,
    /// A sensor is silent while the others of its machine go on.
    DeadSensor,
    /// A sensor sends values that it marks as bad itself.
    BadQuality,
    /// A machine stops again and again for less than a minute.
    ShortStops,
    /// A machine stands still with a fault.
    Jam,
    /// A level falls faster than the process draws from it.
    LevelDrop,
    /// A vibration grows with a worn bearing.
    BearingWear,
    /// A gateway loses its link, and delivers its buffer when the link is back.
    LostLink,
    /// A sender's clock is wrong.
    ClockAhead,
    /// A sender sends the same points twice.
    Redelivery,
    /// Lines that are no records.
    MalformedLines,
}

impl IncidentKind {
    /// The kind as a short name for tables, in lower case with hyphens.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WarmUp => "warm-up",
            Self::ProductChange => "product-change",
            Self::Maintenance => "maintenance",
            Self::Overheating => "overheating",
            Self::FlappingSensor => "flapping-sensor",
            Self::ChatteringContact => "chattering-contact",
            Self::DeadSensor => "dead-sensor",
            Self::BadQuality => "bad-quality",
            Self::ShortStops => "short-stops",
            Self::Jam => "jam",
            Self::LevelDrop => "level-drop",
            Self::BearingWear => "bearing-wear",
            Self::LostLink => "lost-link",
            Self::ClockAhead => "clock-ahead",
            Self::Redelivery => "redelivery",
            Self::MalformedLines => "malformed-lines",
        }
    }
}

impl fmt::Display for IncidentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
