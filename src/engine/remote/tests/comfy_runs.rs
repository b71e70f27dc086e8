//! Runs on a scripted `ComfyUI`.

use std::collections::BTreeMap;

use serde_json::json;

use super::comfy::{Comfy, Quirk};
use super::{PACE, Watch, fault_of, run, until};
use crate::catalog::{Access, ModelRef, ServedModel, ServerKind};
use crate::engine::remote::testing::input;
use crate::engine::remote::{RemoteEngine, kind_at};
use crate::engine::{Engine as _, EngineError, Fault, Stage};
use crate::geometry::Extent;

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
fn a_server_that_does_not_come_back_is_said() {
    let comfy = Comfy::start(Quirk::None);
    comfy.scripted.stop();
    std::thread::sleep(PACE.look * 2);
    let mut watch = Watch::default();
    let result = run(&comfy.scripted, ServerKind::Comfy, &input(), &mut watch);
    assert!(matches!(fault_of(result), Fault::Refused { .. }));
    assert_eq!(watch.stages, [Stage::Loading, Stage::Away]);
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
        assert_eq!(
            (comfy.asked("/prompt"), comfy.asked("/upload/image")),
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
