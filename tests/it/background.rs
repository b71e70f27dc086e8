//! Another background: by the editor and from the command line.

use std::process::Command as Process;
use std::time::Duration;

use overpaint::document::{DocumentId, EditLabel};
use overpaint::editor::{Behind, Command, Editor};
use overpaint::geometry::{Extent, Point, Rect};
use overpaint::plan::{Length, MaskMode};
use overpaint::raster::file::{self, SaveOptions};
use overpaint::raster::{MaskKind, Picture, Pixmap, Profile, Tiled};
use overpaint::select::{Combination, Part};

use crate::support::session::Session;

const EXTENT: Extent = Extent::new(400, 300);

fn wait(session: &mut Session, ready: impl Fn(&Editor) -> bool) {
    for _ in 0..10_000 {
        session.editor.poll();
        if ready(&session.editor) {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("it did not happen: {:?}", session.errors());
}

/// Red in the middle half, blue around it.
fn picture() -> Picture {
    let mut plane = Tiled::filled(EXTENT, [0u8, 0, 255, 255]);
    plane.update(Rect::new(100, 75, 200, 150), |_, _| [255, 0, 0, 255]);
    Picture {
        pixels: Pixmap::Rgba8(plane),
        profile: Profile::Srgb,
    }
}

fn session() -> (Session, DocumentId) {
    let mut session = Session::new(Vec::new());
    session.editor.apply(Command::OpenPixels {
        title: None,
        pixels: picture().pixels,
    });
    let document = session.editor.active().unwrap().id();
    (session, document)
}

fn put(session: &mut Session, document: DocumentId, behind: Behind) {
    session
        .editor
        .apply(Command::PutBehind { document, behind });
    wait(session, |editor| !editor.is_putting_behind(document));
}

fn colour(session: &Session, document: DocumentId, x: i32, y: i32) -> [u8; 4] {
    let pixels = &session.document(document).document().visible().pixels;
    let place = Rect::new(Point::new(x, y).x, y, 1, 1);
    pixels.crop_f32(place)[0].map(|v| (v * 255.0).round() as u8)
}

#[test]
fn what_is_put_is_one_layer_and_one_step_and_the_next_takes_its_place() {
    let (mut session, id) = session();
    // Nothing is painted: the subject is looked for.
    put(&mut session, id, Behind::Colour([255; 3]));
    let document = session.document(id).document();
    assert_eq!(document.undo_label(), Some(EditLabel::Background));
    assert_eq!(document.undo_labels().count(), 1);
    assert_eq!(
        (document.layers().len(), document.mask_kind()),
        (1, MaskKind::Matte)
    );
    assert_eq!(session.document(id).settings().mask_mode, MaskMode::Stays);
    assert_eq!(colour(&session, id, 3, 3), [255; 4]);
    assert_eq!(colour(&session, id, 200, 150), [255, 0, 0, 255]);
    // A blur is one of the picture as it was, not of what was put before.
    put(&mut session, id, Behind::Blur(Length::Px(8.0)));
    assert_eq!(session.document(id).document().layers().len(), 1);
    assert_eq!(colour(&session, id, 3, 3), [0, 0, 255, 255]);
    assert!(matches!(
        session.editor.background(id),
        Some((_, Behind::Blur(_)))
    ));
    put(&mut session, id, Behind::Nothing);
    assert_eq!(colour(&session, id, 3, 3)[3], 0);
    assert_eq!(colour(&session, id, 200, 150), [255, 0, 0, 255]);
    // Something behind again: nothing is cut out.
    put(&mut session, id, Behind::Gradient([9; 3], [9; 3]));
    assert_eq!(colour(&session, id, 3, 3), [9, 9, 9, 255]);
    for wanted in [0, 255, 255] {
        session.editor.apply(Command::Undo { document: id });
        assert_eq!(colour(&session, id, 3, 3)[3], wanted);
    }
    session.editor.apply(Command::Undo { document: id });
    assert_eq!(session.document(id).document().visible(), &picture());
    assert!(session.errors().is_empty());
}

#[test]
fn what_is_selected_or_stays_is_in_front() {
    for (part, mode) in [
        (Part::Subject, MaskMode::Changes),
        (Part::Subject, MaskMode::Stays),
        (Part::Background, MaskMode::Changes),
    ] {
        let (mut session, id) = session();
        let mut settings = session.document(id).settings().clone();
        settings.mask_mode = mode;
        session.editor.apply(Command::SetSettings {
            document: id,
            settings: Box::new(settings),
        });
        session.editor.apply(Command::Select {
            document: id,
            part,
            how: Combination::Replace,
        });
        wait(&mut session, |editor| editor.selecting(id).is_none());
        assert_eq!(session.document(id).document().mask_kind(), MaskKind::Matte);
        put(&mut session, id, Behind::Colour([0, 255, 0]));
        assert_eq!(
            colour(&session, id, 3, 3),
            [0, 255, 0, 255],
            "{part:?} {mode:?}"
        );
        assert_eq!(colour(&session, id, 200, 150), [255, 0, 0, 255]);
    }
}

#[test]
fn the_command_puts_and_cuts_out_and_says_what_it_cannot() {
    let room = tempfile::tempdir().unwrap();
    let path = |name: &str| room.path().join(name);
    let save = |name: &str, picture: &Picture| {
        let options = SaveOptions::default();
        file::save(&path(name), picture, &Default::default(), &options).unwrap();
    };
    save("in.png", &picture());
    let mut mask = Tiled::filled(EXTENT, [0u8, 0, 0, 255]);
    mask.update(Rect::new(100, 75, 200, 150), |_, _| [255; 4]);
    let grey = Picture {
        pixels: Pixmap::Rgba8(mask),
        profile: Profile::Srgb,
    };
    save("mask.png", &grey);
    let run = |put: &str, out: &str, more: &[&str]| {
        Process::new(env!("CARGO_BIN_EXE_overpaint"))
            .current_dir(room.path())
            .args(["background", "in.png", "-o", out, "--put", put])
            .args(more)
            .output()
            .unwrap()
    };
    let masked = ["--mask", "mask.png"];
    for (put, corner) in [
        ("white", [255; 4]),
        ("#102030", [16, 32, 48, 255]),
        ("gradient:#000,#fff", [3, 3, 3, 255]),
        ("blur:9", [0, 0, 255, 255]),
        ("mask.png", [0, 0, 0, 255]),
    ] {
        let said = run(put, "out.png", &masked);
        assert!(said.status.success(), "{put}: {said:?}");
        let made = file::load(&path("out.png")).unwrap().picture.pixels;
        let at = |x, y| made.crop_f32(Rect::new(x, y, 1, 1))[0].map(|v| (v * 255.0).round() as u8);
        assert_eq!(
            (at(4, 4), at(200, 150)),
            (corner, [255, 0, 0, 255]),
            "{put}"
        );
    }
    let said = run("nothing", "out.png", &masked);
    assert!(said.status.success(), "{said:?}");
    let made = file::load(&path("out.png")).unwrap().picture.pixels;
    let alpha = |x, y| made.crop_f32(Rect::new(x, y, 1, 1))[0][3];
    assert_eq!((alpha(4, 4), alpha(200, 150)), (0.0, 1.0));
    for (put, out, more, code) in [
        ("nothing", "no.jpg", &masked[..], 2),
        ("beach.png", "no.png", &masked[..], 2),
        ("gradient:#000", "no.png", &masked[..], 2),
        ("white", "no.png", &["--mask", "nowhere.png"][..], 3),
        (
            "mask.png",
            "no.png",
            &["--mask", "mask.png", "--at", "7"][..],
            2,
        ),
    ] {
        let said = run(put, out, more);
        assert_eq!(said.status.code(), Some(code), "{put} {out}: {said:?}");
        assert!(!path(out).exists());
    }
}
