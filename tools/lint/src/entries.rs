//! Entries of one group against each other.

use super::{Linter, ReadEntry};

/// In larger groups entries are not compared pair by pair.
const MOST_ENTRIES: usize = 64;

pub(super) fn lint(linter: &mut Linter<'_>, group: &[ReadEntry<'_>]) {
    if group.len() > MOST_ENTRIES {
        return;
    }
    for entry in group {
        let hiding = group.iter().find(|other| other.index != entry.index && hides(other, entry));
        let Some(other) = hiding else { continue };
        let place = ["states".into(), entry.index.into()];
        if same(other, entry) {
            let message = format!("this entry for `{}` stands twice in the group", entry.entry.state);
            linter.warn(&place, "duplicate-entry", message);
            continue;
        }
        let why = if other.weight > entry.weight {
            format!("and has more weight ({} against {})", other.weight, entry.weight)
        } else {
            "and stands first with the same weight".to_owned()
        };
        let (hidden, shown) = (&entry.entry.state, &other.entry.state);
        let message =
            format!("`{hidden}` is never shown: whenever it is active, `{shown}` is active too {why}");
        let finding = linter.warn(&place, "hidden-state", message);
        finding.help = Some(if other.weight > entry.weight {
            "give it more weight than the other".to_owned()
        } else {
            "move the stricter condition up, or give it more weight".to_owned()
        });
    }
}

/// Whether the first outvotes the second whenever that is active.
fn hides(first: &ReadEntry<'_>, second: &ReadEntry<'_>) -> bool {
    #[allow(clippy::float_cmp, reason = "weights are equal only if they are written equal")]
    let tie = first.weight == second.weight && first.index < second.index;
    if !(first.weight > second.weight || tie) {
        return false;
    }
    let enters_first = first.for_ms() <= second.for_ms()
        && (first.entry.times.is_none()
            || (first.entry.times <= second.entry.times && first.simple_when == second.simple_when));
    let same_until = match (&first.simple_until, &second.simple_until) {
        (_, None) => true,
        (Some(first), Some(second)) => first.to_string() == second.to_string(),
        (None, Some(_)) => false,
    };
    if !enters_first || !same_until || first.keep_for_ms() < second.keep_for_ms() {
        return false;
    }
    if first.simple_when.to_string() == second.simple_when.to_string() {
        return true;
    }
    let (Some(first_true), Some(second_true)) = (&first.when_true, &second.when_true) else { return false };
    let (Some(first_false), Some(second_false)) = (&first.when_false, &second.when_false) else {
        return false;
    };
    // One that is never true is warned of as such.
    !second_true.is_empty() && second_true.is_within(first_true) && first_false.is_within(second_false)
}

fn same(first: &ReadEntry<'_>, second: &ReadEntry<'_>) -> bool {
    let text = |expr: &Option<andon_engine::expr::Expr>| expr.as_ref().map(ToString::to_string);
    first.entry.state == second.entry.state
        && first.simple_when.to_string() == second.simple_when.to_string()
        && text(&first.simple_until) == text(&second.simple_until)
}
