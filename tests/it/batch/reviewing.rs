//! Masks that are laid out for a look: what is said of them, and what is painted over them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use overpaint::bulk::{Decision, State, decisions, review_folder, review_rows};
use overpaint::geometry::{Extent, Rect};
use overpaint::jobs::{REVIEW, Review, write_tables};
use overpaint::raster::file::{self, MaskChannel};
use overpaint::raster::{Pixmap, Tiled};
use overpaint::select::Part;

use super::{EDIT, Run, of_state, picture, results, room, row, save};

/// A review of masks of that part, with what was said of pictures.
fn review(room: &Path, part: Part, decisions: &[(&str, Decision)]) -> Review {
    let decisions = decisions.iter().map(|(p, d)| ((*p).to_owned(), *d));
    Review {
        folder: review_folder(&room.join("review"), Some(part), None),
        decisions: decisions.collect(),
    }
}

#[test]
fn masks_are_laid_out_and_what_is_painted_there_is_used() {
    let room = room();
    let review = |decisions: &[_]| review(room.path(), Part::Subject, decisions);
    let folder = review(&[]).folder;
    let mut run = Run::new(room.path(), EDIT, "out");
    run.review = Some(review(&[]));
    run.masks_only = true;
    let result = run.go();
    assert_eq!(of_state(&result, State::Open), 3);
    assert_eq!(results(&room.path().join("out")).len(), 0);
    assert_eq!(result.review.len(), 3);
    assert!(
        folder.join("sub/c.webp.mask.png").is_file() && folder.join("a.png.cutout.png").is_file()
    );
    // One is painted over, one left out.
    let extent = Extent::new(96, 64);
    let mut painted = Tiled::filled(extent, 0);
    painted.update(Rect::new(0, 0, 20, 64), |_, _| 255);
    file::save_mask(&folder.join("a.png.mask.png"), &painted).unwrap();
    let mut run = Run::resumed(room.path(), EDIT, "out");
    run.review = Some(review(&[("b.jpg", Decision::Skip)]));
    let result = run.go();
    assert_eq!(row(&result, "b.jpg").state, Some(State::Skipped));
    let made = file::load(&room.path().join("out/a-0.8.png"))
        .unwrap()
        .picture;
    let Pixmap::Rgba8(made) = made.pixels else {
        panic!("8 bits")
    };
    assert_eq!(made.get(5, 5), Some([5, 5, 10, 255]));
    assert_ne!(made.get(48, 32), Some([48, 32, 10, 255]));
    let kept = file::load_mask(&folder.join("a.png.mask.png"), extent, MaskChannel::Auto);
    assert_eq!(kept.unwrap().mask, painted);
}

#[test]
fn a_doubtful_mask_waits_for_its_reviewer() {
    let room = room();
    let recipe = EDIT.replace("select = \"subject\"", "select = \"face\"");
    let review = |decisions: &[_]| review(room.path(), Part::Face, decisions);
    // A face of 96 × 64 pixels is below 1 % of the picture.
    let mut run = Run::new(room.path(), &recipe, "out");
    run.review = Some(review(&[]));
    let held = run.go();
    let a = row(&held, "a.png");
    assert_eq!((a.state, a.flags.as_str()), (Some(State::Look), "small"));
    assert_eq!(of_state(&held, State::Done), 0);
    let mut run = Run::resumed(room.path(), &recipe, "out");
    run.review = Some(review(&[("a.png", Decision::Accept)]));
    let result = run.go();
    assert_eq!(
        (
            of_state(&result, State::Done),
            of_state(&result, State::Look)
        ),
        (2, 2)
    );
    // Without a review nobody waits.
    let result = Run::resumed(room.path(), &recipe, "out").go();
    assert_eq!(
        (
            of_state(&result, State::Done),
            of_state(&result, State::Kept)
        ),
        (4, 2)
    );
}

#[test]
fn masks_of_another_part_are_neither_taken_nor_touched() {
    let room = room();
    let mut run = Run::new(room.path(), EDIT, "out");
    let subject = review(room.path(), Part::Subject, &[]);
    run.review = Some(subject.clone());
    run.masks_only = true;
    run.go();
    // Somebody paints over one of them.
    let mut painted = Tiled::filled(Extent::new(96, 64), 0);
    painted.update(Rect::new(0, 0, 20, 64), |_, _| 255);
    let at = subject.folder.join("a.png.mask.png");
    file::save_mask(&at, &painted).unwrap();
    let before = results(&subject.folder);

    let recipe = EDIT.replace("select = \"subject\"", "select = \"face\"");
    let mut run = Run::resumed(room.path(), &recipe, "out");
    let face = review(room.path(), Part::Face, &[]);
    run.review = Some(face.clone());
    run.masks_only = true;
    let (looks, result) = (std::sync::Arc::clone(&run.looks), run.go());
    assert!(looks.load(std::sync::atomic::Ordering::Relaxed) > 0);
    assert_eq!(result.review.len(), 3);
    assert_eq!(results(&subject.folder), before);
    let laid = fs::read(face.folder.join("a.png.mask.png")).unwrap();
    assert_ne!(laid, fs::read(&at).unwrap());
}

#[test]
fn a_mask_of_what_a_picture_was_before_is_not_taken_for_a_painted_one() {
    let room = room();
    let recipe = EDIT.replace("select = \"subject\"", "select = \"face\"");
    let accepted = review(room.path(), Part::Face, &[("a.png", Decision::Accept)]);
    let mut run = Run::new(room.path(), &recipe, "out");
    run.review = Some(accepted.clone());
    assert_eq!(row(&run.go(), "a.png").state, Some(State::Done));
    let laid = fs::read(accepted.folder.join("a.png.mask.png")).unwrap();

    // Another photograph by that name, in which the face lies elsewhere.
    save(
        &room.path().join("in/a.png"),
        &picture(Extent::new(128, 80), 30),
    );
    let mut run = Run::resumed(room.path(), &recipe, "out");
    run.review = Some(accepted.clone());
    let result = run.go();
    // What was said was said of the other mask.
    assert_eq!(row(&result, "a.png").state, Some(State::Look));
    let said = result.review.iter().find(|row| row.picture == "a.png");
    assert_eq!(said.unwrap().decision, None);
    assert_ne!(
        fs::read(accepted.folder.join("a.png.mask.png")).unwrap(),
        laid
    );
}

#[test]
fn what_was_said_of_pictures_that_are_not_come_to_stays() {
    let room = room();
    let said = [("b.jpg", Decision::Skip), ("a.png", Decision::Accept)];
    let mut run = Run::new(room.path(), EDIT, "out");
    let reviewed = review(room.path(), Part::Subject, &said);
    run.review = Some(reviewed.clone());
    let result = run.go();
    let out = room.path().join("out");
    write_tables(&out, &reviewed.folder, &result).unwrap();
    // All but the picture that is left out are done, and not looked at again; one is new.
    save(
        &room.path().join("in/d.png"),
        &picture(Extent::new(96, 64), 50),
    );
    let mut run = Run::resumed(room.path(), EDIT, "out");
    run.review = Some(reviewed.clone());
    let result = run.go();
    assert!(!result.review.iter().any(|row| row.picture == "a.png"));
    write_tables(&out, &reviewed.folder, &result).unwrap();
    let path = reviewed.folder.join(REVIEW);
    let rows = review_rows(&fs::read(&path).unwrap(), &path).unwrap();
    assert_eq!(rows.len(), 4);
    let wanted: BTreeMap<_, _> = said.map(|(name, said)| (name.to_owned(), said)).into();
    assert_eq!(decisions(&rows), wanted);
}
