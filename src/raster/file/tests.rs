//! Files written by other programs (`tests/golden/pictures.py`), and our own read back.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::geometry::{Extent, Rect};
use crate::raster::{Pixmap, Profile};

pub(super) const SIZE: Extent = Extent::new(23, 17);

pub(super) fn given(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/data/pictures"
    ))
    .join(name)
}

pub(super) fn opened(name: &str) -> LoadedPicture {
    load(&given(name)).unwrap()
}

pub(super) fn refusal(name: &str) -> PictureError {
    load(&given(name)).unwrap_err()
}

/// The value the script wrote at column `x`, row `y`, channel `c`.
pub(super) fn ramp(x: u32, y: u32, c: u32, top: u32) -> u32 {
    (7 * x + 13 * y + 61 * c) % 97 * top / 96
}

/// Checks every pixel of a picture of the script's own pattern; `channels` are the file's.
fn assert_is_ramp(name: &str, channels: u32) {
    let loaded = opened(name);
    assert_eq!(loaded.picture.extent(), SIZE, "{name}");
    let (deep, top) = match loaded.picture.pixels {
        Pixmap::Rgba8(_) => (false, 255),
        Pixmap::Rgba16(_) => (true, 65535),
    };
    assert_eq!(deep, name.contains("16"), "{name}");
    let pixels = loaded.picture.pixels.crop_f32(Rect::of(SIZE));
    for (i, pixel) in pixels.iter().enumerate() {
        let at = |c| ramp(i as u32 % 23, i as u32 / 23, c, top);
        let wanted = match channels {
            1 => [at(0), at(0), at(0), top],
            2 => [at(0), at(0), at(0), at(1)],
            3 => [at(0), at(1), at(2), top],
            _ => [at(0), at(1), at(2), at(3)],
        };
        assert_eq!(
            pixel.map(|v| (v * top as f32).round() as u32),
            wanted,
            "{name}, pixel {i}"
        );
    }
}

#[test]
fn every_kind_of_pixel_is_read_exactly() {
    for (name, channels) in [
        ("grey8.png", 1),
        ("grey8-alpha.png", 2),
        ("rgb8.png", 3),
        ("rgba8.png", 4),
        ("grey16.png", 1),
        ("grey16-alpha.png", 2),
        ("rgb16.png", 3),
        ("rgba16.png", 4),
        ("grey16.tif", 1),
        ("rgb16.tif", 3),
        ("rgba16.tif", 4),
        ("rgb8-lzw.tif", 3),
        ("rgb8.bmp", 3),
        ("rgba8.webp", 4),
        ("adobe.webp", 3),
        ("adobe.tif", 3),
    ] {
        assert_is_ramp(name, channels);
    }
}

#[test]
fn palettes_are_resolved_with_their_transparency() {
    let Pixmap::Rgba8(plane) = opened("palette.png").picture.pixels else {
        panic!("depth")
    };
    let table = [
        [255, 0, 0, 255],
        [0, 255, 0, 128],
        [0, 0, 255, 0],
        [250, 240, 230, 255],
    ];
    for (i, pixel) in plane.to_vec().into_iter().enumerate() {
        let number = ramp(i as u32 % 23, i as u32 / 23, 0, 255) / 64;
        assert_eq!(pixel, table[number as usize]);
    }
    let bilevel = opened("bilevel.png");
    assert_eq!(bilevel.origin.layout, ColourLayout::Grey);
    assert_eq!(opened("palette.bmp").picture.extent(), SIZE);
}

#[test]
fn all_eight_orientations_come_out_upright_and_are_forgotten() {
    for number in 1..=8 {
        let loaded = opened(&format!("orientation-{number}.jpg"));
        let Pixmap::Rgba8(plane) = &loaded.picture.pixels else {
            panic!("depth")
        };
        assert_eq!(plane.extent(), Extent::new(32, 16), "{number}");
        let brightest = |x, y| {
            let [r, g, b, _] = plane.get(x, y).unwrap();
            [r, g, b].iter().position(|v| *v > 150)
        };
        let corners = [
            brightest(3, 3),
            brightest(28, 3),
            brightest(3, 12),
            brightest(28, 12),
        ];
        assert_eq!(corners, [Some(0), Some(1), Some(2), None], "{number}");

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("again.jpg");
        save(
            &path,
            &loaded.picture,
            &loaded.origin,
            &SaveOptions::default(),
        )
        .unwrap();
        let again = load(&path).unwrap();
        assert_eq!(again.picture.extent(), Extent::new(32, 16), "{number}");
        let exif = again.origin.exif.unwrap();
        assert!(
            exif.windows(8).any(|part| part == b"A camera"),
            "the rest of EXIF is kept"
        );
    }
    let tall = opened("tall-turned.png");
    assert_eq!(tall.picture.extent(), Extent::new(4000, 1));
    let upright = opened("tall.png");
    let rect = Rect::of(upright.picture.extent());
    let mut wanted = upright.picture.pixels.crop_f32(rect);
    wanted.reverse();
    assert_eq!(
        tall.picture.pixels.crop_f32(Rect::new(0, 0, 4000, 1)),
        wanted
    );
}

#[test]
fn profiles_are_kept_where_they_make_sense() {
    let adobe = std::fs::read(given("adobe.icc")).unwrap();
    for name in ["adobe.png", "adobe.tif", "adobe.jpg", "adobe.webp"] {
        let loaded = opened(name);
        assert_eq!(
            loaded.picture.profile,
            Profile::Icc(Arc::new(adobe.clone())),
            "{name}"
        );
        assert!(loaded.notes.is_empty());
    }
    let grey = opened("grey-with-rgb-profile.png");
    assert_eq!(grey.origin.layout, ColourLayout::Rgb);
    assert!(grey.picture.pixels == opened("grey8.png").picture.pixels);
    let damaged = opened("damaged-profile.png");
    assert_eq!(damaged.picture.profile, Profile::Srgb);
    assert_eq!(damaged.notes, [PictureNote::ProfileIgnored]);
}

#[test]
fn settings_of_other_programs_are_found() {
    let prompt = "a \"cat\", 貓: on\nthe beach\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, \
                  CFG scale: 7, Seed: 5, Size: 23x17";
    for name in ["texts.png", "comment.jpg", "comment.webp"] {
        assert_eq!(
            opened(name).origin.text(PARAMETERS_KEYWORD),
            Some(prompt),
            "{name}"
        );
    }
    let origin = opened("texts.png").origin;
    assert_eq!(origin.text("Comment"), Some("kept, plain"));
    assert_eq!(origin.text("Title"), Some("保留"));
}

#[test]
fn files_that_cannot_be_edited_get_their_own_answer() {
    assert!(matches!(refusal("cmyk.jpg"), PictureError::Cmyk { .. }));
    assert!(matches!(refusal("cmyk.tif"), PictureError::Cmyk { .. }));
    assert!(
        matches!(refusal("animated.png"), PictureError::Animated { kind, .. } if kind == "PNG")
    );
    assert!(
        matches!(refusal("animated.webp"), PictureError::Animated { kind, .. } if kind == "WebP")
    );
    assert!(
        matches!(refusal("animated.gif"), PictureError::Animated { kind, .. } if kind == "GIF")
    );
    assert!(matches!(
        refusal("float.tif"),
        PictureError::UnusualSamples { .. }
    ));
    assert!(matches!(
        refusal("no such file.png"),
        PictureError::Read { .. }
    ));
    assert_eq!(opened("two-pages.tif").notes, [PictureNote::FirstPageOnly]);

    let named = |bytes: &[u8], name: &str| load_bytes(bytes, Path::new(name)).unwrap_err();
    assert!(matches!(
        named(b"", "a.png"),
        PictureError::EmptyFile { .. }
    ));
    assert!(matches!(
        named(b"BM is how this text starts, but no picture", "a.bmp"),
        PictureError::NotAPicture { .. }
    ));
    for (bytes, wanted) in [
        (&b"\0\0\0\x20ftypheic\0\0\0\0"[..], "HEIC"),
        (b"\0\0\0\x20ftypavif\0\0\0\0", "AVIF"),
        (b"8BPS\0\x01", "PSD (Photoshop)"),
        (b"FUJIFILMCCD-RAW 0201", "RAF (camera raw)"),
        (b"<?xml version='1.0'?>\n<svg width='2'/>", "SVG"),
    ] {
        assert!(
            matches!(named(bytes, "a.jpg"), PictureError::Foreign { kind, .. } if kind == wanted)
        );
    }
    let raw = std::fs::read(given("rgb16.tif")).unwrap();
    assert!(
        matches!(named(&raw, "DSC1.NEF"), PictureError::Foreign { kind, .. } if kind == "NEF (camera raw)")
    );
}

#[test]
fn the_content_decides_not_the_extension() {
    let bytes = std::fs::read(given("rgb8.png")).unwrap();
    let loaded = load_bytes(&bytes, Path::new("wrong.jpg")).unwrap();
    assert_eq!(loaded.origin.format, FileFormat::Png);
}

#[test]
fn a_file_cut_anywhere_never_passes_for_whole() {
    for name in [
        "rgb16.png",
        "texts.png",
        "palette.png",
        "progressive.jpg",
        "orientation-6.jpg",
        "adobe.jpg",
        "rgb8.bmp",
        "lossy.webp",
        "rgba8.webp",
        "adobe.webp",
        "rgb16.tif",
        "rgb8-lzw.tif",
        "adobe.tif",
    ] {
        let bytes = std::fs::read(given(name)).unwrap();
        let whole = load_bytes(&bytes, Path::new(name)).unwrap();
        for cut in (0..bytes.len()).step_by(bytes.len() / 40 + 1) {
            let result = load_bytes(&bytes[..cut], Path::new(name));
            // What follows the pixels may be lost; a part must never pass for the whole.
            if let Ok(part) = result {
                assert!(part.picture == whole.picture, "{name} cut at {cut}");
                assert!(
                    cut + 16 > bytes.len(),
                    "{name} cut at {cut} of {}",
                    bytes.len()
                );
            }
        }
    }
}

#[test]
fn headers_that_promise_too_much_or_nothing_are_refused_before_decoding() {
    let cases: [(&str, usize, usize, bool); 4] = [
        ("rgb8.png", 16, 20, true),
        ("rgb8.bmp", 18, 22, false),
        ("progressive.jpg", 0, 0, true),
        ("rgb16.tif", 0, 0, false),
    ];
    for (name, width_at, height_at, big_endian) in cases {
        let bytes = std::fs::read(given(name)).unwrap();
        for (side, too_large) in [(46_341u32, true), (0, false)] {
            let mut bytes = bytes.clone();
            let word = if big_endian {
                side.to_be_bytes()
            } else {
                side.to_le_bytes()
            };
            match name {
                "progressive.jpg" => {
                    let frame = bytes
                        .windows(2)
                        .position(|pair| pair == [0xFF, 0xC2])
                        .unwrap();
                    bytes[frame + 5..frame + 7].copy_from_slice(&word[2..]);
                    bytes[frame + 7..frame + 9].copy_from_slice(&word[2..]);
                }
                "rgb16.tif" => {
                    let start = u32::from_le_bytes(*bytes[4..].first_chunk().unwrap()) as usize;
                    // The script writes width and height as the first two fields, 16 bits each.
                    bytes[start + 2 + 8..start + 2 + 10].copy_from_slice(&word[..2]);
                    bytes[start + 14 + 8..start + 14 + 10].copy_from_slice(&word[..2]);
                }
                _ => {
                    bytes[width_at..width_at + 4].copy_from_slice(&word);
                    bytes[height_at..height_at + 4].copy_from_slice(&word);
                }
            }
            let error = load_bytes(&bytes, Path::new(name)).unwrap_err();
            if too_large {
                let extent = Extent::new(side, side);
                assert!(
                    matches!(error, PictureError::TooLarge { extent: e, .. } if e == extent),
                    "{error}"
                );
            } else {
                assert!(
                    matches!(error, PictureError::NoPixels { .. }),
                    "{name}: {error}"
                );
            }
        }
    }
}

#[test]
fn premultiplied_alpha_is_taken_out() {
    let loaded = opened("rgba8-premultiplied.tif");
    assert_eq!(loaded.notes, [PictureNote::AlphaUnmultiplied]);
    let Pixmap::Rgba8(plane) = loaded.picture.pixels else {
        panic!("depth")
    };
    let (stored, alpha) = (ramp(0, 0, 1, 255) / 2, ramp(0, 0, 3, 255) / 128 * 128);
    assert_eq!(alpha, 128);
    assert_eq!(
        u32::from(plane.get(0, 0).unwrap()[1]),
        (stored * 255 + 64) / 128
    );
}
