//! Weights of a network: safetensors files, checked and brought to the device one tensor at a time.

mod kept;
mod loader;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{DType, Device, Tensor};
use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};
use rayon::prelude::*;

pub(crate) use self::kept::KeptWeights;
pub(crate) use self::loader::Loader;
use super::precision::{Precision, Storage};
use crate::catalog::{Delta, Dtype, ModelFiles, StoredTensor, TensorFile};
use crate::engine::EngineError;
use crate::engine::kernels::{self, Isa, PackedWeights};
use crate::text::Message;

/// Largest files of a network whose weights are widened to f32 at load.
pub(crate) const WIDENED_AT_MOST_BYTES: usize = 192 << 20;

/// The large weight of a layer, as what computes it wants it. A clone is the same weight.
#[derive(Debug, Clone)]
pub(crate) enum Weight {
    /// For our kernels on the processor.
    Packed(Arc<PackedWeights>),
    /// For candle's operators.
    Tensor(Tensor),
}

/// The weights below one name of a network. Cheap to clone; files stay mapped while one lives.
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    store: Arc<Store>,
    /// Empty, or ends with a dot.
    prefix: String,
    device: Device,
    precision: Precision,
}

#[derive(Debug)]
struct Store {
    /// The file to name when a weight is in none of the shards.
    path: PathBuf,
    shards: Vec<TensorFile>,
    /// What is added to weights when they are read.
    deltas: BTreeMap<String, Vec<Delta>>,
    /// The weights' usual name in the model, such as `unet/…`.
    name: String,
}

impl Weights {
    /// Opens the first of `candidates` that the model has: a safetensors file, or the shards that
    /// `<candidate>.index.json` lists. Only headers are read.
    pub(crate) fn open(
        files: &ModelFiles,
        candidates: &[&str],
        device: &Device,
        precision: Precision,
    ) -> Result<Self, EngineError> {
        let (name, shards) = candidates
            .iter()
            .find_map(|name| Some((name, files.weights(name)?)))
            .ok_or_else(|| EngineError::ModelFile {
                path: files.path(candidates.first().copied().unwrap_or_default()),
                why: Message::new("engine-why-no-file").into(),
            })?;
        Ok(Self {
            store: Arc::new(Store {
                path: files.path(name),
                shards: shards?,
                deltas: files.deltas(name),
                name: (*name).to_owned(),
            }),
            prefix: String::new(),
            device: device.clone(),
            precision,
        })
    }

    /// The weights in the file at `path`.
    pub(crate) fn of_file(
        path: &Path,
        device: &Device,
        precision: Precision,
    ) -> Result<Self, EngineError> {
        Ok(Self::of(TensorFile::open(path)?, device, precision))
    }

    /// Weights that are compiled into the program; `name` is for messages.
    pub(crate) fn compiled_in(
        name: &str,
        bytes: &'static [u8],
        device: &Device,
        precision: Precision,
    ) -> Result<Self, EngineError> {
        Ok(Self::of(
            TensorFile::compiled_in(name, bytes)?,
            device,
            precision,
        ))
    }

    /// The weights of one file, by itself.
    pub(crate) fn of(file: TensorFile, device: &Device, precision: Precision) -> Self {
        Self {
            store: Arc::new(Store {
                path: file.path().to_path_buf(),
                name: file.path().display().to_string(),
                shards: vec![file],
                deltas: BTreeMap::new(),
            }),
            prefix: String::new(),
            device: device.clone(),
            precision,
        }
    }

    /// The weights below `prefix` (without its dot); the empty prefix changes nothing.
    pub(crate) fn scope(&self, prefix: &str) -> Self {
        let mut below = self.clone();
        if !prefix.is_empty() {
            below.prefix = format!("{}{prefix}.", self.prefix);
        }
        below
    }

    /// True when there is a weight of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.store.find(&format!("{}{name}", self.prefix)).is_some()
    }

    /// Every weight below, by its whole name.
    pub(crate) fn all(&self) -> Result<HashMap<String, Tensor>, EngineError> {
        let shards = self.store.shards.iter();
        let stored = shards.flat_map(TensorFile::tensors);
        let below = stored.filter_map(|(name, stored)| {
            let rest = name.strip_prefix(&self.prefix)?;
            Some((name, rest, &stored.shape))
        });
        below
            .map(|(name, rest, shape)| Ok((name.clone(), self.tensor(rest, shape)?)))
            .collect()
    }

    /// The weight of that name, which must have that shape and hold finite numbers only.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, EngineError> {
        self.tensor_of_shapes(name, &[shape])
    }

    /// As [`tensor`](Self::tensor), where the file may have the weight in any of several shapes of
    /// the same number of elements; it comes back in the first one.
    pub(crate) fn tensor_of_shapes(
        &self,
        name: &str,
        shapes: &[&[usize]],
    ) -> Result<Tensor, EngineError> {
        let mut numbers = self.numbers(name, shapes)?;
        if self.kernel_isa().is_some() {
            // What is neither packed nor a table is small and used as it is.
            numbers.kept = self.precision.compute;
        }
        numbers.into_tensor(shapes.first().copied().unwrap_or_default(), self)
    }

    /// As [`tensor`](Self::tensor), for a weight that is large and only looked up: it may come back in
    /// the numbers of its file, which take half the memory.
    pub(crate) fn table(&self, name: &str, shape: &[usize]) -> Result<Tensor, EngineError> {
        self.numbers(name, &[shape])?.into_tensor(shape, self)
    }

    /// The ISA weights are packed for; `None` where candle's operators compute.
    pub(crate) fn kernel_isa(&self) -> Option<Isa> {
        let here = self.device.is_cpu() && self.precision.compute == DType::F32;
        here.then(|| self.precision.isa())
    }

    /// See [`Storage`].
    fn keeps_as_in_file(&self) -> bool {
        let bytes: usize = self.store.shards.iter().map(TensorFile::weights_len).sum();
        match self.precision.storage {
            Storage::BySize => self.kernel_isa().is_some() && bytes > WIDENED_AT_MOST_BYTES,
            #[cfg(test)]
            Storage::AsInFile => true,
        }
    }

    /// The large weight of a layer, packed by `pack` for our kernels: it gets the ISA, the dtype to store,
    /// and the weight in the file's order.
    pub(crate) fn weight(
        &self,
        name: &str,
        shapes: &[&[usize]],
        pack: impl FnOnce(Isa, kernels::WeightDtype, &[f32]) -> PackedWeights,
    ) -> Result<Weight, EngineError> {
        let Some(isa) = self.kernel_isa() else {
            return Ok(Weight::Tensor(self.tensor_of_shapes(name, shapes)?));
        };
        let numbers = self.numbers(name, shapes)?;
        let kept = match numbers.kept {
            DType::F16 => kernels::WeightDtype::F16,
            DType::BF16 => kernels::WeightDtype::Bf16,
            _ => kernels::WeightDtype::F32,
        };
        Ok(Weight::Packed(Arc::new(pack(isa, kept, &numbers.values))))
    }

    /// The numbers of the weight of that name, which must have one of those shapes.
    fn numbers(&self, name: &str, shapes: &[&[usize]]) -> Result<Numbers, EngineError> {
        let name = format!("{}{name}", self.prefix);
        let wanted = shapes.first().copied().unwrap_or_default();
        let (shard, stored) = self
            .store
            .find(&name)
            .ok_or_else(|| EngineError::MissingWeight {
                path: self.store.path.clone(),
                name: name.clone(),
            })?;
        if !shapes.contains(&stored.shape.as_slice()) {
            return Err(EngineError::WrongShape {
                path: shard.path().to_path_buf(),
                name,
                wanted: wanted.to_vec(),
                got: stored.shape.clone(),
            });
        }
        let mut numbers = self.read(shard, stored, &name)?;
        // Else the whole file lies in memory beside what is made of it.
        shard.release(stored);
        if let Some(deltas) = self.store.deltas.get(&name) {
            for delta in deltas {
                self.merge(&mut numbers.values, delta, &name)?;
            }
        }
        Ok(numbers)
    }

    /// Adds what a LoRA changes to the numbers of a weight, in its file's order.
    fn merge(&self, values: &mut [f32], delta: &Delta, name: &str) -> Result<(), EngineError> {
        let factor = |stored: &StoredTensor| -> Result<Tensor, EngineError> {
            let numbers = self.read(&delta.file, stored, name)?.values;
            let rows = stored.shape.first().copied().unwrap_or(1);
            let columns = stored.elements() / rows.max(1);
            Ok(Tensor::from_vec(numbers, (rows, columns), &Device::Cpu)?)
        };
        let (up, down) = (factor(&delta.up)?, factor(&delta.down)?);
        let product = match &delta.mid {
            None => up.matmul(&down)?,
            Some(mid) => {
                // A convolution in three: to few channels, over the kernel, to many channels.
                let (out, rank) = up.dims2()?;
                let inner = up.matmul(&factor(mid)?)?.reshape((out, rank, ()))?;
                let inner = inner.transpose(1, 2)?.contiguous()?;
                let pixels = inner.dim(1)?;
                let product = inner.reshape((out * pixels, rank))?.matmul(&down)?;
                product.reshape((out, pixels, ()))?.transpose(1, 2)?
            }
        };
        let product: Vec<f32> = product.flatten_all()?.to_vec1()?;
        for (value, change) in values.iter_mut().zip(product) {
            *value += delta.scale * change;
        }
        Ok(())
    }

    fn read(
        &self,
        shard: &TensorFile,
        stored: &StoredTensor,
        name: &str,
    ) -> Result<Numbers, EngineError> {
        let broken = |why: String| EngineError::ModelFile {
            path: shard.path().to_path_buf(),
            why: why.into(),
        };
        let bytes = shard
            .bytes_of(stored)
            .ok_or_else(|| broken(format!("“{name}” lies beyond its end")))?;
        let kept = match stored.dtype {
            // Every number of a byte is an f16.
            Dtype::F16 | Dtype::F8_E4M3 | Dtype::F8_E5M2 if self.keeps_as_in_file() => DType::F16,
            Dtype::BF16 if self.keeps_as_in_file() => DType::BF16,
            _ => self.precision.compute,
        };
        let Some((values, finite)) = to_f32(stored.dtype, &bytes) else {
            let other = stored.dtype;
            return Err(broken(format!("“{name}” holds numbers of type {other:?}")));
        };
        if !finite {
            return Err(EngineError::NotFiniteWeight {
                path: shard.path().to_path_buf(),
                name: name.to_owned(),
            });
        }
        Ok(Numbers { values, kept })
    }
}

/// Numbers of a weight on their way to the device.
struct Numbers {
    values: Vec<f32>,
    /// Type to keep them in. Every f16 and bf16 is an f32, so the way through f32 loses nothing.
    kept: DType,
}

impl Numbers {
    fn into_tensor(self, shape: &[usize], weights: &Weights) -> Result<Tensor, EngineError> {
        let tensor = Tensor::from_vec(self.values, shape, &Device::Cpu)?;
        Ok(tensor.to_dtype(self.kept)?.to_device(&weights.device)?)
    }
}

/// Numbers of that type, little-endian, as f32, and whether all are finite; `None` for types that no
/// weight has.
fn to_f32(dtype: Dtype, bytes: &[u8]) -> Option<(Vec<f32>, bool)> {
    Some(match dtype {
        Dtype::F16 => widened(bytes, 2, |from, to| {
            let mut half = [f16::ZERO; CHUNK];
            let half = &mut half[..to.len()];
            for (number, bytes) in half.iter_mut().zip(from.chunks_exact(2)) {
                *number = f16::from_le_bytes([bytes[0], bytes[1]]);
            }
            half.convert_to_f32_slice(to);
        }),
        Dtype::BF16 => widened(bytes, 2, |from, to| {
            for (number, bytes) in to.iter_mut().zip(from.chunks_exact(2)) {
                *number = bf16::from_le_bytes([bytes[0], bytes[1]]).to_f32();
            }
        }),
        Dtype::F32 => widened(bytes, 4, |from, to| {
            for (number, bytes) in to.iter_mut().zip(from.chunks_exact(4)) {
                *number = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
        }),
        Dtype::F64 => widened(bytes, 8, |from, to| {
            for (number, bytes) in to.iter_mut().zip(from.as_chunks().0) {
                *number = f64::from_le_bytes(*bytes) as f32;
            }
        }),
        Dtype::F8_E4M3 => bytewise(bytes, e4m3_to_f32),
        Dtype::F8_E5M2 => bytewise(bytes, e5m2_to_f32),
        _ => return None,
    })
}

/// Numbers of one byte as f32, by a table.
fn bytewise(bytes: &[u8], number: impl Fn(u8) -> f32) -> (Vec<f32>, bool) {
    let table: [f32; 256] = std::array::from_fn(|byte| number(byte as u8));
    widened(bytes, 1, |from, to| {
        for (number, byte) in to.iter_mut().zip(from) {
            *number = table[usize::from(*byte)];
        }
    })
}

/// Four bits of exponent, three of mantissa, no infinity
/// ([Micikevicius et al. 2022](https://arxiv.org/abs/2209.05433), E4M3).
fn e4m3_to_f32(byte: u8) -> f32 {
    let (exponent, mantissa) = (i32::from(byte >> 3 & 15), f32::from(byte & 7));
    let size = match (exponent, byte & 7) {
        (15, 7) => f32::NAN,
        (0, _) => mantissa * 2_f32.powi(-9),
        _ => (1.0 + mantissa / 8.0) * 2_f32.powi(exponent - 7),
    };
    if byte & 0x80 == 0 { size } else { -size }
}

/// Five bits of exponent, two of mantissa: the upper byte of an f16 (E5M2 of the same paper).
fn e5m2_to_f32(byte: u8) -> f32 {
    f16::from_le_bytes([0, byte]).to_f32()
}

/// Elements converted at a time; small enough for the stack and L1.
const CHUNK: usize = 2048;

/// Converts little-endian numbers of `size` bytes to f32; says whether all are finite.
fn widened(
    bytes: &[u8],
    size: usize,
    convert: impl Fn(&[u8], &mut [f32]) + Sync,
) -> (Vec<f32>, bool) {
    let mut values = vec![0f32; bytes.len() / size];
    let finite = AtomicBool::new(true);
    values
        .par_chunks_mut(CHUNK)
        .zip(bytes.par_chunks(CHUNK * size))
        .for_each(|(to, from)| {
            convert(from, to);
            // Without an early exit, so that it is vectorised.
            if !to.iter().fold(true, |all, number| all & number.is_finite()) {
                finite.store(false, Ordering::Relaxed);
            }
        });
    (values, finite.into_inner())
}

impl Store {
    fn find(&self, name: &str) -> Option<(&TensorFile, &StoredTensor)> {
        self.shards
            .iter()
            .find_map(|shard| Some((shard, shard.tensors().get(name)?)))
    }
}

#[cfg(test)]
mod tests;
