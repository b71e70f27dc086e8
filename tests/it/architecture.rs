//! The walls between the rooms. The rules are ARCHITECTURE.md's table; planted violations of each
//! rule prove that the test sees them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a room may name of ours. `engine` without `diffusion` means the boundary only.
const ARROWS: &[(&str, &[&str])] = &[
    ("geometry", &[]),
    ("text", &[]),
    ("raster", &["geometry", "text"]),
    ("document", &["geometry", "text", "raster"]),
    ("project", &["geometry", "text", "raster", "document"]),
    ("catalog", &["geometry", "text"]),
    ("downloads", &["geometry", "text", "catalog"]),
    ("backdrop", &["geometry", "text", "raster"]),
    ("completion", &["geometry", "text", "raster"]),
    ("select", &["geometry", "text", "raster"]),
    (
        "plan",
        &[
            "geometry",
            "text",
            "raster",
            "select",
            "completion",
            "backdrop",
            "catalog",
        ],
    ),
    (
        "bulk",
        &["geometry", "text", "raster", "select", "catalog", "plan"],
    ),
    (
        "engine",
        &["geometry", "text", "raster", "select", "catalog", "plan"],
    ),
    (
        "jobs",
        &[
            "geometry",
            "text",
            "raster",
            "select",
            "completion",
            "backdrop",
            "catalog",
            "downloads",
            "bulk",
            "plan",
            "engine",
        ],
    ),
    (
        "editor",
        &[
            "geometry",
            "text",
            "raster",
            "select",
            "backdrop",
            "document",
            "project",
            "catalog",
            "downloads",
            "bulk",
            "plan",
            "engine",
            "jobs",
        ],
    ),
    (
        "ui",
        &[
            "geometry",
            "text",
            "raster",
            "select",
            "backdrop",
            "document",
            "project",
            "catalog",
            "downloads",
            "bulk",
            "plan",
            "jobs",
            "editor",
        ],
    ),
    (
        "cli",
        &[
            "geometry",
            "text",
            "raster",
            "select",
            "completion",
            "backdrop",
            "catalog",
            "downloads",
            "bulk",
            "plan",
            "engine",
            "jobs",
        ],
    ),
    ("main", &["cli", "ui", "engine"]),
];

/// Crates that only these places may name.
const CRATES: &[(&str, &[&str])] = &[
    ("candle_core", NETWORKS),
    ("candle_nn", NETWORKS),
    ("candle_transformers", &["engine/vision/"]),
    ("tokenizers", &["engine/diffusion/"]),
    ("pulp", &["engine/kernels/"]),
    ("egui", &["ui/"]),
    ("eframe", &["ui/"]),
    ("egui_extras", &["ui/"]),
    ("rfd", &["ui/"]),
    ("crossbeam_channel", &["jobs/", "editor/"]),
    ("tungstenite", &["engine/remote/"]),
    ("base64", &["engine/remote/"]),
    ("keyring", &["catalog/servers/"]),
    ("clap", &["cli/"]),
    ("zip", &["project/", "catalog/pickle"]),
    ("quick_xml", &["project/"]),
    ("csv", &["bulk/"]),
    ("redb", &["bulk/"]),
    ("sha2", &["bulk/", "catalog/", "downloads/"]),
    ("toml", &["bulk/", "downloads/"]),
    ("ureq", &["downloads/", "engine/remote/"]),
];

/// Rooms of networks, and what they share.
const NETWORKS: &[&str] = &["engine/nn/", "engine/diffusion/", "engine/vision/"];

/// Files in which `unsafe` is lawful.
const UNSAFE: &[&str] = &["catalog/file_bytes.rs", "engine/kernels/"];

/// Rooms that may name the inside of `engine/diffusion` and `engine/vision`.
const COMPOSERS: &[&str] = &["engine", "cli", "main"];

/// What may ask servers what they are and have, beside those: it runs nothing there.
const ASKERS: &[&str] = &["editor/served.rs", "editor/servers.rs"];

const MAX_LINES: usize = 500;

/// A source file: its path below `src/` and its text.
struct Source {
    path: String,
    text: String,
}

#[derive(Debug, PartialEq, Eq)]
struct Violation {
    place: String,
    rule: String,
}

#[test]
fn the_rooms_keep_their_walls() {
    let sources = read_sources();
    assert!(sources.len() > 20, "the sources were found");
    let found = violations(&sources);
    let listed: Vec<String> = found
        .iter()
        .map(|v| format!("{}: {}", v.place, v.rule))
        .collect();
    assert!(found.is_empty(), "\n{}\n", listed.join("\n"));
}

/// Path, text, and what is said of it.
const PLANTED: &[(&str, &str, &str)] = &[
    (
        "plan/area.rs",
        "use crate::document::Document;",
        "plan may not name document",
    ),
    (
        "raster/a.rs",
        "use crate::{geometry::Rect, jobs::Job};",
        "raster may not name jobs",
    ),
    (
        "document/mod.rs",
        "//! x\nfn f(x: super::plan::Layout) {}",
        "document may not name plan",
    ),
    (
        "document/deep/a.rs",
        "use super::super::super::engine::Engine;",
        "document may not name engine",
    ),
    ("editor/a.rs", "use candle_core::Tensor;", "candle_core"),
    ("jobs/a.rs", "fn f() { let x = egui::Pos2::ZERO; }", "egui"),
    (
        "plan/a.rs",
        "use crossbeam_channel::bounded;",
        "crossbeam_channel",
    ),
    ("engine/fake.rs", "use candle_nn as nn;", "candle_nn"),
    (
        "jobs/b.rs",
        "use crate::engine::diffusion::DiffusionEngine;",
        "engine::diffusion",
    ),
    (
        "jobs/b.rs",
        "use crate::engine::vision::BuiltInVision;",
        "engine::vision",
    ),
    (
        "editor/a.rs",
        "use crate::engine::remote::RemoteEngine;",
        "engine::remote",
    ),
    (
        "engine/vision/a.rs",
        "use crate::engine::diffusion::X;",
        "stands above",
    ),
    (
        "select/a.rs",
        "use crate::engine::EngineError;",
        "select may not name engine",
    ),
    (
        "ui/panels/a.rs",
        "fn f(editor: &mut Editor) {}",
        "&mut Editor",
    ),
    (
        "engine/nn/a.rs",
        "use crate::engine::diffusion::X;",
        "stands above",
    ),
    (
        "engine/kernels/a.rs",
        "use crate::engine::nn::X;",
        "stands above",
    ),
    ("raster/b.rs", "fn f() { unsafe { g() } }", "unsafe"),
    ("plan/mod.rs", "pub mod a;", "//!"),
    ("attic/mod.rs", "//! x", "no such room"),
];

#[test]
fn planted_violations_are_reported() {
    let long = format!("//! doc\n{}", "fn a() {}\n".repeat(MAX_LINES));
    let planted = PLANTED.iter().copied();
    let planted = planted.chain([("plan/long.rs", long.as_str(), "lines")]);
    for (path, text, rule) in planted {
        let (path, text) = (path.to_owned(), text.to_owned());
        let found = violations(&[Source { path, text }]);
        assert!(
            found.iter().any(|v| v.rule.contains(rule)),
            "«{rule}»: {found:?}"
        );
    }
}

#[test]
fn what_is_lawful_is_not_reported() {
    let lawful = [
        (
            "plan/a.rs",
            "use crate::raster::Mask; // crate::document is not named\nconst A: &str = \"egui::Ui\";",
        ),
        (
            "engine/diffusion/a.rs",
            "use candle_core::Tensor;\nuse super::super::EngineError;",
        ),
        ("ui/a.rs", "use eframe::egui;\nfn f(editor: &mut Editor) {}"),
        ("catalog/file_bytes.rs", "fn f() { unsafe { g() } }"),
    ];
    for (path, text) in lawful {
        let source = Source {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        assert_eq!(violations(&[source]), [], "{path}");
    }
}

fn violations(sources: &[Source]) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in sources {
        let room = room_of(&source.path);
        if room == "lib" {
            continue;
        }
        let mut report = |line: usize, rule: String| {
            let place = format!("src/{}:{line}", source.path);
            found.push(Violation { place, rule });
        };
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
            report(1, format!("no such room: {room}"));
            continue;
        };
        let count = source.text.lines().count();
        if count > MAX_LINES {
            report(count, format!("{count} lines; {MAX_LINES} are the most"));
        }
        if source.path.ends_with("/mod.rs") && !source.text.starts_with("//!") {
            report(1, "a room opens with //!".to_owned());
        }
        let code = without_comments_and_strings(&source.text);
        for (number, line) in code.lines().enumerate() {
            for named in rooms_named(line, &source.path) {
                if named != room && is_room(&named) && !allowed.contains(&named.as_str()) {
                    report(number + 1, format!("{room} may not name {named}"));
                }
            }
            check_line(line, room, &source.path, &mut |rule| {
                report(number + 1, rule);
            });
        }
    }
    found
}

#[test]
fn the_map_stays_short() {
    let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let map = fs::read_to_string(map).unwrap();
    assert!(map.lines().count() <= 150);
    let long = map.lines().find(|line| line.chars().count() > 120);
    assert_eq!(long, None);
}

/// Files and folders that `engine/README.md` leads through.
#[test]
fn the_path_through_the_engine_exists() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine");
    let readme = fs::read_to_string(engine.join("README.md")).unwrap();
    let tree = readme.split("```").nth(1).unwrap();
    let named = tree.split_whitespace().filter(|word| {
        word.ends_with('/') || Path::new(word).extension().is_some_and(|e| e == "rs")
    });
    let (there, missing): (Vec<_>, Vec<_>) = named.partition(|path| engine.join(path).exists());
    assert_eq!(missing, [""; 0]);
    assert!(there.len() > 20, "{there:?}");
}

#[test]
fn no_two_siblings_name_each_other() {
    let mut found: BTreeSet<String> = BTreeSet::new();
    for (a, b) in circles(&read_sources()) {
        found.insert(format!("{a} and {b}"));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn planted_circles_are_reported() {
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let planted = [
        source("plan/a.rs", "use super::b::X;"),
        source("plan/b.rs", "use crate::plan::c::inner::Y;"),
        source("plan/c/mod.rs", "mod inner;"),
        source(
            "plan/c/inner.rs",
            "use crate::{\n    plan::{\n        a::Z,\n    },\n};",
        ),
    ];
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let all = [("a", "b"), ("a", "c"), ("b", "c")];
    let all = all.map(|(a, b)| pair(&format!("plan/{a}"), &format!("plan/{b}")));
    assert_eq!(circles(&planted), all);
    let lawful = [
        source("plan/mod.rs", "use self::a::X;"),
        source("plan/a.rs", "use super::Y; use super::b::Z;"),
        source(
            "plan/b.rs",
            "use super::Y;\n#[cfg(test)]\nmod tests { use super::super::a::X; }",
        ),
    ];
    assert_eq!(circles(&lawful), []);
}

/// Pairs of siblings of which each names the other, itself or through more siblings.
fn circles(sources: &[Source]) -> Vec<(String, String)> {
    let modules: BTreeSet<Vec<String>> = sources.iter().map(|s| module_of(&s.path)).collect();
    let mut edges: BTreeSet<(Vec<String>, Vec<String>)> = BTreeSet::new();
    for source in sources {
        let from = module_of(&source.path);
        if from.last().is_some_and(|name| name == "tests") {
            continue;
        }
        let code = without_comments_and_strings(&source.text);
        let code = code
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap_or_default();
        for named in paths_named(code, &from) {
            let known = (0..=named.len())
                .rev()
                .find(|n| modules.contains(&named[..*n]));
            let to = &named[..known.unwrap_or(0)];
            let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            if common < from.len() && common < to.len() {
                edges.insert((from[..=common].to_vec(), to[..=common].to_vec()));
            }
        }
    }
    let mut reached = edges.clone();
    loop {
        let more: Vec<_> = reached
            .iter()
            .flat_map(|(a, b)| {
                let next = edges.iter().filter(move |(from, _)| from == b);
                next.map(|(_, c)| (a.clone(), c.clone()))
            })
            .filter(|pair| !reached.contains(pair))
            .collect();
        if more.is_empty() {
            break;
        }
        reached.extend(more);
    }
    let both = |pair: &&(Vec<String>, Vec<String>)| {
        pair.0 < pair.1 && reached.contains(&(pair.1.clone(), pair.0.clone()))
    };
    let found = reached.iter().filter(both);
    found.map(|(a, b)| (a.join("/"), b.join("/"))).collect()
}

/// `plan/a.rs` and `plan/a/mod.rs` → `[plan, a]`.
fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// Every path that begins with `crate`, `super` or `self`, from the root, groups taken apart.
fn paths_named(code: &str, from: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for root in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':') {
                tree(&code[at..], &[], from, &mut found);
            }
        }
    }
    found
}

/// Reads one tree of a `use`, `prefix` having come before it; returns the bytes it took.
fn tree(code: &str, prefix: &[String], from: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let (mut path, mut at) = (prefix.to_vec(), 0);
    loop {
        at += code[at..].len() - code[at..].trim_start().len();
        if code[at..].starts_with('{') {
            at += 1;
            while at < code.len() && !code[at..].trim_start().starts_with('}') {
                at += tree(&code[at..], &path, from, found);
                let rest = &code[at..];
                at += rest.find([',', '}']).unwrap_or(rest.len());
                at += usize::from(code[at..].starts_with(','));
            }
            at += code[at..].find('}').map_or(0, |end| end + 1);
            return at;
        }
        let name = identifier(&code[at..]);
        at += name.len();
        match name.as_str() {
            "crate" => path.clear(),
            "self" if path.is_empty() => path = from.to_vec(),
            "super" => {
                if path.is_empty() {
                    path = from.to_vec();
                }
                path.pop();
            }
            _ => path.push(name),
        }
        if !code[at..].starts_with("::") {
            found.push(path);
            return at;
        }
        at += 2;
    }
}

fn check_line(line: &str, room: &str, path: &str, report: &mut dyn FnMut(String)) {
    for (name, places) in CRATES {
        let lawful = places.iter().any(|place| path.starts_with(place));
        if !lawful && names_crate(line, name) {
            report(format!("{name} may be named only in {}", places.join(", ")));
        }
    }
    let above: &[&str] = match path {
        _ if path.starts_with("engine/kernels/") => {
            &["engine::nn", "engine::diffusion", "engine::vision"]
        }
        _ if path.starts_with("engine/nn/") => &["engine::diffusion", "engine::vision"],
        _ if path.starts_with("engine/vision/") => &["engine::diffusion", "engine::remote"],
        _ if path.starts_with("engine/remote/") => {
            &["engine::diffusion", "engine::vision", "engine::nn"]
        }
        _ => &[],
    };
    for name in above.iter().filter(|name| line.contains(**name)) {
        report(format!("{name} stands above {path}"));
    }
    for name in ["engine::diffusion", "engine::vision", "engine::remote"] {
        let may_ask = name == "engine::remote" && ASKERS.contains(&path);
        if line.contains(name) && !COMPOSERS.contains(&room) && !may_ask {
            report(format!(
                "{name} may be named only where the engine is chosen"
            ));
        }
    }
    if path.starts_with("ui/panels/") && line.contains("&mut Editor") {
        report("panels send commands; &mut Editor is for the Editor's owner".to_owned());
    }
    let is_unsafe = line
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|w| w == "unsafe");
    if is_unsafe && !UNSAFE.iter().any(|place| path.starts_with(place)) {
        report(format!("unsafe is lawful only in {}", UNSAFE.join(", ")));
    }
}

fn is_room(name: &str) -> bool {
    ARROWS.iter().any(|(room, _)| *room == name)
}

/// `plan/area.rs` → `plan`; `geometry.rs` → `geometry`.
fn room_of(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// True when the line names the crate: `name::`, `use name…` or `extern crate name`.
fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + name.len()..];
        let starts = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':');
        let used = line[..at].trim_end().ends_with("use");
        starts
            && (after.starts_with("::")
                || used && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

/// The rooms a line names through `crate::room`, `crate::{room…}` or enough `super::`.
fn rooms_named(line: &str, path: &str) -> Vec<String> {
    let depth = path.split('/').count() - usize::from(path.ends_with("/mod.rs"));
    let mut roots = vec!["crate::".to_owned(), "super::".repeat(depth)];
    roots.dedup();
    let mut rooms = Vec::new();
    for root in &roots {
        for (at, _) in line.match_indices(root.as_str()) {
            let before = line[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let rest = &line[at + root.len()..];
            match rest.strip_prefix('{') {
                Some(group) => rooms.extend(top_level_names(group)),
                None => rooms.push(identifier(rest)),
            }
        }
    }
    rooms
}

/// The first identifiers of the entries of a `use` group, whose opening brace is already gone.
fn top_level_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut expect) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expect = true,
            c if expect && c.is_alphabetic() => {
                names.push(identifier(&group[at..]));
                expect = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The code with comments and the insides of string literals blanked, line by line.
fn without_comments_and_strings(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    for line in text.lines() {
        let mut in_string = false;
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' if in_string => drop(chars.next()),
                '\'' if !in_string && chars.peek() == Some(&'"') => drop(chars.next()),
                '"' => {
                    in_string = !in_string;
                    code.push('"');
                }
                '/' if !in_string && chars.peek() == Some(&'/') => break,
                _ if in_string => {}
                c => code.push(c),
            }
        }
        code.push('\n');
    }
    code
}

fn read_sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> = fs::read_dir(&folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let below = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                let text = fs::read_to_string(&path).unwrap();
                sources.push(Source { path: below, text });
            }
        }
    }
    sources
}
