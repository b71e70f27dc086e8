//! Fields: numbers with units, choices out of a list.

use std::ops::RangeInclusive;

use eframe::egui::{self, DragValue, RichText, Ui};

use crate::ui::theme;

/// A number that can be dragged, typed and reset.
pub struct Number<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What it is, in which range.
    pub tooltip: &'a str,
    /// Smallest and largest value.
    pub range: RangeInclusive<f64>,
    /// Change for one point of dragging.
    pub speed: f64,
    /// Digits behind the point.
    pub decimals: usize,
    /// Written behind the number.
    pub unit: &'a str,
    /// What a right-click goes back to, and what that is called.
    pub reset: Option<(f64, &'a str)>,
}

/// Draws a row with the number's name and field; the new value when it was changed.
pub fn number(ui: &mut Ui, value: f64, field: &Number<'_>) -> Option<f64> {
    let mut edited = value;
    ui.horizontal(|ui| {
        let label = ui.label(field.name).on_hover_text(field.tooltip);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let drag = DragValue::new(&mut edited)
                .range(field.range.clone())
                .speed(field.speed)
                .max_decimals(field.decimals)
                .suffix(field.unit)
                .update_while_editing(false);
            let response = ui
                .add_sized([84.0, ui.spacing().interact_size.y], drag)
                .labelled_by(label.id)
                .accessible_name(field.name)
                .on_hover_text(field.tooltip);
            if let Some((default, text)) = field.reset {
                response.context_menu(|ui| {
                    if ui.button(text).clicked() {
                        edited = default;
                        ui.close();
                    }
                });
            }
        });
    });
    (edited != value).then_some(edited)
}

/// Draws a row with a name and a list to choose from; the new value when another was chosen.
pub fn choice<T: Copy + PartialEq>(
    ui: &mut Ui,
    (name, tooltip): (&str, &str),
    chosen: T,
    values: &[T],
    text_of: impl Fn(T) -> (String, String),
) -> Option<T> {
    let mut picked = None;
    ui.horizontal(|ui| {
        let label = ui.label(name).on_hover_text(tooltip);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let (text, _) = text_of(chosen);
            let combo = egui::ComboBox::from_id_salt(name)
                .selected_text(text)
                .width(150.0)
                .truncate()
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
                .labelled_by(label.id)
                .accessible_name(name)
                .on_hover_text(RichText::new(tooltip).color(theme::tokens(ui).text));
        });
    });
    picked.filter(|value| *value != chosen)
}
