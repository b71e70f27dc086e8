//! Where models are looked for: beside the program, in the working directory, in the user's data
//! folder. Each holds `models/<name>/`, a diffusers folder, or `models/<name>.safetensors`, a
//! checkpoint in one file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::card::{self, ModelCard, STARTER_ID};
use super::inspect::Foreign;
use super::{CatalogError, ModelRef, inspect};

/// The model of that id or path: `starter` is the built-in one; then a folder or file; then a name
/// under one of the `models` folders, that of a file with or without its ending. Whether it is complete is told by [`open`](super::open).
pub(super) fn resolve(id_or_path: &str) -> Result<ModelRef, CatalogError> {
    resolve_in(&roots(), id_or_path)
}

/// The built-in model, then the folders in the `models` folders by name. A folder that looks like a model but cannot be offered is an entry that says why.
pub(super) fn list() -> Vec<Result<ModelCard, CatalogError>> {
    let mut cards = vec![card::open(&ModelRef::BuiltIn)];
    cards.extend(
        folders_in(&roots())
            .into_iter()
            .map(|folder| card::open(&ModelRef::Folder(folder))),
    );
    cards.extend(foreign_in(&roots()).into_iter().map(Err));
    cards
}

/// The `models` folders, whether they are there or not.
pub(super) fn roots() -> Vec<PathBuf> {
    let beside_program = std::env::current_exe().ok().and_then(|program| {
        let program = program.canonicalize().ok()?;
        Some(program.parent()?.join("models"))
    });
    let in_working_folder = std::env::current_dir().ok().map(|here| here.join("models"));
    let of_user = directories::ProjectDirs::from("", "", "overpaint")
        .map(|folders| folders.data_dir().join("models"));
    [beside_program, in_working_folder, of_user]
        .into_iter()
        .flatten()
        .collect()
}

fn resolve_in(roots: &[PathBuf], id_or_path: &str) -> Result<ModelRef, CatalogError> {
    if id_or_path == STARTER_ID {
        return Ok(ModelRef::BuiltIn);
    }
    let unknown = || CatalogError::UnknownModel {
        id: id_or_path.to_owned(),
    };
    if id_or_path.is_empty() {
        return Err(unknown());
    }
    let places = || {
        let in_roots = roots.iter().map(|root| root.join(id_or_path));
        std::iter::once(PathBuf::from(id_or_path)).chain(in_roots)
    };
    let found = places()
        .find(|folder| folder.is_dir())
        .or_else(|| places().find(|file| file.is_file()))
        .or_else(|| {
            checkpoints_in(roots).find(|file| file.file_stem() == Some(id_or_path.as_ref()))
        });
    // Absolute, because it goes into requests that outlive the working directory.
    let found = found.and_then(|path| std::path::absolute(path).ok());
    found.map(ModelRef::at).ok_or_else(unknown)
}

/// Files of weights in the `models` folders.
pub(super) fn checkpoints() -> Vec<PathBuf> {
    checkpoints_in(&roots()).collect()
}

/// Files of weights under `roots`.
fn checkpoints_in(roots: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
    let entries = roots.iter().flat_map(|root| inspect::entries(root));
    entries.filter(|entry| inspect::has_weights(entry))
}

/// True for what is a model by its name or what lies in it: a file of weights, a diffusers folder.
pub fn is_named_as_model(path: &Path) -> bool {
    inspect::has_weights(path) || path.join("model_index.json").is_file()
}

/// True for the folder of one model in the cache of Hugging Face.
pub(super) fn is_repository(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with("models--")
}

/// The folder of the newest snapshot of a model in the cache of Hugging Face, `models--owner--name`.
pub(super) fn snapshot(folder: &Path) -> Option<PathBuf> {
    is_repository(folder).then_some(())?;
    let newest = std::fs::read_to_string(folder.join("refs/main")).ok()?;
    let newest = newest.trim();
    let is_name = newest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let snapshot = folder.join("snapshots").join(newest);
    (is_name && !newest.is_empty() && snapshot.is_dir()).then_some(snapshot)
}

/// The name of the repository that a folder is a snapshot of, in the cache of Hugging Face.
pub(super) fn repository(folder: &Path) -> Option<OsString> {
    let snapshots = folder.parent()?;
    let root = snapshots.parent()?.file_name()?.to_str()?;
    let name = root.strip_prefix("models--")?.rsplit("--").next()?;
    (snapshots.file_name()? == "snapshots").then(|| name.into())
}

/// The model folders under `roots`, each once. A name found twice is the first root's, as it is
/// for [`resolve`].
fn folders_in(roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for root in roots {
        let mut here: Vec<PathBuf> = std::fs::read_dir(root)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|folder| folder.join("model_index.json").is_file())
            .collect();
        here.sort();
        for folder in here {
            let name = folder.file_name();
            // The built-in model answers to that name.
            let hidden = name == Path::new(STARTER_ID).file_name()
                || found.iter().any(|known| known.file_name() == name);
            if !hidden {
                found.push(folder);
            }
        }
    }
    found
}

/// What was put among the models but cannot run, such as a cache.
fn foreign_in(roots: &[PathBuf]) -> Vec<CatalogError> {
    let entries = roots.iter().flat_map(|root| inspect::entries(root));
    let refused = entries.filter_map(|entry| {
        let is_strange = entry.is_dir() && !entry.join("model_index.json").is_file();
        let refused = is_strange.then(|| inspect::folder(&entry))?;
        // A folder that holds something else was not meant as a model.
        let is_none = matches!(
            refused,
            CatalogError::Foreign {
                what: Foreign::NoModel | Foreign::Part(_) | Foreign::Addition(_),
                ..
            }
        );
        (!is_none).then_some(refused)
    });
    refused.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_models(names: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for name in names {
            std::fs::create_dir_all(root.path().join(name)).expect("created");
            std::fs::write(root.path().join(name).join("model_index.json"), "{}").expect("written");
        }
        root
    }

    #[test]
    fn names_are_found_in_the_order_of_the_roots() {
        let first = with_models(&["b", "a", "starter"]);
        let second = with_models(&["c", "a"]);
        std::fs::create_dir(second.path().join("not-a-model")).expect("created");
        let roots = [
            first.path().to_owned(),
            PathBuf::from("/nowhere"),
            second.path().to_owned(),
        ];
        assert_eq!(
            folders_in(&roots),
            [
                first.path().join("a"),
                first.path().join("b"),
                second.path().join("c")
            ]
        );
        let a = resolve_in(&roots, "a").expect("found");
        assert_eq!(a, ModelRef::Folder(first.path().join("a")));
        let by_path = second.path().join("c");
        let c = resolve_in(&roots, by_path.to_str().expect("utf-8")).expect("found");
        assert_eq!(c, ModelRef::Folder(by_path));
        assert_eq!(resolve_in(&roots, "starter"), Ok(ModelRef::BuiltIn));
        for strange in ["", "d", "/nowhere/at/all"] {
            assert!(matches!(
                resolve_in(&roots, strange),
                Err(CatalogError::UnknownModel { .. })
            ));
        }
    }

    #[test]
    fn a_model_in_the_cache_is_its_newest_snapshot() {
        let root = tempfile::tempdir().expect("a folder");
        let model = root.path().join("models--owner--dream-xl");
        let snapshot = model.join("snapshots/0123abc");
        std::fs::create_dir_all(model.join("refs")).expect("created");
        std::fs::create_dir_all(&snapshot).expect("created");
        std::fs::create_dir_all(model.join("snapshots/older")).expect("created");
        std::fs::write(model.join("refs/main"), "0123abc\n").expect("written");
        let found = resolve_in(&[], model.to_str().expect("utf-8")).expect("found");
        assert_eq!(found, ModelRef::Folder(snapshot));
        assert_eq!(found.name(), "dream-xl");
        std::fs::write(model.join("refs/main"), "../../secrets").expect("written");
        assert_eq!(ModelRef::at(model.clone()), ModelRef::Folder(model));
    }

    #[test]
    fn weights_in_one_file_are_found_and_what_cannot_run_is_named() {
        let root = with_models(&["a"]);
        let at = |name: &str| root.path().join(name);
        std::fs::write(at("sd.ckpt"), b"PK\x03\x04").expect("written");
        std::fs::write(at("notes.txt"), "a list").expect("written");
        std::fs::create_dir(at("papers")).expect("created");
        std::fs::create_dir_all(at("hub/models--x--y")).expect("created");
        let foreign = |name: &str, what| CatalogError::Foreign {
            path: at(name),
            what,
        };
        let roots = [root.path().to_owned()];
        assert_eq!(foreign_in(&roots), [foreign("hub", Foreign::Cache(None))]);
        // By its name with and without the ending, and by its path.
        let checkpoint = ModelRef::at(at("sd.ckpt"));
        assert_eq!(checkpoint.name(), "sd");
        for name in ["sd.ckpt", "sd", at("sd.ckpt").to_str().expect("utf-8")] {
            assert_eq!(resolve_in(&roots, name), Ok(checkpoint.clone()), "{name}");
        }
        assert_eq!(checkpoints_in(&roots).collect::<Vec<_>>(), [at("sd.ckpt")]);
    }
}
