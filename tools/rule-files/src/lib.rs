//! Rule documents: YAML or JSON text to rules, with the place of every mistake.
//!
//! [`read`] reads one file and reports as many mistakes as it can find; [`read_and_check`] adds those that a compiler finds.
//! [`merge`] makes one rule set of several files. [`SourceMap::locate`] brings a [`Finding`](andon_domain::Finding) of a
//! later step back to its line and column, and [`render`] or [`to_json`] show it. [`to_yaml`] writes rules as text.
//!
//! The crate knows no compiler: callers pass it in.
//!
//! Both notations go the same way: events with places, a small tree per rule, and the one serde model of
//! `andon_domain`. Only the rules and the text are kept, so a large document costs little more than itself.

mod align;
mod de;
mod event;
mod events;
mod explain;
mod json;
mod load;
mod locate;
mod merge;
mod paced;
mod read;
mod render;
mod report;
mod scalar;
mod schema;
mod source;
mod syntax;
mod tree;
mod write;
mod yaml;

#[cfg(test)]
mod tests;

pub use load::{Loaded, SourceMap};
pub use merge::merge;
pub use read::{read, read_and_check};
pub use render::{RenderOptions, render};
pub use report::to_json;
pub use schema::schema;
pub use source::{Diagnostic, Place, Source};
pub use write::to_yaml;
