//! The report for people.

use std::fmt::Write as _;

use super::{Report, States};
use crate::terminal::{Terminal, counted};
use crate::times::stamp;
use andon_domain::text::escape_control_chars;

/// Maximum machines that are named.
const NAMED: usize = 20;

pub(super) fn text(report: &Report, terminal: &Terminal) -> String {
    let mut text = String::new();
    for resource in &report.resources {
        line(&mut text, terminal, &resource.what, "as expected", &resource.wrong);
    }
    if report.rule_sets.is_empty() && report.failures.is_empty() {
        line(&mut text, terminal, "rules", "none yet", &[]);
    }
    for set in &report.rule_sets {
        let what = format!("rules from {} on", stamp(set.start));
        let well = format!("{}, all compile", counted(set.rules, "rule"));
        line(&mut text, terminal, &what, &well, &set.problems);
    }
    if let Some(states) = &report.states {
        self::states(&mut text, terminal, states);
    }
    for failure in &report.failures {
        line(&mut text, terminal, "cannot be looked at", "", std::slice::from_ref(failure));
    }
    let verdict = if report.ready {
        terminal.paint_result(&format!("andon {} can take over", report.version), "32")
    } else {
        let so = format!("andon {} cannot take over as it is: fix the marked findings first", report.version);
        terminal.paint_result(&so, "31")
    };
    let _ = writeln!(text, "\n{verdict}");
    text
}

fn states(text: &mut String, terminal: &Terminal, states: &States) {
    let mut well = format!("{} looked at, all can be read", counted(states.looked_at, "machine"));
    if states.more {
        well.push_str("; there are more (--states)");
    }
    if states.rewritten > 0 {
        let _ = write!(well, "; {} are written anew with their next record", states.rewritten);
    }
    if states.parked > 0 {
        let _ = write!(well, "; {} parked, as before", states.parked);
    }
    let named = states.unreadable.iter().take(NAMED);
    let mut wrong: Vec<String> =
        named.map(|state| format!("`{}` would be parked: {}", state.equipment_id, state.reason)).collect();
    if let Some(more) = states.unreadable.len().checked_sub(NAMED).filter(|more| *more > 0) {
        wrong.push(format!("and {more} more, of {} looked at", states.looked_at));
    }
    line(text, terminal, "states", &well, &wrong);
}

/// A line that says that something is well, or what is wrong with it.
fn line(text: &mut String, terminal: &Terminal, what: &str, well: &str, wrong: &[String]) {
    // Writing to a `String` cannot fail.
    if wrong.is_empty() {
        let _ = writeln!(
            text,
            "{}  {}: {well}",
            terminal.paint_result("ok   ", "32"),
            escape_control_chars(what)
        );
    }
    for wrong in wrong {
        let mark = terminal.paint_result("WRONG", "31");
        let _ = writeln!(text, "{mark}  {}: {}", escape_control_chars(what), escape_control_chars(wrong));
    }
}

#[cfg(test)]
mod tests {
    use andon_workflows::ports::SetRef;
    use andon_workflows::readiness::SetReadiness;

    use super::super::{Resource, RuleSet, Unreadable};
    use super::*;

    #[test]
    fn what_would_break_is_named_with_what_was_expected() {
        let unreadable = (0..21).map(|number| Unreadable {
            equipment_id: format!("filler-{number}"),
            reason: "the stored state has version 9; this program reads versions up to 1".to_owned(),
        });
        let mut report = Report {
            version: "1.2.3",
            resources: vec![
                Resource { what: "stream `andon-points`".to_owned(), wrong: vec![] },
                Resource {
                    what: "table `andon-state`".to_owned(),
                    wrong: vec!["it has no index `due`".to_owned()],
                },
            ],
            rule_sets: vec![RuleSet {
                start: 1_700_000_000_000,
                rules: 2,
                problems: vec!["unknown function `avrg`\u{1b}".to_owned()],
            }],
            states: Some(States {
                looked_at: 30,
                more: true,
                rewritten: 0,
                parked: 1,
                unreadable: unreadable.collect(),
            }),
            ..Report::default()
        };
        report.conclude();
        let terminal = Terminal::new(crate::terminal::ColorChoice::Never);
        let text = text(&report, &terminal);
        assert!(text.starts_with(
            "ok     stream `andon-points`: as expected\n\
             WRONG  table `andon-state`: it has no index `due`\n\
             WRONG  rules from 2023-11-14 22:13:20Z on: unknown function `avrg`"
        ));
        assert!(!text.contains('\u{1b}') && !text.contains("filler-20"), "{text}");
        assert!(text.contains("and 1 more, of 30 looked at"), "{text}");
        assert!(text.ends_with("\nandon 1.2.3 cannot take over as it is: fix the marked findings first\n"));
    }

    #[test]
    fn rules_that_need_a_model_need_a_queue_of_score_requests() {
        let set = |start_ms: i64| SetReadiness {
            set: SetRef { start_ms, digest: String::new(), written_ms: 0, rules: 1, note: String::new() },
            problems: vec![],
            endpoints: vec!["wear".to_owned()],
        };
        let mut report = Report::default();
        report.rule_sets(vec![set(1), set(2)], false);
        let problems: Vec<usize> = report.rule_sets.iter().map(|set| set.problems.len()).collect();
        assert_eq!(problems, [0, 1], "of the newest alone");
        assert!(report.rule_sets[1].problems[0].starts_with("they call `wear`, and there is no queue"));
        report.rule_sets(vec![set(1), set(2)], true);
        report.conclude();
        assert!(report.ready);
    }

    #[test]
    fn a_system_that_is_well_can_be_taken_over() {
        let mut report = Report { version: "1.2.3", ..Report::default() };
        report.conclude();
        let terminal = Terminal::new(crate::terminal::ColorChoice::Never);
        assert_eq!(text(&report, &terminal), "ok     rules: none yet\n\nandon 1.2.3 can take over\n");
    }
}
