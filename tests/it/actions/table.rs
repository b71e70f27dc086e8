//! What each action does, as the test sees it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{Color32, ColorImage, Event, Key, Modifiers, ViewportCommand};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use overpaint::editor::RunState;
use overpaint::engine::fake::Script;
use overpaint::ui::Action;

use super::Stage;
use crate::support::window::{TestWindow, Wanted};

/// What an action must do to what is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// From the one to the other.
    Between(&'static str, &'static str),
    /// From anything else to this.
    To(&'static str),
    /// The number becomes larger.
    Grows,
    /// The number becomes smaller.
    Shrinks,
}

/// The button that lies open in the window.
#[derive(Debug, Clone, Copy)]
pub(super) enum Button {
    /// There is none.
    None,
    /// It is called as the action.
    Own,
    /// It is called otherwise.
    Named(&'static str),
}

/// How an action is tried.
pub(super) struct Case {
    scripts: Vec<Script>,
    /// What must be there first.
    pub first: fn(&mut Stage),
    /// What is asked for afterwards: a path, or patience.
    pub then: fn(&mut Stage),
    /// What the action changes.
    pub look: fn(&mut Stage) -> String,
    pub change: Change,
    pub button: Button,
}

impl Case {
    fn new(look: fn(&mut Stage) -> String, change: Change) -> Self {
        Self {
            scripts: Vec::new(),
            first: |_| {},
            then: |_| {},
            look,
            change,
            button: Button::None,
        }
    }

    fn first(self, first: fn(&mut Stage)) -> Self {
        Self { first, ..self }
    }

    fn then(self, then: fn(&mut Stage)) -> Self {
        Self { then, ..self }
    }

    fn with_button(self) -> Self {
        Self {
            button: Button::Own,
            ..self
        }
    }

    fn with_button_named(self, name: &'static str) -> Self {
        Self {
            button: Button::Named(name),
            ..self
        }
    }

    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            scripts: self.scripts.clone(),
            ..with_results()
        }
    }
}

/// A window in which a run takes a while, so that it can be seen to run.
pub(super) fn with_results() -> Wanted {
    Wanted {
        step_time: Duration::from_millis(1),
        ..Wanted::default()
    }
}

/// The case of every action.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn case(action: Action) -> Case {
    use Change::{Between, Grows, Shrinks, To};
    match action {
        Action::Open => Case::new(documents, Between("1", "2"))
            .first(|stage| write_picture(&stage.window, "other.png"))
            .then(|stage| {
                say_path(stage, "other.png");
                stage.window.wait(|editor| editor.documents().len() == 2);
            })
            .with_button(),
        Action::Paste => Case::new(documents, Between("1", "2")).then(|stage| {
            // The desktop answers the question with what its clipboard holds.
            let asked = stage.asked();
            assert!(asked.contains(&ViewportCommand::RequestPaste), "{asked:?}");
            let image = ColorImage::filled([7, 5], Color32::WHITE);
            stage
                .window
                .harness
                .event(Event::PasteImage(Arc::new(image)));
            stage.frames(3);
        }),
        Action::OpenSample => Case::new(documents, Between("1", "2"))
            .then(|stage| stage.window.wait(|editor| editor.documents().len() == 2)),
        Action::Save => Case::new(is_unsaved, Between("unsaved", "saved"))
            .first(|stage| {
                stage.keys(Modifiers::COMMAND | Modifiers::SHIFT, Key::S);
                say_path(stage, "own.png");
                stage
                    .window
                    .wait(|editor| editor.active().is_some_and(|open| open.path().is_some()));
                paint(stage);
            })
            .then(|stage| {
                stage.window.wait(|editor| !editor.has_unsaved_work());
            }),
        Action::SaveAs => Case::new(own_file, Between("none", "own.png")).then(|stage| {
            say_path(stage, "own.png");
            stage
                .window
                .wait(|editor| editor.active().is_some_and(|open| open.path().is_some()));
        }),
        Action::Export => Case::new(written, Between("nothing", "written")).then(|stage| {
            say_path(stage, "out.png");
            wait_for_file(stage, "out.png");
            assert_eq!(
                own_file(stage),
                "none",
                "a copy is not the picture's own file"
            );
        }),
        Action::CloseTab => {
            Case::new(documents, Between("1", "0")).with_button_named("Close Sample portrait")
        }
        Action::Quit => Case::new(
            |stage| {
                let asked = stage.asked().contains(&ViewportCommand::Close);
                asked.to_string()
            },
            Between("false", "true"),
        ),
        Action::Undo | Action::ClearMask => Case::new(paint_seen, Between("painted", "blank"))
            .first(paint)
            .with_button(),
        Action::Redo => Case::new(paint_seen, Between("blank", "painted"))
            .first(|stage| {
                paint(stage);
                stage.keys(Modifiers::COMMAND, Key::Z);
            })
            .with_button(),
        Action::InvertMask => Case::new(painted, Grows).with_button(),
        Action::SwapMode => Case::new(
            |stage| {
                format!(
                    "{:?}",
                    stage.window.editor().active().unwrap().settings().mask_mode
                )
            },
            Between("Changes", "Stays"),
        ),
        Action::LoadMask => Case::new(paint_seen, Between("blank", "painted"))
            .first(|stage| write_picture(&stage.window, "mask.png"))
            .then(|stage| {
                say_path(stage, "mask.png");
                stage.window.wait(|editor| {
                    editor
                        .active()
                        .is_some_and(|open| open.document().undo_label().is_some())
                });
            }),
        Action::SaveMask => Case::new(written, Between("nothing", "written")).then(|stage| {
            say_path(stage, "out.png");
            wait_for_file(stage, "out.png");
        }),
        Action::Brush => tool_case(To("Brush")).first(|stage| stage.keys(Modifiers::NONE, Key::E)),
        Action::Eraser => tool_case(To("Eraser")),
        Action::Rectangle => tool_case(To("Rectangle")),
        Action::Lasso => tool_case(To("Lasso")),
        Action::Hand => tool_case(To("Hand")),
        Action::SmallerBrush => Case::new(dab, Shrinks),
        Action::LargerBrush => Case::new(dab, Grows),
        Action::Generate => Case::new(runs, Between("0", "1"))
            .then(|stage| stage.window.wait_for_runs())
            .with_button_named("Restyle the whole picture"),
        Action::CompareStrengths => Case::new(runs, Between("0", "5"))
            .then(|stage| {
                stage.window.wait_for_runs();
                assert!(stage.has("Strength 0.45"), "the tiles are shown");
            })
            .with_button(),
        Action::Cancel => Case {
            scripts: vec![Script::WaitForCancel],
            ..Case::new(last_run, Between("running", "cancelled"))
        }
        .first(|stage| {
            stage.keys(Modifiers::COMMAND, Key::Enter);
            stage.window.wait(|editor| editor.running().is_some());
        })
        .then(|stage| stage.window.wait_for_runs())
        .with_button(),
        Action::Accept => Case::new(layers, Between("0", "1"))
            .first(|stage| make_results(&mut stage.window, 1))
            .with_button(),
        Action::Discard => Case::new(results, Between("2", "1"))
            .first(|stage| make_results(&mut stage.window, 2))
            .with_button(),
        Action::NextResult => Case::new(shown_result, Between("2", "0"))
            .first(|stage| make_results(&mut stage.window, 3)),
        Action::PreviousResult => Case::new(shown_result, Between("2", "1"))
            .first(|stage| make_results(&mut stage.window, 3)),
        Action::PreviousPrompt => Case::new(prompt, Between("third", "second")).first(use_prompts),
        Action::NextPrompt => Case::new(prompt, Between("first", "second")).first(|stage| {
            use_prompts(stage);
            stage.keys(Modifiers::COMMAND, Key::ArrowUp);
            stage.keys(Modifiers::COMMAND, Key::ArrowUp);
        }),
        Action::LastComparison => Case::new(
            |stage| format!("{}", stage.has("Strength 0.45")),
            Between("false", "true"),
        )
        .first(|stage| {
            stage.keys(Modifiers::COMMAND | Modifiers::SHIFT, Key::Enter);
            stage.window.wait_for_runs();
            stage.keys(Modifiers::NONE, Key::Escape);
        })
        .with_button(),
        Action::ZoomIn => Case::new(zoom, Grows),
        Action::ZoomOut => Case::new(zoom, Shrinks),
        Action::Fit => Case::new(zoom, Shrinks).first(|stage| {
            stage.keys(Modifiers::COMMAND, Key::Plus);
        }),
        Action::ActualSize => {
            Case::new(zoom, To("100 %")).first(|stage| stage.keys(Modifiers::COMMAND, Key::Plus))
        }
        Action::Split => Case::new(
            |stage| on_off(stage, "Before and after"),
            Between("off", "on"),
        )
        .with_button(),
        Action::ToggleMask => Case::new(
            |stage| format!("{}", stage.has("Mask hidden, but it still applies")),
            Between("false", "true"),
        )
        .first(paint)
        .with_button(),
        Action::ToggleArea => Case::new(
            |stage| on_off(stage, "Show work area"),
            Between("off", "on"),
        )
        .with_button(),
        Action::TogglePanels => Case::new(
            |stage| format!("{}", stage.has("What should be there?")),
            Between("true", "false"),
        )
        .first(|stage| {
            // Tab means the panels only where the canvas has the keyboard.
            stage.keys(Modifiers::NONE, Key::H);
            stage.window.drag(&[(0.5, 0.2), (0.5, 0.2)]);
        }),
        Action::ToggleTheme => Case::new(
            |stage| format!("{:?}", stage.window.editor().preferences().theme),
            Between("System", "Light"),
        )
        .with_button(),
        Action::Copy => Case::new(
            |stage| stage.copied.try_iter().count().to_string(),
            Between("0", "1"),
        ),
        Action::ResetInterface => Case::new(interface, Shrinks)
            .first(|stage| stage.keys(Modifiers::COMMAND | Modifiers::ALT, Key::Plus)),
        Action::LargerInterface => Case::new(interface, Grows),
        Action::SmallerInterface => Case::new(interface, Shrinks),
        Action::ToggleMotion => Case::new(
            |stage| {
                format!(
                    "{}",
                    stage.window.harness.ctx.global_style().animation_time > 0.0
                )
            },
            Between("true", "false"),
        ),
        Action::ToggleLanguage => Case::new(
            |stage| format!("{:?}", stage.window.editor().language()),
            Between("English", "TraditionalChinese"),
        )
        .with_button(),
        Action::Shortcuts => Case::new(
            |stage| format!("{}", stage.has("Mouse and held keys")),
            Between("false", "true"),
        )
        .with_button(),
        Action::Palette => Case::new(
            |stage| format!("{}", stage.has("Find a command")),
            Between("false", "true"),
        ),
        Action::Guide => Case::new(
            |stage| format!("{}", stage.has("Close the guide")),
            Between("false", "true"),
        )
        .first(|stage| stage.click("Close the guide")),
    }
}

fn tool_case(change: Change) -> Case {
    let look = |stage: &mut Stage| {
        let tools = ["Brush", "Eraser", "Rectangle", "Lasso", "Hand"];
        let chosen: Vec<&str> = tools.into_iter().filter(|tool| stage.is_on(tool)).collect();
        chosen.join(" and ")
    };
    Case::new(look, change).with_button()
}

/// Runs the model `count` times; the last result is shown.
pub(super) fn make_results(window: &mut TestWindow, count: usize) {
    for _ in 0..count {
        window
            .harness
            .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
        window.frames(2);
        window.wait_for_runs();
    }
}

fn paint(stage: &mut Stage) {
    stage.window.drag(&[(0.4, 0.4), (0.6, 0.6)]);
}

/// Generates with two prompts and writes a third.
fn use_prompts(stage: &mut Stage) {
    for text in ["first", "second", "third"] {
        let field = stage.window.harness.get_by(|node| {
            node.role() == eframe::egui::Role::MultilineTextInput
                && node.label().as_deref() == Some("What should be there?")
        });
        field.click();
        stage.frames(2);
        stage.keys(Modifiers::COMMAND, Key::A);
        stage.write(text);
        if text != "third" {
            make_results(&mut stage.window, 1);
        }
    }
}

/// A white picture in the window's folder, of the size of the sample.
fn write_picture(window: &TestWindow, name: &str) {
    let extent = window.editor().active().unwrap().document().extent();
    let white = image::RgbImage::from_pixel(extent.width, extent.height, image::Rgb([255; 3]));
    white.save(path(window, name)).unwrap();
}

fn path(window: &TestWindow, name: &str) -> PathBuf {
    window.folder.path().join(name)
}

/// Writes a path into the field that asks for one.
fn say_path(stage: &mut Stage, name: &str) {
    let path = path(&stage.window, name).display().to_string();
    stage.frames(2);
    stage.keys(Modifiers::COMMAND, Key::A);
    stage.write(&path);
    stage.keys(Modifiers::NONE, Key::Enter);
}

fn wait_for_file(stage: &mut Stage, name: &str) {
    let path = path(&stage.window, name);
    stage.window.wait(|_| path.is_file());
}

fn documents(stage: &mut Stage) -> String {
    stage.window.editor().documents().len().to_string()
}

fn is_unsaved(stage: &mut Stage) -> String {
    let unsaved = stage.window.editor().has_unsaved_work();
    if unsaved { "unsaved" } else { "saved" }.to_owned()
}

fn own_file(stage: &mut Stage) -> String {
    let open = stage.window.editor().active().unwrap();
    let name = open.path().and_then(|path| path.file_name());
    name.map_or_else(
        || "none".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn written(stage: &mut Stage) -> String {
    let there = path(&stage.window, "out.png").is_file();
    if there { "written" } else { "nothing" }.to_owned()
}

fn painted(stage: &mut Stage) -> String {
    stage.window.painted().to_string()
}

fn paint_seen(stage: &mut Stage) -> String {
    let blank = stage.window.painted() == 0;
    if blank { "blank" } else { "painted" }.to_owned()
}

/// How many pixels one touch of the brush paints.
fn dab(stage: &mut Stage) -> String {
    stage.window.drag(&[(0.5, 0.5), (0.5, 0.5)]);
    let painted = stage.window.painted();
    stage.keys(Modifiers::COMMAND, Key::Z);
    painted.to_string()
}

fn runs(stage: &mut Stage) -> String {
    stage.window.editor().runs().len().to_string()
}

fn last_run(stage: &mut Stage) -> String {
    match stage.window.editor().runs()[0].state {
        RunState::Running(_) => "running",
        RunState::Cancelled => "cancelled",
        _ => "something else",
    }
    .to_owned()
}

fn layers(stage: &mut Stage) -> String {
    let open = stage.window.editor().active().unwrap();
    open.document().layers().len().to_string()
}

fn results(stage: &mut Stage) -> String {
    let editor = stage.window.editor();
    let id = editor.active().unwrap().id();
    editor.candidates(id).count().to_string()
}

/// Which of the results in the strip is shown.
fn shown_result(stage: &mut Stage) -> String {
    let about = |node: &egui_kittest::Node<'_>| {
        let label = node.accesskit_node().label().unwrap_or_default();
        label.contains("· seed ")
    };
    let strip = stage
        .window
        .harness
        .query_all_by_role(eframe::egui::Role::Button);
    let mut strip: Vec<_> = strip.filter(about).collect();
    strip.sort_by(|a, b| a.rect().left().total_cmp(&b.rect().left()));
    let on = Some(eframe::egui::accesskit::Toggled::True);
    let shown = strip
        .iter()
        .position(|node| node.accesskit_node().toggled() == on);
    shown.map_or_else(|| "none".to_owned(), |place| place.to_string())
}

fn prompt(stage: &mut Stage) -> String {
    stage
        .window
        .editor()
        .active()
        .unwrap()
        .settings()
        .prompt
        .clone()
}

/// What the zoom button says.
fn zoom(stage: &mut Stage) -> String {
    let button = stage.window.harness.get_by(|node| {
        let label = node.label().unwrap_or_default();
        label.starts_with("Zoom ") && label.ends_with('%')
    });
    let label = button.accesskit_node().label().unwrap_or_default();
    label.trim_start_matches("Zoom ").to_owned()
}

fn interface(stage: &mut Stage) -> String {
    stage.window.harness.ctx.zoom_factor().to_string()
}

fn on_off(stage: &Stage, name: &str) -> String {
    if stage.is_on(name) { "on" } else { "off" }.to_owned()
}
