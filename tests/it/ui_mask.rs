//! When the mask's tint lies over the picture, and what is said when it does not.

use eframe::egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable as _;
use image::RgbaImage;
use overpaint::plan::MaskMode;

use crate::support::window::{TestWindow, Wanted};

const NOTICE: &str = "Mask hidden, but it still applies";

fn is_hidden(window: &TestWindow) -> bool {
    window.harness.query_by_label(NOTICE).is_some()
}

fn key(window: &mut TestWindow, modifiers: Modifiers, key: Key) {
    window.harness.key_press_modifiers(modifiers, key);
    window.frames(3);
}

fn press(window: &mut TestWindow, name: &str) {
    window
        .harness
        .get_by_role_and_label(Role::Button, name)
        .click();
    window.frames(3);
}

/// A window with a painted rectangle and a result for it.
fn with_result() -> TestWindow {
    let mut window = TestWindow::open(Wanted::default());
    press(&mut window, "Close the guide");
    key(&mut window, Modifiers::NONE, Key::R);
    window.drag(&[(0.35, 0.3), (0.65, 0.7)]);
    key(&mut window, Modifiers::COMMAND, Key::Enter);
    window.wait_for_runs();
    window
}

fn with_accepted_result() -> TestWindow {
    let mut window = with_result();
    press(&mut window, "Accept");
    assert!(window.painted() > 0, "the mask is kept");
    assert!(is_hidden(&window), "and that it is not seen is said");
    window
}

#[test]
fn using_the_mask_brings_it_back_over_an_accepted_result() {
    type Way = (&'static str, fn(&mut TestWindow));
    let ways: [Way; 10] = [
        ("a tool by its key", |w| key(w, Modifiers::NONE, Key::L)),
        ("a tool by its button", |w| press(w, "Brush")),
        ("the notice itself", |w| press(w, NOTICE)),
        ("the key of the mask", |w| {
            key(w, Modifiers::COMMAND, Key::H);
        }),
        ("painting", |w| w.drag(&[(0.4, 0.4), (0.5, 0.5)])),
        ("inverting", |w| key(w, Modifiers::NONE, Key::I)),
        ("the mode by its key", |w| key(w, Modifiers::NONE, Key::X)),
        ("undoing as far as the mask", |w| {
            key(w, Modifiers::COMMAND, Key::Z);
            key(w, Modifiers::COMMAND, Key::Z);
            key(w, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
        }),
        ("comparing strengths", |w| {
            key(w, Modifiers::COMMAND | Modifiers::SHIFT, Key::Enter);
            w.wait_for_runs();
            key(w, Modifiers::NONE, Key::Escape);
        }),
        ("the next run", |w| {
            key(w, Modifiers::COMMAND, Key::Enter);
            w.wait_for_runs();
            key(w, Modifiers::NONE, Key::Escape);
        }),
    ];
    for (way, go) in ways {
        let mut window = with_accepted_result();
        go(&mut window);
        assert!(!is_hidden(&window), "{way}");
        // It is back for good: what else is done does not hide it again.
        key(&mut window, Modifiers::COMMAND, Key::Num0);
        assert!(!is_hidden(&window), "{way}, and later");
    }
}

#[test]
fn what_leaves_the_mask_alone_leaves_an_accepted_result_in_sight() {
    let mut window = with_accepted_result();
    key(&mut window, Modifiers::NONE, Key::H);
    key(&mut window, Modifiers::COMMAND, Key::Plus);
    press(&mut window, "Hide layer");
    press(&mut window, "Show layer");
    assert!(is_hidden(&window));
    // Without the layer there is nothing to be looked at; with it there is again.
    for _ in 0..3 {
        key(&mut window, Modifiers::COMMAND, Key::Z);
    }
    assert!(!is_hidden(&window), "the layer is gone");
    key(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert!(is_hidden(&window), "the layer is back");
}

#[test]
fn results_accepted_in_the_comparison_are_seen_as_they_are() {
    let mut window = TestWindow::open(Wanted::default());
    window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
    key(
        &mut window,
        Modifiers::COMMAND | Modifiers::SHIFT,
        Key::Enter,
    );
    window.wait_for_runs();
    press(&mut window, "Strength 0.45");
    assert!(is_hidden(&window));
}

#[test]
fn painting_brings_a_mask_back_that_was_hidden_by_hand() {
    let mut window = TestWindow::open(Wanted::default());
    window.drag(&[(0.4, 0.4), (0.5, 0.5)]);
    key(&mut window, Modifiers::COMMAND, Key::H);
    assert!(is_hidden(&window));
    key(&mut window, Modifiers::NONE, Key::B);
    assert!(is_hidden(&window), "what was hidden by hand stays hidden");
    window.drag(&[(0.5, 0.5), (0.6, 0.4)]);
    assert!(!is_hidden(&window));
}

/// A part of the picture within the mask, as it is drawn.
fn middle(window: &mut TestWindow) -> RgbaImage {
    const HALF: u32 = 60;
    window.harness.remove_cursor();
    window.frames(8);
    let at = window.on_canvas(0.5, 0.5);
    let (x, y) = (at.x as u32 - HALF, at.y as u32 - HALF);
    image::imageops::crop_imm(&window.picture(), x, y, 2 * HALF, 2 * HALF).to_image()
}

/// How far two pictures are apart, in steps of 0 to 255 on average.
fn distance(a: &RgbaImage, b: &RgbaImage) -> f64 {
    let sum: u64 = a
        .iter()
        .zip(b.iter())
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.len() as f64
}

#[test]
fn an_accepted_result_is_drawn_as_it_was_offered() {
    let mut window = with_result();
    let offered = middle(&mut window);
    press(&mut window, "Accept");
    let accepted = middle(&mut window);
    let apart = distance(&offered, &accepted);
    assert!(
        apart < 1.0,
        "the accepted result is {apart:.1} from the offered one"
    );
    key(&mut window, Modifiers::NONE, Key::B);
    let under_mask = middle(&mut window);
    let apart = distance(&accepted, &under_mask);
    assert!(
        apart > 10.0,
        "the mask is seen again, {apart:.1} from the result"
    );
    key(&mut window, Modifiers::COMMAND, Key::H);
    assert_eq!(middle(&mut window), accepted);
    let open = window.editor().active().unwrap();
    assert_eq!(open.settings().mask_mode, MaskMode::Changes);
}
