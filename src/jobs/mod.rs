//! Running edits: one edit on the thread at hand ([`run_edit`]).
//!
//! Used by the command line and the editor. Never names the document, candle or the window.

mod edit;

pub use edit::{EditError, EditProgress, EditResult, run_edit};
