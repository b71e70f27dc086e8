//! LoRAs as AUTOMATIC1111's web UI writes them: `<lora:name:weight>` in the prompt, and beside the settings
//! `Lora hashes: "name: 0123456789ab, …"`.

use std::path::PathBuf;

use super::lora::{LoraUse, LoraWeight};
use crate::catalog::LoraRef;

const BEGIN: &str = "<lora:";
/// Digits of a hash that stand in a text.
const DIGITS: usize = 12;

/// A prompt with the LoRAs behind it.
pub(super) fn with_tags(prompt: &str, loras: &[LoraUse]) -> String {
    let mut text = prompt.to_owned();
    for used in loras {
        if !text.is_empty() {
            text.push(' ');
        }
        text += BEGIN;
        text += &said_name(&used.lora);
        text.push(':');
        text += &used.weight.get().to_string();
        text.push('>');
    }
    text
}

/// The hashes that are known, as they stand behind `Lora hashes`; `None` where none is.
pub(super) fn hashes(loras: &[LoraUse]) -> Option<String> {
    let known = loras.iter().filter_map(|used| {
        let hash = used.lora.weights_sha256.as_ref()?.get(..DIGITS)?;
        Some(format!("{}: {hash}", said_name(&used.lora)))
    });
    let known: Vec<String> = known.collect();
    (!known.is_empty()).then(|| known.join(", "))
}

/// Its name without what has a meaning in the text.
fn said_name(lora: &LoraRef) -> String {
    lora.name().replace([':', '<', '>', ',', '\n', '\r'], "_")
}

/// A prompt without its LoRAs, and these; of each only the name is known, and the beginning of its hash
/// where `hashes` has it.
pub(super) fn take_tags(prompt: &str, hashes: Option<&str>) -> (String, Vec<LoraUse>) {
    let mut text = String::new();
    let mut found = Vec::new();
    let mut rest = prompt;
    while let Some((before, tag)) = rest.split_once(BEGIN) {
        text.push_str(before);
        let inside = tag.split_once('>');
        let used = inside.and_then(|(inside, _)| used(inside, hashes.unwrap_or_default()));
        if let (Some(used), Some((_, behind))) = (used, inside) {
            found.push(used);
            if text.ends_with(' ') {
                text.pop();
            }
            rest = behind;
        } else {
            text.push_str(BEGIN);
            rest = tag;
        }
    }
    text.push_str(rest);
    (text, found)
}

/// `name`, `name:weight`, or with more behind it that is for parts of the model.
fn used(inside: &str, hashes: &str) -> Option<LoraUse> {
    let mut parts = inside.split(':');
    // Some write the folder, too.
    let name = parts.next()?.rsplit(['/', '\\']).next()?;
    if name.trim().is_empty() {
        return None;
    }
    let weight = match parts.next() {
        Some(weight) => weight.trim().parse().ok()?,
        None => 1.0,
    };
    let hash = hashes.split(',').find_map(|pair| {
        let (known, hash) = pair.split_once(':')?;
        (known.trim() == name).then(|| hash.trim().to_ascii_lowercase())
    });
    Some(LoraUse {
        lora: LoraRef {
            path: PathBuf::from(name),
            identity: String::new(),
            weights_sha256: hash,
        },
        weight: LoraWeight::new(weight).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_taken_out_of_a_prompt() {
        let hashes = Some("detail: 0123456789AB, other: ff");
        let (text, found) = take_tags(
            "a cat <lora:detail:0.8>, big<lora:ink> <lora::1> <b>",
            hashes,
        );
        assert_eq!(text, "a cat, big <lora::1> <b>");
        let found: Vec<_> = found
            .iter()
            .map(|it| {
                (
                    it.lora.name(),
                    it.weight.get(),
                    it.lora.weights_sha256.as_deref(),
                )
            })
            .collect();
        let wanted = [
            ("detail".to_owned(), 0.8, Some("0123456789ab")),
            ("ink".to_owned(), 1.0, None),
        ];
        assert_eq!(found, wanted);
        for strange in ["<lora:", "<lora:a:x>", "<lora:a:99>", "a <lora:b"] {
            assert_eq!(take_tags(strange, None), (strange.to_owned(), Vec::new()));
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let of = |path: &str, weight, hash: Option<&str>| LoraUse {
            lora: LoraRef {
                path: path.into(),
                identity: "00".to_owned(),
                weights_sha256: hash.map(str::to_owned),
            },
            weight: LoraWeight::new(weight).unwrap(),
        };
        let long = "0123456789abcdef";
        let loras = [
            of("/x/de: tail.safetensors", -0.25, Some(long)),
            of("/y/b.safetensors", 1.0, None),
        ];
        let text = with_tags("a cat", &loras);
        assert_eq!(text, "a cat <lora:de_ tail:-0.25> <lora:b:1>");
        let hashes = hashes(&loras);
        assert_eq!(hashes.as_deref(), Some("de_ tail: 0123456789ab"));
        let (prompt, found) = take_tags(&text, hashes.as_deref());
        assert_eq!(prompt, "a cat");
        assert_eq!(found[0].lora.weights_sha256.as_deref(), long.get(..12));
        assert_eq!(found[1].weight, LoraWeight::FULL);
        assert_eq!(with_tags("", &loras[1..]), "<lora:b:1>");
    }
}
