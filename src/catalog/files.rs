//! [`ModelFiles`]: the files of a model, wherever they lie.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::checkpoint::Checkpoint;
use super::error::CatalogError;
use super::facts::Facts;
use super::lora::{self, Delta, LoraRef};
use super::tensor_file::TensorFile;
use super::{ModelFile, ModelRef, builtin, inspect};

/// The files of a model by their path inside a diffusers folder, such as `unet/config.json`.
/// The built-in model, a user's folder and a checkpoint are read through the same calls.
#[derive(Debug, Clone)]
pub enum ModelFiles {
    /// Compiled into the program.
    BuiltIn,
    /// In a folder.
    Folder(PathBuf),
    /// In one file.
    File(Arc<OneFile>),
    /// Any of these, with changes to its weights.
    Changed(Arc<Changed>),
}

/// A model and what is added to its weights.
#[derive(Debug)]
pub struct Changed {
    base: ModelFiles,
    deltas: lora::Deltas,
}

/// A checkpoint whose header is read when it is first asked for.
#[derive(Debug)]
pub struct OneFile {
    model: ModelFile,
    opened: OnceLock<Result<Checkpoint, CatalogError>>,
}

impl OneFile {
    fn checkpoint(&self) -> Result<&Checkpoint, CatalogError> {
        let opened = self.opened.get_or_init(|| Checkpoint::open(&self.model));
        opened.as_ref().map_err(Clone::clone)
    }
}

/// `*.safetensors.index.json`.
#[derive(serde::Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

impl ModelFiles {
    /// The files of that model. Nothing is read yet.
    pub fn of(model: &ModelRef) -> Self {
        let one_file = |model: ModelFile| {
            Self::File(Arc::new(OneFile {
                model,
                opened: OnceLock::new(),
            }))
        };
        match model {
            ModelRef::BuiltIn => Self::BuiltIn,
            ModelRef::Folder(path) => match ModelRef::at(path.clone()) {
                ModelRef::File(file) => one_file(file),
                _ => Self::Folder(path.clone()),
            },
            ModelRef::File(file) => one_file(file.clone()),
            // Its files are there, not here.
            ModelRef::Served(_) => Self::Folder(PathBuf::from(model.key())),
        }
    }

    /// The same with these LoRAs at these weights. Their headers are read, and one that does not fit
    /// the model is refused.
    pub fn with_loras(self, loras: &[(LoraRef, f32)]) -> Result<Self, CatalogError> {
        if loras.is_empty() {
            return Ok(self);
        }
        let mut there = loras.iter().filter_map(|(lora, _)| lora.name_there());
        if let Some(name) = there.next() {
            let name = name.to_owned();
            return Err(CatalogError::ServedLora { name });
        }
        let mut parts = BTreeMap::new();
        for (part, name) in [
            ("unet", "unet/diffusion_pytorch_model.safetensors"),
            ("text_encoder", "text_encoder/model.safetensors"),
            ("text_encoder_2", "text_encoder_2/model.safetensors"),
        ] {
            let Some(shards) = self.weights(name) else {
                continue;
            };
            let mut shapes = BTreeMap::new();
            for shard in shards? {
                let tensors = shard.tensors().iter();
                shapes.extend(tensors.map(|(name, stored)| (name.clone(), stored.shape.clone())));
            }
            parts.insert(part.to_owned(), shapes);
        }
        let mut deltas = lora::Deltas::new();
        for (lora, weight) in loras {
            lora::deltas(lora, *weight, &parts, &mut deltas)?;
        }
        let base = self;
        Ok(Self::Changed(Arc::new(Changed { base, deltas })))
    }

    /// What is added to the weights of that name, such as `unet/…`, by weight.
    pub fn deltas(&self, name: &str) -> BTreeMap<String, Vec<Delta>> {
        let part = name.split('/').next().unwrap_or_default();
        match self {
            Self::Changed(changed) => changed.deltas.get(part).cloned().unwrap_or_default(),
            _ => BTreeMap::new(),
        }
    }

    /// What shapes cannot tell of a checkpoint; `None` for a model with configurations of its own.
    pub(super) fn facts(&self) -> Option<Facts> {
        match self {
            Self::BuiltIn | Self::Folder(_) => None,
            Self::File(file) => file.checkpoint().ok().map(Checkpoint::facts),
            Self::Changed(changed) => changed.base.facts(),
        }
    }

    /// How to name a file of the model in a message.
    pub fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::BuiltIn => Path::new("(built in)").join(name),
            Self::Folder(folder) => folder.join(name),
            Self::File(file) => file.model.path.clone(),
            Self::Changed(changed) => changed.base.path(name),
        }
    }

    /// True when the model has that file.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::BuiltIn => builtin::file(name).is_some(),
            Self::Folder(folder) => folder.join(name).is_file(),
            Self::File(file) => file.checkpoint().is_ok_and(|it| it.contains(name)),
            Self::Changed(changed) => changed.base.contains(name),
        }
    }

    /// Size of the file of that name in bytes.
    pub fn len(&self, name: &str) -> Result<u64, CatalogError> {
        match self {
            Self::BuiltIn => builtin::file(name)
                .map(|bytes| bytes.len() as u64)
                .ok_or_else(|| self.missing(name)),
            Self::Folder(folder) => {
                let path = folder.join(name);
                std::fs::metadata(&path)
                    .map(|metadata| metadata.len())
                    .map_err(|error| CatalogError::of_io(&path, &error))
            }
            Self::File(file) => match file.checkpoint()?.weights(name) {
                Some(weights) => Ok(weights.weights_len() as u64),
                None => self.read(name).map(|bytes| bytes.len() as u64),
            },
            Self::Changed(changed) => changed.base.len(name),
        }
    }

    /// Size on disk of the weights whose usual name is `name`. Refuses what their first bytes say is
    /// something else.
    pub(super) fn weights_len(&self, name: &str) -> Result<u64, CatalogError> {
        let lengths = self.weight_names(name)?.into_iter().map(|name| {
            if let Self::Folder(folder) = self {
                let path = folder.join(&name);
                let head = inspect::head(&path).map_err(|e| CatalogError::of_io(&path, &e))?;
                if let Some(what) = inspect::foreign_head(&head) {
                    return Err(CatalogError::Foreign { path, what });
                }
            }
            self.len(&name)
        });
        lengths.sum()
    }

    /// A small file, read whole.
    pub fn read(&self, name: &str) -> Result<Cow<'static, [u8]>, CatalogError> {
        match self {
            Self::BuiltIn => builtin::file(name)
                .map(Cow::Borrowed)
                .ok_or_else(|| self.missing(name)),
            Self::Folder(folder) => {
                let path = folder.join(name);
                std::fs::read(&path)
                    .map(Cow::Owned)
                    .map_err(|error| CatalogError::of_io(&path, &error))
            }
            Self::File(file) => file
                .checkpoint()?
                .read(name)
                .ok_or_else(|| self.missing(name)),
            Self::Changed(changed) => changed.base.read(name),
        }
    }

    /// The weights whose usual name is `name`, as `unet/diffusion_pytorch_model.safetensors`: of one
    /// file or of the shards that an index lists, of the variant there is. Only headers are read.
    /// `None` where the model has none.
    pub fn weights(&self, name: &str) -> Option<Result<Vec<TensorFile>, CatalogError>> {
        let names = match self.weight_names(name) {
            Err(CatalogError::MissingFile { .. }) => return None,
            names => names,
        };
        let open = |names: Vec<String>| names.iter().map(|name| self.weight_file(name)).collect();
        Some(names.and_then(open))
    }

    /// The files that hold the weights whose usual name is `name`.
    fn weight_names(&self, name: &str) -> Result<Vec<String>, CatalogError> {
        let stem = name.strip_suffix(".safetensors").unwrap_or(name);
        let index = format!("{name}.index.json");
        if self.contains(name) {
            return Ok(vec![name.to_owned()]);
        } else if self.contains(&index) {
            return self.shards(&index);
        }
        // The same weights in half the bytes, before training's average, or as Python's own programs
        // wrote them.
        let pickled = match stem.rsplit_once('/') {
            Some((folder, "model")) => format!("{folder}/pytorch_model"),
            _ => stem.to_owned(),
        };
        for variant in ["", ".fp16", ".bf16", ".non_ema"] {
            let one = [
                format!("{stem}{variant}.safetensors"),
                format!("{pickled}{variant}.bin"),
            ];
            if let Some(name) = one.into_iter().find(|name| self.contains(name)) {
                return Ok(vec![name]);
            }
            let indices = [
                format!("{stem}.safetensors.index{variant}.json"),
                format!("{pickled}.bin.index{variant}.json"),
            ];
            if let Some(index) = indices.iter().find(|name| self.contains(name)) {
                return self.shards(index);
            }
        }
        Err(self.missing(name))
    }

    fn weight_file(&self, name: &str) -> Result<TensorFile, CatalogError> {
        let missing = || self.missing(name);
        match self {
            Self::BuiltIn => {
                let bytes = builtin::file(name).ok_or_else(missing)?;
                TensorFile::compiled_in(&self.path(name).display().to_string(), bytes)
            }
            Self::Folder(folder) => TensorFile::open(&folder.join(name)),
            Self::File(file) => file
                .checkpoint()?
                .weights(name)
                .cloned()
                .ok_or_else(missing),
            Self::Changed(changed) => changed.base.weight_file(name),
        }
    }

    /// The names of the files that an index lists.
    fn shards(&self, index: &str) -> Result<Vec<String>, CatalogError> {
        let bad = |why: String| CatalogError::BadConfig {
            path: self.path(index),
            why,
        };
        let listed: ShardIndex =
            serde_json::from_slice(&self.read(index)?).map_err(|error| bad(error.to_string()))?;
        let folder = index.rfind('/').map_or("", |slash| &index[..=slash]);
        let names: BTreeSet<String> = listed.weight_map.into_values().collect();
        let shards = names.into_iter().map(|name| {
            // A model may only name files beside its index.
            if name.contains(['/', '\\']) || name.starts_with('.') {
                return Err(bad(format!("“{name}” is not a name of a file beside it")));
            }
            Ok(format!("{folder}{name}"))
        });
        shards.collect()
    }

    fn missing(&self, name: &str) -> CatalogError {
        CatalogError::MissingFile {
            path: self.path(name),
        }
    }
}
