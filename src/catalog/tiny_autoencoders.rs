//! [`TinyAutoencoder`]: the tiny autoencoders (TAESD, TAESDXL) that lie among the models, and whose latents each
//! decodes. That a file is one is told by its weights and their shapes; of which latent space it is they do not tell.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::checkpoint::tiny_vae::{self, TinyShape};
use super::facts::{Told, ToldBy};
use super::identity::sha256_of_file;
use super::latent_space::LatentSpace;
use super::tensor_file::TensorFile;
use super::{CatalogError, ModelCard, folders};

/// Larger files hold something else: TAESD in f32 has 10 MB.
pub(super) const MOST_BYTES: u64 = 16 << 20;

/// A tiny autoencoder that lies among the models, or its decoder alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TinyAutoencoder {
    /// The file that holds its decoder.
    pub path: PathBuf,
    /// Size of that file.
    pub bytes: u64,
    /// Whose latents it decodes, and what says so; `None`: nothing does.
    pub space: Option<Told<LatentSpace>>,
    /// Why it cannot be used; told of files only that are called like one.
    pub fault: Option<CatalogError>,
    shape: TinyShape,
}

/// The decoder of a tiny autoencoder.
#[derive(Debug)]
pub struct TinyDecoder {
    /// As in `vae/config.json`; its encoder's levels are the decoder's, because nothing reads them.
    pub config: Map<String, Value>,
    /// Under diffusers' names.
    pub weights: TensorFile,
}

impl TinyAutoencoder {
    /// The one whose decoder lies in the file at `path`, if that is one.
    pub(super) fn at(path: &Path) -> Option<Self> {
        let bytes = std::fs::metadata(path).ok()?.len();
        let found = |space, fault, shape| Self {
            path: path.to_path_buf(),
            bytes,
            space,
            fault,
            shape,
        };
        match TensorFile::open(path) {
            Ok(file) => {
                let shape = tiny_vae::decoder(&file)?.0;
                Some(found(told(path, bytes), None, shape))
            }
            // Nothing in it can be read, so that its name is all there is. Of other files their own room speaks.
            Err(fault @ CatalogError::Damaged { .. }) => {
                let space = by_name(path)?;
                let is_called_so = stem(path).to_lowercase().contains("taesd");
                is_called_so.then(|| found(Some(space), Some(fault), TinyShape::default()))
            }
            Err(_) => None,
        }
    }

    /// Whether it decodes the latents of that model.
    fn fits(&self, card: &ModelCard) -> bool {
        let is_of_space =
            card.latent_space.is_some() && self.space.map(|space| space.is) == card.latent_space;
        let shape = TinyShape {
            latent_channels: card.traits.latent_channels,
            factor: card.traits.vae_factor,
        };
        is_of_space && (self.fault.is_some() || self.shape == shape)
    }

    /// The one of `all` that makes previews of that model: the first that can be read, or else the first that
    /// says why it cannot.
    pub fn for_model<'a>(all: &'a [Self], card: &ModelCard) -> Option<&'a Self> {
        let mut fitting = all.iter().filter(|tiny| tiny.fits(card));
        let first = fitting.clone().find(|tiny| tiny.fault.is_none());
        first.or_else(|| fitting.next())
    }

    /// Its decoder; only the header is read.
    pub fn decoder(&self) -> Result<TinyDecoder, CatalogError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let decoder = tiny_vae::decoder(&TensorFile::open(&self.path)?);
        let (_, config, weights) = decoder.ok_or_else(|| CatalogError::MissingFile {
            path: self.path.clone(),
        })?;
        Ok(TinyDecoder { config, weights })
    }
}

/// Of which latent space the one at `path` is, by the surest that says anything.
fn told(path: &Path, bytes: u64) -> Option<Told<LatentSpace>> {
    if let Some(space) = by_config(path) {
        return Some(Told::by(ToldBy::Config, space));
    }
    if let Some(space) = by_checksum(path, bytes) {
        return Some(Told::by(ToldBy::Checksum, space));
    }
    by_name(path)
}

/// What diffusers wrote beside the weights of where it had them from.
fn by_config(path: &Path) -> Option<LatentSpace> {
    let text = std::fs::read(path.with_file_name("config.json")).ok()?;
    let config: Value = serde_json::from_slice(&text).ok()?;
    let is_tiny = config.get("_class_name")? == "AutoencoderTiny";
    let from = config.get("_name_or_path")?.as_str()?;
    LatentSpace::in_words(from).filter(|_| is_tiny)
}

/// By its own name, or else that of the folder or repository it lies in.
fn by_name(path: &Path) -> Option<Told<LatentSpace>> {
    let folder = path.parent()?;
    let of_folder = || {
        let name = folders::repository(folder).or_else(|| Some(folder.file_name()?.to_owned()));
        LatentSpace::in_words(&name?.to_string_lossy())
    };
    let space = LatentSpace::in_words(&stem(path)).or_else(of_folder)?;
    Some(Told::by(ToldBy::Name, space))
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Lengths and SHA-256 of what its author gave out, whole or the decoder alone, at the named revisions on
/// huggingface.co, as the pages of these commits and files show them; the last two are the halves in f16 that
/// ComfyUI is used with, as two catalogues of its models list them independently.
#[rustfmt::skip]
const KNOWN: [(u64, &str, LatentSpace); 19] = [
    // madebyollin/taesd@fc64f52b (1.1), @931366cc (1.2), @9565f935 (1.3)
    (9_793_292, "2183b8f7c963176bcb3ee6ecf54fc7d5bca22b9466465afdbb6b12b9a0785d2c", LatentSpace::StableDiffusion),
    (9_832_437, "62bda7018337cc26fbbe7d5ebb29c9783c82e7cb72ab725722b7587a1cf699d6", LatentSpace::StableDiffusion),
    (4_895_612, "439a6d6ce5b2d358019c25fef66fa3892df7c3c67131a8ef4e7b4b5c82cc0d16", LatentSpace::StableDiffusion),
    (9_793_292, "d7956d561b1efbd861ad9b03fd8f01510f9e87eddc07bdfd20837009433f6ee5", LatentSpace::StableDiffusion),
    (9_832_437, "4dbe7a5f07de1045ccab691d09b08ee06a6a42c2e91f09a949ea339ac3b8d601", LatentSpace::StableDiffusion),
    (4_895_612, "7442e91c60df146ab22c9deb6386f7f540ef2a70dd676e3bfa88c3b4ae694357", LatentSpace::StableDiffusion),
    (9_793_292, "db169d69145ec4ff064e49d99c95fa05d3eb04ee453de35824a6d0f325513549", LatentSpace::StableDiffusion),
    (9_832_437, "5fd7edbf16d049365dda1dfd6df71526dc1b24ce78537dcad733f7b73921d267", LatentSpace::StableDiffusion),
    // madebyollin/taesdxl@22bb43d (1.0), @a496ca94 (1.1), @b581b405 (1.2), @6b32ebd (1.3)
    (9_793_292, "55ef8e24c0ef92d7f1d81b2cf66283d72396c6c05b6f073bec845147cd1247f3", LatentSpace::Xl),
    (9_832_437, "0af7e9e60c66873ac787d11f2955a1e1b5a6b7343954d92e74507b71f84f312c", LatentSpace::Xl),
    (4_895_612, "0932f0601474b5c4badedcbd06027c9744e5b5b7e4b3cc968eafaeb029ae9806", LatentSpace::Xl),
    (9_793_292, "aa0e5a3d8214d16fb840d01583a4afe80bc60080fa4d131c91b139323214231c", LatentSpace::Xl),
    (9_832_437, "a01e74601dabfc236bcc369bc78bb1913a9e3aecd15b202cb341a142b2b7f0f8", LatentSpace::Xl),
    (4_895_612, "7f44a1aca487b462de37c3ccc5964020a98a582b15b679f2144e4ae3c6345904", LatentSpace::Xl),
    (9_793_292, "0070e0bf1b85d84c836ebb0dc0d8a69200de91aa1a2a726efdb5153e810a27e6", LatentSpace::Xl),
    (4_895_612, "f6013131e7eb412ef20113f1acc2ea7d3e47e53196ca0530fa65d9b61d814b61", LatentSpace::Xl),
    (9_793_292, "ff4824aca94dd6111e0340fa749347fb74101060d9712cb5ef1ca8f1cf17502f", LatentSpace::Xl),
    (2_450_590, "d903e7cc3ae58f21d985a3498a841fa8b230edccff7ac5d27607b0c557945c6f", LatentSpace::StableDiffusion),
    (2_450_590, "ae5256b046b01d577279ed93a55bbb1fb2689e55aa14cfc0f7f841e0160202a5", LatentSpace::Xl),
];

/// Files of other lengths are not read whole.
fn by_checksum(path: &Path, bytes: u64) -> Option<LatentSpace> {
    if !KNOWN.iter().any(|known| known.0 == bytes) {
        return None;
    }
    let sha256 = sha256_of_file(path, &|| false).ok()??;
    let known = KNOWN.iter().find(|known| known.1 == sha256)?;
    Some(known.2)
}

#[cfg(test)]
mod tests;
