//! [`EngineError`]: why a run did not give a picture.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Cancelled;
use super::server_error::ServerError;
use crate::catalog::CatalogError;
use crate::text::{Explain, Message, Value, error_speaks};

/// Why a run did not give a picture; each variant is something the caller can act on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EngineError {
    /// It was asked to stop.
    Cancelled,
    /// A file of the model cannot be read.
    ModelFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it: a message of ours, or the words of the system or the format.
        why: Value,
    },
    /// What should be a model is something else.
    NoModel(CatalogError),
    /// The model lacks a weight.
    MissingWeight {
        /// File it should be in.
        path: PathBuf,
        /// Its name.
        name: String,
    },
    /// A weight has another shape than the configuration says.
    WrongShape {
        /// File it is in.
        path: PathBuf,
        /// Its name.
        name: String,
        /// The shape the configuration wants.
        wanted: Vec<usize>,
        /// The shape it has.
        got: Vec<usize>,
    },
    /// A weight holds NaN or infinity.
    NotFiniteWeight {
        /// File it is in.
        path: PathBuf,
        /// Its name.
        name: String,
    },
    /// The model is of a kind this program cannot run.
    Unsupported {
        /// What it would need.
        what: Message,
    },
    /// The device asked for is not in this build or this machine.
    Device {
        /// Its name.
        device: String,
        /// Why not.
        why: String,
    },
    /// There is not enough memory.
    OutOfMemory,
    /// The network answered NaN or infinity.
    NotFiniteResult,
    /// The input contradicts itself; a mistake of ours, not the user's.
    BadInput {
        /// What is wrong.
        what: String,
    },
    /// The tensor library failed; a mistake of ours or its.
    Internal {
        /// What it says.
        why: String,
    },
    /// A server did not do what it was asked.
    Server(ServerError),
    /// The engine panicked and was started afresh.
    Panicked {
        /// What it said.
        why: String,
    },
}

impl EngineError {
    /// True where the model's files are to blame.
    pub fn is_about_model(&self) -> bool {
        matches!(
            self,
            Self::ModelFile { .. }
                | Self::NoModel(_)
                | Self::MissingWeight { .. }
                | Self::WrongShape { .. }
                | Self::NotFiniteWeight { .. }
                | Self::Unsupported { .. }
        )
    }

    /// True where another engine may well do what this one could not.
    pub fn may_be_mended_elsewhere(&self) -> bool {
        !matches!(self, Self::Cancelled | Self::BadInput { .. })
    }
}

impl From<ServerError> for EngineError {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

impl From<Cancelled> for EngineError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl Explain for EngineError {
    fn message(&self) -> Message {
        match self {
            Self::Cancelled => Message::new("engine-cancelled"),
            Self::ModelFile { path, why } => Message::new("engine-model-file")
                .with("why", why.clone())
                .with("path", path.as_path()),
            Self::NoModel(error) => error.message(),
            Self::MissingWeight { path, name } => Message::new("engine-missing-weight")
                .with("name", name.clone())
                .with("path", path.as_path()),
            Self::WrongShape {
                path,
                name,
                wanted,
                got,
            } => Message::new("engine-wrong-shape")
                .with("name", name.clone())
                .with("wanted", format!("{wanted:?}"))
                .with("got", format!("{got:?}"))
                .with("path", path.as_path()),
            Self::NotFiniteWeight { path, name } => Message::new("engine-not-finite-weight")
                .with("name", name.clone())
                .with("path", path.as_path()),
            Self::Unsupported { what } => {
                Message::new("engine-unsupported").with("what", what.clone())
            }
            Self::Device { device, why } => Message::new("engine-device")
                .with("device", device.clone())
                .with("why", why.clone()),
            Self::OutOfMemory => Message::new("engine-out-of-memory"),
            Self::NotFiniteResult => Message::new("engine-not-finite-result"),
            Self::BadInput { what } => Message::new("engine-bad-input").with("what", what.clone()),
            Self::Server(error) => error.message(),
            Self::Internal { why } => Message::new("engine-internal").with("why", why.clone()),
            Self::Panicked { why } => Message::new("engine-panicked").with("why", why.clone()),
        }
    }
}

error_speaks!(EngineError);
