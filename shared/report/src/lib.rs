//! One self-contained HTML page that shows an operator what the rules decided, and why.
//!
//! [`ReportBuilder`] collects points, transitions and rejected points while they stream by, in bounded memory,
//! and [`ReportBuilder::finish`] turns them into a page of at most about 10 MB, whatever went in. The page needs
//! no network: styles and script are inside, charts are drawn here. Without a script it still shows everything;
//! the script adds the crosshair, zoom and the choice of a theme.
//!
//! No files, no clocks: the same calls give the same bytes.

mod chart;
mod collect;
mod details;
mod escape;
mod format;
mod input;
mod limits;
mod lookup;
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
