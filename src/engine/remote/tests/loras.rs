//! LoRAs that lie on servers: taken by name, refused where they are not there, before anything is sent.

use serde_json::json;

use super::comfy::{self, Comfy};
use super::{Watch, fault_of, run, sdapi};
use crate::catalog::{Access, LoraRef, ServerKind};
use crate::engine::Fault;
use crate::engine::remote::RemoteEngine;
use crate::engine::remote::testing::input;
use crate::plan::{EngineInput, LoraUse, LoraWeight};

fn with_loras(loras: &[(LoraRef, f64)]) -> EngineInput {
    let used = |(lora, weight): &(LoraRef, f64)| LoraUse {
        lora: lora.clone(),
        weight: LoraWeight::new(*weight).unwrap(),
    };
    EngineInput {
        loras: loras.iter().map(used).collect(),
        ..input()
    }
}

fn missing(fault: Fault) -> (String, Vec<String>) {
    match fault {
        Fault::Missing { name, known } => (name, known),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_comfy_puts_them_between_checkpoint_and_sampler() {
    let comfy = Comfy::start(comfy::Quirk::None);
    let input = with_loras(&[
        (LoraRef::served("styles/ink.safetensors"), 0.8),
        (LoraRef::served("a"), -0.5),
    ]);
    run(
        &comfy.scripted,
        ServerKind::Comfy,
        &input,
        &mut Watch::default(),
    )
    .unwrap();
    let graph = comfy.graph();
    let loader = |at: &str| {
        let node = &graph[at];
        assert_eq!(node["class_type"], "LoraLoader");
        let inputs = &node["inputs"];
        assert_eq!(inputs["strength_model"], inputs["strength_clip"]);
        (
            inputs["lora_name"].clone(),
            inputs["strength_model"].clone(),
            inputs["model"].clone(),
            inputs["clip"].clone(),
        )
    };
    let first = (
        json!("styles/ink.safetensors"),
        json!(0.8),
        json!(["checkpoint", 0]),
        json!(["checkpoint", 1]),
    );
    assert_eq!(loader("lora-0"), first);
    let second = (
        json!("a.safetensors"),
        json!(-0.5),
        json!(["lora-0", 0]),
        json!(["lora-0", 1]),
    );
    assert_eq!(loader("lora-1"), second);
    assert_eq!(graph["sampler"]["inputs"]["model"], json!(["lora-1", 0]));
    assert_eq!(graph["prompt"]["inputs"]["clip"], json!(["lora-1", 1]));
}

#[test]
fn what_is_not_there_is_refused_before_anything_is_sent() {
    let comfy = Comfy::start(comfy::Quirk::None);
    let input = with_loras(&[(LoraRef::served("oil.safetensors"), 1.0)]);
    let mut watch = Watch::default();
    let result = run(&comfy.scripted, ServerKind::Comfy, &input, &mut watch);
    let there = ["a.safetensors", "styles/ink.safetensors"].map(str::to_owned);
    let wanted = ("oil".to_owned(), there.to_vec());
    assert_eq!(missing(fault_of(result)), wanted);
    let paths = comfy.paths();
    assert!(
        !paths.iter().any(|path| path == "/upload/image"),
        "{paths:?}"
    );
    let (scripted, log) = sdapi::start(sdapi::Quirk::None);
    let result = run(&scripted, ServerKind::Sdapi, &input, &mut watch);
    let wanted = ("oil".to_owned(), vec!["ink".to_owned()]);
    assert_eq!(missing(fault_of(result)), wanted);
    let log = log.lock().unwrap();
    assert!(!log.iter().any(|asked| asked.path.ends_with("img2img")));
    drop(log);
    // So it is when it is typed.
    let server = comfy.scripted.server(ServerKind::Comfy);
    let engine = RemoteEngine::new(&server, &Access::default(), super::PACE);
    let ink = engine.lora("ink").unwrap();
    assert_eq!(ink.name_there(), Some("styles/ink.safetensors"));
    assert_eq!(missing(engine.lora("oil").unwrap_err().fault).0, "oil");
}

#[test]
fn a_webui_reads_tags_and_stable_diffusion_cpp_paths() {
    let input = with_loras(&[(LoraRef::served("ink"), 0.75)]);
    for (quirk, tag, beside) in [
        (sdapi::Quirk::None, " <lora:ink:0.75>", None),
        (
            sdapi::Quirk::Bare,
            "",
            Some(json!([{"path": "styles/ink.safetensors", "multiplier": 0.75}])),
        ),
    ] {
        let (scripted, log) = sdapi::start(quirk);
        run(&scripted, ServerKind::Sdapi, &input, &mut Watch::default()).unwrap();
        let log = log.lock().unwrap();
        let mut asked = log.iter();
        let asked = asked.find(|asked| asked.path.ends_with("img2img"));
        let body = asked.unwrap().json();
        let prompt = format!("a \\(red\\) house{tag}");
        assert_eq!(body["prompt"], prompt, "{quirk:?}");
        assert_eq!(body.get("lora"), beside.as_ref(), "{quirk:?}");
    }
}

#[test]
fn a_graph_of_ones_own_takes_none() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("own.json");
    std::fs::write(&path, "{}").unwrap();
    let mut input = with_loras(&[(LoraRef::served("ink"), 1.0)]);
    let own = crate::catalog::ServedModel::guessed("there", &path.to_string_lossy(), None);
    input.model = crate::catalog::ModelRef::Served(own);
    let comfy = Comfy::start(comfy::Quirk::None);
    let mut watch = Watch::default();
    let result = run(&comfy.scripted, ServerKind::Comfy, &input, &mut watch);
    let fault = fault_of(result);
    assert!(
        matches!(&fault, Fault::Cannot { what } if what.key == "server-what-graph-lora"),
        "{fault:?}"
    );
}
