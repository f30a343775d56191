//! Target `replay`: a rule set and a stream, folded by the engine and by the naive model of the semantics.

use std::collections::BTreeMap;

use andon_domain::{Reason, ScoreRequest, Transition};
use andon_engine::replay::Replay;
use andon_kit_cases::Case;
use andon_kit_cases::naive::{self, Decision, End};

use super::choices::Choices;
use super::{Kept, compiled, script};

pub(super) fn check(bytes: &[u8]) {
    let case = script::case(&mut Choices::new(bytes));
    for end in [End::Close, End::Open] {
        same(&case, end);
    }
}

fn same(case: &Case, end: End) {
    let naive =
        naive::replay(&case.rules, &case.lines, end).unwrap_or_else(|error| panic!("{error}: {case}"));
    let mut replay = Replay::new(compiled(case.rules.clone()));
    let mut kept = Kept::default();
    for line in &case.lines {
        assert!(replay.line(line.as_bytes(), &mut kept).is_ok(), "{case}");
    }
    if end == End::Close {
        replay.close(&mut kept);
    }
    let mut decided: BTreeMap<_, Vec<Decision>> = BTreeMap::new();
    for transition in kept.0 {
        let decision = decision(transition);
        decided.entry((decision.rule_id.clone(), decision.equipment_id.clone())).or_default().push(decision);
    }
    assert_eq!(
        decided,
        naive.by_rule_and_equipment(),
        "left: engine, right: naive model; {end:?} of\n{case}"
    );
    assert_eq!(
        by_model(&kept.1),
        by_model(&naive.requests),
        "left: engine, right: naive model; {end:?} of\n{case}"
    );
    let counts = replay.counts();
    let of_reason = naive.counts.by_reason();
    for reason in Reason::ALL {
        let expected = of_reason.get(&reason).copied().unwrap_or_default();
        assert_eq!(counts.rejected(reason), expected, "{reason}; {end:?} of\n{case}");
    }
    assert_eq!(
        (counts.ahead, counts.forced),
        (naive.counts.ahead, naive.counts.forced),
        "{end:?} of\n{case}"
    );
}

/// Requests by model and equipment, in the order of decision: the order between others means nothing.
fn by_model(requests: &[ScoreRequest]) -> BTreeMap<(&str, &str), Vec<&ScoreRequest>> {
    let mut sorted: BTreeMap<_, Vec<&ScoreRequest>> = BTreeMap::new();
    for request in requests {
        sorted.entry((request.model.as_str(), request.equipment_id.as_str())).or_default().push(request);
    }
    sorted
}

fn decision(transition: Transition) -> Decision {
    Decision {
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
