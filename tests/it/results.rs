//! Results stay until they are thrown away, and what made them can be run again.

use overpaint::document::DocumentId;
use overpaint::editor::{Candidate, CandidateId, Command, Editor, NoticeLevel, Preferences};
use overpaint::plan::{EditSettings, Strength};
use overpaint::raster::Patch;
use overpaint::text::english;

use crate::recovery::{after_a_kill, restore_only, settle};
use crate::support::session::Session;

fn prefer(session: &mut Session, change: impl FnOnce(&mut Preferences)) {
    let mut preferences = session.editor.preferences().clone();
    change(&mut preferences);
    let preferences = Box::new(preferences);
    session.editor.apply(Command::SetPreferences(preferences));
}

/// A painted document with three variations, of which the second is a layer.
fn three(session: &mut Session) -> DocumentId {
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    prefer(session, |preferences| preferences.variations = 3);
    session.generate(id);
    let second = ids(&session.editor, id)[1];
    session.editor.apply(Command::AcceptCandidate(second));
    id
}

fn ids(editor: &Editor, id: DocumentId) -> Vec<CandidateId> {
    editor.candidates(id).map(|it| it.id).collect()
}

fn patch_of(candidate: &Candidate) -> Patch {
    Patch::clone(candidate.patch().expect("in memory"))
}

fn patches(editor: &Editor, id: DocumentId) -> Vec<Patch> {
    editor.candidates(id).map(patch_of).collect()
}

fn wait_for_pixels(session: &mut Session, id: DocumentId) {
    session.wait("pixels", |editor| {
        editor.candidates(id).all(|it| it.patch().is_some())
    });
}

fn said(session: &Session, level: NoticeLevel) -> Vec<String> {
    let notices = session.editor.notices().iter();
    let of_level = notices.filter(|notice| notice.level == level);
    of_level.map(|notice| english(&notice.message)).collect()
}

fn generate_again(session: &mut Session, result: CandidateId, other_seed: bool) {
    let document = session.editor.candidate(result).unwrap().document;
    let before = ids(&session.editor, document).len();
    session
        .editor
        .apply(Command::RunAgain { result, other_seed });
    // Of what it runs may be found out first.
    session.wait("a result more", |editor| {
        ids(editor, document).len() > before
    });
    session.wait_for_runs();
}

#[test]
fn variations_count_their_seeds_up_and_stand_together() {
    let mut session = Session::new(vec![]);
    let id = three(&mut session);
    let shown = session.document(id).settings().seed.0;
    let seeds = |session: &Session| -> Vec<u64> {
        let all = session.editor.candidates(id);
        all.map(|it| it.settings.seed.0).collect()
    };
    assert_eq!(seeds(&session), [shown, shown + 1, shown + 2]);
    let forecast = session.editor.forecast(id).unwrap();
    assert_eq!(forecast.runs, 3);
    prefer(&mut session, |preferences| preferences.variations = 1);
    let one = session.editor.forecast(id).unwrap();
    session.editor.poll();
    let one_now = session.editor.forecast(id).unwrap();
    assert!(one.runs == 1 || one_now.runs == 1);
    session.generate(id);
    let groups = session.editor.results_by_group(id);
    let seeds_of = |group: &Vec<&Candidate>| -> Vec<u64> {
        group.iter().map(|it| it.settings.seed.0).collect()
    };
    let newest = session.document(id).settings().seed.0;
    assert_eq!(seeds_of(&groups[0]), [newest], "the newest press first");
    assert_eq!(seeds_of(&groups[1]), [shown, shown + 1, shown + 2]);
    // A comparison is one press too, with one seed.
    prefer(&mut session, |preferences| preferences.variations = 5);
    let strengths = [0.3, 0.6].map(|value| Strength::new(value).unwrap());
    session.editor.apply(Command::CompareStrengths {
        document: id,
        strengths: strengths.to_vec(),
    });
    session.wait_for_runs();
    let groups = session.editor.results_by_group(id);
    assert_eq!(groups[0].len(), 2);
    assert_eq!(groups[0][0].settings.seed, groups[0][1].settings.seed);
}

#[test]
fn a_kill_loses_no_result_and_brings_none_back_that_was_thrown_away() {
    let mut session = Session::new(vec![]);
    let id = three(&mut session);
    prefer(&mut session, |preferences| preferences.variations = 1);
    session.generate(id);
    let made = patches(&session.editor, id);
    let last = ids(&session.editor, id)[2];
    session.editor.apply(Command::DiscardCandidate(last));
    settle(&mut session);
    let mut again = after_a_kill(&session);
    let restored = restore_only(&mut again);
    wait_for_pixels(&mut again, restored);
    let expected = [made[0].clone(), made[1].clone(), made[3].clone()];
    assert!(patches(&again.editor, restored) == expected);
    let settings = |editor: &Editor, id| -> Vec<EditSettings> {
        let all = editor.candidates(id);
        all.map(|it| EditSettings::clone(&it.settings)).collect()
    };
    assert_eq!(
        settings(&again.editor, restored),
        settings(&session.editor, id)
    );
    let groups = again.editor.results_by_group(restored);
    let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 2]);
    let second = again.editor.candidates(restored).nth(1).unwrap();
    assert!(again.editor.is_layer(second));
    assert_eq!(again.editor.losses(restored).results, 2);
}

#[test]
fn undo_brings_back_what_was_thrown_away_where_nothing_was_done_since() {
    let mut session = Session::new(vec![]);
    let id = three(&mut session);
    let made = (ids(&session.editor, id), patches(&session.editor, id));
    let thrown = vec![made.0[0], made.0[2]];
    session.editor.apply(Command::DiscardResults(thrown));
    assert_eq!(ids(&session.editor, id), [made.0[1]]);
    let what = session.editor.undo_message(id).unwrap();
    assert_eq!(english(&what), "Throw result away");
    session.editor.apply(Command::Undo { document: id });
    wait_for_pixels(&mut session, id);
    assert!((ids(&session.editor, id), patches(&session.editor, id)) == made);
    // After a stroke, undo is about the stroke.
    session.editor.apply(Command::DiscardCandidate(made.0[0]));
    session.paint(id, (160.0, 160.0), (120.0, 190.0));
    session.editor.apply(Command::Undo { document: id });
    assert_eq!(ids(&session.editor, id).len(), 2);
    assert!(session.editor.has_thrown_away(id));
    session.editor.apply(Command::BringBack { document: id });
    wait_for_pixels(&mut session, id);
    assert!((ids(&session.editor, id), patches(&session.editor, id)) == made);
    assert!(!session.editor.has_thrown_away(id));
    assert_eq!(session.document(id).document().layers().len(), 1);
}

#[test]
fn pixels_leave_the_memory_for_the_disk_and_come_back_when_looked_at() {
    let mut session = Session::new(vec![]);
    let id = three(&mut session);
    let made = (ids(&session.editor, id), patches(&session.editor, id));
    prefer(&mut session, |preferences| {
        preferences.results_in_memory_mib = 0;
    });
    session.generate(id);
    settle(&mut session);
    session.wait("the memory to be free", |editor| {
        editor.candidate(made.0[0]).unwrap().patch().is_none()
    });
    let in_memory = |session: &Session| -> Vec<bool> {
        let all = session.editor.candidates(id);
        all.map(|it| it.patch().is_some()).collect()
    };
    let newest = ids(&session.editor, id).len() - 1;
    assert!(in_memory(&session)[1], "a layer holds it");
    assert!(in_memory(&session)[newest], "what is looked at");
    assert!(!in_memory(&session)[2]);
    session.editor.apply(Command::LookAt(made.0[2]));
    session.wait("pixels", |editor| {
        editor.candidate(made.0[2]).unwrap().patch().is_some()
    });
    assert!(patch_of(session.editor.candidate(made.0[2]).unwrap()) == made.1[2]);
    assert!(!in_memory(&session)[newest], "another leaves for it");
    // What is asked of one that is on the disk is done when it is there.
    session.editor.apply(Command::AcceptCandidate(made.0[0]));
    session.wait("the layer", |editor| {
        editor.document(id).unwrap().document().layers().len() == 2
    });
    let top = session.document(id).document().layers()[1].clone();
    assert!(*top.patch == made.1[0]);
    // A project holds all of them.
    let path = session.path("cats.ora");
    session.editor.apply(Command::SaveAs {
        document: id,
        path: path.clone(),
        jpeg_quality: None,
    });
    session.wait("the project", |editor| {
        !editor.document(id).unwrap().is_being_saved()
    });
    assert!(session.errors().is_empty(), "{:?}", session.errors());
    let count = ids(&session.editor, id).len();
    prefer(&mut session, |preferences| {
        preferences.results_in_memory_mib = 1024;
    });
    session.editor.apply(Command::OpenFile(path));
    session.wait("the project", |editor| editor.documents().len() == 2);
    let opened = session.editor.active().unwrap().id();
    assert_eq!(ids(&session.editor, opened).len(), count);
    assert!(patches(&session.editor, opened)[..3] == made.1);
    assert_eq!(session.editor.results_by_group(opened).len(), 2);
}

#[test]
fn running_again_gives_the_same_bytes_or_says_what_differs() {
    let mut session = Session::new(vec![]);
    let id = three(&mut session);
    let first = ids(&session.editor, id)[0];
    let made = patches(&session.editor, id)[0].clone();
    // The second is a layer now, but what the first began from is still known.
    generate_again(&mut session, first, false);
    assert!(patch_of(&session.last_candidate(id)) == made);
    let same = "Run again: the same picture, byte for byte.";
    assert!(said(&session, NoticeLevel::Info).contains(&same.to_owned()));
    let seed = session.last_candidate(id).settings.seed;
    generate_again(&mut session, first, true);
    let other = session.last_candidate(id);
    assert_ne!(other.settings.seed, seed);
    assert_eq!(other.settings.prompt, "a cat");
    assert!(session.errors().is_empty());

    // After a restart only the document as it stands is known: the layer is a part of it.
    settle(&mut session);
    let mut again = after_a_kill(&session);
    let restored = restore_only(&mut again);
    wait_for_pixels(&mut again, restored);
    let all = ids(&again.editor, restored);
    generate_again(&mut again, all[0], false);
    let warnings = said(&again, NoticeLevel::Warning);
    let source = "The picture it was made from has changed since.";
    assert!(
        warnings.iter().any(|it| it.contains(source)),
        "{warnings:?}"
    );
    // What the layer was made from lies below it.
    generate_again(&mut again, all[1], false);
    assert!(
        patch_of(&again.last_candidate(restored))
            == patch_of(again.editor.candidate(all[1]).unwrap())
    );
    assert!(said(&again, NoticeLevel::Info).contains(&same.to_owned()));
}

#[test]
fn a_layer_is_run_again_with_its_mask_and_settings() {
    let mut session = Session::new(vec![]);
    let id = three(&mut session);
    let mask = session.document(id).document().mask().clone();
    let layer = session.document(id).document().layers()[0].clone();
    let made_with = {
        let second = session.editor.candidates(id).nth(1).unwrap();
        EditSettings::clone(&second.settings)
    };
    session.editor.apply(Command::ClearMask { document: id });
    session.editor.apply(Command::SetSettings {
        document: id,
        settings: Box::new(EditSettings {
            prompt: "a dog".to_owned(),
            ..session.document(id).settings().clone()
        }),
    });
    prefer(&mut session, |preferences| preferences.variations = 1);
    let document = id;
    session.editor.apply(Command::RedoLayer {
        document,
        layer: layer.id,
    });
    assert!(*session.document(id).document().mask() == mask);
    assert_eq!(*session.document(id).settings(), made_with);
    assert_eq!(session.document(id).redoing().unwrap().id, layer.id);
    session.generate(id);
    let same = "Run again: the same picture, byte for byte.";
    assert!(said(&session, NoticeLevel::Info).contains(&same.to_owned()));
    assert!(patch_of(&session.last_candidate(id)) == *layer.patch);
    // With another strength it stands beside the layer, or takes its place.
    session.editor.apply(Command::SetSettings {
        document,
        settings: Box::new(EditSettings {
            strength: Strength::new(0.9).unwrap(),
            ..made_with
        }),
    });
    session.generate(id);
    let changed = session.last_candidate(id);
    session.editor.apply(Command::AcceptBeside(changed.id));
    let layers = |session: &Session| session.document(id).document().layers().to_vec();
    assert_eq!(layers(&session)[0], layer);
    assert_eq!(Some(&layers(&session)[1].patch), changed.patch());
    assert!(session.document(id).redoing().is_none());
    session.editor.apply(Command::Undo { document });
    session.editor.apply(Command::AcceptCandidate(changed.id));
    let replaced = layers(&session);
    assert_eq!(replaced.len(), 1);
    assert_eq!(replaced[0].name, layer.name);
    assert_eq!(Some(&replaced[0].patch), changed.patch());
    session.editor.apply(Command::Undo { document });
    assert_eq!(layers(&session), std::slice::from_ref(&layer));
    // The mask that was there comes back with the steps before.
    session.editor.apply(Command::DuplicateLayer {
        document,
        layer: layer.id,
    });
    let twins = layers(&session);
    assert_eq!(twins.len(), 2);
    assert!(twins[0].id != twins[1].id && twins[0].patch == twins[1].patch);
    assert_eq!(twins[1].painted, twins[0].painted);
}
