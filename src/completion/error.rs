//! [`CompletionError`]: why a hole cannot be filled.

use serde::{Deserialize, Serialize};

use crate::text::{Explain, Message, error_speaks};

/// It was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// Why a hole cannot be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CompletionError {
    /// It was asked to stop.
    Cancelled,
    /// There is no patch, or there are far too few, that could be copied.
    TooLittleLeft,
}

impl From<Cancelled> for CompletionError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl Explain for CompletionError {
    fn message(&self) -> Message {
        Message::new(match self {
            Self::Cancelled => "completion-cancelled",
            Self::TooLittleLeft => "completion-too-little-left",
        })
    }
}

error_speaks!(CompletionError);
