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
    /// Distilled for few steps, with a tiny autoencoder in place of the other.
    is_few_steps: bool,
    prediction: &'static str,
    text: Text,
    /// The second text encoder of SDXL.
    text_2: Option<Text>,
}

/// Sizes of a text encoder.
#[derive(Clone, Copy)]
struct Text {
    width: u32,
    inner_width: u32,
    layers: u32,
    heads: u32,
    activation: &'static str,
}

/// `model_index.json`, and name and contents of each other file.
pub(super) fn of(model: RandomModel) -> (Value, Vec<(&'static str, Value)>) {
    let measures = measures(model);
    let mut files = vec![
        ("scheduler/scheduler_config.json", scheduler(&measures)),
        ("unet/config.json", unet(&measures)),
        ("vae/config.json", vae(&measures)),
        (
            "text_encoder/config.json",
            text_encoder(measures.text, "CLIPTextModel"),
        ),
    ];
    files.extend(measures.text_2.map(|text| {
        let class = "CLIPTextModelWithProjection";
        ("text_encoder_2/config.json", text_encoder(text, class))
    }));
    (index(&measures), files)
}

fn measures(model: RandomModel) -> Measures {
    match model {
        RandomModel::Sd15 => sd15(4),
        RandomModel::Sd15FewSteps => Measures {
            is_few_steps: true,
            ..sd15(4)
        },
        RandomModel::Sd15Inpaint => sd15(9),
        RandomModel::Sd21 => sd21(),
        RandomModel::Sdxl => sdxl(),
        RandomModel::Tiny => tiny(),
    }
}

fn sd15(in_channels: u32) -> Measures {
    Measures {
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
        is_few_steps: false,
        prediction: "epsilon",
        text: Text {
            width: 768,
            inner_width: 3072,
            layers: 12,
            heads: 12,
            activation: "quick_gelu",
        },
        text_2: None,
    }
}

fn sd21() -> Measures {
    let mut measures = sd15(4);
    measures.unet["attention_head_dim"] = json!([5, 10, 20, 20]);
    measures.unet["cross_attention_dim"] = 1024.into();
    measures.unet["sample_size"] = 96.into();
    measures.unet["use_linear_projection"] = true.into();
    Measures {
        prediction: "v_prediction",
        // OpenCLIP's ViT-H, of which the last layer is left out.
        text: Text {
            width: 1024,
            inner_width: 4096,
            layers: 23,
            heads: 16,
            activation: "gelu",
        },
        ..measures
    }
}

fn sdxl() -> Measures {
    Measures {
        unet: json!({
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "attention_head_dim": [5, 10, 20],
            "block_out_channels": [320, 640, 1280],
            "cross_attention_dim": 2048,
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "in_channels": 4,
            "layers_per_block": 2,
            "projection_class_embeddings_input_dim": 2816,
            "sample_size": 128,
            "transformer_layers_per_block": [1, 2, 10],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "use_linear_projection": true,
        }),
        vae_scaling: 0.13025,
        // OpenCLIP's ViT-bigG.
        text_2: Some(Text {
            width: 1280,
            inner_width: 5120,
            layers: 32,
            heads: 20,
            activation: "gelu",
        }),
        ..sd15(4)
    }
}

fn tiny() -> Measures {
    Measures {
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
        is_few_steps: false,
        prediction: "epsilon",
        text: Text {
            width: 24,
            inner_width: 48,
            layers: 2,
            heads: 2,
            activation: "quick_gelu",
        },
        text_2: None,
    }
}

fn index(measures: &Measures) -> Value {
    let class = match measures.text_2 {
        Some(_) => "StableDiffusionXLPipeline",
        None => "StableDiffusionPipeline",
    };
    let mut index = json!({
        "_class_name": class,
        "_diffusers_version": DIFFUSERS_VERSION,
        "feature_extractor": [null, null],
        "requires_safety_checker": false,
        "safety_checker": [null, null],
        "scheduler": ["diffusers", scheduler_class(measures)],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", vae_class(measures)],
    });
    let mut parts = vec![
        ("text_encoder", "CLIPTextModel"),
        ("tokenizer", "CLIPTokenizer"),
    ];
    if measures.text_2.is_some() {
        index["force_zeros_for_empty_prompt"] = true.into();
        parts.push(("text_encoder_2", "CLIPTextModelWithProjection"));
        parts.push(("tokenizer_2", "CLIPTokenizer"));
    }
    for (part, class) in parts {
        index[part] = json!(["transformers", class]);
    }
    index
}

fn scheduler_class(measures: &Measures) -> &'static str {
    if measures.is_few_steps {
        "LCMScheduler"
    } else {
        "DDIMScheduler"
    }
}

fn vae_class(measures: &Measures) -> &'static str {
    if measures.is_few_steps {
        "AutoencoderTiny"
    } else {
        "AutoencoderKL"
    }
}

fn scheduler(measures: &Measures) -> Value {
    json!({
        "_class_name": scheduler_class(measures),
        "_diffusers_version": DIFFUSERS_VERSION,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "clip_sample": false,
        "num_train_timesteps": 1000,
        "prediction_type": measures.prediction,
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

/// TAESD's.
fn tiny_vae() -> Value {
    json!({
        "_class_name": "AutoencoderTiny",
        "_diffusers_version": DIFFUSERS_VERSION,
        "act_fn": "relu",
        "block_out_channels": [64, 64, 64, 64],
        "decoder_block_out_channels": [64, 64, 64, 64],
        "encoder_block_out_channels": [64, 64, 64, 64],
        "in_channels": 3,
        "latent_channels": 4,
        "num_decoder_blocks": [3, 3, 3, 1],
        "num_encoder_blocks": [1, 3, 3, 3],
        "out_channels": 3,
        "scaling_factor": 1.0,
        "upsample_fn": "nearest",
        "upsampling_scaling_factor": 2,
    })
}

fn vae(measures: &Measures) -> Value {
    if measures.is_few_steps {
        return tiny_vae();
    }
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
fn text_encoder(text: Text, class: &str) -> Value {
    json!({
        "architectures": [class],
        "bos_token_id": 0,
        "eos_token_id": 1,
        "hidden_act": text.activation,
        "hidden_size": text.width,
        "intermediate_size": text.inner_width,
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": 77,
        "model_type": "clip_text_model",
        "num_attention_heads": text.heads,
        "num_hidden_layers": text.layers,
        "pad_token_id": 1,
        "projection_dim": text.width,
        "vocab_size": 49408,
    })
}
