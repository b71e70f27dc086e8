//! The first hour with the window: keys that are all counted, messages that go by themselves, a mask seen
//! on every picture, many tabs, large pictures, empty prompts.

use eframe::egui::{Event, Key, Modifiers, MouseWheelUnit, Pos2, Role, TouchPhase, Vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use overpaint::editor::RunState;
use overpaint::engine::fake::Script;

use crate::support::window::{TestWindow, Wanted};

const PROMPT: &str = "What should be there?";

fn click_at(window: &mut TestWindow, at: Pos2) {
    window.harness.hover_at(at);
    window.harness.drag_at(at);
    window.harness.drop_at(at);
    window.frames(3);
}

fn write_prompt(window: &mut TestWindow, text: &str) {
    let field = window
        .harness
        .get_by_role_and_label(Role::MultilineTextInput, PROMPT);
    let at = field.rect().center();
    click_at(window, at);
    window.harness.event(Event::Text(text.to_owned()));
    window.frames(2);
}

fn has(window: &TestWindow, name: &str) -> bool {
    window.harness.query_all_by_label(name).next().is_some()
}

fn says(window: &TestWindow, part: &str) -> bool {
    window
        .harness
        .query_all_by_label_contains(part)
        .next()
        .is_some()
}

fn open_picture(window: &mut TestWindow, name: &str, size: (u32, u32), colour: [u8; 3]) {
    let path = window.folder.path().join(name);
    let picture = image::RgbImage::from_pixel(size.0, size.1, image::Rgb(colour));
    picture.save(&path).unwrap();
    window.open_file(&path);
}

#[test]
fn enter_accepts_after_a_run_from_the_prompt() {
    let mut window = TestWindow::open(Wanted::default());
    write_prompt(&mut window, "a red\nfox");
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.wait_for_runs();
    window.harness.key_press(Key::Enter);
    window.frames(3);
    let open = window.editor().active().unwrap();
    assert_eq!(open.settings().prompt, "a red\nfox", "no line was added");
    let names: Vec<_> = open.document().layers().iter().map(|l| &l.name).collect();
    assert_eq!(names, ["a red fox"], "a break would be drawn as a box");
}

#[test]
fn escape_leaves_the_prompt_and_nothing_else() {
    let mut window = TestWindow::open(Wanted {
        scripts: vec![Script::WaitForCancel],
        ..Wanted::default()
    });
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.wait(|editor| editor.running().is_some());
    write_prompt(&mut window, "x");
    window.harness.key_press(Key::Escape);
    window.frames(3);
    assert!(window.editor().running().is_some(), "the run goes on");
    window.harness.event(Event::Text("y".to_owned()));
    window.frames(2);
    let prompt = window.editor().active().unwrap().settings().prompt.clone();
    assert_eq!(prompt, "x", "the keyboard has left the field");
    window.harness.key_press(Key::Escape);
    window.wait_for_runs();
    let state = &window.editor().runs()[0].state;
    assert!(matches!(state, RunState::Cancelled));
}

/// What the label of the brush says.
fn brush(window: &TestWindow) -> String {
    let mut nodes = window.harness.query_all_by_label_contains(" px");
    let label = |node: egui_kittest::Node<'_>| {
        let inside = node.rect().center().x < 52.0;
        let words = node
            .accesskit_node()
            .value()
            .or_else(|| node.accesskit_node().label());
        words.filter(|_| inside)
    };
    nodes.find_map(label).unwrap()
}

fn key_event(key: Key) -> Event {
    Event::Key {
        key,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::NONE,
    }
}

#[test]
fn presses_of_one_frame_are_all_counted_in_their_order() {
    let sized = |in_one_frame: bool| {
        let mut window = TestWindow::open(Wanted::default());
        for _ in 0..5 {
            window.harness.event(key_event(Key::CloseBracket));
            if !in_one_frame {
                window.frames(1);
            }
        }
        window.frames(2);
        brush(&window)
    };
    assert_eq!(sized(true), sized(false));
    assert_ne!(sized(true), "26 px");
    let mut window = TestWindow::open(Wanted::default());
    for key in [Key::E, Key::L, Key::B] {
        window.harness.event(key_event(key));
    }
    window.frames(3);
    let on = Some(eframe::egui::accesskit::Toggled::True);
    let brush = window.harness.get_by_label("Brush");
    assert_eq!(brush.accesskit_node().toggled(), on, "the last one counts");
}

fn zoom(window: &TestWindow) -> String {
    let node = window.harness.get_by(|node| {
        let label = node.label().unwrap_or_default();
        label.starts_with("Zoom ") && label.ends_with('%')
    });
    node.accesskit_node().label().unwrap_or_default()
}

#[test]
fn notches_of_one_frame_are_all_counted() {
    let zoomed = |in_one_frame: bool| {
        let mut window = TestWindow::open(Wanted::default());
        window.harness.hover_at(window.on_canvas(0.5, 0.5));
        window.frames(2);
        for _ in 0..4 {
            window.harness.event(Event::MouseWheel {
                unit: MouseWheelUnit::Line,
                delta: Vec2::new(0.0, 1.0),
                phase: TouchPhase::Move,
                source: eframe::egui::MouseWheelSource::Wheel,
                modifiers: Modifiers::NONE,
            });
            if !in_one_frame {
                window.frames(8);
            }
        }
        window.frames(40);
        zoom(&window)
    };
    assert_eq!(zoomed(true), zoomed(false));
}

#[test]
fn the_mask_is_seen_on_its_own_colour() {
    let mut window = TestWindow::open(Wanted::default());
    // The very red of the tint.
    open_picture(&mut window, "red.png", (512, 512), [0xFF, 0x6A, 0x5A]);
    window.harness.key_press(Key::R);
    window.frames(2);
    window.drag(&[(0.35, 0.3), (0.65, 0.7)]);
    window.harness.remove_cursor();
    window.frames(6);
    let from = window.on_canvas(0.35, 0.5);
    let picture = window.picture();
    let line: Vec<[u8; 3]> = (-6..=6)
        .map(|dx| {
            let image::Rgba([r, g, b, _]) =
                *picture.get_pixel((from.x as i32 + dx) as u32, from.y as u32);
            [r, g, b]
        })
        .collect();
    assert!(
        line.iter().any(|p| p.iter().all(|v| *v > 200)),
        "white: {line:?}"
    );
    assert!(
        line.iter().any(|p| p.iter().all(|v| *v < 120)),
        "black: {line:?}"
    );
}

#[test]
fn errors_go_when_read_and_are_found_again() {
    let mut window = TestWindow::open(Wanted {
        size: Vec2::new(900.0, 600.0),
        ..Wanted::default()
    });
    let path = window.folder.path().join("words.txt");
    std::fs::write(&path, "no picture").unwrap();
    window
        .harness
        .event(Event::Paste(path.display().to_string()));
    window.frames(1);
    window.wait(|editor| !editor.notices().is_empty());
    // In the status bar, below everything: nothing is covered.
    let cross = window.harness.get_by_label("Dismiss").rect();
    let words = window.harness.get_by_label_contains("words.txt").rect();
    for said in [cross, words] {
        assert!(said.top() > 570.0, "{said}");
    }
    window.frames(60);
    assert!(has(&window, "Dismiss"), "it is there while it is read");
    window.frames(1200);
    assert!(!has(&window, "Dismiss"));
    assert_eq!(window.editor().notices().len(), 1, "it is kept");
    window.harness.get_by_label("Messages: 1").click();
    window.frames(4);
    assert!(says(&window, "words.txt"));
    window.harness.get_by_label("Dismiss all").click();
    window.frames(4);
    assert!(window.editor().notices().is_empty());
}

#[test]
fn many_tabs_leave_the_button_behind_them_in_sight() {
    let mut window = TestWindow::open(Wanted {
        size: Vec2::new(900.0, 600.0),
        ..Wanted::default()
    });
    for number in 0..9 {
        let name = format!("holiday in the mountains {number}.png");
        open_picture(&mut window, &name, (40, 30), [90; 3]);
        window.frames(3);
        let plus = window.harness.get_by_label("Open…").rect();
        assert!(plus.right() < 600.0 && plus.width() > 20.0, "{plus}");
    }
    window.frames(20);
    let plus = window.harness.get_by_label("Open…").rect();
    let front = window
        .harness
        .get_by_label("Close holiday in the mountains 8.png")
        .rect();
    assert!(
        front.right() <= plus.left() && front.left() > 0.0,
        "{front}"
    );
}

#[test]
fn an_empty_prompt_is_asked_about() {
    let mut window = TestWindow::open(Wanted {
        asks_about_empty_prompts: true,
        ..Wanted::default()
    });
    let ask = |window: &mut TestWindow| {
        window
            .harness
            .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
        window.frames(4);
    };
    ask(&mut window);
    assert!(window.editor().runs().is_empty());
    // Beside the dialog is no answer.
    click_at(&mut window, Pos2::new(20.0, 500.0));
    assert!(has(&window, "Generate anyway"));
    window.harness.get_by_label("Write a prompt").click();
    window.frames(4);
    window.harness.event(Event::Text("fox".to_owned()));
    window.frames(3);
    let prompt = window.editor().active().unwrap().settings().prompt.clone();
    assert_eq!(prompt, "fox", "the keyboard is in the prompt");
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.harness.key_press(Key::Delete);
    window.frames(3);
    ask(&mut window);
    window.harness.key_press(Key::Enter);
    window.frames(3);
    window.wait_for_runs();
    ask(&mut window);
    assert!(!has(&window, "Generate anyway"), "asked once a picture");
}

#[test]
fn the_first_result_leaves_the_picture_as_large_as_it_is() {
    let mut window = TestWindow::open(Wanted::default());
    let (before, canvas) = (zoom(&window), window.harness.state().canvas());
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.wait_for_runs();
    window.frames(4);
    assert_eq!(zoom(&window), before);
    assert_eq!(window.harness.state().canvas(), canvas);
}

#[test]
fn a_large_picture_says_how_little_the_model_sees() {
    let mut window = TestWindow::open(Wanted::default());
    assert!(!says(&window, "Model sees"), "the sample is small");
    open_picture(&mut window, "large.png", (3000, 2000), [90; 3]);
    window.harness.key_press(Key::R);
    window.frames(2);
    // So much that all of the picture is shown to the model.
    window.drag(&[(0.33, 0.185), (0.67, 0.815)]);
    let layout = |window: &TestWindow| {
        let editor = window.editor();
        let id = editor.active().unwrap().id();
        editor.layout(id).unwrap().unwrap()
    };
    let sees = |window: &TestWindow| {
        let layout = layout(window);
        format!("Model sees {} of {}", layout.work, layout.crop.extent())
    };
    let before = layout(&window);
    assert_eq!(before.crop.extent().to_string(), "3000×2000");
    let press_chip = |window: &mut TestWindow, name: &str| {
        let chip = window.harness.get_by_role_and_label(Role::Button, name);
        chip.click();
        window.frames(4);
    };
    let name = sees(&window);
    press_chip(&mut window, &name);
    window
        .harness
        .get_by_label("Work on the painted area")
        .click();
    window.frames(6);
    let after = layout(&window);
    assert!(after.scale > 1.1 * before.scale, "{before:?} {after:?}");
    let name = sees(&window);
    press_chip(&mut window, &name);
    assert!(!has(&window, "Work on the painted area"), "it is done");
    window.harness.get_by_label("Choose another model").click();
    window.frames(6);
    let model = window
        .harness
        .get_by_role_and_label(Role::ComboBox, "Model");
    assert!(model.is_focused());
}

#[test]
fn the_brush_suits_the_picture() {
    let mut window = TestWindow::open(Wanted::default());
    assert_eq!(brush(&window), "26 px", "a twentieth of 512");
    open_picture(&mut window, "large.png", (3000, 2000), [90; 3]);
    assert_eq!(brush(&window), "100 px");
    for _ in 0..40 {
        window.harness.event(key_event(Key::CloseBracket));
    }
    window.frames(3);
    assert_eq!(brush(&window), "2000 px");
    let line = window.harness.get_by_label("2000 px").rect();
    assert!(line.height() < 20.0, "on one line: {line}");
    let kept = window.editor().preferences().window.get("brush");
    assert_eq!(kept.map(String::as_str), Some("1 0.8 1"));
}

#[test]
fn tab_goes_from_left_to_right() {
    let mut window = TestWindow::open(Wanted {
        size: Vec2::new(1280.0, 1600.0),
        ..Wanted::default()
    });
    window.harness.get_by_label("More").click();
    window.frames(4);
    let names = ["Seed", "New seed for each run", "Keep the seed"];
    let mut seen = Vec::new();
    for _ in 0..90 {
        window.harness.key_press(Key::Tab);
        window.frames(2);
        let focused = window
            .harness
            .query_all_by(|node| node.is_focused() && node.label().is_some());
        let focused: Vec<_> = focused
            .map(|n| (n.accesskit_node().label().unwrap_or_default(), n.rect()))
            .collect();
        seen.extend(
            focused
                .into_iter()
                .filter(|(name, _)| names.contains(&name.as_str())),
        );
    }
    seen.dedup();
    assert!(seen.len() >= 3, "{seen:?}");
    let order: Vec<&str> = seen.iter().take(3).map(|(name, _)| name.as_str()).collect();
    assert_eq!(order, names);
    assert!(seen[0].1.left() < seen[1].1.left() && seen[1].1.left() < seen[2].1.left());
}

#[test]
fn a_message_covers_no_tile_of_a_comparison() {
    let mut window = TestWindow::open(Wanted {
        size: Vec2::new(900.0, 700.0),
        ..Wanted::default()
    });
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Enter);
    window.wait_for_runs();
    window.frames(4);
    let tiles = |window: &TestWindow| -> Vec<eframe::egui::Rect> {
        let found = window.harness.query_all_by_label_contains("Strength 0.");
        let original = window.harness.query_all_by_label("Original");
        found.chain(original).map(|node| node.rect()).collect()
    };
    let free = tiles(&window);
    for name in ["words 1.txt", "words 2.txt"] {
        let path = window.folder.path().join(name);
        std::fs::write(&path, "no picture").unwrap();
        let known = window.editor().notices().len();
        window
            .harness
            .event(Event::Paste(path.display().to_string()));
        window.frames(1);
        window.wait(|editor| editor.notices().len() > known);
    }
    window.frames(3);
    let toast = window.harness.get_by_label("Dismiss").rect();
    let words = window.harness.get_by_label_contains("words 2.txt").rect();
    let more = window.harness.get_by_label("and 1 more").rect();
    for tile in tiles(&window) {
        for covering in [toast, words, more] {
            assert!(!tile.intersects(covering), "{tile} under {covering}");
        }
        assert!(tile.width() > 100.0 || tile.height() < 30.0, "{tile}");
    }
    window.frames(1500);
    assert!(!has(&window, "Dismiss"));
    assert_eq!(tiles(&window), free, "the tiles take the room back");
}

/// Contrast of two colours, as WCAG 2 defines it.
fn contrast(a: [u8; 4], b: [u8; 4]) -> f64 {
    let luminance = |[r, g, b, _]: [u8; 4]| {
        let linear = |v: u8| (f64::from(v) / 255.0).powf(2.2);
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn the_focus_is_seen_on_word_chips() {
    use eframe::egui::Theme;
    // One that is off, and one that is on.
    for (theme, chip, pressed) in [
        (Theme::Dark, "Styles", false),
        (Theme::Light, "Places", true),
    ] {
        let mut window = TestWindow::open(Wanted {
            theme,
            size: Vec2::new(800.0, 520.0),
            ..Wanted::default()
        });
        window.harness.remove_cursor();
        if pressed {
            window.harness.get_by_label(chip).click();
            window.frames(4);
            let away = window.on_canvas(0.5, 0.5);
            window.harness.hover_at(away);
            window.frames(4);
        }
        let rect = window.harness.get_by_label(chip).rect();
        let edge = |window: &mut TestWindow| {
            let picture = window.picture();
            let at = |y: f32| picture.get_pixel(rect.center().x as u32, y as u32).0;
            (at(rect.top() + 1.0), at(rect.top() + 4.0))
        };
        let (before, _) = edge(&mut window);
        window.harness.get_by_label(chip).focus();
        window.frames(4);
        assert!(window.harness.get_by_label(chip).is_focused());
        let (ring, fill) = edge(&mut window);
        let (seen, told) = (contrast(ring, before), contrast(ring, fill));
        assert!(seen > 3.0 && told > 3.0, "{theme:?} {chip}: {seen} {told}");
    }
}
