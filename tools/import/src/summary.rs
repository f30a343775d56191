//! The summary of an import: counts, assumptions and rejections.

use std::collections::BTreeMap;

use crate::reject::{Reason, Rejection};

/// A summary of an import: counts of rows and points, rejections with their reasons, and assumptions.
///
/// Each row that is not blank is rejected, or not selected (long layout), or used; each selected cell of a row in use
/// is a point, or empty, or without a value, or rejected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Rows after the header, without blank ones.
    pub rows: u64,
    /// Rows of nothing but separators.
    pub blank_rows: u64,
    /// Rows of which nothing could be used.
    pub rejected_rows: u64,
    /// Cells that could not be used, in rows that otherwise could (wide layout).
    pub rejected_cells: u64,
    /// Rows of tags that were not selected (long layout).
    pub unselected_rows: u64,
    /// Points written.
    pub points: u64,
    /// Lines written: as many as points, or fewer with [`snapshot`](crate::Options::snapshot).
    pub lines: u64,
    /// Cells with nothing in them.
    pub empty: u64,
    /// Cells with a null word that were not written.
    pub no_value: u64,
    /// Rows and cells rejected, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// The first [`MAX_REJECTIONS`](crate::MAX_REJECTIONS) of them.
    pub rejections: Vec<Rejection>,
    /// The least time of a point, in milliseconds since the epoch.
    pub first_ms: Option<i64>,
    /// The greatest time of a point, in milliseconds since the epoch.
    pub last_ms: Option<i64>,
    /// Rows whose time was before that of an earlier row of the same equipment.
    pub backward_rows: u64,
    /// The greatest step backward, in milliseconds. A `max_out_of_orderness` of this value puts all points in order.
    pub max_backward_ms: u64,
    /// The line of the greatest step backward.
    pub max_backward_line: Option<u64>,
    /// Rows that say that they arrived before their own time.
    pub arrived_early: u64,
    /// Times in the gap where clocks are put forward; each was moved forward by the length of the gap.
    pub gap_times: u64,
    /// Times that occur twice where clocks are put back; each was taken for the first.
    pub fold_times: u64,
    /// Numbers with a decimal point.
    pub decimal_points: u64,
    /// Numbers with a decimal comma.
    pub decimal_commas: u64,
    /// The tags: in the order of the columns, or by name (long layout).
    pub tags: Vec<TagSummary>,
    /// Points of tags beyond those.
    pub other_tag_points: u64,
    /// The machines, by name.
    pub machines: Vec<Equipment>,
    /// Points of further machines, whose order in time was not checked.
    pub other_equipment_points: u64,
    /// Points by quality.
    pub qualities: BTreeMap<String, u64>,
    /// Points of qualities beyond those.
    pub other_quality_points: u64,
    /// Settings that the options left open, as the import assumed them.
    pub assumed: Vec<Assumption>,
    /// Columns of which nothing was used.
    pub unused_columns: Vec<String>,
    /// Tags named in the options that never came (long layout).
    pub missing_tags: Vec<String>,
}

/// A summary of one tag.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TagSummary {
    /// Its name in the records.
    pub name: String,
    /// Its name in the file.
    pub column: String,
    /// Points that are numbers.
    pub numbers: u64,
    /// Points that are booleans.
    pub booleans: u64,
    /// Points that are text.
    pub texts: u64,
    /// Points that are null.
    pub nulls: u64,
    /// The least number.
    pub min: Option<f64>,
    /// The greatest number.
    pub max: Option<f64>,
    /// The first text, shortened, and its line.
    pub first_text: Option<(u64, String)>,
}

impl TagSummary {
    /// Returns the number of all points of the tag.
    pub fn points(&self) -> u64 {
        self.numbers + self.booleans + self.texts + self.nulls
    }
}

/// A summary of one machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Equipment {
    /// Its name.
    pub name: String,
    /// Its points.
    pub points: u64,
    /// The greatest time of a point so far, in milliseconds since the epoch.
    pub last_ms: i64,
}

/// A setting that the options left open, as the import assumed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumption {
    /// The setting, such as `layout`.
    pub what: &'static str,
    /// The assumed value.
    pub taken: String,
    /// The reason.
    pub because: String,
}
