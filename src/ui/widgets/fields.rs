//! Fields: numbers with units, choices out of a list.

use std::ops::RangeInclusive;

use eframe::egui::{self, DragValue, RichText, Ui};

use crate::ui::theme::{self, size};

/// A number that can be dragged, typed, turned by the wheel and reset.
pub(crate) struct Number<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What it is, in which range.
    pub tooltip: &'a str,
    /// Smallest and largest value.
    pub range: RangeInclusive<f64>,
    /// Change for one point of dragging.
    pub speed: f64,
    /// Change for one notch of the wheel.
    pub notch: f64,
    /// Digits behind the point.
    pub decimals: usize,
    /// Written behind the number.
    pub unit: &'a str,
    /// What a double-click goes back to, and what that is called in the menu.
    pub reset: Option<(f64, &'a str)>,
}

/// True when a number is to go back to its default: it was pressed twice. The first of the two
/// has begun to edit it as text, which is ended here.
pub(crate) fn resets(ui: &Ui, response: &egui::Response) -> bool {
    let twice = response.double_clicked();
    if twice {
        ui.data_mut(|data| data.remove_temp::<String>(response.id));
        response.surrender_focus();
    }
    twice
}

/// Draws a row with the number's name and field; the new value when it was changed.
pub(crate) fn number(ui: &mut Ui, value: f64, field: &Number<'_>) -> Option<f64> {
    let mut edited = value;
    super::row(ui, field.name, field.tooltip, |ui| {
        let drag = DragValue::new(&mut edited)
            .range(field.range.clone())
            .speed(field.speed)
            .max_decimals(field.decimals)
            .suffix(field.unit)
            .update_while_editing(false);
        let response = ui
            .add_sized([84.0, size::CONTROL], drag)
            .accessible_name(field.name)
            .on_hover_text(field.tooltip);
        let turned = super::wheel_notches(ui, &response) * field.notch;
        if turned != 0.0 {
            edited = (edited + turned).clamp(*field.range.start(), *field.range.end());
        }
        if let Some((default, text)) = field.reset {
            if resets(ui, &response) {
                edited = default;
            }
            response.context_menu(|ui| {
                if ui.button(text).clicked() {
                    edited = default;
                    ui.close();
                }
            });
        }
    });
    (edited != value).then_some(edited)
}

/// Draws a row with a name and a list to choose from; the new value when another was chosen.
pub(crate) fn choice<T: Copy + PartialEq>(
    ui: &mut Ui,
    (name, tooltip): (&str, &str),
    chosen: T,
    values: &[T],
    text_of: impl Fn(T) -> (String, String),
) -> Option<T> {
    let mut picked = None;
    super::row(ui, name, tooltip, |ui| {
        let (text, _) = text_of(chosen);
        let combo = egui::ComboBox::from_id_salt(name)
            .selected_text(text)
            .width(150.0)
            .truncate()
            .icon(super::chevron)
            .show_ui(ui, |ui| {
                for value in values {
                    let (text, about) = text_of(*value);
                    let line = ui.selectable_label(*value == chosen, text);
                    let line = if about.is_empty() {
                        line
                    } else {
                        line.on_hover_text(about)
                    };
                    if line.clicked() {
                        picked = Some(*value);
                    }
                }
            });
        _ = combo
            .response
            .accessible_name(name)
            .on_hover_text(RichText::new(tooltip).color(theme::tokens(ui).text));
    });
    picked.filter(|value| *value != chosen)
}
