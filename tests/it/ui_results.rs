//! Results and layers in the window, by role and label.

use eframe::egui::{
    Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, Role, TouchPhase,
    Vec2,
};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use overpaint::editor::CandidateId;

use crate::support::window::{TestWindow, Wanted};

fn press(window: &mut TestWindow, name: &str) {
    window.harness.get_by_label(name).click();
    window.frames(3);
}

fn key(window: &mut TestWindow, modifiers: Modifiers, key: Key) {
    window.harness.key_press_modifiers(modifiers, key);
    window.frames(3);
}

/// The small pictures of results from left to right.
fn strip(window: &TestWindow) -> Vec<Pos2> {
    let all = window.harness.query_all_by_role(Role::Button);
    let of_result = |node: &egui_kittest::Node<'_>| {
        let label = node.accesskit_node().label().unwrap_or_default();
        label.contains("· seed ") && label.contains("strength")
    };
    let mut places: Vec<Pos2> = all.filter(of_result).map(|it| it.rect().center()).collect();
    places.sort_by(|a, b| a.x.total_cmp(&b.x));
    places
}

fn click(window: &mut TestWindow, at: Pos2, (button, modifiers): (PointerButton, Modifiers)) {
    window.harness.hover_at(at);
    window.frames(1);
    for pressed in [true, false] {
        window.harness.event_modifiers(
            Event::PointerButton {
                pos: at,
                button,
                pressed,
                modifiers,
            },
            modifiers,
        );
        window.frames(1);
    }
    window.frames(3);
}

fn turn_wheel_up(window: &mut TestWindow) {
    window.harness.event(Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: Vec2::new(0.0, 1.0),
        modifiers: Modifiers::NONE,
        phase: TouchPhase::Move,
        source: MouseWheelSource::Wheel,
    });
    window.frames(1);
}

const PLAIN: (PointerButton, Modifiers) = (PointerButton::Primary, Modifiers::NONE);

fn ids(window: &TestWindow) -> Vec<CandidateId> {
    let editor = window.editor();
    let id = editor.active().unwrap().id();
    editor.candidates(id).map(|it| it.id).collect()
}

/// A window in which a run has made three variations.
fn with_three(wanted: Wanted) -> TestWindow {
    let mut window = TestWindow::open(wanted);
    window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
    let field = window.harness.get_by_label("Variations").rect().center();
    window.harness.hover_at(field);
    for _ in 0..2 {
        // After a rest each is a turn of its own.
        window.frames(20);
        turn_wheel_up(&mut window);
    }
    window.frames(3);
    assert_eq!(window.editor().preferences().variations(), 3);
    press(&mut window, "Generate in the painted area × 3");
    window.wait_for_runs();
    window
}

#[test]
fn the_button_says_how_many_and_the_first_stays_in_view() {
    let mut window = with_three(Wanted {
        forecasts: true,
        ..Wanted::default()
    });
    assert_eq!(ids(&window).len(), 3);
    assert!(window.harness.query_by_label("1 of 3").is_some());
    let forecast = window.harness.query_by_label_contains("3 results: ");
    assert!(forecast.is_some());
    // Its seed is seen and copied.
    let id = window.editor().active().unwrap().id();
    let first = window.editor().candidates(id).next().unwrap();
    let seed = format!("seed {}", first.settings.seed.0);
    assert!(window.harness.query_by_label(&seed).is_some());
    // A press on another shows that one; what is accepted stays, and says so.
    let second = strip(&window)[1];
    click(&mut window, second, PLAIN);
    assert!(window.harness.query_by_label("2 of 3").is_some());
    key(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(strip(&window).len(), 3);
    click(&mut window, second, PLAIN);
    assert!(window.harness.query_by_label("Accepted").is_some());
}

#[test]
fn two_results_are_compared_side_by_side_or_one_over_the_other() {
    let mut window = with_three(Wanted::default());
    let all = strip(&window);
    let with_ctrl = (PointerButton::Primary, Modifiers::COMMAND);
    click(&mut window, all[2], with_ctrl);
    let id = window.editor().active().unwrap().id();
    let names: Vec<String> = window
        .editor()
        .candidates(id)
        .map(|it| {
            let strength = it.settings.strength.get();
            format!("{strength:.2} · seed {}", it.settings.seed.0)
        })
        .collect();
    let tile = |window: &TestWindow, name: &str| {
        let node = window.harness.query_by_role_and_label(Role::Button, name);
        node.map(|node| node.rect())
    };
    let left = tile(&window, &names[0]).unwrap();
    let right = tile(&window, &names[2]).unwrap();
    assert!(left.right() <= right.left() && left.size() == right.size());
    key(&mut window, Modifiers::NONE, Key::S);
    assert_eq!(tile(&window, &names[0]), None);
    assert!(
        window
            .harness
            .query_by_label("Line between before and after")
            .is_some()
    );
    press(&mut window, "Side by side");
    window
        .harness
        .get_by_role_and_label(Role::Button, &names[2])
        .click();
    window.frames(4);
    let layers = window.editor().active().unwrap().document().layers().len();
    assert_eq!(layers, 1);
    assert!(window.harness.query_by_label("Side by side").is_none());
    key(&mut window, Modifiers::NONE, Key::V);
    assert!(window.harness.query_by_label("Side by side").is_some());
    key(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.harness.query_by_label("Side by side").is_none());
}

#[test]
fn the_grid_throws_a_run_away_and_undo_brings_it_back() {
    let mut window = with_three(Wanted::default());
    press(&mut window, "All results");
    assert!(
        window
            .harness
            .query_by_label("3 results, the newest run first")
            .is_some()
    );
    press(&mut window, "Discard this run");
    assert_eq!(ids(&window).len(), 0);
    key(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(ids(&window).len(), 3);
    assert!(window.painted() > 0, "the stroke is not undone");
    press(&mut window, "All results");
    // Whatever is chosen there is seen large.
    let second = strip(&window)[1];
    click(&mut window, second, PLAIN);
    assert!(window.harness.query_by_label("2 of 3").is_some());
    assert!(window.harness.query_by_label("Discard this run").is_none());
}

#[test]
fn a_right_click_offers_to_run_again() {
    let mut window = with_three(Wanted::default());
    let first = strip(&window)[0];
    click(
        &mut window,
        first,
        (PointerButton::Secondary, Modifiers::NONE),
    );
    press(&mut window, "Run again");
    window.wait_for_runs();
    assert_eq!(ids(&window).len(), 4);
    let same = "Run again: the same picture, byte for byte.";
    let notices = window.editor().notices().iter();
    let mut said = notices.map(|notice| overpaint::text::english(&notice.message));
    assert!(said.any(|words| words == same));
}

#[test]
fn layers_are_renamed_by_key_and_by_double_click_and_run_again() {
    let mut window = with_three(Wanted::default());
    key(&mut window, Modifiers::NONE, Key::Enter);
    let name = |window: &TestWindow| {
        let open = window.editor().active().unwrap();
        open.document().layers()[0].name.clone()
    };
    let rename = |window: &mut TestWindow, text: &str, end: Key| {
        assert!(window.harness.query_by_label("Name of the layer").is_some());
        key(window, Modifiers::COMMAND, Key::A);
        window.harness.event(Event::Text(text.to_owned()));
        window.frames(2);
        key(window, Modifiers::NONE, end);
        assert!(window.harness.query_by_label("Name of the layer").is_none());
    };
    key(&mut window, Modifiers::NONE, Key::F2);
    rename(&mut window, "scarf", Key::Enter);
    assert_eq!(name(&window), "scarf");
    for _ in 0..2 {
        window.harness.get_by_label("scarf").click();
    }
    window.frames(4);
    rename(&mut window, "hat", Key::Escape);
    assert_eq!(name(&window), "scarf", "given up");

    key(&mut window, Modifiers::COMMAND, Key::D);
    assert_eq!(window.painted(), 0);
    press(&mut window, "Run layer again…");
    assert!(window.painted() > 0, "its mask is back");
    assert!(
        window
            .harness
            .query_by_label("Changing layer “scarf”")
            .is_some()
    );
    press(&mut window, "Run this layer again × 3");
    window.wait_for_runs();
    press(&mut window, "Replace layer");
    let layers = window.editor().active().unwrap().document().layers().len();
    assert_eq!((layers, name(&window)), (1, "scarf".to_owned()));
    assert!(
        window
            .harness
            .query_by_label("Changing layer “scarf”")
            .is_none()
    );
}

#[test]
fn results_leave_the_canvas_its_room_in_a_small_window() {
    for size in [Vec2::new(1280.0, 720.0), Vec2::new(800.0, 520.0)] {
        let empty = TestWindow::open(Wanted {
            size,
            ..Wanted::default()
        });
        let room = empty.harness.state().canvas();
        let window = with_three(Wanted {
            size,
            ..Wanted::default()
        });
        let canvas = window.harness.state().canvas();
        assert!(canvas.height() >= room.height(), "{size}: {canvas} {room}");
        for place in strip(&window) {
            assert!(!canvas.contains(place), "{size}: {place}");
        }
    }
}
