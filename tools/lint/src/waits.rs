//! `times` and `for` against their condition.

use andon_domain::Millis;

use super::{Linter, ReadEntry};
use andon_engine::expr::{ExprKind, walk};

/// Windows move on in steps of a sixtieth of their width.
const PANES: i64 = 60;

pub(super) fn lint(linter: &mut Linter<'_>, entry: &ReadEntry<'_>) {
    let mut names_tag = false;
    let mut timed = false;
    let mut widest_ms = 0;
    walk(&entry.when, &mut |node| match &node.kind {
        ExprKind::Tag(_) => names_tag = true,
        ExprKind::Aggregate { window_ms, .. } => {
            (names_tag, timed) = (true, true);
            widest_ms = widest_ms.max(*window_ms);
        }
        ExprKind::Absent { .. } => (names_tag, timed) = (true, true),
        _ => {}
    });
    match entry.entry.times {
        Some(times) if !names_tag => {
            let message = format!(
                "the state is never entered: `when` names no tag, so there are no {times} points to wait for"
            );
            linter.warn(&["times".into()], "times-without-tag", message);
        }
        Some(1) if !timed => {
            let message = "`times: 1` changes nothing: a condition becomes true by a point of its tags";
            linter.warn(&["times".into()], "times-without-effect", message);
        }
        _ => {}
    }
    let for_ms = entry.for_ms();
    if for_ms > 0 && widest_ms / PANES > for_ms {
        let message = format!(
            "`for: {}` is shorter than one step of the window `{}`, which moves on every `{}`",
            Millis(for_ms),
            Millis(widest_ms),
            Millis(widest_ms / PANES)
        );
        let finding = linter.warn(&["for".into()], "short-wait", message);
        finding.help = Some("wait longer, narrow the window, or leave `for` out".to_owned());
    }
}
