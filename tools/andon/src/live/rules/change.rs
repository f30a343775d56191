//! Changing the rules of a running system: `put` and `delete`.

use std::collections::{BTreeMap, BTreeSet};

use andon_domain::{Finding, PathSegment, Rule, RuleDocument, Settings};
use andon_workflows::ports::{CheckpointStore, Clock, RuleStore, Stream};
use andon_workflows::rulebook::{self, Change, Current, KeepSets, PutError, PutSummary};

use super::difference;
use crate::failure::Failure;
use crate::format::Format;
use crate::live::connection::SystemArguments;
use crate::live::port_failure;
use crate::terminal::{Terminal, grouped};
use crate::times::{TimeArgument, length, stamp};
use andon_domain::text::escape_control_chars;

/// The options of a change.
#[derive(clap::Args, Debug, Default)]
pub(super) struct ChangeArguments {
    /// The author or reason of the change; `andon rules history` shows it.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
    /// When it takes effect: a time, or `+10m` from now [default: about 11 s after it is written].
    #[arg(long, value_name = "TIME|+DURATION", value_parser = TimeArgument::to_come)]
    start: Option<TimeArgument>,
    /// Only show what would change.
    #[arg(long)]
    dry_run: bool,
    /// Wait until it takes effect.
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
    #[command(flatten)]
    pub(super) system: SystemArguments,
}

/// Most lines of one kind of difference.
const LINES: usize = 20;

/// Most differences shown of one rule.
const DIFFERENCES: usize = 6;

/// Longest note, in bytes: the notes of all sets stand in one item.
const NOTE_BYTES: usize = 200;

/// The current rules, models and attributes with those of a file in the place of theirs, and new ones at the end.
pub(super) fn merged(current: &RuleDocument, files: RuleDocument) -> RuleDocument {
    let mut equipment = current.equipment.clone();
    equipment.extend(files.equipment);
    RuleDocument {
        settings: files.settings.or(current.settings),
        equipment,
        models: replaced(&current.models, files.models, |model| &model.id),
        rules: replaced(&current.rules, files.rules, |rule| &rule.id),
    }
}

/// Items with others of the same id in their place, and the other new ones at the end.
fn replaced<T: Clone>(current: &[T], others: Vec<T>, id: impl Fn(&T) -> &String) -> Vec<T> {
    let mut new: BTreeMap<String, T> = BTreeMap::new();
    let mut order = Vec::new();
    for item in others {
        order.push(id(&item).clone());
        new.insert(id(&item).clone(), item);
    }
    let mut items: Vec<T> =
        current.iter().map(|item| new.remove(id(item)).unwrap_or_else(|| item.clone())).collect();
    items.extend(order.iter().filter_map(|id| new.remove(id)));
    items
}

/// The ids to remove.
#[derive(Debug, Default)]
pub(super) struct Removal<'a> {
    pub(super) rules: &'a [String],
    pub(super) models: &'a [String],
    /// The machines whose attributes are removed.
    pub(super) equipment: &'a [String],
}

/// The current set without some.
pub(super) fn without(current: &RuleDocument, removal: &Removal<'_>) -> Result<RuleDocument, Failure> {
    let rules: BTreeSet<&str> = current.rules.iter().map(|rule| rule.id.as_str()).collect();
    let models: BTreeSet<&str> = current.models.iter().map(|model| model.id.as_str()).collect();
    let equipment: BTreeSet<&str> = current.equipment.keys().map(String::as_str).collect();
    // A rule and a model may have one name: which is meant has to be said.
    let hint = removal.rules.iter().find(|id| !rules.contains(id.as_str()) && models.contains(id.as_str()));
    let hint = hint.map(|id| format!("; `{0}` is a model: `--model {0}`", escape_control_chars(id)));
    known(removal.rules, &rules, ["rule", "rules"], hint.unwrap_or_default())?;
    known(removal.models, &models, ["model", "models"], String::new())?;
    known(removal.equipment, &equipment, ["machine", "machines"], String::new())?;
    let mut document = current.clone();
    document.rules.retain(|rule| !removal.rules.contains(&rule.id));
    document.models.retain(|model| !removal.models.contains(&model.id));
    document.equipment.retain(|id, _| !removal.equipment.contains(id));
    Ok(document)
}

/// Refuses ids that are not there.
fn known(ids: &[String], known: &BTreeSet<&str>, nouns: [&str; 2], hint: String) -> Result<(), Failure> {
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let strangers: Vec<String> =
        ids.difference(known).map(|id| format!("`{}`", escape_control_chars(id))).collect();
    let [one, many] = nouns;
    let (noun, verb) = match strangers.len() {
        0 => return Ok(()),
        1 => (one, "is"),
        _ => (many, "are"),
    };
    Err(Failure::Message(format!(
        "the {noun} {} {verb} not in the set; nothing was deleted (`andon rules list` shows those that are){hint}",
        strangers.join(", ")
    )))
}

/// Makes a set of the current one, shows what differs, and puts it.
pub(super) async fn change<P: RuleStore + CheckpointStore + Stream + Clock>(
    ports: &P,
    change: &ChangeArguments,
    keep: KeepSets,
    terminal: &Terminal,
    make: impl FnOnce(&RuleDocument) -> Result<RuleDocument, Failure>,
) -> Result<(), Failure> {
    if change.note.len() > NOTE_BYTES {
        let length = change.note.len();
        return Err(Failure::Usage(format!(
            "the note is {length} bytes long; expected at most {NOTE_BYTES}"
        )));
    }
    let current = rulebook::current(ports).await.map_err(port_failure)?;
    let document = make(&current.document)?;
    let difference = rulebook::compare(&current.document, &document);
    let now_ms = ports.now_ms();
    clock_fits(ports, now_ms).await?;
    if change.system.format.value == Format::Text {
        crate::terminal::print(&differences(&current.document, &document, &difference, terminal))?;
    }
    // The first set is put even if it is empty.
    let empty = difference.is_empty() && !current.pointer.sets.is_empty();
    if change.dry_run || empty {
        if change.system.format.value == Format::Json {
            crate::terminal::print(&json(&difference, None))?;
        }
        terminal.say(if empty { "Nothing differs: nothing to put." } else { "Nothing was put (--dry-run)." });
        return Ok(());
    }
    let start_ms = change.start.map(|start| match start {
        TimeArgument::At(ms) => ms,
        // A whole second, so that it can be named.
        TimeArgument::FromNow(_) => {
            start.ms(now_ms).saturating_add(999).div_euclid(1000).saturating_mul(1000)
        }
    });
    let differing = difference.added.len() + difference.changed.len() + difference.removed.len();
    let bar = terminal.steps(differing as u64);
    bar.set_message("rules written");
    let told = |done: usize| bar.set_position(done as u64);
    let wanted = Change { start_ms, note: &change.note, keep, on_progress: &told };
    let put = rulebook::replace(ports, &current, &document, wanted).await;
    bar.finish_and_clear();
    let put = put.map_err(|error| failure(error, &current, &document, now_ms))?;
    if change.system.format.value == Format::Json {
        crate::terminal::print(&json(&put, Some(put.start_ms)))?;
    }
    let in_ms = put.start_ms.saturating_sub(ports.now_ms());
    let takes = format!("Takes effect at {}, in {}", stamp(put.start_ms), length(in_ms));
    terminal.say(&format!("{takes}: for each machine with its first record from then on."));
    if change.wait {
        ports.sleep_ms(u64::try_from(in_ms).unwrap_or_default()).await;
        terminal.say("It is in force.");
    }
    Ok(())
}

/// A set that starts in the past of the stream would not be seen by all: this machine's clock must not be behind.
async fn clock_fits<P: CheckpointStore + Stream>(ports: &P, now_ms: i64) -> Result<(), Failure> {
    let checkpoints = ports.checkpoints(ports.stream_name()).await.map_err(port_failure)?;
    let newest_ms = checkpoints.iter().map(|(_, checkpoint)| checkpoint.arrival_ms).max().unwrap_or(now_ms);
    let behind_ms = newest_ms.saturating_sub(now_ms);
    if behind_ms > 2_000 {
        return Err(Failure::Message(format!(
            "this machine's clock is at least {} behind the stream's; set it right first, or the rules would start in the \
             past",
            length(behind_ms)
        )));
    }
    Ok(())
}

/// Returns the differences, with at least one line for each rule.
fn differences(before: &RuleDocument, after: &RuleDocument, put: &PutSummary, terminal: &Terminal) -> String {
    let rules = |document: &'_ RuleDocument| -> BTreeMap<String, Rule> {
        document.rules.iter().map(|rule| (rule.id.clone(), rule.clone())).collect()
    };
    let (old, new) = (rules(before), rules(after));
    let mut text = String::new();
    let mut lines = |ids: &[String], mark: &str, style: &str, told: &dyn Fn(&str) -> Vec<String>| {
        for id in ids.iter().take(LINES) {
            text.push_str(&terminal.paint_result(&format!("{mark} {}", escape_control_chars(id)), style));
            let mut told = told(id);
            let more = told.len().saturating_sub(DIFFERENCES);
            told.truncate(DIFFERENCES);
            if more > 0 {
                told.push(format!("and {more} more"));
            }
            for line in told {
                text.push_str(&format!("\n      {}", escape_control_chars(&line)));
            }
            text.push('\n');
        }
        if ids.len() > LINES {
            let more = grouped((ids.len() - LINES) as u64);
            text.push_str(&terminal.paint_result(&format!("{mark} and {more} more"), style));
            text.push('\n');
        }
    };
    lines(&put.removed, "-", "31", &|_| Vec::new());
    lines(&put.changed, "~", "33", &|id| match (old.get(id), new.get(id)) {
        (Some(old), Some(new)) => difference::between(old, new),
        _ => Vec::new(),
    });
    lines(&put.added, "+", "32", &|_| Vec::new());
    if put.settings_changed {
        let settings = |document: &RuleDocument| -> Settings { document.settings.unwrap_or_default() };
        lines(&["settings".to_owned()], "~", "33", &|_| {
            difference::between(&settings(before), &settings(after))
        });
    }
    let model =
        |document: &RuleDocument, id: &str| document.models.iter().find(|model| model.id == id).cloned();
    let mut named = |what: &str, ids: &[String], told: &dyn Fn(&str) -> Vec<String>| {
        let ids: Vec<String> = ids.iter().map(|id| format!("{what} {id}")).collect();
        lines(&ids, "~", "33", &|id| told(id.get(what.len() + 1..).unwrap_or_default()));
    };
    named("model", &put.models, &|id| came_or_went(model(before, id), model(after, id)));
    named("equipment", &put.equipment, &|id| came_or_went(before.equipment.get(id), after.equipment.get(id)));
    let same = after.rules.len() - put.added.len() - put.changed.len();
    text.push_str(&format!(
        "{} added, {} changed, {} removed, {} unchanged\n",
        grouped(put.added.len() as u64),
        grouped(put.changed.len() as u64),
        grouped(put.removed.len() as u64),
        grouped(same as u64)
    ));
    text
}

/// Returns the difference between two forms of an item, either of which may be absent.
fn came_or_went<T: serde::Serialize>(before: Option<T>, after: Option<T>) -> Vec<String> {
    match (before, after) {
        (Some(before), Some(after)) => difference::between(&before, &after),
        (None, Some(_)) => vec!["added".to_owned()],
        (Some(_), None) => vec!["removed".to_owned()],
        (None, None) => Vec::new(),
    }
}

fn json(put: &PutSummary, start_ms: Option<i64>) -> String {
    let value = serde_json::json!({
        "start": start_ms,
        "added": put.added,
        "changed": put.changed,
        "removed": put.removed,
        "settingsChanged": put.settings_changed,
        "models": put.models,
        "equipment": put.equipment,
    });
    format!("{value}\n")
}

/// Makes a failure of the reason why nothing was put, with advice.
fn failure(error: PutError, current: &Current, document: &RuleDocument, now_ms: i64) -> Failure {
    Failure::Message(match error {
        PutError::Invalid(findings) => {
            let lines: Vec<String> = findings
                .iter()
                .take(LINES)
                .map(|finding| format!("\n  {}", located(finding, document)))
                .collect();
            format!("together with the rules that are there already, the set is not valid:{}", lines.concat())
        }
        PutError::TooEarly { start_ms, earliest_ms } => {
            let last_ms = current.pointer.sets.last().map(|set| set.start_ms);
            let why = match last_ms {
                Some(last_ms) if last_ms >= start_ms && last_ms > now_ms => {
                    format!(
                        "the newest set starts only at {}, and sets take effect one after the other",
                        stamp(last_ms)
                    )
                }
                _ => "every function must know a set before it starts".to_owned(),
            };
            format!(
                "the set cannot start at {}: {why}; expected {} or later",
                stamp(start_ms),
                stamp(earliest_ms.saturating_add(999))
            )
        }
        PutError::TooSlow { .. } => {
            "nothing was put: writing the rules took longer than their start allows; give them more time, such as \
             `--start +5m`, or leave the start out: then they start as soon as they are written"
                .to_owned()
        }
        PutError::Late { start_ms } => format!(
            "the set was put, but only after its start at {}: batches under way may have missed it; put it once more with a \
             changed description or version, so that every equipment takes it up",
            stamp(start_ms)
        ),
        PutError::Conflict => {
            "nothing was put: a concurrent change of the rules came first; look at it \
                               (`andon rules history`), then do it again"
                .to_owned()
        }
        PutError::Port(error) => return port_failure(error),
        other => other.to_string(),
    })
}

/// A finding with the id of its rule in the place of its number.
fn located(finding: &Finding, document: &RuleDocument) -> String {
    let mut finding = finding.clone();
    let id = match finding.path.as_slice() {
        [PathSegment::Key(top), PathSegment::Item(number), ..] if top == "rules" => {
            document.rules.get(*number).map(|rule| rule.id.clone())
        }
        _ => None,
    };
    match id {
        Some(id) => {
            finding.path.drain(..2);
            format!("rule `{}`: {}", escape_control_chars(&id), escape_control_chars(&finding.to_string()))
        }
        None => escape_control_chars(&finding.to_string()),
    }
}

#[cfg(test)]
mod tests;
