//! Picture files: the only place that reads or writes them.
//!
//! Reading: [`load()`] (PNG, JPEG, WebP, TIFF, BMP, GIF; the content decides, not the extension).
//! Pixels keep their 8 or 16 bits and their ICC profile, EXIF orientation is applied. Everything
//! else that must survive until the picture is saved travels in a [`FileOrigin`].
//! Writing: [`save()`] (PNG, JPEG, WebP, TIFF), through a temporary file in the same folder, so that
//! a file is either the old one or the new one, whole.

mod decoded;
mod exif;
mod gif_blocks;
mod jpeg_coding;
mod jpeg_segments;
mod load;
mod load_tiff;
mod mask;
mod note;
mod origin;
mod outgoing;
mod photoshop;
mod png_chunks;
mod png_colour;
mod resolution;
mod save;
mod save_tiff;
mod sniff;
mod tags;
mod target;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_carried;
#[cfg(test)]
mod tests_saving;
mod thumbnail;
mod tiff_tags;
mod title;
mod xmp;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use super::picture_error::{PictureError, PlaceProblem};
pub use jpeg_coding::JpegCoding;
pub use load::{LoadedPicture, load, load_bytes, read};
pub use mask::{LoadedMask, MaskChannel, load_mask, mask_bytes, mask_from_bytes, save_mask};
pub use note::PictureNote;
pub use origin::{Carried, ExtendedXmp, FileOrigin, OWN_KEYWORD, PARAMETERS_KEYWORD, TextForm};
pub use png_colour::PngColour;
pub use resolution::{Resolution, ResolutionUnit};
pub use save::{DEFAULT_JPEG_QUALITY, RecipeText, SaveOptions, png_bytes, save, write_whole};
pub use sniff::MAX_PIXELS;
pub use target::{check_place, check_places, check_size, writable_format};
pub use thumbnail::{look_bytes, look_of_bytes, small_look};

/// A kind of picture file that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum FileFormat {
    /// Portable Network Graphics: lossless, 8 and 16 bits, carries the recipe.
    #[default]
    Png,
    /// JPEG: lossy, 8 bits, no alpha.
    Jpeg,
    /// WebP: read both ways, written lossless, 8 bits.
    WebP,
    /// TIFF: lossless, 8 and 16 bits.
    Tiff,
    /// Windows bitmap; only read.
    Bmp,
    /// GIF with one picture; only read.
    Gif,
}

impl FileFormat {
    /// The kinds that can be written, in the order shown to people.
    pub const WRITABLE: [Self; 4] = [Self::Png, Self::Jpeg, Self::WebP, Self::Tiff];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::Gif => "GIF",
        }
    }

    /// Extensions of its files, the usual one first.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Png => &["png"],
            Self::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Self::WebP => &["webp"],
            Self::Tiff => &["tif", "tiff"],
            Self::Bmp => &["bmp", "dib"],
            Self::Gif => &["gif"],
        }
    }

    /// The kind a file name asks for.
    pub fn of_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        let read_only = [Self::Bmp, Self::Gif];
        let mut formats = Self::WRITABLE.into_iter().chain(read_only);
        formats.find(|format| format.extensions().contains(&extension.as_str()))
    }
}

/// Which channels the file had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum ColourLayout {
    /// Grey.
    Grey,
    /// Grey and alpha.
    GreyAlpha,
    /// Colour.
    #[default]
    Rgb,
    /// Colour and alpha.
    Rgba,
}

impl ColourLayout {
    fn in_colour(self) -> Self {
        if self.has_alpha() {
            Self::Rgba
        } else {
            Self::Rgb
        }
    }

    fn with_alpha(self) -> Self {
        if self.has_colour() {
            Self::Rgba
        } else {
            Self::GreyAlpha
        }
    }

    fn without_alpha(self) -> Self {
        if self.has_colour() {
            Self::Rgb
        } else {
            Self::Grey
        }
    }

    fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    fn has_colour(self) -> bool {
        matches!(self, Self::Rgb | Self::Rgba)
    }

    fn has_alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::Rgba)
    }
}
