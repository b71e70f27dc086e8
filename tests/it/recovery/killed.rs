//! A real process, killed at any moment: this test binary runs itself again as a scripted session,
//! kills it and restores what it has left.
//!
//! The script is the same each time, so the truth is known beforehand: every state it goes through.
//! The child writes down when it gives each command, before it gives it; so the parent knows how
//! long each state was the present one.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use overpaint::document::{DocumentId, State};
use overpaint::editor::{BrushTip, Command, Fill, OpenDocument};
use overpaint::geometry::{Extent, Rect};
use overpaint::plan::EditSettings;
use tempfile::TempDir;

use super::restore_only;
use crate::support::session::{Session, pixels, point, start_in};

/// In the child's environment: where its session lies.
const FOLDER: &str = "OVERPAINT_TEST_KILLED_SESSION";
/// In the parent's environment: how often to kill, for a long run by hand.
const KILLS: &str = "OVERPAINT_TEST_KILLS";
/// The file of the child's times, beside its journals.
const TIMES: &str = "times";
/// More commands than a session of [`LONGEST`] gets through.
const STEPS: usize = 480;
/// Kills come at any moment until then.
const LONGEST: Duration = Duration::from_secs(3);
/// Sessions at a time.
const ABREAST: usize = 4;
/// The promise: nothing older is lost. Where other programs leave the journal's thread no processor
/// for seconds, a single kill may break it; so half of them must keep it, which they cannot when
/// nothing is written. A long run by hand prints what each lost.
const PROMISE: Duration = Duration::from_secs(1);
/// Gives command number `step`. First a picture is opened, and its runs made to draw no seeds of
/// their own, lest no two sessions be alike; then come rounds of everything.
fn act(session: &mut Session, step: usize) {
    let Some(open) = session.editor.active() else {
        return session.editor.apply(Command::OpenPixels {
            title: None,
            pixels: pixels(Extent::new(300, 270)),
        });
    };
    let document = open.id();
    let locked = true;
    match step.checked_sub(2) {
        None => session.editor.apply(Command::LockSeed { document, locked }),
        Some(step) => act_in_round(session, document, (step / 24, step % 24)),
    }
}

/// Painting, undoing, generating, accepting and the rest.
fn act_in_round(session: &mut Session, document: DocumentId, (round, phase): (usize, usize)) {
    let place = |offset: usize| {
        let along = (round * 37 + offset * 11) as f32;
        point((20.0 + along % 260.0, 30.0 + (along * 0.7) % 210.0))
    };
    let layer = session.document(document).document().layers().first();
    let layer = layer.map(|layer| layer.id);
    let command = match phase {
        0 | 20 => Command::StrokeBegin {
            document,
            brush: BrushTip::default(),
            at: place(phase),
        },
        1..=9 | 21 => Command::StrokeTo {
            document,
            at: place(phase),
        },
        10 => Command::StrokeEnd { document },
        11 => {
            let settings = EditSettings {
                prompt: format!("cat number {round}"),
                ..session.document(document).settings().clone()
            };
            Command::SetSettings {
                document,
                settings: Box::new(settings),
            }
        }
        12 | 17 => Command::Undo { document },
        13 => Command::Redo { document },
        14 => Command::Generate { document },
        15 => Command::AcceptCandidate(session.last_candidate(document).id),
        16 | 23 => Command::InvertMask { document },
        18 => Command::FillRect {
            document,
            rect: Rect::new(round as i32 * 5, 40, 60, 50),
            fill: Fill {
                opacity: 1.0,
                erase: false,
            },
        },
        19 => Command::SetLayerVisible {
            document,
            layer: layer.expect("one was accepted"),
            visible: round % 2 == 1,
        },
        _ => Command::StrokeAbort { document },
    };
    session.editor.apply(command);
    if phase == 14 {
        session.wait_for_runs();
    }
}

/// What must come back of a document.
#[derive(PartialEq)]
struct Truth {
    state: State,
    settings: EditSettings,
    title: String,
    is_seed_locked: bool,
    is_unsaved: bool,
}

fn truth_of(open: &OpenDocument) -> Truth {
    Truth {
        state: open.document().state().clone(),
        settings: open.settings().clone(),
        title: open.title().to_owned(),
        is_seed_locked: open.is_seed_locked(),
        is_unsaved: open.document().is_unsaved(),
    }
}

/// Every state of the script, one after each command.
fn all_truths() -> Vec<Truth> {
    let mut session = Session::new(vec![]);
    let truth = |step| {
        act(&mut session, step);
        truth_of(session.editor.active().unwrap())
    };
    (0..STEPS).map(truth).collect()
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

fn note_time(times: &mut File) {
    let line = format!("{}\n", since_1970().as_nanos());
    times.write_all(line.as_bytes()).unwrap();
}

#[test]
#[ignore = "the session that the other test starts and kills"]
fn a_session() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let mut times = OpenOptions::new();
    let times = times.create(true).append(true).open(folder.join(TIMES));
    let mut times = times.unwrap();
    let mut session = Session {
        editor: start_in(folder, vec![], Duration::ZERO),
        folder: tempfile::tempdir_in(folder).unwrap(),
    };
    for step in 0..STEPS {
        // A hand's pace: the events of a stroke, and now and then a look at the picture.
        let pause = if step % 24 == 19 { 250 } else { 3 + step % 7 };
        std::thread::sleep(Duration::from_millis(pause as u64));
        session.editor.poll();
        note_time(&mut times);
        act(&mut session, step);
    }
    while folder.exists() {
        session.editor.poll();
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A child process with its folder; killed at the latest when the test ends.
struct Running {
    child: Child,
    folder: TempDir,
    lives_for: Duration,
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Running {
    fn start(lives_for: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "recovery::killed::a_session", "--ignored"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            folder,
            lives_for,
        }
    }

    /// When each command was given.
    fn times(&self) -> Vec<Duration> {
        let text = std::fs::read_to_string(self.folder.path().join(TIMES)).unwrap_or_default();
        // The kill may have cut the last line short.
        text.split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
            .map(|line| Duration::from_nanos(line.parse().unwrap()))
            .collect()
    }

    /// Waits for the session's beginning and then for its end.
    fn kill_in_time(&mut self) -> Duration {
        let began = loop {
            if let Some(began) = self.times().first() {
                break *began;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "it did not begin");
            std::thread::sleep(Duration::from_millis(1));
        };
        std::thread::sleep((began + self.lives_for).saturating_sub(since_1970()));
        assert!(self.child.try_wait().unwrap().is_none(), "it ended itself");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        since_1970()
    }

    /// Restores what is left and says how old the oldest thing is that was lost.
    fn restore(&self, killed: Duration, truths: &[Truth]) -> Duration {
        let times = self.times();
        let mut session = Session {
            editor: start_in(self.folder.path(), vec![], Duration::ZERO),
            folder: tempfile::tempdir().unwrap(),
        };
        let lost_from = if session.editor.recoverable().next().is_none() {
            times.first()
        } else {
            let document = restore_only(&mut session);
            let restored = truth_of(session.document(document));
            let reached = truths.get(..times.len()).expect("a state for each command");
            let at = reached.iter().rposition(|truth| *truth == restored);
            times.get(at.expect("a state that there was") + 1)
        };
        session.editor.close();
        lost_from.map_or(Duration::ZERO, |time| killed.saturating_sub(*time))
    }
}

/// Numbers without a pattern (Marsaglia's xorshift).
fn next_random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn a_process_killed_at_any_moment_loses_no_more_than_its_last_second() {
    let kills = std::env::var(KILLS).map_or(8, |count| count.parse().unwrap());
    let truths = all_truths();
    let mut random = since_1970().as_nanos() as u64 | 1;
    let mut lost = Vec::new();
    while lost.len() < kills {
        let mut batch: Vec<Running> = (0..ABREAST.min(kills - lost.len()))
            .map(|_| next_random(&mut random) % LONGEST.as_millis() as u64)
            .map(|millis| Running::start(Duration::from_millis(millis)))
            .collect();
        batch.sort_by_key(|running| running.lives_for);
        for running in &mut batch {
            let killed = running.kill_in_time();
            let age = running.restore(killed, &truths);
            let lives_for = running.lives_for;
            println!("killed after {lives_for:?}: lost the last {age:?}");
            lost.push(age);
        }
    }
    lost.sort();
    let late = lost.iter().filter(|age| **age > PROMISE).count();
    assert!(lost[lost.len() / 2] <= PROMISE, "{lost:?}");
    println!(
        "of {kills}, {late} beyond {PROMISE:?}, at most {:?} lost",
        lost.iter().max()
    );
}
