//! Selecting what is clicked on, with a scripted network; the real one is compared beside its code.

use overpaint::editor::{Command, Editor};
use overpaint::geometry::PointF;
use overpaint::raster::MaskKind;
use overpaint::select::Clicks;

use crate::support::session::Session;

fn selected(session: &Session, x: u32, y: u32) -> u8 {
    let mut value = 0;
    let open = session.editor.active().unwrap();
    let mask = open.document().mask();
    mask.visit_row(y, x..x + 1, |_, values| value = values[0]);
    value
}

fn click(session: &mut Session, clicks: &Clicks) {
    let document = session.editor.active().unwrap().id();
    session.editor.apply(Command::ClickSelect {
        document,
        clicks: clicks.clone(),
    });
    session.wait("the selection", |editor: &Editor| {
        !editor.is_clicking(document)
    });
}

#[test]
fn clicks_select_and_one_click_is_one_step() {
    let mut session = Session::new(vec![]);
    let document = session.open();
    let mut clicks = Clicks::default();
    clicks.points.push((PointF::new(100.0, 100.0), true));
    // Without the networks nothing happens.
    click(&mut session, &clicks);
    assert_eq!(selected(&session, 100, 100), 0);
    std::fs::create_dir_all(session.path("models")).unwrap();
    std::fs::write(session.path("models/mobile_sam-tiny-vitt.safetensors"), "x").unwrap();
    session.editor.apply(Command::FindModels);
    session.wait("the networks", |editor| editor.segmenter().is_some());

    click(&mut session, &clicks);
    assert_eq!(
        (selected(&session, 100, 100), selected(&session, 200, 200)),
        (255, 0)
    );
    let open = session.editor.active().unwrap();
    assert_eq!(open.document().mask_kind(), MaskKind::Matte);
    clicks.points.push((PointF::new(110.0, 100.0), false));
    click(&mut session, &clicks);
    assert_eq!(selected(&session, 100, 100), 0);
    assert_eq!(selected(&session, 78, 100), 255);
    session.editor.apply(Command::Undo { document });
    assert_eq!(selected(&session, 100, 100), 255);
    let frame = Clicks {
        points: vec![],
        frame: Some((PointF::new(150.0, 150.0), PointF::new(250.0, 250.0))),
    };
    click(&mut session, &frame);
    assert_eq!(
        (selected(&session, 100, 100), selected(&session, 200, 200)),
        (0, 255)
    );
    // What is not meant says nothing by itself, and beside the picture is nothing.
    let not_this = Clicks {
        points: vec![(PointF::new(10.0, 10.0), false)],
        frame: None,
    };
    let beside = Clicks {
        points: vec![(PointF::new(1e4, 10.0), true)],
        frame: None,
    };
    // A box of which all that lies in it is not meant.
    let mut nothing = Clicks::frame(PointF::new(50.0, 60.0), PointF::new(51.0, 50.0));
    nothing.points.push((PointF::new(50.0, 55.0), false));
    for clicks in [&not_this, &beside, &nothing] {
        click(&mut session, clicks);
        assert_eq!(selected(&session, 200, 200), 255);
    }
    let errors = session.errors();
    let begin = ["Say first", "The place 10000, 10", "Nothing stands out"];
    for (error, begin) in errors.iter().zip(begin) {
        assert!(error.starts_with(begin), "{errors:?}");
    }
    assert_eq!(errors.len(), begin.len(), "{errors:?}");
}

#[test]
fn what_was_said_follows_the_mask() {
    let mut session = Session::new(vec![]);
    let document = session.open();
    std::fs::create_dir_all(session.path("models")).unwrap();
    std::fs::write(session.path("models/mobile_sam.safetensors"), "x").unwrap();
    session.editor.apply(Command::FindModels);
    session.wait("the networks", |editor| editor.segmenter().is_some());
    let said = |session: &Session| {
        session
            .editor
            .clicks(document)
            .map(|said| said.points.len())
    };
    let mut clicks = Clicks::default();
    for (x, inside) in [(100.0, true), (120.0, false), (110.0, false)] {
        clicks.points.push((PointF::new(x, 100.0), inside));
        click(&mut session, &clicks);
    }
    assert_eq!(said(&session), Some(3));
    // Undoing takes back what was said too, redoing says it again.
    for (command, left) in [
        (Command::Undo { document }, Some(2)),
        (Command::Undo { document }, Some(1)),
        (Command::Redo { document }, Some(2)),
        (Command::Undo { document }, Some(1)),
        (Command::Undo { document }, None),
        (Command::Redo { document }, Some(1)),
        (Command::InvertMask { document }, None),
        (Command::Undo { document }, Some(1)),
    ] {
        session.editor.apply(command.clone());
        assert_eq!(said(&session), left, "{command:?}");
    }
    // What changed nothing was said all the same.
    click(&mut session, &clicks);
    clicks.points.push((PointF::new(290.0, 260.0), false));
    click(&mut session, &clicks);
    assert_eq!(said(&session), Some(4));
    // What failed was not said.
    let mut failing = Clicks::frame(PointF::new(50.0, 60.0), PointF::new(51.0, 50.0));
    failing.points.push((PointF::new(50.0, 55.0), false));
    click(&mut session, &failing);
    assert_eq!(said(&session), Some(4));
    session.editor.apply(Command::ForgetClicks { document });
    assert_eq!(said(&session), None);
    assert_eq!(selected(&session, 76, 100), 255);
}

#[test]
fn the_last_click_counts_and_a_closed_picture_is_survived() {
    let mut session = Session::new(vec![]);
    let document = session.open();
    std::fs::create_dir_all(session.path("models")).unwrap();
    std::fs::write(session.path("models/mobile_sam.safetensors"), "x").unwrap();
    session.editor.apply(Command::FindModels);
    session.wait("the networks", |editor| editor.segmenter().is_some());
    for x in [50.0, 150.0, 250.0] {
        let clicks = Clicks {
            points: vec![(PointF::new(x, 100.0), true)],
            frame: None,
        };
        session
            .editor
            .apply(Command::ClickSelect { document, clicks });
    }
    session.wait("the selection", |editor| !editor.is_clicking(document));
    assert_eq!(
        (selected(&session, 50, 100), selected(&session, 250, 100)),
        (0, 255)
    );
    let clicks = Clicks {
        points: vec![(PointF::new(50.0, 50.0), true)],
        frame: None,
    };
    session
        .editor
        .apply(Command::ClickSelect { document, clicks });
    session.editor.apply(Command::CloseDocument {
        document,
        discard_unsaved: true,
    });
    assert!(!session.editor.is_clicking(document));
    session.editor.poll();
    assert_eq!(session.errors(), [""; 0]);
}

/// `overpaint select` with those words behind, where `folder` is all there is; exit code and what was said.
fn select(folder: &std::path::Path, words: &[&str]) -> (Option<i32>, String) {
    let picture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/data/vision/coffee.320.jpg"
    );
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_overpaint"));
    command.arg("select").args(words).arg("-o");
    command.arg(folder.join("mask.png"));
    if !words.iter().any(|word| word.starts_with('/')) {
        command.arg(picture);
    }
    let command = command.env("LANG", "C").env("HOME", folder);
    let done = command.env("XDG_DATA_HOME", folder).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    (done.status.code(), said)
}

#[test]
fn the_command_line_says_what_is_wrong_with_clicks() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let folder_as_picture = here.to_string_lossy().into_owned();
    for (words, code, part) in [
        (&["--at", "400,20"][..], 2, "The place 400, 20 lies beside"),
        (&["--at", "-5,20"], 2, "The place -5, 20 lies beside"),
        (&["--at", "20,20", "--box", "10,10,90,999"], 2, "90, 999"),
        (&["--at", "20,20,-"], 2, "Say first what is meant"),
        (&["--at", "20"], 2, "“20” is no place"),
        (&["--at", "20,NaN"], 2, "“20,NaN” is no place"),
        (&["--at", "20,20,+"], 2, "“20,20,+” is no place"),
        (&["--box", "20,20,30"], 2, "“20,20,30” is no box"),
        (&["--box", "1,1,9,9", "--box", "2,2,8,8"], 2, "--box"),
        (&["--at", "20,20", "--what", "hair"], 2, "--what"),
        (&["--at", "20,20"], 2, "overpaint models get mobile-sam"),
        (&["--at", "20,20", &folder_as_picture], 3, "cannot be read"),
    ] {
        let (found, said) = select(here, words);
        assert_eq!(found, Some(code), "{words:?}: {said}");
        assert!(said.contains(part), "{words:?}: {said}");
    }
    let models = here.join("overpaint/models");
    std::fs::create_dir_all(&models).unwrap();
    let weights = models.join("mobile_sam.safetensors");
    let header = br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let mut other = (header.len() as u64).to_le_bytes().to_vec();
    other.extend_from_slice(header);
    other.extend_from_slice(&[0; 4]);
    for bytes in [&b"no weights"[..], b"<!DOCTYPE html><html>", b"", &other] {
        std::fs::write(&weights, bytes).unwrap();
        let (code, said) = select(here, &["--at", "20,20"]);
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("mobile_sam.safetensors"), "{said}");
        assert!(!here.join("mask.png").exists());
    }
}
