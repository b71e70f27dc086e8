//! Notices of the editor as toasts in the corner; in a small window, where they would cover the picture,
//! as one line in the status bar.

use std::collections::HashMap;

use eframe::egui::{
    self, Align, Align2, Area, Color32, CornerRadius, Frame, Id, Layout, Margin, Rect, RichText,
    Stroke, vec2,
};

use super::actions::Action;
use super::context::Desk;
use super::icons::{self, Icon};
use super::state::BarNotice;
use super::theme::{self, TOAST_SECS, Tokens, space, text_size};
use super::widgets;
use crate::editor::{Command, Notice, NoticeId, NoticeLevel};
use crate::text::Message;

/// Where notices are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a corner of the canvas.
    Canvas,
    /// In the status bar, one at a time: the canvas is too small to lose a part of it.
    StatusBar,
}

/// More are not shown at once, however large the canvas is.
const MOST: usize = 3;
/// The height of a canvas, in points, of which one of them may take a part.
const HEIGHT_FOR_EACH: f32 = 220.0;
/// Width of a toast, in points.
const WIDTH: f32 = 380.0;
/// Height of what stands at the left of the canvas, in points.
const CHIPS: f32 = 40.0;
/// Side of the button that takes one away, in points.
const CROSS: f32 = 22.0;

/// For how long each notice has been seen.
#[derive(Debug, Default)]
pub(super) struct Toasts {
    seen_secs: HashMap<NoticeId, f64>,
    last_secs: f64,
}

/// How long it takes to read a text, in seconds: a Chinese character takes as long as three letters.
fn reading_secs(text: &str) -> f64 {
    let letters: u32 = text.chars().map(|c| if c.is_ascii() { 1 } else { 3 }).sum();
    4.0 + f64::from(letters) * 0.07
}

impl Toasts {
    /// Draws the newest notices in a corner of the canvas, and how many more there are. Each goes by
    /// itself when there was time to read it; warnings and errors stay in the list of messages.
    pub(super) fn show(
        &mut self,
        ctx: &egui::Context,
        desk: &mut Desk<'_>,
        canvas: Rect,
        place: Place,
    ) {
        let gone = ctx.time() - std::mem::replace(&mut self.last_secs, ctx.time());
        let editor = desk.editor;
        self.seen_secs
            .retain(|id, _| editor.notices().iter().any(|notice| notice.id == *id));
        let fresh: Vec<(&Notice, f64)> = editor
            .notices()
            .iter()
            .filter_map(|notice| {
                let needed = match notice.level {
                    NoticeLevel::Info => TOAST_SECS,
                    _ => reading_secs(&desk.say(&notice.message)).max(TOAST_SECS),
                };
                let seen = self.seen_secs.get(&notice.id).copied().unwrap_or_default();
                (seen < needed).then_some((notice, needed))
            })
            .collect();
        let in_bar_before = desk.state.bar_notice.take();
        let height_before = std::mem::take(&mut desk.state.toasts_height);
        if fresh.is_empty() {
            if height_before > 0.0 || in_bar_before.is_some() {
                // The tiles, or what the bar says else, take the room back.
                ctx.request_repaint();
            }
            return;
        }
        if place == Place::StatusBar {
            if let Some((notice, needed)) = fresh.last() {
                self.in_bar(ctx, desk, notice, (*needed, gone), in_bar_before);
            }
            return;
        }
        let comparing = desk.state.comparison.is_some();
        let most = if comparing {
            1
        } else {
            ((canvas.height() / HEIGHT_FOR_EACH) as usize).clamp(1, MOST)
        };
        let inner = canvas.shrink(space::M);
        let chips = desk.state.chips;
        // Out of the way of what is done next: the bar of a result below; the tiles of a comparison give
        // way above it.
        let (corner, pivot) = if comparing {
            (inner.right_bottom(), Align2::RIGHT_BOTTOM)
        } else if inner.right() - WIDTH < chips.right() + space::M {
            let below = (chips.bottom() - inner.top()).clamp(0.0, 120.0) + space::S;
            (inner.right_top() + vec2(0.0, below), Align2::RIGHT_TOP)
        } else {
            (inner.right_top(), Align2::RIGHT_TOP)
        };
        let drawn = Area::new(Id::unique("toasts"))
            .order(egui::Order::Foreground)
            .fixed_pos(corner)
            .pivot(pivot)
            .accessible_name(desk.text("ui-notices"))
            .show(ctx, |ui| {
                ui.spacing_mut().item_spacing.y = space::S;
                // Else it has the height that egui gives to windows.
                ui.set_max_size(vec2(WIDTH.min(inner.width()), inner.height()));
                let room = inner.height() - CHIPS - 2.0 * space::L;
                egui::ScrollArea::vertical()
                    .max_height(room.max(CHIPS))
                    .show(ui, |ui| {
                        for (notice, needed) in fresh.iter().rev().take(most) {
                            self.notice_ui(ui, desk, notice, (*needed, gone));
                        }
                    });
                let older = fresh.get(..fresh.len().saturating_sub(most));
                older_ui(ui, desk, older.unwrap_or_default());
            });
        if comparing {
            desk.state.toasts_height = drawn.response.rect.height();
            if desk.state.toasts_height != height_before {
                ctx.request_repaint();
            }
        }
    }

    /// Draws one. Time goes on while it can be read: not under the pointer, nor while somebody looks
    /// elsewhere.
    fn notice_ui(
        &mut self,
        ui: &mut egui::Ui,
        desk: &mut Desk<'_>,
        notice: &Notice,
        (needed, gone): (f64, f64),
    ) {
        let pointed_at = toast_ui(ui, desk, notice);
        self.count(ui.ctx(), desk, notice, (needed, gone), pointed_at);
    }

    /// Has the status bar show one from the next frame on.
    fn in_bar(
        &mut self,
        ctx: &egui::Context,
        desk: &mut Desk<'_>,
        notice: &Notice,
        times: (f64, f64),
        before: Option<BarNotice>,
    ) {
        let same = before.filter(|before| before.id == notice.id);
        let pointed_at = same.is_some_and(|before| before.pointed_at);
        desk.state.bar_notice = Some(BarNotice {
            id: notice.id,
            pointed_at,
        });
        if same.is_none() {
            ctx.request_repaint();
        }
        self.count(ctx, desk, notice, times, pointed_at);
    }

    /// Counts for how long a notice was seen; one that was read goes.
    fn count(
        &mut self,
        ctx: &egui::Context,
        desk: &mut Desk<'_>,
        notice: &Notice,
        (needed, gone): (f64, f64),
        pointed_at: bool,
    ) {
        let looked_at = ctx.input(|i| i.viewport().focused != Some(false));
        let first = !self.seen_secs.contains_key(&notice.id);
        let seen = self.seen_secs.entry(notice.id).or_default();
        if looked_at && !pointed_at && !first && desk.state.dialog.is_none() {
            *seen += gone;
        }
        if *seen < needed {
            ctx.request_repaint_after_secs((needed - *seen) as f32);
        } else {
            if notice.level == NoticeLevel::Info {
                desk.send(Command::DismissNotice(notice.id));
            }
            ctx.request_repaint();
        }
    }
}

/// Says how many older ones there are; pressing it shows them.
fn older_ui(ui: &mut egui::Ui, desk: &mut Desk<'_>, older: &[(&Notice, f64)]) {
    let Some(worst) = older.iter().map(|(notice, _)| notice.level).max() else {
        return;
    };
    let (_, colour) = look(worst, theme::tokens(ui));
    let small = toast_frame(theme::tokens(ui), colour).inner_margin(Margin::symmetric(4, 2));
    ui.with_layout(Layout::top_down(Align::Max), |ui| {
        small.show(ui, |ui| {
            let more = desk.say(&Message::new("ui-notices-more").with("count", older.len()));
            if widgets::link_button(ui, &more).clicked() {
                desk.act(Action::Messages);
            }
        });
    });
}

/// The sign and the colour of a level.
pub(super) const fn look(level: NoticeLevel, t: &Tokens) -> (Icon, Color32) {
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

/// Below what is said of runs that failed: a button that runs them again.
pub(super) fn again_ui(ui: &mut egui::Ui, desk: &mut Desk<'_>, notice: &Notice) {
    if !desk.editor.can_try_again(notice) {
        return;
    }
    ui.horizontal(|ui| {
        // It stands below the words.
        ui.add_space(text_size::ICON + ui.spacing().item_spacing.x);
        let again = widgets::link_button(ui, &desk.text("ui-try-again"));
        if again.on_hover_text(desk.text("ui-try-again-tip")).clicked() {
            desk.send(Command::TryAgain(notice.id));
        }
    });
}

/// A cross that dismisses a notice, `side` points wide.
pub(super) fn dismiss_button(ui: &mut egui::Ui, desk: &mut Desk<'_>, id: NoticeId, side: f32) {
    let dismiss = desk.text("ui-dismiss");
    let sign = RichText::new(icons::CLOSE.0)
        .family(theme::icon_family())
        .size(13.0)
        .color(theme::tokens(ui).muted);
    let button = egui::Button::new(sign)
        .frame_when_inactive(false)
        .min_size(vec2(side, side));
    let button = ui.add(button).accessible_name(dismiss.as_ref());
    if button.on_hover_text(dismiss).clicked() {
        desk.send(Command::DismissNotice(id));
    }
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
                dismiss_button(ui, desk, notice.id, CROSS);
            });
            again_ui(ui, desk, notice);
        });
    });
    response.response.contains_pointer()
}
