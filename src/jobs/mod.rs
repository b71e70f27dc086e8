//! Work beside the user: the engine's thread with its queue, the thread for files, and the thread
//! that appends to journals. The only room that starts threads (with `engine/kernels`).
//!
//! Called by `editor`. Never names the document, the window or candle.

use serde::{Deserialize, Serialize};

use crate::engine::{Engine, EngineError};
pub use crate::engine::{RunReport, RunSeconds, Stage};
use crate::geometry::{Extent, Rect};

/// Names a job; never used twice in the program's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(pub u64);

/// Makes the engine, on the engine's own thread: when the first job comes, and again after a panic.
pub type EngineFactory = Box<dyn Fn() -> Result<Box<dyn Engine>, EngineError> + Send>;

/// A small picture of what a run will give, to be laid over the canvas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewPatch {
    /// Where it lies in the picture.
    pub rect: Rect,
    /// Its own size, smaller than that of `rect`.
    pub extent: Extent,
    /// Straight-alpha RGBA, row-major; the alpha carries the feather.
    pub rgba8: Vec<u8>,
}
