//! The strength comparison: the same seed at several strengths, side by side, zoomed together.

use eframe::egui::{self, Color32, Rect, Response, RichText, Role, Sense, Ui, WidgetInfo, vec2};

use super::overlay;
use super::store::TextureStore;
use super::view_transform::{View, ViewTransform};
use crate::editor::{Command, Comparison, OpenDocument, Run, RunState};
use crate::geometry::Rect as PixelRect;
use crate::plan::Strength;
use crate::text::Message;
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::{icons, widgets};

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
    store.begin_frame(open, t, &desk.tint(t));
    let bar = Rect::from_min_size(area.min, vec2(area.width(), 44.0));
    ui.scope_builder(
        egui::UiBuilder::new().max_rect(bar.shrink2(vec2(space::M, 6.0))),
        |ui| {
            title_bar(ui, desk, comparison);
        },
    );
    let rest = Rect::from_min_max(bar.left_bottom(), area.max).shrink(space::M);
    let extent = open.document().extent();
    let aspect = extent.width.max(1) as f32 / extent.height.max(1) as f32;
    let cells = grid(rest, comparison.entries.len(), aspect);
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
        ui.push_id(job.0, |ui| entry_ui(ui, desk, store, open, (&entry, cell)));
    }
    ui.advance_cursor_after_rect(area);
}

/// Draws words in what is left of a line when `kept` points stay free behind them.
fn what_fits(ui: &mut Ui, kept: f32, words: impl FnOnce(&mut Ui)) {
    let room = (ui.available_width() - kept).max(0.0);
    ui.scope(|ui| {
        ui.set_max_width(room);
        words(ui);
    });
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
        widgets::heading(ui, &desk.text("ui-sheet-title"));
        let about =
            Message::new("ui-sheet-about").with("seed", comparison.settings().seed.0.to_string());
        let about = RichText::new(desk.say(&about)).size(text_size::SMALL);
        let about = about.color(theme::tokens(ui).muted);
        what_fits(ui, TITLE_TOOLS, |ui| {
            ui.add(egui::Label::new(about).truncate());
        });
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let export = desk.text("ui-sheet-export");
            let button = widgets::icon_button(ui, icons::EXPORT, &export, None);
            if button
                .on_hover_text(desk.text("ui-sheet-export-tip"))
                .clicked()
            {
                desk.state.wants_sheet_file = true;
            }
            strengths_field(ui, desk, comparison);
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
        .align(egui::Align2::LEFT_CENTER);
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
fn grid(area: Rect, count: usize, aspect: f32) -> Vec<Rect> {
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

fn entry_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    open: &OpenDocument,
    (entry, cell): (&Entry<'_>, Rect),
) {
    let picture = Rect::from_min_max(cell.min + vec2(0.0, LABEL), cell.max);
    let line = Rect::from_min_size(cell.min, vec2(cell.width(), LABEL));
    ui.scope_builder(egui::UiBuilder::new().max_rect(line), |ui| {
        label_line(ui, desk, entry);
    });
    let response = ui.interact(picture, ui.scope_id().with("tile"), Sense::click_and_drag());
    let name = desk.say(
        &Message::new("ui-sheet-tile").with("strength", format!("{:.2}", entry.strength.get())),
    );
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    let transform = look(ui, desk, open, &response, picture);
    let t = theme::tokens(ui);
    let painter = ui.painter().with_clip_rect(picture);
    painter.rect_filled(picture, 4.0, t.field);
    store.paint_checkerboard(
        &painter,
        &transform,
        PixelRect::of(open.document().extent()),
        t,
    );
    store.paint_picture(&painter, &transform);
    let result = match entry.run.state {
        RunState::Finished(id) => desk.editor.candidate(id),
        _ => None,
    };
    if !desk.state.before_held {
        match result {
            Some(candidate) => {
                store.paint_patch(&painter, &transform, candidate.id, &candidate.patch);
            }
            None => store.paint_preview(&painter, &transform, entry.run),
        }
    }
    if matches!(entry.run.state, RunState::Waiting) {
        // Not to be taken for a result.
        painter.rect_filled(picture, 4.0, theme::faded(t.canvas, 0.6));
    }
    if let Some(candidate) = result {
        if response.hovered() {
            overlay::outline(&painter, picture, t.accent);
            ui.ctx().set_cursor_icon(egui::CursorIcon::PointingHand);
        }
        let mut taken = response.clicked();
        response.context_menu(|ui| {
            let accept = desk.text(Action::Accept.text());
            taken |= widgets::menu_line(ui, icons::ACCEPT, &accept, "").clicked();
            crate::ui::panels::reuse_lines(ui, desk, candidate);
        });
        response.on_hover_text(desk.text("ui-sheet-accept-tip"));
        if taken {
            desk.send(Command::AcceptCandidate(candidate.id));
            desk.state.comparison = None;
            // Nothing lies over what has just been taken.
            desk.state.of(open.id()).shown_result = None;
        }
    }
}

fn label_line(ui: &mut Ui, desk: &mut Desk<'_>, entry: &Entry<'_>) {
    let t = theme::tokens(ui);
    let settings = &entry.run.settings;
    let steps = Message::new("ui-runs-of")
        .with("run", settings.steps.executed(entry.strength))
        .with("of", settings.steps.get());
    ui.horizontal(|ui| {
        ui.label(RichText::new(format!("{:.2}", entry.strength.get())).family(theme::semibold()));
        let (state, colour) = state_text(desk, entry.run, t.muted, t.bad);
        // Tiles can be narrow, why a run failed can be long, and the button keeps its place.
        what_fits(ui, size::ICON_BUTTON + space::S, |ui| {
            for (words, colour) in [(desk.say(&steps), t.muted), (state, colour)] {
                let words = RichText::new(words).size(text_size::SMALL).color(colour);
                ui.add(egui::Label::new(words).truncate());
            }
        });
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
        RunState::Running(progress) => (crate::ui::panels::progress_text(desk, progress), quiet),
        RunState::Finished(_) => (String::new(), quiet),
        RunState::Failed(message) => (desk.say(message), bad),
        RunState::Cancelled => (desk.text("ui-run-cancelled").into_owned(), quiet),
    }
}

/// All tiles are zoomed and moved together: the view is the document's own.
fn look(
    ui: &Ui,
    desk: &mut Desk<'_>,
    open: &OpenDocument,
    response: &Response,
    tile: Rect,
) -> ViewTransform {
    let pixels_per_point = ui.pixels_per_point();
    let extent = open.document().extent();
    let view = &mut desk.state.of(open.id()).sheet_view;
    if view.fits {
        view.fit(extent, tile.expand(20.0), pixels_per_point);
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
