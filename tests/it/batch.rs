//! Batches: a folder, a recipe, and what is left of them when something breaks or is killed.

mod command_line;
mod engines;
mod faults;
mod orders;
mod recipes;
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
