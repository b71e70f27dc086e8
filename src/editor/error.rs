//! [`EditorError`]: why a command was not done as asked.

use std::path::PathBuf;

use crate::geometry::Extent;
use crate::text::{Explain, Message, Value, error_speaks};

/// Why a command was not done as asked.
#[derive(Debug, Clone, PartialEq)]
pub enum EditorError {
    /// The document has unsaved work, and nobody has agreed to lose it.
    UnsavedWork {
        /// What the document is called.
        title: String,
    },
    /// The document has no file of its own yet.
    NoPath,
    /// The file is the one that was opened, and nobody has agreed to replace it.
    OriginalKept {
        /// What the file is called.
        name: String,
    },
    /// No model is known to run.
    NoModel,
    /// Too many files are being read and written at the moment.
    TooBusy,
    /// A file operation broke down; its thread was started afresh.
    TaskLost,
    /// Erasing broke down; its thread was started afresh.
    EraseLost,
    /// The result was made for another canvas size.
    CanvasChanged {
        /// The size it was made for.
        made_for: Extent,
        /// The size now.
        now: Extent,
    },
    /// A layer was made by no model, so that it cannot be run again.
    NoRecipe,
    /// The mask of a layer was not kept, or was of another canvas size.
    NoLayerMask,
    /// A result cannot be written to the disk.
    ResultNotKept {
        /// What the system says.
        why: String,
    },
    /// The pixels of a result cannot be read.
    ResultUnreadable {
        /// What the system says.
        why: String,
    },
    /// The recovery journal cannot be written.
    Journal {
        /// What the system says.
        why: String,
    },
    /// The recovery journal of a session that ended badly cannot be read.
    Restore {
        /// What the document was called.
        title: String,
        /// What is wrong: a message of ours, or the words of the system.
        why: Value,
    },
    /// The preferences could not be understood and were set aside.
    PreferencesBroken {
        /// Where they are now.
        kept_as: PathBuf,
    },
    /// The preferences cannot be written.
    PreferencesNotSaved {
        /// What the system says.
        why: String,
    },
}

impl Explain for EditorError {
    fn message(&self) -> Message {
        match self {
            Self::UnsavedWork { title } => {
                Message::new("editor-unsaved-work").with("title", title.clone())
            }
            Self::NoPath => Message::new("editor-no-path"),
            Self::OriginalKept { name } => {
                Message::new("editor-original-kept").with("name", name.clone())
            }
            Self::NoModel => Message::new("editor-no-model"),
            Self::TooBusy => Message::new("editor-too-busy"),
            Self::EraseLost => Message::new("editor-erase-lost"),
            Self::TaskLost => Message::new("editor-task-lost"),
            Self::CanvasChanged { made_for, now } => Message::new("editor-canvas-changed")
                .with("made", made_for.to_string())
                .with("now", now.to_string()),
            Self::NoRecipe => Message::new("editor-no-recipe"),
            Self::NoLayerMask => Message::new("editor-no-layer-mask"),
            Self::ResultNotKept { why } => {
                Message::new("editor-result-not-kept").with("why", why.clone())
            }
            Self::ResultUnreadable { why } => {
                Message::new("editor-result-unreadable").with("why", why.clone())
            }
            Self::Journal { why } => Message::new("editor-journal-failed").with("why", why.clone()),
            Self::Restore { title, why } => Message::new("editor-restore-failed")
                .with("title", title.clone())
                .with("why", why.clone()),
            Self::PreferencesBroken { kept_as } => {
                Message::new("editor-preferences-broken").with("path", kept_as.as_path())
            }
            Self::PreferencesNotSaved { why } => {
                Message::new("editor-preferences-not-saved").with("why", why.clone())
            }
        }
    }
}

error_speaks!(EditorError);
