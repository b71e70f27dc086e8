//! Projects: what is saved as one opens as it was left, and nothing in it is lost on the way.

use std::path::Path;
use std::time::Duration;

use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use overpaint::document::DocumentId;
use overpaint::editor::{Command, Editor, Losses, SaveStep};
use overpaint::geometry::{Extent, Rect};
use overpaint::plan::EditSettings;
use overpaint::project;
use overpaint::raster::{Patch, Pixmap, Tiled};
use proptest::prelude::*;

use crate::recovery::{after_a_kill, command};
use crate::support::files::{add_layer, open, photograph, save};
use crate::support::session::{Session, seeded, start_in};
use crate::support::window::{TestWindow, Wanted};

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
    for _ in 0..2 {
        session.generate(id);
    }
    add_layer(session, id);
    id
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
        open.is_some_and(|open| {
            let read = editor
                .candidates(open.id())
                .filter(|it| it.patch().is_some());
            read.count() == made.len()
        })
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

proptest! {
    #![proptest_config(seeded(10))]

    /// Whatever was done, what is saved opens as it was, and saved again, with parts taken over from
    /// the file before, it still does.
    #[test]
    fn any_session_opens_as_it_was_saved(
        acts in prop::collection::vec((0..24u8, 0..300u32, 0..270u32), 1..30),
        more in prop::collection::vec((0..24u8, 0..300u32, 0..270u32), 1..8),
    ) {
        let mut session = Session::new(vec![]);
        let id = session.open();
        let path = session.path("any.ora");
        for acts in [acts, more] {
            for act in acts {
                let command = command(&session.editor, id, act);
                session.editor.apply(command);
            }
            session.wait_for_runs();
            let command = Command::SaveAs { document: id, path: path.clone(), jpeg_quality: None };
            // An act may have been refused with a word, such as a result for another canvas.
            let said = session.errors();
            save(&mut session, id, command);
            prop_assert_eq!(session.errors(), said);
            let mut other = Session::new(vec![]);
            let opened = open(&mut other, &path);
            let (saved, found) = (session.document(id), other.document(opened));
            prop_assert!(saved.document().state() == found.document().state());
            prop_assert!(saved.document().visible() == found.document().visible());
            prop_assert_eq!(saved.settings(), found.settings());
            prop_assert!(results(&session.editor, id) == results(&other.editor, opened));
            prop_assert_eq!(other.editor.losses(opened), Losses::default());
        }
    }
}

/// Where a file may not grow beyond a size, as where a disk is full; by hand with a small disk of its own:
/// `mount -t tmpfs -o size=1m none DIR` and `OVERPAINT_TEST_FULL_DISK=DIR`.
#[test]
#[ignore = "the session that the other test starts where files may not grow"]
fn a_session_on_a_full_disk() {
    let Some(folder) = std::env::var_os("OVERPAINT_TEST_FULL_DISK") else {
        return;
    };
    let mut session = Session::new(vec![]);
    let path = Path::new(&folder).join("cat.png");
    let id = worked_on(&mut session, &path);
    let place = save(&mut session, id, Command::SaveProject { document: id });
    assert!(said_errors(&session).is_empty(), "{:?}", session.errors());
    let before = std::fs::read(&place).unwrap();
    let mut saves = 0;
    // Layers of the whole picture, until it is full.
    session.editor.apply(Command::ClearMask { document: id });
    while said_errors(&session).is_empty() {
        add_layer(&mut session, id);
        save(&mut session, id, Command::Save { document: id });
        saves += 1;
        assert!(saves < 100, "it never became full");
    }
    println!(
        "full after {saves} saves of {} layers: {:?}",
        saves + 1,
        session.errors()
    );
    assert!(session.editor.needs_saving(session.document(id)));
    // The last save that went well.
    let left = project::read(&place).unwrap();
    assert!(left.written.is_some());
    assert_eq!(left.project.state.layers.len(), saves);
    assert!(saves == 1 || std::fs::read(&place).unwrap() != before);
    let names = std::fs::read_dir(&folder).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        ["cat.ora", "cat.png"],
        "nothing half written is left"
    );
}

fn said_errors(session: &Session) -> Vec<String> {
    let notices = session.editor.notices().iter();
    let errors = notices.filter(|notice| notice.message.key == "picture-unwritable");
    errors
        .map(|it| overpaint::text::english(&it.message))
        .collect()
}

#[test]
#[cfg(unix)]
fn a_full_disk_leaves_the_last_save_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    // The signal of a file that grows too large is ignored, so that writing fails as on a full disk.
    let script = "trap '' XFSZ; ulimit -f 1400; exec \"$@\"";
    let session = "projects::a_session_on_a_full_disk";
    let ran = std::process::Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", session, "--ignored", "--nocapture"])
        .env("OVERPAINT_TEST_FULL_DISK", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success() && said.contains("full after"),
        "{said}"
    );
}

/// A folder that takes no files even from the system's owner; by hand another one, such as one of a
/// file system that was mounted read-only: `OVERPAINT_TEST_READ_ONLY=DIR`.
#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_takes_no_files_is_said_and_nothing_is_lost() {
    let folder = std::env::var_os("OVERPAINT_TEST_READ_ONLY");
    let folder = folder.map_or_else(|| "/sys/kernel".into(), std::path::PathBuf::from);
    let mut session = Session::new(vec![]);
    let path = session.path("cat.png");
    let id = worked_on(&mut session, &path);
    let command = Command::SaveAs {
        document: id,
        path: folder.join("cat.ora"),
        jpeg_quality: None,
    };
    let place = save(&mut session, id, command);
    let errors = session.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    println!("{errors:?}");
    assert_eq!(place, path, "it is where it was");
    assert_eq!(session.editor.losses(id).layers, 1);
    let place = save(&mut session, id, Command::SaveProject { document: id });
    assert_eq!(place, session.path("cat.ora"));
    assert_eq!(session.editor.losses(id), Losses::default());
}

#[test]
fn projects_of_other_programs_open_as_their_layers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/projects");
    for (name, opacity) in [("pyora.ora", 128), ("krita.ora", 127)] {
        let opened = project::read(&folder.join(name)).unwrap();
        assert_eq!(opened.notes, [], "{name}");
        assert!(opened.written.is_none(), "it is not ours to write over");
        let state = opened.project.state;
        let whole = Extent::new(48, 32);
        let paper = Pixmap::Rgba8(Tiled::filled(whole, [10, 200, 30, 255]));
        assert!(state.base.pixels == paper, "{name}");
        let [ink] = state.layers.as_slice() else {
            panic!("{name}: {:?}", state.layers);
        };
        assert_eq!((ink.name.as_str(), ink.opacity), ("ink", opacity), "{name}");
        assert_eq!(ink.patch.rect, Rect::new(7, 9, 12, 8), "{name}");
        let drawn = Pixmap::Rgba8(Tiled::filled(Extent::new(12, 8), [200, 10, 30, 128]));
        assert!(ink.patch.pixels == drawn, "{name}");
    }
}
