//! `overpaint models`.

use super::args::{ModelsArgs, ModelsCommand};
use super::console::{Console, answer};
use super::data_dir;
use super::error::CliError;
use super::getting;
use crate::catalog::{
    self, Distillation, Facts, Library, ModelCard, ModelFile, ModelRef, PredictionType,
    TinyAutoencoder,
};
use crate::downloads;
use crate::jobs::Speeds;
use crate::text::{Explain as _, Message};

pub(super) fn run(args: &ModelsArgs, console: &Console) -> Result<(), CliError> {
    match &args.command {
        None | Some(ModelsCommand::List) => {
            let mut library = Library::open(&data_dir());
            for model in library.list() {
                match model {
                    Ok(card) => answer(&line(&card)),
                    Err(error) => console.note(&error.message()),
                }
            }
            for tiny in library.tiny_autoencoders() {
                describe_tiny(&tiny, console);
            }
        }
        Some(ModelsCommand::Info { model }) => {
            let card = catalog::open(&Library::open(&data_dir()).resolve(model)?)?;
            describe(&card, console);
        }
        Some(ModelsCommand::ListAvailable) => list_available(console),
        Some(ModelsCommand::Get {
            source,
            accept_licence,
        }) => getting::run(source, *accept_licence, console)?,
        Some(ModelsCommand::Add { path }) => {
            let count = Library::open(&data_dir()).add(path)?;
            let message = Message::new("cli-models-added")
                .with("count", count)
                .with("path", path.as_path());
            answer(&console.say(&message));
        }
        Some(ModelsCommand::Tell {
            model,
            prediction,
            kind,
            side,
        }) => {
            let mut library = Library::open(&data_dir());
            let ModelRef::File(file) = library.resolve(model)? else {
                let id = model.clone();
                return Err(CliError::Argument(
                    Message::new("cli-model-says-itself").with("id", id),
                ));
            };
            let told = ModelFile {
                prediction: prediction.map(Into::into),
                distillation: kind.map(Into::into),
                native_px: *side,
                is_known: false,
                ..file
            };
            let card = catalog::open(&ModelRef::File(told.clone()))?;
            library.choose(&told)?;
            describe(&card, console);
        }
    }
    Ok(())
}

/// A tiny autoencoder, and the models whose previews it makes.
fn describe_tiny(tiny: &TinyAutoencoder, console: &Console) {
    if let Some(fault) = &tiny.fault {
        return console.note(&fault.message());
    }
    let message = match tiny.space {
        Some(space) => Message::new("cli-tiny-autoencoder")
            .with("space", space.is.name())
            .with("by", space.by.message()),
        None => Message::new("cli-tiny-autoencoder-untold"),
    };
    answer(&console.say(&message.with("path", tiny.path.as_path())));
}

fn list_available(console: &Console) {
    let speeds = Speeds::read(&data_dir());
    for offer in downloads::offers() {
        answer(&format!("{:16} {}", offer.id, offer.name));
        answer(&format!("    {}", console.say(&offer.good_for())));
        let about = Message::new("cli-get-about")
            .with("licence", offer.licence.clone())
            .with("page", offer.page());
        answer(&format!("    {}", console.say(&about)));
        if let Some(picture) = &offer.picture {
            let (seconds, is_measured) = speeds.picture_seconds(picture);
            let key = if is_measured {
                "cli-get-seconds"
            } else {
                "cli-get-seconds-guessed"
            };
            let message = Message::new(key)
                .with("seconds", rounded(seconds))
                .with("side", picture.side_px);
            answer(&format!("    {}", console.say(&message)));
        }
    }
}

/// Two digits are more than a forecast knows.
fn rounded(seconds: f64) -> f64 {
    if seconds < 10.0 {
        (seconds * 10.0).round() / 10.0
    } else {
        let step = 10f64.powf(seconds.log10().floor() - 1.0);
        (seconds / step).round() * step
    }
}

fn line(card: &ModelCard) -> String {
    let mebibytes = card.bytes as f64 / f64::from(1 << 20);
    let native = card.traits.native_px;
    let family = card.family.name().unwrap_or_default();
    format!(
        "{:24} {native:5} px {mebibytes:8.1} MiB  {family:6}  {}",
        card.id, card.name
    )
}

/// What shapes cannot tell of a checkpoint, and what says it.
fn facts_of(facts: &Facts, console: &Console) {
    let prediction = match facts.prediction.is {
        PredictionType::Epsilon => "epsilon",
        PredictionType::VPrediction => "v",
        PredictionType::Sample => "sample",
    };
    let kind = match facts.distillation.is {
        Distillation::None => "all",
        Distillation::Consistency => "lcm",
        Distillation::Turbo => "turbo",
        Distillation::Lightning => "lightning",
    };
    for (option, value, by) in [
        ("--prediction", prediction.to_owned(), facts.prediction.by),
        ("--kind", kind.to_owned(), facts.distillation.by),
        ("--side", facts.native_px.is.to_string(), facts.native_px.by),
    ] {
        let by = console.say(&by.message());
        answer(&format!("  {option} {value} ({by})"));
    }
}

fn describe(card: &ModelCard, console: &Console) {
    answer(&line(card));
    let defaults = &card.defaults;
    answer(
        &console.say(
            &Message::new("cli-model-defaults")
                .with("steps", defaults.steps)
                .with("strength", defaults.strength.to_string())
                .with("guidance", defaults.guidance.to_string())
                .with("sampler", defaults.sampler.clone())
                .with("schedule", defaults.schedule.clone()),
        ),
    );
    if let Some(facts) = &card.facts {
        facts_of(facts, console);
    }
    if card.traits.sees_mask() {
        answer(&console.say(&Message::new("cli-model-sees-mask")));
    }
    let Some(words) = &card.words else { return };
    for category in words.categories() {
        let names = category.words.iter().map(|word| match &word.chinese {
            Some(chinese) => format!("{} {chinese}", word.english),
            None => word.english.clone(),
        });
        answer(&format!(
            "{}: {}",
            category.id,
            names.collect::<Vec<_>>().join(" · ")
        ));
    }
}
