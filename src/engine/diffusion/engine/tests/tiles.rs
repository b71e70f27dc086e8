//! Latents in tiles.

use super::*;
use crate::geometry::Rect;

/// Two upright strips that overlap by half of each.
fn strips() -> Vec<Rect> {
    vec![Rect::new(0, 0, 12, 16), Rect::new(4, 0, 12, 16)]
}

fn in_tiles(input: EngineInput, tiles: Vec<Rect>) -> EngineOutput {
    let input = EngineInput { tiles, ..input };
    engine().run(&input, &mut Unwatched).unwrap()
}

#[test]
fn one_tile_is_the_whole_and_the_order_of_tiles_means_nothing() {
    let whole = in_tiles(tiny(), Vec::new());
    let one = in_tiles(tiny(), vec![Rect::new(0, 0, 16, 16)]);
    assert_eq!((whole.report.parts, one.report.parts), (1, 1));
    assert!(one.image == whole.image);
    let tiled = in_tiles(tiny(), strips());
    assert_eq!(tiled.report.parts, 2);
    assert!(tiled.image != whole.image);
    let turned = strips().into_iter().rev().collect();
    assert!(in_tiles(tiny(), turned).image == tiled.image);
}

#[test]
fn tiles_in_which_nothing_changes_are_skipped() {
    let masked = EngineInput {
        mask: Some(right_half()),
        ..tiny()
    };
    let strips = vec![Rect::new(0, 0, 8, 16), Rect::new(4, 0, 12, 16)];
    let both = in_tiles(masked.clone(), strips.clone());
    assert_eq!(both.report.parts, 1);
    // Where the skipped one lies alone, nothing is looked at.
    assert!(in_tiles(masked, strips[1..].to_vec()).image == both.image);
}

#[test]
fn tiles_of_a_model_that_sees_the_mask_are_shown_their_part_of_it() {
    let folder = seeing_the_mask();
    let input = EngineInput {
        model: ModelRef::Folder(folder.path().to_owned()),
        mask: Some(right_half()),
        ..tiny()
    };
    let whole = in_tiles(input.clone(), Vec::new());
    let one = in_tiles(input.clone(), vec![Rect::new(0, 0, 16, 16)]);
    assert!(one.image == whole.image);
    let tiled = in_tiles(input, strips());
    assert_eq!(tiled.report.parts, 2);
    let error = relative_error(&planes(&tiled.image), &planes(&whole.image));
    println!("in tiles: {error}");
    assert!(error > 0.0 && error < 0.5, "{error}");
}
