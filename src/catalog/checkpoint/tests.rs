use std::path::Path;

use safetensors::tensor::TensorView;

use super::*;
use crate::catalog::testing::{SmallModel, put, safetensors_file};
use crate::catalog::{ModelFiles, ModelRef, PredictionType, ToldBy, open};

fn weights_name(part: &str) -> String {
    let stem = if part.starts_with("text") {
        "model"
    } else {
        "diffusion_pytorch_model"
    };
    format!("{part}/{stem}.safetensors")
}

#[track_caller]
fn write(folder: &Path, name: &str, numbers: &crate::catalog::testing::Numbers) -> ModelRef {
    put(folder, name, &safetensors_file(numbers));
    ModelRef::at(folder.join(name))
}

#[test]
fn every_weight_has_the_name_and_the_numbers_that_diffusers_gives_it() {
    let folder = tempfile::tempdir().unwrap();
    for family in SmallModel::FAMILIES {
        let small = SmallModel::of(family);
        let files = ModelFiles::of(&ModelRef::at(small.write_file(folder.path(), family)));
        let numbers = small.numbers();
        for part in small.parts() {
            let shards = files.weights(&weights_name(part)).unwrap().unwrap();
            let [ours] = &shards[..] else {
                panic!("{part}")
            };
            let wanted = small.part(part, &numbers);
            for (name, (shape, bytes)) in &wanted {
                let stored = ours.tensors().get(name);
                let stored = stored.unwrap_or_else(|| panic!("{family} {part} lacks {name}"));
                assert_eq!(&stored.shape, shape, "{family} {part} {name}");
                assert!(*ours.bytes_of(stored).unwrap() == bytes[..], "{name}");
            }
            let unused = family == "sd2-v" && part == "text_encoder";
            for name in ours.tensors().keys() {
                // The last layer of SD 2's text encoder lies there and is not read.
                let known = wanted.contains_key(name) || (unused && name.contains(".layers.2."));
                assert!(known, "{family} {part} has {name}");
            }
        }
    }
}

#[test]
fn the_card_of_a_checkpoint_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let small = SmallModel::of("sd2-v");
    let path = small.write_file(folder.path(), "my model_v2");
    let card = open(&ModelRef::at(path.clone())).unwrap();
    assert_eq!((&*card.name, &*card.id), ("my model_v2", "my model_v2"));
    assert_eq!(card.traits.prediction_type, PredictionType::VPrediction);
    // A bias of little spread, or what the user says, makes it another kind.
    let mut chosen = ModelFile {
        prediction: Some(PredictionType::Epsilon),
        ..ModelFile::at(path)
    };
    let card = open(&ModelRef::File(chosen.clone())).unwrap();
    assert_eq!(card.traits.prediction_type, PredictionType::Epsilon);
    let mut numbers = small.numbers();
    let telling =
        "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias".to_owned();
    numbers.get_mut(&telling).unwrap().1.fill(0);
    let still = write(folder.path(), "still.safetensors", &numbers);
    let card = open(&still).unwrap();
    assert_eq!(card.traits.prediction_type, PredictionType::Epsilon);
    chosen.path = folder.path().join("still.safetensors");
    chosen.prediction = Some(PredictionType::VPrediction);
    let card = open(&ModelRef::File(chosen)).unwrap();
    assert_eq!(card.traits.prediction_type, PredictionType::VPrediction);
}

#[test]
fn what_shapes_cannot_tell_is_told_by_the_surest_that_says_anything() {
    let folder = tempfile::tempdir().unwrap();
    let small = SmallModel::of("xl-inpaint");
    let path = small.write_file(folder.path(), "thing_vpred_lightning");
    let told = |file: &ModelFile| {
        let card = open(&ModelRef::File(file.clone())).unwrap();
        assert_eq!(card.family, Family::Xl);
        (card.facts.unwrap(), card.traits, card.defaults)
    };
    // By its name, which is a guess.
    let mut file = ModelFile::at(path.clone());
    let (facts, traits, _) = told(&file);
    assert_eq!(facts.prediction.by, ToldBy::Name);
    assert_eq!(traits.prediction_type, PredictionType::VPrediction);
    assert_eq!(facts.distillation.is, Distillation::Lightning);
    assert_eq!((facts.native_px.is, traits.native_px), (1024, 1024));
    assert!(traits.few_steps);
    // By a configuration beside it.
    put(
        folder.path(),
        "thing_vpred_lightning.json",
        b"{\"prediction_type\": \"epsilon\"}",
    );
    let (facts, traits, defaults) = told(&file);
    assert_eq!(facts.prediction.by, ToldBy::Config);
    assert_eq!(traits.prediction_type, PredictionType::Epsilon);
    assert_eq!((&*defaults.sampler, defaults.guidance), ("euler", 1.0));
    // By hand.
    file.prediction = Some(PredictionType::VPrediction);
    file.distillation = Some(Distillation::Turbo);
    file.native_px = Some(768);
    let (facts, traits, defaults) = told(&file);
    assert_eq!(facts.native_px.by, ToldBy::Hand);
    assert_eq!((traits.native_px, &*defaults.sampler), (768, "euler_a"));
    assert_eq!(traits.prediction_type, PredictionType::VPrediction);
    // A known sum is less sure than a configuration, and surer than a name.
    file.is_known = true;
    let (facts, traits, _) = told(&file);
    assert_eq!(facts.prediction.by, ToldBy::Config);
    assert_eq!(traits.prediction_type, PredictionType::Epsilon);
    assert_eq!(facts.distillation.by, ToldBy::Checksum);
    assert_eq!(facts.distillation.is, Distillation::Turbo);
    file.is_known = false;
    file.distillation = Some(Distillation::None);
    let (facts, traits, _) = told(&file);
    assert_eq!(facts.distillation.by, ToldBy::Hand);
    assert!(!traits.few_steps);
}

#[test]
fn what_a_checkpoint_lacks_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let whole = SmallModel::of("sd1").numbers();
    for (prefix, part) in [
        ("first_stage_model.", Part::Autoencoder),
        ("cond_stage_model.", Part::TextEncoder),
        ("model.diffusion_model.out.2.", Part::Unet),
    ] {
        let mut numbers = whole.clone();
        numbers.retain(|name, _| !name.starts_with(prefix));
        let model = write(folder.path(), "cut.safetensors", &numbers);
        let path = folder.path().join("cut.safetensors");
        assert_eq!(open(&model), Err(CatalogError::Incomplete { path, part }));
    }
}

#[test]
fn an_autoencoder_of_its_own_is_read_in_all_its_namings() {
    let folder = tempfile::tempdir().unwrap();
    let small = SmallModel::of("sd1");
    let whole = small.numbers();
    let mut without = whole.clone();
    without.retain(|name, _| !name.starts_with("first_stage_model."));
    let model = write(folder.path(), "no-vae.safetensors", &without);
    let below = |name: &str| name.strip_prefix("first_stage_model.").map(str::to_owned);
    let bare = whole
        .iter()
        .filter_map(|(name, numbers)| Some((below(name)?, numbers.clone())));
    let namings = [
        ("whole", whole.clone()),
        ("bare", bare.collect()),
        ("diffusers", small.part("vae", &whole)),
    ];
    let wanted = small.part("vae", &whole);
    for (naming, numbers) in namings {
        let name = format!("{naming}.safetensors");
        write(folder.path(), &name, &numbers);
        let with = model.clone().with_vae(&folder.path().join(&name)).unwrap();
        assert!(open(&with).is_ok(), "{naming}");
        let files = ModelFiles::of(&with);
        let shards = files.weights(VAE).unwrap().unwrap();
        for (name, (shape, bytes)) in &wanted {
            let stored = &shards[0].tensors()[name];
            assert_eq!(&stored.shape, shape);
            assert!(*shards[0].bytes_of(stored).unwrap() == bytes[..], "{name}");
        }
    }
    let wrong = model
        .clone()
        .with_vae(&folder.path().join("no-vae.safetensors"));
    let error = open(&wrong.unwrap()).unwrap_err();
    assert!(matches!(error, CatalogError::Foreign { .. }), "{error}");
    assert!(ModelRef::BuiltIn.with_vae(folder.path()).is_err());
}

#[test]
fn a_tiny_autoencoder_is_read_in_all_its_namings() {
    let folder = tempfile::tempdir().unwrap();
    let model = SmallModel::of("sd1").write_file(folder.path(), "sd1");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/data/families/taesd/vae");
    let wanted = TensorFile::open(&golden.join("diffusion_pytorch_model.safetensors")).unwrap();
    // Its author's numbers: the clamp before the decoder is one of the layers.
    let own = |name: &str| {
        let (half, number) = name.split_once(".layers.").unwrap();
        let (number, rest) = number.split_once('.').unwrap();
        let number = number.parse::<usize>().unwrap() + usize::from(half == "decoder");
        (half.to_owned(), format!("{number}.{rest}"))
    };
    let of_golden = wanted.tensors().iter();
    let numbers: BTreeMap<&String, Vec<u8>> = of_golden
        .map(|(name, stored)| (name, wanted.bytes_of(stored).unwrap().into_owned()))
        .collect();
    let write = |file: &str, name_of: &dyn Fn(&str) -> Option<String>| {
        let named = wanted.tensors().iter().filter_map(|(name, stored)| {
            let view = TensorView::new(stored.dtype, stored.shape.clone(), &numbers[name]);
            Some((name_of(name)?, view.unwrap()))
        });
        let bytes = safetensors::serialize(named, None).unwrap();
        put(folder.path(), file, &bytes);
    };
    let half = |which: &'static str| {
        move |name: &str| {
            Some(own(name))
                .filter(|(half, _)| half == which)
                .map(|(_, rest)| rest)
        }
    };
    let prefixed = |prefix: &'static str| {
        move |name: &str| Some(own(name)).map(|(half, rest)| format!("{prefix}{half}.{rest}"))
    };
    write("diffusers.safetensors", &|name| Some(name.to_owned()));
    write("taesd_encoder.safetensors", &half("encoder"));
    write("taesd_decoder.safetensors", &half("decoder"));
    write("comfy.safetensors", &prefixed("taesd_"));
    write("both.safetensors", &prefixed(""));
    for name in [
        "diffusers",
        "taesd_encoder",
        "taesd_decoder",
        "comfy",
        "both",
    ] {
        let vae = folder.path().join(format!("{name}.safetensors"));
        let files = ModelFiles::of(&ModelRef::at(model.clone()).with_vae(&vae).unwrap());
        let shards = files.weights(VAE).unwrap().unwrap();
        let found: BTreeMap<&String, Vec<u8>> = shards
            .iter()
            .flat_map(|shard| {
                let weights = shard.tensors().iter();
                weights.map(|(name, stored)| (name, shard.bytes_of(stored).unwrap().into_owned()))
            })
            .collect();
        assert!(found == numbers, "{name}");
        let [made, golden] = [
            files.read("vae/config.json").unwrap().into_owned(),
            std::fs::read(golden.join("config.json")).unwrap(),
        ]
        .map(|bytes| serde_json::from_slice::<Value>(&bytes).unwrap());
        // diffusers leaves it out of older files.
        let none = json!(0.0);
        for (key, value) in made.as_object().unwrap() {
            assert_eq!(golden.get(key).unwrap_or(&none), value, "{name}: {key}");
        }
    }
    // The folder will do.
    let of_folder = ModelRef::at(model.clone()).with_vae(folder.path()).unwrap();
    let of_file = ModelRef::at(model.clone());
    let file = folder.path().join("taesd_encoder.safetensors");
    assert_eq!(of_folder, of_file.with_vae(&file).unwrap());
    // One half alone says so.
    std::fs::remove_file(folder.path().join("taesd_decoder.safetensors")).unwrap();
    let path = folder.path().join("taesd_encoder.safetensors");
    let alone = ModelRef::at(model).with_vae(&path).unwrap();
    let part = Part::OtherHalf;
    assert_eq!(open(&alone), Err(CatalogError::Incomplete { path, part }));
}

#[test]
fn tokenizers_differ_in_their_padding() {
    let folder = tempfile::tempdir().unwrap();
    let pads = |family: &str, name: &str| {
        let path = SmallModel::of(family).write_file(folder.path(), family);
        let bytes = ModelFiles::of(&ModelRef::at(path)).read(name).ok()?;
        let map: Value = serde_json::from_slice(&bytes).unwrap();
        Some(map["pad_token"].as_str().unwrap().to_owned())
    };
    const FIRST: &str = "tokenizer/special_tokens_map.json";
    const SECOND: &str = "tokenizer_2/special_tokens_map.json";
    assert_eq!(pads("sd1", FIRST).as_deref(), Some("<|endoftext|>"));
    assert_eq!(pads("sd1", SECOND), None);
    assert_eq!(pads("sd2-v", FIRST).as_deref(), Some("!"));
    assert_eq!(pads("xl-inpaint", FIRST).as_deref(), Some("<|endoftext|>"));
    assert_eq!(pads("xl-inpaint", SECOND).as_deref(), Some("!"));
}
