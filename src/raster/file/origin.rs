//! [`FileOrigin`]: what a picture's file carried beside its pixels, on its way to the next file.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::jpeg_coding::JpegCoding;
use super::png_colour::PngColour;
use super::resolution::Resolution;
use super::{ColourLayout, FileFormat};

/// Keyword under which generated pictures carry their settings as text.
pub const PARAMETERS_KEYWORD: &str = "parameters";
/// Keyword under which Overpaint's own settings lie, as JSON.
pub const OWN_KEYWORD: &str = "overpaint";

/// What is known of the file a picture came from, beside pixels and profile: what saving needs to
/// give it back. The default is that of a picture that comes from no file.
///
/// Journals hold it by position: new fields go to the end of [`Carried`], which is last, and
/// `editor::journaling` reads journals that end before them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FileOrigin {
    /// What kind of file it was.
    pub format: FileFormat,
    /// Which channels it had. A picture that was grey is written grey while it stays grey; one
    /// without alpha is written without while it stays opaque.
    pub layout: ColourLayout,
    /// Its EXIF block, upright and without thumbnail. Of a TIFF file: its descriptive tags.
    pub exif: Option<Arc<Vec<u8>>>,
    /// Its texts by keyword: the text chunks of a PNG, and the settings in a comment, under
    /// [`PARAMETERS_KEYWORD`].
    pub texts: Vec<(String, String)>,
    /// The rest.
    pub carried: Carried,
}

/// What else a file may carry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Carried {
    /// How large it is printed.
    pub resolution: Option<Resolution>,
    /// The colour chunks of a PNG.
    pub colour: PngColour,
    /// The profile of a PNG whose cICP chunk goes before it.
    pub icc_beside: Option<Arc<Vec<u8>>>,
    /// Its XMP packet.
    pub xmp: Option<Arc<Vec<u8>>>,
    /// What did not fit into a JPEG's XMP packet.
    pub xmp_extended: Option<ExtendedXmp>,
    /// The comments of a JPEG or GIF that are no settings.
    pub comments: Vec<Vec<u8>>,
    /// Photoshop's block of resources, with IPTC's captions; without thumbnails.
    pub photoshop: Option<Arc<Vec<u8>>>,
    /// How each of the origin's texts stood in a PNG; where the list ends, as its letters allow.
    pub text_forms: Vec<TextForm>,
    /// How a JPEG was compressed.
    #[serde(default)]
    pub jpeg: Option<JpegCoding>,
}

/// Adobe's second part of a packet in JPEG (XMP specification part 3, 1.1.3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendedXmp {
    /// The name under which the packet asks for it: 32 letters.
    pub guid: Vec<u8>,
    /// The part, put together.
    pub bytes: Arc<Vec<u8>>,
}

/// The kind of chunk a PNG keeps a text in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextForm {
    /// `tEXt`: Latin-1.
    Latin,
    /// `zTXt`: Latin-1, compressed.
    LatinPacked,
    /// `iTXt`: Unicode.
    Unicode {
        /// Compressed.
        packed: bool,
        /// The language's tag.
        language: String,
        /// The keyword in that language.
        keyword: String,
    },
}

impl FileOrigin {
    /// The text under that keyword.
    pub fn text(&self, keyword: &str) -> Option<&str> {
        let mut texts = self.texts.iter();
        texts
            .find(|(key, _)| key == keyword)
            .map(|(_, text)| text.as_str())
    }
}

/// Whether a comment is the settings of a generated picture, in the form that AUTOMATIC1111's web
/// UI made common: it ends in a line of `Key: value` with the number of steps among them. Anything
/// else is somebody's words and stays.
pub(super) fn is_settings(text: &str) -> bool {
    let last = text.trim().lines().next_back().unwrap_or_default();
    last.split(", ").count() >= 3
        && last.split(", ").any(|pair| {
            let steps = pair.trim().strip_prefix("Steps: ");
            steps.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_from_words() {
        for settings in [
            "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7",
            "\nSteps: 2, Sampler: DDIM, Schedule type: Simple, CFG scale: 7, Seed: 1",
        ] {
            assert!(is_settings(settings), "{settings}");
        }
        for words in [
            "",
            "Grandma, 80th birthday",
            "Steps: the old ones, behind the house, at noon",
            "Steps: 39, said the guide",
            "Where: Rome, When: 1999, Who: we\nand so on",
        ] {
            assert!(!is_settings(words), "{words}");
        }
    }
}
