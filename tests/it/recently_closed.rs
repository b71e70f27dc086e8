//! What was closed without being saved comes back whole.

use std::time::Duration;

use overpaint::document::{DocumentId, EditLabel};
use overpaint::editor::{Command, Editor, Losses, OpenDocument, Preferences, Thumbnail};
use overpaint::raster::Patch;
use overpaint::raster::sheet::SheetTile;

use crate::support::session::{Session, start_in};

/// A document with a layer, a mask, something undone and two results.
fn worked_on(session: &mut Session) -> DocumentId {
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    session.generate(id);
    let first = session.last_candidate(id).id;
    session.editor.apply(Command::AcceptCandidate(first));
    session.generate(id);
    session.generate(id);
    session.paint(id, (160.0, 160.0), (120.0, 190.0));
    session.editor.apply(Command::Undo { document: id });
    id
}

fn labels(open: &OpenDocument) -> Vec<EditLabel> {
    let document = open.document();
    document
        .undo_labels()
        .chain(document.redo_labels())
        .collect()
}

fn results(editor: &Editor, id: DocumentId) -> Vec<(bool, Patch)> {
    let all = editor.candidates(id);
    all.map(|c| (c.accepted_as.is_some(), Patch::clone(c.patch().unwrap())))
        .collect()
}

fn close(session: &mut Session, document: DocumentId) {
    session.editor.apply(Command::CloseDocument {
        document,
        discard_unsaved: true,
    });
    assert!(session.editor.document(document).is_none());
}

fn wait_for_closed(session: &mut Session, count: usize) {
    session.wait("what was closed", |editor| {
        editor.recently_closed().len() == count
    });
}

fn reopen(session: &mut Session) -> DocumentId {
    let closed = session.editor.recently_closed()[0].clone();
    session.editor.apply(Command::Restore(closed.id));
    session.wait("the document and its results", |editor| {
        let open = editor.active();
        open.is_some_and(|open| editor.candidates(open.id()).all(|it| it.patch().is_some()))
    });
    session.editor.active().unwrap().id()
}

/// The same data with a program that was started afresh.
fn start_again(session: Session) -> Session {
    let Session { editor, folder } = session;
    editor.close();
    let editor = start_in(folder.path(), vec![], Duration::ZERO);
    Session { editor, folder }
}

#[test]
fn a_closed_document_comes_back_whole_at_once_and_after_a_restart() {
    let mut session = Session::new(vec![]);
    let id = worked_on(&mut session);
    let open = session.document(id);
    let state = open.document().state().clone();
    let (settings, steps) = (open.settings().clone(), labels(open));
    let made = results(&session.editor, id);
    assert_eq!(made.len(), 3);
    let holds = Losses {
        layers: 1,
        mask: true,
        results: 2,
        ..Losses::default()
    };
    assert_eq!(session.editor.losses(id), holds);
    close(&mut session, id);
    wait_for_closed(&mut session, 1);
    assert_eq!(session.editor.recently_closed()[0].holds, holds);

    for restart in [false, true] {
        if restart {
            let id = session.editor.active().unwrap().id();
            close(&mut session, id);
            session = start_again(session);
            wait_for_closed(&mut session, 1);
            assert_eq!(
                session.editor.recoverable().count(),
                0,
                "it was closed on purpose"
            );
        }
        let id = reopen(&mut session);
        let open = session.document(id);
        assert!(*open.document().state() == state);
        assert_eq!((open.settings(), labels(open)), (&settings, steps.clone()));
        assert!(results(&session.editor, id) == made);
        assert_eq!(session.editor.losses(id), holds);
        assert!(session.editor.recently_closed().is_empty());
        assert!(session.errors().is_empty(), "{:?}", session.errors());
    }
    // A result that came back can be used.
    let id = session.editor.active().unwrap().id();
    let last = session.last_candidate(id).id;
    session.editor.apply(Command::AcceptCandidate(last));
    assert_eq!(session.document(id).document().layers().len(), 2);
}

#[test]
fn quitting_keeps_what_was_not_saved() {
    let mut session = Session::new(vec![]);
    let id = worked_on(&mut session);
    let state = session.document(id).document().state().clone();
    let looks = SheetTile::of(&state.visible(), 160, String::new()).unwrap();
    session.open();
    let mut session = start_again(session);
    wait_for_closed(&mut session, 1);
    let closed = session.editor.recently_closed()[0].clone();
    session.wait("what it looked like", |editor| {
        matches!(editor.thumbnail_of_closed(&closed), Thumbnail::Picture(_))
    });
    let Thumbnail::Picture(shown) = session.editor.thumbnail_of_closed(&closed) else {
        panic!("it was there");
    };
    assert!(shown.pixels == looks.pixels, "with its layer");
    let id = reopen(&mut session);
    assert!(*session.document(id).document().state() == state);

    // Thrown away it is gone.
    close(&mut session, id);
    wait_for_closed(&mut session, 1);
    let closed = session.editor.recently_closed()[0].id;
    session.editor.apply(Command::DiscardRecovery(closed));
    let sessions = session.path("sessions");
    session.wait("the folder to go", |_| {
        std::fs::read_dir(&sessions).unwrap().count() == 0
    });
}

#[test]
fn a_document_that_was_opened_again_and_killed_is_offered() {
    let mut session = Session::new(vec![]);
    let id = worked_on(&mut session);
    close(&mut session, id);
    wait_for_closed(&mut session, 1);
    let id = reopen(&mut session);
    session.paint(id, (10.0, 10.0), (30.0, 30.0));
    session.wait("the journal", |editor| {
        editor
            .documents()
            .iter()
            .all(OpenDocument::is_kept_for_recovery)
    });
    let folder = tempfile::tempdir().unwrap();
    crate::recovery::copy(session.folder.path(), folder.path());
    let editor = start_in(folder.path(), vec![], Duration::ZERO);
    let again = Session { editor, folder };
    assert_eq!(again.editor.recoverable().count(), 1);
    assert!(again.editor.recently_closed().is_empty());
}

#[test]
fn nothing_is_kept_where_nobody_wants_it() {
    let mut session = Session::new(vec![]);
    session
        .editor
        .apply(Command::SetPreferences(Box::new(Preferences {
            keep_closed_days: 0,
            ..session.editor.preferences().clone()
        })));
    assert_eq!(session.editor.keeps_closed_days(), None);
    let id = worked_on(&mut session);
    close(&mut session, id);
    let sessions = session.path("sessions");
    session.wait("the folder to go", |_| {
        std::fs::read_dir(&sessions).unwrap().count() == 0
    });
}
