//! Weights of a network: safetensors files, checked and brought to the device one tensor at a time.

mod kept;
mod loader;
mod rows;
mod widening;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

pub(crate) use self::kept::KeptWeights;
pub(crate) use self::loader::Loader;
pub(crate) use self::rows::WeightRows;
use self::widening::Widening;
use super::precision::{Precision, Storage};
use crate::catalog::{Delta, Dtype, ModelFiles, StoredTensor, TensorFile};
use crate::engine::EngineError;
use crate::engine::kernels::{self, Isa, LowRankUpdate, PackTarget, PackedWeights};
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

    /// The large weight of a layer, packed by `pack` for our kernels: it gets what to pack for, and the weight's rows
    /// in the file's order. Where `before` is what the layer had, and nobody holds it any more, it is packed in its
    /// place.
    pub(crate) fn weight(
        &self,
        name: &str,
        shapes: &[&[usize]],
        before: Option<Weight>,
        pack: impl FnOnce(PackTarget, &WeightRows<'_>) -> PackedWeights,
    ) -> Result<Weight, EngineError> {
        let in_place_of = match before {
            Some(Weight::Packed(packed)) => Arc::into_inner(packed),
            Some(Weight::Tensor(before)) => {
                // It is not held beside the one that is read.
                drop(before);
                None
            }
            None => None,
        };
        let Some(isa) = self.kernel_isa() else {
            return Ok(Weight::Tensor(self.tensor_of_shapes(name, shapes)?));
        };
        self.with_rows(name, shapes, |dtype, rows| {
            let dtype = match dtype {
                DType::F16 => kernels::WeightDtype::F16,
                DType::BF16 => kernels::WeightDtype::Bf16,
                _ => kernels::WeightDtype::F32,
            };
            let target = PackTarget {
                isa,
                dtype,
                in_place_of,
            };
            Weight::Packed(Arc::new(pack(target, rows)))
        })
    }

    /// The numbers of the weight of that name, which must have one of those shapes.
    fn numbers(&self, name: &str, shapes: &[&[usize]]) -> Result<Numbers, EngineError> {
        self.with_rows(name, shapes, |kept, rows| Numbers {
            values: rows.all(),
            kept,
        })
    }

    /// What `make` makes of the rows of the weight of that name, which must have one of those shapes; it gets the
    /// dtype to keep them in too.
    fn with_rows<R>(
        &self,
        name: &str,
        shapes: &[&[usize]],
        make: impl FnOnce(DType, &WeightRows<'_>) -> R,
    ) -> Result<R, EngineError> {
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
        let deltas = self.store.deltas.get(&name).into_iter().flatten();
        let updates = deltas
            .filter_map(|delta| self.update(delta, &name).transpose())
            .collect::<Result<_, _>>()?;
        let rows = rows_of(shard, stored, &name, updates)?;
        let made = make(self.dtype_to_keep(stored.dtype), &rows);
        check_finite(&rows, shard, &name)?;
        // Else the whole file lies in memory beside what is made of it.
        shard.release(stored);
        Ok(made)
    }

    /// What a LoRA adds to the rows of a weight; nothing where its rank is 0.
    fn update(&self, delta: &Delta, name: &str) -> Result<Option<LowRankUpdate>, EngineError> {
        let factor = |stored: &StoredTensor| {
            let rows = rows_of(&delta.file, stored, name, Vec::new())?;
            let values = rows.all();
            check_finite(&rows, &delta.file, name)?;
            Ok::<_, EngineError>(values)
        };
        let (mut up, mut down) = (factor(&delta.up)?, factor(&delta.down)?);
        for number in &mut up {
            *number *= delta.scale;
        }
        let rank = up.len() / delta.up.shape.first().copied().unwrap_or(1).max(1);
        if let Some(mid) = &delta.mid {
            down = over_kernel(&factor(mid)?, &down, rank);
        }
        let isa = self.precision.isa();
        Ok((rank > 0).then(|| LowRankUpdate::new(isa, up, &down, rank)))
    }

    fn dtype_to_keep(&self, stored: Dtype) -> DType {
        match stored {
            // Every number of a byte is an f16.
            Dtype::F16 | Dtype::F8_E4M3 | Dtype::F8_E5M2 if self.keeps_as_in_file() => DType::F16,
            Dtype::BF16 if self.keeps_as_in_file() => DType::BF16,
            _ => self.precision.compute,
        }
    }
}

/// The rows of a weight in a file.
fn rows_of<'a>(
    shard: &'a TensorFile,
    stored: &StoredTensor,
    name: &str,
    updates: Vec<LowRankUpdate>,
) -> Result<WeightRows<'a>, EngineError> {
    let broken = |why: String| EngineError::ModelFile {
        path: shard.path().to_path_buf(),
        why: why.into(),
    };
    let bytes = shard
        .bytes_of(stored)
        .ok_or_else(|| broken(format!("“{name}” lies beyond its end")))?;
    let widening = Widening::of(stored.dtype).ok_or_else(|| {
        let other = stored.dtype;
        broken(format!("“{name}” holds numbers of type {other:?}"))
    })?;
    let rows = stored.shape.first().copied().unwrap_or(1);
    let row_len = stored.elements() / rows.max(1);
    Ok(WeightRows::new(bytes, widening, row_len, updates))
}

fn check_finite(rows: &WeightRows<'_>, file: &TensorFile, name: &str) -> Result<(), EngineError> {
    if rows.is_finite() {
        return Ok(());
    }
    Err(EngineError::NotFiniteWeight {
        path: file.path().to_path_buf(),
        name: name.to_owned(),
    })
}

/// The last two of a convolution in three (to few channels, over the kernel, to many channels) as one: of `mid`
/// (rank, rank, pixels) and `down` (rank, inputs) it is (rank, inputs, pixels).
fn over_kernel(mid: &[f32], down: &[f32], rank: usize) -> Vec<f32> {
    let rank = rank.max(1);
    let (pixels, inputs) = (mid.len() / (rank * rank), down.len() / rank);
    let mut both = vec![0.0; rank * inputs * pixels];
    let one_output = both.chunks_exact_mut((inputs * pixels).max(1));
    for (both, mid) in one_output.zip(mid.chunks_exact((rank * pixels).max(1))) {
        let kernels = mid.chunks_exact(pixels.max(1));
        for (kernel, down) in kernels.zip(down.chunks_exact(inputs.max(1))) {
            for (both, down) in both.chunks_exact_mut(pixels.max(1)).zip(down) {
                for (both, kernel) in both.iter_mut().zip(kernel) {
                    *both += kernel * down;
                }
            }
        }
    }
    both
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

impl Store {
    fn find(&self, name: &str) -> Option<(&TensorFile, &StoredTensor)> {
        self.shards
            .iter()
            .find_map(|shard| Some((shard, shard.tensors().get(name)?)))
    }
}

#[cfg(test)]
mod tests;
