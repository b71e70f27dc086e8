//! Numbers under the wheel, and what must not be in the way: the guide.

use eframe::egui::{self, Event, Modifiers, MouseWheelUnit, Vec2};
use egui_kittest::kittest::Queryable as _;

use crate::support::window::{TestWindow, Wanted};

fn hover(window: &mut TestWindow, label: &str) {
    let at = window.harness.get_by_label(label).rect().center();
    window.harness.hover_at(at);
    window.frames(1);
}

fn turn_wheel(window: &mut TestWindow, notches: f32) {
    window.harness.event(Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: Vec2::new(0.0, notches),
        modifiers: Modifiers::NONE,
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
    });
    window.frames(1);
}

fn strength(window: &TestWindow) -> f64 {
    let open = window.editor().active().expect("a document");
    open.settings().strength.get()
}

#[test]
fn the_wheel_turns_the_brush_and_a_double_click_resets_it() {
    let mut window = TestWindow::open(Wanted::default());
    assert!(window.harness.query_by_label("26 px").is_some());
    hover(&mut window, "Brush size");
    turn_wheel(&mut window, 1.0);
    window.frames(2);
    assert!(window.harness.query_by_label("29 px").is_some(), "a tenth");
    window.harness.get_by_label("Brush size").click();
    window.harness.get_by_label("Brush size").click();
    window.frames(3);
    assert!(window.harness.query_by_label("26 px").is_some());
}

#[test]
fn who_scrolls_past_a_number_leaves_it_alone() {
    let mut window = TestWindow::open(Wanted::default());
    let number = "Denoising strength as a number";
    let before = strength(&window);
    hover(&mut window, "Avoid");
    turn_wheel(&mut window, -1.0);
    hover(&mut window, number);
    turn_wheel(&mut window, -1.0);
    assert_eq!(strength(&window), before, "the turn began elsewhere");
    // After a rest it is a turn of its own.
    window.frames(20);
    hover(&mut window, number);
    turn_wheel(&mut window, -1.0);
    window.frames(2);
    assert!((strength(&window) - (before - 0.05)).abs() < 1e-9);
}

#[test]
fn the_guide_never_covers_the_picture() {
    for size in [Vec2::new(1280.0, 720.0), Vec2::new(800.0, 520.0)] {
        let mut window = TestWindow::open(Wanted {
            size,
            ..Wanted::default()
        });
        window.frames(3);
        let guide = window.harness.get_by_label("Close the guide").rect();
        let canvas = window.harness.state().canvas();
        assert!(!canvas.intersects(guide), "{size}: {canvas} {guide}");
        assert!(canvas.height() > 150.0, "{size}: {canvas}");
    }
}

#[test]
fn a_right_click_on_a_tab_offers_what_one_does_with_a_picture() {
    let mut window = TestWindow::open(Wanted::default());
    window
        .harness
        .get_by_role_and_label(egui::Role::Label, "Sample portrait")
        .click_secondary();
    window.frames(4);
    assert!(window.harness.query_by_label("Copy picture").is_some());
    window.harness.get_by_label("Close tab").click();
    window.frames(4);
    assert!(window.editor().active().is_none());
}
