//! `overpaint background`: something else is put behind the subject.

mod harmonise;
mod put;

use std::time::Instant;

use serde_json::json;

use super::args::BackgroundArgs;
use super::console::{Console, event};
use super::edit::{Outputs, load_mask};
use super::error::CliError;
use super::resources::peak_rss_bytes;
use super::selection::selection;
use super::stop::stop_flag;
use crate::backdrop::{Backdrop, put_behind};
use crate::jobs::EditError;
use crate::raster::file::{self, FileFormat, SaveOptions, writable_format};
use crate::select::Part;
use crate::text::{Explain as _, Message};
use harmonise::Harmonising;

pub(super) fn run(args: &BackgroundArgs, console: &Console) -> Result<(), CliError> {
    let started = Instant::now();
    let outputs = Outputs::one(&args.input, args.mask.as_deref(), &args.output)?;
    let harmonising = Harmonising::of(args)?;
    let loaded = file::load(&args.input).map_err(CliError::Input)?;
    let extent = loaded.picture.extent();
    outputs.check_sizes(extent)?;
    for note in &loaded.notes {
        console.note(&note.message());
    }
    let put = put::backdrop(args, extent, console)?;
    let format = writable_format(&args.output, None).map_err(CliError::Output)?;
    if put == Backdrop::Nothing && format == FileFormat::Jpeg {
        let message = Message::new("cli-put-nothing-needs-alpha");
        return Err(CliError::Argument(
            message.with("path", args.output.as_path()),
        ));
    }
    let stop = stop_flag()?;
    // Sets the threads up.
    let options = args.device.engine_options();
    options.thread_count().map_err(EditError::from)?;
    let looking = Instant::now();
    let subject = if let Some(path) = &args.mask {
        load_mask(path, (&args.mask_channel, false), extent, console)?
    } else {
        let what = Part::from_id(&args.select).unwrap_or(Part::Subject);
        selection(what, args.person, &loaded.picture, &stop)?.1
    };
    let select_seconds = looking.elapsed().as_secs_f64();
    let putting = Instant::now();
    let mut made = put_behind(&loaded.picture, &subject, &put)?;
    let seconds = putting.elapsed().as_secs_f64();
    if let Some(harmonising) = harmonising {
        harmonising.redraw_seam(&mut made, &subject, &stop, (console, args.json))?;
    }
    let options = SaveOptions {
        jpeg_quality: args.quality,
        ..SaveOptions::default()
    };
    let notes = file::save(&args.output, &made, &loaded.origin, &options);
    for note in notes.map_err(CliError::Output)? {
        console.note(&note.message());
    }
    if args.json {
        event(&json!({
            "event": "done",
            "path": args.output.display().to_string(),
            "seconds": {
                "select": select_seconds,
                "background": seconds,
                "total": started.elapsed().as_secs_f64(),
            },
            "peak_rss_bytes": peak_rss_bytes(),
        }));
    } else {
        let written = Message::new("cli-background").with("path", args.output.as_path());
        console.note(&written.with("seconds", format!("{seconds:.2}")));
    }
    Ok(())
}
