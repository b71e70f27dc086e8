//! LoRAs in the window: dropped or chosen, weighed, removed.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Vec2};
use egui_kittest::kittest::Queryable as _;
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
