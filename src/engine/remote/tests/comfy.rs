//! A scripted `ComfyUI`: uploads, a queue of one, a socket that tells, and every fault.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use tungstenite::Message;

use super::PACE;
use super::scripted::{Answer, Asked, Life, Script, Scripted, Telling, negative, ok, tell};
use crate::engine::remote::picture::png;
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
    /// It is killed once that is asked (`step`: in the middle of the work), and comes back with nothing.
    DiesAt(&'static str),
    /// It does that, but its answer is lost.
    LosesAnswer(&'static str),
    /// It was started again, unnoticed, after the pictures were sent.
    LosesPictures,
    /// It keeps none.
    KeepsNoPictures,
    /// It was started again, unnoticed, without the model.
    LosesModel,
}

#[derive(Default)]
pub(super) struct Inside {
    pub(super) asked: Vec<Asked>,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) graphs: Vec<Json>,
    pub(super) ids: Vec<String>,
    questions: usize,
    /// Graphs that it did not take.
    refused: usize,
}

impl Inside {
    /// As after a new start.
    fn forget(&mut self) {
        self.files.clear();
        self.graphs.clear();
        self.ids.clear();
    }
}

pub(super) struct Comfy {
    pub(super) scripted: Scripted,
    pub(super) inside: Arc<Mutex<Inside>>,
}

impl Comfy {
    pub(super) fn start(quirk: Quirk) -> Self {
        let inside = Arc::new(Mutex::new(Inside::default()));
        let (life, loses) = match quirk {
            Quirk::DiesAt(at) => (Some(Life::until(at)), None),
            Quirk::LosesAnswer(at) => (None, Some(Life::until(at))),
            _ => (None, None),
        };
        let life = Arc::new(life);
        let (shared, mortal) = (Arc::clone(&inside), Arc::clone(&life));
        let script: Script = Arc::new(move |asked| match (quirk, &*mortal) {
            (Quirk::HangsAt(at), _) if asked.path.starts_with(at) => Answer::Hang,
            (_, Some(life)) if life.ends_with(&asked.path) => {
                shared.lock().unwrap().forget();
                Answer::Cut
            }
            (_, Some(life)) if life.is_over() => Answer::Cut,
            _ => {
                let answer = answer(quirk, &shared, asked);
                let is_lost = loses.as_ref().is_some_and(|it| it.ends_with(&asked.path));
                if is_lost { Answer::Cut } else { answer }
            }
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
                if let Some(life) = &*life
                    && life.ends_with("step")
                {
                    shared.lock().unwrap().forget();
                    return;
                }
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

    /// How often that was asked, where it could hear it.
    pub(super) fn asked(&self, path: &str) -> usize {
        self.paths().iter().filter(|asked| *asked == path).count()
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

fn node(name: &str, has_lost_model: bool) -> Answer {
    let inputs = match name {
        "CheckpointLoaderSimple" if has_lost_model => {
            json!({"ckpt_name": [["sub/other.ckpt"]]})
        }
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
        let has_lost_model = quirk == Quirk::LosesModel && inside.refused > 0;
        return node(name, has_lost_model);
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
        "/prompt" if refuses(quirk, &inside) => {
            inside.refused += 1;
            inside.files.clear();
            refusal(quirk)
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
        "/view" => view(quirk, &inside),
        _ => ok(&json!({})),
    }
}

fn view(quirk: Quirk, inside: &Inside) -> Answer {
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

fn refuses(quirk: Quirk, inside: &Inside) -> bool {
    match quirk {
        Quirk::LosesPictures | Quirk::LosesModel => inside.refused == 0,
        Quirk::KeepsNoPictures => true,
        _ => false,
    }
}

/// A graph that names what is not there, in `ComfyUI`'s words (`execution.py`).
fn refusal(quirk: Quirk) -> Answer {
    let (node, details) = match quirk {
        Quirk::LosesModel => (
            "checkpoint",
            "ckpt_name: 'sd.safetensors' not in ['sub/other.ckpt']",
        ),
        _ => (
            "picture",
            "image - Invalid image file: overpaint/file-0.png [temp]",
        ),
    };
    let said = json!({
        "error": {
            "type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation",
            "details": "", "extra_info": {},
        },
        "node_errors": {node: {
            "errors": [{"type": "value_not_in_list", "message": "Value not in list", "details": details}],
            "dependent_outputs": ["result"], "class_type": "a node",
        }},
    });
    Answer::Say(400, said.to_string().into_bytes())
}

fn history(quirk: Quirk, inside: &mut Inside, id: &str) -> Answer {
    inside.questions += 1;
    let is_first = inside.ids.first().is_some_and(|first| first == id);
    let is_done = match quirk {
        Quirk::SocketLost | Quirk::NoSocket => inside.questions > 3,
        Quirk::Forgets => !is_first,
        // It is asked whether it waits only where it is not done.
        Quirk::DiesAt("/queue") if inside.questions == 1 => false,
        Quirk::DiesAt(_) => inside.ids.iter().any(|known| known == id),
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
