//! TIFF files: every kind of pixel that can be edited as it is meant, and the true reason where it
//! cannot. TIFF 6.0; the numbers of compressions and colours as libtiff has them.

use std::borrow::Cow;
use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use tiff::ColorType;
use tiff::TiffError;
use tiff::decoder::{Decoder, DecodingResult, Limits};

use super::decoded::{Decoded, Samples, damaged};
use super::tags::{Field, Tags};
use super::{ColourLayout, PictureError, PictureNote, exif, sniff, tiff_tags};
use crate::geometry::Extent;

const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const ORIENTATION: u16 = 274;
const COLOUR_MAP: u16 = 320;
const EXTRA_SAMPLES: u16 = 338;
const SAMPLE_FORMAT: u16 = 339;

const WHITE_IS_ZERO: u32 = 0;
const BLACK_IS_ZERO: u32 = 1;
const PALETTE: u32 = 3;
const YCBCR: u32 = 6;
const JPEG: u32 = 7;
const ASSOCIATED_ALPHA: u32 = 1;
const STRAIGHT_ALPHA: u32 = 2;
/// What a codec may need beside the pixels.
const CODEC_BYTES: usize = 512 << 20;

pub(super) fn read(bytes: &[u8], name: &Path) -> Result<Decoded, PictureError> {
    let tags = Tags::new(bytes).ok_or_else(|| damaged(name, "no TIFF structure"))?;
    let first = tags.first_directory();
    let directory = first.ok_or_else(|| damaged(name, "no picture in it"))?;
    let file = File {
        tags,
        directory,
        name,
    };
    let pixels = file.pixels(bytes)?;
    let turn = file.number(ORIENTATION).and_then(|n| u8::try_from(n).ok());
    let icc = tags.field(directory, tiff_tags::ICC_PROFILE);
    let (block, carried) = tiff_tags::read(tags, directory);
    let mut notes = pixels.notes;
    if tags.next_directory(directory).is_some() {
        notes.push(PictureNote::FirstPageOnly);
    }
    Ok(Decoded {
        extent: pixels.extent,
        layout: pixels.layout,
        samples: pixels.samples,
        orientation: turn
            .and_then(Orientation::from_exif)
            .unwrap_or(Orientation::NoTransforms),
        icc: icc.map(|field| tags.value(field).to_vec()),
        exif: block.map(|block| exif::cleaned(block).0),
        texts: Vec::new(),
        carried,
        notes,
    })
}

struct File<'a> {
    tags: Tags<'a>,
    directory: usize,
    name: &'a Path,
}

struct Pixels {
    extent: Extent,
    layout: ColourLayout,
    samples: Samples,
    notes: Vec<PictureNote>,
}

/// Samples as the decoder gives them.
struct Raw {
    extent: Extent,
    /// Bits of a sample; below 8, rows are packed.
    bits: u8,
    /// Samples of a pixel.
    channels: usize,
    samples: Samples,
}

impl File<'_> {
    fn field(&self, tag: u16) -> Option<Field> {
        self.tags.field(self.directory, tag)
    }

    fn number(&self, tag: u16) -> Option<u32> {
        self.tags.number(self.directory, tag)
    }

    fn unusual(&self, what: impl Into<String>) -> PictureError {
        PictureError::UnusualSamples {
            path: self.name.to_path_buf(),
            what: what.into(),
        }
    }

    fn fails(&self, error: TiffError) -> PictureError {
        match error {
            TiffError::UnsupportedError(what) => match self.compression() {
                Some(kind) => PictureError::UnusualCompression {
                    path: self.name.to_path_buf(),
                    kind: kind.to_owned(),
                },
                None => self.unusual(what.to_string()),
            },
            error => damaged(self.name, error),
        }
    }

    /// The name of a compression that is not read.
    fn compression(&self) -> Option<&'static str> {
        Some(match self.number(COMPRESSION)? {
            2 => "CCITT RLE",
            3 => "CCITT Group 3",
            6 => "JPEG (old style)",
            9 | 10 | 34661 => "JBIG",
            32766 | 32809 | 32895..=32898 => "NeXT, ThunderScan or prepress",
            33003 | 33004 | 33005 | 34712 => "JPEG 2000",
            34676 | 34677 => "SGI Log",
            34887 => "LERC",
            34892 => "lossy JPEG (DNG)",
            34925 => "LZMA",
            50000 => "Zstandard",
            50001 => "WebP",
            50002 | 52546 => "JPEG XL",
            _ => return None,
        })
    }

    fn pixels(&self, bytes: &[u8]) -> Result<Pixels, PictureError> {
        self.check_sample_format()?;
        let photometric = self.number(PHOTOMETRIC).unwrap_or(BLACK_IS_ZERO);
        let mut raw = self.raw(bytes, photometric)?;
        let mut notes = Vec::new();
        if photometric == PALETTE {
            return self.resolved(&raw);
        }
        if photometric == YCBCR {
            self.to_rgb(&mut raw)?;
        }
        let is_grey = matches!(photometric, WHITE_IS_ZERO | BLACK_IS_ZERO);
        let colours = if is_grey { 1 } else { 3 };
        let extra = self.number(EXTRA_SAMPLES);
        let has_alpha = raw.channels > colours
            && match extra {
                Some(kind) => matches!(kind, ASSOCIATED_ALPHA | STRAIGHT_ALPHA),
                // Many programs write four channels and do not say what the fourth is.
                None => !is_grey,
            };
        let layout = match (is_grey, has_alpha) {
            (true, false) => ColourLayout::Grey,
            (true, true) => ColourLayout::GreyAlpha,
            (false, false) => ColourLayout::Rgb,
            (false, true) => ColourLayout::Rgba,
        };
        let kept = colours + usize::from(has_alpha);
        let width = raw.extent.width as usize;
        let mut samples = match raw.samples {
            Samples::Eight(samples) if raw.bits < 8 => {
                if raw.channels > 1 {
                    return Err(self.unusual(format!("{} bits a channel", raw.bits)));
                }
                Samples::Eight(unpacked(&samples, width, raw.bits, true))
            }
            samples => samples,
        };
        samples = match samples {
            Samples::Eight(samples) => Samples::Eight(first(samples, raw.channels, kept)),
            Samples::Sixteen(samples) => Samples::Sixteen(first(samples, raw.channels, kept)),
        };
        if photometric == WHITE_IS_ZERO {
            match &mut samples {
                Samples::Eight(samples) => invert(samples, kept, |v| u8::MAX - v),
                Samples::Sixteen(samples) => invert(samples, kept, |v| u16::MAX - v),
            }
        }
        if has_alpha && extra == Some(ASSOCIATED_ALPHA) {
            notes.push(PictureNote::AlphaUnmultiplied);
            match &mut samples {
                Samples::Eight(samples) => unmultiply(samples, kept, 255),
                Samples::Sixteen(samples) => unmultiply(samples, kept, 65535),
            }
        }
        Ok(Pixels {
            extent: raw.extent,
            layout,
            samples,
            notes,
        })
    }

    fn check_sample_format(&self) -> Result<(), PictureError> {
        let Some(field) = self.field(SAMPLE_FORMAT) else {
            return Ok(());
        };
        let bits = self.number(258).unwrap_or(1);
        for i in 0..field.count.min(8) {
            let what = match self.tags.number_in(field, i) {
                Some(2) => "signed numbers",
                Some(3) => "floating-point numbers",
                Some(5 | 6) => "complex numbers",
                _ => continue,
            };
            return Err(self.unusual(format!("{bits}-bit {what}")));
        }
        Ok(())
    }

    fn raw(&self, bytes: &[u8], photometric: u32) -> Result<Raw, PictureError> {
        // The decoder knows no palettes and inverts some depths only: it is told that it is grey.
        let mut file = Cow::Borrowed(bytes);
        if matches!(photometric, WHITE_IS_ZERO | PALETTE)
            && let Some(field) = self.field(PHOTOMETRIC).filter(|field| field.kind == 3)
        {
            let grey = if self.tags.is_big_endian() {
                [0, 1]
            } else {
                [1, 0]
            };
            let place = field.value_at..field.value_at + 2;
            if let Some(value) = file.to_mut().get_mut(place) {
                value.copy_from_slice(&grey);
            }
        }
        let mut decoder = Decoder::new(Cursor::new(&file[..])).map_err(|e| self.fails(e))?;
        let (width, height) = decoder.dimensions().map_err(|e| self.fails(e))?;
        let extent = Extent::new(width, height);
        sniff::check_extent(extent, self.name)?;
        let (bits, channels) = match decoder.colortype().map_err(|e| self.fails(e))? {
            ColorType::Gray(bits) => (bits, 1),
            ColorType::GrayA(bits) => (bits, 2),
            ColorType::RGB(bits) | ColorType::YCbCr(bits) => (bits, 3),
            ColorType::RGBA(bits) => (bits, 4),
            ColorType::Multiband {
                bit_depth,
                num_samples,
            } if matches!(photometric, WHITE_IS_ZERO | BLACK_IS_ZERO) => {
                (bit_depth, usize::from(num_samples))
            }
            ColorType::Lab(_) => return Err(self.unusual("CIE Lab colours")),
            other => return Err(self.unusual(format!("{other:?}"))),
        };
        if !matches!(bits, 1 | 2 | 4 | 8 | 16) {
            return Err(self.unusual(format!("{bits} bits a channel")));
        }
        let mut limits = Limits::default();
        limits.decoding_buffer_size = extent.len().saturating_mul(channels * 2);
        limits.intermediate_buffer_size = CODEC_BYTES + limits.decoding_buffer_size;
        let mut decoder = decoder.with_limits(limits);
        let mut result = DecodingResult::U8(Vec::new());
        let layout = decoder
            .read_image_to_buffer(&mut result)
            .map_err(|e| self.fails(e))?;
        let samples = match result {
            DecodingResult::U8(samples) => Samples::Eight(samples),
            DecodingResult::U16(samples) => Samples::Sixteen(samples),
            _ => return Err(self.unusual(format!("{bits} bits a channel"))),
        };
        let samples = match samples {
            samples if layout.planes <= 1 => samples,
            _ if bits < 8 => return Err(self.unusual("planes of less than 8 bits")),
            Samples::Eight(planes) => Samples::Eight(interleaved(&planes, layout.planes)),
            Samples::Sixteen(planes) => Samples::Sixteen(interleaved(&planes, layout.planes)),
        };
        Ok(Raw {
            extent,
            bits,
            channels: channels.max(layout.planes),
            samples,
        })
    }

    /// The colours of a palette, whose numbers have 16 bits. Most programs write 8 bits twice.
    fn resolved(&self, raw: &Raw) -> Result<Pixels, PictureError> {
        let Samples::Eight(samples) = &raw.samples else {
            return Err(self.unusual("a palette of 16 bits"));
        };
        let field = self.field(COLOUR_MAP);
        let field = field.ok_or_else(|| damaged(self.name, "there is no palette"))?;
        let size = 1usize << raw.bits;
        let numbers = (0..size * 3).map(|i| self.tags.number_in(field, i).unwrap_or(0));
        let numbers: Vec<u32> = numbers.collect();
        // Some old programs wrote 8 bits.
        let is_wide = numbers.iter().any(|n| *n > 255);
        let value = |n: u32| {
            let eight = if is_wide {
                (n * 255 + 32767) / 65535
            } else {
                n
            };
            eight as u8
        };
        let mut table = [[0u8; 3]; 256];
        for (i, colour) in table.iter_mut().enumerate().take(size) {
            for (channel, to) in colour.iter_mut().enumerate() {
                *to = numbers.get(channel * size + i).map_or(0, |n| value(*n));
            }
        }
        let width = raw.extent.width as usize;
        let indices = if raw.bits < 8 {
            Cow::Owned(unpacked(samples, width, raw.bits, false))
        } else {
            Cow::Borrowed(samples.as_slice())
        };
        let colours = indices
            .iter()
            .step_by(raw.channels)
            .filter_map(|i| table.get(usize::from(*i)));
        Ok(Pixels {
            extent: raw.extent,
            layout: ColourLayout::Rgb,
            samples: Samples::Eight(colours.flatten().copied().collect()),
            notes: Vec::new(),
        })
    }

    /// YCbCr as JPEG has it (ITU-T T.871); other ways to store it are rare.
    fn to_rgb(&self, raw: &mut Raw) -> Result<(), PictureError> {
        let Samples::Eight(samples) = &mut raw.samples else {
            return Err(self.unusual("YCbCr of 16 bits"));
        };
        if self.number(COMPRESSION) != Some(JPEG) {
            return Err(self.unusual("YCbCr without JPEG compression"));
        }
        for pixel in samples.chunks_exact_mut(raw.channels) {
            if let [y, cb, cr, ..] = pixel {
                let (luma, b, r) = (
                    f32::from(*y),
                    f32::from(*cb) - 128.0,
                    f32::from(*cr) - 128.0,
                );
                let red = luma + 1.402 * r;
                let green = luma - 0.344_136 * b - 0.714_136 * r;
                let blue = luma + 1.772 * b;
                [*y, *cb, *cr] = [red, green, blue].map(|v| v.round().clamp(0.0, 255.0) as u8);
            }
        }
        Ok(())
    }
}

/// Samples of less than 8 bits, whose rows begin at whole bytes; scaled to 0…255 where they are
/// brightness.
fn unpacked(packed: &[u8], width: usize, bits: u8, is_brightness: bool) -> Vec<u8> {
    let most = (1u16 << bits) - 1;
    let per_byte = usize::from(8 / bits);
    let row_bytes = width.div_ceil(per_byte).max(1);
    let scale = if is_brightness { 255 / most } else { 1 };
    let rows = packed.chunks_exact(row_bytes);
    rows.flat_map(|row| {
        let all = row.iter().flat_map(|byte| {
            let shifts = (1..=per_byte).map(|i| 8 - i * usize::from(bits));
            shifts.map(|shift| ((u16::from(*byte) >> shift & most) * scale) as u8)
        });
        all.take(width)
    })
    .collect()
}

/// The first `kept` of every `channels` samples.
fn first<T: Copy>(samples: Vec<T>, channels: usize, kept: usize) -> Vec<T> {
    if channels == kept {
        return samples;
    }
    let pixels = samples.chunks_exact(channels.max(1));
    pixels
        .flat_map(|pixel| pixel.iter().take(kept))
        .copied()
        .collect()
}

/// Planes one after another, as pixels.
fn interleaved<T: Copy>(planes: &[T], count: usize) -> Vec<T> {
    let stride = planes.len() / count.max(1);
    let pixel = |i| (0..count).filter_map(move |plane| planes.get(plane * stride + i).copied());
    (0..stride).flat_map(pixel).collect()
}

fn invert<T: Copy>(samples: &mut [T], channels: usize, inverse: impl Fn(T) -> T) {
    for grey in samples.iter_mut().step_by(channels.max(1)) {
        *grey = inverse(*grey);
    }
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
