//! Recipes: prompts from a table, any bytes, and what the window saves as one.

use super::*;

#[test]
fn a_table_gives_each_picture_its_own_prompt() {
    let room = room();
    let recipe = "version = 1\n[edit]\nprompts = \"p.csv\"\nprompt = \"{prompt} in {colour}\"\nstrength = 0.5\n\
                  steps = 4\n[edit.lists]\ncolour = [\"red\", \"blue\"]\n";
    let mut run = Run::new(room.path(), recipe, "out");
    let table = "picture,prompt\na.png,a cat\nsub/c.webp,a dog\n";
    run.prompts = Prompts::Table(PromptTable::parse(table.as_bytes(), Path::new("p.csv")).unwrap());
    let result = run.go();
    let prompts: Vec<&str> = result
        .rows
        .iter()
        .filter(|row| row.state == Some(State::Done))
        .map(|row| row.prompt.as_str())
        .collect();
    assert_eq!(
        prompts,
        [
            "a cat in blue",
            "a cat in red",
            "a dog in blue",
            "a dog in red"
        ]
    );
    assert_eq!(row(&result, "b.jpg").state, Some(State::Failed));
    assert!(room.path().join("out/a-red.png").is_file());
}

/// The fuzz target of the recipe's parser, as far as it runs with the tests: no text makes it panic, and
/// what it takes it writes and takes again.
#[test]
fn any_bytes_are_a_recipe_or_an_error() {
    let mut runner = proptest::test_runner::TestRunner::default();
    let pieces = proptest::sample::select(vec![
        "version = 1\n",
        "[mask]\n",
        "[edit]\n",
        "[erase]\n",
        "[output]\n",
        "[edit.lists]\n",
        "select = \"hair\"\n",
        "mask = \"{stem}.png\"\n",
        "prompt = \"{a}\"\n",
        "a = [\"b\"]\n",
        "strength = 1e400\n",
        "strengths = [0.5]\n",
        "grow = \"5%\"\n",
        "seed = 99999999999999999999\n",
        "name = \"{\"\n",
        "quality = 300\n",
        "\u{0}",
        "é = ",
        "[[",
        "'''",
    ]);
    let texts = proptest::collection::vec(pieces, 0..12);
    let checked = runner.run(&texts, |pieces| {
        let text = pieces.concat();
        match BulkRecipe::parse(&text) {
            Ok(recipe) => {
                let again = BulkRecipe::parse(&recipe.text().unwrap());
                proptest::prop_assert_eq!(again, Ok(recipe));
            }
            Err(error) => proptest::prop_assert!(!error.to_string().is_empty()),
        }
        Ok(())
    });
    checked.unwrap();
}

/// “Save as recipe” of an accepted layer, followed for that picture, gives the very file of the window.
#[test]
fn the_recipe_of_a_layer_makes_the_same_file() {
    let room = tempfile::tempdir().unwrap();
    let input = room.path().join("in/a.png");
    fs::create_dir(room.path().join("in")).unwrap();
    save(&input, &picture(Extent::new(300, 200), 40));
    let mut session = Session::new(Vec::new());
    session.editor.apply(Command::OpenFile(input));
    session.wait("the picture", |editor| editor.active().is_some());
    let document = session.editor.active().unwrap().id();
    session.editor.apply(Command::Select {
        document,
        part: Part::Subject,
        how: Combination::Replace,
    });
    session.wait("the selection", |editor| {
        editor.selecting(document).is_none()
    });
    let settings = EditSettings {
        prompt: "a {brick} wall".to_owned(),
        strength: Strength::new(0.65).unwrap(),
        steps: Steps::new(6).unwrap(),
        mask_mode: MaskMode::Stays,
        ..session.document(document).settings().clone()
    };
    session.editor.apply(Command::SetSettings {
        document,
        settings: Box::new(settings),
    });
    session.generate(document);
    session.wait_for_runs();
    let candidate = session.last_candidate(document);
    session.editor.apply(Command::AcceptCandidate(candidate.id));
    let layer = session.document(document).document().layers()[0].id;
    let (exported, recipe) = (room.path().join("window.png"), room.path().join("r.toml"));
    session.editor.apply(Command::Export {
        document,
        path: exported.clone(),
        jpeg_quality: None,
    });
    session.editor.apply(Command::SaveRecipe {
        document,
        layer: Some(layer),
        path: recipe.clone(),
    });
    session.wait("both files", |_| exported.is_file() && recipe.is_file());
    let recipe = fs::read_to_string(recipe).unwrap();
    let result = Run::new(room.path(), &recipe, "out").go();
    assert_eq!(of_state(&result, State::Done), 1, "{:?}", states(&result));
    let made = fs::read(room.path().join("out/a.png")).unwrap();
    assert_eq!(made, fs::read(exported).unwrap());
}
