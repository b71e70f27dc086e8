//! Where panels and canvas lie, and what gives way to the canvas in a small window.

use eframe::egui::{self, Frame, Margin, Panel, Stroke, Ui};

use super::batch;
use super::canvas::{self, TextureStore};
use super::context::{Desk, memory};
use super::room::Room;
use super::theme::{self, size};
use super::{dialogs, panels, toasts};
use crate::editor::OpenDocument;

/// Windows below this width, in points, leave the canvas as much of it as they can.
const NARROW: f32 = 900.0;

/// Draws panels and canvas; returns where the canvas lies, and where notices are shown.
pub(super) fn window_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
) -> (egui::Rect, toasts::Place) {
    let t = theme::tokens(ui);
    let bar = |margin: Margin| Frame::NONE.fill(t.panel).inner_margin(margin);
    let has_document = desk.open().is_some();
    ui.painter().rect_filled(ui.max_rect(), 0.0, t.panel);
    let shows_batch = desk.state.batch.is_shown && desk.editor.batch().is_some();
    if desk.state.shown.panels || !has_document || shows_batch {
        Panel::top("top bar")
            .exact_size(size::TOP_BAR)
            .frame(bar(Margin::symmetric(8, 6)))
            .show(ui, |ui| panels::top_bar_ui(ui, desk));
    }
    if shows_batch {
        let area = ui.available_rect_before_wrap();
        egui::CentralPanel::no_frame().show(ui, |ui| batch::batch_ui(ui, desk));
        return (area, toasts::Place::Canvas);
    }
    if let Some(document) = desk.open().map(OpenDocument::id)
        && desk.editor.batch_picture_of(document).is_some()
    {
        Panel::top("batch bar")
            .frame(bar(Margin::symmetric(12, 6)))
            .show(ui, |ui| batch::put_back_ui(ui, desk, document));
    }
    if desk.state.shown.panels && has_document {
        Panel::bottom("status bar")
            .exact_size(size::STATUS_BAR)
            .frame(bar(Margin::symmetric(12, 2)))
            .show(ui, |ui| panels::status_ui(ui, desk));
    }
    let room = Room::of(ui.available_height());
    if desk.state.shown.panels && has_document {
        Panel::left("tools")
            .exact_size(size::TOOL_COLUMN)
            .resizable(false)
            .frame(bar(Margin::symmetric(6, 6)))
            .show(ui, |ui| panels::tool_column_ui(ui, desk));
        settings_panel(ui, desk, store, bar);
        // Always, so that the picture does not change its size with the first result.
        if desk.state.shows_canvas() {
            Panel::bottom("results")
                .exact_size(panels::results_height(room))
                .frame(bar(Margin::symmetric(12, 4)))
                .show(ui, |ui| panels::results_ui(ui, desk, store, room));
        }
    }
    dialogs::guide_ui(ui, desk, room);
    let canvas = ui.available_rect_before_wrap();
    egui::CentralPanel::no_frame().show(ui, |ui| {
        let comparison = desk
            .state
            .comparison
            .and_then(|id| desk.editor.comparison(id));
        match (desk.editor.active(), comparison) {
            (Some(_), Some(comparison)) => canvas::sheet_ui(ui, desk, store, comparison),
            (Some(open), None) if desk.state.pair.is_some() => {
                canvas::pair_ui(ui, desk, store, open);
            }
            (Some(open), None) if desk.state.grid => {
                panels::results_grid_ui(ui, desk, store, open);
            }
            (Some(_), None) => canvas::canvas_ui(ui, desk, store),
            (None, _) => panels::welcome_ui(ui, desk),
        }
    });
    let place = if has_document && desk.state.shown.panels && room < Room::Enough {
        toasts::Place::StatusBar
    } else {
        toasts::Place::Canvas
    };
    (canvas, place)
}

/// The panel at the right. A narrow window gives it its least width, and it is not to be dragged there:
/// the width that the user chose is for the window that has room for it.
fn settings_panel(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    bar: impl Fn(Margin) -> Frame,
) {
    let frame = bar(Margin {
        left: 16,
        right: 4,
        top: 12,
        bottom: 8,
    });
    if ui.content_rect().width() < NARROW {
        Panel::right("narrow settings")
            .exact_size(*size::SETTINGS_RANGE.start())
            .resizable(false)
            .frame(frame)
            .show(ui, |ui| panels::settings_ui(ui, desk, store));
        return;
    }
    let width = desk
        .remembered(memory::SETTINGS_WIDTH)
        .unwrap_or(size::SETTINGS);
    let settings = Panel::right("settings")
        .default_size(width)
        .size_range(size::SETTINGS_RANGE)
        .frame(frame)
        .show(ui, |ui| panels::settings_ui(ui, desk, store));
    let now = settings.response.rect.width().round();
    let held = ui.input(|i| i.pointer.any_down());
    if !held && (now - width).abs() >= 1.0 {
        desk.remember(memory::SETTINGS_WIDTH, now);
    }
}

/// Files held over the window: says what letting go would do.
pub(super) fn drop_hint(ctx: &egui::Context, desk: &Desk<'_>, canvas: egui::Rect) {
    if ctx.input(|i| i.raw.hovered_files.is_empty()) {
        return;
    }
    let t = theme::tokens_of(ctx);
    let painter = ctx.layer_painter(egui::LayerId::new(
        egui::Order::Foreground,
        egui::Id::unique("drop"),
    ));
    painter.rect_filled(canvas, 0.0, theme::faded(t.panel, 0.8));
    painter.rect_stroke(
        canvas.shrink(12.0),
        10.0,
        Stroke::new(2.0, t.accent),
        egui::StrokeKind::Inside,
    );
    let font = egui::FontId::new(theme::text_size::TITLE, theme::semibold());
    painter.text(
        canvas.center(),
        egui::Align2::CENTER_CENTER,
        desk.text("ui-drop"),
        font,
        t.text,
    );
}
