//! State changes, score requests and samples of rejections, kept in memory.

use andon_domain::text::escape_control_chars;
use andon_domain::{Reason, ScoreRequest, Transition};

use super::observer::{Observer, Rejected};

/// An observer that keeps all state changes, for replays that have few.
pub(crate) struct TransitionLog {
    transitions: Vec<Transition>,
    explain: bool,
}

impl TransitionLog {
    /// A log; with `explain`, the state changes keep their explanations.
    pub(crate) fn new(explain: bool) -> Self {
        Self { transitions: Vec::new(), explain }
    }

    /// Returns the state changes so far, in the order of decision.
    pub(crate) fn transitions(&self) -> &[Transition] {
        &self.transitions
    }

    pub(crate) fn into_transitions(self) -> Vec<Transition> {
        self.transitions
    }
}

impl Observer for TransitionLog {
    fn transition(&mut self, transition: &Transition) {
        let transition = if self.explain { transition.clone() } else { without_explanation(transition) };
        self.transitions.push(transition);
    }
}

/// Returns a copy without the explanation, which is most of a state change.
pub(super) fn without_explanation(transition: &Transition) -> Transition {
    Transition {
        rule_id: transition.rule_id.clone(),
        rule_version: transition.rule_version,
        equipment_id: transition.equipment_id.clone(),
        sequence: transition.sequence,
        from: transition.from.clone(),
        to: transition.to.clone(),
        at: transition.at,
        group: transition.group.clone(),
        explanation: None,
    }
}

/// An observer that keeps score requests until they are taken.
#[derive(Default)]
pub(crate) struct RequestLog(Vec<ScoreRequest>);

impl RequestLog {
    /// Returns the requests since the last call.
    pub(crate) fn take(&mut self) -> Vec<ScoreRequest> {
        std::mem::take(&mut self.0)
    }
}

impl Observer for RequestLog {
    fn request(&mut self, request: &ScoreRequest) {
        self.0.push(request.clone());
    }
}

/// An observer that keeps the first rejection of each reason.
#[derive(Default)]
pub(crate) struct Samples(Vec<(Reason, String)>);

impl Samples {
    /// Returns the first rejection of a reason with its place in the input.
    pub(crate) fn first(&self, reason: Reason) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == reason).map(|(_, text)| text.as_str())
    }
}

impl Observer for Samples {
    fn rejected(&mut self, rejected: &Rejected<'_>) {
        let reason = rejected.reason();
        if self.first(reason).is_some() {
            return;
        }
        let Rejected { file, line, .. } = rejected;
        let place = if file.as_os_str() == "-" || file.as_os_str().is_empty() {
            format!("line {line}")
        } else {
            format!("{}:{line}", file.display())
        };
        self.0.push((reason, format!("{place}: {}", escape_control_chars(&rejected.detail()))));
    }
}
