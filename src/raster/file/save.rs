//! From a [`Picture`] to a file.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use image::codecs::{jpeg::JpegEncoder, webp::WebPEncoder};
use image::{ExtendedColorType, ImageEncoder};
use serde::{Deserialize, Serialize};
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, colortype as tiff_colour};
use tiff::tags::{ExtraSamples, Predictor, Tag};

use super::metadata::{OWN_KEYWORD, PARAMETERS_KEYWORD};
use super::{ColourLayout, FileFormat, FileOrigin, PictureError, PictureNote};
use super::{exif, metadata, target};
use crate::geometry::{Extent, Rect};
use crate::raster::{Picture, Pixmap, Profile, Tiled, colour};

/// The settings a picture was made with, as they are written beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecipeText {
    /// The form other programs read.
    pub parameters: String,
    /// Our own, complete.
    pub json: String,
}

/// How a picture is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveOptions {
    /// `None`: as the extension says.
    pub format: Option<FileFormat>,
    /// 1…100.
    pub jpeg_quality: u8,
    /// The settings to write. `None` writes none and takes those of the origin out too.
    pub recipe: Option<RecipeText>,
}

impl Default for SaveOptions {
    fn default() -> Self {
        Self {
            format: None,
            jpeg_quality: 92,
            recipe: None,
        }
    }
}

/// Writes `picture` to `path`, whole or not at all.
///
/// PNG and TIFF give back every number and the profile's bytes. WebP is lossless in 8 bits. JPEG
/// is lossy in 8 bits and has no alpha: the picture is laid on white. What a kind of file cannot
/// take is said in the notes.
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
        FileFormat::Jpeg => outgoing.write_jpeg(file, options.jpeg_quality),
        FileFormat::WebP => outgoing.write_webp(file),
        FileFormat::Tiff | FileFormat::Bmp => outgoing.write_tiff(file),
    })?;
    Ok(outgoing.notes)
}

type AnyError = Box<dyn std::error::Error>;

/// Lets `write` fill a temporary file beside `path`, which takes its place when all is on the disk.
/// So a file that also has other names (hard links) is left to them as it was. One that its owner
/// may not write is not replaced.
pub(super) fn write_whole(
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
    let mut writer = BufWriter::new(temporary.as_file());
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

/// A picture brought into the shape of a file.
struct Outgoing<'a> {
    extent: Extent,
    layout: ColourLayout,
    samples: Samples,
    icc: Option<Cow<'a, [u8]>>,
    exif: Option<Cow<'a, [u8]>>,
    texts: Vec<(&'a str, &'a str)>,
    notes: Vec<PictureNote>,
}

enum Samples {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

impl<'a> Outgoing<'a> {
    fn new(
        picture: &'a Picture,
        origin: &'a FileOrigin,
        options: &'a SaveOptions,
        format: FileFormat,
    ) -> Result<Self, PictureError> {
        let mut notes = Vec::new();
        let (is_grey, is_opaque) = match &picture.pixels {
            Pixmap::Rgba8(plane) => nature(plane, u8::MAX),
            Pixmap::Rgba16(plane) => nature(plane, u16::MAX),
        };
        let mut layout = origin.layout;
        if !is_grey {
            layout = layout.in_colour();
        }
        if !is_opaque {
            layout = layout.with_alpha();
        }
        if matches!(&picture.profile, Profile::Icc(icc) if !colour::is_grey(icc)) {
            // A colour profile must not stand beside grey numbers.
            layout = layout.in_colour();
        }
        match format {
            FileFormat::Jpeg if layout.has_alpha() => {
                if !is_opaque {
                    notes.push(PictureNote::AlphaFlattened);
                }
                layout = layout.without_alpha();
            }
            // WebP knows no grey, and the TIFF encoder no grey with alpha.
            FileFormat::WebP => layout = layout.in_colour(),
            FileFormat::Tiff if layout.has_alpha() => layout = ColourLayout::Rgba,
            _ => {}
        }
        let icc = match &picture.profile {
            Profile::Srgb => None,
            Profile::Icc(icc) if colour::is_grey(icc) && layout.has_colour() => {
                Some(Cow::Owned(colour::rgb_twin(icc)?))
            }
            Profile::Icc(icc) => Some(Cow::Borrowed(icc.as_slice())),
        };
        let eight_only = matches!(format, FileFormat::Jpeg | FileFormat::WebP);
        let samples = match &picture.pixels {
            Pixmap::Rgba8(plane) => Samples::Eight(pack(plane, layout, u8::MAX)),
            Pixmap::Rgba16(plane) if eight_only => {
                notes.push(PictureNote::DepthReduced);
                let plane = plane.map(|p| p.map(|v| ((u32::from(v) + 128) / 257) as u8));
                Samples::Eight(pack(&plane, layout, u8::MAX))
            }
            Pixmap::Rgba16(plane) => Samples::Sixteen(pack(plane, layout, u16::MAX)),
        };
        let mut outgoing = Self {
            extent: picture.extent(),
            layout,
            samples,
            icc,
            exif: origin
                .exif
                .as_ref()
                .map(|block| Cow::Borrowed(block.as_slice())),
            texts: Vec::new(),
            notes,
        };
        outgoing.add_metadata(origin, options, format);
        Ok(outgoing)
    }

    fn add_metadata(
        &mut self,
        origin: &'a FileOrigin,
        options: &'a SaveOptions,
        format: FileFormat,
    ) {
        let recipe = options.recipe.as_ref();
        // An old comment with settings would contradict the picture.
        if let Some(block) = &self.exif
            && (recipe.is_some() || origin.text(PARAMETERS_KEYWORD).is_some())
            && exif::user_comment(block).is_some()
        {
            self.exif = exif::with_user_comment(Some(block), "").map(Cow::Owned);
        }
        match format {
            FileFormat::Png => {
                let others = |key: &str| key != PARAMETERS_KEYWORD && key != OWN_KEYWORD;
                let kept = origin.texts.iter().filter(|(key, _)| others(key));
                self.texts
                    .extend(kept.map(|(key, text)| (key.as_str(), text.as_str())));
                if let Some(recipe) = recipe {
                    self.texts.push((PARAMETERS_KEYWORD, &recipe.parameters));
                    self.texts.push((OWN_KEYWORD, &recipe.json));
                }
            }
            FileFormat::Jpeg | FileFormat::WebP => {
                if let Some(recipe) = recipe {
                    let block = exif::with_user_comment(self.exif.as_deref(), &recipe.parameters);
                    match block.filter(|block| format != FileFormat::Jpeg || fits_segment(block)) {
                        Some(block) => self.exif = Some(Cow::Owned(block)),
                        None => self.notes.push(PictureNote::RecipeLeftOut),
                    }
                }
                if format == FileFormat::Jpeg
                    && self.exif.as_deref().is_some_and(|b| !fits_segment(b))
                {
                    self.notes.push(PictureNote::ExifLeftOut);
                    self.exif = None;
                }
            }
            FileFormat::Tiff | FileFormat::Bmp => {
                if recipe.is_some() {
                    self.notes.push(PictureNote::RecipeLeftOut);
                }
                if self.exif.is_some() {
                    self.notes.push(PictureNote::ExifLeftOut);
                }
            }
        }
    }

    fn write_png(&self, file: &mut BufWriter<&File>) -> Result<(), AnyError> {
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
        for (keyword, text) in &self.texts {
            metadata::write_text(&mut writer, keyword, text)?;
        }
        writer.write_image_data(&bytes)?;
        writer.finish()?;
        Ok(())
    }

    fn write_jpeg(&self, file: &mut BufWriter<&File>, quality: u8) -> Result<(), AnyError> {
        self.write_by_image(JpegEncoder::new_with_quality(file, quality.clamp(1, 100)))
    }

    fn write_webp(&self, file: &mut BufWriter<&File>) -> Result<(), AnyError> {
        self.write_by_image(WebPEncoder::new_lossless(file))
    }

    fn write_by_image(&self, mut encoder: impl ImageEncoder) -> Result<(), AnyError> {
        if let Some(icc) = &self.icc {
            encoder.set_icc_profile(icc.to_vec())?;
        }
        if let Some(exif) = &self.exif {
            encoder.set_exif_metadata(exif.to_vec())?;
        }
        let Samples::Eight(samples) = &self.samples else {
            return Err("16 bits in a file of 8".into());
        };
        let colour = match self.layout {
            ColourLayout::Grey => ExtendedColorType::L8,
            ColourLayout::GreyAlpha => ExtendedColorType::La8,
            ColourLayout::Rgb => ExtendedColorType::Rgb8,
            ColourLayout::Rgba => ExtendedColorType::Rgba8,
        };
        encoder.write_image(samples, self.extent.width, self.extent.height, colour)?;
        Ok(())
    }

    fn write_tiff(&self, file: &mut BufWriter<&File>) -> Result<(), AnyError> {
        use ColourLayout as L;
        match (&self.samples, self.layout) {
            (Samples::Eight(samples), L::Rgba) => self.tiff_as::<tiff_colour::RGBA8>(file, samples),
            (Samples::Eight(samples), L::Rgb) => self.tiff_as::<tiff_colour::RGB8>(file, samples),
            (Samples::Eight(samples), _) => self.tiff_as::<tiff_colour::Gray8>(file, samples),
            (Samples::Sixteen(samples), L::Rgba) => {
                self.tiff_as::<tiff_colour::RGBA16>(file, samples)
            }
            (Samples::Sixteen(samples), L::Rgb) => {
                self.tiff_as::<tiff_colour::RGB16>(file, samples)
            }
            (Samples::Sixteen(samples), _) => self.tiff_as::<tiff_colour::Gray16>(file, samples),
        }
    }

    fn tiff_as<C: tiff_colour::ColorType>(
        &self,
        file: &mut BufWriter<&File>,
        samples: &[C::Inner],
    ) -> Result<(), AnyError>
    where
        [C::Inner]: tiff::encoder::TiffValue,
    {
        let mut encoder = TiffEncoder::new(file)?
            .with_compression(Compression::Deflate(DeflateLevel::Fast))
            .with_predictor(Predictor::Horizontal);
        let mut image = encoder.new_image::<C>(self.extent.width, self.extent.height)?;
        if self.layout.has_alpha() {
            let straight = ExtraSamples::UnassociatedAlpha.to_u16();
            image.encoder().write_tag(Tag::ExtraSamples, straight)?;
        }
        if let Some(icc) = &self.icc {
            image.encoder().write_tag(Tag::IccProfile, &icc[..])?;
        }
        image.write_data(samples)?;
        Ok(())
    }
}

/// A JPEG segment holds 65 535 bytes, of which 8 are taken by its length and `Exif\0\0`.
fn fits_segment(block: &[u8]) -> bool {
    block.len() <= 65_535 - 8
}

/// Whether every pixel is grey, and whether every pixel is opaque.
fn nature<T: Copy + PartialEq>(plane: &Tiled<[T; 4]>, full: T) -> (bool, bool) {
    let (mut grey, mut opaque) = (true, true);
    visit_rows(plane, |piece| {
        grey = grey && piece.iter().all(|[r, g, b, _]| r == g && g == b);
        opaque = opaque && piece.iter().all(|[.., a]| *a == full);
    });
    (grey, opaque)
}

fn visit_rows<P: Copy + PartialEq>(plane: &Tiled<P>, mut visit: impl FnMut(&[P])) {
    let Rect { width, height, .. } = Rect::of(plane.extent());
    for y in 0..height {
        plane.visit_row(y, 0..width, |_, piece| visit(piece));
    }
}

/// The samples as a file holds them. Where `layout` has no alpha, the picture is laid on white.
fn pack<T>(plane: &Tiled<[T; 4]>, layout: ColourLayout, full: T) -> Vec<T>
where
    T: Copy + PartialEq + Into<u64> + TryFrom<u64>,
{
    let on_white = |value: T, alpha: T| {
        let (share, whole) = (alpha.into(), full.into());
        let sum = value.into() * share + whole * (whole - share);
        T::try_from((sum + whole / 2) / whole).unwrap_or(full)
    };
    let channels = match layout {
        ColourLayout::Grey => 1,
        ColourLayout::GreyAlpha => 2,
        ColourLayout::Rgb => 3,
        ColourLayout::Rgba => 4,
    };
    let mut samples = Vec::with_capacity(plane.extent().len() * channels);
    visit_rows(plane, |piece| match layout {
        ColourLayout::Grey => samples.extend(piece.iter().map(|[r, _, _, a]| on_white(*r, *a))),
        ColourLayout::GreyAlpha => samples.extend(piece.iter().flat_map(|[r, _, _, a]| [*r, *a])),
        ColourLayout::Rgb => {
            samples.extend(
                piece
                    .iter()
                    .flat_map(|[r, g, b, a]| [*r, *g, *b].map(|v| on_white(v, *a))),
            );
        }
        ColourLayout::Rgba => samples.extend(piece.iter().flatten()),
    });
    samples
}
