//! The queue and the mask through the `Editor`: adding, moving and removing while a job runs, ending
//! in the middle of one, and which mask a run really takes.

use std::time::{Duration, Instant};

use overpaint::document::{DocumentId, EditLabel};
use overpaint::editor::{BrushTip, Command, Editor, NoticeLevel, RunState};
use overpaint::engine::fake::Script;
use overpaint::geometry::Rect;
use overpaint::jobs::JobId;
use overpaint::plan::EditSettings;
use overpaint::raster::Pixmap;

use crate::support::session::{Session, point};

fn ask(session: &mut Session, document: DocumentId, prompt: &str) -> JobId {
    let settings = EditSettings {
        prompt: prompt.to_owned(),
        ..session.document(document).settings().clone()
    };
    session.editor.apply(Command::SetSettings {
        document,
        settings: Box::new(settings),
    });
    let known: Vec<JobId> = session.editor.runs().iter().map(|run| run.job).collect();
    session.editor.apply(Command::Generate { document });
    let mut new = session.editor.runs().iter().map(|run| run.job);
    new.find(|job| !known.contains(job)).expect("a job")
}

/// Waits until the engine has taken the running job up, and with it its script.
fn wait_until_it_runs(session: &mut Session) {
    session.wait("the first step", |editor| {
        matches!(&editor.running().unwrap().state, RunState::Running(p) if p.stage.is_some())
    });
}

fn waiting(editor: &Editor) -> Vec<JobId> {
    editor.queue().map(|run| run.job).collect()
}

#[test]
fn jobs_are_added_moved_and_removed_while_one_runs() {
    let mut session = Session::new(vec![Script::WaitForCancel]);
    let id = session.open();
    let jobs = ["one", "two", "three", "four"].map(|prompt| ask(&mut session, id, prompt));
    let [one, two, three, four] = jobs;
    assert_eq!(session.editor.running().unwrap().job, one);
    assert_eq!(waiting(&session.editor), [two, three, four]);
    let to_front = Command::MoveQueued { job: four, to: 0 };
    session.editor.apply(to_front);
    assert_eq!(waiting(&session.editor), [four, two, three]);
    session.editor.apply(Command::RemoveQueued(two));
    assert_eq!(waiting(&session.editor), [four, three]);
    assert!(matches!(session.state_of(two), RunState::Cancelled));
    session.editor.apply(Command::RemoveQueued(one));
    assert!(
        session.editor.running().is_some(),
        "the running one is not in the queue"
    );
    wait_until_it_runs(&mut session);
    session.editor.apply(Command::Cancel(one));
    session.wait_for_runs();
    let finished: Vec<JobId> = session.editor.candidates(id).map(|c| c.job).collect();
    assert_eq!(finished, [four, three], "in the order they were moved to");
    let prompts: Vec<&str> = session
        .editor
        .candidates(id)
        .map(|c| c.settings.prompt.as_str())
        .collect();
    assert_eq!(prompts, ["four", "three"], "each with its own settings");
}

#[test]
fn cancelling_all_empties_the_queue_and_a_closed_document_takes_its_jobs_along() {
    let mut session = Session::new(vec![Script::WaitForCancel, Script::WaitForCancel]);
    let id = session.open();
    let other = session.open();
    for _ in 0..3 {
        ask(&mut session, id, "a");
    }
    wait_until_it_runs(&mut session);
    session.editor.apply(Command::CancelAll);
    session.wait_for_runs();
    assert_eq!(session.editor.candidates(id).count(), 0);
    let gone = ask(&mut session, id, "b");
    let stays = ask(&mut session, other, "c");
    wait_until_it_runs(&mut session);
    session.editor.apply(Command::CloseDocument {
        document: id,
        discard_unsaved: true,
    });
    session.wait_for_runs();
    assert!(matches!(session.state_of(gone), RunState::Cancelled));
    assert!(matches!(session.state_of(stays), RunState::Finished(_)));
}

#[test]
fn ending_in_the_middle_of_a_job_ends_at_once_and_keeps_what_was_painted() {
    let mut session = Session::new(vec![Script::WaitForCancel]);
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    for _ in 0..3 {
        ask(&mut session, id, "a");
    }
    wait_until_it_runs(&mut session);
    let Session { editor, folder } = session;
    let asked = Instant::now();
    editor.close();
    // The job alone would wait for ever.
    assert!(asked.elapsed() < Duration::from_mins(1));
    // What was painted stays under "Recently closed"; nothing is offered for recovery.
    let sessions = std::fs::read_dir(folder.path().join("sessions")).unwrap();
    let kept: Vec<_> = sessions.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1);
    assert!(
        kept.iter()
            .all(|folder| folder.join("closed.json").exists())
    );
}

/// Where a result differs from the picture it was made of.
fn changed(session: &Session, document: DocumentId) -> Rect {
    let candidate = session.last_candidate(document);
    let patch = candidate.patch().unwrap();
    let (Pixmap::Rgba8(patch), rect) = (&patch.pixels, patch.rect) else {
        panic!("8 bits expected")
    };
    let mut bounds = Rect::default();
    for y in 0..rect.height {
        for x in 0..rect.width {
            if patch.get(x, y).unwrap()[3] > 0 {
                bounds = bounds.union(Rect::new(rect.x + x as i32, rect.y + y as i32, 1, 1));
            }
        }
    }
    bounds
}

#[test]
fn a_run_takes_the_mask_as_it_was_when_it_was_asked_for() {
    let mut session = Session::new(vec![Script::WaitForCancel]);
    let id = session.open();
    let blocking = ask(&mut session, id, "it runs meanwhile");
    session.paint(id, (60.0, 60.0), (90.0, 60.0));
    // In the middle of a stroke: it counts as far as it has come, and ends there.
    let brush = BrushTip {
        diameter_px: 20.0,
        ..BrushTip::default()
    };
    session.editor.apply(Command::StrokeBegin {
        document: id,
        brush,
        at: point((60.0, 150.0)),
    });
    ask(&mut session, id, "a cat");
    assert_eq!(session.document(id).document().open_gesture(), None);
    let painted = session.document(id).region();
    // What comes later is for later runs.
    session.editor.apply(Command::StrokeTo {
        document: id,
        at: point((280.0, 260.0)),
    });
    session.paint(id, (250.0, 250.0), (280.0, 260.0));
    wait_until_it_runs(&mut session);
    session.editor.apply(Command::Cancel(blocking));
    session.wait_for_runs();
    let overpaint::plan::RegionBounds::Box(painted) = painted else {
        panic!("a box expected")
    };
    let changed = changed(&session, id);
    let feather = session.last_candidate(id).layout.feather_px.ceil() as i32 + 1;
    assert_eq!(changed.intersect(painted), painted, "all that was painted");
    let most = Rect::new(
        painted.x - feather,
        painted.y - feather,
        painted.width + 2 * feather as u32,
        painted.height + 2 * feather as u32,
    );
    assert_eq!(
        changed.intersect(most),
        changed,
        "and nothing painted later"
    );
}

#[test]
fn a_mask_for_another_canvas_is_not_taken() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    let path = session.path("mask.png");
    session.editor.apply(Command::SaveMask {
        document: id,
        path: path.clone(),
    });
    session.wait("the mask's file", |_| path.is_file());
    // The canvas is cut while the file is being read: whichever comes first, the mask fits.
    session
        .editor
        .apply(Command::LoadMask { document: id, path });
    session.editor.apply(Command::CropCanvas {
        document: id,
        rect: Rect::new(10, 10, 200, 200),
    });
    session.wait("a word", |editor| {
        let mut notices = editor.notices().iter();
        notices.any(|notice| notice.level > NoticeLevel::Info)
    });
    assert!(session.errors()[0].contains("300×270"));
    let undo = session.document(id).document().undo_label();
    assert_eq!(undo, Some(EditLabel::CropCanvas), "and not the mask");
}
