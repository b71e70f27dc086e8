//! [`OnlineSoftmax`]: what the softmax of a tile of queries keeps between blocks of keys.

/// Scores of a tile: 32 queries by 32 keys.
pub(crate) const SCORES_PER_TILE: usize = 1024;

/// Shares of 32 queries in the values of many keys, and what these are relative to.
#[derive(Debug, Default)]
pub(crate) struct OnlineSoftmax {
    /// A score of this has a share of 1.
    pub(crate) row_max: [f32; 32],
    /// Sums of the shares so far, in 16 parts.
    pub(crate) denominators: [[f32; 16]; 32],
}
