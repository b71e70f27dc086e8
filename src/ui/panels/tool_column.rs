//! The column at the left: tools, and what the brush is like.

use std::ops::RangeInclusive;

use eframe::egui::{self, RichText, Slider, SliderClamping, Ui};

use crate::editor::BrushTip;
use crate::ui::actions::Action;
use crate::ui::brush;
use crate::ui::context::Desk;
use crate::ui::icons::{self, Icon};
use crate::ui::state::Tool;
use crate::ui::theme::{self, space, text_size};
use crate::ui::{selecting, widgets};

/// Draws the column.
pub(crate) fn tool_column_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.vertical_centered(|ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        ui.add_space(space::XS);
        let tools = [
            (Action::Brush, Tool::Brush),
            (Action::Eraser, Tool::Eraser),
            (Action::SmartBrush, Tool::SmartBrush),
            // Sisters have one place; the card on the canvas has both.
            if desk.state.tools.is_ellipse {
                (Action::Ellipse, Tool::Ellipse)
            } else {
                (Action::Rectangle, Tool::Rectangle)
            },
            if desk.state.tools.is_polygon {
                (Action::Polygon, Tool::Polygon)
            } else {
                (Action::Lasso, Tool::Lasso)
            },
            (Action::Wand, Tool::Wand),
            (Action::ClickSelect, Tool::Click),
            (Action::Erase, Tool::Erase),
            (Action::Hand, Tool::Hand),
        ];
        for (action, tool) in tools {
            let selected = desk.state.tool == tool;
            widgets::action_button(ui, desk, action, selected);
        }
        ui.separator();
        select_menu(ui, desk);
        widgets::action_button(ui, desk, Action::InvertMask, None);
        widgets::action_button(ui, desk, Action::ClearMask, None);
        ui.separator();
        brush_fields(ui, desk);
    });
}

/// What can be selected by name.
fn select_menu(ui: &mut Ui, desk: &mut Desk<'_>) {
    let name = desk.text("ui-select");
    let tooltip = format!("{name}\n{}", desk.text("ui-select-tip"));
    let button =
        widgets::icon_button(ui, icons::SELECT_SUBJECT, &name, None).on_hover_text(tooltip);
    egui::Popup::menu(&button)
        .align(egui::RectAlign::RIGHT_START)
        .accessible_name(name.as_ref())
        .width(220.0)
        .show(|ui| {
            for action in selecting::ACTIONS {
                widgets::menu_item(ui, desk, action);
            }
            widgets::hint(ui, &desk.text("ui-select-held"));
        });
}

/// A number of the brush: how it is shown, and where it goes back to.
struct BrushNumber {
    icon: Icon,
    /// The key of its name; with `-tip` behind, that of its tooltip.
    key: &'static str,
    range: RangeInclusive<f64>,
    unit: &'static str,
    /// What one notch of the wheel changes; 0 means a tenth of what it is.
    notch: f64,
    default: f64,
}

fn brush_fields(ui: &mut Ui, desk: &mut Desk<'_>) {
    let (tip, first) = (desk.state.brush, BrushTip::default());
    let percent = |share: f32| f64::from((share * 100.0).round());
    let size = BrushNumber {
        icon: icons::SIZE,
        key: "ui-brush-size",
        range: 1.0..=f64::from(*brush::RANGE_PX.end()),
        unit: " px",
        notch: 0.0,
        default: f64::from(desk.state.brush_size.first_px()),
    };
    if let Some(px) = brush_number(ui, desk, &size, f64::from(tip.diameter_px.round())) {
        desk.state.set_brush_px(px as f32);
    }
    let hardness = BrushNumber {
        icon: icons::HARDNESS,
        key: "ui-brush-hardness",
        range: 0.0..=100.0,
        unit: " %",
        notch: 5.0,
        default: percent(first.hardness),
    };
    if let Some(hard) = brush_number(ui, desk, &hardness, percent(tip.hardness)) {
        desk.state.brush.hardness = hard as f32 / 100.0;
    }
    let opacity = BrushNumber {
        icon: icons::OPACITY,
        key: "ui-brush-opacity",
        range: 5.0..=100.0,
        unit: " %",
        notch: 5.0,
        default: percent(first.opacity),
    };
    if let Some(opaque) = brush_number(ui, desk, &opacity, percent(tip.opacity)) {
        desk.state.brush.opacity = opaque as f32 / 100.0;
    }
}

/// A number under an icon: the wheel turns it, dragging it sideways too, a double-click resets it,
/// pressing the icon opens slider and field. The new value when it was changed.
fn brush_number(ui: &mut Ui, desk: &Desk<'_>, number: &BrushNumber, value: f64) -> Option<f64> {
    let t = theme::tokens(ui);
    let name = desk.text(number.key);
    let about = desk.text(&format!("{}-tip", number.key));
    let mut edited = value;
    let (button, words) = ui
        .scope(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            let button = widgets::icon_button(ui, number.icon, &name, None)
                .on_hover_text(format!("{name}\n{about}"));
            let text = format!("{value:.0}{}", number.unit);
            let text = RichText::new(text).size(text_size::SMALL).color(t.muted);
            let words = egui::Label::new(text)
                .selectable(false)
                .wrap_mode(egui::TextWrapMode::Extend);
            (button, ui.add(words.sense(egui::Sense::drag())))
        })
        .inner;
    let notches = widgets::wheel_notches(ui, &button) + widgets::wheel_notches(ui, &words);
    edited += notches * step(number, value);
    let words = words.on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
    if let Some(dragged) = dragged(ui, number, &words, value) {
        edited = dragged;
    }
    if button.double_clicked() {
        edited = number.default;
    }
    let reset = desk.text("ui-brush-reset");
    button.context_menu(|ui| {
        if ui.button(reset.as_ref()).clicked() {
            edited = number.default;
            ui.close();
        }
    });
    egui::Popup::from_toggle_button_response(&button)
        .align(egui::RectAlign::RIGHT)
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
        .accessible_name(name.as_ref())
        .show(|ui| {
            ui.set_width(240.0);
            let field = widgets::Number {
                name: &name,
                tooltip: &about,
                range: number.range.clone(),
                speed: 0.5,
                notch: step(number, value),
                decimals: 0,
                unit: number.unit,
                reset: Some((number.default, &reset)),
            };
            if let Some(new) = widgets::number(ui, edited, &field) {
                edited = new;
            }
            ui.spacing_mut().slider_width = ui.available_width();
            let slider = Slider::new(&mut edited, number.range.clone())
                .logarithmic(number.notch == 0.0)
                .integer()
                .show_value(false)
                .clamping(SliderClamping::Edits);
            let slider = ui.add(slider).accessible_name(name.as_ref());
            // Sliders only listen to drags.
            if slider.interact(egui::Sense::click()).double_clicked() {
                edited = number.default;
            }
            widgets::hint(ui, &about);
        });
    ui.add_space(space::XS);
    let edited = edited.clamp(*number.range.start(), *number.range.end());
    (edited != value).then_some(edited)
}

/// The number while it is dragged sideways, counted from where the drag began: it is kept rounded,
/// so that small moves would be lost one by one.
fn dragged(ui: &Ui, number: &BrushNumber, words: &egui::Response, value: f64) -> Option<f64> {
    if words.drag_started() {
        ui.data_mut(|data| data.insert_temp(words.id, value));
    }
    let across = f64::from(words.total_drag_delta()?.x);
    let began: f64 = ui.data(|data| data.get_temp(words.id))?;
    let now = if number.notch == 0.0 {
        began * (across / 100.0).exp()
    } else {
        began + across / 2.0
    };
    Some(now.round())
}

/// What one notch of the wheel changes.
fn step(number: &BrushNumber, value: f64) -> f64 {
    if number.notch == 0.0 {
        (value * 0.1).round().max(1.0)
    } else {
        number.notch
    }
}
