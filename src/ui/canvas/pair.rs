//! Two results compared: side by side, zoomed together, or one over the other with a line to drag.

use eframe::egui::{
    self, Rect, Response, RichText, Role, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::overlay;
use super::sheet::{grid, halves, look};
use super::store::TextureStore;
use crate::editor::{Candidate, Command, OpenDocument};
use crate::geometry::Rect as PixelRect;
use crate::raster::Picture;
use crate::text::Message;
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::state::Pair;
use crate::ui::theme::{self, space, text_size};
use crate::ui::view_transform::ViewTransform;
use crate::ui::{icons, results, widgets};

/// What is drawn in a frame.
struct Shown<'a> {
    open: &'a OpenDocument,
    both: [&'a Candidate; 2],
    under: Picture,
}

/// Draws the two in place of the canvas.
pub(crate) fn pair_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    open: &OpenDocument,
) {
    let Some(mut pair) = desk.state.pair.take() else {
        return;
    };
    let editor = desk.editor;
    let both = (editor.candidate(pair.left), editor.candidate(pair.right));
    let (Some(left), Some(right)) = both else {
        return;
    };
    if left.document != open.id() || right.document != open.id() {
        return;
    }
    let area = ui.available_rect_before_wrap();
    let t = theme::tokens(ui);
    ui.painter().rect_filled(area, 0.0, t.canvas);
    let shown = Shown {
        open,
        both: [left, right],
        under: pair.under(editor, open).clone(),
    };
    let view = desk.mask_view();
    store.begin_frame(open, &shown.under, t, (&desk.tint(t), view));
    let bar = Rect::from_min_size(area.min, vec2(area.width(), 44.0));
    let inner = bar.shrink2(vec2(space::M, 6.0));
    let stays = ui
        .scope_builder(UiBuilder::new().max_rect(inner), |ui| {
            title_bar(ui, desk, &mut pair)
        })
        .inner;
    let mut rest = Rect::from_min_max(bar.left_bottom(), area.max).shrink(space::M);
    if desk.state.toasts_height > 0.0 {
        rest.max.y -= desk.state.toasts_height + space::S;
    }
    let extent = shown.under.extent();
    let aspect = extent.width.max(1) as f32 / extent.height.max(1) as f32;
    let taken = match pair.wipe {
        Some(share) => {
            let cell = grid(rest, 1, aspect).first().copied().unwrap_or(rest);
            let (_, tile) = halves(cell, aspect);
            pair.wipe = Some(wipe_ui(ui, desk, store, (&shown, tile, share)));
            None
        }
        None => side_by_side(ui, desk, store, (&shown, rest, aspect)),
    };
    ui.advance_cursor_after_rect(area);
    if let Some(taken) = taken {
        desk.send(Command::AcceptCandidate(taken.id));
        desk.state.of(open.id()).show_result(None);
    } else if stays {
        desk.state.pair = Some(pair);
    }
}

/// False once one goes back.
fn title_bar(ui: &mut Ui, desk: &Desk<'_>, pair: &mut Pair) -> bool {
    ui.horizontal(|ui| {
        let back = desk.text("ui-sheet-back");
        let leaves = widgets::icon_button(ui, icons::BACK, &back, None)
            .on_hover_text(back.as_ref())
            .clicked();
        widgets::heading(ui, &desk.text("ui-pair-title"));
        let hint = if pair.wipe.is_some() {
            "ui-pair-wipe-about"
        } else {
            "ui-pair-about"
        };
        widgets::hint(ui, &desk.text(hint));
        widgets::at_right(ui, |ui| {
            for (icon, key, wipes) in [
                (icons::COMPARE_TWO, "ui-pair-beside", false),
                (Action::Split.icon(), "ui-pair-wipe", true),
            ] {
                let name = desk.text(key);
                let is_on = pair.wipe.is_some() == wipes;
                let button = widgets::icon_button(ui, icon, &name, is_on);
                if button.on_hover_text(name.as_ref()).clicked() && !is_on {
                    pair.wipe = wipes.then_some(0.5);
                }
            }
        });
        !leaves
    })
    .inner
}

/// What tells a result from the other, in short.
fn name_of(desk: &Desk<'_>, result: &Candidate) -> String {
    desk.say(
        &Message::new("ui-pair-name")
            .with("strength", format!("{:.2}", result.settings.strength.get()))
            .with("seed", result.settings.seed.0.to_string()),
    )
}

/// The one that was taken, if one was.
fn side_by_side<'a>(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    (shown, rest, aspect): (&Shown<'a>, Rect, f32),
) -> Option<&'a Candidate> {
    let mut taken = None;
    for (result, cell) in shown.both.into_iter().zip(grid(rest, 2, aspect)) {
        let (line, tile) = halves(cell, aspect);
        let name = name_of(desk, result);
        ui.scope_builder(UiBuilder::new().max_rect(line), |ui| {
            ui.horizontal_centered(|ui| {
                let title = RichText::new(&name).size(text_size::SMALL + 0.5);
                let title = title.family(theme::semibold());
                ui.add(egui::Label::new(title).truncate())
                    .on_hover_text(results::about(desk, result));
            });
        });
        let id = ui.scope_id().with(("pair", result.id.0));
        let response = ui.interact(tile, id, Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
        let transform = look(ui, desk, (shown.open.id(), shown.under.extent()), &response);
        let painter = ui.painter().with_clip_rect(tile);
        paint_under(&painter, &transform, store, shown, theme::tokens(ui));
        if !desk.state.before_held {
            paint_result(&painter, &transform, desk, store, result);
        }
        if response.hovered() || response.has_focus() {
            overlay::outline(&painter, tile, theme::tokens(ui).accent);
        }
        if response.clicked() && !desk.editor.is_layer(result) {
            taken = Some(result);
        }
        egui::Popup::context_menu(&response)
            .accessible_name(desk.text("ui-result-menu"))
            .width(260.0)
            .show(|ui| results::menu(ui, desk, result));
    }
    taken
}

/// One over the other; where the line stands afterwards.
fn wipe_ui(
    ui: &Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    (shown, tile, share): (&Shown<'_>, Rect, f32),
) -> f32 {
    let id = ui.scope_id().with("wipe");
    let response: Response = ui.interact(tile, id, Sense::click_and_drag());
    let name = desk.text("ui-pair-title");
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name.as_ref()));
    let transform = look(ui, desk, (shown.open.id(), shown.under.extent()), &response);
    let painter = ui.painter().with_clip_rect(tile);
    paint_under(&painter, &transform, store, shown, theme::tokens(ui));
    let x = tile.left() + tile.width() * share;
    let parts = [
        Rect::from_min_max(tile.min, pos2(x, tile.bottom())),
        Rect::from_min_max(pos2(x, tile.top()), tile.max),
    ];
    if !desk.state.before_held {
        for (result, part) in shown.both.into_iter().zip(parts) {
            let painter = painter.with_clip_rect(part);
            paint_result(&painter, &transform, desk, store, result);
        }
    }
    let names = shown.both.map(|result| name_of(desk, result));
    let [left, right] = &names;
    overlay::split_line(
        ui,
        desk,
        (tile, share),
        (left, right),
        tile.top() + space::S,
    )
}

fn paint_under(
    painter: &egui::Painter,
    transform: &ViewTransform,
    store: &mut TextureStore,
    shown: &Shown<'_>,
    t: &theme::Tokens,
) {
    let whole = PixelRect::of(shown.under.extent());
    store.paint_checkerboard(painter, transform, whole, t);
    store.paint_picture(painter, transform);
}

fn paint_result(
    painter: &egui::Painter,
    transform: &ViewTransform,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    result: &Candidate,
) {
    match result.patch() {
        Some(patch) => store.paint_patch(painter, transform, result.id, patch),
        None if result.is_lost() => {}
        None => desk.send(Command::LookAt(result.id)),
    }
}
