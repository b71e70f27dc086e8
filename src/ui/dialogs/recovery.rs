//! What sessions that ended badly have left: to be looked at, restored or thrown away.

use eframe::egui::{self, Id, Role, Sense, Ui, Vec2, WidgetInfo, vec2};

use super::title;
use crate::editor::{Command, Recoverable, Thumbnail};
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::theme::{self, size, space};
use crate::ui::{icons, widgets};

/// The place of a thumbnail, in points; pictures of any shape lie whole in its middle.
const PLACE: Vec2 = vec2(80.0, 60.0);

/// What an earlier session has left.
pub(super) fn recovery_ui(ui: &mut Ui, desk: &mut Desk<'_>, stays: &mut bool) {
    let left: Vec<_> = desk.editor.recoverable().cloned().collect();
    title(ui, &desk.text("ui-recovery-title"));
    if left.is_empty() {
        ui.label(desk.text("ui-recovery-none").as_ref());
        ui.add_space(space::S);
        if ui.button(desk.text("ui-dialog-close").as_ref()).clicked() {
            *stays = false;
        }
        return;
    }
    ui.label(desk.text("ui-recovery-about").as_ref());
    ui.add_space(space::S);
    let most = (ui.ctx().content_rect().height() - 220.0).max(80.0);
    egui::ScrollArea::vertical()
        .max_height(most)
        .show(ui, |ui| {
            for item in &left {
                ui.push_id(item.id.0, |ui| {
                    widgets::card(ui, |ui| left_ui(ui, desk, item))
                });
            }
        });
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        if left.len() > 1 {
            let all = desk.text("ui-recovery-all");
            if widgets::quiet_button(ui, icons::RECOVER, &all).clicked() {
                for item in &left {
                    desk.send(Command::Restore(item.id));
                }
                *stays = false;
            }
        }
        if ui.button(desk.text("ui-recovery-later").as_ref()).clicked() {
            *stays = false;
        }
    });
}

/// One of the things that were left: what it looks like, what it is, the bin, and the way back.
fn left_ui(ui: &mut Ui, desk: &mut Desk<'_>, item: &Recoverable) {
    let whole = vec2(ui.available_width(), PLACE.y);
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let words = |ui: &mut Ui, desk: &mut Desk<'_>| {
        thumbnail_ui(ui, item);
        ui.add_space(space::XS);
        ui.vertical(|ui| {
            // In the middle of the line: a heading and a hint.
            ui.add_space(((PLACE.y - 40.0) / 2.0).max(0.0));
            ui.spacing_mut().item_spacing.y = 2.0;
            let name = egui::RichText::new(&item.title).family(theme::semibold());
            ui.add(egui::Label::new(name).truncate());
            let about = Message::new("ui-recovery-item")
                .with("size", item.extent.to_string())
                .with("ago", desk.ago(item.changed_at));
            widgets::hint(ui, &desk.say(&about));
        });
    };
    ui.allocate_ui_with_layout(whole, layout, |ui| {
        ui.set_min_size(whole);
        widgets::sides(ui, desk, words, |ui, desk| {
            let discard = desk.text("ui-recovery-discard");
            let button = widgets::icon_button(ui, icons::DELETE, &discard, None);
            if button.on_hover_text(discard).clicked() {
                desk.send(Command::DiscardRecovery(item.id));
            }
            let restore = desk.text("ui-recovery-restore");
            if widgets::primary_button(ui, icons::REUSE, &restore, 110.0, size::CONTROL).clicked() {
                desk.send(Command::Restore(item.id));
            }
        });
    });
}

/// The picture in the middle of its place; until it is read, a sign for one.
fn thumbnail_ui(ui: &mut Ui, item: &Recoverable) {
    let (place, response) = ui.allocate_exact_size(PLACE, Sense::hover());
    let id = Id::unique(("thumbnail of what was left", item.id.0));
    widgets::thumbnail(ui, id, &item.thumbnail, place);
    if matches!(item.thumbnail, Thumbnail::Picture(_)) {
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &item.title));
    }
}
