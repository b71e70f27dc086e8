//! The bar at the top: menu, tabs, undo, zoom, what is shown, language and theme.

use eframe::egui::{self, RichText, Ui, vec2};

use crate::editor::{Command, OpenDocument, Sample};
use crate::text::Explain as _;
use crate::ui::actions::{Action, Group};
use crate::ui::batch;
use crate::ui::context::Desk;
use crate::ui::icons::{self, Icon};
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::widgets;

/// Draws the bar.
pub(crate) fn top_bar_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        main_menu(ui, desk);
        batch::tab_ui(ui, desk);
        // Two icons and the longest name of a language.
        let right = 2.0 * (size::ICON_BUTTON + space::XS) + 120.0;
        let shows_document = desk.open().is_some() && !desk.state.batch.is_shown;
        let middle = if shows_document {
            7.0 * (size::ICON_BUTTON + space::XS) + 80.0
        } else {
            0.0
        };
        let tabs_width = (ui.available_width() - right - middle).max(120.0);
        super::tabs::tabs(ui, desk, tabs_width);
        if shows_document {
            document_tools(ui, desk);
        }
        widgets::at_right(ui, |ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            help_and_looks(ui, desk);
        });
    });
}

fn main_menu(ui: &mut Ui, desk: &mut Desk<'_>) {
    let name = desk.text("ui-menu");
    let button = widgets::icon_button(ui, icons::MENU, &name, None).on_hover_text(name.as_ref());
    egui::Popup::menu(&button)
        .accessible_name(name)
        .width(280.0)
        .show(|ui| {
            let of = |group| move |action: &&Action| action.group() == group;
            let files = Action::ALL.iter().filter(of(Group::File));
            // Three lists of pictures and the line above the groups stand there too.
            widgets::fit_menu(ui, files.clone().count() + Group::ALL.len() + 3);
            for action in files {
                widgets::menu_item(ui, desk, *action);
                if *action == Action::OpenSample {
                    samples(ui, desk);
                    recent_files(ui, desk);
                    recently_closed(ui, desk);
                }
            }
            ui.separator();
            for group in Group::ALL.into_iter().filter(|group| *group != Group::File) {
                let title = desk.text(group.text());
                submenu(ui, group.icon(), &title, |ui| {
                    let actions = Action::ALL.iter().filter(of(group));
                    widgets::fit_menu(ui, actions.clone().count());
                    for action in actions {
                        widgets::menu_item(ui, desk, *action);
                    }
                });
            }
        });
}

/// A line of the menu that opens another menu.
fn submenu(ui: &mut Ui, icon: Icon, title: &str, contents: impl FnOnce(&mut Ui)) {
    let t = theme::tokens(ui);
    let ink = if ui.is_enabled() { t.muted } else { t.disabled };
    let sign = RichText::new(icon.0)
        .family(theme::icon_family())
        .size(text_size::ICON_SMALL)
        .color(ink);
    let line = ui.menu_button((sign, title), contents);
    _ = line.response.accessible_name(title);
}

fn samples(ui: &mut Ui, desk: &mut Desk<'_>) {
    let title = desk.text("ui-samples");
    submenu(ui, icons::PUT_PICTURE, &title, |ui| {
        for sample in Sample::ALL {
            if ui.button(desk.say(&sample.title())).clicked() {
                desk.send(Command::OpenSample(sample));
                ui.close();
            }
        }
    });
}

fn recent_files(ui: &mut Ui, desk: &mut Desk<'_>) {
    let files = desk.editor.preferences().recent_files.clone();
    let title = desk.text("ui-recent");
    ui.add_enabled_ui(!files.is_empty(), |ui| {
        submenu(ui, icons::REUSE, &title, |ui| {
            for path in files.into_iter().take(12) {
                let name = path
                    .file_name()
                    .unwrap_or(path.as_os_str())
                    .to_string_lossy()
                    .into_owned();
                if ui
                    .button(name)
                    .on_hover_text(path.display().to_string())
                    .clicked()
                {
                    desk.send(Command::OpenFile(path));
                    ui.close();
                }
            }
        });
    });
}

fn recently_closed(ui: &mut Ui, desk: &mut Desk<'_>) {
    let closed: Vec<_> = desk.editor.recently_closed().to_vec();
    let title = desk.text("ui-closed");
    ui.add_enabled_ui(!closed.is_empty(), |ui| {
        submenu(ui, icons::RECOVER, &title, |ui| {
            for closed in closed.into_iter().take(12) {
                ui.push_id(closed.id.0, |ui| {
                    let about = desk.about_closed(&closed);
                    if ui.button(&closed.title).on_hover_text(about).clicked() {
                        desk.send(Command::Restore(closed.id));
                        ui.close();
                    }
                });
            }
        });
    });
}

fn document_tools(ui: &mut Ui, desk: &mut Desk<'_>) {
    let labels = desk.open().map(|open| {
        let redo = open.document().redo_label();
        (
            desk.editor.undo_message(open.id()),
            redo.map(|label| label.message()),
        )
    });
    let (undo, redo) = labels.unwrap_or_default();
    for (action, label) in [(Action::Undo, undo), (Action::Redo, redo)] {
        let what = label.map(|label| desk.say(&label));
        let response = ui
            .add_enabled_ui(what.is_some(), |ui| {
                widgets::action_button(ui, desk, action, None)
            })
            .inner;
        if let Some(what) = what {
            response.on_hover_text(what);
        }
    }
    ui.separator();
    zoom_menu(ui, desk);
    let (split, comparing) = (desk.state.split.is_some(), desk.state.comparison.is_some());
    widgets::action_button(ui, desk, Action::Split, split);
    let shown = desk.state.shown;
    widgets::action_button(ui, desk, Action::ToggleArea, shown.area);
    let mask = desk.editor.active();
    let mask = mask.map_or(shown.mask, |open| desk.state.is_mask_shown(open));
    mask_eye(ui, desk, mask);
    widgets::action_button(ui, desk, Action::CompareStrengths, comparing);
}

fn mask_eye(ui: &mut Ui, desk: &mut Desk<'_>, shown: bool) {
    let icon = if shown { icons::EYE } else { icons::EYE_OFF };
    let name = desk.text(Action::ToggleMask.text());
    let tooltip = desk.tooltip(ui.ctx(), Action::ToggleMask);
    if widgets::icon_button(ui, icon, &name, !shown)
        .on_hover_text(tooltip)
        .clicked()
    {
        desk.act(Action::ToggleMask);
    }
}

fn zoom_menu(ui: &mut Ui, desk: &mut Desk<'_>) {
    let Some(id) = desk.open().map(OpenDocument::id) else {
        return;
    };
    let percent = desk.state.view_in_front(id).zoom * 100.0;
    let digits = usize::from(percent < 10.0);
    let text = format!("{percent:.digits$} %");
    let button = ui.add(
        egui::Button::new(text.as_str())
            .frame_when_inactive(false)
            .min_size(vec2(62.0, size::CONTROL)),
    );
    let name = desk.text("ui-zoom");
    let button = button
        .accessible_name(format!("{name} {text}"))
        .on_hover_text(name.as_ref());
    egui::Popup::menu(&button).accessible_name(name).show(|ui| {
        for action in [
            Action::ZoomIn,
            Action::ZoomOut,
            Action::Fit,
            Action::ActualSize,
        ] {
            widgets::menu_item(ui, desk, action);
        }
    });
}

fn help_and_looks(ui: &mut Ui, desk: &mut Desk<'_>) {
    let t = theme::tokens(ui);
    let sign = RichText::new(icons::LANGUAGE.0)
        .family(theme::icon_family())
        .size(text_size::ICON_SMALL);
    let word = RichText::new(desk.editor.language().own_name()).color(t.text);
    let tooltip = desk.tooltip(ui.ctx(), Action::ToggleLanguage);
    let button = egui::Button::new((sign, word)).frame_when_inactive(false);
    let name = desk.text(Action::ToggleLanguage.text());
    if ui
        .add(button)
        .accessible_name(name)
        .on_hover_text(tooltip)
        .clicked()
    {
        desk.act(Action::ToggleLanguage);
    }
    let icon = if ui.visuals().dark_mode {
        icons::SUN
    } else {
        icons::MOON
    };
    let name = desk.text(Action::ToggleTheme.text());
    let tooltip = desk.tooltip(ui.ctx(), Action::ToggleTheme);
    if widgets::icon_button(ui, icon, &name, None)
        .on_hover_text(tooltip)
        .clicked()
    {
        desk.act(Action::ToggleTheme);
    }
    widgets::action_button(ui, desk, Action::Shortcuts, None);
}
