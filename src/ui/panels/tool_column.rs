//! The column at the left: tools, and what the brush is like.

use eframe::egui::{self, RichText, Slider, SliderClamping, Ui};

use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::icons::{self, Icon};
use crate::ui::state::Tool;
use crate::ui::theme::{self, space, text_size};
use crate::ui::widgets;

/// Draws the column.
pub fn tool_column_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.vertical_centered(|ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        ui.add_space(space::XS);
        let tools = [
            (Action::Brush, Tool::Brush),
            (Action::Eraser, Tool::Eraser),
            (Action::Rectangle, Tool::Rectangle),
            (Action::Lasso, Tool::Lasso),
            (Action::Hand, Tool::Hand),
        ];
        for (action, tool) in tools {
            let selected = desk.state.tool == tool;
            widgets::action_button(ui, desk, action, selected);
        }
        ui.separator();
        widgets::action_button(ui, desk, Action::InvertMask, false);
        widgets::action_button(ui, desk, Action::ClearMask, false);
        ui.separator();
        brush_fields(ui, desk);
    });
}

fn brush_fields(ui: &mut Ui, desk: &mut Desk<'_>) {
    let brush = desk.state.brush;
    let mut diameter_px = brush.diameter_px;
    let text = format!("{diameter_px:.0}");
    let slider = Slider::new(&mut diameter_px, 1.0..=600.0).logarithmic(true);
    field(ui, desk, icons::SIZE, "ui-brush-size", &text, slider);
    let mut hardness = brush.hardness;
    let text = format!("{:.0} %", hardness * 100.0);
    field(
        ui,
        desk,
        icons::HARDNESS,
        "ui-brush-hardness",
        &text,
        Slider::new(&mut hardness, 0.0..=1.0),
    );
    let mut opacity = brush.opacity;
    let text = format!("{:.0} %", opacity * 100.0);
    field(
        ui,
        desk,
        icons::OPACITY,
        "ui-brush-opacity",
        &text,
        Slider::new(&mut opacity, 0.05..=1.0),
    );
    crate::ui::canvas::set_brush_px(desk.state, diameter_px);
    desk.state.brush.hardness = hardness;
    desk.state.brush.opacity = opacity;
}

/// A number under an icon; pressing it opens a slider.
fn field(ui: &mut Ui, desk: &Desk<'_>, icon: Icon, key: &str, text: &str, slider: Slider<'_>) {
    let t = theme::tokens(ui);
    let name = desk.text(key);
    let tooltip = format!("{name}\n{}", desk.text(&format!("{key}-tip")));
    let button = ui
        .scope(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            let button = widgets::icon_button(ui, icon, &name, false).on_hover_text(tooltip);
            ui.label(RichText::new(text).size(text_size::SMALL).color(t.muted));
            button
        })
        .inner;
    egui::Popup::from_toggle_button_response(&button)
        .align(egui::RectAlign::RIGHT)
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
        .accessible_name(name.as_ref())
        .show(|ui| {
            ui.spacing_mut().slider_width = 200.0;
            let label = ui.label(RichText::new(name.as_ref()).family(theme::semibold()));
            let slider = slider.show_value(false).clamping(SliderClamping::Never);
            ui.add(slider)
                .labelled_by(label.id)
                .accessible_name(name.as_ref());
            widgets::hint(ui, &desk.text(&format!("{key}-tip")));
        });
    ui.add_space(space::XS);
}
