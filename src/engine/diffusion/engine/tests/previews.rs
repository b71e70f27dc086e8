//! Previews by a tiny autoencoder that lies among the models.

use super::checkpoints::both;
use super::*;
use crate::catalog::testing::{Numbers, put, safetensors_file, tiny_autoencoder};
use crate::engine::PreviewReport;
use crate::engine::diffusion::demands_of;

const STEPS: u32 = 24;

/// From noise alone, so that the picture's own encoder has no part in it.
fn input(model: ModelRef) -> EngineInput {
    EngineInput {
        model,
        image: RgbF32::filled(Extent::new(64, 64), [0.5; 3]),
        strength: Strength::new(1.0).unwrap(),
        steps: Steps::new(STEPS).unwrap(),
        sampler: SamplerId::Euler,
        ..tiny()
    }
}

/// What a run with that engine gives, and the previews it shows.
fn watched(engine: &mut DiffusionEngine, model: &ModelRef) -> (EngineOutput, Vec<RgbF32>) {
    let mut watch = Watch::default();
    let output = engine.run(&input(model.clone()), &mut watch).unwrap();
    (output, watch.previews)
}

fn sides(previews: &[RgbF32]) -> Vec<u32> {
    previews
        .iter()
        .map(|preview| preview.extent.width)
        .collect()
}

/// An engine whose user has these tiny autoencoders among the models, and their files.
fn engine_beside(room: &Path, files: &[(&str, &[u8])]) -> DiffusionEngine {
    for (name, bytes) in files {
        put(&room.join("models"), name, bytes);
    }
    engine().with_previews_in(room.to_owned())
}

#[test]
fn what_lies_among_the_models_shows_previews_and_changes_no_picture() {
    let room = tempfile::tempdir().unwrap();
    let [_, model] = both("sd1", room.path());
    let bytes = safetensors_file(&tiny_autoencoder(4, 4));
    let mut beside = engine_beside(room.path(), &[("taesd.safetensors", &bytes)]);
    let (plain, rough) = watched(&mut engine(), &model);
    assert_eq!(sides(&rough), [8; STEPS as usize]);
    assert_eq!(plain.report.previews, PreviewReport::default());
    let (shown, previews) = watched(&mut beside, &model);
    assert!(shown.image == plain.image);
    let file = room.path().join("models/taesd.safetensors");
    assert_eq!(shown.report.previews.autoencoder.as_ref(), Some(&file));
    assert_eq!(shown.report.previews.fault, None);
    // Rough ones until the first that was decoded; from then on only such.
    let decoded = previews
        .iter()
        .filter(|it| it.extent == plain.image.extent)
        .count();
    assert!(
        decoded > 1 && decoded < previews.len(),
        "{:?}",
        sides(&previews)
    );
    let (first, rest) = previews.split_at(previews.len() - decoded);
    assert!(first == &rough[..first.len()]);
    assert!(rest.windows(2).all(|pair| pair[0] != pair[1]));
    // Behind the last step nothing is left to do but to decode, which this model does with the same decoder.
    let own = model.clone().with_vae(&file).unwrap();
    let result = engine().run(&input(own), &mut Unwatched).unwrap().image;
    let error = relative_error(&planes(rest.last().unwrap()), &planes(&result));
    assert!(error < 1e-5, "{error:e}");
    // Nobody looks: nothing is read for it.
    let mut unseen = engine().with_previews_in(room.path().to_owned());
    let output = unseen.run(&input(model.clone()), &mut Unwatched).unwrap();
    assert!(output.image == plain.image);
    assert_eq!(output.report.previews, PreviewReport::default());
    // Its weights and what it needs are forecast.
    let of = |previews_in| demands_of(&model, EngineOptions::default(), previews_in).unwrap();
    let (without, with) = (of(None), of(Some(room.path())));
    let more = with.weights_bytes() - without.weights_bytes();
    assert!(more > 1e4 && more < bytes.len() as f64 * 2.0, "{more}");
}

#[test]
fn a_decoder_of_another_latent_space_is_not_used() {
    let room = tempfile::tempdir().unwrap();
    let bytes = safetensors_file(&tiny_autoencoder(4, 4));
    for (family, wrong, right) in [
        ("sd1", "taesdxl.safetensors", "taesd.safetensors"),
        ("xl-inpaint", "taesd.safetensors", "taesdxl.safetensors"),
    ] {
        let here = room.path().join(family);
        std::fs::create_dir_all(&here).unwrap();
        let [_, model] = both(family, &here);
        let (output, previews) = watched(&mut engine_beside(&here, &[(wrong, &bytes)]), &model);
        assert_eq!(output.report.previews, PreviewReport::default(), "{family}");
        assert_eq!(sides(&previews), [8; STEPS as usize], "{family}");
        let (_, previews) = watched(&mut engine_beside(&here, &[(right, &bytes)]), &model);
        assert!(sides(&previews).contains(&64), "{family}");
    }
}

/// The same with every weight at the largest number: each is finite, but not what is decoded with them.
fn overflowing(numbers: &Numbers) -> Numbers {
    let largest = |bytes: &[u8]| half::f16::MAX.to_le_bytes().repeat(bytes.len() / 2);
    let numbers = numbers.iter();
    let weights =
        numbers.map(|(name, (shape, bytes))| (name.clone(), (shape.clone(), largest(bytes))));
    weights.collect()
}

#[test]
fn one_that_is_broken_is_said_once_and_previews_are_rough() {
    let room = tempfile::tempdir().unwrap();
    let [_, model] = both("sd1", room.path());
    let (plain, rough) = watched(&mut engine(), &model);
    let good = tiny_autoencoder(4, 4);
    let bytes = safetensors_file(&good);
    let mut spoilt = good.clone();
    // The encoder is not read.
    let weight = spoilt.get_mut("decoder.layers.0.weight").unwrap();
    weight.1[..2].copy_from_slice(&half::f16::NAN.to_le_bytes());
    let not_a_number = safetensors_file(&spoilt);
    let overflows = safetensors_file(&overflowing(&good));
    for (what, broken) in [
        ("cut off", &bytes[..bytes.len() - 1]),
        ("not a number", &not_a_number),
        ("overflows", &overflows),
    ] {
        let mut engine = engine_beside(room.path(), &[("taesd.safetensors", broken)]);
        for run in 0..2 {
            let (output, previews) = watched(&mut engine, &model);
            assert!(output.image == plain.image, "{what}");
            assert!(previews == rough, "{what}");
            let PreviewReport { autoencoder, fault } = output.report.previews;
            assert_eq!(autoencoder, None, "{what}");
            assert_eq!(fault.is_some(), run == 0, "{what} {run}");
        }
    }
}
