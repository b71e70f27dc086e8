//! What a right-click on the canvas offers.

use eframe::egui::{self, Response, Ui};

use super::shown_result;
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::{selecting, widgets};

/// Opens the menu on a right-click; with Alt held, that button sets the brush.
pub(super) fn canvas_menu(ui: &Ui, desk: &mut Desk<'_>, response: &Response) {
    let result = desk
        .editor
        .active()
        .is_some_and(|open| shown_result(desk, open).is_some());
    if response.secondary_clicked() && ui.input(|i| i.modifiers.alt) {
        return;
    }
    egui::Popup::context_menu(response)
        .accessible_name(desk.text("ui-canvas"))
        .width(240.0)
        .show(|ui| {
            if result {
                items(ui, desk, &[Action::Accept, Action::Discard]);
                ui.separator();
            }
            items(ui, desk, &[Action::Generate, Action::CompareStrengths]);
            ui.separator();
            items(ui, desk, &selecting::ACTIONS);
            ui.separator();
            let mask = [
                Action::InvertMask,
                Action::ClearMask,
                Action::Refine,
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
                Action::QuickMask,
                Action::NextMaskView,
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
