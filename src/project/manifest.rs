//! [`Manifest`]: `overpaint/project.json`, which says what the entries of the archive are.
//!
//! Fields have names, so that they may come and go: one that is missing has a first value, one that is
//! not known is kept. Only a change that older programs would misread raises [`VERSION`].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version this program writes, and the newest it reads.
pub(super) const VERSION: u32 = 1;

/// What the entries of a project are.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub version: u32,
    /// Name and version of the program that wrote it.
    #[serde(default)]
    pub program: String,
    /// Entry of the base picture.
    pub base: String,
    /// Entry of the ICC profile; none: sRGB.
    #[serde(default)]
    pub profile: Option<String>,
    /// Entry of the mask; none: nothing is painted.
    #[serde(default)]
    pub mask: Option<String>,
    /// What the mask's values mean: `matte` or, where nothing is said, how far a pixel may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask_kind: Option<String>,
    /// Entry of the cut-out; none: all is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutout: Option<String>,
    /// From the lowest to the topmost.
    #[serde(default)]
    pub layers: Vec<LayerNote>,
    #[serde(default)]
    pub about: Value,
    #[serde(default)]
    pub original: Option<OriginalNote>,
    #[serde(default)]
    pub results: Vec<ResultNote>,
    /// Fields this program does not know.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// [`Manifest::mask_kind`] of a matte.
pub(super) const MATTE: &str = "matte";

/// A layer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LayerNote {
    /// Entry of its pixels.
    pub file: String,
    pub id: u64,
    #[serde(default)]
    pub name: String,
    pub x: i32,
    pub y: i32,
    #[serde(default = "shown")]
    pub visible: bool,
    #[serde(default = "opaque")]
    pub opacity: u8,
    #[serde(default)]
    pub recipe: String,
    /// Entry of what was painted when it was made; none: nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
    /// Fields this program does not know.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

fn shown() -> bool {
    true
}

fn opaque() -> u8 {
    255
}

/// The file that was opened.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OriginalNote {
    pub file: String,
    pub name: String,
}

/// A result that is not a layer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ResultNote {
    /// Entry of its pixels.
    pub file: String,
    pub x: i32,
    pub y: i32,
    #[serde(default)]
    pub note: Value,
    /// Entry of what was painted when it was made; none: nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
}
