//! A run that could be done again: whether it would give the same bytes is known before, and what
//! differs is said, also after a restart.

use std::time::Duration;

use overpaint::document::DocumentId;
use overpaint::editor::{Command, Rerun, RerunOf};
use overpaint::jobs::Difference;
use overpaint::plan::EditSettings;

use crate::recovery::{after_a_kill, restore_only};
use crate::support::files::{add_layer, open, save};
use crate::support::session::{Session, start_in};

fn check(session: &mut Session, of: RerunOf) -> Rerun {
    session.editor.apply(Command::CheckRerun(of));
    session.wait("the answer", |editor| editor.rerun(of).is_some());
    session.editor.rerun(of).unwrap().clone()
}

fn top(session: &Session, id: DocumentId) -> RerunOf {
    let layers = session.document(id).document().layers();
    RerunOf::Layer(id, layers.last().unwrap().id)
}

#[test]
fn a_layer_is_made_from_what_is_below_it_and_says_when_that_changes() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    let mask = session.document(id).document().mask().clone();
    add_layer(&mut session, id);
    let first = top(&session, id);
    session.editor.apply(Command::ClearMask { document: id });
    session.paint(id, (100.0, 60.0), (120.0, 190.0));
    add_layer(&mut session, id);
    let second = top(&session, id);
    let settings = EditSettings::clone(&session.last_candidate(id).settings);
    session.editor.apply(Command::ClearMask { document: id });
    // What is painted now and what lies above are no matter.
    let rerun = check(&mut session, first);
    assert_eq!(rerun.differences, []);
    let request = rerun.request.unwrap();
    assert!(request.painted.as_ref() == Some(&mask));
    assert!(request.source == *session.document(id).document().base());
    let rerun = check(&mut session, second);
    assert_eq!(rerun.differences, []);
    assert_eq!(rerun.request.unwrap().settings, settings);

    let RerunOf::Layer(document, layer) = first else {
        panic!("a layer");
    };
    session.editor.apply(Command::SetLayerVisible {
        document,
        layer,
        visible: false,
    });
    assert_eq!(
        check(&mut session, second).differences,
        [Difference::Source]
    );
    assert_eq!(check(&mut session, first).differences, []);
    // A result of this session still has the picture it began from.
    let result = RerunOf::Result(session.last_candidate(id).id);
    assert_eq!(check(&mut session, result).differences, []);
}

#[test]
fn what_a_run_began_from_outlives_the_program_and_a_crash() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    let mask = session.document(id).document().mask().clone();
    session.generate(id);
    add_layer(&mut session, id);
    session.editor.apply(Command::ClearMask { document: id });
    session.wait("the journal", |editor| {
        editor.document(id).unwrap().is_kept_for_recovery()
    });
    let mut after = after_a_kill(&session);
    let restored = restore_only(&mut after);
    let layer = top(&after, restored);
    let rerun = check(&mut after, layer);
    assert_eq!(rerun.differences, []);
    assert!(rerun.request.unwrap().painted.as_ref() == Some(&mask));

    let path = session.path("cat.ora");
    let command = Command::SaveAs {
        document: id,
        path: path.clone(),
        jpeg_quality: None,
    };
    save(&mut session, id, command);
    let Session { editor, folder } = session;
    editor.close();
    let editor = start_in(folder.path(), vec![], Duration::ZERO);
    let mut session = Session { editor, folder };
    let id = open(&mut session, &path);
    let layer = top(&session, id);
    let rerun = check(&mut session, layer);
    assert_eq!(rerun.differences, []);
    assert!(rerun.request.unwrap().painted.as_ref() == Some(&mask));
    // The other result was made from the picture without the layer.
    let results: Vec<_> = session.editor.candidates(id).cloned().collect();
    let unused = results.iter().find(|it| it.accepted_as.is_none()).unwrap();
    assert!(unused.painted.as_ref() == Some(&mask));
    let rerun = check(&mut session, RerunOf::Result(unused.id));
    assert_eq!(rerun.differences, [Difference::Source]);
    let used = results.iter().find(|it| it.accepted_as.is_some()).unwrap();
    let rerun = check(&mut session, RerunOf::Result(used.id));
    assert_eq!(rerun.differences, []);
}
