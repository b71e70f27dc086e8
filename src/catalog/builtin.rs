//! The files of the built-in model, compiled in from `models/starter/`.

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../models/starter/", $name)) as &[u8])),+]
    };
}

const FILES: &[(&str, &[u8])] = files![
    "model_index.json",
    "preview.json",
    "words.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/special_tokens_map.json",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
];

/// The contents of the built-in model's file of that name.
pub(super) fn file(name: &str) -> Option<&'static [u8]> {
    FILES
        .iter()
        .find_map(|(known, bytes)| (*known == name).then_some(*bytes))
}
