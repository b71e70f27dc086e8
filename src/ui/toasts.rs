//! Notices of the editor as toasts in the corner.

use std::collections::HashMap;

use eframe::egui::{
    self, Align, Align2, Area, Color32, CornerRadius, Frame, Id, Layout, Margin, Rect, RichText,
    Stroke, vec2,
};

use super::context::Desk;
use super::icons::{self, Icon};
use super::theme::{self, TOAST_SECS, Tokens, space, text_size};
use super::widgets;
use crate::editor::{Command, Notice, NoticeId, NoticeLevel};
use crate::text::Message;

/// More are not shown at once, however large the canvas is.
const MOST: usize = 3;
/// The height of a canvas, in points, of which one of them may take a part.
const HEIGHT_FOR_EACH: f32 = 220.0;
/// Width of a toast, in points.
const WIDTH: f32 = 380.0;
/// What stands at the left of the canvas has this width and height at most, in points.
const CHIPS: egui::Vec2 = vec2(240.0, 40.0);
/// Side of the button that takes one away, in points.
const CROSS: f32 = 22.0;

/// Since when each notice has been shown.
#[derive(Debug, Default)]
pub(super) struct Toasts {
    since: HashMap<NoticeId, f64>,
    /// The older ones are shown too.
    all: bool,
}

impl Toasts {
    /// Draws the newest notices in a corner of the canvas, and how many more there are; those that
    /// only inform go by themselves.
    pub(super) fn show(&mut self, ctx: &egui::Context, desk: &mut Desk<'_>, canvas: Rect) {
        let notices = desk.editor.notices();
        self.since
            .retain(|id, _| notices.iter().any(|notice| notice.id == *id));
        let most = ((canvas.height() / HEIGHT_FOR_EACH) as usize).clamp(1, MOST);
        if notices.len() <= most {
            self.all = false;
        }
        if notices.is_empty() {
            return;
        }
        let inner = canvas.shrink(space::M);
        // Out of the way of what is done next: the bar of a result below, that of a sheet above.
        let (corner, pivot) = if desk.state.comparison.is_some() {
            (inner.right_bottom(), Align2::RIGHT_BOTTOM)
        } else if inner.width() < WIDTH + CHIPS.x {
            (inner.right_top() + vec2(0.0, CHIPS.y), Align2::RIGHT_TOP)
        } else {
            (inner.right_top(), Align2::RIGHT_TOP)
        };
        Area::new(Id::unique("toasts"))
            .order(egui::Order::Foreground)
            .fixed_pos(corner)
            .pivot(pivot)
            .accessible_name(desk.text("ui-notices"))
            .show(ctx, |ui| {
                ui.spacing_mut().item_spacing.y = space::S;
                // Else it has the height that egui gives to windows.
                ui.set_max_size(vec2(WIDTH.min(inner.width()), inner.height()));
                let shown = if self.all { notices.len() } else { most };
                let room = inner.height() - CHIPS.y - 2.0 * space::L;
                egui::ScrollArea::vertical()
                    .max_height(room.max(CHIPS.y))
                    .show(ui, |ui| {
                        for notice in notices.iter().rev().take(shown) {
                            self.notice_ui(ui, desk, notice);
                        }
                    });
                let older = notices.get(..notices.len().saturating_sub(most));
                self.older_ui(ui, desk, older.unwrap_or_default());
            });
    }

    /// Draws one, and takes it away when its time is over.
    fn notice_ui(&mut self, ui: &mut egui::Ui, desk: &mut Desk<'_>, notice: &Notice) {
        let now = ui.ctx().time();
        let since = *self.since.entry(notice.id).or_insert(now);
        if toast_ui(ui, desk, notice) {
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

    /// Says how many older ones there are; they can be seen, and all can be taken away at once.
    fn older_ui(&mut self, ui: &mut egui::Ui, desk: &mut Desk<'_>, older: &[Notice]) {
        let Some(worst) = older.iter().map(|notice| notice.level).max() else {
            return;
        };
        let (_, colour) = look(worst, theme::tokens(ui));
        let at_the_right = Layout::top_down(Align::Max);
        let small = toast_frame(theme::tokens(ui), colour).inner_margin(Margin::symmetric(4, 2));
        ui.with_layout(at_the_right, |ui| {
            small.show(ui, |ui| self.older_buttons(ui, desk, older.len()));
        });
    }

    fn older_buttons(&mut self, ui: &mut egui::Ui, desk: &mut Desk<'_>, older: usize) {
        // From the right.
        ui.horizontal(|ui| {
            if widgets::link_button(ui, &desk.text("ui-dismiss-all")).clicked() {
                for notice in desk.editor.notices() {
                    desk.send(Command::DismissNotice(notice.id));
                }
            }
            let more = if self.all {
                desk.text("ui-notices-fewer").into_owned()
            } else {
                desk.say(&Message::new("ui-notices-more").with("count", older))
            };
            if widgets::link_button(ui, &more).clicked() {
                self.all = !self.all;
            }
        });
    }
}

/// The sign and the colour of a level.
const fn look(level: NoticeLevel, t: &Tokens) -> (Icon, Color32) {
    match level {
        NoticeLevel::Info => (icons::GOOD, t.good),
        NoticeLevel::Warning => (icons::WARNING, t.warn),
        NoticeLevel::Error => (icons::FAILED, t.bad),
    }
}

fn toast_frame(t: &Tokens, colour: Color32) -> Frame {
    Frame::NONE
        .fill(t.panel)
        .stroke(Stroke::new(1.0, colour))
        .corner_radius(CornerRadius::same(theme::RADIUS_CARD))
        .inner_margin(Margin::symmetric(12, 8))
        .shadow(egui::Shadow {
            offset: [0, 4],
            blur: 16,
            spread: 0,
            color: Color32::from_black_alpha(80),
        })
}

/// Draws one; true while the pointer is on it.
fn toast_ui(ui: &mut egui::Ui, desk: &mut Desk<'_>, notice: &Notice) -> bool {
    let t = theme::tokens(ui);
    let (icon, colour) = look(notice.level, t);
    let frame = toast_frame(t, colour);
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
