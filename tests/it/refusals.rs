//! What can be known before the model is loaded is said before it is loaded, in one sentence, with
//! its exit code, and also as JSON.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value as Json;
use tempfile::TempDir;

const SMALL: &[&str] = &["--prompt", "panda", "--steps", "2", "--strength", "0.6"];

fn overpaint(folder: &Path, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_overpaint"))
        .env("XDG_DATA_HOME", env!("CARGO_TARGET_TMPDIR"))
        .current_dir(folder)
        .env("LC_ALL", "C")
        .args(args)
        .output()
        .unwrap()
}

fn room() -> TempDir {
    let room = TempDir::new().unwrap();
    let picture = image::RgbImage::from_fn(48, 32, |x, y| image::Rgb([x as u8, y as u8, 90]));
    picture.save(room.path().join("in.png")).unwrap();
    room
}

fn edit(folder: &Path, more: &[&str]) -> Output {
    let fixed = ["edit", "in.png", "--json"];
    overpaint(folder, fixed.iter().chain(more))
}

/// The events of `--json`.
fn events(output: &Output) -> Vec<Json> {
    let said = std::str::from_utf8(&output.stdout).expect("JSON is UTF-8");
    let event = |line| serde_json::from_str(line).unwrap();
    said.lines().map(event).collect()
}

/// One event, an error of that code; a sentence on stderr; and so no model was loaded.
#[track_caller]
fn assert_refused_first(output: &Output, code: i32, said: &str, what: &str) {
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{what}: {err}");
    let events = events(output);
    let [event] = events.as_slice() else {
        panic!("{what}: {events:?}")
    };
    assert_eq!(
        (&event["event"], &event["exit_code"]),
        (&"error".into(), &code.into())
    );
    let message = event["message"].as_str().unwrap();
    assert!(message.contains(said), "{what}: {message}");
    assert!(
        err.contains(said) && !err.contains("panicked"),
        "{what}: {err}"
    );
}

#[test]
fn places_and_names_are_judged_before_the_work() {
    let room = room();
    fs::create_dir(room.path().join("folder.png")).unwrap();
    fs::create_dir(room.path().join("out-0.6.png")).unwrap();
    let long = format!("{}.png", "x".repeat(300));
    let one = |output| [&["-o", output], SMALL].concat();
    let list = |strengths, output| {
        let prompt = ["--prompt", "panda", "--steps", "5"];
        [&["-o", output, "--strengths", strengths], &prompt[..]].concat()
    };
    let with = |mut args: Vec<&'static str>, more: &[&'static str]| {
        args.extend(more);
        args
    };
    let cases: Vec<(Vec<&str>, i32, &str)> = vec![
        (one("no/out.png"), 5, "There is no folder no"),
        (one("in.png/out.png"), 5, "in.png is a file"),
        (one("folder.png"), 5, "This is a folder"),
        (one(&long), 5, "name is too long"),
        (one("/dev/full.png/x.png"), 5, "There is no folder"),
        (one("out.gif"), 2, "which kind of picture to write"),
        (one("out"), 2, "which kind of picture to write"),
        (
            with(list("0.3", "o.png"), &["--grid", "no/g.png"]),
            5,
            "no/g.png",
        ),
        (with(list("0.3", "o.png"), &["--grid", "g.txt"]), 2, "g.txt"),
        (
            with(list("0.3", "o.png"), &["--grid", "folder.png"]),
            5,
            "folder.png",
        ),
        (list("0.3,0.6", "out.png"), 5, "out-0.6.png"),
        (list("0.6,0.6,0.60", "o.png"), 2, "are one file"),
        (
            with(list("0.3", "o.png"), &["--grid", "o-0.3.png"]),
            2,
            "are one file",
        ),
        (
            with(list("0.3", "o.png"), &["--grid", "./o-0.3.PNG"]),
            2,
            "are one file",
        ),
        (list("0.9,0.1", "o.png"), 2, "leave no step to run"),
        (list("0,3", "o.png"), 2, "0.3"),
    ];
    for (args, code, said) in &cases {
        assert_refused_first(&edit(room.path(), args), *code, said, &format!("{args:?}"));
    }
    let left = fs::read_dir(room.path()).unwrap().count();
    assert_eq!(left, 3, "nothing was written, nothing left behind");
}

#[test]
fn a_picture_no_file_of_its_kind_can_hold_is_refused_before_the_work() {
    let room = room();
    let long = image::GrayImage::new(16_384, 2);
    long.save(room.path().join("in.png")).unwrap();
    let args = [&["-o", "out.webp"], SMALL].concat();
    let refused = edit(room.path(), &args);
    assert_refused_first(&refused, 5, "16383", "a long WebP");
}

#[cfg(unix)]
#[test]
fn links_and_permissions_are_judged_before_the_work() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let room = room();
    let at = |name: &str| room.path().join(name);
    let set = |name: &str, mode| {
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    fs::write(at("kept.png"), b"kept").unwrap();
    set("kept.png", 0o444);
    fs::create_dir(at("closed")).unwrap();
    set("closed", 0o555);
    symlink("o-0.3.png", at("grid.png")).unwrap();
    symlink("no/x.png", at("lost.png")).unwrap();
    symlink("/dev/null", at("null.png")).unwrap();
    for (output, said) in [
        ("kept.png", "read-only"),
        ("closed/out.png", "read-only"),
        ("lost.png", "There is no folder"),
        ("null.png", "a device or a pipe"),
    ] {
        let args = [&["-o", output], SMALL].concat();
        assert_refused_first(&edit(room.path(), &args), 5, said, output);
    }
    let args = [
        "-o",
        "o.png",
        "--strengths",
        "0.3",
        "--grid",
        "grid.png",
        "--prompt",
        "panda",
    ];
    let refused = edit(room.path(), &args);
    assert_refused_first(&refused, 2, "are one file", "a link to a result");
    assert_eq!(fs::read(at("kept.png")).unwrap(), b"kept");
    set("closed", 0o755);
}

#[cfg(unix)]
#[test]
fn links_are_written_through_and_other_names_keep_the_old_file() {
    use std::os::unix::fs::symlink;
    let room = room();
    let at = |name: &str| room.path().join(name);
    fs::create_dir(at("there")).unwrap();
    symlink("there/new.png", at("dangling.png")).unwrap();
    fs::write(at("old.png"), b"old").unwrap();
    fs::hard_link(at("old.png"), at("other-name.png")).unwrap();
    for output in ["dangling.png", "old.png"] {
        let done = edit(room.path(), &[&["-o", output], SMALL].concat());
        assert!(done.status.success(), "{output}");
    }
    assert!(at("dangling.png").is_symlink());
    assert!(image::open(at("there/new.png")).is_ok());
    assert!(image::open(at("old.png")).is_ok());
    assert_eq!(fs::read(at("other-name.png")).unwrap(), b"old");
}

/// Linux takes any bytes for a name; other systems do not.
#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_text_is_written_and_said() {
    use std::os::unix::ffi::OsStringExt as _;
    let room = room();
    let strange = |name: &[u8]| OsString::from_vec(name.to_vec());
    let folder = room.path().join(strange(b"f\xfe"));
    fs::create_dir(&folder).unwrap();
    fs::copy(
        room.path().join("in.png"),
        folder.join(strange(b"in\xff.png")),
    )
    .unwrap();
    let words = |words: &[&str]| -> Vec<OsString> { words.iter().map(OsString::from).collect() };
    let mut args = words(&["edit"]);
    args.push(strange(b"in\xff.png"));
    args.push("-o".into());
    args.push(strange(b"out\xff.png"));
    args.push("--grid".into());
    args.push(strange(b"grid\xff.png"));
    args.extend(words(&["--prompt", "panda", "--steps", "2", "--json"]));
    args.extend(words(&["--strengths", "0.6"]));
    let done = overpaint(&folder, &args);
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    let written = events(&done).into_iter().find(|e| e["event"] == "result");
    assert_eq!(written.unwrap()["path"], "out\u{fffd}-0.6.png");
    assert!(image::open(folder.join(strange(b"out\xff-0.6.png"))).is_ok());
    assert!(image::open(folder.join(strange(b"grid\xff.png"))).is_ok());

    // In every sentence, too.
    args.truncate(1);
    args.push(strange(b"no\xff.png"));
    args.push("-o".into());
    args.push(strange(b"out\xff.png"));
    args.extend(words(&["--prompt", "panda", "--json"]));
    assert_refused_first(&overpaint(&folder, &args), 3, "no\u{fffd}.png", "missing");
    if let Some(output) = args.get_mut(3) {
        *output = strange(b"no\xfe/out.png");
    }
    assert_refused_first(&overpaint(&folder, &args), 5, "no\u{fffd}", "no folder");
    args.push("--model".into());
    args.push(strange(b"model\xff"));
    assert_refused_first(&overpaint(&folder, &args), 2, "UTF-8", "no text");
    let mut picture = words(&["--data-dir", "d"]);
    picture.push(strange(b"no\xff"));
    let refused = overpaint(&folder, &picture);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn bad_arguments_are_said_as_json_too() {
    let room = room();
    let cases: [(&[&str], &str); 8] = [
        (&["edit", "in.png", "--json"], "--output"),
        (
            &["edit", "in.png", "--json", "--no-such-thing"],
            "--no-such-thing",
        ),
        (
            &[
                "edit", "in.png", "-o", "o.png", "--json", "--prompt", "p", "--steps", "x",
            ],
            "'x'",
        ),
        (
            &[
                "edit",
                "in.png",
                "-o",
                "o.png",
                "--json",
                "--prompt",
                "p",
                "--threads",
                "0",
            ],
            "0",
        ),
        (
            &[
                "edit", "in.png", "-o", "o.png", "--json", "--prompt", "p", "--seed", "-2",
            ],
            "-2",
        ),
        (
            &[
                "edit", "in.png", "-o", "o.png", "--prompt", "--json", "--json",
            ],
            "--json",
        ),
        (&["bench", "--json", "--size", "9"], "9"),
        (&["bench", "--json", "--stage", "knee"], "knee"),
    ];
    for (args, said) in cases {
        assert_refused_first(&overpaint(room.path(), args), 2, said, &format!("{args:?}"));
    }
    let help = overpaint(room.path(), ["edit", "--help", "--json"]);
    assert!(help.status.success());
    assert!(!String::from_utf8_lossy(&help.stdout).contains("\"event\""));
    let mistyped = overpaint(room.path(), ["edti", "in.png", "--json"]);
    assert_refused_first(&mistyped, 2, "“edti”", "a command that is none");
    let bench = overpaint(room.path(), ["bench", "--json", "--model", "nobody"]);
    assert_refused_first(&bench, 4, "nobody", "a model to measure");
}

#[test]
fn a_window_does_not_open_on_nothing() {
    let room = room();
    for (args, code, said) in [
        (&["bacth"][..], 2, "edit, select, erase, batch"),
        (&["Edit"], 2, "no command"),
        (
            &["edti", "in.png", "-o", "out.png", "--prompt", "x"],
            2,
            "“edti”",
        ),
        (&["missing.png"], 3, "missing.png"),
        (&["no/such/picture"], 3, "no/such/picture"),
    ] {
        let refused = overpaint(room.path(), args);
        let err = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(code), "{args:?}: {err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
}

#[test]
fn a_hyphen_and_a_random_seed_go_through_to_the_picture() {
    let room = room();
    let args = [
        "-o",
        "out.png",
        "--prompt",
        "-panda",
        "--negative",
        "-blurry",
        "--seed",
        "-1",
    ];
    let done = edit(room.path(), &[&args[..], &["--steps", "2"]].concat());
    let events = events(&done);
    let last = events.last().unwrap();
    assert_eq!(last["event"], "done", "{events:?}");
    assert!(last["seed"].as_u64().is_some());
    let more_threads = ["-o", "out.png", "--threads", "4000000000"];
    let done = edit(room.path(), &[&more_threads[..], SMALL].concat());
    assert!(done.status.success());
}

#[test]
fn where_measurements_are_written_is_judged_before_the_work() {
    let room = room();
    fs::write(room.path().join("file"), b"").unwrap();
    fs::create_dir_all(room.path().join("numbers/vae.safetensors")).unwrap();
    fs::create_dir_all(room.path().join("numbers/unet.safetensors")).unwrap();
    let part = [
        "bench",
        "--json",
        "--model",
        "random:tiny",
        "--stage",
        "unet",
        "--repeats",
        "1",
    ];
    for (more, code, said) in [
        (["--dump", "file/numbers"], 5, "file/numbers"),
        (["--dump", "numbers"], 5, "This is a folder"),
        (["--export", "file"], 5, "file"),
        (["--export", "numbers"], 2, "numbers"),
        (["--size", "20x21"], 2, "multiples of"),
    ] {
        let refused = overpaint(room.path(), part.iter().chain(&more));
        assert_refused_first(&refused, code, said, &format!("{more:?}"));
    }
}

#[test]
fn what_is_given_for_a_model_is_named_for_what_it_is() {
    let room = room();
    let at = |name: &str| room.path().join(name);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    let starter = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/starter");
    for folder in ["", "vae", "unet", "text_encoder", "tokenizer", "scheduler"] {
        fs::create_dir_all(at("pulled").join(folder)).unwrap();
        for entry in fs::read_dir(starter.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap();
                fs::copy(&path, at("pulled").join(folder).join(name)).unwrap();
            }
        }
    }
    let unet = "pulled/unet/diffusion_pytorch_model.safetensors";
    fs::write(at(unet), pointer).unwrap();
    fs::write(at("sd.ckpt"), b"PK\x03\x04").unwrap();
    fs::write(at("page.safetensors"), "<!doctype html>").unwrap();
    fs::create_dir_all(at("hub/models--a--b/snapshots/1")).unwrap();
    fs::write(at("hub/models--a--b/snapshots/1/model_index.json"), "{}").unwrap();
    for (model, said) in [
        ("pulled", "git lfs pull"),
        ("sd.ckpt", "pickle does not end in weights"),
        ("page.safetensors", "web page"),
        ("hub", "hub/models--a--b/snapshots/1"),
        ("in.png", "This file is no model"),
        (
            "runwayml/stable-diffusion-v1-5",
            "overpaint models get hf:runwayml/",
        ),
    ] {
        let args = [&["-o", "out.png", "--model", model], SMALL].concat();
        assert_refused_first(&edit(room.path(), &args), 4, said, model);
    }
    // A part is measured without the rest of its model, and says the same.
    let bench = ["bench", "--json", "--stage", "unet", "--model", "pulled"];
    assert_refused_first(&overpaint(room.path(), bench), 4, "git lfs pull", "bench");
}

/// Reading one would never end.
#[cfg(target_os = "linux")]
#[test]
fn a_device_is_no_picture() {
    let room = room();
    let args = [
        "edit",
        "/dev/zero",
        "-o",
        "out.png",
        "--json",
        "--prompt",
        "panda",
    ];
    assert_refused_first(&overpaint(room.path(), args), 3, "a device", "/dev/zero");
    let mask = [&["-o", "out.png", "--mask", "/dev/zero"], SMALL].concat();
    assert_refused_first(&edit(room.path(), &mask), 3, "a device", "a mask");
}

#[test]
fn what_an_edit_reads_is_not_written_over_by_mistake() {
    let room = room();
    fs::copy(room.path().join("in.png"), room.path().join("mask-0.6.png")).unwrap();
    let before = fs::read(room.path().join("mask-0.6.png")).unwrap();
    let list = ["--prompt", "panda", "--steps", "2", "--strengths", "0.6"];
    for more in [
        &["-o", "o.png", "--grid", "in.png"][..],
        &[
            "-o",
            "o.png",
            "--grid",
            "./mask-0.6.png",
            "--mask",
            "mask-0.6.png",
        ],
        &["-o", "mask.png", "--mask", "mask-0.6.png"],
    ] {
        let args = [more, &list[..]].concat();
        assert_refused_first(
            &edit(room.path(), &args),
            2,
            "which this edit reads",
            "twice",
        );
    }
    assert_eq!(fs::read(room.path().join("mask-0.6.png")).unwrap(), before);
    let in_place = edit(room.path(), &[&["-o", "in.png"], SMALL].concat());
    assert!(
        in_place.status.success(),
        "a picture may be edited in place"
    );
}
