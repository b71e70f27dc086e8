//! What a session that ended badly has left.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::geometry::Extent;

/// Names something that can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecoveryId(pub u64);

/// A document whose program ended without closing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recoverable {
    /// Which one.
    pub id: RecoveryId,
    /// What it was called.
    pub title: String,
    /// The file it came from.
    pub path: Option<PathBuf>,
    /// The canvas size when it was opened.
    pub extent: Extent,
    /// When it was worked on last.
    pub changed_at: SystemTime,
}
