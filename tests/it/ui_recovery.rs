//! What an earlier session has left, as the window offers it.

use eframe::egui::{Key, Pos2, Role, Vec2};
use egui_kittest::kittest::Queryable as _;
use overpaint::editor::Thumbnail;
use overpaint::text::Language;

use crate::support::window::{TestWindow, Wanted};

const LEFT: [(&str, [u8; 3]); 2] = [
    ("kitchen.png", [200, 30, 30]),
    ("garden.png", [30, 160, 30]),
];

fn offered(language: Language) -> TestWindow {
    let mut window = TestWindow::open(Wanted {
        left_behind: LEFT.to_vec(),
        size: Vec2::new(640.0, 480.0),
        language,
        ..Wanted::default()
    });
    window.wait(|editor| {
        let is_read = |it: &Thumbnail| matches!(it, Thumbnail::Picture(_));
        editor.recoverable().count() == LEFT.len()
            && editor.recoverable().all(|left| is_read(&left.thumbnail))
    });
    window
}

fn is_offered(window: &TestWindow) -> bool {
    let mut titles = window.harness.query_all_by_label("Your work is still here");
    titles.next().is_some()
}

#[test]
fn what_was_left_is_shown_and_restored_at_once() {
    let mut window = offered(Language::English);
    let picture = window.picture();
    for (title, [r, g, b]) in LEFT {
        let place = window
            .harness
            .get_by_role_and_label(Role::Image, title)
            .rect()
            .center();
        let image::Rgba(seen) = *picture.get_pixel(place.x as u32, place.y as u32);
        assert_eq!(seen, [r, g, b, 255], "{title}");
    }
    // Beside it is no answer.
    window.harness.hover_at(Pos2::new(20.0, 440.0));
    window.harness.drag_at(Pos2::new(20.0, 440.0));
    window.harness.drop_at(Pos2::new(20.0, 440.0));
    window.frames(4);
    assert!(is_offered(&window));
    window.harness.get_by_label("Restore all").click();
    window.frames(2);
    window.wait(|editor| editor.documents().len() == 1 + LEFT.len());
    assert!(!is_offered(&window));
    assert_eq!(window.editor().recoverable().count(), 0);
    for (title, _) in LEFT {
        let mut open = window.editor().documents().iter();
        assert!(open.any(|open| open.title() == title && open.document().is_unsaved()));
    }
}

#[test]
fn what_was_put_off_is_found_in_the_menu() {
    let mut window = offered(Language::English);
    window.harness.get_by_label("Decide later").click();
    window.frames(4);
    assert!(!is_offered(&window));
    window.harness.get_by_label("Menu").click();
    window.frames(4);
    window
        .harness
        .get_by(|node| {
            node.label()
                .is_some_and(|label| label.starts_with("Restore"))
        })
        .click();
    window.frames(4);
    assert!(is_offered(&window));
    window.harness.key_press(Key::Escape);
    window.frames(4);
    assert_eq!(window.editor().recoverable().count(), LEFT.len());
}
