//! [`WindowOptions`]: what the window needs to begin.

use std::path::PathBuf;

use crate::catalog::Vault;
use crate::jobs::{DemandsOf, EngineFactory, VisionFactory};
use crate::text::Language;

/// What the window needs to begin.
pub struct WindowOptions {
    /// Pictures and projects to open at once.
    pub pictures: Vec<PathBuf>,
    /// Makes the engine, on its own thread.
    pub engine: EngineFactory,
    /// Tells what runs of a model ask for.
    pub demands: DemandsOf,
    /// Makes what sees subjects and faces, on a thread of its own.
    pub vision: VisionFactory,
    /// Where new keys of servers are kept.
    pub vault: Vault,
    /// Where preferences and journals lie.
    pub data_dir: PathBuf,
    /// `None`: the preferences' own, or the system's.
    pub language: Option<Language>,
    /// Where to write what each frame took, a line a frame.
    pub frame_times: Option<PathBuf>,
}

impl std::fmt::Debug for WindowOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WindowOptions")
            .field("pictures", &self.pictures)
            .field("data_dir", &self.data_dir)
            .field("language", &self.language)
            .field("frame_times", &self.frame_times)
            .finish_non_exhaustive()
    }
}
