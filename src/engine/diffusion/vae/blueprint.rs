//! The [`Blueprint`]s of the two halves of an autoencoder.

use super::super::blueprint::{Blueprint, Draft, Grid};
use super::config::VaeConfig;

impl VaeConfig {
    /// Encoding pictures of that size, whole: tiles would overlap.
    pub(crate) fn encoder_blueprint(&self, picture: Grid) -> Blueprint {
        if let Some(tiny) = &self.tiny {
            return tiny.encoder_blueprint((self.image_channels, self.latent_channels), picture);
        }
        Blueprint::drawn(|draft| {
            let mut encoder = draft.scope("encoder");
            let first = self.first_channels();
            encoder.conv("conv_in", (self.image_channels, first), 3, picture);
            let mut grid = picture;
            let mut inputs = first;
            for (index, outputs) in self.channels.iter().copied().enumerate() {
                let mut level = encoder.member("down_blocks", index);
                draw_resnets(&mut level, (inputs, outputs), self.layers, grid);
                if index + 1 < self.channels.len() {
                    grid = grid.halved(true);
                    level.downsample(outputs, grid);
                }
                inputs = outputs;
            }
            self.draw_mid(&mut encoder.scope("mid_block"), grid);
            let (last, moments) = (self.last_channels(), 2 * self.latent_channels);
            encoder.norm("conv_norm_out", last);
            encoder.conv("conv_out", (last, moments), 3, grid);
            if self.quant_conv {
                draft.conv("quant_conv", (moments, moments), 1, grid);
            }
        })
    }

    /// Decoding latents of that size, whole.
    pub(crate) fn decoder_blueprint(&self, latent: Grid) -> Blueprint {
        if let Some(tiny) = &self.tiny {
            return tiny.decoder_blueprint((self.latent_channels, self.image_channels), latent);
        }
        Blueprint::drawn(|draft| {
            let channels = self.latent_channels;
            if self.post_quant_conv {
                draft.conv("post_quant_conv", (channels, channels), 1, latent);
            }
            let mut decoder = draft.scope("decoder");
            let last = self.last_channels();
            decoder.conv("conv_in", (channels, last), 3, latent);
            self.draw_mid(&mut decoder.scope("mid_block"), latent);
            let mut grid = latent;
            let mut inputs = last;
            for (at, outputs) in self.channels.iter().rev().copied().enumerate() {
                let mut level = decoder.member("up_blocks", at);
                draw_resnets(&mut level, (inputs, outputs), self.layers + 1, grid);
                if at + 1 < self.channels.len() {
                    grid = grid.doubled();
                    level.upsample(outputs, grid);
                }
                inputs = outputs;
            }
            let first = self.first_channels();
            decoder.norm("conv_norm_out", first);
            decoder.conv("conv_out", (first, self.image_channels), 3, grid);
        })
    }

    fn draw_mid(&self, draft: &mut Draft<'_>, grid: Grid) {
        let channels = self.last_channels();
        let ends = (channels, channels);
        draft.member("resnets", 0).resnet(ends, None, grid);
        if self.mid_attention {
            let pixels = grid.height * grid.width;
            let rows = grid.pictures * pixels;
            let mut attention = draft.member("attentions", 0);
            attention.norm("group_norm", channels);
            for name in ["to_q", "to_k", "to_v", "to_out.0"] {
                attention.linear(name, ends, rows);
            }
            attention.attention_gemms(grid.pictures, (pixels, pixels), channels);
        }
        draft.member("resnets", 1).resnet(ends, None, grid);
    }
}

fn draw_resnets(
    draft: &mut Draft<'_>,
    (inputs, outputs): (usize, usize),
    count: usize,
    grid: Grid,
) {
    for at in 0..count {
        let inputs = if at == 0 { inputs } else { outputs };
        let mut resnet = draft.member("resnets", at);
        resnet.resnet((inputs, outputs), None, grid);
    }
}
