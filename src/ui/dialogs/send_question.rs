//! The question before the first picture goes to a server.

use eframe::egui::Ui;

use super::title;
use crate::editor::{Command, ServerCommand};
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::icons;
use crate::ui::theme::{size, space};
use crate::ui::widgets;

pub(super) fn send_ui(ui: &mut Ui, desk: &mut Desk<'_>, stays: &mut bool) {
    let Some(server) = desk.editor.leaving().cloned() else {
        *stays = false;
        return;
    };
    title(ui, &desk.text("ui-send-title"));
    let about = Message::new("ui-send-about")
        .with("name", server.name.clone())
        .with("address", server.address.clone())
        .with("count", desk.editor.leaving_count());
    ui.label(desk.say(&about));
    ui.add_space(space::XS);
    widgets::hint(ui, &desk.text("ui-send-what"));
    if server.address.starts_with("http://") {
        widgets::hint(ui, &desk.text("ui-send-plain"));
    }
    ui.add_space(space::M);
    ui.horizontal(|ui| {
        let send = desk.text("ui-send-yes");
        let pressed = widgets::primary_button(ui, icons::ACCEPT, &send, 150.0, size::CONTROL);
        if pressed.clicked() {
            desk.send(Command::Server(ServerCommand::Send(true)));
            *stays = false;
        }
        if ui.button(desk.text("ui-send-no").as_ref()).clicked() {
            desk.send(Command::Server(ServerCommand::Send(false)));
            *stays = false;
        }
    });
}
