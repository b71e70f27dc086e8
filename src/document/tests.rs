use proptest::prelude::*;

use super::crash_journal::tests::{Act, acts, canvas, do_act};
use super::*;
use crate::geometry::Rect;
use crate::raster::{Pixmap, cut_out, draw_patch};

/// What base and layers look like, drawn afresh without any cache.
fn drawn_afresh(document: &Document) -> Pixmap {
    let mut pixels = document.base().pixels.clone();
    for layer in document.layers().iter().filter(|layer| layer.visible) {
        draw_patch(&mut pixels, &layer.patch, layer.opacity);
    }
    if let Some(kept) = &document.state().cutout {
        cut_out(&mut pixels, kept, Rect::of(document.extent()));
    }
    pixels
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]

    /// After any sequence: the visible picture is what a fresh drawing gives, undoing everything
    /// leads through the same states backwards to the beginning, and redoing leads back.
    #[test]
    fn undo_and_redo_walk_the_same_states(acts in acts()) {
        let mut document = Document::new(DocumentId(1), canvas());
        let first = document.state().clone();
        let mut settings = Vec::new();
        for act in &acts {
            let before = document.state().clone();
            let revisions = document.revisions();
            do_act(&mut document, &mut settings, act);
            prop_assert!(document.visible().pixels == drawn_afresh(&document));
            prop_assert_eq!(document.mask().extent(), document.extent());
            if document.state().mask != before.mask {
                prop_assert!(document.revisions().mask > revisions.mask);
            }
            if document.state().base != before.base || document.state().layers != before.layers {
                prop_assert!(document.revisions().any > revisions.any);
            }
        }
        document.commit();
        while document.redo() {}
        let mut seen = vec![document.state().clone()];
        while document.undo() { seen.push(document.state().clone()); }
        prop_assert!(*document.state() == first, "everything can be taken back");
        prop_assert!(document.visible().pixels == drawn_afresh(&document));
        for state in seen.iter().rev().skip(1) {
            prop_assert!(document.redo());
            prop_assert!(document.state() == state);
        }
        prop_assert!(!document.redo());
    }
}

#[test]
fn an_edit_that_changes_nothing_leaves_no_entry() {
    let mut document = Document::new(DocumentId(1), canvas());
    assert!(!document.edit(EditLabel::ClearMask, |s| {
        s.mask.update(Rect::new(0, 0, 9, 9), |_, _| 0);
    }));
    document.begin(EditLabel::Paint);
    document.change(|s| s.mask.update(Rect::new(0, 0, 9, 9), |_, _| 5));
    document.change(|s| s.mask.update(Rect::new(0, 0, 9, 9), |_, _| 0));
    assert!(!document.commit());
    assert_eq!(document.undo_label(), None);
    assert!(!document.is_unsaved());
}

#[test]
fn undoing_back_to_the_saved_state_is_saved_again() {
    let mut document = Document::new(DocumentId(1), canvas());
    let mut settings = Vec::new();
    do_act(
        &mut document,
        &mut settings,
        &Act::Paint(Rect::new(1, 1, 5, 5), 9),
    );
    assert!(document.is_unsaved());
    document.mark_saved(document.serial());
    do_act(&mut document, &mut settings, &Act::Invert);
    assert!(document.is_unsaved());
    document.undo();
    assert!(!document.is_unsaved());
    document.undo();
    assert!(document.is_unsaved());
}

#[test]
fn the_oldest_entries_go_when_the_budget_is_spent() {
    let tile_bytes = 256 * 256;
    let budget = 10 * tile_bytes;
    let mut document = Document::from_state(DocumentId(1), State::new(canvas()), budget);
    for value in 1..=40u8 {
        document.edit(EditLabel::Paint, |s| {
            s.mask.update(Rect::new(3, 3, 4, 4), |_, _| value);
        });
        assert!(
            document.undo_bytes() <= budget,
            "{value}: {}",
            document.undo_bytes()
        );
    }
    assert_eq!(document.undo_labels().count(), 10);
    // An edit that alone is larger than the budget can still be taken back.
    let mut small = Document::from_state(DocumentId(1), State::new(canvas()), 1);
    let whole = Rect::of(small.extent());
    small.edit(EditLabel::InvertMask, |s| {
        s.mask.update(whole, |_, v| 255 - v);
    });
    assert!(small.undo());
}

#[test]
fn only_touched_tiles_are_drawn_again() {
    let mut document = Document::new(DocumentId(1), canvas());
    let mut settings = Vec::new();
    let before = document.visible().pixels.clone();
    do_act(
        &mut document,
        &mut settings,
        &Act::AddLayer(Rect::new(260, 10, 20, 20), [9, 9, 9, 255]),
    );
    assert_eq!(document.visible().pixels.changed_tiles(&before).len(), 1);
    let with_layer = document.visible().pixels.clone();
    do_act(
        &mut document,
        &mut settings,
        &Act::Paint(Rect::new(0, 0, 500, 200), 9),
    );
    assert!(
        document
            .visible()
            .pixels
            .changed_tiles(&with_layer)
            .is_empty(),
        "painting draws nothing"
    );
    do_act(&mut document, &mut settings, &Act::Hide(0));
    assert!(
        document.visible().pixels.changed_tiles(&before).is_empty(),
        "the base's own memory again"
    );
}
