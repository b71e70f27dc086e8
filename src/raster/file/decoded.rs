//! [`Decoded`]: what a decoder gives, on its way to a picture and its origin.

use std::path::Path;
use std::sync::Arc;

use image::metadata::Orientation;

use super::origin::is_settings;
use super::{Carried, ColourLayout, PARAMETERS_KEYWORD, PictureError, PictureNote, Resolution};
use super::{exif, xmp};
use crate::geometry::Extent;
use crate::raster::{Pixmap, TilePixels, Tiled};

/// A file's content before it is brought into tiles.
pub(super) struct Decoded {
    /// Before turning upright.
    pub extent: Extent,
    pub layout: ColourLayout,
    pub samples: Samples,
    pub orientation: Orientation,
    pub icc: Option<Vec<u8>>,
    pub exif: Option<Vec<u8>>,
    pub texts: Vec<(String, String)>,
    pub carried: Carried,
    pub notes: Vec<PictureNote>,
}

/// Row-major, the channels of a pixel side by side.
pub(super) enum Samples {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

/// The file ends early or contradicts itself.
pub(super) fn damaged(name: &Path, error: impl std::fmt::Display) -> PictureError {
    PictureError::Damaged {
        path: name.to_path_buf(),
        why: error.to_string(),
    }
}

impl Decoded {
    /// Decoders of GIF give alpha always.
    pub(super) fn drop_full_alpha(&mut self) {
        if let (ColourLayout::Rgba, Samples::Eight(samples)) = (self.layout, &self.samples)
            && samples
                .iter()
                .skip(3)
                .step_by(4)
                .all(|alpha| *alpha == u8::MAX)
        {
            let pixels = samples
                .chunks_exact(4)
                .filter_map(|pixel| pixel.first_chunk::<3>());
            self.samples = Samples::Eight(pixels.flatten().copied().collect());
            self.layout = ColourLayout::Rgb;
        }
    }

    /// Makes what the file says of the picture true of the upright one.
    pub(super) fn turn_what_is_carried(&mut self) {
        use Orientation as O;
        if let Some(packet) = &mut self.carried.xmp
            && xmp::make_true(Arc::<Vec<u8>>::make_mut(packet))
            && !self.notes.contains(&PictureNote::MoreLeftBehind)
        {
            self.notes.push(PictureNote::MoreLeftBehind);
        }
        let is_turned = matches!(
            self.orientation,
            O::Rotate90 | O::Rotate270 | O::Rotate90FlipH | O::Rotate270FlipH
        );
        if is_turned {
            self.carried.resolution = self.carried.resolution.map(Resolution::turned);
        }
    }

    /// Settings that lie in comments are found by their keyword from here on; what else is said in
    /// comments stays there.
    pub(super) fn find_settings(&mut self) {
        let in_exif = self.exif.as_deref().and_then(exif::user_comment);
        let mut found = in_exif.filter(|text| is_settings(text));
        self.carried.comments.retain(|comment| {
            let text = String::from_utf8_lossy(comment);
            let is_words = !is_settings(&text);
            if !is_words && found.is_none() {
                found = Some(text.into_owned());
            }
            is_words
        });
        let is_known = self.texts.iter().any(|(key, _)| key == PARAMETERS_KEYWORD);
        if let Some(text) = found.filter(|_| !is_known) {
            self.texts.push((PARAMETERS_KEYWORD.to_owned(), text));
        }
    }

    pub(super) fn into_pixmap(self) -> Pixmap {
        let Self {
            extent,
            layout,
            samples,
            orientation,
            ..
        } = self;
        match samples {
            Samples::Eight(samples) => {
                Pixmap::Rgba8(upright(extent, layout, orientation, &samples, 255))
            }
            Samples::Sixteen(samples) => {
                Pixmap::Rgba16(upright(extent, layout, orientation, &samples, 65535))
            }
        }
    }
}

/// The pixels as RGBA, turned as `orientation` says.
fn upright<T: Copy + PartialEq + Default + Send + Sync>(
    from: Extent,
    layout: ColourLayout,
    orientation: Orientation,
    samples: &[T],
    full: T,
) -> Tiled<[T; 4]> {
    use Orientation as O;
    let (w, h) = (from.width as isize, from.height as isize);
    // Number of the file's pixel shown at the top left, and steps to the right and downwards.
    let (start, right, down) = match orientation {
        O::NoTransforms => (0, 1, w),
        O::FlipHorizontal => (w - 1, -1, w),
        O::Rotate180 => (w * h - 1, -1, -w),
        O::FlipVertical => (w * (h - 1), 1, -w),
        O::Rotate90FlipH => (0, w, 1),
        O::Rotate90 => (w * (h - 1), -w, 1),
        O::Rotate270FlipH => (w * h - 1, -w, -1),
        O::Rotate270 => (w - 1, w, -1),
    };
    let extent = match orientation {
        O::NoTransforms | O::FlipHorizontal | O::Rotate180 | O::FlipVertical => from,
        O::Rotate90FlipH | O::Rotate90 | O::Rotate270FlipH | O::Rotate270 => {
            Extent::new(from.height, from.width)
        }
    };
    let channels = layout.channels();
    let nothing = [T::default(); 4];
    let pixel = |x: i32, y: i32| {
        let number = start + y as isize * down + x as isize * right;
        let at = number as usize * channels;
        match samples.get(at..at + channels) {
            Some([grey]) => [*grey, *grey, *grey, full],
            Some([grey, alpha]) => [*grey, *grey, *grey, *alpha],
            Some([r, g, b]) => [*r, *g, *b, full],
            Some([r, g, b, a]) => [*r, *g, *b, *a],
            _ => nothing,
        }
    };
    Tiled::from_tiles(extent, nothing, |rect| {
        let mut pixels = Vec::with_capacity(rect.extent().len());
        for y in rect.y..rect.bottom() {
            pixels.extend((rect.x..rect.right()).map(|x| pixel(x, y)));
        }
        if pixels.iter().all(|pixel| *pixel == nothing) {
            return TilePixels::All(nothing);
        }
        TilePixels::Each(pixels)
    })
}
