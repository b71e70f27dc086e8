//! What shapes cannot tell of the chosen model, what says it, and chips to say otherwise by hand.

use eframe::egui::Ui;

use crate::catalog::{
    Distillation, Facts, Family, ModelCard, ModelFile, ModelRef, PredictionType, ServedModel, Told,
    ToldBy,
};
use crate::editor::{Command, ServerCommand};
use crate::text::{Explain as _, Message};
use crate::ui::context::Desk;
use crate::ui::other_engines::other_engines_ui;
use crate::ui::theme;
use crate::ui::{icons, show_in_folder, widgets};

/// Sides of pictures that models are trained on, in pixels.
const SIDES: [u32; 4] = [512, 640, 768, 1024];

/// What the chosen model is, where it lies, and what can be said otherwise.
pub(super) fn told_ui(ui: &mut Ui, desk: &mut Desk<'_>, card: &ModelCard) {
    widgets::heading(ui, &card.name);
    widgets::hint(ui, &about(card, desk));
    if let (ModelRef::File(file), Some(facts)) = (&card.reference, &card.facts) {
        facts_ui(ui, desk, file, facts);
    }
    if let ModelRef::Served(model) = &card.reference {
        family_ui(ui, desk, model);
    }
    previews_ui(ui, desk);
    let others = desk.editor.other_engines();
    other_engines_ui(ui, desk, "ui-model-also", others);
    if let Some(path) = card.reference.path() {
        let show = desk.text("ui-model-show");
        if widgets::quiet_button(ui, icons::OPEN, &show)
            .on_hover_text(path.display().to_string())
            .clicked()
        {
            show_in_folder::show(path);
            ui.close();
        }
    }
    ui.separator();
}

/// The tiny autoencoder that makes previews of the chosen model, or why it does not.
fn previews_ui(ui: &mut Ui, desk: &Desk<'_>) {
    let Some(tiny) = desk.editor.preview_autoencoder() else {
        return;
    };
    let name = tiny.path.file_name().unwrap_or_default().to_string_lossy();
    let line = match (&tiny.fault, tiny.space) {
        (Some(fault), _) => fault.message(),
        (None, Some(space)) => Message::new("ui-model-previews")
            .with("name", name.into_owned())
            .with("by", desk.say(&space.by.message())),
        (None, None) => return,
    };
    let tip = desk.text("ui-model-previews-tip");
    widgets::hint(ui, &desk.say(&line)).on_hover_text(format!("{tip}\n{}", tiny.path.display()));
}

/// What says of which family a model on a server is; its name where nothing else does.
pub(super) fn told_family(desk: &Desk<'_>, model: &ServedModel) -> ToldBy {
    let view = desk.editor.server(&model.server);
    let mut models = view.iter().flat_map(|view| &view.models);
    let is_it = |name: &ModelRef| matches!(name, ModelRef::Served(it) if it.name == model.name);
    models
        .find(|served| is_it(&served.card.reference))
        .map_or(ToldBy::Name, |served| served.told)
}

/// The family of a model on a server, which its file cannot be asked for; a question where it is a guess.
fn family_ui(ui: &mut Ui, desk: &mut Desk<'_>, model: &ServedModel) {
    let by = told_family(desk, model);
    if by == ToldBy::Name {
        let question = desk.text("ui-model-family-guess");
        widgets::icon_label(ui, icons::WARNING, &question, theme::tokens(ui).warn);
    } else {
        let title = Message::new("ui-model-told")
            .with("what", desk.text("ui-model-family").into_owned())
            .with("by", desk.say(&by.message()));
        widgets::hint(ui, &desk.say(&title)).on_hover_text(desk.text("ui-model-family-tip"));
    }
    let mut picked = None;
    widgets::chip_row(ui, |ui| {
        let families = [
            Family::StableDiffusion1,
            Family::StableDiffusion2,
            Family::Xl,
        ];
        for family in families {
            let name = family.name().unwrap_or_default();
            // A guess is no answer yet: it can be pressed to agree.
            let is_it = family == model.family;
            let by_hand = is_it && by == ToldBy::Hand;
            let chip = widgets::chip(ui, name, is_it);
            let chip = chip.on_hover_text(desk.text(if by_hand {
                "ui-model-family-untell"
            } else {
                "ui-model-family-tip"
            }));
            if chip.clicked() && (by_hand || !is_it || by == ToldBy::Name) {
                picked = Some((!by_hand).then_some(family));
            }
        }
    });
    if let Some(family) = picked {
        desk.send(Command::Server(ServerCommand::Tell {
            server: model.server.clone(),
            model: model.name.clone(),
            family,
        }));
    }
}

fn facts_ui(ui: &mut Ui, desk: &mut Desk<'_>, file: &ModelFile, facts: &Facts) {
    // What is said by hand takes the place of what is known of the file.
    let file = if file.is_known {
        &ModelFile {
            vae: file.vae.clone(),
            ..ModelFile::at(file.path.clone())
        }
    } else {
        file
    };
    let predictions = [PredictionType::Epsilon, PredictionType::VPrediction];
    let picked = fact(
        ui,
        desk,
        "ui-model-prediction",
        facts.prediction,
        &predictions,
        |desk, it| {
            let key = match it {
                PredictionType::Epsilon => "ui-model-epsilon",
                PredictionType::VPrediction => "ui-model-v",
                PredictionType::Sample => "ui-model-sample",
            };
            desk.text(key).into_owned()
        },
    );
    let mut changed = picked.map(|picked| ModelFile {
        prediction: picked.by_hand(),
        ..file.clone()
    });
    let picked = fact(
        ui,
        desk,
        "ui-model-kind",
        facts.distillation,
        &Distillation::ALL,
        distillation_name,
    );
    changed = changed.or_else(|| {
        picked.map(|picked| ModelFile {
            distillation: picked.by_hand(),
            ..file.clone()
        })
    });
    let picked = fact(
        ui,
        desk,
        "ui-model-side",
        facts.native_px,
        &SIDES,
        |_, px| format!("{px}"),
    );
    changed = changed.or_else(|| {
        picked.map(|picked| ModelFile {
            native_px: picked.by_hand(),
            ..file.clone()
        })
    });
    if let Some(file) = changed {
        desk.send(Command::TellModel(file));
    }
}

/// What a model is, on one line: family, what it is good for, size of its pictures and of itself.
pub(super) fn about(card: &ModelCard, desk: &Desk<'_>) -> String {
    let megabytes = card.bytes as f64 / 1e6;
    let size = if let ModelRef::Served(model) = &card.reference {
        desk.say(&Message::new("ui-model-at").with("server", model.server.clone()))
    } else if megabytes < 1000.0 {
        format!("{megabytes:.0} MB")
    } else {
        format!("{:.1} GB", megabytes / 1000.0)
    };
    let good_for = if card.traits.sees_mask() {
        Some("ui-model-inpainting")
    } else if card.traits.follows_instructions() {
        Some("ui-model-instructions")
    } else {
        None
    };
    let is_quick = card.traits.few_steps;
    let kind = card.facts.map(|facts| facts.distillation.is);
    let quick = match kind.filter(|kind| *kind != Distillation::None) {
        Some(kind) => Some(distillation_name(desk, kind)),
        None => is_quick.then(|| desk.text("ui-model-few-steps").into_owned()),
    };
    let family = match (&card.reference, card.family.name()) {
        (ModelRef::BuiltIn, _) => Some(desk.text("ui-model-built-in").into_owned()),
        (ModelRef::Served(model), Some(name)) if told_family(desk, model) == ToldBy::Name => {
            Some(desk.say(&Message::new("ui-model-perhaps").with("family", name)))
        }
        (_, name) => name.map(str::to_owned),
    };
    let parts = [
        family,
        good_for.map(|key| desk.text(key).into_owned()),
        quick,
        Some(format!("{} px", card.traits.native_px)),
        Some(size),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// What a kind of distillation is called.
fn distillation_name(desk: &Desk<'_>, kind: Distillation) -> String {
    match kind {
        Distillation::None => desk.text("ui-model-all-steps").into_owned(),
        Distillation::Consistency => "LCM".to_owned(),
        Distillation::Turbo => "Turbo".to_owned(),
        Distillation::Lightning => "Lightning · Hyper".to_owned(),
    }
}

/// What was pressed.
#[derive(Debug, Clone, Copy)]
enum Picked<T> {
    /// What was chosen by hand, once more.
    AsTheFileSays,
    Value(T),
}

impl<T> Picked<T> {
    fn by_hand(self) -> Option<T> {
        match self {
            Self::AsTheFileSays => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// A fact with what says it, as chips of which one is down. Gives what was pressed.
fn fact<T: Copy + PartialEq>(
    ui: &mut Ui,
    desk: &Desk<'_>,
    key: &str,
    told: Told<T>,
    values: &[T],
    name_of: impl Fn(&Desk<'_>, T) -> String,
) -> Option<Picked<T>> {
    let by = desk.say(&told.by.message());
    let title = Message::new("ui-model-told")
        .with("what", desk.text(key).into_owned())
        .with("by", by);
    widgets::hint(ui, &desk.say(&title)).on_hover_text(desk.text(&format!("{key}-tip")));
    let mut picked = None;
    widgets::chip_row(ui, |ui| {
        let other = (!values.contains(&told.is)).then_some(told.is);
        for value in values.iter().copied().chain(other) {
            let is_it = value == told.is;
            let by_hand = is_it && told.by == ToldBy::Hand;
            let chip = widgets::chip(ui, &name_of(desk, value), is_it);
            let chip = if by_hand {
                chip.on_hover_text(desk.text("ui-model-untell"))
            } else {
                chip
            };
            if chip.clicked() && (by_hand || !is_it) {
                picked = Some(if by_hand {
                    Picked::AsTheFileSays
                } else {
                    Picked::Value(value)
                });
            }
        }
    });
    picked
}
