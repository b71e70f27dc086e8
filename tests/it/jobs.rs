//! The runner with its real thread: order, ends, cancelling, previews, closing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use overpaint::catalog::{self, ModelRef};
use overpaint::engine::fake::{FakeEngine, Script};
use overpaint::engine::{Engine, EngineError};
use overpaint::geometry::Extent;
use overpaint::jobs::{EngineFactory, EngineId, JobEvent, JobId, Runner};
use overpaint::plan::{
    AreaMode, EditRequest, EditSettings, FillMode, Guidance, KeepDetails, Length, MaskMode,
    SamplerId, ScheduleId, SecondPass, Seed, Steps, Strength,
};
use proptest::prelude::*;

use crate::support::session::{pixels, seeded, srgb};

fn request(steps: u32) -> Arc<EditRequest> {
    Arc::new(EditRequest {
        model: ModelRef::BuiltIn,
        traits: catalog::open(&ModelRef::BuiltIn).unwrap().traits,
        source: srgb(pixels(Extent::new(64, 64))),
        painted: None,
        mask_kind: overpaint::raster::MaskKind::Strength,
        settings: EditSettings {
            work_size: None,
            second_pass: SecondPass::Off,
            second_strength: Strength::new(0.3).unwrap(),
            prompt: "x".to_owned(),
            negative: String::new(),
            strength: Strength::new(1.0).unwrap(),
            steps: Steps::new(steps).unwrap(),
            guidance: Guidance::new(4.0).unwrap(),
            loras: Vec::new(),
            image_guidance: Guidance::new(1.5).unwrap(),
            seed: Seed(1),
            sampler: SamplerId::Euler,
            schedule: ScheduleId::Model,
            mask_mode: MaskMode::Changes,
            area: AreaMode::Auto,
            padding: None,
            fill: FillMode::Auto,
            feather: None,
            grow: Length::Px(0.0),
            keep_details: KeepDetails::Off,
        },
    })
}

fn runner(scripts: Vec<Script>, step_time: Duration) -> Runner {
    let factory = move || {
        let engine = FakeEngine::scripted(scripts.clone()).with_step_time(step_time);
        Ok(Box::new(engine) as Box<dyn Engine>)
    };
    with_engine(Arc::new(factory))
}

/// A runner whose every engine is made so.
fn with_engine(factory: EngineFactory) -> Runner {
    let engines = move |_: &EngineId| EngineFactory::clone(&factory);
    Runner::new(Arc::new(engines), Arc::new(|| {}))
}

/// Polls until every job of `jobs` has ended; returns how often each did, and how.
fn run_out(runner: &mut Runner, jobs: &[JobId]) -> BTreeMap<JobId, Vec<&'static str>> {
    let mut ends: BTreeMap<JobId, Vec<&'static str>> = BTreeMap::new();
    let give_up = Instant::now() + Duration::from_secs(20);
    while ends.len() < jobs.len() {
        for (job, event) in runner.poll().0 {
            match event {
                JobEvent::Started | JobEvent::GivenBack(_) => {}
                JobEvent::Finished(_) => ends.entry(job).or_default().push("finished"),
                JobEvent::Failed(_) => ends.entry(job).or_default().push("failed"),
                JobEvent::Cancelled => ends.entry(job).or_default().push("cancelled"),
            }
        }
        assert!(Instant::now() < give_up, "jobs hang: {ends:?}");
        std::thread::yield_now();
    }
    // Nothing comes afterwards.
    std::thread::sleep(Duration::from_millis(5));
    assert!(runner.poll().0.is_empty());
    ends
}

proptest! {
    #![proptest_config(seeded(24))]

    /// In whatever order jobs are added, cancelled, removed and moved, and however the engine
    /// fares: each ends exactly once, and the thread goes on.
    #[test]
    fn every_job_ends_exactly_once(
        scripts in prop::collection::vec(0..3u8, 8),
        acts in prop::collection::vec((0..6u8, 1..9u64), 1..24),
    ) {
        let script = |kind: &u8| match kind {
            0 => Script::Paint,
            1 => Script::Fail(EngineError::OutOfMemory),
            _ => Script::Panic,
        };
        let mut runner = runner(scripts.iter().map(script).collect(), Duration::from_micros(200));
        let mut jobs = Vec::new();
        let mut ended = BTreeSet::new();
        for (act, id) in acts {
            match act {
                0 | 1 => if jobs.len() < 8 { jobs.push(runner.add(request(3), Vec::new())) },
                2 => runner.cancel(JobId(id)),
                3 => runner.remove_waiting(JobId(id)),
                4 => runner.move_waiting(JobId(id), 0),
                _ => for (job, event) in runner.poll().0 {
                    if !matches!(event, JobEvent::Started | JobEvent::GivenBack(_)) {
                        prop_assert!(ended.insert(job), "ended twice");
                    }
                },
            }
        }
        let open: Vec<JobId> = jobs.iter().copied().filter(|job| !ended.contains(job)).collect();
        let ends = run_out(&mut runner, &open);
        prop_assert!(ends.values().all(|ends| ends.len() == 1), "{:?}", ends);
        prop_assert!(ends.keys().eq(open.iter()));
    }
}

#[test]
fn cancelling_ends_a_running_job_and_the_next_one_runs() {
    let mut runner = runner(vec![Script::WaitForCancel; 5], Duration::ZERO);
    for _ in 0..5 {
        let job = runner.add(request(20), Vec::new());
        runner.poll();
        std::thread::sleep(Duration::from_millis(20));
        runner.cancel(job);
        assert_eq!(run_out(&mut runner, &[job])[&job], ["cancelled"]);
    }
}

#[test]
fn an_engine_that_cannot_be_made_fails_the_job_and_is_tried_again() {
    let tried = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let seen = Arc::clone(&tried);
    let factory = move || {
        if seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
            return Err(EngineError::Device {
                device: "cuda".to_owned(),
                why: "not here".to_owned(),
            });
        }
        Ok(Box::new(FakeEngine::default()) as Box<dyn Engine>)
    };
    let mut runner = with_engine(Arc::new(factory));
    let jobs = [
        runner.add(request(2), Vec::new()),
        runner.add(request(2), Vec::new()),
        runner.add(request(2), Vec::new()),
    ];
    let ends = run_out(&mut runner, &jobs);
    assert_eq!(
        ends.into_values().flatten().collect::<Vec<_>>(),
        ["failed", "finished", "finished"]
    );
    assert_eq!(
        tried.load(std::sync::atomic::Ordering::SeqCst),
        2,
        "made once, then kept"
    );
}

#[test]
fn nobody_listening_does_not_stop_the_engine() {
    // More stages than the line holds, and no poll until long after the end.
    let mut runner = runner(vec![], Duration::from_micros(50));
    let job = runner.add(request(400), Vec::new());
    runner.poll();
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(run_out(&mut runner, &[job])[&job], ["finished"]);
}

#[test]
fn previews_come_while_it_runs_and_the_time_left_is_told() {
    let mut runner = runner(vec![], Duration::from_millis(10));
    let job = runner.add(request(20), Vec::new());
    let mut previews = 0;
    let mut told = Vec::new();
    let began = Instant::now();
    loop {
        let (events, _) = runner.poll();
        if events
            .iter()
            .any(|(_, event)| matches!(event, JobEvent::Finished(_)))
        {
            break;
        }
        if let Some(standing) = runner.standings().next() {
            assert_eq!(standing.job, job);
            previews = previews.max(standing.preview_count);
            if let Some(left) = runner.seconds_left(job, Instant::now()) {
                told.push((began.elapsed().as_secs_f64(), left));
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(previews >= 10, "{previews} of 20");
    assert!(told.len() > 50 && told.first().unwrap().1 > told.last().unwrap().1);
}

#[test]
fn closing_with_a_job_running_ends_cleanly() {
    let mut runner = runner(vec![Script::WaitForCancel], Duration::ZERO);
    runner.add(request(20), Vec::new());
    runner.add(request(20), Vec::new());
    runner.poll();
    std::thread::sleep(Duration::from_millis(10));
    let asked = Instant::now();
    drop(runner);
    assert!(asked.elapsed() < Duration::from_secs(1));
}
