//! Notices of the editor as toasts in the corner.

use std::collections::HashMap;

use eframe::egui::{self, Align2, Area, CornerRadius, Frame, Id, Margin, RichText, Stroke, vec2};

use super::context::Desk;
use super::icons;
use super::theme::{self, TOAST_SECS, space, text_size};
use crate::editor::{Command, Notice, NoticeId, NoticeLevel};

/// More are not shown at once.
const MOST: usize = 4;
/// Side of the button that takes one away, in points.
const CROSS: f32 = 22.0;

/// Since when each notice has been shown.
#[derive(Debug, Default)]
pub(super) struct Toasts {
    since: HashMap<NoticeId, f64>,
}

impl Toasts {
    /// Draws the newest notices; those that only inform go by themselves.
    pub(super) fn show(
        &mut self,
        ctx: &egui::Context,
        desk: &mut Desk<'_>,
        (corner, pivot): (egui::Pos2, Align2),
    ) {
        let now = ctx.time();
        let notices = desk.editor.notices();
        self.since
            .retain(|id, _| notices.iter().any(|notice| notice.id == *id));
        if notices.is_empty() {
            return;
        }
        Area::new(Id::unique("toasts"))
            .order(egui::Order::Foreground)
            .fixed_pos(corner)
            .pivot(pivot)
            .accessible_name(desk.text("ui-notices"))
            .show(ctx, |ui| {
                ui.spacing_mut().item_spacing.y = space::S;
                ui.set_max_width(380.0);
                for notice in notices.iter().rev().take(MOST).rev() {
                    let since = *self.since.entry(notice.id).or_insert(now);
                    let hovered = toast_ui(ui, desk, notice);
                    if hovered {
                        self.since.insert(notice.id, now);
                    }
                    if notice.level == NoticeLevel::Info {
                        let left = TOAST_SECS - (now - since);
                        if left <= 0.0 {
                            desk.send(Command::DismissNotice(notice.id));
                        } else {
                            ui.ctx().request_repaint_after_secs(left as f32);
                        }
                    }
                }
            });
    }
}

/// Draws one; true while the pointer is on it.
fn toast_ui(ui: &mut egui::Ui, desk: &mut Desk<'_>, notice: &Notice) -> bool {
    let t = theme::tokens(ui);
    let (icon, colour) = match notice.level {
        NoticeLevel::Info => (icons::GOOD, t.good),
        NoticeLevel::Warning => (icons::WARNING, t.warn),
        NoticeLevel::Error => (icons::FAILED, t.bad),
    };
    let frame = Frame::NONE
        .fill(t.panel)
        .stroke(Stroke::new(1.0, colour))
        .corner_radius(CornerRadius::same(theme::RADIUS_CARD))
        .inner_margin(Margin::symmetric(12, 8))
        .shadow(egui::Shadow {
            offset: [0, 4],
            blur: 16,
            spread: 0,
            color: egui::Color32::from_black_alpha(80),
        });
    let response = frame.show(ui, |ui| {
        ui.push_id(notice.id.0, |ui| {
            // Else the line is as tall as a control, and one line of words stands above its middle.
            ui.spacing_mut().interact_size.y = CROSS;
            // Else the cross is wider than it says.
            ui.spacing_mut().button_padding = vec2(0.0, 0.0);
            ui.horizontal_top(|ui| {
                ui.label(
                    RichText::new(icon.0)
                        .family(theme::icon_family())
                        .size(text_size::ICON)
                        .color(colour),
                );
                let text = desk.say(&notice.message);
                ui.scope(|ui| {
                    // What the cross leaves.
                    ui.set_width(ui.available_width() - CROSS - ui.spacing().item_spacing.x);
                    ui.add(
                        egui::Label::new(RichText::new(text).color(t.text))
                            .wrap()
                            .selectable(true),
                    );
                });
                let dismiss = desk.text("ui-dismiss");
                let sign = RichText::new(icons::CLOSE.0)
                    .family(theme::icon_family())
                    .size(13.0)
                    .color(t.muted);
                let button = egui::Button::new(sign)
                    .frame_when_inactive(false)
                    .min_size(vec2(CROSS, CROSS));
                if ui
                    .add(button)
                    .accessible_name(dismiss.as_ref())
                    .on_hover_text(dismiss)
                    .clicked()
                {
                    desk.send(Command::DismissNotice(notice.id));
                }
            });
        });
    });
    response.response.contains_pointer()
}
