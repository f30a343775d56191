//! An isolation forest: trees that part rows at random until each stands alone. What is unlike all else stands alone
//! soon.

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// A forest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forest {
    /// Names of the features in the order of a row.
    pub inputs: Vec<String>,
    /// Rows sampled for each tree.
    pub sample: u32,
    /// The trees.
    pub trees: Vec<Tree>,
}

/// A tree: its nodes, the root first.
pub type Tree = Vec<Node>;

/// A node. What it points to stands behind it, so that no path has an end missing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Node {
    /// Rows are parted.
    Split {
        /// By which feature, from 0.
        input: usize,
        /// Rows below this go to the left.
        below: f64,
        /// The node that they go to.
        left: usize,
        /// The node that the others go to.
        right: usize,
    },
    /// Rows are parted no further.
    Leaf {
        /// Rows of the sample in this leaf.
        rows: u32,
    },
}

/// Returns the mean path length to one of `rows` rows in a random tree.
#[must_use]
pub fn path_length(rows: u32) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let rows = f64::from(rows);
            2.0 * ((rows - 1.0).ln() + EULER) - 2.0 * (rows - 1.0) / rows
        }
    }
}

impl Forest {
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let wrong = |what: String| Err(ModelError(what));
        if self.inputs.is_empty() || self.trees.is_empty() || self.sample < 2 {
            return wrong("expected inputs, trees, and a sample of two rows at least".to_owned());
        }
        for (number, tree) in self.trees.iter().enumerate() {
            if tree.is_empty() {
                return wrong(format!("the tree {number} has no nodes; expected a root"));
            }
            for (place, node) in tree.iter().enumerate() {
                let Node::Split { input, left, right, .. } = node else { continue };
                if *input >= self.inputs.len() {
                    let inputs = self.inputs.len();
                    return wrong(format!(
                        "the tree {number} looks at input {input}; expected one below {inputs}"
                    ));
                }
                for next in [left, right] {
                    if *next <= place || *next >= tree.len() {
                        return wrong(format!(
                            "the node {place} of the tree {number} points to {next}; expected one behind it"
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// From 0 to 1, 0.5 where a row is like the others.
    pub(crate) fn score(&self, row: &[f64]) -> f64 {
        let paths: f64 = self.trees.iter().map(|tree| path(tree, row)).sum();
        let trees = self.trees.iter().map(|_| 1.0).sum::<f64>();
        let usual = path_length(self.sample);
        (-(paths / trees) / usual).exp2()
    }
}

fn path(tree: &[Node], row: &[f64]) -> f64 {
    let mut place = 0;
    let mut depth = 0.0;
    loop {
        match tree.get(place) {
            Some(Node::Split { input, below, left, right }) => {
                let value = row.get(*input).copied().unwrap_or_default();
                // Always further behind, so that it ends.
                place = if value < *below { *left } else { *right };
                depth += 1.0;
            }
            Some(Node::Leaf { rows }) => return depth + path_length(*rows),
            None => return depth,
        }
    }
}
