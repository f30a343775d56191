//! The status as tables.

use std::fmt::Write as _;

use andon_workflows::status::{KeysStatus, RulesStatus, ShardStatus, SourceStatus, Status, TicksStatus};

use crate::live::table::{Cell, Table};
use crate::terminal::{Terminal, counted, grouped};
use crate::times::{length, stamp, stamp_near};
use andon_domain::text::escape_control_chars;

/// Rows of a table, unless all are wanted.
const ROWS: usize = 20;

/// Digits of a sequence number that tell one position from another.
const POSITION_DIGITS: usize = 12;

/// Later than this, ms, is worth a colour.
const LATE_MS: i64 = 60_000;

/// The whole page.
pub(super) fn text(status: &Status, all: bool, terminal: &Terminal) -> String {
    let mut page = String::new();
    let mut line = |title: &str, text: &str| {
        let _ = writeln!(page, "{}{text}", terminal.paint_result(&format!("{title:<11}"), "1"));
    };
    line("Stream", &format!("{}, at {}", escape_control_chars(&status.stream), stamp(status.now)));
    line("Watermark", &watermark(status, terminal));
    for (number, text) in rules(&status.rules, status.now).iter().enumerate() {
        line(if number == 0 { "Rules" } else { "" }, text);
    }
    if let Some(keys) = &status.keys {
        line("Machines", &machines(keys, terminal));
    }
    line("Ticks", &ticks(&status.ticks, status.now, terminal));
    for table in [
        shards(status, terminal),
        sources(status, all, terminal),
        rejected(status, terminal),
        status.keys.as_ref().map(|keys| parked(keys, status.now, all, terminal)).unwrap_or_default(),
    ] {
        if !table.is_empty() {
            page.push('\n');
            page.push_str(&table);
        }
    }
    page
}

fn watermark(status: &Status, terminal: &Terminal) -> String {
    let Some(watermark) = status.watermark else {
        let never = status.shards.iter().all(|shard| shard.written.is_none());
        return if never { "nothing has been read yet" } else { "none: no sender is active" }.to_owned();
    };
    let lag = late(status.now.saturating_sub(watermark), terminal);
    let bound = match status.parallelization_factor {
        0 | 1 => String::new(),
        factor => format!("; an upper bound, with parallelization factor {factor}"),
    };
    format!("{} ({lag} behind{bound})", stamp_near(watermark, status.now))
}

/// A length of time, in yellow where it is long.
fn late(ms: i64, terminal: &Terminal) -> String {
    let text = length(ms);
    if ms > LATE_MS { terminal.paint_result(&text, "33") } else { text }
}

fn rules(rules: &RulesStatus, now_ms: i64) -> Vec<String> {
    let noted = |note: &str| {
        if note.is_empty() { String::new() } else { format!(": {}", escape_control_chars(note)) }
    };
    let mut lines = Vec::new();
    match &rules.in_force {
        Some(set) => lines.push(format!(
            "{} since {}{}",
            counted(set.rules, "rule"),
            stamp_near(set.start, now_ms),
            noted(&set.note)
        )),
        None => lines.push("none in force (to put some: andon rules put FILE...)".to_owned()),
    }
    for set in &rules.next {
        lines.push(format!(
            "{} from {} on, in {}{}",
            counted(set.rules, "rule"),
            stamp_near(set.start, now_ms),
            length(set.start.saturating_sub(now_ms)),
            noted(&set.note)
        ));
    }
    lines
}

fn machines(keys: &KeysStatus, terminal: &Terminal) -> String {
    let mut text = grouped(keys.count);
    if !keys.parked.is_empty() {
        let parked = format!("{} parked", grouped(keys.parked.len() as u64));
        let _ = write!(text, ", {}", terminal.paint_result(&parked, "1;31"));
    }
    if !keys.failing.is_empty() {
        let names: Vec<String> = keys
            .failing
            .iter()
            .take(3)
            .map(|key| format!("`{}`", escape_control_chars(&key.equipment_id)))
            .collect();
        let more = if keys.failing.len() > 3 { ", .." } else { "" };
        let failing = format!("{} failing", grouped(keys.failing.len() as u64));
        let _ = write!(text, ", {} ({}{more})", terminal.paint_result(&failing, "33"), names.join(", "));
    }
    text
}

fn ticks(ticks: &TicksStatus, now_ms: i64, terminal: &Terminal) -> String {
    let mut text = match ticks.due_since {
        None => "none due".to_owned(),
        Some(since) => format!(
            "{}{} due, the longest for {}",
            grouped(ticks.due),
            if ticks.due_uncounted { " or more" } else { "" },
            late(now_ms.saturating_sub(since), terminal)
        ),
    };
    if ticks.under_way > 0 {
        let _ = write!(text, ", {} under way", grouped(ticks.under_way));
    }
    if let Some(since) = ticks.waiting_since {
        let _ = write!(text, ", the oldest sent {} ago", late(now_ms.saturating_sub(since), terminal));
    }
    if let Some(start) = ticks.announcing {
        let _ = write!(text, ", the rules of {} are being made known", stamp_near(start, now_ms));
    }
    text
}

fn shards(status: &Status, terminal: &Terminal) -> String {
    let mut table = Table::new([
        "SHARD",
        "STATE",
        "WATERMARK",
        "LAG>",
        "READ TO",
        "READ>",
        "POINTS>",
        "SENDERS>",
        "POSITION",
    ]);
    for shard in &status.shards {
        let ago = |at: Option<i64>| at.map(|at| length(status.now.saturating_sub(at))).unwrap_or_default();
        let near = |at: Option<i64>| at.map(|at| stamp_near(at, status.now)).unwrap_or_default();
        let lag_ms = shard.watermark.map(|watermark| status.now.saturating_sub(watermark));
        let read = ago(shard.written);
        table.row([
            Cell::from(&shard.shard),
            state(shard),
            near(shard.watermark).into(),
            Cell::styled(
                lag_ms.map(length).unwrap_or_default(),
                if shard.active && lag_ms.is_some_and(|lag_ms| lag_ms > LATE_MS) { "33" } else { "" },
            ),
            near(shard.arrival).into(),
            (if read.is_empty() { read } else { format!("{read} ago") }).into(),
            grouped(shard.points).into(),
            (match shard.sources {
                0 => String::new(),
                all => format!("{} of {}", grouped(shard.active_sources), grouped(all)),
            })
            .into(),
            shard.position.as_deref().map(position).unwrap_or_default().into(),
        ]);
    }
    if table.is_empty() { String::new() } else { table.text(terminal) }
}

fn state(shard: &ShardStatus) -> Cell {
    match shard {
        ShardStatus { open: false, .. } => Cell::styled("closed", "2"),
        ShardStatus { written: None, .. } => Cell::styled("not read yet", "33"),
        ShardStatus { active: true, .. } => Cell::styled("active", "32"),
        _ => Cell::styled("idle", "2"),
    }
}

/// The end of a sequence number.
fn position(number: &str) -> String {
    let skipped = number.chars().count().saturating_sub(POSITION_DIGITS);
    let end: String = number.chars().skip(skipped).collect();
    if skipped > 0 { format!("…{end}") } else { end }
}

fn sources(status: &Status, all: bool, terminal: &Terminal) -> String {
    let mut sources: Vec<&SourceStatus> = status.sources.iter().collect();
    // What is wrong comes first: who is behind, then who is silent.
    let newest = sources.iter().map(|source| source.mark).max().unwrap_or_default();
    if sources.len() > ROWS && !all {
        sources.sort_by_key(|source| (!source.active, source.mark));
    }
    let more = if all { 0 } else { sources.len().saturating_sub(ROWS) };
    sources.truncate(sources.len() - more);
    let mut table = Table::new(["SENDER", "STATE", "MARK", "BEHIND>", "HEARD>", "AHEAD>", "LATE>"]);
    for source in sources {
        let count = |count: u64| match count {
            0 => Cell::from("0"),
            count => Cell::styled(grouped(count), "33"),
        };
        table.row([
            if source.source.is_empty() {
                Cell::styled("(not named)", "2")
            } else {
                Cell::from(&source.source)
            },
            if source.active { Cell::styled("active", "32") } else { Cell::styled("idle", "2") },
            stamp_near(source.mark, status.now).into(),
            length(newest.saturating_sub(source.mark)).into(),
            format!("{} ago", length(status.now.saturating_sub(source.heard))).into(),
            count(source.ahead),
            count(source.late),
        ]);
    }
    cut(&table, more, "senders", terminal)
}

fn rejected(status: &Status, terminal: &Terminal) -> String {
    let mut table = Table::new(["REJECTED", "COUNT>", ""]);
    for (reason, count) in &status.rejected {
        let known = andon_domain::Reason::ALL.into_iter().find(|known| known.as_str() == reason);
        let meaning = known.map(crate::replay::meaning).unwrap_or_default();
        table.row([
            Cell::styled(reason, "33"),
            grouped(*count).into(),
            Cell::styled(if meaning.is_empty() { other_meaning(reason) } else { meaning }, "2"),
        ]);
    }
    cut(&table, 0, "", terminal)
}

/// Counts that a replay cannot have.
fn other_meaning(reason: &str) -> &'static str {
    match reason {
        "forged" => "ticks and scores that this system did not send",
        "undecodable" => "records that could not be unpacked",
        "too_large" => "records that are larger than a record may be",
        _ => "",
    }
}

fn parked(keys: &KeysStatus, now_ms: i64, all: bool, terminal: &Terminal) -> String {
    let more = if all { 0 } else { keys.parked.len().saturating_sub(ROWS) };
    let mut table = Table::new(["PARKED", "SINCE", "BATCHES>", "REASON"]);
    for key in keys.parked.iter().take(keys.parked.len() - more) {
        table.row([
            Cell::styled(&key.equipment_id, "31"),
            format!("{} ({} ago)", stamp_near(key.since, now_ms), length(now_ms.saturating_sub(key.since)))
                .into(),
            grouped(key.objects).into(),
            Cell::from(&key.reason),
        ]);
    }
    let mut text = cut(&table, more, "parked machines", terminal);
    if !keys.parked.is_empty() {
        text.push_str("When the cause is fixed: andon unpark EQUIPMENT, or andon unpark --all\n");
    }
    text
}

/// A table, and how much was left out; nothing where there is nothing.
fn cut<const N: usize>(table: &Table<N>, more: usize, what: &str, terminal: &Terminal) -> String {
    if table.is_empty() {
        return String::new();
    }
    let mut text = table.text(terminal);
    if more > 0 {
        let _ = writeln!(text, "and {} more {what} (--all shows them)", grouped(more as u64));
    }
    text
}
