//! The filmstrip: results that have been neither accepted nor thrown away, with their settings.

use eframe::egui::{
    self, Align2, CornerRadius, FontId, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
    pos2, vec2,
};

use crate::editor::{Candidate, Command, OpenDocument};
use crate::jobs::KeptDetails;
use crate::text::Message;
use crate::ui::actions::Action;

use crate::ui::canvas::TextureStore;
use crate::ui::context::Desk;
use crate::ui::room::Room;
use crate::ui::run_texts::reuse_lines;
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::widgets;

/// Side of a picture in the strip.
fn thumb_side(room: Room) -> f32 {
    if room == Room::Enough {
        size::THUMB
    } else {
        size::THUMB_SMALL
    }
}

/// Height of the strip.
pub(crate) fn results_height(room: Room) -> f32 {
    let around = if room == Room::Enough {
        2.0 * space::S + 4.0
    } else {
        space::M
    };
    thumb_side(room) + around
}

/// The results of a document that have not been accepted, oldest first.
fn waiting<'a>(desk: &Desk<'a>, open: &OpenDocument) -> impl Iterator<Item = &'a Candidate> {
    desk.editor
        .candidates(open.id())
        .filter(|candidate| candidate.accepted_as.is_none())
}

/// Draws the strip.
pub(crate) fn results_ui(ui: &mut Ui, desk: &mut Desk<'_>, store: &mut TextureStore, room: Room) {
    let Some(open) = desk.editor.active() else {
        return;
    };
    let results: Vec<&Candidate> = waiting(desk, open).collect();
    ui.horizontal_centered(|ui| {
        if room == Room::Enough {
            ui.vertical(|ui| {
                ui.set_width(112.0);
                ui.add_space(space::XS);
                widgets::heading(ui, &desk.text("ui-results"));
                hint(ui, desk, results.len());
            });
        } else if results.is_empty() {
            hint(ui, desk, 0);
        }
        if desk.last_comparison(open.id()).is_some() {
            widgets::action_button(ui, desk, Action::LastComparison, None);
        }
        egui::ScrollArea::horizontal()
            .stick_to_right(true)
            .auto_shrink(false)
            .show(ui, |ui| {
                ui.horizontal_centered(|ui| {
                    for result in results {
                        let side = thumb_side(room);
                        ui.push_id(result.id.0, |ui| {
                            result_ui(ui, desk, store, (open, result, side));
                        });
                    }
                });
            });
    });
}

/// How many results there are and how to see what was before.
fn hint(ui: &mut Ui, desk: &Desk<'_>, count: usize) {
    let words = if count == 0 {
        desk.text("ui-results-none").into_owned()
    } else {
        desk.say(&Message::new("ui-results-hint").with("count", count))
    };
    widgets::hint(ui, &words);
}

fn result_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    (open, result, side): (&OpenDocument, &Candidate, f32),
) {
    let document = open.id();
    let shown = desk.state.of(document).shown_result == Some(result.id);
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::click());
    let about = about(desk, result);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, shown, &about));
    let texture = store.thumb(
        ui.ctx(),
        result.id,
        &result.patch,
        open.document().visible(),
    );
    let t = theme::tokens(ui);
    let corners = CornerRadius::same(theme::RADIUS);
    let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    let image = egui::epaint::RectShape::filled(rect, corners, egui::Color32::WHITE)
        .with_texture(texture.id(), uv);
    ui.painter().add(image);
    let line = match (shown, response.hovered() || response.has_focus()) {
        (true, _) => Stroke::new(2.5, t.accent),
        (false, true) => Stroke::new(1.5, t.text),
        (false, false) => Stroke::new(1.0, t.line),
    };
    ui.painter()
        .rect_stroke(rect, corners, line, StrokeKind::Inside);
    let strength = format!("{:.2}", result.settings.strength.get());
    let font = FontId::proportional(text_size::SMALL);
    let galley = ui
        .painter()
        .layout_no_wrap(strength, font, egui::Color32::WHITE);
    let label = Align2::LEFT_BOTTOM.anchor_size(
        rect.left_bottom() + vec2(4.0, -4.0),
        galley.size() + vec2(8.0, 2.0),
    );
    ui.painter().rect_filled(
        label,
        CornerRadius::same(4),
        egui::Color32::from_black_alpha(170),
    );
    ui.painter()
        .galley(label.min + vec2(4.0, 1.0), galley, egui::Color32::WHITE);
    if response.clicked() {
        desk.state.of(document).shown_result = (!shown).then_some(result.id);
    }
    if response.double_clicked() {
        desk.send(Command::AcceptCandidate(result.id));
    }
    response.context_menu(|ui| context_menu(ui, desk, result));
    response.on_hover_text(about);
}

fn context_menu(ui: &mut Ui, desk: &mut Desk<'_>, result: &Candidate) {
    let document = result.document;
    desk.state.of(document).shown_result = Some(result.id);
    widgets::menu_item(ui, desk, Action::Accept);
    widgets::menu_item(ui, desk, Action::Discard);
    ui.separator();
    reuse_lines(ui, desk, result);
}

/// What a result was made with.
fn about(desk: &Desk<'_>, result: &Candidate) -> String {
    let settings = &result.settings;
    let prompt = if settings.prompt.is_empty() {
        desk.text("ui-no-prompt").into_owned()
    } else {
        settings.prompt.clone()
    };
    let seconds = result.report.seconds;
    let total = seconds.load + seconds.text + seconds.encode + seconds.steps + seconds.decode;
    let made = desk.say(
        &Message::new("ui-result-about")
            .with("prompt", prompt)
            .with("strength", format!("{:.2}", settings.strength.get()))
            .with("run", result.report.executed_steps)
            .with("of", settings.steps.get())
            .with("seed", settings.seed.0.to_string())
            .with("seconds", format!("{total:.1}")),
    );
    if result.details == KeptDetails::ByPicture {
        let by_picture = desk.text("ui-result-details-by-picture");
        return format!("{made}\n{by_picture}");
    }
    made
}
