//! The configuration of random models, file by file, as diffusers and transformers write it.

use serde_json::{Value, json};

use super::RandomModel;

const DIFFUSERS_VERSION: &str = "0.35.0";

/// Sizes in which the models differ.
struct Measures {
    unet: Value,
    /// Channels of the autoencoder's levels.
    vae_channels: Value,
    vae_scaling: f64,
    vae_groups: u32,
    /// Width, inner width, layers and heads of the text encoder.
    text: Option<[u32; 4]>,
}

/// `model_index.json`, and name and contents of each other file.
pub(super) fn of(model: RandomModel) -> (Value, Vec<(&'static str, Value)>) {
    let measures = measures(model);
    let mut files = vec![
        ("scheduler/scheduler_config.json", scheduler()),
        ("unet/config.json", unet(&measures)),
        ("vae/config.json", vae(&measures)),
    ];
    files.extend(
        measures
            .text
            .map(|text| ("text_encoder/config.json", text_encoder(text))),
    );
    (index(&measures), files)
}

fn measures(model: RandomModel) -> Measures {
    let sd15 = |in_channels: u32| Measures {
        unet: json!({
            "attention_head_dim": 8,
            "block_out_channels": [320, 640, 1280, 1280],
            "cross_attention_dim": 768,
            "down_block_types": [
                "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                "DownBlock2D",
            ],
            "in_channels": in_channels,
            "layers_per_block": 2,
            "sample_size": 64,
            "up_block_types": [
                "UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D",
            ],
        }),
        vae_channels: json!([128, 256, 512, 512]),
        vae_scaling: 0.18215,
        vae_groups: 32,
        text: Some([768, 3072, 12, 12]),
    };
    match model {
        RandomModel::Sd15 => sd15(4),
        RandomModel::Sd15Inpaint => sd15(9),
        RandomModel::Sdxl => Measures {
            unet: json!({
                "attention_head_dim": [5, 10, 20],
                "block_out_channels": [320, 640, 1280],
                "cross_attention_dim": 2048,
                "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
                "in_channels": 4,
                "layers_per_block": 2,
                "sample_size": 128,
                "transformer_layers_per_block": [1, 2, 10],
                "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
                "use_linear_projection": true,
            }),
            vae_scaling: 0.13025,
            text: None,
            ..sd15(4)
        },
        RandomModel::Tiny => Measures {
            unet: json!({
                "attention_head_dim": 2,
                "block_out_channels": [16, 32],
                "cross_attention_dim": 24,
                "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
                "in_channels": 4,
                "layers_per_block": 1,
                "norm_num_groups": 8,
                "sample_size": 16,
                "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
            }),
            vae_channels: json!([8, 16]),
            vae_scaling: 0.5,
            vae_groups: 4,
            text: Some([24, 48, 2, 2]),
        },
    }
}

fn index(measures: &Measures) -> Value {
    let mut index = json!({
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": DIFFUSERS_VERSION,
        "feature_extractor": [null, null],
        "requires_safety_checker": false,
        "safety_checker": [null, null],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    });
    let text = measures.text.is_some();
    for (part, class) in [
        ("text_encoder", "CLIPTextModel"),
        ("tokenizer", "CLIPTokenizer"),
    ] {
        index[part] = if text {
            json!(["transformers", class])
        } else {
            json!([null, null])
        };
    }
    index
}

fn scheduler() -> Value {
    json!({
        "_class_name": "DDIMScheduler",
        "_diffusers_version": DIFFUSERS_VERSION,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "clip_sample": false,
        "num_train_timesteps": 1000,
        "prediction_type": "epsilon",
        "set_alpha_to_one": false,
        "steps_offset": 1,
        "timestep_spacing": "leading",
    })
}

fn unet(measures: &Measures) -> Value {
    let mut unet = json!({
        "_class_name": "UNet2DConditionModel",
        "_diffusers_version": DIFFUSERS_VERSION,
        "act_fn": "silu",
        "center_input_sample": false,
        "downsample_padding": 1,
        "flip_sin_to_cos": true,
        "freq_shift": 0,
        "mid_block_scale_factor": 1,
        "norm_eps": 1e-5,
        "norm_num_groups": 32,
        "out_channels": 4,
    });
    if let (Some(unet), Some(own)) = (unet.as_object_mut(), measures.unet.as_object()) {
        unet.extend(own.clone());
    }
    unet
}

fn vae(measures: &Measures) -> Value {
    let levels = measures.vae_channels.as_array().map_or(0, Vec::len);
    json!({
        "_class_name": "AutoencoderKL",
        "_diffusers_version": DIFFUSERS_VERSION,
        "act_fn": "silu",
        "block_out_channels": measures.vae_channels,
        "down_block_types": vec!["DownEncoderBlock2D"; levels],
        "in_channels": 3,
        "latent_channels": 4,
        "layers_per_block": 2,
        "norm_num_groups": measures.vae_groups,
        "out_channels": 3,
        "sample_size": 512,
        "scaling_factor": measures.vae_scaling,
        "up_block_types": vec!["UpDecoderBlock2D"; levels],
    })
}

/// The vocabulary is as large as Stable Diffusion's, though the tokenizer that comes with it uses
/// the first part of it only.
fn text_encoder([width, inner_width, layers, heads]: [u32; 4]) -> Value {
    json!({
        "architectures": ["CLIPTextModel"],
        "bos_token_id": 0,
        "eos_token_id": 1,
        "hidden_act": "quick_gelu",
        "hidden_size": width,
        "intermediate_size": inner_width,
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": 77,
        "model_type": "clip_text_model",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "pad_token_id": 1,
        "projection_dim": width,
        "vocab_size": 49408,
    })
}
