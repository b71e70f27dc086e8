//! What each action does, as the test sees it.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{Color32, ColorImage, Event, Key, Modifiers, ViewportCommand};
use overpaint::engine::fake::Script;
use overpaint::ui::Action;

use super::Stage;
use super::doing::{
    make_layer, make_results, paint, path, say_path, use_prompts, wait_for_file, write_picture,
};
use super::looks::{
    batch, chosen_tools, dab, documents, interface, is_unsaved, last_run, layers, mask_view,
    on_off, own_file, paint_seen, painted, prompt, recipe_written, results, runs, seed_copied,
    seeds_of_runs, shown_result, written, zoom,
};
use crate::support::window::Wanted;

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
        Action::Batch => Case::new(batch, Between("none", "shop"))
            .first(|stage| {
                std::fs::create_dir(path(&stage.window, "shop")).unwrap();
                write_picture(&stage.window, "shop/a.png");
            })
            .then(|stage| {
                say_path(stage, "shop");
                stage.window.wait(|editor| editor.batch().is_some());
            }),
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
        Action::ReopenClosed => Case::new(
            |stage| {
                if stage.window.editor().active().is_none() {
                    return "nothing".to_owned();
                }
                paint_seen(stage)
            },
            Between("nothing", "painted"),
        )
        .first(|stage| {
            paint(stage);
            stage.keys(Modifiers::COMMAND, Key::W);
            stage.click("Close without saving");
            stage
                .window
                .wait(|editor| !editor.recently_closed().is_empty());
        })
        .then(|stage| stage.window.wait(|editor| editor.active().is_some())),
        Action::SaveAll => Case::new(is_unsaved, Between("unsaved", "saved"))
            .first(paint)
            .then(|stage| {
                say_path(stage, "own.png");
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
        Action::SelectSubject => select_case().with_button(),
        Action::SelectBackground
        | Action::SelectFace
        | Action::SelectHair
        | Action::SelectClothes => select_case(),
        Action::InvertMask => Case::new(painted, Grows).with_button(),
        Action::ErasePainted => Case::new(layers, Between("0", "1"))
            .first(paint)
            .then(|stage| {
                stage.window.wait(|editor| editor.erasures().is_empty());
            }),
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
        Action::SaveRecipe => {
            Case::new(recipe_written, Between("nothing", "written")).then(|stage| {
                say_path(stage, "out.overpaint-recipe.toml");
                wait_for_file(stage, "out.overpaint-recipe.toml");
            })
        }
        Action::SaveMask => Case::new(written, Between("nothing", "written")).then(|stage| {
            say_path(stage, "out.png");
            wait_for_file(stage, "out.png");
        }),
        Action::Brush => tool_case(To("Brush")).first(|stage| stage.keys(Modifiers::NONE, Key::E)),
        Action::Eraser => tool_case(To("Eraser")),
        Action::Erase => tool_case(To("Erase")),
        Action::Rectangle => tool_case(To("Rectangle")),
        Action::Lasso => tool_case(To("Lasso")),
        // Without the networks it says where they can be had.
        Action::ClickSelect => Case::new(
            |stage| format!("{}", stage.has("Get… MobileSAM")),
            Between("false", "true"),
        )
        .with_button(),
        Action::Wand => tool_case(To("Magic wand")),
        Action::SmartBrush => tool_case(To("Smart brush")),
        Action::Refine => Case::new(
            |stage| format!("{}", stage.has("Grow or shrink")),
            Between("false", "true"),
        )
        .first(paint),
        Action::QuickMask => Case::new(mask_view, Between("tint", "ants")),
        Action::NextMaskView => Case::new(mask_view, Between("ants", "black-white"))
            .first(|stage| stage.keys(Modifiers::NONE, Key::Q)),
        // Their sisters have their places in the column; the card has both.
        Action::Ellipse => Case::new(chosen_tools, To("Ellipse"))
            .first(|stage| stage.keys(Modifiers::NONE, Key::R))
            .with_button_named("Shape: Ellipse"),
        Action::Polygon => Case::new(chosen_tools, To("Polygon lasso"))
            .first(|stage| stage.keys(Modifiers::NONE, Key::L))
            .with_button_named("Shape: Polygon lasso"),
        Action::Hand => tool_case(To("Hand")),
        Action::SmallerBrush => Case::new(dab, Shrinks),
        Action::LargerBrush => Case::new(dab, Grows),
        Action::TaskBackground => task_case("person, …"),
        Action::TaskHair => task_case("person with … hair"),
        Action::TaskClothes => task_case("person, wearing …"),
        Action::TaskStyle => task_case("… style"),
        Action::TaskRemove => task_case("empty …"),
        Action::PutColour | Action::PutGradient | Action::PutBlur | Action::PutNothing => {
            Case::new(layers, Between("0", "1")).then(wait_for_background)
        }
        Action::PutPicture => Case::new(layers, Between("0", "1"))
            .first(|stage| write_picture(&stage.window, "behind.png"))
            .then(|stage| {
                say_path(stage, "behind.png");
                wait_for_background(stage);
            }),
        Action::Harmonise => Case::new(runs, Between("0", "1"))
            .first(paint)
            .then(|stage| stage.window.wait_for_runs()),
        Action::SwapMaskKind => Case::new(
            |stage| {
                let open = stage.window.editor().active().unwrap();
                format!("{:?}", open.document().mask_kind())
            },
            Between("Strength", "Matte"),
        ),
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
        // The newest stands first.
        Action::NextResult => Case::new(shown_result, Between("0", "1"))
            .first(|stage| make_results(&mut stage.window, 3)),
        Action::PreviousResult => Case::new(shown_result, Between("0", "2"))
            .first(|stage| make_results(&mut stage.window, 3)),
        Action::BringBack => Case::new(results, Between("1", "2"))
            .first(|stage| {
                make_results(&mut stage.window, 2);
                stage.keys(Modifiers::NONE, Key::Delete);
            })
            .with_button(),
        Action::CopySeed => Case::new(seed_copied, Between("nothing", "the seed"))
            .first(|stage| make_results(&mut stage.window, 1)),
        Action::Again => Case::new(seeds_of_runs, Between("1 of 1", "1 of 2"))
            .first(|stage| make_results(&mut stage.window, 1))
            .then(|stage| stage.window.wait_for_runs()),
        Action::AgainOtherSeed => Case::new(seeds_of_runs, Between("1 of 1", "2 of 2"))
            .first(|stage| make_results(&mut stage.window, 1))
            .then(|stage| stage.window.wait_for_runs()),
        Action::AllResults => Case::new(
            |stage| stage.has("Discard this run").to_string(),
            Between("false", "true"),
        )
        .first(|stage| make_results(&mut stage.window, 1))
        .with_button(),
        Action::CompareTwo => Case::new(
            |stage| stage.has("Side by side").to_string(),
            Between("false", "true"),
        )
        .first(|stage| make_results(&mut stage.window, 2)),
        Action::RenameLayer => Case::new(
            |stage| stage.has("Name of the layer").to_string(),
            Between("false", "true"),
        )
        .first(make_layer),
        Action::DuplicateLayer => Case::new(layers, Between("1", "2"))
            .first(make_layer)
            .with_button(),
        Action::RedoLayer => Case::new(paint_seen, Between("blank", "painted"))
            .first(|stage| {
                paint(stage);
                make_layer(stage);
                stage.keys(Modifiers::COMMAND, Key::D);
            })
            .with_button(),
        Action::UseSettings | Action::PreviousPrompt => {
            Case::new(prompt, Between("third", "second")).first(use_prompts)
        }
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
        Action::ActualSize => Case::new(zoom, To("100 %")).first(|stage| {
            stage.keys(Modifiers::COMMAND, Key::Plus);
            stage.keys(Modifiers::COMMAND, Key::Plus);
        }),
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
        Action::Recover => Case::new(
            |stage| format!("{}", stage.has("There is nothing to restore.")),
            Between("false", "true"),
        ),
        Action::GetModel => Case::new(
            |stage| format!("{}", stage.has("Get… Stable Diffusion 1.5")),
            Between("false", "true"),
        ),
        Action::Servers => Case::new(
            |stage| format!("{}", stage.has("No server was added yet.")),
            Between("false", "true"),
        ),
        Action::Messages => Case::new(
            |stage| format!("{}", stage.has("There are no messages.")),
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
    Case::new(chosen_tools, change).with_button()
}

fn select_case() -> Case {
    Case::new(paint_seen, Change::Between("blank", "painted")).then(|stage| {
        stage.window.wait(|editor| {
            let open = editor.active().unwrap();
            editor.selecting(open.id()).is_none() && open.document().undo_label().is_some()
        });
    })
}

fn task_case(begun: &'static str) -> Case {
    Case::new(prompt, Change::To(begun)).with_button()
}

fn wait_for_background(stage: &mut Stage) {
    stage.window.wait(|editor| {
        let open = editor.active().unwrap();
        !editor.is_putting_behind(open.id()) && open.document().undo_label().is_some()
    });
}
