//! What a right-click on the canvas offers.

use eframe::egui::{self, Response, Ui};

use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::{results, selecting, widgets};

/// Opens the menu on a right-click; with Alt held, that button sets the brush.
pub(super) fn canvas_menu(ui: &Ui, desk: &mut Desk<'_>, response: &Response) {
    let open = desk.editor.active();
    let result = open.and_then(|open| results::shown(desk, open));
    if response.secondary_clicked() && ui.input(|i| i.modifiers.alt) {
        return;
    }
    egui::Popup::context_menu(response)
        .accessible_name(desk.text("ui-canvas"))
        .width(240.0)
        .show(|ui| {
            if let Some(result) = result {
                results::menu(ui, desk, result);
                ui.separator();
            }
            items(ui, desk, &[Action::Generate, Action::CompareStrengths]);
            ui.separator();
            items(ui, desk, &selecting::ACTIONS);
            ui.separator();
            let mask = [
                Action::InvertMask,
                Action::ClearMask,
                Action::SwapMode,
                Action::ErasePainted,
            ];
            items(ui, desk, &mask);
            ui.separator();
            let view = [
                Action::Fit,
                Action::ActualSize,
                Action::Split,
                Action::ToggleMask,
                Action::ToggleArea,
            ];
            items(ui, desk, &view);
        });
}

fn items(ui: &mut Ui, desk: &mut Desk<'_>, actions: &[Action]) {
    for action in actions {
        widgets::menu_item(ui, desk, *action);
    }
}
