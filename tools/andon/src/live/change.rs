//! A state change as one line.

use andon_domain::Transition;

use crate::reason::Reasons;
use crate::terminal::{Terminal, columns};
use crate::times::clock;
use andon_domain::text::escape_control_chars;

/// Widest column, in terminal columns: columns grow with their cells up to here.
const WIDEST: usize = 40;

/// Lines of state changes, with columns that fit together.
pub(super) struct Lines {
    reasons: Reasons,
    equipment: usize,
    rule: usize,
    change: usize,
    day: Option<i64>,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { reasons: Reasons::without_rules(), equipment: 12, rule: 16, change: 21, day: None }
    }

    /// The date of a change, where it is another one than that of the change before.
    pub(super) fn new_day(&mut self, change: &Transition) -> Option<String> {
        let day = change.at.div_euclid(86_400_000);
        if self.day == Some(day) {
            return None;
        }
        self.day = Some(day);
        let date = jiff::Timestamp::from_millisecond(change.at).ok()?.strftime("%A %Y-%m-%d");
        Some(format!("{date}, times in UTC:"))
    }

    /// As in `06:06:00  filler-1  filler-overheat  ACTIVE → WARNING  water_temperature 83.5 > 80; since 06:01:00`.
    pub(super) fn line(&mut self, change: &Transition, mark: &str, terminal: &Terminal) -> String {
        let (equipment, rule) =
            (escape_control_chars(&change.equipment_id), escape_control_chars(&change.rule_id));
        let from = escape_control_chars(&change.from);
        let to = change.to.as_deref().map_or_else(|| "removed".to_owned(), escape_control_chars);
        let room = |column: &mut usize, text: usize| {
            *column = (*column).max(text.min(WIDEST));
            " ".repeat(column.saturating_sub(text))
        };
        let equipment_room = room(&mut self.equipment, columns(&equipment));
        let rule_room = room(&mut self.rule, columns(&rule));
        let change_room = room(&mut self.change, columns(&from) + columns(&to) + 3);
        let reason = escape_control_chars(&self.reasons.text(change));
        let line = format!(
            "{}  {equipment}{equipment_room}  {}{rule_room}  {} → {}{change_room}  {}{}",
            clock(change.at),
            terminal.paint_result(&rule, "1"),
            terminal.paint_state(&from),
            terminal.paint_state(&to),
            terminal.paint_result(&reason, "2"),
            terminal.paint_result(mark, "33"),
        );
        format!("{}\n", line.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::ColorChoice;

    pub(crate) fn change(json: &str) -> Transition {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_change_is_one_line_with_its_reason() {
        let terminal = Terminal::new(ColorChoice::Never);
        let mut lines = Lines::new();
        let warning = change(
            r#"{"ruleId":"overheat","ruleVersion":1,"equipmentId":"filler-1","sequence":2,"from":"ACTIVE","to":"WARNING","at":21960000,
            "group":"thermal","explanation":{"when":"temperature > 80","since":21660000,
            "operands":[{"operand":"temperature","value":83.5,"at":1}]}}"#,
        );
        assert_eq!(lines.new_day(&warning).as_deref(), Some("Thursday 1970-01-01, times in UTC:"));
        assert_eq!(lines.new_day(&warning), None);
        assert_eq!(
            lines.line(&warning, "", &terminal),
            "06:06:00  filler-1      overheat          ACTIVE → WARNING       temperature 83.5 > 80; since 06:01:00\n"
        );
        let removed = change(
            r#"{"ruleId":"overheat","ruleVersion":1,"equipmentId":"a-long-name\u001b[31m","sequence":3,"from":"WARNING","to":null,"at":21960000,"group":null}"#,
        );
        assert_eq!(
            lines.line(&removed, "", &terminal),
            "06:06:00  a-long-name\\u{1b}[31m  overheat          WARNING → removed\n"
        );
        // The columns stay as wide as they have become.
        assert!(lines.line(&warning, "", &terminal).starts_with("06:06:00  filler-1               overheat"));
    }

    #[test]
    fn states_are_coloured_where_colour_is_wanted() {
        let removed = change(
            r#"{"ruleId":"r","ruleVersion":1,"equipmentId":"m","sequence":3,"from":"NORMAL","to":"ALARM","at":0,"group":null}"#,
        );
        let line = Lines::new().line(&removed, "", &Terminal::new(ColorChoice::Always));
        assert!(line.contains("\u{1b}[32mNORMAL\u{1b}[0m → \u{1b}[1;31mALARM\u{1b}[0m"), "{line}");
    }
}
