//! [`InProject`]: what of a document lies in its project file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ids::CandidateId;
use crate::project::{self, Opened, Original, Unknown, Written};

/// What the project file of a document holds.
#[derive(Debug, Clone)]
pub(super) struct InProject {
    pub(super) path: PathBuf,
    /// What the next writing may take over.
    pub(super) written: Option<Arc<Written>>,
    pub(super) unknown: Unknown,
    pub(super) results: Vec<CandidateId>,
}

impl InProject {
    /// True for a result that lies in the file.
    pub(super) fn has_result(&self, result: CandidateId) -> bool {
        self.results.contains(&result)
    }
}

/// What only the project of a document holds whose journal is restored; nothing where the document is
/// in no project.
pub(super) fn rest_of_project(path: Option<&Path>) -> Option<Box<Opened>> {
    let path = path.filter(|path| project::is_named_so(path))?;
    let opened = project::read(path).ok()?;
    opened.written.is_some().then(|| Box::new(opened))
}

/// The file that a picture was opened from.
pub(super) fn original_of(path: &Path, bytes: Vec<u8>) -> Arc<Original> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy().into_owned();
    Arc::new(Original { name, bytes })
}
