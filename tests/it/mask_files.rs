//! Masks as other programs write them: whatever a clean shape went through on its way into a file,
//! nothing beyond it changes and all of it does.

use std::io::Cursor;
use std::path::Path;

use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, LumaA, Rgba};
use overpaint::catalog::{self, ModelRef};
use overpaint::engine::fake::FakeEngine;
use overpaint::geometry::Extent;
use overpaint::jobs::{Unwatched, run_edit};
use overpaint::plan::{EditRequest, EditSettings, Length, MaskMode, Strength};
use overpaint::raster::file::{MaskChannel, mask_from_bytes};
use overpaint::raster::{Picture, Pixmap, Profile, Tiled, draw_patch};
use proptest::prelude::*;

const SIZE: Extent = Extent::new(112, 96);

/// What a shape's numbers went through.
#[derive(Debug, Clone, Copy)]
enum Levels {
    Clean,
    /// Another black and white, near the ends.
    Shifted(u8, u8),
    /// Noise near the ends, such as dithering leaves.
    Dithered(u32),
    Video,
    ZeroOne,
}

/// Which size the file has, of the picture's.
#[derive(Debug, Clone, Copy)]
enum Size {
    Same,
    Of(u32, u32, FilterType),
}

/// What kind of file it lies in.
#[derive(Debug, Clone, Copy)]
enum Carrier {
    Grey(ImageFormat),
    Colour(ImageFormat),
    Sixteen(ImageFormat),
    Jpeg(u8),
    /// White, transparent where nothing is painted.
    WhiteOnNothing,
    /// Black, transparent where nothing is painted.
    BlackOnNothing,
    /// A grey mask with a faint hole in its alpha.
    AlmostOpaque,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Rect(i32, i32, i32, i32),
    Disc(i32, i32, i32),
}

fn is_in(shapes: &[Shape], x: i32, y: i32) -> bool {
    shapes.iter().any(|shape| match *shape {
        Shape::Rect(left, top, width, height) => {
            (left..left + width).contains(&x) && (top..top + height).contains(&y)
        }
        Shape::Disc(cx, cy, r) => (x - cx).pow(2) + (y - cy).pow(2) <= r * r,
    })
}

/// The clean shape, row by row.
fn clean(shapes: &[Shape]) -> Vec<bool> {
    let (w, h) = (SIZE.width as i32, SIZE.height as i32);
    (0..h)
        .flat_map(|y| (0..w).map(move |x| (x, y)))
        .map(|(x, y)| is_in(shapes, x, y))
        .collect()
}

fn file(clean: &[bool], inverted: bool, levels: Levels, size: Size, carrier: Carrier) -> Vec<u8> {
    let coverage = clean
        .iter()
        .map(|c| if *c == inverted { 0 } else { 255 })
        .collect();
    let mut grey = GrayImage::from_raw(SIZE.width, SIZE.height, coverage).unwrap();
    if let Size::Of(numerator, denominator, filter) = size {
        let side = |px: u32| px * numerator / denominator;
        grey = image::imageops::resize(&grey, side(SIZE.width), side(SIZE.height), filter);
    }
    for (i, pixel) in grey.pixels_mut().enumerate() {
        let c = u32::from(pixel.0[0]);
        let noise = |seed: u32| (i as u32 ^ seed).wrapping_mul(2_654_435_761) >> 29;
        pixel.0[0] = match levels {
            Levels::Clean => c,
            Levels::Shifted(low, high) => {
                u32::from(low) + c * (u32::from(high) - u32::from(low)) / 255
            }
            Levels::Dithered(seed) if c < 128 => (c + noise(seed)).min(255),
            Levels::Dithered(seed) => c.saturating_sub(noise(seed)),
            Levels::Video => 16 + (c * 219 + 127) / 255,
            Levels::ZeroOne => c / 128,
        } as u8;
    }
    let (w, h) = grey.dimensions();
    let mut bytes = Vec::new();
    let mut write = |picture: DynamicImage, format| {
        picture
            .write_to(&mut Cursor::new(&mut bytes), format)
            .unwrap();
    };
    match carrier {
        Carrier::Grey(format) => write(grey.into(), format),
        Carrier::Colour(format) => write(DynamicImage::from(grey).into_rgb8().into(), format),
        Carrier::Sixteen(format) => write(DynamicImage::from(grey).into_luma16().into(), format),
        Carrier::Jpeg(quality) => {
            let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality);
            DynamicImage::from(grey)
                .write_with_encoder(encoder)
                .unwrap();
        }
        Carrier::WhiteOnNothing | Carrier::BlackOnNothing => {
            let ink = if matches!(carrier, Carrier::WhiteOnNothing) {
                255
            } else {
                0
            };
            let of = |x, y| Rgba([ink, ink, ink, grey.get_pixel(x, y).0[0]]);
            write(ImageBuffer::from_fn(w, h, of).into(), ImageFormat::Png);
        }
        Carrier::AlmostOpaque => {
            let of = |x, y| {
                let alpha = if (x, y) == (3, 4) { 254 } else { 255 };
                LumaA([grey.get_pixel(x, y).0[0], alpha])
            };
            write(ImageBuffer::from_fn(w, h, of).into(), ImageFormat::Png);
        }
    }
    bytes
}

fn picture() -> Picture {
    let pixel = |i: usize| {
        let bytes = (i as u32).wrapping_mul(2_654_435_761).to_le_bytes();
        [bytes[0], bytes[1], bytes[2], 255]
    };
    let pixels: Vec<[u8; 4]> = (0..SIZE.len()).map(pixel).collect();
    Picture {
        pixels: Pixmap::Rgba8(Tiled::from_pixels(SIZE, &pixels, [0; 4])),
        profile: Profile::Srgb,
    }
}

fn pixels(picture: &Picture) -> Vec<[u8; 4]> {
    match &picture.pixels {
        Pixmap::Rgba8(plane) => plane.to_vec(),
        Pixmap::Rgba16(_) => unreachable!("the picture has 8 bits"),
    }
}

/// Distance of each pixel from the nearest one that is `wanted`.
fn distances(clean: &[bool], wanted: bool) -> Vec<f64> {
    let w = SIZE.width as usize;
    // Along each row first: then a pixel needs to ask every row only once.
    let along: Vec<Vec<f64>> = clean
        .chunks_exact(w)
        .map(|row| {
            let to = |x: usize| {
                (0..w)
                    .filter(|s| row[*s] == wanted)
                    .map(move |s| s.abs_diff(x))
            };
            (0..w)
                .map(|x| to(x).min().map_or(f64::INFINITY, |d| d as f64))
                .collect()
        })
        .collect();
    (0..clean.len())
        .map(|i| {
            let (x, y) = (i % w, i / w);
            let through = |(row, dx): (usize, &Vec<f64>)| dx[x].hypot(row.abs_diff(y) as f64);
            along
                .iter()
                .enumerate()
                .map(through)
                .fold(f64::INFINITY, f64::min)
        })
        .collect()
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let rect =
        (4..70i32, 4..60i32, 10..40i32, 10..34i32).prop_map(|(x, y, w, h)| Shape::Rect(x, y, w, h));
    let disc = (20..90i32, 20..76i32, 7..19i32).prop_map(|(x, y, r)| Shape::Disc(x, y, r));
    prop::collection::vec(prop_oneof![rect, disc], 1..4)
}

fn levels() -> impl Strategy<Value = Levels> {
    prop_oneof![
        Just(Levels::Clean),
        (0..=8u8, 247..=255u8).prop_map(|(low, high)| Levels::Shifted(low, high)),
        any::<u32>().prop_map(Levels::Dithered),
        Just(Levels::Video),
        Just(Levels::ZeroOne),
    ]
}

fn size() -> impl Strategy<Value = Size> {
    let filters = prop::sample::select(vec![
        FilterType::Nearest,
        FilterType::Triangle,
        FilterType::CatmullRom,
        FilterType::Lanczos3,
    ]);
    let shares = prop::sample::select(vec![(1, 2), (3, 4), (3, 2), (2, 1)]);
    prop_oneof![
        Just(Size::Same),
        (shares, filters).prop_map(|((n, d), filter)| Size::Of(n, d, filter)),
    ]
}

fn carrier() -> impl Strategy<Value = Carrier> {
    prop_oneof![
        Just(Carrier::Grey(ImageFormat::Png)),
        prop::sample::select(vec![ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp])
            .prop_map(Carrier::Colour),
        Just(Carrier::Sixteen(ImageFormat::Png)),
        (40..=95u8).prop_map(Carrier::Jpeg),
        Just(Carrier::WhiteOnNothing),
        Just(Carrier::BlackOnNothing),
        Just(Carrier::AlmostOpaque),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_beyond_a_shape_changes_and_all_of_it_does(
        shapes in shapes(),
        levels in levels(),
        size in size(),
        carrier in carrier(),
        stays in any::<bool>(),
        (grow, feather) in (0..6u32, 0..8u32),
    ) {
        // JPEG cannot hold labels, and moves levels by a few steps, also beyond what counts as an end.
        let holds = match levels {
            Levels::Clean => true,
            Levels::Shifted(low, high) => low <= 4 && high >= 251,
            Levels::Dithered(_) | Levels::ZeroOne | Levels::Video => false,
        };
        prop_assume!(holds || !matches!(carrier, Carrier::Jpeg(_)));
        let clean = clean(&shapes);
        prop_assume!(clean.iter().any(|c| !c));
        let bytes = file(&clean, stays, levels, size, carrier);
        let loaded = mask_from_bytes(&bytes, Path::new("m"), SIZE, MaskChannel::Auto).unwrap();
        let model = catalog::open(&ModelRef::BuiltIn).unwrap();
        let request = EditRequest {
            model: ModelRef::BuiltIn,
            traits: model.traits.clone(),
            source: picture(),
            mask_kind: overpaint::raster::MaskKind::Strength,
            painted: Some(loaded.mask),
            settings: EditSettings {
                prompt: "x".to_owned(),
                strength: Strength::new(0.6).unwrap(),
                mask_mode: if stays { MaskMode::Stays } else { MaskMode::Changes },
                grow: Length::Px(f64::from(grow)),
                feather: Some(Length::Px(f64::from(feather))),
                ..EditSettings::default()
            },
        };
        let result = run_edit(&mut FakeEngine::default(), &request, &mut Unwatched).unwrap();
        let mut edited = request.source.clone();
        draw_patch(&mut edited.pixels, &result.patch, 255);
        let (before, after) = (pixels(&request.source), pixels(&edited));
        let block = if matches!(carrier, Carrier::Jpeg(_)) { 8.0 * std::f64::consts::SQRT_2 } else { 0.0 };
        // Another size moves edges by up to a pixel across and down.
        let edge = if matches!(size, Size::Same) { 1.0 } else { std::f64::consts::SQRT_2 };
        let reach = f64::from(grow + feather) + edge + block + 1e-9;
        let (outside, inside) = (distances(&clean, true), distances(&clean, false));
        for i in 0..before.len() {
            let at = (i % SIZE.width as usize, i / SIZE.width as usize);
            prop_assert!(outside[i] <= reach || before[i] == after[i], "outside, at {at:?}: {} px", outside[i]);
            // The fake engine answers with one colour far from the picture's noise.
            let depth = 1.5 + block;
            prop_assert!(inside[i] <= depth || before[i] != after[i] , "inside, at {at:?}: {} px", inside[i]);
        }
    }
}
