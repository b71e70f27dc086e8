//! [`Start`]: what the application is begun with.

use std::path::PathBuf;

use crate::catalog::Vault;
use crate::jobs::{DemandsOf, EngineFactory, VisionFactory, Wake};
use crate::text::Language;

/// What an [`Editor`](super::Editor) needs to begin.
pub struct Start {
    /// Makes the engine.
    pub engine: EngineFactory,
    /// Tells what runs of a model ask for, from which their time and memory are forecast.
    pub demands: DemandsOf,
    /// Makes what sees subjects and faces.
    pub vision: VisionFactory,
    /// The language where the preferences name none.
    pub language: Language,
    /// Where new keys of servers are kept.
    pub vault: Vault,
    /// Where journals and preferences lie.
    pub data_dir: PathBuf,
    /// Called, on any thread, when there is something to poll.
    pub wake: Wake,
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Start")
            .field("language", &self.language)
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}
