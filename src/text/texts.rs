//! [`Texts`]: the translation files of one language, parsed.

use std::borrow::Cow;
use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use serde::{Deserialize, Serialize};
use unic_langid::LanguageIdentifier;

use super::message::{Message, Value};

/// A language of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Traditional Chinese as written in Taiwan.
    TraditionalChinese,
}

/// One Fluent file a room, compiled in.
macro_rules! files {
    ($language:literal) => {
        &[
            include_str!(concat!("../../assets/i18n/", $language, "/picture.ftl")),
            include_str!(concat!("../../assets/i18n/", $language, "/project.ftl")),
            include_str!(concat!("../../assets/i18n/", $language, "/model.ftl")),
            include_str!(concat!("../../assets/i18n/", $language, "/get.ftl")),
            include_str!(concat!("../../assets/i18n/", $language, "/plan.ftl")),
            include_str!(concat!("../../assets/i18n/", $language, "/bulk.ftl")),
            include_str!(concat!("../../assets/i18n/", $language, "/engine.ftl")),
            include_str!(concat!("../../assets/i18n/", $language, "/cli.ftl")),
            include_str!(concat!("../../assets/i18n/", $language, "/editor.ftl")),
            include_str!(concat!("../../assets/i18n/", $language, "/ui.ftl")),
        ]
    };
}

impl Language {
    /// Every language, in the order shown to people.
    pub const ALL: [Self; 2] = [Self::English, Self::TraditionalChinese];

    /// The language of a locale such as `zh_TW.UTF-8`: anything Chinese is 正體中文, all else English.
    pub fn of_locale(locale: &str) -> Self {
        if locale.to_ascii_lowercase().starts_with("zh") {
            Self::TraditionalChinese
        } else {
            Self::English
        }
    }

    /// The language of the user's system.
    pub fn of_system() -> Self {
        sys_locale::get_locale().map_or(Self::English, |locale| Self::of_locale(&locale))
    }

    /// IETF tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::TraditionalChinese => "zh-TW",
        }
    }

    /// Its own name for itself.
    pub fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::TraditionalChinese => "正體中文",
        }
    }

    /// The Fluent sources of this language.
    pub fn sources(self) -> &'static [&'static str] {
        match self {
            Self::English => files!("en"),
            Self::TraditionalChinese => files!("zh-TW"),
        }
    }

    fn id(self) -> LanguageIdentifier {
        // Both tags parse; the fallback is the undetermined language, which formats like English.
        self.tag().parse().unwrap_or_default()
    }
}

/// The texts of one language.
pub struct Texts {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Texts").field(&self.language).finish()
    }
}

impl Texts {
    /// The texts of `language`; parsed once in the program's life.
    pub fn of(language: Language) -> &'static Self {
        static ENGLISH: OnceLock<Texts> = OnceLock::new();
        static CHINESE: OnceLock<Texts> = OnceLock::new();
        match language {
            Language::English => &ENGLISH,
            Language::TraditionalChinese => &CHINESE,
        }
        .get_or_init(|| Self::parse(language))
    }

    fn parse(language: Language) -> Self {
        let mut bundle = FluentBundle::new_concurrent(vec![language.id()]);
        // The isolation marks are for mixed writing directions, which neither language has.
        bundle.set_use_isolating(false);
        for source in language.sources() {
            // A test holds that every file parses; a broken entry would only be missing here.
            let resource = FluentResource::try_new((*source).to_owned())
                .unwrap_or_else(|(whatever_parsed, _)| whatever_parsed);
            bundle.add_resource_overriding(resource);
        }
        Self { language, bundle }
    }

    /// The language.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The sentence of a message. A key that is missing in every file is shown itself.
    pub fn say(&self, message: &Message) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in &message.args {
            let value = match value {
                Value::Text(text) => FluentValue::from(text.clone()),
                Value::Number(number) => FluentValue::from(*number),
                Value::Message(inner) => FluentValue::from(self.say(inner)),
            };
            args.set(name.clone(), value);
        }
        self.format(&message.key, &args).into_owned()
    }

    /// The sentence of a key without arguments.
    pub fn get(&self, key: &str) -> Cow<'_, str> {
        self.format(key, &FluentArgs::new())
    }

    fn format(&self, key: &str, args: &FluentArgs<'_>) -> Cow<'_, str> {
        let pattern = self.bundle.get_message(key).and_then(|m| m.value());
        let Some(pattern) = pattern else {
            return Cow::Owned(key.to_owned());
        };
        // Missing arguments are shown as {$name}; a test formats every message.
        let mut problems = Vec::new();
        Cow::Owned(
            self.bundle
                .format_pattern(pattern, Some(args), &mut problems)
                .into_owned(),
        )
    }
}

/// The English sentence of a message: what `Display` shows and logs hold.
pub fn english(message: &Message) -> String {
    Texts::of(Language::English).say(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_choose_the_language() {
        assert_eq!(
            Language::of_locale("zh_TW.UTF-8"),
            Language::TraditionalChinese
        );
        assert_eq!(
            Language::of_locale("zh-Hant-HK"),
            Language::TraditionalChinese
        );
        assert_eq!(Language::of_locale("de_DE"), Language::English);
        assert_eq!(Language::of_locale("C"), Language::English);
    }

    #[test]
    fn every_file_parses() {
        for language in Language::ALL {
            for source in language.sources() {
                let parsed = FluentResource::try_new((*source).to_owned());
                assert!(parsed.is_ok(), "{language:?}: {:?}", parsed.err());
            }
        }
    }
}
