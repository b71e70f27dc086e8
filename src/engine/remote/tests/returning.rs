//! Servers that die, or lose what they were told, in each phase of a run, and come back: nothing is lost, nothing
//! comes otherwise, and nothing is asked twice that is there.

use std::time::{Duration, Instant};

use super::comfy::{self, Comfy};
use super::scripted::Scripted;
use super::{PACE, Pace, Watch, fault_of, run, sdapi};
use crate::catalog::{Access, ServerKind};
use crate::engine::remote::absence::{Attempt, through_absences};
use crate::engine::remote::http::Http;
use crate::engine::remote::testing::input;
use crate::engine::{EngineError, EngineOutput, Fault, Progress, Stage};
use crate::plan::EngineInput;
use crate::text::Explain as _;

/// One whose original is decoded too.
fn wanted() -> EngineInput {
    EngineInput {
        wants_round_trip: true,
        ..input()
    }
}

fn ran(server: &Scripted, kind: ServerKind, at: &str, watch: &mut Watch) -> EngineOutput {
    match run(server, kind, &wanted(), watch) {
        Ok(output) => output,
        Err(error) => panic!("{at}: {error}"),
    }
}

#[test]
fn a_comfy_that_dies_in_any_phase_and_comes_back_gives_the_same_picture() {
    let alone = Comfy::start(comfy::Quirk::None);
    let undisturbed = ran(
        &alone.scripted,
        ServerKind::Comfy,
        "",
        &mut Watch::default(),
    );
    for (at, prompts) in [
        ("/object_info/CheckpointLoaderSimple", 1),
        ("/object_info/DifferentialDiffusion", 1),
        ("/upload", 1),
        ("/ws", 1),
        ("/prompt", 1),
        ("step", 2),
        ("/queue", 2),
        ("/history", 2),
        ("/view", 2),
    ] {
        let comfy = Comfy::start(comfy::Quirk::DiesAt(at));
        let mut watch = Watch::default();
        let output = ran(&comfy.scripted, ServerKind::Comfy, at, &mut watch);
        assert!(watch.stages.contains(&Stage::Away), "{at}");
        assert_eq!(output.image.pixels, undisturbed.image.pixels, "{at}");
        assert!(output.round_trip.is_some(), "{at}");
        // The same seed and all else; names are by what was sent since it came back.
        assert_eq!(comfy.graph(), alone.graph(), "{at}");
        assert_eq!(comfy.asked("/prompt"), prompts, "{at}");
    }
}

#[test]
fn a_comfy_whose_answer_is_lost_is_not_given_the_job_twice() {
    for at in ["/object_info", "/upload", "/prompt", "/history", "/view"] {
        let comfy = Comfy::start(comfy::Quirk::LosesAnswer(at));
        ran(
            &comfy.scripted,
            ServerKind::Comfy,
            at,
            &mut Watch::default(),
        );
        assert_eq!(comfy.asked("/prompt"), 1, "{at}");
    }
}

#[test]
fn a_webui_that_dies_in_any_phase_and_comes_back_gives_the_same_picture() {
    let (alone, _log) = sdapi::start(sdapi::Quirk::None);
    let undisturbed = ran(&alone, ServerKind::Sdapi, "", &mut Watch::default());
    let phases = [
        "sd-models",
        "v1/progress",
        "v1/samplers",
        "schedulers",
        "pending-tasks",
        "img2img",
    ];
    let dies = phases.map(sdapi::Quirk::DiesAt);
    // The whole run is one answer.
    for quirk in dies
        .into_iter()
        .chain([sdapi::Quirk::LosesAnswer("img2img")])
    {
        let (scripted, log) = sdapi::start(quirk);
        let at = format!("{quirk:?}");
        let mut watch = Watch::default();
        let output = ran(&scripted, ServerKind::Sdapi, &at, &mut watch);
        assert!(watch.stages.contains(&Stage::Away), "{at}");
        assert_eq!(output.image.pixels, undisturbed.image.pixels, "{at}");
        let mut bodies = sdapi::jobs(&log);
        assert_eq!(
            bodies.len(),
            1 + usize::from(at.contains("img2img")),
            "{at}"
        );
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "{at}: it is asked for the same again");
    }
}

#[test]
fn a_job_that_a_webui_still_works_on_for_nobody_is_stopped_before_it_is_asked_for_again() {
    let (scripted, log) = sdapi::start(sdapi::Quirk::LosesLine);
    ran(&scripted, ServerKind::Sdapi, "", &mut Watch::default());
    let log = log.lock().unwrap();
    let asked = log.iter().map(|asked| asked.path.rsplit('/').next());
    let asked: Vec<_> = asked
        .flatten()
        .filter(|name| ["img2img", "interrupt"].contains(name))
        .collect();
    assert_eq!(asked, ["img2img", "interrupt", "img2img"]);
}

#[test]
fn pictures_that_are_gone_are_sent_again_and_a_server_that_keeps_none_is_said() {
    let comfy = Comfy::start(comfy::Quirk::LosesPictures);
    ran(
        &comfy.scripted,
        ServerKind::Comfy,
        "",
        &mut Watch::default(),
    );
    assert_eq!(
        (comfy.asked("/prompt"), comfy.asked("/upload/image")),
        (2, 4)
    );
    let comfy = Comfy::start(comfy::Quirk::KeepsNoPictures);
    let result = run(
        &comfy.scripted,
        ServerKind::Comfy,
        &input(),
        &mut Watch::default(),
    );
    let said = result
        .as_ref()
        .err()
        .map(|error| error.message().key.clone());
    assert_eq!(said.as_deref(), Some("server-pictures-gone"));
    assert_eq!(fault_of(result), Fault::PicturesGone);
}

#[test]
fn a_comfy_that_comes_back_without_the_model_says_what_it_has() {
    let comfy = Comfy::start(comfy::Quirk::LosesModel);
    let result = run(
        &comfy.scripted,
        ServerKind::Comfy,
        &input(),
        &mut Watch::default(),
    );
    let missing = Fault::Missing {
        name: "sd.safetensors".to_owned(),
        known: vec!["sub/other.ckpt".to_owned()],
    };
    assert_eq!(fault_of(result), missing);
    assert_eq!(comfy.asked("/prompt"), 1);
}

#[test]
fn what_another_engine_may_do_waits_for_no_server_unless_that_has_the_job() {
    let watch = || Watch {
        may_be_handed_on: true,
        ..Watch::default()
    };
    for (at, is_lost) in [("/upload", true), ("step", false)] {
        let comfy = Comfy::start(comfy::Quirk::DiesAt(at));
        let mut watch = watch();
        let result = run(&comfy.scripted, ServerKind::Comfy, &wanted(), &mut watch);
        assert_eq!(comfy.asked("/prompt"), usize::from(!is_lost), "{at}");
        match fault_of(result) {
            Fault::Lost { .. } => assert!(is_lost && !watch.stages.contains(&Stage::Away)),
            // It was waited for, and came back without the job.
            Fault::Gone => assert!(!is_lost && watch.stages.contains(&Stage::Away)),
            other => panic!("{at}: {other:?}"),
        }
    }
    let comfy = Comfy::start(comfy::Quirk::LosesAnswer("/prompt"));
    ran(&comfy.scripted, ServerKind::Comfy, "", &mut watch());
    assert_eq!(comfy.asked("/prompt"), 1);
}

/// How often a job was attempted that fails so often with that fault and is done then, how long it took, and whether
/// it was done.
fn attempts(
    failures: usize,
    fault: &Fault,
    is_there: bool,
    returns: Duration,
) -> (usize, Duration, bool) {
    let comfy = Comfy::start(comfy::Quirk::None);
    let server = comfy.scripted.server(ServerKind::Comfy);
    let pace = Pace {
        returns,
        look: Duration::from_millis(1),
        ..PACE
    };
    let http = Http::new(&server, &Access::default(), pace);
    let (mut count, began) = (0, Instant::now());
    let done = || EngineError::Internal {
        why: "done".to_owned(),
    };
    let attempt = |_: &mut dyn Progress| {
        count += 1;
        let outcome = if count > failures {
            Err(done())
        } else {
            Err(http.fault(fault.clone()).into())
        };
        Attempt { outcome, is_there }
    };
    let outcome = through_absences(&http, "/system_stats", &mut Watch::default(), attempt);
    let is_done = outcome.map(|_| ()) == Err(done());
    (count, began.elapsed(), is_done)
}

#[test]
fn a_job_is_given_up_only_after_many_setbacks_that_have_gone_on_for_long() {
    let (moment, long) = (Duration::from_millis(600), Duration::from_mins(10));
    for is_there in [false, true] {
        let (count, _, is_done) = attempts(40, &Fault::Gone, is_there, long);
        assert_eq!((count, is_done), (41, true), "many in a moment");
        let (count, _, is_done) = attempts(40, &Fault::Gone, is_there, Duration::ZERO);
        assert_eq!((count, is_done), (10, false));
        let (count, took, is_done) = attempts(1000, &Fault::Gone, is_there, moment);
        assert!((11..100).contains(&count) && !is_done, "{count}");
        assert!(took >= moment);
    }
    // It was there all the while.
    let (count, _, is_done) = attempts(40, &Fault::PicturesGone, false, long);
    assert_eq!((count, is_done), (10, false));
}

#[test]
fn a_run_whose_server_is_away_can_be_cancelled() {
    for kind in [ServerKind::Comfy, ServerKind::Sdapi] {
        let comfy = Comfy::start(comfy::Quirk::None);
        comfy.scripted.stop();
        let mut watch = Watch {
            stops_away: true,
            ..Watch::default()
        };
        let result = run(&comfy.scripted, kind, &input(), &mut watch);
        assert_eq!(result.map(|_| ()), Err(EngineError::Cancelled));
        assert_eq!(watch.stages.last(), Some(&Stage::Away));
    }
}
