//! The layers: what has been accepted, the topmost first.

use eframe::egui::{
    self, Color32, CornerRadius, DragValue, Rect, RichText, Sense, TextEdit, Ui, UiBuilder, pos2,
    vec2,
};

use crate::document::{DocumentId, Layer, LayerId};
use crate::editor::{Command, LayerRecipe, OpenDocument};
use crate::ui::actions::Action;
use crate::ui::canvas::TextureStore;
use crate::ui::context::Desk;
use crate::ui::icons::{self, Icon};
use crate::ui::state::Renaming;
use crate::ui::theme::{self, size, space};
use crate::ui::widgets;

/// Height of the line of one layer, in points.
const ROW: f32 = THUMB + 6.0;
/// Side of the picture of a layer, in points.
const THUMB: f32 = 30.0;
/// Height of the title with the line above it, in points.
const TITLE: f32 = 42.0;
/// So many layers are seen at once in a panel of that height; the list scrolls to the others. Not more,
/// lest they take the place of the strength.
fn most_seen(room: f32) -> usize {
    if room < 700.0 { 2 } else { 5 }
}
/// Width of the opacity, in points.
const OPACITY: f32 = 58.0;

/// Height that the list takes of a panel of height `room`, in points; 0 where there is no layer.
pub(super) fn height(desk: &Desk<'_>, document: DocumentId, room: f32) -> f32 {
    let open = desk.editor.document(document);
    match open.map_or(0, |open| open.document().layers().len()) {
        0 => 0.0,
        count => TITLE + ROW * count.min(most_seen(room)) as f32 + space::XS,
    }
}

/// The layer that commands without another word mean.
fn chosen<'a>(desk: &mut Desk<'_>, open: &'a OpenDocument) -> Option<&'a Layer> {
    let chosen = desk.state.of(open.id()).layer;
    let layer = chosen.and_then(|id| open.document().layer(id));
    layer.or_else(|| open.document().layers().last())
}

/// Does what an action asks for of the chosen layer; false where it is none of these.
pub(crate) fn layer_action(desk: &mut Desk<'_>, open: &OpenDocument, action: Action) -> bool {
    let document = open.id();
    let layer = chosen(desk, open);
    match (action, layer) {
        (Action::RenameLayer, Some(layer)) => {
            desk.state.renaming = Some(Renaming::of(layer));
        }
        (Action::DuplicateLayer, Some(layer)) => {
            let layer = layer.id;
            desk.state.of(document).layer = None;
            desk.send(Command::DuplicateLayer { document, layer });
        }
        (Action::RedoLayer, Some(layer)) => redo(desk, document, layer.id),
        (Action::RenameLayer | Action::DuplicateLayer | Action::RedoLayer, None) => {}
        _ => return false,
    }
    true
}

fn redo(desk: &mut Desk<'_>, document: DocumentId, layer: LayerId) {
    desk.state.leave_views();
    // The mask that comes back is to be seen.
    desk.state.turn_to_mask(document);
    desk.send(Command::RedoLayer { document, layer });
}

/// Draws the list; nothing where there is no layer.
pub(super) fn layers_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    document: DocumentId,
) {
    let Some(open) = desk.editor.document(document) else {
        return;
    };
    let layers = open.document().layers();
    if layers.is_empty() {
        return;
    }
    ui.spacing_mut().item_spacing.y = space::XS;
    ui.separator();
    title(ui, desk, open);
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            for layer in layers.iter().rev() {
                ui.push_id(layer.id.0, |ui| {
                    layer_ui(ui, desk, store, (open, layer));
                });
            }
        });
}

/// The heading, and what can be done with the chosen layer.
fn title(ui: &mut Ui, desk: &mut Desk<'_>, open: &OpenDocument) {
    let Some(layer) = chosen(desk, open) else {
        return;
    };
    let lines = lines(open, layer);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        widgets::heading(ui, &desk.text("ui-layers")).on_hover_text(desk.text("ui-layers-tip"));
        widgets::at_right(ui, |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            if LayerRecipe::of(layer).is_some() {
                widgets::action_button_small(ui, desk, Action::RedoLayer);
            }
            widgets::action_button_small(ui, desk, Action::DuplicateLayer);
            for (icon, key, possible, command) in lines {
                // A single layer has no order.
                let is_order = matches!(command, Command::MoveLayer { .. });
                let is_order_of_one = is_order && open.document().layers().len() < 2;
                if !is_order_of_one && small_button(ui, desk, icon, key, possible) {
                    desk.send(command);
                }
            }
        });
    });
}

/// Order and end of a layer: icon, text, whether it can be done, and what does it.
fn lines(open: &OpenDocument, layer: &Layer) -> [(Icon, &'static str, bool, Command); 3] {
    let (document, id) = (open.id(), layer.id);
    let layers = open.document().layers();
    let place = layers.iter().position(|it| it.id == id).unwrap_or(0);
    let moved = |to: usize| Command::MoveLayer {
        document,
        layer: id,
        to,
    };
    let (can_rise, can_sink) = (place + 1 < layers.len(), place > 0);
    let delete = Command::DeleteLayer {
        document,
        layer: id,
    };
    [
        (icons::UP, "ui-layer-up", can_rise, moved(place + 1)),
        (
            icons::DOWN,
            "ui-layer-down",
            can_sink,
            moved(place.saturating_sub(1)),
        ),
        (icons::DELETE, "ui-layer-delete", true, delete),
    ]
}

/// One layer on one line: eye, picture, name, opacity.
fn layer_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    (open, layer): (&OpenDocument, &Layer),
) {
    let document = open.id();
    let is_chosen = chosen(desk, open).is_some_and(|chosen| chosen.id == layer.id);
    let t = theme::tokens(ui);
    let line = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), THUMB + 4.0));
    // Below what lies on it, so that it takes what nothing else takes.
    let whole = ui.interact(line, ui.scope_id().with("line"), Sense::click());
    if is_chosen && open.document().layers().len() > 1 {
        let corners = CornerRadius::same(theme::RADIUS);
        ui.painter().rect_filled(line, corners, t.selected);
    }
    let inner = UiBuilder::new().max_rect(line.shrink2(vec2(2.0, 2.0)));
    ui.scope_builder(inner, |ui| {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            let (eye, key) = eye(layer);
            if small_button(ui, desk, eye, key, true) {
                desk.send(Command::SetLayerVisible {
                    document,
                    layer: layer.id,
                    visible: !layer.visible,
                });
            }
            thumb(ui, store, open, layer);
            let width = ui.available_width() - OPACITY - space::S;
            name_ui(ui, desk, document, layer, width);
            opacity(ui, desk, document, layer);
        });
    });
    if whole.clicked() {
        desk.state.of(document).layer = Some(layer.id);
    }
    egui::Popup::context_menu(&whole)
        .accessible_name(desk.text("ui-layers"))
        .width(280.0)
        .show(|ui| layer_menu(ui, desk, open, layer));
}

fn eye(layer: &Layer) -> (Icon, &'static str) {
    if layer.visible {
        (icons::EYE, "ui-layer-hide")
    } else {
        (icons::EYE_OFF, "ui-layer-show")
    }
}

/// What it looks like, at its place.
fn thumb(ui: &mut Ui, store: &mut TextureStore, open: &OpenDocument, layer: &Layer) {
    let (rect, _) = ui.allocate_exact_size(vec2(THUMB, THUMB), Sense::hover());
    if !ui.is_rect_visible(rect) {
        return;
    }
    let texture = store.layer_thumb(ui.ctx(), layer, open.document().base());
    let ink = if layer.visible {
        Color32::WHITE
    } else {
        theme::faded(Color32::WHITE, 0.35)
    };
    let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    let image = egui::epaint::RectShape::filled(rect, CornerRadius::same(4), ink)
        .with_texture(texture.id(), uv);
    ui.painter().add(image);
}

/// An icon as tall as a field; true when it was pressed.
fn small_button(ui: &mut Ui, desk: &Desk<'_>, icon: Icon, key: &str, possible: bool) -> bool {
    let name = desk.text(key);
    let button = ui.add_enabled_ui(possible, |ui| {
        widgets::icon_button_small(ui, icon, &name, None)
    });
    button.inner.on_hover_text(name.as_ref()).clicked()
}

/// What a right-click on a layer offers.
fn layer_menu(ui: &mut Ui, desk: &mut Desk<'_>, open: &OpenDocument, layer: &Layer) {
    let (document, id) = (open.id(), layer.id);
    desk.state.of(document).layer = Some(id);
    let has_recipe = LayerRecipe::of(layer).is_some();
    if has_recipe {
        widgets::menu_item(ui, desk, Action::RedoLayer);
        ui.separator();
    }
    widgets::menu_item(ui, desk, Action::RenameLayer);
    widgets::menu_item(ui, desk, Action::DuplicateLayer);
    let (icon, key) = eye(layer);
    let show = Command::SetLayerVisible {
        document,
        layer: id,
        visible: !layer.visible,
    };
    let all = std::iter::once((icon, key, true, show)).chain(lines(open, layer));
    for (icon, key, possible, command) in all {
        let text = desk.text(key);
        let pressed = ui.add_enabled_ui(possible, |ui| widgets::menu_line(ui, icon, &text, ""));
        if pressed.inner.clicked() {
            desk.send(command);
            ui.close();
        }
    }
    if has_recipe {
        ui.separator();
        let text = desk.text("ui-layer-recipe");
        if widgets::menu_line(ui, icons::RECIPE, &text, "").clicked() {
            desk.state.recipe_of = Some(id);
            desk.act(Action::SaveRecipe);
            ui.close();
        }
    }
}

/// The name, which a double click (or F2) makes a field to write in.
fn name_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId, layer: &Layer, width: f32) {
    let size = vec2(width.max(0.0), size::CONTROL);
    let of_this = |writing: &mut Renaming| writing.layer == layer.id;
    let writing = desk.state.renaming.take_if(of_this);
    let Some(mut writing) = writing else {
        let t = theme::tokens(ui);
        let ink = if layer.visible { t.text } else { t.muted };
        let words = widgets::on_one_line(&layer.name);
        let label = egui::Label::new(RichText::new(words).color(ink))
            .truncate()
            .selectable(false)
            .sense(Sense::click());
        let layout = egui::Layout::left_to_right(egui::Align::Center);
        let response = ui
            .allocate_ui_with_layout(size, layout, |ui| {
                ui.set_min_size(size);
                ui.add(label)
            })
            .inner;
        let response = response.on_hover_text(desk.text("ui-layer-name-tip"));
        if response.clicked() {
            desk.state.of(document).layer = Some(layer.id);
        }
        if response.double_clicked() {
            desk.state.renaming = Some(Renaming::of(layer));
        }
        return;
    };
    let label = desk.text("ui-layer-name");
    let id = egui::Id::unique("layer name");
    let field = TextEdit::singleline(&mut writing.name)
        .id(id)
        .align(egui::Align2::LEFT_CENTER);
    let response = ui.add_sized(size, field).accessible_name(label.as_ref());
    if !std::mem::replace(&mut writing.has_begun, true) {
        response.request_focus();
        let end = egui::text::CCursor::new(writing.name.chars().count());
        let all = egui::text::CCursorRange::two(egui::text::CCursor::default(), end);
        let mut state = egui::text_edit::TextEditState::load(ui.ctx(), id).unwrap_or_default();
        state.cursor.set_char_range(Some(all));
        state.store(ui.ctx(), id);
    }
    let is_kept = response.lost_focus() && !ui.input(|i| i.key_pressed(egui::Key::Escape));
    let name = writing.name.trim();
    if is_kept && !name.is_empty() && name != layer.name {
        desk.send(Command::SetLayerName {
            document,
            layer: layer.id,
            name: name.to_owned(),
        });
    }
    if !response.lost_focus() {
        desk.state.renaming = Some(writing);
    }
}

fn opacity(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId, layer: &Layer) {
    let now = (f32::from(layer.opacity) / 2.55).round();
    let mut percent = now;
    let name = desk.text("ui-layer-opacity");
    let field = DragValue::new(&mut percent)
        .range(0.0..=100.0)
        .speed(0.5)
        .max_decimals(0)
        .suffix(" %")
        .update_while_editing(false);
    let response = ui
        .add_sized([OPACITY, size::CONTROL], field)
        .accessible_name(name.as_ref())
        .on_hover_text(desk.text("ui-layer-opacity-tip"));
    percent += 5.0 * widgets::wheel_notches(ui, &response) as f32;
    if widgets::resets(ui, &response) {
        percent = 100.0;
    }
    let done = response.drag_stopped() || (percent != now && !response.dragged());
    if percent != now || done {
        let opacity = (percent.clamp(0.0, 100.0) * 2.55).round() as u8;
        desk.send(Command::SetLayerOpacity {
            document,
            layer: layer.id,
            opacity,
            done,
        });
    }
}
