//! A lane for each engine: several run at once, and what one cannot do goes to another.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use overpaint::catalog::{self, Access, ModelRef, ServedModel, Server};
use overpaint::engine::fake::{FakeEngine, Script};
use overpaint::engine::remote::{Pace, RemoteEngine};
use overpaint::engine::{Engine, EngineError, Fault, ServerError, Stage};
use overpaint::geometry::Extent;
use overpaint::jobs::{EditResult, EngineFactory, EngineId, Home, JobEvent, JobId, Runner};
use overpaint::plan::{EditRequest, EditSettings, Steps, Strength};

use crate::support::comfy::Comfy;
use crate::support::session::{pixels, srgb};

/// A model at an engine, planned as the built-in one.
fn home(server: Option<&str>) -> Home {
    let built_in = catalog::open(&ModelRef::BuiltIn).unwrap();
    let served = |server| ModelRef::Served(ServedModel::guessed(server, "m", None));
    Home {
        model: server.map_or(ModelRef::BuiltIn, served),
        ..Home::of(&built_in)
    }
}

/// A job for that home.
fn request(home: &Home) -> Arc<EditRequest> {
    Arc::new(EditRequest {
        model: home.model.clone(),
        traits: home.traits.clone(),
        source: srgb(pixels(Extent::new(64, 64))),
        painted: None,
        mask_kind: overpaint::raster::MaskKind::Strength,
        settings: EditSettings {
            steps: Steps::new(8).unwrap(),
            strength: Strength::new(1.0).unwrap(),
            ..EditSettings::default()
        },
    })
}

fn fake(scripts: Vec<Script>) -> EngineFactory {
    Arc::new(move || {
        let engine = FakeEngine::scripted(scripts.clone());
        let engine = engine.with_step_time(Duration::from_millis(1));
        Ok(Box::new(engine) as Box<dyn Engine>)
    })
}

/// A runner whose engines are those; others paint.
fn runner(engines: &[(&str, EngineFactory)]) -> Runner {
    let known: BTreeMap<String, EngineFactory> = engines
        .iter()
        .map(|(name, factory)| ((*name).to_owned(), EngineFactory::clone(factory)))
        .collect();
    let engines = move |id: &EngineId| {
        known
            .get(id.name())
            .cloned()
            .unwrap_or_else(|| fake(Vec::new()))
    };
    Runner::new(Arc::new(engines), Arc::new(|| {}))
}

/// What was said of each job, and what came of it.
#[derive(Default)]
struct Told {
    said: BTreeMap<JobId, Vec<&'static str>>,
    results: BTreeMap<JobId, EditResult>,
    errors: Vec<String>,
}

impl Told {
    fn take(&mut self, runner: &mut Runner) {
        for (job, event) in runner.poll().0 {
            let word = match event {
                JobEvent::Started => "started",
                JobEvent::GivenBack(error) => {
                    self.errors.push(error.to_string());
                    "given back"
                }
                JobEvent::Failed(error) => {
                    self.errors.push(error.to_string());
                    "failed"
                }
                JobEvent::Cancelled => "cancelled",
                JobEvent::Finished(result) => {
                    assert!(self.results.insert(job, *result).is_none(), "twice");
                    "finished"
                }
            };
            self.said.entry(job).or_default().push(word);
        }
    }

    /// Polls until that is so.
    fn until(&mut self, runner: &mut Runner, is_so: impl Fn(&Self, &Runner) -> bool) {
        let give_up = Instant::now() + Duration::from_mins(1);
        loop {
            self.take(runner);
            if is_so(self, runner) {
                return;
            }
            assert!(
                Instant::now() < give_up,
                "{:?} {:?}",
                self.said,
                self.errors
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn is_ended(&self, job: JobId) -> bool {
        let last = self.said.get(&job).and_then(|said| said.last());
        matches!(last, Some(&("finished" | "failed" | "cancelled")))
    }

    fn engine_of(&self, job: JobId) -> EngineId {
        EngineId::of(&self.results[&job].model)
    }
}

fn gone() -> Vec<Script> {
    vec![Script::Fail(EngineError::Server(ServerError {
        server: "studio".to_owned(),
        fault: Fault::Gone,
    }))]
}

#[test]
fn a_free_engine_pulls_the_next_job_while_another_is_busy() {
    let mut runner = runner(&[("local", fake(vec![Script::WaitForCancel]))]);
    let (local, studio) = (home(None), home(Some("studio")));
    let slow = runner.add(request(&local), vec![studio.clone()]);
    let quick = [(); 3].map(|()| runner.add(request(&local), vec![studio.clone()]));
    let only_here = runner.add(request(&local), Vec::new());
    let mut told = Told::default();
    told.until(&mut runner, |told, runner| {
        let engines: Vec<_> = runner.standings().map(|it| it.engine.name()).collect();
        assert!(engines.len() <= 2 && engines.is_sorted());
        quick.iter().all(|job| told.is_ended(*job))
    });
    for job in quick {
        assert_eq!(told.engine_of(job).server(), Some("studio"));
        assert_eq!(told.said[&job], ["started", "finished"]);
    }
    assert_eq!(runner.waiting().collect::<Vec<_>>(), [only_here]);
    assert_eq!(runner.standings().next().unwrap().job, slow);
    runner.cancel(slow);
    told.until(&mut runner, |told, _| told.is_ended(only_here));
    assert_eq!(told.said[&slow], ["started", "cancelled"]);
    assert_eq!(told.engine_of(only_here), EngineId::local());
}

#[test]
fn what_one_engine_cannot_do_another_does_and_with_none_left_it_fails() {
    let mut runner = runner(&[("studio", fake(gone()))]);
    let (local, studio) = (home(None), home(Some("studio")));
    let both = runner.add(request(&studio), vec![local.clone()]);
    let mut told = Told::default();
    told.until(&mut runner, |told, _| told.is_ended(both));
    let said = ["started", "given back", "started", "finished"];
    assert_eq!(told.said[&both], said);
    assert_eq!(told.engine_of(both), EngineId::local());
    assert!(told.errors[0].contains("studio"), "{:?}", told.errors);
    // It rests: what another may do is not tried there, and what is for it alone is.
    let next = runner.add(request(&studio), vec![local]);
    let only = runner.add(request(&studio), Vec::new());
    told.until(&mut runner, |told, _| {
        told.is_ended(next) && told.is_ended(only)
    });
    assert_eq!(told.said[&next], ["started", "finished"]);
    assert_eq!(told.said[&only], ["started", "failed"]);
}

#[test]
fn a_job_that_was_given_back_can_still_be_cancelled() {
    let waits = fake(vec![Script::WaitForCancel, Script::WaitForCancel]);
    let mut runner = runner(&[("studio", fake(gone())), ("local", waits)]);
    let (local, studio) = (home(None), home(Some("studio")));
    let busy = runner.add(request(&local), Vec::new());
    let job = runner.add(request(&studio), vec![local]);
    let mut told = Told::default();
    told.until(&mut runner, |told, _| {
        told.said.get(&job).is_some_and(|said| said.len() == 2)
    });
    assert_eq!(runner.waiting().collect::<Vec<_>>(), [job]);
    runner.cancel(job);
    told.until(&mut runner, |told, _| told.is_ended(job));
    assert_eq!(told.said[&job], ["started", "given back", "cancelled"]);
    assert!(!told.is_ended(busy));
}

const PACE: Pace = Pace {
    connect: Duration::from_millis(300),
    answer: Duration::from_millis(500),
    absence: Duration::from_millis(60),
    returns: Duration::ZERO,
    look: Duration::from_millis(5),
};

fn remote(server: Server, pace: Pace) -> EngineFactory {
    Arc::new(move || {
        let engine = RemoteEngine::new(&server, &Access::default(), pace);
        Ok(Box::new(engine) as Box<dyn Engine>)
    })
}

#[test]
fn a_server_that_hangs_keeps_neither_its_lane_nor_the_program() {
    const PATIENT: Pace = Pace {
        connect: Duration::from_secs(20),
        answer: Duration::from_mins(2),
        absence: Duration::from_mins(2),
        returns: Duration::ZERO,
        look: Duration::from_millis(5),
    };
    let comfy = Comfy::start(Duration::from_millis(40));
    let mut runner = runner(&[("shop", remote(comfy.server("shop"), PATIENT))]);
    let shop = home(Some("shop"));
    let jobs = [(); 2].map(|()| runner.add(request(&shop), Vec::new()));
    let mut told = Told::default();
    told.until(&mut runner, |_, runner| {
        let mut stages = runner.standings().map(|standing| standing.stage);
        stages.any(|stage| matches!(stage, Some(Stage::Step { done: 1.., .. })))
    });
    comfy.hang();
    let began = Instant::now();
    runner.cancel(jobs[0]);
    told.until(&mut runner, |told, _| told.is_ended(jobs[0]));
    assert_eq!(told.said[&jobs[0]], ["started", "cancelled"]);
    // The next one is there already when the program ends.
    told.until(&mut runner, |told, _| told.said.contains_key(&jobs[1]));
    drop(runner);
    assert!(began.elapsed() < PATIENT.connect / 2);
}

/// Three jobs for a server, each of which this machine may do too. The server is killed after that while, where
/// one is given. True where it could not do one of them, and how long it was until then.
fn killed_after(life: Option<Duration>) -> (bool, Duration) {
    let mut comfy = Comfy::start(Duration::from_millis(4));
    let mut runner = runner(&[("shop", remote(comfy.server("shop"), PACE))]);
    let (local, shop) = (home(None), home(Some("shop")));
    let jobs = [(); 3].map(|()| runner.add(request(&shop), vec![local.clone()]));
    let mut told = Told::default();
    let began = Instant::now();
    let are_done = |told: &Told| jobs.iter().all(|job| told.is_ended(*job));
    told.until(&mut runner, |told, _| {
        are_done(told) || life.is_some_and(|life| began.elapsed() >= life)
    });
    let lived = began.elapsed();
    if life.is_some() {
        comfy.kill();
    }
    told.until(&mut runner, |told, _| are_done(told));
    let mut there = 0;
    for job in jobs {
        let said = &told.said[&job];
        let ends = said.iter().filter(|word| **word == "finished").count();
        assert_eq!(ends, 1, "{said:?} {:?}", told.errors);
        there += usize::from(told.engine_of(job).server() == Some("shop"));
    }
    assert!(there <= comfy.done());
    (!told.errors.is_empty(), lived)
}

/// Names of threads that belong to that engine.
#[cfg(target_os = "linux")]
fn engine_threads(engine: &str) -> Vec<String> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(entry.ok()?.path().join("comm")).ok()
    };
    let names = threads.filter_map(name).map(|name| name.trim().to_owned());
    names
        .filter(|name| name.starts_with(&format!("engine {engine}")))
        .collect()
}

/// Whether these threads of that engine are all that is left. The kernel wakes who joins a thread a moment before it
/// takes the thread off the list.
#[cfg(target_os = "linux")]
fn are_left(engine: &str, wanted: &[String]) -> bool {
    let began = Instant::now();
    while engine_threads(engine) != wanted {
        if began.elapsed() > Duration::from_secs(5) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

#[test]
fn a_server_that_is_killed_at_any_moment_loses_no_job_and_leaves_no_thread() {
    let (_, undisturbed) = killed_after(None);
    let mut in_the_middle = 0;
    for round in 0..100_u32 {
        // Spread over a bit more than all of it, in no order.
        let share = f64::from(round * 37 % 100) / 80.0;
        let (was_handed_on, _) = killed_after(Some(undisturbed.mul_f64(share)));
        in_the_middle += u32::from(was_handed_on);
        #[cfg(target_os = "linux")]
        assert!(are_left("shop", &[]), "round {round}");
    }
    assert!(
        in_the_middle > 0,
        "it was never killed in the middle of a job"
    );
}

/// A job for a server that is killed after that while, and started again a little later: its result, how long it was
/// until then, and whether the server was missed.
fn killed_and_back(life: Duration, absence: Duration) -> (EditResult, Duration, bool) {
    const PATIENT: Pace = Pace {
        absence: Duration::from_secs(40),
        ..PACE
    };
    let mut comfy = Comfy::start(Duration::from_millis(4));
    let mut runner = runner(&[("mill", remote(comfy.server("mill"), PATIENT))]);
    let job = runner.add(request(&home(Some("mill"))), Vec::new());
    let mut told = Told::default();
    let began = Instant::now();
    told.until(&mut runner, |told, _| {
        told.is_ended(job) || began.elapsed() >= life
    });
    let lived = began.elapsed();
    comfy.kill();
    let (killed, was_missed) = (Instant::now(), Cell::new(false));
    let look = |runner: &Runner| {
        let mut stages = runner.standings().map(|standing| standing.stage);
        was_missed.set(was_missed.get() || stages.any(|stage| stage == Some(Stage::Away)));
    };
    told.until(&mut runner, |_, runner| {
        look(runner);
        killed.elapsed() >= absence
    });
    comfy.restart();
    told.until(&mut runner, |told, runner| {
        look(runner);
        told.is_ended(job)
    });
    assert_eq!(
        told.said[&job],
        ["started", "finished"],
        "{:?}",
        told.errors
    );
    let result = told.results.remove(&job).unwrap();
    (result, lived, was_missed.get())
}

#[test]
fn a_server_that_is_killed_at_any_moment_and_comes_back_gives_every_job_once_and_the_same() {
    let (undisturbed, took, _) = killed_and_back(Duration::from_mins(1), Duration::ZERO);
    // A pool of threads has the name of the one that needed it first.
    #[cfg(target_os = "linux")]
    let before = engine_threads("mill");
    let mut missed = 0;
    for round in 0..100_u32 {
        let share = f64::from(round * 37 % 100) / 80.0;
        let absence = Duration::from_millis(u64::from(round * 7 % 40));
        let (result, _, was_missed) = killed_and_back(took.mul_f64(share), absence);
        assert!(result.patch == undisturbed.patch, "round {round}");
        missed += u32::from(was_missed);
        #[cfg(target_os = "linux")]
        assert!(are_left("mill", &before), "round {round}");
    }
    assert!(missed > 0, "it was never killed in the middle of a job");
}
