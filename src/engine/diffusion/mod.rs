//! The latent-diffusion engine: text encoder, U-Net, autoencoder, samplers. `engine/README.md` follows one
//! step from here to the microkernel.
//!
//! The networks follow the `config.json` files of a diffusers folder. Tensors are candle's, layers those of
//! `engine/nn`. Called through [`Engine`](super::Engine) only.

mod bench_parts;
mod blueprint;
mod cache;
mod classifier_free_guidance;
mod costs;
mod demand;
mod denoise;
mod engine;
mod latent_mask;
mod latent_preview;
mod model_config;
mod multidiffusion;
mod noise;
mod pipeline;
mod previews;
mod prompt_encoder;
mod random_model;
mod resnet;
mod sampler;
mod schedule;
mod text_encoder;
mod tokenizer;
mod unet;
mod vae;

#[cfg(test)]
mod testing;

pub use super::nn::{DeviceChoice, PrecisionChoice};
pub use bench_parts::{LoadedPart, Part, PartInputs, PartOutput};
pub use demand::demands_of;
pub use engine::{DiffusionEngine, EngineOptions};
pub use noise::NOISE_VERSION;
pub use random_model::RandomModel;
