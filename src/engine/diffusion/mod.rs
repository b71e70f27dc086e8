//! The latent-diffusion engine on candle: text encoder, U-Net, autoencoder, samplers.
//!
//! The networks follow the `config.json` files of a diffusers folder. This is the only room that
//! names candle; its errors stop here. Called through [`Engine`](super::Engine) only.

mod attention;
mod failure;
mod kernels;
mod layers;
mod model_config;
mod resnet;
mod text_encoder;
mod unet;
mod vae;
mod weights;

#[cfg(test)]
mod goldens;
