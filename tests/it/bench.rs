//! `overpaint bench`: random models, parts of a model, what it refuses.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value as Json;
use tempfile::TempDir;

fn bench_in(folder: &Path, language: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_overpaint"))
        .current_dir(folder)
        .env("LC_ALL", language)
        .env("LANG", language)
        // A temporary model must not be left behind: the folder is looked at afterwards.
        .env("TMPDIR", folder)
        .args(["bench", "--device", "cpu"])
        .args(args)
        .output()
        .unwrap()
}

fn events(output: &Output) -> Vec<Json> {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_part_of_a_random_model_is_measured_and_nothing_is_left_behind() {
    let room = TempDir::new().unwrap();
    for (stage, answer) in [
        ("unet", vec![2, 4, 16, 24]),
        ("encode", vec![1, 4, 16, 24]),
        ("decode", vec![1, 3, 32, 48]),
        ("text", vec![2, 77, 24]),
    ] {
        let args = [
            "--model",
            "random:tiny",
            "--stage",
            stage,
            "--size",
            "48x32",
            "--repeats",
            "2",
            "--threads",
            "1",
            "--json",
            "--dump",
            "numbers",
        ];
        let events = events(&bench_in(room.path(), "C", &args));
        let [loaded, first, second, summary] = events.as_slice() else {
            panic!("{events:?}");
        };
        assert_eq!(
            (&loaded["event"], &loaded["stage"]),
            (&"loaded".into(), &stage.into())
        );
        assert_eq!((&first["run"], &second["run"]), (&1.into(), &2.into()));
        let number = |name: &str| summary[name].as_f64().unwrap();
        assert!(number("min_seconds") <= number("median_seconds"));
        let speed = number("gflop") / number("median_seconds");
        // The speed is the median of both runs' speeds, which is near the speed of the median.
        assert!(number("gflop_per_second") > 0.4 * speed && number("gflop") > 0.0);
        let share = number("gflop_per_second") / number("peak_gflop_per_second");
        assert!((number("share_of_peak") / share - 1.0).abs() < 1e-6 && share < 1.5);
        assert_eq!(summary["threads"], 1);
        if cfg!(target_os = "linux") {
            assert!(number("load_peak_rss_bytes") > 1e6);
        }
        let dump = fs::read(room.path().join(format!("numbers/{stage}.safetensors"))).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&dump).unwrap();
        assert_eq!(tensors.tensor("output").unwrap().shape(), answer);
    }
    let left: Vec<_> = fs::read_dir(room.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["numbers"]);
}

#[test]
fn an_exported_model_is_a_model_like_any_other() {
    let room = TempDir::new().unwrap();
    let export = [
        "--model",
        "random:tiny",
        "--export",
        "tiny",
        "--stage",
        "text",
        "--repeats",
        "1",
        "--json",
    ];
    events(&bench_in(room.path(), "C", &export));
    let edit = [
        "--model",
        "tiny",
        "--size",
        "64x48",
        "--repeats",
        "2",
        "--fresh",
        "--json",
    ];
    let events = events(&bench_in(room.path(), "C", &edit));
    let [first, second, summary] = events.as_slice() else {
        panic!("{events:?}");
    };
    for run in [first, second] {
        assert_eq!(
            (&run["event"], &run["executed_steps"]),
            (&"bench".into(), &20.into())
        );
        assert_eq!(
            (&run["text_encodes"], &run["picture_encodes"]),
            (&1.into(), &1.into())
        );
    }
    let load = |run: &Json| run["seconds"]["load"].as_f64().unwrap();
    assert!(load(second) < load(first), "loaded twice");
    assert_eq!(
        (&summary["stage"], &summary["runs"]),
        (&"edit".into(), &2.into())
    );
    // A second export does not write over the first.
    let again = bench_in(room.path(), "C", &export);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("new folder"));
}

#[test]
fn a_line_begins_a_run_where_asked() {
    let room = TempDir::new().unwrap();
    let args = [
        "--model",
        "random:tiny",
        "--stage",
        "encode",
        "--size",
        "8x8",
        "--paced",
        "--json",
    ];
    // Nothing is sent: it loads and ends.
    let events = events(&bench_in(room.path(), "C", &args));
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["event"], "loaded");
}

#[test]
fn what_cannot_be_measured_is_refused_in_both_languages() {
    let room = TempDir::new().unwrap();
    let cases: [(&[&str], i32, &str, &str); 7] = [
        (
            &["--model", "random:sd99"],
            2,
            "random:sd15-inpaint",
            "可用的有",
        ),
        (
            &["--model", "random:tiny", "--stage", "text2"],
            2,
            "--stage text",
            "--stage text",
        ),
        (&["--export", "out"], 2, "random:sd15", "隨機模型"),
        (&["--dump", "out"], 2, "--stage unet", "--stage unet"),
        (
            &["--stage", "unet", "--size", "48"],
            2,
            "not a size",
            "不是大小",
        ),
        (
            &[
                "--model",
                "random:tiny",
                "--stage",
                "decode",
                "--size",
                "33x32",
            ],
            2,
            "multiples of 2",
            "2 的倍數",
        ),
        (
            &["--model", "no/such/model", "--stage", "unet"],
            4,
            "no/such/model",
            "no/such/model",
        ),
    ];
    for (args, code, english, chinese) in cases {
        for (language, wanted) in [("C", english), ("zh_TW.UTF-8", chinese)] {
            let output = bench_in(room.path(), language, args);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
            assert!(said.contains(wanted), "{args:?}: {said}");
        }
    }
    assert!(!room.path().join("out").exists());
}
