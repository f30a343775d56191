//! Makes a failing case small: takes away lines, rules, groups, entries and options while it still fails.
//!
//! It changes the case, not the choices behind it. A line can go while all others stay as they are; without the choices
//! of that line, the generator would draw other lines behind it. And it shrinks cases that have no choices behind them:
//! files of `tests/regressions`, cases of a fuzzer, cases that were edited by hand.

use andon_domain::{Rule, RuleDocument};

use crate::Case;

/// Returns the smallest case found by greedy removal for which `fails` is still true. `fails` must be true of `case`.
#[must_use]
pub fn shrink(case: &Case, mut fails: impl FnMut(&Case) -> bool) -> Case {
    let mut best = case.clone();
    loop {
        let before = best.clone();
        fewer_lines(&mut best, &mut fails);
        simpler_rules(&mut best, &mut fails);
        if best == before {
            return best;
        }
    }
}

/// Takes away runs of lines, long ones first.
fn fewer_lines(best: &mut Case, fails: &mut impl FnMut(&Case) -> bool) {
    let mut run = best.lines.len();
    while run > 0 {
        let mut from = 0;
        while from < best.lines.len() {
            let kept =
                |(index, line): (usize, &String)| (index < from || index >= from + run).then(|| line.clone());
            let lines = best.lines.iter().enumerate().filter_map(kept).collect();
            let candidate = Case { lines, ..best.clone() };
            if fails(&candidate) {
                *best = candidate;
            } else {
                from += run;
            }
        }
        run /= 2;
    }
}

/// Simplifies the first rule set and those in the lines, one step at a time.
fn simpler_rules(best: &mut Case, fails: &mut impl FnMut(&Case) -> bool) {
    while let Some(candidate) = simpler_documents(&best.rules)
        .into_iter()
        .map(|rules| Case { rules, ..best.clone() })
        .chain(simpler_lines(best))
        .find(|candidate| fails(candidate))
    {
        *best = candidate;
    }
}

/// Returns the case with one of the rule sets in its lines simplified, in every way.
fn simpler_lines(case: &Case) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, line) in case.lines.iter().enumerate() {
        let Some((start, rules)) = line.split_once(",\"rules\":") else { continue };
        let Some(rules) = rules.strip_suffix('}') else { continue };
        let Ok(document) = serde_json::from_str::<RuleDocument>(rules) else { continue };
        for simpler in simpler_documents(&document) {
            let Ok(rules) = serde_json::to_string(&simpler) else { continue };
            let mut lines = case.lines.clone();
            if let Some(line) = lines.get_mut(index) {
                *line = format!("{start},\"rules\":{rules}}}");
            }
            cases.push(Case { lines, ..case.clone() });
        }
    }
    cases
}

/// Returns the document with one thing less, in every way, greater things first.
fn simpler_documents(document: &RuleDocument) -> Vec<RuleDocument> {
    let mut simpler = Vec::new();
    if document.settings.is_some() {
        simpler.push(RuleDocument { settings: None, ..document.clone() });
    }
    for rules in without_one(&document.rules) {
        simpler.push(RuleDocument { rules, ..document.clone() });
    }
    for models in without_one(&document.models) {
        simpler.push(RuleDocument { models, ..document.clone() });
    }
    for id in document.equipment.keys() {
        let mut document = document.clone();
        document.equipment.remove(id);
        simpler.push(document);
    }
    for (index, model) in document.models.iter().enumerate() {
        if model.at_least_every.is_some() {
            let mut document = document.clone();
            if let Some(place) = document.models.get_mut(index) {
                place.at_least_every = None;
            }
            simpler.push(document);
        }
        if model.inputs.len() < 2 {
            continue;
        }
        for inputs in without_one(&model.inputs) {
            let mut document = document.clone();
            if let Some(place) = document.models.get_mut(index) {
                place.inputs = inputs;
            }
            simpler.push(document);
        }
    }
    for (index, rule) in document.rules.iter().enumerate() {
        for rule in simpler_rule(rule) {
            let mut document = document.clone();
            if let Some(place) = document.rules.get_mut(index) {
                *place = rule;
            }
            simpler.push(document);
        }
    }
    simpler
}

fn simpler_rule(rule: &Rule) -> Vec<Rule> {
    let mut simpler = Vec::new();
    if rule.groups.len() > 1 {
        simpler.extend(without_one(&rule.groups).map(|groups| Rule { groups, ..rule.clone() }));
    }
    for (index, group) in rule.groups.iter().enumerate() {
        let mut groups = Vec::new();
        if group.states.len() > 1 {
            groups.extend(
                without_one(&group.states).map(|states| andon_domain::Group { states, ..group.clone() }),
            );
        }
        if group.otherwise.is_some() {
            groups.push(andon_domain::Group { otherwise: None, ..group.clone() });
        }
        for (index, entry) in group.states.iter().enumerate() {
            let without = [
                andon_domain::StateEntry { hold: None, ..entry.clone() },
                andon_domain::StateEntry { until: None, ..entry.clone() },
                andon_domain::StateEntry { keep_for: None, ..entry.clone() },
                andon_domain::StateEntry { times: None, ..entry.clone() },
                andon_domain::StateEntry { weight: None, ..entry.clone() },
            ];
            for simpler in without.into_iter().filter(|simpler| simpler != entry) {
                let mut group = group.clone();
                if let Some(place) = group.states.get_mut(index) {
                    *place = simpler;
                }
                groups.push(group);
            }
        }
        for group in groups {
            let mut rule = rule.clone();
            if let Some(place) = rule.groups.get_mut(index) {
                *place = group;
            }
            simpler.push(rule);
        }
    }
    simpler
}

fn without_one<T: Clone>(items: &[T]) -> impl Iterator<Item = Vec<T>> {
    (0..items.len()).map(|gone| {
        items.iter().enumerate().filter(|(index, _)| *index != gone).map(|(_, item)| item.clone()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shrunk_case_holds_only_what_makes_it_fail() {
        let case = (0..)
            .map(crate::generate::case)
            .find(|case| case.lines.len() > 100 && case.rules.rules.len() > 2);
        let mut case = case.unwrap();
        case.lines.insert(40, "first culprit".to_owned());
        case.lines.insert(90, "second culprit".to_owned());
        let id = case.rules.rules[1].id.clone();
        let small = shrink(&case, |case| {
            let culprits = case.lines.iter().filter(|line| line.ends_with("culprit")).count();
            culprits == 2 && case.rules.rules.iter().any(|rule| rule.id == id)
        });
        assert_eq!(small.lines, ["first culprit", "second culprit"]);
        assert_eq!(small.rules.rules.len(), 1);
        assert_eq!(small.rules.rules[0].groups.len(), 1);
        assert_eq!(small.rules.rules[0].groups[0].states.len(), 1);
    }

    #[test]
    fn a_case_is_read_as_it_is_written() {
        for seed in 0..20 {
            let case = crate::generate::case(seed);
            assert!(Case::parse(&case.to_string()) == Ok(case), "seed {seed}");
        }
    }
}
