//! `overpaint select`: a part of a picture as a mask.

use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::args::SelectArgs;
use super::console::{Console, event};
use super::error::CliError;
use super::resources::peak_rss_bytes;
use super::selection::selection;
use super::stop::stop_flag;
use crate::geometry::Rect;
use crate::jobs::EditError;
use crate::raster::Mask;
use crate::raster::file::{self, check_place, check_size, writable_format};
use crate::select::Part;
use crate::text::{Explain as _, Message};

pub(super) fn run(args: &SelectArgs, console: &Console) -> Result<(), CliError> {
    let started = Instant::now();
    check_output(&args.output, &args.input)?;
    let loaded = file::load(&args.input).map_err(CliError::Input)?;
    let format = writable_format(&args.output, None).map_err(CliError::Output)?;
    check_size(&args.output, format, loaded.picture.extent()).map_err(CliError::Output)?;
    for note in &loaded.notes {
        console.note(&note.message());
    }
    let stop = stop_flag()?;
    // Sets the threads up.
    let options = args.device.engine_options();
    options.thread_count().map_err(EditError::from)?;
    let looking = Instant::now();
    let what = Part::from_id(&args.what).unwrap_or(Part::Subject);
    let (seen, mask) = selection(what, args.person, &loaded.picture, &stop)?;
    let select_seconds = looking.elapsed().as_secs_f64();
    file::save_mask(&args.output, &mask).map_err(CliError::Output)?;
    let share = share_of(&mask);
    if args.json {
        event(&json!({
            "event": "result",
            "path": args.output.display().to_string(),
            "what": args.what,
            "people": seen.faces.len(),
            "share": share,
            "seconds": {
                "select": select_seconds,
                "total": started.elapsed().as_secs_f64(),
            },
            "peak_rss_bytes": peak_rss_bytes(),
        }));
        return Ok(());
    }
    let written = Message::new("cli-selected")
        .with("path", args.output.as_path())
        .with("percent", format!("{:.1}", share * 100.0))
        .with("people", seen.faces.len() as f64)
        .with("seconds", format!("{select_seconds:.2}"));
    console.note(&written);
    Ok(())
}

/// Refuses, before anything is read, a file that cannot be written or that is the picture itself.
fn check_output(output: &Path, input: &Path) -> Result<(), CliError> {
    writable_format(output, None).map_err(|error| CliError::Argument(error.message()))?;
    let place = check_place(output).map_err(CliError::Output)?;
    if input.canonicalize().ok() == Some(place) {
        let message = Message::new("cli-output-is-input").with("path", output);
        return Err(CliError::Argument(message.with("read", input)));
    }
    Ok(())
}

/// How much of the picture is selected, 0…1.
fn share_of(mask: &Mask) -> f64 {
    let extent = mask.extent();
    let mut sum = 0u64;
    for y in 0..extent.height {
        mask.visit_row(y, 0..extent.width, |_, values| {
            sum += values.iter().map(|value| u64::from(*value)).sum::<u64>();
        });
    }
    sum as f64 / 255.0 / (Rect::of(extent).extent().area() as f64).max(1.0)
}
