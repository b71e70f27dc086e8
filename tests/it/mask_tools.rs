//! Wand, smart brush and refining in the editor: off the caller's thread, cancellable, undoable, kept by the
//! journal.

use std::time::Duration;

use overpaint::document::{DocumentId, EditLabel};
use overpaint::editor::{Command, Editor};
use overpaint::geometry::{Extent, Point, PointF, Rect};
use overpaint::raster::{Mask, MaskKind, Pixmap, Shape, Tiled};
use overpaint::select::{Combination, Refinement, Scribble, Wand};

use crate::support::session::Session;

const WAND: Wand = Wand {
    tolerance: 10.0,
    is_contiguous: true,
    is_smooth: false,
};

/// An editor with a picture of an orange square before blue.
fn session() -> (Session, DocumentId) {
    let mut session = Session::new(Vec::new());
    let mut plane = Tiled::filled(Extent::new(400, 300), [40u8, 80, 160, 255]);
    plane.update(Rect::new(100, 80, 120, 100), |at, _| {
        [220, 130 + (at.x % 9) as u8, 40, 255]
    });
    session.editor.apply(Command::OpenPixels {
        title: None,
        pixels: Pixmap::Rgba8(plane),
    });
    let id = session.editor.active().unwrap().id();
    (session, id)
}

fn mask(session: &Session, id: DocumentId) -> Mask {
    session.document(id).document().mask().clone()
}

fn painted(session: &Session, id: DocumentId) -> usize {
    mask(session, id)
        .to_vec()
        .iter()
        .filter(|value| **value > 127)
        .count()
}

fn settle(session: &mut Session, id: DocumentId) {
    session.wait("the mask", move |editor| !editor.is_making_mask(id));
}

fn pick(session: &mut Session, id: DocumentId, at: (i32, i32), how: Combination) {
    session.editor.apply(Command::UseWand {
        document: id,
        at: Point::new(at.0, at.1),
        wand: WAND,
        how,
    });
}

fn scribble(
    session: &mut Session,
    id: DocumentId,
    from: (f32, f32),
    to: (f32, f32),
    is_inside: bool,
) {
    let scribble = Scribble {
        line: vec![PointF::new(from.0, from.1), PointF::new(to.0, to.1)],
        width_px: 10.0,
        is_inside,
    };
    session.editor.apply(Command::Scribble {
        document: id,
        scribble,
    });
}

fn square(session: &mut Session, id: DocumentId) {
    session.editor.apply(Command::DrawShape {
        document: id,
        shape: Shape::Rect(Rect::new(50, 50, 100, 100)),
        how: Combination::Replace,
        opacity: 1.0,
    });
}

#[test]
fn the_wand_selects_what_is_seen_and_the_last_one_counts() {
    let (mut session, id) = session();
    // Two at once: only the last counts.
    pick(&mut session, id, (5, 5), Combination::Replace);
    pick(&mut session, id, (150, 120), Combination::Replace);
    settle(&mut session, id);
    session.wait("the edit", move |editor| {
        editor.document(id).unwrap().document().undo_label() == Some(EditLabel::Wand)
    });
    assert_eq!(painted(&session, id), 120 * 100);
    let document = session.document(id).document();
    assert_eq!(document.mask_kind(), MaskKind::Matte);
    assert_eq!(document.undo_labels().count(), 1);
    pick(&mut session, id, (5, 5), Combination::Add);
    settle(&mut session, id);
    assert_eq!(painted(&session, id), 400 * 300);
    pick(&mut session, id, (150, 120), Combination::Subtract);
    settle(&mut session, id);
    assert_eq!(painted(&session, id), 400 * 300 - 120 * 100);
    // Beside the picture there is no colour.
    pick(&mut session, id, (-5, 5), Combination::Replace);
    settle(&mut session, id);
    assert_eq!(painted(&session, id), 400 * 300 - 120 * 100);
    assert!(session.errors().is_empty());
}

#[test]
fn other_settings_find_anew_what_was_clicked_last() {
    let (mut session, id) = session();
    let again = |session: &mut Session, tolerance: f32| {
        let wand = Wand { tolerance, ..WAND };
        session
            .editor
            .apply(Command::UseWandAgain { document: id, wand });
        settle(session, id);
    };
    square(&mut session, id);
    pick(&mut session, id, (150, 120), Combination::Add);
    settle(&mut session, id);
    let both = painted(&session, id);
    again(&mut session, 100.0);
    assert_eq!(painted(&session, id), 400 * 300);
    again(&mut session, 10.0);
    assert_eq!(painted(&session, id), both);
    let labels: Vec<_> = session.document(id).document().undo_labels().collect();
    assert_eq!(
        labels,
        [EditLabel::FillRectangle, EditLabel::Wand],
        "one step"
    );
    // After anything else it is no longer meant.
    session.paint(id, (350.0, 250.0), (370.0, 250.0));
    let painted_on = painted(&session, id);
    again(&mut session, 100.0);
    assert_eq!(painted(&session, id), painted_on);
}

#[test]
fn a_shape_is_painted_and_the_kind_of_the_mask_says_so() {
    let (mut session, id) = session();
    pick(&mut session, id, (150, 120), Combination::Replace);
    settle(&mut session, id);
    square(&mut session, id);
    let document = session.document(id).document();
    assert_eq!(document.mask_kind(), MaskKind::Strength);
}

#[test]
fn scribbles_wait_for_each_other_and_each_is_one_step() {
    let (mut session, id) = session();
    scribble(&mut session, id, (130.0, 120.0), (190.0, 130.0), true);
    scribble(&mut session, id, (120.0, 90.0), (120.0, 170.0), false);
    assert!(session.editor.is_making_mask(id));
    settle(&mut session, id);
    let document = session.document(id).document();
    assert_eq!(document.undo_labels().count(), 2);
    assert_eq!(document.mask_kind(), MaskKind::Matte);
    session.editor.apply(Command::Undo { document: id });
    let first = painted(&session, id);
    assert!(first.abs_diff(120 * 100) < 300, "{first}");
    // What was undone no longer counts: the next scribble leaves its place alone.
    scribble(&mut session, id, (150.0, 120.0), (180.0, 120.0), true);
    settle(&mut session, id);
    assert!(painted(&session, id).abs_diff(first) < 100);
    assert!(session.errors().is_empty());
}

#[test]
fn what_is_painted_meanwhile_stays_and_stopping_stops() {
    let (mut session, id) = session();
    scribble(&mut session, id, (130.0, 120.0), (190.0, 130.0), true);
    session.paint(id, (350.0, 250.0), (370.0, 250.0));
    settle(&mut session, id);
    let both = mask(&session, id);
    assert_eq!([both.get(160, 120), both.get(360, 250)], [Some(255); 2]);
    scribble(&mut session, id, (20.0, 20.0), (30.0, 20.0), true);
    scribble(&mut session, id, (20.0, 40.0), (30.0, 40.0), true);
    session.editor.apply(Command::CancelSelect { document: id });
    settle(&mut session, id);
    assert!(mask(&session, id) == both);
}

fn refine(session: &mut Session, id: DocumentId, grow_px: i32) {
    let refinement = Refinement {
        grow_px,
        ..Refinement::default()
    };
    session.editor.apply(Command::Refine {
        document: id,
        refinement,
    });
}

#[test]
fn refining_follows_the_numbers_and_ends_in_one_step_or_none() {
    let (mut session, id) = session();
    square(&mut session, id);
    for px in [1, 5, -3, 10] {
        refine(&mut session, id, px);
    }
    settle(&mut session, id);
    let document = session.document(id).document();
    assert_eq!(document.open_gesture(), Some(EditLabel::Refine));
    let grown = painted(&session, id);
    assert!((119 * 119..120 * 120).contains(&grown), "{grown}");
    session.editor.apply(Command::EndRefining {
        document: id,
        keep: false,
    });
    assert_eq!(painted(&session, id), 100 * 100);
    assert_eq!(session.document(id).document().undo_labels().count(), 1);
    // Kept before it was made: it is kept as soon as it is.
    refine(&mut session, id, -10);
    session.editor.apply(Command::EndRefining {
        document: id,
        keep: true,
    });
    assert_eq!(session.editor.refining(id), None);
    session.wait("the end", move |editor: &Editor| {
        editor
            .document(id)
            .unwrap()
            .document()
            .open_gesture()
            .is_none()
    });
    assert_eq!(painted(&session, id), 80 * 80);
    session.editor.apply(Command::Undo { document: id });
    assert_eq!(painted(&session, id), 100 * 100);
}

#[test]
fn whatever_else_is_done_keeps_the_refined_mask_as_it_is_seen() {
    let (mut session, id) = session();
    square(&mut session, id);
    refine(&mut session, id, 10);
    settle(&mut session, id);
    session.paint(id, (300.0, 250.0), (330.0, 250.0));
    assert_eq!(session.editor.refining(id), None);
    let labels: Vec<_> = session.document(id).document().undo_labels().collect();
    assert_eq!(
        labels,
        [
            EditLabel::FillRectangle,
            EditLabel::Refine,
            EditLabel::Paint
        ]
    );
    // Closing while one refines harms nothing.
    refine(&mut session, id, -50);
    session.editor.apply(Command::CloseDocument {
        document: id,
        discard_unsaved: true,
    });
    session.wait_for(Duration::from_secs(20), "the end", move |editor| {
        !editor.is_making_mask(id)
    });
    assert!(session.errors().is_empty());
}
