//! Previews of a run: by what, how often, and what is said of them.

use super::super::costs::{coding_demand, step_flops};
use super::super::latent_preview::LatentPreview;
use super::super::previews::{Pace, Previews, RunFlops};
use super::Run;
use crate::engine::EngineError;

impl Run<'_> {
    /// What makes the previews of a run of so many steps; `fitted`: the map where one had to be fitted.
    pub(super) fn previews<'a>(
        &'a self,
        fitted: Option<&'a LatentPreview>,
        steps: usize,
    ) -> Previews<'a> {
        let pipeline = &self.pipeline;
        let sides = |width: u32, height: u32| (height as usize, width as usize);
        let latent = sides(self.latent_size.width, self.latent_size.height);
        let tile = self.input.tiles.first();
        let shown = tile.map_or(latent, |tile| sides(tile.width, tile.height));
        let decoder = pipeline.preview_decoder().map(|(decoder, is_own)| {
            let predictions = steps as f64 * f64::from(self.report.parts);
            let step = step_flops(pipeline.unet.config(), self.mix().members(), shown);
            let [encode, decode] = coding_demand(pipeline.vae_config(), latent);
            let flops = RunFlops {
                run: encode.flops + predictions * step + decode.flops,
                preview: coding_demand(decoder.config(), latent)[1].flops,
            };
            (decoder, Pace::new(steps, flops, is_own))
        });
        Previews::new(pipeline.preview_map().or(fitted), decoder)
    }

    /// Reports what made previews. A decoder that failed is not used again.
    pub(super) fn note_previews(&mut self, (decoded, failed): (u32, Option<EngineError>)) {
        let report = &mut self.report.previews;
        if decoded > 0 {
            report.autoencoder = self.pipeline.preview_file().map(Into::into);
        }
        if let Some(why) = failed {
            report.fault = self.pipeline.drop_preview_decoder(&why);
        }
    }
}
