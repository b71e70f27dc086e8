//! After a session that ended badly: what is offered, what comes back, who may have it.

mod killed;
mod killed_saving;

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use overpaint::document::{Document, DocumentId, EditLabel};
use overpaint::editor::{BrushTip, Command, Editor, OpenDocument, RecoveryId, RunState, Thumbnail};
use overpaint::geometry::Rect;
use overpaint::plan::EditSettings;
use overpaint::raster::sheet::SheetTile;
use proptest::prelude::*;

use crate::support::session::{Session, point, seeded, start_in};

/// Copies what `from` holds, while a living session may still be writing there: a file that is renamed or removed
/// between being listed and being read makes this begin again, as no kill leaves half of a rename.
pub(crate) fn copy(from: &Path, to: &Path) {
    for _ in 0..100 {
        match copy_once(from, to) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                std::fs::remove_dir_all(to).unwrap();
            }
            done => return done.unwrap(),
        }
    }
    panic!("{} does not hold still", from.display());
}

fn copy_once(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_once(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// What the disk holds now, as a fresh program would find it after this one was killed.
pub(crate) fn after_a_kill(session: &Session) -> Session {
    let folder = tempfile::tempdir().unwrap();
    copy(session.folder.path(), folder.path());
    let editor = start_in(folder.path(), vec![], Duration::ZERO);
    Session { editor, folder }
}

/// Waits until the disk holds everything.
pub(crate) fn settle(session: &mut Session) {
    session.wait("journals and results", |editor| {
        let mut all = editor.documents().iter();
        all.all(|open| open.is_kept_for_recovery() && editor.has_kept_results(open.id()))
    });
}

/// Waits until no more than `count` folders are left.
fn wait_for_folders(session: &mut Session, count: usize) {
    let sessions = session.path("sessions");
    session.wait("the folders", |_| {
        std::fs::read_dir(&sessions).unwrap().count() == count
    });
}

pub(crate) fn restore_only(session: &mut Session) -> DocumentId {
    let ids: Vec<RecoveryId> = session.editor.recoverable().map(|left| left.id).collect();
    assert_eq!(ids.len(), 1);
    session.editor.apply(Command::Restore(ids[0]));
    session.wait("the restored document", |editor| editor.active().is_some());
    session.editor.active().unwrap().id()
}

fn same(a: &Document, b: &Document) -> bool {
    a.state() == b.state() && a.visible() == b.visible() && a.is_unsaved() == b.is_unsaved()
}

#[test]
fn a_killed_session_comes_back_with_everything() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    // Faster than anybody writes them: each is a step of its own all the same.
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    session.paint(id, (70.0, 60.0), (130.0, 90.0));
    session.editor.apply(Command::InvertMask { document: id });
    session.editor.apply(Command::Undo { document: id });
    session.generate(id);
    session
        .editor
        .apply(Command::AcceptCandidate(session.last_candidate(id).id));
    session.paint(id, (160.0, 160.0), (120.0, 190.0));
    session.editor.apply(Command::Undo { document: id });
    // In the middle of a stroke.
    let brush = BrushTip::default();
    session.editor.apply(Command::StrokeBegin {
        document: id,
        brush,
        at: point((20.0, 200.0)),
    });
    session.editor.apply(Command::StrokeTo {
        document: id,
        at: point((40.0, 220.0)),
    });
    settle(&mut session);

    let mut again = after_a_kill(&session);
    assert!(
        again.editor.documents().is_empty(),
        "nothing is opened unasked"
    );
    let restored = restore_only(&mut again);
    let (truth, back) = (session.document(id), again.document(restored));
    assert!(same(truth.document(), back.document()));
    assert_eq!(truth.settings(), back.settings());
    assert_eq!(truth.title(), back.title());
    let labels = |open: &OpenDocument| open.document().undo_labels().collect::<Vec<_>>();
    let mut expected = labels(truth);
    expected.push(EditLabel::Paint);
    assert_eq!(
        labels(back),
        expected,
        "the stroke is kept as far as it came, and can be undone"
    );

    // It goes on in the same journal: another kill, another restore.
    again.paint(restored, (10.0, 10.0), (30.0, 30.0));
    settle(&mut again);
    let mut third = after_a_kill(&again);
    let last = restore_only(&mut third);
    assert!(same(
        third.document(last).document(),
        again.document(restored).document()
    ));
}

#[test]
fn what_a_dying_program_still_holds_is_offered_later() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    settle(&mut session);
    let folder = tempfile::tempdir().unwrap();
    copy(session.folder.path(), folder.path());
    let mut sessions = std::fs::read_dir(folder.path().join("sessions")).unwrap();
    let left = sessions.next().unwrap().unwrap().path();
    let dying = std::fs::File::open(left.join("lock")).unwrap();
    dying.lock().unwrap();
    let editor = start_in(folder.path(), vec![], Duration::ZERO);
    let mut again = Session { editor, folder };
    assert_eq!(again.editor.recoverable().count(), 0, "it is still held");
    drop(dying);
    again.wait("the offer", |editor| editor.recoverable().next().is_some());
    let restored = restore_only(&mut again);
    assert!(same(
        session.document(id).document(),
        again.document(restored).document()
    ));
}

#[test]
fn what_lives_is_not_offered_and_what_was_closed_is_gone() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    settle(&mut session);
    let folder = session.folder.path().to_path_buf();
    let other = start_in(&folder, vec![], Duration::ZERO);
    assert_eq!(other.recoverable().count(), 0, "its program lives");
    other.close();
    // With anything painted it would stay under “recently closed”.
    session.editor.apply(Command::Undo { document: id });
    session.editor.apply(Command::CloseDocument {
        document: id,
        discard_unsaved: true,
    });
    wait_for_folders(&mut session, 0);
    session.open();
    settle(&mut session);
    let Session { editor, folder } = session;
    editor.close();
    assert_eq!(
        std::fs::read_dir(folder.path().join("sessions"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn two_programs_do_not_restore_the_same_and_discarding_removes() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    settle(&mut session);
    let mut first = after_a_kill(&session);
    let second = start_in(first.folder.path(), vec![], Duration::ZERO);
    assert_eq!(
        (
            first.editor.recoverable().count(),
            second.recoverable().count()
        ),
        (1, 0)
    );
    second.close();
    let left = first.editor.recoverable().next().unwrap().clone();
    assert_eq!(left.title, session.document(id).title());
    first.editor.apply(Command::DiscardRecovery(left.id));
    wait_for_folders(&mut first, 0);
    assert_eq!(first.editor.recoverable().count(), 0);
}

/// What a user may do at random.
pub(crate) fn command(editor: &Editor, id: DocumentId, (kind, x, y): (u8, u32, u32)) -> Command {
    let document = id;
    let at = point((x as f32, y as f32));
    let open = editor.document(id).unwrap();
    let layer = open.document().layers().first().map(|layer| layer.id);
    let candidate = editor
        .candidates(id)
        .next_back()
        .map(|candidate| candidate.id);
    match (kind, layer, candidate) {
        (0..=2, ..) => Command::StrokeBegin {
            document,
            brush: BrushTip::default(),
            at,
        },
        (3..=5, ..) => Command::StrokeTo { document, at },
        (6 | 7, ..) => Command::StrokeEnd { document },
        (8, ..) => Command::StrokeAbort { document },
        (9, ..) => Command::InvertMask { document },
        (10..=12, ..) => Command::Undo { document },
        (13 | 14, ..) => Command::Redo { document },
        (15, ..) => Command::Generate { document },
        (16 | 17, _, Some(candidate)) => Command::AcceptCandidate(candidate),
        (18, Some(layer), _) => Command::SetLayerVisible {
            document,
            layer,
            visible: x % 2 == 0,
        },
        (19, Some(layer), _) => Command::SetLayerOpacity {
            document,
            layer,
            opacity: x as u8,
            done: y % 2 == 0,
        },
        (20, Some(layer), _) => Command::DeleteLayer { document, layer },
        (21, ..) => Command::CropCanvas {
            document,
            rect: Rect::new(2, 3, 250, 240),
        },
        _ => {
            let prompt = format!("{x} cats");
            let settings = EditSettings {
                prompt,
                ..open.settings().clone()
            };
            Command::SetSettings {
                document,
                settings: Box::new(settings),
            }
        }
    }
}

proptest! {
    #![proptest_config(seeded(10))]

    /// Random sessions: the invariants hold after each command, a kill loses nothing that has been
    /// written, and undoing everything leads back to the opened picture.
    #[test]
    fn random_sessions_survive_a_kill(acts in prop::collection::vec((0..24u8, 0..300u32, 0..270u32), 5..40)) {
        let mut session = Session::new(vec![]);
        let id = session.open();
        let opened = session.document(id).document().state().clone();
        for act in acts {
            let command = command(&session.editor, id, act);
            session.editor.apply(command);
            session.check();
            session.editor.poll();
        }
        session.wait_for_runs();
        settle(&mut session);
        let mut again = after_a_kill(&session);
        let restored = restore_only(&mut again);
        prop_assert!(same(session.document(id).document(), again.document(restored).document()));
        prop_assert_eq!(session.document(id).settings(), again.document(restored).settings());
        // Each step comes back as the one it was; a stroke under way as one that is done.
        let labels = |open: &OpenDocument| open.document().undo_labels().collect::<Vec<_>>();
        let mut expected = labels(session.document(id));
        if session.document(id).document().open_gesture().is_some() {
            // Any edit ends it.
            session.editor.apply(Command::InvertMask { document: id });
            expected = labels(session.document(id));
            expected.pop();
        }
        prop_assert_eq!(labels(again.document(restored)), expected);
        let results = session.editor.candidates(id).count();
        prop_assert_eq!(again.editor.candidates(restored).count(), results);
        let finished = session.editor.runs().iter();
        let finished = finished.filter(|run| matches!(run.state, RunState::Finished(_))).count();
        prop_assert_eq!(results, finished, "no undo has lost a result");
        while session.document(id).document().undo_label().is_some() {
            session.editor.apply(Command::Undo { document: id });
            session.check();
        }
        prop_assert!(*session.document(id).document().state() == opened);
        prop_assert_eq!(session.editor.candidates(id).count(), results);
    }
}

#[test]
fn what_is_left_is_shown_as_it_was_last() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    session.generate(id);
    session
        .editor
        .apply(Command::AcceptCandidate(session.last_candidate(id).id));
    for down in 0..40 {
        let down = 60.0 + f32::from(down as u8);
        session.paint(id, (60.0, down), (200.0, down));
    }
    settle(&mut session);
    let visible = session.editor.document(id).unwrap().document().visible();
    let expected = SheetTile::of(visible, 160, String::new()).unwrap();
    let mut found = after_a_kill(&session);
    found.wait("the thumbnail", |editor| {
        let mut left = editor.recoverable();
        left.all(|left| !matches!(left.thumbnail, Thumbnail::Unread | Thumbnail::Reading))
    });
    let left = found.editor.recoverable().next().unwrap();
    let Thumbnail::Picture(shown) = &left.thumbnail else {
        panic!("{:?}", left.thumbnail);
    };
    assert_eq!(shown.extent, expected.extent);
    assert!(shown.pixels == expected.pixels, "with its accepted result");
}
