use super::*;
use crate::geometry::{Extent, PointF};
use crate::raster::{Shape, Tiled};
use proptest::prelude::*;

fn refine(mask: &Mask, refinement: Refinement) -> Mask {
    refined(mask, &refinement, &|| false).unwrap()
}

fn mask_of(extent: Extent, values: &[u8]) -> Mask {
    Tiled::from_pixels(extent, values, 0)
}

/// Values of the pixels whose centres lie within a distance.
fn within(mask: &Mask, x: i32, y: i32, radius: i32) -> Vec<u8> {
    let mut found = Vec::new();
    for dy in -radius..=radius {
        for dx in -radius..=radius {
            if dx * dx + dy * dy <= radius * radius {
                let (Ok(x), Ok(y)) = (u32::try_from(x + dx), u32::try_from(y + dy)) else {
                    continue;
                };
                found.extend(mask.get(x, y));
            }
        }
    }
    found
}

fn masks() -> impl Strategy<Value = (Extent, Vec<u8>)> {
    (1u32..24, 1u32..24).prop_flat_map(|(w, h)| {
        let value = prop_oneof![Just(0u8), Just(255u8), any::<u8>()];
        let values = prop::collection::vec(value, (w * h) as usize);
        (Just(Extent::new(w, h)), values)
    })
}

proptest! {
    /// Between the greatest value within the radius and that within the next larger disc.
    #[test]
    fn growing_takes_the_greatest_value_near_and_shrinking_mirrors_it(
        (extent, values) in masks(),
        px in 1i32..7,
    ) {
        let mask = mask_of(extent, &values);
        let grown = refine(&mask, Refinement { grow_px: px, ..Refinement::default() });
        for y in 0..extent.height {
            for x in 0..extent.width {
                let most = |r: i32| within(&mask, x as i32, y as i32, r).into_iter().max().unwrap();
                let value = grown.get(x, y).unwrap();
                prop_assert!(value >= most(px) && value <= most(px + 1), "{x} {y}: {value}");
            }
        }
        let turned = mask.map(|value| 255 - value);
        let shrunk = refine(&turned, Refinement { grow_px: -px, ..Refinement::default() });
        prop_assert_eq!(shrunk.map(|value| 255 - value).to_vec(), grown.to_vec());
    }

    #[test]
    fn smoothing_takes_the_middle_value_near((extent, values) in masks(), px in 1i32..5) {
        let mask = mask_of(extent, &values);
        let smoothed = refine(&mask, Refinement { smooth_px: px as u32, ..Refinement::default() });
        for y in px..extent.height as i32 - px {
            for x in px..extent.width as i32 - px {
                let mut near = within(&mask, x, y, px);
                near.sort_unstable();
                let wanted = near[near.len() / 2];
                prop_assert_eq!(smoothed.get(x as u32, y as u32), Some(wanted), "{} {}", x, y);
            }
        }
    }
}

#[test]
fn straight_edges_move_by_whole_pixels_and_stay_sharp() {
    let extent = Extent::new(700, 300);
    let (mask, _) = Shape::Rect(Rect::new(200, 100, 120, 90)).cover(extent);
    for px in [1, 5, 60] {
        let grow = |px| {
            refine(
                &mask,
                Refinement {
                    grow_px: px,
                    ..Refinement::default()
                },
            )
        };
        let (grown, shrunk) = (grow(px), grow(-px));
        let column = |mask: &Mask, x: i32| mask.get(x as u32, 150).unwrap();
        assert_eq!(
            [column(&grown, 200 - px), column(&grown, 199 - px)],
            [255, 0],
            "{px}"
        );
        if px < 45 {
            assert_eq!(
                [column(&shrunk, 200 + px), column(&shrunk, 199 + px)],
                [255, 0],
                "{px}"
            );
        } else {
            assert!(shrunk.to_vec().iter().all(|value| *value == 0));
        }
    }
}

#[test]
fn a_disc_grows_to_the_area_of_a_larger_one() {
    let extent = Extent::new(400, 400);
    let disc = |radius: f32| {
        let corner = |r: f32| PointF::new(200.0 + r, 200.0 + r);
        Shape::Ellipse(corner(-radius), corner(radius))
            .cover(extent)
            .0
    };
    let area = |mask: &Mask| -> f64 { mask.to_vec().iter().map(|v| f64::from(*v) / 255.0).sum() };
    let grown = refine(
        &disc(60.0),
        Refinement {
            grow_px: 20,
            ..Refinement::default()
        },
    );
    let wanted = std::f64::consts::PI * 80.4 * 80.4;
    assert!(
        (area(&grown) / wanted - 1.0).abs() < 0.01,
        "{} {wanted}",
        area(&grown)
    );
}

#[test]
fn feathering_keeps_the_area_and_the_middle_of_the_edge() {
    let extent = Extent::new(600, 200);
    let (mask, _) = Shape::Rect(Rect::new(0, 0, 300, 200)).cover(extent);
    let soft = refine(
        &mask,
        Refinement {
            feather_px: 20.0,
            ..Refinement::default()
        },
    );
    let at = |x: u32| i32::from(soft.get(x, 100).unwrap());
    assert!((at(299) + at(300) - 255).abs() <= 1);
    assert!(at(299 - 10) > 205 && at(299 - 10) < 225, "{}", at(289));
    assert_eq!((at(260), at(340)), (255, 0));
    let rows = soft
        .to_vec()
        .chunks(600)
        .all(|row| row == &soft.to_vec()[..600]);
    assert!(rows, "the border of the picture is no edge");
}

#[test]
fn holes_are_filled_and_specks_dropped_by_their_size() {
    let extent = Extent::new(600, 300);
    let (mut mask, _) = Shape::Rect(Rect::new(0, 0, 300, 300)).cover(extent);
    let mut square = |x: i32, y: i32, side: u32, value: u8| {
        mask.update(Rect::new(x, y, side, side), |_, _| value);
    };
    square(50, 50, 10, 0); // a hole
    square(250, 250, 30, 0); // a large one, across a tile's border
    square(0, 100, 10, 0); // a bay of the picture's border
    square(400, 50, 10, 255); // a speck
    square(412, 62, 2, 90); // a faint one
    square(500, 240, 30, 200);
    let at = |mask: &Mask| {
        [
            (55, 55),
            (260, 260),
            (5, 105),
            (405, 55),
            (413, 63),
            (510, 250),
        ]
        .map(|(x, y)| mask.get(x, y).unwrap())
    };
    assert_eq!(at(&mask), [0, 0, 0, 255, 90, 200]);
    let small = refine(
        &mask,
        Refinement {
            fill_holes_px: 12,
            drop_specks_px: 12,
            ..Refinement::default()
        },
    );
    assert_eq!(at(&small), [255, 0, 0, 0, 0, 200]);
    let large = refine(
        &mask,
        Refinement {
            fill_holes_px: 100,
            drop_specks_px: 100,
            ..Refinement::default()
        },
    );
    assert_eq!(at(&large), [255, 255, 0, 0, 0, 0]);
}

#[test]
fn what_is_far_from_an_edge_stays_the_memory_it_was_and_stopping_stops() {
    let extent = Extent::new(2000, 1500);
    let (mask, _) = Shape::Rect(Rect::new(0, 0, 1000, 1500)).cover(extent);
    let all = Refinement {
        fill_holes_px: 5,
        drop_specks_px: 5,
        smooth_px: 3,
        grow_px: 2,
        feather_px: 3.0,
    };
    let changed = refine(&mask, all).changed_tiles(&mask);
    assert!(
        changed.iter().all(|tile| (3..=4).contains(&tile.column)),
        "{changed:?}"
    );
    assert!(refined(&mask, &all, &|| true).is_none());
    assert!(refine(&mask, Refinement::default()) == mask);
}
