//! [`Spelling`]: what a server calls a sampler or a schedule. AUTOMATIC1111 says “DPM++ 2M” and “Karras”;
//! `stable-diffusion.cpp` says `dpm++2m` and `karras`, and takes its own default for a schedule that it does not
//! know.

use serde_json::Value as Json;

/// A sampler or a schedule as a server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spelling {
    /// What it is to be asked for by.
    name: String,
    /// What else it is called.
    others: Vec<String>,
}

impl Spelling {
    pub(super) fn of(item: &Json) -> Option<Self> {
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let aliases = item.get("aliases").and_then(Json::as_array);
        let aliases = aliases.into_iter().flatten();
        Some(Self {
            name: text(item.get("name")?)?,
            others: aliases.chain(item.get("label")).filter_map(text).collect(),
        })
    }

    fn is(&self, wanted: &str) -> bool {
        let mut names = std::iter::once(&self.name).chain(&self.others);
        names.any(|name| is_same(name, wanted))
    }
}

/// The name there of the first of `wanted` that the server knows.
pub(super) fn there<'a>(known: &'a [Spelling], wanted: &[&str]) -> Option<&'a str> {
    let found = |wanted: &&str| known.iter().find(|it| it.is(wanted));
    wanted.iter().find_map(found).map(|it| it.name.as_str())
}

/// Their names.
pub(super) fn names(known: &[Spelling]) -> Vec<String> {
    known.iter().map(|it| it.name.clone()).collect()
}

/// Whether two names differ in capitals, spaces and underscores alone.
pub(in crate::engine::remote) fn is_same(one: &str, other: &str) -> bool {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(|letter| !matches!(letter, ' ' | '_'));
        letters.flat_map(char::to_lowercase).collect()
    };
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn listed(items: &[Json]) -> Vec<Spelling> {
        items.iter().filter_map(Spelling::of).collect()
    }

    #[test]
    fn a_name_is_found_however_a_server_spells_it() {
        let webui = listed(&[
            json!({"name": "DPM++ 2M", "aliases": ["k_dpmpp_2m"], "options": {}}),
            json!({"name": "Euler a", "aliases": ["k_euler_a"], "options": {}}),
        ]);
        let cpp = listed(&[
            json!({"name": "euler_a", "aliases": ["euler_a"], "options": {}}),
            json!({"name": "dpm++2m", "aliases": ["dpm++2m"], "options": {}}),
            json!({"name": "dpm++2mv2", "aliases": [], "options": {}}),
            json!({"label": "no name"}),
        ]);
        assert_eq!(there(&webui, &["DPM++ 2M"]), Some("DPM++ 2M"));
        assert_eq!(there(&webui, &["k_euler_a"]), Some("Euler a"));
        assert_eq!(there(&cpp, &["DPM++ 2M"]), Some("dpm++2m"));
        assert_eq!(there(&cpp, &["Euler a"]), Some("euler_a"));
        assert_eq!(there(&cpp, &["Euler"]), None);
        assert_eq!(names(&cpp), ["euler_a", "dpm++2m", "dpm++2mv2"]);
        let schedules = listed(&[
            json!({"name": "discrete", "label": "discrete"}),
            json!({"name": "karras", "label": "Karras"}),
        ]);
        assert_eq!(
            there(&schedules, &["Automatic", "discrete"]),
            Some("discrete")
        );
        assert_eq!(there(&schedules, &["Karras"]), Some("karras"));
    }
}
