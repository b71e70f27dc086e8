//! A real process, killed at any moment: this test binary runs itself again as a scripted session,
//! kills it and restores what it has left.
//!
//! The script is the same each time, so the truth is known beforehand: every state it goes through,
//! with every step that could be taken back then. The child writes down when it gives each command,
//! before it gives it; so the parent knows how long each state was the present one.
//!
//! How old what was lost was is measured by a clock of the child's own: a thread that sleeps ten
//! milliseconds and writes a byte to the same disk, again and again. On an idle machine a hundred
//! beats are a second. Where other programs leave the child no processor or no disk, its clock stands
//! as its journal does; so the promise of one second is held strictly, for each kill, on any machine.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use overpaint::document::{DocumentId, EditLabel, State};
use overpaint::editor::{BrushTip, Command, OpenDocument};
use overpaint::geometry::{Extent, Rect};
use overpaint::plan::EditSettings;
use overpaint::raster::Shape;
use overpaint::select::Combination;
use tempfile::TempDir;

use super::restore_only;
use crate::support::session::{Session, pixels, point, start_in, start_with_wake};

/// In the child's environment: where its session lies.
pub(super) const FOLDER: &str = "OVERPAINT_TEST_KILLED_SESSION";
/// In the parent's environment: how often to kill, for a long run by hand.
pub(super) const KILLS: &str = "OVERPAINT_TEST_KILLS";
/// The test that is such a session.
const SESSION: &str = "recovery::killed::a_session";
/// The file of the child's times, beside its journals.
pub(super) const TIMES: &str = "times";
/// The file of the child's own clock: a byte a beat.
const BEATS: &str = "beats";
const BEAT: Duration = Duration::from_millis(10);
/// The promise: nothing older than a second is lost.
pub(super) const PROMISE_BEATS: u64 = 100;
/// More commands than a session of [`LONGEST`] gets through.
const STEPS: usize = 480;
/// Kills come at any moment until then.
const LONGEST: Duration = Duration::from_secs(3);
/// Sessions at a time.
pub(super) const ABREAST: usize = 4;

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
        18 => Command::DrawShape {
            document,
            shape: Shape::Rect(Rect::new(round as i32 * 5, 40, 60, 50)),
            how: Combination::Add,
            opacity: 1.0,
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
    undo: Vec<EditLabel>,
    redo: Vec<EditLabel>,
    settings: EditSettings,
    title: String,
    is_seed_locked: bool,
    is_unsaved: bool,
}

fn truth_of(open: &OpenDocument) -> Truth {
    Truth {
        state: open.document().state().clone(),
        undo: open.document().undo_labels().collect(),
        redo: open.document().redo_labels().collect(),
        settings: open.settings().clone(),
        title: open.title().to_owned(),
        is_seed_locked: open.is_seed_locked(),
        is_unsaved: open.document().is_unsaved(),
    }
}

/// What must come back after each command of the script.
fn all_truths() -> Vec<Truth> {
    let mut session = Session::new(vec![]);
    let mut settled = None;
    let truth = |step| {
        act(&mut session, step);
        let open = session.editor.active().unwrap();
        let mut truth = truth_of(open);
        match open.document().open_gesture() {
            // A stroke under way comes back as far as it had come, as a step of its own.
            Some(label) if settled.as_ref() != Some(&truth.state) => {
                truth.undo.push(label);
                truth.redo.clear();
            }
            Some(_) => {}
            None => settled = Some(truth.state.clone()),
        }
        truth
    };
    (0..STEPS).map(truth).collect()
}

pub(super) fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

pub(super) fn appending(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.create(true).append(true).open(path).unwrap()
}

/// Starts the child's own clock.
pub(super) fn start_clock(folder: &Path) -> Arc<AtomicU64> {
    let beats = Arc::new(AtomicU64::new(0));
    let (counter, mut file) = (Arc::clone(&beats), appending(&folder.join(BEATS)));
    let clock = std::thread::Builder::new().name("clock".to_owned());
    let beat = move || {
        while file.write_all(b".").is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(BEAT);
        }
    };
    clock.spawn(beat).unwrap();
    beats
}

#[test]
#[ignore = "the session that the other test starts and kills"]
fn a_session() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let beats = start_clock(folder);
    let mut times = appending(&folder.join(TIMES));
    // As a window does: it draws, and so polls, when something happens and when it is woken.
    let (ring, rung) = sync_channel(1);
    let wake = Arc::new(move || _ = ring.try_send(()));
    let mut session = Session {
        editor: start_with_wake(folder, vec![], Duration::ZERO, wake),
        folder: tempfile::tempdir_in(folder).unwrap(),
    };
    for step in 0..STEPS {
        // A hand's pace: the events of a stroke, and now and then a look at the picture.
        let pause = if step % 24 == 19 { 250 } else { 3 + step % 7 };
        let next = Instant::now() + Duration::from_millis(pause as u64);
        while rung.recv_timeout(next - Instant::now()).is_ok() {
            session.editor.poll();
        }
        times.write_all(time_line(&beats).as_bytes()).unwrap();
        act(&mut session, step);
    }
    while folder.exists() {
        _ = rung.recv_timeout(BEAT);
        session.editor.poll();
    }
}

/// When something was, by everyone's clock and by the child's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    since_1970: Duration,
    beats: u64,
}

/// How old the oldest thing was that a kill has lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lost {
    pub(super) beats: u64,
    wall: Duration,
}

/// A child process with its folder; killed at the latest when the test ends.
pub(super) struct Running {
    child: Child,
    pub(super) folder: TempDir,
    pub(super) lives_for: Duration,
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Running {
    /// Runs `session`, an ignored test of this binary, in a folder of its own.
    pub(super) fn start(session: &str, lives_for: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", session, "--ignored"])
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
    pub(super) fn times(&self) -> Vec<Time> {
        let text = std::fs::read_to_string(self.folder.path().join(TIMES)).unwrap_or_default();
        // The kill may have cut the last line short.
        text.split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
            .map(|line| {
                let (nanos, beats) = line.split_once(' ').unwrap();
                Time {
                    since_1970: Duration::from_nanos(nanos.parse().unwrap()),
                    beats: beats.parse().unwrap(),
                }
            })
            .collect()
    }

    /// Waits for the session's beginning and then for its end.
    pub(super) fn kill_in_time(&mut self) -> Time {
        let began = loop {
            if let Some(began) = self.times().first() {
                break began.since_1970;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "it did not begin");
            std::thread::sleep(Duration::from_millis(1));
        };
        std::thread::sleep((began + self.lives_for).saturating_sub(since_1970()));
        self.kill_now()
    }

    /// Waits for its life's span after a command was given, and then ends it.
    pub(super) fn kill_in_command(&mut self, command: usize) -> Time {
        while self.times().len() <= command {
            assert!(self.child.try_wait().unwrap().is_none(), "it did not begin");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(self.lives_for);
        self.kill_now()
    }

    fn kill_now(&mut self) -> Time {
        assert!(self.child.try_wait().unwrap().is_none(), "it ended itself");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Time {
            since_1970: since_1970(),
            beats: std::fs::metadata(self.folder.path().join(BEATS))
                .unwrap()
                .len(),
        }
    }

    /// Restores what is left and says what was lost.
    fn restore(&self, killed: Time, truths: &[Truth]) -> Lost {
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
        Lost::between(lost_from.copied(), killed)
    }
}

impl Lost {
    /// What came from `lost_from` on is lost; `None`: nothing.
    pub(super) fn between(lost_from: Option<Time>, killed: Time) -> Self {
        let lost_from = lost_from.unwrap_or(killed);
        Self {
            beats: killed.beats.saturating_sub(lost_from.beats),
            wall: killed.since_1970.saturating_sub(lost_from.since_1970),
        }
    }
}

/// A line of [`TIMES`].
pub(super) fn time_line(beats: &AtomicU64) -> String {
    let (now, beats) = (since_1970().as_nanos(), beats.load(Ordering::SeqCst));
    format!("{now} {beats}\n")
}

/// Numbers without a pattern (Marsaglia's xorshift).
pub(super) fn next_random(state: &mut u64) -> u64 {
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
            .map(|millis| Running::start(SESSION, Duration::from_millis(millis)))
            .collect();
        batch.sort_by_key(|running| running.lives_for);
        for running in &mut batch {
            let killed = running.kill_in_time();
            let loss = running.restore(killed, &truths);
            println!("killed after {:?}: {loss:?}", running.lives_for);
            lost.push(loss);
        }
    }
    lost.sort();
    let most = lost.last().unwrap();
    let mut walls: Vec<Duration> = lost.iter().map(|loss| loss.wall).collect();
    walls.sort();
    println!(
        "of {kills} kills the last {:?} (p50), {:?} (p95), {:?} (at most) were lost; {} beats at most",
        walls[kills / 2],
        walls[kills * 95 / 100],
        walls[kills - 1],
        most.beats
    );
    assert!(most.beats <= PROMISE_BEATS, "{lost:?}");
}
