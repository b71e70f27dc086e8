//! The graph of a run, of core nodes only, in `ComfyUI`'s API format.

use serde_json::{Value as Json, json};

use super::levels::{Levels, length, sampler, schedule};
use crate::engine::remote::words::prompt_there;
use crate::geometry::Extent;
use crate::plan::{EngineInput, LatentFill};

/// The node that holds the result, and the one that holds the round trip.
pub(super) const RESULT: &str = "result";
pub(super) const ROUND_TRIP: &str = "round-trip";

/// What was sent before the graph, by the name it has there.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Sent {
    pub(super) picture: String,
    /// What may change, as the sampler reads it; `None`: everything.
    pub(super) strength: Option<String>,
    /// What begins without the picture; `None`: nothing does.
    pub(super) empty: Option<String>,
    /// What a model that sees the mask is shown.
    pub(super) region: Option<String>,
    /// Whose round trip is wanted, where it is not the picture's.
    pub(super) original: Option<String>,
    /// LoRAs by their names there, and how much of each.
    pub(super) loras: Vec<(String, f64)>,
}

/// The maps that are sent with a run's mask, at the latent's size.
pub(super) struct Maps {
    pub(super) extent: Extent,
    /// What may change, 0…1.
    pub(super) strength: Vec<f32>,
    /// It holds values between 0 and 1, which need Differential Diffusion.
    pub(super) is_soft: bool,
    /// 1 where the latent begins as zeros; `None`: nowhere.
    pub(super) empty: Option<Vec<f32>>,
}

/// The maps of a run; `None` where all may change. `can_soften`: Differential Diffusion is there.
pub(super) fn maps(input: &EngineInput, can_soften: bool) -> Option<Maps> {
    let mask = input.mask.as_ref()?;
    let free = |strength: &f32| *strength >= 1.0 - 0.5 / 255.0;
    let is_soft = mask.latent_strength.iter().any(|s| *s > 0.0 && !free(s));
    let executed = input.steps.executed(input.strength);
    let there = schedule(input.schedule, input.sampler);
    let levels = Levels::new(there, input.steps.get(), executed);
    let sent = |strength: &f32| {
        if is_soft && can_soften {
            levels.value(*strength)
        } else {
            f32::from(u8::from(*strength >= 0.5))
        }
    };
    // At strength 1 a run starts from pure noise, where theirs adds noise to the picture.
    let is_empty = mask.fill == LatentFill::Nothing || input.strength.get() >= 1.0;
    let starts_empty = |strength: &f32| f32::from(u8::from(free(strength)));
    Some(Maps {
        extent: mask.latent_extent,
        strength: mask.latent_strength.iter().map(sent).collect(),
        is_soft: is_soft && can_soften,
        empty: is_empty.then(|| mask.latent_strength.iter().map(starts_empty).collect()),
    })
}

/// A graph in the making: its nodes by name.
#[derive(Debug, Default)]
struct Nodes(serde_json::Map<String, Json>);

impl Nodes {
    fn add(&mut self, name: &str, class: &str, inputs: &Json) {
        let title = format!("overpaint: {name}");
        let node = json!({"class_type": class, "inputs": inputs, "_meta": {"title": title}});
        self.0.insert(name.to_owned(), node);
    }

    /// The checkpoint with its LoRAs: model and text encoder.
    fn add_model(&mut self, checkpoint: &str, loras: &[(String, f64)]) -> (Json, Json) {
        let inputs = json!({"ckpt_name": checkpoint});
        self.add("checkpoint", "CheckpointLoaderSimple", &inputs);
        let (mut model, mut clip) = (json!(["checkpoint", 0]), json!(["checkpoint", 1]));
        for (at, (name, weight)) in loras.iter().enumerate() {
            let id = format!("lora-{at}");
            let inputs = json!({
                "lora_name": name, "strength_model": weight, "strength_clip": weight,
                "model": model, "clip": clip,
            });
            self.add(&id, "LoraLoader", &inputs);
            (model, clip) = (json!([id, 0]), json!([id, 1]));
        }
        (model, clip)
    }

    /// Where the sampler begins, with what is held.
    fn add_latent(&mut self, input: &EngineInput, sent: &Sent) -> Json {
        let inputs = json!({"pixels": ["picture", 0], "vae": VAE});
        self.add("encoded", "VAEEncode", &inputs);
        let mut latent = json!(["encoded", 0]);
        let Extent { width, height } = input.image.extent;
        let zeros = json!({"width": width, "height": height, "batch_size": 1});
        if let Some(empty) = &sent.empty {
            self.add("zeros", "EmptyLatentImage", &zeros);
            self.add("empty", "LoadImageMask", &mask(empty));
            let inputs = json!({
                "destination": latent, "source": ["zeros", 0], "x": 0, "y": 0,
                "resize_source": false, "mask": ["empty", 0],
            });
            self.add("begun", "LatentCompositeMasked", &inputs);
            latent = json!(["begun", 0]);
        } else if sent.strength.is_none() && input.strength.get() >= 1.0 {
            self.add("zeros", "EmptyLatentImage", &zeros);
            latent = json!(["zeros", 0]);
        }
        if let Some(strength) = &sent.strength {
            self.add("strength", "LoadImageMask", &mask(strength));
            let inputs = json!({"samples": latent, "mask": ["strength", 0]});
            self.add("held", "SetLatentNoiseMask", &inputs);
            latent = json!(["held", 0]);
        }
        latent
    }

    /// The picture encoded and decoded.
    fn add_round_trip(&mut self, sent: &Sent) {
        let mut encoded = json!(["encoded", 0]);
        if let Some(original) = &sent.original {
            self.add("original", "LoadImage", &json!({"image": original}));
            let inputs = json!({"pixels": ["original", 0], "vae": VAE});
            self.add("original-encoded", "VAEEncode", &inputs);
            encoded = json!(["original-encoded", 0]);
        }
        let inputs = json!({"samples": encoded, "vae": VAE});
        self.add("round-trip-decoded", "VAEDecode", &inputs);
        let inputs = json!({"images": ["round-trip-decoded", 0]});
        self.add(ROUND_TRIP, "PreviewImage", &inputs);
    }
}

/// The autoencoder of the checkpoint.
const VAE: (&str, u32) = ("checkpoint", 2);

fn mask(name: &str) -> Json {
    json!({"image": name, "channel": "red"})
}

/// The graph that runs `input` with the checkpoint of that name.
pub(super) fn graph(input: &EngineInput, checkpoint: &str, sent: &Sent, is_soft: bool) -> Json {
    let mut nodes = Nodes::default();
    let (mut model, clip) = nodes.add_model(checkpoint, &sent.loras);
    for (id, text) in [("prompt", &input.prompt), ("negative", &input.negative)] {
        let inputs = json!({"text": prompt_there(text, &['(', ')']), "clip": clip});
        nodes.add(id, "CLIPTextEncode", &inputs);
    }
    nodes.add("picture", "LoadImage", &json!({"image": sent.picture}));
    let (mut positive, mut negative) = (json!(["prompt", 0]), json!(["negative", 0]));
    if let Some(region) = &sent.region {
        nodes.add("region", "LoadImageMask", &mask(region));
        let inputs = json!({
            "positive": positive, "negative": negative, "vae": VAE, "pixels": ["picture", 0],
            "mask": ["region", 0], "noise_mask": false,
        });
        nodes.add("shown", "InpaintModelConditioning", &inputs);
        (positive, negative) = (json!(["shown", 0]), json!(["shown", 1]));
    }
    let latent = nodes.add_latent(input, sent);
    if is_soft {
        let inputs = json!({"model": model});
        nodes.add("soft", "DifferentialDiffusion", &inputs);
        model = json!(["soft", 0]);
    }
    let there = schedule(input.schedule, input.sampler);
    let steps = input.steps.get();
    let executed = input.steps.executed(input.strength);
    let inputs = json!({
        "model": model, "positive": positive, "negative": negative, "latent_image": latent,
        "add_noise": "enable", "return_with_leftover_noise": "disable",
        "noise_seed": input.seed.0, "cfg": input.guidance.get(),
        "sampler_name": sampler(input.sampler), "scheduler": there,
        "steps": steps, "start_at_step": length(there, steps).saturating_sub(executed),
        "end_at_step": 10_000,
    });
    nodes.add("sampler", "KSamplerAdvanced", &inputs);
    let inputs = json!({"samples": ["sampler", 0], "vae": VAE});
    nodes.add("decoded", "VAEDecode", &inputs);
    let inputs = json!({"images": ["decoded", 0]});
    nodes.add(RESULT, "PreviewImage", &inputs);
    if input.wants_round_trip {
        nodes.add_round_trip(sent);
    }
    Json::Object(nodes.0)
}
