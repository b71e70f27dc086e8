//! The third phase: all pictures are done, one after the other, and the editor stays usable.

use eframe::egui::{
    self, ColorImage, Frame, Margin, Rect, Sense, TextureHandle, TextureOptions, Ui, pos2, vec2,
};

use super::cells::{Cell, Grid, grid_ui};
use super::inspector::large_ui;
use super::places::places_ui;
use super::words;
use crate::editor::{
    Activity, BatchCommand, BatchPhase, Command, Doing, LookId, LookOf, OpenBatch,
};
use crate::geometry::Extent;
use crate::plan::PreviewPatch;
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::icons;
use crate::ui::theme::{self, size, space};
use crate::ui::widgets;

/// Draws it; what is to be read.
pub(super) fn run_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) -> Vec<LookId> {
    let margin = Margin {
        left: 16,
        right: 4,
        top: 10,
        bottom: 0,
    };
    let shown = Frame::NONE.inner_margin(margin).show(ui, |ui| {
        bar_ui(ui, desk, batch);
        let mut wanted = Vec::new();
        let current = batch
            .doing()
            .and_then(|doing| (doing.activity() == Activity::Run).then(|| doing.current())?);
        if let Some(current) = current {
            wanted.extend(current_ui(ui, desk, batch, current));
        }
        wanted.extend(results_ui(ui, desk, batch));
        wanted
    });
    shown.inner
}

fn bar_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) {
    ui.spacing_mut().item_spacing.y = space::XS;
    let counts = batch.counts();
    let summary = Message::new("ui-batch-run-summary")
        .with("done", counts.done)
        .with("failed", counts.failed)
        .with("look", counts.look)
        .with("skipped", counts.skipped);
    let summary = desk.say(&summary);
    ui.horizontal(|ui| {
        ui.set_min_height(size::CONTROL);
        // The grid keeps so much for its scroll bar.
        ui.set_max_width(ui.available_width() - space::M);
        widgets::sides(
            ui,
            desk,
            |ui, _| _ = widgets::hint(ui, &summary),
            |ui, desk| {
                ui.spacing_mut().item_spacing.x = space::S;
                let key = if counts.done > 0 {
                    "ui-batch-run-rest"
                } else {
                    "ui-batch-run-all"
                };
                let text = desk.text(key);
                ui.add_enabled_ui(batch.doing().is_none(), |ui| {
                    if widgets::primary_button(ui, icons::PLAY, &text, 180.0, size::CONTROL)
                        .clicked()
                    {
                        desk.send(Command::Batch(BatchCommand::Run));
                    }
                });
                let next = desk.text("ui-batch-to-review");
                let next = widgets::quiet_button(ui, icons::COLLAPSED, &next);
                if next.clicked() {
                    let to = BatchCommand::GoTo(BatchPhase::Review);
                    desk.send(Command::Batch(to));
                }
            },
        );
    });
    widgets::hint(ui, &desk.text(words::about(BatchPhase::Run)));
    places_ui(ui, desk, batch);
    if counts.look > 0 {
        let t = theme::tokens(ui);
        let look = Message::new("ui-batch-look-first").with("count", counts.look);
        widgets::icon_label(ui, icons::WARNING, &desk.say(&look), t.warn);
    }
    ui.add_space(space::S);
}

/// The picture that is run, with what is made of it so far.
fn current_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    batch: &OpenBatch,
    current: usize,
) -> Option<LookId> {
    let height = (ui.available_height() * 0.5).clamp(120.0, 420.0);
    let whole = vec2(ui.available_width() - space::M, height);
    let (rect, response) = ui.allocate_exact_size(whole, Sense::hover());
    let name = batch.pictures().get(current)?.source.name();
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let t = theme::tokens(ui);
    ui.painter().rect_filled(rect, theme::RADIUS_CARD, t.raised);
    let (id, inside) = large_ui(ui, desk, batch, (current, rect.shrink(space::S)));
    let preview = batch.doing().and_then(Doing::preview);
    if let (Some(inside), Some(preview)) = (inside, preview) {
        let (patch, picture) = &**preview;
        let texture = preview_texture(ui, patch);
        let place = place_of(patch, *picture, inside);
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter()
            .image(texture.id(), place, uv, egui::Color32::WHITE);
    }
    ui.add_space(space::S);
    Some(id)
}

/// Where a patch lies, when its picture lies in `inside`.
fn place_of(patch: &PreviewPatch, picture: Extent, inside: Rect) -> Rect {
    let scale = inside.size() / vec2(picture.width as f32, picture.height as f32);
    let at = vec2(patch.rect.x as f32, patch.rect.y as f32) * scale;
    let extent = vec2(patch.rect.width as f32, patch.rect.height as f32) * scale;
    Rect::from_min_size(inside.min + at, extent)
}

/// One texture for all previews; each takes the place of the one before.
fn preview_texture(ui: &Ui, patch: &PreviewPatch) -> TextureHandle {
    let id = egui::Id::unique("batch preview");
    let size = [patch.extent.width as usize, patch.extent.height as usize];
    let image = ColorImage::from_rgba_unmultiplied(size, patch.pixels.as_flattened());
    let known: Option<TextureHandle> = ui.data(|data| data.get_temp(id));
    if let Some(mut texture) = known {
        texture.set(image, TextureOptions::LINEAR);
        return texture;
    }
    let texture = ui
        .ctx()
        .load_texture("batch preview", image, TextureOptions::LINEAR);
    ui.data_mut(|data| data.insert_temp(id, texture.clone()));
    texture
}

/// What is there already.
fn results_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) -> Vec<LookId> {
    let t = theme::tokens(ui);
    let is_there = |at: &usize| {
        let picture = batch.pictures().get(*at);
        picture.is_some_and(|it| !it.known.outputs.is_empty() || it.known.failure.is_some())
    };
    let items: Vec<usize> = (0..batch.pictures().len()).filter(is_there).collect();
    let grid = Grid {
        name: "made",
        items: &items,
        of: &[LookOf::Result],
        cell: vec2(150.0, 112.0),
    };
    let done = grid_ui(ui, desk, batch, &grid, |desk, at| {
        let picture = batch.pictures().get(at)?;
        let is_made = !picture.known.outputs.is_empty();
        Some(Cell {
            picture: at,
            of: if is_made {
                &[LookOf::Result]
            } else {
                &[LookOf::Picture]
            },
            name: picture.source.name(),
            standing: words::of_result(desk, picture, t),
            dimmed: !is_made,
            selected: false,
        })
    });
    let is_made = |at: usize| {
        let picture = batch.pictures().get(at);
        picture.is_some_and(|it| !it.known.outputs.is_empty())
    };
    let wanted = done.wanted.into_iter().map(|id| LookId {
        of: if is_made(id.at) {
            LookOf::Result
        } else {
            LookOf::Picture
        },
        ..id
    });
    wanted.collect()
}
