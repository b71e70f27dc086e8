use proptest::prelude::*;

use super::*;
use crate::document::{EditLabel, Layer};
use crate::geometry::Rect;
use crate::raster::{Patch, Picture, Pixmap, Profile, Tiled};

/// What a user may do; positions are shares of the canvas.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Paint(Rect, u8),
    Drag(Rect, u8),
    Commit,
    Abort,
    Invert,
    AddLayer(Rect, [u8; 4]),
    Hide(usize),
    Opacity(usize, u8),
    Delete(usize),
    Raise(usize),
    Crop(Rect),
    Undo,
    Redo,
    Save,
    Settings(u8),
}

pub(crate) fn acts() -> impl Strategy<Value = Vec<Act>> {
    let rect = (0..500i32, 0..280i32, 1..200u32, 1..200u32)
        .prop_map(|(x, y, width, height)| Rect::new(x, y, width, height));
    let crop = (0..40i32, 0..40i32).prop_map(|(x, y)| Rect::new(x, y, 460, 240));
    let act = prop_oneof![
        4 => (rect.clone(), any::<u8>()).prop_map(|(r, v)| Act::Paint(r, v)),
        4 => (rect.clone(), any::<u8>()).prop_map(|(r, v)| Act::Drag(r, v)),
        2 => Just(Act::Commit),
        1 => Just(Act::Abort),
        1 => Just(Act::Invert),
        3 => (rect, any::<[u8; 4]>()).prop_map(|(r, c)| Act::AddLayer(r, c)),
        1 => (0..4usize).prop_map(Act::Hide),
        1 => (0..4usize, any::<u8>()).prop_map(|(i, o)| Act::Opacity(i, o)),
        1 => (0..4usize).prop_map(Act::Delete),
        1 => (0..4usize).prop_map(Act::Raise),
        1 => crop.prop_map(Act::Crop),
        4 => Just(Act::Undo),
        3 => Just(Act::Redo),
        1 => Just(Act::Save),
        1 => any::<u8>().prop_map(Act::Settings),
    ];
    prop::collection::vec(act, 1..25)
}

pub(crate) fn canvas() -> Picture {
    let extent = Extent::new(520, 300);
    let pixels: Vec<[u8; 4]> = (0..extent.len())
        .map(|i| [(i % 251) as u8, (i / 520) as u8, 7, 255])
        .collect();
    Picture {
        pixels: Pixmap::Rgba8(Tiled::from_pixels(extent, &pixels, [0; 4])),
        profile: Profile::Srgb,
    }
}

pub(crate) fn do_act(document: &mut Document, settings: &mut Vec<u8>, act: &Act) {
    let layer = document.new_layer_id();
    match act {
        Act::Paint(rect, value) => {
            document.edit(EditLabel::Paint, |s| s.mask.update(*rect, |_, _| *value));
        }
        Act::Drag(rect, value) => {
            if document.open_gesture().is_none() {
                document.begin(EditLabel::Erase);
            }
            document.change(|s| s.mask.update(*rect, |_, _| *value));
        }
        Act::Commit => _ = document.commit(),
        Act::Abort => _ = document.abort(),
        Act::Invert => {
            let whole = Rect::of(document.extent());
            document.edit(EditLabel::InvertMask, |s| {
                s.mask.update(whole, |_, v| 255 - v);
            });
        }
        Act::AddLayer(rect, colour) => {
            let patch = Patch {
                rect: *rect,
                pixels: Pixmap::Rgba8(Tiled::filled(rect.extent(), *colour)),
            };
            document.edit(EditLabel::AddLayer, |s| {
                s.layers.push(Layer {
                    id: layer,
                    name: format!("{rect:?}"),
                    visible: true,
                    opacity: 255,
                    patch: std::sync::Arc::new(patch),
                    recipe: String::new(),
                });
            });
        }
        Act::Hide(i) => {
            _ = document.edit(EditLabel::ShowLayer, |s| {
                if let Some(layer) = s.layers.get_mut(*i) {
                    layer.visible = !layer.visible;
                }
            });
        }
        Act::Opacity(i, to) => {
            _ = document.edit(EditLabel::LayerOpacity, |s| {
                if let Some(layer) = s.layers.get_mut(*i) {
                    layer.opacity = *to;
                }
            });
        }
        Act::Delete(i) => {
            _ = document.edit(EditLabel::DeleteLayer, |s| {
                if *i < s.layers.len() {
                    s.layers.remove(*i);
                }
            });
        }
        Act::Raise(i) => {
            _ = document.edit(EditLabel::MoveLayer, |s| {
                if i + 1 < s.layers.len() {
                    s.layers.swap(*i, i + 1);
                }
            });
        }
        Act::Crop(rect) => _ = document.edit(EditLabel::CropCanvas, |s| s.crop_canvas(*rect)),
        Act::Undo => _ = document.undo(),
        Act::Redo => _ = document.redo(),
        Act::Save => {
            let serial = document.serial();
            document.mark_saved(serial);
        }
        Act::Settings(value) => settings.push(*value),
    }
}

fn moment(document: &Document, settings: &[u8]) -> Moment {
    Moment {
        state: document.state().clone(),
        by: document.last_move(),
        notes: Notes {
            title: "cat".to_owned(),
            path: None,
            is_unsaved: document.is_unsaved(),
            settings: settings.to_vec(),
        },
    }
}

fn history(document: &Document) -> (Vec<EditLabel>, Vec<EditLabel>) {
    (
        document.undo_labels().collect(),
        document.redo_labels().collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done, and wherever the file is cut or damaged, what comes back is exactly a
    /// moment that was written, and the last one that is whole; the history comes along.
    #[test]
    fn a_cut_journal_gives_the_last_whole_moment(
        acts in acts(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut document = Document::new(DocumentId(1), canvas());
        let mut settings = Vec::new();
        let mut now = moment(&document, &settings);
        let mut ends = vec![begin(&path, &now).unwrap()];
        let mut truth = vec![(now.clone(), history(&document))];
        for act in &acts {
            do_act(&mut document, &mut settings, act);
            let next = moment(&document, &settings);
            if next == now { continue; }
            ends.push(append(&path, &now, &next).unwrap());
            truth.push((next.clone(), history(&document)));
            now = next;
        }
        let bytes = std::fs::read(&path).unwrap();
        prop_assert_eq!(bytes.len() as u64, *ends.last().unwrap());
        for (cut, damage) in cuts {
            let at = cut.index(bytes.len() + 1);
            let torn = if damage && at < bytes.len() {
                let mut torn = bytes.clone();
                torn[at] ^= 0x40;
                torn
            } else {
                bytes[..at].to_vec()
            };
            let whole = ends.iter().filter(|end| **end <= at as u64).count();
            std::fs::write(&path, &torn).unwrap();
            let restored = restore(&path, DocumentId(2)).unwrap();
            let Some(last) = whole.checked_sub(1) else {
                prop_assert!(restored.is_none());
                continue;
            };
            let restored = restored.unwrap();
            let (expected, (undo, redo)) = &truth[last];
            prop_assert!(*restored.document.state() == expected.state);
            prop_assert_eq!(&restored.notes, &expected.notes);
            prop_assert_eq!(restored.document.is_unsaved(), expected.notes.is_unsaved);
            prop_assert_eq!(restored.whole_bytes, ends[last]);
            prop_assert_eq!(std::fs::metadata(&path).unwrap().len(), ends[last], "the torn end is cut off");
            if !matches!(expected.by, Some(Move::Changed(_))) {
                prop_assert_eq!(&history(&restored.document), &(undo.clone(), redo.clone()));
            }
        }
    }
}

#[test]
fn a_journal_says_what_it_is_about_without_being_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let document = Document::new(DocumentId(1), canvas());
    let mut now = moment(&document, &[]);
    now.notes.path = Some("/pictures/猫.png".into());
    begin(&path, &now).unwrap();
    let said = about(&path).unwrap();
    assert_eq!(
        (said.title.as_str(), said.extent),
        ("cat", Extent::new(520, 300))
    );
    assert_eq!(said.path, now.notes.path);
    std::fs::write(&path, b"something else").unwrap();
    assert_eq!(about(&path), None);
    assert!(restore(&path, DocumentId(1)).unwrap().is_none());
}
