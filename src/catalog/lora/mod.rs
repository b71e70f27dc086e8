//! LoRA: low-rank changes to a model's weights ([Hu et al. 2021](https://arxiv.org/abs/2106.09685)), in
//! the namings of kohya's trainer, of diffusers and of PEFT. Only headers are read here; what a file
//! changes is found by names, and whether it fits by shapes.

mod names;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::names::Targets;
use super::error::CatalogError;
use super::identity::{identity, sha256};
use super::stored_tensor::StoredTensor;
use super::tensor_file::TensorFile;

/// What the identity of a LoRA on a server begins with; its name there follows.
const SERVED: &str = "served: ";

/// A LoRA by its file, or one that lies on the server of the model it is used with, by its name there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LoraRef {
    /// Where it is on this machine; in a recipe only its name. On a server: its name there.
    pub path: PathBuf,
    /// What it is, wherever it lies: see [`identity`]. On a server nothing but its name is known.
    pub identity: String,
    /// SHA-256 of its weights without the header, in hexadecimal, by which other programs know it; out of
    /// their files only its beginning. `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_sha256: Option<String>,
}

impl LoraRef {
    /// The LoRA at `path`; an error where the file is none.
    pub fn at(path: &Path) -> Result<Self, CatalogError> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let file = TensorFile::open(&path)?;
        changes(&file)?;
        Ok(Self {
            identity: identity(&path)?,
            weights_sha256: weights_sha256(&file),
            path,
        })
    }

    /// The LoRA of that name on whatever server runs the model.
    pub fn served(name: &str) -> Self {
        Self {
            path: PathBuf::from(name),
            identity: format!("{SERVED}{name}"),
            weights_sha256: None,
        }
    }

    /// The one that a recipe calls that; `None` where it is a file.
    pub fn of_served(identity: &str) -> Option<Self> {
        identity.strip_prefix(SERVED).map(Self::served)
    }

    /// Its name on the server; `None` where it is a file of this machine.
    pub fn name_there(&self) -> Option<&str> {
        self.identity.strip_prefix(SERVED)
    }

    /// What it is as it lies there now; of one on a server its name, which is all that is known.
    pub fn identity_now(&self) -> Result<String, CatalogError> {
        match self.name_there() {
            Some(_) => Ok(self.identity.clone()),
            None => identity(&self.path),
        }
    }

    /// Whether `found` is this one: by what it is, or where that is not known by what other programs
    /// say of it.
    pub(super) fn is_same(&self, found: &Self) -> bool {
        if !self.identity.is_empty() {
            return self.identity == found.identity;
        }
        match (&self.weights_sha256, &found.weights_sha256) {
            (Some(told), Some(has)) => has.starts_with(told.as_str()),
            _ => true,
        }
    }

    /// What people call it: the name of its file without the ending.
    pub fn name(&self) -> String {
        if let Some(name) = self.name_there() {
            return stem_there(name).to_owned();
        }
        let stem = self.path.file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    }
}

/// The name of a file on a server without folder and ending. A server on another system may write its folders
/// otherwise, and some write no ending.
pub fn stem_there(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let mut endings = [".safetensors", ".ckpt", ".pt", ".bin"].iter();
    let stem = endings.find_map(|ending| file.strip_suffix(ending));
    stem.unwrap_or(file)
}

/// [`LoraRef::weights_sha256`] of a file: what its trainer wrote, or what it is now.
fn weights_sha256(file: &TensorFile) -> Option<String> {
    let said = file.metadata("sshs_model_hash");
    let is_hash = |text: &&str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    match said.filter(is_hash) {
        Some(said) => Some(said.to_ascii_lowercase()),
        None => file.payload().map(sha256),
    }
}

/// What a LoRA adds to one weight: `scale` × up · down, or up · mid · down for convolutions taken
/// apart. Each factor lies in `file`.
#[derive(Debug, Clone)]
pub struct Delta {
    /// Which LoRA it is of: [`LoraRef::identity`].
    pub identity: Arc<str>,
    /// The LoRA's file.
    pub file: TensorFile,
    /// (out, rank).
    pub up: StoredTensor,
    /// (rank, in, …).
    pub down: StoredTensor,
    /// (rank, rank, height, width), between the two.
    pub mid: Option<StoredTensor>,
    /// What the product is multiplied with: the chosen weight × α / rank.
    pub scale: f32,
}

impl PartialEq for Delta {
    /// Whether both add the same numbers, wherever the file lies.
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity
            && self.scale.to_bits() == other.scale.to_bits()
            && (&self.up, &self.down, &self.mid) == (&other.up, &other.down, &other.mid)
    }
}

/// Deltas by the part of the model (`unet`, `text_encoder`…) and the weight in it.
pub(super) type Deltas = BTreeMap<String, BTreeMap<String, Vec<Delta>>>;

/// One change as the file has it.
#[derive(Debug, Default, Clone)]
struct Change {
    up: Option<StoredTensor>,
    down: Option<StoredTensor>,
    mid: Option<StoredTensor>,
    alpha: Option<StoredTensor>,
}

/// The changes in a file, by the name of the layer as the file writes it.
fn changes(file: &TensorFile) -> Result<BTreeMap<String, Change>, CatalogError> {
    let mut found: BTreeMap<String, Change> = BTreeMap::new();
    let other = |kind: &str| CatalogError::OtherLora {
        path: file.path().to_path_buf(),
        kind: kind.to_owned(),
    };
    for (name, stored) in file.tensors() {
        for (sign, kind) in [
            (".hada_", "LoHa"),
            (".lokr_", "LoKr"),
            (".dora_scale", "DoRA"),
            (".lora_magnitude_vector", "DoRA"),
            (".oft_", "OFT"),
        ] {
            if name.contains(sign) {
                return Err(other(kind));
            }
        }
        for (sign, kind) in [
            ("double_blocks", "Flux"),
            ("single_blocks", "Flux"),
            ("single_transformer_blocks", "Flux"),
            ("joint_blocks", "Stable Diffusion 3"),
        ] {
            if name.contains(sign) {
                return Err(other(kind));
            }
        }
        let Some((layer, factor)) = names::split(name) else {
            continue;
        };
        let change = found.entry(layer.to_owned()).or_default();
        let place = match factor {
            names::Factor::Up => &mut change.up,
            names::Factor::Down => &mut change.down,
            names::Factor::Mid => &mut change.mid,
            names::Factor::Alpha => &mut change.alpha,
        };
        *place = Some(stored.clone());
    }
    found.retain(|_, change| change.up.is_some() && change.down.is_some());
    if found.is_empty() {
        let path = file.path().to_path_buf();
        return Err(CatalogError::NoLora { path });
    }
    Ok(found)
}

/// What the LoRA at `path` adds to a model whose parts have these weights, at `weight`. Refuses one
/// that was made for another family, or changes what the model does not have.
pub(super) fn deltas(
    lora: &LoraRef,
    weight: f32,
    parts: &BTreeMap<String, BTreeMap<String, Vec<usize>>>,
    to: &mut Deltas,
) -> Result<(), CatalogError> {
    let file = TensorFile::open(&lora.path)?;
    let identity: Arc<str> = lora.identity.as_str().into();
    let targets = Targets::of(parts);
    let not_fitting = || {
        let unet = parts.get("unet");
        CatalogError::LoraOfOther {
            path: lora.path.clone(),
            made_for: family(&file).to_owned(),
            model: unet
                .map_or("?", |weights| {
                    let text = weights.iter().find(|(name, _)| is_text_key(name));
                    family_of_width(text.and_then(|(_, shape)| shape.get(1).copied()))
                })
                .to_owned(),
        }
    };
    for (layer, change) in changes(&file)? {
        let Some((part, name)) = targets.find(&layer) else {
            return Err(not_fitting());
        };
        let (Some(up), Some(down)) = (change.up, change.down) else {
            continue;
        };
        let shape = parts.get(part).and_then(|weights| weights.get(name));
        let shape = shape.map_or(&[][..], Vec::as_slice);
        let rank = down.shape.first().copied().unwrap_or(0);
        let fits = match &change.mid {
            None => {
                up.shape.first() == shape.first()
                    && up.shape.get(1) == Some(&rank)
                    && down.elements() / rank.max(1) == shape.iter().skip(1).product::<usize>()
            }
            Some(mid) => {
                up.shape.first() == shape.first()
                    && down.shape.get(1) == shape.get(1)
                    && mid.shape.get(..2) == Some(&[rank, rank])
                    && mid.shape.get(2..) == shape.get(2..)
            }
        };
        if !fits || rank == 0 {
            return Err(not_fitting());
        }
        let alpha = change
            .alpha
            .and_then(|alpha| first_number(&file, &alpha))
            .or_else(|| names::alpha_in_metadata(&file, part, rank))
            .unwrap_or(rank as f32);
        let delta = Delta {
            identity: Arc::clone(&identity),
            file: file.clone(),
            up,
            down,
            mid: change.mid,
            scale: weight * alpha / rank as f32,
        };
        let part = to.entry(part.to_owned()).or_default();
        part.entry(name.to_owned()).or_default().push(delta);
    }
    Ok(())
}

/// The first number of a weight.
fn first_number(file: &TensorFile, stored: &StoredTensor) -> Option<f32> {
    use super::stored_tensor::Dtype;
    let bytes = file.bytes_of(stored)?;
    Some(match stored.dtype {
        Dtype::F32 => f32::from_le_bytes(*bytes.first_chunk()?),
        Dtype::F16 => half::f16::from_le_bytes(*bytes.first_chunk()?).to_f32(),
        Dtype::BF16 => half::bf16::from_le_bytes(*bytes.first_chunk()?).to_f32(),
        Dtype::F64 => f64::from_le_bytes(*bytes.first_chunk()?) as f32,
        Dtype::I64 => i64::from_le_bytes(*bytes.first_chunk()?) as f32,
        _ => return None,
    })
}

fn is_text_key(name: &str) -> bool {
    name.replace('_', ".").contains("attn2.to.k")
}

/// For which family a LoRA was made, by the width of the text it reads.
fn family(file: &TensorFile) -> &'static str {
    let text = file.tensors().iter().find(|(name, _)| {
        let down = matches!(names::split(name), Some((_, names::Factor::Down)));
        down && is_text_key(name)
    });
    family_of_width(text.and_then(|(_, stored)| stored.shape.get(1).copied()))
}

fn family_of_width(width: Option<usize>) -> &'static str {
    match width {
        Some(768) => "Stable Diffusion 1",
        Some(1024) => "Stable Diffusion 2",
        Some(2048) => "Stable Diffusion XL",
        _ => "?",
    }
}

#[cfg(test)]
mod tests;
