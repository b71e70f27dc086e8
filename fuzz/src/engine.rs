//! Of the engine only what reads tokenizers: the rest needs the tensor library, and reads nothing else.

#[path = "../../src/engine/error.rs"]
mod error;
#[path = "../../src/engine/server_error.rs"]
mod server_error;
#[path = "../../src/engine/diffusion/tokenizer.rs"]
pub mod tokenizer;

pub use error::EngineError;
pub use server_error::{Fault, ServerError};

/// As in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

impl From<crate::catalog::CatalogError> for EngineError {
    fn from(error: crate::catalog::CatalogError) -> Self {
        Self::NoModel(error)
    }
}
