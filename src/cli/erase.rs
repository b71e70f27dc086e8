//! `overpaint erase`: what the mask shows is taken out of the picture, without a model.

use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::json;

use super::args::EraseArgs;
use super::console::{Console, event, progress_bar};
use super::edit::{Outputs, length, load_mask};
use super::error::CliError;
use super::resources::peak_rss_bytes;
use super::stop::stop_flag;
use crate::completion::Cancelled;
use crate::plan::{EraseRequest, EraseSettings, erase};
use crate::raster::draw_patch;
use crate::raster::file::{self, SaveOptions};
use crate::text::{Explain as _, Message};

pub(super) fn run(args: &EraseArgs, console: &Console) -> Result<(), CliError> {
    let started = Instant::now();
    let outputs = Outputs::one(&args.input, Some(&args.mask), &args.output)?;
    let settings = EraseSettings {
        mask_mode: args.mask_mode.parse()?,
        grow: length(&args.grow)?,
        feather: length(&args.feather)?,
    };
    let loaded = file::load(&args.input).map_err(CliError::Input)?;
    outputs.check_sizes(loaded.picture.extent())?;
    for note in &loaded.notes {
        console.note(&note.message());
    }
    let extent = loaded.picture.extent();
    let painted = load_mask(&args.mask, (&args.mask_channel, false), extent, console)?;
    let request = EraseRequest {
        source: loaded.picture,
        painted,
        settings,
    };
    let stop = stop_flag()?;
    let bar = progress_bar(PARTS);
    bar.set_message(console.say(&Message::new("cli-stage-erase")));
    let began = Instant::now();
    let mut told = 0;
    let mut checkpoint = |share: f32| {
        let parts = (share * PARTS as f32) as u32;
        bar.set_position(u64::from(parts));
        if args.json && parts > told {
            event(&json!({"event": "progress", "share": share}));
        }
        told = told.max(parts);
        if stop.load(Ordering::Relaxed) {
            Err(Cancelled)
        } else {
            Ok(())
        }
    };
    let patch = match args.threads {
        Some(threads) => rayon::ThreadPoolBuilder::new()
            .num_threads(threads as usize)
            .build()
            .map_err(|error| CliError::System(error.to_string()))?
            .install(|| erase(&request, &mut checkpoint)),
        None => erase(&request, &mut checkpoint),
    };
    bar.finish_and_clear();
    let patch = patch?;
    let seconds = began.elapsed().as_secs_f64();
    let mut edited = request.source;
    draw_patch(&mut edited.pixels, &patch, 255);
    let options = SaveOptions {
        jpeg_quality: args.quality,
        ..SaveOptions::default()
    };
    let notes = file::save(&args.output, &edited, &loaded.origin, &options);
    for note in notes.map_err(CliError::Output)? {
        console.note(&note.message());
    }
    if args.json {
        event(&json!({
            "event": "done",
            "path": args.output.display().to_string(),
            "area": {"x": patch.rect.x, "y": patch.rect.y, "width": patch.rect.width, "height": patch.rect.height},
            "seconds": {"erase": seconds, "total": started.elapsed().as_secs_f64()},
            "peak_rss_bytes": peak_rss_bytes(),
        }));
    } else {
        let written = Message::new("cli-erased").with("path", args.output.as_path());
        console.note(&written.with("seconds", format!("{seconds:.2}")));
    }
    Ok(())
}

/// What progress is counted in.
const PARTS: u32 = 100;
