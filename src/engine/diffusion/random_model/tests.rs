use super::super::blueprint::Role;
use super::*;
use crate::engine::Unwatched;
use crate::engine::diffusion::{EngineOptions, LoadedPart};
use crate::engine::nn::device::DeviceChoice;
use crate::geometry::Extent;

/// The blueprint of a part of a model at 512 × 512 pixels, for two prompts or one picture.
fn blueprint(model: RandomModel, part: Part) -> Blueprint {
    let folder = tempfile::tempdir().unwrap();
    model.write(folder.path(), &[]).unwrap();
    let files = ModelFiles::Folder(folder.path().to_owned());
    let text_encoder = |place| TextEncoderConfig::read(&files, place).unwrap();
    let grid = |pictures, side| Grid {
        pictures,
        height: side,
        width: side,
    };
    match part {
        Part::Unet => UnetConfig::read(&files).unwrap().blueprint(grid(2, 64), 77),
        Part::TextEncoder => text_encoder(Place::First).blueprint(2),
        Part::TextEncoder2 => text_encoder(Place::Second).blueprint(2),
        Part::VaeEncoder => VaeConfig::read(&files)
            .unwrap()
            .encoder_blueprint(grid(1, 512)),
        Part::VaeDecoder => VaeConfig::read(&files)
            .unwrap()
            .decoder_blueprint(grid(1, 64)),
    }
}

fn numbers(blueprint: &Blueprint) -> usize {
    let sizes = blueprint
        .weights
        .iter()
        .map(|w| w.shape.iter().product::<usize>());
    sizes.sum()
}

/// Weights, numbers and FLOPs as PyTorch counts them: `benches/peers/count.py`.
#[test]
fn measures_and_flops_are_those_that_torch_counts() {
    for (model, weights, parameters, torch_flops) in [
        (RandomModel::Sd15, 686, 859_520_964, 1_606_546_882_560_u64),
        (
            RandomModel::Sd15Inpaint,
            686,
            859_535_364,
            1_606_782_812_160,
        ),
        (RandomModel::Sdxl, 1680, 2_567_463_684, 3_177_557_524_480),
    ] {
        let unet = blueprint(model, Part::Unet);
        assert_eq!(
            (unet.weights.len(), numbers(&unet)),
            (weights, parameters),
            "{model:?}"
        );
        // Torch embeds the same time once for each picture, and we once for both, where it stays the same.
        let shared = match model {
            RandomModel::Sdxl => "time_embedding",
            _ => "time_emb",
        };
        let time = unet.weights.iter().filter(|w| w.name.contains(shared));
        let time = time.filter(|w| w.shape.len() == 2);
        let once: usize = time.map(|w| w.shape.iter().product::<usize>()).sum();
        assert_eq!(unet.flops + 2 * once as u64, torch_flops, "{model:?}");
    }
    let [encode, decode] =
        [Part::VaeEncoder, Part::VaeDecoder].map(|part| blueprint(RandomModel::Sd15, part));
    assert_eq!(encode.weights.len() + decode.weights.len(), 248);
    assert_eq!(numbers(&encode) + numbers(&decode), 83_653_863);
    assert_eq!(
        (encode.flops, decode.flops),
        (1_116_658_466_816, 2_514_518_933_504)
    );
    let text = blueprint(RandomModel::Sd15, Part::TextEncoder);
    assert_eq!(
        (text.weights.len(), numbers(&text), text.flops),
        (196, 123_060_480, 26_597_007_360)
    );
    // Of those whose FLOPs were not counted elsewhere, the numbers that are told of the files.
    for (model, part, parameters) in [
        (RandomModel::Sd21, Part::Unet, 865_910_724),
        (RandomModel::Sd21, Part::TextEncoder, 340_387_840),
        (RandomModel::Sdxl, Part::TextEncoder, 123_060_480),
        (RandomModel::Sdxl, Part::TextEncoder2, 694_659_840),
    ] {
        let numbers = numbers(&blueprint(model, part));
        assert_eq!(numbers, parameters, "{model:?} {part:?}");
    }
}

#[test]
fn every_part_of_the_tiny_one_loads_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    RandomModel::Tiny.write(folder.path(), &Part::ALL).unwrap();
    let model = crate::catalog::ModelRef::Folder(folder.path().to_owned());
    let parts = Part::ALL.into_iter().filter(|part| part.is_in(&model));
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        ..EngineOptions::default()
    };
    for part in parts {
        let loaded = LoadedPart::load(&model, part, options, &mut Unwatched).unwrap();
        let work = loaded.inputs(Extent::new(32, 16), true).unwrap();
        assert!(work.flops() > 0);
        let answer = loaded.forward(&work, &mut Unwatched).unwrap();
        let mean_square = answer.mean_square().unwrap();
        // Numbers stay around 1 from one end to the other.
        assert!(
            (0.01..30.0).contains(&mean_square),
            "{part:?}: {mean_square}"
        );
        let again = loaded.forward(&work, &mut Unwatched).unwrap();
        assert_eq!(again.mean_square().unwrap(), mean_square);
    }
    assert!(crate::catalog::open(&model).is_ok());
}

#[test]
fn weights_are_the_same_every_time_and_spread_as_planned() {
    let weight = |name: &str, role| PlannedWeight {
        name: name.to_owned(),
        shape: vec![100, 99],
        role,
    };
    let drawn = |name, role| -> Vec<f32> {
        let bytes = numbers::f16_bytes(&weight(name, role));
        let pairs = bytes.chunks_exact(2);
        pairs
            .map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect()
    };
    let role = Role::Matrix { fan_in: 12 };
    let first = drawn("a", role);
    assert_eq!(first, drawn("a", role));
    assert_ne!(first, drawn("b", role));
    let count = first.len() as f32;
    let mean = first.iter().sum::<f32>() / count;
    let variance = first.iter().map(|x| x * x).sum::<f32>() / count;
    assert!(mean.abs() < 0.01 && (variance * 12.0 - 1.0).abs() < 0.03);
    assert!(first.iter().all(|x| x.abs() <= 0.5));
    let scales = drawn("a", Role::NormScale);
    assert!(scales.iter().all(|x| (0.899..1.101).contains(x)));
    // No two chunks alike.
    assert_ne!(first[..100], first[4096..4196]);
}
