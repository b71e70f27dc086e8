//! The command line as people and scripts meet it: the real binary, real files, the built-in model.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value as Json;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_overpaint");

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// An empty folder with a small portrait and the mask of its person in it.
fn room() -> TempDir {
    let room = TempDir::new().unwrap();
    for name in ["portrait-city.png", "portrait-city-subject.png"] {
        let picture = image::open(repository("assets/samples").join(name)).unwrap();
        picture
            .thumbnail(128, 128)
            .save(room.path().join(name))
            .unwrap();
    }
    room
}

fn overpaint(folder: &Path, args: &[&str]) -> Output {
    Command::new(BINARY)
        .current_dir(folder)
        .env("LC_ALL", "C")
        // What is measured is kept, but not in the home of whoever runs the tests.
        .env("XDG_DATA_HOME", env!("CARGO_TARGET_TMPDIR"))
        .args(args)
        .output()
        .unwrap()
}

/// Few steps: these tests are about files and exit codes, not about beauty.
const QUICK: [&str; 8] = [
    "--prompt",
    "woman, on the beach",
    "--steps",
    "4",
    "--strength",
    "0.5",
    "--seed",
    "7",
];

fn edit(folder: &Path, more: &[&str]) -> Output {
    let args: Vec<&str> = ["edit", "portrait-city.png"]
        .iter()
        .chain(&QUICK)
        .chain(more)
        .copied()
        .collect();
    overpaint(folder, &args)
}

#[track_caller]
fn assert_done(output: &Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_binary_alone_equals_the_model_folder_and_itself() {
    let room = room();
    let alone = room.path().join("overpaint");
    fs::copy(BINARY, &alone).unwrap();
    let args = [
        "edit",
        "portrait-city.png",
        "-o",
        "alone.png",
        "--no-metadata",
    ];
    let done = Command::new(&alone)
        .current_dir(room.path())
        .env_clear()
        .env("XDG_DATA_HOME", env!("CARGO_TARGET_TMPDIR"))
        .args(args)
        .args(QUICK)
        .output()
        .unwrap();
    assert_done(&done);
    let folder = repository("models/starter").display().to_string();
    assert_done(&edit(
        room.path(),
        &["-o", "folder.png", "--no-metadata", "--model", &folder],
    ));
    assert_done(&edit(room.path(), &["-o", "again.png", "--no-metadata"]));
    let bytes = |name: &str| fs::read(room.path().join(name)).unwrap();
    assert!(
        bytes("alone.png") == bytes("folder.png"),
        "built in and folder differ"
    );
    assert!(
        bytes("alone.png") == bytes("again.png"),
        "the same seed gave two pictures"
    );
}

#[test]
fn a_masked_edit_changes_the_inside_and_reports_itself() {
    let room = room();
    let mask = [
        "--mask",
        "portrait-city-subject.png",
        "--mask-mode",
        "not-masked",
        "--feather",
        "0",
    ];
    let args: Vec<&str> = ["-o", "out.png", "--json"]
        .iter()
        .chain(&mask)
        .copied()
        .collect();
    let done = edit(room.path(), &args);
    assert_done(&done);
    let lines: Vec<Json> = String::from_utf8(done.stdout)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["event"], &last["executed_steps"], &last["steps"]),
        (&"done".into(), &2.into(), &4.into())
    );
    for stage in ["load", "text", "encode", "steps", "decode", "total"] {
        assert!(last["seconds"][stage].as_f64().unwrap() >= 0.0, "{stage}");
    }
    assert_eq!(
        (
            &last["seed"],
            &last["text_encodes"],
            &last["picture_encodes"]
        ),
        (&7.into(), &1.into(), &1.into())
    );
    assert!(
        last["peak_rss_bytes"]
            .as_u64()
            .is_none_or(|bytes| bytes > 10_000_000)
    );
    let open = |name: &str| image::open(room.path().join(name)).unwrap().to_rgba8();
    let (before, after, mask) = (
        open("portrait-city.png"),
        open("out.png"),
        open("portrait-city-subject.png"),
    );
    let mut changed = 0;
    for ((b, a), m) in before.pixels().zip(after.pixels()).zip(mask.pixels()) {
        if m.0[0] == 255 {
            assert_eq!(b, a, "the painted person stays");
        } else {
            changed += usize::from(b != a);
        }
    }
    assert!(changed > 2000, "the background changed: {changed}");
}

#[test]
fn several_strengths_share_their_encodings_and_make_a_sheet() {
    let room = room();
    let args = [
        "edit",
        "portrait-city.png",
        "-o",
        "out.png",
        "--prompt",
        "man",
        "--seed",
        "3",
        "--steps",
        "5",
        "--json",
        "--strengths",
        "0.3,0.45,0.6,0.75,0.9",
        "--grid",
        "grid.png",
    ];
    let done = overpaint(room.path(), &args);
    assert_done(&done);
    let last: Json = serde_json::from_str(
        String::from_utf8(done.stdout)
            .unwrap()
            .lines()
            .last()
            .unwrap(),
    )
    .unwrap();
    assert_eq!(
        (&last["text_encodes"], &last["picture_encodes"]),
        (&1.into(), &1.into())
    );
    assert_eq!(last["executed_steps"], 1 + 2 + 3 + 3 + 4);
    let single = [
        "edit",
        "portrait-city.png",
        "-o",
        "single.png",
        "--prompt",
        "man",
        "--seed",
        "3",
        "--steps",
        "5",
        "--strength",
        "0.6",
    ];
    assert_done(&overpaint(room.path(), &single));
    let bytes = |name: &str| fs::read(room.path().join(name)).unwrap();
    assert!(
        bytes("out-0.6.png") == bytes("single.png"),
        "a tile differs from its single run"
    );
    let grid = image::open(room.path().join("grid.png")).unwrap();
    assert!(grid.width() > 3 * 128 && grid.height() > 2 * 128);
}

#[test]
fn what_a_run_takes_is_said_before_it_begins() {
    let room = room();
    let planned = |more: &[&str]| -> Json {
        let output = edit(room.path(), &[&["-o", "out.png", "--json"], more].concat());
        assert_done(&output);
        let said = String::from_utf8(output.stdout).unwrap();
        let events: Vec<Json> = said
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let is = |name: &str| events.iter().position(|event| event["event"] == name);
        assert!(is("planned") < is("loading"), "{said}");
        events[is("planned").unwrap()].clone()
    };
    let quick = planned(&["--work-size", "64x64"]);
    assert_eq!(quick["layout"]["work"]["width"], 64);
    assert_eq!(quick["forecast"]["passes"], 1);
    let fine = planned(&["--work-size", "64x96", "--second-pass", "own"]);
    assert_eq!(fine["forecast"]["passes"], 2);
    assert_eq!(fine["forecast"]["tiles"], 0);
    let number = |name: &str| fine["forecast"][name].as_f64().unwrap();
    assert!(number("seconds") > 0.0 && number("bytes") > 50e6, "{fine}");

    let sizes = ["--work-size", "64x96", "--second-pass", "own"];
    let said = edit(room.path(), &[&["-o", "out.png"][..], &sizes].concat());
    assert_done(&said);
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("2 passes, about "), "{said}");
    assert!(said.contains("works at 64×64"), "{said}");
    for bad in ["0x0", "9000x64", "0.1", "big"] {
        let refused = edit(room.path(), &["-o", "no.png", "--work-size", bad]);
        assert_eq!(refused.status.code(), Some(2), "{bad}");
        assert!(!room.path().join("no.png").exists(), "{bad}");
    }
}

#[test]
fn bad_arguments_end_with_2() {
    let room = room();
    let cases: [&[&str]; 14] = [
        &["--strength", "0"],
        &["--strength", "1.5"],
        &["--strength", "NaN"],
        &["--strength", "half"],
        &["--strength", "0.01"],
        &["--steps", "0"],
        &["--guidance", "0"],
        &["--sampler", "heun"],
        &["--schedule", "karas"],
        &["--feather", "wide"],
        &["--area", "left"],
        &["--mask-mode", "inverted"],
        &["--seed", "-2"],
        &["--no-such-thing"],
    ];
    for case in cases {
        let args: Vec<&str> = [
            "edit",
            "portrait-city.png",
            "-o",
            "out.png",
            "--prompt",
            "man",
            "--steps",
            "5",
        ]
        .iter()
        .filter(|a| !(case[0] == "--steps" && matches!(**a, "--steps" | "5")))
        .chain(case)
        .copied()
        .collect();
        assert_refused(
            &overpaint(room.path(), &args),
            2,
            room.path(),
            &format!("{case:?}"),
        );
    }
    assert_refused(
        &edit(room.path(), &["-o", "out.gif"]),
        2,
        room.path(),
        "an unwritable format",
    );
}

#[test]
fn bad_pictures_end_with_3() {
    let room = room();
    let good = fs::read(room.path().join("portrait-city.png")).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(room.path().join(name), bytes).unwrap();
    write("truncated.png", &good[..good.len() / 2]);
    write("empty.png", b"");
    write("text.png", b"this is not a picture at all");
    write("huge.png", &png_header(46_341, 46_341));
    write("zero.png", &png_header(0, 5));
    for name in [
        "truncated.png",
        "empty.png",
        "text.png",
        "huge.png",
        "zero.png",
        "missing.png",
    ] {
        let args: Vec<&str> = ["edit", name, "-o", "out.png"]
            .iter()
            .chain(&QUICK)
            .copied()
            .collect();
        let refused = overpaint(room.path(), &args);
        assert_refused(&refused, 3, room.path(), name);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains(name), "{name} is named: {said}");
    }
    image::RgbImage::new(40, 90)
        .save(room.path().join("other.png"))
        .unwrap();
    for mask in ["text.png", "other.png", "missing.png"] {
        assert_refused(
            &edit(room.path(), &["-o", "out.png", "--mask", mask]),
            3,
            room.path(),
            mask,
        );
    }
}

#[test]
fn masks_in_which_nothing_is_painted_are_refused_unless_allowed() {
    let room = room();
    let size = image::image_dimensions(room.path().join("portrait-city.png")).unwrap();
    let nearly_black = image::GrayImage::from_pixel(size.0, size.1, image::Luma([8]));
    nearly_black.save(room.path().join("black.png")).unwrap();
    let args = ["-o", "out.png", "--mask", "black.png"];
    for mode in ["masked", "not-masked"] {
        let refused = edit(room.path(), &[&args[..], &["--mask-mode", mode]].concat());
        assert_refused(&refused, 3, room.path(), mode);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("black.png"), "{said}");
    }
    let allowed = [&args[..], &["--allow-empty-mask"]].concat();
    assert_done(&edit(room.path(), &allowed));
    for (channel, code) in [("alpha", 3), ("grey", 2)] {
        fs::remove_file(room.path().join("out.png")).ok();
        let refused = edit(
            room.path(),
            &[&args[..], &["--mask-channel", channel]].concat(),
        );
        assert_refused(&refused, code, room.path(), channel);
    }
}

#[test]
fn bad_models_end_with_4() {
    let room = room();
    let starter = repository("models/starter");
    let with = |name: &str, change: &dyn Fn(&Path)| {
        let folder = room.path().join(name);
        copy_folder(&starter, &folder);
        change(&folder);
        folder.display().to_string()
    };
    let weights = "unet/diffusion_pytorch_model.safetensors";
    let missing = with("missing", &|folder| {
        fs::remove_file(folder.join("vae/config.json")).unwrap();
    });
    let header = with("header", &|folder| {
        fs::write(folder.join(weights), (1u64 << 62).to_le_bytes()).unwrap();
    });
    let shape = with("shape", &|folder| {
        let config = folder.join("unet/config.json");
        let text = fs::read_to_string(&config).unwrap().replace(
            "\"cross_attention_dim\": 192",
            "\"cross_attention_dim\": 96",
        );
        fs::write(config, text).unwrap();
    });
    let not_finite = with("nan", &|folder| {
        let file = folder.join("text_encoder/model.safetensors");
        let mut bytes = fs::read(&file).unwrap();
        let end = bytes.len();
        bytes[end - 2..].copy_from_slice(&[0x00, 0x7e]);
        fs::write(file, bytes).unwrap();
    });
    for model in [
        missing.as_str(),
        &header,
        &shape,
        &not_finite,
        "no-such-model",
    ] {
        assert_refused(
            &edit(room.path(), &["-o", "out.png", "--model", model]),
            4,
            room.path(),
            model,
        );
    }
}

#[test]
fn a_folder_that_cannot_be_written_ends_with_5() {
    let room = room();
    let refused = edit(room.path(), &["-o", "no/such/folder/out.png"]);
    assert_refused(&refused, 5, room.path(), "a missing folder");
}

#[test]
fn models_are_listed_and_described() {
    let room = room();
    let listed = overpaint(room.path(), &["models"]);
    assert_done(&listed);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("starter"));
    let described = overpaint(room.path(), &["models", "info", "starter"]);
    assert_done(&described);
    assert!(String::from_utf8_lossy(&described.stdout).contains("貓"));
    let unknown = overpaint(room.path(), &["models", "info", "nobody"]);
    assert_eq!(unknown.status.code(), Some(4));
}

/// One clear sentence, the right code, no panic, and nothing written.
#[track_caller]
fn assert_refused(output: &Output, code: i32, folder: &Path, what: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{what}: {said}");
    assert!(
        !said.trim().is_empty() && !said.contains("panicked"),
        "{what}: {said}"
    );
    assert!(
        !folder.join("out.png").exists(),
        "{what}: something was written"
    );
}

/// A PNG that says its size and then ends.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    let crc = crc32(&chunk);
    bytes.extend(chunk);
    bytes.extend(crc.to_be_bytes());
    bytes
}

/// The checksum of PNG chunks (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    })
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
