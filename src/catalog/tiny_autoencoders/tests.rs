use super::*;
use crate::catalog::testing::{Numbers, SmallModel, put, safetensors_file, tiny_autoencoder};
use crate::catalog::{Library, ModelRef, open};

/// The decoder as its author writes it in a file of its own: with the clamp before it as a layer.
fn lone_decoder(numbers: &Numbers) -> Numbers {
    let of_decoder = numbers.iter().filter_map(|(name, numbers)| {
        let (number, rest) = name.strip_prefix("decoder.layers.")?.split_once('.')?;
        let number = number.parse::<usize>().ok()? + 1;
        Some((format!("{number}.{rest}"), numbers.clone()))
    });
    of_decoder.collect()
}

/// Those of the user's folder that lie below `room`, with where, of what and by what.
fn found(data_dir: &Path) -> Vec<(String, Option<(LatentSpace, ToldBy)>, bool)> {
    let models = data_dir.join("models");
    let all = Library::open(data_dir).tiny_autoencoders();
    let below = all.iter().filter_map(|tiny| {
        let name = tiny.path.strip_prefix(&models).ok()?.to_str()?.to_owned();
        let space = tiny.space.map(|space| (space.is, space.by));
        Some((name, space, tiny.fault.is_some()))
    });
    below.collect()
}

#[test]
fn a_tiny_autoencoder_is_told_by_its_weights_and_its_space_by_what_says_anything() {
    let room = tempfile::tempdir().unwrap();
    let models = room.path().join("models");
    let whole = tiny_autoencoder(4, 4);
    let bytes = safetensors_file(&whole);
    let weights = "diffusion_pytorch_model.safetensors";
    put(
        &models,
        "fetched/config.json",
        b"{\"_class_name\": \"AutoencoderTiny\", \"_name_or_path\": \"x/taesdxl\"}",
    );
    put(&models, &format!("fetched/{weights}"), &bytes);
    let repository = "models--madebyollin--taesdxl";
    put(&models, &format!("{repository}/refs/main"), b"0abc");
    put(
        &models,
        &format!("{repository}/snapshots/0abc/{weights}"),
        &bytes,
    );
    put(
        &models,
        "taesd_decoder.safetensors",
        &safetensors_file(&lone_decoder(&whole)),
    );
    put(&models, "small.safetensors", &bytes);
    put(&models, "taesd-cut.safetensors", &bytes[..bytes.len() - 9]);
    // None of these is one.
    put(
        &models,
        "taesd-other.safetensors",
        &safetensors_file(&SmallModel::of("sd1").part("vae", &SmallModel::of("sd1").numbers())),
    );
    put(&models, "cut.safetensors", &bytes[..bytes.len() - 9]);
    put(
        &models,
        "taesd_encoder.safetensors",
        &safetensors_file(
            &whole
                .iter()
                .filter(|(name, _)| name.starts_with("enc"))
                .map(|(name, numbers)| (name.clone(), numbers.clone()))
                .collect(),
        ),
    );
    put(&models, "taesd.txt", &bytes);
    // This is a whole model's own.
    put(&models, "whole/model_index.json", b"{}");
    put(&models, &format!("whole/vae/{weights}"), &bytes);
    let (sd, xl) = (LatentSpace::StableDiffusion, LatentSpace::Xl);
    let mut all = found(room.path());
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let wanted = [
        (
            format!("fetched/{weights}"),
            Some((xl, ToldBy::Config)),
            false,
        ),
        (
            format!("{repository}/snapshots/0abc/{weights}"),
            Some((xl, ToldBy::Name)),
            false,
        ),
        ("small.safetensors".to_owned(), None, false),
        (
            "taesd-cut.safetensors".to_owned(),
            Some((sd, ToldBy::Name)),
            true,
        ),
        (
            "taesd_decoder.safetensors".to_owned(),
            Some((sd, ToldBy::Name)),
            false,
        ),
    ];
    assert_eq!(all, wanted);
    // Alone or beside an encoder, the decoder is the same.
    let decoder = |name: &str| {
        TinyAutoencoder::at(&models.join(name))
            .unwrap()
            .decoder()
            .unwrap()
    };
    let (alone, beside) = (
        decoder("taesd_decoder.safetensors"),
        decoder("small.safetensors"),
    );
    assert_eq!(alone.config, beside.config);
    let numbers = |decoder: &TinyDecoder| -> Vec<(String, Vec<u8>)> {
        let weights = decoder.weights.tensors().iter();
        weights
            .map(|(name, stored)| {
                (
                    name.clone(),
                    decoder.weights.bytes_of(stored).unwrap().into_owned(),
                )
            })
            .collect()
    };
    assert!(numbers(&alone) == numbers(&beside));
    assert_eq!(
        numbers(&alone).len(),
        whole.keys().filter(|name| name.starts_with("dec")).count()
    );
}

#[test]
fn each_model_gets_one_of_its_own_latent_space_and_shape() {
    let room = tempfile::tempdir().unwrap();
    let models = room.path().join("models");
    let card = |family: &str| {
        let path = SmallModel::of(family).write_file(room.path(), family);
        open(&ModelRef::at(path)).unwrap()
    };
    let [sd1, sd2, xl] = SmallModel::FAMILIES.map(card);
    let name = |card: &ModelCard| {
        let tiny = Library::open(room.path()).preview_autoencoder(card)?;
        let name = tiny.path.file_stem()?.to_str()?.to_owned();
        Some((name, tiny.fault.is_some())).filter(|_| tiny.path.starts_with(&models))
    };
    let write = |name: &str, numbers: &Numbers| {
        put(
            &models,
            &format!("{name}.safetensors"),
            &safetensors_file(numbers),
        );
    };
    write("a", &tiny_autoencoder(4, 4));
    // Latents of another size, and of other channels.
    write("taesd-2", &tiny_autoencoder(2, 4));
    write("taesd-16", &tiny_autoencoder(4, 16));
    assert_eq!([&sd1, &sd2, &xl].map(name), [None, None, None]);
    let bytes = safetensors_file(&tiny_autoencoder(4, 4));
    put(&models, "taesd-cut.safetensors", &bytes[..bytes.len() / 2]);
    let (sd, cut) = (
        Some(("taesd-f".to_owned(), false)),
        Some(("taesd-cut".to_owned(), true)),
    );
    assert_eq!([&sd1, &sd2, &xl].map(name), [cut.clone(), cut, None]);
    write("taesd-f", &tiny_autoencoder(4, 4));
    assert_eq!([&sd1, &sd2, &xl].map(name), [sd.clone(), sd.clone(), None]);
    write("taesdxl", &tiny_autoencoder(4, 4));
    let of_xl = Some(("taesdxl".to_owned(), false));
    assert_eq!([&sd1, &sd2, &xl].map(name), [sd.clone(), sd, of_xl]);
    // A model of its own kind has latents of its own.
    assert_eq!(open(&ModelRef::BuiltIn).unwrap().latent_space, None);
}

#[test]
fn names_are_hints() {
    use LatentSpace::{StableDiffusion, Xl};
    for (path, space) in [
        ("/m/vae_approx/taesd_decoder.pth", Some(StableDiffusion)),
        ("/m/vae_approx/taesdxl_decoder.pth", Some(Xl)),
        ("/m/SDXL/TAESD.safetensors", Some(StableDiffusion)),
        ("/m/SDXL/tiny.safetensors", Some(Xl)),
        (
            "/m/taesd/diffusion_pytorch_model.bin",
            Some(StableDiffusion),
        ),
        ("/m/taesd3_decoder.pth", None),
        ("/m/taef1_decoder.pth", None),
        ("/m/vae/tiny.safetensors", None),
    ] {
        let told = by_name(Path::new(path)).map(|space| space.is);
        assert_eq!(told, space, "{path}");
    }
}

#[test]
fn sums_are_whole_and_only_files_of_their_lengths_are_read() {
    let mut sums: Vec<&str> = KNOWN.iter().map(|known| known.1).collect();
    let is_sum =
        |sum: &str| sum.len() == 64 && sum.bytes().all(|b| b"0123456789abcdef".contains(&b));
    assert!(sums.iter().all(|sum| is_sum(sum)));
    sums.sort_unstable();
    sums.dedup();
    assert_eq!(sums.len(), KNOWN.len());
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("x.safetensors");
    std::fs::write(&path, vec![0; 2_450_590]).unwrap();
    assert_eq!(by_checksum(&path, 2_450_590), None);
    assert_eq!(by_checksum(Path::new("/nowhere"), 7), None);
}
