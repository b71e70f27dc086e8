//! Small pictures of what can be opened.

use std::path::Path;
use std::sync::Arc;

use eframe::egui::{
    self, Align2, Color32, ColorImage, CornerRadius, FontId, Id, Rect, Response, RichText, Role,
    Sense, Stroke, StrokeKind, TextureHandle, TextureOptions, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use crate::editor::Thumbnail;
use crate::raster::sheet::SheetTile;
use crate::ui::icons;
use crate::ui::theme::{self, space, text_size};
use crate::ui::widgets::focus_ring;

/// Draws a thumbnail in the middle of its place; where there is none, a sign for one.
pub(crate) fn thumbnail(ui: &Ui, id: Id, thumbnail: &Thumbnail, place: Rect) {
    let t = theme::tokens(ui);
    let corners = CornerRadius::same(theme::RADIUS);
    ui.painter().rect_filled(place, corners, t.canvas);
    let Thumbnail::Picture(tile) = thumbnail else {
        let font = FontId::new(text_size::ICON, theme::icon_family());
        let (middle, sign) = (place.center(), icons::PICTURE.0);
        let painter = ui.painter();
        painter.text(middle, Align2::CENTER_CENTER, sign, font, t.disabled);
        return;
    };
    let texture = texture_of(ui, id, tile);
    let size = texture.size_vec2();
    let shrink = (place.size() / size).min_elem().min(1.0);
    let inside = Rect::from_center_size(place.center(), size * shrink);
    let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    let image = egui::epaint::RectShape::filled(inside, corners, Color32::WHITE);
    ui.painter().add(image.with_texture(texture.id(), uv));
    let line = Stroke::new(1.0, t.line);
    ui.painter()
        .rect_stroke(place, corners, line, StrokeKind::Inside);
}

/// Uploaded once, as long as it is the same picture.
fn texture_of(ui: &Ui, id: Id, tile: &Arc<SheetTile>) -> TextureHandle {
    let known: Option<(Arc<SheetTile>, TextureHandle)> = ui.data(|data| data.get_temp(id));
    if let Some((old, texture)) = known
        && Arc::ptr_eq(&old, tile)
    {
        return texture;
    }
    let size = [tile.extent.width as usize, tile.extent.height as usize];
    let image = ColorImage::from_rgba_unmultiplied(size, tile.pixels.as_flattened());
    let texture = ui
        .ctx()
        .load_texture("thumbnail", image, TextureOptions::LINEAR);
    ui.data_mut(|data| data.insert_temp(id, (Arc::clone(tile), texture.clone())));
    texture
}

/// What a card of something that can be opened says.
pub(crate) struct FileCard<'a> {
    /// Tells it from the others: its file.
    pub key: &'a Path,
    /// What it looks like.
    pub thumbnail: &'a Thumbnail,
    /// What it is called.
    pub name: &'a str,
    /// A word below the name.
    pub hint: &'a str,
}

/// Something that can be opened, as a button: its picture with its name below.
pub(crate) fn file_card(ui: &mut Ui, card: &FileCard<'_>, picture: Vec2) -> Response {
    let words = 2.0 * (text_size::SMALL + 6.0);
    let whole = picture + vec2(0.0, space::XS + words);
    let (rect, response) = ui.allocate_exact_size(whole, Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, card.name));
    let t = theme::tokens(ui);
    if response.hovered() {
        let corners = CornerRadius::same(theme::RADIUS);
        let around = rect.expand(space::XS);
        ui.painter().rect_filled(around, corners, t.hover);
    }
    let place = Rect::from_min_size(rect.min, picture);
    let id = Id::unique(("thumbnail of a file", card.key));
    thumbnail(ui, id, card.thumbnail, place);
    let below = Rect::from_min_max(pos2(rect.left(), place.bottom() + space::XS), rect.max);
    let is_missing = *card.thumbnail == Thumbnail::Missing;
    let ink = if is_missing { t.muted } else { t.text };
    ui.scope_builder(egui::UiBuilder::new().max_rect(below), |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let line = |text: &str, ink| {
            let text = RichText::new(text).size(text_size::SMALL).color(ink);
            egui::Label::new(text).truncate().selectable(false)
        };
        ui.vertical_centered(|ui| {
            ui.add(line(card.name, ink));
            ui.add(line(card.hint, if is_missing { t.warn } else { t.muted }));
        });
    });
    focus_ring(ui, &response, theme::RADIUS);
    response
}
