//! Servers that run models, in the editor and in the window. A scripted one says what ComfyUI says of itself; the
//! engine is scripted too, so that nothing is run there.

mod command_line;
mod editor;
mod window;

use std::path::Path;

use overpaint::catalog::{Access, Server as Named, ServerKind, ServerReport, Servers};
use serde_json::json;

use crate::support::hub::{Answer, Asked, Server};

/// What a ComfyUI with two models says of itself; the file of `paper` says what it is.
fn of_comfy(asked: &Asked) -> Answer {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let answer = match path {
        "/system_stats" => json!({
            "system": {"comfyui_version": "0.3.75"},
            "devices": [{"name": "cuda:0 Scripted", "type": "cuda"}],
        }),
        "/object_info/CheckpointLoaderSimple" => json!({"CheckpointLoaderSimple": {"input": {
            "required": {"ckpt_name": [["sub/house.safetensors", "paper.safetensors"], {}]}}}}),
        "/object_info/LoraLoader" => json!({"LoraLoader": {"input": {
            "required": {"lora_name": [["ink.safetensors"], {}]}}}}),
        "/object_info/KSampler" => json!({"KSampler": {"input": {
            "required": {"sampler_name": [["euler", "dpmpp_2m"], {}]}}}}),
        "/view_metadata/checkpoints" if query.contains("paper") => {
            json!({"modelspec.architecture": "stable-diffusion-xl-v1-base"})
        }
        _ => return Answer::status(404),
    };
    Answer::text(answer.to_string())
}

fn comfy() -> Server {
    Server::new(of_comfy)
}

/// A server on another machine, where nobody listens, as it was left by a session before: with one model, and
/// never sent a picture.
pub(crate) fn elsewhere(data_dir: &Path) {
    let mut servers = Servers::open(data_dir);
    let server = Named {
        name: "studio".to_owned(),
        address: "http://192.0.2.1:8188".to_owned(),
        kind: ServerKind::Comfy,
        is_confirmed: false,
    };
    servers.set(server, Access::default()).unwrap();
    let report = ServerReport {
        models: vec!["sd15-paint.safetensors".to_owned()],
        samplers: ["euler", "dpmpp_2m"].map(str::to_owned).to_vec(),
        loras: ["styles/ink.safetensors", "oil.safetensors"]
            .map(str::to_owned)
            .to_vec(),
        ..ServerReport::default()
    };
    servers.remember_report("studio", report).unwrap();
}

/// The same model at servers of those names too, whose pictures `elsewhere`’s would be shared with.
pub(crate) fn also_at(data_dir: &Path, names: &[&str]) {
    let mut known = Servers::open(data_dir);
    let (first, report) = (
        known.list()[0].clone(),
        known.report("studio").unwrap().clone(),
    );
    for (at, name) in names.iter().enumerate() {
        let server = Named {
            name: (*name).to_owned(),
            address: format!("http://192.0.2.{}:8188", at + 2),
            ..first.clone()
        };
        known.set(server, Access::default()).unwrap();
        known.remember_report(name, report.clone()).unwrap();
    }
}
