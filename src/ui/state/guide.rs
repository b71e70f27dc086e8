//! [`Guide`]: where the guide of the first start stands.

use crate::document::DocumentId;

/// Where the guide stands. It goes on when what a step asks for was done, and back when that was undone.
#[derive(Debug, Clone, Default)]
pub(in crate::ui) struct Guide {
    /// Index of the step.
    pub(in crate::ui) step: usize,
    /// What there was when it looked last.
    pub(in crate::ui) saw: Option<GuideSeen>,
    /// Since when that has been so, in seconds since the start of the window.
    pub(in crate::ui) since_secs: f64,
    /// Something was done since it was opened or put back: only then it goes on by itself.
    pub(in crate::ui) goes_on: bool,
    /// The newest run when it was opened; those after it count.
    pub(in crate::ui) runs_before: u64,
}

/// What the guide waits for to rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) struct GuideSeen {
    pub(in crate::ui) document: DocumentId,
    pub(in crate::ui) serial: u64,
    pub(in crate::ui) prompt: String,
    pub(in crate::ui) results: usize,
}
