//! Batches on the command line, killed ones too, and the recipes they follow.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output, Stdio};
use std::time::Duration;

use overpaint::bulk::BulkRecipe;
use overpaint::geometry::{Extent, Rect};
use overpaint::raster::Tiled;
use overpaint::raster::file;
use tempfile::TempDir;

use super::{picture, results, save};

fn overpaint(folder: &Path, args: &[&str]) -> Output {
    Process::new(env!("CARGO_BIN_EXE_overpaint"))
        .current_dir(folder)
        .env("LANG", "C")
        .args(args)
        .output()
        .unwrap()
}

const ERASE: &str = "version = 1\n[mask]\nmask = \"{stem}-mask.png\"\n[erase]\n";

/// A folder of pictures with masks beside them, and a recipe that erases.
fn erasing(count: usize) -> TempDir {
    let room = tempfile::tempdir().unwrap();
    let inside = room.path().join("in");
    fs::create_dir(&inside).unwrap();
    let extent = Extent::new(48, 36);
    let mut mask = Tiled::filled(extent, 0);
    mask.update(Rect::new(20, 14, 6, 5), |_, _| 255);
    for n in 0..count {
        save(
            &inside.join(format!("{n:02}.png")),
            &picture(extent, n as u8 * 9),
        );
        file::save_mask(&inside.join(format!("{n:02}-mask.png")), &mask).unwrap();
    }
    fs::write(room.path().join("r.overpaint-recipe.toml"), ERASE).unwrap();
    room
}

const BATCH: [&str; 6] = ["batch", "in", "-r", "r.overpaint-recipe.toml", "-o", "out"];

#[test]
fn the_command_line_says_what_became_of_each_and_exits_accordingly() {
    let room = erasing(3);
    let done = overpaint(room.path(), &BATCH);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert_eq!(said.matches(": wrote ").count(), 3, "{said}");
    assert_eq!(results(&room.path().join("out")).len(), 3);
    let report = fs::read_to_string(room.path().join("out/report.csv")).unwrap();
    assert_eq!(report.matches(",done,").count(), 3, "{report}");
    // A second batch into the same folder must be meant.
    let again = overpaint(room.path(), &BATCH);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--resume"));
    // An empty mask wants a look (6); a missing one is a failure (5).
    let blank = Tiled::filled(Extent::new(48, 36), 0);
    file::save_mask(&room.path().join("in/01-mask.png"), &blank).unwrap();
    let resumed = || overpaint(room.path(), &[&BATCH[..], &["--resume", "--json"]].concat());
    let look = resumed();
    assert_eq!(look.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&look.stderr).contains("--review"));
    let review = [&BATCH[..], &["--resume", "--review", "masks"]].concat();
    let laid_out = overpaint(room.path(), &review);
    let said = String::from_utf8_lossy(&laid_out.stderr).into_owned();
    assert_eq!(laid_out.status.code(), Some(6));
    assert!(
        said.contains("“decision”") && !said.contains("--review"),
        "{said}"
    );
    fs::remove_file(room.path().join("in/02-mask.png")).unwrap();
    let failed = resumed();
    assert_eq!(failed.status.code(), Some(5));
    let events: Vec<serde_json::Value> = String::from_utf8(failed.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.iter().filter(|e| e["event"] == "picture").count(), 3);
    let last = events
        .iter()
        .find(|event| event["event"] == "done")
        .unwrap();
    assert_eq!(
        (&last["kept"], &last["look"], &last["failed"]),
        (&1.into(), &1.into(), &1.into())
    );
}

#[test]
fn a_background_is_put_behind_each_as_the_command_puts_it() {
    let room = erasing(2);
    let wall = Extent::new(30, 40);
    save(&room.path().join("wall.png"), &picture(wall, 200));
    let pixels = |path: PathBuf| file::load(&path).unwrap().picture.pixels;
    for (i, put) in ["#ff0000", "blur:3px", "nothing", "wall.png"]
        .iter()
        .enumerate()
    {
        let recipe = format!(
            "version = 1\n[mask]\nmask = \"{{stem}}-mask.png\"\n[background]\nput = \"{put}\"\n"
        );
        fs::write(room.path().join("r.overpaint-recipe.toml"), recipe).unwrap();
        let out = format!("out{i}");
        let done = overpaint(
            room.path(),
            &["batch", "in", "-r", "r.overpaint-recipe.toml", "-o", &out],
        );
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(0), "{put}: {said}");
        for name in ["00.png", "01.png"] {
            let mask = format!("in/{}-mask.png", &name[..2]);
            let alone = overpaint(
                room.path(),
                &[
                    "background",
                    &format!("in/{name}"),
                    "--mask",
                    &mask,
                    "--put",
                    put,
                    "-o",
                    "alone.png",
                ],
            );
            assert_eq!(alone.status.code(), Some(0), "{put}");
            let (made, wanted) = (
                pixels(room.path().join(&out).join(name)),
                pixels(room.path().join("alone.png")),
            );
            assert_eq!(made, wanted, "{put} {name}");
            assert_ne!(made, pixels(room.path().join("in").join(name)), "{put}");
            fs::remove_file(room.path().join("alone.png")).unwrap();
        }
    }
}

#[test]
fn killed_again_and_again_it_ends_as_if_it_never_was() {
    let room = erasing(6);
    let whole = overpaint(room.path(), &BATCH);
    assert_eq!(whole.status.code(), Some(0));
    let wanted = results(&room.path().join("out"));
    let args = [
        "batch",
        "in",
        "-r",
        "r.overpaint-recipe.toml",
        "-o",
        "killed",
        "--resume",
    ];
    for wait_ms in [3, 30, 60, 90, 120, 150, 200, 250] {
        let mut child = Process::new(env!("CARGO_BIN_EXE_overpaint"))
            .current_dir(room.path())
            .args(args)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        for (name, bytes) in results(&room.path().join("killed")) {
            // Whatever lies there under a result's name is the whole result.
            if name.extension().is_some_and(|ending| ending == "png") {
                assert_eq!(Some(&bytes), wanted.get(&name), "{name:?}");
            }
        }
    }
    let last = overpaint(room.path(), &args);
    assert_eq!(
        last.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&last.stderr)
    );
    assert_eq!(results(&room.path().join("killed")), wanted);
}

#[test]
fn recipes_are_shown_and_checked() {
    let room = erasing(0);
    let recipe = "r.overpaint-recipe.toml";
    let shown = overpaint(room.path(), &["recipe", "show", recipe]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(BulkRecipe::parse(&text), BulkRecipe::parse(ERASE));
    assert_eq!(
        overpaint(room.path(), &["recipe", "check", recipe])
            .status
            .code(),
        Some(0)
    );
    fs::write(
        room.path().join("bad.toml"),
        ERASE.replace("mask =", "masc ="),
    )
    .unwrap();
    let bad = overpaint(room.path(), &["recipe", "check", "bad.toml"]);
    let said = String::from_utf8_lossy(&bad.stderr);
    assert_eq!(bad.status.code(), Some(2));
    assert!(
        said.contains("bad.toml") && said.contains("Line 3") && said.contains("mask_mode"),
        "{said}"
    );
}
