//! From a file to a [`Picture`].

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use image::codecs::{bmp::BmpDecoder, gif::GifDecoder, jpeg::JpegDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, Limits};
use serde::{Deserialize, Serialize};

use super::decoded::{Decoded, Samples, damaged};
use super::png_colour::Meaning;
use super::{Carried, ColourLayout, FileFormat, FileOrigin, PictureError, PictureNote};
use super::{exif, gif_blocks, jpeg_segments, load_tiff, png_chunks, sniff};
use crate::geometry::Extent;
use crate::raster::{Picture, Profile, colour};

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

/// The bytes of a picture file.
pub fn read(path: &Path) -> Result<Vec<u8>, PictureError> {
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
        FileFormat::Jpeg => jpeg(bytes, name)?,
        FileFormat::Bmp => {
            let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(|e| damaged(name, e))?;
            let mut decoded = by_image(decoder, name)?;
            decoded.carried.resolution = sniff::bmp_resolution(bytes);
            decoded
        }
        FileFormat::Gif => gif(bytes, name)?,
        FileFormat::WebP => {
            let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|e| damaged(name, e))?;
            if decoder.has_animation() {
                return Err(animated(name, header.format));
            }
            by_image(decoder, name)?
        }
        FileFormat::Tiff => load_tiff::read(bytes, name)?,
    };
    decoded.turn_what_is_carried();
    decoded.find_settings();
    let (profile, layout) = usable_profile(&mut decoded);
    Ok(LoadedPicture {
        origin: FileOrigin {
            format: header.format,
            layout,
            exif: decoded.exif.take().map(Arc::new),
            texts: std::mem::take(&mut decoded.texts),
            carried: std::mem::take(&mut decoded.carried),
        },
        notes: std::mem::take(&mut decoded.notes),
        picture: Picture {
            pixels: decoded.into_pixmap(),
            profile,
        },
    })
}

fn animated(name: &Path, format: FileFormat) -> PictureError {
    PictureError::Animated {
        path: name.to_path_buf(),
        kind: format.name().to_owned(),
    }
}

/// What the file says its numbers mean, where it can be used with such a picture, and the channels
/// the picture then has.
fn usable_profile(decoded: &mut Decoded) -> (Profile, ColourLayout) {
    let layout = decoded.layout;
    let is_grey_picture = !layout.has_colour();
    let colours = decoded.carried.colour;
    match colours.meaning_of_cicp() {
        Meaning::Is(profile) => {
            // Kept for programs that know the older chunk only.
            decoded.carried.icc_beside = decoded.icc.take().map(Arc::new);
            let is_plain = profile == Profile::Srgb;
            return (profile, if is_plain { layout } else { layout.in_colour() });
        }
        Meaning::Unusable => decoded.notes.push(PictureNote::ProfileIgnored),
        Meaning::Silent => {}
    }
    let Some(icc) = decoded.icc.take() else {
        return match colours.meaning(is_grey_picture) {
            Meaning::Is(profile) => (profile, layout),
            Meaning::Silent => (Profile::Srgb, layout),
            Meaning::Unusable => {
                decoded.notes.push(PictureNote::ProfileIgnored);
                (Profile::Srgb, layout)
            }
        };
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
    let found = png_chunks::read(bytes);
    let block = info
        .exif_metadata
        .as_ref()
        .map(|block| exif::cleaned(block.to_vec()));
    let (mut texts, mut text_forms) = (Vec::new(), Vec::new());
    for text in found.texts {
        texts.push((text.keyword, text.content));
        text_forms.push(text.form);
    }
    let carried = Carried {
        resolution: found.resolution,
        colour: found.colour,
        xmp: found.xmp.map(Arc::new),
        text_forms,
        ..Carried::default()
    };
    let notes = if found.has_more {
        vec![PictureNote::MoreLeftBehind]
    } else {
        Vec::new()
    };
    Ok(Decoded {
        extent: Extent::new(info.width, info.height),
        layout,
        samples,
        orientation: block
            .as_ref()
            .map_or(Orientation::NoTransforms, |(_, turn)| *turn),
        icc: info.icc_profile.as_ref().map(|icc| icc.to_vec()),
        exif: block.map(|(block, _)| block),
        texts,
        carried,
        notes,
    })
}

fn jpeg(bytes: &[u8], name: &Path) -> Result<Decoded, PictureError> {
    let decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(|e| damaged(name, e))?;
    let mut decoded = by_image(decoder, name)?;
    let found = jpeg_segments::read(bytes);
    if found.is_in_planes && decoded.layout == ColourLayout::Rgb {
        decoded.samples = in_planes(bytes, decoded.extent, name)?;
    }
    decoded.carried = Carried {
        resolution: found.resolution.or(decoded.carried.resolution),
        xmp: found.xmp.map(Arc::new),
        xmp_extended: found.xmp_extended,
        comments: found.comments,
        photoshop: found.photoshop.map(Arc::new),
        jpeg: found.coding,
        ..Carried::default()
    };
    if found.has_more {
        decoded.notes.push(PictureNote::MoreLeftBehind);
    }
    Ok(decoded)
}

/// The pixels of a JPEG in whose scans the components lie apart: zune-jpeg 0.5 gives others where chroma is
/// coarser than luma and the sides are no multiples of 16.
fn in_planes(bytes: &[u8], extent: Extent, name: &Path) -> Result<Samples, PictureError> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(extent.len() * 3);
    let pixels = decoder.decode().map_err(|error| damaged(name, error))?;
    if pixels.len() != extent.len() * 3 {
        return Err(damaged(name, "its two decoders see two sizes"));
    }
    Ok(Samples::Eight(pixels))
}

fn gif(bytes: &[u8], name: &Path) -> Result<Decoded, PictureError> {
    let found = gif_blocks::read(bytes);
    if found.frames > 1 {
        return Err(animated(name, FileFormat::Gif));
    }
    if !found.is_whole {
        return Err(damaged(name, "the file ends early"));
    }
    let decoder = GifDecoder::new(Cursor::new(bytes)).map_err(|e| damaged(name, e))?;
    let mut decoded = by_image(decoder, name)?;
    decoded.drop_full_alpha();
    decoded.carried.resolution = found.resolution;
    decoded.carried.comments = found.comments;
    decoded.carried.xmp = found.xmp.map(Arc::new);
    Ok(decoded)
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
    let packet = decoder.xmp_metadata().unwrap_or_default();
    let block = decoder.exif_metadata().map_err(fails)?.map(exif::cleaned);
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
        orientation: block
            .as_ref()
            .map_or(Orientation::NoTransforms, |(_, turn)| *turn),
        icc,
        carried: Carried {
            resolution: block
                .as_ref()
                .and_then(|(block, _)| exif::resolution(block)),
            xmp: packet.map(Arc::new),
            ..Carried::default()
        },
        exif: block.map(|(block, _)| block),
        texts: Vec::new(),
        notes: Vec::new(),
    })
}
