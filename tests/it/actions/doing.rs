//! What is done before an action, and what is answered when it asks.

use std::path::PathBuf;

use eframe::egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable as _;

use super::Stage;
use crate::support::window::TestWindow;

/// Runs the model `count` times; the last result is shown.
pub(super) fn make_results(window: &mut TestWindow, count: usize) {
    for _ in 0..count {
        window
            .harness
            .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
        window.frames(2);
        window.wait_for_runs();
    }
}

/// Runs the model once and accepts what it gave.
pub(super) fn make_layer(stage: &mut Stage) {
    make_results(&mut stage.window, 1);
    stage.keys(Modifiers::NONE, Key::Enter);
}

pub(super) fn paint(stage: &mut Stage) {
    stage.window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
}

/// Generates with two prompts and writes a third.
pub(super) fn use_prompts(stage: &mut Stage) {
    for text in ["first", "second", "third"] {
        let field = stage.window.harness.get_by(|node| {
            node.role() == Role::MultilineTextInput
                && node.label().as_deref() == Some("What should be there?")
        });
        field.click();
        stage.frames(2);
        stage.keys(Modifiers::COMMAND, Key::A);
        stage.write(text);
        if text != "third" {
            make_results(&mut stage.window, 1);
        }
    }
}

/// A white picture in the window's folder, of the size of the sample.
pub(super) fn write_picture(window: &TestWindow, name: &str) {
    let extent = window.editor().active().unwrap().document().extent();
    let white = image::RgbImage::from_pixel(extent.width, extent.height, image::Rgb([255; 3]));
    white.save(path(window, name)).unwrap();
}

pub(super) fn path(window: &TestWindow, name: &str) -> PathBuf {
    window.folder.path().join(name)
}

/// Writes a path into the field that asks for one.
pub(super) fn say_path(stage: &mut Stage, name: &str) {
    let path = path(&stage.window, name).display().to_string();
    stage.frames(2);
    stage.keys(Modifiers::COMMAND, Key::A);
    stage.write(&path);
    stage.keys(Modifiers::NONE, Key::Enter);
}

pub(super) fn wait_for_file(stage: &mut Stage, name: &str) {
    let path = path(&stage.window, name);
    stage.window.wait(|_| path.is_file());
}
