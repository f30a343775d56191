//! Small models, as files: what they are, and what they say of a row of features.
//!
//! Pure: a model is data, and its score a function of it and a row. What serves models, and what trains them, share this.

mod forest;
mod linear;
#[cfg(test)]
mod tests;
mod train;

use serde::{Deserialize, Serialize};

pub use forest::{Forest, Node, Tree, path_length};
pub use linear::{Input, Linear, Link};
pub use train::{ForestOptions, TrainError};

/// A model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Model {
    /// A weighted sum of standardised features, or the chance that it stands for.
    Linear(Linear),
    /// How soon a row stands alone where rows are parted at random: near 1 for what is unlike all else.
    Forest(Forest),
}

/// Why a model cannot be used, or a row cannot be scored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ModelError(pub String);

impl Model {
    /// Reads a model from the JSON of its file.
    ///
    /// # Errors
    /// When it is none, or contradicts itself: what was found and what was expected.
    pub fn read(json: &[u8]) -> Result<Self, ModelError> {
        let model: Self =
            serde_json::from_slice(json).map_err(|error| ModelError(format!("not a model: {error}")))?;
        match &model {
            Self::Linear(linear) => linear.check()?,
            Self::Forest(forest) => forest.check()?,
        }
        Ok(model)
    }

    /// The names of its features, in the order of a row.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Linear(linear) => linear.inputs.iter().map(|input| input.name.as_str()).collect(),
            Self::Forest(forest) => forest.inputs.iter().map(String::as_str).collect(),
        }
    }

    /// The score of a row.
    ///
    /// # Errors
    /// When it has another number of features than the model.
    pub fn score(&self, row: &[f64]) -> Result<f64, ModelError> {
        let expected = match self {
            Self::Linear(linear) => linear.inputs.len(),
            Self::Forest(forest) => forest.inputs.len(),
        };
        if row.len() != expected {
            return Err(ModelError(format!(
                "a row of {} features; expected {expected}: {}",
                row.len(),
                self.names().join(", ")
            )));
        }
        Ok(match self {
            Self::Linear(linear) => linear.score(row),
            Self::Forest(forest) => forest.score(row),
        })
    }
}
