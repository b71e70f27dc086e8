//! What people do who have not read anything: files dropped and pasted, the window resized while
//! it works, one press to stop, saving on the way out, keys in any order.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{self, Event, Key, Modifiers, Vec2, ViewportCommand, ViewportId};
use egui_kittest::kittest::Queryable as _;
use overpaint::editor::RunState;
use overpaint::engine::fake::Script;
use overpaint::text::{Language, Texts};
use overpaint::ui::{Action, Group};

use crate::support::window::{TestWindow, Wanted};

/// A file as the desktop hands it over.
#[derive(Debug)]
pub(crate) struct Dropped(pub(crate) std::path::PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

fn file(window: &TestWindow, name: &str) -> std::path::PathBuf {
    window.folder.path().join(name)
}

fn write_picture(path: &Path) {
    let grey = image::RgbImage::from_pixel(40, 30, image::Rgb([90; 3]));
    grey.save(path).unwrap();
}

fn documents(window: &TestWindow) -> usize {
    window.editor().documents().len()
}

fn press(window: &mut TestWindow, name: &str) {
    window
        .harness
        .query_all_by_label(name)
        .next()
        .unwrap_or_else(|| panic!("there is no “{name}”"))
        .click();
    window.frames(4);
}

fn say_path(window: &mut TestWindow, path: &Path) {
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::A);
    window
        .harness
        .event(Event::Text(path.display().to_string()));
    window.frames(2);
    window.harness.key_press(Key::Enter);
    window.frames(3);
}

#[test]
fn dropped_files_are_opened_and_what_is_no_picture_is_said() {
    let mut window = TestWindow::open(Wanted::default());
    let (good, bad) = (file(&window, "a b 貓.png"), file(&window, "words.txt"));
    write_picture(&good);
    std::fs::write(&bad, "no picture").unwrap();
    let input = window.harness.input_mut();
    input.dropped_files = vec![Arc::new(Dropped(bad)), Arc::new(Dropped(good.clone()))];
    window.frames(1);
    window.wait(|editor| editor.documents().len() == 2 && !editor.notices().is_empty());
    assert_eq!(window.editor().active().unwrap().path(), Some(&*good));
    assert_eq!(window.editor().notices().len(), 1);
}

#[test]
fn many_errors_leave_the_picture_free() {
    for size in [Vec2::new(800.0, 520.0), Vec2::new(1280.0, 720.0)] {
        let mut window = TestWindow::open(Wanted {
            size,
            ..Wanted::default()
        });
        let bad: Vec<_> = (1..=4)
            .map(|number| {
                let path = file(&window, &format!("words {number}.txt"));
                std::fs::write(&path, "no picture").unwrap();
                path
            })
            .collect();
        for path in bad {
            let known = window.editor().notices().len();
            window.harness.input_mut().dropped_files = vec![Arc::new(Dropped(path))];
            window.frames(1);
            window.harness.input_mut().dropped_files.clear();
            window.wait(|editor| editor.notices().len() > known);
        }
        let crosses = |window: &TestWindow| window.harness.query_all_by_label("Dismiss").count();
        let shown = crosses(&window);
        let canvas = window.harness.state().canvas();
        // A small window says the newest in the status bar, and covers nothing.
        let more = if size.y < 600.0 {
            let newest = window.harness.get_by_label_contains("words 4.txt").rect();
            assert!(newest.top() > canvas.bottom(), "{newest} at {size}");
            assert_eq!(shown, 1);
            "Messages: 4".to_owned()
        } else {
            assert!((1..=2).contains(&shown), "{shown} at {size}");
            let more = format!("and {} more", 4 - shown);
            let last = window.harness.get_by_label(&more).rect();
            assert!(canvas.contains_rect(last), "{last:?}");
            let share = (last.bottom() - canvas.top()) / canvas.height();
            assert!(share < 0.56, "{share} of the canvas at {size}");
            more
        };
        // The newest is read without a further press, the others after one.
        let says = |window: &TestWindow, words: &str| {
            let found = window.harness.query_all_by_label_contains(words);
            found.count() > 0
        };
        assert!(says(&window, "words 4.txt") && !says(&window, "words 1.txt"));
        press(&mut window, &more);
        assert_eq!(
            crosses(&window),
            shown + 4,
            "the toasts, and the list of all"
        );
        assert!(says(&window, "words 1.txt"));
        press(&mut window, "Dismiss all");
        assert_eq!(window.editor().notices().len(), 0);
    }
}

#[test]
fn a_small_window_is_for_the_picture() {
    for (width, height, least) in [
        (800.0, 520.0, 0.62),
        (853.0, 480.0, 0.6),
        (640.0, 360.0, 0.6),
    ] {
        let size = Vec2::new(width, height);
        for language in Language::ALL {
            let mut window = TestWindow::open(Wanted {
                size,
                language,
                ..Wanted::default()
            });
            window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
            window
                .harness
                .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
            window.wait_for_runs();
            window.frames(4);
            let canvas = window.harness.state().canvas();
            let between_bars = height - 44.0 - 26.0;
            let share = canvas.height() / between_bars;
            assert!(share > least, "{share} of {size} in {language:?}");
            let rest = width - 52.0 - 288.0;
            assert!(canvas.width() >= rest - 1.0, "{canvas} of {size}");
        }
    }
}

#[test]
fn a_copied_file_is_pasted_by_its_address() {
    let mut window = TestWindow::open(Wanted::default());
    let path = file(&window, "a b.png");
    write_picture(&path);
    let address = format!("file://{}", path.display().to_string().replace(' ', "%20"));
    window.harness.event(Event::Paste(address));
    window.frames(1);
    window.wait(|editor| editor.documents().len() == 2);
}

#[test]
fn the_window_may_change_its_size_while_it_works() {
    let mut window = TestWindow::open(Wanted {
        step_time: Duration::from_millis(20),
        ..Wanted::default()
    });
    window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
    let painted = window.painted();
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.wait(|editor| editor.running().is_some());
    for (width, height) in [
        (700.0, 420.0),
        (2560.0, 1440.0),
        (320.0, 240.0),
        (1280.0, 720.0),
    ] {
        let size = Vec2::new(width, height);
        window.harness.set_size(size);
        window.size = size;
        window.frames(3);
        let canvas = window.harness.state().canvas();
        assert!(
            canvas.right() <= width && canvas.bottom() <= height,
            "{canvas} of {size}"
        );
    }
    window.wait_for_runs();
    let runs = window.editor().runs();
    assert!(matches!(runs[0].state, RunState::Finished(_)));
    assert_eq!(window.painted(), painted);
}

#[test]
fn one_press_stops_a_whole_comparison() {
    let mut window = TestWindow::open(Wanted {
        scripts: vec![Script::WaitForCancel; 5],
        ..Wanted::default()
    });
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Enter);
    window.wait(|editor| editor.running().is_some());
    press(&mut window, "Cancel");
    window.wait_for_runs();
    let runs = window.editor().runs();
    assert_eq!(runs.len(), 5);
    let stopped = |run: &overpaint::editor::Run| matches!(run.state, RunState::Cancelled);
    assert!(runs.iter().all(stopped), "{runs:?}");
    assert!(
        window.harness.query_by_label("Strength 0.45").is_some(),
        "the button stops, it does not leave the sheet"
    );
}

#[test]
fn saving_on_the_way_out_closes_what_was_saved() {
    let mut window = TestWindow::open(Wanted::default());
    window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
    let close = |window: &mut TestWindow| {
        window
            .harness
            .key_press_modifiers(Modifiers::COMMAND, Key::W);
        window.frames(4);
        press(window, "Save and close");
    };
    // Who gives up choosing a file keeps the picture, also when it is saved later.
    close(&mut window);
    window.harness.key_press(Key::Escape);
    window.frames(4);
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::S);
    window.frames(4);
    let path = file(&window, "own.png");
    say_path(&mut window, &path);
    window.wait(|editor| !editor.has_unsaved_work());
    window.frames(4);
    assert_eq!(documents(&window), 1);
    window.drag(&[(0.3, 0.4), (0.3, 0.6)]);
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    close(&mut window);
    window.wait(|editor| editor.documents().is_empty());
    assert!(std::fs::metadata(&path).unwrap().modified().unwrap() >= before);
}

#[test]
fn saving_on_the_way_out_ends_the_program() {
    let mut window = TestWindow::open(Wanted::default());
    window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
    // What is asked of the desktop is heard in every frame, not only in the last one.
    let (said, heard) = std::sync::mpsc::sync_channel(256);
    let listen = move |ui: &mut egui::Ui| {
        ui.ctx().viewport(|viewport| {
            for command in &viewport.commands {
                said.try_send(command.clone()).unwrap();
            }
        });
    };
    window.harness.ctx.on_end_pass("listen", Arc::new(listen));
    let root = window.harness.input_mut().viewports.entry(ViewportId::ROOT);
    root.or_default().events.push(egui::ViewportEvent::Close);
    window.frames(1);
    window
        .harness
        .input_mut()
        .viewports
        .entry(ViewportId::ROOT)
        .or_default()
        .events
        .clear();
    window.frames(3);
    press(&mut window, "Save all and quit");
    let path = file(&window, "own.png");
    say_path(&mut window, &path);
    window.wait(|_| {
        heard
            .try_iter()
            .any(|command| command == ViewportCommand::Close)
    });
    assert!(path.is_file());
}

#[test]
fn the_numbers_of_the_brush_are_dragged_sideways() {
    let mut window = TestWindow::open(Wanted::default());
    let at = window.harness.get_by_label("26 px").rect().center();
    window.harness.hover_at(at);
    window.frames(1);
    window.harness.drag_at(at);
    window.frames(1);
    for across in [10.0, 25.0, 50.0] {
        window.harness.hover_at(at + Vec2::new(across, 0.0));
        window.frames(1);
    }
    window.harness.drop_at(at + Vec2::new(50.0, 0.0));
    window.frames(3);
    // 26 × e^(50 / 100)
    assert!(window.harness.query_by_label("43 px").is_some());
}

/// Any key at any time: nothing breaks, and in the end everything can still be done.
#[test]
fn keys_in_any_order_break_nothing() {
    let mut window = TestWindow::open(Wanted {
        step_time: Duration::from_millis(1),
        ..Wanted::default()
    });
    let shortcuts: Vec<_> = Action::ALL
        .iter()
        .flat_map(|action| action.shortcuts())
        .collect();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    for turn in 0..400 {
        match next(6) {
            0 if window.editor().active().is_some() => {
                let mut share = || 0.2 + 0.6 * next(100) as f32 / 100.0;
                let places = [(share(), share()), (share(), share())];
                window.drag(&places);
            }
            1 => window.harness.key_press(Key::Escape),
            _ => {
                let shortcut = shortcuts[next(shortcuts.len())];
                window
                    .harness
                    .key_press_modifiers(shortcut.modifiers, shortcut.logical_key);
            }
        }
        window.frames(2);
        assert!(documents(&window) < 50, "turn {turn}");
    }
    for _ in 0..4 {
        window.harness.key_press(Key::Escape);
        window.frames(3);
    }
    if window.editor().active().is_none() {
        press(&mut window, "Open the sample portrait");
        window.wait(|editor| editor.active().is_some());
    }
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::D);
    window.frames(2);
    assert_eq!(window.painted(), 0);
    window.harness.key_press(Key::B);
    window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
    assert!(window.painted() > 0);
}

/// All lines of the menu and of the menus in it can be pressed, also where there is little room.
#[test]
fn the_menu_fits_a_small_window() {
    for size in [Vec2::new(800.0, 520.0), Vec2::new(1280.0, 720.0)] {
        let mut window = TestWindow::open(Wanted {
            size,
            ..Wanted::default()
        });
        let texts = Texts::of(Language::English);
        window.harness.get_by_label("Menu").click();
        window.frames(4);
        let widest = |window: &TestWindow, key: &str| {
            let name = texts.get(key);
            let nodes = window.harness.query_all_by_label(&name);
            let all = nodes.map(|node| node.rect());
            all.max_by(|a, b| a.width().total_cmp(&b.width()))
                .unwrap_or_else(|| panic!("“{name}” is not offered at {size}"))
        };
        let inside = |rect: egui::Rect| rect.top() >= 0.0 && rect.bottom() <= size.y;
        let of = |group| move |action: &&Action| action.group() == group;
        for action in Action::ALL.iter().filter(of(Group::File)) {
            assert!(
                inside(widest(&window, action.text())),
                "{action:?} at {size}"
            );
        }
        for group in Group::ALL.into_iter().filter(|group| *group != Group::File) {
            let line = widest(&window, group.text());
            assert!(inside(line), "{group:?} at {size}");
            window.harness.hover_at(line.center());
            window.frames(2);
            window.harness.drag_at(line.center());
            window.harness.drop_at(line.center());
            window.frames(6);
            for action in Action::ALL.iter().filter(of(group)) {
                assert!(
                    inside(widest(&window, action.text())),
                    "{action:?} at {size}"
                );
            }
        }
    }
}
