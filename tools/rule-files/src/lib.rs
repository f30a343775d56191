//! Rule documents: YAML or JSON text to rules, with the place of every mistake.
//!
//! [`read`] reads one file and reports as many mistakes as it can find. [`merge`] makes one rule set of several
//! files. What later steps find in the rules ([`Finding`](andon_domain::Finding)s) is brought back to lines and
//! columns by [`Loaded::locate`], and shown by [`render`] or [`to_json`]. [`to_yaml`] is the way back from rules to text.
//!
//! Both notations go the same way: events with places, a small tree per rule, and the one serde model of
//! `andon_domain`. Nothing of a document is kept but its rules and its text, so a large one costs little more
//! than itself.

mod align;
mod de;
mod event;
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

pub use load::Loaded;
pub use merge::merge;
pub use read::read;
pub use render::{RenderOptions, render};
pub use report::to_json;
pub use schema::schema;
pub use source::{Diagnostic, Place, Source};
pub use write::to_yaml;
