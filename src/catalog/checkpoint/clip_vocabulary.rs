//! The files of CLIP's tokenizer, made from its merges, which are compiled in: a checkpoint in one
//! file has none. OpenAI's and OpenCLIP's differ in their padding only.

use std::io::Read as _;

use serde_json::json;

/// The merges in the order they were learnt, one a line; from OpenCLIP (MIT), see
/// `assets/clip/README.md`.
const MERGES: &[u8] = include_bytes!("../../../assets/clip/merges.txt.gz");

/// Files there are.
pub(super) const NAMES: [&str; 3] = ["vocab.json", "merges.txt", "special_tokens_map.json"];

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// The file of that name.
pub(super) fn file(name: &str, pads_with_zeros: bool) -> Option<Vec<u8>> {
    match name {
        "vocab.json" => Some(vocabulary(&merges()?).to_string().into()),
        "merges.txt" => merges().map(String::into_bytes),
        "special_tokens_map.json" => {
            // “!” is the token 0.
            let pad = if pads_with_zeros { "!" } else { END };
            let map = json!({
                "bos_token": START,
                "eos_token": END,
                "pad_token": pad,
                "unk_token": END,
            });
            Some(map.to_string().into())
        }
        _ => None,
    }
}

fn merges() -> Option<String> {
    let mut text = String::new();
    // Whole, or the program would not be.
    flate2::read::GzDecoder::new(MERGES)
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}

/// Numbers of the tokens: the bytes, the bytes at the end of a word, what the merges make, and the
/// two marks.
fn vocabulary(merges: &str) -> serde_json::Value {
    let bytes: Vec<String> = byte_letters().map(String::from).collect();
    let ends = bytes.iter().map(|letter| format!("{letter}</w>"));
    let merged = merges.lines().map(|line| line.replace(' ', ""));
    let tokens = bytes
        .iter()
        .cloned()
        .chain(ends)
        .chain(merged)
        .chain([START.to_owned(), END.to_owned()]);
    let numbered = tokens.zip(0_u32..).map(|(token, id)| (token, id.into()));
    serde_json::Value::Object(numbered.collect())
}

/// The letters that stand for bytes: those that can be printed for themselves, first, then others
/// for the rest, from U+0100 up. It is the order of GPT-2's `bytes_to_unicode`.
fn byte_letters() -> impl Iterator<Item = char> {
    let printed = ('!'..='~').chain('¡'..='¬').chain('®'..='ÿ');
    // 256 less those 188.
    printed.chain('\u{100}'..'\u{144}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_clips_vocabulary() {
        let bytes = file("vocab.json", false).unwrap();
        let vocabulary: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&bytes).unwrap();
        assert_eq!(vocabulary.len(), 49408);
        // From openai/clip-vit-large-patch14's vocab.json.
        for (token, id) in [
            ("!", 0),
            ("a</w>", 320),
            ("photo</w>", 1125),
            ("of</w>", 539),
            ("cat</w>", 2368),
            ("astronaut</w>", 18376),
            (START, 49406),
            (END, 49407),
        ] {
            assert_eq!(vocabulary[token], id, "{token}");
        }
        assert_eq!(byte_letters().count(), 256);
    }
}
