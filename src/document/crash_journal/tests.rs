use proptest::prelude::*;

use super::*;
use crate::document::{EditLabel, Layer};
use crate::geometry::Rect;
use crate::raster::{MaskKind, Patch, Picture, Pixmap, Profile, Tiled};

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
    Kind,
    CutOut(Rect, u8),
    KeepAll,
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
        1 => Just(Act::Kind),
        2 => (0..400i32, any::<u8>()).prop_map(|(x, v)| Act::CutOut(Rect::new(x, 9, 90, 270), v)),
        1 => Just(Act::KeepAll),
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

/// What concerns the mask's kind and the cut-out.
fn do_cut(document: &mut Document, act: &Act) {
    match act {
        Act::Kind => {
            document.edit(EditLabel::MaskKind, |s| {
                s.mask_kind = match s.mask_kind {
                    MaskKind::Strength => MaskKind::Matte,
                    MaskKind::Matte => MaskKind::Strength,
                };
            });
        }
        Act::CutOut(rect, value) => {
            document.edit(EditLabel::Background, |s| {
                let blank = Tiled::filled(s.extent(), 0);
                let kept = s.cutout.get_or_insert(blank);
                kept.update(*rect, |_, _| *value);
            });
        }
        Act::KeepAll => _ = document.edit(EditLabel::Background, |s| s.cutout = None),
        _ => {}
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
        Act::Kind | Act::CutOut(..) | Act::KeepAll => do_cut(document, act),
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
                    painted: (i32::from(colour[0]) % 2 == 0).then(|| s.mask.clone()),
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

fn notes(document: &Document, settings: &[u8]) -> Notes {
    Notes {
        title: "cat".to_owned(),
        path: None,
        is_unsaved: document.is_unsaved(),
        settings: settings.to_vec(),
    }
}

fn moment(document: &Document, settings: &[u8]) -> Moment {
    Moment {
        state: document.state().clone(),
        by: None,
        notes: notes(document, settings),
    }
}

/// What a document can take back and bring back.
#[derive(Debug, Clone, PartialEq)]
struct Labels {
    undo: Vec<EditLabel>,
    redo: Vec<EditLabel>,
}

fn labels(document: &Document) -> Labels {
    Labels {
        undo: document.undo_labels().collect(),
        redo: document.redo_labels().collect(),
    }
}

/// A document with its journal, and what must come back of each moment in it.
struct Kept {
    document: Document,
    settings: Vec<u8>,
    /// As the journal has it.
    last: Moment,
    /// At the last end of a gesture.
    settled: State,
    /// Each with the journal's length; no labels in the middle of an act.
    truth: Vec<(u64, Moment, Option<Labels>)>,
}

impl Kept {
    fn begin(path: &Path) -> Self {
        let document = Document::new(DocumentId(1), canvas());
        let last = moment(&document, &[]);
        let bytes = begin(path, &last).unwrap();
        Self {
            settled: last.state.clone(),
            truth: vec![(bytes, last.clone(), Some(labels(&document)))],
            settings: Vec::new(),
            document,
            last,
        }
    }

    /// Appends what has happened.
    fn write(&mut self, path: &Path) {
        let notes = notes(&self.document, &self.settings);
        let steps = self.document.take_steps().into_iter();
        let mut moments: Vec<Moment> = steps.map(|step| Moment::after(step, &notes)).collect();
        if moments.last().unwrap_or(&self.last).notes != notes {
            moments.push(moment(&self.document, &self.settings));
        }
        let count = moments.len();
        for (i, after) in moments.into_iter().enumerate() {
            let bytes = append(path, &self.last, std::slice::from_ref(&after)).unwrap();
            let labels = (i + 1 == count).then(|| self.labels_to_come_back());
            self.truth.push((bytes, after.clone(), labels));
            self.last = after;
        }
    }

    /// A gesture that is open counts as done.
    fn labels_to_come_back(&mut self) -> Labels {
        let mut labels = labels(&self.document);
        match self.document.open_gesture() {
            Some(label) if *self.document.state() != self.settled => {
                labels.undo.push(label);
                labels.redo.clear();
            }
            Some(_) => {}
            None => self.settled = self.document.state().clone(),
        }
        labels
    }

    fn act(&mut self, path: &Path, act: &Act) {
        do_act(&mut self.document, &mut self.settings, act);
        self.write(path);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done, and wherever the file is cut or damaged, what comes back is exactly a
    /// moment that was written, and the last one that is whole; and with it every step that could
    /// be taken back or brought back then.
    #[test]
    fn a_cut_journal_gives_the_last_whole_moment(
        acts in acts(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut kept = Kept::begin(&path);
        for act in &acts {
            kept.act(&path, act);
        }
        let bytes = std::fs::read(&path).unwrap();
        prop_assert_eq!(bytes.len() as u64, kept.truth.last().unwrap().0);
        for (cut, damage) in cuts {
            let at = cut.index(bytes.len() + 1);
            let torn = if damage && at < bytes.len() {
                let mut torn = bytes.clone();
                torn[at] ^= 0x40;
                torn
            } else {
                bytes[..at].to_vec()
            };
            std::fs::write(&path, &torn).unwrap();
            let restored = restore(&path, DocumentId(2)).unwrap();
            let whole = kept.truth.iter().rfind(|(end, ..)| *end <= at as u64);
            let Some((end, expected, expected_labels)) = whole else {
                prop_assert!(restored.is_none());
                continue;
            };
            let restored = restored.unwrap();
            prop_assert!(*restored.document.state() == expected.state);
            prop_assert_eq!(&restored.notes, &expected.notes);
            prop_assert_eq!(restored.document.is_unsaved(), expected.notes.is_unsaved);
            prop_assert_eq!(restored.whole_bytes, *end);
            prop_assert_eq!(std::fs::metadata(&path).unwrap().len(), *end, "the torn end is cut off");
            if let Some(expected) = expected_labels {
                prop_assert_eq!(&labels(&restored.document), expected);
            }
        }
    }

    /// A restored document goes on in its journal, and a journal begun afresh tells the same: no
    /// step is lost, doubled or merged, and each leads where it did.
    #[test]
    fn what_is_restored_goes_on_and_can_be_told_anew(before in acts(), after in acts()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut kept = Kept::begin(&path);
        for act in &before {
            kept.act(&path, act);
        }
        let restored = restore(&path, DocumentId(2)).unwrap().unwrap();
        kept.last = moment(&restored.document, &kept.settings);
        kept.document = restored.document;
        kept.settled = kept.document.state().clone();
        kept.write(&path);
        for act in &after {
            kept.act(&path, act);
        }
        let again = restore(&path, DocumentId(3)).unwrap().unwrap();
        let expected = kept.labels_to_come_back();
        prop_assert!(again.document.state() == kept.document.state());
        prop_assert_eq!(&labels(&again.document), &expected);

        let fresh = folder.path().join("fresh");
        let retold = kept.document.retell();
        let notes = notes(&kept.document, &kept.settings);
        let first = Moment {
            state: retold.first,
            by: None,
            notes: Notes { is_unsaved: retold.is_first_unsaved, ..notes.clone() },
        };
        let steps = retold.steps.into_iter();
        let moments: Vec<Moment> = steps.map(|step| Moment::after(step, &notes)).collect();
        begin(&fresh, &first).unwrap();
        append(&fresh, &first, &moments).unwrap();
        let mut told = restore(&fresh, DocumentId(4)).unwrap().unwrap().document;
        prop_assert!(told.state() == kept.document.state());
        prop_assert_eq!(told.is_unsaved(), kept.document.is_unsaved());
        prop_assert_eq!(&labels(&told), &expected);
        let mut live = again.document;
        while live.undo() {
            prop_assert!(told.undo());
            prop_assert!(told.state() == live.state());
        }
        prop_assert!(!told.undo());
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
