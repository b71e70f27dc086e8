//! `overpaint bench`: what a masked edit takes on this machine, stage by stage.

use serde_json::json;

use super::args::BenchArgs;
use super::console::{Console, answer, event};
use super::edit::seconds;
use super::error::CliError;
use super::resources::peak_rss_bytes;
use crate::catalog::{self, ModelCard};
use crate::engine::diffusion::DiffusionEngine;
use crate::geometry::{Extent, Rect};
use crate::jobs::{EditError, EditResult, Unwatched, run_edit};
use crate::plan::{EditRequest, EditSettings, Seed, Steps, Strength};
use crate::raster::{Picture, Pixmap, Profile, Tiled};
use crate::text::Message;

/// Steps of each run; at strength 1 all of them are executed.
const STEPS: u32 = 20;

pub(super) fn run(args: &BenchArgs, console: &Console) -> Result<(), CliError> {
    let extent = parse_size(&args.size)?;
    let card = catalog::open(&catalog::resolve(&args.model)?)?;
    let request = request(&card, extent)?;
    let mut engine = DiffusionEngine::new(args.device.engine_options()).map_err(EditError::from)?;
    for run in 1..=args.runs {
        // Another seed each time, so that no run can live off the one before; only what a user's
        // next run would find cached is cached.
        let mut request = request.clone();
        request.settings.seed = Seed(u64::from(run));
        let result = run_edit(&mut engine, &request, &mut Unwatched)?;
        report(args, console, &card, &result, run);
    }
    Ok(())
}

fn report(args: &BenchArgs, console: &Console, card: &ModelCard, result: &EditResult, run: u32) {
    let report = &result.report;
    let work = result.layout.work.to_string();
    if args.json {
        event(&json!({
            "event": "bench",
            "model": card.id,
            "device": report.device,
            "run": run,
            "picture": args.size,
            "work_size": work,
            "executed_steps": report.executed_steps,
            "seconds": seconds(report, result.total_seconds),
            "peak_rss_bytes": peak_rss_bytes(),
        }));
        return;
    }
    answer(
        &console.say(
            &Message::new("cli-bench-header")
                .with("model", card.id.clone())
                .with("device", report.device.clone())
                .with("size", args.size.clone())
                .with("work", work)
                .with("steps", report.executed_steps)
                .with("run", run)
                .with("runs", args.runs),
        ),
    );
    let s = &report.seconds;
    let stages = [
        ("cli-stage-loading", s.load),
        ("cli-stage-text", s.text),
        ("cli-stage-encode", s.encode),
        ("cli-stage-steps", s.steps),
        ("cli-stage-decode", s.decode),
        ("cli-stage-all", result.total_seconds),
    ];
    for (key, seconds) in stages {
        answer(
            &console.say(
                &Message::new("cli-bench-line")
                    .with("name", Message::new(key))
                    .with("seconds", format!("{seconds:.3}")),
            ),
        );
    }
}

fn parse_size(text: &str) -> Result<Extent, CliError> {
    let side = |text: &str| text.trim().parse().ok().filter(|s| (1..=16384).contains(s));
    text.split_once(['x', '×'])
        .and_then(|(width, height)| Some(Extent::new(side(width)?, side(height)?)))
        .ok_or_else(|| {
            let message = Message::new("cli-bad-size").with("value", text.to_owned());
            CliError::Argument(message)
        })
}

/// A smooth picture of that size with its middle painted.
fn request(card: &ModelCard, extent: Extent) -> Result<EditRequest, CliError> {
    let settings = EditSettings {
        prompt: "cat, in space".to_owned(),
        ..EditSettings::default()
    };
    let settings = EditSettings {
        steps: Steps::new(STEPS)?,
        strength: Strength::new(1.0)?,
        ..settings.with_defaults_of(&card.defaults)
    };
    let mut pixels = Tiled::filled(extent, [0, 0, 0, 255]);
    pixels.update(Rect::of(extent), |at, _| {
        let shade = |v: i32, side: u32| (v as u32 * 255 / side) as u8;
        [
            shade(at.x, extent.width),
            shade(at.y, extent.height),
            128,
            255,
        ]
    });
    let mut painted = Tiled::filled(extent, 0);
    let middle = Rect::new(
        extent.width as i32 / 4,
        extent.height as i32 / 4,
        extent.width.div_ceil(2),
        extent.height.div_ceil(2),
    );
    painted.update(middle, |_, _| 255);
    Ok(EditRequest {
        model: card.reference.clone(),
        traits: card.traits.clone(),
        source: Picture {
            pixels: Pixmap::Rgba8(pixels),
            profile: Profile::Srgb,
        },
        painted: Some(painted),
        settings,
    })
}
