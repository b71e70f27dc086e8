//! The strength comparison: the same seed at several strengths, side by side, zoomed together.

use eframe::egui::{
    self, Align2, Color32, CornerRadius, FontId, Rect, Response, RichText, Role, Sense, Ui,
    WidgetInfo, vec2,
};

use super::overlay;
use super::store::TextureStore;
use crate::document::DocumentId;
use crate::editor::{Command, Comparison, Run, RunState};
use crate::geometry::{Extent, Rect as PixelRect};
use crate::plan::Strength;
use crate::text::Message;
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::theme::{self, Tokens, size, space, text_size};
use crate::ui::view_transform::{View, ViewTransform};
use crate::ui::{icons, widgets};

/// Space around a picture in its tile, in points.
const MARGIN: f32 = 24.0;
/// Height of the line above a tile.
const LABEL: f32 = 26.0;
/// Width of the field with the strengths.
const STRENGTHS_FIELD: f32 = 170.0;
/// What the field and the button at the end of the title need.
const TITLE_TOOLS: f32 = STRENGTHS_FIELD + size::ICON_BUTTON + 3.0 * space::L;

/// Draws the comparison in place of the canvas.
pub(crate) fn sheet_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    comparison: &Comparison,
) {
    let area = ui.available_rect_before_wrap();
    let t = theme::tokens(ui);
    ui.painter().rect_filled(area, 0.0, t.canvas);
    let Some(open) = desk.editor.document(comparison.document) else {
        desk.state.comparison = None;
        return;
    };
    store.begin_frame(open, comparison.source(), t, &desk.tint(t));
    let bar = Rect::from_min_size(area.min, vec2(area.width(), 44.0));
    ui.scope_builder(
        egui::UiBuilder::new().max_rect(bar.shrink2(vec2(space::M, 6.0))),
        |ui| {
            title_bar(ui, desk, comparison);
        },
    );
    let mut rest = Rect::from_min_max(bar.left_bottom(), area.max).shrink(space::M);
    if desk.state.toasts_height > 0.0 {
        rest.max.y -= desk.state.toasts_height + space::S;
    }
    let extent = comparison.source().extent();
    let aspect = extent.width.max(1) as f32 / extent.height.max(1) as f32;
    let mut cells = grid(rest, 1 + comparison.entries.len(), aspect).into_iter();
    if let Some(cell) = cells.next() {
        original_ui(ui, desk, store, (comparison, cell, aspect));
    }
    for (index, ((strength, job), cell)) in comparison.entries.iter().zip(cells).enumerate() {
        let next = comparison.entries.get(index + 1).map(|(next, _)| *next);
        let Some(run) = desk.editor.run(*job) else {
            continue;
        };
        let entry = Entry {
            comparison,
            strength: *strength,
            next,
            run,
        };
        ui.push_id(job.0, |ui| {
            entry_ui(ui, desk, store, (&entry, cell, aspect));
        });
    }
    ui.advance_cursor_after_rect(area);
}

/// Draws the first of several ways to say something that fits into `room` points; false if none does.
fn first_that_fits(ui: &mut Ui, room: f32, ways: &[Vec<(String, Color32)>]) -> bool {
    let font = FontId::proportional(text_size::SMALL);
    let gap = ui.spacing().item_spacing.x;
    let width = |words: &str| {
        let galley = ui
            .painter()
            .layout_no_wrap(words.to_owned(), font.clone(), Color32::WHITE);
        // The label may be rounded up to a whole pixel.
        galley.size().x + gap + 1.0
    };
    let fitting = ways
        .iter()
        .find(|way| way.iter().map(|(words, _)| width(words)).sum::<f32>() <= room);
    for (words, colour) in fitting.into_iter().flatten() {
        ui.label(RichText::new(words).size(text_size::SMALL).color(*colour));
    }
    fitting.is_some()
}

struct Entry<'a> {
    comparison: &'a Comparison,
    strength: Strength,
    next: Option<Strength>,
    run: &'a Run,
}

fn title_bar(ui: &mut Ui, desk: &mut Desk<'_>, comparison: &Comparison) {
    ui.horizontal(|ui| {
        let back = desk.text("ui-sheet-back");
        if widgets::icon_button(ui, icons::BACK, &back, None)
            .on_hover_text(back.as_ref())
            .clicked()
        {
            desk.state.comparison = None;
        }
        let title = widgets::heading(ui, &desk.text("ui-sheet-title"));
        let about =
            Message::new("ui-sheet-about").with("seed", comparison.settings().seed.0.to_string());
        let about = desk.say(&about);
        title.on_hover_text(&about);
        let muted = theme::tokens(ui).muted;
        let room = ui.available_width() - TITLE_TOOLS;
        let short = desk.text("ui-sheet-accept-tip").into_owned();
        first_that_fits(ui, room, &[vec![(about, muted)], vec![(short, muted)]]);
        widgets::at_right(ui, |ui| {
            strengths_field(ui, desk, comparison);
            let export = desk.text("ui-sheet-export");
            let button = widgets::icon_button(ui, icons::EXPORT, &export, None);
            if button
                .on_hover_text(desk.text("ui-sheet-export-tip"))
                .clicked()
            {
                desk.state.wants.sheet_file = true;
            }
        });
    });
}

/// The strengths to compare, to be written anew.
fn strengths_field(ui: &mut Ui, desk: &mut Desk<'_>, comparison: &Comparison) {
    let now = || {
        desk.editor
            .preferences()
            .strengths
            .iter()
            .map(|s| format!("{:.2}", s.get()))
            .collect::<Vec<_>>()
    };
    let mut text = desk
        .state
        .strengths_text
        .clone()
        .unwrap_or_else(|| now().join(" "));
    let field = egui::TextEdit::singleline(&mut text)
        .desired_width(STRENGTHS_FIELD)
        .align(Align2::LEFT_CENTER);
    let response = ui
        .add(field)
        .accessible_name(desk.text("ui-sheet-strengths"))
        .on_hover_text(desk.text("ui-sheet-strengths-tip"));
    if response.changed() {
        desk.state.strengths_text = Some(text.clone());
    }
    if response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter)) {
        let strengths = parse_strengths(&text);
        desk.state.strengths_text = None;
        if !strengths.is_empty() {
            let wanted = strengths.clone();
            desk.prefer(|preferences| preferences.strengths = wanted);
            let document = comparison.document;
            desk.state.comparisons_seen = Some(desk.editor.comparisons(document).count());
            desk.send(Command::CompareStrengths {
                document,
                strengths,
            });
        }
    }
}

/// The strengths in a line, in rising order; what is none is left out.
fn parse_strengths(line: &str) -> Vec<Strength> {
    let numbers = line
        .split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .filter_map(|piece| piece.parse().ok());
    let mut strengths: Vec<Strength> = numbers
        .filter_map(|value| Strength::new(value).ok())
        .collect();
    strengths.sort_by(|a, b| a.get().total_cmp(&b.get()));
    strengths.dedup();
    strengths
}

/// The cells in which `count` tiles of that aspect are largest.
pub(super) fn grid(area: Rect, count: usize, aspect: f32) -> Vec<Rect> {
    let count = count.max(1);
    let cell_of = |columns: usize| {
        let rows = count.div_ceil(columns);
        vec2(
            (area.width() - space::S * (columns - 1) as f32) / columns as f32,
            (area.height() - space::S * (rows - 1) as f32) / rows as f32,
        )
    };
    let shown = |columns: usize| {
        let cell = cell_of(columns);
        cell.x.min((cell.y - LABEL) * aspect)
    };
    let columns = (1..=count)
        .max_by(|a, b| shown(*a).total_cmp(&shown(*b)))
        .unwrap_or(1);
    let cell = cell_of(columns);
    (0..count)
        .map(|i| {
            let at = vec2(
                (i % columns) as f32 * (cell.x + space::S),
                (i / columns) as f32 * (cell.y + space::S),
            );
            Rect::from_min_size(area.min + at, cell)
        })
        .collect()
}

/// The tile of a picture of that aspect in the middle of its cell, and the line right above it. The
/// line goes on to the cell's end where the tile is narrow.
pub(super) fn halves(cell: Rect, aspect: f32) -> (Rect, Rect) {
    let room = (cell.size() - vec2(0.0, LABEL)).max(vec2(1.0, 1.0));
    let tile = vec2(room.x.min(room.y * aspect), room.y.min(room.x / aspect));
    let whole = Rect::from_center_size(cell.center(), tile + vec2(0.0, LABEL));
    let (line, tile) = whole.split_top_bottom_at_y(whole.top() + LABEL);
    (line.with_max_x(cell.right()), tile)
}

/// The picture that the runs of a comparison start from, without any result.
fn paint_source(
    ui: &Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    comparison: &Comparison,
    tile: &Response,
) -> (egui::Painter, ViewTransform) {
    let whole = (comparison.document, comparison.source().extent());
    let transform = look(ui, desk, whole, tile);
    let t = theme::tokens(ui);
    let painter = ui.painter().with_clip_rect(tile.rect);
    let whole = PixelRect::of(comparison.source().extent());
    store.paint_checkerboard(&painter, &transform, whole, t);
    store.paint_picture(&painter, &transform);
    (painter, transform)
}

/// The first tile: what the others are to be compared with.
fn original_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    (comparison, cell, aspect): (&Comparison, Rect, f32),
) {
    let (line, tile) = halves(cell, aspect);
    let name = desk.text("ui-sheet-original");
    let title = RichText::new(name.as_ref()).family(theme::semibold());
    ui.scope_builder(egui::UiBuilder::new().max_rect(line), |ui| {
        ui.horizontal_centered(|ui| ui.label(title));
    });
    // Only to be moved and zoomed: there is nothing to accept.
    let response = ui.interact(tile, ui.scope_id().with("original"), Sense::DRAG);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name.as_ref()));
    paint_source(ui, desk, store, comparison, &response);
}

fn entry_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    (entry, cell, aspect): (&Entry<'_>, Rect, f32),
) {
    let (line, picture) = halves(cell, aspect);
    ui.scope_builder(egui::UiBuilder::new().max_rect(line), |ui| {
        label_line(ui, desk, entry);
    });
    let response = ui.interact(picture, ui.scope_id().with("tile"), Sense::click_and_drag());
    let name = desk.say(
        &Message::new("ui-sheet-tile").with("strength", format!("{:.2}", entry.strength.get())),
    );
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    let (painter, transform) = paint_source(ui, desk, store, entry.comparison, &response);
    let t = theme::tokens(ui);
    let result = match entry.run.state {
        RunState::Finished(id) => desk.editor.candidate(id),
        _ => None,
    };
    if !desk.state.before_held {
        match result {
            Some(candidate) => match candidate.patch() {
                Some(patch) => store.paint_patch(&painter, &transform, candidate.id, patch),
                None => desk.send(Command::LookAt(candidate.id)),
            },
            None => store.paint_preview(&painter, &transform, entry.run),
        }
    }
    if matches!(entry.run.state, RunState::Waiting) {
        // Not to be taken for a result.
        painter.rect_filled(picture, 4.0, theme::faded(t.canvas, 0.6));
    }
    if let Some(candidate) = result {
        if response.hovered() || response.has_focus() {
            overlay::outline(&painter, picture, t.accent);
            // Not as a tooltip, which would lie over the next tile.
            accept_sign(&painter, picture, &desk.text(Action::Accept.text()), t);
        }
        let taken = response.clicked();
        response.context_menu(|ui| {
            crate::ui::results::menu(ui, desk, candidate);
        });
        response.on_hover_cursor(egui::CursorIcon::PointingHand);
        if taken {
            desk.send(Command::AcceptCandidate(candidate.id));
            desk.state.comparison = None;
            // Nothing lies over what has just been taken.
            desk.state.of(entry.comparison.document).show_result(None);
        }
    }
}

/// Says at the foot of a tile that a press accepts it.
fn accept_sign(painter: &egui::Painter, tile: Rect, text: &str, t: &Tokens) {
    let font = FontId::new(text_size::BODY, theme::semibold());
    let sign_font = FontId::new(text_size::ICON_SMALL, theme::icon_family());
    let words = painter.layout_no_wrap(text.to_owned(), font, t.on_accent);
    let sign = painter.layout_no_wrap(Action::Accept.icon().0.to_string(), sign_font, t.on_accent);
    let between = space::XS + 2.0;
    let inner = vec2(sign.size().x + between + words.size().x, words.size().y);
    let foot = tile.center_bottom() - vec2(0.0, space::S);
    let rect = Align2::CENTER_BOTTOM.anchor_size(foot, inner + vec2(2.0 * space::M, space::S));
    painter.rect_filled(rect, CornerRadius::same(theme::RADIUS), t.accent);
    let mut left = rect.left() + space::M;
    for galley in [sign, words] {
        let size = galley.size();
        let top = rect.center().y - size.y / 2.0;
        painter.galley(egui::pos2(left, top), galley, t.on_accent);
        left += size.x + between;
    }
}

fn label_line(ui: &mut Ui, desk: &mut Desk<'_>, entry: &Entry<'_>) {
    let t = theme::tokens(ui);
    let settings = &entry.run.settings;
    // A model for few steps runs one at the least.
    let executed = settings.steps.executed(entry.strength).max(1);
    let steps = Message::new("ui-runs-of")
        .with("run", executed)
        .with("of", settings.steps.get());
    ui.horizontal_centered(|ui| {
        let strength = RichText::new(format!("{:.2}", entry.strength.get()));
        let strength = ui.label(strength.family(theme::semibold()));
        let (state, colour) = state_text(desk, entry.run, t.muted, t.bad);
        let long = desk.say(&steps);
        strength.on_hover_text(format!("{long}\n{state}").trim_end());
        // Tiles can be narrow, why a run failed can be long, and the button keeps its place.
        let room = ui.available_width() - size::ICON_BUTTON - space::S;
        let short = format!("{executed}/{}", settings.steps.get());
        let ways = if state.is_empty() {
            vec![vec![(long, t.muted)], vec![(short, t.muted)]]
        } else {
            let state = (state.clone(), colour);
            vec![
                vec![(long, t.muted), state.clone()],
                vec![(short, t.muted), state.clone()],
                vec![state],
            ]
        };
        if !first_that_fits(ui, room, &ways) && !state.is_empty() {
            ui.scope(|ui| {
                ui.set_max_width(room.max(0.0));
                let state = RichText::new(state).size(text_size::SMALL).color(colour);
                ui.add(egui::Label::new(state).truncate());
            });
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let Some(upper) = entry
                .next
                .filter(|next| next.get() - entry.strength.get() > 0.02)
            else {
                return;
            };
            let about = Message::new("ui-sheet-between-tip")
                .with("lower", format!("{:.2}", entry.strength.get()))
                .with("upper", format!("{:.2}", upper.get()));
            let about = desk.say(&about);
            if widgets::icon_button(ui, icons::BETWEEN, &about, None)
                .on_hover_text(&about)
                .clicked()
            {
                desk.send(Command::AddBetween {
                    comparison: entry.comparison.id,
                    lower: entry.strength,
                    upper,
                });
            }
        });
    });
}

/// What is to be said of a run, and in which colour.
fn state_text(desk: &Desk<'_>, run: &Run, quiet: Color32, bad: Color32) -> (String, Color32) {
    match &run.state {
        RunState::Waiting => (desk.text("ui-run-waiting").into_owned(), quiet),
        RunState::Running(progress) => (crate::ui::run_texts::progress_text(desk, progress), quiet),
        RunState::Finished(_) => (String::new(), quiet),
        RunState::Failed(message) => (desk.say(message), bad),
        RunState::Cancelled => (desk.text("ui-run-cancelled").into_owned(), quiet),
    }
}

/// All tiles are zoomed and moved together: the view is the document's own.
pub(super) fn look(
    ui: &Ui,
    desk: &mut Desk<'_>,
    (document, extent): (DocumentId, Extent),
    response: &Response,
) -> ViewTransform {
    let pixels_per_point = ui.pixels_per_point();
    let tile = response.rect;
    let view = &mut desk.state.of(document).sheet_view;
    if view.fits {
        let around = tile.expand(20.0);
        view.fit(extent, around, around.shrink(MARGIN), pixels_per_point);
    }
    let (scroll, pinch) = ui.input(|i| (i.smooth_scroll_delta().y, i.zoom_delta()));
    if let Some(pointer) = response.hover_pos() {
        let factor = (scroll / 50.0 * 0.25_f32.ln_1p()).exp() * pinch;
        if (factor - 1.0).abs() > 1e-4 {
            view.zoom_at(pointer, factor, tile, pixels_per_point);
        }
    }
    if response.dragged() {
        view.pan(response.drag_delta(), extent, pixels_per_point);
    }
    if response.double_clicked_by(egui::PointerButton::Middle) {
        *view = View::default();
    }
    ViewTransform::new(view, tile, pixels_per_point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_are_read_as_people_write_them() {
        let values = |line: &str| {
            parse_strengths(line)
                .into_iter()
                .map(Strength::get)
                .collect::<Vec<_>>()
        };
        assert_eq!(values("0.3 0.6, 0.45"), [0.3, 0.45, 0.6]);
        assert_eq!(values("0.5/0.5/7/0/abc"), [0.5]);
    }

    #[test]
    fn labels_stand_right_above_their_tiles() {
        let cell = Rect::from_min_size(egui::pos2(10.0, 20.0), vec2(300.0, 400.0));
        for aspect in [0.3, 1.0, 3.0] {
            let (line, tile) = halves(cell, aspect);
            assert_eq!(line.bottom(), tile.top());
            assert_eq!(line.left(), tile.left());
            assert!(cell.contains_rect(tile) && cell.contains_rect(line));
            assert!((tile.width() / tile.height() / aspect - 1.0).abs() < 0.01);
        }
    }

    #[test]
    fn tiles_lie_inside_and_do_not_overlap() {
        let area = Rect::from_min_size(egui::pos2(10.0, 20.0), vec2(900.0, 600.0));
        for count in 1..=9 {
            for aspect in [0.5, 1.0, 1.8] {
                let cells = grid(area, count, aspect);
                assert_eq!(cells.len(), count);
                for (i, cell) in cells.iter().enumerate() {
                    assert!(
                        area.expand(0.5).contains_rect(*cell),
                        "{count} {aspect}: {cell:?}"
                    );
                    for other in cells.iter().skip(i + 1) {
                        assert!(
                            !cell.shrink(1.0).intersects(*other),
                            "{count}: {cell:?} {other:?}"
                        );
                    }
                }
            }
        }
    }
}
