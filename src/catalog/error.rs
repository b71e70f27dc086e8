//! [`CatalogError`]: why a model cannot be offered.

use std::path::{Path, PathBuf};

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
    /// Weights that cannot be read as they are.
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A checkpoint that holds only some of the networks a picture needs.
    Incomplete {
        /// Which file.
        path: PathBuf,
        /// What it lacks.
        part: Part,
    },
    /// A LoRA of a kind that cannot be used.
    OtherLora {
        /// Which file.
        path: PathBuf,
        /// What it is.
        kind: String,
    },
    /// A file that should be a LoRA and is none.
    NoLora {
        /// Which file.
        path: PathBuf,
    },
    /// A LoRA that lies on a server, for a model of this machine.
    ServedLora {
        /// Its name there.
        name: String,
    },
    /// A LoRA that was made for another family of models.
    LoraOfOther {
        /// Which file.
        path: PathBuf,
        /// The family it was made for, `?` where that cannot be told.
        made_for: String,
        /// The family of the model.
        model: String,
    },
    /// An autoencoder for a model that keeps its own.
    NotExchanged {
        /// The autoencoder.
        path: PathBuf,
    },
    /// The desktop's keyring does not give a server's key.
    Keyring {
        /// What it says.
        why: String,
    },
    /// No model has this id, and no folder this path.
    UnknownModel {
        /// What was asked for.
        id: String,
    },
}

/// What is wrong with a file of weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Damage {
    /// It ends before its header says: half a download.
    CutOff {
        /// Bytes it should have.
        wanted: u64,
        /// Bytes it has.
        got: u64,
    },
    /// It goes on behind what its header lists.
    TooLong {
        /// Bytes it should have.
        wanted: u64,
        /// Bytes it has.
        got: u64,
    },
    /// Its first bytes are no header.
    NoHeader,
    /// Two weights share bytes, or there are bytes between them.
    Overlap {
        /// The weight that begins in the wrong place.
        name: String,
    },
    /// Its header contradicts itself.
    Header {
        /// How.
        why: String,
    },
    /// A pickle that would call something that builds no weights.
    ForeignCall {
        /// What it would call, as Python names it.
        name: String,
    },
    /// A pickle that does not end in weights.
    Pickle {
        /// What is wrong with it.
        why: String,
    },
}

impl Damage {
    fn message(&self, path: &Path) -> Message {
        let message = match self {
            Self::CutOff { wanted, got } => Message::new("model-cut-off")
                .with("wanted", *wanted as f64)
                .with("got", *got as f64),
            Self::TooLong { wanted, got } => Message::new("model-too-long")
                .with("wanted", *wanted as f64)
                .with("got", *got as f64),
            Self::NoHeader => Message::new("model-no-header"),
            Self::Overlap { name } => Message::new("model-overlap").with("name", name.clone()),
            Self::Header { why } => Message::new("model-bad-header").with("why", why.clone()),
            Self::ForeignCall { name } => {
                Message::new("model-pickle-calls").with("name", name.clone())
            }
            Self::Pickle { why } => Message::new("model-bad-pickle").with("why", why.clone()),
        };
        message.with("path", path)
    }
}

/// A network of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// What takes noise away.
    Unet,
    /// Between pictures and latents.
    Autoencoder,
    /// Reads the prompt.
    TextEncoder,
    /// Of a tiny autoencoder in two files.
    OtherHalf,
}

impl CatalogError {
    /// The error for a file that the system does not give.
    pub(super) fn of_io(path: &Path, error: &std::io::Error) -> Self {
        let path = path.to_path_buf();
        if error.kind() == std::io::ErrorKind::NotFound {
            return Self::MissingFile { path };
        }
        Self::Unreadable {
            path,
            why: error.to_string(),
        }
    }
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
            Self::Damaged { path, damage } => damage.message(path),
            Self::Incomplete { path, part } => Message::new(match part {
                Part::Unet => "model-without-unet",
                Part::Autoencoder => "model-without-vae",
                Part::TextEncoder => "model-without-text",
                Part::OtherHalf => "model-without-half",
            })
            .with("path", path.as_path()),
            Self::OtherLora { path, kind } => Message::new("lora-is-of-kind")
                .with("kind", kind.clone())
                .with("path", path.as_path()),
            Self::ServedLora { name } => Message::new("lora-served").with("name", name.clone()),
            Self::NoLora { path } => Message::new("lora-is-none").with("path", path.as_path()),
            Self::LoraOfOther {
                path,
                made_for,
                model,
            } => Message::new("lora-of-other")
                .with("made", made_for.clone())
                .with("model", model.clone())
                .with("path", path.as_path()),
            Self::NotExchanged { path } => {
                Message::new("model-keeps-its-vae").with("path", path.as_path())
            }
            Self::Keyring { why } => Message::new("server-keyring").with("why", why.clone()),
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
