//! [`WhenRead`]: what was asked of a result whose pixels are still being read.

/// What is to be done with a result once its pixels are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenRead {
    /// It becomes a layer.
    Accept,
    /// It becomes a layer above the one that was run again for it.
    AcceptBeside,
    /// What gave it runs again.
    RunAgain {
        /// With another seed.
        other_seed: bool,
    },
}
