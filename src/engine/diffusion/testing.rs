//! What the tests of this room share.

use std::path::PathBuf;

use candle_core::{Device, Tensor};

/// The tensors of `tests/golden/data/<name>.safetensors`, by name.
pub(crate) fn golden(name: &str) -> Vec<(String, Tensor)> {
    let path = golden_path(&format!("{name}.safetensors"));
    let tensors = candle_core::safetensors::load(&path, &Device::Cpu);
    let mut tensors: Vec<_> = tensors
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .into_iter()
        .collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    tensors
}

/// A file or folder under `tests/golden/data`.
pub(crate) fn golden_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/data")
        .join(name)
}

/// The tensor of that name.
pub(crate) fn find<'a>(tensors: &'a [(String, Tensor)], name: &str) -> &'a Tensor {
    let found = tensors.iter().find(|(known, _)| known == name);
    &found.unwrap_or_else(|| panic!("no {name}")).1
}

/// Largest difference between two tensors as a share of the largest value of the second.
pub(crate) fn relative_error(ours: &Tensor, wanted: &Tensor) -> f64 {
    assert_eq!(ours.dims(), wanted.dims());
    let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (ours, wanted) = (values(ours), values(wanted));
    let scale = wanted.iter().fold(1e-12_f32, |most, v| most.max(v.abs()));
    let worst = ours
        .iter()
        .zip(&wanted)
        .fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    // `max` drops NaN.
    assert!(ours.iter().all(|v| v.is_finite()), "not finite");
    f64::from(worst / scale)
}
