use std::collections::BTreeMap;

use andon_domain::Reason;

use super::*;
use crate::naive::{InputEnd, Naive, replay};

#[test]
fn a_seed_makes_one_case() {
    for seed in 0..50 {
        assert_eq!(case(seed), case(seed));
    }
    assert_ne!(case(1).lines, case(2).lines);
}

#[test]
fn every_rule_set_that_is_meant_to_compile_does() {
    for seed in 0..200 {
        let case = case(seed);
        Naive::new(&case.rules).unwrap_or_else(|error| panic!("{error}\n{case}"));
        for line in &case.lines {
            let Some((_, rules)) = line.split_once(",\"rules\":") else { continue };
            if rules == "{\"rules\":[{}]}}" {
                continue;
            }
            let rules = rules.strip_suffix('}').unwrap();
            let document = serde_json::from_str(rules).unwrap_or_else(|error| panic!("{error}\n{rules}"));
            Naive::new(&document).unwrap_or_else(|error| panic!("{error}\n{rules}"));
        }
    }
}

#[test]
fn the_cases_decide_and_reject_in_every_way() {
    let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
    let (mut transitions, mut silent, mut removed, mut ahead) = (0, 0, 0, 0);
    let (mut requests, mut asking) = (0, 0);
    for seed in 0..300 {
        let case = case(seed);
        let replay = replay(&case.rules, &case.lines, InputEnd::Closed).unwrap();
        for (reason, number) in replay.counts.by_reason() {
            *reasons.entry(reason).or_default() += number;
        }
        ahead += replay.counts.points_from_future;
        transitions += replay.transitions.len();
        silent += usize::from(replay.transitions.is_empty());
        requests += replay.requests.len();
        asking += usize::from(!replay.requests.is_empty());
        removed += replay.transitions.iter().filter(|transition| transition.to.is_none()).count();
    }
    for reason in Reason::ALL {
        assert!(reasons.get(&reason).is_some_and(|number| *number > 20), "{reason}: {reasons:?}");
    }
    assert!(requests > 300 * 3 && asking > 300 / 4, "{requests} by {asking} cases");
    assert!(ahead > 100, "{ahead}");
    assert!(transitions > 300 * 10, "{transitions}");
    assert!(silent < 300 / 5, "{silent}");
    assert!(removed > 20, "{removed}");
}

#[test]
fn bytes_make_cases_that_compile_and_decide_in_every_way() {
    let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
    let (mut transitions, mut requests, mut removed, mut lines) = (0, 0, 0, 0);
    for seed in 0..300 {
        let bytes = Choices::of_seed(seed).take(3000);
        let case = case_of_bytes(&bytes);
        assert_eq!(case, case_of_bytes(&bytes));
        let replay =
            replay(&case.rules, &case.lines, InputEnd::Closed).unwrap_or_else(|e| panic!("{e}\n{case}"));
        for (reason, number) in replay.counts.by_reason() {
            *reasons.entry(reason).or_default() += number;
        }
        transitions += replay.transitions.len();
        requests += replay.requests.len();
        removed += replay.transitions.iter().filter(|transition| transition.to.is_none()).count();
        lines += case.lines.len();
    }
    assert!(reasons.len() == Reason::ALL.len(), "{reasons:?}");
    assert!(transitions > 1000 && requests > 300, "{transitions} transitions, {requests} requests");
    assert!(removed > 5 && lines > 300 * 30, "{removed} removed, {lines} lines");
}

#[test]
fn a_stream_ends_with_its_bytes() {
    assert_eq!(case_of_bytes(&[]).lines, [""; 0]);
    let bytes = Choices::of_seed(4).take(3000);
    let lines = |length| case_of_bytes(&bytes[..length]).lines;
    let (some, all) = (lines(700), lines(1000));
    assert!(!some.is_empty() && some.len() < all.len(), "{} and {}", some.len(), all.len());
    // The last line may lack bytes.
    assert_eq!(some[..some.len() - 1], all[..some.len() - 1]);
}

#[test]
fn disorder_within_the_bound_changes_nothing() {
    let mut moved = 0;
    for seed in 0..120 {
        let case = in_order_case(seed);
        let ends: &[InputEnd] = if case.holds_when_left_open() {
            &[InputEnd::Closed, InputEnd::LeftOpen]
        } else {
            &[InputEnd::Closed]
        };
        for end in ends {
            let in_order = case.in_order();
            let expected = replay(&in_order.rules, &in_order.lines, *end).unwrap().by_rule_and_equipment();
            for permutation in 0..2 {
                let permuted = case.permuted(permutation);
                moved += usize::from(permuted.lines != in_order.lines);
                let found = replay(&permuted.rules, &permuted.lines, *end).unwrap().by_rule_and_equipment();
                assert!(found == expected, "{end:?}, permutation {permutation} of\n{in_order}");
            }
        }
    }
    assert!(moved > 250, "{moved}");
}
