//! The lifted mask against shapes that are known.

use super::*;
use crate::raster::{Pixmap, Profile};

/// A disc on a background, of two colours, and the map that a network might give of it.
fn disc(extent: Extent, map_side: u32) -> (Picture, SubjectMap, impl Fn(f32, f32) -> bool) {
    let (width, height) = (extent.width as f32, extent.height as f32);
    let inside = move |x: f32, y: f32| {
        let (dx, dy) = (x / width - 0.5, y / height - 0.5);
        (dx * width).hypot(dy * height) < height * 0.3
    };
    let mut plane = Tiled::filled(extent, [40u8, 90, 60, 255]);
    plane.update(Rect::of(extent), |at, old| {
        if inside(at.x as f32 + 0.5, at.y as f32 + 0.5) {
            [200, 80, 90, 255]
        } else {
            old
        }
    });
    let map_extent = Extent::new(map_side, map_side);
    let likelihood = (0..map_extent.len()).map(|i| {
        let at = |i: usize| (i as f32 + 0.5) / map_side as f32 - 0.5;
        let (x, y) = (at(i % map_side as usize), at(i / map_side as usize));
        let from_edge = 0.3 - (x * width / height).hypot(y);
        // Blurred over some four pixels of the map.
        (from_edge * map_side as f32 / 4.0 + 0.5).clamp(0.0, 1.0)
    });
    let map = SubjectMap {
        extent: map_extent,
        likelihood: likelihood.collect(),
    };
    let picture = Picture {
        pixels: Pixmap::Rgba8(plane),
        profile: Profile::Srgb,
    };
    (picture, map, inside)
}

#[test]
fn the_edge_is_that_of_the_picture() {
    // Also where the proxy is smaller than the picture, and neither divides the other.
    for (extent, map_side) in [(Extent::new(300, 200), 64), (Extent::new(2000, 1100), 320)] {
        let (picture, map, inside) = disc(extent, map_side);
        let mask = lift(&picture, &Proxy::of(&picture).unwrap(), &map).unwrap();
        assert_eq!(mask.extent(), extent);
        let mut wrong = 0;
        for (i, value) in mask.to_vec().into_iter().enumerate() {
            let (x, y) = (i as u32 % extent.width, i as u32 / extent.width);
            let wanted = inside(x as f32 + 0.5, y as f32 + 0.5);
            wrong += u32::from(wanted != (value > 127));
            if wanted {
                continue;
            }
            let (dx, dy) = (
                x as f32 - extent.width as f32 / 2.0,
                y as f32 - extent.height as f32 / 2.0,
            );
            if dx.hypot(dy) > extent.height as f32 * 0.4 {
                assert_eq!(value, 0, "far outside at {x} {y}");
            }
        }
        // A line of single pixels along the edge may fall to either side.
        let edge = extent.height as f32 * 0.3 * std::f32::consts::TAU;
        assert!((wrong as f32) < edge * 0.05, "{wrong} pixels of {extent}");
    }
}

#[test]
fn a_map_of_nothing_is_no_subject() {
    let (picture, mut map, _) = disc(Extent::new(60, 40), 32);
    map.likelihood.fill(0.2);
    let proxy = Proxy::of(&picture).unwrap();
    assert_eq!(lift(&picture, &proxy, &map), None);
    map.likelihood.fill(0.9);
    let all = lift(&picture, &proxy, &map);
    assert!(all.is_some());
}

/// A number in 0…1 that looks like noise, the same for the same place.
fn noise(x: i32, y: i32, of: i32) -> f32 {
    let mixed =
        (x.wrapping_mul(374_761_393) ^ y.wrapping_mul(668_265_263) ^ of.wrapping_mul(97_531))
            .wrapping_mul(1_274_126_177);
    ((mixed ^ (mixed >> 13)) & 0xffff) as f32 / 65_535.0
}

/// Known opacity at 400 × 400: a disc with strands of hair, a star of leaves, a disc, a disc out of focus; four
/// samples a pixel and side.
fn opacity(kind: usize) -> Vec<f32> {
    const SIDE: i32 = 400;
    let inside = |x: f32, y: f32| {
        let (dx, dy) = (x - 200.0, y - 230.0);
        let (far, turn) = (dx.hypot(dy), dy.atan2(dx));
        match kind {
            // Strands, bent a little, some three pixels wide at their root and pointed.
            0 => {
                let strand = ((turn + far * 0.004) * 40.0).sin();
                far < 90.0 || far < 145.0 && strand > 0.35 + (far - 90.0) * 0.011
            }
            1 => far < 90.0 + 45.0 * (turn * 9.0).cos().max(0.0).powi(3),
            _ => far < 110.0,
        }
    };
    let share = |x: i32, y: i32| {
        if kind == 3 {
            let far = (x as f32 - 199.5).hypot(y as f32 - 229.5);
            let ramp = ((122.0 - far) / 24.0).clamp(0.0, 1.0);
            return ramp * ramp * (3.0 - 2.0 * ramp);
        }
        let samples = (0..16).filter(|at| {
            let across = (at % 4) as f32 / 4.0 + 0.125;
            let down = (at / 4) as f32 / 4.0 + 0.125;
            inside(x as f32 + across, y as f32 + down)
        });
        samples.count() as f32 / 16.0
    };
    (0..SIDE * SIDE)
        .map(|at| share(at % SIDE, at / SIDE))
        .collect()
}

/// The composite of a subject over a background, both shaded and noisy, and a map as a network gives one: the
/// opacity at a third of its size, blurred.
fn composite(opacity: &[f32]) -> (Picture, SubjectMap) {
    let extent = Extent::new(400, 400);
    let pixel = |at: usize| {
        let (x, y) = ((at % 400) as i32, (at / 400) as i32);
        let grain = |of| (noise(x, y, of) - 0.5) * 0.06;
        let shade = (x as f32 * 0.021).sin() * 0.08 + (y as f32 * 0.013).cos() * 0.08;
        let front = [0.45 + shade, 0.28 - shade, 0.15];
        let back = [0.55 - shade, 0.68 + shade * 0.5, 0.75 + shade];
        let share = opacity.get(at).copied().unwrap_or(0.0);
        let mut colour = [0u8, 0, 0, 255];
        for (channel, (front, back)) in front.into_iter().zip(back).enumerate() {
            let value = front * share + back * (1.0 - share) + grain(channel as i32);
            colour[channel] = (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        }
        colour
    };
    let pixels: Vec<[u8; 4]> = (0..extent.len()).map(pixel).collect();
    let side = 133;
    let mean = |at: usize| {
        // Over three pixels of the map.
        let (left, top) = ((at % side) as i32 * 3 - 3, (at / side) as i32 * 3 - 3);
        let places = (0..81).map(|i| (left + i % 9, top + i / 9));
        let places = places.map(|(x, y)| (x.clamp(0, 399), y.clamp(0, 399)));
        let sum: f32 = places.map(|(x, y)| opacity[(y * 400 + x) as usize]).sum();
        sum / 81.0
    };
    let map = SubjectMap {
        extent: Extent::new(side as u32, side as u32),
        likelihood: (0..side * side).map(mean).collect(),
    };
    let picture = Picture {
        pixels: Pixmap::Rgba8(Tiled::from_pixels(extent, &pixels, [0; 4])),
        profile: Profile::Srgb,
    };
    (picture, map)
}

#[test]
fn edges_are_finer_than_the_map_and_soft_ones_stay_soft() {
    for (kind, most) in [(0, 0.6), (1, 0.5), (2, 0.5), (3, 1.0)] {
        let known = opacity(kind);
        let (picture, map) = composite(&known);
        let mask = lift(&picture, &Proxy::of(&picture).unwrap(), &map).unwrap();
        let plain = enlarged(&map, picture.extent());
        let (mut lifted_error, mut plain_error) = (0.0, 0.0);
        let pixels = mask.to_vec().into_iter().zip(plain).zip(known);
        // Where the map is not sure, and the answer is open.
        for ((lifted, plain), known) in
            pixels.filter(|((_, plain), _)| (0.02..0.98).contains(plain))
        {
            lifted_error += (f32::from(lifted) / 255.0 - known).abs();
            plain_error += (plain - known).abs();
        }
        let share = lifted_error / plain_error;
        println!("{kind}: {share:.2}");
        assert!(share <= most, "kind {kind}: {share}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (picture, map) = composite(&opacity(0));
    let proxy = Proxy::of(&picture).unwrap();
    let by = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().unwrap();
        pool.install(|| lift(&picture, &proxy, &map).unwrap().to_vec())
    };
    assert!(by(1) == by(2));
}
