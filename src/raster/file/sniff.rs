//! What a file is, by its first bytes and its header: the extension is not trusted, and nothing is
//! decoded or allocated before the header has been looked at.

use std::path::Path;

use super::tags::Tags;
use super::{FileFormat, PictureError, Resolution, ResolutionUnit};
use crate::geometry::Extent;

/// The most pixels a picture may have. A 16-bit picture of this size takes 1.6 GB.
pub const MAX_PIXELS: u64 = 200_000_000;

/// What the header of a picture that can be opened says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub format: FileFormat,
    /// `None` where only the decoder can tell.
    pub extent: Option<Extent>,
}

/// Looks at the header, and refuses what cannot be opened.
pub(super) fn header(bytes: &[u8], name: &Path) -> Result<Header, PictureError> {
    let path = || name.to_path_buf();
    if bytes.is_empty() {
        return Err(PictureError::EmptyFile { path: path() });
    }
    let Some(format) = own_format(bytes) else {
        return Err(match foreign_kind(bytes) {
            Some(kind) => PictureError::Foreign {
                path: path(),
                kind: kind.to_owned(),
            },
            None => PictureError::NotAPicture { path: path() },
        });
    };
    let extent = match format {
        FileFormat::Png => png_extent(bytes),
        FileFormat::Jpeg => jpeg_extent(bytes, name)?,
        FileFormat::Bmp => bmp_extent(bytes),
        FileFormat::Tiff => tiff_extent(bytes, name)?,
        FileFormat::Gif => gif_extent(bytes),
        FileFormat::WebP => None,
    };
    if let Some(extent) = extent {
        check_extent(extent, name)?;
    }
    Ok(Header { format, extent })
}

/// Refuses pictures without pixels and pictures beyond [`MAX_PIXELS`].
pub(super) fn check_extent(extent: Extent, name: &Path) -> Result<(), PictureError> {
    let path = name.to_path_buf();
    if extent.is_empty() {
        Err(PictureError::NoPixels { path })
    } else if extent.area() > MAX_PIXELS {
        Err(PictureError::TooLarge { path, extent })
    } else {
        Ok(())
    }
}

fn own_format(bytes: &[u8]) -> Option<FileFormat> {
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some(FileFormat::Png),
        [0xFF, 0xD8, 0xFF, ..] => Some(FileFormat::Jpeg),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some(FileFormat::WebP),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(FileFormat::Gif),
        // Two letters alone would make a picture of a text that starts with "BM".
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some(FileFormat::Bmp),
        [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => {
            Some(FileFormat::Tiff)
        }
        _ => None,
    }
}

/// Kinds of file people try to open, so that they can be told what they have. docs/file-data.md says
/// why AVIF and HEIC are among them.
fn foreign_kind(bytes: &[u8]) -> Option<&'static str> {
    if let [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] = bytes {
        return Some(match brand.get(..4)? {
            b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1" => "HEIC",
            b"avif" | b"avis" => "AVIF",
            b"crx " => "CR3 (camera raw)",
            _ => "video",
        });
    }
    const STARTS: &[(&[u8], &str)] = &[
        (b"8BPS", "PSD (Photoshop)"),
        (b"gimp xcf", "XCF (GIMP)"),
        (b"PK\x03\x04", "ZIP, Krita or OpenRaster"),
        (b"%PDF", "PDF"),
        (b"\xFF\x0A", "JPEG XL"),
        (b"\0\0\0\x0CJXL ", "JPEG XL"),
        (b"\0\0\0\x0CjP  ", "JPEG 2000"),
        (b"\xFF\x4F\xFF\x51", "JPEG 2000"),
        (b"\x76\x2F\x31\x01", "OpenEXR"),
        (b"#?RADIANCE", "Radiance HDR"),
        (b"DDS ", "DDS"),
        (b"qoif", "QOI"),
        (b"\0\0\x01\0", "icon (ICO)"),
        (b"FUJIFILMCCD-RAW", "RAF (camera raw)"),
        (b"IIRO", "ORF (camera raw)"),
        (b"IIRS", "ORF (camera raw)"),
        (b"MMOR", "ORF (camera raw)"),
        (b"IIU\0", "RW2 (camera raw)"),
        (b"FOVb", "X3F (camera raw)"),
        (b"\0MRM", "MRW (camera raw)"),
    ];
    if let Some((_, kind)) = STARTS.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Some(kind);
    }
    if let [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..] = bytes {
        return Some("PNM");
    }
    let text = bytes.get(..1024).unwrap_or(bytes).trim_ascii_start();
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let is_svg = text.starts_with(b"<svg")
        || (text.starts_with(b"<?xml") && text.windows(4).any(|part| part == b"<svg"));
    is_svg.then_some("SVG")
}

fn png_extent(bytes: &[u8]) -> Option<Extent> {
    let word = |at: usize| {
        bytes
            .get(at..)?
            .first_chunk()
            .map(|b| u32::from_be_bytes(*b))
    };
    (bytes.get(12..16)? == b"IHDR").then_some(())?;
    Some(Extent::new(word(16)?, word(20)?))
}

fn bmp_extent(bytes: &[u8]) -> Option<Extent> {
    let word = |at: usize| {
        bytes
            .get(at..)?
            .first_chunk()
            .map(|b| i32::from_le_bytes(*b))
    };
    match word(14)? {
        12 => {
            let side = |at: usize| {
                bytes
                    .get(at..)?
                    .first_chunk()
                    .map(|b| u16::from_le_bytes(*b))
            };
            Some(Extent::new(u32::from(side(18)?), u32::from(side(20)?)))
        }
        // A negative height says that the first row is the top one.
        _ => Some(Extent::new(
            word(18)?.max(0) as u32,
            word(22)?.unsigned_abs(),
        )),
    }
}

/// Pixels per metre, which the header says of both ways.
pub(super) fn bmp_resolution(bytes: &[u8]) -> Option<Resolution> {
    let word = |at: usize| {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    // The older header of 12 bytes has no such numbers.
    let (x, y) = (word(38)?, word(42)?);
    (word(14)? >= 40 && i32::try_from(x.max(y)).is_ok()).then_some(())?;
    Resolution::new((x, 1), (y, 1), ResolutionUnit::Metre)
}

fn gif_extent(bytes: &[u8]) -> Option<Extent> {
    let side = |at: usize| {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(u32::from(u16::from_le_bytes(*bytes)))
    };
    Some(Extent::new(side(6)?, side(8)?))
}

/// Walks the segments up to the frame header (ITU-T T.81, B.1). Refuses CMYK and files that end
/// before their end mark, which the decoder would fill up with grey.
fn jpeg_extent(bytes: &[u8], name: &Path) -> Result<Option<Extent>, PictureError> {
    let damaged = || PictureError::Damaged {
        path: name.to_path_buf(),
        why: "the file ends early".to_owned(),
    };
    let mut at = 2;
    loop {
        let marker = match bytes.get(at..at + 2) {
            Some([0xFF, 0xFF]) => {
                at += 1;
                continue;
            }
            Some([0xFF, marker]) => *marker,
            Some(_) => return Ok(None),
            None => return Err(damaged()),
        };
        let Some([high, low]) = bytes.get(at + 2..at + 4) else {
            return Err(damaged());
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
            let Some([bits, h1, h0, w1, w0, channels]) = bytes.get(at + 4..at + 10) else {
                return Err(damaged());
            };
            if *channels == 4 {
                return Err(PictureError::Cmyk {
                    path: name.to_path_buf(),
                });
            }
            if *bits != 8 {
                return Err(PictureError::UnusualSamples {
                    path: name.to_path_buf(),
                    what: format!("JPEG, {bits} bit"),
                });
            }
            let has_end = |rest: &[u8]| rest.windows(2).any(|pair| pair == [0xFF, 0xD9]);
            if !bytes.get(at..).is_some_and(has_end) {
                return Err(damaged());
            }
            let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
            return Ok(Some(Extent::new(side(*w1, *w0), side(*h1, *h0))));
        }
        at += 2 + length;
    }
}

/// Extensions of camera files that are TIFF inside; opened as TIFF they would show a thumbnail.
const RAW_EXTENSIONS: [&str; 14] = [
    "dng", "nef", "nrw", "arw", "srf", "sr2", "cr2", "pef", "srw", "3fr", "iiq", "dcr", "kdc",
    "erf",
];
const DNG_VERSION: u16 = 50706;
const PHOTOMETRIC: u16 = 262;

fn tiff_extent(bytes: &[u8], name: &Path) -> Result<Option<Extent>, PictureError> {
    let extension = name
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let raw_by_name = RAW_EXTENSIONS.contains(&extension.as_str());
    let raw_by_mark = bytes.get(8..10) == Some(b"CR");
    let tags = Tags::new(bytes).and_then(|tags| tags.first_directory().map(|at| (tags, at)));
    let photometric = tags.and_then(|(tags, at)| tags.number(at, PHOTOMETRIC));
    let raw_by_tag = tags.is_some_and(|(tags, at)| tags.field(at, DNG_VERSION).is_some())
        || matches!(photometric, Some(32803 | 34892));
    if raw_by_name || raw_by_mark || raw_by_tag {
        let kind = if raw_by_name {
            format!("{} (camera raw)", extension.to_uppercase())
        } else {
            "camera raw".to_owned()
        };
        return Err(PictureError::Foreign {
            path: name.to_path_buf(),
            kind,
        });
    }
    if photometric == Some(5) {
        return Err(PictureError::Cmyk {
            path: name.to_path_buf(),
        });
    }
    Ok(tags.and_then(|(tags, at)| Some(Extent::new(tags.number(at, 256)?, tags.number(at, 257)?))))
}
