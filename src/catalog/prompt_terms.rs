//! [`in_english`]: a prompt in Chinese for a model whose text encoder was trained on English, by a table
//! of the words that prompts are made of. No grammar: such encoders hardly read any.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::builtin;
use super::words::{Words, is_spaceless};

/// English, tab, Chinese words divided by `|`.
const TERMS: &str = include_str!("../../assets/prompt/terms.tsv");
/// Written before a place whose side is said behind it: `在沙灘上` is “on the beach”.
const AT: char = '在';
/// The sides of a place, by their English.
const SIDES: [&str; 6] = ["in", "on", "under", "in front of", "behind", "next to"];
/// What joins an attribute to its noun, and what counts or ends something: nothing in English.
const SILENT: &str = "的了著很是";

/// A prompt as an English one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct English {
    /// The prompt. What the table does not have stands in it as it was written.
    pub text: String,
    /// What the table does not have, each once, in the order written.
    pub unknown: Vec<String>,
}

/// True where a prompt holds Chinese or Japanese writing, which an English text encoder cannot read.
pub fn holds_cjk(prompt: &str) -> bool {
    prompt.chars().any(is_spaceless)
}

/// The prompt with its Chinese words in English. Latin letters, numbers, weights and brackets stay.
pub fn in_english(prompt: &str) -> English {
    let text: Vec<char> = prompt.chars().collect();
    let mut writing = Writing::default();
    let mut rest = text.as_slice();
    while let Some(&first) = rest.first() {
        let taken = if let Some((english, length)) = table().entry_at(rest) {
            writing.term(english, rest.get(length - 1) == Some(&AT));
            length
        } else {
            writing.character(first);
            1
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    writing.end()
}

/// The English prompt as far as it is written.
#[derive(Debug, Default)]
struct Writing {
    /// Pieces of the phrase at hand.
    phrase: Vec<String>,
    /// Where in the phrase a place begins whose side is not yet known.
    place_at: Option<usize>,
    /// Characters that no word of the table begins with.
    run: String,
    text: String,
    unknown: Vec<String>,
}

impl Writing {
    fn term(&mut self, english: &'static str, opens_place: bool) {
        self.end_run();
        if opens_place {
            if english != "in" {
                self.phrase.push(english.to_owned());
            }
            self.place_at = Some(self.phrase.len());
        } else if SIDES.contains(&english) && !self.phrase.is_empty() {
            // Behind the place in Chinese, before it in English.
            let before_last = self.phrase.len() - 1;
            let at = self.place_at.take().unwrap_or(before_last);
            self.phrase
                .insert(at.min(self.phrase.len()), english.to_owned());
        } else {
            self.phrase.push(english.to_owned());
        }
    }

    fn character(&mut self, c: char) {
        match c {
            AT => {
                self.end_run();
                self.place_at = Some(self.phrase.len());
            }
            c if self.run.is_empty() && SILENT.contains(c) => {}
            c if is_spaceless(c) => self.run.push(c),
            '，' | '、' | '。' | '；' | '\u{3000}' => self.end_phrase(", "),
            '（' => self.end_phrase("("),
            '）' => self.end_phrase(")"),
            '：' => self.end_phrase(":"),
            c => {
                self.end_phrase("");
                self.text.push(c);
            }
        }
    }

    fn end_run(&mut self) {
        if self.run.is_empty() {
            return;
        }
        let run = std::mem::take(&mut self.run);
        if !self.unknown.contains(&run) {
            self.unknown.push(run.clone());
        }
        self.phrase.push(run);
    }

    fn end_phrase(&mut self, mark: &str) {
        self.end_run();
        if let Some(at) = self.place_at.take()
            && at < self.phrase.len()
        {
            self.phrase.insert(at, "in".to_owned());
        }
        if !self.phrase.is_empty() {
            let meets_word = self
                .text
                .chars()
                .next_back()
                .is_some_and(|c| c.is_alphanumeric() || matches!(c, ',' | ')'));
            if meets_word {
                self.text.push(' ');
            }
            self.text.push_str(&self.phrase.join(" "));
            self.phrase.clear();
        }
        let is_comma = mark.starts_with(',');
        if is_comma && (self.text.is_empty() || self.text.trim_end().ends_with(',')) {
            return;
        }
        self.text.push_str(mark);
    }

    fn end(mut self) -> English {
        self.end_phrase("");
        let text = self.text.trim().trim_end_matches(',').to_owned();
        English {
            text,
            unknown: self.unknown,
        }
    }
}

/// English by Chinese word.
struct Table {
    english: HashMap<Vec<char>, &'static str>,
    longest: usize,
}

impl Table {
    /// The English of the longest word that `text` begins with, and the word's length.
    fn entry_at(&self, text: &[char]) -> Option<(&'static str, usize)> {
        let most = self.longest.min(text.len());
        (1..=most).rev().find_map(|length| {
            let word = text.get(..length)?;
            Some((*self.english.get(word)?, length))
        })
    }
}

/// The committed table, and what the built-in model's vocabulary has beyond it.
fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut english: HashMap<Vec<char>, &'static str> = HashMap::new();
        for (translation, chinese) in terms() {
            for word in chinese.split('|') {
                english.entry(word.chars().collect()).or_insert(translation);
            }
        }
        let built_in = builtin::file("words.json").unwrap_or_default();
        let built_in: Words = serde_json::from_slice(built_in).unwrap_or_default();
        for word in built_in.categories().iter().flat_map(|c| &c.words) {
            if let Some(chinese) = &word.chinese {
                let translation: &'static str = word.english.clone().leak();
                english
                    .entry(chinese.chars().collect())
                    .or_insert(translation);
            }
        }
        let longest = english.keys().map(Vec::len).max().unwrap_or(0);
        Table { english, longest }
    })
}

/// The lines of the table: English, and Chinese words divided by `|`.
fn terms() -> impl Iterator<Item = (&'static str, &'static str)> {
    TERMS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_says_each_word_once() {
        let mut seen = HashSet::new();
        for (english, chinese) in terms() {
            assert!(english.is_ascii() || english == "café", "{english}");
            for word in chinese.split('|') {
                assert!(!word.trim().is_empty(), "{english}");
                assert!(seen.insert(word), "{word} stands twice");
            }
        }
        assert!(terms().count() > 500, "{}", terms().count());
        let lines = TERMS.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(lines.count(), terms().count(), "a line without a tab");
    }

    #[test]
    fn prompts_become_english() {
        let cases = [
            ("女人在海灘上", "woman on the beach"),
            (
                "一個女人站在海灘上，夕陽",
                "a woman standing on beach, sunset",
            ),
            (
                "穿著紅色洋裝的金髮女孩",
                "wearing red dress blonde hair girl",
            ),
            ("貓坐在窗戶旁邊", "cat sitting next to window"),
            ("在夜晚的城市", "in the city at night"),
            (
                "(紅髮:1.2)，油畫、高畫質",
                "(red hair:1.2), oil painting, high quality",
            ),
            ("a cat，黑色背景", "a cat, black background"),
            ("cyberpunk 城市", "cyberpunk city"),
            ("桌子上的咖啡杯", "on table coffee cup"),
            ("在森林，", "in forest"),
            ("woman, on the beach", "woman, on the beach"),
            ("", ""),
        ];
        for (chinese, english) in cases {
            let made = in_english(chinese);
            assert_eq!(made.text, english, "{chinese}");
            assert_eq!(made.unknown, [""; 0], "{chinese}");
            assert!(!holds_cjk(&made.text));
        }
    }

    #[test]
    fn what_the_table_lacks_stays_and_is_named() {
        let made = in_english("女人，魑魅魍魎，紅色的魑魅魍魎");
        assert_eq!(made.text, "woman, 魑魅魍魎, red 魑魅魍魎");
        assert_eq!(made.unknown, ["魑魅魍魎"]);
        assert!(holds_cjk(&made.text));
    }

    #[test]
    fn words_of_the_built_in_model_are_known() {
        let built_in = builtin::file("words.json").unwrap();
        let built_in: Words = serde_json::from_slice(built_in).unwrap();
        for word in built_in.categories().iter().flat_map(|c| &c.words) {
            let Some(chinese) = &word.chinese else {
                continue;
            };
            assert_eq!(in_english(chinese).unknown, [""; 0], "{chinese}");
        }
    }

    proptest::proptest! {
        /// No prompt is too strange, and English stays as it is.
        #[test]
        fn any_text_goes_through(text in "[\\PC]{0,40}", english in "[a-z ,.():0-9]{0,40}") {
            let made = in_english(&text);
            proptest::prop_assert_eq!(made.unknown.is_empty(), !holds_cjk(&made.text));
            let kept = in_english(&english).text;
            proptest::prop_assert_eq!(kept, english.trim().trim_end_matches(','));
        }
    }
}
