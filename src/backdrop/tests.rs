use super::*;
use crate::geometry::{Extent, Point};
use crate::raster::Profile;

const FRONT: [f32; 3] = [0.7, 0.3, 0.2];

/// How much of the subject a pixel is: a disc with a soft border.
fn share(at: Point, extent: Extent) -> f32 {
    let centre = (extent.width as f32 * 0.5, extent.height as f32 * 0.5);
    let (x, y) = (at.x as f32 + 0.5 - centre.0, at.y as f32 + 0.5 - centre.1);
    let radius = extent.height as f32 * 0.3;
    ((radius - x.hypot(y)) / 12.0 + 0.5).clamp(0.0, 1.0)
}

/// A plain background that changes slowly.
fn back(at: Point, extent: Extent) -> [f32; 3] {
    let across = at.x as f32 / extent.width as f32;
    [0.1 + 0.2 * across, 0.6, 0.9 - 0.3 * across]
}

fn matte(extent: Extent) -> Mask {
    let mut mask = Tiled::filled(extent, 0u8);
    mask.update(Rect::of(extent), |at, _| {
        snapped_to_ends((share(at, extent) * 255.0).round() as u8)
    });
    mask
}

/// The disc over the background, in 16 or 8 bits.
fn photo(extent: Extent, deep: bool) -> Picture {
    let subject = matte(extent);
    let colour = |at: Point| {
        let share = subject.get(at.x as u32, at.y as u32).unwrap_or(0);
        mixed(FRONT, back(at, extent), share)
    };
    let mut wide = Tiled::filled(extent, [65535u16; 4]);
    wide.update(Rect::of(extent), |at, _| {
        let [r, g, b] = colour(at).map(|v| (v * 65535.0).round() as u16);
        [r, g, b, 65535]
    });
    let narrow = |v: u16| ((u32::from(v) + 128) / 257) as u8;
    let pixels = if deep {
        Pixmap::Rgba16(wide)
    } else {
        Pixmap::Rgba8(wide.map(|pixel| pixel.map(narrow)))
    };
    Picture {
        pixels,
        profile: Profile::Srgb,
    }
}

fn at(pixels: &Pixmap, at: Point) -> [f32; 4] {
    pixels.crop_f32(Rect::new(at.x, at.y, 1, 1))[0]
}

/// Calls `see` with every pixel's place, its share and what `pixels` hold there.
fn each(pixels: &Pixmap, subject: &Mask, mut see: impl FnMut(Point, u8, [f32; 4])) {
    let extent = pixels.extent();
    let all = pixels.crop_f32(Rect::of(extent));
    for (i, (pixel, share)) in all.into_iter().zip(subject.to_vec()).enumerate() {
        let x = (i % extent.width as usize) as i32;
        see(
            Point::new(x, (i / extent.width as usize) as i32),
            share,
            pixel,
        );
    }
}

#[test]
fn the_subjects_own_colour_is_found_in_the_soft_band() {
    // One level, and several with tiles.
    for extent in [Extent::new(300, 200), Extent::new(1700, 1300)] {
        for deep in [false, true] {
            let (picture, subject) = (photo(extent, deep), matte(extent));
            let made = put_behind(&picture, &subject, &Backdrop::Colour([0, 255, 0])).unwrap();
            let mut worst = 0f32;
            each(&made.pixels, &subject, |_, share, pixel| {
                let wanted = mixed(FRONT, [0.0, 1.0, 0.0], share);
                for (got, wanted) in pixel.iter().zip(wanted) {
                    worst = worst.max((got - wanted).abs());
                }
                assert_eq!(pixel[3], 1.0);
            });
            // The old blue under half a subject would be wrong by 0.4.
            assert!(worst < 0.03, "{extent} {worst}");
        }
    }
}

#[test]
fn the_whole_subject_keeps_its_bits_and_the_backdrop_is_exact() {
    let extent = Extent::new(300, 200);
    for deep in [false, true] {
        let (picture, subject) = (photo(extent, deep), matte(extent));
        let white = put_behind(&picture, &subject, &Backdrop::Colour([255; 3])).unwrap();
        each(&white.pixels, &subject, |place, share, pixel| match share {
            255 => assert_eq!(pixel, at(&picture.pixels, place)),
            0 => assert_eq!(pixel, [1.0; 4]),
            _ => {}
        });
        let patch = patch(&picture, &subject, &Backdrop::Colour([255; 3])).unwrap();
        let alpha = |x| at(&patch.pixels, Point::new(x, 100))[3];
        assert_eq!((alpha(0), alpha(150)), (1.0, 0.0));
    }
}

#[test]
fn tiles_of_the_estimate_fit_each_other() {
    let extent = Extent::new(1700, 1300);
    let foreground = Foreground::of(&photo(extent, true).pixels, &matte(extent));
    let whole = Rect::new(500, 300, 400, 300);
    let colours = foreground.colours(whole);
    for part in [Rect::new(512, 301, 77, 60), Rect::new(801, 555, 99, 45)] {
        for (i, colour) in foreground.colours(part).into_iter().enumerate() {
            let (x, y) = (i % part.width as usize, i / part.width as usize);
            let from = (part.y - whole.y) as usize + y;
            let wanted = colours[from * 400 + (part.x - whole.x) as usize + x];
            assert_eq!(colour, wanted);
        }
    }
}

#[test]
fn a_cut_out_holds_the_matte_as_alpha_and_no_old_background() {
    let extent = Extent::new(300, 200);
    let (picture, subject) = (photo(extent, false), matte(extent));
    let made = put_behind(&picture, &subject, &Backdrop::Nothing).unwrap();
    each(&made.pixels, &subject, |_, share, pixel| {
        assert_eq!((pixel[3] * 255.0).round() as u8, share);
        if share > 0 {
            assert!((pixel[2] - FRONT[2]).abs() < 0.03, "{pixel:?}");
        }
    });
}

#[test]
fn a_blur_is_free_of_the_subject() {
    let extent = Extent::new(600, 400);
    let (picture, subject) = (photo(extent, false), matte(extent));
    for sigma in [1.0, 9.0, 60.0] {
        let made = put_behind(&picture, &subject, &Backdrop::Blur(sigma)).unwrap();
        each(&made.pixels, &subject, |place, share, pixel| {
            if share == 0 {
                // The subject's red is 0.7, the background's at most 0.3.
                assert!(
                    pixel[0] < 0.31 && pixel[1] > 0.59,
                    "{sigma} {place:?} {pixel:?}"
                );
            }
        });
    }
}

#[test]
fn another_picture_covers_fits_and_moves() {
    let extent = Extent::new(400, 200);
    let subject = matte(extent);
    let picture = photo(extent, true);
    // Left half black, right half white, as high as wide.
    let mut other = Tiled::filled(Extent::new(100, 100), [0u8, 0, 0, 255]);
    other.update(Rect::new(50, 0, 50, 100), |_, _| [255; 4]);
    let put = |placing, at| {
        let placed = Placed {
            picture: Picture {
                pixels: Pixmap::Rgba8(other.clone()),
                profile: Profile::Srgb,
            },
            placing,
            at,
        };
        put_behind(&picture, &subject, &Backdrop::Picture(placed)).unwrap()
    };
    let light = |picture: &Picture, x| at(&picture.pixels, Point::new(x, 10))[0];
    let cover = put(Placing::Cover, (0.5, 0.5));
    assert!(light(&cover, 180) < 0.01 && light(&cover, 220) > 0.99);
    let left = put(Placing::Fit, (0.0, 0.5));
    assert!(light(&left, 90) < 0.01 && light(&left, 110) > 0.99);
    let right = put(Placing::Fit, (1.0, 0.5));
    assert!(light(&right, 290) < 0.01 && light(&right, 310) > 0.99);
}

#[test]
fn a_gradient_runs_from_border_to_border() {
    let extent = Extent::new(300, 200);
    let put = Backdrop::Gradient([0, 0, 0], [255, 0, 255]);
    let made = put_behind(&photo(extent, true), &matte(extent), &put).unwrap();
    let red = |y| at(&made.pixels, Point::new(2, y))[0];
    assert_eq!((red(0), red(199)), (0.0, 1.0));
    assert!((red(100) - 0.5).abs() < 0.01);
}

#[test]
fn what_cannot_be_is_refused() {
    let extent = Extent::new(300, 200);
    let picture = photo(extent, false);
    let white = Backdrop::Colour([255; 3]);
    let refused = |mask: &Mask| patch(&picture, mask, &white).unwrap_err();
    let nothing = Tiled::filled(extent, 3);
    assert_eq!(refused(&nothing), BackdropError::NothingSelected);
    let everything = Tiled::filled(extent, 250);
    assert_eq!(refused(&everything), BackdropError::EverythingSelected);
    let other = Tiled::filled(Extent::new(3, 3), 255);
    assert!(matches!(refused(&other), BackdropError::MaskSize { .. }));
}
