//! Things done in other orders than one thinks of: while something runs, after something is gone, twice.

use overpaint::editor::{Activity, BatchCommand, Doing, RecipeFrom, Verdict};
use overpaint::engine::Stage;

use super::window::{ONE, Window, out, room_with_recipe};
use super::*;

/// A window whose first picture never ends by itself, in a run that stands at a step of it.
fn running(room: &Path) -> Window {
    let mut window = Window(Session::new(vec![Script::WaitForCancel]));
    window.open_folder(room);
    window.send(BatchCommand::Run);
    window.wait_for_step();
    window
}

impl Window {
    fn wait_for_step(&mut self) {
        self.wait("a step", |batch| {
            let stage = batch.doing().and_then(Doing::stage);
            matches!(stage, Some(Stage::Step { .. }))
        });
    }

    /// Lets a picture that waits for its end begin anew, with whatever comes next.
    fn free(&mut self) {
        self.send(BatchCommand::Hold(true));
        let document = self.0.open();
        self.0.generate(document);
        self.0.wait_for_runs();
        self.send(BatchCommand::Hold(false));
    }

    fn redo(&mut self, picture: usize, strength: f64) {
        self.send(BatchCommand::Redo {
            picture,
            strength: Some(Strength::new(strength).unwrap()),
            other_seed: false,
        });
        self.wait_until_idle();
    }

    fn said(&self, words: &str) -> bool {
        let mut notices = self.0.editor.notices().iter();
        notices.any(|notice| english(&notice.message).contains(words))
    }

    fn file(&self, picture: usize) -> Vec<u8> {
        fs::read(self.batch().result_path(picture).unwrap()).unwrap()
    }
}

fn recipe(room: &Path, name: &str, text: &str) -> BatchCommand {
    let path = room.join(format!("{name}.overpaint-recipe.toml"));
    fs::write(&path, text).unwrap();
    BatchCommand::SetRecipe(RecipeFrom::File(path))
}

#[test]
fn what_an_earlier_recipe_made_is_made_again_once_another_has_written_over_it() {
    let room = room();
    let other = EDIT.replace("a wall", "a forest");
    Run::new(room.path(), EDIT, "out").go();
    let first = results(&room.path().join("out"));
    Run::resumed(room.path(), &other, "out").go();
    assert_ne!(results(&room.path().join("out")), first);
    let back = Run::resumed(room.path(), EDIT, "out").go();
    assert_eq!(of_state(&back, State::Done), 6);
    assert_eq!(results(&room.path().join("out")), first);
    assert_eq!(
        of_state(&Run::resumed(room.path(), EDIT, "out").go(), State::Kept),
        6
    );
}

#[test]
fn a_result_done_again_can_be_brought_back_and_one_that_fails_stays() {
    let room = room_with_recipe();
    let fails = Script::Fail(EngineError::OutOfMemory);
    let scripts = [vec![Script::Paint; 5], vec![fails]].concat();
    let mut window = Window(Session::new(scripts));
    window.open_folder(room.path());
    window.send(BatchCommand::Run);
    window.wait_until_idle();
    let a = window.place("a.png");
    let first = window.file(a);
    window.redo(a, 0.8);
    assert_ne!(window.file(a), first);
    window.redo(a, 0.5);
    assert_eq!(window.file(a), first);
    window.send(BatchCommand::Judge {
        pictures: vec![a],
        verdict: Some(Verdict::Accepted),
    });
    // Nothing is lost where it cannot be done again.
    window.redo(a, 0.7);
    let known = window.batch().pictures()[a].known.clone();
    assert!(known.failure.is_some());
    assert_eq!(known.outputs[0].strength, Some(0.5));
    assert_eq!(known.verdict, Some(Verdict::Accepted));
    assert_eq!(window.file(a), first);
    // What was done otherwise stays when the rest is run.
    window.redo(a, 0.9);
    let otherwise = window.file(a);
    window.send(BatchCommand::Run);
    window.wait_until_idle();
    assert_eq!(window.file(a), otherwise);
}

#[test]
fn another_recipe_stops_the_run_of_the_one_before() {
    let room = room_with_recipe();
    let other = ONE.replace("\"subject\"", "\"background\"");
    Run::new(room.path(), &ONE.replace("a wall", "a forest"), "out").go();
    Run::new(room.path(), &other, "other").go();
    let mut window = running(room.path());
    window.send(BatchCommand::SetPrompt("a forest".to_owned()));
    assert!(window.batch().doing().is_none());
    assert!(window.said("the recipe is another one now"));
    assert_eq!(window.batch().counts().done, 0);
    window.send(BatchCommand::Run);
    window.wait_until_idle();
    assert_eq!(
        results(&out(room.path())),
        results(&room.path().join("out"))
    );
    // What is selected is another part: its masks are not those of the part before.
    window.send(recipe(room.path(), "other", &other));
    window.wait("its masks", |batch| {
        batch.recipe().part() == Some(Part::Background) && batch.is_masked()
    });
    window.wait_until_idle();
    window.send(BatchCommand::Run);
    window.wait_until_idle();
    assert_eq!(
        results(&out(room.path())),
        results(&room.path().join("other"))
    );
}

#[test]
fn a_strength_is_chosen_and_the_folder_closed_while_others_are_tried() {
    let room = room_with_recipe();
    let mut window = Window(Session::new(vec![Script::Paint, Script::WaitForCancel]));
    window.open_folder(room.path());
    let [low, high] = [0.5, 0.8].map(|value| Strength::new(value).unwrap());
    let attempt = || BatchCommand::Try {
        pictures: vec![0],
        strengths: vec![low, high],
    };
    window.send(attempt());
    window.wait("the second one", |batch| {
        let stage = batch.doing().and_then(Doing::stage);
        // 0.8 of 4 steps.
        matches!(stage, Some(Stage::Step { of: 3, .. }))
    });
    window.send(BatchCommand::ChooseStrength(low));
    let activity = window.batch().doing().map(Doing::activity);
    assert_eq!(activity, Some(Activity::Try), "it goes on");
    assert_eq!(window.batch().tries().strengths, [low, high]);
    window.send(BatchCommand::Close);
    assert!(window.0.editor.batch().is_none());
    window.send(BatchCommand::Open {
        folder: room.path().join("in"),
        recipe: RecipeFrom::Folder,
    });
    window
        .0
        .wait("the folder", |editor| editor.batch().is_some());
    let edit = window.batch().recipe().edit.clone().unwrap();
    assert_eq!(edit.strength, Some(low));
    window.send(attempt());
    window.wait_until_idle();
    let tiles = &window.batch().tries().tiles;
    assert!(tiles.len() == 2 && tiles.iter().all(|tile| tile.result.is_ok()));
}

#[test]
fn a_mask_that_comes_back_while_all_are_run_is_what_is_run() {
    let room = room_with_recipe();
    let mut window = running(room.path());
    let a = window.place("a.png");
    window.send(BatchCommand::OpenMask(a));
    let batch_picture = |editor: &overpaint::editor::Editor| {
        let open = editor.active()?;
        editor.batch_picture_of(open.id()).map(|_| open.id())
    };
    window
        .0
        .wait("its mask", |editor| batch_picture(editor).is_some());
    let document = batch_picture(&window.0.editor).unwrap();
    window.0.paint(document, (2.0, 60.0), (8.0, 60.0));
    window.send(BatchCommand::PutBack { document });
    window.wait("the mask", |batch| batch.pictures()[a].known.is_refined);
    window.free();
    window.wait_until_idle();
    assert_eq!(window.batch().counts().done, 3);
    let made = file::load(&window.batch().result_path(a).unwrap()).unwrap();
    let Pixmap::Rgba8(made) = made.picture.pixels else {
        panic!("8 bits")
    };
    assert_eq!(made.get(4, 60), Some([4, 60, 10, 255]), "it stays");
}

#[test]
fn what_is_gone_from_the_disk_is_said_and_the_rest_goes_on() {
    let room = room_with_recipe();
    let mut window = Window::open(room.path());
    let [a, b, c] = ["a.png", "b.jpg", "c.webp"].map(|name| window.place(name));
    fs::remove_file(room.path().join("in/b.jpg")).unwrap();
    window.send(BatchCommand::Run);
    window.wait_until_idle();
    assert_eq!(window.batch().counts().done, 2);
    assert!(window.batch().pictures()[b].known.failure.is_some());
    window.send(BatchCommand::OpenMask(b));
    window.0.wait("why not", |editor| {
        let mut notices = editor.notices().iter();
        notices.any(|notice| english(&notice.message).contains("b.jpg"))
    });
    window.send(BatchCommand::Judge {
        pictures: vec![a, b, c],
        verdict: Some(Verdict::Accepted),
    });
    // The same folder once more, before anything was written: all that was said is known.
    window.send(BatchCommand::Open {
        folder: room.path().join("in"),
        recipe: RecipeFrom::Folder,
    });
    window.wait("the folder", |batch| batch.pictures().len() == 3);
    window.wait_until_idle();
    assert_eq!(window.batch().counts().accepted, 2);
    // One result is gone, and where another should lie there is something else.
    let (a, chosen) = (window.place("a.png"), room.path().join("chosen"));
    fs::remove_file(window.batch().result_path(a).unwrap()).unwrap();
    fs::create_dir(&chosen).unwrap();
    fs::write(chosen.join("c.webp"), "mine").unwrap();
    window.send(BatchCommand::Export(chosen.clone()));
    window.0.wait("the export", |editor| {
        let said = |words: &str| {
            let mut notices = editor.notices().iter();
            notices.any(|notice| english(&notice.message).contains(words))
        };
        said("not there any more: a.png")
    });
    assert_eq!(fs::read(chosen.join("c.webp")).unwrap(), b"mine");
    window.send(BatchCommand::Run);
    window.wait_until_idle();
    assert!(window.batch().result_path(a).unwrap().is_file());
}

#[test]
fn a_folder_that_takes_no_results_ends_the_run_with_a_sentence() {
    let room = room_with_recipe();
    // From the beginning.
    fs::write(out(room.path()), "a file of that name").unwrap();
    let window = Window::open(room.path());
    assert!(!window.0.errors().is_empty());
    drop(window);
    fs::remove_file(out(room.path())).unwrap();
    // In the middle: what is left is not computed for nothing.
    let mut window = running(room.path());
    fs::rename(out(room.path()), room.path().join("away")).unwrap();
    fs::write(out(room.path()), "a file of that name").unwrap();
    window.free();
    window.wait_until_idle();
    assert!(
        window.said("Nothing more can be written"),
        "{:?}",
        window.0.errors()
    );
    assert_eq!(window.batch().counts().done, 0);
    fs::remove_file(out(room.path())).unwrap();
    fs::rename(room.path().join("away"), out(room.path())).unwrap();
    window.send(BatchCommand::Run);
    window.wait_until_idle();
    assert_eq!(window.batch().counts().done, 3);
}
