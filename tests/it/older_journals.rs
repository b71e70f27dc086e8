//! Journals of earlier versions, as those wrote them: they restore for ever. `tests/data/journals/README.md`
//! says what made each.

use std::path::Path;
use std::time::Duration;

use overpaint::document::DocumentId;
use overpaint::editor::{Command, LayerRecipe};
use overpaint::geometry::Extent;
use overpaint::plan::{EditSettings, RegionBounds};
use overpaint::raster::{Mask, blank_mask};

use crate::recovery::restore_only;
use crate::support::files::add_layer;
use crate::support::session::{Session, pixels, start_in};

fn journals() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/journals")
}

/// What that journal gives back.
fn restored(name: &str) -> (Session, DocumentId) {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("sessions").join("1-2-3");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::copy(journals().join(name), left.join("journal")).unwrap();
    let editor = start_in(folder.path(), vec![], Duration::ZERO);
    let mut session = Session { editor, folder };
    let document = restore_only(&mut session);
    assert!(session.errors().is_empty(), "{:?}", session.errors());
    (session, document)
}

fn is_painted(mask: &Mask) -> bool {
    *mask != blank_mask(mask.extent())
}

#[test]
fn a_journal_of_version_0_1_of_2026_11_27_restores() {
    let (session, id) = restored("2026-11-27");
    let open = session.document(id);
    assert_eq!(open.title(), "cat.png");
    assert_eq!(open.document().extent(), Extent::new(64, 48));
    assert_eq!(open.document().undo_labels().count(), 2, "two strokes");
    assert!(is_painted(open.document().mask()));
    assert_ne!(open.region(), RegionBounds::Everything);
    assert_eq!(open.settings().steps.get(), 20);
}

#[test]
fn a_journal_with_the_masks_of_its_layers_restores() {
    let (mut session, id) = restored("2026-11-28");
    let open = session.document(id);
    assert_eq!(open.document().extent(), Extent::new(64, 48));
    assert_eq!(open.settings().prompt, "a cat");
    let layers = open.document().layers();
    assert_eq!(layers.len(), 1);
    let painted = layers[0].painted.as_ref().unwrap();
    assert!(is_painted(painted) && !is_painted(open.document().mask()));
    let recipe = LayerRecipe::of(&layers[0]).unwrap();
    assert_eq!(recipe.provenance.unwrap().source.len(), 64);
    session.editor.apply(Command::Undo { document: id });
    let mask = session.document(id).document().mask();
    assert!(
        mask == session.document(id).document().layers()[0]
            .painted
            .as_ref()
            .unwrap()
    );
}

#[test]
#[ignore = "writes the journal of this version: OVERPAINT_TEST_WRITE_JOURNAL=FILE"]
fn a_journal_is_written() {
    let Some(file) = std::env::var_os("OVERPAINT_TEST_WRITE_JOURNAL") else {
        return;
    };
    let mut session = Session::new(vec![]);
    session.editor.apply(Command::OpenPixels {
        title: Some("cat".to_owned()),
        pixels: pixels(Extent::new(64, 48)),
    });
    let document = session.editor.active().unwrap().id();
    let settings = EditSettings {
        prompt: "a cat".to_owned(),
        ..session.document(document).settings().clone()
    };
    session.editor.apply(Command::SetSettings {
        document,
        settings: Box::new(settings),
    });
    session.paint(document, (20.0, 20.0), (30.0, 25.0));
    add_layer(&mut session, document);
    session.editor.apply(Command::ClearMask { document });
    session.wait("the journal", |editor| {
        editor.document(document).unwrap().is_kept_for_recovery()
    });
    let mut sessions = std::fs::read_dir(session.path("sessions")).unwrap();
    let left = sessions.next().unwrap().unwrap().path();
    std::fs::copy(left.join("journal"), file).unwrap();
}
