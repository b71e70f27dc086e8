//! Batches: a folder, a recipe, and what is left of them when something breaks or is killed.

mod command_line;
mod engines;
mod orders;
mod reviewing;
mod served;
mod together;
mod turns;
mod window;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use overpaint::bulk::{BulkRecipe, Journal, PromptTable, Prompts, ReportRow, State, Work, list};
use overpaint::catalog::{ModelRef, open};
use overpaint::editor::Command;
use overpaint::engine::fake::{FakeEngine, FakeVision, Script};
use overpaint::engine::{Engine, EngineError, Progress, Vision};
use overpaint::geometry::{Extent, Rect};
use overpaint::jobs::{
    Batch, BatchResult, EngineFactory, PictureTold, Review, VisionFactory, run_batch,
};
use overpaint::plan::{EditSettings, MaskMode, Steps, Strength};
use overpaint::raster::file::{self, SaveOptions};
use overpaint::raster::{Picture, Pixmap, Profile, RgbF32, Tiled};
use overpaint::select::{Combination, Face, Part, SubjectMap};
use overpaint::text::english;
use tempfile::TempDir;

use crate::support::session::Session;

fn picture(extent: Extent, shade: u8) -> Picture {
    let mut plane = Tiled::filled(extent, [0u8; 4]);
    plane.update(Rect::of(extent), |at, _| {
        [at.x as u8, at.y as u8, shade, 255]
    });
    Picture {
        pixels: Pixmap::Rgba8(plane),
        profile: Profile::Srgb,
    }
}

fn save(path: &Path, picture: &Picture) {
    file::save(path, picture, &Default::default(), &SaveOptions::default()).unwrap();
}

/// A folder `in` with some pictures, some of them no pictures.
fn room() -> TempDir {
    let room = tempfile::tempdir().unwrap();
    let inside = room.path().join("in");
    fs::create_dir_all(inside.join("sub")).unwrap();
    for (name, shade) in [("a.png", 10), ("b.jpg", 80), ("sub/c.webp", 160)] {
        save(&inside.join(name), &picture(Extent::new(96, 64), shade));
    }
    fs::write(inside.join("empty.png"), "").unwrap();
    fs::write(inside.join("words.jpg"), "no picture").unwrap();
    let whole = fs::read(inside.join("a.png")).unwrap();
    fs::write(inside.join("torn.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(inside.join("notes.txt"), "x").unwrap();
    room
}

const EDIT: &str = "version = 1\n[mask]\nselect = \"subject\"\nmask_mode = \"not-masked\"\n\
                    [edit]\nprompt = \"a wall\"\nstrengths = [0.5, 0.8]\nsteps = 4\n";

/// Counts its looks, and sees nobody in what is darkest.
struct CountingVision {
    looks: Arc<AtomicUsize>,
    sees: fn(&RgbF32) -> bool,
    breaks: BreakingVision,
}

impl Vision for CountingVision {
    fn subject(
        &mut self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<SubjectMap, EngineError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let mut map = self.breaks.subject(picture, progress)?;
        if !(self.sees)(picture) {
            map.likelihood.fill(0.0);
        }
        Ok(map)
    }

    fn faces(
        &mut self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<Vec<Face>, EngineError> {
        FakeVision::default().faces(picture, progress)
    }
}

struct Run<'a> {
    room: &'a Path,
    recipe: String,
    out: &'a str,
    is_resumed: bool,
    prompts: Prompts,
    review: Option<Review>,
    masks_only: bool,
    scripts: Vec<Script>,
    looks: Arc<AtomicUsize>,
    sees: fn(&RgbF32) -> bool,
    stop_after: Option<usize>,
    breaks: fn(&RgbF32) -> bool,
    /// Engines beside this machine, and what they do.
    others: Vec<(&'static str, Vec<Script>)>,
    /// Whether this machine takes part where others do.
    is_here: bool,
    step_time: Duration,
}

impl<'a> Run<'a> {
    fn new(room: &'a Path, recipe: &str, out: &'a str) -> Self {
        Self {
            room,
            recipe: recipe.to_owned(),
            out,
            is_resumed: false,
            prompts: Prompts::Recipe,
            review: None,
            masks_only: false,
            scripts: Vec::new(),
            looks: Arc::default(),
            sees: |_| true,
            stop_after: None,
            breaks: |_| false,
            others: Vec::new(),
            is_here: true,
            step_time: Duration::ZERO,
        }
    }

    fn resumed(room: &'a Path, recipe: &str, out: &'a str) -> Self {
        Self {
            is_resumed: true,
            ..Self::new(room, recipe, out)
        }
    }

    fn go(self) -> BatchResult {
        let recipe = BulkRecipe::parse(&self.recipe).unwrap();
        let card = open(&ModelRef::BuiltIn).unwrap();
        let model = recipe.model().map(|_| (&card, "identity".to_owned()));
        let work = Work::new(recipe, self.room.to_owned(), self.prompts, model).unwrap();
        let (work, others) = engines::with_others(work, &self.others, self.is_here);
        let listing = list(&[self.room.join("in")], true, &[]).unwrap();
        let journal = Journal::open(&self.room.join(self.out), self.is_resumed).unwrap();
        let (looks, sees, breaks) = (self.looks, self.sees, self.breaks);
        let vision: VisionFactory = Arc::new(move || {
            let looks = Arc::clone(&looks);
            let breaks = BreakingVision(breaks);
            Ok(Box::new(CountingVision {
                looks,
                sees,
                breaks,
            }) as Box<dyn Vision>)
        });
        let batch = Batch {
            work: &work,
            sources: &listing.sources,
            journal: &journal,
            sight_identity: "fake",
            review: self.review,
            ahead: 1,
            masks_only: self.masks_only,
            is_redo: false,
            say: &english,
            watcher: None,
        };
        let (stop, told) = (AtomicBool::new(false), AtomicUsize::new(0));
        let tell = |_: &PictureTold<'_>| {
            let count = told.fetch_add(1, Ordering::Relaxed) + 1;
            if Some(count) == self.stop_after {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let scripts = self.scripts;
        let step_time = self.step_time;
        let engine: EngineFactory = Arc::new(move || {
            let engine = FakeEngine::scripted(scripts.clone()).with_step_time(step_time);
            Ok(Box::new(engine) as Box<dyn Engine>)
        });
        let here = self.is_here.then_some(engine);
        let engines: Vec<EngineFactory> = here.into_iter().chain(others).collect();
        run_batch(&batch, &engines, &vision, &stop, &tell).unwrap()
    }
}

/// Every result by name.
fn results(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![out.to_owned()];
    while let Some(folder) = folders.pop() {
        // A batch that was killed at once has made none.
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.ends_with(".overpaint-batch") || path.ends_with("report.csv") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(out).unwrap().to_owned();
                all.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    all
}

fn states(result: &BatchResult) -> Vec<(String, Option<State>)> {
    let rows = result.rows.iter();
    rows.map(|row| (format!("{}>{}", row.picture, row.output), row.state))
        .collect()
}

fn row<'a>(result: &'a BatchResult, picture: &str) -> &'a ReportRow {
    let found = result.rows.iter().find(|row| row.picture == picture);
    found.unwrap_or_else(|| panic!("{picture}: {:?}", states(result)))
}

fn of_state(result: &BatchResult, state: State) -> usize {
    result
        .rows
        .iter()
        .filter(|row| row.state == Some(state))
        .count()
}

#[test]
fn every_picture_is_made_and_broken_ones_stop_nothing() {
    let room = room();
    let result = Run::new(room.path(), EDIT, "out").go();
    let names: Vec<_> = results(&room.path().join("out")).into_keys().collect();
    let wanted = [
        "a-0.5.png",
        "a-0.8.png",
        "b-0.5.jpg",
        "b-0.8.jpg",
        "sub/c-0.5.webp",
        "sub/c-0.8.webp",
    ];
    assert_eq!(names, wanted.map(PathBuf::from));
    for broken in ["empty.png", "torn.png", "words.jpg"] {
        let row = row(&result, broken);
        assert_eq!(row.state, Some(State::Failed), "{broken}");
        assert!(row.message.contains(broken), "{}", row.message);
    }
    assert_eq!(of_state(&result, State::Done), 6);
    let a = row(&result, "a.png");
    assert_eq!((a.prompt.as_str(), a.strength), ("a wall", Some(0.5)));
    assert!((0.2..0.3).contains(&a.share.unwrap()));
    // The subject stays as it is.
    let made = file::load(&room.path().join("out/a-0.8.png"))
        .unwrap()
        .picture;
    let Pixmap::Rgba8(made) = made.pixels else {
        panic!("8 bits")
    };
    assert_eq!(made.get(48, 32), Some([48, 32, 10, 255]));
    assert_ne!(made.get(5, 5), Some([5, 5, 10, 255]));
}

#[test]
fn going_on_does_nothing_twice_and_gives_the_same_bytes() {
    let room = room();
    let whole = Run::new(room.path(), EDIT, "whole");
    let whole_looks = Arc::clone(&whole.looks);
    whole.go();
    assert_eq!(whole_looks.load(Ordering::Relaxed), 3);
    let mut first = Run::new(room.path(), EDIT, "parts");
    first.stop_after = Some(1);
    let first = first.go();
    assert!(of_state(&first, State::Done) < 6);
    let second = Run::resumed(room.path(), EDIT, "parts");
    let second_looks = Arc::clone(&second.looks);
    let second = second.go();
    assert_eq!(
        of_state(&second, State::Done) + of_state(&second, State::Kept),
        6
    );
    assert!(second_looks.load(Ordering::Relaxed) <= 2);
    let third = Run::resumed(room.path(), EDIT, "parts").go();
    assert_eq!(
        (of_state(&third, State::Done), of_state(&third, State::Kept)),
        (0, 6)
    );
    let parts = results(&room.path().join("parts"));
    assert_eq!(parts, results(&room.path().join("whole")));
    // What was removed is made again, and only that.
    fs::remove_file(room.path().join("parts/b-0.5.jpg")).unwrap();
    let fourth = Run::resumed(room.path(), EDIT, "parts").go();
    assert_eq!(
        (
            of_state(&fourth, State::Done),
            of_state(&fourth, State::Kept)
        ),
        (1, 5)
    );
    assert_eq!(results(&room.path().join("parts")), parts);
}

#[test]
fn a_changed_recipe_redoes_what_it_changes_and_keeps_masks() {
    let room = room();
    Run::new(room.path(), EDIT, "out").go();
    let before = results(&room.path().join("out"));
    let changed = Run::resumed(room.path(), &EDIT.replace("a wall", "a door"), "out");
    let looks = Arc::clone(&changed.looks);
    let changed = changed.go();
    assert_eq!(
        (
            of_state(&changed, State::Done),
            looks.load(Ordering::Relaxed)
        ),
        (6, 0)
    );
    let after = results(&room.path().join("out"));
    assert!(
        before.keys().eq(after.keys()) && before.values().zip(after.values()).all(|(a, b)| a != b)
    );
    // A strength more: the others are kept.
    let more = EDIT.replace("[0.5, 0.8]", "[0.5, 0.8, 0.9]");
    let more = Run::resumed(room.path(), &more.replace("a wall", "a door"), "out").go();
    assert_eq!(
        (of_state(&more, State::Done), of_state(&more, State::Kept)),
        (3, 6)
    );
}

/// Breaks down over the pictures that it is told.
struct BreakingVision(fn(&RgbF32) -> bool);

impl Vision for BreakingVision {
    fn subject(
        &mut self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<SubjectMap, EngineError> {
        assert!(!(self.0)(picture), "a network that breaks down");
        FakeVision::default().subject(picture, progress)
    }

    fn faces(
        &mut self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<Vec<Face>, EngineError> {
        FakeVision::default().faces(picture, progress)
    }
}

#[test]
fn a_panic_fails_one_picture() {
    let room = room();
    let mut run = Run::new(room.path(), EDIT, "out");
    run.scripts = vec![Script::Panic];
    let result = run.go();
    // The engine is made anew after each, and panics again.
    assert_eq!(of_state(&result, State::Failed), 6 + 3);
    assert!(
        row(&result, "a.png")
            .message
            .contains("the script says panic")
    );
    let mut run = Run::resumed(room.path(), EDIT, "out");
    run.breaks = |picture| picture.pixels[0][2] > 0.5;
    let result = run.go();
    assert_eq!(of_state(&result, State::Done), 6, "masks were kept");
    let mut run = Run::new(room.path(), EDIT, "other");
    run.breaks = |picture| picture.pixels[0][2] > 0.5;
    let result = run.go();
    let broken = row(&result, "sub/c.webp");
    assert_eq!(broken.state, Some(State::Failed));
    assert!(broken.message.contains("a network that breaks down"));
    assert_eq!(of_state(&result, State::Done), 4);
}

#[test]
fn a_failing_engine_fails_one_result() {
    let room = room();
    let mut run = Run::new(room.path(), EDIT, "out");
    run.scripts = vec![Script::Paint, Script::Fail(EngineError::OutOfMemory)];
    let result = run.go();
    let failed = result
        .rows
        .iter()
        .find(|row| row.state == Some(State::Failed) && row.picture == "a.png");
    assert_eq!(failed.map(|row| row.output.as_str()), Some("a-0.8.png"));
    assert_eq!(of_state(&result, State::Done), 5);
    let again = Run::resumed(room.path(), EDIT, "out").go();
    assert_eq!(
        (of_state(&again, State::Done), of_state(&again, State::Kept)),
        (1, 5)
    );
}

#[test]
fn a_picture_without_a_subject_wants_a_look_and_is_not_run() {
    let room = room();
    let mut run = Run::new(room.path(), EDIT, "out");
    // Of shade 10, 80 and 160 only the last is a picture of somebody.
    run.sees = |picture| picture.pixels.iter().all(|[_, _, blue]| *blue > 0.4);
    let result = run.go();
    assert_eq!(row(&result, "a.png").state, Some(State::Look));
    assert_eq!(of_state(&result, State::Look), 2);
    assert_eq!(results(&room.path().join("out")).len(), 2);
    // It is known: nobody looks again.
    let again = Run::resumed(room.path(), EDIT, "out");
    let looks = Arc::clone(&again.looks);
    assert_eq!(of_state(&again.go(), State::Look), 2);
    assert_eq!(looks.load(Ordering::Relaxed), 0);
}

#[test]
fn nothing_is_written_over_pictures_or_over_files_of_others() {
    let room = room();
    let one = EDIT.replace("strengths = [0.5, 0.8]", "strength = 0.5");
    fs::create_dir(room.path().join("out")).unwrap();
    fs::write(room.path().join("out/b.jpg"), "theirs").unwrap();
    let result = Run::new(room.path(), &one, "out").go();
    assert_eq!(row(&result, "b.jpg").state, Some(State::Failed));
    assert_eq!(fs::read(room.path().join("out/b.jpg")).unwrap(), b"theirs");
    assert_eq!(row(&result, "a.png").state, Some(State::Done));
    let before = results(&room.path().join("in"));
    let result = Run::new(room.path(), &one, "in").go();
    assert_eq!(of_state(&result, State::Done), 0);
    assert_eq!(results(&room.path().join("in")), before);
    // Two pictures of one name.
    let twin = room.path().join("in/a.webp");
    save(&twin, &picture(Extent::new(96, 64), 1));
    let png = format!("{one}[output]\nformat = \"png\"\n");
    let result = Run::new(room.path(), &png, "third").go();
    assert_eq!(row(&result, "a.webp").state, Some(State::Failed));
    assert!(row(&result, "a.webp").message.contains("{from}"));
}

#[test]
fn a_table_gives_each_picture_its_own_prompt() {
    let room = room();
    let recipe = "version = 1\n[edit]\nprompts = \"p.csv\"\nprompt = \"{prompt} in {colour}\"\nstrength = 0.5\n\
                  steps = 4\n[edit.lists]\ncolour = [\"red\", \"blue\"]\n";
    let mut run = Run::new(room.path(), recipe, "out");
    let table = "picture,prompt\na.png,a cat\nsub/c.webp,a dog\n";
    run.prompts = Prompts::Table(PromptTable::parse(table.as_bytes(), Path::new("p.csv")).unwrap());
    let result = run.go();
    let prompts: Vec<&str> = result
        .rows
        .iter()
        .filter(|row| row.state == Some(State::Done))
        .map(|row| row.prompt.as_str())
        .collect();
    assert_eq!(
        prompts,
        [
            "a cat in blue",
            "a cat in red",
            "a dog in blue",
            "a dog in red"
        ]
    );
    assert_eq!(row(&result, "b.jpg").state, Some(State::Failed));
    assert!(room.path().join("out/a-red.png").is_file());
}

#[test]
fn metadata_is_written_as_by_an_edit() {
    let room = room();
    Run::new(room.path(), EDIT, "out").go();
    let origin = file::load(&room.path().join("out/a-0.5.png"))
        .unwrap()
        .origin;
    let text = origin.text(file::PARAMETERS_KEYWORD).unwrap();
    assert!(
        text.starts_with("a wall") && text.contains("Denoising strength: 0.5"),
        "{text}"
    );
    Run::new(
        room.path(),
        &format!("{EDIT}[output]\nmetadata = false\n"),
        "bare",
    )
    .go();
    let origin = file::load(&room.path().join("bare/a-0.5.png"))
        .unwrap()
        .origin;
    assert_eq!(origin.text(file::PARAMETERS_KEYWORD), None);
}

/// The fuzz target of the recipe's parser, as far as it runs with the tests: no text makes it panic, and
/// what it takes it writes and takes again.
#[test]
fn any_bytes_are_a_recipe_or_an_error() {
    let mut runner = proptest::test_runner::TestRunner::default();
    let pieces = proptest::sample::select(vec![
        "version = 1\n",
        "[mask]\n",
        "[edit]\n",
        "[erase]\n",
        "[output]\n",
        "[edit.lists]\n",
        "select = \"hair\"\n",
        "mask = \"{stem}.png\"\n",
        "prompt = \"{a}\"\n",
        "a = [\"b\"]\n",
        "strength = 1e400\n",
        "strengths = [0.5]\n",
        "grow = \"5%\"\n",
        "seed = 99999999999999999999\n",
        "name = \"{\"\n",
        "quality = 300\n",
        "\u{0}",
        "é = ",
        "[[",
        "'''",
    ]);
    let texts = proptest::collection::vec(pieces, 0..12);
    let checked = runner.run(&texts, |pieces| {
        let text = pieces.concat();
        match BulkRecipe::parse(&text) {
            Ok(recipe) => {
                let again = BulkRecipe::parse(&recipe.text().unwrap());
                proptest::prop_assert_eq!(again, Ok(recipe));
            }
            Err(error) => proptest::prop_assert!(!error.to_string().is_empty()),
        }
        Ok(())
    });
    checked.unwrap();
}

/// “Save as recipe” of an accepted layer, followed for that picture, gives the very file of the window.
#[test]
fn the_recipe_of_a_layer_makes_the_same_file() {
    let room = tempfile::tempdir().unwrap();
    let input = room.path().join("in/a.png");
    fs::create_dir(room.path().join("in")).unwrap();
    save(&input, &picture(Extent::new(300, 200), 40));
    let mut session = Session::new(Vec::new());
    session.editor.apply(Command::OpenFile(input));
    session.wait("the picture", |editor| editor.active().is_some());
    let document = session.editor.active().unwrap().id();
    session.editor.apply(Command::Select {
        document,
        part: Part::Subject,
        how: Combination::Replace,
    });
    session.wait("the selection", |editor| {
        editor.selecting(document).is_none()
    });
    let settings = EditSettings {
        prompt: "a {brick} wall".to_owned(),
        strength: Strength::new(0.65).unwrap(),
        steps: Steps::new(6).unwrap(),
        mask_mode: MaskMode::Stays,
        ..session.document(document).settings().clone()
    };
    session.editor.apply(Command::SetSettings {
        document,
        settings: Box::new(settings),
    });
    session.generate(document);
    session.wait_for_runs();
    let candidate = session.last_candidate(document);
    session.editor.apply(Command::AcceptCandidate(candidate.id));
    let layer = session.document(document).document().layers()[0].id;
    let (exported, recipe) = (room.path().join("window.png"), room.path().join("r.toml"));
    session.editor.apply(Command::Export {
        document,
        path: exported.clone(),
        jpeg_quality: None,
    });
    session.editor.apply(Command::SaveRecipe {
        document,
        layer: Some(layer),
        path: recipe.clone(),
    });
    session.wait("both files", |_| exported.is_file() && recipe.is_file());
    let recipe = fs::read_to_string(recipe).unwrap();
    let result = Run::new(room.path(), &recipe, "out").go();
    assert_eq!(of_state(&result, State::Done), 1, "{:?}", states(&result));
    let made = fs::read(room.path().join("out/a.png")).unwrap();
    assert_eq!(made, fs::read(exported).unwrap());
}
