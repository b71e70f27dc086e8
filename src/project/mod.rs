//! Projects: a document in one file, so that it opens tomorrow as it was left.
//!
//! The file is an [OpenRaster] archive (`.ora`): a zip with one PNG a layer, which Krita, GIMP and
//! MyPaint open too. What they have no word for (mask, recipes, settings, results, the bytes of the
//! picture that was opened) lies beside that under `overpaint/`, named by `overpaint/project.json`.
//! Files of other programs open as layers.
//!
//! Called by `editor` on the file thread. Names the document's state, never jobs, plan or engine:
//! settings and the notes of results are opaque JSON here, as they are in the journal.
//!
//! [OpenRaster]: https://www.openraster.org/baseline/file-layout-spec.html

mod archive;
mod error;
mod foreign;
mod manifest;
mod reading;
mod stack;
#[cfg(test)]
mod tests;
mod writing;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

pub use error::{ProjectError, ProjectNote};
pub use reading::{Opened, read, thumbnail};
pub use writing::{Written, write};

use crate::document::{LayerId, State};
use crate::raster::{Mask, Patch};

/// The ending of a project's name.
pub const EXTENSION: &str = "ora";

/// What a project holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// Base picture, mask and layers.
    pub state: State,
    /// What belongs to the document beside its state, in the words of whoever keeps it.
    pub about: Value,
    /// The file that the picture was opened from.
    pub original: Option<Arc<Original>>,
    /// Results that are not layers.
    pub results: Vec<ResultEntry>,
    /// What a newer program wrote and this one does not know; written again as it was.
    pub unknown: Unknown,
}

/// A file as it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Its name, without a folder.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A result that is not a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultEntry {
    /// How it was made, in the words of whoever made it.
    pub note: Value,
    /// Its pixels and where they lie.
    pub patch: Arc<Patch>,
    /// What was painted when it was made; `None`: nothing, or nobody has kept it.
    pub painted: Option<Mask>,
}

/// An entry's name and bytes.
pub type UnknownEntry = (String, Arc<Vec<u8>>);

/// What in a project this program does not know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unknown {
    /// Fields of the manifest.
    pub fields: Map<String, Value>,
    /// Fields of layers.
    pub of_layers: BTreeMap<LayerId, Map<String, Value>>,
    /// Entries of the archive under `overpaint/`.
    pub entries: Vec<UnknownEntry>,
}

/// Whether a name is that of a project.
pub fn is_named_so(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case(EXTENSION))
}
