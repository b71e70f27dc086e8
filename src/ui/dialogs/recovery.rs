//! What sessions that ended badly have left: to be looked at, restored or thrown away.

use std::time::SystemTime;

use eframe::egui::{
    self, Align2, ColorImage, CornerRadius, FontId, Id, Rect, Role, Sense, Stroke, StrokeKind,
    TextureHandle, TextureOptions, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::title;
use crate::editor::{Command, Recoverable, Thumbnail};
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::theme::{self, size, space, text_size};
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
                .with("ago", desk_ago(desk, item.changed_at));
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
    let t = theme::tokens(ui);
    let corners = CornerRadius::same(theme::RADIUS);
    ui.painter().rect_filled(place, corners, t.canvas);
    let Thumbnail::Picture(tile) = &item.thumbnail else {
        let font = FontId::new(text_size::ICON, theme::icon_family());
        let sign = icons::PICTURE.0;
        ui.painter().text(
            place.center(),
            Align2::CENTER_CENTER,
            sign,
            font,
            t.disabled,
        );
        return;
    };
    let id = Id::unique(("thumbnail of what was left", item.id.0));
    let known: Option<TextureHandle> = ui.data(|data| data.get_temp(id));
    let texture = known.unwrap_or_else(|| {
        let size = [tile.extent.width as usize, tile.extent.height as usize];
        let image = ColorImage::from_rgba_unmultiplied(size, tile.pixels.as_flattened());
        let name = "thumbnail of what was left";
        let texture = ui.ctx().load_texture(name, image, TextureOptions::LINEAR);
        ui.data_mut(|data| data.insert_temp(id, texture.clone()));
        texture
    });
    let size = texture.size_vec2();
    let shrink = (PLACE / size).min_elem().min(1.0);
    let inside = Rect::from_center_size(place.center(), size * shrink);
    let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    let image = egui::epaint::RectShape::filled(inside, corners, egui::Color32::WHITE);
    ui.painter().add(image.with_texture(texture.id(), uv));
    let line = Stroke::new(1.0, t.line);
    ui.painter()
        .rect_stroke(place, corners, line, StrokeKind::Inside);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &item.title));
}

/// How long ago something was, in words.
fn desk_ago(desk: &Desk<'_>, then: SystemTime) -> String {
    let seconds = SystemTime::now()
        .duration_since(then)
        .map_or(0, |gone| gone.as_secs());
    let (key, count) = match seconds {
        0..=119 => ("ui-ago-moment", 1),
        120..=7199 => ("ui-ago-minutes", seconds / 60),
        7200..=172_799 => ("ui-ago-hours", seconds / 3600),
        _ => ("ui-ago-days", seconds / 86_400),
    };
    desk.say(&Message::new(key).with("count", count as f64))
}
