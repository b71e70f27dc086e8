//! [`ProjectError`]: why a project cannot be read or written; [`ProjectNote`]: what of a file could not
//! be taken over.

use std::path::PathBuf;

use crate::geometry::Extent;
use crate::raster::PictureError;
use crate::text::{Explain, Message, error_speaks};

/// Why a project cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectError {
    /// The file cannot be opened or read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        why: String,
    },
    /// It is no OpenRaster archive.
    NotAProject {
        /// The file.
        path: PathBuf,
    },
    /// It ends early or contradicts itself.
    Damaged {
        /// The file.
        path: PathBuf,
        /// The entry that is wrong.
        entry: String,
        /// What is wrong with it.
        why: String,
    },
    /// A later program wrote it in a way that this one would misread.
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// It has no pixels, or more than the program takes.
    Size {
        /// The file.
        path: PathBuf,
        /// What it says.
        extent: Extent,
    },
    /// A picture in it cannot be read or made, or the file cannot be written.
    Picture(PictureError),
}

impl Explain for ProjectError {
    fn message(&self) -> Message {
        let about = |key, path: &PathBuf| Message::new(key).with("path", path.as_path());
        match self {
            Self::Read { path, why } => about("project-unreadable", path).with("why", why.clone()),
            Self::NotAProject { path } => about("project-none", path),
            Self::Damaged { path, entry, why } => about("project-damaged", path)
                .with("entry", entry.clone())
                .with("why", why.clone()),
            Self::Newer { path } => about("project-newer", path),
            Self::Size { path, extent } => {
                about("project-size", path).with("extent", extent.to_string())
            }
            Self::Picture(error) => error.message(),
        }
    }
}

error_speaks!(ProjectError);

impl From<PictureError> for ProjectError {
    fn from(error: PictureError) -> Self {
        Self::Picture(error)
    }
}

/// What of another program's file is not as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectNote {
    /// Layers are mixed in ways that are not known here; they lie over each other as they are.
    BlendModes,
    /// There are texts, vectors or filters in it, which are not shown.
    OtherElements,
    /// Groups of layers were dissolved.
    Groups,
    /// Another program has changed it since it was written by this one: mask, settings and results are
    /// not taken over, because they may not fit any more.
    ChangedElsewhere,
}

impl Explain for ProjectNote {
    fn message(&self) -> Message {
        Message::new(match self {
            Self::BlendModes => "project-note-blend-modes",
            Self::OtherElements => "project-note-other-elements",
            Self::Groups => "project-note-groups",
            Self::ChangedElsewhere => "project-note-changed-elsewhere",
        })
    }
}
