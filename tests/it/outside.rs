//! What is not painted does not change: ten chained edits through files, in every depth.

use overpaint::catalog::{self, ModelRef};
use overpaint::engine::fake::FakeEngine;
use overpaint::geometry::{Extent, Rect};
use overpaint::jobs::{Unwatched, run_edit};
use overpaint::plan::{EditRequest, EditSettings, Length, MaskMode, Seed};
use overpaint::raster::file::{self, FileOrigin, SaveOptions};
use overpaint::raster::{Mask, Picture, Pixmap, Profile, Tiled, draw_patch};
use tempfile::TempDir;

/// Pixels of any depth as comparable numbers.
fn numbers(picture: &Picture) -> Vec<[u16; 4]> {
    match &picture.pixels {
        Pixmap::Rgba8(plane) => plane
            .to_vec()
            .into_iter()
            .map(|p| p.map(u16::from))
            .collect(),
        Pixmap::Rgba16(plane) => plane.to_vec(),
    }
}

fn scrambled(i: usize) -> u32 {
    (i as u32).wrapping_mul(2_654_435_761).rotate_left(13)
}

fn picture(extent: Extent, depth: u8, alpha: bool) -> Picture {
    let pixel = |i: usize| {
        let bytes = scrambled(i).to_le_bytes();
        [
            bytes[0],
            bytes[1],
            bytes[2],
            if alpha { bytes[3] } else { 255 },
        ]
    };
    let eight: Vec<[u8; 4]> = (0..extent.len()).map(pixel).collect();
    let pixels = if depth == 8 {
        Pixmap::Rgba8(Tiled::from_pixels(extent, &eight, [0; 4]))
    } else {
        let deep =
            |p: &[u8; 4]| [p[0], p[1], p[2], p[3]].map(|v| (u16::from(v) * 257) ^ u16::from(v & 1));
        let sixteen: Vec<[u16; 4]> = eight
            .iter()
            .map(|p| {
                let mut d = deep(p);
                if !alpha {
                    d[3] = 65535;
                }
                d
            })
            .collect();
        Pixmap::Rgba16(Tiled::from_pixels(extent, &sixteen, [0; 4]))
    };
    Picture {
        pixels,
        profile: Profile::Srgb,
    }
}

/// The masks of the ten edits: borders, corners, single pixels, one-pixel lines, soft paint.
fn masks(extent: Extent) -> Vec<(Mask, MaskMode)> {
    let (w, h) = (extent.width, extent.height);
    let (right, bottom) = (w as i32 - 1, h as i32 - 1);
    let rects = [
        (Rect::new(0, 0, w, 1), 255),
        (Rect::new(right, 0, 1, h), 255),
        (Rect::new(0, bottom, 1, 1), 255),
        (Rect::new(20, 5, 1, 40), 255),
        (Rect::new(3, 30, 30, 1), 128),
        (Rect::new(10, 10, 20, 20), 255),
        (Rect::new(right - 5, bottom - 5, 6, 6), 40),
        (Rect::new(0, 0, 8, 8), 255),
    ];
    let painted = |rect: Rect, value: u8| {
        let mut mask = Tiled::filled(extent, 0u8);
        mask.update(rect, |_, _| value);
        mask
    };
    let mut masks: Vec<_> = rects
        .iter()
        .map(|(r, v)| (painted(*r, *v), MaskMode::Changes))
        .collect();
    masks.push((painted(Rect::new(0, 0, w - 4, h), 255), MaskMode::Stays));
    masks.push((painted(Rect::new(1, 1, w - 2, h - 2), 255), MaskMode::Stays));
    masks
}

/// Distance from each pixel to the nearest one that may change, by looking at every pair.
fn distances(mask: &Mask, mode: MaskMode) -> Vec<f64> {
    let extent = mask.extent();
    let at = |i: usize| {
        (
            (i as u32 % extent.width) as f64,
            (i as u32 / extent.width) as f64,
        )
    };
    let change = |c: &u8| {
        if mode == MaskMode::Changes {
            *c > 0
        } else {
            *c < 255
        }
    };
    let sites: Vec<_> = mask
        .to_vec()
        .iter()
        .enumerate()
        .filter(|(_, c)| change(c))
        .map(|(i, _)| at(i))
        .collect();
    (0..extent.len())
        .map(|i| {
            let (x, y) = at(i);
            sites
                .iter()
                .map(|(a, b)| (a - x).hypot(b - y))
                .fold(f64::INFINITY, f64::min)
        })
        .collect()
}

#[test]
fn ten_chained_edits_leave_the_outside_bit_identical() {
    let folder = TempDir::new().unwrap();
    let card = catalog::open(&ModelRef::BuiltIn).unwrap();
    let (grow, feather) = (2.0, 5.5);
    for (depth, alpha, extension) in [
        (8, false, "png"),
        (8, true, "png"),
        (16, false, "png"),
        (16, true, "tif"),
    ] {
        let extent = Extent::new(61, 47);
        let path = folder.path().join(format!("{depth}-{alpha}.{extension}"));
        let saved = file::save(
            &path,
            &picture(extent, depth, alpha),
            &FileOrigin::default(),
            &SaveOptions::default(),
        );
        saved.unwrap();
        let mut touched = vec![false; extent.len()];
        let original = numbers(&file::load(&path).unwrap().picture);
        for (i, (mask, mode)) in masks(extent).into_iter().enumerate() {
            let mut loaded = file::load(&path).unwrap();
            for (touched, distance) in touched.iter_mut().zip(distances(&mask, mode)) {
                *touched |= distance <= grow + feather;
            }
            let settings = EditSettings {
                grow: Length::Px(grow),
                feather: Some(Length::Px(feather)),
                mask_mode: mode,
                seed: Seed(i as u64),
                ..EditSettings::default()
            };
            let request = EditRequest {
                model: ModelRef::BuiltIn,
                traits: card.traits.clone(),
                source: loaded.picture.clone(),
                painted: Some(mask),
                mask_kind: overpaint::raster::MaskKind::Strength,
                settings,
            };
            let before = numbers(&loaded.picture);
            let result = run_edit(&mut FakeEngine::default(), &request, &mut Unwatched).unwrap();
            draw_patch(&mut loaded.picture.pixels, &result.patch, 255);
            assert_ne!(
                before,
                numbers(&loaded.picture),
                "edit {i} changes something"
            );
            file::save(
                &path,
                &loaded.picture,
                &loaded.origin,
                &SaveOptions::default(),
            )
            .unwrap();
        }
        let last = numbers(&file::load(&path).unwrap().picture);
        let kept = touched.iter().filter(|t| !**t).count();
        assert!(kept > 300, "the masks leave something alone: {kept}");
        for (i, touched) in touched.iter().enumerate() {
            assert!(
                *touched || original[i] == last[i],
                "pixel {i} at depth {depth}, alpha {alpha}"
            );
        }
    }
}
