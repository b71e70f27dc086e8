//! The latent-diffusion engine on candle: text encoder, U-Net, autoencoder, samplers.
//!
//! The networks follow the `config.json` files of a diffusers folder. This is the only room that
//! names candle; its errors stop here. Called through [`Engine`](super::Engine) only.

mod blueprint;
mod cache;
mod denoise;
mod engine;
mod guidance;
mod model_config;
mod noise;
mod pipeline;
mod preview;
mod random_model;
mod resnet;
mod sampler;
mod schedule;
mod stages;
mod text_encoder;
mod tokenizer;
mod unet;
mod vae;

#[cfg(test)]
mod testing;

pub use super::nn::{DeviceChoice, PrecisionChoice};
pub use engine::{DiffusionEngine, EngineOptions};
pub use noise::NOISE_VERSION;
pub use random_model::RandomModel;
pub use stages::{LoadedPart, Part, PartAnswer, PartWork};
