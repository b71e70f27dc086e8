use super::*;
use crate::engine::kernels;
use crate::engine::nn::goldens::{Golden, Watch, assert_close, model};
use crate::geometry::{Extent, Point};

/// Relative error against diffusers in f32. Some 1e-6 are seen; a wrong eps or GELU gives 1e-4.
const LIMIT: f64 = 1e-5;

fn load(files: &ModelFiles) -> Unet {
    load_as(files, Precision::F32)
}

fn load_as(files: &ModelFiles, precision: Precision) -> Unet {
    let files = (files, &mut KeptWeights::default());
    Unet::load(files, &Device::Cpu, precision, &mut Watch::default()).unwrap()
}

fn of_text(text: &Tensor) -> Conditions<'_> {
    Conditions {
        text,
        pooled: None,
        guidance: 1.0,
    }
}

/// With all that the golden was made with.
fn conditions_of<'a>(golden: &'a Golden, text: &'a Tensor) -> Conditions<'a> {
    let numbers = |name: &str| -> Option<Vec<f32>> { golden.find(name)?.to_vec1().ok() };
    let sizes = numbers("sizes").map(|numbers| {
        let [height, width, top, left, tall, wide] = numbers[..] else {
            panic!("{numbers:?}");
        };
        PictureSizes {
            original: Extent::new(width as u32, height as u32),
            crop: Point {
                x: left as i32,
                y: top as i32,
            },
            target: Extent::new(wide as u32, tall as u32),
        }
    });
    Conditions {
        pooled: golden
            .find("pooled")
            .zip(sizes)
            .map(|(text, sizes)| Pooled { text, sizes }),
        guidance: numbers("guidance").map_or(1.0, |guidance| guidance[0].into()),
        ..of_text(text)
    }
}

fn check(name: &str, unet: &Unet, golden: &Golden) {
    check_within(name, unet, golden, LIMIT);
}

fn check_within(name: &str, unet: &Unet, golden: &Golden, limit: f64) {
    let timesteps: Vec<f32> = golden.get("timesteps").to_vec1().unwrap();
    let (latent, text) = (golden.get("latent"), golden.get("text"));
    let timesteps: Vec<f64> = timesteps.into_iter().map(f64::from).collect();
    let conditions = conditions_of(golden, text);
    let conditioning = unet
        .condition(&conditions, &timesteps, &mut Watch::default())
        .unwrap();
    for (index, timestep) in timesteps.into_iter().enumerate() {
        let got = unet
            .predict(latent, timestep, &conditioning, &mut Watch::default())
            .unwrap();
        let wanted = golden.get(&format!("answer.{index}"));
        assert_close(&format!("{name} at {timestep}"), &got, wanted, limit);
    }
}

/// The model output at timestep 1.
fn predict(
    unet: &Unet,
    latent: &Tensor,
    text: &Tensor,
    watch: &mut Watch,
) -> Result<Tensor, EngineError> {
    let conditioning = unet.condition(&of_text(text), &[1.0], watch)?;
    unet.predict(latent, 1.0, &conditioning, watch)
}

#[test]
fn what_is_prepared_for_a_whole_run_changes_no_bit() {
    let golden = Golden::read("unet-mixed", "case.safetensors");
    let unet = load(&model("unet-mixed"));
    let (latent, text) = (golden.get("latent"), golden.get("text"));
    let alone = predict(&unet, latent, text, &mut Watch::default()).unwrap();
    let mut watch = Watch::default();
    let conditioning = unet
        .condition(&of_text(text), &[999.0, 1.0, 0.5], &mut watch)
        .unwrap();
    let of_many = unet
        .predict(latent, 1.0, &conditioning, &mut watch)
        .unwrap();
    let numbers = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(numbers(&alone), numbers(&of_many));
    let other = unet.predict(latent, 2.0, &conditioning, &mut watch);
    assert!(matches!(other, Err(EngineError::Internal { .. })));
    assert!(unet.condition(&of_text(text), &[], &mut watch).is_err());
}

#[test]
fn answers_as_diffusers_does() {
    for name in [
        "unet-conv",
        "unet-inpaint",
        "unet-mixed",
        "unet-no-mid",
        "unet-xl",
        "unet-lcm",
    ] {
        check(
            name,
            &load(&model(name)),
            &Golden::read(name, "case.safetensors"),
        );
    }
}

#[test]
fn the_built_in_one_answers_as_diffusers_does() {
    let golden = Golden::read("starter", "unet.safetensors");
    check("starter", &load(&ModelFiles::BuiltIn), &golden);
}

#[test]
fn cancelling_is_answered_at_every_checkpoint() {
    let name = "unet-conv";
    let golden = Golden::read(name, "case.safetensors");
    let unet = load(&model(name));
    let run = |watch: &mut Watch| predict(&unet, golden.get("latent"), golden.get("text"), watch);
    let mut watch = Watch::default();
    run(&mut watch).unwrap();
    // Two residual blocks a level and three on the way up, of two convolutions each, at the least.
    assert!(watch.checkpoints > 40, "only {}", watch.checkpoints);
    for cancel_at in [0, watch.checkpoints / 2, watch.checkpoints - 1] {
        let mut watch = Watch {
            cancel_at: Some(cancel_at),
            ..Watch::default()
        };
        assert_eq!(run(&mut watch).err(), Some(EngineError::Cancelled));
    }
}

#[test]
fn latent_and_text_must_fit_the_network() {
    let golden = Golden::read("unet-conv", "case.safetensors");
    let unet = load(&model("unet-conv"));
    let (latent, text) = (golden.get("latent"), golden.get("text"));
    let narrow = |tensor: &Tensor, axis| tensor.narrow(axis, 0, 1).unwrap();
    for (latent, text) in [
        (narrow(latent, 0), text.clone()),
        (narrow(latent, 1), text.clone()),
        (latent.clone(), narrow(text, 2)),
    ] {
        let answer = predict(&unet, &latent, &text, &mut Watch::default());
        assert!(matches!(answer, Err(EngineError::BadInput { .. })));
    }
}

/// The configuration of a golden with one value changed.
fn config_with(key: &str, value: &str) -> Result<UnetConfig, EngineError> {
    let files = model("unet-conv");
    let mut config: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&files.read("unet/config.json").unwrap()).unwrap();
    config.insert(key.to_owned(), serde_json::from_str(value).unwrap());
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("unet")).unwrap();
    let path = folder.path().join("unet/config.json");
    std::fs::write(path, serde_json::to_vec(&config).unwrap()).unwrap();
    UnetConfig::read(&ModelFiles::Folder(folder.path().to_owned()))
}

#[test]
fn what_cannot_be_run_is_refused_by_name() {
    for (key, value) in [
        ("addition_embed_type", "\"text_image\""),
        ("class_embed_type", "\"timestep\""),
        ("num_class_embeds", "1000"),
        (
            "down_block_types",
            r#"["CrossAttnDownBlock2D", "AttnDownBlock2D"]"#,
        ),
        (
            "up_block_types",
            r#"["SimpleCrossAttnUpBlock2D", "UpBlock2D"]"#,
        ),
        ("mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\""),
        ("only_cross_attention", "[false, true]"),
        ("resnet_time_scale_shift", "\"scale_shift\""),
        ("time_cond_proj_dim", "2"),
        ("cross_attention_dim", "[20, 24]"),
        ("_class_name", "\"UNet3DConditionModel\""),
    ] {
        let error = config_with(key, value).expect_err(key);
        assert!(
            matches!(&error, EngineError::Unsupported { .. }),
            "{key}: {error}"
        );
        let what = error.to_string();
        assert!(what.contains(key), "{key}: {what}");
    }
}

#[test]
fn a_configuration_that_contradicts_itself_is_refused() {
    for (key, value) in [
        ("block_out_channels", "[]"),
        ("block_out_channels", "[8, 17]"),
        ("block_out_channels", "[8, 18446744073709551615]"),
        ("block_out_channels", "\"many\""),
        ("norm_num_groups", "0"),
        ("attention_head_dim", "[2]"),
        ("attention_head_dim", "64"),
        ("layers_per_block", "-1"),
        ("freq_shift", "4"),
        ("down_block_types", "[\"DownBlock2D\"]"),
    ] {
        let error = config_with(key, value).expect_err(key);
        assert!(
            matches!(error, EngineError::ModelFile { .. }),
            "{key}: {error}"
        );
    }
}

#[test]
fn weights_kept_as_in_the_file_give_the_same_answer() {
    let name = "unet-inpaint";
    let unet = load_as(&model(name), Precision::F32_AS_IN_FILE);
    check(name, &unet, &Golden::read(name, "case.safetensors"));
}

/// GPUs compute in f16, by candle's own operators; on the CPU the same code can be run slowly.
#[test]
fn half_precision_goes_through_every_layer() {
    let name = "unet-mixed";
    let unet = load_as(&model(name), Precision::F16);
    check_within(name, &unet, &Golden::read(name, "case.safetensors"), 2e-2);
}

#[test]
fn products_of_bf16_stay_within_two_hundredths() {
    if kernels::Isa::chosen_with_bf16().is_err() {
        return;
    }
    for (files, golden) in [
        (
            ModelFiles::BuiltIn,
            Golden::read("starter", "unet.safetensors"),
        ),
        (
            model("unet-mixed"),
            Golden::read("unet-mixed", "case.safetensors"),
        ),
    ] {
        let unet = load_as(&files, Precision::BF16);
        check_within("bf16", &unet, &golden, 2e-2);
    }
}

#[test]
fn a_network_that_wants_pooled_text_is_not_run_without() {
    let golden = Golden::read("unet-xl", "case.safetensors");
    let unet = load(&model("unet-xl"));
    let (latent, text) = (golden.get("latent"), golden.get("text"));
    let answer = predict(&unet, latent, text, &mut Watch::default());
    assert!(matches!(answer, Err(EngineError::BadInput { .. })));
    let short = golden.get("pooled").narrow(1, 0, 2).unwrap();
    let conditions = Conditions {
        pooled: Some(Pooled {
            text: &short,
            sizes: PictureSizes::of_whole(Extent::new(8, 8)),
        }),
        ..of_text(text)
    };
    let answer = unet.condition(&conditions, &[1.0], &mut Watch::default());
    assert!(matches!(answer, Err(EngineError::BadInput { .. })));
}

/// A refiner reads an aesthetic score in the place of the target size.
#[test]
fn added_widths_must_add_up() {
    let files = model("unet-xl");
    let mut config: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&files.read("unet/config.json").unwrap()).unwrap();
    config.insert("projection_class_embeddings_input_dim".into(), 8.into());
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("unet")).unwrap();
    let path = folder.path().join("unet/config.json");
    std::fs::write(path, serde_json::to_vec(&config).unwrap()).unwrap();
    let answer = UnetConfig::read(&ModelFiles::Folder(folder.path().to_owned()));
    assert!(matches!(answer, Err(EngineError::Unsupported { .. })));
}
