//! [`Places`]: folders and files with models that the user added, and those of other programs.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::CatalogError;
use super::{folders, inspect};

const FILE: &str = "models.json";
/// Folders within each other that are looked into, and entries at most.
const DEEPEST: usize = 4;
const MOST_ENTRIES: usize = 50_000;

/// What the user added, first added first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Places {
    added: Vec<PathBuf>,
    /// Where models go that are got from the network.
    #[serde(skip)]
    own: Option<PathBuf>,
}

/// Where one program keeps checkpoints and LoRAs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Layout {
    models: Vec<PathBuf>,
    loras: Vec<PathBuf>,
    /// Where autoencoders may lie.
    autoencoders: Vec<PathBuf>,
}

impl Places {
    /// Those remembered in `data_dir`; none where there are none that can be read.
    pub(super) fn read(data_dir: &Path) -> Self {
        let bytes = std::fs::read(data_dir.join(FILE)).ok();
        let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let own = models_folder(data_dir);
        Self {
            own: Some(own).filter(|own| !folders::roots().contains(own)),
            ..read.unwrap_or_default()
        }
    }

    /// Remembers them in `data_dir`.
    pub(super) fn write(&self, data_dir: &Path) -> Result<(), CatalogError> {
        let bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        let path = data_dir.join(FILE);
        write_whole(data_dir, FILE, &bytes).map_err(|error| CatalogError::of_io(&path, &error))
    }

    /// Adds a folder or file once.
    pub(super) fn add(&mut self, path: PathBuf) {
        if !self.added.contains(&path) {
            self.added.push(path);
        }
    }

    /// What may be models in all places: files of weights and diffusers folders.
    pub(super) fn models(&self) -> Vec<PathBuf> {
        self.all().flat_map(|place| models_in(&place)).collect()
    }

    /// Files in folders for LoRAs, in all places.
    pub(super) fn loras(&self) -> Vec<PathBuf> {
        let folders = self.all().flat_map(|place| layout(&place).loras);
        folders.flat_map(|folder| weights_below(&folder)).collect()
    }

    /// Files of weights of at most `most_bytes` where autoencoders may lie, in all places and in the `models`
    /// folders: beside whole models, in a folder of their own or in what was fetched of a repository.
    pub(super) fn small_weights(&self, most_bytes: u64) -> Vec<PathBuf> {
        let roots = folders::roots().into_iter();
        let folders = roots.chain(self.all().flat_map(|place| layout(&place).autoencoders));
        let (mut walked, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut found = Vec::new();
        for folder in folders.filter(|folder| walked.insert(folder.clone())) {
            let mut take = |path: &Path| {
                let is_small = std::fs::metadata(path).is_ok_and(|it| it.len() <= most_bytes);
                if is_small && inspect::has_weights(path) && seen.insert(path.to_path_buf()) {
                    found.push(path.to_path_buf());
                }
            };
            // A file may have been added by itself.
            take(&folder);
            walk(&folder, |entry| {
                take(entry);
                let snapshot = folders::snapshot(entry);
                let below = snapshot.unwrap_or_else(|| entry.to_path_buf());
                // A whole model has its autoencoder for itself.
                let is_other = folders::is_named_as_model(&below) || folders::is_repository(&below);
                (!is_other).then_some(below)
            });
        }
        found
    }

    fn all(&self) -> impl Iterator<Item = PathBuf> {
        let own = self.own.iter().chain(&self.added).cloned();
        own.chain(usual())
    }
}

/// Where models go that are got from the network, for a program whose data lie in `data_dir`.
pub fn models_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("models")
}

/// What may be models at `place`: a model itself, a folder of them, or another program's folder.
pub(super) fn models_in(place: &Path) -> Vec<PathBuf> {
    if folders::is_named_as_model(place) {
        return vec![place.to_path_buf()];
    }
    let folders = layout(place).models;
    folders
        .iter()
        .flat_map(|folder| weights_below(folder))
        .collect()
}

/// Where other programs keep models, as far as it is there.
fn usual() -> Vec<PathBuf> {
    let Some(base) = directories::BaseDirs::new() else {
        return Vec::new();
    };
    let home = base.home_dir();
    let cache = std::env::var_os("HF_HOME")
        .map_or_else(|| base.cache_dir().join("huggingface"), PathBuf::from);
    let names = [
        "stable-diffusion-webui",
        "stable-diffusion-webui-forge",
        "ComfyUI",
    ];
    let mut found: Vec<PathBuf> = names.iter().map(|name| home.join(name)).collect();
    found.push(cache.join("hub"));
    // In a home, as in a folder of downloads, one looks for the program and not for everything.
    found.retain(|folder| folder.is_dir());
    found
}

/// How the program keeps its models that lives in `folder`; a folder that is no program's holds
/// models itself.
fn layout(folder: &Path) -> Layout {
    let models = folder.join("models");
    // AUTOMATIC1111's and Forge.
    if models.join("Stable-diffusion").is_dir() {
        return Layout {
            models: vec![models.join("Stable-diffusion")],
            loras: vec![models.join("Lora")],
            autoencoders: ["VAE-taesd", "VAE", "Stable-diffusion"]
                .map(|name| models.join(name))
                .into(),
        };
    }
    if models.join("checkpoints").is_dir() || folder.join("extra_model_paths.yaml").is_file() {
        let mut layout = Layout {
            models: vec![models.join("checkpoints")],
            loras: vec![models.join("loras")],
            autoencoders: ["vae_approx", "vae", "checkpoints"]
                .map(|name| models.join(name))
                .into(),
        };
        if let Ok(text) = std::fs::read_to_string(folder.join("extra_model_paths.yaml")) {
            extra_paths(&text, folder, &mut layout);
        }
        return layout;
    }
    Layout {
        models: vec![folder.to_path_buf()],
        loras: vec![folder.join("Lora"), folder.join("loras")],
        autoencoders: vec![folder.to_path_buf()],
    }
}

/// What ComfyUI's `extra_model_paths.yaml` adds: sections with a `base_path`, and below it folders by
/// what they hold, one or, after `|`, several a line.
fn extra_paths(text: &str, folder: &Path, layout: &mut Layout) {
    let mut base = folder.to_path_buf();
    let mut kind = String::new();
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default();
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if !line.starts_with([' ', '\t']) {
            // The next section.
            base = folder.to_path_buf();
            kind.clear();
            continue;
        }
        let value = match trimmed.split_once(": ") {
            Some((key, value)) => {
                key.clone_into(&mut kind);
                value.trim()
            }
            None => match trimmed.strip_suffix(':') {
                Some(key) => {
                    key.clone_into(&mut kind);
                    continue;
                }
                None => trimmed,
            },
        };
        let value = value.trim_matches(['"', '\'']);
        if value == "|" || value.is_empty() {
            continue;
        }
        match kind.as_str() {
            "base_path" => base = folder.join(value),
            "checkpoints" => layout.models.push(base.join(value)),
            "loras" => layout.loras.push(base.join(value)),
            "vae" | "vae_approx" => layout.autoencoders.push(base.join(value)),
            _ => {}
        }
    }
}

/// Files of weights and diffusers folders in `folder` and below, by name. A model in the cache of
/// Hugging Face is its newest snapshot.
fn weights_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(folder, |entry| {
        let is_repository = folders::is_repository(entry);
        let model = folders::snapshot(entry).unwrap_or_else(|| entry.to_path_buf());
        let is_model = folders::is_named_as_model(&model);
        if is_model {
            found.push(model.clone());
        }
        (!is_model && !is_repository).then_some(model)
    });
    found
}

/// Shows `visit` what lies in `folder`, by name, and then what lies in the folders that it gives back, as deep and
/// as much as is looked at.
fn walk(folder: &Path, mut visit: impl FnMut(&Path) -> Option<PathBuf>) {
    let mut level = vec![folder.to_path_buf()];
    let mut entries = 0;
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for entry in level.iter().flat_map(|folder| inspect::entries(folder)) {
            entries += 1;
            if entries > MOST_ENTRIES {
                return;
            }
            next.extend(visit(&entry).filter(|below| below.is_dir()));
        }
        level = next;
    }
}

/// Writes a file of `data_dir`, whole or not at all.
pub(super) fn write_whole(data_dir: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(data_dir)?;
    let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
    file.write_all(bytes)?;
    file.persist(data_dir.join(name))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::testing::put;

    #[test]
    fn folders_of_other_programs_are_known() {
        let room = tempfile::tempdir().unwrap();
        let at = |name: &str| room.path().join(name);
        for name in [
            "webui/models/Stable-diffusion/a.safetensors",
            "webui/models/Stable-diffusion/sub/b.ckpt",
            "webui/models/Lora/l.safetensors",
            "webui/models/ESRGAN/x.pth",
            "comfy/models/checkpoints/c.safetensors",
            "comfy/models/loras/m.safetensors",
            "comfy/models/controlnet/y.safetensors",
            "elsewhere/ckpt/d.safetensors",
            "elsewhere/one/e.safetensors",
            "elsewhere/two/n.safetensors",
            "plain/f.safetensors",
            "plain/notes.txt",
            "plain/whole/model_index.json",
            "plain/whole/unet/diffusion_pytorch_model.safetensors",
            "hub/models--o--g/snapshots/abc/model_index.json",
            "hub/models--o--half/blobs/z.bin",
        ] {
            put(room.path(), name, b"x");
        }
        put(room.path(), "hub/models--o--g/refs/main", b"abc");
        let yaml = format!(
            "# mine\nmine:\n    base_path: {}\n    is_default: true\n    checkpoints: ckpt\n    \
             loras: |\n        two\n        three # none yet\nother:\n    checkpoints: {}\n",
            at("elsewhere").display(),
            at("elsewhere/one").display(),
        );
        put(room.path(), "comfy/extra_model_paths.yaml", yaml.as_bytes());
        let names = |found: Vec<PathBuf>| -> Vec<String> {
            let name = |path: &PathBuf| {
                path.strip_prefix(room.path())
                    .unwrap()
                    .display()
                    .to_string()
            };
            found.iter().map(name).collect()
        };
        for (place, models, loras) in [
            (
                "webui",
                &[
                    "webui/models/Stable-diffusion/a.safetensors",
                    "webui/models/Stable-diffusion/sub/b.ckpt",
                ][..],
                &["webui/models/Lora/l.safetensors"][..],
            ),
            (
                "comfy",
                &[
                    "comfy/models/checkpoints/c.safetensors",
                    "elsewhere/ckpt/d.safetensors",
                    "elsewhere/one/e.safetensors",
                ],
                &[
                    "comfy/models/loras/m.safetensors",
                    "elsewhere/two/n.safetensors",
                ],
            ),
            ("plain", &["plain/f.safetensors", "plain/whole"], &[]),
            ("hub", &["hub/models--o--g/snapshots/abc"], &[]),
            ("nowhere", &[], &[]),
        ] {
            let mut places = Places::default();
            places.add(at(place));
            places.add(at(place));
            assert_eq!(names(models_in(&at(place))), models, "{place}");
            let loras_here = places.loras();
            let here = loras_here
                .into_iter()
                .filter(|lora| lora.starts_with(room.path()));
            assert_eq!(names(here.collect()), loras, "{place}");
        }
    }
}
