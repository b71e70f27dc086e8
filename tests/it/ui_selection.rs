//! The selection tools in the window: shapes with held keys, the polygon, the wand, the smart brush, refining,
//! and the views of the mask.

use eframe::egui::{Event, Key, Modifiers, Pos2, Role, Vec2};
use egui_kittest::kittest::Queryable as _;
use image::{Rgba, RgbaImage};
use overpaint::document::EditLabel;
use overpaint::raster::{Mask, MaskKind};
use overpaint::text::Language;

use crate::support::window::{TestWindow, Wanted};

fn key(window: &mut TestWindow, modifiers: Modifiers, key: Key) {
    window.harness.key_press_modifiers(modifiers, key);
    window.frames(3);
}

fn hold(window: &mut TestWindow, held: Modifiers) {
    window.harness.event(Event::ModifiersChanged(held));
    window.frames(2);
}

fn press(window: &mut TestWindow, name: &str) {
    let button = window.harness.get_by_role_and_label(Role::Button, name);
    button.click();
    window.frames(3);
}

fn click(window: &mut TestWindow, place: (f32, f32)) {
    window.drag(&[place, place]);
}

fn mask(window: &TestWindow) -> Mask {
    let open = window.editor().active().unwrap();
    open.document().mask().clone()
}

fn undo_label(window: &TestWindow) -> Option<EditLabel> {
    let open = window.editor().active().unwrap();
    open.document().undo_label()
}

/// Columns and rows of the box around what is painted.
fn painted_box(window: &TestWindow) -> (u32, u32) {
    let mask = mask(window);
    let extent = mask.extent();
    let places: Vec<(u32, u32)> = (0..extent.height)
        .flat_map(|y| (0..extent.width).map(move |x| (x, y)))
        .filter(|(x, y)| mask.get(*x, *y) > Some(0))
        .collect();
    let size = |values: Vec<u32>| values.iter().max().unwrap() - values.iter().min().unwrap() + 1;
    let columns = places.iter().map(|place| place.0).collect();
    let rows = places.iter().map(|place| place.1).collect();
    (size(columns), size(rows))
}

fn open() -> TestWindow {
    let mut window = TestWindow::open(Wanted::default());
    press(&mut window, "Close the guide");
    window
}

/// Waits until no tool makes a mask any more.
fn wait(window: &mut TestWindow) {
    window.wait(|editor| !editor.is_making_mask(editor.active().unwrap().id()));
}

#[test]
fn keys_held_first_mean_the_mask_and_later_the_shape() {
    let mut window = open();
    key(&mut window, Modifiers::NONE, Key::M);
    window.drag(&[(0.4, 0.3), (0.6, 0.5)]);
    let whole = window.painted();
    // Alt held when the button goes down takes away.
    hold(&mut window, Modifiers::ALT);
    window.drag(&[(0.4, 0.3), (0.5, 0.5)]);
    let half = window.painted();
    assert!(half.abs_diff(whole / 2) < whole / 20, "{half} of {whole}");
    hold(&mut window, Modifiers::SHIFT);
    window.drag(&[(0.4, 0.3), (0.5, 0.5)]);
    assert!(window.painted().abs_diff(whole) < 20);
    hold(&mut window, Modifiers::SHIFT | Modifiers::ALT);
    window.drag(&[(0.3, 0.2), (0.5, 0.6)]);
    assert!(window.painted().abs_diff(half) < whole / 20);
    hold(&mut window, Modifiers::NONE);
    for _ in 0..4 {
        key(&mut window, Modifiers::COMMAND, Key::Z);
    }
    assert_eq!(window.painted(), 0, "each shape is one step");
}

#[test]
fn shift_during_the_drag_makes_a_circle() {
    let mut window = open();
    key(&mut window, Modifiers::SHIFT, Key::M);
    let (from, to) = (window.on_canvas(0.4, 0.3), window.on_canvas(0.55, 0.8));
    window.harness.hover_at(from);
    window.harness.step();
    window.harness.drag_at(from);
    window.harness.step();
    window.harness.hover_at(to);
    hold(&mut window, Modifiers::SHIFT);
    window.harness.drop_at(to);
    window.frames(3);
    hold(&mut window, Modifiers::NONE);
    let (columns, rows) = painted_box(&window);
    assert!(columns.abs_diff(rows) <= 2, "{columns} {rows}");
    assert_eq!(undo_label(&window), Some(EditLabel::FillEllipse));
    let painted = window.painted() as f64;
    let box_area = f64::from(columns * rows);
    let share = painted / box_area / (std::f64::consts::PI / 4.0);
    assert!((0.97..1.04).contains(&share), "{share}");
}

#[test]
fn a_polygon_is_closed_in_three_ways_taken_back_and_given_up() {
    let corners = [(0.4, 0.3), (0.6, 0.3), (0.6, 0.6)];
    type Way = (&'static str, fn(&mut TestWindow));
    let ways: [Way; 3] = [
        ("Enter", |window| key(window, Modifiers::NONE, Key::Enter)),
        ("a double click", |window| {
            let at = window.on_canvas(0.6, 0.6);
            for _ in 0..2 {
                window.harness.drag_at(at);
                window.harness.drop_at(at);
            }
            window.frames(3);
        }),
        ("the first corner", |window| click(window, (0.4, 0.3))),
    ];
    let mut sizes = Vec::new();
    for (way, close) in ways {
        let mut window = open();
        key(&mut window, Modifiers::SHIFT, Key::L);
        for corner in corners {
            click(&mut window, corner);
            window.frames(15);
        }
        assert_eq!(window.painted(), 0, "{way}: not closed yet");
        // One corner too many, and back.
        click(&mut window, (0.2, 0.9));
        key(&mut window, Modifiers::NONE, Key::Backspace);
        close(&mut window);
        sizes.push(window.painted());
        assert_eq!(undo_label(&window), Some(EditLabel::FillLasso), "{way}");
    }
    assert!(
        sizes[0] > 1000 && sizes.iter().all(|size| size.abs_diff(sizes[0]) < 50),
        "{sizes:?}"
    );
    let mut window = open();
    key(&mut window, Modifiers::SHIFT, Key::L);
    for corner in corners {
        click(&mut window, corner);
        window.frames(15);
    }
    key(&mut window, Modifiers::NONE, Key::Escape);
    key(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(window.painted(), 0, "given up");
}

#[test]
fn the_wand_takes_a_colour_and_again_takes_its_place() {
    let mut window = open();
    key(&mut window, Modifiers::NONE, Key::U);
    click(&mut window, (0.32, 0.2));
    wait(&mut window);
    let first = window.painted();
    assert!(first > 100, "{first}");
    let open = window.editor().active().unwrap();
    assert_eq!(open.document().mask_kind(), MaskKind::Matte);
    assert_eq!(undo_label(&window), Some(EditLabel::Wand));
    press(&mut window, "Contiguous");
    press(&mut window, "Add to the mask");
    click(&mut window, (0.5, 0.5));
    wait(&mut window);
    assert!(window.painted() > first, "another colour more");
    key(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(window.painted(), first);
}

#[test]
fn a_scribble_takes_a_thing_and_each_is_one_step() {
    let mut window = open();
    key(&mut window, Modifiers::SHIFT, Key::B);
    window.drag(&[(0.47, 0.62), (0.53, 0.66)]);
    wait(&mut window);
    let first = window.painted();
    assert!(first > 500, "{first}");
    assert_eq!(undo_label(&window), Some(EditLabel::SmartBrush));
    press(&mut window, "Does not belong to it");
    window.drag(&[(0.47, 0.62), (0.53, 0.66)]);
    wait(&mut window);
    assert!(window.painted() < first, "{} of {first}", window.painted());
    key(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(window.painted(), first);
    key(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(window.painted(), 0);
}

/// Turns a number of the refining card by the wheel.
fn turn(window: &mut TestWindow, name: &str, notches: f32) {
    let field = window.harness.get_by_role_and_label(Role::SpinButton, name);
    let at: Pos2 = field.rect().center();
    window.harness.hover_at(at);
    window.frames(2);
    window.harness.event(Event::MouseWheel {
        unit: eframe::egui::MouseWheelUnit::Line,
        delta: eframe::egui::vec2(0.0, notches),
        phase: eframe::egui::TouchPhase::Move,
        source: eframe::egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    });
    window.frames(4);
    wait(window);
}

#[test]
fn refining_is_seen_at_once_and_is_one_step_or_none() {
    let mut window = open();
    key(&mut window, Modifiers::NONE, Key::R);
    window.drag(&[(0.4, 0.3), (0.6, 0.6)]);
    let before = window.painted();
    press(&mut window, "Refine edge");
    turn(&mut window, "Grow or shrink", 3.0);
    let seen = window.painted();
    assert!(seen > before, "{seen} {before}");
    key(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!(window.painted(), before, "given up");
    assert_eq!(undo_label(&window), Some(EditLabel::FillRectangle));
    press(&mut window, "Refine edge");
    turn(&mut window, "Grow or shrink", 3.0);
    turn(&mut window, "Smooth", 2.0);
    turn(&mut window, "Grow or shrink", 1.0);
    let seen = window.painted();
    assert!(seen > before);
    press(&mut window, "Apply");
    wait(&mut window);
    assert_eq!(window.painted(), seen);
    assert_eq!(undo_label(&window), Some(EditLabel::Refine));
    key(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(window.painted(), before, "one step");
}

#[test]
fn refining_without_a_mask_says_so() {
    let mut window = open();
    key(&mut window, Modifiers::COMMAND | Modifiers::ALT, Key::R);
    let said = window.editor().notices().last().unwrap();
    assert_eq!(said.message.key, "editor-nothing-to-refine");
}

/// The colours of a place that is painted and of one that is not.
fn look(window: &mut TestWindow) -> [Rgba<u8>; 2] {
    window.harness.remove_cursor();
    window.frames(4);
    let places = [(0.5, 0.5), (0.4, 0.75)].map(|(x, y)| window.on_canvas(x, y));
    let picture: RgbaImage = window.picture();
    places.map(|at| *picture.get_pixel(at.x as u32, at.y as u32))
}

#[test]
fn the_mask_is_looked_at_in_four_ways() {
    // Small, for each look draws all of it.
    let mut window = TestWindow::open(Wanted {
        size: Vec2::new(900.0, 560.0),
        ..Wanted::default()
    });
    press(&mut window, "Close the guide");
    let plain = look(&mut window);
    key(&mut window, Modifiers::NONE, Key::R);
    window.drag(&[(0.42, 0.3), (0.6, 0.6)]);
    key(&mut window, Modifiers::NONE, Key::B);
    let tint = look(&mut window);
    assert!(tint[0] != plain[0] && tint[1] == plain[1]);
    key(&mut window, Modifiers::NONE, Key::Q);
    assert_eq!(look(&mut window), plain, "ants leave the picture alone");
    key(&mut window, Modifiers::SHIFT, Key::Q);
    let black_white = look(&mut window);
    assert_eq!(black_white.map(|c| c.0), [[255; 4], [0, 0, 0, 255]]);
    key(&mut window, Modifiers::SHIFT, Key::Q);
    let on_black = look(&mut window);
    assert_eq!(on_black.map(|c| c.0), [plain[0].0, [0, 0, 0, 255]]);
    key(&mut window, Modifiers::NONE, Key::Q);
    assert_eq!(look(&mut window), tint);
}

#[test]
fn the_tools_speak_chinese() {
    let mut window = TestWindow::open(Wanted {
        language: Language::TraditionalChinese,
        ..Wanted::default()
    });
    key(&mut window, Modifiers::NONE, Key::U);
    for name in [
        "魔術棒",
        "智慧筆刷",
        "容許度",
        "相連",
        "平滑邊緣",
        "調整邊緣",
        "加入遮罩",
    ] {
        assert!(
            window.harness.query_all_by_label(name).next().is_some(),
            "{name}"
        );
    }
}
