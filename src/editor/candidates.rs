//! [`Candidate`]: a finished result that has not been accepted or thrown away.

use std::sync::Arc;

use super::generating::ComparisonId;
use crate::catalog::ModelRef;
use crate::document::{DocumentId, LayerId};
use crate::geometry::Extent;
use crate::jobs::{JobId, RunReport};
use crate::plan::{EditSettings, Layout};
use crate::raster::Patch;

/// Names a candidate; never used twice in the program's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CandidateId(pub u64);

/// A finished result.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Which one.
    pub id: CandidateId,
    /// The document it was made for.
    pub document: DocumentId,
    /// The job that made it.
    pub job: JobId,
    /// The comparison it belongs to.
    pub comparison: Option<ComparisonId>,
    /// The model that made it.
    pub model: ModelRef,
    /// The settings it was made with, its seed among them.
    pub settings: Arc<EditSettings>,
    /// Its pixels and where they lie.
    pub patch: Arc<Patch>,
    /// How it lies in its picture.
    pub layout: Layout,
    /// How its run went.
    pub report: RunReport,
    /// The canvas size it was made for; accepting on another is refused.
    pub canvas: Extent,
    /// The layer it has become.
    pub accepted_as: Option<LayerId>,
}
