use super::*;
use crate::geometry::Rect;
use crate::raster::{Pixmap, Profile, Shape, Tiled};

const EXTENT: Extent = Extent::new(400, 300);

/// A disc of one texture before another, and how much of it each pixel is.
fn scene() -> (Picture, Mask) {
    let disc = Shape::Ellipse(PointF::new(120.0, 60.0), PointF::new(290.0, 240.0));
    let (cover, _) = disc.cover(EXTENT);
    let pixels: Vec<[u8; 4]> = cover
        .to_vec()
        .into_iter()
        .enumerate()
        .map(|(at, share)| {
            let noise = (at * 7919 % 31) as f32 - 15.0;
            let mix = |front: f32, back: f32| {
                (back + (front - back) * f32::from(share) / 255.0 + noise).clamp(0.0, 255.0) as u8
            };
            [mix(200.0, 90.0), mix(120.0, 130.0), mix(60.0, 150.0), 255]
        })
        .collect();
    let picture = Picture {
        pixels: Pixmap::Rgba8(Tiled::from_pixels(EXTENT, &pixels, [0; 4])),
        profile: Profile::Srgb,
    };
    (picture, cover)
}

fn line(from: (f32, f32), to: (f32, f32), is_inside: bool) -> Scribble {
    Scribble {
        line: vec![PointF::new(from.0, from.1), PointF::new(to.0, to.1)],
        width_px: 12.0,
        is_inside,
    }
}

fn drawn(picture: &Picture, before: &Mask, scribbles: &[Scribble]) -> Mask {
    let prepared = Scribbled::new(picture).unwrap();
    let mask = prepared.mask(picture, before, scribbles, &|| false);
    mask.unwrap().unwrap()
}

/// Mean difference, 0…1.
fn difference(a: &Mask, b: &Mask) -> f64 {
    let pairs = a.to_vec().into_iter().zip(b.to_vec());
    let sum: f64 = pairs.map(|(a, b)| f64::from(a.abs_diff(b))).sum();
    sum / 255.0 / EXTENT.len() as f64
}

#[test]
fn one_scribble_takes_the_thing_it_lies_on() {
    let (picture, wanted) = scene();
    let scribbles = [line((170.0, 150.0), (240.0, 140.0), true)];
    let found = drawn(&picture, &blank_mask(EXTENT), &scribbles);
    let error = difference(&found, &wanted);
    assert!(error < 0.004, "{error}");
}

#[test]
fn what_is_said_holds_and_what_is_far_stays() {
    let (picture, cover) = scene();
    // The mask is the disc, and something faint somewhere else.
    let mut before = cover;
    before.update(Rect::new(10, 250, 30, 30), |_, _| 100);
    let scribbles = [
        line((170.0, 150.0), (240.0, 140.0), true),
        line((340.0, 40.0), (360.0, 60.0), true),
        line((205.0, 200.0), (215.0, 200.0), false),
    ];
    let found = drawn(&picture, &before, &scribbles);
    assert_eq!(found.get(200, 146), Some(255));
    assert!(found.get(350, 50) > Some(200), "{:?}", found.get(350, 50));
    assert!(found.get(210, 200) < Some(60), "{:?}", found.get(210, 200));
    assert_eq!(
        found.get(20, 260),
        Some(100),
        "what is far away stays as it was"
    );
}

#[test]
fn the_same_again_changes_nothing_and_stopping_stops() {
    let (picture, _) = scene();
    let scribbles = [line((170.0, 150.0), (240.0, 140.0), true)];
    let once = drawn(&picture, &blank_mask(EXTENT), &scribbles);
    let twice = drawn(
        &picture,
        &once,
        &[scribbles[0].clone(), scribbles[0].clone()],
    );
    assert!(difference(&once, &twice) < 0.001);
    let prepared = Scribbled::new(&picture).unwrap();
    let blank = blank_mask(EXTENT);
    let stopped = prepared.mask(&picture, &blank, &scribbles, &|| true);
    assert_eq!(stopped.unwrap(), None);
    assert_eq!(
        prepared.mask(&picture, &blank, &[], &|| false).unwrap(),
        None
    );
}

#[test]
fn pictures_of_one_colour_and_of_few_pixels_do_no_harm() {
    for extent in [Extent::new(1, 1), Extent::new(3, 200), Extent::new(64, 64)] {
        let picture = Picture {
            pixels: Pixmap::Rgba16(Tiled::filled(extent, [30000; 4])),
            profile: Profile::Srgb,
        };
        let scribbles = [
            line((1.0, 1.0), (2.0, 2.0), true),
            line((9.0, 9.0), (9.0, 9.0), false),
        ];
        let prepared = Scribbled::new(&picture).unwrap();
        let blank = blank_mask(extent);
        let found = prepared
            .mask(&picture, &blank, &scribbles[..1], &|| false)
            .unwrap();
        assert!(found.is_none_or(|mask| mask.extent() == extent));
        assert!(
            prepared
                .mask(&picture, &blank, &scribbles, &|| false)
                .is_ok()
        );
    }
}
