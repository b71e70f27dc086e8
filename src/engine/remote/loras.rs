//! LoRAs of servers: which one is meant, and how it is asked for.

use serde_json::{Value as Json, json};

use super::http::Http;
use crate::catalog::{LoraRef, stem_there};
use crate::engine::server_error::{Fault, ServerError};
use crate::plan::LoraUse;

/// The LoRA among those there that is meant: the one of that whole name, else one whose file has that name, with
/// or without its ending. A file of this machine means the one that has its name there.
pub(super) fn lora_there<'a>(known: &'a [String], lora: &LoraRef) -> Option<&'a String> {
    let wanted = lora.path.to_string_lossy();
    let whole = known.iter().find(|there| **there == *wanted);
    whole.or_else(|| {
        let stem = stem_there(&wanted);
        known.iter().find(|there| stem_there(there) == stem)
    })
}

/// A LoRA as a WebUI lists it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listed {
    pub(super) name: String,
    /// Where it lies, on a server that wants to be told so.
    pub(super) path: Option<String>,
}

impl Listed {
    /// AUTOMATIC1111, Forge and SD.Next give each an alias and read tags in prompts; `stable-diffusion.cpp` gives
    /// none, reads no tags, and wants paths beside the prompt (`examples/server/routes_sdapi.cpp`).
    pub(super) fn of(item: &Json) -> Option<Self> {
        let text = |name: &str| item.get(name).and_then(Json::as_str).map(str::to_owned);
        let reads_tags = item.get("alias").is_some();
        Some(Self {
            name: text("name")?,
            path: text("path").filter(|_| !reads_tags),
        })
    }
}

/// Their names.
pub(super) fn names(known: &[Listed]) -> Vec<String> {
    known.iter().map(|it| it.name.clone()).collect()
}

/// The LoRAs of a run on a WebUI.
#[derive(Debug, Default, PartialEq)]
pub(super) struct LorasThere {
    /// `<lora:name:weight>` for each, to stand behind the prompt.
    pub(super) tags: String,
    /// Those that stand beside it.
    pub(super) beside: Vec<Json>,
}

impl LorasThere {
    /// Those of a run; an error where one is not there.
    pub(super) fn of(used: &[LoraUse], known: &[Listed], http: &Http) -> Result<Self, ServerError> {
        let all = names(known);
        let mut loras = Self::default();
        for LoraUse { lora, weight } in used {
            let there = lora_there(&all, lora);
            let there = there.and_then(|name| known.iter().find(|it| it.name == *name));
            let Some(Listed { name, path }) = there else {
                let name = lora.name();
                return Err(http.fault(Fault::Missing { name, known: all }));
            };
            let weight = weight.get();
            if let Some(path) = path {
                let beside = json!({"path": path, "multiplier": weight});
                loras.beside.push(beside);
            } else {
                let tag = format!(" <lora:{name}:{weight}>");
                loras.tags.push_str(&tag);
            }
        }
        Ok(loras)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lora_is_found_by_its_whole_name_and_by_its_files() {
        let known = [
            "a/ink.v2.safetensors",
            "b/ink.v2.safetensors",
            "c\\oil.pt",
            "line",
        ];
        let known = known.map(str::to_owned);
        let file = |path: &str| LoraRef {
            path: path.into(),
            identity: "00".to_owned(),
            weights_sha256: None,
        };
        for (wanted, found) in [
            (LoraRef::served("b/ink.v2.safetensors"), Some(1)),
            (LoraRef::served("ink.v2"), Some(0)),
            (LoraRef::served("ink"), None),
            (LoraRef::served("oil"), Some(2)),
            (file("/home/me/loras/oil.pt"), Some(2)),
            (file("/home/me/loras/line.safetensors"), Some(3)),
        ] {
            let there = lora_there(&known, &wanted);
            assert_eq!(
                there,
                found.and_then(|at: usize| known.get(at)),
                "{wanted:?}"
            );
        }
    }
}
