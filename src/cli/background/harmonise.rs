//! Redrawing the seam between a subject and its new background, lightly, with a model.

use std::sync::atomic::AtomicBool;

use crate::catalog::{self, ModelCard};
use crate::cli::args::BackgroundArgs;
use crate::cli::console::{Console, progress_bar};
use crate::cli::edit::Reporting;
use crate::cli::error::CliError;
use crate::engine::diffusion::DiffusionEngine;
use crate::jobs::{EditError, run_edit};
use crate::plan::{EditRequest, EditSettings, PlanError, Seed, Strength, seam, set_for_seam};
use crate::raster::{Mask, MaskKind, Picture, draw_patch};
use crate::text::Message;

/// What is known before anything is computed.
pub(super) struct Harmonising {
    card: ModelCard,
    settings: EditSettings,
    engine: DiffusionEngine,
}

impl Harmonising {
    /// `None` where it is not asked for.
    pub(super) fn of(args: &BackgroundArgs) -> Result<Option<Self>, CliError> {
        let Some(strength) = &args.harmonise else {
            return Ok(None);
        };
        let strength = strength.trim().parse().map_err(|_unreadable| {
            let message = Message::new("cli-not-a-number");
            CliError::Argument(message.with("value", strength.as_str()))
        })?;
        let card = catalog::open(&catalog::resolve(&args.model)?)?;
        let mut settings = EditSettings::default().with_defaults_of(&card.defaults);
        settings.strength = Strength::new(strength)?;
        settings.prompt.clone_from(&args.prompt);
        settings.seed = Seed(args.seed);
        set_for_seam(&mut settings);
        if settings.steps.executed(settings.strength) == 0 {
            return Err(CliError::from(PlanError::NothingToRun {
                steps: settings.steps.get(),
                strength,
            }));
        }
        let engine = DiffusionEngine::new(args.device.engine_options()).map_err(EditError::from)?;
        Ok(Some(Self {
            card,
            settings,
            engine,
        }))
    }

    /// Redraws what lies along the edge of the subject.
    pub(super) fn redraw_seam(
        mut self,
        picture: &mut Picture,
        subject: &Mask,
        stop: &AtomicBool,
        (console, json): (&Console, bool),
    ) -> Result<(), CliError> {
        let bar = progress_bar(self.settings.steps.executed(self.settings.strength));
        let request = EditRequest {
            model: self.card.reference.clone(),
            traits: self.card.traits.clone(),
            source: picture.clone(),
            painted: Some(seam(subject)),
            mask_kind: MaskKind::Strength,
            settings: self.settings,
        };
        let mut progress = Reporting {
            console,
            json,
            stop,
            bar,
            forecast: None,
        };
        let result = run_edit(&mut self.engine, &request, &mut progress);
        progress.bar.finish_and_clear();
        draw_patch(&mut picture.pixels, &result?.patch, 255);
        Ok(())
    }
}
