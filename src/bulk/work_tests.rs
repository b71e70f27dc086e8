//! Tests of jobs, names and keys.

use super::super::prompts::PromptTable;
use super::*;
use crate::catalog::{ServedModel, open};

fn source(relative: &str) -> Source {
    Source {
        relative: relative.into(),
        path: Path::new("/photos").join(relative),
    }
}

fn facts(content: &[u8]) -> Facts {
    Facts {
        content: Key::of(content),
        title: None,
        own_prompt: None,
    }
}

fn work(text: &str, prompts: Prompts) -> Work {
    let recipe = BulkRecipe::parse(text).unwrap();
    let card = open(&ModelRef::BuiltIn).unwrap();
    let model = recipe.model().map(|_| (&card, "identity".to_owned()));
    Work::new(recipe, PathBuf::from("/recipes"), prompts, model).unwrap()
}

fn outputs(jobs: &[Job]) -> Vec<&str> {
    jobs.iter().map(|job| job.output.as_str()).collect()
}

fn prompts_of(jobs: &[Job]) -> Vec<&str> {
    let prompt = |job: &'_ Job| match &job.task {
        JobTask::Edit(_) => (),
        JobTask::Erase(_) | JobTask::Background(_) => panic!("an erasure"),
    };
    jobs.iter().for_each(prompt);
    jobs.iter()
        .filter_map(|job| match &job.task {
            JobTask::Edit(settings) => Some(settings.prompt.as_str()),
            JobTask::Erase(_) | JobTask::Background(_) => None,
        })
        .collect()
}

const LISTS: &str = "version = 1\n[edit]\nprompt = \"{size} {colour} wall\"\nstrengths = [0.5, 0.7]\n\
                     [edit.lists]\ncolour = [\"red\", \"dark blue\"]\nsize = [\"big\"]\n";

#[test]
fn lists_and_strengths_are_multiplied_and_named_apart() {
    let jobs = work(LISTS, Prompts::Recipe)
        .jobs(&source("sub/a.JPG"), &facts(b"a"), None)
        .unwrap();
    assert_eq!(
        outputs(&jobs),
        [
            "sub/a-red-0.5.jpg",
            "sub/a-red-0.7.jpg",
            "sub/a-dark_blue-0.5.jpg",
            "sub/a-dark_blue-0.7.jpg"
        ]
    );
    assert_eq!(prompts_of(&jobs)[2], "big dark blue wall");
}

#[test]
fn keys_hold_all_that_the_bytes_depend_on_and_nothing_else() {
    let text = "version = 1\n[edit]\nprompt = \"wall\"\nseed = 7\n";
    let key = |text: &str, content: &[u8], mask: Option<Key>| {
        let jobs =
            work(text, Prompts::Recipe).jobs(&source("a.png"), &facts(content), mask.as_ref());
        jobs.unwrap()[0].keys[0]
    };
    let first = key(text, b"a", None);
    let about = format!("version = 1\nabout = \"other words\"\n{}", &text[12..]);
    assert_eq!(key(&about, b"a", None), first);
    let others = [
        key(&text.replace("wall", "door"), b"a", None),
        key(&text.replace('7', "8"), b"a", None),
        key(text, b"b", None),
        key(text, b"a", Some(Key::of(b"mask"))),
        key(&format!("{text}[mask]\nshrink = 2\n"), b"a", None),
        key(&format!("{text}[mask]\ngrow = 2\n"), b"a", None),
        key(&format!("{text}[output]\nquality = 50\n"), b"a", None),
        key(&format!("{text}[output]\nformat = \"jpeg\"\n"), b"a", None),
    ];
    let mut all: Vec<Key> = others.into_iter().chain([first]).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 9);
}

#[test]
fn each_engine_has_a_key_of_its_own_and_the_first_is_as_it_was_alone() {
    let text = "version = 1\n[edit]\nprompt = \"wall\"\nseed = 7\n";
    let model = |server: &str, name: &str| {
        let card = ServedModel::guessed(server, name, None).card();
        let identity = crate::bulk::model_identity(&card.reference).unwrap();
        Model::of(&card, identity)
    };
    let keys = |others: Vec<Model>| {
        let work = work(text, Prompts::Recipe).with_others(others);
        let jobs = work.jobs(&source("a.png"), &facts(b"a"), None).unwrap();
        jobs[0].keys.clone()
    };
    let alone = keys(Vec::new());
    let both = keys(vec![model("studio", "m"), model("shop", "m")]);
    assert_eq!((alone.len(), both.len()), (1, 3));
    assert_eq!(both[0], alone[0]);
    assert!(both[1] != both[0] && both[2] != both[1], "engine and model");
    assert_ne!(keys(vec![model("studio", "n")])[1], both[1]);
    assert_eq!(keys(vec![model("shop", "m")])[1], both[2]);
}

#[test]
fn a_changed_prompt_keeps_the_selection() {
    let of = |prompt: &str, part: &str| {
        let text =
            format!("version = 1\n[mask]\nselect = \"{part}\"\n[edit]\nprompt = \"{prompt}\"\n");
        work(&text, Prompts::Recipe)
            .selection_key(&Key::of(b"a"), "sight")
            .unwrap()
    };
    assert_eq!(of("a", "hair"), of("b", "hair"));
    assert_ne!(of("a", "hair"), of("a", "face"));
}

#[test]
fn seeds_are_the_pictures_own_or_everybodys() {
    let seed = |text: &str, content: &[u8]| {
        let jobs = work(text, Prompts::Recipe)
            .jobs(&source("a.png"), &facts(content), None)
            .unwrap();
        match &jobs[0].task {
            JobTask::Edit(settings) => settings.seed.0,
            JobTask::Erase(_) | JobTask::Background(_) => panic!("an erasure"),
        }
    };
    let own = "version = 1\n[edit]\nprompt = \"x\"\n";
    assert_eq!(seed(own, b"a"), seed(own, b"a"));
    assert_ne!(seed(own, b"a"), seed(own, b"b"));
    let fixed = format!("{own}seed = 7\n");
    assert_eq!((seed(&fixed, b"a"), seed(&fixed, b"b")), (7, 7));
}

#[test]
fn a_table_has_prompts_words_and_gaps() {
    let table = "picture,prompt,colour\na.png,a {colour} door at {stem},green\nb.png,,\n";
    let table = PromptTable::parse(table.as_bytes(), Path::new("/recipes/p.csv")).unwrap();
    let of = |prompt: &str, picture: &str| {
        let text = format!(
            "version = 1\n[edit]\nprompts = \"p.csv\"\nprompt = \"{prompt}\"\n\
             [edit.lists]\ncolour = [\"red\", \"blue\"]\n"
        );
        let work = work(&text, Prompts::Table(table.clone()));
        let jobs = work.jobs(&source(picture), &facts(b"a"), None)?;
        let texts = prompts_of(&jobs).into_iter().map(str::to_owned);
        Ok::<Vec<String>, BulkError>(texts.collect())
    };
    assert_eq!(of("", "a.png").unwrap(), ["a green door at a"]);
    assert_eq!(
        of("photo of {prompt}, {colour}", "a.png").unwrap(),
        ["photo of a green door at a, green"]
    );
    // Nothing of its own: the recipe's, where there is one.
    assert_eq!(
        of("{colour} wall", "c.png").unwrap(),
        ["red wall", "blue wall"]
    );
    let missing = BulkError::NoPrompt {
        path: "/recipes/p.csv".into(),
    };
    assert_eq!(of("", "b.png"), Err(missing.clone()));
    assert_eq!(of("photo of {prompt}", "c.png"), Err(missing));
    assert_eq!(
        of("{title}", "c.png"),
        Err(BulkError::NoValue("title".to_owned()))
    );
}

#[test]
fn text_files_and_titles_fill_prompts() {
    let text = "version = 1\n[edit]\nprompts = \"{stem}.txt\"\nprompt = \"{prompt}, {title}\"\n";
    let work = work(text, Prompts::Beside);
    let path = work.prompt_path(&source("sub/a.png")).unwrap();
    assert_eq!(path.unwrap(), Path::new("/photos/sub/a.txt"));
    let facts = Facts {
        title: Some("Rome".to_owned()),
        own_prompt: Some("a cat\n".to_owned()),
        ..facts(b"a")
    };
    let jobs = work.jobs(&source("sub/a.png"), &facts, None).unwrap();
    assert_eq!(prompts_of(&jobs), ["a cat, Rome"]);
}

#[test]
fn words_make_no_folders() {
    assert_eq!(as_name("a/b\\c: \u{7}d"), "a_b_c__d".replace("__d", "___d"));
}
