//! Tests of the journal.

use super::*;
use crate::geometry::Rect;
use crate::raster::Tiled;

fn done(output: &str) -> Done {
    Done {
        output: output.to_owned(),
        engine: "fake".to_owned(),
        model: Default::default(),
        seconds: 1.0,
        bytes: String::new(),
    }
}

#[test]
fn what_is_done_is_known_when_it_is_opened_again() {
    let out = tempfile::tempdir().unwrap();
    let key = Key::of(b"job");
    {
        let journal = Journal::open(out.path(), false).unwrap();
        assert_eq!(journal.done(&key).unwrap(), None);
        journal.say_done(&key, &done("a.png")).unwrap();
        // Its file is gone: it is not done.
        assert_eq!(journal.done(&key).unwrap(), None);
        std::fs::write(out.path().join("a.png"), "x").unwrap();
        assert_eq!(journal.done(&key).unwrap(), Some(done("a.png")));
        let second = Journal::open(out.path(), true).unwrap_err();
        assert!(matches!(second, JournalError::InUse(_)), "{second:?}");
    }
    let again = Journal::open(out.path(), false).unwrap_err();
    assert!(matches!(again, JournalError::Exists(_)), "{again:?}");
    let left = out.path().join(".overpaint-abc.part");
    std::fs::write(&left, "half").unwrap();
    let journal = Journal::open(out.path(), true).unwrap();
    assert_eq!(journal.done(&key).unwrap(), Some(done("a.png")));
    assert_eq!(journal.all_done().unwrap().len(), 1);
    assert!(!left.exists());
}

#[test]
fn a_file_of_somebody_else_is_not_claimed() {
    let out = tempfile::tempdir().unwrap();
    let journal = Journal::open(out.path(), false).unwrap();
    let key = Key::of(b"job");
    std::fs::write(out.path().join("theirs.png"), "x").unwrap();
    let refused = journal
        .claim([("ours.png", &key), ("theirs.png", &key)], false)
        .unwrap();
    assert_eq!(refused.as_deref(), Some("theirs.png"));
    // All or none: the first was not claimed either.
    std::fs::write(out.path().join("ours.png"), "x").unwrap();
    assert_eq!(
        journal
            .claim([("ours.png", &key)], false)
            .unwrap()
            .as_deref(),
        Some("ours.png")
    );
    std::fs::remove_file(out.path().join("ours.png")).unwrap();
    assert_eq!(journal.claim([("ours.png", &key)], false).unwrap(), None);
    std::fs::write(out.path().join("ours.png"), "x").unwrap();
    assert_eq!(journal.claim([("ours.png", &key)], false).unwrap(), None);
}

#[test]
fn masks_come_back_as_they_were() {
    let out = tempfile::tempdir().unwrap();
    let journal = Journal::open(out.path(), false).unwrap();
    let (key, extent) = (Key::of(b"selection"), Extent::new(300, 40));
    assert_eq!(journal.mask(&key, extent).unwrap(), None);
    let mut mask = Tiled::filled(extent, 0);
    mask.update(Rect::new(7, 9, 280, 20), |at, _| (at.x % 256) as u8);
    let known = KnownMask {
        doubt: Some(Doubt::of(&mask)),
        missing: None,
        bytes: String::new(),
    };
    let kept = journal.keep_mask(&key, Some(&mask), known).unwrap();
    assert_eq!(journal.known_mask(&key).unwrap(), Some(kept));
    assert_eq!(journal.mask(&key, extent).unwrap(), Some(mask));
}

#[test]
fn what_is_laid_out_is_known_by_its_place_also_in_a_journal_from_before() {
    let out = tempfile::tempdir().unwrap();
    let journal = Journal::open(out.path(), false).unwrap();
    let write = || -> Result<(), redb::Error> {
        let transaction = journal.database.begin_write()?;
        transaction.delete_table(LAID_OUT)?;
        transaction.commit()?;
        Ok(())
    };
    write().unwrap();
    drop(journal);
    let journal = Journal::open(out.path(), true).unwrap();
    let place = "subject/a.png";
    assert_eq!(journal.laid_out(place).unwrap(), None);
    for bytes in ["01", "02"] {
        journal.say_laid_out(place, bytes).unwrap();
        assert_eq!(journal.laid_out(place).unwrap().as_deref(), Some(bytes));
    }
    // The same content elsewhere was put there by somebody.
    assert_eq!(journal.laid_out("subject/b.png").unwrap(), None);
    drop(journal);
    let again = Journal::open(out.path(), true).unwrap();
    assert_eq!(again.laid_out(place).unwrap().as_deref(), Some("02"));
}
