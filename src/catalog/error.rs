//! [`CatalogError`]: why a model cannot be offered.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::text::{Explain, Message, error_speaks};

/// Why a model cannot be offered or its file not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CatalogError {
    /// There is no such file.
    MissingFile {
        /// Which.
        path: PathBuf,
    },
    /// It is there but cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// It can be read but does not say what it should.
    BadConfig {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// No model has this id, and no folder this path.
    UnknownModel {
        /// What was asked for.
        id: String,
    },
}

impl Explain for CatalogError {
    fn message(&self) -> Message {
        match self {
            Self::MissingFile { path } => {
                Message::new("model-missing-file").with("path", path.as_path())
            }
            Self::Unreadable { path, why } => Message::new("model-unreadable")
                .with("why", why.clone())
                .with("path", path.as_path()),
            Self::BadConfig { path, why } => Message::new("model-bad-config")
                .with("why", why.clone())
                .with("path", path.as_path()),
            Self::UnknownModel { id } => Message::new("model-unknown").with("id", id.clone()),
        }
    }
}

error_speaks!(CatalogError);
