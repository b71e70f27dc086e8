//! LoRAs in every naming, against what diffusers makes of the weights (`tests/golden/loras.py`).

use std::collections::BTreeSet;

use super::*;
use crate::catalog::{LoraRef, ModelRef};
use crate::engine::nn::goldens::{Watch, relative_error};

/// A file or folder under `tests/golden/data`.
fn golden_path(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/golden/data").join(name)
}

/// A folder with the parts of SD 1 or SDXL that LoRAs change.
fn model(folder: &Path, is_xl: bool) -> ModelFiles {
    let from = |family: &str| golden_path("families").join(family);
    let own = from(if is_xl { "sdxl" } else { "sd1" });
    let mut parts = vec![(from("sd1"), "text_encoder", "model")];
    parts.push((own.clone(), "unet", "diffusion_pytorch_model"));
    if is_xl {
        parts.push((own, "text_encoder_2", "model"));
    }
    for (root, part, stem) in parts {
        let name = format!("{part}/{stem}.safetensors");
        put(folder, &name, &std::fs::read(root.join(&name)).unwrap());
    }
    ModelFiles::of(&ModelRef::Folder(folder.to_owned()))
}

#[test]
fn weights_with_a_lora_are_those_of_diffusers() {
    for (name, is_xl, changed) in [
        ("kohya", false, 90),
        ("kohya-xl", true, 142),
        ("kohya-xl-original", true, 112),
        ("dotted", false, 90),
        ("processors", false, 40),
        ("peft", false, 28),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let lora = |name: String| golden_path("loras").join(name);
        let found = LoraRef::at(&lora(format!("{name}.safetensors"))).unwrap();
        let files = model(folder.path(), is_xl);
        let files = files.with_loras(&[(found, 0.7)]).unwrap();
        let fused =
            candle_core::safetensors::load(lora(format!("{name}.fused.safetensors")), &Device::Cpu)
                .unwrap();
        assert_eq!(fused.len(), changed, "{name}");
        for (place, wanted) in BTreeMap::from_iter(fused) {
            let (part, weight) = place.split_once('/').unwrap();
            let stem = match part {
                "unet" => "diffusion_pytorch_model",
                _ => "model",
            };
            let file = format!("{part}/{stem}.safetensors");
            let weights = Weights::open(&files, &[&file], &Device::Cpu, Precision::F32).unwrap();
            // transformers 5 loads without the first part of a name that files may have.
            let prefixed = format!("text_model.{weight}");
            let weight = if weights.has(weight) {
                weight
            } else {
                &prefixed
            };
            let ours = weights.tensor(weight, wanted.dims()).unwrap();
            let error = relative_error(&ours, &wanted);
            assert!(error <= 1e-5, "{name} {place}: {error:e}");
        }
    }
}

/// A convolution taken apart in three, as LyCORIS's trainers write it: change\[o, i, y, x\] =
/// Σₙ Σₘ up\[o, n\] · mid\[n, m, y, x\] · down\[m, i\], times α / rank.
#[test]
fn a_convolution_in_three_is_the_sum_over_both_ranks() {
    const NAME: &str = "down_blocks.0.resnets.0.conv1";
    const FILE: &str = "unet/diffusion_pytorch_model.safetensors";
    let folder = tempfile::tempdir().unwrap();
    let files = model(folder.path(), false);
    let weight = format!("{NAME}.weight");
    let tensor = |files: &ModelFiles| {
        let weights = Weights::open(files, &[FILE], &Device::Cpu, Precision::F32).unwrap();
        let shape = files.weights(FILE).unwrap().unwrap()[0].tensors()[&weight]
            .shape
            .clone();
        let values = weights.tensor(&weight, &shape[..]).unwrap();
        let values: Vec<f32> = values.flatten_all().unwrap().to_vec1().unwrap();
        (shape, values)
    };
    let (shape, before) = tensor(&files);
    let [outputs, inputs, height, width] = shape[..] else {
        panic!("{shape:?}")
    };
    assert_eq!((height, width), (3, 3));
    let (rank, alpha) = (3, 1.5_f32);
    let values = |count: usize, step: usize| -> Vec<f32> {
        (0..count)
            .map(|i| ((i * step) % 17) as f32 / 8.0 - 1.0)
            .collect()
    };
    let up = values(outputs * rank, 5);
    let mid = values(rank * rank * 9, 7);
    let down = values(rank * inputs, 11);
    let layer = format!("lora_unet_{}", NAME.replace('.', "_"));
    let stored = [
        ("lora_up.weight", vec![outputs, rank, 1, 1], up.clone()),
        ("lora_mid.weight", vec![rank, rank, 3, 3], mid.clone()),
        ("lora_down.weight", vec![rank, inputs, 1, 1], down.clone()),
        ("alpha", vec![], vec![alpha]),
    ];
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = stored
        .into_iter()
        .map(|(name, shape, numbers)| {
            let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
            (format!("{layer}.{name}"), shape, bytes.collect())
        })
        .collect();
    let views = bytes.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        (name, view.unwrap())
    });
    let path = folder.path().join("three.safetensors");
    std::fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    let lora = LoraRef::at(&path).unwrap();
    let (_, after) = tensor(&files.with_loras(&[(lora, 0.5)]).unwrap());
    let scale = 0.5 * f64::from(alpha) / rank as f64;
    let mut most = 0.0_f64;
    for (index, (before, after)) in before.iter().zip(&after).enumerate() {
        let (pixel, i, o) = (index % 9, index / 9 % inputs, index / 9 / inputs);
        let mut change = 0.0;
        for n in 0..rank {
            for m in 0..rank {
                let [up, mid, down] = [
                    up[o * rank + n],
                    mid[(n * rank + m) * 9 + pixel],
                    down[m * inputs + i],
                ];
                change += f64::from(up) * f64::from(mid) * f64::from(down);
            }
        }
        let wanted = f64::from(*before) + scale * change;
        assert!(
            (f64::from(*after) - wanted).abs() <= 1e-5,
            "{index}: {after} {wanted}"
        );
        most = most.max((scale * change).abs());
    }
    assert!(most > 0.5, "it changes something: {most}");
}

#[test]
fn only_what_a_lora_changes_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let base = model(folder.path(), false);
    let lora = LoraRef::at(&golden_path("loras/processors.safetensors")).unwrap();
    let with = |weight| {
        let loras = [(lora.clone(), weight)];
        base.clone().with_loras(&loras).unwrap()
    };
    let file = "unet/diffusion_pytorch_model.safetensors";
    let mut kept = KeptWeights::default();
    let mut load = |files: &ModelFiles| matrices(files, file, &mut kept);
    let (plain, weak, strong) = (load(&base), load(&with(0.3)), load(&with(0.7)));
    let changed: BTreeSet<String> = with(0.3).deltas(file).into_keys().collect();
    assert!(!changed.is_empty() && changed.len() < plain.len());
    for (before, after) in [(&plain, &weak), (&weak, &strong)] {
        let others = before
            .iter()
            .filter(|(name, weight)| !Arc::ptr_eq(weight, &after[*name]));
        let others: BTreeSet<String> = others.map(|(name, _)| name.clone()).collect();
        assert_eq!(others, changed);
    }
    let again = load(&with(0.7));
    assert!(
        again
            .iter()
            .all(|(name, weight)| Arc::ptr_eq(weight, &strong[name]))
    );
}

/// The packed weights of all fully connected layers of a file.
fn matrices(
    files: &ModelFiles,
    file: &str,
    kept: &mut KeptWeights,
) -> BTreeMap<String, Arc<PackedWeights>> {
    let weights = Weights::open(files, &[file], &Device::Cpu, Precision::F32).unwrap();
    let mut watch = Watch::default();
    let mut loader = Loader::new(weights, &mut watch).keeping(kept);
    let shards = files.weights(file).unwrap().unwrap();
    let stored = shards.iter().flat_map(TensorFile::tensors);
    let matrices = stored.filter(|(_, stored)| stored.shape.len() == 2);
    let packed = matrices.map(|(name, stored)| {
        let (outputs, inputs) = (stored.shape[0], stored.shape[1]);
        let pack = |target, rows: &WeightRows<'_>| {
            let numbers = rows.all();
            PackedWeights::pack(target, [outputs, 1, inputs], |o, _, i| {
                numbers[o * inputs + i]
            })
        };
        match loader.weight(name, &[&stored.shape], pack).unwrap() {
            Weight::Packed(packed) => (name.clone(), packed),
            Weight::Tensor(_) => panic!("our kernels are not used"),
        }
    });
    packed.collect()
}
