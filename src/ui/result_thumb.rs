//! The small picture of a result, in the strip and in the grid.

use eframe::egui::{
    self, Align2, Color32, CornerRadius, FontId, Pos2, Rect, Response, Role, Sense, Stroke,
    StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::canvas::TextureStore;
use super::context::Desk;
use super::icons;
use super::results;
use super::theme::{self, text_size};
use crate::editor::{Candidate, Command, OpenDocument};

/// What is written on the picture of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// How far the model might imagine.
    Strength,
    /// What its noise was made from.
    Seed,
}

impl Label {
    /// What tells the results of one press apart.
    pub(super) fn of_group(group: &[&Candidate]) -> Self {
        let strength = group.first().map(|first| first.settings.strength);
        let alike = |it: &&Candidate| Some(it.settings.strength) == strength;
        if group.len() > 1 && group.iter().all(alike) {
            Self::Seed
        } else {
            Self::Strength
        }
    }
}

/// Draws it and does what is asked for: a click shows it, a second one with Ctrl held compares it with the
/// one shown, a double click makes it a layer, a right-click offers everything.
pub(super) fn result_thumb(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    (open, result): (&OpenDocument, &Candidate),
    (side, label): (f32, Label),
) -> Response {
    let document = open.id();
    let shown = desk.state.of(document).shown_result() == Some(result.id);
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::click());
    let about = results::about(desk, result);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, shown, &about));
    if ui.is_rect_visible(rect) {
        paint(
            ui,
            desk,
            store,
            (open, result),
            (rect, &response, shown, label),
        );
    }
    if response.double_clicked() {
        desk.send(Command::AcceptCandidate(result.id));
    } else if response.clicked() {
        let with_ctrl = ui.input(|i| i.modifiers.command);
        let other = desk.state.of(document).shown_result();
        if let Some(other) = other.filter(|id| with_ctrl && *id != result.id) {
            results::compare(desk, other, result.id);
        } else {
            let next = (!shown).then_some(result.id);
            desk.state.of(document).show_result(next);
        }
    }
    egui::Popup::context_menu(&response)
        .accessible_name(desk.text("ui-result-menu"))
        .width(260.0)
        .show(|ui| results::menu(ui, desk, result));
    response.on_hover_text(about)
}

fn paint(
    ui: &Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    (open, result): (&OpenDocument, &Candidate),
    (rect, response, shown, label): (Rect, &Response, bool, Label),
) {
    let t = theme::tokens(ui);
    let painter = ui.painter();
    let corners = CornerRadius::same(theme::RADIUS);
    if let Some(texture) = store.thumb(ui.ctx(), result, open.document().visible()) {
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        let image = egui::epaint::RectShape::filled(rect, corners, Color32::WHITE)
            .with_texture(texture.id(), uv);
        painter.add(image);
    } else {
        painter.rect_filled(rect, corners, t.raised);
        let (icon, ink) = if result.is_lost() {
            (icons::FAILED, t.bad)
        } else {
            desk.send(Command::LookAt(result.id));
            (icons::PICTURE, t.disabled)
        };
        let font = FontId::new(text_size::ICON, theme::icon_family());
        painter.text(rect.center(), Align2::CENTER_CENTER, icon.0, font, ink);
    }
    let line = match (shown, response.hovered() || response.has_focus()) {
        (true, _) => Stroke::new(2.5, t.accent),
        (false, true) => Stroke::new(1.5, t.text),
        (false, false) => Stroke::new(1.0, t.line),
    };
    painter.rect_stroke(rect, corners, line, StrokeKind::Inside);
    let words = match label {
        Label::Strength => format!("{:.2}", result.settings.strength.get()),
        Label::Seed => seed_that_fits(ui, result.settings.seed.0, rect.width() - 16.0),
    };
    let font = FontId::proportional(text_size::SMALL);
    let foot = rect.left_bottom() + vec2(4.0, -4.0);
    sign(ui, foot, Align2::LEFT_BOTTOM, (&words, font));
    if desk.editor.is_layer(result) {
        let font = FontId::new(text_size::SMALL, theme::icon_family());
        let check = icons::ACCEPT.0.to_string();
        sign(
            ui,
            rect.right_top() + vec2(-4.0, 4.0),
            Align2::RIGHT_TOP,
            (&check, font),
        );
    }
}

/// A seed as far as there is room for it: its end tells neighbours apart.
fn seed_that_fits(ui: &Ui, seed: u64, room: f32) -> String {
    let whole = seed.to_string();
    let font = FontId::proportional(text_size::SMALL);
    let width = |words: &str| {
        let galley = ui
            .painter()
            .layout_no_wrap(words.to_owned(), font.clone(), Color32::WHITE);
        galley.size().x
    };
    if width(&whole) <= room {
        return whole;
    }
    let ends = (0..whole.len()).filter_map(|from| Some(format!("…{}", whole.get(from..)?)));
    let mut fitting = ends.filter(|words| width(words) <= room);
    fitting.next().unwrap_or_default()
}

/// Small words that can be read on any picture.
fn sign(ui: &Ui, at: Pos2, pivot: Align2, (words, font): (&str, FontId)) {
    let painter = ui.painter();
    let galley = painter.layout_no_wrap(words.to_owned(), font, Color32::WHITE);
    let rect = pivot.anchor_size(at, galley.size() + vec2(8.0, 2.0));
    painter.rect_filled(rect, CornerRadius::same(4), Color32::from_black_alpha(170));
    painter.galley(rect.min + vec2(4.0, 1.0), galley, Color32::WHITE);
}
