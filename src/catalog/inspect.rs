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
    /// Weights in Python's pickle format, which may run programs when it is read.
    Pickle,
    /// Quantised weights for other programs.
    Gguf,
    /// A Stable Diffusion checkpoint in one file.
    SingleFile,
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
}

impl Foreign {
    pub(super) fn message(&self, path: &Path) -> Message {
        let message = match self {
            Self::LfsPointer => Message::new("model-is-lfs-pointer"),
            Self::WebPage => Message::new("model-is-web-page"),
            Self::Pickle => Message::new("model-is-pickle"),
            Self::Gguf => Message::new("model-is-gguf"),
            Self::SingleFile => Message::new("model-is-single-file"),
            Self::Family(name) => Message::new("model-is-of-family").with("name", name.clone()),
            Self::Addition(what) => Message::new("model-is-addition").with(
                "what",
                Message::new(match what {
                    Addition::Lora => "model-what-lora",
                    Addition::ControlNet => "model-what-controlnet",
                    Addition::Autoencoder => "model-what-autoencoder",
                    Addition::Embedding => "model-what-embedding",
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

    fn at(self, path: &Path) -> CatalogError {
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
    // The header of safetensors begins behind its length, which may look like anything.
    let is_safetensors = head.get(8) == Some(&b'{');
    let is_pickle = head.starts_with(b"PK\x03\x04") || matches!(head, [0x80, 2..=5, ..]);
    (is_pickle && !is_safetensors).then_some(Foreign::Pickle)
}

/// The first bytes of a file.
pub(super) fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    File::open(path)?
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head)?;
    Ok(head)
}

/// Why the file at `path` is no model.
pub(super) fn file(path: &Path) -> CatalogError {
    let known = head(path).map(|head| foreign_head(&head));
    match known {
        Err(error) => CatalogError::Unreadable {
            path: path.to_path_buf(),
            why: error.to_string(),
        },
        Ok(Some(foreign)) => foreign.at(path),
        Ok(None) => safetensors(path).unwrap_or(Foreign::OtherFile).at(path),
    }
}

/// What a safetensors file holds, by the names of its weights; `None` for any other file.
fn safetensors(path: &Path) -> Option<Foreign> {
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
    let header: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&header).ok()?;
    let any = |is: &dyn Fn(&str) -> bool| header.keys().any(|name| is(name));
    let has = |part: &str| any(&|name| name.contains(part));
    let begins = |start: &str| any(&|name| name.starts_with(start));
    let family = |name: &str| Some(Foreign::Family(name.to_owned()));
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
    if begins("conditioner.embedders.") {
        return family("Stable Diffusion XL");
    }
    if begins("model.diffusion_model.input_blocks.") {
        return Some(Foreign::SingleFile);
    }
    if begins("encoder.down") || begins("decoder.up") || begins("first_stage_model.") {
        return Some(Foreign::Addition(Addition::Autoencoder));
    }
    if begins("emb_params") || (header.len() <= 3 && begins("clip_")) {
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
    match lone.as_deref().map(file) {
        Some(CatalogError::Foreign { path, what }) if what != Foreign::OtherFile => what.at(&path),
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

/// What lies in a folder, by name; nothing where it cannot be read.
pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut entries: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    entries.sort();
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{ModelRef, open};
    use crate::text::Explain as _;

    /// A safetensors file with weights of these names.
    fn weights(names: &[&str]) -> Vec<u8> {
        let one = |name: &&str| {
            format!(r#""{name}": {{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}"#)
        };
        let header = format!(
            "{{{}}}",
            names.iter().map(one).collect::<Vec<_>>().join(",")
        );
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], header.as_bytes(), &[0; 4]].concat()
    }

    #[track_caller]
    fn write(path: &Path, bytes: impl AsRef<[u8]>) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn opened(path: &Path) -> CatalogError {
        open(&ModelRef::Folder(path.to_path_buf())).unwrap_err()
    }

    const POINTER: &str =
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3438167540\n";

    #[test]
    fn files_are_told_by_their_first_bytes_and_names_of_weights() {
        let room = tempfile::tempdir().unwrap();
        let family = |name: &str| Foreign::Family(name.to_owned());
        let unet = "model.diffusion_model.input_blocks.0.0.weight";
        let cases: Vec<(Vec<u8>, Foreign)> = vec![
            (POINTER.into(), Foreign::LfsPointer),
            (b"<!DOCTYPE html><html>".into(), Foreign::WebPage),
            (b"\xef\xbb\xbf\n <HTML lang=en>".into(), Foreign::WebPage),
            (b"{\"error\":\"Unauthorized\"}".into(), Foreign::WebPage),
            (b"Entry not found".into(), Foreign::WebPage),
            (
                b"PK\x03\x04\0\0\x08\x08archive/data.pkl".into(),
                Foreign::Pickle,
            ),
            (b"\x80\x02\x8a\nl\xfc\x9cF".into(), Foreign::Pickle),
            (b"GGUF\x03\0\0\0".into(), Foreign::Gguf),
            (weights(&[unet, "cond_stage_model.a"]), Foreign::SingleFile),
            (weights(&["double_blocks.0.img_attn.norm"]), family("Flux")),
            (
                weights(&["model.diffusion_model.double_blocks.0.img_attn"]),
                family("Flux"),
            ),
            (
                weights(&["model.diffusion_model.joint_blocks.0.x"]),
                family("Stable Diffusion 3"),
            ),
            (
                weights(&[unet, "conditioner.embedders.1.model.ln_final.bias"]),
                family("Stable Diffusion XL"),
            ),
            (
                weights(&["lora_unet_down_blocks_0.lora_down.weight"]),
                Foreign::Addition(Addition::Lora),
            ),
            (
                weights(&["unet.down_blocks.0.attn.to_k.lora.up.weight"]),
                Foreign::Addition(Addition::Lora),
            ),
            (
                weights(&["controlnet_cond_embedding.conv_in.bias", "down_blocks.0"]),
                Foreign::Addition(Addition::ControlNet),
            ),
            (
                weights(&["decoder.up.0.block.0.norm1.weight"]),
                Foreign::Addition(Addition::Autoencoder),
            ),
            (
                weights(&["emb_params"]),
                Foreign::Addition(Addition::Embedding),
            ),
            (
                weights(&["down_blocks.0.x", "conv_in.bias"]),
                Foreign::Part(None),
            ),
            (weights(&["blocks.0.x"]), Foreign::OtherFile),
            (b"\x89PNG\r\n\x1a\n".into(), Foreign::OtherFile),
            (b"".into(), Foreign::OtherFile),
            (u64::MAX.to_le_bytes().into(), Foreign::OtherFile),
            (b"\xff\0\0\0\0\0\0\0{".into(), Foreign::OtherFile),
        ];
        for (bytes, wanted) in cases {
            let path = room.path().join("x.safetensors");
            write(&path, &bytes);
            let what = wanted.clone();
            let found = CatalogError::Foreign {
                path: path.clone(),
                what,
            };
            assert_eq!(file(&path), found, "{:?}", String::from_utf8_lossy(&bytes));
            // The window's dialog hands over what was chosen, file or folder.
            assert_eq!(opened(&path), found);
        }
        // A header of 640 bytes begins as a pickle does.
        let mut bytes = weights(&["a"]);
        bytes.splice(..8, 640_u64.to_le_bytes());
        assert_eq!(foreign_head(&bytes), None);
    }

    #[test]
    fn folders_are_told_by_what_lies_in_them() {
        let room = tempfile::tempdir().unwrap();
        let at = |name: &str| room.path().join(name);
        let snapshot = "hf/hub/models--a--b/snapshots/0123";
        write(&at(snapshot).join(INDEX), "{}");
        write(&at("hf/hub/models--a--b/refs/main"), "0123");
        write(&at("hf2/models--c--d/blobs/0"), "");
        write(&at("shelf/one/model_index.json"), "{}");
        write(&at("shelf/one/vae/config.json"), "{}");
        write(
            &at("single/sd.safetensors"),
            weights(&["model.diffusion_model.input_blocks.0"]),
        );
        write(&at("pickles/readme.md"), "");
        write(&at("pickles/sd.ckpt"), b"PK\x03\x04");
        write(&at("language/config.json"), "{}");
        std::fs::create_dir(at("empty")).unwrap();
        write(&at("indexless/unet/config.json"), "{}");
        let cases = [
            ("hf", Foreign::Cache(Some(at(snapshot)))),
            ("hf/hub", Foreign::Cache(Some(at(snapshot)))),
            ("hf/hub/models--a--b", Foreign::Cache(Some(at(snapshot)))),
            (
                "hf/hub/models--a--b/snapshots",
                Foreign::Cache(Some(at(snapshot))),
            ),
            ("hf2", Foreign::Cache(None)),
            ("shelf", Foreign::Above(at("shelf/one"))),
            ("shelf/one/vae", Foreign::Part(Some(at("shelf/one")))),
            ("language", Foreign::Part(None)),
            ("empty", Foreign::NoModel),
        ];
        for (name, what) in cases {
            assert_eq!(opened(&at(name)), what.at(&at(name)), "{name}");
        }
        assert_eq!(
            opened(&at("single")),
            Foreign::SingleFile.at(&at("single/sd.safetensors"))
        );
        assert_eq!(
            opened(&at("pickles")),
            Foreign::Pickle.at(&at("pickles/sd.ckpt"))
        );
        let path = at("indexless").join(INDEX);
        assert_eq!(opened(&at("indexless")), CatalogError::MissingFile { path });
    }

    #[test]
    fn every_answer_is_a_sentence_in_both_languages() {
        use crate::text::{Language, Texts};
        let path = PathBuf::from("m");
        let all = [
            Foreign::LfsPointer,
            Foreign::WebPage,
            Foreign::Pickle,
            Foreign::Gguf,
            Foreign::SingleFile,
            Foreign::Family("Flux".into()),
            Foreign::Addition(Addition::Lora),
            Foreign::Addition(Addition::ControlNet),
            Foreign::Addition(Addition::Autoencoder),
            Foreign::Addition(Addition::Embedding),
            Foreign::OtherFile,
            Foreign::Cache(Some(path.clone())),
            Foreign::Cache(None),
            Foreign::Above(path.clone()),
            Foreign::Part(Some(path.clone())),
            Foreign::Part(None),
            Foreign::NoModel,
        ];
        for language in Language::ALL {
            let mut said: Vec<String> = all
                .iter()
                .map(|what| Texts::of(language).say(&what.clone().at(&path).message()))
                .collect();
            assert!(said.iter().all(|text| !text.contains("model-")), "{said:?}");
            said.sort();
            said.dedup();
            assert_eq!(said.len(), all.len(), "each says something else");
        }
    }
}
