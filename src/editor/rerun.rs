//! [`Rerun`]: a run that could be done again, and what stands between it and the same bytes.

use std::sync::Arc;

use super::ids::CandidateId;
use crate::document::{DocumentId, LayerId};
use crate::jobs::Difference;
use crate::plan::EditRequest;

/// What would be run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RerunOf {
    /// The run that made a layer, on what lies below it now.
    Layer(DocumentId, LayerId),
    /// The run that gave a result: on the picture it began from where this session still has that, else
    /// on what is below its layer, or visible, now.
    Result(CandidateId),
}

/// A run that would be done again.
#[derive(Debug, Clone)]
pub struct Rerun {
    /// What it would be done for.
    pub of: RerunOf,
    /// What stands between it and the same bytes; nothing: it gives them.
    pub differences: Vec<Difference>,
    /// It: its model and LoRAs are where they lie on this machine now. `None` where something is absent.
    pub request: Option<Arc<EditRequest>>,
}
