//! Tests of the importer on small CSV files.

mod bounds;
mod columns;
mod input;
mod records;
mod rows;
mod summary;
mod times;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use crate::{Field, ImportError, Options, Summary, import};

/// Options with the equipment `m`.
fn options() -> Options {
    Options { equipment: Some(Field::Constant("m".to_owned())), ..Options::default() }
}

fn run(csv: impl AsRef<[u8]>, options: &Options) -> Result<(Vec<serde_json::Value>, Summary), ImportError> {
    let mut out = Vec::new();
    let summary = import(csv.as_ref(), &mut out, options, &mut |_| {})?;
    Ok((parsed(&out), summary))
}

fn parsed(out: &[u8]) -> Vec<serde_json::Value> {
    let text = std::str::from_utf8(out).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The points as `timestamp equipment tag value`, and the summary.
fn points_of(csv: impl AsRef<[u8]>, options: &Options) -> (Vec<String>, Summary) {
    let (lines, summary) = run(csv, options).unwrap();
    let point = |it: &serde_json::Value| {
        let text = |key: &str| it[key].as_str().unwrap().to_owned();
        format!("{} {} {} {}", it["timestamp"], text("equipmentId"), text("tag"), it["value"])
    };
    (lines.iter().map(point).collect(), summary)
}

/// The values alone.
fn values_of(csv: impl AsRef<[u8]>, options: &Options) -> (Vec<String>, Summary) {
    let (lines, summary) = run(csv, options).unwrap();
    (lines.iter().map(|it| it["value"].to_string()).collect(), summary)
}

fn error_of(csv: impl AsRef<[u8]>, options: &Options) -> String {
    run(csv, options).unwrap_err().to_string()
}

fn assumed<'a>(summary: &'a Summary, what: &str) -> Option<&'a str> {
    summary.assumed.iter().find(|it| it.what == what).map(|it| it.taken.as_str())
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}
