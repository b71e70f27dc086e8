//! What a file carried beside pixels and profile, through loading and saving.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::tests::{SIZE, given, opened, ramp};
use super::*;
use crate::geometry::Rect;

pub(super) fn again(
    loaded: &LoadedPicture,
    name: &str,
    options: &SaveOptions,
) -> (LoadedPicture, Vec<PictureNote>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let notes = save(&path, &loaded.picture, &loaded.origin, options).unwrap();
    (load(&path).unwrap(), notes)
}

fn with_recipe() -> SaveOptions {
    SaveOptions {
        recipe: Some(RecipeText {
            parameters: "cat\nSteps: 2, Sampler: DDIM, Seed: 1".to_owned(),
            json: "{}".to_owned(),
        }),
        ..SaveOptions::default()
    }
}

fn dense() -> Resolution {
    Resolution::from_jfif(300, 240, 1).unwrap()
}

#[test]
fn resolution_xmp_and_comments_travel_between_png_and_jpeg() {
    let mut loaded = opened("rgb8.png");
    let packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>".to_vec();
    loaded.origin.carried = Carried {
        resolution: Some(dense()),
        xmp: Some(Arc::new(packet.clone())),
        comments: vec!["Grüße, 貓".into()],
        ..Carried::default()
    };
    let (jpeg, notes) = again(&loaded, "out.jpg", &SaveOptions::default());
    assert!(notes.is_empty(), "{notes:?}");
    let mut carried = jpeg.origin.carried.clone();
    assert!(
        carried.jpeg.take().is_some(),
        "how it is compressed is read"
    );
    assert_eq!(carried, loaded.origin.carried);
    let (png, notes) = again(&jpeg, "out.png", &with_recipe());
    assert!(notes.is_empty(), "{notes:?}");
    let found = png.origin.carried.resolution.unwrap();
    assert_eq!(found.per_inch(), Some([300.0, 240.0]));
    assert_eq!(png.origin.carried.xmp.as_deref(), Some(&packet));
    assert_eq!(png.origin.text("Comment"), Some("Grüße, 貓"));
    let (back, notes) = again(&png, "out.jpg", &SaveOptions::default());
    assert!(notes.is_empty(), "{notes:?}");
    let in_jpeg = &loaded.origin.carried;
    assert_eq!(back.origin.carried.resolution, in_jpeg.resolution);
    assert_eq!(back.origin.carried.comments, in_jpeg.comments);
    assert_eq!(back.origin.carried.xmp, in_jpeg.xmp);
}

#[test]
fn words_in_a_user_comment_stay_and_settings_do_not() {
    let mut loaded = opened("rgb8.png");
    let block = |text| Some(Arc::new(exif::with_user_comment(None, Some(text)).unwrap()));
    let comment_of = |loaded: &LoadedPicture| {
        let block = loaded.origin.exif.as_ref();
        block.and_then(|block| exif::user_comment(block))
    };
    for (text, is_kept) in [
        ("Grandma, 80th birthday", true),
        ("dog\nSteps: 9, Sampler: Euler, Seed: 5", false),
    ] {
        loaded.origin.exif = block(text);
        for name in ["out.png", "out.jpg", "out.webp"] {
            let (bare, notes) = again(&loaded, name, &SaveOptions::default());
            assert!(notes.is_empty(), "{name}: {notes:?}");
            assert_eq!(
                comment_of(&bare),
                is_kept.then(|| text.to_owned()),
                "{name}"
            );
            assert_eq!(bare.origin.text(PARAMETERS_KEYWORD), None, "{name}");

            let (told, notes) = again(&loaded, name, &with_recipe());
            let settings = with_recipe().recipe.unwrap().parameters;
            if is_kept && name == "out.webp" {
                assert_eq!(notes, [PictureNote::RecipeLeftOut]);
            } else {
                assert!(notes.is_empty(), "{name}: {notes:?}");
                let found = told.origin.text(PARAMETERS_KEYWORD);
                assert_eq!(found, Some(settings.as_str()), "{name}");
            }
            if is_kept {
                assert_eq!(comment_of(&told).as_deref(), Some(text), "{name}");
            }
        }
    }
}

#[test]
fn texts_of_a_png_keep_their_form() {
    let mut loaded = opened("texts.png");
    assert_eq!(
        loaded.origin.texts.len(),
        loaded.origin.carried.text_forms.len()
    );
    let unicode = TextForm::Unicode {
        packed: true,
        language: "en".to_owned(),
        keyword: "Author".to_owned(),
    };
    loaded.origin.texts = vec![
        ("Author".to_owned(), "Zoe".to_owned()),
        ("Source".to_owned(), "plain".to_owned()),
    ];
    loaded.origin.carried.text_forms = vec![unicode, TextForm::LatinPacked];
    let (png, _) = again(&loaded, "out.png", &SaveOptions::default());
    assert_eq!(png.origin, loaded.origin);
    let (_, notes) = again(&loaded, "out.jpg", &SaveOptions::default());
    assert_eq!(notes, [PictureNote::TextsLeftOut]);
}

fn at_place(name: &str) -> std::path::PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/data/carried");
    Path::new(folder).join(name)
}

#[test]
fn rarer_tiffs_are_read_as_they_are_meant() {
    let mean_error = |name: &str, channels: u32| {
        let loaded = load(&at_place(name)).unwrap();
        assert_eq!(loaded.picture.extent(), SIZE, "{name}");
        let pixels = loaded.picture.pixels.crop_f32(Rect::of(SIZE));
        let mut sum = 0.0;
        for (i, pixel) in pixels.iter().enumerate() {
            let (x, y) = (i as u32 % SIZE.width, i as u32 / SIZE.width);
            for c in 0..channels {
                let wanted = ramp(x, y, c, 255) as f32 / 255.0;
                let got = match channels {
                    2 if c == 1 => pixel[3],
                    _ => pixel[c as usize],
                };
                sum += (got - wanted).abs();
            }
        }
        sum / (pixels.len() as u32 * channels) as f32
    };
    assert!(mean_error("zstd.tif", 3) < 1e-6);
    assert!(mean_error("grey-alpha.tif", 2) < 1e-6);
    let packed = mean_error("jpeg.tif", 3);
    assert!(packed < 0.15, "its colours are halved in size: {packed}");
    let few = mean_error("palette.tif", 3);
    assert!(few < 0.08, "64 colours of 391: {few}");

    let bilevel = load(&at_place("bilevel.tif")).unwrap();
    let pixels = bilevel.picture.pixels.crop_f32(Rect::of(SIZE));
    for (i, pixel) in pixels.iter().enumerate() {
        let (x, y) = (i as u32 % SIZE.width, i as u32 / SIZE.width);
        let wanted = f32::from(u8::from(ramp(x, y, 0, 255) > 127));
        assert_eq!(pixel[0], wanted, "pixel {i}");
    }
    let error = load(&at_place("float.tif")).unwrap_err().to_string();
    assert!(error.contains("32-bit floating-point numbers"), "{error}");
}

#[test]
fn a_compression_that_is_not_read_is_named() {
    let mut bytes = std::fs::read(at_place("zstd.tif")).unwrap();
    let field = b"\x03\x01\x03\x00\x01\x00\x00\x00";
    let place = bytes.windows(8).position(|part| part == field).unwrap();
    bytes[place + 8..place + 10].copy_from_slice(&34887u16.to_le_bytes());
    let error = load_bytes(&bytes, Path::new("a.tif")).unwrap_err();
    assert!(matches!(error, PictureError::UnusualCompression { kind, .. } if kind == "LERC"));
}

#[test]
fn colours_of_a_png_are_used_and_kept() {
    use crate::raster::{Profile, to_srgb};
    let loaded = load(&at_place("all.png")).unwrap();
    // gAMA 1.0 and the primaries of Adobe RGB: half of full is 0.735 in sRGB, and a green that
    // sRGB does not have.
    let mut pixels = [[0.5; 3], [0.0, 1.0, 0.0]];
    to_srgb(&loaded.picture.profile, &mut pixels).unwrap();
    let [grey, green] = pixels;
    assert!(grey.iter().all(|v| (v - 0.735_36).abs() < 2e-3), "{grey:?}");
    assert!(green[0] < 1e-3 && green[1] > 0.999, "{green:?}");

    let (png, _) = again(&loaded, "out.png", &SaveOptions::default());
    assert_eq!(png.origin.carried.colour, loaded.origin.carried.colour);
    assert!(png.picture == loaded.picture);
    let (tiff, _) = again(&loaded, "out.tif", &SaveOptions::default());
    assert!(tiff.picture == loaded.picture, "as a profile elsewhere");
    let (back, _) = again(&tiff, "out.png", &SaveOptions::default());
    assert!(back.picture == loaded.picture);

    for (colour, is_srgb) in [
        (
            PngColour {
                cicp: Some([1, 13, 0, 1]),
                ..PngColour::default()
            },
            true,
        ),
        (
            PngColour {
                cicp: Some([12, 13, 0, 1]),
                ..PngColour::default()
            },
            false,
        ),
        (
            PngColour {
                srgb_intent: Some(1),
                ..PngColour::default()
            },
            true,
        ),
        (
            PngColour {
                gamma: Some(45_455),
                ..PngColour::default()
            },
            true,
        ),
    ] {
        let bytes = with_colour(&colour);
        let read = load_bytes(&bytes, Path::new("a.png")).unwrap();
        assert_eq!(read.picture.profile == Profile::Srgb, is_srgb, "{colour:?}");
        let (png, notes) = again(&read, "out.png", &SaveOptions::default());
        assert_eq!(png.origin.carried.colour, colour);
        assert_eq!(png.picture.profile, read.picture.profile);
        assert!(notes.is_empty());
    }
    // Brightness beyond white cannot be shown: said, and kept.
    let bright = PngColour {
        cicp: Some([9, 16, 0, 1]),
        ..PngColour::default()
    };
    let read = load_bytes(&with_colour(&bright), Path::new("a.png")).unwrap();
    assert_eq!(read.notes, [PictureNote::ProfileIgnored]);
    let (png, _) = again(&read, "out.png", &SaveOptions::default());
    assert_eq!(png.origin.carried.colour, bright);
    let mut read = read;
    read.picture.profile = opened("adobe.png").picture.profile;
    let (png, _) = again(&read, "out.png", &SaveOptions::default());
    assert_eq!(png.origin.carried.colour, bright, "beside a profile");
    assert_eq!(png.picture.profile, read.picture.profile);
}

/// The plain picture of the script with these chunks after its header.
fn with_colour(colour: &PngColour) -> Vec<u8> {
    let mut bytes = std::fs::read(given("rgb8.png")).unwrap();
    let mut chunks = Vec::new();
    for (kind, data) in colour.chunks() {
        let body = [&kind[..], &data].concat();
        chunks.extend((data.len() as u32).to_be_bytes());
        chunks.extend(&body);
        chunks.extend(crc32fast::hash(&body).to_be_bytes());
    }
    bytes.splice(33..33, chunks);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is damaged may be refused or read in part; it must never stop the program, and what
    /// was read can be written to any kind of file.
    #[test]
    fn any_damage_is_loaded_and_saved_without_harm(
        which in 0usize..11, at: usize, value: u8, run in 1usize..9, is_cut: bool,
    ) {
        let names = [
            "all.png", "all.jpg", "all.webp", "all.tif", "all.bmp", "all.gif", "jpeg.tif",
            "zstd.tif", "palette.tif", "grey-alpha.tif", "bilevel.tif",
        ];
        let mut bytes = std::fs::read(at_place(names[which])).unwrap();
        let at = at % bytes.len();
        if is_cut {
            bytes.truncate(at);
        } else {
            let end = bytes.len().min(at + run);
            bytes[at..end].fill(value);
        }
        if let Ok(loaded) = load_bytes(&bytes, Path::new("damaged")) {
            let folder = tempfile::tempdir().unwrap();
            for format in FileFormat::WRITABLE {
                let path = folder.path().join(format.extensions()[0]);
                let options = SaveOptions { format: Some(format), ..with_recipe() };
                if loaded.picture.extent().area() < 100_000 {
                    save(&path, &loaded.picture, &loaded.origin, &options).unwrap();
                    load(&path).unwrap();
                }
            }
        }
    }
}
