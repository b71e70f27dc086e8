//! Batches over several engines: who does what, and what is done already.

use std::sync::Arc;
use std::time::Duration;

use overpaint::bulk::{Model, State, Work};
use overpaint::catalog::ServedModel;
use overpaint::engine::fake::{FakeEngine, Script};
use overpaint::engine::{Engine, EngineError, Fault, ServerError};
use overpaint::jobs::EngineFactory;
use overpaint::raster::file;

use super::{EDIT, Run, of_state, results, room, row, states};

/// The work with servers of those names beside this machine, or in its place, and what makes their engines.
pub(super) fn with_others(
    mut work: Work,
    others: &[(&'static str, Vec<Script>)],
    is_here: bool,
) -> (Work, Vec<EngineFactory>) {
    let model = |server: &str| {
        let card = ServedModel::guessed(server, "m", None).card();
        let traits = work.model.as_ref().unwrap().traits.clone();
        let model = Model::of(&card, format!("identity at {server}"));
        Model { traits, ..model }
    };
    let mut models: Vec<Model> = others.iter().map(|(server, _)| model(server)).collect();
    if !is_here {
        work.model = Some(models.remove(0));
    }
    let factories = others.iter().map(|(_, scripts)| {
        let scripts = scripts.clone();
        let make = move || Ok(Box::new(FakeEngine::scripted(scripts.clone())) as Box<dyn Engine>);
        Arc::new(make) as EngineFactory
    });
    (work.with_others(models), factories.collect())
}

/// Every run there fails so: the engine is made anew after each, with the same script.
fn dead(fault: Fault) -> Vec<Script> {
    let server = "studio".to_owned();
    vec![Script::Fail(EngineError::Server(ServerError {
        server,
        fault,
    }))]
}

#[test]
fn a_dead_engines_work_goes_to_another_and_rows_stay_in_order() {
    let room = room();
    let one = Run::new(room.path(), EDIT, "one").go();
    for (out, fault) in [
        ("gone", Fault::Gone),
        ("memory", Fault::OutOfMemory),
        ("disk", Fault::DiskFull),
    ] {
        let mut run = Run::new(room.path(), EDIT, out);
        run.others = vec![("studio", dead(fault))];
        // Slow enough that the other one is asked too.
        run.step_time = Duration::from_millis(20);
        let result = run.go();
        assert_eq!(of_state(&result, State::Done), 6, "{:?}", states(&result));
        assert_eq!(states(&result), states(&one), "as with one engine");
        let files = |out: &str| results(&room.path().join(out));
        assert!(files(out) == files("one"));
    }
}

#[test]
fn what_no_engine_can_do_fails_with_the_last_ones_sentence() {
    let room = room();
    let mut run = Run::new(room.path(), EDIT, "out");
    run.scripts = vec![Script::Fail(EngineError::OutOfMemory); 9];
    let what = overpaint::text::Message::new("server-what-noise-fill");
    // It answers, and so is not made anew.
    run.others = vec![("studio", vec![dead(Fault::Cannot { what }); 9].concat())];
    let result = run.go();
    assert_eq!(of_state(&result, State::Failed), 6 + 3);
    assert!(!row(&result, "a.png").message.is_empty());
}

#[test]
fn what_any_chosen_engine_has_done_is_done() {
    let room = room();
    let mut elsewhere = Run::new(room.path(), EDIT, "out");
    elsewhere.others = vec![("studio", Vec::new())];
    elsewhere.is_here = false;
    assert_eq!(of_state(&elsewhere.go(), State::Done), 6);
    // Both are chosen: nothing is done again.
    let mut both = Run::resumed(room.path(), EDIT, "out");
    both.others = vec![("studio", Vec::new())];
    let both = both.go();
    let count = (of_state(&both, State::Done), of_state(&both, State::Kept));
    assert_eq!(count, (0, 6));
    // Another engine alone, or another server: its bytes may be others.
    for others in [vec![], vec![("shop", Vec::new())]] {
        let mut other = Run::resumed(room.path(), EDIT, "out");
        other.is_here = others.is_empty();
        other.others = others;
        assert_eq!(of_state(&other.go(), State::Done), 6);
    }
}

#[test]
fn several_engines_give_what_one_gives() {
    let room = room();
    Run::new(room.path(), EDIT, "one").go();
    let mut three = Run::new(room.path(), EDIT, "three");
    three.others = vec![("studio", Vec::new()), ("shop", Vec::new())];
    three.step_time = Duration::from_millis(5);
    let result = three.go();
    assert_eq!(of_state(&result, State::Done), 6);
    let pictures: Vec<&str> = result.rows.iter().map(|row| row.picture.as_str()).collect();
    assert!(pictures.is_sorted(), "{pictures:?}");
    // The files name their models, which have other names.
    let pixels = |out: &str| {
        let folder = room.path().join(out);
        let names = results(&folder).into_keys();
        let load = |name| file::load(&folder.join(name)).unwrap().picture;
        names.map(load).collect::<Vec<_>>()
    };
    assert!(pixels("three") == pixels("one"));
}
