//! The variations of a picture: its prompt with every combination of the lists' words.

use std::collections::BTreeMap;

use super::error::BulkError;
use super::listing::Source;
use super::prompts::Prompts;
use super::recipe::EditSection;
use super::template::Template;
use super::work::{Facts, Variation, Work};

impl Work {
    /// Every combination of the lists' words, with the picture's prompt filled in.
    pub(super) fn variations(
        &self,
        edit: &EditSection,
        source: &Source,
        facts: &Facts,
    ) -> Result<Vec<Variation>, BulkError> {
        let row = match &self.prompts {
            Prompts::Table(table) => table.row(source),
            _ => None,
        };
        let cell = |column: &str| row.and_then(|row| row.get(column)).map(String::as_str);
        let own = facts
            .own_prompt
            .as_deref()
            .map(str::trim)
            .or_else(|| cell("prompt"));
        let own = own.filter(|prompt| !prompt.is_empty());
        let (general, negative) = edit.templates()?;
        let negative = match cell("negative") {
            Some(own) => Template::parse("negative", own)?,
            None => negative,
        };
        let own = own.map(|own| Template::parse("prompt", own)).transpose()?;
        let (outer, inner) = match own {
            Some(own) if general.has("prompt") => (general, Some(own)),
            Some(own) => (own, None),
            None if edit.prompt.is_empty() || general.has("prompt") => {
                return Err(self.no_prompt(source));
            }
            None => (general, None),
        };
        let stem = source.stem();
        let used = [Some(&outer), inner.as_ref(), Some(&negative)];
        // A column of the table says better than a list what this picture's word is.
        let lists = edit.lists.iter().filter(|(list, _)| {
            cell(list).is_none() && used.iter().flatten().any(|template| template.has(list))
        });
        let mut variations = Vec::new();
        for words in product(lists) {
            let value = |name: &str| match name {
                "stem" => Some(stem.as_str()),
                "title" => facts.title.as_deref(),
                _ => words.get(name).map(String::as_str).or_else(|| cell(name)),
            };
            let inner = inner.as_ref().map(|inner| inner.fill(value)).transpose();
            let inner = inner.map_err(BulkError::NoValue)?;
            let prompt = outer.fill(|name| match &inner {
                Some(inner) if name == "prompt" => Some(inner.as_str()),
                _ => value(name),
            });
            variations.push(Variation {
                prompt: prompt.map_err(BulkError::NoValue)?,
                negative: negative.fill(value).map_err(BulkError::NoValue)?,
                words: Self::words_for_name(edit, &words, &cell),
            });
        }
        Ok(variations)
    }

    /// The words an output's name may ask for: of the variation, or of the picture's row.
    fn words_for_name<'a>(
        edit: &EditSection,
        words: &BTreeMap<String, String>,
        cell: &impl Fn(&str) -> Option<&'a str>,
    ) -> BTreeMap<String, String> {
        let mut named = words.clone();
        for list in edit.lists.keys() {
            let word = || cell(list).unwrap_or_default().to_owned();
            named.entry(list.clone()).or_insert_with(word);
        }
        named
    }

    fn no_prompt(&self, source: &Source) -> BulkError {
        let path = match &self.prompts {
            Prompts::Table(table) => table.path().to_owned(),
            _ => self.prompt_path(source).ok().flatten().unwrap_or_default(),
        };
        BulkError::NoPrompt { path }
    }
}

/// Every combination, the last list changing first; one without words where there is no list.
fn product<'a>(
    lists: impl Iterator<Item = (&'a String, &'a Vec<String>)>,
) -> Vec<BTreeMap<String, String>> {
    let mut all = vec![BTreeMap::new()];
    for (list, words) in lists {
        let longer = |so_far: &BTreeMap<String, String>| {
            let so_far = so_far.clone();
            words.iter().map(move |word| {
                let mut longer = so_far.clone();
                longer.insert(list.clone(), word.clone());
                longer
            })
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}
