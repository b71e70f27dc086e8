//! A scripted `ComfyUI`: uploads, a queue of one, a socket that tells, and every fault.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use tungstenite::Message;

use super::scripted::{Answer, Asked, Script, Scripted, Telling, negative, ok, tell};
use super::{PACE, Watch, fault_of, run, until};
use crate::catalog::{Access, ModelRef, ServedModel, ServerKind};
use crate::engine::remote::picture::png;
use crate::engine::remote::testing::input;
use crate::engine::remote::{RemoteEngine, kind_at};
use crate::engine::{Engine as _, EngineError, Fault, Stage};
use crate::geometry::Extent;
use crate::raster::RgbF32;

/// What the server does otherwise than a good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quirk {
    None,
    Html,
    WantsKey,
    Elsewhere,
    TooLarge,
    OutOfMemory,
    DiskFull,
    WrongSize,
    Garbage,
    Interrupted,
    /// Its socket ends at once, and the job is done a while after.
    SocketLost,
    /// It has no socket at all.
    NoSocket,
    /// It was started again: the first job is forgotten.
    Forgets,
    /// It forgets every job.
    ForgetsAll,
    /// It cuts connections for a while after the job was handed over.
    Stumbles,
    /// It goes away with the job.
    Dies,
    /// It works until it is stopped.
    Works,
    /// It answers late.
    Slow,
    /// Others are before us.
    Busy,
    /// It hangs once that is asked.
    HangsAt(&'static str),
}

#[derive(Default)]
struct Inside {
    asked: Vec<Asked>,
    files: BTreeMap<String, Vec<u8>>,
    graphs: Vec<Json>,
    ids: Vec<String>,
    questions: usize,
}

pub(super) struct Comfy {
    pub(super) scripted: Scripted,
    inside: Arc<Mutex<Inside>>,
}

impl Comfy {
    pub(super) fn start(quirk: Quirk) -> Self {
        let inside = Arc::new(Mutex::new(Inside::default()));
        let shared = Arc::clone(&inside);
        let script: Script = Arc::new(move |asked| match quirk {
            Quirk::HangsAt(at) if asked.path.starts_with(at) => Answer::Hang,
            _ => answer(quirk, &shared, asked),
        });
        let shared = Arc::clone(&inside);
        let telling: Telling = Arc::new(move |socket| {
            if quirk == Quirk::SocketLost {
                return;
            }
            let id = loop {
                std::thread::sleep(PACE.look / 2);
                if let Some(id) = shared.lock().unwrap().ids.last() {
                    break id.clone();
                }
            };
            let said = |kind: &str, mut data: Json| {
                data["prompt_id"] = json!(id);
                json!({"type": kind, "data": data})
            };
            let waiting = if quirk == Quirk::Busy { 4 } else { 1 };
            let status = json!({"status": {"exec_info": {"queue_remaining": waiting}}});
            tell(socket, &json!({"type": "status", "data": status}));
            tell(socket, &said("executing", json!({"node": "sampler"})));
            for done in 1..=10 {
                tell(socket, &said("progress", json!({"value": done, "max": 10})));
            }
            // Somebody else's.
            let other = json!({"prompt_id": "other", "exception_message": "not ours"});
            tell(socket, &json!({"type": "execution_error", "data": other}));
            let mut preview = vec![0, 0, 0, 1, 0, 0, 0, 2];
            preview.extend(png(&RgbF32::filled(Extent::new(8, 8), [0.5; 3])));
            socket.send(Message::binary(preview)).ok();
            match quirk {
                Quirk::Works => std::thread::sleep(PACE.absence),
                Quirk::OutOfMemory => {
                    let data = json!({
                        "exception_type": "torch.OutOfMemoryError",
                        "exception_message": "Allocation on device",
                    });
                    tell(socket, &said("execution_error", data));
                }
                _ => tell(socket, &said("executing", json!({"node": null}))),
            }
            std::thread::sleep(PACE.look * 4);
        });
        let has_socket = quirk != Quirk::NoSocket;
        Self {
            scripted: Scripted::start(script, has_socket.then_some(telling)),
            inside,
        }
    }

    /// The graph that came last.
    pub(super) fn graph(&self) -> Json {
        self.inside.lock().unwrap().graphs.last().unwrap().clone()
    }

    pub(super) fn paths(&self) -> Vec<String> {
        let inside = self.inside.lock().unwrap();
        inside
            .asked
            .iter()
            .map(|asked| asked.path.clone())
            .collect()
    }
}

fn node(name: &str) -> Answer {
    let inputs = match name {
        "CheckpointLoaderSimple" => json!({"ckpt_name": [["sd.safetensors", "sub/other.ckpt"]]}),
        // As newer ones say it.
        "LoraLoader" => {
            json!({"lora_name": ["COMBO", {"options": ["a.safetensors", "styles/ink.safetensors"]}]})
        }
        "KSampler" => json!({"sampler_name": [["euler", "dpmpp_2m"]]}),
        "DifferentialDiffusion" => json!({}),
        _ => return ok(&json!({})),
    };
    let mut info = serde_json::Map::new();
    info.insert(name.to_owned(), json!({"input": {"required": inputs}}));
    ok(&Json::Object(info))
}

fn answer(quirk: Quirk, inside: &Mutex<Inside>, asked: &Asked) -> Answer {
    if asked.path == "/ws" {
        return ok(&json!({}));
    }
    let mut inside = inside.lock().unwrap();
    inside.asked.push(asked.clone());
    let path = asked.path.split('?').next().unwrap_or_default().to_owned();
    let began = !inside.ids.is_empty();
    match quirk {
        Quirk::Html => return Answer::Say(200, b"<html>Welcome to nginx</html>".to_vec()),
        Quirk::WantsKey if !asked.head.contains("Bearer open") => {
            return Answer::Say(401, Vec::new());
        }
        Quirk::Elsewhere => return Answer::Go("http://127.0.0.1:1/".to_owned()),
        Quirk::TooLarge if path == "/upload/image" => return Answer::Say(413, Vec::new()),
        Quirk::DiskFull if path == "/upload/image" => {
            let said = "500: [Errno 28] No space left on device";
            return Answer::Say(500, said.as_bytes().to_vec());
        }
        Quirk::Dies if began => return Answer::Cut,
        Quirk::Stumbles if began && inside.questions < 4 => {
            inside.questions += 1;
            return Answer::Cut;
        }
        Quirk::Slow => std::thread::sleep(PACE.answer * 2),
        _ => {}
    }
    if let Some(name) = path.strip_prefix("/object_info/") {
        return node(name);
    }
    if let Some(id) = path.strip_prefix("/history/") {
        return history(quirk, &mut inside, id);
    }
    match path.as_str() {
        "/system_stats" => ok(&json!({
            "system": {"comfyui_version": "0.3"}, "devices": [{"name": "cpu"}],
        })),
        "/upload/image" => {
            let name = format!("file-{}.png", inside.files.len());
            inside.files.insert(name.clone(), asked.file().to_vec());
            ok(&json!({"name": name, "subfolder": "overpaint", "type": "temp"}))
        }
        "/prompt" => {
            let body = asked.json();
            let id = body["prompt_id"].as_str().unwrap().to_owned();
            inside.graphs.push(body["prompt"].clone());
            inside.ids.push(id.clone());
            ok(&json!({"prompt_id": id, "number": 1, "node_errors": {}}))
        }
        "/queue" if asked.head.starts_with("GET") => {
            let is_known = match quirk {
                Quirk::Forgets => inside.ids.len() > 1,
                Quirk::ForgetsAll => false,
                _ => true,
            };
            let jobs = inside.ids.iter().filter(|_| is_known);
            let jobs: Vec<Json> = jobs.map(|id| json!([0, id, {}, {}, []])).collect();
            if quirk == Quirk::Busy {
                let pending = json!([[9, "later"], [7, inside.ids.last()], [3, "before"]]);
                return ok(&json!({"queue_running": [[1, "now"]], "queue_pending": pending}));
            }
            ok(&json!({"queue_running": jobs, "queue_pending": []}))
        }
        "/view" => {
            let picture = inside.graphs.last().unwrap()["picture"]["inputs"]["image"].clone();
            let name = picture.as_str().unwrap();
            let name = name.trim_start_matches("overpaint/");
            let file = &inside.files[name.trim_end_matches(" [temp]")];
            match quirk {
                Quirk::WrongSize => {
                    let other = RgbF32::filled(Extent::new(32, 64), [0.5; 3]);
                    Answer::Say(200, png(&other))
                }
                Quirk::Garbage => Answer::Say(200, b"<html>oops</html>".to_vec()),
                _ => Answer::Say(200, negative(file)),
            }
        }
        _ => ok(&json!({})),
    }
}

fn history(quirk: Quirk, inside: &mut Inside, id: &str) -> Answer {
    inside.questions += 1;
    let is_first = inside.ids.first().is_some_and(|first| first == id);
    let is_done = match quirk {
        Quirk::SocketLost | Quirk::NoSocket => inside.questions > 3,
        Quirk::Forgets => !is_first,
        Quirk::ForgetsAll | Quirk::Works | Quirk::HangsAt("/queue") => false,
        _ => true,
    };
    if !is_done {
        return ok(&json!({}));
    }
    let image = json!([{"filename": "r.png", "subfolder": "", "type": "temp"}]);
    let entry = match quirk {
        Quirk::Interrupted => json!({"status": {
            "status_str": "error", "messages": [["execution_interrupted", {}]],
        }}),
        _ => json!({
            "status": {"status_str": "success"},
            "outputs": {"result": {"images": image}, "round-trip": {"images": image}},
        }),
    };
    ok(&json!({id: entry}))
}

#[test]
fn a_run_there_is_a_run() {
    let comfy = Comfy::start(Quirk::None);
    let mut input = input();
    input.wants_round_trip = true;
    let mut watch = Watch::default();
    let output = run(&comfy.scripted, ServerKind::Comfy, &input, &mut watch).unwrap();
    let wanted = 1.0 - (0.5_f32 * 255.0).round() / 255.0;
    assert!((output.image.pixels[0][0] - wanted).abs() < 1e-3);
    assert!(output.round_trip.is_some());
    assert_eq!(output.report.executed_steps, 10);
    assert!(watch.stages.contains(&Stage::Step { done: 10, of: 10 }));
    assert!(watch.previews > 0);
    let inside = comfy.inside.lock().unwrap();
    let sampler = &inside.graphs[0]["sampler"]["inputs"];
    // Half of twenty steps is the last ten.
    assert_eq!(
        (&sampler["steps"], &sampler["start_at_step"]),
        (&json!(20), &json!(10))
    );
    assert_eq!(sampler["scheduler"], "ddim_uniform");
    assert_eq!(
        inside.graphs[0]["prompt"]["inputs"]["text"],
        "a \\(red\\) house"
    );
    // Picture, and what may change: the left half, at the latent's size.
    assert_eq!(inside.files.len(), 2);
    let mask = crate::engine::remote::picture::decoded(&inside.files["file-1.png"]).unwrap();
    assert_eq!(mask.extent, Extent::new(8, 8));
    assert!((0..64).all(|i| (mask.pixels[i][0] > 0.5) == (i % 8 < 4)));
}

#[test]
fn a_job_that_waits_says_how_many_are_before_it() {
    let comfy = Comfy::start(Quirk::Busy);
    let mut watch = Watch::default();
    run(&comfy.scripted, ServerKind::Comfy, &input(), &mut watch).unwrap();
    let queued: Vec<&Stage> = watch
        .stages
        .iter()
        .filter(|stage| matches!(stage, Stage::Queued { .. }))
        .collect();
    assert_eq!(
        queued,
        [&Stage::Queued { ahead: 2 }],
        "once, and not the later one"
    );
}

#[test]
fn a_model_that_follows_instructions_is_refused_before_anything_is_sent() {
    let comfy = Comfy::start(Quirk::None);
    let engine = RemoteEngine::new(
        &comfy.scripted.server(ServerKind::Comfy),
        &Access::default(),
        PACE,
    );
    let name = "instruct-pix2pix-00-22000.safetensors";
    let refused = engine.model(name).unwrap_err();
    assert!(matches!(refused.fault, Fault::Cannot { .. }), "{refused:?}");
    let mut input = input();
    input.model = ModelRef::Served(ServedModel::guessed("there", name, None));
    let result = run(
        &comfy.scripted,
        ServerKind::Comfy,
        &input,
        &mut Watch::default(),
    );
    assert!(matches!(fault_of(result), Fault::Cannot { .. }));
    assert!(comfy.paths().is_empty());
}

#[test]
fn faults_have_names() {
    type Is = fn(&Fault) -> bool;
    let table: &[(Quirk, Is)] = &[
        (
            Quirk::Html,
            |f| matches!(f, Fault::NotUnderstood { said } if said.contains("nginx")),
        ),
        (Quirk::WantsKey, |f| *f == Fault::NotAllowed),
        (
            Quirk::Elsewhere,
            |f| matches!(f, Fault::Redirected { to } if to.contains("127.0.0.1:1")),
        ),
        (Quirk::TooLarge, |f| *f == Fault::TooLarge),
        (Quirk::DiskFull, |f| *f == Fault::DiskFull),
        (Quirk::OutOfMemory, |f| *f == Fault::OutOfMemory),
        (
            Quirk::WrongSize,
            |f| matches!(f, Fault::WrongSize { got, .. } if got == "32×64"),
        ),
        (
            Quirk::Garbage,
            |f| matches!(f, Fault::NotUnderstood { said } if said.contains("oops")),
        ),
        (Quirk::Interrupted, |f| *f == Fault::Interrupted),
        (Quirk::ForgetsAll, |f| *f == Fault::Gone),
        (Quirk::Dies, |f| *f == Fault::Gone),
        (Quirk::Slow, |f| *f == Fault::Slow),
    ];
    for (quirk, is) in table {
        let comfy = Comfy::start(*quirk);
        let result = run(
            &comfy.scripted,
            ServerKind::Comfy,
            &input(),
            &mut Watch::default(),
        );
        let fault = fault_of(result);
        assert!(is(&fault), "{quirk:?}: {fault:?}");
        if *quirk == Quirk::Elsewhere {
            assert_eq!(comfy.paths().len(), 1, "nothing is tried after a redirect");
        }
    }
}

#[test]
fn a_server_that_is_not_there_is_said_at_once() {
    let comfy = Comfy::start(Quirk::None);
    comfy.scripted.stop();
    std::thread::sleep(PACE.look * 2);
    let result = run(
        &comfy.scripted,
        ServerKind::Comfy,
        &input(),
        &mut Watch::default(),
    );
    assert!(matches!(fault_of(result), Fault::Refused { .. }));
}

#[test]
fn no_job_is_lost_with_a_connection() {
    for quirk in [
        Quirk::SocketLost,
        Quirk::NoSocket,
        Quirk::Stumbles,
        Quirk::Forgets,
    ] {
        let comfy = Comfy::start(quirk);
        let result = run(
            &comfy.scripted,
            ServerKind::Comfy,
            &input(),
            &mut Watch::default(),
        );
        assert!(result.is_ok(), "{quirk:?}: {:?}", result.err());
        let wanted = 1 + usize::from(quirk == Quirk::Forgets);
        let asked = |part: &str| comfy.paths().iter().filter(|path| **path == part).count();
        assert_eq!(
            (asked("/prompt"), asked("/upload/image")),
            (wanted, 2 * wanted),
            "{quirk:?}: it is sent again only where it was forgotten"
        );
    }
}

#[test]
fn a_cancelled_job_is_stopped_there_and_no_other() {
    let comfy = Comfy::start(Quirk::Works);
    let mut watch = Watch {
        stops_at_step: true,
        ..Watch::default()
    };
    let result = run(&comfy.scripted, ServerKind::Comfy, &input(), &mut watch);
    assert_eq!(result.map(|_| ()), Err(EngineError::Cancelled));
    // It is told so even where the run has ended by then.
    until(|| comfy.paths().iter().any(|path| path == "/interrupt"));
    let inside = comfy.inside.lock().unwrap();
    let body_of = |path: &str| {
        let asked = inside
            .asked
            .iter()
            .find(|asked| asked.path == path && asked.head.starts_with("POST"));
        asked.unwrap().json()
    };
    assert_eq!(body_of("/queue"), json!({"delete": [inside.ids[0]]}));
    assert_eq!(body_of("/interrupt"), json!({"prompt_id": inside.ids[0]}));
}

#[test]
fn a_key_opens_and_a_server_tells_what_it_has() {
    let comfy = Comfy::start(Quirk::WantsKey);
    let access = Access {
        key: Some("open".to_owned()),
        headers: BTreeMap::from([("X-Studio".to_owned(), "7".to_owned())]),
    };
    let server = comfy.scripted.server(ServerKind::Comfy);
    let mut engine = RemoteEngine::new(&server, &access, PACE);
    let report = engine.report().unwrap();
    assert_eq!(report.models, ["sd.safetensors", "sub/other.ckpt"]);
    assert_eq!(report.loras, ["a.safetensors", "styles/ink.safetensors"]);
    assert_eq!(report.device, "cpu");
    assert_eq!(engine.model("other").unwrap().name, "sub/other.ckpt");
    let missing = engine.model("nothing").unwrap_err();
    assert!(missing.to_string().contains("sub/other.ckpt"), "{missing}");
    assert!(engine.run(&input(), &mut Watch::default()).is_ok());
    let head = comfy.inside.lock().unwrap().asked[0].head.to_lowercase();
    assert!(head.contains("x-studio: 7"), "{head}");
    assert_eq!(
        kind_at(&comfy.scripted.address, &access, PACE),
        Ok(ServerKind::Comfy)
    );
}
