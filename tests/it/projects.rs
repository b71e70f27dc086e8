//! Projects: what is saved as one opens as it was left, and nothing in it is lost on the way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use overpaint::document::DocumentId;
use overpaint::editor::{Command, Editor, Losses, SaveStep};
use overpaint::plan::EditSettings;
use overpaint::project;
use overpaint::raster::Patch;

use crate::recovery::after_a_kill;
use crate::support::session::{Session, start_in};
use crate::support::window::{TestWindow, Wanted};

fn photograph(path: &Path) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(300, 270, |x, y| {
        image::Rgb([
            (x * 7 % 256) as u8,
            (y * 5 % 256) as u8,
            (x * y % 256) as u8,
        ])
    });
    picture.save(path).unwrap();
    std::fs::read(path).unwrap()
}

fn open(session: &mut Session, path: &Path) -> DocumentId {
    let known = session.editor.documents().len();
    session.editor.apply(Command::OpenFile(path.to_path_buf()));
    session.wait("the picture", |editor| editor.documents().len() > known);
    session.editor.active().unwrap().id()
}

/// A picture with a layer, a mask, settings of its own and two results that are no layers.
fn worked_on(session: &mut Session, path: &Path) -> DocumentId {
    photograph(path);
    let id = open(session, path);
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    let settings = EditSettings {
        prompt: "a red fox".to_owned(),
        ..session.document(id).settings().clone()
    };
    session.editor.apply(Command::SetSettings {
        document: id,
        settings: Box::new(settings),
    });
    for _ in 0..3 {
        session.generate(id);
    }
    let candidate = session.last_candidate(id).id;
    session.editor.apply(Command::AcceptCandidate(candidate));
    id
}

fn save(session: &mut Session, id: DocumentId, command: Command) -> PathBuf {
    session.editor.apply(command);
    session.wait("the save", |editor| {
        !editor.document(id).unwrap().is_being_saved()
    });
    session.document(id).path().unwrap().to_path_buf()
}

fn results(editor: &Editor, id: DocumentId) -> Vec<(EditSettings, bool, Patch)> {
    let all = editor.candidates(id);
    all.map(|c| {
        let settings = EditSettings::clone(&c.settings);
        (
            settings,
            c.accepted_as.is_some(),
            Patch::clone(c.patch().unwrap()),
        )
    })
    .collect()
}

#[test]
fn a_project_opens_as_it_was_left() {
    let mut session = Session::new(vec![]);
    let path = session.path("hopper.jpg");
    let id = worked_on(&mut session, &path);
    let original = std::fs::read(&path).unwrap();
    let before = session.editor.losses(id);
    assert_eq!((before.layers, before.mask, before.results), (1, true, 2));
    let SaveStep::Ask(question) = session.document(id).save_step() else {
        panic!("the original is asked about");
    };
    let place = save(&mut session, id, Command::SaveProject { document: id });
    assert_eq!(place, session.path("hopper.ora"));
    assert_eq!(question.project, place);
    assert_eq!(std::fs::read(&path).unwrap(), original);
    assert_eq!(session.editor.losses(id), Losses::default());
    assert!(!session.editor.has_unsaved_work());
    let (state, settings, made) = (
        session.document(id).document().state().clone(),
        session.document(id).settings().clone(),
        results(&session.editor, id),
    );
    let held = project::read(&place).unwrap().project;
    assert_eq!(held.original.unwrap().bytes, original);

    let Session { editor, folder } = session;
    editor.close();
    let editor = start_in(folder.path(), vec![], Duration::ZERO);
    let mut session = Session { editor, folder };
    let id = open(&mut session, &place);
    assert!(*session.document(id).document().state() == state);
    assert_eq!(*session.document(id).settings(), settings);
    assert!(results(&session.editor, id) == made);
    assert_eq!(session.editor.losses(id), Losses::default());
    // It is ours, so saving asks nothing; a result more is a loss until then.
    session.generate(id);
    assert_eq!(session.editor.losses(id).results, 1);
    assert!(session.editor.needs_saving(session.document(id)));
    assert_eq!(
        session.document(id).save_step(),
        SaveStep::Write(place.clone())
    );
    save(&mut session, id, Command::Save { document: id });
    assert_eq!(session.editor.losses(id), Losses::default());
    let held = project::read(&place).unwrap().project;
    assert_eq!(held.results.len(), 4);
    assert_eq!(held.original.unwrap().bytes, original);
}

#[test]
fn what_only_the_project_holds_is_there_after_a_crash() {
    let mut session = Session::new(vec![]);
    let path = session.path("cat.png");
    let id = worked_on(&mut session, &path);
    let place = save(&mut session, id, Command::SaveProject { document: id });
    let made = results(&session.editor, id);
    session.paint(id, (160.0, 160.0), (120.0, 190.0));
    session.wait("the journal", |editor| {
        editor.document(id).unwrap().is_kept_for_recovery()
    });
    let state = session.document(id).document().state().clone();
    let mut session = after_a_kill(&session);
    session.wait("what was left", |editor| {
        editor.recoverable().next().is_some()
    });
    let left = session.editor.recoverable().next().unwrap().id;
    session.editor.apply(Command::Restore(left));
    session.wait("the document and its results", |editor| {
        let open = editor.active();
        open.is_some_and(|open| editor.candidates(open.id()).all(|it| it.patch().is_some()))
    });
    let id = session.editor.active().unwrap().id();
    assert!(*session.document(id).document().state() == state);
    assert!(results(&session.editor, id) == made);
    save(&mut session, id, Command::Save { document: id });
    let held = project::read(&place).unwrap().project;
    assert!(held.state == state);
    assert_eq!(held.results.len(), 3);
    assert!(held.original.is_some());
}

#[test]
fn what_is_no_project_is_said_and_a_full_name_is_kept() {
    let mut session = Session::new(vec![]);
    let broken = session.path("broken.ora");
    std::fs::write(&broken, b"PK nothing").unwrap();
    session.editor.apply(Command::OpenFile(broken.clone()));
    session.wait("the message", |editor| !editor.notices().is_empty());
    assert_eq!(session.editor.notices()[0].message.key, "project-none");
    // A name that somebody has is left to them.
    let path = session.path("broken.png");
    let id = worked_on(&mut session, &path);
    let place = save(&mut session, id, Command::SaveProject { document: id });
    assert_eq!(place, session.path("broken-2.ora"));
    assert_eq!(std::fs::read(&broken).unwrap(), b"PK nothing");
    // Saved as a picture afterwards, the project stays, and results count as unsaved again.
    let flat = session.path("flat.png");
    let command = Command::SaveAs {
        document: id,
        path: flat.clone(),
        jpeg_quality: None,
    };
    assert_eq!(save(&mut session, id, command), flat);
    assert_eq!(session.editor.losses(id).results, 2);
    assert_eq!(project::read(&place).unwrap().project.results.len(), 3);
}

#[test]
fn the_question_offers_a_project_first() {
    let mut window = TestWindow::open(Wanted::default());
    let path = window.folder.path().join("hopper.png");
    photograph(&path);
    let known = window.editor().documents().len();
    let event = eframe::egui::Event::Paste(path.display().to_string());
    window.harness.event(event);
    window.frames(1);
    window.wait(|editor| editor.documents().len() > known);
    window.drag(&[(0.3, 0.3), (0.5, 0.4)]);
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.wait_for_runs();
    window.harness.key_press(Key::Enter);
    window.frames(3);
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::S);
    window.frames(3);
    assert!(window.harness.query_by_label("Save a copy").is_some());
    window.harness.get_by_label("Save a project").click();
    window.frames(3);
    window.wait(|editor| !editor.active().unwrap().is_being_saved());
    window.frames(2);
    let place = window.folder.path().join("hopper.ora");
    assert_eq!(
        window.editor().active().unwrap().path(),
        Some(place.as_path())
    );
    assert_eq!(project::read(&place).unwrap().project.state.layers.len(), 1);
}
