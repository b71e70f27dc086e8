//! [`CatalogError`]: why a model cannot be offered.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::inspect::Foreign;
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
    /// It is something, but no model that can be run.
    Foreign {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        what: Foreign,
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
            Self::Foreign { path, what } => what.message(path),
            Self::UnknownModel { id } => Message::new(if id.contains("://") {
                "model-unknown-address"
            } else if is_repository(id) {
                "model-unknown-repository"
            } else {
                "model-unknown"
            })
            .with("id", id.clone()),
        }
    }
}

/// True for what may be a name on Hugging Face: `owner/name`.
fn is_repository(id: &str) -> bool {
    let is_name = |part: &str| {
        let mut bytes = part.bytes();
        bytes
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
            && bytes.all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    id.split_once('/')
        .is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

error_speaks!(CatalogError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_path_gets_its_own_answer() {
        for (id, key) in [
            ("runwayml/stable-diffusion-v1-5", "model-unknown-repository"),
            ("https://huggingface.co/a/b", "model-unknown-address"),
            ("dreamshaper", "model-unknown"),
            ("./models/x", "model-unknown"),
            ("/models/x", "model-unknown"),
            ("a/b/c", "model-unknown"),
            ("a/", "model-unknown"),
        ] {
            let error = CatalogError::UnknownModel { id: id.to_owned() };
            assert_eq!(error.message().key, key, "{id}");
        }
    }
}
