//! How the failures of this room's foundations become an [`EngineError`].

use candle_core::{DType, Tensor};

use crate::catalog::CatalogError;
use crate::engine::EngineError;
use crate::text::Message;

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
                why: Message::new("engine-why-no-file").into(),
            },
            CatalogError::Unreadable { path, why } | CatalogError::BadConfig { path, why } => {
                let why = why.into();
                Self::ModelFile { path, why }
            }
            CatalogError::Foreign { .. }
            | CatalogError::Damaged { .. }
            | CatalogError::Incomplete { .. }
            | CatalogError::NotExchanged { .. }
            | CatalogError::Keyring { .. }
            | CatalogError::OtherLora { .. }
            | CatalogError::NoLora { .. }
            | CatalogError::ServedLora { .. }
            | CatalogError::LoraOfOther { .. } => Self::NoModel(error),
            CatalogError::UnknownModel { id } => Self::Unsupported {
                what: Message::new("engine-what-unknown").with("id", id),
            },
        }
    }
}

/// The error that this room was called with something that makes no sense.
pub(crate) fn bad_input(what: impl Into<String>) -> EngineError {
    EngineError::BadInput { what: what.into() }
}

/// The output of a network in f32, if it is finite.
pub(crate) fn all_finite(answer: &Tensor) -> Result<Tensor, EngineError> {
    let answer = answer.to_dtype(DType::F32)?;
    // One number that is not finite makes the sum of its zero-fold not finite.
    let probe = (&answer * 0.0)?.sum_all()?.to_scalar::<f32>()?;
    if probe == 0.0 {
        Ok(answer)
    } else {
        Err(EngineError::NotFiniteResult)
    }
}
