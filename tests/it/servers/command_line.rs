//! Servers on the command line: the real binary and a scripted ComfyUI.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use overpaint::plan::{EditSettings, Restored};
use overpaint::raster::file;
use tempfile::TempDir;

use crate::support::comfy::Comfy;

fn overpaint(room: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_overpaint"))
        .current_dir(room)
        .env("LC_ALL", "C")
        .env("XDG_DATA_HOME", room)
        .args(args)
        .output()
        .unwrap()
}

#[track_caller]
fn done(room: &Path, args: &[&str]) -> String {
    let output = overpaint(room, args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// A folder with a small picture in it, and a server that was added as `studio`.
fn studio() -> (TempDir, Comfy) {
    let room = TempDir::new().unwrap();
    let picture = image::RgbImage::from_pixel(64, 64, image::Rgb([90, 120, 60]));
    picture.save(room.path().join("in.png")).unwrap();
    let comfy = Comfy::start(Duration::from_millis(2));
    let address = comfy.server("studio").address;
    let add = ["engines", "add", &address, "--name", "studio"];
    done(room.path(), &add);
    (room, comfy)
}

/// An edit there.
fn edit<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let there = [
        "edit",
        "in.png",
        "--prompt",
        "a house",
        "-o",
        "out.png",
        "--engine",
        "studio",
        "--model",
        "m",
        "--work-size",
        "64x64",
        "--steps",
        "8",
        "--strength",
        "1",
    ];
    there.iter().chain(more).copied().collect()
}

#[test]
fn a_family_that_was_said_is_remembered_until_it_is_taken_back() {
    let (room, _comfy) = studio();
    let listed = || done(room.path(), &["engines", "test", "studio"]);
    assert!(!listed().contains("chosen by you"));
    done(room.path(), &edit(&["--family", "sdxl"]));
    assert!(listed().contains("m  SDXL (chosen by you)"), "{}", listed());
    // What is not said again stays.
    done(room.path(), &edit(&[]));
    assert!(listed().contains("m  SDXL (chosen by you)"));
    done(room.path(), &edit(&["--family", "auto"]));
    assert!(!listed().contains("chosen by you"), "{}", listed());
}

#[test]
fn loras_there_are_taken_by_name_and_wrong_ones_refused_with_what_is_there() {
    let (room, comfy) = studio();
    let listed = done(room.path(), &["engines", "test", "studio"]);
    assert!(listed.contains("styles/ink.safetensors"), "{listed}");
    done(room.path(), &edit(&["--lora", "ink:0.7"]));
    let graph = comfy.graph();
    let inputs = &graph["lora-0"]["inputs"];
    assert_eq!(inputs["lora_name"], "styles/ink.safetensors");
    assert_eq!(inputs["strength_model"], 0.7);
    assert_eq!(graph["sampler"]["inputs"]["model"][0], "lora-0");
    // What the file says of it is read again.
    let recipe = file::load(&room.path().join("out.png")).unwrap();
    let restored = Restored::from_file(&recipe.origin, &EditSettings::default()).unwrap();
    let used = &restored.settings.loras[0];
    assert_eq!(used.lora.name_there(), Some("styles/ink.safetensors"));
    assert_eq!(used.weight.get(), 0.7);
    std::fs::remove_file(room.path().join("out.png")).unwrap();
    let (jobs, refused) = (
        comfy.done(),
        overpaint(room.path(), &edit(&["--lora", "chalk"])),
    );
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(5), "{said}");
    assert!(
        said.contains("“chalk”") && said.contains("styles/ink.safetensors"),
        "{said}"
    );
    assert!(!room.path().join("out.png").exists() && comfy.done() == jobs);
}

#[test]
fn a_batch_takes_loras_there_by_name_and_refuses_wrong_ones_before_it_begins() {
    let (room, comfy) = studio();
    std::fs::create_dir(room.path().join("in")).unwrap();
    for name in ["a.png", "b.png"] {
        std::fs::copy(
            room.path().join("in.png"),
            room.path().join("in").join(name),
        )
        .unwrap();
    }
    let recipe = |loras: &str| {
        let text = format!(
            "version = 1\n[edit]\nmodel = \"m\"\nlora = {loras}\nprompt = \"a house\"\n\
             work_size = \"64x64\"\nsteps = 8\nstrength = 1.0\n"
        );
        std::fs::write(room.path().join("r.overpaint-recipe.toml"), text).unwrap();
    };
    let batch = [
        "batch",
        "in",
        "-r",
        "r.overpaint-recipe.toml",
        "-o",
        "out",
        "--engine",
        "studio",
    ];
    recipe("[\"chalk\"]");
    let refused = overpaint(room.path(), &batch);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(5), "{said}");
    assert!(
        said.contains("“chalk”") && said.contains("styles/ink.safetensors"),
        "{said}"
    );
    assert!(!room.path().join("out").exists() && comfy.done() == 0);
    // With its folder and ending, and without.
    recipe("[\"styles/ink.safetensors:0.7\", \"oil\"]");
    done(room.path(), &batch);
    assert_eq!(comfy.done(), 2);
    let graph = comfy.graph();
    let used = |node: &str| {
        let inputs = &graph[node]["inputs"];
        (
            inputs["lora_name"].clone(),
            inputs["strength_model"].clone(),
        )
    };
    assert_eq!(
        used("lora-0"),
        ("styles/ink.safetensors".into(), 0.7.into())
    );
    assert_eq!(used("lora-1"), ("oil.safetensors".into(), 1.0.into()));
    assert_eq!(graph["sampler"]["inputs"]["model"][0], "lora-1");
    // It is the same work the next time: nothing is done again.
    let again = [&batch[..], &["--resume"]].concat();
    done(room.path(), &again);
    assert_eq!(comfy.done(), 2);
}
