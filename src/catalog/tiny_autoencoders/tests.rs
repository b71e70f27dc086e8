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

/// Its name in the user's folder, of what it is and by what, and whether it is broken.
type Found = (String, Option<(LatentSpace, ToldBy)>, bool);

/// Those of the user's folder.
fn found(data_dir: &Path) -> Vec<Found> {
    let models = data_dir.join("models");
    let all = Library::open(data_dir).tiny_autoencoders();
    let below = all.iter().filter_map(|tiny| {
        let name = tiny.path.strip_prefix(&models).ok()?.to_str()?.to_owned();
        let space = tiny.space.map(|space| (space.is, space.by));
        Some((name, space, tiny.fault.is_some()))
    });
    below.collect()
}

const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";

#[test]
fn the_latent_space_is_told_by_what_says_anything() {
    let room = tempfile::tempdir().unwrap();
    let models = room.path().join("models");
    let whole = tiny_autoencoder(4, 4);
    let bytes = safetensors_file(&whole);
    let config = b"{\"_class_name\": \"AutoencoderTiny\", \"_name_or_path\": \"x/taesdxl\"}";
    put(&models, "fetched/config.json", config);
    let repository = "models--madebyollin--taesdxl";
    put(&models, &format!("{repository}/refs/main"), b"0abc");
    let alone = safetensors_file(&lone_decoder(&whole));
    let snapshot = format!("{repository}/snapshots/0abc/{WEIGHTS}");
    let (sd, xl) = (LatentSpace::StableDiffusion, LatentSpace::Xl);
    let wanted = [
        (
            format!("fetched/{WEIGHTS}"),
            &bytes[..],
            Some((xl, ToldBy::Config)),
        ),
        (snapshot, &bytes, Some((xl, ToldBy::Name))),
        ("small.safetensors".to_owned(), &bytes, None),
        (
            "taesd-cut.safetensors".to_owned(),
            &bytes[..bytes.len() - 9],
            Some((sd, ToldBy::Name)),
        ),
        (
            "taesd_decoder.safetensors".to_owned(),
            &alone,
            Some((sd, ToldBy::Name)),
        ),
    ];
    for (name, bytes, _) in &wanted {
        put(&models, name, bytes);
    }
    let mut all = found(room.path());
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let wanted = wanted.map(|(name, _, space)| {
        let is_cut = name.contains("cut");
        (name, space, is_cut)
    });
    assert_eq!(all, wanted);
}

#[test]
fn only_what_decodes_pictures_is_one_and_no_whole_models_own() {
    let room = tempfile::tempdir().unwrap();
    let models = room.path().join("models");
    let whole = tiny_autoencoder(4, 4);
    let bytes = safetensors_file(&whole);
    let sd1 = SmallModel::of("sd1");
    let mut encoder = whole.clone();
    encoder.retain(|name, _| name.starts_with("encoder."));
    for (name, bytes) in [
        (
            "taesd-other.safetensors",
            &safetensors_file(&sd1.part("vae", &sd1.numbers()))[..],
        ),
        ("taesd_encoder.safetensors", &safetensors_file(&encoder)),
        // Nothing says that it would be one.
        ("cut.safetensors", &bytes[..bytes.len() - 9]),
        ("taesd.txt", &bytes),
        ("whole/model_index.json", b"{}"),
        (&format!("whole/vae/{WEIGHTS}"), &bytes),
    ] {
        put(&models, name, bytes);
    }
    assert_eq!(found(room.path()), []);
}

#[test]
fn alone_or_beside_an_encoder_the_decoder_is_the_same() {
    let room = tempfile::tempdir().unwrap();
    let whole = tiny_autoencoder(4, 4);
    put(
        room.path(),
        "alone.safetensors",
        &safetensors_file(&lone_decoder(&whole)),
    );
    put(room.path(), "beside.safetensors", &safetensors_file(&whole));
    let [alone, beside] = ["alone.safetensors", "beside.safetensors"].map(|name| {
        let tiny = TinyAutoencoder::at(&room.path().join(name)).unwrap();
        tiny.decoder().unwrap()
    });
    assert_eq!(alone.config, beside.config);
    let numbers = |decoder: &TinyDecoder| -> Vec<(String, Vec<u8>)> {
        let weights = decoder.weights.tensors().iter();
        let bytes = |stored| decoder.weights.bytes_of(stored).unwrap().into_owned();
        weights
            .map(|(name, stored)| (name.clone(), bytes(stored)))
            .collect()
    };
    assert!(numbers(&alone) == numbers(&beside));
    let count = whole
        .keys()
        .filter(|name| name.starts_with("decoder."))
        .count();
    assert_eq!(numbers(&alone).len(), count);
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
