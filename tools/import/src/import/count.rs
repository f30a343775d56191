//! Counts rows, cells and points for the summary.

use std::io::Write;

use super::Importer;
use crate::MAX_SUMMARY_NAMES;
use crate::summary::{Assumption, Equipment, Summary};

/// The summary tells about this many qualities one by one.
const MAX_QUALITIES: usize = 64;

impl<W: Write> Importer<'_, W> {
    pub(super) fn count_quality(&mut self, quality: &str, points: u64) {
        let qualities = &mut self.summary.qualities;
        if let Some(count) = qualities.get_mut(quality) {
            *count += points;
        } else if qualities.len() < MAX_QUALITIES {
            qualities.insert(quality.to_owned(), points);
        } else {
            self.summary.other_quality_points += points;
        }
    }

    pub(super) fn count_time(&mut self, line: u64, name: &str, ms: i64, points: u64) {
        let summary = &mut self.summary;
        summary.first_ms = Some(summary.first_ms.map_or(ms, |first| first.min(ms)));
        summary.last_ms = Some(summary.last_ms.map_or(ms, |last| last.max(ms)));
        let same =
            self.equipment.and_then(|at| summary.machines.get(at)).is_some_and(|last| last.name == name);
        if !same {
            self.equipment = self.machines.get(name).copied();
            if self.equipment.is_none() && summary.machines.len() < MAX_SUMMARY_NAMES {
                self.equipment = Some(summary.machines.len());
                self.machines.insert(name.to_owned(), summary.machines.len());
                summary.machines.push(Equipment { name: name.to_owned(), points: 0, last_ms: ms });
            }
        }
        let Some(equipment) = self.equipment.and_then(|at| summary.machines.get_mut(at)) else {
            summary.other_equipment_points += points;
            return;
        };
        equipment.points += points;
        if ms < equipment.last_ms {
            summary.backward_rows += 1;
            let back = equipment.last_ms.abs_diff(ms);
            if back > summary.max_backward_ms {
                summary.max_backward_ms = back;
                summary.max_backward_line = Some(line);
            }
        } else {
            equipment.last_ms = ms;
        }
    }

    pub(super) fn summarise(mut self) -> Summary {
        for (what, reader) in [("time format", &self.time), ("arrival format", &self.arrival)] {
            if let Some((taken, first)) = reader.found() {
                let because = format!("the first one is `{first}`");
                self.summary.assumed.push(Assumption { what, taken, because });
            }
        }
        if self.zone_used || self.summary.gap_times + self.summary.fold_times > 0 {
            let because = "the times do not say their zone".to_owned();
            self.assume("zone", self.options.zone.to_string(), because);
        }
        let seen = self.cells.seen();
        self.summary.decimal_points = seen.points;
        self.summary.decimal_commas = seen.commas;
        self.summary.machines.sort_by(|a, b| a.name.cmp(&b.name));
        self.summary.missing_tags = self.tags.missing(self.options);
        self.summary.tags = self.tags.into_summaries();
        self.summary
    }
}
