//! Saving destroys nothing: what was opened is replaced only where the user has said so.

use std::path::PathBuf;
use std::time::Duration;

use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use overpaint::document::DocumentId;
use overpaint::editor::{Command, Losses, OpenDocument, SaveStep};
use overpaint::geometry::Rect;
use overpaint::plan::EditSettings;
use overpaint::raster::file::{self, FileFormat};

use crate::support::files::{add_layer, open, photograph, wait_for_save};
use crate::support::session::{Session, start_in};
use crate::support::window::{TestWindow, Wanted};

fn step(session: &Session, id: DocumentId) -> SaveStep {
    session.document(id).save_step()
}

fn said(session: &Session, key: &str) -> bool {
    let mut notices = session.editor.notices().iter();
    notices.any(|notice| notice.message.key == key)
}

#[test]
fn the_original_is_asked_about_once_and_a_copy_leaves_it_alone() {
    let mut session = Session::new(vec![]);
    let path = session.path("hopper.jpg");
    let original = photograph(&path);
    let id = open(&mut session, &path);
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    add_layer(&mut session, id);
    let SaveStep::Ask(question) = step(&session, id) else {
        panic!("{:?}", step(&session, id));
    };
    assert_eq!(question.original, path);
    assert_eq!(question.copy, session.path("hopper-edited.jpg"));
    assert_eq!(question.replaces_as, Some(FileFormat::Jpeg));
    assert_eq!(question.layers, 1);

    session.editor.apply(Command::Save { document: id });
    assert!(said(&session, "editor-original-kept"));
    assert!(!session.document(id).is_being_saved());
    assert!(session.document(id).document().is_unsaved());

    // Somebody else has taken the name in between.
    std::fs::write(&question.copy, b"not ours").unwrap();
    session.editor.apply(Command::SaveCopy { document: id });
    wait_for_save(&mut session, id);
    let copy = session.path("hopper-edited-2.jpg");
    assert_eq!(session.document(id).path(), Some(copy.as_path()));
    assert_eq!(session.document(id).title(), "hopper-edited-2.jpg");
    assert!(!session.document(id).document().is_unsaved());
    let first_copy = std::fs::read(&copy).unwrap();

    // From here on nothing is asked, and the copy is written.
    add_layer(&mut session, id);
    assert_eq!(step(&session, id), SaveStep::Write(copy.clone()));
    session.editor.apply(Command::Save { document: id });
    wait_for_save(&mut session, id);
    assert!(std::fs::read(&copy).unwrap() != first_copy);
    assert_eq!(std::fs::read(&path).unwrap(), original);
    assert_eq!(std::fs::read(&question.copy).unwrap(), b"not ours");

    // The answer was for that document: another one of the same file is asked about.
    let other = open(&mut session, &path);
    add_layer(&mut session, other);
    assert!(matches!(step(&session, other), SaveStep::Ask(_)));
}

#[test]
fn an_original_is_replaced_where_the_user_says_so() {
    let mut session = Session::new(vec![]);
    let path = session.path("cat.png");
    let original = photograph(&path);
    let id = open(&mut session, &path);
    add_layer(&mut session, id);
    session
        .editor
        .apply(Command::ReplaceOriginal { document: id });
    wait_for_save(&mut session, id);
    assert!(std::fs::read(&path).unwrap() != original);
    assert!(file::load(&path).unwrap().picture == *session.document(id).document().visible());
    add_layer(&mut session, id);
    assert_eq!(step(&session, id), SaveStep::Write(path.clone()));

    // One that could not be replaced is asked about again.
    let path = session.path("dog.png");
    photograph(&path);
    let id = open(&mut session, &path);
    add_layer(&mut session, id);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    session
        .editor
        .apply(Command::ReplaceOriginal { document: id });
    wait_for_save(&mut session, id);
    assert!(session.document(id).document().is_unsaved());
    assert!(matches!(step(&session, id), SaveStep::Ask(_)));

    // What can only be read is copied as what can be written.
    let path = session.path("scan.bmp");
    photograph(&path);
    let id = open(&mut session, &path);
    add_layer(&mut session, id);
    let SaveStep::Ask(question) = step(&session, id) else {
        panic!("{:?}", step(&session, id));
    };
    assert_eq!(question.replaces_as, None);
    session.editor.apply(Command::SaveCopy { document: id });
    wait_for_save(&mut session, id);
    let copy = session.path("scan-edited.png");
    assert_eq!(session.document(id).path(), Some(copy.as_path()));
    assert!(file::load(&copy).unwrap().picture == *session.document(id).document().visible());
}

#[test]
fn a_file_that_shows_the_same_keeps_its_bytes() {
    let mut session = Session::new(vec![]);
    let path = session.path("hopper.jpg");
    let original = photograph(&path);
    let id = open(&mut session, &path);
    let save = |session: &mut Session| {
        session.editor.apply(Command::Save { document: id });
        wait_for_save(session, id);
        assert!(said(session, "editor-nothing-to-save"));
        assert!(!session.document(id).document().is_unsaved());
        assert_eq!(std::fs::read(&path).unwrap(), original);
        let spoken = session.editor.notices()[0].id;
        session.editor.apply(Command::DismissNotice(spoken));
        assert!(!said(session, "editor-nothing-to-save"));
    };
    // A stroke, settings, a layer that is hidden, and back by undo.
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    save(&mut session);
    session.editor.apply(Command::SetSettings {
        document: id,
        settings: Box::new(EditSettings {
            prompt: "another".to_owned(),
            ..EditSettings::default()
        }),
    });
    save(&mut session);
    add_layer(&mut session, id);
    assert!(matches!(step(&session, id), SaveStep::Ask(_)));
    let layer = session.document(id).document().layers()[0].id;
    session.editor.apply(Command::SetLayerVisible {
        document: id,
        layer,
        visible: false,
    });
    save(&mut session);
    session.editor.apply(Command::Undo { document: id });
    session.editor.apply(Command::Undo { document: id });
    save(&mut session);

    // Ours are left alone just the same, and written again where they are gone.
    session.editor.apply(Command::Redo { document: id });
    session.editor.apply(Command::SaveCopy { document: id });
    wait_for_save(&mut session, id);
    session.paint(id, (10.0, 10.0), (20.0, 20.0));
    assert_eq!(step(&session, id), SaveStep::Nothing);
    let copy = session.path("hopper-edited.jpg");
    std::fs::remove_file(&copy).unwrap();
    assert_eq!(step(&session, id), SaveStep::Write(copy));
}

#[test]
fn what_was_answered_outlives_a_kill() {
    let mut session = Session::new(vec![]);
    let (asked, answered) = (session.path("asked.jpg"), session.path("answered.jpg"));
    photograph(&asked);
    photograph(&answered);
    let id = open(&mut session, &asked);
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    let id = open(&mut session, &answered);
    add_layer(&mut session, id);
    session
        .editor
        .apply(Command::ReplaceOriginal { document: id });
    wait_for_save(&mut session, id);
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    session.wait("the journals", |editor| {
        editor
            .documents()
            .iter()
            .all(OpenDocument::is_kept_for_recovery)
    });
    let folder = tempfile::tempdir().unwrap();
    crate::recovery::copy(&session.path("sessions"), &folder.path().join("sessions"));
    let editor = start_in(folder.path(), vec![], Duration::ZERO);
    let mut again = Session { editor, folder };
    let left: Vec<_> = again.editor.recoverable().map(|left| left.id).collect();
    for left in left {
        again.editor.apply(Command::Restore(left));
    }
    again.wait("the documents", |editor| editor.documents().len() == 2);
    let of = |again: &Session, path: &PathBuf| {
        let mut all = again.editor.documents().iter();
        all.find(|open| open.path() == Some(path)).unwrap().id()
    };
    // Only painted: both files show what is visible.
    for path in [&asked, &answered] {
        assert_eq!(step(&again, of(&again, path)), SaveStep::Nothing);
    }
    for path in [&asked, &answered] {
        let id = of(&again, path);
        add_layer(&mut again, id);
    }
    assert!(matches!(step(&again, of(&again, &asked)), SaveStep::Ask(_)));
    let id = of(&again, &answered);
    assert_eq!(step(&again, id), SaveStep::Write(answered));
}

fn press_save(window: &mut TestWindow) {
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::S);
    window.frames(4);
}

fn has(window: &TestWindow, name: &str) -> bool {
    window.harness.query_all_by_label(name).next().is_some()
}

#[test]
fn the_window_asks_and_cancelling_keeps_the_file() {
    let mut window = TestWindow::open(Wanted::default());
    let path = window.folder.path().join("hopper.jpg");
    let original = photograph(&path);
    let paste = eframe::egui::Event::Paste(path.display().to_string());
    window.harness.event(paste);
    window.wait(|editor| editor.documents().len() == 2);
    // A stroke alone is nothing to ask about.
    window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
    press_save(&mut window);
    assert!(!has(&window, "Save a copy"));
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.wait_for_runs();
    window.harness.key_press(Key::Enter);
    window.frames(3);
    press_save(&mut window);
    assert!(has(&window, "Save a copy") && has(&window, "Replace the original"));
    window.harness.key_press(Key::Escape);
    window.frames(4);
    assert!(!has(&window, "Save a copy"));
    assert!(window.editor().has_unsaved_work());
    assert_eq!(std::fs::read(&path).unwrap(), original);
    press_save(&mut window);
    window.harness.get_by_label("Save a copy").click();
    window.frames(2);
    window.wait(|editor| !editor.active().unwrap().document().is_unsaved());
    assert_eq!(std::fs::read(&path).unwrap(), original);
    assert!(window.folder.path().join("hopper-edited.jpg").is_file());
}

#[test]
fn only_what_closing_would_lose_counts_as_unsaved() {
    let mut session = Session::new(vec![]);
    let path = session.path("hopper.jpg");
    photograph(&path);
    let id = open(&mut session, &path);
    let none = Losses::default();
    assert_eq!(session.editor.losses(id), none);
    session.editor.apply(Command::SetSettings {
        document: id,
        settings: Box::new(EditSettings {
            prompt: "another".to_owned(),
            ..EditSettings::default()
        }),
    });
    assert_eq!(session.editor.losses(id), none);
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    let mask = Losses { mask: true, ..none };
    assert_eq!(session.editor.losses(id), mask);
    session.editor.apply(Command::ClearMask { document: id });
    assert!(session.document(id).document().is_unsaved());
    assert_eq!(
        session.editor.losses(id),
        none,
        "a stroke that is gone leaves nothing"
    );
    session.editor.apply(Command::Undo { document: id });
    add_layer(&mut session, id);
    session.generate(id);
    session.generate(id);
    let all = Losses {
        layers: 1,
        results: 2,
        ..mask
    };
    assert_eq!(session.editor.losses(id), all);
    session.editor.apply(Command::SaveCopy { document: id });
    wait_for_save(&mut session, id);
    let results = Losses { results: 2, ..none };
    assert_eq!(session.editor.losses(id), results);
    // Results took minutes: they are not given up unasked.
    let close = |session: &mut Session, discard_unsaved| {
        session.editor.apply(Command::CloseDocument {
            document: id,
            discard_unsaved,
        });
        session.editor.documents().len()
    };
    assert_eq!(close(&mut session, false), 1);
    assert!(session.editor.has_unsaved_work());
    session.editor.apply(Command::CropCanvas {
        document: id,
        rect: Rect::new(0, 0, 200, 200),
    });
    let layer = session.document(id).document().layers()[0].id;
    session.editor.apply(Command::DeleteLayer {
        document: id,
        layer,
    });
    let picture = Losses {
        picture: true,
        results: 3,
        ..mask
    };
    assert_eq!(session.editor.losses(id), picture);
    assert_eq!(close(&mut session, true), 0);
}

#[test]
fn the_questions_name_what_would_be_lost_and_all_is_saved_at_once() {
    let mut window = TestWindow::open(Wanted::default());
    for name in ["one.jpg", "two.jpg"] {
        let path = window.folder.path().join(name);
        photograph(&path);
        let known = window.editor().documents().len();
        let paste = eframe::egui::Event::Paste(path.display().to_string());
        window.harness.event(paste);
        window.wait(|editor| editor.documents().len() > known);
        window.drag(&[(0.45, 0.45), (0.55, 0.55)]);
        for _ in 0..2 {
            window
                .harness
                .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
            window.frames(2);
            window.wait_for_runs();
        }
        window.harness.key_press(Key::Enter);
        window.frames(3);
    }
    let says = |window: &TestWindow, part: &str| {
        let mut nodes = window.harness.query_all_by_label_contains(part);
        nodes.next().is_some()
    };
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::W);
    window.frames(4);
    assert!(says(
        &window,
        "is not saved: 1 layer, the mask and 1 result that was not accepted."
    ));
    window.harness.key_press(Key::Escape);
    window.frames(4);
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND | Modifiers::ALT, Key::S);
    for _ in 0..2 {
        window.frames(6);
        window.harness.get_by_label("Save a copy").click();
        window.frames(2);
        window.wait(|editor| !editor.documents().iter().any(OpenDocument::is_being_saved));
    }
    window.frames(6);
    assert!(!has(&window, "Save a copy"));
    for name in ["one-edited.jpg", "two-edited.jpg"] {
        assert!(window.folder.path().join(name).is_file(), "{name}");
    }
    let mut all = window.editor().documents().iter();
    assert!(all.all(|open| !open.document().is_unsaved()));
    assert_eq!(window.editor().documents().len(), 3, "nothing was closed");
}
