//! Getting a model: the list of those worth getting, any other by name or address, the licence before the first
//! byte, and what is on its way.

use eframe::egui::{self, RichText, TextEdit, Ui, vec2};

use super::title;
use crate::catalog::ModelRef;
use crate::downloads::{Offer, Parcel, Progress, Token, offers};
use crate::editor::{Command, Getting, GettingState, Question};
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::state::GetForm;
use crate::ui::theme::{self, size, space};
use crate::ui::{icons, widgets};

/// Widths of what stands before and behind a field, in points.
const NAME: f32 = 64.0;
const BUTTON: f32 = 84.0;

pub(super) fn getting_ui(ui: &mut Ui, desk: &mut Desk<'_>, form: &mut GetForm, stays: &mut bool) {
    title(ui, &desk.text("ui-get-title"));
    match desk.editor.question().cloned() {
        Some(Question::Open(parcels)) => return agree_ui(ui, desk, form, &parcels),
        Some(Question::Asking(_)) => {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label(desk.text("ui-get-asking").as_ref());
                if ui.button(desk.text("ui-get-back").as_ref()).clicked() {
                    desk.send(Command::ForgetQuestion);
                }
            });
            // What stands below does not jump while one waits a moment.
            ui.add_space(space::S);
        }
        Some(Question::Failed(why)) => {
            let t = theme::tokens(ui);
            let why = desk.say(&why);
            widgets::icon_label(ui, icons::WARNING, &why, t.warn);
            ui.add_space(space::S);
        }
        None => widgets_hint(ui, desk),
    }
    let most = (ui.ctx().content_rect().height() - 300.0).max(120.0);
    egui::ScrollArea::vertical()
        .max_height(most)
        .min_scrolled_height(most.min(360.0))
        .show(ui, |ui| {
            let getting: Vec<Getting> = desk.editor.getting().to_vec();
            for one in &getting {
                ui.push_id(one.id.0, |ui| {
                    widgets::card(ui, |ui| on_its_way_ui(ui, desk, one, stays));
                });
            }
            // What was asked for by a tool comes first.
            let (wanted, others): (Vec<&Offer>, Vec<&Offer>) =
                offers().iter().partition(|offer| offer.id == form.source);
            for offer in wanted.into_iter().chain(others) {
                ui.push_id(&offer.id, |ui| {
                    widgets::card(ui, |ui| offer_ui(ui, desk, offer, &getting));
                });
            }
        });
    ui.add_space(space::S);
    any_other_ui(ui, desk, form);
    ui.add_space(space::S);
    if ui.button(desk.text("ui-dialog-close").as_ref()).clicked() {
        *stays = false;
    }
}

fn widgets_hint(ui: &mut Ui, desk: &Desk<'_>) {
    widgets::hint(ui, &desk.text("ui-get-about"));
    ui.add_space(space::S);
}

/// A model of the list.
fn offer_ui(ui: &mut Ui, desk: &mut Desk<'_>, offer: &Offer, getting: &[Getting]) {
    let is_listed = getting.iter().any(|one| one.parcel.source == offer.id);
    line(
        ui,
        desk,
        |ui, _| {
            let name = RichText::new(&offer.name).family(theme::semibold());
            ui.add(egui::Label::new(name).truncate());
        },
        |ui, desk| {
            let get = desk.text("ui-get-get");
            let button = egui::Button::new(get.as_ref()).min_size(vec2(72.0, size::CONTROL));
            let asking = matches!(desk.editor.question(), Some(Question::Asking(_)));
            let button = ui.add_enabled(!is_listed && !asking, button);
            let spoken = format!("{get} {}", offer.name);
            if button.accessible_name(spoken).clicked() {
                desk.send(Command::AskForModel(offer.id.clone()));
            }
        },
    );
    let good_for = desk.say(&offer.good_for());
    ui.add(egui::Label::new(good_for).wrap());
    let licence = Message::new("ui-get-licence").with("licence", offer.licence.clone());
    let mut about = desk.say(&licence);
    if let Some(picture) = &offer.picture {
        let (seconds, is_measured) = desk.editor.picture_seconds(picture);
        let key = if is_measured {
            "ui-get-seconds"
        } else {
            "ui-get-seconds-guessed"
        };
        let time = desk.say(&Message::new(key).with("time", duration(desk, seconds)));
        about = format!("{about} · {time}");
    }
    widgets::hint(ui, &about);
}

/// A line with something at the left and something at its right end.
pub(super) fn line<'a>(
    ui: &mut Ui,
    desk: &mut Desk<'a>,
    left: impl FnOnce(&mut Ui, &mut Desk<'a>),
    right: impl FnOnce(&mut Ui, &mut Desk<'a>),
) {
    let whole = vec2(ui.available_width(), size::CONTROL);
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(whole, layout, |ui| {
        ui.set_min_size(whole);
        widgets::sides(ui, desk, left, right);
    });
}

/// A line with a name, a field as wide as there is room, and a button, which is what it says.
fn field_ui(
    ui: &mut Ui,
    (name, tooltip): (&str, &str),
    field: TextEdit<'_>,
    (button, enabled): (&str, bool),
) -> bool {
    ui.horizontal(|ui| {
        ui.add_sized([NAME, size::CONTROL], egui::Label::new(name).truncate())
            .on_hover_text(tooltip);
        let width = ui.available_width() - BUTTON - ui.spacing().item_spacing.x;
        let response = ui.add_sized([width, size::CONTROL], field);
        let response = response.accessible_name(name);
        let entered = response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
        let pressed = ui.add_enabled_ui(enabled, |ui| {
            ui.add_sized([BUTTON, size::CONTROL], egui::Button::new(button))
        });
        (pressed.inner.clicked() || entered) && enabled
    })
    .inner
}

/// Any repository, any address; and the token for those that ask who one is.
fn any_other_ui(ui: &mut Ui, desk: &mut Desk<'_>, form: &mut GetForm) {
    let texts = [
        desk.text("ui-get-other"),
        desk.text("ui-get-other-tip"),
        desk.text("ui-get-ask"),
    ];
    let [name, tooltip, ask] = &texts;
    let wanted = form.source.trim().to_owned();
    let field = TextEdit::singleline(&mut form.source).hint_text("hf:owner/name");
    let (about, enabled) = ((name.as_ref(), tooltip.as_ref()), !wanted.is_empty());
    if field_ui(ui, about, field, (ask.as_ref(), enabled)) {
        desk.send(Command::AskForModel(wanted));
    }
    let is_kept = desk.editor.preferences().hub_token.is_some();
    let texts = [
        desk.text("ui-get-token"),
        desk.text("ui-get-token-tip"),
        desk.text("ui-get-token-keep"),
    ];
    let [name, tooltip, keep] = &texts;
    let hint = desk.text(if is_kept {
        "ui-get-token-kept"
    } else {
        "ui-get-token-none"
    });
    let field = TextEdit::singleline(&mut form.token)
        .password(true)
        .hint_text(hint.as_ref());
    let about = (name.as_ref(), tooltip.as_ref());
    if field_ui(ui, about, field, (keep.as_ref(), true)) {
        let token = Token::new(&std::mem::take(&mut form.token));
        desk.prefer(|preferences| preferences.hub_token = token);
    }
}

/// What would be fetched, and under which licence: the question before the first byte.
fn agree_ui(ui: &mut Ui, desk: &mut Desk<'_>, form: &mut GetForm, parcels: &[Parcel]) {
    for parcel in parcels {
        widgets::card(ui, |ui| {
            ui.set_min_width(ui.available_width());
            widgets::heading(ui, &parcel.name);
            let size = match parcel.bytes() {
                Some(bytes) => bytes_text(bytes),
                None => desk.text("ui-get-size-unknown").into_owned(),
            };
            let what = Message::new("ui-get-size")
                .with("size", size)
                .with("files", parcel.files.len());
            ui.label(desk.say(&what));
            let licence = match &parcel.licence {
                Some(licence) => Message::new("ui-get-licence").with("licence", licence.clone()),
                None => Message::new("ui-get-licence-unknown"),
            };
            ui.label(desk.say(&licence));
            ui.hyperlink_to(&parcel.page, &parcel.page);
        });
    }
    let folder = desk.editor.models_folder();
    let into = Message::new("ui-get-into").with("folder", folder.as_path());
    widgets::hint(ui, &desk.say(&into));
    ui.add_space(space::M);
    ui.horizontal(|ui| {
        let accept = desk.text("ui-get-accept");
        if widgets::primary_button(ui, icons::ACCEPT, &accept, 260.0, size::CONTROL).clicked() {
            desk.send(Command::AcceptQuestion);
            form.source.clear();
        }
        if ui.button(desk.text("ui-get-back").as_ref()).clicked() {
            desk.send(Command::ForgetQuestion);
        }
    });
}

/// A model on its way: how far, how fast, how long still; what stopped it; or that it is there.
fn on_its_way_ui(ui: &mut Ui, desk: &mut Desk<'_>, one: &Getting, stays: &mut bool) {
    let t = theme::tokens(ui);
    line(
        ui,
        desk,
        |ui, _| {
            let name = RichText::new(&one.parcel.name).family(theme::semibold());
            ui.add(egui::Label::new(name).truncate());
        },
        |ui, desk| buttons_ui(ui, desk, one, stays),
    );
    let total = one.parcel.bytes();
    match &one.state {
        GettingState::Waiting => {
            widgets::hint(ui, &desk.text("ui-get-waiting"));
        }
        GettingState::Running(progress) => running_ui(ui, desk, progress),
        GettingState::Stopped(done) => {
            let share = total.map(|total| *done as f32 / total.max(1) as f32);
            ui.add(egui::ProgressBar::new(share.unwrap_or(0.0)).desired_height(6.0));
            let key = Message::new("ui-get-stopped").with("done", bytes_text(*done));
            widgets::hint(ui, &desk.say(&key));
        }
        GettingState::Failed(why) => {
            let why = desk.say(why);
            widgets::icon_label(ui, icons::FAILED, &why, t.warn);
        }
        GettingState::There(_) => {
            widgets::icon_label(ui, icons::GOOD, &desk.text("ui-get-there"), t.good);
        }
    }
}

fn running_ui(ui: &mut Ui, desk: &Desk<'_>, progress: &Progress) {
    let bar = egui::ProgressBar::new(progress.share().unwrap_or(0.0)).desired_height(6.0);
    ui.add(bar);
    let of = progress
        .total
        .map_or_else(String::new, |total| format!(" / {}", bytes_text(total)));
    let mut words = vec![format!("{}{of}", bytes_text(progress.done))];
    if progress.bytes_per_second > 0.0 {
        words.push(format!(
            "{}/s",
            bytes_text(progress.bytes_per_second as u64)
        ));
    }
    if let Some(seconds) = progress.seconds_left() {
        let left = Message::new("ui-get-left").with("time", duration(desk, seconds));
        words.push(desk.say(&left));
    }
    widgets::hint(ui, &words.join(" · "));
}

fn buttons_ui(ui: &mut Ui, desk: &mut Desk<'_>, one: &Getting, stays: &mut bool) {
    let button = |ui: &mut Ui, desk: &Desk<'_>, key: &str| {
        let text = desk.text(key);
        let spoken = format!("{text} {}", one.parcel.name);
        ui.button(text.as_ref()).accessible_name(spoken).clicked()
    };
    match &one.state {
        GettingState::Waiting | GettingState::Running(_) => {
            if button(ui, desk, "ui-get-stop") {
                desk.send(Command::StopGetting(one.id));
            }
        }
        GettingState::Stopped(_) | GettingState::Failed(_) => {
            if button(ui, desk, "ui-get-forget") {
                desk.send(Command::ForgetGetting(one.id));
            }
            if button(ui, desk, "ui-get-go-on") {
                desk.send(Command::GoOnGetting(one.id));
            }
        }
        GettingState::There(path) => {
            let models = desk.editor.models().iter().flatten();
            let reference = ModelRef::at(path.clone());
            let is_model = models.into_iter().any(|card| card.reference == reference);
            if is_model && button(ui, desk, "ui-get-use") {
                desk.send(Command::SetModel(reference));
                *stays = false;
            }
        }
    }
}

/// Bytes as people read them.
fn bytes_text(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes < 1000.0 {
        format!("{megabytes:.1} MB")
    } else {
        format!("{:.2} GB", megabytes / 1000.0)
    }
}

/// A time in words, as exact as a forecast is.
fn duration(desk: &Desk<'_>, seconds: f64) -> String {
    let (key, count) = match seconds {
        ..90.0 => ("ui-get-time-seconds", seconds.max(1.0).round()),
        90.0..5400.0 => ("ui-get-time-minutes", (seconds / 60.0).round()),
        _ => ("ui-get-time-hours", (seconds / 360.0).round() / 10.0),
    };
    desk.say(&Message::new(key).with("count", count))
}
