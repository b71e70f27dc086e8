//! What the tests of the networks share: the files that `tests/golden/make_goldens.py` makes, and
//! a [`Progress`] to run with.

use std::collections::HashMap;
use std::path::PathBuf;

use candle_core::{DType, Device, Tensor};

use crate::catalog::ModelFiles;
use crate::engine::{Cancelled, Progress, Stage};
use crate::raster::RgbF32;

/// The folder of a golden, which has the parts of a diffusers folder that it needs.
pub(crate) fn folder(name: &str) -> PathBuf {
    [
        env!("CARGO_MANIFEST_DIR"),
        "tests/golden/data/modules",
        name,
    ]
    .iter()
    .collect()
}

/// The same as a model.
pub(crate) fn model(name: &str) -> ModelFiles {
    ModelFiles::Folder(folder(name))
}

/// The tensors of a golden.
pub(crate) struct Golden(HashMap<String, Tensor>);

impl Golden {
    pub(crate) fn read(name: &str, file: &str) -> Self {
        let path = folder(name).join(file);
        Self(candle_core::safetensors::load(path, &Device::Cpu).unwrap())
    }

    pub(crate) fn get(&self, name: &str) -> &Tensor {
        &self.0[name]
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// Token ids, one list a row.
    pub(crate) fn ids(&self) -> Vec<Vec<u32>> {
        self.get("ids")
            .to_dtype(DType::U32)
            .unwrap()
            .to_vec2()
            .unwrap()
    }
}

/// ‖got − wanted‖ / ‖wanted‖.
pub(crate) fn relative_error(got: &Tensor, wanted: &Tensor) -> f64 {
    assert_eq!(got.dims(), wanted.dims());
    let numbers =
        |tensor: &Tensor| -> Vec<f32> { tensor.flatten_all().unwrap().to_vec1().unwrap() };
    let (mut difference, mut size) = (0f64, 0f64);
    for (got, wanted) in numbers(got).into_iter().zip(numbers(wanted)) {
        difference += f64::from(got - wanted).powi(2);
        size += f64::from(wanted).powi(2);
    }
    assert!(size > 0.0, "a golden of zeros shows nothing");
    (difference / size).sqrt()
}

/// Fails where the relative error is above `limit`.
#[track_caller]
pub(crate) fn assert_close(what: &str, got: &Tensor, wanted: &Tensor, limit: f64) {
    let error = relative_error(got, wanted);
    println!("{what}: {error:.2e}");
    assert!(error <= limit, "{what}: relative error {error:.2e}");
}

/// Counts checkpoints; cancels at one of them where asked.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) checkpoints: usize,
    pub(crate) cancel_at: Option<usize>,
}

impl Progress for Watch {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        if self.cancel_at == Some(self.checkpoints) {
            return Err(Cancelled);
        }
        self.checkpoints += 1;
        Ok(())
    }

    fn stage(&mut self, _: Stage) {}

    fn wants_preview(&self) -> bool {
        false
    }

    fn preview(&mut self, _: RgbF32) {}
}

/// Smooth numbers in −1…1 that look alike nowhere.
pub(crate) fn numbers(shape: &[usize]) -> Tensor {
    let len: usize = shape.iter().product();
    let values: Vec<f32> = (0..len)
        .map(|i| (i as f32 * 0.737).sin() * 0.6 + (i as f32 * 0.113).cos() * 0.4)
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}
