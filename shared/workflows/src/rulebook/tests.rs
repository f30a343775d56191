use super::*;

fn document(json: &str) -> RuleDocument {
    RuleDocument::from_json(json).unwrap()
}

fn model(id: &str, more: &str) -> String {
    format!(
        r#"{{"id":"{id}","inputs":[{{"name":"t","value":"t"}}],"every":"1m","endpoint":{{"name":"e"{more}}}}}"#
    )
}

fn models(models: &[String]) -> RuleDocument {
    document(&format!(r#"{{"models":[{}]}}"#, models.join(",")))
}

#[test]
fn models_that_were_added_removed_or_changed_differ_and_no_others() {
    let before = models(&[model("a", ""), model("b", ""), model("c", "")]);
    let after = models(&[model("a", ""), model("b", r#","rows":7"#), model("d", "")]);
    let put = compare(&before, &after);
    assert_eq!(put.models, ["b", "c", "d"]);
    assert!(!put.is_empty() && put.equipment.is_empty() && put.added.is_empty());
    assert!(compare(&before, &before).is_empty());
}

#[test]
fn another_order_of_models_is_a_difference() {
    // Bindings of one instant are evaluated in the order of the document.
    let before = models(&[model("a", ""), model("b", "")]);
    let after = models(&[model("b", ""), model("a", "")]);
    assert_eq!(compare(&before, &after).models, ["b", "a"]);
}

#[test]
fn machines_whose_attributes_were_added_removed_or_changed_differ_and_no_others() {
    let before = document(r#"{"equipment":{"a":{"x":1},"b":{"x":1},"c":{"x":1}}}"#);
    let after = document(r#"{"equipment":{"a":{"x":1},"b":{"x":2},"d":{"x":1}}}"#);
    let put = compare(&before, &after);
    assert_eq!(put.equipment, ["b", "c", "d"]);
    assert!(!put.is_empty() && put.models.is_empty());
}

#[test]
fn a_set_that_changes_rules_alone_lists_no_models() {
    let rule = r#"{"id":"r","groups":[{"id":"g","states":[{"state":"HOT","when":"t > 1"}]}]}"#;
    let before = models(&[model("a", "")]);
    let after = RuleDocument { rules: document(&format!(r#"{{"rules":[{rule}]}}"#)).rules, ..before.clone() };
    let put = compare(&before, &after);
    assert_eq!((put.added, put.models, put.equipment), (vec!["r".to_owned()], vec![], vec![]));
}
