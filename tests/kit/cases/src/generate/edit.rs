//! Random changes of a rule document, as people make them.

use andon_domain::{Rule, RuleDocument};

use super::{Dice, models, rules};

/// Changes one to three things in a document. `gone` are the rules that were removed before and may come back.
pub(super) fn document(rng: &mut Dice, document: &mut RuleDocument, gone: &mut Vec<Rule>) {
    for _ in 0..rng.usize(1..=3) {
        change(rng, document, gone);
    }
    models::change(rng, document);
    for rule in &mut document.rules {
        rules::settle_parameters(rng, rule);
    }
}

fn change(rng: &mut Dice, document: &mut RuleDocument, gone: &mut Vec<Rule>) {
    let number = document.rules.len();
    match rng.u8(..20) {
        0 | 1 if number > 0 => gone.push(document.rules.remove(rng.usize(..number))),
        2 | 3 if !gone.is_empty() => {
            let rule = gone.remove(rng.usize(..gone.len()));
            if document.rules.iter().all(|other| other.id != rule.id) {
                document.rules.push(rule);
            }
        }
        4 => {
            let id = format!("n{}", rng.u8(..4));
            if document.rules.iter().all(|rule| rule.id != id) {
                document.rules.push(rules::rule(rng, &id));
            }
        }
        5 => document.settings = (!rng.chance(30)).then(|| rules::settings(rng)),
        6 => rng.shuffle(&mut document.rules),
        _ => {
            if let Some(rule) = rng.choice(&mut document.rules) {
                change_rule(rng, rule);
            }
        }
    }
}

fn change_rule(rng: &mut Dice, rule: &mut Rule) {
    if rng.chance(50) {
        rule.version += 1;
    }
    match rng.u8(..16) {
        0 => rule.scope = rules::scope(rng),
        1 => rng.pick(&["UNKNOWN", "NORMAL", "IDLE"]).clone_into(&mut rule.default),
        2..=4 => {
            let names: Vec<String> = rule.parameters.keys().cloned().collect();
            for name in names {
                let value = rules::parameter(rng, &name);
                rule.parameters.insert(name, value);
            }
        }
        5 => rng.shuffle(&mut rule.groups),
        6 => {
            let id = format!("h{}", rng.u8(..3));
            if rule.groups.iter().all(|group| group.id != id) {
                rule.groups.push(rules::group(rng, &id));
            }
        }
        7 if rule.groups.len() > 1 => {
            let gone = rng.usize(..rule.groups.len());
            rule.groups.remove(gone);
        }
        8 => rule.description = Some("nothing else is new".to_owned()),
        _ => {
            if let Some(group) = rng.choice(&mut rule.groups) {
                change_group(rng, group);
            }
        }
    }
}

fn change_group(rng: &mut Dice, group: &mut andon_domain::Group) {
    match rng.u8(..12) {
        0 => group.weight = rules::weight(rng),
        1 => group.otherwise = rng.chance(60).then(|| rng.pick(&["NORMAL", "IDLE", "ACTIVE"]).to_owned()),
        2 => rng.shuffle(&mut group.states),
        3 => group.states.insert(rng.usize(..=group.states.len()), rules::entry(rng)),
        4 if group.states.len() > 1 => {
            let gone = rng.usize(..group.states.len());
            group.states.remove(gone);
        }
        5 => {
            // The same entry twice.
            if let Some(entry) = rng.choice(&group.states).cloned() {
                group.states.push(entry);
            }
        }
        _ => {
            if let Some(entry) = rng.choice(&mut group.states) {
                change_entry(rng, entry);
            }
        }
    }
}

fn change_entry(rng: &mut Dice, entry: &mut andon_domain::StateEntry) {
    match rng.u8(..10) {
        8 | 9 => {
            // Another wait for the same condition: an active entry stays active, also while it is being left.
            entry.keep_for = Some(rules::wait(rng));
        }
        0 | 1 => entry.when = rules::condition(rng, 2),
        2 => entry.until = rng.chance(60).then(|| rules::condition(rng, 1)),
        3 => entry.hold = rng.chance(60).then(|| rules::wait(rng)),
        4 => entry.keep_for = rng.chance(60).then(|| rules::wait(rng)),
        5 => entry.times = rng.chance(60).then(|| rng.u32(1..=4)),
        6 => entry.weight = rng.chance(60).then(|| rules::weight(rng)),
        _ => rng.pick(&["ACTIVE", "WARNING", "ALARM", "NORMAL"]).clone_into(&mut entry.state),
    }
}
