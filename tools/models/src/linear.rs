//! Linear and logistic regression over standardised features.

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// What is made of the weighted sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// It is the score.
    #[default]
    Identity,
    /// The score is the chance that it stands for, from 0 to 1.
    Logistic,
}

/// A feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its mean where the model was trained.
    #[serde(default)]
    pub mean: f64,
    /// Its standard deviation there.
    #[serde(default = "one")]
    pub deviation: f64,
    /// What one standard deviation more adds to the sum.
    pub weight: f64,
}

fn one() -> f64 {
    1.0
}

/// A weighted sum of standardised features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// Features in the order of a row.
    pub inputs: Vec<Input>,
    /// The sum where all features are at their means.
    #[serde(default)]
    pub intercept: f64,
    /// What is made of the sum.
    #[serde(default)]
    pub link: Link,
}

impl Linear {
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        if self.inputs.is_empty() {
            return Err(ModelError("a model without inputs; expected one at least".to_owned()));
        }
        for input in &self.inputs {
            if input.deviation <= 0.0 || !input.deviation.is_finite() {
                return Err(ModelError(format!(
                    "the deviation of the input `{}` is {}; expected a number above 0",
                    input.name, input.deviation
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn score(&self, row: &[f64]) -> f64 {
        let parts = self.inputs.iter().zip(row);
        let sum = self.intercept
            + parts.map(|(input, value)| input.weight * (value - input.mean) / input.deviation).sum::<f64>();
        match self.link {
            Link::Identity => sum,
            Link::Logistic => 1.0 / (1.0 + (-sum).exp()),
        }
    }
}
