//! `overpaint edit`: one picture, one or several strengths.

mod forecast;
mod outputs;
mod progress;
mod settings;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::args::EditArgs;
use super::console::{Console, progress_bar};
use super::data_dir;
use super::engines;
use super::error::CliError;
use super::selection::selection;
use super::stop::stop_flag;
use crate::catalog::{self, Library, ModelCard, ModelFiles};
use crate::engine::Engine;
use crate::engine::diffusion::DiffusionEngine;
use crate::geometry::Extent;
use crate::jobs::{EditError, run_edit};
use crate::plan::Recipe;
use crate::plan::{
    EditRequest, EditSettings, LoraUse, MaskMode, RegionBounds, Strength, region_bounds,
};
use crate::raster::file::{self, LoadedPicture, MaskChannel, SaveOptions};
use crate::raster::sheet::{SheetTile, sheet};
use crate::raster::{Mask, MaskKind, Picture, draw_patch};
use crate::text::{Explain as _, Message};
use forecast::Forecasts;
pub(super) use outputs::Outputs;
use progress::Totals;
pub(super) use progress::{Reporting, seconds};
pub(super) use settings::length;
use settings::{check_steps, loras, settings, typed_strengths};

/// Longer side of a picture on the sheet at most, in pixels.
const SHEET_TILE_PX: u32 = 512;
/// Pictures in a row of the sheet at most.
const SHEET_COLUMNS: u32 = 3;

pub(super) fn run(args: &EditArgs, console: &Console) -> Result<(), CliError> {
    let started = Instant::now();
    // All that can be known without the model's weights is found out before they are read.
    let typed = typed_strengths(args)?;
    let outputs = Outputs::of(args, &typed)?;
    let library = Library::open(&data_dir());
    let Runs {
        remote,
        card,
        loras,
    } = what_runs(args, &library, console)?;
    let mut settings = settings(args, &card)?;
    settings.loras = loras;
    if card.words.is_none() {
        say_english(&settings.prompt, console);
    }
    let loras: Vec<_> = settings
        .loras
        .iter()
        .map(|used| (used.lora.clone(), 1.0))
        .collect();
    // Whether they fit is known by their headers; a server looks for itself.
    if remote.is_none() {
        ModelFiles::of(&card.reference).with_loras(&loras)?;
    }
    let strengths = match args.task() {
        _ if !typed.is_empty() => typed,
        Some(task) => vec![task.strength()],
        None => vec![Strength::new(card.defaults.strength)?],
    };
    check_steps(settings.steps, &strengths, &card.traits)?;
    let loaded = file::load(&args.input).map_err(CliError::Input)?;
    outputs.check_sizes(loaded.picture.extent())?;
    for note in &loaded.notes {
        console.note(&note.message());
    }
    let stop = stop_flag()?;
    // The engine sets the threads up, also for the networks that select.
    let local = DiffusionEngine::new(args.device.engine_options()).map_err(EditError::from)?;
    let engine = remote.unwrap_or_else(|| Box::new(local));
    let mask_kind = match (args.mask_kind, args.part()) {
        (Some(kind), _) => kind.into(),
        (None, Some(_)) => MaskKind::Matte,
        (None, None) => MaskKind::Strength,
    };
    let settings = settings.for_kind(mask_kind);
    let painted = match args.part() {
        Some(part) => Some(selection(part, args.person, &loaded.picture, &stop)?.1),
        None => mask(args, &loaded.picture, console)?,
    };
    let forecasts = Forecasts::new(args, &card.reference, painted.as_ref());
    let mut session = Session {
        forecasts,
        args,
        console,
        card,
        settings,
        loaded,
        painted,
        mask_kind,
        stop,
        engine,
        totals: Totals::default(),
        tiles: Vec::new(),
    };
    for (strength, path) in strengths.iter().zip(outputs.results()) {
        session.run(*strength, path)?;
    }
    session.write_sheet()?;
    session.finish(started.elapsed().as_secs_f64());
    Ok(())
}

/// What runs an edit.
struct Runs {
    /// The server, where one does.
    remote: Option<Box<dyn Engine>>,
    card: ModelCard,
    loras: Vec<LoraUse>,
}

/// What is named to run it.
fn what_runs(args: &EditArgs, library: &Library, console: &Console) -> Result<Runs, CliError> {
    let names = (args.model.as_str(), args.lora.as_slice());
    if let Some(chosen) = engines::chosen(&args.engine, names, console)? {
        return Ok(Runs {
            card: catalog::open(&chosen.model)?,
            remote: Some(Box::new(chosen.engine)),
            loras: chosen.loras,
        });
    }
    let model = library.resolve(&args.model)?;
    let card = catalog::open(&match &args.vae {
        Some(vae) => model.with_vae(vae)?,
        None => model,
    })?;
    Ok(Runs {
        remote: None,
        card,
        loras: loras(library, &args.lora)?,
    })
}

/// A prompt that the model's text encoder cannot read is said in English.
fn say_english(prompt: &str, console: &Console) {
    if !catalog::holds_cjk(prompt) {
        return;
    }
    let english = catalog::in_english(prompt);
    console.note(&Message::new("cli-reads-english").with("english", english.text));
    if !english.unknown.is_empty() {
        let unknown = english.unknown.join("、");
        console.note(&Message::new("cli-no-english").with("words", unknown));
    }
}

/// One call of `overpaint edit` while it runs.
struct Session<'a> {
    forecasts: Forecasts,
    args: &'a EditArgs,
    console: &'a Console,
    card: ModelCard,
    settings: EditSettings,
    loaded: LoadedPicture,
    painted: Option<Mask>,
    mask_kind: MaskKind,
    stop: Arc<AtomicBool>,
    engine: Box<dyn Engine>,
    totals: Totals,
    tiles: Vec<SheetTile>,
}

impl Session<'_> {
    fn run(&mut self, strength: Strength, path: &Path) -> Result<(), CliError> {
        let settings = EditSettings {
            strength,
            ..self.settings.clone()
        };
        let request = EditRequest {
            model: self.card.reference.clone(),
            traits: self.card.traits.clone(),
            source: self.loaded.picture.clone(),
            painted: self.painted.clone(),
            mask_kind: self.mask_kind,
            settings: settings.clone(),
        };
        let forecast = self.forecast(&request);
        let mut progress = Reporting {
            forecast,
            console: self.console,
            json: self.args.json,
            stop: &self.stop,
            bar: progress_bar(
                settings
                    .steps
                    .of_run(strength, &self.card.traits)
                    .executed(strength),
            ),
        };
        let result = run_edit(self.engine.as_mut(), &request, &mut progress);
        progress.bar.finish_and_clear();
        let result = result?;
        self.forecasts.learn(&result);
        let mut edited = self.loaded.picture.clone();
        draw_patch(&mut edited.pixels, &result.patch, 255);
        let settings = EditSettings {
            second_pass: result.second_pass,
            ..settings
        };
        self.save(path, &edited, &settings)?;
        self.say_written(path, &settings, &result);
        if self.args.grid.is_some() {
            self.add_tile(&edited, &settings, result.report.executed_steps)?;
        }
        self.totals.add(&result);
        match result.ended_early_by {
            Some(error) => Err(CliError::Edit(error)),
            None => Ok(()),
        }
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

fn mask(args: &EditArgs, picture: &Picture, console: &Console) -> Result<Option<Mask>, CliError> {
    let Some(path) = &args.mask else {
        return Ok(None);
    };
    let choice = (args.mask_channel.as_str(), args.allow_empty_mask);
    load_mask(path, choice, picture.extent(), console).map(Some)
}

/// The mask of a file, read from a channel, for a picture of that size; an empty one only where it
/// may be.
pub(super) fn load_mask(
    path: &Path,
    (channel, may_be_empty): (&str, bool),
    extent: Extent,
    console: &Console,
) -> Result<Mask, CliError> {
    let channel = channel.parse().map_err(|id: String| {
        let message = Message::new("plan-unknown-id").with("value", id);
        CliError::Argument(message.with("known", MaskChannel::ids()))
    })?;
    let loaded = file::load_mask(path, extent, channel).map_err(CliError::Input)?;
    for note in &loaded.notes {
        console.note(&note.message());
    }
    let bounds = region_bounds(Some(&loaded.mask), MaskMode::Changes);
    if bounds == RegionBounds::Everything && !may_be_empty {
        return Err(CliError::EmptyMask(path.to_owned()));
    }
    Ok(loaded.mask)
}
