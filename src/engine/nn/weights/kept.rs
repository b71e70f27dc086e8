//! [`KeptWeights`]: the large weights of a loaded model by name, taken again where nothing has changed.

use std::collections::BTreeMap;

use super::Weight;
use crate::catalog::{Delta, ModelFiles};

/// The large weights that a model's layers hold, so that other LoRAs need only those they change. The weights
/// themselves are shared with the layers.
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

impl KeptWeights {
    /// Lets go of every weight that is another one in `files`. It is freed once its layer is dropped.
    pub(crate) fn retain_unchanged(&mut self, files: &ModelFiles) {
        for (file, weights) in &mut self.files {
            let deltas = files.deltas(file);
            weights.retain(|name, kept| {
                let wanted = deltas.get(name).map_or(&[][..], Vec::as_slice);
                kept.deltas == wanted
            });
        }
    }

    /// The weight of that name, if it is kept with these deltas.
    pub(super) fn get(&self, file: &str, name: &str, deltas: &[Delta]) -> Option<Weight> {
        let kept = self.files.get(file)?.get(name)?;
        (kept.deltas == deltas).then(|| kept.weight.clone())
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
