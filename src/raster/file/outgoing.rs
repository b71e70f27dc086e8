//! [`Outgoing`]: a picture and what its file carried, in the shape of one kind of file.

use std::borrow::Cow;

use super::jpeg_segments::Segment;
use super::origin::{Carried, is_settings};
use super::png_colour::Meaning;
use super::{ColourLayout, FileFormat, FileOrigin, OWN_KEYWORD, PARAMETERS_KEYWORD, PictureError};
use super::{PictureNote, Resolution, SaveOptions, exif, photoshop, png_chunks, tiff_tags};
use crate::geometry::{Extent, Rect};
use crate::raster::{Picture, Pixmap, Profile, Tiled, colour};

/// Under this keyword PNG keeps what other kinds of file call a comment.
const COMMENT_KEYWORD: &str = "Comment";

/// What writing may fail with: encoders' errors and the system's.
pub(super) type AnyError = Box<dyn std::error::Error>;

/// A picture brought into the shape of a file.
pub(super) struct Outgoing<'a> {
    pub extent: Extent,
    pub layout: ColourLayout,
    pub samples: Samples,
    pub icc: Option<Cow<'a, [u8]>>,
    pub exif: Option<Cow<'a, [u8]>>,
    pub resolution: Option<Resolution>,
    pub xmp: Option<&'a [u8]>,
    /// TIFF: Photoshop's resources.
    pub photoshop: Option<&'a [u8]>,
    /// PNG: chunks before the pixels.
    pub chunks: Vec<([u8; 4], Vec<u8>)>,
    /// JPEG: segments after the first one.
    pub segments: Vec<Segment>,
    pub notes: Vec<PictureNote>,
}

/// Row-major, the channels of a pixel side by side.
pub(super) enum Samples {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

impl<'a> Outgoing<'a> {
    pub(super) fn new(
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
            // WebP knows no grey.
            FileFormat::WebP => layout = layout.in_colour(),
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
            exif: None,
            resolution: None,
            xmp: None,
            photoshop: None,
            chunks: Vec::new(),
            segments: Vec::new(),
            notes,
        };
        let shown = Shown::new(origin, options);
        match format {
            FileFormat::Png => outgoing.add_to_png(origin, &shown, &picture.profile),
            FileFormat::Jpeg => outgoing.add_to_jpeg(&origin.carried, &shown),
            FileFormat::WebP => outgoing.add_to_webp(&origin.carried, shown),
            FileFormat::Tiff | FileFormat::Bmp | FileFormat::Gif => {
                outgoing.add_to_tiff(&origin.carried, shown);
            }
        }
        Ok(outgoing)
    }

    fn note(&mut self, note: PictureNote, is_lost: bool) {
        if is_lost && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn add_to_png(&mut self, origin: &'a FileOrigin, shown: &Shown<'a>, profile: &Profile) {
        let carried = &origin.carried;
        self.note(PictureNote::ExifLeftOut, shown.is_exif_lost);
        self.exif.clone_from(&shown.exif);
        self.add_png_colour(origin, profile);
        let size = carried.resolution.map(png_chunks::resolution_chunk);
        self.note(PictureNote::ResolutionLeftOut, size == Some(None));
        self.chunks.extend(size.flatten());
        let mut are_texts_lost = false;
        for (keyword, text, form) in &shown.texts {
            let chunk = png_chunks::text_chunk(keyword, text, *form);
            are_texts_lost |= chunk.is_none();
            self.chunks.extend(chunk);
        }
        for comment in &carried.comments {
            let text = String::from_utf8(comment.clone());
            let text = text.unwrap_or_else(|_| comment.iter().map(|b| char::from(*b)).collect());
            let text = text.trim_end_matches('\0');
            self.chunks
                .extend(png_chunks::text_chunk(COMMENT_KEYWORD, text, None));
        }
        self.note(PictureNote::TextsLeftOut, are_texts_lost);
        if let Some(recipe) = shown.recipe {
            let texts = [
                (PARAMETERS_KEYWORD, &recipe.parameters),
                (OWN_KEYWORD, &recipe.json),
            ];
            let chunks = texts.map(|(keyword, text)| png_chunks::text_chunk(keyword, text, None));
            self.chunks.extend(chunks.into_iter().flatten());
        }
        let packet = carried.xmp.as_deref();
        self.chunks
            .extend(packet.map(|packet| png_chunks::xmp_chunk(packet)));
        self.note(PictureNote::XmpLeftOut, carried.xmp_extended.is_some());
        self.note(PictureNote::CaptionsLeftOut, has_captions(carried));
    }

    /// The colour chunks of the origin, while the picture still means what they say.
    fn add_png_colour(&mut self, origin: &'a FileOrigin, profile: &Profile) {
        let colours = &origin.carried.colour;
        let was_grey = !origin.layout.has_colour();
        let (cicp, others) = (colours.meaning_of_cicp(), colours.meaning(was_grey));
        let is_true = |meaning: &Meaning| *meaning == Meaning::Is(profile.clone());
        if is_true(&cicp) {
            self.chunks.extend(colours.chunks());
            let beside = origin.carried.icc_beside.as_ref();
            self.icc = beside.map(|icc| Cow::Borrowed(icc.as_slice()));
        } else if let Profile::Icc(_) = profile {
            // A grey picture that became coloured has primaries that no chunk spoke of.
            let is_as_it_was = was_grey != self.layout.has_colour();
            if is_true(&others) && (is_as_it_was || colours.chromaticities.is_none()) {
                self.icc = None;
            }
            // The numbers still mean what it says, though it cannot be shown here.
            let unusable = colours.cicp.filter(|_| cicp == Meaning::Unusable);
            self.chunks
                .extend(unusable.map(|bytes| (*b"cICP", bytes.to_vec())));
            self.chunks.extend(colours.fallback_chunks());
        } else if !matches!(others, Meaning::Is(Profile::Icc(_))) {
            self.chunks.extend(colours.chunks());
        }
    }

    fn add_to_jpeg(&mut self, carried: &'a Carried, shown: &Shown<'a>) {
        self.note(PictureNote::ExifLeftOut, shown.is_exif_lost);
        let block = shown.exif.as_deref();
        let (mut comments, mut segment) = (Vec::new(), block.and_then(Segment::exif));
        self.note(
            PictureNote::ExifLeftOut,
            block.is_some() && segment.is_none(),
        );
        if let Some(recipe) = shown.recipe {
            // Somebody's words stay where they are; the settings go where there is room.
            let in_exif = shown.with_parameters(&recipe.parameters);
            match in_exif.as_deref().and_then(Segment::exif) {
                Some(with_settings) if segment.is_some() || block.is_none() => {
                    segment = Some(with_settings);
                }
                _ => {
                    let comment = Segment::comment(recipe.parameters.as_bytes());
                    self.note(PictureNote::RecipeLeftOut, comment.is_none());
                    comments.extend(comment);
                }
            }
        }
        self.segments.extend(segment);

        let packet = carried.xmp.as_ref().map(|packet| Segment::xmp(packet));
        self.note(PictureNote::XmpLeftOut, packet == Some(None));
        self.segments.extend(packet.flatten());
        let extended = carried.xmp_extended.iter();
        self.segments
            .extend(extended.flat_map(Segment::xmp_extended));
        let resources = carried.photoshop.iter();
        self.segments
            .extend(resources.flat_map(|block| Segment::photoshop(block)));

        for comment in &carried.comments {
            comments.extend(Segment::comment(comment));
        }
        let mut are_texts_lost = comments.len() < carried.comments.len();
        for (keyword, text, _) in &shown.texts {
            let comment = Segment::comment(text.as_bytes()).filter(|_| *keyword == COMMENT_KEYWORD);
            are_texts_lost |= comment.is_none();
            comments.extend(comment);
        }
        self.note(PictureNote::TextsLeftOut, are_texts_lost);
        self.segments.extend(comments);
        self.resolution = carried.resolution;
        let has_density = carried
            .resolution
            .is_none_or(|found| found.to_jfif().is_some());
        self.note(PictureNote::ResolutionLeftOut, !has_density);
    }

    fn add_to_webp(&mut self, carried: &'a Carried, shown: Shown<'a>) {
        self.add_to_exif(carried, shown);
        self.xmp = carried.xmp.as_ref().map(|packet| packet.as_slice());
        self.note(PictureNote::CaptionsLeftOut, has_captions(carried));
        // There is no other place for a resolution.
        if let Some(resolution) = carried.resolution
            && self.exif.as_deref().and_then(exif::resolution) != Some(resolution)
        {
            match exif::with_resolution(self.exif.as_deref(), resolution) {
                Some(block) => self.exif = Some(Cow::Owned(block)),
                None => self.note(PictureNote::ResolutionLeftOut, true),
            }
        }
    }

    fn add_to_tiff(&mut self, carried: &'a Carried, shown: Shown<'a>) {
        self.add_to_exif(carried, shown);
        if tiff_tags::edit(self.exif.as_deref()).is_none() {
            self.note(PictureNote::ExifLeftOut, true);
            self.exif = None;
        }
        self.xmp = carried.xmp.as_ref().map(|packet| packet.as_slice());
        self.resolution = carried.resolution;
        self.photoshop = carried.photoshop.as_ref().map(|block| block.as_slice());
    }

    /// The EXIF block, and in it the settings: for kinds of file that have no place for texts.
    fn add_to_exif(&mut self, carried: &'a Carried, shown: Shown<'a>) {
        self.note(PictureNote::ExifLeftOut, shown.is_exif_lost);
        let parameters = shown.recipe.map(|recipe| recipe.parameters.as_str());
        let with_settings = parameters.and_then(|text| shown.with_parameters(text));
        let is_recipe_lost = parameters.is_some() && with_settings.is_none();
        self.note(PictureNote::RecipeLeftOut, is_recipe_lost);
        self.exif = with_settings.map(Cow::Owned).or(shown.exif);
        let has_texts = !shown.texts.is_empty() || !carried.comments.is_empty();
        self.note(PictureNote::TextsLeftOut, has_texts);
        self.note(PictureNote::XmpLeftOut, carried.xmp_extended.is_some());
    }
}

/// What of the origin may stand beside the picture: all but settings that are not its own.
struct Shown<'a> {
    exif: Option<Cow<'a, [u8]>>,
    /// The block could not be written without the settings in it.
    is_exif_lost: bool,
    /// The user comment in the block is somebody's words.
    has_words: bool,
    /// Keyword, text and form in a PNG.
    texts: Vec<(&'a str, &'a str, Option<&'a super::TextForm>)>,
    recipe: Option<&'a super::RecipeText>,
}

impl<'a> Shown<'a> {
    fn new(origin: &'a FileOrigin, options: &'a SaveOptions) -> Self {
        let block = origin.exif.as_ref().map(|block| block.as_slice());
        let comment = block.and_then(exif::user_comment);
        let has_words = comment.as_ref().is_some_and(|text| !is_settings(text));
        let exif = if comment.is_some() && !has_words {
            exif::with_user_comment(block, None).map(Cow::Owned)
        } else {
            block.map(Cow::Borrowed)
        };
        let forms = origin.carried.text_forms.iter().map(Some);
        let texts = origin
            .texts
            .iter()
            .zip(forms.chain(std::iter::repeat(None)));
        let texts = texts.map(|((keyword, text), form)| (keyword.as_str(), text.as_str(), form));
        Self {
            is_exif_lost: block.is_some() && exif.is_none(),
            exif,
            has_words,
            texts: texts
                .filter(|(keyword, ..)| ![PARAMETERS_KEYWORD, OWN_KEYWORD].contains(keyword))
                .collect(),
            recipe: options.recipe.as_ref(),
        }
    }

    /// The block with settings as its user comment; `None` where it has another one.
    fn with_parameters(&self, parameters: &str) -> Option<Vec<u8>> {
        let text = (!self.has_words).then_some(parameters)?;
        exif::with_user_comment(self.exif.as_deref(), Some(text))
    }
}

fn has_captions(carried: &Carried) -> bool {
    let block = carried.photoshop.as_ref();
    block.is_some_and(|block| photoshop::has_iptc(block))
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
    let channels = layout.channels();
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
