//! [`PathField`]: a path written by hand, with the folder it leads to below, for desktops that have no
//! file dialog.

use eframe::egui::{self, Key, RichText, TextEdit, Ui};

use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::icons::{self, Icon};
use crate::ui::state::PathField;
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::widgets;

/// Height of the list, in points.
const LIST_HEIGHT: f32 = 220.0;

/// The field, the folder, and what to do with it.
pub(super) fn path_ui(ui: &mut Ui, desk: &mut Desk<'_>, field: &mut PathField, stays: &mut bool) {
    field.list();
    let title = desk.text(field.purpose.title());
    ui.label(
        RichText::new(title.as_ref())
            .family(theme::semibold())
            .size(text_size::HEADING),
    );
    widgets::hint(ui, &desk.text("ui-path-about"));
    ui.add_space(space::XS);
    let entered = edit_ui(ui, desk, field);
    entries_ui(ui, desk, field);
    if field.replaces {
        let t = theme::tokens(ui);
        let name = field.path();
        let name = name.file_name().unwrap_or_default().to_string_lossy();
        let message = Message::new("ui-path-replaces").with("name", name.into_owned());
        widgets::icon_label(ui, icons::WARNING, &desk.say(&message), t.warn);
    }
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        let (icon, text) = match (field.purpose.writes(), field.replaces) {
            (true, true) => (icons::SAVE, desk.text("ui-path-replace")),
            (true, false) => (icons::SAVE, desk.text("ui-path-write")),
            (false, _) => (icons::OPEN, desk.text("ui-path-read")),
        };
        let press = ui
            .add_enabled_ui(field.is_ready(), |ui| {
                widgets::primary_button(ui, icon, &text, 140.0, size::CONTROL + 4.0)
            })
            .inner;
        if field.is_ready() && (press.clicked() || entered) {
            if let Some(command) = field.purpose.command(desk.editor, field.path()) {
                desk.send(command);
            }
            *stays = false;
        }
        if ui.button(desk.text("ui-dialog-cancel").as_ref()).clicked() {
            *stays = false;
        }
    });
}

/// The line one writes in; true when it was ended with Enter. Tab completes.
fn edit_ui(ui: &mut Ui, desk: &Desk<'_>, field: &mut PathField) -> bool {
    let completes = ui.input_mut(|i| i.consume_key(egui::Modifiers::NONE, Key::Tab));
    if completes && let Some(first) = field.entries.first().cloned() {
        field.choose(&first);
    }
    let name = desk.text("ui-path-title");
    let mut output = TextEdit::singleline(&mut field.text)
        .desired_width(f32::INFINITY)
        .show(ui);
    let response = output.response.response.accessible_name(name);
    if completes {
        let end = egui::text::CCursor::new(field.text.chars().count());
        let range = egui::text::CCursorRange::one(end);
        output.state.cursor.set_char_range(Some(range));
        output.state.store(ui.ctx(), response.id);
    }
    if !response.has_focus() && !response.lost_focus() {
        response.request_focus();
    }
    response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter))
}

/// The folder that the path leads to.
fn entries_ui(ui: &mut Ui, desk: &Desk<'_>, field: &mut PathField) {
    let mut chosen = None;
    let mut up = false;
    egui::ScrollArea::vertical()
        .max_height(LIST_HEIGHT)
        .min_scrolled_height(LIST_HEIGHT)
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            up = line(ui, icons::UP, &desk.text("ui-path-up")).clicked();
            for entry in &field.entries {
                let icon = if entry.is_file {
                    icons::PICTURE
                } else {
                    icons::OPEN
                };
                if line(ui, icon, &entry.name).clicked() {
                    chosen = Some(entry.clone());
                }
            }
            // Else the button that cannot be pressed would say nothing of why.
            if field.entries.is_empty() && !field.is_ready() {
                ui.add_space(space::S);
                widgets::hint(ui, &desk.text("ui-path-nothing"));
            }
        });
    if up {
        field.go_up();
    } else if let Some(entry) = chosen {
        field.choose(&entry);
    }
}

fn line(ui: &mut Ui, icon: Icon, text: &str) -> egui::Response {
    let t = theme::tokens(ui);
    let sign = RichText::new(icon.0)
        .family(theme::icon_family())
        .size(text_size::ICON_SMALL)
        .color(t.muted);
    // The last atom grows, so that the words stand at the left.
    let button = egui::Button::new((sign, text, egui::Atom::grow()))
        .frame_when_inactive(false)
        .truncate()
        .min_size(egui::vec2(ui.available_width(), size::CONTROL));
    ui.add(button).accessible_name(text)
}
