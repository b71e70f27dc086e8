//! A batch in the window whose model lies on a server: where it runs, who is asked before, what is said when nobody
//! answers there.

use overpaint::catalog::Vault;
use overpaint::editor::{BatchCommand, Editor, RecipeFrom, ServerCommand, Start};
use overpaint::engine::fake::FakeDemands;
use overpaint::engine::{EngineOutput, Fault, ServerError};
use overpaint::jobs::EngineId;
use overpaint::plan::EngineInput;
use overpaint::text::Language;

use super::window::{Window, out, room_with_recipe};
use super::*;
use crate::servers::{also_at, elsewhere};
use crate::support::session::fake_vision;

const THERE: &str = "version = 1\n[mask]\nselect = \"subject\"\nmask_mode = \"not-masked\"\n\
                     [edit]\nmodel = \"sd15-paint\"\nprompt = \"a wall\"\nstrength = 0.5\nsteps = 4\n";

/// Says where its model lies, and does not answer while it is away.
struct Placed(FakeEngine, Arc<AtomicBool>);

impl Engine for Placed {
    fn run(
        &mut self,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        let server = EngineId::of(&input.model).name().to_owned();
        if self.1.load(Ordering::Relaxed) {
            let fault = Fault::Gone;
            return Err(EngineError::Server(ServerError { server, fault }));
        }
        let mut output = self.0.run(input, progress)?;
        output.report.device = server;
        Ok(output)
    }
}

/// A window beside which servers of those names have the same model, none of which was sent a picture yet.
fn window(servers: &[&str], is_away: &Arc<AtomicBool>) -> Window {
    let folder = tempfile::tempdir().unwrap();
    elsewhere(folder.path());
    also_at(folder.path(), servers);
    let editor = start(folder.path(), is_away);
    Window(Session { editor, folder })
}

fn start(data_dir: &Path, is_away: &Arc<AtomicBool>) -> Editor {
    let is_away = Arc::clone(is_away);
    Editor::new(Start {
        engine: Arc::new(move || {
            let engine = FakeEngine::default().with_step_time(Duration::from_millis(20));
            Ok(Box::new(Placed(engine, Arc::clone(&is_away))) as Box<dyn Engine>)
        }),
        demands: Arc::new(|_| Some(Arc::new(FakeDemands))),
        vision: fake_vision(FakeVision::default()),
        language: Language::English,
        vault: Vault::File,
        data_dir: data_dir.to_path_buf(),
        wake: Arc::new(|| {}),
    })
}

fn room_there() -> TempDir {
    let room = room_with_recipe();
    fs::write(room.path().join("r.overpaint-recipe.toml"), THERE).unwrap();
    room
}

fn server_of(model: Option<&ModelRef>) -> Option<String> {
    Some(EngineId::of(model?).server()?.to_owned())
}

impl Window {
    fn answer(&mut self, agrees: bool) {
        self.0
            .editor
            .apply(Command::Server(ServerCommand::Send(agrees)));
    }
}

/// The engines that made results, by the table.
fn made_on(room: &Path) -> Vec<String> {
    let table = fs::read_to_string(out(room).join("report.csv")).unwrap();
    let is_made = |line: &&str| line.contains(",done,");
    let engines = ["local", "studio", "attic"];
    let on = |line: &str| engines.iter().find(|it| line.contains(&format!(",{it},")));
    table
        .lines()
        .filter(is_made)
        .filter_map(|line| on(line).map(ToString::to_string))
        .collect()
}

#[test]
fn a_recipe_runs_on_the_server_that_has_its_model_once_somebody_agrees() {
    let room = room_there();
    let is_away = Arc::default();
    let mut window = window(&[], &is_away);
    window.open_folder(room.path());
    assert_eq!(server_of(window.batch().model()).as_deref(), Some("studio"));
    for agrees in [false, true] {
        window.send(BatchCommand::Run);
        let editor = &window.0.editor;
        assert_eq!(editor.leaving().map(|it| it.name.as_str()), Some("studio"));
        assert_eq!(editor.leaving_count(), 3, "one cannot be read");
        assert!(window.batch().doing().is_none());
        window.answer(agrees);
        if !agrees {
            window.0.editor.poll();
            assert!(window.0.editor.leaving().is_none());
            assert!(window.batch().doing().is_none(), "it was run without a yes");
        }
    }
    window.wait("all results", |batch| batch.counts().done == 3);
    window.wait_until_idle();
    assert_eq!(made_on(room.path()), ["studio"; 3]);
    // What a run took is known of it.
    window
        .0
        .wait("its speed", |editor| editor.servers()[0].seconds.is_some());
    // The next one is not asked about, and the folder goes on there.
    let Window(Session { editor, folder }) = window;
    editor.close();
    let editor = start(folder.path(), &is_away);
    let mut again = Window(Session { editor, folder });
    again.send(BatchCommand::Open {
        folder: room.path().join("in"),
        recipe: RecipeFrom::Folder,
    });
    again
        .0
        .wait("the folder", |editor| editor.batch().is_some());
    assert_eq!(again.batch().counts().done, 3);
    assert_eq!(server_of(again.batch().model()).as_deref(), Some("studio"));
    again.send(BatchCommand::Redo {
        picture: 0,
        strength: None,
        other_seed: true,
    });
    assert!(again.0.editor.leaving().is_none());
    again.wait_until_idle();
    assert!(again.batch().pictures()[0].known.redone.is_some());
}

#[test]
fn the_current_settings_take_their_model_along() {
    let room = room_with_recipe();
    let mut window = window(&[], &Arc::default());
    window.open_folder(room.path());
    assert_eq!(window.batch().model(), Some(&ModelRef::BuiltIn));
    let document = window.0.open();
    let model = window.0.editor.servers()[0].models[0]
        .card
        .reference
        .clone();
    window.0.editor.apply(Command::SetModel(model.clone()));
    window
        .0
        .wait("the model", |editor| *editor.model() == model);
    window.send(BatchCommand::SetRecipe(RecipeFrom::Settings(document)));
    window.wait("the recipe", |batch| batch.model() == Some(&model));
    let edit = window.batch().recipe().edit.clone().unwrap();
    assert_eq!(edit.model.as_deref(), Some("sd15-paint"));
    // What a name on a server means nobody can tell.
    assert!(edit.identities.is_empty());
    window.send(BatchCommand::Try {
        pictures: vec![0, 1],
        strengths: vec![Strength::new(0.5).unwrap()],
    });
    assert_eq!(window.0.editor.leaving_count(), 2);
    window.answer(true);
    window.wait("tries", |batch| batch.tries().tiles.len() == 2);
}

#[test]
fn a_batch_is_spread_over_engines_with_the_same_model_each_agreed_to() {
    let room = room_there();
    let mut window = window(&["attic"], &Arc::default());
    window.open_folder(room.path());
    let others = window.0.editor.other_engines_of_batch();
    assert_eq!(others.len(), 1);
    let mut preferences = window.0.editor.preferences().clone();
    preferences.also_on = vec!["attic".to_owned()];
    window
        .0
        .editor
        .apply(Command::SetPreferences(Box::new(preferences)));
    window.send(BatchCommand::Run);
    for _ in 0..2 {
        window
            .0
            .wait("a question", |editor| editor.leaving().is_some());
        assert!(window.batch().doing().is_none());
        window.answer(true);
    }
    window.wait("a run", |batch| batch.doing().is_some());
    assert_eq!(window.batch().doing().unwrap().engines().len(), 2);
    window.wait_until_idle();
    let mut made = made_on(room.path());
    made.sort();
    made.dedup();
    assert_eq!(made, ["attic", "studio"]);
    assert_eq!(window.batch().counts().done, 3);
}

#[test]
fn a_batch_stops_with_the_sentence_of_a_server_that_is_away_and_goes_on_later() {
    let room = room_there();
    let is_away = Arc::new(AtomicBool::new(true));
    let mut window = window(&[], &is_away);
    window.open_folder(room.path());
    window.send(BatchCommand::Run);
    window.answer(true);
    window.0.wait("its end", |editor| {
        let said = |text: &str| text.contains("The batch has stopped") && text.contains("studio");
        let mut notices = editor.notices().iter();
        notices.any(|notice| said(&english(&notice.message)))
            && editor.batch().is_some_and(|batch| batch.doing().is_none())
    });
    let counts = window.batch().counts();
    // The one that was tried and the one that cannot be read at most; nothing was given up.
    assert!(counts.done == 0 && counts.failed <= 2, "{counts:?}");
    is_away.store(false, Ordering::Relaxed);
    window.send(BatchCommand::Run);
    window.wait_until_idle();
    assert_eq!(window.batch().counts().done, 3);
}
