//! Servers in the preferences: those that were added, whether they answer, what they have; and adding one.

use eframe::egui::{self, RichText, TextEdit, Ui, vec2};

use super::getting::line;
use super::title;
use crate::catalog::{Access, KeyPlace, ServerReport};
use crate::editor::{Adding, Command, ServerCommand, ServerState, ServerView};
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::state::{ServerFields, ServersForm};
use crate::ui::theme::{self, size, space};
use crate::ui::{icons, widgets};

/// Widths of what stands before a field and behind it, in points.
const NAME: f32 = 84.0;
const BUTTON: f32 = 84.0;

pub(super) fn servers_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    form: &mut ServersForm,
    stays: &mut bool,
) {
    title(ui, &desk.text("ui-servers-title"));
    widgets::hint(ui, &desk.text("ui-servers-about"));
    ui.add_space(space::S);
    let views: Vec<ServerView> = desk.editor.servers().to_vec();
    let most = (ui.ctx().content_rect().height() - 360.0).max(100.0);
    egui::ScrollArea::vertical()
        .max_height(most)
        .show(ui, |ui| {
            for (place, view) in views.iter().enumerate() {
                ui.push_id(&view.server.name, |ui| {
                    widgets::card(ui, |ui| {
                        ui.set_min_width(ui.available_width());
                        server_ui(ui, desk, (view, place, views.len()), form);
                    });
                });
            }
        });
    if views.is_empty() {
        widgets::hint(ui, &desk.text("ui-servers-none"));
    }
    ui.add_space(space::S);
    new_ui(ui, desk, form);
    ui.add_space(space::S);
    if ui.button(desk.text("ui-dialog-close").as_ref()).clicked() {
        desk.send(Command::Server(ServerCommand::StopAdding));
        *stays = false;
    }
}

/// One of the servers: what it is, whether it answers, what can be done with it.
fn server_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    (view, place, count): (&ServerView, usize, usize),
    form: &mut ServersForm,
) {
    line(
        ui,
        desk,
        |ui, _| {
            let name = RichText::new(&view.server.name).family(theme::semibold());
            ui.add(egui::Label::new(name).truncate());
        },
        |ui, desk| buttons_ui(ui, desk, (view, place, count), form),
    );
    let about = format!("{} · {}", view.server.kind.name(), view.server.address);
    ui.add(egui::Label::new(about).truncate());
    state_ui(ui, desk, &view.state, view.report.as_ref());
    let mut hints = Vec::new();
    if let Some(report) = &view.report {
        hints.push(report_text(desk, report));
    }
    if let Some(seconds) = view.seconds {
        let seconds = (seconds * 10.0).round() / 10.0;
        hints.push(desk.say(&Message::new("ui-servers-seconds").with("seconds", seconds)));
    }
    let key = match view.key {
        Some(KeyPlace::Keyring) => Some("ui-servers-key-keyring"),
        Some(KeyPlace::File) => Some("ui-servers-key-file"),
        None => None,
    };
    hints.extend(key.map(|key| desk.text(key).into_owned()));
    if !view.server.is_here() {
        let key = if view.server.is_confirmed {
            "ui-servers-sent"
        } else {
            "ui-servers-asked-first"
        };
        hints.push(desk.text(key).into_owned());
    }
    if !hints.is_empty() {
        widgets::hint(ui, &hints.join(" · "));
    }
    let is_changed = |changed: &&mut (String, ServerFields)| changed.0 == view.server.name;
    if let Some((_, fields)) = form.changed.as_mut().filter(is_changed)
        && change_ui(ui, desk, view, fields)
    {
        form.changed = None;
    }
}

/// Whether it answers, with the reason where it does not.
fn state_ui(ui: &mut Ui, desk: &Desk<'_>, state: &ServerState, report: Option<&ServerReport>) {
    let t = theme::tokens(ui);
    match state {
        ServerState::Unasked => {
            let key = match report {
                Some(_) => "ui-servers-remembered",
                None => "ui-servers-unasked",
            };
            widgets::hint(ui, &desk.text(key));
        }
        ServerState::Asking => {
            ui.horizontal(|ui| {
                ui.spinner();
                widgets::hint(ui, &desk.text("ui-servers-asking"));
            });
        }
        ServerState::Answers => {
            widgets::icon_label(ui, icons::GOOD, &desk.text("ui-servers-answers"), t.good);
        }
        ServerState::Fault(why) => {
            widgets::icon_label(ui, icons::WARNING, &desk.say(why), t.warn);
        }
    }
}

/// What it said of itself.
fn report_text(desk: &Desk<'_>, report: &ServerReport) -> String {
    let count = |key: &'static str, count: usize| {
        (count > 0).then(|| desk.say(&Message::new(key).with("count", count)))
    };
    let parts = [
        Some(report.version.clone()),
        Some(report.device.clone()),
        count("ui-servers-models", report.models.len()),
        count("ui-servers-loras", report.loras.len()),
    ];
    let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" · ")
}

fn buttons_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    (view, place, count): (&ServerView, usize, usize),
    form: &mut ServersForm,
) {
    let name = view.server.name.as_str();
    let spoken = |desk: &Desk<'_>, key: &'static str| {
        desk.say(&Message::new(key).with("name", name.to_owned()))
    };
    for (icon, key, to, can) in [
        (
            icons::UP,
            "ui-servers-up",
            place.saturating_sub(1),
            place > 0,
        ),
        (icons::DOWN, "ui-servers-down", place + 1, place + 1 < count),
    ] {
        if count == 1 {
            continue;
        }
        let text = spoken(desk, key);
        let button = ui.add_enabled_ui(can, |ui| {
            widgets::icon_button_small(ui, icon, &text, None).on_hover_text(text.as_str())
        });
        if button.inner.clicked() {
            let server = name.to_owned();
            desk.send(Command::Server(ServerCommand::Move { server, to }));
        }
    }
    let text = spoken(desk, "ui-servers-test-name");
    let is_asked = view.state == ServerState::Asking;
    let test = ui.add_enabled_ui(!is_asked, |ui| {
        ui.button(desk.text("ui-servers-test").as_ref())
            .accessible_name(text.as_str())
            .on_hover_text(desk.text("ui-servers-test-tip"))
    });
    if test.inner.clicked() {
        desk.send(Command::Server(ServerCommand::Ask(name.to_owned())));
    }
    let text = spoken(desk, "ui-servers-change");
    if widgets::icon_button_small(ui, icons::RENAME, &text, None)
        .on_hover_text(text.as_str())
        .clicked()
    {
        let fields = ServerFields {
            name: name.to_owned(),
            ..ServerFields::default()
        };
        let is_open = form.changed.as_ref().is_some_and(|(of, _)| of == name);
        form.changed = (!is_open).then(|| (name.to_owned(), fields));
    }
    let text = spoken(desk, "ui-servers-remove");
    if widgets::icon_button_small(ui, icons::DELETE, &text, None)
        .on_hover_text(text.as_str())
        .clicked()
    {
        desk.send(Command::Server(ServerCommand::Remove(name.to_owned())));
    }
}

/// Name, key and headers of one that is there. True when that is over.
fn change_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    view: &ServerView,
    fields: &mut ServerFields,
) -> bool {
    ui.separator();
    name_field(ui, desk, &mut fields.name, "");
    secret_fields(ui, desk, fields, view.key.is_some());
    let mut is_over = false;
    ui.horizontal(|ui| {
        if ui.button(desk.text("ui-servers-keep").as_ref()).clicked() {
            let access = access_of(fields);
            desk.send(Command::Server(ServerCommand::Change {
                server: view.server.name.clone(),
                name: fields.name.clone(),
                access: (access != Access::default()).then_some(access),
            }));
            is_over = true;
        }
        let forget = desk.text("ui-servers-forget-key");
        if view.key.is_some() && ui.button(forget.as_ref()).clicked() {
            let name = view.server.name.clone();
            desk.send(Command::Server(ServerCommand::Change {
                server: name.clone(),
                name,
                access: Some(Access::default()),
            }));
            is_over = true;
        }
        if ui.button(desk.text("ui-get-back").as_ref()).clicked() {
            is_over = true;
        }
    });
    is_over
}

/// Another one, by its address.
fn new_ui(ui: &mut Ui, desk: &mut Desk<'_>, form: &mut ServersForm) {
    widgets::heading(ui, &desk.text("ui-servers-new"));
    if let Some(Adding::Added(_)) = desk.editor.adding_server() {
        // It stands above now.
        *form = ServersForm::default();
        desk.send(Command::Server(ServerCommand::StopAdding));
    }
    let is_asking = matches!(desk.editor.adding_server(), Some(Adding::Asking));
    let texts = [
        desk.text("ui-servers-address"),
        desk.text("ui-servers-address-tip"),
        desk.text("ui-servers-add"),
    ];
    let [name, tooltip, add] = &texts;
    let is_pressed = ui.horizontal(|ui| {
        field_name(ui, name, tooltip);
        let width = ui.available_width() - BUTTON - ui.spacing().item_spacing.x;
        let field = TextEdit::singleline(&mut form.address).hint_text("http://studio:8188");
        let field = ui.add_sized([width, size::CONTROL], field);
        let field = field.accessible_name(name.as_ref());
        let entered = field.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
        let can = !is_asking && !form.address.trim().is_empty();
        let pressed = ui.add_enabled_ui(can, |ui| {
            ui.add_sized([BUTTON, size::CONTROL], egui::Button::new(add.as_ref()))
        });
        can && (pressed.inner.clicked() || entered)
    });
    let icon = if form.shows_more {
        icons::EXPANDED
    } else {
        icons::COLLAPSED
    };
    let (text, tooltip) = (
        desk.text("ui-servers-more"),
        desk.text("ui-servers-more-tip"),
    );
    if widgets::section(ui, icon, &text, &tooltip) {
        form.shows_more = !form.shows_more;
    }
    if form.shows_more {
        let hint = desk.text("ui-servers-name-hint");
        name_field(ui, desk, &mut form.new.name, &hint);
        secret_fields(ui, desk, &mut form.new, false);
    }
    if is_pressed.inner {
        desk.send(Command::Server(ServerCommand::Add {
            address: form.address.trim().to_owned(),
            name: form.new.name.clone(),
            access: access_of(&form.new),
        }));
    }
    let t = theme::tokens(ui);
    match desk.editor.adding_server().cloned() {
        Some(Adding::Asking) => {
            ui.horizontal(|ui| {
                ui.spinner();
                widgets::hint(ui, &desk.text("ui-servers-asking"));
                if ui.button(desk.text("ui-get-stop").as_ref()).clicked() {
                    desk.send(Command::Server(ServerCommand::StopAdding));
                }
            });
        }
        Some(Adding::Failed(why)) => {
            widgets::icon_label(ui, icons::WARNING, &desk.say(&why), t.warn);
        }
        Some(Adding::Added(_)) | None => {}
    }
}

fn field_name(ui: &mut Ui, name: &str, tooltip: &str) {
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(vec2(NAME, size::CONTROL), layout, |ui| {
        ui.set_min_size(vec2(NAME, size::CONTROL));
        ui.add(egui::Label::new(name).truncate())
            .on_hover_text(tooltip);
    });
}

fn name_field(ui: &mut Ui, desk: &Desk<'_>, name: &mut String, hint: &str) {
    let (text, tooltip) = (
        desk.text("ui-servers-name"),
        desk.text("ui-servers-name-tip"),
    );
    ui.horizontal(|ui| {
        field_name(ui, &text, &tooltip);
        let field = TextEdit::singleline(name).hint_text(hint);
        ui.add_sized([ui.available_width(), size::CONTROL], field)
            .accessible_name(text.as_ref());
    });
}

/// Key and headers. `has_key`: there are some, which stay where nothing is written.
fn secret_fields(ui: &mut Ui, desk: &Desk<'_>, fields: &mut ServerFields, has_key: bool) {
    let (text, tooltip) = (desk.text("ui-servers-key"), desk.text("ui-servers-key-tip"));
    let hint = desk.text(if has_key {
        "ui-servers-key-stays"
    } else {
        "ui-servers-key-none"
    });
    ui.horizontal(|ui| {
        field_name(ui, &text, &tooltip);
        let field = TextEdit::singleline(&mut fields.key)
            .password(true)
            .hint_text(hint.as_ref());
        ui.add_sized([ui.available_width(), size::CONTROL], field)
            .accessible_name(text.as_ref());
    });
    let (text, tooltip) = (
        desk.text("ui-servers-headers"),
        desk.text("ui-servers-headers-tip"),
    );
    ui.horizontal(|ui| {
        field_name(ui, &text, &tooltip);
        let field = TextEdit::multiline(&mut fields.headers)
            .desired_rows(1)
            .desired_width(ui.available_width())
            .hint_text("Name: value");
        ui.add(field).accessible_name(text.as_ref());
    });
}

/// What was written of key and headers; lines that are no header are left out.
fn access_of(fields: &ServerFields) -> Access {
    let key = fields.key.trim();
    let headers = fields.headers.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    });
    Access {
        key: (!key.is_empty()).then(|| key.to_owned()),
        headers: headers.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_becomes_what_the_server_sees() {
        let fields = ServerFields {
            name: String::new(),
            key: " hush ".to_owned(),
            headers: "X-Key: a:b\nnonsense\n Y : z ".to_owned(),
        };
        let access = access_of(&fields);
        assert_eq!(access.key.as_deref(), Some("hush"));
        let headers: Vec<_> = access.headers.iter().collect();
        assert_eq!(headers.len(), 2);
        assert_eq!(access.headers["X-Key"], "a:b");
        assert_eq!(access.headers["Y"], "z");
        assert_eq!(access_of(&ServerFields::default()), Access::default());
        assert!(!format!("{fields:?}").contains("hush"));
    }
}
