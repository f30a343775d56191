//! Looking at the rules of a running system: `list`, `get`, `history`.

use andon_domain::{ModelBinding, Rule, RuleDocument};
use andon_workflows::ports::{Clock, Pointer, RuleStore, RuleVersion, SetRef};
use andon_workflows::rulebook::{self, RuleVersionSpan};
use clap::ValueEnum;
use serde_json::Value;

use super::difference;
use crate::failure::Failure;
use crate::format::Format;
use crate::live::connection::{Connection, SystemArguments};
use crate::live::port_failure;
use crate::live::table::{Cell, Table};
use crate::terminal::{self, Terminal, counted};
use crate::times::{TimeArgument, length, stamp};
use andon_domain::text::escape_control_chars;

/// List the rules and models of a set.
#[derive(clap::Args)]
pub(super) struct ListArguments {
    /// The set that starts at this time, as `andon rules history` shows it [default: the newest].
    #[arg(long, value_name = "START", value_parser = TimeArgument::gone_by)]
    set: Option<TimeArgument>,
    #[command(flatten)]
    pub(super) system: SystemArguments,
}

/// Print rules and models as a file that can be edited and put again.
#[derive(clap::Args)]
pub(super) struct GetArguments {
    /// The ids of the rules [default: the whole set, with settings, models and attributes].
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// A model; may be given several times.
    #[arg(long = "model", value_name = "ID")]
    models: Vec<String>,
    /// Of the set that starts at this time, as `andon rules history` shows it [default: the newest].
    #[arg(long, value_name = "START", value_parser = TimeArgument::gone_by)]
    set: Option<TimeArgument>,
    /// The format of the file.
    #[arg(long, value_enum, default_value = "yaml", value_name = "FORMAT")]
    format: FileFormat,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// List the rule sets, or the versions of one rule or model, the newest first.
#[derive(clap::Args)]
pub(super) struct HistoryArguments {
    /// The id of a rule [default: the sets].
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// A model instead of a rule, as far back as there are sets.
    #[arg(long, value_name = "ID", conflicts_with = "id")]
    model: Option<String>,
    #[command(flatten)]
    pub(super) system: SystemArguments,
}

/// A format of rule files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    /// As people write them.
    Yaml,
    /// One JSON document.
    Json,
}

/// Characters of a description or note in a table.
const TEXT_CHARS: usize = 60;

pub(super) async fn list<P: RuleStore + Clock>(
    ports: &P,
    arguments: &ListArguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let now_ms = ports.now_ms();
    let (set, document) = set_of(ports, arguments.set, now_ms).await?;
    let Some(set) = set else {
        terminal.say("There are no rules yet. To put some: andon rules put FILE...");
        return if arguments.system.format.value == Format::Json {
            terminal::print("{\"start\":null,\"rules\":[],\"models\":[],\"equipment\":[]}\n")
        } else {
            Ok(())
        };
    };
    if arguments.system.format.value == Format::Json {
        let rules: Vec<serde_json::Value> = document
            .rules
            .iter()
            .map(|rule| {
                serde_json::json!({
                    "id": rule.id, "version": rule.version, "description": rule.description,
                    "equipment": rule.scope.equipment, "states": states(rule), "default": rule.default,
                })
            })
            .collect();
        let models: Vec<Value> = document.models.iter().map(listed).collect();
        let equipment: Vec<&String> = document.equipment.keys().collect();
        let set = serde_json::json!({
            "start": set.start_ms, "rules": rules, "models": models, "equipment": equipment,
        });
        return terminal::print(&format!("{set}\n"));
    }
    terminal.say(&format!("{}, {}{}", counted(set.rules, "rule"), started(&set, now_ms), noted(&set.note)));
    let mut table = Table::new(["RULE", "VERSION>", "EQUIPMENT", "STATES", "DESCRIPTION"]);
    for rule in &document.rules {
        table.row([
            Cell::styled(&rule.id, "1"),
            rule.version.to_string().into(),
            cut(&rule.scope.equipment.join(", "), TEXT_CHARS / 2).into(),
            cut(&states(rule).join(", "), TEXT_CHARS).into(),
            cut(rule.description.as_deref().unwrap_or_default(), TEXT_CHARS).into(),
        ]);
    }
    terminal::print(&format!("{}{}", table.text(terminal), others_text(&document, terminal)))
}

/// A model in a list for programs.
fn listed(model: &ModelBinding) -> Value {
    serde_json::json!({
        "id": model.id, "version": model.version, "description": model.description,
        "equipment": model.scope.equipment, "endpoint": model.endpoint.name,
        "inputs": model.inputs.iter().map(|input| &input.name).collect::<Vec<_>>(),
    })
}

/// Returns the parts of a set besides its rules.
fn others_text(document: &RuleDocument, terminal: &Terminal) -> String {
    let mut text = String::new();
    if !document.models.is_empty() {
        let mut table = Table::new(["MODEL", "VERSION>", "EQUIPMENT", "ENDPOINT", "ASKED", "DESCRIPTION"]);
        for model in &document.models {
            let asked = match (model.at_most_every, model.every) {
                (Some(period), _) => format!("on change, {period}"),
                (None, Some(period)) => format!("every {period}"),
                (None, None) => String::new(),
            };
            table.row([
                Cell::styled(&model.id, "1"),
                model.version.to_string().into(),
                cut(&model.scope.equipment.join(", "), TEXT_CHARS / 2).into(),
                cut(&model.endpoint.name, TEXT_CHARS / 2).into(),
                asked.into(),
                cut(model.description.as_deref().unwrap_or_default(), TEXT_CHARS).into(),
            ]);
        }
        text.push('\n');
        text.push_str(&table.text(terminal));
    }
    if !document.equipment.is_empty() {
        let machines = counted(document.equipment.len() as u64, "machine");
        text.push_str(&format!("\n{machines} with attributes\n"));
    }
    text
}

pub(super) async fn get<P: RuleStore + Clock>(
    ports: &P,
    arguments: &GetArguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let (_, mut document) = set_of(ports, arguments.set, ports.now_ms()).await?;
    if !arguments.ids.is_empty() || !arguments.models.is_empty() {
        let unknown = arguments.ids.iter().find(|id| document.rules.iter().all(|rule| rule.id != **id));
        if let Some(id) = unknown {
            let id = escape_control_chars(id);
            return Err(Failure::Message(format!(
                "the set has no rule `{id}` (`andon rules list` shows those it has)"
            )));
        }
        let unknown = arguments.models.iter().find(|id| document.models.iter().all(|model| model.id != **id));
        if let Some(id) = unknown {
            let id = escape_control_chars(id);
            return Err(Failure::Message(format!(
                "the set has no model `{id}` (`andon rules list` shows those it has)"
            )));
        }
        document.rules.retain(|rule| arguments.ids.contains(&rule.id));
        document.models.retain(|model| arguments.models.contains(&model.id));
        document.equipment.clear();
        document.settings = None;
    }
    if document == RuleDocument::default() {
        terminal.say("There are no rules yet. To put some: andon rules put FILE...");
    }
    terminal::print(&match arguments.format {
        FileFormat::Yaml => andon_rule_files::to_yaml(&document),
        FileFormat::Json => format!("{}\n", serde_json::to_string_pretty(&document)?),
    })
}

pub(super) async fn history<P: RuleStore + Clock>(
    ports: &P,
    arguments: &HistoryArguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let Some(id) = arguments.model.as_ref().or(arguments.id.as_ref()) else {
        let pointer = ports.pointer().await.map_err(port_failure)?;
        return match arguments.system.format.value {
            Format::Text => terminal::print(&sets_text(&pointer, ports.now_ms(), terminal)),
            Format::Json => {
                let line = |set: &SetRef| serde_json::json!({"start": set.start_ms, "written": set.written_ms, "rules": set.rules, "note": set.note});
                let lines: Vec<String> =
                    pointer.sets.iter().rev().map(|set| format!("{}\n", line(set))).collect();
                terminal::print(&lines.concat())
            }
        };
    };
    let what = if arguments.model.is_some() { "model" } else { "rule" };
    let versions = match &arguments.model {
        Some(id) => rulebook::model_history(ports, id).await,
        None => rulebook::history(ports, id).await,
    };
    let versions = versions.map_err(port_failure)?;
    if versions.is_empty() {
        return Err(Failure::Message(format!(
            "there has never been a {what} `{}`",
            escape_control_chars(id)
        )));
    }
    match arguments.system.format.value {
        Format::Text => terminal::print(&versions_text(&versions, terminal)),
        Format::Json => {
            let mut text = String::new();
            for RuleVersionSpan { start_ms, version } in versions.iter().rev() {
                let document: Option<serde_json::Value> =
                    version.document.as_deref().map(serde_json::from_str).transpose()?;
                let line = serde_json::json!({"start": start_ms, "note": version.note, what: document});
                text.push_str(&format!("{line}\n"));
            }
            terminal::print(&text)
        }
    }
}

/// The set that was asked for, the newest if none was; and its document.
async fn set_of<P: RuleStore>(
    ports: &P,
    wanted: Option<TimeArgument>,
    now_ms: i64,
) -> Result<(Option<SetRef>, RuleDocument), Failure> {
    let Pointer { sets, .. } = ports.pointer().await.map_err(port_failure)?;
    let set = match wanted {
        None => sets.last(),
        Some(start) => {
            let start_ms = start.ms(now_ms);
            let same = |set: &&SetRef| set.start_ms.div_euclid(1000) == start_ms.div_euclid(1000);
            let exact = sets.iter().find(|set| set.start_ms == start_ms);
            Some(exact.or_else(|| sets.iter().find(same)).ok_or_else(|| {
                let start = stamp(start_ms);
                Failure::Message(format!(
                    "no rule set starts at {start} (`andon rules history` shows when they do)"
                ))
            })?)
        }
    };
    match set {
        None => Ok((None, RuleDocument::default())),
        Some(set) => Ok((Some(set.clone()), rulebook::document(ports, set).await.map_err(port_failure)?)),
    }
}

fn started(set: &SetRef, now_ms: i64) -> String {
    let ago_ms = now_ms.saturating_sub(set.start_ms);
    if ago_ms >= 0 {
        format!("since {} ({} ago)", stamp(set.start_ms), length(ago_ms))
    } else {
        format!("from {} on (in {})", stamp(set.start_ms), length(ago_ms.saturating_neg()))
    }
}

fn noted(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!(": {}", escape_control_chars(note)) }
}

/// The states that a rule can be in, each once, its default last.
fn states(rule: &Rule) -> Vec<&str> {
    let mut states: Vec<&str> = Vec::new();
    let named = rule.groups.iter().flat_map(|group| {
        group.states.iter().map(|entry| entry.state.as_str()).chain(group.otherwise.as_deref())
    });
    for state in named.chain([rule.default.as_str()]) {
        if !states.contains(&state) {
            states.push(state);
        }
    }
    states
}

fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}

fn sets_text(pointer: &Pointer, now_ms: i64, terminal: &Terminal) -> String {
    if pointer.sets.is_empty() {
        return "There are no rules yet. To put some: andon rules put FILE...\n".to_owned();
    }
    let in_force = pointer.start_of_due(now_ms);
    let mut table = Table::new(["START", "", "RULES>", "PUT", "NOTE"]);
    for set in pointer.sets.iter().rev() {
        let mark = if set.start_ms == in_force {
            Cell::styled("in force", "32")
        } else if set.start_ms > now_ms {
            Cell::styled(format!("in {}", length(set.start_ms.saturating_sub(now_ms))), "33")
        } else {
            Cell::default()
        };
        table.row([
            stamp(set.start_ms).into(),
            mark,
            set.rules.to_string().into(),
            stamp(set.written_ms).into(),
            cut(&set.note, TEXT_CHARS).into(),
        ]);
    }
    table.text(terminal)
}

/// The versions of a rule or a model, the newest first, each with what differs from the one before.
fn versions_text(versions: &[RuleVersionSpan], terminal: &Terminal) -> String {
    let document =
        |version: &RuleVersion| -> Option<Value> { serde_json::from_str(version.document.as_deref()?).ok() };
    let number = |document: &Value| document.get("version").cloned().unwrap_or_else(|| 1.into());
    let mut lines = Vec::new();
    let mut before: Option<Value> = None;
    for RuleVersionSpan { start_ms, version } in versions {
        let now = document(version);
        let (what, differences) = match (&before, &now) {
            (None, Some(now)) => (format!("added, version {}", number(now)), Vec::new()),
            (Some(before), Some(now)) => {
                (format!("changed, version {}", number(now)), difference::between(before, now))
            }
            (_, None) => ("removed".to_owned(), Vec::new()),
        };
        let mut text = format!("{}  {what}{}\n", stamp(*start_ms), noted(&version.note));
        for difference in differences {
            text.push_str(
                &terminal.paint_result(&format!("      {}", escape_control_chars(&difference)), "2"),
            );
            text.push('\n');
        }
        lines.push(text);
        before = now;
    }
    lines.reverse();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::ColorChoice;

    fn document(rows: u32) -> RuleDocument {
        let json = format!(
            r#"{{"equipment":{{"e":{{"limit":1}}}},"models":[{{"id":"wear","scope":{{"equipment":"press-*"}},
            "inputs":[{{"name":"t","value":"t"}}],"every":"1m","endpoint":{{"name":"x","rows":{rows}}}}}]}}"#
        );
        RuleDocument::from_json(&json).unwrap()
    }

    #[test]
    fn models_and_attributes_are_listed_below_the_rules() {
        let terminal = Terminal::new(ColorChoice::Never);
        let text = others_text(&document(1), &terminal);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[2], ["wear", "1", "press-*", "x", "every", "1m"]);
        assert!(text.ends_with("\n1 machine with attributes\n"), "{text}");
        assert_eq!(others_text(&RuleDocument::default(), &terminal), "");
    }

    #[test]
    fn the_versions_of_a_model_are_shown_with_their_differences() {
        let version = |start_ms: i64, document: Option<RuleDocument>| {
            let document = document.map(|document| serde_json::to_string(&document.models[0]).unwrap());
            let (id, set, note) = ("wear".to_owned(), Some("digest".to_owned()), String::new());
            RuleVersionSpan {
                start_ms,
                version: RuleVersion { id, number: start_ms - 10, set, document, note },
            }
        };
        let versions = [version(0, Some(document(1))), version(1000, Some(document(7))), version(2000, None)];
        let expected = "\
1970-01-01 00:00:02Z  removed
1970-01-01 00:00:01Z  changed, version 1
      endpoint.rows: 1 -> 7
1970-01-01 00:00:00Z  added, version 1
";
        assert_eq!(versions_text(&versions, &Terminal::new(ColorChoice::Never)), expected);
    }
}
