use andon_domain::{RuleDocument, limits};

use super::*;

fn findings(document: &str) -> Vec<String> {
    let document = RuleDocument::from_json(document).unwrap();
    match RuleSet::compile(document) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.iter().map(ToString::to_string).collect(),
    }
}

/// A document of one rule with one state; `%` stands for further fields of rule, group and entry.
fn one(rule: &str, group: &str, entry: &str) -> String {
    format!(
        r#"{{"rules":[{{"id":"r",{rule}"groups":[{{"id":"g",{group}"states":[{{"state":"A",{entry}"when":"t > 1"}}]}}]}}]}}"#
    )
}

#[test]
fn what_is_beyond_a_bound_is_refused_at_its_place() {
    let long = "x".repeat(limits::LABEL_BYTES + 1);
    for (document, said) in [
        (one(r#""default":"","#, "", ""), "rules[0].default: `` is no state"),
        (one(&format!(r#""default":"{long}","#), "", ""), "rules[0].default: `xxx"),
        (
            one(r#""scope":{"equipment":[]},"#, "", ""),
            "rules[0].scope.equipment: the scope names no equipment",
        ),
        (
            one(r#""scope":{"equipment":"a[b"},"#, "", ""),
            "rules[0].scope.equipment: `a[b` is no glob: a `[` is not closed",
        ),
        (
            one(r#""scope":{"equipment":["a",""]},"#, "", ""),
            "rules[0].scope.equipment[1]: a glob is 1 to 256 bytes",
        ),
        (one(r#""parameters":{"a-b":1},"#, "", ""), "rules[0].parameters.a-b: `a-b` cannot be named"),
        (one("", r#""weight":1e300,"#, ""), "rules[0].groups[0].weight: the weight is 1"),
        (one("", r#""otherwise":"","#, ""), "rules[0].groups[0].otherwise: `` is no state"),
        (
            one("", "", r#""for":"32d","#),
            "rules[0].groups[0].states[0].for: `32d` is too long; the limit is `31d`",
        ),
        (one("", "", r#""keep_for":"800h","#), "rules[0].groups[0].states[0].keep_for: `33d8h` is too long"),
        (one("", "", r#""times":0,"#), "rules[0].groups[0].states[0].times: `times` is 0"),
        (one("", "", r#""until":"t >","#), "rules[0].groups[0].states[0].until: expected a value"),
        (r#"{"settings":{"idle_timeout":"32d"}}"#.to_owned(), "settings.idle_timeout: `32d` is too long"),
        (r#"{"rules":[{"id":"a b","groups":[]}]}"#.to_owned(), "rules[0].id: `a b` is no rule id"),
        (r#"{"rules":[{"id":"r","groups":[]}]}"#.to_owned(), "rules[0].groups: the rule has no groups"),
        (
            r#"{"rules":[{"id":"r","groups":[{"id":"g","states":[]}]}]}"#.to_owned(),
            "rules[0].groups[0].states: the group has no states",
        ),
    ] {
        let found = findings(&document);
        assert!(
            found.first().is_some_and(|first| first.starts_with(said)),
            "{document}\n{found:?}\nwanted {said}"
        );
    }
}

#[test]
fn ids_are_unique_in_a_set_and_in_a_rule() {
    let state = r#"{"state":"A","when":"t > 1"}"#;
    let twice = format!(
        r#"{{"rules":[{{"id":"r","groups":[{{"id":"g","states":[{state}]}},{{"id":"g","states":[{state}]}}]}},{{"id":"r","groups":[{{"id":"g","states":[{state}]}}]}}]}}"#
    );
    assert_eq!(
        findings(&twice),
        [
            "rules[0].groups[1].id: group `g` is already group 1 of the rule",
            "rules[1].id: rule `r` is already rule 1 of the set"
        ]
    );
}

#[test]
fn groups_and_entries_of_a_rule_are_bounded() {
    let state = r#"{"state":"A","when":"t > 1"}"#;
    let many = |count: usize| {
        format!(
            r#"{{"rules":[{{"id":"r","groups":[{{"id":"g","states":[{}]}}]}}]}}"#,
            vec![state; count].join(",")
        )
    };
    assert_eq!(findings(&many(limits::RULE_ENTRIES)), Vec::<String>::new());
    assert!(findings(&many(limits::RULE_ENTRIES + 1))[0].contains("the limit of each is 1000"));
}

#[test]
fn a_set_that_names_too_many_tags_for_one_equipment_is_refused() {
    // Each rule names a hundred tags.
    let rules = |scope: &dyn Fn(usize) -> String, count: usize| {
        let rules: Vec<String> = (0..count)
            .map(|rule| {
                let tags: Vec<String> = (0..100).map(|tag| format!("t{rule}_{tag} > 1")).collect();
                format!(
                    r#"{{"id":"r{rule}","scope":{{"equipment":"{}"}},"groups":[{{"id":"g","states":[{{"state":"A","when":"{}"}}]}}]}}"#,
                    scope(rule),
                    tags.join(" || ")
                )
            })
            .collect();
        format!(r#"{{"rules":[{}]}}"#, rules.join(","))
    };
    assert_eq!(findings(&rules(&|_| "e".to_owned(), 100)), Vec::<String>::new());
    assert!(
        findings(&rules(&|_| "e".to_owned(), 101))[0]
            .contains("the rules name 10100 tags; the limit is 10000")
    );
    assert_eq!(
        findings(&rules(&|rule| format!("e{rule}"), 101)),
        Vec::<String>::new(),
        "no equipment has them all"
    );
    // If globs decide, the plan of an equipment reports it.
    let set = RuleSet::compile(RuleDocument::from_json(&rules(&|_| "e*".to_owned(), 101)).unwrap()).unwrap();
    assert!(matches!(set.plan_for("e1"), Err(PlanError::TooManyTags(10_100))));
    assert!(set.plan_for("other").is_ok());
}

#[test]
fn sets_take_effect_by_their_starts() {
    let set = || RuleSet::compile(RuleDocument::default()).unwrap();
    let mut rules = CompiledRules::new(set());
    rules.push(1000, set()).unwrap();
    rules.push(2000, set()).unwrap();
    assert!(matches!(
        rules.push(2000, set()),
        Err(AddSetError::StartsTooEarly { start_ms: 2000, known_ms: 2000 })
    ));
    let due = |after, arrival| rules.due(after, arrival).iter().map(|set| set.start_ms()).collect::<Vec<_>>();
    assert_eq!(due(CompiledRules::ALWAYS_MS, 999), Vec::<i64>::new());
    assert_eq!(due(CompiledRules::ALWAYS_MS, 2500), [1000, 2000]);
    assert_eq!(due(1000, 2500), [2000]);
    assert_eq!(rules.newest_due(1999).map(|set| set.start_ms()), Some(1000));
}

#[test]
fn machines_with_the_same_rules_share_one_plan() {
    let document = r#"{"rules":[{"id":"r","scope":{"equipment":"filler-*"},"groups":[{"id":"g","states":[{"state":"A","when":"t > 1"}]}]}]}"#;
    let set = RuleSet::compile(RuleDocument::from_json(document).unwrap()).unwrap();
    let (one, other) = (set.plan_for("filler-1").unwrap(), set.plan_for("filler-2").unwrap());
    assert!(Arc::ptr_eq(&one, &other));
    assert_eq!(set.plan_for("capper-1").unwrap().rule_count(), 0);
}
