//! The same in the window: an editor with a folder open as a batch, through all its phases.

use overpaint::bulk::Decision;
use overpaint::document::DocumentId;
use overpaint::editor::{
    Activity, BatchCommand, BatchPhase, Doing, Editor, Look, LookId, LookOf, MaskState, OpenBatch,
    OpenDocument, RecipeFrom, Verdict,
};
use overpaint::plan::Seed;

use super::*;
use crate::support::session::start_in;

/// Two strengths would have two results each; one is what the window chooses.
pub(super) const ONE: &str = "version = 1\n[mask]\nselect = \"subject\"\nmask_mode = \"not-masked\"\n\
                   [edit]\nprompt = \"a wall\"\nstrength = 0.5\nsteps = 4\n";

pub(super) struct Window(pub(super) Session);

impl Window {
    pub(super) fn open(room: &Path) -> Self {
        let mut window = Self(Session::new(Vec::new()));
        window.open_folder(room);
        window
    }

    pub(super) fn open_folder(&mut self, room: &Path) {
        self.send(BatchCommand::Open {
            folder: room.join("in"),
            recipe: RecipeFrom::File(room.join("r.overpaint-recipe.toml")),
        });
        self.0.wait("the folder", |editor| editor.batch().is_some());
        self.wait_until_idle();
    }

    pub(super) fn send(&mut self, command: BatchCommand) {
        self.0.editor.apply(Command::Batch(command));
    }

    pub(super) fn batch(&self) -> &OpenBatch {
        self.0.editor.batch().unwrap()
    }

    pub(super) fn wait(&mut self, what: &str, ready: impl Fn(&OpenBatch) -> bool) {
        self.0
            .wait(what, |editor| editor.batch().is_some_and(&ready));
    }

    pub(super) fn wait_until_idle(&mut self) {
        self.wait("the batch", |batch| batch.doing().is_none());
    }

    pub(super) fn place(&self, name: &str) -> usize {
        let mut names = self.batch().pictures().iter().map(|it| it.source.name());
        names.position(|it| it == name).unwrap()
    }

    fn mask(&self, name: &str) -> &MaskState {
        &self.batch().pictures()[self.place(name)].known.mask
    }
}

/// A folder of three pictures, an empty file and a recipe.
pub(super) fn room_with_recipe() -> TempDir {
    let room = tempfile::tempdir().unwrap();
    fs::create_dir(room.path().join("in")).unwrap();
    for (name, shade) in [("a.png", 10), ("b.jpg", 80), ("c.webp", 160)] {
        let path = room.path().join("in").join(name);
        save(&path, &picture(Extent::new(96, 64), shade));
    }
    fs::write(room.path().join("in/empty.png"), "").unwrap();
    fs::write(room.path().join("r.overpaint-recipe.toml"), ONE).unwrap();
    room
}

pub(super) fn out(room: &Path) -> PathBuf {
    room.join("in/overpaint")
}

fn documents(editor: &Editor) -> Vec<DocumentId> {
    editor.documents().iter().map(OpenDocument::id).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn a_folder_goes_through_all_phases_and_on_where_it_was() {
    let room = room_with_recipe();
    let mut window = Window::open(room.path());
    // Masks are made at once; the file that cannot be read stands first.
    assert!(window.batch().is_masked());
    assert!(matches!(window.mask("empty.png"), MaskState::Failed(_)));
    assert!(matches!(window.mask("a.png"), MaskState::Found(doubt) if doubt.share > 0.2));
    assert_eq!(window.batch().order()[0], window.place("empty.png"));
    let looks = [LookOf::Picture, LookOf::Cutout].map(|of| LookId {
        at: 0,
        of,
        is_large: false,
    });
    window.send(BatchCommand::Look(looks.to_vec()));
    window.wait("looks", |batch| {
        looks
            .iter()
            .all(|id| matches!(batch.look(*id), Look::Tile(_)))
    });
    // One is left out.
    let c = window.place("c.webp");
    window.send(BatchCommand::Decide {
        pictures: vec![c],
        decision: Some(Decision::Skip),
    });
    // Tried at two strengths, one of which is chosen.
    let [low, high] = [0.5, 0.8].map(|value| Strength::new(value).unwrap());
    window.send(BatchCommand::Try {
        pictures: Vec::new(),
        strengths: vec![high, low],
    });
    window.wait_until_idle();
    let tiles = &window.batch().tries().tiles;
    let tried: Vec<_> = tiles
        .iter()
        .map(|it| (it.picture.as_str(), it.strength))
        .collect();
    let wanted = [
        ("a.png", 0.5),
        ("a.png", 0.8),
        ("b.jpg", 0.5),
        ("b.jpg", 0.8),
    ];
    assert_eq!(tried, wanted.map(|(name, strength)| (name, Some(strength))));
    assert!(tiles.iter().all(|tile| tile.result.is_ok()), "{tiles:?}");
    assert!(
        !out(room.path()).join("a.png").exists(),
        "tries lie elsewhere"
    );
    window.send(BatchCommand::ChooseStrength(high));
    // Run, while a picture is edited.
    let document = window.0.open();
    window.send(BatchCommand::Run);
    assert_eq!(
        window.batch().doing().map(Doing::activity),
        Some(Activity::Run)
    );
    window.0.generate(document);
    window.wait_until_idle();
    assert_eq!(window.batch().phase(), BatchPhase::Review);
    let counts = window.batch().counts();
    assert_eq!((counts.done, counts.failed, counts.skipped), (2, 1, 1));
    let names: Vec<_> = results(&out(room.path())).into_keys().collect();
    assert_eq!(names, ["a.png", "b.jpg"].map(PathBuf::from));
    // Once more from another seed: another picture under the same name.
    let a = window.place("a.png");
    let before = fs::read(out(room.path()).join("a.png")).unwrap();
    window.send(BatchCommand::Redo {
        picture: a,
        strength: None,
        other_seed: true,
    });
    window.wait_until_idle();
    let redone = fs::read(out(room.path()).join("a.png")).unwrap();
    assert_ne!(before, redone);
    let known = window.batch().pictures()[a].known.clone();
    assert_eq!(known.outputs[0].strength, Some(0.8));
    assert_eq!(known.outputs[0].seed.map(Seed), known.redone.unwrap().seed);
    window.send(BatchCommand::Judge {
        pictures: vec![a],
        verdict: Some(Verdict::Accepted),
    });
    window.send(BatchCommand::Export(room.path().join("chosen")));
    let exported = room.path().join("chosen/a.png");
    window.0.wait("the export", |_| exported.is_file());
    // The program ends and begins again: nothing is forgotten, and nothing is done twice.
    let Window(session) = window;
    let Session { editor, folder } = session;
    let known = editor.batch().unwrap().pictures().to_vec();
    editor.close();
    let mut again = Window(Session {
        editor: start_in(folder.path(), Vec::new(), Duration::ZERO),
        folder,
    });
    again.send(BatchCommand::Open {
        folder: room.path().join("in"),
        recipe: RecipeFrom::Folder,
    });
    again
        .0
        .wait("the folder", |editor| editor.batch().is_some());
    assert_eq!(again.batch().pictures(), known);
    assert_eq!(again.batch().phase(), BatchPhase::Review);
    let edit = again.batch().recipe().edit.clone().unwrap();
    assert_eq!(edit.strength, Some(high));
    again.send(BatchCommand::Run);
    again.wait_until_idle();
    assert_eq!(fs::read(out(room.path()).join("a.png")).unwrap(), redone);
    assert_eq!(
        again.batch().pictures()[a].known.outputs,
        known[a].known.outputs
    );
}

#[test]
fn a_refined_mask_comes_back_and_is_what_is_run() {
    let room = room_with_recipe();
    let mut window = Window::open(room.path());
    let a = window.place("a.png");
    window.send(BatchCommand::OpenMask(a));
    window
        .0
        .wait("the picture", |editor| editor.active().is_some());
    let document = documents(&window.0.editor)[0];
    let open = window.0.document(document);
    assert_eq!(open.settings().mask_mode, MaskMode::Stays);
    assert_eq!(open.document().mask().get(48, 32), Some(255));
    assert_eq!(open.document().mask().get(4, 60), Some(0));
    assert_eq!(
        window
            .0
            .editor
            .batch_picture_of(document)
            .map(|it| it.source.name()),
        Some("a.png".to_owned())
    );
    // The left lower corner stays too.
    window.0.paint(document, (2.0, 60.0), (8.0, 60.0));
    window.send(BatchCommand::PutBack { document });
    window.0.wait("its end", |editor| editor.active().is_none());
    let known = &window.batch().pictures()[a].known;
    assert!(known.is_refined);
    assert_eq!(known.decision, Some(Decision::Accept));
    window.send(BatchCommand::Run);
    window.wait_until_idle();
    let made = file::load(&out(room.path()).join("a.png")).unwrap().picture;
    let Pixmap::Rgba8(made) = made.pixels else {
        panic!("8 bits")
    };
    assert_eq!(made.get(4, 60), Some([4, 60, 10, 255]), "it stays");
    assert_ne!(made.get(4, 4), Some([4, 4, 10, 255]));
}

#[test]
fn the_window_and_the_command_line_give_the_same_bytes() {
    let room = room_with_recipe();
    Run::new(room.path(), ONE, "out").go();
    let mut window = Window::open(room.path());
    window.send(BatchCommand::Run);
    window.wait_until_idle();
    let by_window = results(&out(room.path()));
    assert_eq!(by_window.len(), 3);
    assert_eq!(by_window, results(&room.path().join("out")));
}

#[test]
fn a_batch_is_held_stopped_and_gone_on_with() {
    let room = room_with_recipe();
    let slow = Duration::from_millis(20);
    let mut window = Window(Session::with_step_time(Vec::new(), slow));
    window.open_folder(room.path());
    window.send(BatchCommand::Run);
    window.send(BatchCommand::Hold(true));
    let held = window.batch().doing().unwrap().progress();
    std::thread::sleep(Duration::from_millis(150));
    window.0.editor.poll();
    let doing = window.batch().doing().unwrap();
    assert!(doing.is_held());
    // What was settled without the engine, or was nearly done, may still come.
    assert!(doing.progress().0 <= held.0 + 2 && doing.progress().0 < held.1);
    window.send(BatchCommand::Hold(false));
    window.wait("a first result", |batch| batch.counts().done > 0);
    window.send(BatchCommand::Stop);
    window.wait_until_idle();
    window.send(BatchCommand::Run);
    window.wait_until_idle();
    assert_eq!(window.batch().counts().done, 3);
    assert_eq!(results(&out(room.path())).len(), 3);
}
