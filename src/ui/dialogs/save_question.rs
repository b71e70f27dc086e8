//! The question before a file that was opened would be replaced.

use std::path::Path;

use eframe::egui::Ui;

use super::title;
use crate::document::DocumentId;
use crate::editor::{Command, SaveQuestion};
use crate::raster::FileFormat;
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::theme::{size, space};
use crate::ui::{icons, widgets};

/// A project, a copy, the original, or none of them.
pub(super) fn how_to_save_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    (document, question): (DocumentId, &SaveQuestion),
    stays: &mut bool,
) {
    title(ui, &desk.text("ui-how-title"));
    let about = Message::new("ui-how-about").with("name", name(&question.original));
    ui.label(desk.say(&about));
    ui.add_space(space::M);
    let project = desk.text("ui-how-project");
    let width = ui.available_width();
    let button = widgets::primary_button(ui, icons::SAVE, &project, width, size::CONTROL);
    if ui.memory(|memory| memory.focused().is_none()) {
        button.request_focus();
    }
    if button.clicked() {
        desk.send(Command::SaveProject { document });
        *stays = false;
    }
    let about = Message::new("ui-how-project-about").with("name", name(&question.project));
    widgets::hint(ui, &desk.say(&about));
    ui.add_space(space::M);
    let copy = desk.text("ui-how-copy");
    if widgets::quiet_button(ui, icons::PICTURE, &copy).clicked() {
        desk.send(Command::SaveCopy { document });
        *stays = false;
    }
    let about = Message::new("ui-how-copy-about").with("name", name(&question.copy));
    widgets::hint(ui, &desk.say(&about));
    ui.add_space(space::M);
    match question.replaces_as {
        Some(format) => {
            let replace = desk.text("ui-how-replace");
            if widgets::quiet_button(ui, icons::REUSE, &replace).clicked() {
                desk.send(Command::ReplaceOriginal { document });
                *stays = false;
            }
            widgets::hint(ui, &price(desk, format, question.layers));
        }
        None => {
            widgets::hint(ui, &desk.text("ui-how-read-only"));
        }
    }
    ui.add_space(space::M);
    if ui.button(desk.text("ui-dialog-cancel").as_ref()).clicked() {
        *stays = false;
    }
}

/// What replacing the original costs.
fn price(desk: &Desk<'_>, format: FileFormat, layers: usize) -> String {
    let of_kind = match format {
        FileFormat::Jpeg => "ui-how-jpeg",
        FileFormat::WebP => "ui-how-webp",
        FileFormat::Png | FileFormat::Tiff | FileFormat::Bmp | FileFormat::Gif => "ui-how-lossless",
    };
    let mut said = vec![
        desk.text("ui-how-gone").into_owned(),
        desk.text(of_kind).into_owned(),
    ];
    if layers > 0 {
        let count = Message::new("ui-how-layers").with("count", layers as f64);
        said.push(desk.say(&count));
    }
    said.join("\n")
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
