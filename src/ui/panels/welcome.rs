//! The window without a picture: what it is for, and how to begin.

use eframe::egui::{self, RichText, Ui};

use crate::editor::Command;
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::{icons, widgets};

/// Height of what is shown, in points.
const HEIGHT: f32 = 440.0;
/// Files and closed pictures that are listed, of each kind.
const MOST_LISTED: usize = 4;

/// Draws the empty canvas.
pub(crate) fn welcome_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let area = ui.available_rect_before_wrap();
    let t = theme::tokens(ui);
    ui.painter().rect_filled(area, 0.0, t.canvas);
    let middle = egui::Rect::from_center_size(
        area.center(),
        egui::vec2(
            420.0_f32.min(area.width() - 48.0),
            HEIGHT.min(area.height()),
        ),
    );
    ui.scope_builder(egui::UiBuilder::new().max_rect(middle), |ui| {
        ui.vertical_centered(|ui| {
            ui.label(
                RichText::new(icons::PICTURE.0)
                    .family(theme::icon_family())
                    .size(40.0)
                    .color(t.muted),
            );
            ui.add_space(space::S);
            ui.label(
                RichText::new(desk.text("ui-welcome-title"))
                    .family(theme::semibold())
                    .size(text_size::TITLE),
            );
            ui.add(
                egui::Label::new(RichText::new(desk.text("ui-welcome-about")).color(t.muted))
                    .wrap(),
            );
            ui.add_space(space::L);
            let open = desk.text(Action::Open.text());
            let tooltip = desk.tooltip(ui.ctx(), Action::Open);
            if widgets::primary_button(ui, icons::OPEN, &open, 240.0, size::GENERATE)
                .on_hover_text(tooltip)
                .clicked()
            {
                desk.act(Action::Open);
            }
            let sample = desk.text(Action::OpenSample.text());
            if widgets::link_button(ui, &sample)
                .on_hover_text(desk.text(Action::OpenSample.tooltip()))
                .clicked()
            {
                desk.act(Action::OpenSample);
            }
            recent_ui(ui, desk);
        });
    });
    ui.advance_cursor_after_rect(area);
}

/// Files that were open, and what was closed without being saved.
fn recent_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let files = &desk.editor.preferences().recent_files;
    let files: Vec<_> = files.iter().take(MOST_LISTED).cloned().collect();
    let closed = desk.editor.recently_closed();
    let closed: Vec<_> = closed.iter().take(MOST_LISTED).cloned().collect();
    if !closed.is_empty() {
        ui.add_space(space::M);
        widgets::hint(ui, &desk.text("ui-closed"));
    }
    for closed in closed {
        ui.push_id(closed.id.0, |ui| {
            let about = desk.about_closed(&closed);
            let name = format!("{} · {}", closed.title, desk.ago(closed.closed_at));
            if widgets::link_button(ui, &name)
                .on_hover_text(about)
                .clicked()
            {
                desk.send(Command::Restore(closed.id));
            }
        });
    }
    if !files.is_empty() {
        ui.add_space(space::M);
        widgets::hint(ui, &desk.text("ui-recent"));
    }
    for path in files {
        let name = path.file_name().unwrap_or(path.as_os_str());
        if widgets::link_button(ui, &name.to_string_lossy())
            .on_hover_text(path.display().to_string())
            .clicked()
        {
            desk.send(Command::OpenFile(path));
        }
    }
}
