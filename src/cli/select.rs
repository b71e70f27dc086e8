//! `overpaint select`: a part of a picture as a mask.

use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::args::SelectArgs;
use super::console::{Console, event};
use super::error::CliError;
use super::resources::peak_rss_bytes;
use super::selection::{clicked_on, selection};
use super::stop::stop_flag;
use crate::geometry::{PointF, Rect};
use crate::jobs::EditError;
use crate::raster::Mask;
use crate::raster::file::{self, check_place, check_size, writable_format};
use crate::select::{Clicks, Part};
use crate::text::{Explain as _, Message};

pub(super) fn run(args: &SelectArgs, console: &Console) -> Result<(), CliError> {
    let started = Instant::now();
    check_output(&args.output, &args.input)?;
    let clicks = clicks(args)?;
    let loaded = file::load(&args.input).map_err(CliError::Input)?;
    if !clicks.is_empty() {
        let checked = clicks.check(loaded.picture.extent());
        checked.map_err(|error| CliError::Argument(error.message()))?;
    }
    let format = writable_format(&args.output, None).map_err(CliError::Output)?;
    check_size(&args.output, format, loaded.picture.extent()).map_err(CliError::Output)?;
    for note in &loaded.notes {
        console.note(&note.message());
    }
    let stop = stop_flag()?;
    // Sets the threads up.
    let options = args.device.engine_options();
    options.thread_count().map_err(EditError::from)?;
    let clicks_given = !clicks.is_empty();
    let looking = Instant::now();
    let what = Part::from_id(&args.what).unwrap_or(Part::Subject);
    let (people, mask) = if clicks.is_empty() {
        let (seen, mask) = selection(what, args.person, &loaded.picture, &stop)?;
        (seen.faces.len(), mask)
    } else {
        (0, clicked_on(clicks, &loaded.picture, &stop)?)
    };
    let select_seconds = looking.elapsed().as_secs_f64();
    file::save_mask(&args.output, &mask).map_err(CliError::Output)?;
    let share = share_of(&mask);
    if args.json {
        event(&json!({
            "event": "result",
            "path": args.output.display().to_string(),
            "what": if clicks_given { "clicks" } else { args.what.as_str() },
            "people": people,
            "share": share,
            "seconds": {
                "select": select_seconds,
                "total": started.elapsed().as_secs_f64(),
            },
            "peak_rss_bytes": peak_rss_bytes(),
        }));
        return Ok(());
    }
    let written = if clicks_given {
        Message::new("cli-selected-clicked")
    } else {
        Message::new("cli-selected").with("people", people as f64)
    };
    let written = written
        .with("path", args.output.as_path())
        .with("percent", format!("{:.1}", share * 100.0))
        .with("seconds", format!("{select_seconds:.2}"));
    console.note(&written);
    Ok(())
}

/// What was pointed at.
fn clicks(args: &SelectArgs) -> Result<Clicks, CliError> {
    let bad =
        |value: &str, key: &'static str| CliError::Argument(Message::new(key).with("value", value));
    // The middle of a pixel.
    let number = |text: &str| text.trim().parse::<f32>().ok().filter(|v| v.is_finite());
    let point = |x: &str, y: &str| Some(PointF::new(number(x)? + 0.5, number(y)? + 0.5));
    let mut clicks = match &args.frame {
        Some(text) => {
            let parts: Vec<&str> = text.split(',').collect();
            let corners = match parts.as_slice() {
                [a, b, c, d] => point(a, b).zip(point(c, d)),
                _ => None,
            };
            let (a, b) = corners.ok_or_else(|| bad(text, "cli-bad-box"))?;
            Clicks::frame(a, b)
        }
        None => Clicks::default(),
    };
    for text in &args.at {
        let parts: Vec<&str> = text.split(',').collect();
        let found = match parts.as_slice() {
            [x, y] => point(x, y).map(|at| (at, true)),
            [x, y, sign] if sign.trim() == "-" => point(x, y).map(|at| (at, false)),
            _ => None,
        };
        let found = found.ok_or_else(|| bad(text, "cli-bad-point"))?;
        clicks.points.push(found);
    }
    Ok(clicks)
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
