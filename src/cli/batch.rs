//! `overpaint batch`: the same to every picture of a folder.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use indicatif::ProgressBar;
use serde_json::json;

use super::args::BatchArgs;
use super::console::{Console, event, progress_bar};
use super::engines::{BatchEngine, of_batch};
use super::error::CliError;
use super::recipe::{made_ready, read_recipe};
use super::resources::peak_rss_bytes;
use super::stop::stop_flag;
use crate::bulk::{
    BulkRecipe, Listing, ReportRow, State, Work, decisions, list, review_folder, review_rows,
};
use crate::engine::diffusion::DiffusionEngine;
use crate::engine::vision::BuiltInVision;
use crate::engine::{Engine, Vision};
use crate::jobs::{
    Batch, BatchResult, EditError, EngineFactory, PictureTold, REPORT, REVIEW, Review,
    VisionFactory, open_journal, run_batch, sight_identity, write_tables,
};
use crate::text::Message;

pub(super) fn run(args: &BatchArgs, console: &Console) -> Result<(), CliError> {
    let recipe = read_recipe(&args.recipe)?;
    let options = args.device.engine_options();
    // It sets the threads up, also for the networks that select, and says at once where it cannot run.
    drop(DiffusionEngine::new(options).map_err(EditError::from)?);
    let local: EngineFactory =
        Arc::new(move || Ok(Box::new(DiffusionEngine::new(options)?) as Box<dyn Engine>));
    let engines = engines(args, &recipe, local, console)?;
    let models: Vec<_> = engines.iter().map(|engine| engine.model.clone()).collect();
    let factories: Vec<_> = engines.into_iter().map(|engine| engine.factory).collect();
    let work = made_ready(&args.recipe, recipe, &models)?;
    let listing = listed(args, &work)?;
    if listing.sources.is_empty() {
        return Err(CliError::Argument(Message::new("cli-batch-nothing")));
    }
    let journal = open_journal(&args.output, args.resume)?;
    let review = args.review.as_deref();
    let review = review.map(|root| read_review(root, &work)).transpose()?;
    let looked_at = review.as_ref().map(|review| review.folder.clone());
    let stop = stop_flag()?;
    let vision: VisionFactory =
        Arc::new(|| Ok(Box::new(BuiltInVision::default()) as Box<dyn Vision>));
    let sight_identity = sight_identity(&vision);
    let say = |message: &Message| console.say(message);
    let batch = Batch {
        work: &work,
        sources: &listing.sources,
        journal: &journal,
        sight_identity: &sight_identity,
        review,
        ahead: args.jobs,
        masks_only: args.masks_only,
        is_redo: false,
        say: &say,
        watcher: None,
    };
    let telling = Telling::new(args, console, &listing);
    let told = |picture: &PictureTold<'_>| telling.tell(picture);
    let result = run_batch(&batch, &factories, &vision, &stop, &told)?;
    telling.bar.finish_and_clear();
    let review = looked_at.as_deref();
    write_tables(&args.output, review.unwrap_or(&args.output), &result)
        .map_err(CliError::Output)?;
    telling.summary(&result, review);
    ended(&result, review.is_some(), &stop)
}

/// What runs it.
fn engines(
    args: &BatchArgs,
    recipe: &BulkRecipe,
    local: EngineFactory,
    console: &Console,
) -> Result<Vec<BatchEngine>, CliError> {
    match recipe.model() {
        Some(model) => of_batch(args, (model, &recipe.loras_there()), &local, console),
        // It needs no model, and no engine.
        None => Ok(vec![BatchEngine {
            factory: local,
            model: None,
        }]),
    }
}

/// What the batch came to, as an exit code. `is_laid_out`: its masks are in a review.
fn ended(result: &BatchResult, is_laid_out: bool, stop: &AtomicBool) -> Result<(), CliError> {
    let count = |state| pictures(&result.rows, state);
    match (count(State::Failed), count(State::Look)) {
        _ if stop.load(Ordering::Relaxed) => Err(CliError::Stopped),
        (0, 0) => Ok(()),
        (0, count) => Err(CliError::SomeToLookAt { count, is_laid_out }),
        (failed, _) => Err(CliError::SomeFailed(failed)),
    }
}

/// Pictures with a row of that state.
fn pictures(rows: &[ReportRow], state: State) -> usize {
    let of_state = rows.iter().filter(|row| row.state == Some(state));
    let mut names: Vec<&str> = of_state.map(|row| row.picture.as_str()).collect();
    names.dedup();
    names.len()
}

/// The pictures, without those that are masks of others.
fn listed(args: &BatchArgs, work: &Work) -> Result<Listing, CliError> {
    let excluded: Vec<_> = std::iter::once(&args.output)
        .chain(&args.review)
        .cloned()
        .collect();
    let found = list(&args.inputs, args.recursive, &excluded);
    let mut listing = found.map_err(|error| CliError::System(error.to_string()))?;
    work.without_masks(&mut listing.sources);
    Ok(listing)
}

/// Where the masks of what the recipe selects lie below `root`, and what was said of them.
fn read_review(root: &Path, work: &Work) -> Result<Review, CliError> {
    let folder = review_folder(root, work.part(), work.person());
    let path = folder.join(REVIEW);
    let failed = |error: std::io::Error| CliError::System(format!("{}: {error}", path.display()));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let rows = match std::fs::read(&path) {
        Ok(table) => {
            review_rows(&table, &path).map_err(|error| CliError::Recipe(path.clone(), error))?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed(error)),
    };
    Ok(Review {
        folder,
        decisions: decisions(&rows),
    })
}

/// What is said while a batch runs.
struct Telling<'a> {
    args: &'a BatchArgs,
    console: &'a Console,
    bar: ProgressBar,
    count: usize,
    began: Instant,
    /// Pictures that were run: what time is left is told by them.
    ran: AtomicUsize,
}

impl<'a> Telling<'a> {
    fn new(args: &'a BatchArgs, console: &'a Console, listing: &Listing) -> Self {
        let count = listing.sources.len();
        let bar = progress_bar(count as u32);
        if args.json {
            event(&json!({
                "event": "planned",
                "pictures": count,
                "passed_over": listing.passed_over,
                "output": args.output.display().to_string(),
            }));
        } else {
            let begins = Message::new("cli-batch-begins").with("count", count);
            console.note(&begins.with("path", args.output.as_path()));
            if listing.passed_over > 0 {
                let passed = Message::new("cli-batch-passed-over");
                console.note(&passed.with("count", listing.passed_over));
            }
        }
        Self {
            args,
            console,
            bar,
            count,
            began: Instant::now(),
            ran: AtomicUsize::new(0),
        }
    }

    fn tell(&self, picture: &PictureTold<'_>) {
        let done = picture.index + 1;
        let is_run = picture
            .rows
            .iter()
            .any(|row| row.state == Some(State::Done));
        let ran = self.ran.fetch_add(usize::from(is_run), Ordering::Relaxed) + usize::from(is_run);
        let left = (ran > 0).then(|| {
            let each = self.began.elapsed().as_secs_f64() / ran as f64;
            each * (self.count - done.min(self.count)) as f64
        });
        self.bar.set_position(done as u64);
        if self.args.json {
            event(&json!({
                "event": "picture",
                "done": done,
                "of": self.count,
                "rows": picture.rows,
                "notes": picture.notes.iter().map(|note| self.console.say(note)).collect::<Vec<_>>(),
                "seconds_left": left,
            }));
            return;
        }
        self.bar.suspend(|| self.lines(picture, done, left));
    }

    fn lines(&self, picture: &PictureTold<'_>, done: usize, left: Option<f64>) {
        for row in picture.rows {
            let key = match row.state {
                Some(State::Done) => "cli-batch-done",
                Some(State::Kept) => "cli-batch-kept",
                _ => "cli-batch-not-done",
            };
            let left = match left {
                Some(seconds) => duration(seconds),
                None => self.console.say(&Message::new("cli-batch-unknown-time")),
            };
            let line = Message::new(key)
                .with("done", done)
                .with("of", self.count)
                .with("picture", row.picture.clone())
                .with("output", row.output.clone())
                .with("seconds", format!("{:.1}", row.seconds.unwrap_or_default()))
                .with("left", left)
                .with("said", row.message.clone());
            self.console.note(&line);
        }
        let name = picture.rows.first().map_or("", |row| row.picture.as_str());
        for note in picture.notes {
            let line = Message::new("cli-batch-note").with("picture", name);
            self.console.note(&line.with("note", note.clone()));
        }
    }

    fn summary(&self, result: &BatchResult, review: Option<&Path>) {
        let rows = |state| {
            result
                .rows
                .iter()
                .filter(move |row| row.state == Some(state))
        };
        let count = |state| rows(state).count();
        let mut by_engine = BTreeMap::<&str, usize>::new();
        for row in rows(State::Done) {
            *by_engine.entry(&row.engine).or_default() += 1;
        }
        let seconds = &result.seconds;
        let rate = self.ran.load(Ordering::Relaxed) as f64 * 60.0 / seconds.total.max(1e-3);
        if self.args.json {
            event(&json!({
                "event": "done",
                "written": count(State::Done),
                "kept": count(State::Kept),
                "look": count(State::Look),
                "skipped": count(State::Skipped),
                "failed": count(State::Failed),
                "open": count(State::Open),
                "by_engine": by_engine,
                "pictures_per_minute": rate,
                "seconds": {
                    "read": seconds.read, "select": seconds.select, "run": seconds.run,
                    "write": seconds.write, "total": seconds.total,
                },
                "peak_rss_bytes": peak_rss_bytes(),
                "report": self.args.output.join(REPORT).display().to_string(),
                "review": review.map(|folder| folder.join(REVIEW).display().to_string()),
            }));
            return;
        }
        for row in rows(State::Failed).chain(rows(State::Look)) {
            let line = Message::new("cli-batch-note").with("picture", row.picture.clone());
            self.console.note(&line.with("note", row.message.clone()));
        }
        let summary = Message::new("cli-batch-summary")
            .with("written", count(State::Done))
            .with("kept", count(State::Kept))
            .with("look", count(State::Look))
            .with("skipped", count(State::Skipped))
            .with("failed", count(State::Failed))
            .with("seconds", format!("{:.1}", seconds.total))
            .with("rate", format!("{rate:.1}"));
        self.console.note(&summary);
        for (engine, count) in by_engine.iter().filter(|_| by_engine.len() > 1) {
            let line = Message::new("cli-batch-by-engine").with("engine", *engine);
            self.console.note(&line.with("count", *count));
        }
        let report = Message::new("cli-batch-report");
        self.console
            .note(&report.with("path", self.args.output.join(REPORT).as_path()));
        if let Some(folder) = review {
            let masks = Message::new("cli-batch-review");
            self.console
                .note(&masks.with("path", folder.join(REVIEW).as_path()));
        }
    }
}

/// `1:05:09`, or `5:09`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}
