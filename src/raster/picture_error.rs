//! [`PictureError`]: why a picture cannot be read, shown or written.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::geometry::Extent;
use crate::text::{Explain, Message, error_speaks};

/// Why no file can be written at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlaceProblem {
    /// The path names a folder, or nothing at all.
    NamesFolder,
    /// The folder it should be in does not exist.
    NoFolder(PathBuf),
    /// What should be its folder is a file.
    FolderIsFile(PathBuf),
    /// Nothing can be written to its folder, for its permissions say so.
    FolderReadOnly(PathBuf),
    /// The disk takes no name of that length.
    NameTooLong,
    /// There is a file that may not be written, not even by its owner.
    ReadOnly,
    /// There is a device, a pipe or a socket.
    NotAFile,
    /// Another of the files that are to be written lies at this place, too.
    NamedTwice(PathBuf),
}

impl PlaceProblem {
    fn message(&self, path: &Path) -> Message {
        let message = match self {
            Self::NamesFolder => Message::new("picture-place-names-folder"),
            Self::NoFolder(folder) => {
                Message::new("picture-place-no-folder").with("folder", folder.as_path())
            }
            Self::FolderIsFile(folder) => {
                Message::new("picture-place-folder-is-file").with("folder", folder.as_path())
            }
            Self::FolderReadOnly(folder) => {
                Message::new("picture-place-folder-read-only").with("folder", folder.as_path())
            }
            Self::NameTooLong => Message::new("picture-place-name-too-long"),
            Self::ReadOnly => Message::new("picture-place-read-only"),
            Self::NotAFile => Message::new("picture-place-not-a-file"),
            Self::NamedTwice(other) => {
                Message::new("picture-place-named-twice").with("other", other.as_path())
            }
        };
        message.with("path", path)
    }
}

/// Why a picture cannot be read, shown or written. A path is the file's, or the name under which
/// bytes without a file (clipboard) were given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PictureError {
    /// The file cannot be opened or read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        why: String,
    },
    /// The file holds no byte.
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// The content is no kind of picture known here.
    NotAPicture {
        /// The file.
        path: PathBuf,
    },
    /// The content is of a kind that is known but not opened.
    Foreign {
        /// The file.
        path: PathBuf,
        /// Name of the kind, such as "HEIC".
        kind: String,
    },
    /// More than one frame.
    Animated {
        /// The file.
        path: PathBuf,
        /// Name of the kind, such as "GIF".
        kind: String,
    },
    /// Made of printing inks.
    Cmyk {
        /// The file.
        path: PathBuf,
    },
    /// Numbers that are not 1…16-bit integers, or channels without a meaning here.
    UnusualSamples {
        /// The file.
        path: PathBuf,
        /// What they are.
        what: String,
    },
    /// The pixels are compressed in a way that is not read.
    UnusualCompression {
        /// The file.
        path: PathBuf,
        /// Its name.
        kind: String,
    },
    /// The file ends early or contradicts itself.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        why: String,
    },
    /// The header says that there is no pixel.
    NoPixels {
        /// The file.
        path: PathBuf,
    },
    /// The header says that there are more pixels than the program takes.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What the header says.
        extent: Extent,
    },
    /// A mask whose shape is not that of the picture.
    MaskShape {
        /// The mask's file.
        path: PathBuf,
        /// Size of the mask.
        mask: Extent,
        /// Size of the picture.
        picture: Extent,
    },
    /// The alpha channel was asked for, and every pixel is opaque.
    MaskWithoutAlpha {
        /// The mask's file.
        path: PathBuf,
    },
    /// The colour profile cannot be used.
    Profile {
        /// What is wrong with it.
        why: String,
    },
    /// The name does not say which kind of file to write, or a kind that is not written.
    UnknownExtension {
        /// The file.
        path: PathBuf,
    },
    /// The kind of file cannot hold a picture of this size.
    TooLargeForFormat {
        /// The file.
        path: PathBuf,
        /// Name of the kind.
        kind: String,
        /// Longest side it can hold.
        limit_px: u32,
    },
    /// No file can be written there, as is known without trying.
    NoPlace {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: PlaceProblem,
    },
    /// The file cannot be written. What was there before is untouched.
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system or the encoder says.
        why: String,
    },
}

impl Explain for PictureError {
    fn message(&self) -> Message {
        let about = |key, path: &PathBuf| Message::new(key).with("path", path.as_path());
        match self {
            Self::Read { path, why } => about("picture-unreadable", path).with("why", why.clone()),
            Self::EmptyFile { path } => about("picture-empty-file", path),
            Self::NotAPicture { path } => about("picture-not-a-picture", path),
            Self::Foreign { path, kind } => {
                about("picture-foreign", path).with("kind", kind.clone())
            }
            Self::Animated { path, kind } => {
                about("picture-animated", path).with("kind", kind.clone())
            }
            Self::Cmyk { path } => about("picture-cmyk", path),
            Self::UnusualSamples { path, what } => {
                about("picture-unusual-samples", path).with("what", what.clone())
            }
            Self::UnusualCompression { path, kind } => {
                about("picture-unusual-compression", path).with("kind", kind.clone())
            }
            Self::Damaged { path, why } => about("picture-damaged", path).with("why", why.clone()),
            Self::NoPixels { path } => about("picture-no-pixels", path),
            Self::TooLarge { path, extent } => {
                about("picture-too-large", path).with("size", extent.to_string())
            }
            Self::MaskWithoutAlpha { path } => about("picture-mask-without-alpha", path),
            Self::MaskShape {
                path,
                mask,
                picture,
            } => about("picture-mask-shape", path)
                .with("mask", mask.to_string())
                .with("picture", picture.to_string()),
            Self::Profile { why } => Message::new("picture-bad-profile").with("why", why.clone()),
            Self::UnknownExtension { path } => about("picture-unknown-extension", path),
            Self::TooLargeForFormat {
                path,
                kind,
                limit_px,
            } => about("picture-too-large-for-format", path)
                .with("kind", kind.clone())
                .with("limit", limit_px.to_string()),
            Self::NoPlace { path, problem } => problem.message(path),
            Self::Write { path, why } => about("picture-unwritable", path).with("why", why.clone()),
        }
    }
}

error_speaks!(PictureError);
