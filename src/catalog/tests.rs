use std::path::{Path, PathBuf};

use super::*;

/// A diffusers folder with one value of one file changed at a time.
struct Folder(tempfile::TempDir);

impl Folder {
    fn like_stable_diffusion() -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder"));
        folder.write("model_index.json", "{}");
        folder.write("scheduler/scheduler_config.json", "{}");
        folder.write("text_encoder/config.json", "{}");
        folder.write("text_encoder/model.safetensors", "12345");
        folder.write("unet/diffusion_pytorch_model.fp16.safetensors", "1234567");
        folder.write("vae/diffusion_pytorch_model.safetensors", "123");
        folder.write(
            "vae/config.json",
            r#"{"latent_channels": 4, "block_out_channels": [1, 2, 3, 4]}"#,
        );
        folder.unet(
            r#"{"in_channels": 4, "cross_attention_dim": 768, "block_out_channels": [1, 2, 3, 4]}"#,
        );
        folder
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        std::fs::write(path, text).expect("written");
    }

    fn unet(&self, text: &str) {
        self.write("unet/config.json", text);
    }

    fn scheduler(&self, text: &str) {
        self.write("scheduler/scheduler_config.json", text);
    }

    fn open(&self) -> Result<ModelCard, CatalogError> {
        open(&ModelRef::Folder(self.0.path().to_owned()))
    }
}

#[test]
fn the_built_in_model_is_the_folder_it_was_made_from() {
    let built_in = open(&ModelRef::BuiltIn).expect("complete");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/starter");
    let folder = open(&ModelRef::Folder(path)).expect("complete");
    assert_eq!(built_in.id, "starter");
    assert_eq!(built_in.traits, folder.traits);
    assert_eq!(built_in.defaults, folder.defaults);
    assert_eq!(built_in.words, folder.words);
    assert_eq!(built_in.bytes, folder.bytes);
    assert_eq!(
        built_in.traits,
        ModelTraits {
            native_px: 128,
            vae_factor: 4,
            size_multiple_px: 16,
            latent_channels: 4,
            unet_in_channels: 4,
            prediction_type: PredictionType::VPrediction,
            embeds_guidance: false,
            few_steps: false,
        }
    );
    let defaults = built_in.defaults;
    assert_eq!((defaults.steps, defaults.strength), (20, 0.6));
    assert_eq!(defaults.guidance, 4.0);
    assert_eq!(
        (&*defaults.sampler, &*defaults.schedule),
        ("dpmpp_2m", "karras")
    );
}

#[test]
fn the_starter_knows_the_prompts_it_was_trained_on() {
    let words = open(&ModelRef::BuiltIn).expect("complete").words;
    let words = words.expect("its vocabulary is known");
    for prompt in [
        "woman with black long hair, red dress, in the city at night",
        "man, beard, blue shirt, in a living room",
        "panda, purple background",
        "red and blue striped background, pencil sketch style",
        "女人，金色長直髮，藍色洋裝，在海灘上",
        "男人，鬍子，紅色藍色條紋背景",
    ] {
        assert!(words.unknown_words(prompt).is_empty(), "{prompt}");
    }
    assert_eq!(
        words.unknown_words("woman in a cyberpunk city"),
        ["cyberpunk"]
    );
}

#[test]
fn families_are_told_by_shapes() {
    let folder = Folder::like_stable_diffusion();
    let card = folder.open().expect("complete");
    assert_eq!(
        (card.traits.native_px, card.traits.size_multiple_px),
        (512, 64)
    );
    assert_eq!(card.bytes, 15);
    assert_eq!((card.defaults.steps, card.defaults.guidance), (25, 7.0));
    assert!(card.words.is_none() && !card.traits.sees_mask());

    folder.unet(
        r#"{"in_channels": 9, "cross_attention_dim": 1024, "block_out_channels": [1, 2, 3, 4]}"#,
    );
    let card = folder.open().expect("complete");
    assert!(card.traits.sees_mask());
    assert_eq!(card.traits.native_px, 512);
    folder.scheduler(r#"{"prediction_type": "v_prediction"}"#);
    let traits = folder.open().expect("complete").traits;
    assert_eq!(traits.native_px, 768);
    assert_eq!(traits.prediction_type, PredictionType::VPrediction);

    folder.unet(r#"{"cross_attention_dim": [2048, 2048, 2048], "block_out_channels": [1, 2, 3]}"#);
    let card = folder.open().expect("complete");
    assert_eq!(
        (card.traits.native_px, card.traits.size_multiple_px),
        (1024, 32)
    );
    assert_eq!(card.defaults.guidance, 6.0);

    folder.scheduler(r#"{"_class_name": "LCMScheduler"}"#);
    let defaults = folder.open().expect("complete").defaults;
    assert_eq!((defaults.steps, defaults.guidance), (6, 1.0));
    assert_eq!((&*defaults.sampler, &*defaults.schedule), ("lcm", "model"));
}

#[test]
fn few_step_models_are_told_by_their_schedule_and_turbo_has_its_own_size() {
    let folder = Folder::like_stable_diffusion();
    folder.unet(
        r#"{"cross_attention_dim": 2048, "sample_size": 128, "block_out_channels": [1, 2, 3]}"#,
    );
    for (scheduler, native_px, sampler, guidance) in [
        (
            r#""EulerDiscreteScheduler", "timestep_spacing": "leading""#,
            1024,
            "dpmpp_2m",
            6.0,
        ),
        (
            r#""EulerAncestralDiscreteScheduler", "timestep_spacing": "trailing""#,
            512,
            "euler_a",
            1.0,
        ),
        (
            r#""EulerDiscreteScheduler", "timestep_spacing": "trailing""#,
            1024,
            "euler",
            1.0,
        ),
        (
            r#""EulerDiscreteScheduler", "timestep_spacing": "trailing", "prediction_type": "v_prediction""#,
            1024,
            "dpmpp_2m",
            6.0,
        ),
        (r#""TCDScheduler""#, 1024, "lcm", 1.0),
    ] {
        folder.scheduler(&format!(r#"{{"_class_name": {scheduler}}}"#));
        let card = folder.open().expect("complete");
        assert_eq!(card.traits.native_px, native_px, "{scheduler}");
        let defaults = card.defaults;
        assert_eq!(
            (&*defaults.sampler, defaults.guidance),
            (sampler, guidance),
            "{scheduler}"
        );
    }
    folder.unet(
        r#"{"cross_attention_dim": 768, "time_cond_proj_dim": 256, "block_out_channels": [1]}"#,
    );
    let card = folder.open().expect("complete");
    assert!(card.traits.embeds_guidance);
    assert_eq!(
        (&*card.defaults.sampler, card.defaults.guidance),
        ("lcm", 8.0)
    );
}

#[test]
fn instruction_models_and_second_encoders_are_seen() {
    let folder = Folder::like_stable_diffusion();
    folder.unet(
        r#"{"in_channels": 8, "cross_attention_dim": 768, "block_out_channels": [1, 2, 3, 4]}"#,
    );
    let card = folder.open().expect("complete");
    assert!(card.traits.follows_instructions() && !card.traits.sees_mask());
    assert_eq!((card.defaults.strength, card.defaults.guidance), (1.0, 7.5));
    folder.write("text_encoder_2/config.json", "{}");
    let path = folder.0.path().join("text_encoder_2/model.safetensors");
    assert_eq!(folder.open(), Err(CatalogError::MissingFile { path }));
    folder.write("text_encoder_2/model.safetensors", "12");
    assert_eq!(folder.open().expect("complete").bytes, card.bytes + 2);
}

#[test]
fn a_tiny_autoencoder_is_taken_for_one() {
    let folder = Folder::like_stable_diffusion();
    folder.write(
        "vae/config.json",
        r#"{"_class_name": "AutoencoderTiny", "encoder_block_out_channels": [64, 64, 64, 64]}"#,
    );
    assert_eq!(folder.open().expect("complete").traits.vae_factor, 8);
}

#[test]
fn what_lies_beside_a_model_wins_over_the_table() {
    let folder = Folder::like_stable_diffusion();
    folder.write(
        "preview.json",
        r#"{"defaults": {"steps": 12, "native_size": 640, "sampler": "ddim"}}"#,
    );
    let card = folder.open().expect("complete");
    assert_eq!((card.defaults.steps, card.defaults.strength), (12, 0.5));
    assert_eq!(
        (card.traits.native_px, &*card.defaults.sampler),
        (640, "ddim")
    );
}

#[test]
fn shards_are_counted() {
    let folder = Folder::like_stable_diffusion();
    std::fs::remove_file(
        folder
            .0
            .path()
            .join("vae/diffusion_pytorch_model.safetensors"),
    )
    .expect("removed");
    folder.write(
        "vae/diffusion_pytorch_model.safetensors.index.json",
        r#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "one.safetensors"}}"#,
    );
    folder.write("vae/one.safetensors", "1");
    folder.write("vae/two.safetensors", "22");
    assert_eq!(folder.open().expect("complete").bytes, 15);
}

#[test]
fn a_missing_file_is_named() {
    for name in [
        "model_index.json",
        "unet/config.json",
        "vae/config.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    ] {
        let folder = Folder::like_stable_diffusion();
        let path: PathBuf = folder.0.path().join(name);
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(folder.open(), Err(CatalogError::MissingFile { path }));
    }
}

#[test]
fn what_is_no_file_of_a_model_is_said() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    for (name, text, what) in [
        (
            "text_encoder/model.safetensors",
            pointer,
            Foreign::LfsPointer,
        ),
        (
            "vae/diffusion_pytorch_model.safetensors",
            "<html>",
            Foreign::WebPage,
        ),
        ("unet/config.json", "<!DOCTYPE html>", Foreign::WebPage),
        ("words.json", pointer, Foreign::LfsPointer),
        ("model_index.json", "Entry not found", Foreign::WebPage),
        (
            "model_index.json",
            r#"{"_class_name": "FluxPipeline", "transformer": ["diffusers", "FluxTransformer2DModel"]}"#,
            Foreign::Family("Flux".to_owned()),
        ),
        (
            "model_index.json",
            r#"{"_class_name": "StableDiffusionXLImg2ImgPipeline", "requires_aesthetics_score": true}"#,
            Foreign::Family("Stable Diffusion XL refiner".to_owned()),
        ),
    ] {
        let folder = Folder::like_stable_diffusion();
        if matches!(what, Foreign::Family(_)) {
            std::fs::remove_dir_all(folder.0.path().join("unet")).expect("removed");
        }
        folder.write(name, text);
        let path = folder.0.path().join(name);
        assert_eq!(folder.open(), Err(CatalogError::Foreign { path, what }));
    }
}

#[test]
fn weights_are_found_in_every_variant_there_is() {
    let plain = "text_encoder/model.safetensors";
    for (names, bytes) in [
        (&["text_encoder/model.fp16.safetensors"][..], 3),
        (&["text_encoder/model.non_ema.safetensors"], 3),
        (&["text_encoder/pytorch_model.bin"], 3),
        (&["text_encoder/pytorch_model.fp16.bin"], 3),
        (
            &[
                "text_encoder/model.safetensors.index.fp16.json",
                "text_encoder/a",
            ],
            3,
        ),
        (
            &[
                "text_encoder/pytorch_model.bin.index.json",
                "text_encoder/a",
            ],
            3,
        ),
    ] {
        let folder = Folder::like_stable_diffusion();
        std::fs::remove_file(folder.0.path().join(plain)).expect("removed");
        for name in names {
            let text = if name.contains("index") {
                r#"{"weight_map": {"w": "a"}}"#
            } else {
                "123"
            };
            folder.write(name, text);
        }
        // The other two parts have ten.
        assert_eq!(
            folder.open().expect("complete").bytes,
            10 + bytes,
            "{names:?}"
        );
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let cases = [
        ("unet/config.json", r#"{"block_out_channels": []}"#),
        (
            "unet/config.json",
            r#"{"block_out_channels": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]}"#,
        ),
        (
            "unet/config.json",
            r#"{"in_channels": 7, "block_out_channels": [1]}"#,
        ),
        (
            "unet/config.json",
            r#"{"in_channels": -4, "block_out_channels": [1]}"#,
        ),
        (
            "unet/config.json",
            r#"{"sample_size": 0, "block_out_channels": [1]}"#,
        ),
        (
            "unet/config.json",
            r#"{"sample_size": 1e9, "block_out_channels": [1]}"#,
        ),
        (
            "unet/config.json",
            r#"{"sample_size": 9999999999999, "block_out_channels": [1]}"#,
        ),
        ("unet/config.json", "not json"),
        (
            "vae/config.json",
            r#"{"latent_channels": 0, "block_out_channels": [1]}"#,
        ),
        (
            "vae/config.json",
            r#"{"latent_channels": 4000000000, "block_out_channels": [1]}"#,
        ),
        ("vae/config.json", "{}"),
        (
            "scheduler/scheduler_config.json",
            r#"{"prediction_type": "flow"}"#,
        ),
        ("model_index.json", ""),
        ("preview.json", r#"{"defaults": {"steps": 0}}"#),
        ("preview.json", r#"{"defaults": {"strength": 1.5}}"#),
        ("preview.json", r#"{"defaults": {"guidance": 0.5}}"#),
        ("words.json", r#"{"things": 3}"#),
    ];
    for (name, text) in cases {
        let folder = Folder::like_stable_diffusion();
        folder.write(name, text);
        // Without a known width the U-Net's own size counts.
        let answer = folder.open();
        assert!(
            matches!(&answer, Err(CatalogError::BadConfig { .. })),
            "{name} {text}: {answer:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_folder_whose_name_is_no_text_harms_nothing_kept_beside_it() {
    use std::os::unix::ffi::OsStrExt as _;
    let strange = std::ffi::OsStr::from_bytes(b"/models/a\xff");
    let written = serde_json::to_string(&ModelRef::Folder(strange.into())).expect("written");
    assert_eq!(written, "{\"Folder\":\"/models/a\u{fffd}\"}");
    for model in [ModelRef::BuiltIn, ModelRef::Folder("/models/模型".into())] {
        let written = serde_json::to_string(&model).expect("written");
        let read: ModelRef = serde_json::from_str(&written).expect("read");
        assert_eq!(read, model);
    }
}
