//! Tests of the recipe's file.

use std::path::Path;

use super::*;
use crate::catalog::{ModelRef, open};
use crate::plan::Seed;

const FULL: &str = r#"
version = 1
about = "Shop: red and blue backgrounds"

[mask]
select = "subject"
person = 2
mask_mode = "not-masked"
grow = "1%"
shrink = 2
feather = "12px"

[edit]
model = "starter"
task = "background"
prompt = "a {colour} wall behind {stem}"
negative = "people"
strengths = [0.5, 0.7]
steps = 20
guidance = 4
image_guidance = 2
seed = 7
sampler = "euler_a"
schedule = "karras"
area = "whole"
padding = "5%"
fill = "blur"
keep_details = "off"
work_size = 1.5
second_pass = "auto"
second_strength = 0.2

[edit.lists]
colour = ["red", "dark blue"]

[output]
name = "{stem}-{colour}-{strength}.{ext}"
format = "jpeg"
quality = 90
metadata = false
"#;

fn refused(text: &str) -> String {
    BulkRecipe::parse(text).unwrap_err().to_string()
}

#[test]
fn every_word_is_read_and_written_back() {
    let recipe = BulkRecipe::parse(FULL).unwrap();
    let again = BulkRecipe::parse(&recipe.text().unwrap()).unwrap();
    assert_eq!(again, recipe);
    let card = open(&ModelRef::BuiltIn).unwrap();
    let settings = recipe.edit_settings(&card);
    let wanted = EditSettings {
        mask_mode: MaskMode::Stays,
        grow: Length::Percent(1.0),
        feather: Some(Length::Px(12.0)),
        steps: Steps::new(20).unwrap(),
        guidance: Guidance::new(4.0).unwrap(),
        image_guidance: Guidance::new(2.0).unwrap(),
        sampler: SamplerId::EulerA,
        schedule: ScheduleId::Karras,
        area: AreaMode::Whole,
        padding: Some(Length::Percent(5.0)),
        fill: FillMode::Blur,
        keep_details: KeepDetails::Off,
        work_size: Some(WorkSize::Factor(1.5)),
        second_pass: SecondPass::Auto,
        second_strength: Strength::new(0.2).unwrap(),
        // Of the task: strengths, prompts and seed are each result's.
        strength: Task::Background.strength(),
        ..EditSettings::default()
    };
    assert_eq!(settings, wanted);
    let strengths = recipe.strengths(&card).unwrap();
    assert_eq!(
        strengths.iter().map(|s| s.get()).collect::<Vec<_>>(),
        [0.5, 0.7]
    );
    assert_eq!(recipe.edit.as_ref().unwrap().seed, SeedRule::Fixed(Seed(7)));
    assert_eq!(recipe.format_of(Path::new("a.png")), FileFormat::Jpeg);
}

#[test]
fn what_is_left_out_comes_from_task_and_model() {
    let recipe = "version = 1\n[edit]\nprompt = \"x\"\ntask = \"hair\"\n";
    let recipe = BulkRecipe::parse(recipe).unwrap();
    let card = open(&ModelRef::BuiltIn).unwrap();
    let mut wanted = EditSettings::default().with_defaults_of(&card.defaults);
    Task::Hair.set(&mut wanted);
    assert_eq!(recipe.edit_settings(&card), wanted);
    assert_eq!(recipe.part(), Some(Part::Hair));
    assert_eq!(recipe.model(), Some("starter"));
    assert_eq!(recipe.strengths(&card).unwrap(), [Task::Hair.strength()]);
    for (source, format) in [
        ("a.JPG", FileFormat::Jpeg),
        ("a.gif", FileFormat::Png),
        ("a", FileFormat::Png),
    ] {
        assert_eq!(recipe.format_of(Path::new(source)), format, "{source}");
    }
    let erase = BulkRecipe::parse("version = 1\n[mask]\nmask = \"{stem}-m.png\"\n[erase]\n");
    assert_eq!(erase.unwrap().model(), None);
}

#[test]
fn a_mistake_is_said_with_its_line_and_what_is_allowed() {
    for (line, text, said) in [
        (3, "version = 1\n[edit]\npromt = \"x\"\n", "`prompt`"),
        (3, "version = 1\n[edit]\nstrength = 1.5\n", "strength = 1.5"),
        (3, "version = 1\n[edit]\nsampler = \"heun\"\n", "euler_a"),
        (3, "version = 1\n[mask]\nselect = \"dog\"\n", "subject"),
        (3, "version = 1\n[mask]\ngrow = \"5 em\"\n", "5 em"),
        (3, "version = 1\n[edit]\nseed = -1\n", "picture"),
        (3, "version = 1\n[output]\nformat = \"gif\"\n", "tiff"),
        (2, "version = 1\nprompt x\n", "prompt x"),
        (1, "", "version"),
    ] {
        match BulkRecipe::parse(text).unwrap_err() {
            BulkError::Toml { line: at, .. } => assert_eq!(at, line, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
        assert!(refused(text).contains(said), "{text}: {}", refused(text));
    }
    let newer = BulkRecipe::parse("version = 2\nnew = 1\n").unwrap_err();
    assert_eq!(newer, BulkError::Version { found: 2, known: 1 });
}

#[test]
fn what_does_not_go_together_is_refused() {
    let base = "version = 1\n";
    let edit = |more: &str| format!("{base}[edit]\nprompt = \"x\"\n{more}");
    for (text, wanted) in [
        (base.to_owned(), BulkError::OneAction),
        (edit("[erase]\n"), BulkError::OneAction),
        (
            edit("[mask]\nselect = \"subject\"\nmask = \"m.png\"\n"),
            BulkError::Both("mask.select", "mask.mask"),
        ),
        (
            edit("strength = 0.5\nstrengths = [0.5]\n"),
            BulkError::Both("edit.strength", "edit.strengths"),
        ),
        (
            edit("[mask]\nperson = 1\n"),
            BulkError::Needs("mask.person", "mask.select"),
        ),
        (
            format!("{base}[erase]\n"),
            BulkError::Needs("erase", "mask.select"),
        ),
        (
            format!("{base}[background]\nput = \"white\"\n[mask]\ngrow = 2\n"),
            BulkError::Both("background", "mask.grow"),
        ),
        (
            format!("{base}[background]\nput = \"nothing\"\n[output]\nformat = \"jpeg\"\n"),
            BulkError::Both("background.put", "output.format"),
        ),
        (
            format!("{base}[background]\nput = \"white\"\n[erase]\n"),
            BulkError::OneAction,
        ),
        (
            format!("{base}[edit]\n"),
            BulkError::Needs("edit", "edit.prompt"),
        ),
        (edit("[output]\nquality = 0\n"), BulkError::Quality(0)),
        (
            edit("[edit.lists]\na = [\"b\"]\n"),
            BulkError::UnusedList("a".to_owned()),
        ),
        (
            edit("[edit.lists]\nstem = [\"b\"]\n"),
            BulkError::ListName("stem".to_owned()),
        ),
        (
            edit("[edit.lists]\na = []\n"),
            BulkError::EmptyList("a".to_owned()),
        ),
        (
            edit("[output]\nname = \"{stem}.png\"\n"),
            BulkError::NameWithout("ext".to_owned()),
        ),
        (
            edit("strengths = [0.5, 0.6]\n[output]\nname = \"{stem}.{ext}\"\n"),
            BulkError::NameWithout("strength".to_owned()),
        ),
    ] {
        assert_eq!(BulkRecipe::parse(&text), Err(wanted), "{text}");
    }
    for text in [
        edit("[output]\nname = \"{name}.{ext}\"\n"),
        edit("[mask]\nmask = \"{colour}.png\"\n"),
        edit("").replace("\"x\"", "\"a {colour}\""),
    ] {
        assert!(
            matches!(BulkRecipe::parse(&text), Err(BulkError::Place { .. })),
            "{text}"
        );
    }
}

#[test]
fn strengths_must_leave_a_step() {
    let text = "version = 1\n[edit]\nprompt = \"x\"\nsteps = 5\nstrengths = [0.5, 0.1]\n";
    let recipe = BulkRecipe::parse(text).unwrap();
    let idle = recipe
        .strengths(&open(&ModelRef::BuiltIn).unwrap())
        .unwrap_err();
    assert_eq!(
        idle,
        PlanError::NothingToRun {
            steps: 5,
            strength: 0.1
        }
    );
}

#[test]
fn a_background_is_put_behind_the_subject_and_cut_outs_are_no_jpegs() {
    let recipe = |put: &str| {
        let text = format!("version = 1\n[background]\nput = \"{put}\"\n");
        BulkRecipe::parse(&text).unwrap()
    };
    let white = recipe("white");
    assert_eq!(white.part(), Some(Part::Subject));
    assert_eq!(white.model(), None);
    let again = BulkRecipe::parse(&white.text().unwrap()).unwrap();
    assert_eq!(again, white);
    let jpeg = Path::new("a.jpg");
    assert_eq!(white.format_of(jpeg), FileFormat::Jpeg);
    assert_eq!(recipe("nothing").format_of(jpeg), FileFormat::Png);
    assert!(BulkRecipe::parse("version = 1\n[background]\nput = \"#12\"\n").is_err());
}
