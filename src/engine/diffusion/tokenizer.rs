//! [`PromptTokenizer`]: from a prompt to the windows of token ids a text encoder reads.

use std::collections::HashSet;

use serde_json::{Value, json};
use tokenizers::Tokenizer;

use crate::catalog::ModelFiles;
use crate::engine::EngineError;

/// Splits of CLIP's tokenizer, [Radford et al. 2021](https://github.com/openai/CLIP).
const CLIP_PATTERN: &str = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// The tokenizer of a model.
#[derive(Debug)]
pub(crate) struct PromptTokenizer {
    tokenizer: Tokenizer,
    start: u32,
    end: u32,
    pad: u32,
    unknown: Option<u32>,
    /// Tokens the text encoder reads at once, start and end included.
    window: usize,
}

impl PromptTokenizer {
    /// Reads `tokenizer.json` in `folder`, or `vocab.json` and `merges.txt` where there is none.
    /// `window` is that of the text encoder.
    pub(crate) fn load(
        files: &ModelFiles,
        folder: &str,
        window: usize,
    ) -> Result<Self, EngineError> {
        let whole = format!("{folder}/tokenizer.json");
        let (name, tokenizer) = if files.contains(&whole) {
            let bytes = files.read(&whole)?;
            let mut described: Value =
                serde_json::from_slice(&bytes).map_err(|error| EngineError::ModelFile {
                    path: files.path(&whole),
                    why: error.to_string().into(),
                })?;
            // Nothing is decoded here, and a decoder that is none makes the tokenizers' crate panic.
            if let Some(parts) = described.as_object_mut() {
                parts.remove("decoder");
            }
            (whole, Tokenizer::from_bytes(described.to_string()))
        } else {
            let whole = clip_tokenizer(files, folder)?;
            (
                format!("{folder}/vocab.json"),
                Tokenizer::from_bytes(whole.to_string()),
            )
        };
        let refused = |why: String| EngineError::ModelFile {
            path: files.path(&name),
            why: why.into(),
        };
        let mut tokenizer = tokenizer.map_err(|error| refused(error.to_string()))?;
        // Both are ours to do: a prompt is split into windows, never cut.
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| refused(error.to_string()))?;
        if window < 3 {
            return Err(refused(format!("the text window is {window} tokens")));
        }
        let special = SpecialTokens::load(files, folder)?;
        let id = |token: &str| {
            tokenizer
                .token_to_id(token)
                .ok_or_else(|| refused(format!("it lacks the token “{token}”")))
        };
        Ok(Self {
            start: id(&special.start)?,
            end: id(&special.end)?,
            pad: id(&special.pad)?,
            unknown: special
                .unknown
                .and_then(|token| tokenizer.token_to_id(&token)),
            tokenizer,
            window,
        })
    }

    /// The windows of a prompt, at least one: each begins with the start token, ends with the end
    /// token and is padded to the window. Words are kept together where they fit into one.
    pub(crate) fn windows(&self, prompt: &str) -> Result<Vec<Vec<u32>>, EngineError> {
        let encoding = self.encode(prompt)?;
        let (ids, words) = (encoding.get_ids(), encoding.get_word_ids());
        let room = self.window - 2;
        let mut windows = Vec::new();
        let mut from = 0;
        loop {
            let to = cut(words, from, room);
            windows.push(self.window_of(ids.get(from..to).unwrap_or_default()));
            from = to;
            if from >= ids.len() {
                return Ok(windows);
            }
        }
    }

    /// Windows of several prompts, empty ones added so that all have as many.
    pub(crate) fn windows_of_all(
        &self,
        prompts: &[&str],
    ) -> Result<Vec<Vec<Vec<u32>>>, EngineError> {
        let mut all = prompts
            .iter()
            .map(|prompt| self.windows(prompt))
            .collect::<Result<Vec<_>, _>>()?;
        let most = all.iter().map(Vec::len).max().unwrap_or(0);
        self.fill_up(&mut all, most);
        Ok(all)
    }

    /// Adds empty windows, so that every prompt has `count`.
    pub(crate) fn fill_up(&self, prompts: &mut [Vec<Vec<u32>>], count: usize) {
        for windows in prompts {
            windows.resize(count, self.window_of(&[]));
        }
    }

    /// Pieces of the prompt for which the model has no token.
    pub(crate) fn unknown_pieces(&self, prompt: &str) -> Result<Vec<String>, EngineError> {
        let encoding = self.encode(prompt)?;
        let mut pieces: Vec<String> = Vec::new();
        let mut known = HashSet::new();
        for (id, &(from, to)) in encoding.get_ids().iter().zip(encoding.get_offsets()) {
            let piece = prompt.get(from..to).unwrap_or_default().trim();
            if Some(*id) == self.unknown && !piece.is_empty() && known.insert(piece) {
                pieces.push(piece.to_owned());
            }
        }
        Ok(pieces)
    }

    fn encode(&self, prompt: &str) -> Result<tokenizers::Encoding, EngineError> {
        self.tokenizer
            .encode(prompt, false)
            .map_err(|error| EngineError::Internal {
                why: error.to_string(),
            })
    }

    fn window_of(&self, ids: &[u32]) -> Vec<u32> {
        let mut window = Vec::with_capacity(self.window);
        window.push(self.start);
        window.extend_from_slice(ids);
        window.push(self.end);
        window.resize(self.window, self.pad);
        window
    }
}

/// End of the window that begins at `from`: before the word that no longer fits, or in its middle
/// where it would fill a window alone.
fn cut(words: &[Option<u32>], from: usize, room: usize) -> usize {
    let most = from.saturating_add(room);
    if most >= words.len() {
        return words.len();
    }
    let starts_word = |at: usize| words.get(at) != words.get(at - 1);
    (from + 1..=most)
        .rev()
        .find(|&at| starts_word(at))
        .unwrap_or(most)
}

struct SpecialTokens {
    start: String,
    end: String,
    pad: String,
    unknown: Option<String>,
}

impl SpecialTokens {
    /// What `special_tokens_map.json` says, then `tokenizer_config.json`, then CLIP's own.
    fn load(files: &ModelFiles, folder: &str) -> Result<Self, EngineError> {
        let mut maps = Vec::new();
        for name in ["special_tokens_map.json", "tokenizer_config.json"] {
            let name = format!("{folder}/{name}");
            if files.contains(&name) {
                maps.push(read_json(files, &name)?);
            }
        }
        let find = |key: &str| {
            maps.iter().find_map(|map| {
                let token = map.get(key)?;
                // Older files hold the token alone, newer ones how it is matched, too.
                token
                    .as_str()
                    .or_else(|| token.get("content")?.as_str())
                    .map(str::to_owned)
            })
        };
        let end = find("eos_token").unwrap_or_else(|| "<|endoftext|>".to_owned());
        Ok(Self {
            start: find("bos_token").unwrap_or_else(|| "<|startoftext|>".to_owned()),
            pad: find("pad_token").unwrap_or_else(|| end.clone()),
            unknown: find("unk_token"),
            end,
        })
    }
}

fn read_json(files: &ModelFiles, name: &str) -> Result<Value, EngineError> {
    serde_json::from_slice(&files.read(name)?).map_err(|error| EngineError::ModelFile {
        path: files.path(name),
        why: error.to_string().into(),
    })
}

/// CLIP's tokenizer around the model's vocabulary, in the form of a `tokenizer.json`.
fn clip_tokenizer(files: &ModelFiles, folder: &str) -> Result<Value, EngineError> {
    let vocabulary = read_json(files, &format!("{folder}/vocab.json"))?;
    let name = format!("{folder}/merges.txt");
    let merges = files.read(&name)?;
    let merges = std::str::from_utf8(&merges).map_err(|error| EngineError::ModelFile {
        path: files.path(&name),
        why: error.to_string().into(),
    })?;
    let merges: Vec<&str> = merges
        .lines()
        .filter(|line| !line.starts_with("#version") && !line.is_empty())
        .collect();
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
            {"type": "Lowercase"},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": CLIP_PATTERN}, "behavior": "Removed", "invert": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        ]},
        "post_processor": null,
        "decoder": null,
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": "<|endoftext|>",
            "continuing_subword_prefix": null,
            "end_of_word_suffix": "</w>",
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": false,
            "vocab": vocabulary,
            "merges": merges,
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starter() -> PromptTokenizer {
        PromptTokenizer::load(&ModelFiles::BuiltIn, "tokenizer", 32).expect("the starter's is good")
    }

    #[test]
    fn a_decoder_that_is_none_is_passed_over_and_what_is_no_json_is_refused() {
        let room = tempfile::tempdir().expect("a folder");
        let files = ModelFiles::Folder(room.path().to_owned());
        let folder = room.path().join("tokenizer");
        std::fs::create_dir(&folder).expect("a folder");
        let read = |name: &str| ModelFiles::BuiltIn.read(name).expect("the starter's");
        for name in ["tokenizer_config.json", "special_tokens_map.json"] {
            let bytes = read(&format!("tokenizer/{name}"));
            std::fs::write(folder.join(name), bytes).expect("written");
        }
        let bytes = read("tokenizer/tokenizer.json");
        let mut described: Value = serde_json::from_slice(&bytes).expect("JSON");
        described["decoder"] = json!({ "type": "Nobody's" });
        let load = |text: &str| {
            std::fs::write(folder.join("tokenizer.json"), text).expect("written");
            PromptTokenizer::load(&files, "tokenizer", 32)
        };
        let text = described.to_string();
        let windows = |tokenizer: &PromptTokenizer| tokenizer.windows("woman").expect("encoded");
        assert_eq!(windows(&load(&text).expect("good")), windows(&starter()));
        let half = text.get(..text.len() / 2).expect("plain letters");
        assert!(matches!(load(half), Err(EngineError::ModelFile { .. })));
    }

    #[test]
    fn a_short_prompt_is_one_padded_window() {
        let tokenizer = starter();
        let windows = tokenizer.windows("woman, red dress").expect("encoded");
        let [window] = &windows[..] else {
            panic!("{windows:?}")
        };
        assert_eq!(window.len(), 32);
        let words = window.iter().filter(|&&id| id > 1).count();
        assert!(words >= 4);
        assert_eq!(window[0], 0);
        assert!(window[words + 1..].iter().all(|&id| id == 1));
        assert_eq!(
            tokenizer.windows("").expect("encoded"),
            [[&[0][..], &[1; 31]].concat()]
        );
        // Case and spaces do not matter.
        assert_eq!(
            windows,
            tokenizer.windows(" Woman,  red\ndress ").expect("encoded")
        );
    }

    #[test]
    fn long_prompts_are_split_between_words_and_lose_nothing() {
        let tokenizer = starter();
        let prompt = "woman with black long hair, red dress, in the city at night, ".repeat(5);
        let windows = tokenizer.windows(&prompt).expect("encoded");
        assert!(windows.len() > 2);
        let strip = |window: &Vec<u32>| -> Vec<u32> {
            assert_eq!((window.len(), window[0]), (32, 0));
            window.iter().copied().filter(|&id| id > 1).collect()
        };
        let joined: Vec<u32> = windows.iter().flat_map(strip).collect();
        let whole = tokenizer.encode(&prompt).expect("encoded");
        assert_eq!(joined, whole.get_ids());
        // Each window but the last ends with the end of a word.
        for window in &windows[..windows.len() - 1] {
            let last = strip(window).pop().expect("not empty");
            let token = tokenizer.tokenizer.id_to_token(last).expect("known");
            assert!(token.ends_with("</w>"), "{token}");
        }
    }

    #[test]
    fn a_word_longer_than_a_window_is_cut() {
        let windows = starter().windows(&"zq".repeat(100)).expect("encoded");
        assert!(windows.len() > 1);
    }

    #[test]
    fn prompts_are_brought_to_as_many_windows() {
        let tokenizer = starter();
        let long = "red dress, ".repeat(40);
        let all = tokenizer.windows_of_all(&["", &long]).expect("encoded");
        assert_eq!(all[0].len(), all[1].len());
        assert!(all[0].len() > 1);
        assert_eq!(
            all[0].last(),
            tokenizer.windows("").expect("encoded").last()
        );
    }

    #[test]
    fn vocabulary_and_merges_give_the_same_as_the_whole_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path().join("tokenizer");
        std::fs::create_dir(&here).expect("created");
        let whole: Value = serde_json::from_slice(
            &ModelFiles::BuiltIn
                .read("tokenizer/tokenizer.json")
                .expect("read"),
        )
        .expect("json");
        let model = &whole["model"];
        std::fs::write(here.join("vocab.json"), model["vocab"].to_string()).expect("written");
        let merges: Vec<String> = model["merges"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|merge| match merge {
                Value::String(merge) => merge.clone(),
                pair => format!(
                    "{} {}",
                    pair[0].as_str().unwrap(),
                    pair[1].as_str().unwrap()
                ),
            })
            .collect();
        let text = format!("#version: 0.2\n{}\n", merges.join("\n"));
        std::fs::write(here.join("merges.txt"), text).expect("written");
        let from_parts = PromptTokenizer::load(
            &ModelFiles::Folder(folder.path().to_owned()),
            "tokenizer",
            32,
        )
        .expect("complete");
        for prompt in [
            "woman's t-shirt, 3d!? it's  fine",
            "女人，金色長直髮，藍色洋裝，在海灘上",
            "Ünïcode 🦊 and 12 cats",
        ] {
            assert_eq!(
                from_parts.windows(prompt).expect("encoded"),
                starter().windows(prompt).expect("encoded"),
                "{prompt}"
            );
        }
    }

    #[test]
    fn pieces_without_a_token_are_named() {
        let pieces = starter()
            .unknown_pieces("woman in a castle")
            .expect("encoded");
        assert!(pieces.is_empty(), "{pieces:?}");
    }

    #[test]
    fn damaged_files_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("tokenizer")).expect("created");
        let files = ModelFiles::Folder(folder.path().to_owned());
        assert!(matches!(
            PromptTokenizer::load(&files, "tokenizer", 77),
            Err(EngineError::ModelFile { .. })
        ));
        std::fs::write(folder.path().join("tokenizer/tokenizer.json"), "{").expect("written");
        assert!(matches!(
            PromptTokenizer::load(&files, "tokenizer", 77),
            Err(EngineError::ModelFile { .. })
        ));
    }
}
