//! [`KeptWeights`]: the large weights of a loaded model by name, taken again where nothing has changed.

use std::collections::BTreeMap;

use super::Weight;
use crate::catalog::Delta;

/// The large weights that a model's layers hold, so that other LoRAs need only those they change. The weights
/// themselves are shared with the layers. Those that change are packed again in their own memory, once their layers
/// are gone: they are never held twice, and the system need neither take back, clear nor map what they lie in.
#[derive(Debug, Default)]
pub(crate) struct KeptWeights {
    /// By the name of the file, then of the weight.
    files: BTreeMap<String, BTreeMap<String, KeptWeight>>,
}

#[derive(Debug)]
struct KeptWeight {
    deltas: Vec<Delta>,
    weight: Weight,
}

/// What is kept by a name.
pub(super) enum Kept {
    /// What is wanted.
    Unchanged(Weight),
    /// The same weight with other deltas; it is kept no longer.
    Changed(Weight),
}

impl KeptWeights {
    /// What is kept by that name, for a layer that wants it with these deltas.
    pub(super) fn take(&mut self, file: &str, name: &str, deltas: &[Delta]) -> Option<Kept> {
        let weights = self.files.get_mut(file)?;
        let known = weights.get(name)?;
        if known.deltas == deltas {
            return Some(Kept::Unchanged(known.weight.clone()));
        }
        weights
            .remove(name)
            .map(|known| Kept::Changed(known.weight))
    }

    /// Keeps a weight.
    pub(super) fn keep(&mut self, file: &str, name: String, deltas: &[Delta], weight: &Weight) {
        let kept = KeptWeight {
            deltas: deltas.to_vec(),
            weight: weight.clone(),
        };
        let weights = self.files.entry(file.to_owned()).or_default();
        weights.insert(name, kept);
    }
}
