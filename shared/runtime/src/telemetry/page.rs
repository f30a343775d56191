//! The tables of `docs/telemetry.md`.

use std::fmt::Write as _;

use andon_workflows::measures::Measure;

use super::measures::{EVERY, Function};

/// Ends a generated table.
const END: &str = "<!-- end of measures -->";

/// Returns a page with its tables of measures written anew: each between `<!-- measures of NAME -->` and
/// `<!-- end of measures -->`, where the name is that of a function or `every function`.
#[must_use]
pub(super) fn fill_tables(page: &str) -> String {
    let mut filled = String::with_capacity(page.len());
    let mut is_in_table = false;
    for line in page.lines() {
        let table = line
            .strip_prefix("<!-- measures of ")
            .and_then(|rest| rest.strip_suffix(" -->"))
            .and_then(measures_of);
        is_in_table &= line != END;
        if !is_in_table {
            filled.push_str(line);
            filled.push('\n');
        }
        if let Some(measures) = table {
            is_in_table = true;
            filled.push_str(&rows(measures));
        }
    }
    filled
}

fn measures_of(name: &str) -> Option<&'static [Measure]> {
    if name == "every function" {
        return Some(&EVERY);
    }
    Function::ALL.into_iter().find(|function| function.as_str() == name).map(Function::measures)
}

fn rows(measures: &[Measure]) -> String {
    let mut rows = String::from(
        "| name | unit | kind | level | meaning | when it rises |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for measure in measures {
        writeln!(
            rows,
            "| `{}` | {} | {} | {} | {} | {} |",
            measure.name,
            measure.unit.as_str(),
            if measure.metric { "metric" } else { "log" },
            measure.level.as_str(),
            measure.meaning.trim(),
            measure.when_it_rises
        )
        .unwrap();
    }
    rows
}
