//! The window without a picture: recent files with what they look like.

use eframe::egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable as _;
use overpaint::editor::Thumbnail;

use crate::support::window::{TestWindow, Wanted};

#[test]
fn recent_files_show_what_they_look_like_and_which_are_gone() {
    let mut window = TestWindow::open(Wanted::default());
    let (red, gone) = (
        window.folder.path().join("red.png"),
        window.folder.path().join("gone.png"),
    );
    for path in [&red, &gone] {
        let picture = image::RgbImage::from_pixel(80, 60, image::Rgb([200, 30, 30]));
        picture.save(path).unwrap();
        window.open_file(path);
    }
    std::fs::remove_file(&gone).unwrap();
    while !window.editor().documents().is_empty() {
        let known = window.editor().documents().len();
        window
            .harness
            .key_press_modifiers(Modifiers::COMMAND, Key::W);
        window.frames(2);
        window.wait(|editor| editor.documents().len() < known);
    }
    window.wait(|editor| {
        matches!(editor.thumbnail_of_file(&red), Thumbnail::Picture(_))
            && *editor.thumbnail_of_file(&gone) == Thumbnail::Missing
    });
    window.frames(2);
    let picture = window.picture();
    let card = |window: &TestWindow, name: &str| {
        let node = window.harness.get_by_role_and_label(Role::Button, name);
        node.rect()
    };
    let of = |name: &str| {
        let place = card(&window, name);
        // Above the words.
        let (x, y) = (place.center().x, place.top() + place.height() / 4.0);
        let image::Rgba(seen) = *picture.get_pixel(x as u32, y as u32);
        seen
    };
    assert_eq!(of("red.png"), [200, 30, 30, 255]);
    assert_ne!(of("gone.png"), [200, 30, 30, 255]);
    let said = "This file is not there any more";
    assert!(window.harness.query_by_label(said).is_some());
    window
        .harness
        .get_by_role_and_label(Role::Button, "red.png")
        .click();
    window.frames(2);
    window.wait(|editor| editor.documents().len() == 1);
}
