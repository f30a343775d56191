//! Models from rows of features. The same rows and the same seed give the same model.

use crate::forest::{Forest, Node, Tree};
use crate::linear::{Input, Linear, Link};

/// How a forest is grown. The defaults are those of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForestOptions {
    /// How many trees. Default 100.
    pub trees: u32,
    /// From how many rows each of them, drawn at random. Default 256.
    pub sample: u32,
    /// What all randomness comes from. Default 1.
    pub seed: u64,
}

impl Default for ForestOptions {
    fn default() -> Self {
        Self { trees: 100, sample: 256, seed: 1 }
    }
}

/// Why there is no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrainError {
    /// Fewer rows than a model needs.
    #[error("{rows} rows of features to learn from; expected {least} at least")]
    TooFewRows {
        /// How many there are.
        rows: usize,
        /// How many there must be.
        least: usize,
    },
    /// All rows are of one kind, so that nothing tells them apart.
    #[error(
        "what is to be foreseen comes after none of the rows, or after all of them; expected some of each"
    )]
    OneKind,
}

/// Fewer rows say nothing.
const LEAST_ROWS: usize = 20;

fn enough(rows: &[Vec<f64>]) -> Result<(), TrainError> {
    match rows.len() {
        rows if rows < LEAST_ROWS => Err(TrainError::TooFewRows { rows, least: LEAST_ROWS }),
        _ => Ok(()),
    }
}

impl Forest {
    /// Grows a forest from rows that are mostly as they should be (F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation Forest",
    /// 2008).
    ///
    /// # Errors
    /// When there are too few rows.
    pub fn grow(inputs: &[String], rows: &[Vec<f64>], options: &ForestOptions) -> Result<Self, TrainError> {
        enough(rows)?;
        let mut random = fastrand::Rng::with_seed(options.seed);
        let sample = usize::try_from(options.sample.max(2)).unwrap_or(usize::MAX).min(rows.len());
        // The mean depth of a tree of this size: deeper rows are no anomalies.
        let deepest = sample.next_power_of_two().trailing_zeros();
        let trees = (0..options.trees.max(1)).map(|_| {
            let mut drawn: Vec<&[f64]> =
                random.choose_multiple(rows.iter(), sample).into_iter().map(Vec::as_slice).collect();
            let mut tree = Tree::new();
            split(&mut tree, &mut drawn, inputs.len(), deepest, &mut random);
            tree
        });
        let trees = trees.collect();
        Ok(Self { inputs: inputs.to_vec(), sample: u32::try_from(sample).unwrap_or(u32::MAX), trees })
    }
}

/// Parts rows by a feature drawn from those in which they differ, at a value between its least and its greatest, and
/// answers with the place of the node.
fn split(
    tree: &mut Tree,
    rows: &mut [&[f64]],
    inputs: usize,
    depth_left: u32,
    random: &mut fastrand::Rng,
) -> usize {
    let place = tree.len();
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    tree.push(Node::Leaf { rows: count });
    if depth_left == 0 || rows.len() < 2 {
        return place;
    }
    let value = |row: &[f64], input: usize| row.get(input).copied().unwrap_or_default();
    let range = |input: usize| {
        let values = rows.iter().map(|row| value(row, input));
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
            (least.min(value), most.max(value))
        })
    };
    let differing: Vec<(usize, (f64, f64))> =
        (0..inputs).map(|input| (input, range(input))).filter(|(_, (least, most))| least < most).collect();
    let Some((input, (least, most))) = random.choice(differing) else { return place };
    let below = least + (most - least) * random.f64();
    // The least is not below the least: one side must not be left without rows.
    let below = if below > least { below } else { most };
    rows.sort_unstable_by(|one, other| value(one, input).total_cmp(&value(other, input)));
    let (lower, upper) = rows.split_at_mut(rows.partition_point(|row| value(row, input) < below));
    let left = split(tree, lower, inputs, depth_left - 1, random);
    let right = split(tree, upper, inputs, depth_left - 1, random);
    if let Some(node) = tree.get_mut(place) {
        *node = Node::Split { input, below, left, right };
    }
    place
}

/// Steps of the descent, the length of a step, and how strongly weights are held back.
const STEPS: u32 = 2_000;
const STEP: f64 = 0.5;
const HELD_BACK: f64 = 1e-3;

impl Linear {
    /// Fits the chance that something comes after a row: logistic regression on standardised features, by gradient descent,
    /// both kinds of rows weighing the same however rare one is.
    ///
    /// # Errors
    /// When there are too few rows, or all of them are of one kind.
    pub fn fit_chance(inputs: &[String], rows: &[Vec<f64>], comes: &[bool]) -> Result<Self, TrainError> {
        enough(rows)?;
        let ones = |wanted: bool| comes.iter().filter(|comes| **comes == wanted).map(|_| 1.0).sum::<f64>();
        let (positive, negative) = (ones(true), ones(false));
        if positive == 0.0 || negative == 0.0 {
            return Err(TrainError::OneKind);
        }
        let count = positive + negative;
        let mut inputs: Vec<Input> = inputs
            .iter()
            .enumerate()
            .map(|(input, name)| {
                let values = || rows.iter().filter_map(|row| row.get(input));
                let mean = values().sum::<f64>() / count;
                let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
                let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
                Input { name: name.clone(), mean, deviation, weight: 0.0 }
            })
            .collect();
        let mut intercept = 0.0;
        for _ in 0..STEPS {
            let model = Self { inputs: inputs.clone(), intercept, link: Link::Logistic };
            let mut slopes = vec![0.0; inputs.len()];
            let mut slope = 0.0;
            for (row, comes) in rows.iter().zip(comes) {
                let (target, weight) = if *comes { (1.0, 0.5 / positive) } else { (0.0, 0.5 / negative) };
                let error = (model.score(row) - target) * weight;
                slope += error;
                for ((sum, value), input) in slopes.iter_mut().zip(row).zip(&model.inputs) {
                    *sum += error * (value - input.mean) / input.deviation;
                }
            }
            intercept -= STEP * slope;
            for (input, slope) in inputs.iter_mut().zip(slopes) {
                input.weight -= STEP * (slope + HELD_BACK * input.weight);
            }
        }
        Ok(Self { inputs, intercept, link: Link::Logistic })
    }
}
