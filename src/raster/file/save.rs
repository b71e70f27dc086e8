//! From a [`Picture`] to a file.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use image_webp::{ColorType as WebPColour, WebPEncoder};
use jpeg_encoder::{ColorType, Encoder, PixelDensity, PixelDensityUnit, SamplingFactor};
use serde::{Deserialize, Serialize};

use super::outgoing::{AnyError, Outgoing, Samples};
use super::{
    ColourLayout, FileFormat, FileOrigin, JpegCoding, PictureError, PictureNote, Resolution,
};
use super::{jpeg_segments, save_tiff, target};
use crate::raster::Picture;

/// The settings a picture was made with, as they are written beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecipeText {
    /// The form other programs read.
    pub parameters: String,
    /// Our own, complete.
    pub json: String,
}

/// The quality of a JPEG for which nothing else is said.
pub const DEFAULT_JPEG_QUALITY: u8 = 92;

/// Bytes that are handed to the system at once.
const BUFFER_BYTES: usize = 1 << 20;

/// How a picture is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SaveOptions {
    /// `None`: as the extension says.
    pub format: Option<FileFormat>,
    /// 1…100. `None`: as the origin's file was compressed where that was a JPEG, else
    /// [`DEFAULT_JPEG_QUALITY`].
    pub jpeg_quality: Option<u8>,
    /// The settings to write. `None` writes none and takes those of the origin out too; a comment
    /// that is somebody's words stays either way.
    pub recipe: Option<RecipeText>,
}

/// Writes `picture` to `path`, whole or not at all.
///
/// PNG and TIFF give back every number and the profile's bytes. WebP is lossless in 8 bits. JPEG
/// is lossy in 8 bits and has no alpha: the picture is laid on white. What the origin carried is
/// written in the form each kind of file has for it. What a kind of file cannot take is said in the
/// notes.
pub fn save(
    path: &Path,
    picture: &Picture,
    origin: &FileOrigin,
    options: &SaveOptions,
) -> Result<Vec<PictureNote>, PictureError> {
    let format = target::writable_format(path, options.format)?;
    target::check_size(path, format, picture.extent())?;
    target::check_place(path)?;
    let outgoing = Outgoing::new(picture, origin, options, format)?;
    write_whole(path, |file| match format {
        FileFormat::Png => outgoing.write_png(file),
        FileFormat::Jpeg => {
            outgoing.write_jpeg(file, options.jpeg_quality, origin.carried.jpeg.as_ref())
        }
        FileFormat::WebP => outgoing.write_webp(file),
        FileFormat::Tiff | FileFormat::Bmp | FileFormat::Gif => save_tiff::write(&outgoing, file),
    })?;
    Ok(outgoing.notes)
}

/// A picture as the bytes of a PNG: every number and the profile, nothing else.
pub fn png_bytes(picture: &Picture) -> Result<Vec<u8>, PictureError> {
    png_with(picture, &FileOrigin::default())
}

/// As [`png_bytes`], with what `origin` carries.
pub(super) fn png_with(picture: &Picture, origin: &FileOrigin) -> Result<Vec<u8>, PictureError> {
    let options = SaveOptions::default();
    let outgoing = Outgoing::new(picture, origin, &options, FileFormat::Png)?;
    let mut bytes = Vec::new();
    let written = outgoing.write_png(&mut bytes);
    written.map_err(|error| PictureError::Write {
        path: PathBuf::from("PNG"),
        why: error.to_string(),
    })?;
    Ok(bytes)
}

/// Lets `write` fill a temporary file beside `path`, which takes its place when all is on the disk.
/// So a file that also has other names (hard links) is left to them as it was. One that its owner
/// may not write is not replaced.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), AnyError>,
) -> Result<(), PictureError> {
    let fails = |error: &dyn std::fmt::Display| PictureError::Write {
        path: path.to_path_buf(),
        why: error.to_string(),
    };
    // A link stays a link: what it points to is replaced, or made where it points to nothing yet.
    let target = target::check_place(path)?;
    let folder = target.parent().unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".overpaint-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any program would create it; the user's umask is taken off by the system.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let temporary = builder.tempfile_in(folder).map_err(|error| fails(&error))?;
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, temporary.as_file());
    write(&mut writer).map_err(|error| fails(&error))?;
    writer.flush().map_err(|error| fails(&error))?;
    drop(writer);
    temporary
        .as_file()
        .sync_all()
        .map_err(|error| fails(&error))?;
    if let Ok(old) = std::fs::metadata(&target) {
        let file = temporary.as_file();
        file.set_permissions(old.permissions())
            .map_err(|error| fails(&error))?;
    }
    temporary
        .persist(&target)
        .map_err(|error| fails(&error.error))?;
    Ok(())
}

impl Outgoing<'_> {
    fn write_png(&self, file: &mut impl std::io::Write) -> Result<(), AnyError> {
        let mut info = png::Info::with_size(self.extent.width, self.extent.height);
        info.icc_profile.clone_from(&self.icc);
        info.exif_metadata.clone_from(&self.exif);
        info.color_type = match self.layout {
            ColourLayout::Grey => png::ColorType::Grayscale,
            ColourLayout::GreyAlpha => png::ColorType::GrayscaleAlpha,
            ColourLayout::Rgb => png::ColorType::Rgb,
            ColourLayout::Rgba => png::ColorType::Rgba,
        };
        let (depth, bytes) = match &self.samples {
            Samples::Eight(samples) => (png::BitDepth::Eight, Cow::Borrowed(samples.as_slice())),
            Samples::Sixteen(samples) => {
                let bytes = samples.iter().flat_map(|value| value.to_be_bytes());
                (png::BitDepth::Sixteen, Cow::Owned(bytes.collect()))
            }
        };
        info.bit_depth = depth;
        let mut encoder = png::Encoder::with_info(file, info)?;
        // Nobody should wait for a few percent of the file's size.
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header()?;
        for (kind, data) in &self.chunks {
            writer.write_chunk(png::chunk::ChunkType(*kind), data)?;
        }
        writer.write_image_data(&bytes)?;
        writer.finish()?;
        Ok(())
    }

    fn write_jpeg(
        &self,
        file: &mut BufWriter<&File>,
        quality: Option<u8>,
        of_origin: Option<&JpegCoding>,
    ) -> Result<(), AnyError> {
        let mut jpeg = Vec::new();
        let number = quality.unwrap_or(DEFAULT_JPEG_QUALITY).clamp(1, 100);
        let mut encoder = Encoder::new(&mut jpeg, number);
        // Colour is not made coarser than it was.
        encoder.set_sampling_factor(SamplingFactor::F_1_1);
        if let (None, Some(coding)) = (quality, of_origin) {
            coding.apply(&mut encoder);
        }
        if let Some((x, y, unit)) = self.resolution.and_then(Resolution::to_jfif) {
            encoder.set_density(PixelDensity {
                density: (x, y),
                unit: match unit {
                    0 => PixelDensityUnit::PixelAspectRatio,
                    1 => PixelDensityUnit::Inches,
                    _ => PixelDensityUnit::Centimeters,
                },
            });
        }
        if let Some(icc) = &self.icc {
            encoder.add_icc_profile(icc)?;
        }
        let colour = if self.layout == ColourLayout::Grey {
            ColorType::Luma
        } else {
            ColorType::Rgb
        };
        let (width, height) = (
            self.extent.width.try_into()?,
            self.extent.height.try_into()?,
        );
        encoder.encode(self.bytes()?, width, height, colour)?;
        let (head, rest) = jpeg_segments::split(&jpeg).ok_or("the encoder wrote no JPEG")?;
        file.write_all(head)?;
        for segment in &self.segments {
            segment.write(file)?;
        }
        file.write_all(rest)?;
        Ok(())
    }

    fn write_webp(&self, file: &mut BufWriter<&File>) -> Result<(), AnyError> {
        let mut encoder = WebPEncoder::new(file);
        if let Some(icc) = &self.icc {
            encoder.set_icc_profile(icc.to_vec());
        }
        if let Some(exif) = &self.exif {
            encoder.set_exif_metadata(exif.to_vec());
        }
        if let Some(packet) = self.xmp {
            encoder.set_xmp_metadata(packet.to_vec());
        }
        let colour = if self.layout == ColourLayout::Rgba {
            WebPColour::Rgba8
        } else {
            WebPColour::Rgb8
        };
        encoder.encode(self.bytes()?, self.extent.width, self.extent.height, colour)?;
        Ok(())
    }

    fn bytes(&self) -> Result<&[u8], AnyError> {
        match &self.samples {
            Samples::Eight(samples) => Ok(samples),
            Samples::Sixteen(_) => Err("16 bits in a file of 8".into()),
        }
    }
}
