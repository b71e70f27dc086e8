//! `overpaint models`.

use super::args::{ModelsArgs, ModelsCommand};
use super::console::{Console, answer};
use super::data_dir;
use super::error::CliError;
use crate::catalog::{self, Library, ModelCard};
use crate::text::{Explain as _, Message};

pub(super) fn run(args: &ModelsArgs, console: &Console) -> Result<(), CliError> {
    match &args.command {
        None | Some(ModelsCommand::List) => {
            for model in Library::open(&data_dir()).list() {
                match model {
                    Ok(card) => answer(&line(&card)),
                    Err(error) => console.note(&error.message()),
                }
            }
        }
        Some(ModelsCommand::Info { model }) => {
            let card = catalog::open(&Library::open(&data_dir()).resolve(model)?)?;
            describe(&card, console);
        }
        Some(ModelsCommand::Add { path }) => {
            let count = Library::open(&data_dir()).add(path)?;
            let message = Message::new("cli-models-added")
                .with("count", count)
                .with("path", path.as_path());
            answer(&console.say(&message));
        }
    }
    Ok(())
}

fn line(card: &ModelCard) -> String {
    let mebibytes = card.bytes as f64 / f64::from(1 << 20);
    let native = card.traits.native_px;
    format!(
        "{:24} {native:5} px {mebibytes:8.1} MiB  {}",
        card.id, card.name
    )
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
