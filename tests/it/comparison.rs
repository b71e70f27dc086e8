//! Several strengths side by side: with the real engine, that each is what it would be alone; in the
//! window, that the one between two can be had and that the sheet can be written.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{Event, Key, Modifiers, Role, Vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use overpaint::catalog::{self, ModelRef, Vault};
use overpaint::editor::{Command, Editor, RunState, Start};
use overpaint::engine::Engine;
use overpaint::engine::diffusion::{DiffusionEngine, EngineOptions};
use overpaint::engine::fake::FakeVision;
use overpaint::geometry::Extent;
use overpaint::jobs::{Unwatched, run_edit};
use overpaint::plan::{EditRequest, EditSettings, Steps, Strength};
use overpaint::text::Language;

use crate::support::session::{Session, fake_vision, pixels};
use crate::support::window::{TestWindow, Wanted};

fn strength(value: f64) -> Strength {
    Strength::new(value).unwrap()
}

fn real_engine() -> Box<dyn Engine> {
    Box::new(DiffusionEngine::new(EngineOptions::default()).unwrap())
}

#[test]
fn each_tile_of_the_real_engine_is_what_it_would_be_alone() {
    let folder = tempfile::tempdir().unwrap();
    let editor = Editor::new(Start {
        engine: Arc::new(|| Ok(real_engine())),
        demands: Arc::new(|_| None),
        vision: fake_vision(FakeVision::default()),
        language: Language::English,
        vault: Vault::File,
        data_dir: folder.path().to_path_buf(),
        wake: Arc::new(|| {}),
    });
    let mut session = Session { editor, folder };
    session.editor.apply(Command::OpenPixels {
        title: None,
        pixels: pixels(Extent::new(96, 80)),
    });
    let id = session.editor.active().unwrap().id();
    let settings = EditSettings {
        prompt: "cat".to_owned(),
        steps: Steps::new(4).unwrap(),
        ..session.document(id).settings().clone()
    };
    session.editor.apply(Command::SetSettings {
        document: id,
        settings: Box::new(settings),
    });
    session.paint(id, (20.0, 40.0), (70.0, 40.0));
    // From 0.9 on the region is filled, which is another picture to encode.
    let (low, high) = (strength(0.3), strength(0.8));
    session.editor.apply(Command::CompareStrengths {
        document: id,
        strengths: vec![low, high],
    });
    let comparison = session.editor.comparisons(id).next().unwrap().id;
    session.editor.apply(Command::AddBetween {
        comparison,
        lower: low,
        upper: high,
    });
    session.wait_for(Duration::from_mins(4), "the runs", |editor| {
        editor.runs().iter().all(|run| run.state.is_ended())
    });
    let entries = session
        .editor
        .comparison(comparison)
        .unwrap()
        .entries
        .clone();
    let values: Vec<f64> = entries.iter().map(|(value, _)| value.get()).collect();
    assert_eq!(values, [0.3, 0.55, 0.8]);
    let card = catalog::open(&ModelRef::BuiltIn).unwrap();
    let (mut texts, mut pictures) = (0, 0);
    for (strength, job) in entries {
        let RunState::Finished(tile) = session.state_of(job) else {
            panic!("{:?}", session.errors())
        };
        let tile = session.editor.candidate(tile).unwrap();
        let document = session.document(id).document();
        let alone = EditRequest {
            model: ModelRef::BuiltIn,
            traits: card.traits.clone(),
            source: document.visible().clone(),
            mask_kind: overpaint::raster::MaskKind::Strength,
            painted: Some(document.mask().clone()),
            settings: EditSettings {
                strength,
                ..EditSettings::clone(&tile.settings)
            },
        };
        // An engine that has never run anything.
        let result = run_edit(real_engine().as_mut(), &alone, &mut Unwatched).unwrap();
        assert!(
            result.patch == **tile.patch().unwrap(),
            "strength {}",
            strength.get()
        );
        texts += tile.report.text_encodes;
        pictures += tile.report.picture_encodes;
    }
    let single = run_encodes(&session);
    assert_eq!((texts, pictures), (single, 1), "encoded once for all tiles");
}

/// How often the text encoder runs for the first tile: once for each prompt.
fn run_encodes(session: &Session) -> u32 {
    let id = session.editor.active().unwrap().id();
    let first = session.editor.candidates(id).next().unwrap();
    first.report.text_encodes
}

#[test]
fn the_strength_between_two_is_added_and_the_sheet_is_written() {
    let mut window = TestWindow::open(Wanted::default());
    let compare = Modifiers::COMMAND | Modifiers::SHIFT;
    window.harness.key_press_modifiers(compare, Key::Enter);
    window.frames(3);
    window.wait_for_runs();
    window
        .harness
        .get_by_label("Add the strength between 0.30 and 0.45")
        .click();
    window.frames(3);
    window.wait(|editor| editor.runs().len() == 6);
    window.wait_for_runs();
    let tiles = window.harness.query_all_by_role(Role::Button);
    let tiles: Vec<String> = tiles
        .filter_map(|node| node.accesskit_node().label())
        .filter(|label| label.starts_with("Strength "))
        .collect();
    assert_eq!(tiles.len(), 6);
    // 0.375 as people write it.
    assert!(tiles.contains(&"Strength 0.38".to_owned()), "{tiles:?}");
    window.harness.get_by_label("Export the sheet…").click();
    window.frames(4);
    let path = window.folder.path().join("sheet.png");
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::A);
    let text = path.display().to_string();
    window.harness.event(Event::Text(text));
    window.frames(2);
    window.harness.key_press(Key::Enter);
    window.frames(2);
    window.wait(|_| path.is_file());
    let sheet = image::open(&path).unwrap().to_rgb8();
    // The original and six results in four columns and two rows, each with its label below.
    let sample = window.editor().active().unwrap().document().extent();
    let aspect = |width: u32, height: u32| f64::from(width) / f64::from(height);
    let close = aspect(sheet.width(), sheet.height()) / aspect(4 * sample.width, 2 * sample.height);
    assert!((0.85..1.15).contains(&close), "{close}");
    let ink = |from: u32, to: u32| {
        let rows = from..to;
        let dark = |y: &u32| (0..sheet.width()).any(|x| sheet.get_pixel(x, *y).0[0] < 80);
        rows.filter(dark).count()
    };
    assert!(
        ink(sheet.height() - 34, sheet.height() - 2) >= 8,
        "the labels of the last row"
    );
}

#[test]
fn the_smallest_window_keeps_what_is_at_the_end_of_a_line() {
    let mut window = TestWindow::open(Wanted {
        size: Vec2::new(800.0, 520.0),
        ..Wanted::default()
    });
    let rect = |window: &TestWindow, role: Role, name: &str| {
        let node = window.harness.get_by_role_and_label(role, name);
        node.rect()
    };
    let undo = rect(&window, Role::Button, "Undo");
    for name in ["Close Sample portrait", "Open…"] {
        let found = rect(&window, Role::Button, name);
        assert!(found.right() <= undo.left(), "“{name}” lies at {found:?}");
    }
    let keys = Modifiers::COMMAND | Modifiers::SHIFT;
    window.harness.key_press_modifiers(keys, Key::Enter);
    window.frames(2);
    window.wait_for_runs();
    let canvas = window.harness.state().canvas();
    for (role, name) in [
        (Role::Button, "Back to the picture"),
        (Role::TextInput, "Strengths"),
        (Role::Button, "Export the sheet…"),
    ] {
        let found = rect(&window, role, name);
        assert!(canvas.contains_rect(found), "“{name}” lies at {found:?}");
    }
    let between = "Add the strength between 0.30 and 0.45";
    let between = rect(&window, Role::Button, between);
    let next = rect(&window, Role::Button, "Strength 0.45");
    assert!(between.right() <= next.left(), "{between:?} and {next:?}");
    // What does not fit is said shorter instead of being cut.
    let steps = rect(&window, Role::Label, "6/20");
    assert!(steps.right() <= between.left(), "{steps:?}");
}

#[test]
fn the_original_stands_first_and_cannot_be_accepted() {
    let mut window = TestWindow::open(Wanted::default());
    let keys = Modifiers::COMMAND | Modifiers::SHIFT;
    window.harness.key_press_modifiers(keys, Key::Enter);
    window.frames(3);
    window.wait_for_runs();
    let original = window
        .harness
        .get_by_role_and_label(Role::Image, "Original");
    let original = original.rect();
    let tiles = window.harness.query_all_by_role(Role::Button);
    let tiles: Vec<_> = tiles
        .filter(|node| {
            let label = node.accesskit_node().label().unwrap_or_default();
            label.starts_with("Strength ")
        })
        .map(|node| node.rect())
        .collect();
    assert_eq!(tiles.len(), 5);
    for tile in &tiles {
        assert!((tile.size() - original.size()).length() < 1.0, "{tile:?}");
        let after = tile.top() > original.top() || tile.left() >= original.right();
        assert!(after, "{tile:?} and {original:?}");
    }
    let layers = |window: &TestWindow| {
        let open = window.editor().active().unwrap();
        open.document().layers().len()
    };
    let press = |window: &mut TestWindow, at| {
        window.harness.hover_at(at);
        window.frames(1);
        window.harness.drag_at(at);
        window.harness.drop_at(at);
        window.frames(3);
    };
    press(&mut window, original.center());
    assert_eq!(layers(&window), 0);
    let sheet = |window: &TestWindow| {
        let tile = window
            .harness
            .query_by_role_and_label(Role::Image, "Original");
        tile.is_some()
    };
    assert!(sheet(&window), "a press on it leaves everything as it is");
    press(&mut window, tiles[4].center());
    assert_eq!(layers(&window), 1);
    assert!(!sheet(&window));
    // Come back to, it still shows what all of them began with, and not what was accepted.
    let source = window
        .editor()
        .comparisons(window.editor().active().unwrap().id());
    let source = source.last().unwrap().source().clone();
    let open = window.editor().active().unwrap();
    assert!(source == *open.document().base());
    assert!(source != *open.document().visible());
}
