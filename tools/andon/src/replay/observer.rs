//! Observers of a replay. They compose: a tuple passes everything on to each of its members, and `None` ignores it.

use std::borrow::Cow;
use std::path::Path;

use andon_domain::{DataPoint, Reason, ScoreRequest, Transition, Value};
use andon_engine::RejectedPoint;

use crate::times::stamp_exact;

/// A receiver of everything that a replay reads, decides and rejects.
pub(crate) trait Observer {
    /// A state change was decided.
    fn transition(&mut self, _transition: &Transition) {}

    /// The engine asks a model for a score.
    fn request(&mut self, _request: &ScoreRequest) {}

    /// A valid point was read. It may still be rejected.
    fn point(&mut self, _equipment: &str, _point: &DataPoint<'_>, _arrival_ms: i64) {}

    /// A point or a message was rejected.
    fn rejected(&mut self, _rejected: &Rejected<'_>) {}

    /// Whether the replay should stop, since the results can no longer be written.
    fn has_failed(&self) -> bool {
        false
    }
}

impl<O: Observer> Observer for Option<O> {
    fn transition(&mut self, transition: &Transition) {
        self.iter_mut().for_each(|observer| observer.transition(transition));
    }

    fn request(&mut self, request: &ScoreRequest) {
        self.iter_mut().for_each(|observer| observer.request(request));
    }

    fn point(&mut self, equipment: &str, point: &DataPoint<'_>, arrival_ms: i64) {
        self.iter_mut().for_each(|observer| observer.point(equipment, point, arrival_ms));
    }

    fn rejected(&mut self, rejected: &Rejected<'_>) {
        self.iter_mut().for_each(|observer| observer.rejected(rejected));
    }

    fn has_failed(&self) -> bool {
        self.iter().any(Observer::has_failed)
    }
}

/// Implements [`Observer`] for a tuple.
macro_rules! observe_with_each_of {
    ($($name:ident $position:tt),+) => {
        impl<$($name: Observer),+> Observer for ($($name,)+) {
            fn transition(&mut self, transition: &Transition) {
                $(self.$position.transition(transition);)+
            }

            fn request(&mut self, request: &ScoreRequest) {
                $(self.$position.request(request);)+
            }

            fn point(&mut self, equipment: &str, point: &DataPoint<'_>, arrival_ms: i64) {
                $(self.$position.point(equipment, point, arrival_ms);)+
            }

            fn rejected(&mut self, rejected: &Rejected<'_>) {
                $(self.$position.rejected(rejected);)+
            }

            fn has_failed(&self) -> bool {
                false $(|| self.$position.has_failed())+
            }
        }
    };
}

observe_with_each_of!(A 0, B 1);
observe_with_each_of!(A 0, B 1, C 2);
observe_with_each_of!(A 0, B 1, C 2, D 3);

/// A rejection with the line of input during which it was decided.
pub(crate) struct Rejected<'a> {
    pub(crate) file: &'a Path,
    pub(crate) line: u64,
    pub(crate) subject: Subject<'a>,
}

/// The subject of a rejection.
pub(crate) enum Subject<'a> {
    Point { equipment: &'a str, point: &'a RejectedPoint },
    Message { reason: Reason, detail: &'a str },
}

impl Rejected<'_> {
    pub(crate) fn reason(&self) -> Reason {
        match self.subject {
            Subject::Point { point, .. } => point.reason,
            Subject::Message { reason, .. } => reason,
        }
    }

    pub(crate) fn equipment(&self) -> Option<&str> {
        match self.subject {
            Subject::Point { equipment, .. } => Some(equipment),
            Subject::Message { .. } => None,
        }
    }

    /// Describes the point or the message. Formats on each call: there may be millions of rejections.
    pub(crate) fn detail(&self) -> Cow<'_, str> {
        let (equipment, point) = match self.subject {
            Subject::Point { equipment, point } => (equipment, point),
            Subject::Message { detail, .. } => return Cow::Borrowed(detail),
        };
        let value = match &point.value {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(value)) => value.to_string(),
            Some(Value::Text(text)) => format!("`{}`", text.chars().take(60).collect::<String>()),
            None => "no value".to_owned(),
        };
        let time = stamp_exact(point.sent_ms);
        format!("`{}` of `{equipment}`, sent as {time}, with {value}", point.tag).into()
    }
}
