//! [`KeptWeights`]: the large weights of a loaded model by name, taken again where nothing has changed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Weight;
use crate::catalog::{Delta, ModelFiles};

/// The large weights that a model's layers hold, so that other LoRAs need only those they change. A clone is
/// the same collection; the weights themselves are shared with the layers.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeptWeights(Arc<Mutex<Files>>);

/// By the name of the file, then of the weight.
type Files = BTreeMap<String, BTreeMap<String, KeptWeight>>;

#[derive(Debug)]
struct KeptWeight {
    deltas: Vec<Delta>,
    weight: Weight,
}

impl KeptWeights {
    /// Lets go of every weight that is another one in `files`. It is freed once its layer is dropped.
    pub(crate) fn retain_unchanged(&self, files: &ModelFiles) {
        for (file, weights) in &mut *self.lock() {
            let deltas = files.deltas(file);
            weights.retain(|name, kept| {
                let wanted = deltas.get(name).map_or(&[][..], Vec::as_slice);
                kept.deltas == wanted
            });
        }
    }

    /// The weight of that name, if it is kept with these deltas.
    pub(super) fn get(&self, file: &str, name: &str, deltas: &[Delta]) -> Option<Weight> {
        let files = self.lock();
        let kept = files.get(file)?.get(name)?;
        (kept.deltas == deltas).then(|| kept.weight.clone())
    }

    /// Keeps a weight.
    pub(super) fn keep(&self, file: &str, name: &str, deltas: &[Delta], weight: &Weight) {
        let kept = KeptWeight {
            deltas: deltas.to_vec(),
            weight: weight.clone(),
        };
        let mut files = self.lock();
        let weights = files.entry(file.to_owned()).or_default();
        weights.insert(name.to_owned(), kept);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Files> {
        // What a panic leaves behind is whole: each change is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
