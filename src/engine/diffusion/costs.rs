//! What the parts of a run cost, from their configurations alone: FLOPs, and most bytes at once.

use super::blueprint::{Blueprint, Grid};
use super::unet::UnetConfig;
use super::vae::VaeConfig;
use crate::engine::kernels::VERY_LARGE_BYTES;

/// Tokens of a prompt that fits one window.
pub(super) const TOKENS: usize = 77;
/// Bytes of an element of activations.
pub(super) const ELEMENT: f64 = 4.0;

/// What encoding or decoding one picture asks for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct CodingDemand {
    pub(super) flops: f64,
    /// Most bytes at once.
    pub(super) peak: f64,
}

/// Of encoding a picture, and of decoding it, whose latent has that size (height, width).
pub(super) fn coding_demand(vae: &VaeConfig, latent: (usize, usize)) -> [CodingDemand; 2] {
    let tiles = vae.tile_sizes(latent);
    let factor = vae.factor;
    [
        of_tiles(&tiles, |height, width| {
            vae.encoder_blueprint(grid(1, height * factor, width * factor))
        }),
        of_tiles(&tiles, |height, width| {
            vae.decoder_blueprint(grid(1, height, width))
        }),
    ]
}

/// FLOPs of so many predictions at once for a latent of that size (height, width).
pub(super) fn step_flops(
    unet: &UnetConfig,
    prompts: usize,
    (height, width): (usize, usize),
) -> f64 {
    unet.blueprint(grid(prompts, height, width), TOKENS).flops as f64
}

/// Of all tiles.
fn of_tiles(
    tiles: &[(usize, usize)],
    blueprint: impl Fn(usize, usize) -> Blueprint,
) -> CodingDemand {
    // Tiles of one plan are of one size.
    let Some(&(height, width)) = tiles.first() else {
        return CodingDemand::default();
    };
    let one = blueprint(height, width);
    // Very large blocks evict what is free.
    let widest = one.peak_elements as f64 * ELEMENT / 3.0;
    let stale = if widest < VERY_LARGE_BYTES as f64 {
        one.stale_elements()
    } else {
        0
    };
    CodingDemand {
        flops: one.flops as f64 * tiles.len() as f64,
        peak: (one.peak_elements + stale) as f64 * ELEMENT,
    }
}

pub(super) fn grid(pictures: usize, height: usize, width: usize) -> Grid {
    Grid {
        pictures,
        height,
        width,
    }
}
