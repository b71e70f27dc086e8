//! The window without a picture: what it is for, and how to begin.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use eframe::egui::{self, RichText, Ui, Vec2, vec2};

use crate::editor::{Command, Editor, RecentlyClosed, Thumbnail};
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::widgets::FileCard;
use crate::ui::{icons, widgets};

/// Height of what always stands here, in points.
const HEIGHT: f32 = 256.0;
/// Height of a heading and a line of cards without their pictures.
const CARDS: f32 = 76.0;
/// Width of what is shown where there is room: four cards.
const WIDTH: f32 = 4.0 * PICTURE.x + 3.0 * space::L;
/// The picture of a card.
const PICTURE: Vec2 = vec2(128.0, 84.0);

/// Draws the empty canvas.
pub(crate) fn welcome_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let area = ui.available_rect_before_wrap();
    let t = theme::tokens(ui);
    ui.painter().rect_filled(area, 0.0, t.canvas);
    let lines = u8::from(!desk.editor.recently_closed().is_empty())
        + u8::from(!desk.editor.preferences().recent_files.is_empty());
    let lines = f32::from(lines);
    // Where there is little room pictures are lower.
    let spare = (area.height() - HEIGHT - lines * CARDS) / lines.max(1.0);
    let picture = vec2(PICTURE.x, spare.clamp(32.0, PICTURE.y));
    let height = HEIGHT + lines * (CARDS + picture.y);
    let room = vec2(WIDTH.min(area.width() - 48.0), height.min(area.height()));
    let middle = egui::Rect::from_center_size(area.center(), room);
    ui.scope_builder(egui::UiBuilder::new().max_rect(middle), |ui| {
        ui.vertical_centered(|ui| {
            ui.label(
                RichText::new(icons::PICTURE.0)
                    .family(theme::icon_family())
                    .size(40.0)
                    .color(t.muted),
            );
            ui.add_space(space::S);
            ui.label(
                RichText::new(desk.text("ui-welcome-title"))
                    .family(theme::semibold())
                    .size(text_size::TITLE),
            );
            ui.add(
                egui::Label::new(RichText::new(desk.text("ui-welcome-about")).color(t.muted))
                    .wrap(),
            );
            ui.add_space(space::L);
            let open = desk.text(Action::Open.text());
            let tooltip = desk.tooltip(ui.ctx(), Action::Open);
            if widgets::primary_button(ui, icons::OPEN, &open, 240.0, size::GENERATE)
                .on_hover_text(tooltip)
                .clicked()
            {
                desk.act(Action::Open);
            }
            let sample = desk.text(Action::OpenSample.text());
            if widgets::link_button(ui, &sample)
                .on_hover_text(desk.text(Action::OpenSample.tooltip()))
                .clicked()
            {
                desk.act(Action::OpenSample);
            }
            // Whoever has no other model than the built-in one is told where there are some.
            let has_model = desk.editor.models().iter().flatten().count() > 1;
            if !has_model {
                let get = desk.text(Action::GetModel.text());
                if widgets::link_button(ui, &get)
                    .on_hover_text(desk.text(Action::GetModel.tooltip()))
                    .clicked()
                {
                    desk.act(Action::GetModel);
                }
            }
            let folder = desk.text(Action::Batch.text());
            if widgets::link_button(ui, &folder)
                .on_hover_text(desk.tooltip(ui.ctx(), Action::Batch))
                .clicked()
            {
                desk.act(Action::Batch);
            }
            recent_ui(ui, desk, picture);
        });
    });
    ui.advance_cursor_after_rect(area);
}

/// Files that were open, and what was closed without being saved, each with its picture.
fn recent_ui(ui: &mut Ui, desk: &mut Desk<'_>, picture: Vec2) {
    let columns = ((ui.available_width() + space::L) / (picture.x + space::L)) as usize;
    let most = columns.clamp(1, Editor::MOST_AT_START);
    let closed = desk.editor.recently_closed().iter();
    let closed: Vec<RecentlyClosed> = closed.take(most).cloned().collect();
    let files = desk.editor.preferences().recent_files.iter();
    let files: Vec<PathBuf> = files.take(most).cloned().collect();
    if !closed.is_empty() {
        ui.add_space(space::M);
        widgets::hint(ui, &desk.text("ui-closed"));
        in_the_middle(ui, (closed.len(), picture), |ui| {
            for closed in &closed {
                closed_ui(ui, desk, closed, picture);
            }
        });
    }
    if !files.is_empty() {
        ui.add_space(space::M);
        widgets::hint(ui, &desk.text("ui-recent"));
        in_the_middle(ui, (files.len(), picture), |ui| {
            for file in &files {
                file_ui(ui, desk, file, picture);
            }
        });
    }
}

/// A line of that many cards, in the middle.
fn in_the_middle(ui: &mut Ui, (count, picture): (usize, Vec2), cards: impl FnOnce(&mut Ui)) {
    let width = count as f32 * (picture.x + space::L) - space::L;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::L;
        let before = (ui.available_width() - width) / 2.0 - space::L;
        ui.add_space(before.max(0.0));
        cards(ui);
    });
}

fn closed_ui(ui: &mut Ui, desk: &mut Desk<'_>, closed: &RecentlyClosed, picture: Vec2) {
    let key = PathBuf::from(closed.id.0.to_string());
    let ago = desk.ago(closed.closed_at);
    let card = FileCard {
        key: &key,
        thumbnail: desk.editor.thumbnail_of_closed(closed),
        name: &closed.title,
        hint: &ago,
    };
    if widgets::file_card(ui, &card, picture)
        .on_hover_text(desk.about_closed(closed))
        .clicked()
    {
        desk.send(Command::Restore(closed.id));
    }
}

fn file_ui(ui: &mut Ui, desk: &mut Desk<'_>, path: &Path, picture: Vec2) {
    let word = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let name = word(path.file_name());
    let thumbnail = desk.editor.thumbnail_of_file(path);
    let hint = if *thumbnail == Thumbnail::Missing {
        desk.text("ui-recent-missing").into_owned()
    } else {
        word(path.parent().and_then(Path::file_name))
    };
    let card = FileCard {
        key: path,
        thumbnail,
        name: &name,
        hint: &hint,
    };
    if widgets::file_card(ui, &card, picture)
        .on_hover_text(path.display().to_string())
        .clicked()
    {
        desk.send(Command::OpenFile(path.to_path_buf()));
    }
}
