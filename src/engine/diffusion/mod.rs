//! The latent-diffusion engine on candle: text encoder, U-Net, autoencoder, samplers.
