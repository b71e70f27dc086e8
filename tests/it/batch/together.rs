//! A batch and the editor beside it: one engine, and the editor stays usable.

use overpaint::catalog::Vault;
use overpaint::editor::{BatchCommand, Doing, Editor, Start};
use overpaint::engine::Stage;
use overpaint::engine::fake::FakeDemands;
use overpaint::text::Language;

use super::window::{ONE, Window, out, room_with_recipe};
use super::*;
use crate::support::session::fake_vision;

/// An editor that counts the engines that are made.
fn counting(made: &Arc<AtomicUsize>) -> Session {
    let folder = tempfile::tempdir().unwrap();
    let made = Arc::clone(made);
    let editor = Editor::new(Start {
        engine: Arc::new(move || {
            made.fetch_add(1, Ordering::Relaxed);
            let engine = FakeEngine::default().with_step_time(Duration::from_millis(5));
            Ok(Box::new(engine) as Box<dyn Engine>)
        }),
        demands: Arc::new(|_| Some(Arc::new(FakeDemands))),
        vision: fake_vision(FakeVision::default()),
        language: Language::English,
        vault: Vault::File,
        data_dir: folder.path().to_path_buf(),
        wake: Arc::new(|| {}),
    });
    Session { editor, folder }
}

#[test]
fn edits_tries_and_runs_use_one_engine() {
    let room = room_with_recipe();
    let made = Arc::<AtomicUsize>::default();
    let mut window = Window(counting(&made));
    window.open_folder(room.path());
    let document = window.0.open();
    window.0.generate(document);
    window.send(BatchCommand::Try {
        pictures: Vec::new(),
        strengths: vec![Strength::new(0.5).unwrap()],
    });
    window.wait_until_idle();
    window.send(BatchCommand::Run);
    window.0.generate(document);
    window.wait_until_idle();
    window.0.wait_for_runs();
    assert_eq!(window.batch().counts().done, 3);
    assert_eq!(window.0.editor.candidates(document).count(), 2);
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn a_held_picture_makes_room_for_an_edit_and_is_begun_anew() {
    let room = room_with_recipe();
    Run::new(room.path(), ONE, "out").go();
    // The first picture never ends by itself.
    let mut window = Window(Session::new(vec![Script::WaitForCancel]));
    window.open_folder(room.path());
    window.send(BatchCommand::Run);
    window.wait("a step", |batch| {
        let stage = batch.doing().and_then(Doing::stage);
        matches!(stage, Some(Stage::Step { .. }))
    });
    let document = window.0.open();
    window.send(BatchCommand::Hold(true));
    window.0.generate(document);
    window.0.wait_for_runs();
    assert_eq!(window.0.editor.candidates(document).count(), 1);
    assert!(window.batch().doing().unwrap().is_held());
    assert_eq!(window.batch().counts().done, 0);
    window.send(BatchCommand::Hold(false));
    window.wait_until_idle();
    assert_eq!(
        results(&out(room.path())),
        results(&room.path().join("out"))
    );
    assert_eq!(window.0.errors(), [""; 0]);
}
