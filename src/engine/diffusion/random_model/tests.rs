use super::super::blueprint::Role;
use super::*;
use crate::engine::diffusion::testing::NoProgress;
use crate::engine::diffusion::{EngineOptions, LoadedPart};
use crate::engine::nn::device::DeviceChoice;
use crate::geometry::Extent;

/// The blueprint of a part of a model at 512 × 512 pixels, for two prompts or one picture.
fn blueprint(model: RandomModel, part: Part) -> Blueprint {
    let folder = tempfile::tempdir().unwrap();
    model.write(folder.path(), &[]).unwrap();
    let files = ModelFiles::Folder(folder.path().to_owned());
    let grid = |pictures, side| Grid {
        pictures,
        height: side,
        width: side,
    };
    match part {
        Part::Unet => UnetConfig::read(&files).unwrap().blueprint(grid(2, 64), 77),
        Part::TextEncoder => TextEncoderConfig::read(&files).unwrap().blueprint(2),
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
        (RandomModel::Sdxl, 1676, 2_562_218_244, 3_177_536_552_960),
    ] {
        let unet = blueprint(model, Part::Unet);
        assert_eq!(
            (unet.weights.len(), numbers(&unet)),
            (weights, parameters),
            "{model:?}"
        );
        // Torch embeds the same time once for each picture, and we once for both.
        let time = unet.weights.iter().filter(|w| w.name.contains("time_emb"));
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
}

#[test]
fn every_part_of_the_tiny_one_loads_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let parts = Part::ALL;
    RandomModel::Tiny.write(folder.path(), &parts).unwrap();
    let model = crate::catalog::ModelRef::Folder(folder.path().to_owned());
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        ..EngineOptions::default()
    };
    for part in parts {
        let loaded = LoadedPart::load(&model, part, options, &mut NoProgress).unwrap();
        let work = loaded.inputs(Extent::new(32, 16)).unwrap();
        assert!(work.flops() > 0);
        let answer = loaded.forward(&work, &mut NoProgress).unwrap();
        let mean_square = answer.mean_square().unwrap();
        // Numbers stay around 1 from one end to the other.
        assert!(
            (0.01..30.0).contains(&mean_square),
            "{part:?}: {mean_square}"
        );
        let again = loaded.forward(&work, &mut NoProgress).unwrap();
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

#[test]
fn what_has_no_text_encoder_says_so_and_its_unet_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    RandomModel::Sdxl
        .write(folder.path(), &[Part::TextEncoder])
        .unwrap();
    assert!(!folder.path().join("text_encoder").exists());
    let files = ModelFiles::Folder(folder.path().to_owned());
    assert_eq!(UnetConfig::read(&files).unwrap().cross_attention_dim, 2048);
}
