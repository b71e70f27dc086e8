//! [`model_identity`]: what a model is, whatever its folder is called and wherever it lies.

use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::Path;

use serde_json::Value as Json;

use super::key::Key;
use crate::catalog::{CatalogError, ModelFiles, ModelRef, identity_of};

/// A name for what a model computes with: SHA-256 over the [`identity_of`] each of its files. A
/// reference names files and folders as JSON; each path in it is replaced by what lies there, so that
/// whatever a model is put together from counts.
pub fn model_identity(model: &ModelRef) -> Result<String, CatalogError> {
    if *model == ModelRef::BuiltIn {
        let files = ModelFiles::of(model);
        let names = [
            "unet/diffusion_pytorch_model.safetensors",
            "vae/diffusion_pytorch_model.safetensors",
            "text_encoder/model.safetensors",
            "scheduler/scheduler_config.json",
        ];
        let read = names.into_iter().map(|name| files.read(name));
        let read = read.collect::<Result<Vec<_>, _>>()?;
        // What is compiled in can be read whenever it likes.
        let keys = read
            .iter()
            .map(|bytes| of_samples(&mut Cursor::new(&**bytes)).ok());
        let keys: Vec<Key> = keys.flatten().collect();
        return Ok(Key::of_parts(keys.iter().map(Key::bytes)).hex());
    }
    let mut told = serde_json::to_value(model).unwrap_or_default();
    replace_paths(&mut told).map_err(|(path, why)| CatalogError::Unreadable { path, why })?;
    Ok(Key::of(told.to_string().as_bytes()).hex())
}

type Unread = (std::path::PathBuf, String);

fn replace_paths(told: &mut Json) -> Result<(), Unread> {
    match told {
        Json::String(text) => {
            let path = Path::new(text);
            if path.is_absolute() && path.exists() {
                let key = of_path(path).map_err(|error| (path.to_owned(), error.to_string()))?;
                *text = key.hex();
            }
            Ok(())
        }
        Json::Array(items) => items.iter_mut().try_for_each(replace_paths),
        Json::Object(fields) => fields.values_mut().try_for_each(replace_paths),
        _ => Ok(()),
    }
}

/// A file by samples of it; a folder by the files in it and their names.
fn of_path(path: &Path) -> std::io::Result<Key> {
    if path.is_dir() {
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // What systems and version control put into folders is no part of a model.
            if !name.starts_with('.') {
                inside.push((name, of_path(&entry.path())?));
            }
        }
        inside.sort();
        let parts = inside.iter();
        return Ok(Key::of_parts(
            parts.flat_map(|(name, key)| [name.as_bytes(), key.bytes()]),
        ));
    }
    of_samples(&mut File::open(path)?)
}

fn of_samples(file: &mut (impl Read + Seek)) -> std::io::Result<Key> {
    identity_of(file).map(|identity| Key::of(identity.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_what_is_in_its_files_not_where_they_lie() {
        let place = tempfile::tempdir().unwrap();
        let model = |name: &str, byte: u8, at: usize| {
            let folder = place.path().join(name);
            std::fs::create_dir_all(folder.join("unet")).unwrap();
            let mut weights = vec![0u8; 1 << 20];
            weights[at] = byte;
            std::fs::write(folder.join("unet/weights.safetensors"), weights).unwrap();
            model_identity(&ModelRef::Folder(folder)).unwrap()
        };
        let first = model("a", 7, 9);
        assert_eq!(first, model("b", 7, 9));
        assert_ne!(first, model("c", 8, 9));
        assert_ne!(first, model("d", 7, (1 << 20) - 1));
        let built_in = model_identity(&ModelRef::BuiltIn).unwrap();
        assert_eq!(built_in.len(), 64);
        assert_ne!(built_in, first);
    }
}
