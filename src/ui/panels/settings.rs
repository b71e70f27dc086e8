//! The panel at the right: what the next run will do.

use eframe::egui::{
    self, Align2, CornerRadius, FontId, Rect, Role, Sense, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo, vec2,
};

use super::{background, generate, layers, models, more, prompt, strength};
use crate::document::DocumentId;
use crate::plan::MaskMode;
use crate::ui::canvas::TextureStore;
use crate::ui::context::Desk;
use crate::ui::theme::{self, RADIUS, Tokens, space, text_size};
use crate::ui::widgets;

/// Draws the panel.
pub(crate) fn settings_ui(ui: &mut Ui, desk: &mut Desk<'_>, store: &mut TextureStore) {
    let Some(document) = desk.open().map(crate::editor::OpenDocument::id) else {
        return;
    };
    let rest = ui.available_rect_before_wrap();
    // The scroll bar stands in the margin, so that everything ends on one line at the right.
    let inner = Rect::from_min_max(rest.min, rest.max - vec2(SCROLL_BAR, 0.0));
    let below = |top: f32, bottom: f32| {
        Rect::from_min_max(
            egui::pos2(inner.left(), top),
            egui::pos2(inner.right(), bottom),
        )
    };
    let footer = below(
        inner.bottom() - generate::height(desk, document),
        inner.bottom(),
    );
    let layers = below(
        footer.top() - layers::height(desk, document, rest.height()),
        footer.top(),
    );
    let body = Rect::from_min_max(rest.min, egui::pos2(rest.right(), layers.top() - space::S));
    // Children that this `Ui` does not hear of: a panel takes the width of what it hears of, and
    // this one is as wide as the user made it, whatever is in it.
    let child = |rect: Rect| egui::UiBuilder::new().max_rect(rect);
    let mut upper = ui.new_child(child(body).id_salt("settings body"));
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(&mut upper, |ui| {
            ui.set_max_width(inner.width());
            ui.spacing_mut().item_spacing.y = space::S;
            models::models_ui(ui, desk, rest.height() >= BACKGROUND_FIRST);
            mode(ui, desk, document, rest.height() >= TALL);
            // What everybody needs is seen first: prompt and strength.
            let tasks_first = rest.height() >= TASKS_FIRST;
            if tasks_first {
                prompt::task_buttons(ui, desk);
            } else {
                ui.add_space(space::XS);
            }
            let background_first = rest.height() >= BACKGROUND_FIRST;
            if background_first {
                background::background_ui(ui, desk, document);
            }
            prompt::prompt_ui(ui, desk, document);
            ui.separator();
            strength::strength_ui(ui, desk, document);
            if !tasks_first {
                prompt::task_buttons(ui, desk);
            }
            if !background_first {
                background::background_ui(ui, desk, document);
            }
            ui.separator();
            more::more_ui(ui, desk, document);
        });
    let mut middle = ui.new_child(child(layers).id_salt("settings layers"));
    layers::layers_ui(&mut middle, desk, store, document);
    let mut lower = ui.new_child(child(footer).id_salt("settings footer"));
    generate::generate_ui(&mut lower, desk, document);
    ui.advance_cursor_after_rect(rest);
}

/// Room for the scroll bar, in points.
const SCROLL_BAR: f32 = 12.0;

/// A panel below this height, in points, leaves its room to what is written and chosen in it.
const TALL: f32 = 640.0;
/// Panels of this height, in points, have room for the tasks above the prompt.
const TASKS_FIRST: f32 = 600.0;
/// And for the backgrounds too.
const BACKGROUND_FIRST: f32 = 840.0;
/// Height of a card with its picture, and of one without, in points.
const CARD: [f32; 2] = [70.0, 36.0];

/// Two pictures to choose from: what is painted changes, or stays. Only their names without `pictures`.
fn mode(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId, pictures: bool) {
    let chosen = desk
        .open()
        .map_or(MaskMode::Changes, |open| open.settings().mask_mode);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        let height = if pictures { CARD[0] } else { CARD[1] };
        let card = vec2((ui.available_width() - space::S) / 2.0, height);
        for mode in [MaskMode::Changes, MaskMode::Stays] {
            let key = match mode {
                MaskMode::Changes => "ui-mode-changes",
                MaskMode::Stays => "ui-mode-stays",
            };
            let name = desk.text(key);
            let tint = desk.tint(theme::tokens(ui)).of(mode);
            let tooltip = desk.text(&format!("{key}-tip"));
            let response =
                mode_card(ui, (card, tint), mode, &name, mode == chosen).on_hover_text(tooltip);
            if response.clicked() && mode != chosen {
                desk.set(document, |settings| settings.mask_mode = mode);
            }
        }
    });
}

fn mode_card(
    ui: &mut Ui,
    (card, tint): (Vec2, egui::Color32),
    mode: MaskMode,
    name: &str,
    chosen: bool,
) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(card, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, name));
    let t = theme::tokens(ui);
    let fill = if response.hovered() && !chosen {
        t.hover
    } else {
        t.raised
    };
    let line = if chosen {
        Stroke::new(2.0, tint)
    } else {
        Stroke::new(1.0, t.line)
    };
    let painter = ui.painter();
    painter.rect(
        rect,
        CornerRadius::same(RADIUS),
        fill,
        line,
        StrokeKind::Inside,
    );
    if response.has_focus() {
        painter.rect_stroke(
            rect.expand(2.0),
            CornerRadius::same(RADIUS + 2),
            Stroke::new(1.0, t.accent),
            StrokeKind::Outside,
        );
    }
    if card.y >= CARD[0] {
        mode_picture(painter, t, rect, mode, tint);
    }
    let ink = if chosen { t.text } else { t.muted };
    let font = if chosen {
        FontId::new(text_size::BODY - 0.5, theme::semibold())
    } else {
        FontId::proportional(text_size::BODY - 0.5)
    };
    let words = widgets::one_line(painter, name, font, ink, card.x - 2.0 * space::XS);
    let foot = rect.center_bottom() - vec2(0.0, space::S);
    let at = Align2::CENTER_BOTTOM.anchor_size(foot, words.size());
    painter.galley(at.min, words, ink);
    response
}

/// A person before a background: what is tinted is what was painted, stripes are what is new.
fn mode_picture(
    painter: &egui::Painter,
    t: &Tokens,
    card: Rect,
    mode: MaskMode,
    tint: egui::Color32,
) {
    let picture = Rect::from_center_size(card.center_top() + vec2(0.0, 25.0), vec2(54.0, 34.0));
    let paper = painter.with_clip_rect(picture);
    paper.rect_filled(picture, 3.0, t.field);
    let (person, ground) = match mode {
        MaskMode::Changes => (tint, t.line),
        MaskMode::Stays => (tint, theme::faded(t.muted, 0.55)),
    };
    if mode == MaskMode::Stays {
        for i in -3..8 {
            let from = picture.left_bottom() + vec2(i as f32 * 9.0, 0.0);
            paper.line_segment([from, from + vec2(36.0, -36.0)], Stroke::new(2.0, ground));
        }
    }
    paper.circle_filled(picture.center() + vec2(0.0, -5.0), 7.0, person);
    paper.circle_filled(picture.center() + vec2(0.0, 18.0), 14.0, person);
    painter.rect_stroke(picture, 3.0, Stroke::new(1.0, t.line), StrokeKind::Inside);
}
