//! Servers in the window, by role and label: added, their models chosen, the question before the first picture.

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers, Vec2};
use egui_kittest::kittest::Queryable as _;
use overpaint::catalog::{Family, ModelRef};
use overpaint::editor::{Adding, Editor, RunState, ServerState};
use overpaint::engine::fake::Script;
use overpaint::engine::{Fault, ServerError, Stage};
use overpaint::text::Language;

use super::{comfy, elsewhere};
use crate::support::window::{TestWindow, Wanted};

fn has(window: &TestWindow, words: &str) -> bool {
    window.harness.query_by_label_contains(words).is_some()
}

fn press(window: &mut TestWindow, role: Role, name: &str) {
    window.harness.get_by_role_and_label(role, name).click();
    window.frames(4);
}

fn open_list(window: &mut TestWindow, name: &str) {
    press(window, Role::ComboBox, name);
}

/// A window of that height in which the model of `elsewhere` is chosen.
fn at_studio(height: f32) -> TestWindow {
    let mut window = TestWindow::open(Wanted {
        size: Vec2::new(1280.0, height),
        prepare: elsewhere,
        ..Wanted::default()
    });
    open_list(&mut window, "Model");
    press(&mut window, Role::Button, "sd15-paint @ studio");
    window.wait(|editor| matches!(editor.model(), ModelRef::Served(_)));
    window.harness.key_press(Key::Escape);
    window.frames(3);
    window
}

fn generate(window: &mut TestWindow) {
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.frames(4);
}

#[test]
fn a_server_is_added_tested_and_its_model_chosen_by_hand() {
    let server = comfy();
    let mut window = TestWindow::open(Wanted {
        // There is room to describe the model.
        size: Vec2::new(1280.0, 1100.0),
        ..Wanted::default()
    });
    open_list(&mut window, "Model");
    assert!(!has(&window, "On this computer"), "there is but one place");
    press(&mut window, Role::Button, "Servers…");
    assert!(has(&window, "No server was added yet."));
    let address = window
        .harness
        .get_by_role_and_label(Role::TextInput, "Address");
    address.focus();
    window.frames(2);
    window
        .harness
        .get_by_role_and_label(Role::TextInput, "Address")
        .type_text(&server.url);
    window.frames(2);
    press(&mut window, Role::Button, "Add");
    window.wait(|editor| {
        let is_asking = editor.adding_server() == Some(&Adding::Asking);
        !is_asking && editor.servers().iter().any(|view| view.models.len() == 2)
    });
    assert!(has(&window, "It answers"));
    assert!(has(&window, "0.3.75 · cuda:0 Scripted · 2 models · 1 LoRA"));
    // On this machine nothing leaves it.
    assert!(!has(&window, "you are asked before"));
    press(&mut window, Role::Button, "Test 127.0.0.1");
    window.wait(|editor| editor.servers()[0].state == ServerState::Answers);
    press(&mut window, Role::Button, "Close");
    // Its models stand below those that are here.
    open_list(&mut window, "Model");
    let here = window.harness.get_by_label("On this computer").rect();
    let there = window.harness.get_by_label("On 127.0.0.1").rect();
    assert!(here.bottom() < there.top());
    press(&mut window, Role::Button, "house @ 127.0.0.1");
    window.wait(|editor| matches!(editor.model(), ModelRef::Served(_)));
    // Its name does not tell what it is: the list stays open and asks.
    assert!(has(&window, "Which family is it of?"));
    press(&mut window, Role::Button, "SDXL");
    window.wait(|editor| {
        editor
            .model_card()
            .is_some_and(|card| card.family == Family::Xl && card.traits.native_px == 1024)
    });
    assert!(!has(&window, "Which family is it of?"));
    assert!(has(&window, "Family (chosen by you)"));
    // Pressed again it is taken back, and asked again.
    press(&mut window, Role::Button, "SDXL");
    window.wait(|editor| {
        editor
            .model_card()
            .is_some_and(|card| card.family == Family::StableDiffusion1)
    });
    window.frames(3);
    assert!(has(&window, "Which family is it of?"));
    press(&mut window, Role::Button, "SDXL");
    window.wait(|editor| {
        editor
            .model_card()
            .is_some_and(|card| card.family == Family::Xl)
    });
    window.frames(3);
    window.harness.key_press(Key::Escape);
    window.frames(3);
    // Where it runs is said by the model's line.
    assert!(has(&window, "SDXL · 1024 px · on 127.0.0.1"));
    // Forgotten, it is said at once.
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    window.frames(3);
    window
        .harness
        .get_by_role_and_label(Role::TextInput, "Find a command")
        .type_text("servers");
    window.frames(2);
    window.harness.key_press(Key::Enter);
    window.frames(4);
    press(&mut window, Role::Button, "Forget 127.0.0.1 and its key");
    window.wait(|editor| editor.servers().is_empty());
    press(&mut window, Role::Button, "Close");
    assert!(has(&window, "There is no server “127.0.0.1” any more."));
}

#[test]
fn the_first_picture_for_another_machine_is_asked_about() {
    let mut window = at_studio(900.0);
    let question =
        "The picture will leave this computer: it is sent to studio (http://192.0.2.1:8188).";
    generate(&mut window);
    assert!(has(&window, question));
    // Escape is no yes.
    window.harness.key_press(Key::Escape);
    window.frames(4);
    assert!(!has(&window, question) && window.editor().leaving().is_none());
    generate(&mut window);
    press(&mut window, Role::Button, "Cancel");
    assert!(window.editor().runs().is_empty());
    generate(&mut window);
    press(&mut window, Role::Button, "Send");
    window.wait(|editor| {
        let mut runs = editor.runs().iter();
        runs.any(|run| matches!(run.state, RunState::Finished(_)))
    });
    generate(&mut window);
    assert!(!has(&window, question));
    window.wait_for_runs();
    assert_eq!(window.editor().runs().len(), 2);
}

#[test]
fn both_languages_group_models_by_where_they_lie() {
    let mut window = TestWindow::open(Wanted {
        size: Vec2::new(1280.0, 900.0),
        prepare: elsewhere,
        language: Language::TraditionalChinese,
        ..Wanted::default()
    });
    open_list(&mut window, "模型");
    assert!(has(&window, "在這台電腦") && has(&window, "在 studio"));
    // It is asked when the list is opened, and nobody is there.
    window.wait(|editor| editor.servers()[0].state != ServerState::Unasked);
    press(&mut window, Role::Button, "伺服器…");
    assert!(has(&window, "第一次傳送圖片前會先詢問"));
}

#[test]
fn loras_of_a_server_are_picked_weighed_and_removed() {
    let mut window = at_studio(1600.0);
    window.harness.get_by_label("More").click();
    window.frames(4);
    let used = |window: &TestWindow| {
        let settings = window.editor().active().unwrap().settings();
        let mut used = settings.loras.iter();
        used.next().map(|used| {
            let name = used.lora.name_there().unwrap().to_owned();
            (name, used.weight.get())
        })
    };
    open_list(&mut window, "Add…");
    // Files of this machine are of no use there.
    assert!(!has(&window, "Use a LoRA file…") && has(&window, "oil"));
    press(&mut window, Role::Button, "ink");
    let name = "styles/ink.safetensors".to_owned();
    assert_eq!(used(&window), Some((name.clone(), 1.0)));
    let weight = window
        .harness
        .get_by_role_and_label(Role::Slider, "Weight of ink");
    weight.focus();
    window.frames(2);
    for _ in 0..10 {
        window.harness.key_press(Key::ArrowLeft);
        window.frames(1);
    }
    let weight = used(&window).unwrap().1;
    assert!((weight - 0.5).abs() < 1e-9, "{weight}");
    // With a model of this machine it is said that it cannot be had.
    open_list(&mut window, "Model");
    press(&mut window, Role::Button, "Overpaint Starter");
    window.wait(|editor| *editor.model() == ModelRef::BuiltIn);
    window.frames(3);
    assert!(has(&window, "The LoRA “ink” lies on a server"));
    press(&mut window, Role::Button, "Remove ink");
    window.frames(3);
    assert_eq!(used(&window), None);
    assert!(!has(&window, "The LoRA “ink” lies on a server"));
}

#[test]
fn a_run_whose_server_is_away_says_so_and_what_failed_is_one_click_away() {
    for (language, away, again) in [
        (
            Language::English,
            "The server does not answer; trying again",
            "Try again",
        ),
        (
            Language::TraditionalChinese,
            "伺服器沒有回應，正在重試",
            "再試一次",
        ),
    ] {
        let error = ServerError {
            server: "studio".to_owned(),
            fault: Fault::Gone,
        };
        let mut window = TestWindow::open(Wanted {
            size: Vec2::new(1280.0, 900.0),
            language,
            scripts: vec![Script::AwayUntilCancel, Script::Fail(error.into())],
            ..Wanted::default()
        });
        let state = |editor: &Editor| editor.runs().first().map(|run| run.state.clone());
        generate(&mut window);
        window.wait(|editor| match state(editor) {
            Some(RunState::Running(progress)) => progress.stage == Some(Stage::Away),
            _ => false,
        });
        assert!(has(&window, away));
        window.harness.key_press(Key::Escape);
        window.wait_for_runs();
        assert!(matches!(state(window.editor()), Some(RunState::Cancelled)));
        assert!(!has(&window, again), "who has cancelled it knows");
        // The engine is made anew after a server's failure, with its script: this one is cancelled too.
        generate(&mut window);
        window.wait(|editor| matches!(state(editor), Some(RunState::Failed(_))));
        press(&mut window, Role::Button, again);
        window.wait(|editor| matches!(state(editor), Some(RunState::Running(_))));
        assert!(!has(&window, again) && window.editor().notices().is_empty());
        window.harness.key_press(Key::Escape);
        window.wait_for_runs();
    }
}
