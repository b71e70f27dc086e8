//! Servers that take connections and say nothing: who cancels does not wait for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::comfy::{self, Comfy};
use super::scripted::Scripted;
use super::{Watch, sdapi, until};
use crate::catalog::{Access, ServerKind};
use crate::engine::remote::testing::input;
use crate::engine::remote::{Pace, RemoteEngine};
use crate::engine::{Engine as _, EngineError};

/// Patient, so that a cancel that waits for the server is seen.
const PATIENT: Pace = Pace {
    connect: Duration::from_secs(3),
    answer: Duration::from_mins(1),
    absence: Duration::from_mins(1),
    returns: Duration::ZERO,
    look: Duration::from_millis(20),
};

/// Names of threads of runs.
#[cfg(target_os = "linux")]
fn threads() -> Vec<String> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(entry.ok()?.path().join("comm")).ok()
    };
    let names = threads.filter_map(name).map(|name| name.trim().to_owned());
    names
        .filter(|name| name == "remote run" || name == "sdapi")
        .collect()
}

/// Runs there until it hangs, and cancels then.
fn leaves(scripted: &Scripted, kind: ServerKind, at: &str) {
    let mut engine = RemoteEngine::new(&scripted.server(kind), &Access::default(), PATIENT);
    let mut watch = Watch {
        stops_when: Some(Arc::clone(&scripted.hangs)),
        ..Watch::default()
    };
    let began = Instant::now();
    let result = engine.run(&input(), &mut watch);
    assert_eq!(result.map(|_| ()), Err(EngineError::Cancelled), "{at}");
    // Nothing that was waited for ends as soon as that.
    assert!(began.elapsed() < PATIENT.connect, "{at}");
}

#[test]
fn a_cancelled_run_does_not_wait_for_a_comfy_that_hangs() {
    for at in [
        "/object_info",
        "/upload",
        "/ws",
        "/prompt",
        "/queue",
        "/history",
        "/view",
    ] {
        let comfy = Comfy::start(comfy::Quirk::HangsAt(at));
        leaves(&comfy.scripted, ServerKind::Comfy, at);
    }
    #[cfg(target_os = "linux")]
    until(|| threads().is_empty());
}

#[test]
fn a_cancelled_run_does_not_wait_for_a_webui_that_hangs() {
    for at in ["sd-models", "progress", "schedulers", "img2img"] {
        let (scripted, _log) = sdapi::start(sdapi::Quirk::HangsAt(at));
        leaves(&scripted, ServerKind::Sdapi, at);
    }
    #[cfg(target_os = "linux")]
    until(|| threads().is_empty());
}
