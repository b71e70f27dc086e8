//! The sheet of all keys (F1), made from the table of actions.

use eframe::egui::{self, RichText, Ui};

use crate::ui::actions::{Action, GESTURES, Group};
use crate::ui::context::{Desk, key_text};
use crate::ui::theme::{self, space, text_size};
use crate::ui::widgets;

pub(super) fn shortcuts_ui(ui: &mut Ui, desk: &Desk<'_>, stays: &mut bool) {
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(desk.text("ui-shortcuts-title"))
                .family(theme::semibold())
                .size(text_size::HEADING),
        );
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let close = desk.text("ui-dialog-close");
            if widgets::icon_button(ui, crate::ui::icons::CLOSE, &close, None)
                .on_hover_text(close.as_ref())
                .clicked()
            {
                *stays = false;
            }
        });
    });
    ui.add_space(space::S);
    let most = ui.ctx().content_rect().height() - 140.0;
    egui::ScrollArea::vertical()
        .max_height(most)
        // Else the first frame, which does not know its contents yet, decides.
        .min_scrolled_height(most)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing = egui::vec2(space::L * 2.0, space::XS);
            ui.spacing_mut().interact_size.y = 18.0;
            ui.columns_const(|[left, right]| {
                for group in [Group::Tool, Group::Edit, Group::Generate] {
                    group_ui(left, desk, group);
                }
                gestures(left, desk);
                for group in [Group::File, Group::View, Group::Result, Group::Help] {
                    group_ui(right, desk, group);
                }
            });
        });
}

fn group_ui(ui: &mut Ui, desk: &Desk<'_>, group: Group) {
    widgets::heading(ui, &desk.text(group.text()));
    for action in Action::ALL
        .iter()
        .filter(|action| action.group() == group && !action.shortcuts().is_empty())
    {
        let keys: Vec<String> = action
            .shortcuts()
            .iter()
            // The same key of the keyboard as plus, without Shift.
            .filter(|shortcut| shortcut.logical_key != egui::Key::Equals)
            .map(|s| key_text(ui.ctx(), *s))
            .collect();
        row(ui, &desk.text(action.text()), &keys);
    }
    ui.add_space(space::M);
}

fn gestures(ui: &mut Ui, desk: &Desk<'_>) {
    widgets::heading(ui, &desk.text("ui-group-gestures"));
    for (keys, does) in GESTURES {
        row(ui, &desk.text(does), &[desk.text(keys).into_owned()]);
    }
}

/// What is done, and at the right the keys for it, each as a cap.
fn row(ui: &mut Ui, does: &str, keys: &[String]) {
    ui.horizontal(|ui| {
        ui.label(RichText::new(does).color(theme::tokens(ui).text));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            for key in keys.iter().rev() {
                widgets::key_cap(ui, key);
            }
        });
    });
}
