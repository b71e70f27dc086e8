//! From a file to a [`Picture`].

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use image::codecs::{bmp::BmpDecoder, jpeg::JpegDecoder, tiff::TiffDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, Limits};
use serde::{Deserialize, Serialize};

use super::tags::Tags;
use super::{ColourLayout, FileFormat, FileOrigin, PARAMETERS_KEYWORD, PictureError, PictureNote};
use super::{exif, metadata, sniff};
use crate::geometry::Extent;
use crate::raster::{Picture, Pixmap, Profile, Tiled, colour};

/// A picture, and what must be remembered of its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadedPicture {
    /// The picture, upright.
    pub picture: Picture,
    /// What saving needs.
    pub origin: FileOrigin,
    /// What the user may want to know.
    pub notes: Vec<PictureNote>,
}

/// Reads a picture file.
pub fn load(path: &Path) -> Result<LoadedPicture, PictureError> {
    load_bytes(&read(path)?, path)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, PictureError> {
    let bytes = match std::fs::metadata(path) {
        // A pipe ends, and `<(…)` of a shell is one; a device may go on for ever.
        Ok(found) if is_device(&found) => Err(std::io::Error::other("it is a device, not a file")),
        _ => std::fs::read(path),
    };
    bytes.map_err(|error| PictureError::Read {
        path: path.to_path_buf(),
        why: error.to_string(),
    })
}

fn is_device(file: &std::fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let kind = file.file_type();
        kind.is_char_device() || kind.is_block_device()
    }
    #[cfg(not(unix))]
    {
        _ = file;
        false
    }
}

/// Reads a picture from the bytes of a file (a drop, the clipboard). `name` is what errors call it.
pub fn load_bytes(bytes: &[u8], name: &Path) -> Result<LoadedPicture, PictureError> {
    let header = sniff::header(bytes, name)?;
    let mut decoded = match header.format {
        FileFormat::Png => png(bytes, name)?,
        FileFormat::Jpeg => by_image(
            JpegDecoder::new(Cursor::new(bytes)).map_err(|e| damaged(name, e))?,
            name,
        )?,
        FileFormat::Bmp => by_image(
            BmpDecoder::new(Cursor::new(bytes)).map_err(|e| damaged(name, e))?,
            name,
        )?,
        FileFormat::WebP => {
            let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|e| damaged(name, e))?;
            if decoder.has_animation() {
                return Err(animated(name, header.format));
            }
            by_image(decoder, name)?
        }
        FileFormat::Tiff => tiff(bytes, name)?,
    };

    let mut texts = std::mem::take(&mut decoded.texts);
    let comment = decoded.exif.as_deref().and_then(exif::user_comment);
    if let Some(comment) =
        comment.filter(|_| texts.iter().all(|(key, _)| key != PARAMETERS_KEYWORD))
    {
        texts.push((PARAMETERS_KEYWORD.to_owned(), comment));
    }
    let (profile, layout) = usable_profile(&mut decoded);
    Ok(LoadedPicture {
        origin: FileOrigin {
            format: header.format,
            layout,
            exif: decoded.exif.take().map(Arc::new),
            texts,
        },
        notes: std::mem::take(&mut decoded.notes),
        picture: Picture {
            pixels: decoded.into_pixmap(),
            profile,
        },
    })
}

fn damaged(name: &Path, error: impl std::fmt::Display) -> PictureError {
    PictureError::Damaged {
        path: name.to_path_buf(),
        why: error.to_string(),
    }
}

fn animated(name: &Path, format: FileFormat) -> PictureError {
    PictureError::Animated {
        path: name.to_path_buf(),
        kind: format.name().to_owned(),
    }
}

/// A file's content before it is brought into tiles.
struct Decoded {
    /// Before turning upright.
    extent: Extent,
    layout: ColourLayout,
    samples: Samples,
    orientation: Orientation,
    icc: Option<Vec<u8>>,
    exif: Option<Vec<u8>>,
    texts: Vec<(String, String)>,
    notes: Vec<PictureNote>,
}

/// Row-major, the channels of a pixel side by side.
enum Samples {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

/// The profile, where it can be used with such a picture, and the channels the picture then has.
fn usable_profile(decoded: &mut Decoded) -> (Profile, ColourLayout) {
    let layout = decoded.layout;
    let Some(icc) = decoded.icc.take() else {
        return (Profile::Srgb, layout);
    };
    let is_grey = colour::is_grey(&icc);
    if !colour::is_usable(&icc) || (is_grey && layout.has_colour()) {
        decoded.notes.push(PictureNote::ProfileIgnored);
        return (Profile::Srgb, layout);
    }
    // A grey file with a colour profile breaks the rules; taken as colour it makes sense.
    let layout = if is_grey { layout } else { layout.in_colour() };
    (Profile::Icc(Arc::new(icc)), layout)
}

fn png(bytes: &[u8], name: &Path) -> Result<Decoded, PictureError> {
    let fails = |error: png::DecodingError| damaged(name, error);
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(fails)?;
    if reader
        .info()
        .animation_control()
        .is_some_and(|animation| animation.num_frames > 1)
    {
        return Err(animated(name, FileFormat::Png));
    }
    let size = reader.output_buffer_size().unwrap_or_default();
    let mut buffer = vec![0; size];
    reader.next_frame(&mut buffer).map_err(fails)?;
    // Texts may follow the pixels. What follows cannot harm the picture any more.
    reader.finish().ok();

    let info = reader.info();
    let (colour_type, depth) = reader.output_color_type();
    let layout = match colour_type {
        png::ColorType::Grayscale => ColourLayout::Grey,
        png::ColorType::GrayscaleAlpha => ColourLayout::GreyAlpha,
        png::ColorType::Rgba => ColourLayout::Rgba,
        png::ColorType::Rgb | png::ColorType::Indexed => ColourLayout::Rgb,
    };
    let samples = if depth == png::BitDepth::Sixteen {
        let pairs = buffer
            .chunks_exact(2)
            .filter_map(|pair| pair.try_into().ok());
        Samples::Sixteen(pairs.map(u16::from_be_bytes).collect())
    } else {
        Samples::Eight(buffer)
    };
    let block = info
        .exif_metadata
        .as_ref()
        .map(|block| exif::cleaned(block.to_vec()));
    Ok(Decoded {
        extent: Extent::new(info.width, info.height),
        layout,
        samples,
        orientation: block
            .as_ref()
            .map_or(Orientation::NoTransforms, |(_, turn)| *turn),
        icc: info.icc_profile.as_ref().map(|icc| icc.to_vec()),
        exif: block.map(|(block, _)| block),
        texts: metadata::texts(info),
        notes: Vec::new(),
    })
}

/// Reads what the `image` crate decodes.
fn by_image(mut decoder: impl ImageDecoder, name: &Path) -> Result<Decoded, PictureError> {
    let (width, height) = decoder.dimensions();
    let extent = Extent::new(width, height);
    sniff::check_extent(extent, name)?;
    let fails = |error: ImageError| match error {
        ImageError::Unsupported(what) => PictureError::UnusualSamples {
            path: name.to_path_buf(),
            what: what.to_string(),
        },
        error => damaged(name, error),
    };
    // The extent has been checked; what a codec needs beside the pixels stays bounded.
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(decoder.total_bytes().saturating_mul(2) + (512 << 20));
    decoder.set_limits(limits).map_err(fails)?;
    let icc = decoder.icc_profile().map_err(fails)?;
    let block = decoder.exif_metadata().map_err(fails)?.map(exif::cleaned);
    // TIFF files say it in a tag of their own.
    let tagged = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (layout, sixteen) = match decoder.color_type() {
        ColorType::L8 => (ColourLayout::Grey, false),
        ColorType::La8 => (ColourLayout::GreyAlpha, false),
        ColorType::Rgb8 => (ColourLayout::Rgb, false),
        ColorType::Rgba8 => (ColourLayout::Rgba, false),
        ColorType::L16 => (ColourLayout::Grey, true),
        ColorType::La16 => (ColourLayout::GreyAlpha, true),
        ColorType::Rgb16 => (ColourLayout::Rgb, true),
        ColorType::Rgba16 => (ColourLayout::Rgba, true),
        other => {
            return Err(PictureError::UnusualSamples {
                path: name.to_path_buf(),
                what: format!("{other:?}"),
            });
        }
    };
    let bytes = decoder.total_bytes() as usize;
    let samples = if sixteen {
        let mut samples = vec![0u16; bytes / 2];
        decoder
            .read_image(bytemuck::cast_slice_mut(&mut samples))
            .map_err(fails)?;
        Samples::Sixteen(samples)
    } else {
        let mut samples = vec![0; bytes];
        decoder.read_image(&mut samples).map_err(fails)?;
        Samples::Eight(samples)
    };
    Ok(Decoded {
        extent,
        layout,
        samples,
        orientation: block.as_ref().map_or(tagged, |(_, turn)| *turn),
        icc,
        exif: block.map(|(block, _)| block),
        texts: Vec::new(),
        notes: Vec::new(),
    })
}

fn tiff(bytes: &[u8], name: &Path) -> Result<Decoded, PictureError> {
    const EXTRA_SAMPLES: u16 = 338;
    const ICC_PROFILE: u16 = 34675;
    const ASSOCIATED_ALPHA: u32 = 1;
    let decoder = TiffDecoder::new(Cursor::new(bytes)).map_err(|error| match error {
        ImageError::Unsupported(what) => PictureError::UnusualSamples {
            path: name.to_path_buf(),
            what: what.to_string(),
        },
        error => damaged(name, error),
    })?;
    let mut decoded = by_image(decoder, name)?;
    let directory = Tags::new(bytes).and_then(|tags| Some((tags, tags.first_directory()?)));
    if let Some((tags, at)) = directory {
        // image 0.25.10 finds no profile in files where this does; bytes of any type will do.
        let icc = tags
            .field(at, ICC_PROFILE)
            .map(|field| tags.value(field).to_vec());
        decoded.icc = decoded.icc.or(icc);
        if tags.next_directory(at).is_some() {
            decoded.notes.push(PictureNote::FirstPageOnly);
        }
        if decoded.layout.has_alpha() && tags.number(at, EXTRA_SAMPLES) == Some(ASSOCIATED_ALPHA) {
            decoded.notes.push(PictureNote::AlphaUnmultiplied);
            let channels = if decoded.layout.has_colour() { 4 } else { 2 };
            match &mut decoded.samples {
                Samples::Eight(samples) => unmultiply(samples, channels, 255),
                Samples::Sixteen(samples) => unmultiply(samples, channels, 65535),
            }
        }
    }
    Ok(decoded)
}

/// Divides the colours by alpha; `channels` a pixel, alpha last.
fn unmultiply<T: Copy + Into<u32> + TryFrom<u32>>(samples: &mut [T], channels: usize, full: u32) {
    for pixel in samples.chunks_exact_mut(channels) {
        let Some((alpha, colours)) = pixel.split_last_mut() else {
            continue;
        };
        let alpha: u32 = (*alpha).into();
        for colour in colours {
            let value: u32 = (*colour).into();
            // Up to 65535², which fits.
            let straight = (value * full + alpha / 2)
                .checked_div(alpha)
                .unwrap_or(0)
                .min(full);
            *colour = T::try_from(straight).unwrap_or(*colour);
        }
    }
}

impl Decoded {
    fn into_pixmap(self) -> Pixmap {
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
fn upright<T: Copy + PartialEq + Default>(
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
    let channels = match layout {
        ColourLayout::Grey => 1,
        ColourLayout::GreyAlpha => 2,
        ColourLayout::Rgb => 3,
        ColourLayout::Rgba => 4,
    };
    let mut plane = Tiled::filled(extent, [T::default(); 4]);
    let mut row = Vec::with_capacity(extent.width as usize);
    for y in 0..extent.height {
        row.clear();
        let first = start + y as isize * down;
        row.extend((0..extent.width as isize).map(|x| {
            let at = (first + x * right) as usize * channels;
            match samples.get(at..at + channels) {
                Some([grey]) => [*grey, *grey, *grey, full],
                Some([grey, alpha]) => [*grey, *grey, *grey, *alpha],
                Some([r, g, b]) => [*r, *g, *b, full],
                Some([r, g, b, a]) => [*r, *g, *b, *a],
                _ => [T::default(); 4],
            }
        }));
        plane.write_row(0, y, &row);
    }
    plane
}
