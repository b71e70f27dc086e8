//! `overpaint models get`.

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;

use super::console::{Console, answer, byte_bar};
use super::data_dir;
use super::error::CliError;
use super::stop::stop_flag;
use crate::catalog;
use crate::downloads::{self, Client, DownloadError, Options, Parcel, Progress, Source, Watch};
use crate::text::{Explain as _, Message};

pub(super) fn run(source: &str, is_accepted: bool, console: &Console) -> Result<(), CliError> {
    let stop = stop_flag()?;
    let source = Source::parse(source)?;
    let client = Client::new(Options::from_env(None))?;
    let mut quiet = Watcher {
        stop: Arc::clone(&stop),
        bar: ProgressBar::hidden(),
    };
    let parcels = downloads::ask(&client, &source, &mut quiet)?;
    let models = catalog::models_folder(&data_dir());
    for parcel in &parcels {
        describe(parcel, console);
    }
    let into = Message::new("cli-get-into").with("folder", models.as_path());
    console.note(&into);
    let licences: Vec<&str> = parcels.iter().map(licence_of).collect();
    if !is_accepted && !agrees(console) {
        return Err(DownloadError::LicenceOpen(licences.join(", ")).into());
    }
    for parcel in &parcels {
        let mut watcher = Watcher {
            stop: Arc::clone(&stop),
            bar: byte_bar(&parcel.name),
        };
        let got = downloads::fetch(&client, parcel, &models, &mut watcher);
        watcher.bar.finish_and_clear();
        match got {
            Ok(path) => answer(&path.display().to_string()),
            // What was asked for is so.
            Err(error @ DownloadError::AlreadyThere(_)) => console.note(&error.message()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn licence_of(parcel: &Parcel) -> &str {
    parcel.licence.as_deref().unwrap_or("?")
}

fn describe(parcel: &Parcel, console: &Console) {
    let size = parcel.bytes().map_or_else(
        || "?".to_owned(),
        |bytes| format!("{:.1} MB", bytes as f64 / 1e6),
    );
    let what = Message::new("cli-get-what")
        .with("name", parcel.name.clone())
        .with("files", parcel.files.len())
        .with("size", size);
    console.note(&what);
    let licence = match &parcel.licence {
        Some(licence) => Message::new("cli-get-licence").with("licence", licence.clone()),
        None => Message::new("cli-get-licence-unknown"),
    };
    console.note(&licence.with("page", parcel.page.clone()));
}

/// Asks the person at the terminal; where there is none, nobody agrees.
fn agrees(console: &Console) -> bool {
    let mut input = std::io::stdin().lock();
    if !std::io::stdin().is_terminal() {
        return false;
    }
    console.note(&Message::new("cli-get-agree"));
    let mut line = String::new();
    let is_read = input.read_line(&mut line).is_ok();
    is_read && ["y", "yes", "是", "好"].contains(&line.trim().to_lowercase().as_str())
}

struct Watcher {
    stop: Arc<AtomicBool>,
    bar: ProgressBar,
}

impl Watch for Watcher {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn progress(&mut self, progress: &Progress) {
        if let Some(total) = progress.total {
            self.bar.set_length(total);
        }
        self.bar.set_position(progress.done);
    }
}
