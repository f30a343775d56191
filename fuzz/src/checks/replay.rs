//! Target `replay`: a rule set and a stream, folded by the engine and by the naive reference of the semantics.

use std::collections::BTreeMap;

use andon_domain::{Reason, ScoreRequest, Transition};
use andon_engine::KeyState;
use andon_engine::replay::Replay;
use andon_kit_cases::naive::{self, InputEnd, NaiveTransition};
use andon_kit_cases::{Case, generate};

use super::{Recorder, compiled};

pub(super) fn check(bytes: &[u8]) {
    let case = generate::case_of_bytes(bytes);
    for end in [InputEnd::Closed, InputEnd::LeftOpen] {
        same(&case, end);
    }
}

fn same(case: &Case, end: InputEnd) {
    let naive =
        naive::replay(&case.rules, &case.lines, end).unwrap_or_else(|error| panic!("{error}: {case}"));
    let mut replay = Replay::new(compiled(case.rules.clone()));
    let mut recorder = Recorder::default();
    for line in &case.lines {
        assert!(replay.line(line.as_bytes(), &mut recorder).is_ok(), "{case}");
        assert_eq!(
            replay.keys().iter().try_for_each(KeyState::check_invariants),
            Ok(()),
            "{line} of\n{case}"
        );
    }
    if end == InputEnd::Closed {
        replay.close(&mut recorder);
    }
    let mut decided: BTreeMap<_, Vec<NaiveTransition>> = BTreeMap::new();
    for transition in recorder.transitions {
        let transition = naive_form(transition);
        decided
            .entry((transition.rule_id.clone(), transition.equipment_id.clone()))
            .or_default()
            .push(transition);
    }
    assert_eq!(
        decided,
        naive.by_rule_and_equipment(),
        "left: engine, right: naive reference; {end:?} of\n{case}"
    );
    assert_eq!(
        by_model(&recorder.requests),
        by_model(&naive.requests),
        "left: engine, right: naive reference; {end:?} of\n{case}"
    );
    let counts = replay.counts();
    let of_reason = naive.counts.by_reason();
    for reason in Reason::ALL {
        let expected = of_reason.get(&reason).copied().unwrap_or_default();
        assert_eq!(counts.rejected(reason), expected, "{reason}; {end:?} of\n{case}");
    }
    assert_eq!(
        (counts.points_from_future, counts.watermark_forced),
        (naive.counts.points_from_future, naive.counts.watermark_forced),
        "{end:?} of\n{case}"
    );
}

/// Returns requests by model and machine, in the order of decision: the order between others means nothing.
fn by_model(requests: &[ScoreRequest]) -> BTreeMap<(&str, &str), Vec<&ScoreRequest>> {
    let mut sorted: BTreeMap<_, Vec<&ScoreRequest>> = BTreeMap::new();
    for request in requests {
        sorted.entry((request.model.as_str(), request.equipment_id.as_str())).or_default().push(request);
    }
    sorted
}

fn naive_form(transition: Transition) -> NaiveTransition {
    NaiveTransition {
        rule_id: transition.rule_id.into(),
        equipment_id: transition.equipment_id.into(),
        sequence: transition.sequence,
        from: transition.from.into(),
        to: transition.to.map(Into::into),
        at: transition.at,
        group: transition.group.map(Into::into),
        rule_version: transition.rule_version,
    }
}
