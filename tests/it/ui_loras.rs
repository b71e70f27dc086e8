//! LoRAs in the window: dropped or chosen, weighed, removed.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Vec2};
use egui_kittest::kittest::Queryable as _;
use overpaint::catalog::PredictionType;
use overpaint::editor::Editor;
use overpaint::plan::LoraUse;

use crate::support::window::{TestWindow, Wanted};
use crate::ui_panel::model_without_words;
use crate::ui_stranger::Dropped;

fn lora(name: &str) -> PathBuf {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/data/loras");
    data.join(format!("{name}.safetensors"))
}

fn used(editor: &Editor) -> Vec<(String, f64)> {
    let settings = editor.active().unwrap().settings();
    let of = |used: &LoraUse| (used.lora.name(), used.weight.get());
    settings.loras.iter().map(of).collect()
}

#[test]
fn loras_are_dropped_weighed_and_removed() {
    let model = model_without_words();
    let mut window = TestWindow::open(Wanted {
        model: Some(model.path().to_path_buf()),
        size: Vec2::new(1280.0, 1600.0),
        ..Wanted::default()
    });
    window.harness.get_by_label("More").click();
    window.frames(4);
    // What is there already stays as it is.
    for name in ["kohya", "kohya", "peft"] {
        window.harness.input_mut().dropped_files = vec![Arc::new(Dropped(lora(name)))];
        window.frames(1);
        window.harness.input_mut().dropped_files.clear();
        window.wait(|editor| used(editor).iter().any(|(used, _)| used == name));
    }
    window.wait(|editor| used(editor).len() == 2);
    let wanted = [("kohya".to_owned(), 1.0), ("peft".to_owned(), 1.0)];
    assert_eq!(used(window.editor()), wanted);
    window.frames(3);
    let weight = window
        .harness
        .get_by_role_and_label(Role::Slider, "Weight of kohya");
    weight.focus();
    window.frames(2);
    for _ in 0..10 {
        window.harness.key_press(Key::ArrowLeft);
        window.frames(1);
    }
    assert!((used(window.editor())[0].1 - 0.5).abs() < 1e-9);
    window.harness.get_by_label("Remove peft").click();
    window.frames(4);
    assert_eq!(used(window.editor()).len(), 1);
}

/// A checkpoint of SD 1 in original names, small and of zeros.
fn checkpoint(folder: &std::path::Path, name: &str) -> PathBuf {
    use std::collections::BTreeMap;
    use std::io::Read as _;
    #[derive(serde::Deserialize)]
    struct Small {
        shapes: BTreeMap<String, Vec<usize>>,
    }
    let names = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/data/checkpoint_names.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(names).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let small: Small = {
        let mut all: BTreeMap<String, Small> = serde_json::from_str(&text).unwrap();
        all.remove("sd1").unwrap()
    };
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, shape) in small.shapes {
        let next = end + 2 * shape.iter().product::<usize>();
        let place =
            serde_json::json!({"dtype": "F16", "shape": shape, "data_offsets": [end, next]});
        header.insert(name, place);
        end = next;
    }
    let header = serde_json::Value::Object(header).to_string();
    let path = folder.join(format!("{name}.safetensors"));
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len((bytes.len() + end) as u64).unwrap();
    path
}

#[test]
fn what_shapes_cannot_tell_is_said_and_changed_in_the_list_of_models() {
    let folder = tempfile::tempdir().unwrap();
    let path = checkpoint(folder.path(), "paper-lcm");
    let mut window = TestWindow::open(Wanted {
        size: Vec2::new(1280.0, 1000.0),
        ..Wanted::default()
    });
    window.harness.input_mut().dropped_files = vec![Arc::new(Dropped(path.clone()))];
    window.frames(1);
    window.harness.input_mut().dropped_files.clear();
    let name = |editor: &Editor| editor.model_card().map(|card| card.name.clone());
    window.wait(|editor| name(editor).as_deref() == Some("paper-lcm"));
    window.frames(3);
    // First in the panel, with what it is below.
    let below = window
        .harness
        .get_by_label_contains("SD 1.x · LCM · 512 px");
    let model = window
        .harness
        .get_by_role_and_label(Role::ComboBox, "Model");
    assert!(model.rect().bottom() <= below.rect().top());
    model.click();
    window.frames(4);
    let has =
        |window: &TestWindow, words: &str| window.harness.query_by_label_contains(words).is_some();
    assert!(has(&window, "Made for (by its name: a guess)"));
    assert!(has(&window, "What it predicts (usual in its family)"));
    window.harness.get_by_label("Show in folder");
    let press = |window: &mut TestWindow, chip: &str| {
        window
            .harness
            .get_by_role_and_label(Role::Button, chip)
            .click();
        window.frames(3);
    };
    let traits = |editor: &Editor| editor.model_card().unwrap().traits.clone();
    press(&mut window, "velocity (v)");
    window.wait(|editor| traits(editor).prediction_type == PredictionType::VPrediction);
    press(&mut window, "all steps");
    window.wait(|editor| !traits(editor).few_steps);
    let steps = window.editor().active().unwrap().settings().steps.get();
    assert_eq!(steps, 25, "what such a model begins with");
    press(&mut window, "768");
    window.wait(|editor| traits(editor).native_px == 768);
    window.frames(3);
    assert!(has(&window, "Trained on pictures of (chosen by you)"));
    // Pressed again it is left to the file.
    press(&mut window, "768");
    window.wait(|editor| traits(editor).native_px == 512);
    // All of it is remembered for the file.
    let moved = folder.path().join("renamed.safetensors");
    std::fs::rename(path, &moved).unwrap();
    window.harness.key_press(Key::Escape);
    window.frames(3);
    window.harness.input_mut().dropped_files = vec![Arc::new(Dropped(moved))];
    window.frames(1);
    window.harness.input_mut().dropped_files.clear();
    window.wait(|editor| name(editor).as_deref() == Some("renamed"));
    let now = traits(window.editor());
    assert_eq!(now.prediction_type, PredictionType::VPrediction);
    assert!(!now.few_steps);
}

#[test]
fn the_built_in_model_is_offered_no_loras() {
    let mut window = TestWindow::open(Wanted {
        size: Vec2::new(1280.0, 1600.0),
        ..Wanted::default()
    });
    window.harness.get_by_label("More").click();
    window.frames(4);
    let offered = window
        .harness
        .query_by_role_and_label(Role::ComboBox, "Add…");
    assert!(offered.is_none());
}
