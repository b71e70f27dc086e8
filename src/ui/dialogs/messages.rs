//! What the program has said and nobody has dismissed: toasts go by themselves, this stays.

use eframe::egui::{self, RichText, Ui, vec2};

use crate::editor::{Command, Notice};
use crate::ui::context::Desk;
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::{icons, toasts, widgets};

pub(super) fn messages_ui(ui: &mut Ui, desk: &mut Desk<'_>, stays: &mut bool) {
    super::title(ui, &desk.text("ui-messages-title"));
    let notices: Vec<Notice> = desk.editor.notices().iter().rev().cloned().collect();
    if notices.is_empty() {
        widgets::hint(ui, &desk.text("ui-messages-none"));
    }
    let most = (ui.ctx().content_rect().height() - 200.0).max(80.0);
    egui::ScrollArea::vertical()
        .max_height(most)
        .min_scrolled_height(most.min(320.0))
        .show(ui, |ui| {
            for notice in &notices {
                ui.push_id(notice.id.0, |ui| {
                    widgets::card(ui, |ui| notice_ui(ui, desk, notice));
                });
            }
        });
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        let close = desk.text("ui-dialog-close");
        if ui.button(close.as_ref()).clicked() {
            *stays = false;
        }
        let all = desk.text("ui-dismiss-all");
        if !notices.is_empty() && widgets::quiet_button(ui, icons::CLOSE, &all).clicked() {
            for notice in &notices {
                desk.send(Command::DismissNotice(notice.id));
            }
        }
    });
}

fn notice_ui(ui: &mut Ui, desk: &mut Desk<'_>, notice: &Notice) {
    let t = theme::tokens(ui);
    let (icon, colour) = toasts::look(notice.level, t);
    ui.horizontal_top(|ui| {
        let sign = RichText::new(icon.0).family(theme::icon_family());
        ui.label(sign.size(text_size::ICON).color(colour));
        let text = desk.say(&notice.message);
        ui.scope(|ui| {
            ui.set_width(ui.available_width() - size::CONTROL - ui.spacing().item_spacing.x);
            ui.spacing_mut().interact_size = vec2(0.0, size::CONTROL);
            ui.add(egui::Label::new(text).wrap().selectable(true));
        });
        let dismiss = desk.text("ui-dismiss");
        let button = widgets::icon_button_small(ui, icons::CLOSE, &dismiss, None);
        if button.on_hover_text(dismiss.as_ref()).clicked() {
            desk.send(Command::DismissNotice(notice.id));
        }
    });
    toasts::again_ui(ui, desk, notice);
}
