//! The panel of settings: everything in it stays within its width.

use std::fs;
use std::path::Path;

use eframe::egui::{Key, Modifiers, Rect, Role, Vec2};
use egui_kittest::kittest::{By, NodeT as _, Queryable as _};
use overpaint::engine::fake::Script;
use overpaint::plan::SecondPass;
use overpaint::text::{Language, Message, Texts};
use overpaint::ui::Action;

use crate::support::window::{TestWindow, Wanted};

/// Everything in the panel at the right that can be pressed, written in or read by name.
fn controls(window: &TestWindow) -> Vec<(Role, String, Rect)> {
    let left = window.harness.state().canvas().right();
    let top = window.harness.state().canvas().top();
    window
        .harness
        .get_all(By::new().predicate(|node| node.raw_bounds().is_some()))
        .map(|node| {
            let name = node.accesskit_node().label().unwrap_or_default();
            (node.accesskit_node().role(), name, node.rect())
        })
        .filter(|(role, _, rect)| {
            let pressed = matches!(
                role,
                Role::Button
                    | Role::RadioButton
                    | Role::ComboBox
                    | Role::Slider
                    | Role::SpinButton
                    | Role::TextInput
                    | Role::MultilineTextInput
                    | Role::ProgressIndicator
                    | Role::Label
            );
            pressed && rect.is_finite() && rect.center().x > left && rect.top() >= top
        })
        .collect()
}

/// Fails if anything reaches out of the panel or is too narrow to be hit.
fn assert_within(window: &TestWindow, when: &str) {
    let panel = window.harness.state().canvas().right()..=window.size.x;
    let controls = controls(window);
    assert!(controls.len() > 15, "{when}: found {}", controls.len());
    for (role, name, rect) in controls {
        let inside = panel.contains(&rect.left()) && panel.contains(&rect.right());
        assert!(
            inside,
            "{when}: {role:?} “{name}” lies at {rect:?} of {panel:?}"
        );
        let wide_enough = role == Role::Label || rect.width() >= 16.0;
        assert!(wide_enough, "{when}: {role:?} “{name}” is {rect:?}");
    }
}

fn press(window: &mut TestWindow, language: Language, key: &str) {
    let label = Texts::of(language).get(key).into_owned();
    let button = |window: &TestWindow, scrolls: bool| {
        let node = window.harness.get_by_role_and_label(Role::Button, &label);
        if scrolls {
            node.scroll_to_me();
        } else {
            node.click();
        }
    };
    // Else a click may fall on what lies over the end of the panel.
    button(window, true);
    window.frames(12);
    button(window, false);
    window.frames(3);
}

#[test]
fn nothing_in_the_settings_panel_reaches_out_of_it() {
    for language in Language::ALL {
        let mut window = TestWindow::open(Wanted {
            size: Vec2::new(1280.0, 720.0),
            language,
            scripts: vec![Script::Paint, Script::WaitForCancel],
            forecasts: true,
            ..Wanted::default()
        });
        assert_within(&window, "at the start");
        window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
        press(&mut window, language, "ui-more");
        assert_within(&window, "with more settings");
        for words in ["backgrounds", "clothes", "things", "patterns"] {
            press(&mut window, language, &format!("ui-words-{words}"));
            assert_within(&window, words);
        }
        window
            .harness
            .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
        window.frames(2);
        window.wait_for_runs();
        window.harness.key_press(Key::Enter);
        window.frames(4);
        assert_eq!(
            window
                .editor()
                .active()
                .map(|o| o.document().layers().len()),
            Some(1)
        );
        assert_within(&window, "with a layer");
        for _ in 0..3 {
            window
                .harness
                .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
            window.frames(2);
        }
        window.wait(|editor| editor.running().is_some());
        assert_within(&window, "with a run and a queue");
    }
}

#[test]
fn what_a_run_takes_is_said_and_a_quick_result_is_finished_by_one_press() {
    let mut window = TestWindow::open(Wanted {
        forecasts: true,
        ..Wanted::default()
    });
    window.frames(3);
    let said = |window: &TestWindow, part: &'static str| {
        let says = By::new().label_contains(part);
        window.harness.query_all(says).count()
    };
    // One pass: above the button alone.
    assert_eq!((said(&window, "about "), said(&window, "passes")), (1, 0));
    let document = window.editor().active().unwrap().id();
    let finish = Texts::of(Language::English).get("ui-finish").into_owned();
    let offered = |window: &TestWindow| {
        let button = By::new().role(Role::Button).label(&finish);
        window.harness.query_all(button).count()
    };
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.frames(2);
    window.wait_for_runs();
    assert_eq!(offered(&window), 0);
    window.harness.key_press(Key::Enter);
    window.frames(4);
    assert_eq!(offered(&window), 1);
    window
        .harness
        .get_by_role_and_label(Role::Button, &finish)
        .click();
    window.frames(3);
    window.wait_for_runs();
    window.frames(3);
    assert_eq!(offered(&window), 0);
    let layers = window
        .editor()
        .document(document)
        .unwrap()
        .document()
        .layers();
    assert_eq!(layers.len(), 1);
    let full = window.editor().candidates(document).next_back().unwrap();
    assert_eq!(full.accepted_as, Some(layers[0].id));
    assert_eq!(full.settings.second_pass, SecondPass::Own);
    assert!(full.layout.scale > 0.99, "{:?}", full.layout);
}

#[test]
fn two_presses_on_a_number_bring_its_default_back() {
    let mut window = TestWindow::open(Wanted::default());
    let steps = |window: &TestWindow| window.editor().active().unwrap().settings().steps.get();
    let first = steps(&window);
    let field = |window: &TestWindow| {
        let name = Texts::of(Language::English).get("ui-steps").into_owned();
        let node = window
            .harness
            .get_by_role_and_label(Role::SpinButton, &name);
        node.rect().center()
    };
    let at = field(&window);
    window.harness.hover_at(at);
    window.frames(1);
    window.harness.drag_at(at);
    window.frames(1);
    window.harness.hover_at(at + Vec2::new(60.0, 0.0));
    window.frames(1);
    window.harness.drop_at(at + Vec2::new(60.0, 0.0));
    // Longer than between the presses of a double-click.
    window.frames(30);
    assert_ne!(steps(&window), first, "dragging changes it");
    let at = field(&window);
    window.harness.hover_at(at);
    window.frames(1);
    for _ in 0..2 {
        window.harness.drag_at(at);
        window.frames(1);
        window.harness.drop_at(at);
        window.frames(1);
    }
    window.frames(4);
    assert_eq!(steps(&window), first);
}

#[test]
fn the_interface_grows_and_shrinks_by_keys() {
    let mut window = TestWindow::open(Wanted::default());
    let before = window.harness.ctx.zoom_factor();
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND | Modifiers::ALT, Key::Plus);
    window.frames(4);
    assert!(window.harness.ctx.zoom_factor() > before);
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND | Modifiers::ALT, Key::Minus);
    window.frames(4);
    assert_eq!(window.harness.ctx.zoom_factor(), before);
}

#[test]
fn a_window_at_rest_draws_nothing() {
    let mut window = TestWindow::open(Wanted::default());
    window.harness.remove_cursor();
    window.frames(30);
    // Threads that still list models or folders wake it once more; a loaded machine takes its time.
    for _ in 0..600 {
        window.harness.step();
        if !window.harness.ctx.has_requested_repaint() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let causes = window.harness.ctx.repaint_causes();
    assert!(
        !window.harness.ctx.has_requested_repaint(),
        "asked for by {causes:?}"
    );
}

#[test]
fn a_right_click_on_the_canvas_offers_what_can_be_done() {
    let mut window = TestWindow::open(Wanted::default());
    window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
    let at = window.on_canvas(0.5, 0.5);
    window.harness.hover_at(at);
    window.frames(1);
    for pressed in [true, false] {
        window.harness.event(eframe::egui::Event::PointerButton {
            pos: at,
            button: eframe::egui::PointerButton::Secondary,
            pressed,
            modifiers: Modifiers::NONE,
        });
        window.frames(2);
    }
    let clear = Texts::of(Language::English)
        .get(Action::ClearMask.text())
        .into_owned();
    let items: Vec<_> = window.harness.get_all_by_label(&clear).collect();
    let item = items.iter().find(|node| node.rect().width() > 100.0);
    item.expect("the menu's line").click();
    window.frames(4);
    assert_eq!(window.painted(), 0);
}

#[test]
fn before_is_the_picture_without_its_layers() {
    let mut window = TestWindow::open(Wanted::default());
    window.harness.get_by_label("Close the guide").click();
    window.harness.remove_cursor();
    window.frames(4);
    let at = window.on_canvas(0.5, 0.5);
    let seen = |window: &mut TestWindow| {
        window.harness.remove_cursor();
        window.frames(6);
        *window.picture().get_pixel(at.x as u32, at.y as u32)
    };
    let opened = seen(&mut window);
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.frames(2);
    window.wait_for_runs();
    window.harness.key_press(Key::Enter);
    window.frames(4);
    let layers = |window: &TestWindow| window.editor().active().unwrap().document().layers().len();
    assert_eq!(layers(&window), 1);
    assert_ne!(seen(&mut window), opened, "the layer is seen");
    window.harness.key_down(Key::Backslash);
    assert_eq!(seen(&mut window), opened, "the layer is not seen");
    window.harness.key_up(Key::Backslash);
    assert_ne!(seen(&mut window), opened, "the layer is seen again");
}

#[test]
fn a_small_window_shows_the_strength_without_scrolling() {
    for language in Language::ALL {
        let window = TestWindow::open(Wanted {
            size: Vec2::new(900.0, 600.0),
            language,
            ..Wanted::default()
        });
        let texts = Texts::of(language);
        let slider = window.harness.get_by_role(Role::Slider).rect();
        // Above the button that generates, and above what says what a run takes.
        let generate = texts.get("ui-generate-whole").into_owned();
        let generate = window
            .harness
            .get_by_role_and_label(Role::Button, &generate);
        assert!(slider.bottom() < generate.rect().top() - 16.0, "{slider}");
    }
}

/// The built-in model's files without its list of words, as a model that reads English has none.
pub(crate) fn model_without_words() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/starter");
    for name in [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/special_tokens_map.json",
        "tokenizer/tokenizer.json",
        "tokenizer/tokenizer_config.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ] {
        let to = folder.path().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(built_in.join(name), to).unwrap();
    }
    folder
}

#[test]
fn a_prompt_in_chinese_is_offered_in_english_where_the_model_reads_that() {
    let model = model_without_words();
    for (language, folder) in Language::ALL
        .into_iter()
        .map(|language| (language, Some(model.path().to_path_buf())))
        .chain([(Language::English, None)])
    {
        let reads_english = folder.is_some();
        let mut window = TestWindow::open(Wanted {
            language,
            model: folder,
            ..Wanted::default()
        });
        let texts = Texts::of(language);
        let prompt = texts.get("ui-prompt").into_owned();
        let field = window
            .harness
            .get_by_role_and_label(Role::MultilineTextInput, &prompt);
        field.focus();
        window.frames(2);
        let words = "女人，遮罩，紅色洋裝".to_owned();
        window.harness.event(eframe::egui::Event::Text(words));
        window.frames(3);
        let offer = texts.get("ui-write-english").into_owned();
        assert_eq!(
            window.harness.query_by_label(&offer).is_some(),
            reads_english
        );
        if !reads_english {
            continue;
        }
        window.harness.get_by_label(&offer).click();
        window.frames(3);
        let settings = window.editor().active().unwrap().settings();
        assert_eq!(settings.prompt, "woman, 遮罩, red dress");
        assert!(
            window.harness.query_by_label(&offer).is_none(),
            "there is nothing more to write"
        );
        let rest = Message::new("ui-no-english").with("words", "遮罩");
        let rest = texts.say(&rest);
        let names_the_rest = window.harness.query_by_label(&rest).is_some();
        assert!(names_the_rest);
    }
}
