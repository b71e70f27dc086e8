//! The picture and everything drawn over it.

mod chips;
mod clicks;
mod cursor;
mod menu;
mod options;
mod overlay;
mod pair;
mod shades;
mod sheet;
mod store;
mod textures;
mod tools;
mod trail;

pub(super) use pair::pair_ui;
pub(super) use sheet::sheet_ui;
pub(super) use store::TextureStore;
pub(super) use textures::Uploads;
pub(super) use tools::remove_corner;

use eframe::egui::{self, Color32, Key, PointerButton, Rect, Role, Sense, Ui, WidgetInfo};

use super::context::Desk;
use super::results;
use super::state::{Outline, Tool};
use super::theme::{self, MaskView};
use super::view_transform::ViewTransform;
use crate::document::DocumentId;
use crate::editor::{Candidate, Command, OpenDocument, Run, RunState};
use crate::geometry::Rect as PixelRect;
use crate::plan::RegionBounds;

/// The name of the canvas among egui's ids; it takes the keyboard when it is clicked.
pub(super) fn canvas_id() -> egui::Id {
    egui::Id::unique("canvas")
}

/// Draws the picture of the document in front and does what the pointer asks for.
pub(super) fn canvas_ui(ui: &Ui, desk: &mut Desk<'_>, store: &mut TextureStore) {
    let area = ui.available_rect_before_wrap();
    let t = theme::tokens(ui);
    ui.painter().rect_filled(area, 0.0, t.canvas);
    let Some(open) = desk.editor.active() else {
        return;
    };
    let response = ui.interact(area, canvas_id(), Sense::click_and_drag());
    let name = desk.text("ui-canvas");
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, name.as_ref()));
    let pixels_per_point = ui.pixels_per_point();
    look(ui, desk, open, &response, area);
    let view = desk.state.of(open.id()).view;
    let transform = ViewTransform::new(&view, area, pixels_per_point);
    tools::handle(ui, desk, open, &response, &transform);
    take_keyboard(ui, &response);

    menu::canvas_menu(ui, desk, &response);

    let painter = ui.painter().with_clip_rect(area);
    let shown = results::shown(desk, open);
    let running = running_for(desk, open.id());
    if !desk.state.drag.is_painting() {
        desk.state.auto_tint.follow(open, t);
    }
    let view = desk.mask_view();
    store.begin_frame(open, open.document().visible(), t, (&desk.tint(t), view));
    store.paint_checkerboard(
        &painter,
        &transform,
        PixelRect::of(open.document().extent()),
        t,
    );
    store.paint_picture(&painter, &transform);
    let before = desk.state.before_held;
    let after = painter.with_clip_rect(after_part(desk, area));
    if !before && let Some(candidate) = shown {
        paint_result(&after, &transform, desk, store, candidate);
    }
    if !before && let Some(run) = running {
        store.paint_preview(&after, &transform, run);
    }
    let result_shown = shown.is_some() || running.is_some_and(has_preview);
    // Before a result is the picture without it; without one, the picture without its layers.
    let document = open.document();
    if !result_shown && !document.layers().is_empty() && (before || desk.state.split.is_some()) {
        let part = if before {
            area
        } else {
            before_part(desk, area)
        };
        let clipped = painter.with_clip_rect(part);
        store.paint_base(&clipped, &transform, document.base(), t);
    }
    let tint_shown = !before
        && desk.state.is_mask_shown(open)
        && (!result_shown || desk.state.drag.is_painting());
    if tint_shown {
        store.paint_mask(&painter, &transform);
        draw_outline(ui, desk, &painter, open, &transform);
    }
    trail::draw(ui, &painter, desk, open.id(), &transform);
    if store.uploads().unfinished {
        ui.ctx().request_repaint();
    }
    overlay::draw(
        ui,
        desk,
        open,
        &transform,
        &Shows {
            tint: tint_shown,
            result: shown,
        },
    );
    options::draw(ui, desk, open, &transform);
    clicks::draw(ui, desk, open, &transform);
    cursor::draw(ui, desk, &response, &transform);
}

/// The ants go so many points a second.
const ANTS_SPEED: f64 = 8.0;

/// The line around what is painted, by the view of the mask that was chosen.
fn draw_outline(
    ui: &Ui,
    desk: &mut Desk<'_>,
    painter: &egui::Painter,
    open: &OpenDocument,
    transform: &ViewTransform,
) {
    let look = match desk.mask_view() {
        MaskView::Tint => Outline::Line,
        MaskView::Ants => {
            let mut gone = 0.0;
            if !desk.state.still && open.region() != RegionBounds::Everything {
                gone = (ui.input(|i| i.time) * ANTS_SPEED).floor() as f32;
                ui.ctx()
                    .request_repaint_after_secs((1.0 / ANTS_SPEED) as f32);
            }
            Outline::Ants(gone)
        }
        // What is painted and what is not are black and white.
        MaskView::BlackWhite | MaskView::OnBlack => return,
    };
    desk.state.outline.draw(painter, open, transform, look);
}

/// What lies over the picture in this frame.
struct Shows<'a> {
    /// The mask's tint.
    tint: bool,
    /// A result.
    result: Option<&'a Candidate>,
}

/// Zooming and panning; the first view shows everything.
fn look(ui: &Ui, desk: &mut Desk<'_>, open: &OpenDocument, response: &egui::Response, area: Rect) {
    let extent = open.document().extent();
    let pixels_per_point = ui.pixels_per_point();
    let view = &mut desk.state.of(open.id()).view;
    if view.fits {
        view.fit(extent, area, chips::free_of_them(area), pixels_per_point);
    }
    let (scroll, pinch, space) = ui.input(|i| {
        (
            i.smooth_scroll_delta().y,
            i.zoom_delta(),
            i.key_down(Key::Space),
        )
    });
    // Asked outside: within `input` the context is locked, and asking it again would wait forever.
    let space = space && !ui.ctx().text_edit_focused();
    if let Some(pointer) = response.hover_pos() {
        // A notch of a common wheel is 50 points: a quarter larger or smaller.
        let factor = (scroll / 50.0 * 0.25_f32.ln_1p()).exp() * pinch;
        if (factor - 1.0).abs() > 1e-4 {
            view.zoom_at(pointer, factor, area, pixels_per_point);
        }
    }
    let hand = desk.state.tool == Tool::Hand || space;
    let pans = response.dragged_by(PointerButton::Middle)
        || (hand && response.dragged_by(PointerButton::Primary) && !desk.state.drag.holds_button());
    if pans {
        let view = &mut desk.state.of(open.id()).view;
        view.pan(response.drag_delta(), extent, pixels_per_point);
    }
}

/// A click on the canvas takes the keyboard from text fields, and Tab from the order of widgets,
/// because there it hides the panels.
fn take_keyboard(ui: &Ui, response: &egui::Response) {
    let pressed = ui.input(|i| i.pointer.any_pressed());
    if pressed && response.hovered() {
        response.request_focus();
    }
    if response.has_focus() {
        let filter = egui::EventFilter {
            tab: true,
            horizontal_arrows: true,
            vertical_arrows: true,
            escape: true,
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    }
}

/// A result at its place; one that is a layer is seen with the others.
fn paint_result(
    painter: &egui::Painter,
    transform: &ViewTransform,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    candidate: &Candidate,
) {
    if desk.editor.is_layer(candidate) {
        return;
    }
    match candidate.patch() {
        Some(patch) => store.paint_patch(painter, transform, candidate.id, patch),
        None if candidate.is_lost() => {}
        None => desk.send(Command::LookAt(candidate.id)),
    }
}

fn running_for<'a>(desk: &Desk<'a>, document: DocumentId) -> Option<&'a Run> {
    desk.editor.running().filter(|run| run.document == document)
}

fn has_preview(run: &Run) -> bool {
    matches!(&run.state, RunState::Running(progress) if progress.preview.is_some())
}

/// The part of the canvas that shows the picture as it would be: right of the line, if there is one.
fn after_part(desk: &Desk<'_>, area: Rect) -> Rect {
    match desk.state.split {
        Some(share) => Rect::from_min_max(
            egui::pos2(area.left() + area.width() * share, area.top()),
            area.max,
        ),
        None => area,
    }
}

/// The rest of the canvas.
fn before_part(desk: &Desk<'_>, area: Rect) -> Rect {
    Rect::from_min_max(
        area.min,
        egui::pos2(after_part(desk, area).left(), area.bottom()),
    )
}

/// White: textures are drawn as they are.
const AS_IS: Color32 = Color32::WHITE;
