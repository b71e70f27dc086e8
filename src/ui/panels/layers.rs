//! The layers: what has been accepted, the topmost first.

use eframe::egui::{self, DragValue, Sense, TextEdit, Ui};

use crate::document::{DocumentId, Layer};
use crate::editor::{Command, LayerRecipe};
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::icons::{self, Icon};
use crate::ui::theme::{size, space};
use crate::ui::widgets;

/// Height of the line of one layer, in points.
const ROW: f32 = size::CONTROL + space::XS;
/// Height of the title with the line above it, in points.
const TITLE: f32 = 34.0;
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

/// Draws the list; nothing where there is no layer.
pub(super) fn layers_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let Some(open) = desk.editor.document(document) else {
        return;
    };
    let layers = open.document().layers();
    if layers.is_empty() {
        return;
    }
    ui.spacing_mut().item_spacing.y = space::XS;
    ui.separator();
    widgets::heading(ui, &desk.text("ui-layers")).on_hover_text(desk.text("ui-layers-tip"));
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            for (place, layer) in layers.iter().enumerate().rev() {
                ui.push_id(layer.id.0, |ui| {
                    layer_ui(ui, desk, document, (layer, place, layers.len()));
                });
            }
        });
}

/// One layer on one line: eye, name, opacity, order, delete.
fn layer_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    document: DocumentId,
    (layer, place, count): (&Layer, usize, usize),
) {
    let id = layer.id;
    let line = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let (eye, key) = if layer.visible {
            (icons::EYE, "ui-layer-hide")
        } else {
            (icons::EYE_OFF, "ui-layer-show")
        };
        if small_button(ui, desk, eye, key, true) {
            desk.send(Command::SetLayerVisible {
                document,
                layer: id,
                visible: !layer.visible,
            });
        }
        // A single layer has no order.
        let button_count = if count > 1 { 3.0 } else { 1.0 };
        let buttons = button_count * (size::CONTROL + 2.0) + OPACITY + 2.0;
        name_field(ui, desk, document, layer, ui.available_width() - buttons);
        opacity(ui, desk, document, layer);
        let moves = [
            (icons::UP, "ui-layer-up", place + 1 < count, place + 1),
            (
                icons::DOWN,
                "ui-layer-down",
                place > 0,
                place.saturating_sub(1),
            ),
        ];
        for (icon, key, possible, to) in moves.into_iter().filter(|_| count > 1) {
            if small_button(ui, desk, icon, key, possible) {
                desk.send(Command::MoveLayer {
                    document,
                    layer: id,
                    to,
                });
            }
        }
        if small_button(ui, desk, icons::DELETE, "ui-layer-delete", true) {
            desk.send(Command::DeleteLayer {
                document,
                layer: id,
            });
        }
    });
    let whole = line.response.interact(Sense::click());
    whole.context_menu(|ui| layer_menu(ui, desk, document, (layer, place, count)));
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
fn layer_menu(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    document: DocumentId,
    (layer, place, count): (&Layer, usize, usize),
) {
    let (id, visible) = (layer.id, layer.visible);
    let eye = if visible {
        (icons::EYE_OFF, "ui-layer-hide")
    } else {
        (icons::EYE, "ui-layer-show")
    };
    let moved = |to: usize| Command::MoveLayer {
        document,
        layer: id,
        to,
    };
    let show = Command::SetLayerVisible {
        document,
        layer: id,
        visible: !visible,
    };
    let delete = Command::DeleteLayer {
        document,
        layer: id,
    };
    let lines = [
        (eye, true, show),
        (
            (icons::UP, "ui-layer-up"),
            place + 1 < count,
            moved(place + 1),
        ),
        (
            (icons::DOWN, "ui-layer-down"),
            place > 0,
            moved(place.saturating_sub(1)),
        ),
        ((icons::DELETE, "ui-layer-delete"), true, delete),
    ];
    for ((icon, key), possible, command) in lines {
        let text = desk.text(key);
        let pressed = ui.add_enabled_ui(possible, |ui| widgets::menu_line(ui, icon, &text, ""));
        if pressed.inner.clicked() {
            desk.send(command);
            ui.close();
        }
    }
    if LayerRecipe::of(layer).is_some() {
        let text = desk.text("ui-layer-recipe");
        if widgets::menu_line(ui, icons::RECIPE, &text, "").clicked() {
            desk.state.recipe_of = Some(layer.id);
            desk.act(Action::SaveRecipe);
            ui.close();
        }
    }
}

fn name_field(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId, layer: &Layer, width: f32) {
    let mut name = layer.name.clone();
    let label = desk.text("ui-layer-name");
    let field = TextEdit::singleline(&mut name)
        .desired_width(width - space::M)
        .align(egui::Align2::LEFT_CENTER)
        .frame(egui::Frame::NONE.inner_margin(egui::Margin::symmetric(4, 3)))
        .hint_text(label.clone().into_owned());
    let response = ui
        .add(field)
        .accessible_name(label.as_ref())
        .on_hover_text(label);
    if response.changed() {
        desk.send(Command::SetLayerName {
            document,
            layer: layer.id,
            name,
        });
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
