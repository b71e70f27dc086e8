//! What a recipe says of the files that are written.

use serde::{Deserialize, Serialize};

use super::words;
use crate::raster::FileFormat;

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutputSection {
    /// The file's name, with places `{stem}`, `{strength}`, `{seed}`, `{from}` (the ending of the
    /// picture's file), `{ext}` and the names of lists; `None`: `{stem}`, what differs, `{ext}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which kind of file; `None`: as the picture, or PNG where that kind is not written.
    #[serde(with = "words::format", skip_serializing_if = "Option::is_none")]
    pub format: Option<OutputFormat>,
    /// Quality of a JPEG, 1 to 100; `None`: as the picture's own file, or what an edit writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
    /// Whether the settings are written into the file.
    pub metadata: bool,
}

impl Default for OutputSection {
    fn default() -> Self {
        Self {
            name: None,
            format: None,
            quality: None,
            metadata: true,
        }
    }
}

/// A kind of file that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputFormat(pub FileFormat);

impl OutputFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self(FileFormat::Png),
        Self(FileFormat::Jpeg),
        Self(FileFormat::WebP),
        Self(FileFormat::Tiff),
    ];

    /// Its name in a recipe.
    pub const fn id(self) -> &'static str {
        match self.0 {
            FileFormat::Jpeg => "jpeg",
            FileFormat::WebP => "webp",
            FileFormat::Tiff => "tiff",
            _ => "png",
        }
    }
}
