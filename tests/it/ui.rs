//! The window by role and label, and as pictures.

use std::time::Duration;

use eframe::egui::accesskit::Toggled;
use eframe::egui::{self, Key, Modifiers, Role, Vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use overpaint::editor::RunState;
use overpaint::engine::fake::Script;
use overpaint::plan::MaskMode;
use overpaint::text::{Language, Texts};
use overpaint::ui::Action;

use crate::support::pictures;
use crate::support::window::{TestWindow, Wanted};

fn label(action: Action) -> String {
    Texts::of(Language::English).get(action.text()).into_owned()
}

fn mode(window: &TestWindow) -> MaskMode {
    window.editor().active().unwrap().settings().mask_mode
}

#[test]
fn a_stroke_by_dragging_paints_and_undo_takes_it_back() {
    let mut window = TestWindow::open(Wanted::default());
    assert_eq!(window.painted(), 0);
    window.drag(&[(0.4, 0.4), (0.5, 0.5), (0.6, 0.4)]);
    let painted = window.painted();
    assert!(painted > 5000, "{painted} pixels are painted");
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.frames(3);
    assert_eq!(window.painted(), 0);
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.frames(3);
    assert_eq!(
        window.painted(),
        painted,
        "redo, which is not undo with Shift held by accident"
    );
}

#[test]
fn all_positions_of_a_frame_belong_to_the_stroke() {
    let mut window = TestWindow::open(Wanted::default());
    let at = |window: &TestWindow, x: f32, y: f32| window.on_canvas(x, y);
    window.harness.hover_at(at(&window, 0.35, 0.3));
    window.frames(1);
    // One frame holds the press, a corner far away, and the release.
    window.harness.drag_at(at(&window, 0.35, 0.3));
    window.harness.hover_at(at(&window, 0.5, 0.7));
    window.harness.drop_at(at(&window, 0.65, 0.3));
    window.frames(3);
    let corner = {
        let open = window.editor().active().unwrap();
        let extent = open.document().extent();
        open.document()
            .mask()
            .get(extent.width / 2, extent.height * 7 / 10)
    };
    assert!(
        corner.is_some_and(|coverage| coverage > 0),
        "the corner was cut"
    );
}

#[test]
fn tools_are_chosen_by_key_and_button_and_paint_shapes() {
    let mut window = TestWindow::open(Wanted::default());
    window.harness.key_press(Key::R);
    window.frames(2);
    window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
    let rectangle = window.painted();
    assert!(rectangle > 0);
    window.harness.get_by_label(&label(Action::Eraser)).click();
    window.frames(2);
    window.drag(&[(0.4, 0.5), (0.6, 0.5)]);
    let erased = window.painted();
    assert!(erased < rectangle);
    window.harness.get_by_label(&label(Action::Lasso)).click();
    window.frames(2);
    window.drag(&[(0.35, 0.2), (0.5, 0.2), (0.5, 0.35), (0.35, 0.35)]);
    assert!(window.painted() > erased);
}

#[test]
fn the_mode_is_shown_and_switched_in_three_places() {
    let mut window = TestWindow::open(Wanted::default());
    window.drag(&[(0.4, 0.4), (0.5, 0.5)]);
    assert!(
        window
            .harness
            .query_by_label("Painted part changes")
            .is_some()
    );
    window
        .harness
        .get_by_role_and_label(Role::RadioButton, "Painted stays")
        .click();
    window.frames(3);
    assert_eq!(mode(&window), MaskMode::Stays);
    assert!(
        window
            .harness
            .query_by_label("Generate around the painted area")
            .is_some()
    );
    window.harness.get_by_label("Painted part stays").click();
    window.frames(3);
    assert_eq!(mode(&window), MaskMode::Changes);
    window.harness.key_press(Key::X);
    window.frames(3);
    assert_eq!(mode(&window), MaskMode::Stays);
}

#[test]
fn a_hidden_mask_says_that_it_applies() {
    let mut window = TestWindow::open(Wanted::default());
    let warning = "Mask hidden, but it still applies";
    window.drag(&[(0.4, 0.4), (0.5, 0.5)]);
    assert!(window.harness.query_by_label(warning).is_none());
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::H);
    window.frames(3);
    window.harness.get_by_label(warning).click();
    window.frames(3);
    assert!(window.harness.query_by_label(warning).is_none());
}

#[test]
fn generate_shows_the_result_and_accept_makes_a_layer() {
    let mut window = TestWindow::open(Wanted::default());
    window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
    window
        .harness
        .get_by_label("Generate in the painted area")
        .click();
    window.frames(2);
    window.wait_for_runs();
    window
        .harness
        .get_by_role_and_label(Role::Button, "Accept")
        .click();
    window.frames(3);
    let layers = window.editor().active().unwrap().document().layers().len();
    assert_eq!(layers, 1);
    assert!(window.harness.query_by_label("Hide layer").is_some());
}

#[test]
fn escape_cancels_the_run_and_the_painting_survives() {
    let scripts = vec![Script::WaitForCancel];
    let mut window = TestWindow::open(Wanted {
        scripts,
        ..Wanted::default()
    });
    window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
    let painted = window.painted();
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.wait(|editor| editor.running().is_some());
    // Painting never waits for the model.
    window.drag(&[(0.4, 0.6), (0.6, 0.4)]);
    assert!(window.painted() > painted);
    window.harness.key_press(Key::Escape);
    window.wait_for_runs();
    assert!(matches!(
        window.editor().runs()[0].state,
        RunState::Cancelled
    ));
}

#[test]
fn strengths_are_compared_side_by_side_and_one_is_accepted() {
    let mut window = TestWindow::open(Wanted::default());
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Enter);
    window.frames(3);
    window.wait_for_runs();
    assert_eq!(window.editor().runs().len(), 5);
    window.harness.get_by_label("Strength 0.45").click();
    window.frames(4);
    assert_eq!(
        window.editor().active().unwrap().document().layers().len(),
        1
    );
    assert!(
        window.harness.query_by_label("Strength 0.45").is_none(),
        "the canvas is back"
    );
}

#[test]
fn the_language_changes_at_once() {
    let mut window = TestWindow::open(Wanted::default());
    window
        .harness
        .get_by_label(&label(Action::ToggleLanguage))
        .click();
    window.frames(4);
    assert_eq!(window.editor().language(), Language::TraditionalChinese);
    assert!(window.harness.query_by_label("重畫整張圖片").is_some());
}

#[test]
fn the_palette_finds_and_does() {
    let mut window = TestWindow::open(Wanted::default());
    window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    window.frames(3);
    window
        .harness
        .event(egui::Event::Text("clear mask".to_owned()));
    window.frames(3);
    window.harness.key_press(Key::Enter);
    window.frames(3);
    assert_eq!(window.painted(), 0);
}

#[test]
fn the_key_for_before_is_not_written_into_the_prompt_of_a_result() {
    let mut window = TestWindow::open(Wanted::default());
    let name = "What should be there?";
    let field = window
        .harness
        .get_by_role_and_label(Role::MultilineTextInput, name);
    let field = field.rect().center();
    window.harness.hover_at(field);
    window.harness.drag_at(field);
    window.harness.drop_at(field);
    window.frames(2);
    let write = |window: &mut TestWindow, text: &str| {
        window.harness.event(egui::Event::Text(text.to_owned()));
        window.frames(2);
    };
    let prompt = |window: &TestWindow| {
        let open = window.editor().active().unwrap();
        open.settings().prompt.clone()
    };
    write(&mut window, "a\\b");
    assert_eq!(prompt(&window), "a\\b", "nothing to compare with yet");
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.wait_for_runs();
    window.harness.key_down(Key::Backslash);
    write(&mut window, "\\");
    let before = window.harness.query_by_label("Before").is_some();
    assert!(before, "the picture without the result");
    window.harness.key_up(Key::Backslash);
    assert_eq!(
        prompt(&window),
        "a\\b",
        "the keyboard is not there any more"
    );
}

#[test]
fn the_pointer_does_not_choose_in_the_palette() {
    let mut window = TestWindow::open(Wanted::default());
    let keys = Modifiers::COMMAND | Modifiers::SHIFT;
    window.harness.key_press_modifiers(keys, Key::P);
    window.frames(3);
    window.harness.event(egui::Event::Text("mask".to_owned()));
    window.frames(3);
    let lines = |window: &TestWindow| {
        let lines = window.harness.query_all_by_role(Role::Button);
        let lines = lines.filter_map(|node| {
            let chosen = node.accesskit_node().toggled()? == Toggled::True;
            let name = node.accesskit_node().label()?;
            let known = Action::ALL.iter().any(|action| label(*action) == name);
            let wide = node.rect().width() > 300.0;
            (known && wide).then(|| (name, chosen, node.rect()))
        });
        lines.collect::<Vec<_>>()
    };
    let at_first = lines(&window);
    assert!(at_first.len() >= 3, "{at_first:?}");
    let chosen = |window: &TestWindow| {
        let lines = lines(window).into_iter();
        let chosen = lines.filter(|(_, chosen, _)| *chosen);
        chosen.map(|(name, ..)| name).collect::<Vec<_>>()
    };
    assert_eq!(chosen(&window), [at_first[0].0.clone()]);
    let pointed_at = at_first[2].2.center();
    window.harness.hover_at(pointed_at);
    window.frames(30);
    assert_eq!(chosen(&window), [at_first[0].0.clone()]);
    // What a line does stands below the list, where it covers no other line.
    let action = Action::ALL.iter().find(|a| label(**a) == at_first[2].0);
    let about = Texts::of(Language::English).get(action.unwrap().tooltip());
    let about = window.harness.get_by_label(&about).rect();
    for (name, _, rect) in lines(&window) {
        assert!(!rect.intersects(about), "{name}");
    }
    window.harness.key_press(Key::ArrowDown);
    window.frames(3);
    assert_eq!(chosen(&window), [at_first[1].0.clone()]);
}

#[test]
fn unsaved_work_is_asked_about_and_saved_by_the_path_field() {
    let mut window = TestWindow::open(Wanted::default());
    window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::W);
    window.frames(4);
    assert!(window.editor().active().is_some());
    window.harness.get_by_label("Keep working").click();
    window.frames(3);
    let path = window.folder.path().join("saved.png");
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::S);
    window.frames(4);
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::A);
    window
        .harness
        .event(egui::Event::Text(path.display().to_string()));
    window.frames(2);
    window.harness.key_press(Key::Enter);
    window.frames(2);
    window.wait(|editor| editor.active().is_some_and(|open| open.path().is_some()));
    assert!(image::open(&path).is_ok());
}

#[test]
fn every_action_is_on_the_shortcut_sheet_or_in_the_palette() {
    let mut window = TestWindow::open(Wanted {
        size: Vec2::new(1280.0, 2400.0),
        ..Wanted::default()
    });
    window.harness.key_press(Key::F1);
    window.frames(4);
    for action in Action::ALL
        .iter()
        .filter(|action| !action.shortcuts().is_empty())
    {
        let found = window.harness.query_all_by_label(&label(*action)).count();
        assert!(found > 0, "{action:?} is not on the sheet");
    }
}

#[test]
fn only_the_tiles_under_a_stroke_are_sent_again() {
    let mut window = TestWindow::open(Wanted::default());
    window.frames(10);
    assert_eq!(
        window.harness.state().uploads(),
        (0, 0),
        "a window at rest sends nothing"
    );
    let at = window.on_canvas(0.42, 0.42);
    window.harness.hover_at(at);
    window.frames(1);
    window.harness.drag_at(at);
    window.frames(2);
    window.harness.hover_at(at + Vec2::new(3.0, 0.0));
    window.frames(2);
    let (count, texels) = window.harness.state().uploads();
    assert!(count <= 2, "{count} textures for a few pixels");
    assert!(texels <= 2 * 256 * 256, "{texels} texels");
}

#[test]
fn the_window_looks_as_kept() {
    let mut window = TestWindow::open(Wanted::default());
    window.drag(&[(0.45, 0.3), (0.5, 0.55), (0.55, 0.8)]);
    window.harness.remove_cursor();
    window.frames(8);
    pictures::assert_same(&window.picture(), "tests/snapshots", "window_dark_en");
    window
        .harness
        .get_by_label(&label(Action::ToggleTheme))
        .click();
    window.frames(4);
    window
        .harness
        .get_by_label(&label(Action::ToggleLanguage))
        .click();
    window.harness.remove_cursor();
    window.frames(8);
    pictures::assert_same(&window.picture(), "tests/snapshots", "window_light_zh");
}

/// What README shows. `UPDATE_SNAPSHOTS=1` writes the pictures anew.
#[test]
fn the_readme_pictures_are_up_to_date() {
    let size = Vec2::new(1280.0, 800.0);
    let mut window = TestWindow::open(Wanted {
        size,
        step_time: Duration::from_millis(1),
        ..Wanted::default()
    });
    window.harness.get_by_label("Close the guide").click();
    window
        .harness
        .get_by_role_and_label(Role::RadioButton, "Painted stays")
        .click();
    window.frames(3);
    window.harness.get_by_label(&label(Action::Lasso)).click();
    window.frames(2);
    // Around the person of the sample portrait.
    window.drag(&[
        (0.367, 0.337),
        (0.416, 0.268),
        (0.460, 0.230),
        (0.526, 0.221),
        (0.604, 0.262),
        (0.670, 0.310),
        (0.656, 0.392),
        (0.678, 0.556),
        (0.664, 0.638),
        (0.637, 0.673),
        (0.659, 0.762),
        (0.703, 0.844),
        (0.714, 0.962),
        (0.295, 0.962),
        (0.301, 0.871),
        (0.361, 0.789),
        (0.374, 0.707),
        (0.328, 0.638),
        (0.323, 0.556),
        (0.352, 0.529),
        (0.345, 0.460),
    ]);
    window.harness.get_by_label("Places").click();
    window.frames(2);
    window
        .harness
        .get_by_label("in the starry night sky")
        .click();
    window.frames(2);
    window.harness.key_press(Key::A);
    window.harness.remove_cursor();
    window.frames(8);
    pictures::assert_same(&window.picture(), "assets/screenshots", "window");
}

#[test]
fn a_sample_picture_is_opened_from_the_menu() {
    let mut window = TestWindow::open(Wanted::default());
    for name in ["Menu", "Sample pictures", "Photograph: an astronaut"] {
        window.harness.get_by_label(name).click();
        window.frames(4);
    }
    window.wait(|editor| editor.documents().len() == 2);
    let open = window.editor().active().unwrap();
    assert_eq!(open.title(), "Photograph: an astronaut");
    assert!(!open.document().is_unsaved());
}
