use std::sync::Arc;

use moxcms::ColorProfile;

use super::*;
use crate::catalog::{ModelRef, ModelTraits, PredictionType};
use crate::geometry::Rect;
use crate::plan::settings::{AreaMode, EditSettings, FillMode, Length, Strength};
use crate::plan::{EditRequest, Prepared, prepare};
use crate::raster::{Mask, Patch, Picture, Pixmap, Profile, Tiled, draw_patch};

/// Larger than a tile, a band of rows and the model along both sides, and a multiple of nothing.
const PICTURE: Extent = Extent::new(403, 297);
const REGION: Rect = Rect::new(90, 70, 180, 150);

fn p3() -> Profile {
    Profile::Icc(Arc::new(ColorProfile::new_display_p3().encode().unwrap()))
}

/// Numbers without an order, the same for the same `seed`.
fn scrambled(i: usize, seed: u64) -> u16 {
    let mut x = (i as u64)
        .wrapping_add(seed << 32)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x >> 40) as u16
}

/// Texture of every size: what a model is shown of it, and much that it is not.
fn value(x: usize, y: usize, channel: usize, seed: u64) -> u16 {
    let octaves = [1, 2, 4, 8, 16, 32].map(|side| {
        let cell = (y / side) * 977 + x / side + side * 100_000 + channel * 7_000_000;
        u32::from(scrambled(cell, seed))
    });
    (octaves.iter().sum::<u32>() / octaves.len() as u32) as u16
}

fn texture(extent: Extent, seed: u64) -> RgbF32 {
    let pixels = (0..extent.len()).map(|i| {
        let (x, y) = (i % extent.width as usize, i / extent.width as usize);
        [0, 1, 2].map(|c| f32::from(value(x, y, c, seed)) / 65535.0)
    });
    RgbF32 {
        extent,
        pixels: pixels.collect(),
    }
}

fn picture(deep: bool, profile: Profile, seed: u64) -> Picture {
    let pixels: Vec<[u16; 4]> = (0..PICTURE.len())
        .map(|i| {
            let (x, y) = (i % PICTURE.width as usize, i / PICTURE.width as usize);
            let [r, g, b] = [0, 1, 2].map(|channel| value(x, y, channel, seed));
            [r, g, b, u16::MAX]
        })
        .collect();
    let pixels = if deep {
        Pixmap::Rgba16(Tiled::from_pixels(PICTURE, &pixels, [0; 4]))
    } else {
        let pixels: Vec<[u8; 4]> = pixels.iter().map(|p| p.map(|v| (v >> 8) as u8)).collect();
        Pixmap::Rgba8(Tiled::from_pixels(PICTURE, &pixels, [0; 4]))
    };
    Picture { pixels, profile }
}

fn region() -> Mask {
    let mut mask = Tiled::filled(PICTURE, 0);
    mask.update(REGION, |_, _| 255);
    mask
}

fn settings() -> EditSettings {
    EditSettings {
        strength: Strength::new(0.5).unwrap(),
        ..EditSettings::default()
    }
}

fn planned(source: &Picture, painted: Option<Mask>, settings: EditSettings) -> Prepared {
    let request = EditRequest {
        model: ModelRef::BuiltIn,
        traits: ModelTraits {
            native_px: 128,
            vae_factor: 4,
            size_multiple_px: 16,
            latent_channels: 4,
            unet_in_channels: 4,
            prediction_type: PredictionType::Epsilon,
            embeds_guidance: false,
            few_steps: false,
        },
        source: source.clone(),
        painted,
        mask_kind: crate::raster::MaskKind::Strength,
        settings,
    };
    prepare(&request).unwrap()
}

/// What an autoencoder might make of a picture: duller and a little off everywhere.
fn round_trip(picture: &RgbF32) -> RgbF32 {
    let smooth: Vec<Vec<f32>> = (0..3)
        .map(|c| {
            let plane: Vec<f32> = picture.pixels.iter().map(|p| p[c]).collect();
            blurred(&plane, picture.extent, 1.0)
        })
        .collect();
    RgbF32 {
        extent: picture.extent,
        pixels: (0..picture.pixels.len())
            .map(|i| [0, 1, 2].map(|c| smooth[c][i] * 0.97 + 0.01))
            .collect(),
    }
}

fn shown(source: &Picture, patch: &Patch) -> Pixmap {
    let mut after = source.pixels.clone();
    draw_patch(&mut after, patch, 255);
    after
}

#[test]
fn where_nothing_was_changed_the_original_is_shown_bit_for_bit() {
    for (deep, profile) in [
        (false, Profile::Srgb),
        (true, Profile::Srgb),
        (false, p3()),
        (true, p3()),
    ] {
        let source = picture(deep, profile, 1);
        for painted in [None, Some(region())] {
            for keep_details in [KeepDetails::Auto, KeepDetails::More] {
                let settings = EditSettings {
                    keep_details,
                    feather: Some(Length::Px(9.5)),
                    ..settings()
                };
                let prepared = planned(&source, painted.clone(), settings);
                assert!(prepared.layout.scale < 1.0 && prepared.input.wants_round_trip);
                let round_trip = round_trip(&prepared.input.image);
                let patch = prepared.finish(&round_trip, Some(&round_trip)).unwrap();
                let after = shown(&source, &patch);
                let masked = painted.is_some();
                assert!(after == source.pixels, "deep {deep}, masked {masked}");
            }
        }
    }
}

#[test]
fn outside_the_mask_nothing_changes_and_inside_it_does() {
    let source = picture(true, p3(), 1);
    let prepared = planned(&source, Some(region()), settings());
    let result = RgbF32::filled(prepared.layout.work, [0.9, 0.1, 0.4]);
    let round_trip = round_trip(&prepared.input.image);
    let patch = prepared.finish(&result, Some(&round_trip)).unwrap();
    let (Pixmap::Rgba16(before), Pixmap::Rgba16(after)) = (&source.pixels, shown(&source, &patch))
    else {
        panic!("depth")
    };
    let reach = REGION.expanded(prepared.layout.feather_px.ceil() as u32);
    let mut changed = 0;
    for y in 0..PICTURE.height {
        for x in 0..PICTURE.width {
            let at = crate::geometry::Point::new(x as i32, y as i32);
            let is_same = before.get(x, y) == after.get(x, y);
            assert!(is_same || reach.contains(at), "{x}, {y}");
            changed += usize::from(!is_same);
        }
    }
    assert!(changed > REGION.extent().len() * 9 / 10, "{changed}");
}

/// What a Gaussian of 2.5 px takes away of a luma plane.
fn fine(values: &[f32]) -> Vec<f32> {
    let smooth = blurred(values, PICTURE, 2.5);
    values.iter().zip(&smooth).map(|(v, s)| v - s).collect()
}

fn luma_of(pixels: &Pixmap) -> Vec<f32> {
    let pixels = pixels.crop_f32(Rect::of(PICTURE));
    let pixels = pixels.into_iter().map(|[r, g, b, _]| [r, g, b]).collect();
    Channels::of(&RgbF32 {
        extent: PICTURE,
        pixels,
    })
    .luma
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn details_follow_what_the_result_shows() {
    let source = picture(false, Profile::Srgb, 1);
    let original = fine(&luma_of(&source.pixels));
    let other = planned(&picture(false, Profile::Srgb, 2), None, settings())
        .input
        .image;
    for keep_details in [KeepDetails::Auto, KeepDetails::More] {
        let settings = EditSettings {
            keep_details,
            ..settings()
        };
        let prepared = planned(&source, None, settings);
        let round_trip = round_trip(&prepared.input.image);
        let kept = |result: &RgbF32| {
            let patch = prepared.finish(result, Some(&round_trip)).unwrap();
            let after = fine(&luma_of(&shown(&source, &patch)));
            let common = dot(&original, &after);
            let share = common / dot(&original, &original);
            (
                common / (dot(&original, &original) * dot(&after, &after)).sqrt(),
                share,
            )
        };
        // The same thing in another light.
        let mut darker = round_trip.clone();
        for pixel in &mut darker.pixels {
            let [r, g, b] = *pixel;
            *pixel = [r * 0.4, g * 0.45, b * 0.6 + 0.05];
        }
        let ((alike, _), (unlike, _)) = (kept(&darker), kept(&other));
        assert!(alike > 0.95, "{keep_details:?}: {alike}");
        assert!(unlike < 0.1, "{keep_details:?}: {unlike}");
        let plain = RgbF32::filled(prepared.layout.work, [0.5; 3]);
        let (_, ghost) = kept(&plain);
        assert!(ghost < 0.1, "{keep_details:?}: {ghost}");
    }
}

/// Dark discs on a bright ground, drawn with 4 × 4 samples a pixel, moved by so many pixels.
fn discs(moved: f32) -> Picture {
    let pixel = |x: usize, y: usize| {
        let dark = (0..16).filter(|i| {
            let at = |at: usize, sub: usize| at as f32 + (sub as f32 + 0.5) / 4.0 - moved;
            let (x, y) = (at(x, i % 4), at(y, i / 4));
            (x.rem_euclid(60.0) - 30.0).hypot(y.rem_euclid(60.0) - 30.0) < 20.0
        });
        (220 - dark.count() * 10) as u8
    };
    let width = PICTURE.width as usize;
    let pixels: Vec<[u8; 4]> = (0..PICTURE.len())
        .map(|i| pixel(i % width, i / width))
        .map(|v| [v, v, v, 255])
        .collect();
    Picture {
        pixels: Pixmap::Rgba8(Tiled::from_pixels(PICTURE, &pixels, [0; 4])),
        profile: Profile::Srgb,
    }
}

#[test]
fn what_a_model_draws_a_little_beside_the_original_is_not_seen_twice() {
    let source = discs(0.0);
    let prepared = planned(&source, None, settings());
    let seen = round_trip(&prepared.input.image);
    let moved = discs(1.0 / prepared.layout.scale as f32);
    let moved = round_trip(&planned(&moved, None, settings()).input.image);
    let mut grainy = seen.clone();
    for (i, pixel) in grainy.pixels.iter_mut().enumerate() {
        *pixel = pixel.map(|v| v + 0.2 * (f32::from(scrambled(i, 3)) / 65_535.0 - 0.5));
    }
    let before = fine(&luma_of(&source.pixels));
    for (what, result) in [("a work pixel beside it", moved), ("grain", grainy)] {
        let patch = prepared.finish(&result, Some(&seen)).unwrap();
        let after = fine(&luma_of(&shown(&source, &patch)));
        let alike = dot(&before, &after) / (dot(&before, &before) * dot(&after, &after)).sqrt();
        // With the result's finest band under the details: 0.96 and 0.92.
        assert!(alike > 0.98, "{what}: {alike}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let source = picture(true, p3(), 1);
    let prepared = planned(&source, Some(region()), settings());
    let round_trip = round_trip(&prepared.input.image);
    let mut result = round_trip.clone();
    for (i, pixel) in result.pixels.iter_mut().enumerate() {
        *pixel = pixel.map(|v| (v + f32::from(scrambled(i, 5)) / 400_000.0).min(1.0));
    }
    let with_threads = |count| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .build()
            .unwrap();
        pool.install(|| prepared.finish(&result, Some(&round_trip)).unwrap())
    };
    assert_eq!(with_threads(1), with_threads(2));
}

#[test]
fn numbers_outside_srgb_stay_there() {
    // The purest red of Display P3 has, in sRGB, a red above 1 and a green below 0.
    let mut plane = Tiled::filled(PICTURE, [30_000u16, 30_000, 30_000, u16::MAX]);
    plane.update(REGION, |_, _| [65_535, 2_000, 1_000, u16::MAX]);
    let source = Picture {
        pixels: Pixmap::Rgba16(plane),
        profile: p3(),
    };
    let prepared = planned(&source, None, settings());
    let round_trip = round_trip(&prepared.input.image);
    // A result a little darker than the original, as different models' are.
    let mut result = round_trip.clone();
    for pixel in &mut result.pixels {
        *pixel = pixel.map(|v| v * 0.99);
    }
    let red_and_green = |round_trip| {
        let patch = prepared.finish(&result, round_trip).unwrap();
        let Pixmap::Rgba16(plane) = patch.pixels else {
            panic!("depth")
        };
        let middle = plane.get(180, 145).unwrap();
        (middle[0], middle[1])
    };
    let (red, green) = red_and_green(Some(&round_trip));
    assert!(red > 64_000 && green < 4_000, "{red}, {green}");
    // The reddest red of sRGB, in the same numbers, is (60 097, 13 113).
    let off = EditSettings {
        keep_details: KeepDetails::Off,
        ..settings()
    };
    let patch = planned(&source, None, off).finish(&result, None).unwrap();
    let Pixmap::Rgba16(plane) = patch.pixels else {
        panic!("depth")
    };
    assert!(plane.get(180, 145).unwrap()[0] < 60_200);
}

#[test]
fn details_are_kept_where_the_model_sees_less_and_starts_from_the_picture() {
    let source = picture(false, Profile::Srgb, 1);
    let wants = |painted: Option<Mask>, change: &dyn Fn(&mut EditSettings)| {
        let mut settings = settings();
        change(&mut settings);
        planned(&source, painted, settings).input.wants_round_trip
    };
    assert!(wants(None, &|_| {}));
    assert!(wants(Some(region()), &|_| {}));
    assert!(wants(None, &|s| s.keep_details = KeepDetails::More));
    assert!(!wants(None, &|s| s.keep_details = KeepDetails::Off));
    // The fill is one of masks.
    assert!(wants(None, &|s| s.fill = FillMode::Blur));
    for fill in [FillMode::Blur, FillMode::Noise, FillMode::Nothing] {
        assert!(!wants(Some(region()), &|s| s.fill = fill), "{fill:?}");
    }
    let all = Strength::new(1.0).unwrap();
    assert!(
        !wants(None, &|s| s.strength = all),
        "nothing of the picture is left"
    );
    assert!(
        !wants(Some(region()), &|s| s.strength = all),
        "filled with its surroundings"
    );
    // A region shown at its own size or larger loses nothing by it.
    let mut small = Tiled::filled(PICTURE, 0);
    small.update(Rect::new(100, 100, 20, 20), |_, _| 255);
    assert!(!wants(Some(small), &|s| s.area = AreaMode::Masked));
}

#[test]
fn what_may_not_differ_does_not_speak_for_what_may() {
    let extent = Extent::new(96, 96);
    let (original, other) = (texture(extent, 1), texture(extent, 2));
    // Right of 48 everything may differ and does, but for a strand of 4 pixels at the region's edge.
    let region: Vec<f32> = (0..extent.len()).map(|i| f32::from(i % 96 >= 48)).collect();
    let mut result = original.clone();
    for (i, pixel) in result.pixels.iter_mut().enumerate() {
        if i % 96 >= 52 {
            *pixel = other.pixels[i];
        }
    }
    let kept_in_strand = |region: Option<&[f32]>| {
        let details = Details::new(
            &original,
            &original,
            &result,
            region,
            Likeness::of(KeepDetails::Auto, 0.3),
        );
        let strand = (0..extent.len()).filter(|i| (48..50).contains(&(i % 96)));
        let kept = strand.map(|i| 1.0 - details.let_go.pixels[i][0]);
        kept.sum::<f32>() / (2.0 * 96.0)
    };
    let (alone, with_company) = (kept_in_strand(Some(&region)), kept_in_strand(None));
    assert!(
        with_company > 0.9 && alone < 0.7 * with_company,
        "{with_company} {alone}"
    );
    // Where all of the region is alike, it keeps everything.
    let details = Details::new(
        &original,
        &original,
        &original,
        Some(&region),
        Likeness::of(KeepDetails::Auto, 0.3),
    );
    assert_eq!(details.result, original);
    assert!(details.let_go.pixels.iter().all(|k| *k == [0.0; 3]));
}

/// A picture of which a sixth is as it was and the rest is another: at 0.4 that sixth keeps its details; after a
/// strong edit they are ghosts, unless one asked for more.
#[test]
fn after_a_strong_edit_little_that_is_alike_is_chance() {
    let extent = Extent::new(96, 96);
    let (original, other) = (texture(extent, 1), texture(extent, 2));
    let mut result = other.clone();
    for (i, pixel) in result.pixels.iter_mut().enumerate() {
        if (40..56).contains(&(i % 96)) {
            *pixel = original.pixels[i];
        }
    }
    let kept = |keep, strength| {
        let likeness = Likeness::of(keep, strength);
        let details = Details::new(&original, &original, &result, None, likeness);
        let alike = (0..extent.len()).filter(|i| (46..50).contains(&(i % 96)));
        alike
            .map(|i| 1.0 - details.let_go.pixels[i][0])
            .sum::<f32>()
            / (4.0 * 96.0)
    };
    let (little, between, much) = (
        kept(KeepDetails::Auto, 0.4),
        kept(KeepDetails::Auto, 0.45),
        kept(KeepDetails::Auto, 0.6),
    );
    assert!(little > 0.9 && much < 0.5 * little, "{little} {much}");
    assert!(much < between && between < little, "{between}");
    assert_eq!(kept(KeepDetails::More, 0.6), kept(KeepDetails::More, 0.2));
    assert_eq!(kept(KeepDetails::Auto, 0.5), kept(KeepDetails::Auto, 1.0));
}
