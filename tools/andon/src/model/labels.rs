//! Labelled windows, and what rules made of them.

use std::collections::BTreeMap;
use std::path::Path;

use andon_domain::Transition;
use serde_json::Value;

use crate::failure::Failure;

/// A time in which something was wrong, ms; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
}

/// Reads windows: `[["2026-03-01 06:00:00", "2026-03-01 09:00:00"], ..]`, or such a list under the one name of an object, as
/// the Numenta Anomaly Benchmark has them. Times without a zone are UTC.
pub(super) fn read(path: &Path) -> Result<Vec<Window>, Failure> {
    let said =
        |what: &str| Failure::Message(format!("cannot read the windows of `{}`: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| said(&error.to_string()))?;
    parse(&text).map_err(|error| said(&error))
}

fn parse(text: &str) -> Result<Vec<Window>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let list = match &value {
        Value::Object(named) if named.len() == 1 => named.values().next().unwrap_or(&value),
        _ => &value,
    };
    let list = list.as_array().ok_or("expected a list of [from, to]")?;
    list.iter()
        .enumerate()
        .map(|(number, window)| {
            let ends = window.as_array().map(Vec::as_slice).unwrap_or_default();
            let [from, to] = ends else { return Err(format!("window {}: expected [from, to]", number + 1)) };
            let time = |value: &Value| {
                let text = value.as_str().unwrap_or_default();
                crate::times::day_or_time(text).map_err(|error| format!("window {}: {error}", number + 1))
            };
            Ok(Window { from_ms: time(from)?, to_ms: time(to)? })
        })
        .collect()
}

/// The verdict on a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Per window: when the rule rang first in it, ms; its beginning, where it was ringing already.
    pub(super) caught: Vec<Option<i64>>,
    /// Alarms that began outside all windows.
    pub(super) false_alarms: usize,
}

/// Judges a rule by its state changes, in the order of time per equipment. It rings while it is in a state for which `rings`.
pub(super) fn judge<'a>(
    transitions: impl Iterator<Item = &'a Transition>,
    windows: &[Window],
    end_ms: i64,
    rings: impl Fn(&str) -> bool,
) -> Verdict {
    let mut began: BTreeMap<&str, i64> = BTreeMap::new();
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for transition in transitions {
        let equipment = transition.equipment_id.as_str();
        match transition.to.as_deref().is_some_and(&rings) {
            true => {
                began.entry(equipment).or_insert(transition.at);
            }
            false => spans.extend(began.remove(equipment).map(|from_ms| (from_ms, transition.at))),
        }
    }
    spans.extend(began.into_values().map(|from_ms| (from_ms, end_ms)));
    let caught = windows
        .iter()
        .map(|window| {
            let in_it =
                spans.iter().filter(|(from_ms, to_ms)| *from_ms <= window.to_ms && *to_ms >= window.from_ms);
            in_it.map(|(from_ms, _)| (*from_ms).max(window.from_ms)).min()
        })
        .collect();
    let outside =
        |from_ms: i64| !windows.iter().any(|window| (window.from_ms..=window.to_ms).contains(&from_ms));
    let false_alarms = spans.iter().filter(|(from_ms, _)| outside(*from_ms)).count();
    Verdict { caught, false_alarms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read_as_lists_and_as_the_benchmark_has_them_and_an_error_names_the_window_number() {
        let windows = parse(r#"{"set.csv": [["1970-01-01 00:00:01.000000", "1970-01-01 00:00:02"]]}"#);
        assert_eq!(windows, Ok(vec![Window { from_ms: 1_000, to_ms: 2_000 }]));
        assert_eq!(parse(r#"[["1970-01-01", "1970-01-02"]]"#).map(|windows| windows.len()), Ok(1));
        assert!(parse(r#"[["1970-01-01"]]"#).is_err_and(|error| error == "window 1: expected [from, to]"));
        assert!(parse(r#"[["noon", "1970-01-02"]]"#).is_err_and(|error| error.starts_with("window 1: ")));
    }

    #[test]
    fn a_rule_is_judged_by_when_it_rings() {
        let change = |at: i64, to: &str| Transition {
            rule_id: "r".into(),
            rule_version: 1,
            equipment_id: "e".into(),
            sequence: 1,
            from: "".into(),
            to: Some(to.into()),
            at,
            group: None,
            explanation: None,
        };
        let changes = [
            change(5, "ALARM"),
            change(6, "OK"),
            change(8, "ALARM"),
            change(12, "OK"),
            change(15, "ALARM"),
            change(16, "OK"),
            change(40, "ALARM"),
        ];
        let windows = [(10, 20), (22, 30), (35, 50)].map(|(from_ms, to_ms)| Window { from_ms, to_ms });
        let verdict = judge(changes.iter(), &windows, 60, |state| state == "ALARM");
        assert_eq!(verdict, Verdict { caught: vec![Some(10), None, Some(40)], false_alarms: 2 });
    }
}
