//! Renders one self-contained HTML page that shows an operator the decisions of the rules and their reasons.
//!
//! [`ReportBuilder`] collects points, transitions and rejected points while they stream by, in bounded memory,
//! and [`ReportBuilder::finish`] turns them into a page of at most about 10 MB, for any input. The page needs
//! no network: styles and script are inside, charts are drawn here. Without a script it still shows everything;
//! the script adds the crosshair, zoom and the choice of a theme.
//!
//! The crate reads no files and no clock: the same calls give the same bytes.
//!
//! ```
//! use andon_report::{ReportBuilder, ReportOptions, RuleInfo, Value};
//!
//! let mut report = ReportBuilder::new(ReportOptions { title: "Line 3".into(), ..ReportOptions::default() });
//! report.rule(RuleInfo {
//!     rule_id: "filler-overheat".into(),
//!     default_state: "UNKNOWN".into(),
//!     tags: vec!["water_temperature".into()],
//!     ..RuleInfo::default()
//! });
//! report.watch("filler-overheat", "filler-1");
//! report.point("filler-1", "water_temperature", 1_700_000_000_000, Value::Num(81.5));
//! let page = report.finish(1_700_000_060_000);
//! assert!(page.contains("filler-overheat"));
//! ```

mod chart;
mod collect;
mod details;
mod escape;
mod format;
mod input;
mod limits;
mod numbers;
mod overview;
mod page;
mod range;
mod ranking;
mod rejected;
mod scale;
mod series;
mod states;
mod strip;
mod timeline;

pub use collect::ReportBuilder;
pub use input::{Operand, ReportOptions, RuleInfo, Threshold, TransitionInfo, Value};

#[cfg(test)]
mod tests;
