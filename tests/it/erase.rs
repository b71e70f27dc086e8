//! Erasing: from the command line, by the editor, and with the tool in the window.

use std::fs;
use std::path::Path;
use std::process::{Command as Process, Output};

use eframe::egui::{Key, accesskit::Role};
use egui_kittest::kittest::Queryable as _;
use overpaint::editor::{Command, Editor};
use overpaint::geometry::{Extent, Rect};
use overpaint::raster::file::{self, MaskChannel, SaveOptions};
use overpaint::raster::{Mask, Picture, Pixmap, Profile, Tiled};
use overpaint::text::{Language, Texts};
use overpaint::ui::Action;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::session::Session;
use crate::support::window::{TestWindow, Wanted};

const EXTENT: Extent = Extent::new(160, 120);
const SPOT: Rect = Rect::new(60, 50, 24, 18);

/// A weave with a red spot where nothing of it is left.
fn spotted(has_spot: bool) -> Picture {
    let mut plane = Tiled::filled(EXTENT, [0u8; 4]);
    plane.update(Rect::of(EXTENT), |at, _| {
        let (across, down) = (at.x.rem_euclid(12), at.y.rem_euclid(10));
        let light = if (across < 6) == (down < 5) { 210 } else { 60 };
        if has_spot && SPOT.contains(at) {
            [255, 0, 0, 255]
        } else {
            [light, light - 3 * across as u8, 20 * down as u8, 255]
        }
    });
    Picture {
        pixels: Pixmap::Rgba8(plane),
        profile: Profile::Srgb,
    }
}

fn grey(mask: &Mask) -> Picture {
    let mut plane = Tiled::filled(EXTENT, [0u8; 4]);
    plane.update(Rect::of(EXTENT), |at, _| {
        let light = mask.get(at.x as u32, at.y as u32).unwrap_or(0);
        [light, light, light, 255]
    });
    Picture {
        pixels: Pixmap::Rgba8(plane),
        profile: Profile::Srgb,
    }
}

/// A folder with the spotted picture, a mask of its spot, an empty mask and a full one.
fn room() -> TempDir {
    let room = tempfile::tempdir().unwrap();
    let write = |name: &str, picture: &Picture| {
        let path = room.path().join(name);
        file::save(&path, picture, &Default::default(), &SaveOptions::default()).unwrap();
    };
    write("in.png", &spotted(true));
    for (name, rect) in [
        ("mask.png", SPOT),
        ("empty.png", Rect::default()),
        ("full.png", Rect::of(EXTENT)),
    ] {
        let mut mask = Tiled::filled(EXTENT, 0);
        mask.update(rect, |_, _| 255);
        write(name, &grey(&mask));
    }
    room
}

fn erase(folder: &Path, args: &[&str]) -> Output {
    Process::new(env!("CARGO_BIN_EXE_overpaint"))
        .current_dir(folder)
        .env("LANG", "C")
        .args(["erase", "in.png"])
        .args(args)
        .output()
        .unwrap()
}

#[test]
fn the_command_erases_and_says_so() {
    let room = room();
    let done = erase(
        room.path(),
        &["--mask", "mask.png", "-o", "out.png", "--json"],
    );
    assert!(done.status.success(), "{done:?}");
    let lines = String::from_utf8(done.stdout).unwrap();
    let last: Json = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "done");
    assert_eq!(last["area"]["width"], SPOT.width);
    let out = file::load(&room.path().join("out.png")).unwrap().picture;
    assert_eq!(out.pixels, spotted(false).pixels, "the weave goes on");
    for threads in ["1", "2"] {
        let name = format!("out-{threads}.png");
        let args = ["--mask", "mask.png", "-o", &name, "--threads", threads];
        assert!(erase(room.path(), &args).status.success());
        let bytes = |name: &str| fs::read(room.path().join(name)).unwrap();
        assert_eq!(bytes(&name), bytes("out.png"), "{threads} threads");
    }
}

#[test]
fn what_cannot_be_erased_is_refused_and_nothing_is_written() {
    let room = room();
    for (args, code, about) in [
        (
            ["--mask", "empty.png", "-o", "out.png"],
            3,
            "Nothing is painted",
        ),
        (["--mask", "full.png", "-o", "out.png"], 3, "Too little"),
        (["--mask", "mask.png", "-o", "out.xyz"], 2, "xyz"),
        (["--mask", "mask.png", "-o", "mask.png"], 2, "mask.png"),
        (["--mask", "mask.png", "-o", "no/out.png"], 5, "out.png"),
        (["--mask", "none.png", "-o", "out.png"], 3, "none.png"),
    ] {
        let refused = erase(room.path(), &args);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(about), "{args:?}: {said}");
        assert!(!room.path().join("out.png").exists());
    }
    let mask = room.path().join("mask.png");
    let kept = file::load_mask(&mask, EXTENT, MaskChannel::default()).unwrap();
    assert_eq!(kept.mask.get(70, 60), Some(255), "the mask is as it was");
}

fn layers(editor: &Editor) -> usize {
    editor
        .active()
        .map_or(0, |open| open.document().layers().len())
}

#[test]
fn what_is_painted_over_with_the_tool_is_gone_and_comes_back() {
    let mut window = TestWindow::open(Wanted::default());
    let name = Texts::of(Language::English)
        .get(Action::Erase.text())
        .into_owned();
    window
        .harness
        .get_by_role_and_label(Role::Button, &name)
        .click();
    window.frames(2);
    let before = window
        .editor()
        .active()
        .unwrap()
        .document()
        .visible()
        .clone();
    window.drag(&[(0.45, 0.45), (0.5, 0.5), (0.55, 0.5)]);
    window.wait(|editor| layers(editor) == 1);
    assert!(window.editor().erasures().is_empty());
    assert_eq!(window.painted(), 0, "the mask is not touched");
    let open = window.editor().active().unwrap();
    assert_ne!(open.document().visible(), &before);
    let layer = open.document().layers()[0].clone();
    assert!(layer.recipe.contains("erased"), "{}", layer.recipe);
    let alpha = layer
        .patch
        .pixels
        .crop_f32(Rect::of(layer.patch.pixels.extent()));
    assert!(alpha.iter().any(|p| p[3] == 1.0) && alpha.iter().any(|p| p[3] == 0.0));
    window
        .harness
        .key_press_modifiers(eframe::egui::Modifiers::COMMAND, Key::Z);
    window.frames(3);
    let open = window.editor().active().unwrap();
    assert_eq!(open.document().visible(), &before);
}

#[test]
fn escape_takes_the_line_back() {
    let mut window = TestWindow::open(Wanted::default());
    window.harness.key_press(Key::J);
    window.frames(2);
    let (from, to) = (window.on_canvas(0.4, 0.4), window.on_canvas(0.6, 0.5));
    window.harness.drag_at(from);
    window.harness.step();
    window.harness.hover_at(to);
    window.harness.step();
    window.harness.key_press(Key::Escape);
    window.harness.step();
    window.harness.drop_at(to);
    window.frames(3);
    assert!(window.editor().erasures().is_empty());
    assert_eq!(layers(window.editor()), 0);
}

#[test]
fn the_editor_gives_the_pixels_that_the_command_gives() {
    let room = room();
    // Something to be found that does not repeat: what is chosen shows in every pixel.
    let mut noisy = spotted(true);
    let Pixmap::Rgba8(plane) = &mut noisy.pixels else {
        panic!("8 bits")
    };
    let mut state = 7_u32;
    plane.update(Rect::of(EXTENT), |_, [r, g, b, a]| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        [r, g ^ (state >> 28) as u8, b, a]
    });
    let path = room.path().join("in.png");
    file::save(&path, &noisy, &Default::default(), &SaveOptions::default()).unwrap();
    let args = ["--mask", "mask.png", "-o", "out.png"];
    assert!(erase(room.path(), &args).status.success());
    let by_command = file::load(&room.path().join("out.png")).unwrap().picture;

    let mut session = Session::new(vec![]);
    session.editor.apply(Command::OpenFile(path));
    session.wait("the picture", |editor| editor.active().is_some());
    let document = session.editor.active().unwrap().id();
    let mask = room.path().join("mask.png");
    session.editor.apply(Command::LoadMask {
        document,
        path: mask,
    });
    session.wait("the mask", |editor| {
        editor.active().unwrap().document().undo_label().is_some()
    });
    session.editor.apply(Command::ErasePainted { document });
    session.wait("the layer", |editor| {
        !editor.active().unwrap().document().layers().is_empty()
    });
    let visible = session.document(document).document().visible().clone();
    assert!(visible.pixels == by_command.pixels);
    assert!(visible.pixels != noisy.pixels);
}
