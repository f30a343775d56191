//! Renders the summary of an import as plain text.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::MAX_REJECTIONS;
use crate::summary::{Summary, TagSummary};

/// Maximum entries shown of a list: a summary stays readable at a terminal.
const SHOWN: usize = 50;

impl Summary {
    /// Returns the summary as plain sentences, with times in UTC and a line feed at the end.
    pub fn text(&self) -> String {
        let mut text = Text(String::new());
        self.totals(&mut text);
        self.order(&mut text);
        self.assumptions(&mut text);
        self.names(&mut text);
        self.warnings(&mut text);
        self.rejections(&mut text);
        text.0
    }

    fn totals(&self, text: &mut Text) {
        let mut line = format!("{} from {}", count(self.points, "point"), count(self.rows, "row"));
        if self.lines != self.points {
            line.push_str(&format!(", in {}", count(self.lines, "line")));
        }
        if let (Some(first), Some(last)) = (self.first_ms, self.last_ms) {
            line.push_str(&format!(", from {} to {}", time(first), time(last)));
        }
        text.line(&(line + "."));
        let left_out: Vec<String> = [
            (self.rejected_rows, "row", "rejected"),
            (self.rejected_cells, "cell", "rejected"),
            (self.unselected_rows, "row", "of tags that were not selected"),
            (self.empty, "empty cell", ""),
            (self.no_value, "cell", "without a value"),
            (self.blank_rows, "blank row", ""),
        ]
        .iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, what, how)| format!("{} {how}", count(*number, what)).trim_end().to_owned())
        .collect();
        if left_out.is_empty() {
            text.line("Nothing was left out.");
        } else {
            text.line(&format!("Left out: {}.", left_out.join(", ")));
        }
    }

    fn order(&self, text: &mut Text) {
        if self.points == 0 {
            return;
        }
        match self.max_backward_line {
            None => text.line("The times of each machine never go backwards."),
            Some(line) => text.line(&format!(
                "The times of a machine go backwards in {}, by {} at most, on line {line}; \
                 a max_out_of_orderness of {} puts them all in order.",
                count(self.backward_rows, "row"),
                duration(self.max_backward_ms),
                duration(self.max_backward_ms),
            )),
        }
    }

    fn assumptions(&self, text: &mut Text) {
        if self.assumed.is_empty() {
            return;
        }
        text.line("Assumed:");
        for assumption in &self.assumed {
            text.item(&format!("{}: {}, because {}", assumption.what, assumption.taken, assumption.because));
        }
    }

    fn names(&self, text: &mut Text) {
        text.list(
            "Machines",
            self.machines.iter().map(|it| format!("{}: {}", it.name, count(it.points, "point"))),
        );
        if self.other_equipment_points > 0 {
            text.item(&format!(
                "further machines: {}, whose order in time was not checked",
                count(self.other_equipment_points, "point")
            ));
        }
        text.list("Tags", self.tags.iter().map(tag));
        if self.other_tag_points > 0 {
            text.item(&format!("further tags: {}", count(self.other_tag_points, "point")));
        }
    }

    fn warnings(&self, text: &mut Text) {
        let not_ok: u64 = self.qualities.iter().filter(|(quality, _)| *quality != "Ok").map(|(_, n)| n).sum();
        let not_ok = not_ok + self.other_quality_points;
        if not_ok > 0 {
            let list: Vec<_> = (self.qualities.iter())
                .map(|(quality, points)| format!("{quality} {points}"))
                .chain(
                    (self.other_quality_points > 0).then(|| format!("others {}", self.other_quality_points)),
                )
                .collect();
            text.line(&format!(
                "{} not of the quality Ok, so rules will not use them: {}.",
                are(not_ok, "point"),
                list.join(", ")
            ));
        }
        for tag in self.tags.iter().filter(|tag| tag.texts > 0 && tag.numbers > 0) {
            if let Some((line, first)) = &tag.first_text {
                text.line(&format!(
                    "The tag {} has numbers and {}; the first text is {first} on line {line}.",
                    tag.name,
                    count(tag.texts, "text")
                ));
            }
        }
        if self.decimal_points > 0 && self.decimal_commas > 0 {
            text.line(&format!(
                "There are {} with a point and {} with a comma; if one of them marks thousands, \
                 say which marks decimals with --decimal-comma.",
                count(self.decimal_points, "number"),
                count(self.decimal_commas, "number")
            ));
        }
        if self.arrived_early > 0 {
            text.line(&format!(
                "{} later than the arrival; such points count from their arrival.",
                verb(self.arrived_early, "time", "is", "are")
            ));
        }
        if self.gap_times > 0 {
            text.line(&format!(
                "{} in the gap where clocks are put forward; moved forward by its length.",
                verb(self.gap_times, "row", "lies", "lie")
            ));
        }
        if self.fold_times > 0 {
            text.line(&format!(
                "{} in the stretch that clocks repeat; taken for the first.",
                verb(self.fold_times, "row", "lies", "lie")
            ));
        }
        text.list("Columns not used", self.unused_columns.iter().cloned());
        text.list("Tags that never came", self.missing_tags.iter().cloned());
    }

    fn rejections(&self, text: &mut Text) {
        if self.rejected.is_empty() {
            return;
        }
        text.list("Rejected", self.rejected.iter().map(|(reason, n)| format!("{reason}: {n}")));
        let all: u64 = self.rejected.values().sum();
        if all > self.rejections.len() as u64 {
            text.line(&format!("The first {MAX_REJECTIONS}:"));
        } else {
            text.line("In full:");
        }
        for rejection in &self.rejections {
            text.item(&rejection.to_string());
        }
    }
}

struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn item(&mut self, item: &str) {
        self.line(&format!("  {item}"));
    }

    fn list(&mut self, title: &str, items: impl ExactSizeIterator<Item = String>) {
        let number = items.len();
        if number == 0 {
            return;
        }
        self.line(&format!("{title}:"));
        for item in items.take(SHOWN) {
            self.item(&item);
        }
        if number > SHOWN {
            self.item(&format!("and {} more", number - SHOWN));
        }
    }
}

fn tag(tag: &TagSummary) -> String {
    let mut parts = Vec::new();
    if let (Some(min), Some(max)) = (tag.min, tag.max) {
        parts.push(format!("{} from {} to {}", count(tag.numbers, "number"), number(min), number(max)));
    }
    for (number, what) in [(tag.booleans, "boolean"), (tag.texts, "text"), (tag.nulls, "null")] {
        if number > 0 {
            parts.push(count(number, what));
        }
    }
    if parts.is_empty() {
        parts.push("no points".to_owned());
    }
    let renamed =
        if tag.name == tag.column { String::new() } else { format!(" (in the file {})", tag.column) };
    format!("{}{renamed}: {}", tag.name, parts.join(", "))
}

/// Formats a number without a long row of zeros.
fn number(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-5..1e15).contains(&size) { format!("{number:e}") } else { number.to_string() }
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn verb(number: u64, what: &str, one: &str, many: &str) -> String {
    format!("{} {}", count(number, what), if number == 1 { one } else { many })
}

fn are(number: u64, what: &str) -> String {
    verb(number, what, "is", "are")
}

fn time(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S%.f UTC").to_string(),
        Err(_) => format!("{ms} ms"),
    }
}

/// Formats a duration as rule files do: `1h30m`.
fn duration(ms: u64) -> String {
    let mut rest = ms;
    let mut out = String::new();
    for (unit_ms, unit) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")] {
        if rest >= unit_ms {
            out.push_str(&format!("{}{unit}", rest / unit_ms));
            rest %= unit_ms;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}
