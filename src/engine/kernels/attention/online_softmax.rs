//! [`OnlineSoftmax`]: the state of the softmax of a tile of queries between blocks of keys.

/// Scores of a micro-tile: 32 queries by 32 keys.
pub(crate) const SCORES_PER_TILE: usize = 1024;

/// Row maxima and row sums of 32 queries.
#[derive(Debug, Default)]
pub(crate) struct OnlineSoftmax {
    /// The maximum that probabilities are relative to: a score of it has exp = 1.
    pub(crate) row_max: [f32; 32],
    /// The sum of each row's probabilities so far, in 16 partial sums.
    pub(crate) row_sum: [[f32; 16]; 32],
}
