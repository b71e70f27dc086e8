//! The layers: what has been accepted, the topmost first.

use eframe::egui::{self, RichText, Sense, Slider, TextEdit, Ui};

use crate::document::{DocumentId, Layer};
use crate::editor::Command;
use crate::ui::context::Desk;
use crate::ui::theme::{self, space, text_size};
use crate::ui::{icons, widgets};

/// Draws the list; nothing where there is no layer.
pub(super) fn layers_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let Some(open) = desk.editor.document(document) else {
        return;
    };
    let layers = open.document().layers();
    if layers.is_empty() {
        return;
    }
    ui.separator();
    widgets::heading(ui, &desk.text("ui-layers")).on_hover_text(desk.text("ui-layers-tip"));
    for (place, layer) in layers.iter().enumerate().rev() {
        ui.push_id(layer.id.0, |ui| {
            layer_ui(ui, desk, document, (layer, place, layers.len()));
        });
    }
}

fn layer_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    document: DocumentId,
    (layer, place, count): (&Layer, usize, usize),
) {
    let id = layer.id;
    let card = widgets::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::XS;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            let eye = if layer.visible {
                icons::EYE
            } else {
                icons::EYE_OFF
            };
            let name = desk.text(if layer.visible {
                "ui-layer-hide"
            } else {
                "ui-layer-show"
            });
            if widgets::icon_button(ui, eye, &name, false)
                .on_hover_text(name.as_ref())
                .clicked()
            {
                desk.send(Command::SetLayerVisible {
                    document,
                    layer: id,
                    visible: !layer.visible,
                });
            }
            let buttons = 3.0 * (theme::size::ICON_BUTTON + space::XS);
            name_field(ui, desk, document, layer, ui.available_width() - buttons);
            let delete = desk.text("ui-layer-delete");
            let moves = [
                (icons::UP, "ui-layer-up", place + 1 < count, place + 1),
                (
                    icons::DOWN,
                    "ui-layer-down",
                    place > 0,
                    place.saturating_sub(1),
                ),
            ];
            for (icon, key, possible, to) in moves {
                let name = desk.text(key);
                let button = ui
                    .add_enabled_ui(possible, |ui| widgets::icon_button(ui, icon, &name, false))
                    .inner;
                if button.on_hover_text(name.as_ref()).clicked() {
                    desk.send(Command::MoveLayer {
                        document,
                        layer: id,
                        to,
                    });
                }
            }
            if widgets::icon_button(ui, icons::DELETE, &delete, false)
                .on_hover_text(delete.as_ref())
                .clicked()
            {
                desk.send(Command::DeleteLayer {
                    document,
                    layer: id,
                });
            }
        });
        ui.spacing_mut().interact_size.y = 20.0;
        opacity(ui, desk, document, layer);
    });
    let whole = ui.interact(card.response.rect, ui.scope_id().with("card"), Sense::click());
    whole.context_menu(|ui| layer_menu(ui, desk, document, (layer, place, count)));
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
        ((icons::UP, "ui-layer-up"), place + 1 < count, moved(place + 1)),
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
}

fn name_field(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId, layer: &Layer, width: f32) {
    let mut name = layer.name.clone();
    let label = desk.text("ui-layer-name");
    let field = TextEdit::singleline(&mut name)
        .desired_width(width - space::M)
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
    let t = theme::tokens(ui);
    let mut percent = (f32::from(layer.opacity) / 2.55).round();
    ui.horizontal(|ui| {
        let name = desk.text("ui-layer-opacity");
        let label = ui.label(
            RichText::new(name.as_ref())
                .size(text_size::SMALL)
                .color(t.muted),
        );
        ui.spacing_mut().slider_width = (ui.available_width() - 56.0).max(40.0);
        let slider = Slider::new(&mut percent, 0.0..=100.0)
            .integer()
            .show_value(false);
        let response = ui
            .add(slider)
            .labelled_by(label.id)
            .accessible_name(name.as_ref());
        ui.label(
            RichText::new(format!("{percent:.0} %"))
                .size(text_size::SMALL)
                .color(t.muted),
        );
        let notches = widgets::wheel_notches(ui, &response) as f32;
        let before = percent;
        percent = (percent + 5.0 * notches).clamp(0.0, 100.0);
        // Sliders only listen to drags.
        if response.interact(Sense::click()).double_clicked() {
            percent = 100.0;
        }
        let jumped = percent != before;
        let done = jumped || response.drag_stopped() || (response.changed() && !response.dragged());
        if response.changed() || done {
            let opacity = (percent * 2.55).round().clamp(0.0, 255.0) as u8;
            desk.send(Command::SetLayerOpacity {
                document,
                layer: layer.id,
                opacity,
                done,
            });
        }
    });
}
