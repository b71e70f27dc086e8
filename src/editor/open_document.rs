//! [`OpenDocument`]: a document with all that belongs to it but is not covered by undo.

use std::path::{Path, PathBuf};

use crate::document::{Document, DocumentId};
use crate::plan::EditSettings;

/// A document with its settings, its file and its name.
#[derive(Debug)]
pub struct OpenDocument {
    pub(super) document: Document,
    pub(super) title: String,
    pub(super) path: Option<PathBuf>,
    pub(super) settings: EditSettings,
    pub(super) seed_locked: bool,
    pub(super) busy_saving: bool,
}

impl OpenDocument {
    /// Its name in commands, jobs and candidates.
    pub fn id(&self) -> DocumentId {
        self.document.id()
    }

    /// Pictures, layers, mask, undo.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// What to call it: the file's name, or one that was made up.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The file it came from or was saved to.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What is chosen for the next run. Without a locked seed the seed is that of the last run.
    pub fn settings(&self) -> &EditSettings {
        &self.settings
    }

    /// Whether every run starts from the seed in the settings.
    pub fn is_seed_locked(&self) -> bool {
        self.seed_locked
    }

    /// True while it is being written to a file.
    pub fn is_being_saved(&self) -> bool {
        self.busy_saving
    }
}
