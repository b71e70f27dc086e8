//! [`LatentMask`]: which latent pixels are inpainted, and from which step on.
//!
//! Every latent pixel has a strength s of its own, as in
//! [Differential Diffusion](https://arxiv.org/abs/2306.00950). At executed step i of k it is inpainted
//! if s ≥ (k − i) / k, else it is preserved: the network sees the init latent with the run's first
//! noise there, and its prediction there is replaced by the init latent. So a pixel of strength s takes
//! part in the last s·k steps only, from the very latent that a run of that lower strength would start
//! from. With strengths of 0 and 1 this is the usual blend of the init latent into the prediction. Pixels
//! that are always preserved end as the init latent, exactly.

use candle_core::Tensor;

use crate::engine::EngineError;
use crate::engine::nn::tensors::choose;

/// See the module.
#[derive(Debug)]
pub(crate) struct LatentMask {
    /// The clean latent that preserved pixels keep, (1, c, h, w).
    pub(crate) init_latent: Tensor,
    /// The strength of each latent pixel as a share of the run's, 0…1, row-major.
    pub(crate) strength: Vec<f32>,
}

impl LatentMask {
    /// Which pixels are preserved at step `done` of `of`.
    pub(crate) fn preserved_at(&self, done: usize, of: usize) -> Vec<bool> {
        let remaining = (of - done) as f64;
        // A hair below, so that 0.6 of 20 are 12 steps although 0.6 is not a binary number.
        let is_inpainted = |strength: f32| f64::from(strength) * of as f64 + 1e-4 >= remaining;
        self.strength
            .iter()
            .map(|&strength| !is_inpainted(strength))
            .collect()
    }
}

/// Two masks pixel by pixel.
pub(crate) fn combine(a: &[bool], b: &[bool], of: impl Fn(bool, bool) -> bool) -> Vec<bool> {
    a.iter().zip(b).map(|(a, b)| of(*a, *b)).collect()
}

/// `replacement` where `mask`, else `latent`; nothing is computed where the mask is empty.
pub(crate) fn blend(
    mask: &[bool],
    replacement: impl FnOnce() -> Result<Tensor, EngineError>,
    latent: Tensor,
) -> Result<Tensor, EngineError> {
    if mask.iter().any(|&replaced| replaced) {
        choose(mask, &replacement()?, &latent)
    } else {
        Ok(latent)
    }
}
