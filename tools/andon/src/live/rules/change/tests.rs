use andon_kit_ports::memory::Memory;
use andon_workflows::ports::{Checkpoint, RuleStore};

use super::*;
use crate::live::at_once;
use crate::terminal::ColorChoice;

fn rules(ids: &[&str], limit: u32) -> RuleDocument {
    let rule = |id: &&str| {
        format!(
            r#"{{"id":{},"groups":[{{"id":"g","states":[{{"state":"HOT","when":"t > {limit}"}}]}}]}}"#,
            serde_json::Value::from(*id)
        )
    };
    let list: Vec<String> = ids.iter().map(rule).collect();
    RuleDocument::from_json(&format!(r#"{{"rules":[{}]}}"#, list.join(","))).unwrap()
}

fn put(
    memory: &Memory,
    arguments: &ChangeArguments,
    make: impl FnOnce(&RuleDocument) -> Result<RuleDocument, Failure>,
) -> Result<(), Failure> {
    at_once(change(memory, arguments, KeepSets::default(), &Terminal::new(ColorChoice::Never), make))
}

fn newest(memory: &Memory) -> RuleDocument {
    at_once(rulebook::current(memory)).unwrap().document
}

fn message(outcome: Result<(), Failure>) -> String {
    match outcome {
        Err(Failure::Message(message) | Failure::Usage(message)) => message,
        other => panic!("expected a message, not {other:?}"),
    }
}

#[test]
fn put_merges_by_id_and_keeps_the_order() {
    let memory = Memory::new();
    put(&memory, &ChangeArguments::default(), |current| Ok(merged(current, rules(&["a", "b"], 80)))).unwrap();
    let arguments = ChangeArguments { note: "why".to_owned(), ..ChangeArguments::default() };
    put(&memory, &arguments, |current| Ok(merged(current, rules(&["c", "a"], 90)))).unwrap();
    let ids: Vec<String> = newest(&memory).rules.into_iter().map(|rule| rule.id).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    let pointer = memory.world().pointer.clone();
    assert_eq!((pointer.sets.len(), pointer.sets[1].note.as_str()), (2, "why"));
    assert_eq!(pointer.sets[1].start_ms % 1000, 0, "a start is shown in seconds");
    // The same again: nothing differs, nothing is put.
    put(&memory, &arguments, |current| Ok(merged(current, rules(&["c", "a"], 90)))).unwrap();
    assert_eq!(memory.world().pointer.sets.len(), 2);
}

#[test]
fn settings_stay_unless_a_file_has_some() {
    let mut with_settings = rules(&["a"], 1);
    with_settings.settings = Some(Settings::default());
    let kept = merged(&with_settings, rules(&["b"], 1));
    assert_eq!(kept.settings, with_settings.settings);
    assert_eq!(merged(&rules(&["b"], 1), with_settings.clone()).settings, with_settings.settings);
}

#[test]
fn a_dry_run_puts_nothing() {
    let memory = Memory::new();
    let arguments = ChangeArguments { dry_run: true, ..ChangeArguments::default() };
    put(&memory, &arguments, |current| Ok(merged(current, rules(&["a"], 1)))).unwrap();
    assert!(memory.world().pointer.sets.is_empty());
}

#[test]
fn a_rule_that_is_not_there_cannot_be_deleted_and_nothing_else_is() {
    let memory = Memory::new();
    put(&memory, &ChangeArguments::default(), |current| Ok(merged(current, rules(&["a", "b"], 1)))).unwrap();
    let ids = ["a".to_owned(), "c".to_owned()];
    let removal = |ids| Removal { rules: ids, ..Removal::default() };
    let refused =
        message(put(&memory, &ChangeArguments::default(), |current| without(current, &removal(&ids))));
    assert!(refused.contains("the rule `c` is not in the set"), "{refused}");
    assert_eq!(newest(&memory).rules.len(), 2);
    put(&memory, &ChangeArguments::default(), |current| without(current, &removal(&ids[..1]))).unwrap();
    assert_eq!(newest(&memory).rules.len(), 1);
}

/// A rule and a model of one name, and attributes of two machines.
fn with_a_model(rows: u32) -> RuleDocument {
    let model = format!(
        r#"{{"equipment":{{"e":{{"limit":1}},"f":{{"limit":2}}}},"models":[{{"id":"a","inputs":[{{"name":"t","value":"t"}}],"every":"1m","endpoint":{{"name":"x","rows":{rows}}}}}]}}"#
    );
    RuleDocument { rules: rules(&["a"], 1).rules, ..RuleDocument::from_json(&model).unwrap() }
}

#[test]
fn models_and_attributes_are_put_and_deleted_as_rules_are() {
    let memory = Memory::new();
    put(&memory, &ChangeArguments::default(), |current| Ok(merged(current, with_a_model(1)))).unwrap();
    // Rules alone leave them as they are; an equipment is replaced as a whole.
    put(&memory, &ChangeArguments::default(), |current| Ok(merged(current, rules(&["b"], 1)))).unwrap();
    assert_eq!((newest(&memory).models, newest(&memory).rules.len()), (with_a_model(1).models, 2));
    let other = RuleDocument::from_json(r#"{"equipment":{"f":{"line":3}}}"#).unwrap();
    put(&memory, &ChangeArguments::default(), |current| Ok(merged(current, other.clone()))).unwrap();
    assert_eq!(newest(&memory).equipment["e"], with_a_model(1).equipment["e"]);
    assert_eq!(newest(&memory).equipment["f"], other.equipment["f"]);
    put(&memory, &ChangeArguments::default(), |current| Ok(merged(current, with_a_model(7)))).unwrap();
    let [a, e] = [["a".to_owned()], ["e".to_owned()]];
    let removal = Removal { models: &a, equipment: &e, ..Removal::default() };
    put(&memory, &ChangeArguments::default(), |current| without(current, &removal)).unwrap();
    let left = newest(&memory);
    assert_eq!((left.models.len(), left.rules.len(), left.equipment.len()), (0, 2, 1));
    // What became of the model can be seen, as far back as there are sets.
    let versions = at_once(rulebook::model_history(&memory, "a")).unwrap();
    let rows = |lived: &rulebook::RuleVersionSpan| {
        let model: serde_json::Value = serde_json::from_str(lived.version.document.as_deref()?).unwrap();
        model["endpoint"]["rows"].as_u64()
    };
    assert_eq!(versions.iter().map(rows).collect::<Vec<_>>(), [Some(1), Some(7), None]);
}

#[test]
fn a_model_that_is_taken_for_a_rule_is_not_deleted_but_pointed_out() {
    let current = RuleDocument { rules: Vec::new(), ..with_a_model(1) };
    let ids = ["a".to_owned()];
    let refused = message(without(&current, &Removal { rules: &ids, ..Removal::default() }).map(|_| ()));
    assert!(
        refused.contains("the rule `a` is not in the set") && refused.contains("`--model a`"),
        "{refused}"
    );
    let ids = ["z".to_owned()];
    let refused = message(without(&current, &Removal { models: &ids, ..Removal::default() }).map(|_| ()));
    assert!(refused.contains("the model `z` is not in the set"), "{refused}");
    let refused = message(without(&current, &Removal { equipment: &ids, ..Removal::default() }).map(|_| ()));
    assert!(refused.contains("the machine `z` is not in the set"), "{refused}");
}

#[test]
fn what_differs_is_shown_model_by_model_and_equipment_by_equipment() {
    let before = with_a_model(1);
    let mut after = with_a_model(7);
    after.equipment =
        [("e".to_owned(), before.equipment["f"].clone()), ("g".to_owned(), Default::default())].into();
    let terminal = Terminal::new(ColorChoice::Never);
    let text = differences(&before, &after, &rulebook::compare(&before, &after), &terminal);
    let expected = "\
~ model a
      endpoint.rows: 1 -> 7
~ equipment e
      limit: 1 -> 2
~ equipment f
      removed
~ equipment g
      added
0 added, 0 changed, 0 removed, 1 unchanged
";
    assert_eq!(text, expected);
}

#[test]
fn what_differs_is_shown_rule_by_rule() {
    let before = rules(&["a", "b", "removal"], 80);
    let mut after = rules(&["a", "b", "new\u{1b}"], 80);
    after.rules[1] = rules(&["b"], 90).rules.remove(0);
    after.settings = Some(Settings { idle_timeout: andon_domain::Millis(20_000), ..Settings::default() });
    let text =
        differences(&before, &after, &rulebook::compare(&before, &after), &Terminal::new(ColorChoice::Never));
    let expected = "\
- removal
~ b
      g.HOT.when: t > 80 -> t > 90
+ new\\u{1b}
~ settings
      idle_timeout: 10s -> 20s
1 added, 1 changed, 1 removed, 1 unchanged
";
    assert_eq!(text, expected);
}

#[test]
fn the_refusal_of_an_early_start_names_the_earliest_start() {
    let memory = Memory::new();
    let soon = ChangeArguments { start: Some(TimeArgument::FromNow(5_000)), ..ChangeArguments::default() };
    let refused = message(put(&memory, &soon, |_| Ok(rules(&["a"], 1))));
    assert!(refused.contains("every function must know a set before it starts"), "{refused}");
    let late =
        ChangeArguments { start: Some(TimeArgument::FromNow(3_600_000)), ..ChangeArguments::default() };
    put(&memory, &late, |_| Ok(rules(&["a"], 1))).unwrap();
    let between =
        ChangeArguments { start: Some(TimeArgument::FromNow(60_000)), ..ChangeArguments::default() };
    let refused = message(put(&memory, &between, |_| Ok(rules(&["b"], 1))));
    assert!(refused.contains("the newest set starts only at 2023-11-14 23:13:20Z"), "{refused}");
}

#[test]
fn a_put_of_a_concurrent_writer_is_not_undone() {
    let memory = Memory::new();
    put(&memory, &ChangeArguments::default(), |_| Ok(rules(&["a"], 1))).unwrap();
    let refused = message(put(&memory, &ChangeArguments::default(), |current| {
        let document = merged(current, rules(&["b"], 1));
        let theirs = rules(&["a", "theirs"], 1);
        at_once_inside(rulebook::put(&memory, &theirs, None, "", KeepSets::default())).unwrap();
        Ok(document)
    }));
    assert!(refused.contains("a concurrent change of the rules"), "{refused}");
    assert_eq!(newest(&memory).rules.len(), 2);
}

/// A future that is ready at once, from inside another one.
fn at_once_inside<T>(work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match work.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the world in memory does not wait"),
    }
}

#[test]
fn a_clock_that_is_behind_the_stream_puts_nothing() {
    let memory = Memory::new();
    let now_ms = memory.world().now_ms;
    let checkpoint = Checkpoint { arrival_ms: now_ms + 30_000, ..Checkpoint::default() };
    memory
        .world_mut()
        .checkpoints
        .insert(("points".to_owned(), "shardId-000000000000".to_owned()), checkpoint);
    let refused = message(put(&memory, &ChangeArguments::default(), |_| Ok(rules(&["a"], 1))));
    assert!(refused.contains("30 s behind"), "{refused}");
}

#[test]
fn a_finding_in_the_whole_set_names_the_rule() {
    let document = rules(&["a", "b"], 1);
    let finding = Finding::error("x", vec!["rules".into(), 1.into(), "groups".into()], "is wrong");
    assert_eq!(located(&finding, &document), "rule `b`: groups: is wrong");
}

#[test]
fn twenty_thousand_rules_are_put_and_one_more_is_refused() {
    let memory = Memory::new();
    let many: Vec<String> = (0..20_001).map(|number| format!("rule-{number}")).collect();
    let ids: Vec<&str> = many.iter().map(String::as_str).collect();
    let refused = message(put(&memory, &ChangeArguments::default(), |_| Ok(rules(&ids, 1))));
    assert!(refused.contains("20001 rules"), "{refused}");
    put(&memory, &ChangeArguments::default(), |_| Ok(rules(&ids[..20_000], 1))).unwrap();
    assert_eq!(at_once(memory.pointer()).unwrap().sets[0].rules, 20_000);
}
