//! [`Loader`]: weights on their way into layers.

use candle_core::Tensor;

use super::kept::Kept;
use super::{KeptWeights, Store, Weight, WeightRows, Weights};
use crate::engine::kernels::{Isa, PackTarget, PackedWeights};
use crate::engine::{EngineError, Progress};

/// [`Weights`] on their way into layers: every tensor is a moment at which loading can be cancelled.
pub(crate) struct Loader<'a> {
    weights: Weights,
    progress: &'a mut dyn Progress,
    kept: Option<&'a mut KeptWeights>,
}

impl<'a> Loader<'a> {
    /// Loads from `weights`.
    pub(crate) fn new(weights: Weights, progress: &'a mut dyn Progress) -> Self {
        Self {
            weights,
            progress,
            kept: None,
        }
    }

    /// The same where a large weight that `kept` holds is taken from there, and one that is read stays there.
    pub(crate) fn keeping(self, kept: &'a mut KeptWeights) -> Self {
        let kept = Some(kept);
        Self { kept, ..self }
    }

    /// Loads from below `prefix`.
    pub(crate) fn scope(&mut self, prefix: &str) -> Loader<'_> {
        Loader {
            weights: self.weights.scope(prefix),
            progress: &mut *self.progress,
            kept: self.kept.as_deref_mut(),
        }
    }

    /// Loads from below `list.index`, as PyTorch names the members of a list.
    pub(crate) fn member(&mut self, list: &str, index: usize) -> Loader<'_> {
        self.scope(&format!("{list}.{index}"))
    }

    /// The same for layers whose GEMMs are f32 whatever the others' are.
    pub(crate) fn in_f32(mut self) -> Self {
        self.weights.precision = self.weights.precision.in_f32();
        self
    }

    /// See [`Weights::has`].
    pub(crate) fn has(&self, name: &str) -> bool {
        self.weights.has(name)
    }

    /// See [`Precision::bf16_activations`](crate::engine::nn::precision::Precision::bf16_activations).
    pub(crate) fn bf16_activations(&self) -> bool {
        self.weights.precision.bf16_activations
    }

    /// The same for layers whose results stay f32.
    pub(crate) fn with_f32_activations(mut self) -> Self {
        self.weights.precision.bf16_activations = false;
        self
    }

    /// See [`Weights::kernel_isa`].
    pub(crate) fn kernel_isa(&self) -> Option<Isa> {
        self.weights.kernel_isa()
    }

    /// See [`Weights::weight`].
    pub(crate) fn weight(
        &mut self,
        name: &str,
        shapes: &[&[usize]],
        pack: impl FnOnce(PackTarget, &WeightRows<'_>) -> PackedWeights,
    ) -> Result<Weight, EngineError> {
        self.progress.checkpoint()?;
        self.kept_or(name, |weights, before| {
            weights.weight(name, shapes, before, pack)
        })
    }

    /// The weight of that name, from [`KeptWeights`] where it is there, else as `read` has it, which gets what was
    /// there instead.
    fn kept_or(
        &mut self,
        name: &str,
        read: impl FnOnce(&Weights, Option<Weight>) -> Result<Weight, EngineError>,
    ) -> Result<Weight, EngineError> {
        let Some(kept) = &mut self.kept else {
            return read(&self.weights, None);
        };
        let Store {
            name: file, deltas, ..
        } = &*self.weights.store;
        let full_name = format!("{}{name}", self.weights.prefix);
        let deltas = deltas.get(&full_name).map_or(&[][..], Vec::as_slice);
        let before = match kept.take(file, &full_name, deltas) {
            Some(Kept::Unchanged(weight)) => return Ok(weight),
            Some(Kept::Changed(before)) => Some(before),
            None => None,
        };
        let weight = read(&self.weights, before)?;
        kept.keep(file, full_name, deltas, &weight);
        Ok(weight)
    }

    /// See [`Weights::tensor`].
    pub(crate) fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, EngineError> {
        self.progress.checkpoint()?;
        self.weights.tensor(name, shape)
    }

    /// Zeros in the place of a small weight that a layer does without.
    pub(crate) fn zeros(&self, count: usize) -> Result<Tensor, EngineError> {
        let weights = &self.weights;
        Ok(Tensor::zeros(
            count,
            weights.precision.compute,
            &weights.device,
        )?)
    }

    /// A small weight that was computed from others.
    pub(crate) fn computed(&self, numbers: Vec<f32>) -> Result<Tensor, EngineError> {
        let weights = &self.weights;
        let tensor = Tensor::new(numbers, &weights.device)?;
        Ok(tensor.to_dtype(weights.precision.compute)?)
    }

    /// See [`Weights::table`].
    pub(crate) fn table(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, EngineError> {
        self.progress.checkpoint()?;
        let table = self.kept_or(name, |weights, before| {
            drop(before);
            Ok(Weight::Tensor(weights.table(name, shape)?))
        })?;
        match table {
            Weight::Tensor(table) => Ok(table),
            // No layer asks for one name both ways.
            Weight::Packed(_) => self.weights.table(name, shape),
        }
    }
}
