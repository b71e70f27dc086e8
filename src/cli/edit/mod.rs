//! `overpaint edit`: one picture, one or several strengths.

mod outputs;
mod progress;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::args::EditArgs;
use super::console::{Console, event, progress_bar};
use super::error::CliError;
use crate::catalog::{self, ModelCard};
use crate::engine::diffusion::DiffusionEngine;
use crate::jobs::{EditError, run_edit};
use crate::plan::recipe::Recipe;
use crate::plan::{EditRequest, EditSettings, Seed, Strength};
use crate::raster::file::{self, FileFormat, LoadedPicture, SaveOptions};
use crate::raster::sheet::{SheetTile, sheet};
use crate::raster::{Mask, Picture, draw_patch};
use crate::text::{Explain as _, Message};
use outputs::with_strength;
use progress::{Reporting, Totals};
pub(super) use progress::{seconds, stop_flag};

/// Longer side of a picture on the sheet at most, in pixels.
const SHEET_TILE_PX: u32 = 512;
/// Pictures in a row of the sheet at most.
const SHEET_COLUMNS: u32 = 3;

pub(super) fn run(args: &EditArgs, console: &Console) -> Result<(), CliError> {
    let done = edit(args, console);
    if let (true, Err(error)) = (args.json, &done) {
        event(&json!({
            "event": "error",
            "message": console.say(&error.message()),
            "exit_code": error.exit_code(),
        }));
    }
    done
}

fn edit(args: &EditArgs, console: &Console) -> Result<(), CliError> {
    let started = Instant::now();
    for path in std::iter::once(&args.output).chain(&args.grid) {
        if FileFormat::of_path(path).is_none_or(|f| !FileFormat::WRITABLE.contains(&f)) {
            let message = Message::new("cli-unknown-format").with("path", path.as_path());
            return Err(CliError::Argument(message));
        }
    }
    let card = catalog::open(&catalog::resolve(&args.model)?)?;
    let strengths = strengths(args, &card)?;
    let settings = settings(args, &card)?;
    let loaded = file::load(&args.input).map_err(CliError::Input)?;
    for note in &loaded.notes {
        console.note(&note.message());
    }
    let painted = mask(args, &loaded.picture, console)?;
    let mut session = Session {
        args,
        console,
        card,
        settings,
        loaded,
        painted,
        stop: stop_flag()?,
        engine: DiffusionEngine::new(args.device.engine_options()).map_err(EditError::from)?,
        totals: Totals::default(),
        tiles: Vec::new(),
    };
    for strength in &strengths {
        session.run(*strength, args.strengths.is_empty())?;
    }
    session.write_sheet()?;
    session.finish(started.elapsed().as_secs_f64());
    Ok(())
}

/// One call of `overpaint edit` while it runs.
struct Session<'a> {
    args: &'a EditArgs,
    console: &'a Console,
    card: ModelCard,
    settings: EditSettings,
    loaded: LoadedPicture,
    painted: Option<Mask>,
    stop: Arc<AtomicBool>,
    engine: DiffusionEngine,
    totals: Totals,
    tiles: Vec<SheetTile>,
}

impl Session<'_> {
    fn run(&mut self, strength: Strength, only_one: bool) -> Result<(), CliError> {
        let settings = EditSettings {
            strength,
            ..self.settings.clone()
        };
        let request = EditRequest {
            model: self.card.reference.clone(),
            traits: self.card.traits.clone(),
            source: self.loaded.picture.clone(),
            painted: self.painted.clone(),
            settings: settings.clone(),
        };
        let mut progress = Reporting {
            console: self.console,
            json: self.args.json,
            stop: &self.stop,
            bar: progress_bar(settings.steps.executed(strength)),
        };
        let result = run_edit(&mut self.engine, &request, &mut progress);
        progress.bar.finish_and_clear();
        let result = result?;
        let mut edited = self.loaded.picture.clone();
        draw_patch(&mut edited.pixels, &result.patch, 255);
        let path = if only_one {
            self.args.output.clone()
        } else {
            with_strength(&self.args.output, strength)
        };
        self.save(&path, &edited, &settings)?;
        self.say_written(&path, &settings, &result);
        if self.args.grid.is_some() {
            self.add_tile(&edited, &settings, result.report.executed_steps)?;
        }
        self.totals.add(&result);
        Ok(())
    }

    fn save(&self, path: &Path, edited: &Picture, settings: &EditSettings) -> Result<(), CliError> {
        let recipe = Recipe {
            model: self.card.reference.clone(),
            settings: settings.clone(),
            extent: edited.extent(),
        };
        let options = SaveOptions {
            jpeg_quality: self.args.quality,
            recipe: (!self.args.no_metadata).then(|| recipe.text()),
            ..SaveOptions::default()
        };
        let notes = file::save(path, edited, &self.loaded.origin, &options);
        for note in notes.map_err(CliError::Output)? {
            self.console.note(&note.message());
        }
        Ok(())
    }

    fn add_tile(
        &mut self,
        edited: &Picture,
        settings: &EditSettings,
        executed_steps: u32,
    ) -> Result<(), CliError> {
        if self.tiles.is_empty() {
            let original = self.console.say(&Message::new("cli-sheet-original"));
            let tile = SheetTile::of(&self.loaded.picture, SHEET_TILE_PX, original);
            self.tiles.push(tile.map_err(CliError::Input)?);
        }
        let strength = settings.strength.get();
        let label = format!("{strength} · {executed_steps}/{}", settings.steps.get());
        let tile = SheetTile::of(edited, SHEET_TILE_PX, label);
        self.tiles.push(tile.map_err(CliError::Input)?);
        Ok(())
    }

    fn write_sheet(&self) -> Result<(), CliError> {
        let Some(path) = &self.args.grid else {
            return Ok(());
        };
        let made = sheet(&self.tiles, SHEET_COLUMNS);
        let saved = file::save(path, &made, &Default::default(), &SaveOptions::default());
        for note in saved.map_err(CliError::Output)? {
            self.console.note(&note.message());
        }
        Ok(())
    }
}

fn strengths(args: &EditArgs, card: &ModelCard) -> Result<Vec<Strength>, CliError> {
    let one = args.strength.as_ref().map(std::slice::from_ref);
    let typed = one.unwrap_or(&args.strengths);
    if typed.is_empty() {
        return Ok(vec![Strength::new(card.defaults.strength)?]);
    }
    let parse = |text: &String| {
        let value: f64 = text.trim().parse().map_err(|_unreadable| {
            CliError::Argument(Message::new("cli-not-a-number").with("value", text.clone()))
        })?;
        Ok(Strength::new(value)?)
    };
    typed.iter().map(parse).collect()
}

fn settings(args: &EditArgs, card: &ModelCard) -> Result<EditSettings, CliError> {
    let mut settings = EditSettings::default().with_defaults_of(&card.defaults);
    settings.prompt.clone_from(&args.prompt);
    settings.negative.clone_from(&args.negative);
    settings.seed = Seed(args.seed.unwrap_or_else(any_seed));
    settings.mask_mode = args.mask_mode.parse()?;
    settings.area = args.area.parse()?;
    settings.fill = args.fill.parse()?;
    settings.grow = args.grow.parse()?;
    settings.keep_details = args.keep_details.parse()?;
    if let Some(steps) = args.steps {
        settings.steps = steps.try_into()?;
    }
    if let Some(guidance) = args.guidance {
        settings.guidance = guidance.try_into()?;
    }
    if let Some(sampler) = &args.sampler {
        settings.sampler = sampler.parse()?;
    }
    if let Some(schedule) = &args.schedule {
        settings.schedule = schedule.parse()?;
    }
    if let Some(padding) = &args.padding {
        settings.padding = Some(padding.parse()?);
    }
    if let Some(feather) = &args.feather {
        settings.feather = Some(feather.parse()?);
    }
    Ok(settings)
}

/// A seed nobody asked for by name; it is said, so that the picture can be had again.
fn any_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_nanos() as u64 & 0xffff_ffff)
}

fn mask(args: &EditArgs, picture: &Picture, console: &Console) -> Result<Option<Mask>, CliError> {
    let Some(path) = &args.mask else {
        return Ok(None);
    };
    let loaded = file::load_mask(path, picture.extent()).map_err(CliError::Input)?;
    if loaded.rescaled {
        let size = picture.extent().to_string();
        console.note(&Message::new("cli-mask-rescaled").with("size", size));
    }
    Ok(Some(loaded.mask))
}
