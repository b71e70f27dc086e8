//! [`Words`]: what a model with a small vocabulary knows, and what of a prompt it does not.

use std::collections::HashSet;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Words that only join others. A model that never saw one loses nothing, so nobody is told.
const JOINING: &[&str] = &[
    "a", "an", "and", "at", "in", "of", "on", "or", "style", "the", "to", "wearing", "wears",
    "with",
];

/// The same in Chinese.
const JOINING_CHINESE: &[&str] = &[
    "的", "和", "與", "跟", "及", "在", "有", "個", "一", "穿", "著", "風", "格",
];

/// What a model has seen in its captions, by category, in the order of its file (`words.json`):
/// `{"things": {"cat": "貓", …}, "patterns": ["plain", …], …}`. Models with an open vocabulary
/// have no such file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Words {
    categories: Vec<WordCategory>,
    /// Every entry, lower case, both languages.
    #[serde(skip)]
    entries: HashSet<String>,
    /// Every single word of the English entries.
    #[serde(skip)]
    parts: HashSet<String>,
    /// Characters of the longest entry.
    #[serde(skip)]
    longest: usize,
}

/// Words of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WordCategory {
    /// Its id in the file, such as `backgrounds`.
    pub id: String,
    /// Its words.
    pub words: Vec<Word>,
}

/// One word or phrase of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Word {
    /// In English.
    pub english: String,
    /// In 正體中文, where the model knows it so.
    pub chinese: Option<String>,
}

impl Words {
    /// The words of these categories.
    pub fn new(categories: Vec<WordCategory>) -> Self {
        let mut entries = HashSet::new();
        let mut parts = HashSet::new();
        for word in categories.iter().flat_map(|category| &category.words) {
            let english = word.english.to_lowercase();
            parts.extend(english.split_whitespace().map(str::to_owned));
            entries.insert(english);
            entries.extend(word.chinese.as_ref().map(|chinese| chinese.to_lowercase()));
        }
        entries.remove("");
        let longest = entries.iter().map(|entry| entry.chars().count()).max();
        Self {
            categories,
            entries,
            parts,
            longest: longest.unwrap_or(0),
        }
    }

    /// The categories, in the order of the file.
    pub fn categories(&self) -> &[WordCategory] {
        &self.categories
    }

    /// True for a word or phrase of the model, in either language, and for the single words its
    /// English phrases are made of.
    pub fn knows(&self, word: &str) -> bool {
        let word = word.trim().to_lowercase();
        self.entries.contains(&word) || self.parts.contains(&word)
    }

    /// The pieces of `prompt` that the model has never seen, each once, in the order written.
    /// Longest entries are taken first, so that `紅色背景` is `紅色` and `背景`.
    pub fn unknown_words(&self, prompt: &str) -> Vec<String> {
        let text: Vec<char> = prompt.to_lowercase().chars().collect();
        let mut unknown: Vec<String> = Vec::new();
        let mut said = HashSet::new();
        let mut report = |piece: &mut String| {
            let piece = std::mem::take(piece);
            if !piece.is_empty() && said.insert(piece.clone()) {
                unknown.push(piece);
            }
        };
        // Characters of a script without spaces that no entry begins with, so far.
        let mut run = String::new();
        let mut rest = text.as_slice();
        while let Some(&first) = rest.first() {
            let taken = self.entry_at(rest);
            if taken > 0 || !first.is_alphanumeric() {
                report(&mut run);
                rest = rest.get(taken.max(1)..).unwrap_or_default();
                continue;
            }
            let length = word_length(rest);
            let piece: String = rest.iter().take(length).collect();
            rest = rest.get(length..).unwrap_or_default();
            if is_spaceless(first) {
                if JOINING_CHINESE.contains(&piece.as_str()) {
                    report(&mut run);
                } else {
                    run.push_str(&piece);
                }
                continue;
            }
            report(&mut run);
            if !self.parts.contains(&piece) && !JOINING.contains(&piece.as_str()) {
                report(&mut piece.clone());
            }
        }
        report(&mut run);
        unknown
    }

    /// Length of the longest entry that `text` begins with; 0 for none.
    fn entry_at(&self, text: &[char]) -> usize {
        let most = self.longest.min(text.len());
        (1..=most)
            .rev()
            .find(|&length| {
                let (entry, after) = text.split_at(length);
                let cuts_word = match (entry.last(), after.first()) {
                    (Some(&last), Some(&next)) => in_spaced_word(last) && in_spaced_word(next),
                    _ => false,
                };
                !cuts_word && self.entries.contains(&entry.iter().collect::<String>())
            })
            .unwrap_or(0)
    }
}

/// Length of the word that `text` begins with: one character where words are not spaced.
fn word_length(text: &[char]) -> usize {
    match text.first() {
        Some(&first) if is_spaceless(first) => 1,
        _ => text
            .iter()
            .position(|&c| !in_spaced_word(c))
            .unwrap_or(text.len()),
    }
}

/// True inside a word of a script that puts spaces between words; hyphens join (`t-shirt`).
fn in_spaced_word(c: char) -> bool {
    (c.is_alphanumeric() && !is_spaceless(c)) || c == '-' || c == '\''
}

/// True for the ideographs and kana, which are written without spaces.
pub(super) fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not a plain map type: the order of the file is the order shown to people.
        let categories: InOrder<WordList> = InOrder::deserialize(deserializer)?;
        let category = |(id, WordList(words))| WordCategory { id, words };
        Ok(Self::new(categories.0.into_iter().map(category).collect()))
    }
}

/// A JSON object in its own order.
struct InOrder<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for InOrder<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
            type Value = InOrder<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(InOrder(entries))
            }
        }
        deserializer.deserialize_map(Object(std::marker::PhantomData))
    }
}

/// `{"english": "chinese", …}` or `["english", …]`.
struct WordList(Vec<Word>);

impl<'de> Deserialize<'de> for WordList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = WordList;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("words: an object from English to Chinese, or a list")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WordList, A::Error> {
                let mut words = Vec::new();
                while let Some((english, chinese)) = map.next_entry()? {
                    words.push(Word {
                        english,
                        chinese: Some(chinese),
                    });
                }
                Ok(WordList(words))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<WordList, A::Error> {
                let mut words = Vec::new();
                while let Some(english) = seq.next_element()? {
                    words.push(Word {
                        english,
                        chinese: None,
                    });
                }
                Ok(WordList(words))
            }
        }
        deserializer.deserialize_any(List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "who": {"woman": "女人", "man": "男人"},
        "colours": {"red": "紅色"},
        "backgrounds": {"in the city at night": "在夜晚的城市", "brick wall background": "磚牆背景"},
        "clothes": {"t-shirt": "T恤"},
        "hair": {"bob hair": "鮑伯頭"},
        "patterns": ["polka dot"]
    }"#;

    fn words() -> Words {
        serde_json::from_str(FILE).expect("the file is good")
    }

    #[test]
    fn the_order_of_the_file_is_kept() {
        let words = words();
        let ids: Vec<_> = words.categories().iter().map(|c| c.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "who",
                "colours",
                "backgrounds",
                "clothes",
                "hair",
                "patterns"
            ]
        );
        assert_eq!(words.categories()[0].words[1].english, "man");
        assert_eq!(words.categories()[5].words[0].chinese, None);
    }

    #[test]
    fn what_it_has_not_seen_is_named_once_and_in_order() {
        let cases: &[(&str, &[&str])] = &[
            (
                "woman with bob hair, red t-shirt, in the city at night",
                &[],
            ),
            ("Woman in the Rain, rain, at dawn", &["rain", "dawn"]),
            ("womanly man", &["womanly"]),
            ("red brick wall", &[]),
            ("女人，紅色T恤，在夜晚的城市", &[]),
            ("戴帽子的女人在下雨的城市", &["戴帽子", "下雨", "城市"]),
            ("", &[]),
            ("…!? 12", &["12"]),
            ("Ünïcode 🦊 man", &["ünïcode"]),
        ];
        for (prompt, wanted) in cases {
            assert_eq!(words().unknown_words(prompt), *wanted, "{prompt}");
        }
    }

    #[test]
    fn knowing_a_word_does_not_depend_on_case_or_language() {
        let words = words();
        for known in ["woman", "Bob Hair", "night", "女人", "t恤", " red "] {
            assert!(words.knows(known), "{known}");
        }
        for strange in ["", "city hall", "帽子"] {
            assert!(!words.knows(strange), "{strange}");
        }
    }

    #[test]
    fn other_shapes_of_json_are_refused() {
        for bad in [
            "[]",
            r#"{"a": 1}"#,
            r#"{"a": {"b": 2}}"#,
            r#"{"a": [["b"]]}"#,
        ] {
            assert!(serde_json::from_str::<Words>(bad).is_err(), "{bad}");
        }
    }
}
