//! What lies where a model was looked for but is none that can run: told by the first bytes of a
//! file and by the names in a folder. Nothing is trusted, and nothing is read whole.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::CatalogError;
use crate::text::Message;

/// Bytes that tell what a file is.
pub(super) const HEAD_BYTES: usize = 512;
/// The longest header that safetensors itself reads.
const LONGEST_HEADER: u64 = 100_000_000;
/// Folders that are looked into for a model at most, and how deep: a cache of Hugging Face has it
/// three below, `models--a--b/snapshots/<commit>`.
const MOST_FOLDERS: usize = 500;
const DEEPEST: usize = 4;

/// What something is that is no model Overpaint runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Foreign {
    /// The stand-in for a file that Git LFS did not fetch.
    LfsPointer,
    /// A web page, or what a server answered, saved in place of a file.
    WebPage,
    /// Quantised weights for other programs.
    Gguf,
    /// A model of a family that cannot be run, and the family's name.
    Family(String),
    /// Weights that change or extend a model.
    Addition(Addition),
    /// A file that has nothing to do with models.
    OtherFile,
    /// The cache of Hugging Face, and where in it a model lies.
    Cache(Option<PathBuf>),
    /// A folder with a model further below.
    Above(PathBuf),
    /// One part of a model, and where the whole one lies.
    Part(Option<PathBuf>),
    /// A folder without a model.
    NoModel,
}

/// Weights that are no model by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Addition {
    /// Low-rank changes to a model's weights.
    Lora,
    /// A network that guides a model by a second picture.
    ControlNet,
    /// An autoencoder.
    Autoencoder,
    /// Words learnt from pictures.
    Embedding,
    /// Selects what is clicked on (Segment Anything).
    Segmenter,
}

impl Foreign {
    pub(super) fn message(&self, path: &Path) -> Message {
        let message = match self {
            Self::LfsPointer => Message::new("model-is-lfs-pointer"),
            Self::WebPage => Message::new("model-is-web-page"),
            Self::Gguf => Message::new("model-is-gguf"),
            Self::Family(name) => Message::new("model-is-of-family").with("name", name.clone()),
            Self::Addition(what) => Message::new("model-is-addition").with(
                "what",
                Message::new(match what {
                    Addition::Lora => "model-what-lora",
                    Addition::ControlNet => "model-what-controlnet",
                    Addition::Autoencoder => "model-what-autoencoder",
                    Addition::Embedding => "model-what-embedding",
                    Addition::Segmenter => "model-what-segmenter",
                }),
            ),
            Self::OtherFile => Message::new("model-is-other-file"),
            Self::Cache(Some(model)) => {
                Message::new("model-is-cache").with("model", model.as_path())
            }
            Self::Cache(None) => Message::new("model-is-empty-cache"),
            Self::Above(model) => Message::new("model-is-below").with("model", model.as_path()),
            Self::Part(Some(whole)) => Message::new("model-is-part").with("model", whole.as_path()),
            Self::Part(None) => Message::new("model-is-lone-part"),
            Self::NoModel => Message::new("model-is-none"),
        };
        message.with("path", path)
    }

    pub(super) fn at(self, path: &Path) -> CatalogError {
        CatalogError::Foreign {
            path: path.to_path_buf(),
            what: self,
        }
    }
}

/// What a file is that begins with `head`, where that is nothing a model is made of. `None`: it
/// may be what its name says.
pub fn foreign_head(head: &[u8]) -> Option<Foreign> {
    let head = head.get(..HEAD_BYTES).unwrap_or(head);
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let text = text.get(..text.floor_char_boundary(64)).unwrap_or(text);
    let text = text.to_ascii_lowercase();
    let begins_with_any = |starts: &[&str]| starts.iter().any(|start| text.starts_with(start));
    if begins_with_any(&["version https://git-lfs", "version https://hawser"]) {
        return Some(Foreign::LfsPointer);
    }
    if begins_with_any(&[
        "<!doctype",
        "<html",
        "<head",
        "<?xml",
        "{\"error",
        "access to model",
        "entry not found",
        "invalid username",
        "repository not found",
        "not found",
    ]) {
        return Some(Foreign::WebPage);
    }
    if head.starts_with(b"GGUF") {
        return Some(Foreign::Gguf);
    }
    None
}

/// True for what PyTorch saves: a zip archive, or a pickle alone.
pub(super) fn is_pickle(head: &[u8]) -> bool {
    // The header of safetensors begins behind its length, which may look like anything.
    let is_safetensors = head.get(8) == Some(&b'{');
    let is_pickle = head.starts_with(b"PK\x03\x04") || matches!(head, [0x80, 2..=5, ..]);
    is_pickle && !is_safetensors
}

/// The first bytes of a file.
pub(super) fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    File::open(path)?
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head)?;
    Ok(head)
}

/// What the file at `path` is; `None` for what may be a checkpoint, or cannot be read.
fn file(path: &Path) -> Option<Foreign> {
    let head = head(path).ok()?;
    if is_pickle(&head) {
        return None;
    }
    foreign_head(&head).or_else(|| match names(path) {
        Some(names) => foreign_names(&names.keys().map(String::as_str), path),
        None => Some(Foreign::OtherFile),
    })
}

/// The header of a safetensors file; `None` for any other file.
fn names(path: &Path) -> Option<serde_json::Map<String, serde_json::Value>> {
    let mut file = File::open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    let size = file.metadata().ok()?.len();
    if length > LONGEST_HEADER || length > size {
        return None;
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).ok()?;
    serde_json::from_slice(&header).ok()
}

/// What weights of these names are, where that is no checkpoint of Stable Diffusion. `path` is where
/// they lie.
pub(super) fn foreign_names<'a>(
    names: &(impl Iterator<Item = &'a str> + Clone),
    path: &Path,
) -> Option<Foreign> {
    let any = |is: &dyn Fn(&str) -> bool| names.clone().any(is);
    let has = |part: &str| any(&|name| name.contains(part));
    let begins = |start: &str| any(&|name| name.starts_with(start));
    let family = |name: &str| Some(Foreign::Family(name.to_owned()));
    if begins("model.diffusion_model.input_blocks.") {
        // Whatever else lies beside it.
        return None;
    }
    if has("lora_") || has(".lora.") || has(".lokr_") || has(".hada_") {
        return Some(Foreign::Addition(Addition::Lora));
    }
    if has("control_model.") || begins("controlnet_") || has("input_hint_block") {
        return Some(Foreign::Addition(Addition::ControlNet));
    }
    if has("double_blocks.") {
        return family("Flux");
    }
    if has("joint_blocks.") {
        return family("Stable Diffusion 3");
    }
    if begins("image_encoder.") && begins("mask_decoder.") {
        return Some(Foreign::Addition(Addition::Segmenter));
    }
    // TAESD.
    if begins("encoder.layers.") && begins("decoder.layers.") {
        return Some(Foreign::Addition(Addition::Autoencoder));
    }
    if begins("encoder.down") || begins("decoder.up") || begins("first_stage_model.") {
        return Some(Foreign::Addition(Addition::Autoencoder));
    }
    if begins("emb_params") || (names.clone().count() <= 3 && begins("clip_")) {
        return Some(Foreign::Addition(Addition::Embedding));
    }
    let is_part = begins("down_blocks.") || begins("text_model.") || has("transformer_blocks.");
    let whole = path.parent().and_then(Path::parent).filter(|f| is_model(f));
    Some(if is_part || whole.is_some() {
        Foreign::Part(whole.map(Path::to_path_buf))
    } else {
        Foreign::OtherFile
    })
}

/// Why there is no model in the folder `path`, which lacks `model_index.json`.
pub(super) fn folder(path: &Path) -> CatalogError {
    if path.join("unet").is_dir() {
        return CatalogError::MissingFile {
            path: path.join(INDEX),
        };
    }
    let below = model_below(path);
    if is_cache(path) {
        return Foreign::Cache(below).at(path);
    }
    if let Some(whole) = path.parent().filter(|parent| is_model(parent)) {
        return Foreign::Part(Some(whole.to_path_buf())).at(path);
    }
    if let Some(model) = below {
        return Foreign::Above(model).at(path);
    }
    let lone = entries(path).into_iter().find(|entry| has_weights(entry));
    match lone.map(|path| (file(&path), path)) {
        Some((None, checkpoint)) => Foreign::Above(checkpoint).at(path),
        Some((Some(what), path)) if what != Foreign::OtherFile => what.at(&path),
        _ if path.join("config.json").is_file() => Foreign::Part(None).at(path),
        _ => Foreign::NoModel.at(path),
    }
}

const INDEX: &str = "model_index.json";

fn is_model(folder: &Path) -> bool {
    folder.join(INDEX).is_file()
}

/// True for a file with an extension that weights come with.
pub(super) fn has_weights(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    let known = ["safetensors", "ckpt", "pt", "pth", "bin", "gguf"];
    known
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
        && path.is_file()
}

/// The root of Hugging Face's cache, a repository in it, or its `snapshots`.
fn is_cache(folder: &Path) -> bool {
    let of_cache = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("models--") || name == "snapshots"
    };
    of_cache(folder)
        || entries(folder).iter().any(|entry| of_cache(entry))
        || entries(&folder.join("hub"))
            .iter()
            .any(|entry| of_cache(entry))
}

/// The nearest folder below that is a model.
fn model_below(folder: &Path) -> Option<PathBuf> {
    let mut level = vec![folder.to_path_buf()];
    let mut looked_at = 0;
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for folder in level {
            for below in entries(&folder) {
                if looked_at == MOST_FOLDERS {
                    return None;
                }
                if below.is_dir() {
                    looked_at += 1;
                    if is_model(&below) {
                        return Some(below);
                    }
                    next.push(below);
                }
            }
        }
        level = next;
    }
    None
}

/// What lies in a folder, by name; nothing where it cannot be read. What is hidden is left out: downloads
/// grow there, and desktops keep things beside files.
pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let entries = entries.filter_map(Result::ok);
    let seen = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    let mut entries: Vec<PathBuf> = seen.map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

#[cfg(test)]
mod tests;
