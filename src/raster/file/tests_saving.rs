//! Writing, and reading back what was written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tests::opened;
use super::*;
use crate::geometry::{Extent, Rect};
use crate::raster::{Picture, Pixmap, Profile, Tiled};

fn written(
    loaded: &LoadedPicture,
    name: &str,
    options: &SaveOptions,
) -> (LoadedPicture, Vec<PictureNote>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let notes = save(&path, &loaded.picture, &loaded.origin, options).unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file is left");
    (load(&path).unwrap(), notes)
}

#[test]
fn png_and_tiff_give_everything_back() {
    for name in [
        "grey8.png",
        "grey8-alpha.png",
        "rgb8.png",
        "rgba8.png",
        "grey16.png",
        "grey16-alpha.png",
        "rgb16.png",
        "rgba16.png",
        "palette.png",
        "adobe.png",
        "adobe.jpg",
        "one.png",
        "tall.png",
    ] {
        let loaded = opened(name);
        for target in ["out.png", "out.tif"] {
            let (again, notes) = written(&loaded, target, &SaveOptions::default());
            assert!(again.picture == loaded.picture, "{name} as {target}");
            assert!(notes.is_empty());
            assert_eq!(
                again.origin.layout, loaded.origin.layout,
                "{name} as {target}"
            );
        }
    }
    let (again, _) = written(&opened("rgba8.png"), "out.webp", &SaveOptions::default());
    assert!(again.picture == opened("rgba8.png").picture);
}

#[test]
fn grey_becomes_colour_only_when_it_is_coloured() {
    let mut loaded = opened("grey8.png");
    let grey_icc = moxcms::ColorProfile::new_gray_with_gamma(1.8)
        .encode()
        .unwrap();
    loaded.picture.profile = Profile::Icc(Arc::new(grey_icc));
    let (again, _) = written(&loaded, "out.png", &SaveOptions::default());
    assert!(again.picture == loaded.picture, "grey with its profile");

    let Pixmap::Rgba8(plane) = &mut loaded.picture.pixels else {
        panic!("depth")
    };
    plane.update(Rect::new(3, 3, 2, 2), |_, _| [200, 20, 20, 255]);
    let (again, _) = written(&loaded, "out.png", &SaveOptions::default());
    assert_eq!(again.origin.layout, ColourLayout::Rgb);
    assert!(again.picture.pixels == loaded.picture.pixels);
    assert!(again.notes.is_empty(), "its profile is one for colour");
    let (mut before, mut after) = (
        [[0.3, 0.3, 0.3], [0.8, 0.1, 0.1]],
        [[0.3, 0.3, 0.3], [0.8, 0.1, 0.1]],
    );
    crate::raster::to_srgb(&loaded.picture.profile, &mut before).unwrap();
    crate::raster::to_srgb(&again.picture.profile, &mut after).unwrap();
    for (b, a) in before.iter().flatten().zip(after.iter().flatten()) {
        assert!((b - a).abs() < 1e-3, "the same colours: {b} {a}");
    }
}

#[test]
fn what_a_kind_cannot_hold_is_said() {
    let (again, notes) = written(&opened("rgba16.png"), "out.jpg", &SaveOptions::default());
    assert_eq!(
        notes,
        [PictureNote::AlphaFlattened, PictureNote::DepthReduced]
    );
    assert_eq!(again.origin.layout, ColourLayout::Rgb);
    let mut white = opened("one.png");
    white.picture.pixels = Pixmap::Rgba8(Tiled::filled(Extent::new(8, 8), [10, 20, 30, 0]));
    let (again, _) = written(&white, "out.jpeg", &SaveOptions::default());
    assert_eq!(
        again.picture.pixels.crop_f32(Rect::new(0, 0, 1, 1)),
        [[1.0; 4]]
    );

    let loaded = opened("one.png");
    for name in ["out.bmp", "out.xyz", "out"] {
        let error = save(
            Path::new(name),
            &loaded.picture,
            &loaded.origin,
            &SaveOptions::default(),
        );
        assert!(matches!(error, Err(PictureError::UnknownExtension { .. })));
    }
    let mut wide = loaded;
    wide.picture.pixels = Pixmap::Rgba8(Tiled::filled(Extent::new(16_384, 1), [0; 4]));
    let error = save(
        Path::new("out.webp"),
        &wide.picture,
        &wide.origin,
        &SaveOptions::default(),
    );
    assert!(matches!(
        error,
        Err(PictureError::TooLargeForFormat {
            limit_px: 16_383,
            ..
        })
    ));
}

#[test]
fn the_recipe_travels_in_every_kind_that_can_carry_it() {
    let recipe = RecipeText {
        parameters: "貓, \"x\"\nSteps: 3, Sampler: DDIM, Seed: 1".to_owned(),
        json: "{\"format\":1}".to_owned(),
    };
    let options = SaveOptions {
        recipe: Some(recipe.clone()),
        ..SaveOptions::default()
    };
    let loaded = opened("texts.png");
    let (again, notes) = written(&loaded, "out.png", &options);
    assert!(notes.is_empty());
    assert_eq!(
        again.origin.text(PARAMETERS_KEYWORD),
        Some(recipe.parameters.as_str())
    );
    assert_eq!(again.origin.text(OWN_KEYWORD), Some(recipe.json.as_str()));
    assert_eq!(again.origin.text("Title"), Some("保留"), "other texts stay");
    assert_eq!(again.origin.texts.len(), 4);
    for name in ["out.jpg", "out.webp", "out.tif"] {
        for source in ["orientation-6.jpg", "rgb8.png", "comment.jpg"] {
            let (again, notes) = written(&opened(source), name, &options);
            assert!(notes.is_empty());
            assert_eq!(
                again.origin.text(PARAMETERS_KEYWORD),
                Some(recipe.parameters.as_str())
            );
        }
    }
    for (source, name) in [("texts.png", "out.png"), ("comment.jpg", "out.jpg")] {
        let (bare, _) = written(&opened(source), name, &SaveOptions::default());
        assert_eq!(
            bare.origin.text(PARAMETERS_KEYWORD),
            None,
            "switched off means gone"
        );
    }
}

#[test]
fn a_failed_save_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = opened("rgb8.png");
    let path = folder.path().join("file").join("out.png");
    std::fs::write(folder.path().join("file"), b"not a folder").unwrap();
    let error = save(
        &path,
        &loaded.picture,
        &loaded.origin,
        &SaveOptions::default(),
    );
    assert!(matches!(error, Err(PictureError::NoPlace { .. })));

    let path = folder.path().join("old.png");
    std::fs::write(&path, b"old").unwrap();
    let error = write_whole(&path, |file| {
        std::io::Write::write_all(file, b"half")?;
        Err("disk full".into())
    });
    assert!(matches!(error, Err(PictureError::Write { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn every_answer_is_a_sentence_in_both_languages() {
    use crate::text::{Explain, Language, Texts};
    use PictureNote as N;
    let notes = [
        N::ProfileIgnored,
        N::FirstPageOnly,
        N::AlphaUnmultiplied,
        N::MaskAlphaCounted,
        N::MaskAlphaRead,
        N::MaskColoured,
        N::MaskStretched,
        N::MaskNoiseRemoved,
        N::MaskScaled,
        N::AlphaFlattened,
        N::DepthReduced,
        N::RecipeLeftOut,
        N::ExifLeftOut,
        N::MoreLeftBehind,
        N::ResolutionLeftOut,
        N::XmpLeftOut,
        N::TextsLeftOut,
        N::CaptionsLeftOut,
    ];
    let errors = every_error();
    let messages = errors
        .iter()
        .map(Explain::message)
        .chain(notes.iter().map(Explain::message));
    for message in messages {
        for language in Language::ALL {
            let sentence = Texts::of(language).say(&message);
            assert!(
                !sentence.starts_with("picture-") && !sentence.contains("{$"),
                "{sentence}"
            );
        }
    }
}

fn every_error() -> Vec<PictureError> {
    let path = PathBuf::from("p.png");
    let text = || "x".to_owned();
    let extent = Extent::new(2, 3);
    let mut errors = vec![
        PictureError::Read {
            path: path.clone(),
            why: text(),
        },
        PictureError::EmptyFile { path: path.clone() },
        PictureError::NotAPicture { path: path.clone() },
        PictureError::Foreign {
            path: path.clone(),
            kind: text(),
        },
        PictureError::Animated {
            path: path.clone(),
            kind: text(),
        },
        PictureError::Cmyk { path: path.clone() },
        PictureError::UnusualSamples {
            path: path.clone(),
            what: text(),
        },
        PictureError::UnusualCompression {
            path: path.clone(),
            kind: text(),
        },
        PictureError::Damaged {
            path: path.clone(),
            why: text(),
        },
        PictureError::NoPixels { path: path.clone() },
        PictureError::TooLarge {
            path: path.clone(),
            extent,
        },
        PictureError::MaskShape {
            path: path.clone(),
            mask: extent,
            picture: extent,
        },
        PictureError::MaskWithoutAlpha { path: path.clone() },
        PictureError::Profile { why: text() },
        PictureError::UnknownExtension { path: path.clone() },
        PictureError::TooLargeForFormat {
            path: path.clone(),
            kind: text(),
            limit_px: 9,
        },
        PictureError::Write {
            path: path.clone(),
            why: text(),
        },
    ];
    use PlaceProblem as P;
    let problems = [
        P::NamesFolder,
        P::NoFolder(path.clone()),
        P::FolderIsFile(path.clone()),
        P::FolderReadOnly(path.clone()),
        P::NameTooLong,
        P::ReadOnly,
        P::NotAFile,
    ];
    errors.extend(problems.map(|problem| PictureError::NoPlace {
        path: path.clone(),
        problem,
    }));
    errors
}

/// Blocks of 16 × 16 pixels, away from `except`, that came back to the number.
fn share_of_equal_blocks(before: &Picture, after: &Picture, except: Rect) -> f64 {
    let extent = before.extent();
    let (mut equal, mut all) = (0, 0);
    for y in (0..extent.height as i32 - 15).step_by(16) {
        for x in (0..extent.width as i32 - 15).step_by(16) {
            let block = Rect::new(x, y, 16, 16);
            if block.intersect(except).is_empty() {
                all += 1;
                let same = before.pixels.crop_f32(block) == after.pixels.crop_f32(block);
                equal += u32::from(same);
            }
        }
    }
    f64::from(equal) / f64::from(all)
}

/// A smooth picture, whose sides are no multiples of a block's.
fn smooth() -> LoadedPicture {
    let extent = Extent::new(70, 88);
    let pixel = |i: usize| [(i % 70 * 3) as u8, (i / 70 * 2) as u8, 90, 255];
    let pixels: Vec<[u8; 4]> = (0..extent.len()).map(pixel).collect();
    LoadedPicture {
        picture: Picture {
            pixels: Pixmap::Rgba8(Tiled::from_pixels(extent, &pixels, [0; 4])),
            profile: Profile::Srgb,
        },
        origin: FileOrigin::default(),
        notes: Vec::new(),
    }
}

/// The mean difference of two pictures' values, 0…255.
fn difference(a: &Picture, b: &Picture) -> f64 {
    let whole = Rect::of(a.extent());
    let (a, b) = (a.pixels.crop_f32(whole), b.pixels.crop_f32(whole));
    let pairs = a.as_flattened().iter().zip(b.as_flattened());
    let sum: f64 = pairs.map(|(a, b)| f64::from((a - b).abs())).sum();
    sum / a.as_flattened().len() as f64 * 255.0
}

#[test]
fn jpegs_are_read_right_whichever_way_their_components_lie() {
    let wanted = smooth();
    let folder = tempfile::tempdir().unwrap();
    let pixels = match &wanted.picture.pixels {
        Pixmap::Rgba8(tiles) => tiles.to_vec(),
        Pixmap::Rgba16(_) => unreachable!(),
    };
    for (across, down) in [(1, 1), (2, 1), (1, 2), (2, 2)] {
        for in_planes in [false, true] {
            let mut bytes = Vec::new();
            let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
            let sampling = jpeg_encoder::SamplingFactor::from_factors(across, down);
            encoder.set_sampling_factor(sampling.unwrap());
            // Tables made for a picture are written by this encoder with the components apart.
            encoder.set_optimized_huffman_tables(in_planes);
            let colour = jpeg_encoder::ColorType::Rgba;
            encoder
                .encode(pixels.as_flattened(), 70, 88, colour)
                .unwrap();
            assert_eq!(jpeg_segments::read(&bytes).is_in_planes, in_planes);
            let path = folder.path().join("a.jpg");
            std::fs::write(&path, bytes).unwrap();
            let read = load(&path).unwrap();
            let error = difference(&read.picture, &wanted.picture);
            assert!(error < 3.0, "{across} × {down}, {in_planes}: {error:.1}");
            // And written again as it was, in one scan, which every program reads.
            let (again, _) = written(&read, "b.jpg", &SaveOptions::default());
            let error = difference(&again.picture, &wanted.picture);
            assert!(error < 4.0, "{across} × {down}, {in_planes}: {error:.1}");
            let path = folder.path().join("c.jpg");
            let options = SaveOptions::default();
            save(&path, &read.picture, &read.origin, &options).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            assert!(!jpeg_segments::read(&bytes).is_in_planes);
            std::fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn a_jpeg_is_compressed_again_as_it_was() {
    let photo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/samples/portrait-city.png");
    let photo = load(&photo).unwrap();
    // Fine divisors feel what 8 bits of RGB round off.
    for (quality, least) in [(60, 0.9), (85, 0.9), (95, 0.5)] {
        let options = |jpeg_quality| SaveOptions {
            jpeg_quality,
            ..SaveOptions::default()
        };
        let (first, _) = written(&photo, "first.jpg", &options(Some(quality)));
        let mut edited = first.clone();
        let dot = Rect::new(100, 100, 30, 30);
        edited.picture.pixels = match edited.picture.pixels {
            Pixmap::Rgba8(mut tiles) => {
                tiles.update(dot, |_, _| [200, 30, 30, 255]);
                Pixmap::Rgba8(tiles)
            }
            other @ Pixmap::Rgba16(_) => other,
        };
        let (kept, _) = written(&edited, "again.jpg", &options(None));
        assert_eq!(kept.origin.carried.jpeg, first.origin.carried.jpeg);
        let kept = share_of_equal_blocks(&first.picture, &kept.picture, dot);
        let (other, _) = written(&edited, "again.jpg", &options(Some(quality - 7)));
        let other = share_of_equal_blocks(&first.picture, &other.picture, dot);
        assert!(
            kept > least && other < least / 2.0,
            "{quality}: {kept:.3} {other:.3}"
        );
    }
}
