//! The translation files: the same keys and arguments in every language, none missing, none unused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use overpaint::text::Language;

/// Key → the names of the arguments its pattern uses.
fn keys(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys = BTreeMap::new();
    let mut current = String::new();
    for line in language.sources().iter().flat_map(|source| source.lines()) {
        if let Some((key, _)) = line
            .split_once(" =")
            .filter(|(k, _)| !k.starts_with([' ', '#']))
        {
            key.clone_into(&mut current);
            assert!(
                keys.insert(current.clone(), BTreeSet::new()).is_none(),
                "{key} stands twice"
            );
        }
        let arguments = line.split('$').skip(1);
        let name = |rest: &str| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '-' || *c == '_')
                .collect()
        };
        keys.entry(current.clone())
            .or_default()
            .extend(arguments.map(name));
    }
    keys.remove("");
    keys
}

#[test]
fn both_languages_say_the_same_things() {
    let english = keys(Language::English);
    let chinese = keys(Language::TraditionalChinese);
    assert!(english.len() > 50, "the keys were found");
    let only = |a: &BTreeMap<String, _>, b: &BTreeMap<String, _>| -> Vec<String> {
        a.keys().filter(|k| !b.contains_key(*k)).cloned().collect()
    };
    assert_eq!(only(&english, &chinese), [""; 0], "missing in zh-TW");
    assert_eq!(only(&chinese, &english), [""; 0], "missing in en");
    for (key, arguments) in &english {
        assert_eq!(arguments, &chinese[key], "arguments of {key}");
    }
}

#[test]
fn every_key_is_used_and_every_used_key_exists() {
    let mut code = String::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                code += &fs::read_to_string(path).unwrap();
            }
        }
    }
    let english = keys(Language::English);
    let quoted: BTreeSet<&str> = code.split('"').collect();
    let unused: Vec<&String> = english
        .keys()
        // What a control does is named after the control: `ui-open` and `ui-open-tip`.
        .filter(|key| {
            !quoted.contains(key.trim_end_matches("-tip")) && !quoted.contains(key.as_str())
        })
        .collect();
    assert!(unused.is_empty(), "used nowhere: {unused:?}");
    let said = code
        .split("Message::new(")
        .skip(1)
        .filter_map(|rest| rest.trim_start().strip_prefix('"'));
    let unknown: Vec<&str> = said
        .filter_map(|rest| rest.split('"').next())
        .filter(|key| !english.contains_key(*key))
        .collect();
    assert!(unknown.is_empty(), "said but not written: {unknown:?}");
}

/// What the system, a decoder or the tensor library says is English everywhere, so it never stands
/// within a sentence of ours.
#[test]
fn reasons_of_others_stand_in_a_sentence_of_their_own() {
    let details = [
        (Language::English, "Detail: { $why }"),
        (Language::TraditionalChinese, "細節：{ $why }"),
    ];
    for (language, detail) in details {
        let lines = language.sources().iter().flat_map(|source| source.lines());
        // Parts of a reason, which themselves stand there.
        let whole = lines.filter(|line| !line.starts_with("engine-why-"));
        let reasons: Vec<&str> = whole.filter(|line| line.contains("$why")).collect();
        assert!(reasons.len() > 10, "the reasons were found");
        for line in reasons {
            assert!(line.contains(detail), "{language:?}: {line}");
        }
    }
}
