use super::*;
use crate::catalog::{ModelRef, ModelTraits, PredictionType};
use crate::geometry::Point;
use crate::plan::settings::{AreaMode, EditSettings, Length, MaskMode, Strength};
use crate::raster::{Mask, Profile, draw_patch};

fn traits() -> ModelTraits {
    ModelTraits {
        native_px: 128,
        vae_factor: 4,
        size_multiple_px: 16,
        latent_channels: 4,
        unet_in_channels: 4,
        prediction_type: PredictionType::Epsilon,
        embeds_guidance: false,
        few_steps: false,
    }
}

fn settings(strength: f64) -> EditSettings {
    EditSettings {
        strength: Strength::new(strength).unwrap(),
        ..EditSettings::default()
    }
}

/// A picture in which every pixel is different enough to notice a shift.
fn picture(extent: Extent) -> Picture {
    let value = |i: usize| ((i * 37) % 251) as u8;
    let pixels: Vec<[u8; 4]> = (0..extent.len())
        .map(|i| [value(i), value(i * 3 + 1), value(i * 7 + 2), 255])
        .collect();
    Picture {
        pixels: Pixmap::Rgba8(Tiled::from_pixels(extent, &pixels, [0; 4])),
        profile: Profile::Srgb,
    }
}

fn request(source: Picture, painted: Option<Mask>, settings: EditSettings) -> EditRequest {
    EditRequest {
        model: ModelRef::BuiltIn,
        traits: traits(),
        source,
        painted,
        mask_kind: crate::raster::MaskKind::Strength,
        settings,
    }
}

fn painted(extent: Extent, rect: Rect, value: u8) -> Mask {
    let mut mask = Tiled::filled(extent, 0);
    mask.update(rect, |_, _| value);
    mask
}

#[test]
fn layouts_keep_the_rules() {
    let extents = [
        (512, 512),
        (403, 297),
        (4000, 6000),
        (1, 1),
        (1, 4000),
        (30, 20),
        (5000, 40),
    ];
    for (width, height) in extents {
        let extent = Extent::new(width, height);
        let boxes = [
            RegionBoundsCase::Everything,
            RegionBoundsCase::Box(Rect::new(0, 0, 1, 1)),
            RegionBoundsCase::Box(Rect::new(width as i32 - 1, height as i32 - 1, 1, 1)),
            RegionBoundsCase::Box(Rect::new(
                width as i32 / 3,
                0,
                width.div_ceil(3),
                height.div_ceil(2),
            )),
        ];
        for case in boxes {
            for area in AreaMode::ALL {
                let settings = EditSettings {
                    area: *area,
                    ..settings(0.5)
                };
                let layout = layout(extent, case.bounds(), &settings, &traits()).unwrap();
                let why = format!("{extent} {case:?} {area:?} {layout:?}");
                let picture = Rect::of(extent);
                assert_eq!(layout.crop.intersect(picture), layout.crop, "inside: {why}");
                assert_eq!(
                    layout.touched.intersect(layout.crop),
                    layout.touched,
                    "shown: {why}"
                );
                assert_eq!(
                    (layout.work.width % 16, layout.work.height % 16),
                    (0, 0),
                    "multiples: {why}"
                );
                assert!(
                    !layout.work.is_empty() && layout.work.area() <= 3 * 128 * 128,
                    "area: {why}"
                );
                assert!(layout.scale <= 4.0 + 1e-9, "enlargement: {why}");
                let shown = f64::from(layout.crop.width) * layout.scale;
                assert!(shown <= f64::from(layout.work.width) + 1e-3, "width: {why}");
                let shown = f64::from(layout.crop.height) * layout.scale;
                assert!(
                    shown <= f64::from(layout.work.height) + 1e-3,
                    "height: {why}"
                );
                if *area == AreaMode::Whole {
                    assert_eq!(layout.crop, picture, "{why}");
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum RegionBoundsCase {
    Everything,
    Box(Rect),
}

impl RegionBoundsCase {
    fn bounds(self) -> crate::plan::RegionBounds {
        match self {
            Self::Everything => crate::plan::RegionBounds::Everything,
            Self::Box(rect) => crate::plan::RegionBounds::Box(rect),
        }
    }
}

#[test]
fn a_small_region_is_cropped_and_a_large_one_is_not() {
    let extent = Extent::new(1200, 900);
    let small = RegionBoundsCase::Box(Rect::new(500, 400, 100, 100)).bounds();
    let cropped = layout(extent, small, &settings(0.5), &traits()).unwrap();
    assert!(cropped.crop.width < 300 && cropped.crop.contains(Point::new(468, 368)));
    assert_eq!(cropped.padding_px, 32.0);
    assert_eq!(cropped.feather_px, 4.0);
    let large = RegionBoundsCase::Box(Rect::new(100, 100, 1000, 700)).bounds();
    let whole = layout(extent, large, &settings(0.5), &traits()).unwrap();
    assert_eq!(whole.crop, Rect::of(extent));
    assert!((whole.feather_px - 24.4).abs() < 0.1);
}

#[test]
fn nothing_to_do_is_said_before_anything_runs() {
    let extent = Extent::new(64, 64);
    let full = painted(extent, Rect::of(extent), 255);
    let stays = EditSettings {
        mask_mode: MaskMode::Stays,
        ..settings(0.5)
    };
    let kept = prepare(&request(picture(extent), Some(full), stays));
    assert_eq!(kept.unwrap_err(), PlanError::EverythingKept);
    let short = prepare(&request(picture(extent), None, settings(0.01)));
    assert!(matches!(short, Err(PlanError::NothingToRun { .. })));
    let other = painted(Extent::new(65, 64), Rect::new(0, 0, 3, 3), 255);
    let mismatch = prepare(&request(picture(extent), Some(other), settings(0.5)));
    assert!(matches!(mismatch, Err(PlanError::MaskSize { .. })));
    let empty = prepare(&request(picture(Extent::new(0, 9)), None, settings(0.5)));
    assert_eq!(empty.unwrap_err(), PlanError::EmptyPicture);
}

#[test]
fn the_work_picture_shows_the_crop_in_place() {
    // A smooth picture scaled to work size and back through the very transform of `finish` is the
    // same picture: nothing is shifted, stretched or darkened.
    let extent = Extent::new(403, 297);
    let smooth = |x: usize, y: usize| {
        let (u, v) = (x as f64 / 403.0, y as f64 / 297.0);
        let wave = |p: f64| ((p * 6.0).sin() * 0.4 + 0.5) * 255.0;
        [wave(u) as u8, wave(v) as u8, wave(u + v) as u8, 255]
    };
    let pixels: Vec<_> = (0..297)
        .flat_map(|y| (0..403).map(move |x| smooth(x, y)))
        .collect();
    let source = Picture {
        pixels: Pixmap::Rgba8(Tiled::from_pixels(extent, &pixels, [0; 4])),
        profile: Profile::Srgb,
    };
    for rect in [
        Rect::new(150, 90, 80, 70),
        Rect::new(0, 0, 90, 60),
        Rect::new(330, 240, 73, 57),
    ] {
        let mask = painted(extent, rect, 255);
        let prepared = prepare(&request(source.clone(), Some(mask), settings(0.5))).unwrap();
        let patch = prepared.finish(&prepared.input.image, None).unwrap();
        let Pixmap::Rgba8(plane) = &patch.pixels else {
            panic!("depth")
        };
        for y in rect.y..rect.bottom() {
            for x in rect.x..rect.right() {
                let got = plane
                    .get((x - patch.rect.x) as u32, (y - patch.rect.y) as u32)
                    .unwrap();
                let wanted = smooth(x as usize, y as usize);
                assert_eq!(got[3], 255);
                for (g, w) in got.iter().zip(wanted) {
                    assert!(
                        g.abs_diff(w) <= 4,
                        "at {x},{y} of {rect:?}: {got:?} {wanted:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn pixels_beyond_grow_and_feather_never_change() {
    let extent = Extent::new(211, 157);
    let rects = [
        Rect::new(0, 0, 40, 157),
        Rect::new(100, 80, 1, 60),
        Rect::new(210, 156, 1, 1),
    ];
    for rect in rects {
        for (grow, feather) in [(0.0, 0.0), (3.0, 7.5), (0.0, 20.0)] {
            let settings = EditSettings {
                grow: Length::Px(grow),
                feather: Some(Length::Px(feather)),
                ..settings(0.7)
            };
            let source = picture(extent);
            let mask = painted(extent, rect, 255);
            let prepared = prepare(&request(source.clone(), Some(mask), settings)).unwrap();
            let red = RgbF32::filled(prepared.layout.work, [1.0, 0.0, 0.0]);
            let mut after = source.pixels.clone();
            draw_patch(&mut after, &prepared.finish(&red, None).unwrap(), 255);
            let (Pixmap::Rgba8(before), Pixmap::Rgba8(after)) = (&source.pixels, &after) else {
                panic!("depth")
            };
            for y in 0..extent.height {
                for x in 0..extent.width {
                    let outside = |v: u32, start: i32, end: i32| {
                        f64::from((start - v as i32).max(v as i32 - (end - 1)).max(0))
                    };
                    let distance =
                        outside(x, rect.x, rect.right()).hypot(outside(y, rect.y, rect.bottom()));
                    if distance > grow + feather {
                        assert_eq!(before.get(x, y), after.get(x, y), "{x},{y}");
                    } else if distance <= grow {
                        assert_eq!(after.get(x, y), Some([255, 0, 0, 255]), "{x},{y}");
                    }
                }
            }
        }
    }
}

/// A red subject with a soft edge before blue: the blue must not shine through a new green background,
/// and what is wholly subject keeps its bits.
#[test]
fn a_matte_leaves_no_ghost_of_the_old_background() {
    let extent = Extent::new(160, 120);
    let share = |x: u32| ((f64::from(x) - 70.0) * 12.75).clamp(0.0, 255.0).round() as u8;
    let mut plane = Tiled::filled(extent, [0u8; 4]);
    plane.update(Rect::of(extent), |at, _| {
        let share = u32::from(share(at.x as u32));
        let mix = |front: u32, back: u32| ((front * share + back * (255 - share)) / 255) as u8;
        [mix(220, 0), 0, mix(0, 220), 255]
    });
    let source = Picture {
        pixels: Pixmap::Rgba8(plane),
        profile: Profile::Srgb,
    };
    let mut mask = Tiled::filled(extent, 0);
    mask.update(Rect::of(extent), |at, _| share(at.x as u32));
    for mode in [MaskMode::Stays, MaskMode::Changes] {
        let painted = match mode {
            MaskMode::Stays => mask.clone(),
            MaskMode::Changes => crate::raster::inverted(&mask),
        };
        let settings = EditSettings {
            mask_mode: mode,
            area: AreaMode::Whole,
            ..settings(0.9)
        };
        let mut request = request(source.clone(), Some(painted), settings);
        request.mask_kind = crate::raster::MaskKind::Matte;
        let prepared = prepare(&request).unwrap();
        let green = RgbF32::filled(prepared.layout.work, [0.0, 1.0, 0.0]);
        let mut after = source.pixels.clone();
        draw_patch(&mut after, &prepared.finish(&green, None).unwrap(), 255);
        let before = source.pixels.crop_f32(Rect::of(extent));
        for (i, ([r, g, b, _], old)) in after
            .crop_f32(Rect::of(extent))
            .iter()
            .zip(before)
            .enumerate()
        {
            let share = share((i % 160) as u32);
            match share {
                247.. => assert_eq!([*r, *g, *b], [old[0], old[1], old[2]]),
                0..=8 => assert_eq!([*r, *g, *b], [0.0, 1.0, 0.0]),
                _ => {
                    let share = f32::from(share) / 255.0;
                    assert!(*b < 0.04, "blue at {i}: {b}");
                    assert!((r - share * 220.0 / 255.0).abs() < 0.04, "red at {i}: {r}");
                }
            }
        }
    }
}

#[test]
fn latent_pixels_any_part_of_which_is_painted_count_as_painted() {
    let extent = Extent::new(128, 128);
    let settings = EditSettings {
        feather: Some(Length::Px(0.0)),
        area: AreaMode::Whole,
        ..settings(0.5)
    };
    // Work size equals picture size, so latent pixel (u, v) covers pixels 4u..4u+4 exactly.
    let mask = painted(extent, Rect::new(7, 16, 2, 1), 128);
    let prepared = prepare(&request(picture(extent), Some(mask), settings)).unwrap();
    assert_eq!((prepared.layout.scale, prepared.layout.work), (1.0, extent));
    let mask = prepared.input.mask.unwrap();
    assert_eq!(mask.latent_extent, Extent::new(32, 32));
    for (i, s) in mask.latent_strength.iter().enumerate() {
        let (u, v) = (i % 32, i / 32);
        let wanted = if (u == 1 || u == 2) && v == 4 {
            128.0 / 255.0
        } else {
            0.0
        };
        assert!((s - wanted).abs() < 1e-4, "({u}, {v}): {s}");
    }
    let region: Vec<usize> = (0..mask.region.len())
        .filter(|i| mask.region[*i] > 0.0)
        .collect();
    assert_eq!(region, [16 * 128 + 7, 16 * 128 + 8]);
}

#[test]
fn fill_changes_the_region_only_from_the_strength_where_it_should() {
    let extent = Extent::new(128, 128);
    let rect = Rect::new(40, 40, 40, 40);
    let image = |strength: f64, fill: FillMode| {
        let settings = EditSettings {
            area: AreaMode::Whole,
            fill,
            ..settings(strength)
        };
        let mask = painted(extent, rect, 255);
        prepare(&request(picture(extent), Some(mask), settings))
            .unwrap()
            .input
    };
    let original = image(0.89, FillMode::Auto);
    assert_eq!(original.image, image(0.3, FillMode::Original).image);
    let filled = image(0.9, FillMode::Auto);
    assert_eq!(filled.image, image(0.5, FillMode::Blur).image);
    for (i, (a, b)) in original
        .image
        .pixels
        .iter()
        .zip(&filled.image.pixels)
        .enumerate()
    {
        let inside = rect.contains(Point::new((i % 128) as i32, (i / 128) as i32));
        assert!(inside || a == b, "the surroundings stay at {i}");
    }
    assert_ne!(original.image, filled.image);
    assert_eq!(
        image(0.5, FillMode::Noise).mask.unwrap().fill,
        LatentFill::Noise
    );
    assert_eq!(
        image(0.5, FillMode::Nothing).mask.unwrap().fill,
        LatentFill::Nothing
    );
}

#[test]
fn depth_and_alpha_of_the_picture_are_kept() {
    let extent = Extent::new(50, 60);
    let deep = Picture {
        pixels: Pixmap::Rgba16(Tiled::filled(extent, [1000, 2000, 3000, 0])),
        profile: Profile::Srgb,
    };
    let prepared = prepare(&request(deep, None, settings(1.0))).unwrap();
    // Fully transparent pixels are seen on white.
    assert!(
        prepared
            .input
            .image
            .pixels
            .iter()
            .all(|p| p.iter().all(|v| *v > 0.999))
    );
    assert!(prepared.input.mask.is_none());
    let grey = RgbF32::filled(prepared.layout.work, [0.5; 3]);
    let patch = prepared.finish(&grey, None).unwrap();
    assert_eq!(patch.rect, Rect::of(extent));
    let Pixmap::Rgba16(plane) = &patch.pixels else {
        panic!("depth")
    };
    // Nothing is seen of them: they keep their colours, and drawing the patch keeps their alpha.
    assert_eq!(plane.get(20, 20), Some([1000, 2000, 3000, 65535]));
    let wrong = RgbF32::filled(Extent::new(16, 16), [0.5; 3]);
    assert!(matches!(
        prepared.finish(&wrong, None),
        Err(PlanError::EngineSize { .. })
    ));
}

#[test]
fn previews_lie_where_the_result_will() {
    let extent = Extent::new(300, 200);
    let rect = Rect::new(100, 50, 60, 40);
    let mask = painted(extent, rect, 255);
    let prepared = prepare(&request(picture(extent), Some(mask), settings(0.5))).unwrap();
    let work = prepared.layout.work;
    let latent = Extent::new(work.width / 4, work.height / 4);
    let preview = prepared
        .preview(&RgbF32::filled(latent, [0.0, 1.0, 0.0]))
        .unwrap();
    assert_eq!(preview.rect, prepared.layout.touched);
    assert_eq!(
        preview.extent,
        preview.rect.extent(),
        "small enough to need no shrinking"
    );
    let feather = 4;
    let centre = preview.extent.width as usize * (feather + 20) + feather + 30;
    assert_eq!(preview.pixels[centre], [0, 255, 0, 255]);
    assert_eq!(
        preview.pixels[0][3], 0,
        "the corner of the band shows the picture"
    );
}

#[test]
fn a_request_survives_serialisation() {
    let extent = Extent::new(300, 70);
    let mask = painted(extent, Rect::new(3, 4, 100, 30), 77);
    let request = request(picture(extent), Some(mask), settings(0.45));
    let bytes = postcard::to_stdvec(&request).unwrap();
    let back: EditRequest = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(back, request);
}

#[test]
fn transparent_pictures_keep_their_alpha_and_look_like_the_result() {
    let extent = Extent::new(96, 64);
    let alpha = |i: usize| [0u8, 1, 64, 128, 200, 255][i / 16 % 6];
    let pixels: Vec<[u8; 4]> = (0..extent.len())
        .map(|i| [(i % 96 * 2) as u8, 90, 200, alpha(i)])
        .collect();
    let source = Picture {
        pixels: Pixmap::Rgba8(Tiled::from_pixels(extent, &pixels, [0; 4])),
        profile: Profile::Srgb,
    };
    let everything = painted(extent, Rect::of(extent), 255);
    for mask in [None, Some(everything)] {
        let request = request(source.clone(), mask, settings(0.5));
        let mut prepared = prepare(&request).unwrap();
        for wants_details in [false, true] {
            prepared.input.wants_round_trip = wants_details;
            // Lighter by a little, as much as pixels of that alpha can look.
            let mut result = prepared.input.image.clone();
            for pixel in &mut result.pixels {
                *pixel = pixel.map(|v| v * 0.9 + 0.1);
            }
            let patch = prepared.finish(&result, None).unwrap();
            let mut after = source.pixels.clone();
            draw_patch(&mut after, &patch, 255);
            let (before, after) = (
                source.pixels.crop_f32(Rect::of(extent)),
                after.crop_f32(Rect::of(extent)),
            );
            for (i, (before, after)) in before.iter().zip(&after).enumerate() {
                assert_eq!(before[3], after[3], "pixel {i}");
                if before[3] == 0.0 {
                    assert_eq!(before, after, "nothing is seen of pixel {i}");
                }
                // Inside a stripe of one alpha, where nothing blurs over its edge.
                if before[3] > 0.2 && (4..12).contains(&(i % 16)) {
                    for c in 0..3 {
                        let on_white = |p: &[f32; 4]| p[c] * p[3] + 1.0 - p[3];
                        let wanted = on_white(before) * 0.9 + 0.1;
                        let got = on_white(after);
                        assert!((got - wanted).abs() < 0.02, "pixel {i}: {got} {wanted}");
                    }
                }
            }
        }
    }
}
