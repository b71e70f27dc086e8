//! A scripted WebUI, and one that can do as little as `stable-diffusion.cpp`.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use super::scripted::{Answer, Asked, Life, Script, Scripted, negative, ok};
use super::{PACE, Watch, fault_of, run, until};
use crate::catalog::{Access, ModelRef, ServedModel, ServerKind};
use crate::engine::remote::kind_at;
use crate::engine::remote::picture::png;
use crate::engine::remote::testing::input;
use crate::engine::{EngineError, Fault, Stage};
use crate::geometry::Extent;
use crate::plan::EngineInput;
use crate::raster::RgbF32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quirk {
    None,
    /// No progress, no interrupt, no schedulers, one model.
    Bare,
    OutOfMemory,
    Empty,
    WrongSize,
    /// It is gone while it works.
    Dies,
    /// It works until it is interrupted.
    Works,
    /// It works, and cannot be interrupted.
    Deaf,
    /// Others are before us, all the while.
    Busy,
    /// The same for its first looks.
    BusyAtFirst,
    /// It hangs once that is asked.
    HangsAt(&'static str),
    /// It is killed once that is asked.
    DiesAt(&'static str),
    /// It does that, but its answer is lost.
    LosesAnswer(&'static str),
    /// It works on the first job, whose connection breaks, until it is interrupted.
    LosesLine,
}

pub(super) type Log = Arc<Mutex<Vec<Asked>>>;

pub(super) fn start(quirk: Quirk) -> (Scripted, Log) {
    let log = Log::default();
    let shared = Arc::clone(&log);
    let life = match quirk {
        Quirk::DiesAt(at) | Quirk::LosesAnswer(at) => Some(Life::until(at)),
        _ => None,
    };
    let script: Script = Arc::new(move |asked| {
        shared.lock().unwrap().push(asked.clone());
        let is_cut = life
            .as_ref()
            .is_some_and(|life| life.ends_with(&asked.path));
        let is_over = life.as_ref().is_some_and(Life::is_over);
        match quirk {
            Quirk::HangsAt(at) if asked.path.contains(at) => Answer::Hang,
            Quirk::DiesAt(_) if is_over => Answer::Cut,
            _ => {
                let answer = answer(quirk, &shared, asked);
                if is_cut { Answer::Cut } else { answer }
            }
        }
    });
    (Scripted::start(script, None), log)
}

fn answer(quirk: Quirk, log: &Log, asked: &Asked) -> Answer {
    let path = asked.path.split('?').next().unwrap_or_default();
    if let Some(answer) = of_queue(quirk, log, path) {
        return answer;
    }
    let name = path.strip_prefix("/sdapi/v1/").unwrap_or_default();
    match name {
        "sd-models" => {
            let mut models = vec![json!({"title": "sd.safetensors", "hash": "8888888888"})];
            if quirk != Quirk::Bare {
                models.push(json!({"title": "b.safetensors [1234567890]"}));
            }
            ok(&json!(models))
        }
        "progress" if quirk != Quirk::Bare => {
            let preview = png(&RgbF32::filled(Extent::new(8, 8), [0.5; 3]));
            ok(&json!({
                "progress": 0.5, "state": {"sampling_step": 4, "sampling_steps": 10},
                "current_image": BASE64.encode(preview),
            }))
        }
        "schedulers" if quirk != Quirk::Bare => ok(&json!([
            {"name": "automatic", "label": "Automatic"}, {"name": "karras", "label": "Karras"},
        ])),
        "interrupt" => ok(&json!({})),
        "loras" => {
            let mut ink = json!({"name": "ink", "path": "styles/ink.safetensors"});
            if quirk != Quirk::Bare {
                ink["alias"] = json!("ink");
            }
            ok(&json!([ink]))
        }
        "img2img" => {
            let body = asked.json();
            let file = body
                .pointer("/init_images/0")
                .and_then(|text| text.as_str());
            let file = BASE64.decode(file.unwrap()).unwrap();
            if quirk == Quirk::LosesLine && jobs(log).len() == 1 {
                return Answer::Cut;
            }
            std::thread::sleep(PACE.look * 5);
            match quirk {
                Quirk::OutOfMemory => {
                    let said =
                        json!({"error": "OutOfMemoryError", "errors": "CUDA out of memory."});
                    Answer::Say(500, said.to_string().into_bytes())
                }
                Quirk::Dies => Answer::Cut,
                Quirk::Empty => ok(&json!({"images": []})),
                Quirk::WrongSize => {
                    let other = RgbF32::filled(Extent::new(64, 32), [0.5; 3]);
                    ok(&json!({"images": [BASE64.encode(png(&other))]}))
                }
                _ => made(quirk, log, (asked, &file)),
            }
        }
        _ => Answer::Say(404, b"{\"detail\":\"Not Found\"}".to_vec()),
    }
}

/// The result of a job, when it is done or stopped.
fn made(quirk: Quirk, log: &Log, (asked, file): (&Asked, &[u8])) -> Answer {
    let is_stopped = || {
        let log = log.lock().unwrap();
        log.iter().any(|asked| asked.path.ends_with("/interrupt"))
    };
    let mut looks = 0;
    let works = match quirk {
        Quirk::Works => 200,
        Quirk::Busy | Quirk::BusyAtFirst => 20,
        Quirk::Deaf => 400,
        _ => 0,
    };
    while looks < works && (quirk == Quirk::Deaf || !is_stopped()) {
        std::thread::sleep(PACE.look);
        looks += 1;
    }
    if quirk == Quirk::Deaf {
        let path = "it has answered".to_owned();
        let answered = Asked {
            path,
            ..asked.clone()
        };
        log.lock().unwrap().push(answered);
    }
    ok(&json!({"images": [BASE64.encode(negative(file))], "info": "{}"}))
}

/// The jobs that it was given.
pub(super) fn jobs(log: &Log) -> Vec<serde_json::Value> {
    let log = log.lock().unwrap();
    let jobs = log.iter().filter(|it| it.path.ends_with("img2img"));
    jobs.map(Asked::json).collect()
}

/// What a WebUI tells of its queue that has one.
fn of_queue(quirk: Quirk, log: &Log, path: &str) -> Option<Answer> {
    let log = log.lock().unwrap();
    let count = |path: &str| log.iter().filter(|it| it.path.contains(path)).count();
    let mut jobs = log.iter().filter(|it| it.path.ends_with("img2img"));
    let own = jobs.next().map(|it| it.json()["force_task_id"].clone());
    // The first is the question whether there is a list.
    let waits = quirk == Quirk::Busy || count("/internal/pending-tasks") < 4;
    let own_waits = own.clone().filter(|_| waits);
    match (quirk, path) {
        (Quirk::Busy | Quirk::BusyAtFirst, "/internal/pending-tasks") => {
            let others = [json!("task(first)")];
            let tasks: Vec<_> = others.into_iter().chain(own_waits).collect();
            Some(ok(&json!({"size": tasks.len(), "tasks": tasks})))
        }
        (Quirk::LosesLine, "/internal/pending-tasks") => Some(ok(&json!({"size": 0, "tasks": []}))),
        (Quirk::LosesLine, "/sdapi/v1/progress") => {
            let works = count("/interrupt") == 0;
            let current = own.filter(|_| works);
            Some(ok(
                &json!({"progress": 0.5, "state": {"sampling_step": 3}, "current_task": current}),
            ))
        }
        (Quirk::Busy | Quirk::BusyAtFirst, "/sdapi/v1/progress") => Some(ok(&json!({
            "progress": 0.5, "state": {"sampling_step": 3},
            "current_task": if waits { json!("task(now)") } else { json!(own) },
        }))),
        _ => None,
    }
}

#[test]
fn a_job_that_waits_says_how_many_are_before_it_and_not_how_far_they_are() {
    let (scripted, log) = start(Quirk::BusyAtFirst);
    let mut watch = Watch::default();
    let input = asked_for("sd.safetensors");
    run(&scripted, ServerKind::Sdapi, &input, &mut watch).unwrap();
    watch.stages.dedup();
    let wanted = [
        Stage::Loading,
        Stage::Step { done: 0, of: 10 },
        Stage::Queued { ahead: 2 },
        Stage::Step { done: 3, of: 10 },
    ];
    assert_eq!(watch.stages, wanted);
    let log = log.lock().unwrap();
    let mut bodies = log.iter().filter(|it| it.path.ends_with("img2img"));
    let task = bodies.next().unwrap().json()["force_task_id"].to_string();
    assert!(task.contains("overpaint"), "{task}");
}

#[test]
fn a_cancelled_job_that_waits_stops_nobody_elses() {
    let (scripted, log) = start(Quirk::Busy);
    let mut watch = Watch {
        stops_queued: true,
        ..Watch::default()
    };
    let input = asked_for("sd.safetensors");
    let result = run(&scripted, ServerKind::Sdapi, &input, &mut watch);
    assert_eq!(result.map(|_| ()), Err(EngineError::Cancelled));
    // Long enough to be told.
    let asked = |part: &str| {
        let log = log.lock().unwrap();
        log.iter().filter(|it| it.path.contains(part)).count()
    };
    until(|| asked("skip_current_image=true") > 0);
    std::thread::sleep(PACE.look * 5);
    assert_eq!(asked("interrupt"), 0);
}

fn asked_for(model: &str) -> EngineInput {
    EngineInput {
        model: ModelRef::Served(ServedModel::guessed("there", model, None)),
        ..input()
    }
}

#[test]
fn a_run_there_is_a_run_with_and_without_progress() {
    for quirk in [Quirk::None, Quirk::Bare] {
        let (scripted, log) = start(quirk);
        let mut watch = Watch::default();
        let input = asked_for("sd.safetensors");
        let output = run(&scripted, ServerKind::Sdapi, &input, &mut watch).unwrap();
        let wanted = 1.0 - (0.5_f32 * 255.0).round() / 255.0;
        assert!((output.image.pixels[0][0] - wanted).abs() < 1e-3);
        assert_eq!(output.report.executed_steps, 10);
        let tells = quirk == Quirk::None;
        assert_eq!(
            watch.stages.contains(&Stage::Step { done: 4, of: 10 }),
            tells
        );
        assert_eq!(watch.previews > 0, tells);
        let log = log.lock().unwrap();
        let body = log
            .iter()
            .find(|asked| asked.path.ends_with("img2img"))
            .unwrap();
        assert_eq!(body.json().get("scheduler").is_some(), tells);
        // The script writes it too.
        drop(log);
        assert_eq!(
            kind_at(&scripted.address, &Access::default(), PACE),
            Ok(ServerKind::Sdapi)
        );
    }
}

#[test]
fn faults_have_names() {
    type Is = fn(&Fault) -> bool;
    let table: &[(Quirk, Is)] = &[
        (Quirk::OutOfMemory, |f| *f == Fault::OutOfMemory),
        (Quirk::Empty, |f| matches!(f, Fault::NotUnderstood { .. })),
        (
            Quirk::WrongSize,
            |f| matches!(f, Fault::WrongSize { got, .. } if got == "64×32"),
        ),
        (Quirk::Dies, |f| *f == Fault::Gone),
    ];
    for (quirk, is) in table {
        let (scripted, _log) = start(*quirk);
        let input = asked_for("sd.safetensors");
        let result = run(&scripted, ServerKind::Sdapi, &input, &mut Watch::default());
        let fault = fault_of(result);
        assert!(is(&fault), "{quirk:?}: {fault:?}");
    }
    let (scripted, _log) = start(Quirk::None);
    let result = run(
        &scripted,
        ServerKind::Sdapi,
        &asked_for("no"),
        &mut Watch::default(),
    );
    let fault = fault_of(result);
    assert!(matches!(fault, Fault::Missing { known, .. } if known.len() == 2));
}

#[test]
fn a_cancelled_run_is_interrupted() {
    let (scripted, log) = start(Quirk::Works);
    let mut watch = Watch {
        stops_at_step: true,
        ..Watch::default()
    };
    let input = asked_for("sd.safetensors");
    let result = run(&scripted, ServerKind::Sdapi, &input, &mut watch);
    assert_eq!(result.map(|_| ()), Err(EngineError::Cancelled));
    // It is told so even where the run has ended by then.
    until(|| {
        let log = log.lock().unwrap();
        log.iter().any(|asked| asked.path.ends_with("/interrupt"))
    });
}

#[test]
fn nothing_waits_for_the_answer_to_a_cancelled_run() {
    let (scripted, log) = start(Quirk::Deaf);
    let mut watch = Watch {
        stops_at_step: true,
        ..Watch::default()
    };
    let input = asked_for("sd.safetensors");
    let result = run(&scripted, ServerKind::Sdapi, &input, &mut watch);
    assert_eq!(result.map(|_| ()), Err(EngineError::Cancelled));
    // The thread that asked has ended by now, and the server works on for seconds.
    let log = log.lock().unwrap();
    assert!(!log.iter().any(|asked| asked.path == "it has answered"));
}

#[test]
fn a_server_that_is_gone_without_a_word_is_not_waited_for() {
    let (scripted, log) = start(Quirk::Deaf);
    let input = asked_for("sd.safetensors");
    let result = std::thread::scope(|scope| {
        let stop = || {
            let is_asked = || {
                let log = log.lock().unwrap();
                log.iter().any(|asked| asked.path.ends_with("img2img"))
            };
            while !is_asked() {
                std::thread::sleep(PACE.look);
            }
            // Its connection stays open.
            scripted.stop();
        };
        scope.spawn(stop);
        run(&scripted, ServerKind::Sdapi, &input, &mut Watch::default())
    });
    assert_eq!(fault_of(result), Fault::Gone);
    let log = log.lock().unwrap();
    assert!(!log.iter().any(|asked| asked.path == "it has answered"));
}
