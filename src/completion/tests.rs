use super::*;
use crate::geometry::Extent;
use crate::raster::{Pixmap, RgbF32, Tiled};

fn picture(extent: Extent, pixel: impl Fn(i32, i32) -> [u8; 4]) -> Pixmap {
    let mut plane = Tiled::filled(extent, [0; 4]);
    plane.update(Rect::of(extent), |at, _| pixel(at.x, at.y));
    Pixmap::Rgba8(plane)
}

/// A texture with a period of 12 × 10 pixels.
fn weave(x: i32, y: i32) -> [u8; 4] {
    let (a, b) = (x.rem_euclid(12), y.rem_euclid(10));
    let light = if (a < 6) == (b < 5) { 210 } else { 60 };
    [light, (light as i32 - 3 * a) as u8, (20 * b) as u8, 255]
}

/// Numbers without order.
fn noise(x: i32, y: i32) -> [u8; 4] {
    let mut random = random::Random::new(5, (x + 1000 * y) as usize);
    let mut byte = || random.below(256) as u8;
    [byte(), byte(), byte(), 255]
}

fn rect_hole(rect: Rect) -> Hole {
    Hole {
        rect,
        inside: vec![true; rect.extent().len()],
    }
}

/// Fills a hole after what it hides was painted over, so that nothing of it can be looked up.
fn filled(mut picture: Pixmap, hole: &Hole) -> Result<Pixmap, CompletionError> {
    if let Pixmap::Rgba8(plane) = &mut picture {
        plane.update(hole.rect, |at, [r, g, b, a]| {
            if hole.contains(at) {
                [255, 0, 255, a]
            } else {
                [r, g, b, a]
            }
        });
    }
    complete(&mut picture, hole, &mut |_| Ok(()))?;
    Ok(picture)
}

/// Root mean square of the difference inside a rectangle, in steps of 8 bits.
fn rms(a: &Pixmap, b: &Pixmap, rect: Rect) -> f64 {
    let pairs = a
        .crop_f32(rect)
        .into_iter()
        .flatten()
        .zip(b.crop_f32(rect).into_iter().flatten());
    let (mut sum, mut count) = (0.0, 0.0);
    for (a, b) in pairs {
        sum += f64::from(255.0 * (a - b)).powi(2);
        count += 1.0;
    }
    (sum / f64::max(count, 1.0)).sqrt()
}

#[test]
fn a_periodic_texture_goes_on_in_the_middle_and_at_borders() {
    let extent = Extent::new(120, 90);
    let truth = picture(extent, weave);
    for rect in [
        Rect::new(47, 33, 25, 21),
        Rect::new(0, 30, 18, 24),
        Rect::new(100, 70, 20, 20),
        Rect::new(30, 0, 40, 9),
    ] {
        let result = filled(truth.clone(), &rect_hole(rect)).unwrap();
        let error = rms(&result, &truth, rect);
        assert!(error < 2.0, "{rect:?}: {error}");
    }
}

#[test]
fn a_straight_edge_goes_on() {
    let extent = Extent::new(140, 100);
    let truth = picture(extent, |x, y| {
        if 2 * y > x + 20 {
            [200, 180, 40, 255]
        } else {
            [30, 60, 120, 255]
        }
    });
    let rect = Rect::new(60, 35, 22, 22);
    let result = filled(truth.clone(), &rect_hole(rect)).unwrap();
    let error = rms(&result, &truth, rect);
    assert!(error < 25.0, "{error}");
}

#[test]
fn nothing_outside_the_hole_changes_a_bit_and_alpha_stays() {
    let extent = Extent::new(90, 70);
    let before = picture(extent, |x, y| {
        let [r, g, b, _] = noise(x, y);
        [r, g, b, if x > 60 { 120 } else { 255 }]
    });
    let hole = Hole {
        rect: Rect::new(20, 10, 50, 40),
        inside: (0..2000)
            .map(|i| (i % 50 - 25i32).pow(2) + (i / 50 - 20i32).pow(2) < 190)
            .collect(),
    };
    let after = filled(before.clone(), &hole).unwrap();
    let (Pixmap::Rgba8(before), Pixmap::Rgba8(after)) = (before, after) else {
        panic!("8 bits")
    };
    for y in 0..70 {
        for x in 0..90 {
            let (old, new) = (before.get(x, y).unwrap(), after.get(x, y).unwrap());
            assert_eq!(old[3], new[3]);
            assert!(
                hole.contains(Point::new(x as i32, y as i32)) || old == new,
                "{x} {y}"
            );
            assert_ne!(new[..3], [255, 0, 255], "{x} {y}");
        }
    }
}

#[test]
fn one_pixel_and_one_line_are_filled() {
    let extent = Extent::new(60, 50);
    let truth = picture(extent, weave);
    for rect in [
        Rect::new(31, 22, 1, 1),
        Rect::new(0, 0, 1, 1),
        Rect::new(0, 25, 60, 1),
    ] {
        let result = filled(truth.clone(), &rect_hole(rect)).unwrap();
        assert!(rms(&result, &truth, rect) < 2.0, "{rect:?}");
    }
}

#[test]
fn transparent_pixels_are_neither_copied_nor_compared() {
    let extent = Extent::new(100, 80);
    // What cannot be seen is red.
    let truth = picture(
        extent,
        |x, y| {
            if x >= 55 { [255, 0, 0, 0] } else { weave(x, y) }
        },
    );
    let rect = Rect::new(40, 30, 25, 18);
    let result = filled(truth.clone(), &rect_hole(rect)).unwrap();
    let seen = Rect::new(40, 30, 15, 18);
    assert!(rms(&result, &truth, seen) < 2.0);
    let hidden = result.crop_f32(Rect::new(55, 30, 10, 18));
    assert!(hidden.iter().all(|p| p[3] == 0.0));
}

#[test]
fn sixteen_bits_are_copied_whole() {
    let extent = Extent::new(70, 60);
    let value = |at: Point| {
        let [r, g, b, _] = weave(at.x, at.y).map(|v| u16::from(v) * 251 + 7);
        [r, g, b, 65535]
    };
    let mut truth = Tiled::filled(extent, [0u16; 4]);
    truth.update(Rect::of(extent), |at, _| value(at));
    let rect = Rect::new(28, 25, 12, 12);
    let mut result = Pixmap::Rgba16(truth.clone());
    if let Pixmap::Rgba16(plane) = &mut result {
        plane.update(rect, |_, _| [9, 9, 9, 65535]);
    }
    complete(&mut result, &rect_hole(rect), &mut |_| Ok(())).unwrap();
    assert_eq!(result, Pixmap::Rgba16(truth));
}

#[test]
fn one_thread_and_two_give_the_same_bytes() {
    let extent = Extent::new(150, 130);
    let source = picture(extent, |x, y| {
        if (x / 9 + y / 7) % 3 == 0 {
            noise(x, y)
        } else {
            weave(x, y)
        }
    });
    let hole = rect_hole(Rect::new(50, 40, 45, 41));
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build()
            .unwrap()
            .install(|| filled(source.clone(), &hole).unwrap())
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(3));
}

#[test]
fn too_little_to_copy_from_is_said() {
    let extent = Extent::new(64, 64);
    let all = filled(picture(extent, noise), &rect_hole(Rect::of(extent)));
    assert_eq!(all, Err(CompletionError::TooLittleLeft));
    let rim = filled(picture(extent, noise), &rect_hole(Rect::new(1, 1, 62, 62)));
    assert_eq!(rim, Err(CompletionError::TooLittleLeft));
    let clear = filled(
        picture(extent, |_, _| [1, 2, 3, 0]),
        &rect_hole(Rect::new(9, 9, 9, 9)),
    );
    assert!(clear.is_ok(), "nothing is seen, so nothing is to be done");
    let tiny = filled(
        picture(Extent::new(2, 2), noise),
        &rect_hole(Rect::new(0, 0, 1, 1)),
    );
    assert_eq!(tiny, Err(CompletionError::TooLittleLeft));
    // A little is enough for a little.
    let small = filled(
        picture(Extent::new(9, 8), weave),
        &rect_hole(Rect::new(4, 4, 1, 1)),
    );
    assert!(small.is_ok(), "{small:?}");
}

#[test]
fn holes_far_apart_are_filled_each_from_its_own_surroundings() {
    let extent = Extent::new(900, 60);
    let truth = picture(extent, |x, y| {
        if x < 450 {
            weave(x, y)
        } else {
            [90, 90, 200, 255]
        }
    });
    let (left, right) = (Rect::new(100, 20, 12, 12), Rect::new(700, 25, 12, 12));
    let rect = Rect::new(100, 20, 612, 17);
    let at = |i: i32| Point::new(rect.x + i % 612, rect.y + i / 612);
    let inside = (0..612 * 17).map(|i| left.contains(at(i)) || right.contains(at(i)));
    let hole = Hole {
        rect,
        inside: inside.collect(),
    };
    let result = filled(truth.clone(), &hole).unwrap();
    for part in [left.intersect(rect), right.intersect(rect)] {
        assert!(rms(&result, &truth, part) < 2.0, "{part:?}");
    }
}

#[test]
fn floating_point_pictures_are_filled_too() {
    let extent = Extent::new(64, 48);
    let colour = |i: usize| weave((i % 64) as i32, (i / 64) as i32).map(|v| f32::from(v) / 255.0);
    let truth: Vec<[f32; 3]> = (0..extent.len())
        .map(colour)
        .map(|[r, g, b, _]| [r, g, b])
        .collect();
    let rect = Rect::new(30, 20, 9, 9);
    let mut result = RgbF32 {
        extent,
        pixels: truth.clone(),
    };
    for y in 20..29 {
        result.pixels[y * 64 + 30..y * 64 + 39].fill([1.0, 0.0, 1.0]);
    }
    complete(&mut result, &rect_hole(rect), &mut |_| Ok(())).unwrap();
    for (new, old) in result.pixels.iter().zip(&truth) {
        assert!(
            new.iter().zip(old).all(|(a, b)| (a - b).abs() < 0.01),
            "{new:?} {old:?}"
        );
    }
}

#[test]
fn it_stops_when_it_is_asked_to_and_says_how_far_it_is() {
    let extent = Extent::new(200, 160);
    let hole = rect_hole(Rect::new(60, 50, 60, 50));
    let mut shares = Vec::new();
    let mut source = picture(extent, noise);
    complete(&mut source, &hole, &mut |share| {
        shares.push(share);
        Ok(())
    })
    .unwrap();
    assert!(shares.is_sorted() && *shares.last().unwrap() <= 1.0);
    let most = shares.len();
    for stop_at in [0, 1, most / 2, most - 1] {
        let mut asked = 0;
        let mut source = picture(extent, noise);
        let stopped = complete(&mut source, &hole, &mut |_| {
            asked += 1;
            if asked > stop_at {
                Err(Cancelled)
            } else {
                Ok(())
            }
        });
        assert_eq!(stopped, Err(CompletionError::Cancelled));
        assert_eq!(asked, stop_at + 1, "nothing is asked after that");
    }
}
