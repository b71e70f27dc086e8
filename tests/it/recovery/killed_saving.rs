//! A real process, killed while it saves, closes and takes in results: its project is whole and never
//! older than the last save that had ended, and the journal, or what was closed, gives back the rest.
//!
//! As in `killed`, the script is the same each time and the truth known beforehand. A command that
//! goes to a thread (a save, a closing, a run) is waited for before the next one is given; so the time
//! at which the next was given says that it had ended.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use overpaint::document::{DocumentId, State};
use overpaint::editor::{Command, Editor, OpenDocument};
use overpaint::plan::EditSettings;
use overpaint::project::{self, Project};

use super::killed::{
    ABREAST, FOLDER, KILLS, Lost, PROMISE_BEATS, Running, TIMES, Time, appending, next_random,
    since_1970, start_clock, time_line,
};
use super::restore_only;
use crate::support::files::photograph;
use crate::support::session::{Session, start_in};

/// The test that is such a session.
const SESSION: &str = "recovery::killed_saving::a_session";
const PICTURE: &str = "hopper.png";
const PROJECT: &str = "hopper.ora";
/// Commands of a round.
const PHASES: usize = 11;
/// More commands than a session gets through.
const STEPS: usize = 30 * PHASES;

/// Round and phase of a command. The first opens the picture.
fn place_of(step: usize) -> Option<(usize, usize)> {
    let step = step.checked_sub(1)?;
    Some((step / PHASES, step % PHASES))
}

/// Gives command number `step` and waits for what it sets off.
fn act(session: &mut Session, folder: &Path, step: usize) {
    let Some(open) = session.editor.active() else {
        return open_again(session, folder);
    };
    let document = open.id();
    let Some((round, phase)) = place_of(step) else {
        return;
    };
    match phase {
        0 => {
            let locked = true;
            session.editor.apply(Command::LockSeed { document, locked });
            let settings = EditSettings {
                prompt: format!("cat number {round}"),
                ..session.document(document).settings().clone()
            };
            session.editor.apply(Command::SetSettings {
                document,
                settings: Box::new(settings),
            });
        }
        1 | 6 => {
            let x = 20.0 + (round * 37 + phase * 11) as f32 % 250.0;
            session.paint(document, (x, 40.0), (x + 20.0, 200.0));
        }
        2 | 3 | 7 => _ = session.generate(document),
        4 => {
            let candidate = session.last_candidate(document).id;
            session.editor.apply(Command::AcceptCandidate(candidate));
        }
        5 => save(session, folder, document),
        8 => session.editor.apply(Command::InvertMask { document }),
        9 => {
            session.editor.apply(Command::CloseDocument {
                document,
                discard_unsaved: true,
            });
            session.wait("what was closed", |editor| {
                !editor.recently_closed().is_empty()
            });
        }
        // It was closed.
        _ => {}
    }
}

/// The picture in the beginning, then what was closed.
fn open_again(session: &mut Session, folder: &Path) {
    let closed = session.editor.recently_closed().first();
    let command = match closed {
        Some(closed) => Command::Restore(closed.id),
        None => Command::OpenFile(folder.join(PICTURE)),
    };
    session.editor.apply(command);
    session.wait("the document", |editor| editor.active().is_some());
}

fn save(session: &mut Session, folder: &Path, document: DocumentId) {
    let project = folder.join(PROJECT);
    let is_project = session.document(document).path() == Some(&project);
    session.editor.apply(if is_project {
        Command::Save { document }
    } else {
        Command::SaveProject { document }
    });
    session.wait("the save", |editor| {
        !editor.document(document).unwrap().is_being_saved()
    });
}

fn is_save(step: usize) -> bool {
    place_of(step).is_some_and(|(_, phase)| phase == 5)
}

/// Nothing goes to a file in it but a journal's step.
fn is_quick(step: usize) -> bool {
    place_of(step).is_some_and(|(_, phase)| matches!(phase, 0 | 1 | 4 | 6 | 8))
}

/// What must come back.
#[derive(PartialEq)]
struct Truth {
    state: State,
    prompt: String,
    /// With those that became layers.
    results: usize,
}

impl Truth {
    fn of(editor: &Editor, open: &OpenDocument) -> Self {
        Self {
            state: open.document().state().clone(),
            prompt: open.settings().prompt.clone(),
            results: editor.candidates(open.id()).count(),
        }
    }

    fn of_project(project: &Project) -> Self {
        let prompt = &project.about["settings"]["prompt"];
        Self {
            state: project.state.clone(),
            prompt: prompt.as_str().unwrap().to_owned(),
            results: project.results.len(),
        }
    }
}

/// What there is after each command; while nothing is open, what was closed.
fn all_truths(steps: usize) -> Vec<Option<Truth>> {
    let mut session = Session::new(vec![]);
    let folder = session.folder.path().to_path_buf();
    photograph(&folder.join(PICTURE));
    let truth = |step| {
        act(&mut session, &folder, step);
        let open = session.editor.active();
        open.map(|open| Truth::of(&session.editor, open))
    };
    let mut truths: Vec<Option<Truth>> = (0..steps).map(truth).collect();
    for step in 1..steps {
        if truths[step].is_none() {
            let before = truths[step - 1].as_ref().unwrap();
            truths[step] = Some(Truth {
                state: before.state.clone(),
                prompt: before.prompt.clone(),
                results: before.results,
            });
        }
    }
    truths
}

#[test]
#[ignore = "the session that the other test starts and kills"]
fn a_session() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let beats = start_clock(folder);
    photograph(&folder.join(PICTURE));
    let mut times = appending(&folder.join(TIMES));
    let mut session = session_in(folder);
    for step in 0..STEPS {
        times.write_all(time_line(&beats).as_bytes()).unwrap();
        act(&mut session, folder, step);
    }
    while folder.exists() {
        std::thread::sleep(Duration::from_millis(10));
        session.editor.poll();
    }
}

/// A session that keeps everything in `folder`.
fn session_in(folder: &Path) -> Session {
    Session {
        editor: start_in(folder, vec![], Duration::ZERO),
        folder: tempfile::tempdir_in(folder).unwrap(),
    }
}

/// What the killed session left of its project: whole, and not older than the last save that had ended.
fn check_project(folder: &Path, begun: usize, truths: &[Option<Truth>]) -> Option<Truth> {
    let ended = begun.saturating_sub(1);
    let saved = (0..ended).rev().find(|step| is_save(*step));
    let path = folder.join(PROJECT);
    if saved.is_none() && !path.exists() {
        return None;
    }
    let opened = project::read(&path).unwrap();
    assert!(opened.written.is_some() && opened.notes.is_empty());
    let original = std::fs::read(folder.join(PICTURE)).unwrap();
    assert!(opened.project.original.as_ref().unwrap().bytes == original);
    let held = Truth::of_project(&opened.project);
    let mut saves = (0..begun).rev().filter(|step| is_save(*step));
    let held_at = saves.find(|step| truths[*step].as_ref() == Some(&held));
    let held_at = held_at.expect("the state of a save");
    assert!(Some(held_at) >= saved, "{held_at} is before {saved:?}");
    Some(held)
}

fn was_closed(folder: &Path) -> bool {
    let sessions = std::fs::read_dir(folder.join("sessions"));
    let mut sessions = sessions.into_iter().flatten();
    sessions.any(|entry| entry.unwrap().path().join("closed.json").exists())
}

/// Looks at what a killed session has left, and says what was lost.
fn check(running: &Running, killed: Time, truths: &[Option<Truth>]) -> Lost {
    let (folder, times) = (running.folder.path(), running.times());
    let in_project = check_project(folder, times.len(), truths);
    let closed = was_closed(folder);
    let mut session = session_in(folder);
    let lost_from = if !closed && session.editor.recoverable().next().is_none() {
        assert!(in_project.is_none(), "a saved document has a journal");
        times.first()
    } else {
        let document = if closed {
            assert!(session.editor.recoverable().next().is_none());
            session.wait("what was closed", |editor| {
                !editor.recently_closed().is_empty()
            });
            open_again(&mut session, folder);
            session.editor.active().unwrap().id()
        } else {
            restore_only(&mut session)
        };
        let restored = Truth::of(&session.editor, session.document(document));
        let reached = truths.get(..times.len()).expect("a truth for each command");
        let at = reached.iter().rposition(|truth| {
            truth.as_ref().is_some_and(|truth| {
                truth.state == restored.state && truth.prompt == restored.prompt
            })
        });
        // Their number only rises.
        let missing = reached.iter().position(|truth| {
            truth
                .as_ref()
                .is_some_and(|truth| truth.results > restored.results)
        });
        assert!(!closed || missing.is_none(), "results that were closed");
        let saved = in_project.map_or(0, |project| project.results);
        assert!(restored.results >= saved, "results that were saved");
        let lost = at.expect("a state that there was") + 1;
        // A result came when its command had ended, not when it was given.
        times.get(missing.map_or(lost, |missing| lost.min(missing + 1)))
    };
    session.editor.close();
    Lost::between(lost_from.copied(), killed)
}

#[test]
fn a_process_killed_while_it_saves_and_closes_leaves_whole_projects_and_the_rest_in_its_journal() {
    let kills = std::env::var(KILLS).map_or(6, |count| count.parse().unwrap());
    let mut random = since_1970().as_nanos() as u64 | 1;
    let mut killed = Vec::new();
    while killed.len() < kills {
        let mut batch: Vec<(usize, Running)> = (0..ABREAST.min(kills - killed.len()))
            .map(|_| {
                // Of two rounds; most commands take a moment, some take long.
                let command = next_random(&mut random) as usize % (2 * PHASES);
                let command = if is_quick(command) {
                    command + 1
                } else {
                    command
                };
                let within = Duration::from_millis(1 << (next_random(&mut random) % 8));
                (command, Running::start(SESSION, within))
            })
            .collect();
        batch.sort_by_key(|(command, _)| *command);
        for (command, mut running) in batch {
            let at = running.kill_in_command(command);
            killed.push((running, at));
        }
    }
    let most = killed.iter().map(|(running, _)| running.times().len());
    let truths = all_truths(most.max().unwrap());
    let mut lost = Vec::new();
    let mut during = [0; PHASES];
    for (running, at) in &killed {
        let loss = check(running, *at, &truths);
        if let Some((_, phase)) = place_of(running.times().len().saturating_sub(1)) {
            during[phase] += 1;
        }
        println!("killed after {:?}: {loss:?}", running.lives_for);
        lost.push(loss);
    }
    let most = lost.iter().map(|loss| loss.beats).max().unwrap();
    println!("of {kills} kills, by what was under way: {during:?}; {most} beats at most were lost");
    assert!(most <= PROMISE_BEATS, "{lost:?}");
}
