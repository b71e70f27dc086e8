//! The weights in what PyTorch saves: a zip archive with a pickle that says where each lies in it.
//!
//! A pickle is a program for a small stack machine that may call anything in Python. The machine here
//! can call three things, which it knows by name and does itself: make an ordered dictionary, make
//! a tensor of a storage, wrap a tensor as a parameter. Any other name ends the reading at once, and
//! is told. Nothing is imported and nothing is run. Sizes are never believed: a tensor is only a
//! place in the archive, which must lie within its storage.

mod machine;
mod values;

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;

use self::machine::Machine;
use super::error::Damage;
use super::stored_tensor::StoredTensor;

/// Bytes of the longest program; a checkpoint's has a few hundred thousand.
const LONGEST: usize = 64 << 20;

type Read<T> = Result<T, Damage>;

fn bad<T>(why: impl Into<String>) -> Read<T> {
    Err(Damage::Pickle { why: why.into() })
}

/// The weights that the file holds, by name.
pub(super) fn tensors(bytes: &[u8]) -> Read<BTreeMap<String, StoredTensor>> {
    if !bytes.starts_with(b"PK") {
        // The layout PyTorch wrote until 1.6, in 2020.
        return bad("it is in PyTorch's layout from before 2020");
    }
    let broken = |error: zip::result::ZipError| Damage::Pickle {
        why: error.to_string(),
    };
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    let mut entries = HashMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(broken)?;
        let (Some(start), Ok(name)) = (entry.data_start(), entry.name()) else {
            continue;
        };
        let (start, size) = (start as usize, entry.size() as usize);
        let end = start.checked_add(size);
        let stored = entry.compression() == zip::CompressionMethod::Stored;
        if stored && end.is_some_and(|end| end <= bytes.len()) {
            entries.insert(name.into_owned(), (start, size));
        }
    }
    let is_program = |name: &&String| *name == "data.pkl" || name.ends_with("/data.pkl");
    let Some(name) = entries.keys().find(is_program) else {
        return bad("there is no data.pkl in it that is not compressed");
    };
    let root = name.trim_end_matches("data.pkl").to_owned();
    let storages: HashMap<String, (usize, usize)> = entries
        .into_iter()
        .filter_map(|(name, place)| Some((name.strip_prefix(&root)?.to_owned(), place)))
        .collect();
    let (start, size) = storages.get("data.pkl").copied().unwrap_or_default();
    if size > LONGEST {
        return bad("its data.pkl is too long");
    }
    let program = bytes.get(start..start + size).unwrap_or_default();
    let mut machine = Machine::new(program, &storages);
    let root = machine.run()?;
    let mut found = BTreeMap::new();
    machine.collect(root, "", &mut found)?;
    if found.is_empty() {
        return bad("there are no weights in it");
    }
    // Trainers put the weights beside other things.
    let below = |name: &str| name.strip_prefix("state_dict.").map(str::to_owned);
    if found.keys().any(|name| below(name).is_some()) {
        let inner = found.into_iter();
        return Ok(inner
            .filter_map(|(name, stored)| Some((below(&name)?, stored)))
            .collect());
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
