//! How the failures of this room's foundations become an [`EngineError`].

use crate::catalog::CatalogError;
use crate::engine::EngineError;

impl From<candle_core::Error> for EngineError {
    fn from(error: candle_core::Error) -> Self {
        let why = error.to_string();
        // Both GPU back ends report exhausted memory only as a text.
        let lower = why.to_ascii_lowercase();
        if lower.contains("out of memory") || lower.contains("out_of_memory") {
            Self::OutOfMemory
        } else {
            Self::Internal { why }
        }
    }
}

impl From<CatalogError> for EngineError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::MissingFile { path } => Self::ModelFile {
                path,
                why: "there is no such file".to_owned(),
            },
            CatalogError::Unreadable { path, why } | CatalogError::BadConfig { path, why } => {
                Self::ModelFile { path, why }
            }
            CatalogError::UnknownModel { id } => Self::Unsupported {
                what: format!("there is no model “{id}”"),
            },
        }
    }
}
