//! Selecting subject, background, face, hair and clothes: in the editor, in the window, on the command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use overpaint::catalog::Vault;
use overpaint::document::{DocumentId, EditLabel};
use overpaint::editor::{Command, Editor, NoticeLevel, RunState, Start};
use overpaint::engine::Engine;
use overpaint::engine::fake::{FakeEngine, FakeVision, Script};
use overpaint::geometry::Extent;
use overpaint::raster::Mask;
use overpaint::select::{Combination, Part};
use overpaint::text::Language;

use crate::support::session::{Session, fake_vision, pixels};
use crate::support::window::{TestWindow, Wanted};

/// An editor with such a vision and an open picture, in which runs wait to be cancelled.
fn session(vision: FakeVision) -> (Session, DocumentId) {
    let folder = tempfile::tempdir().unwrap();
    let editor = Editor::new(Start {
        engine: std::sync::Arc::new(|| {
            let engine = FakeEngine::scripted([Script::WaitForCancel]);
            Ok(Box::new(engine) as Box<dyn Engine>)
        }),
        demands: std::sync::Arc::new(|_| None),
        vision: fake_vision(vision),
        language: Language::English,
        vault: Vault::File,
        data_dir: folder.path().to_path_buf(),
        wake: std::sync::Arc::new(|| {}),
    });
    let mut session = Session { editor, folder };
    session.editor.apply(Command::OpenPixels {
        title: None,
        pixels: pixels(Extent::new(400, 300)),
    });
    let document = session.editor.active().unwrap().id();
    (session, document)
}

fn wait(editor: &mut Editor, ready: impl Fn(&Editor) -> bool) {
    for _ in 0..10_000 {
        editor.poll();
        if ready(editor) {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("it did not happen");
}

fn select(session: &mut Session, document: DocumentId, part: Part, how: Combination) -> Mask {
    session.editor.apply(Command::Select {
        document,
        part,
        how,
    });
    wait(&mut session.editor, |editor| {
        editor.selecting(document).is_none()
    });
    session.document(document).document().mask().clone()
}

fn painted(mask: &Mask) -> usize {
    mask.to_vec().iter().filter(|value| **value > 127).count()
}

#[test]
fn a_selection_is_one_undoable_edit_of_the_mask() {
    let (mut session, id) = session(FakeVision::default());
    let subject = select(&mut session, id, Part::Subject, Combination::Replace);
    let all = 400 * 300;
    let share = painted(&subject) as f64 / f64::from(all);
    assert!((0.2..0.3).contains(&share), "the middle half: {share}");
    let document = session.document(id).document();
    assert_eq!(document.undo_label(), Some(EditLabel::Select));
    let face = select(&mut session, id, Part::Face, Combination::Subtract);
    assert!(painted(&face) < painted(&subject));
    assert_eq!(face.get(200, 120), Some(0), "the nose");
    let everything = select(&mut session, id, Part::Background, Combination::Add);
    assert!(painted(&everything) > painted(&subject));
    session.editor.apply(Command::Undo { document: id });
    session.editor.apply(Command::Undo { document: id });
    assert!(*session.document(id).document().mask() == subject);
    session.editor.apply(Command::Undo { document: id });
    assert_eq!(painted(session.document(id).document().mask()), 0);
}

#[test]
fn nobody_waits_for_an_edit_to_select() {
    let (mut session, id) = session(FakeVision::default());
    session.editor.apply(Command::Generate { document: id });
    wait(&mut session.editor, |editor| editor.running().is_some());
    let hair = select(&mut session, id, Part::Hair, Combination::Replace);
    assert!(painted(&hair) > 0);
    let run = session.editor.runs().first().unwrap();
    assert!(
        matches!(run.state, RunState::Running(_)),
        "the edit goes on"
    );
}

#[test]
fn a_picture_without_a_face_says_so_and_keeps_its_mask() {
    let (mut session, id) = session(FakeVision {
        sees_face: false,
        ..FakeVision::default()
    });
    let subject = select(&mut session, id, Part::Subject, Combination::Replace);
    let after = select(&mut session, id, Part::Hair, Combination::Replace);
    assert!(after == subject);
    let notice = session.editor.notices().last().unwrap();
    assert_eq!(notice.level, NoticeLevel::Warning);
    assert_eq!(notice.message.key, "select-no-face");
}

#[test]
fn selecting_can_be_stopped_and_what_is_asked_for_last_counts() {
    let (mut session, id) = session(FakeVision {
        looks_on: true,
        ..FakeVision::default()
    });
    let select = |part| Command::Select {
        document: id,
        part,
        how: Combination::Replace,
    };
    session.editor.apply(select(Part::Subject));
    session.editor.apply(select(Part::Face));
    assert_eq!(session.editor.selecting(id), Some(Part::Face));
    session.editor.apply(Command::CancelSelect { document: id });
    assert_eq!(session.editor.selecting(id), None);
    let blank = painted(session.document(id).document().mask());
    assert_eq!((blank, session.editor.notices().len()), (0, 0));
    // A closed picture lets the thread go, too.
    session.editor.apply(select(Part::Subject));
    session.editor.apply(Command::CloseDocument {
        document: id,
        discard_unsaved: true,
    });
    assert_eq!(session.editor.selecting(id), None);
}

fn press(window: &mut TestWindow, name: &str) {
    let button = window.harness.get_by_role_and_label(Role::Button, name);
    button.click();
    window.frames(3);
}

#[test]
fn the_first_thing_offered_for_an_empty_mask_is_the_subject() {
    let mut window = TestWindow::open(Wanted::default());
    press(&mut window, "Close the guide");
    press(&mut window, "Select the subject");
    window.wait(|editor| editor.active().unwrap().document().undo_label().is_some());
    assert!(window.painted() > 0);
    let offered = window.harness.query_by_label("Select the subject");
    assert!(offered.is_none(), "only where nothing is painted");
    press(&mut window, "Select");
    press(&mut window, "Select the clothes");
    window.wait(|editor| editor.selecting(editor.active().unwrap().id()).is_none());
    assert!(window.painted() > 0);
}

#[test]
fn held_keys_add_and_take_away() {
    let mut window = TestWindow::open(Wanted::default());
    press(&mut window, "Close the guide");
    let mut by = |modifiers, key| {
        window.harness.key_press_modifiers(modifiers, key);
        window.frames(3);
        window.wait(|editor| editor.selecting(editor.active().unwrap().id()).is_none());
        window.painted()
    };
    let subject = by(Modifiers::NONE, Key::W);
    assert!(subject > 0);
    let without_face = by(Modifiers::ALT, Key::F);
    assert!(without_face < subject);
    let all = by(Modifiers::SHIFT, Key::G);
    assert!(all > subject);
    let background = by(Modifiers::NONE, Key::G);
    assert!(background < all);
}

#[test]
fn escape_stops_looking() {
    let mut window = TestWindow::open(Wanted {
        vision: FakeVision {
            looks_on: true,
            ..FakeVision::default()
        },
        ..Wanted::default()
    });
    press(&mut window, "Close the guide");
    press(&mut window, "Select the subject");
    let told = window
        .harness
        .get_by_role_and_label(Role::Button, "Selecting… press to stop");
    assert!(told.accesskit_node().label().is_some());
    window
        .harness
        .key_press_modifiers(Modifiers::NONE, Key::Escape);
    window.frames(3);
    let id = window.editor().active().unwrap().id();
    assert_eq!(window.editor().selecting(id), None);
    assert!(
        window
            .harness
            .query_by_label("Select the subject")
            .is_some()
    );
}

fn photograph(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/data/vision");
    Path::new(folder).join(name)
}

fn overpaint(args: &[&Path]) -> std::process::Output {
    let program = env!("CARGO_BIN_EXE_overpaint");
    let mut command = std::process::Command::new(program);
    command.args(args).env("LANG", "C").output().unwrap()
}

#[test]
fn the_command_line_writes_a_mask_of_the_hair() {
    let folder = tempfile::tempdir().unwrap();
    let mask = folder.path().join("hair.png");
    let picture = photograph("astronaut.320.jpg");
    let typed = |what: &str, output: &Path| {
        let what = what.to_owned();
        let words = ["select", "--json", "--what", &what, "-o"].map(PathBuf::from);
        let mut args: Vec<&Path> = words.iter().map(PathBuf::as_path).collect();
        args.extend([output, &picture]);
        overpaint(&args)
    };
    let done = typed("hair", &mask);
    assert!(done.status.success(), "{done:?}");
    let said: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(said["people"], 1);
    let share = said["share"].as_f64().unwrap();
    assert!((0.03..0.2).contains(&share), "{said}");
    let hair = image::open(&mask).unwrap().to_luma8();
    assert_eq!(hair.dimensions(), (320, 320));
    let over = typed("face", &picture);
    assert_eq!(over.status.code(), Some(2), "it would be written over");
}

#[test]
fn the_command_line_says_where_there_is_no_face() {
    let folder = tempfile::tempdir().unwrap();
    let (mask, out) = (
        folder.path().join("mask.png"),
        folder.path().join("out.png"),
    );
    let cat = photograph("chelsea.320.jpg");
    let words = |words: &[&str]| -> Vec<PathBuf> { words.iter().map(PathBuf::from).collect() };
    let run =
        |words: Vec<PathBuf>| overpaint(&words.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    let mut typed = words(&["select", "--what", "face"]);
    typed.extend([cat.clone(), "-o".into(), mask.clone()]);
    let refused = run(typed);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("No face was found"), "{said}");
    assert!(!mask.exists());
    let mut typed = words(&["edit", "--select", "hair", "--prompt", "x"]);
    typed.extend([cat, "-o".into(), out.clone()]);
    assert_eq!(run(typed).status.code(), Some(3));
    assert!(!out.exists());
}
