//! The guide waits for what it asks for, and speaks of what is in the picture.

use eframe::egui::{Event, Key, Modifiers, Pos2, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use overpaint::plan::MaskMode;

use crate::support::window::{TestWindow, Wanted};

const STEPS: [&str; 4] = ["Paint", "Say", "Generate", "And the other way round"];
/// Frames of some three seconds: longer than the guide waits for one to rest.
const LONG: usize = 100;

fn step(window: &TestWindow) -> usize {
    let of = |number: usize| format!("Step {number} of {}", STEPS.len());
    let shown = (1..=STEPS.len()).find(|number| {
        let name = of(*number);
        let mut found = window.harness.query_all_by_label(&name);
        found.next().is_some()
    });
    shown.expect("the guide is open")
}

fn says(window: &TestWindow, part: &str) -> bool {
    let mut found = window.harness.query_all_by_label_contains(part);
    found.next().is_some()
}

fn offers(window: &TestWindow, prompt: &str) -> bool {
    // The same words may stand among the chips of the prompt, at the right.
    let canvas = window.harness.state().canvas();
    let mut found = window.harness.query_all_by_label(prompt);
    found.any(|node| node.rect().right() < canvas.right() && node.rect().top() > canvas.bottom())
}

fn press(window: &mut TestWindow, name: &str) {
    window
        .harness
        .get_by_role_and_label(Role::Button, name)
        .click();
    window.frames(3);
}

fn next_waits(window: &TestWindow) -> bool {
    let next = window.harness.get_by_role_and_label(Role::Button, "Next");
    next.accesskit_node().is_disabled()
}

/// Paints a rectangle of the picture, by its pixels.
fn paint(window: &mut TestWindow, (left, top): (f32, f32), (right, bottom): (f32, f32)) {
    window.harness.key_press(Key::R);
    window.frames(2);
    let zoom = window.harness.get_by(|node| {
        let label = node.label().unwrap_or_default();
        label.starts_with("Zoom ") && label.ends_with('%')
    });
    let label = zoom.accesskit_node().label().unwrap_or_default();
    let percent = label.trim_start_matches("Zoom ").trim_end_matches(" %");
    let scale: f32 = percent.parse::<f32>().expect("a number") / 100.0;
    let extent = window
        .editor()
        .active()
        .expect("a picture")
        .document()
        .extent();
    let canvas = window.harness.state().canvas();
    let half = (extent.width as f32 / 2.0, extent.height as f32 / 2.0);
    let share = |x: f32, y: f32| {
        // A picture that is seen whole lies below a row of chips.
        let middle = canvas.center() + eframe::egui::vec2(0.0, 10.0);
        let at = middle + scale * eframe::egui::vec2(x - half.0, y - half.1);
        (
            (at.x - canvas.left()) / canvas.width(),
            (at.y - canvas.top()) / canvas.height(),
        )
    };
    window.drag(&[share(left, top), share(right, bottom)]);
}

fn paint_person(window: &mut TestWindow) {
    paint(window, (110.0, 95.0), (410.0, 508.0));
}

fn mode(window: &TestWindow) -> MaskMode {
    window.editor().active().unwrap().settings().mask_mode
}

#[test]
fn no_step_is_skipped() {
    let mut window = TestWindow::open(Wanted::default());
    window.frames(LONG);
    assert_eq!(step(&window), 1, "nothing is painted");
    assert!(next_waits(&window));
    let next = window.harness.get_by_role_and_label(Role::Button, "Next");
    let at: Pos2 = next.rect().center();
    window.harness.hover_at(at);
    window.harness.drag_at(at);
    window.harness.drop_at(at);
    window.frames(3);
    assert_eq!(step(&window), 1);
    paint_person(&mut window);
    assert!(!next_waits(&window));
    window.frames(LONG);
    assert_eq!(step(&window), 2, "it goes on by itself");
    assert!(next_waits(&window), "nothing is described");
    press(&mut window, "Back");
    window.frames(LONG);
    assert_eq!(step(&window), 1, "who goes back stays there");
    press(&mut window, "Next");
    press(&mut window, "blue turtleneck");
    window.frames(LONG);
    assert_eq!(step(&window), 3);
    assert!(next_waits(&window), "there is no result");
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::D);
    window.frames(LONG);
    assert_eq!(step(&window), 1, "nothing is painted any more");
    paint_person(&mut window);
    window.frames(2 * LONG);
    assert_eq!(step(&window), 3, "what was described still is");
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.wait_for_runs();
    window.frames(3);
    assert_eq!(step(&window), 4);
}

#[test]
fn it_speaks_of_what_is_painted_in_the_sample() {
    let mut window = TestWindow::open(Wanted::default());
    assert!(says(&window, "Paint over the person"));
    // The red top.
    paint(&mut window, (190.0, 445.0), (325.0, 505.0));
    press(&mut window, "Next");
    assert!(offers(&window, "blue turtleneck") && !offers(&window, "in the city at night"));
    // All of the person, who is to stay.
    paint_person(&mut window);
    window.harness.key_press(Key::X);
    window.frames(3);
    assert_eq!(mode(&window), MaskMode::Stays);
    assert!(offers(&window, "in the city at night") && !offers(&window, "blue turtleneck"));
    assert!(says(&window, "what should be around it"));
    press(&mut window, "in the city at night");
    press(&mut window, "Next");
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.wait_for_runs();
    window.frames(3);
    assert_eq!(step(&window), 4);
    assert!(says(&window, "the red top") && offers(&window, "blue turtleneck"));
}

#[test]
fn it_knows_nothing_of_pictures_of_ones_own() {
    let mut window = TestWindow::open(Wanted::default());
    let path = window.folder.path().join("boat.png");
    let picture = image::RgbImage::from_pixel(600, 400, image::Rgb([90; 3]));
    picture.save(&path).unwrap();
    window
        .harness
        .event(Event::Paste(path.display().to_string()));
    window.frames(1);
    window.wait(|editor| editor.documents().len() == 2);
    assert!(!says(&window, "the city behind") && says(&window, "a person or a thing"));
    paint(&mut window, (100.0, 100.0), (300.0, 300.0));
    press(&mut window, "Next");
    for prompt in [
        "blue turtleneck",
        "black curly hair",
        "in the city at night",
    ] {
        assert!(!offers(&window, prompt), "{prompt}");
    }
    window.harness.key_press(Key::X);
    window.frames(3);
    assert!(offers(&window, "in the forest"), "suits whatever stays");
    // The sample in front again, the guide speaks of it.
    let sample = window
        .harness
        .get_by_role_and_label(Role::Label, "Sample portrait");
    sample.click();
    window.frames(LONG);
    assert_eq!(step(&window), 1, "nothing is painted there");
    assert!(says(&window, "the city behind"));
}
