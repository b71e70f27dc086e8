//! `overpaint edit`: one picture, one or several strengths.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use indicatif::ProgressBar;
use serde_json::json;

use super::args::EditArgs;
use super::console::{Console, event, progress_bar};
use super::error::CliError;
use super::resources::peak_rss_bytes;
use crate::catalog::{self, ModelCard};
use crate::engine::diffusion::DiffusionEngine;
use crate::engine::{Cancelled, RunReport, Stage};
use crate::jobs::{EditError, EditProgress, EditResult, KeptDetails, run_edit};
use crate::plan::recipe::Recipe;
use crate::plan::{EditRequest, EditSettings, Layout, PreviewPatch, Seed, Strength};
use crate::raster::file::{self, FileFormat, LoadedPicture, SaveOptions};
use crate::raster::sheet::{SheetTile, sheet};
use crate::raster::{Mask, Picture, draw_patch};
use crate::text::{Explain as _, Message};

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

#[derive(Debug, Default)]
struct Totals {
    report: RunReport,
    layout: Option<Layout>,
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

    fn say_written(&self, path: &Path, settings: &EditSettings, result: &EditResult) {
        let steps = settings.steps.get();
        if result.details == KeptDetails::ByPicture {
            self.console.note(&Message::new("cli-details-by-picture"));
        }
        if self.args.json {
            event(&json!({
                "event": "result",
                "path": path,
                "strength": settings.strength.get(),
                "executed_steps": result.report.executed_steps,
                "steps": steps,
                "seconds": seconds(&result.report, result.total_seconds),
                "text_encodes": result.report.text_encodes,
                "picture_encodes": result.report.picture_encodes,
                "round_trips": result.report.round_trips,
                "details": result.details,
            }));
            return;
        }
        let written = Message::new("cli-written")
            .with("path", path)
            .with("steps", result.report.executed_steps)
            .with("of", steps)
            .with("seconds", format!("{:.2}", result.total_seconds));
        self.console.note(&written);
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

    fn finish(&self, total_seconds: f64) {
        let report = &self.totals.report;
        if !report.unknown_words.is_empty() {
            let words = report.unknown_words.join(", ");
            self.console
                .note(&Message::new("cli-unknown-words").with("words", words));
        }
        let seed = self.settings.seed.0;
        if !self.args.json {
            if self.args.seed.is_none() {
                let seed = seed.to_string();
                self.console
                    .note(&Message::new("cli-seed-used").with("seed", seed));
            }
            return;
        }
        let layout = self.totals.layout.as_ref();
        event(&json!({
            "event": "done",
            "executed_steps": report.executed_steps,
            "steps": self.settings.steps.get(),
            "seconds": seconds(report, total_seconds),
            "seed": seed,
            "area": layout.map(|l| json!({"x": l.crop.x, "y": l.crop.y, "width": l.crop.width, "height": l.crop.height})),
            "work_size": layout.map(|l| [l.work.width, l.work.height]),
            "peak_rss_bytes": peak_rss_bytes(),
            "text_encodes": report.text_encodes,
            "picture_encodes": report.picture_encodes,
            "device": report.device,
            "unknown_words": report.unknown_words,
        }));
    }
}

impl Totals {
    fn add(&mut self, result: &EditResult) {
        let (sum, new) = (&mut self.report, &result.report);
        sum.executed_steps += new.executed_steps;
        sum.text_encodes += new.text_encodes;
        sum.picture_encodes += new.picture_encodes;
        sum.round_trips += new.round_trips;
        sum.seconds.load += new.seconds.load;
        sum.seconds.text += new.seconds.text;
        sum.seconds.encode += new.seconds.encode;
        sum.seconds.round_trip += new.seconds.round_trip;
        sum.seconds.steps += new.seconds.steps;
        sum.seconds.decode += new.seconds.decode;
        sum.unknown_words.clone_from(&new.unknown_words);
        sum.device.clone_from(&new.device);
        self.layout = Some(result.layout);
    }
}

pub(super) fn seconds(report: &RunReport, total: f64) -> serde_json::Value {
    let s = &report.seconds;
    json!({
        "load": s.load, "text": s.text, "encode": s.encode, "round_trip": s.round_trip,
        "steps": s.steps, "decode": s.decode, "total": total,
    })
}

/// Passes progress on to the terminal and Ctrl-C on to the engine.
struct Reporting<'a> {
    console: &'a Console,
    json: bool,
    stop: &'a AtomicBool,
    bar: ProgressBar,
}

impl EditProgress for Reporting<'_> {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        if self.stop.load(Ordering::Relaxed) {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    fn planned(&mut self, layout: &Layout) {
        if self.json {
            event(&json!({"event": "planned", "layout": layout}));
        }
    }

    fn stage(&mut self, stage: Stage) {
        self.bar.set_message(self.console.stage(stage));
        if let Stage::Step { done, .. } = stage {
            self.bar.set_position(u64::from(done));
        }
        if self.json {
            let said = match stage {
                Stage::Step { done, of } => json!({"event": "step", "done": done, "of": of}),
                Stage::Loading => json!({"event": "loading"}),
                Stage::EncodingText => json!({"event": "encoding_text"}),
                Stage::EncodingPicture => json!({"event": "encoding_picture"}),
                Stage::Decoding => json!({"event": "decoding"}),
            };
            event(&said);
        }
    }

    fn wants_preview(&self) -> bool {
        false
    }

    fn preview(&mut self, _: PreviewPatch) {}
}

/// True once Ctrl-C was pressed.
pub(super) fn stop_flag() -> Result<Arc<AtomicBool>, CliError> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
        .map_err(|error| CliError::System(error.to_string()))?;
    Ok(stop)
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

/// `out.png` → `out-0.45.png`.
fn with_strength(path: &Path, strength: Strength) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{}", strength.get()));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strength_goes_before_the_extension() {
        let named =
            |path: &str, strength| with_strength(Path::new(path), Strength::new(strength).unwrap());
        assert_eq!(named("a/out.png", 0.45), Path::new("a/out-0.45.png"));
        assert_eq!(named("out.v2.webp", 1.0), Path::new("out.v2-1.webp"));
    }
}
