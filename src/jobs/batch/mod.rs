//! [`run_batch`]: every picture of a batch, in four stages that overlap.
//!
//! ```text
//!   reading ──► selecting ──► handing out ──► running ──► writing
//!   file, key,  mask, doubt   to whichever    an engine,  file, journal,
//!   decoding                  engine is free  a thread    what is said
//!                             (the caller)    each
//! ```
//!
//! Each stage is a thread (handing out is the caller's) and hands on one picture at a time through a bounded
//! channel, in the order of the list. Engines pull results to make, so that a slow one makes fewer; a dead
//! one's work goes to another. What is settled early, as a picture that cannot be read, goes the same way, and
//! the writer puts all in order: rows come out as the list says. A stage that can do no more drops its end of
//! the channel, and the others stop by that. Nothing of the order or the threads goes into the bytes of a
//! result, but that each engine has its own.

mod handing_out;
mod lane;
mod reading;
mod running;
mod selecting;
mod writing;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

pub use lane::{BatchEvent, BatchLane, BatchOrder, REPORT, REVIEW, write_tables};

use super::worker::guarded;
use super::{EditError, EditResult, EngineFactory, EngineId, VisionFactory};
use crate::bulk::{
    Decision, Doubt, Job, Journal, JournalError, Key, KnownMask, ReportRow, ReviewRow, Source,
    State, Work,
};
use crate::engine::Stage;
use crate::geometry::Extent;
use crate::plan::PreviewPatch;
use crate::raster::{LoadedPicture, Mask};
use crate::text::Message;

/// What is to be done with which pictures.
pub struct Batch<'a> {
    /// What.
    pub work: &'a Work,
    /// With which, in this order.
    pub sources: &'a [Source],
    /// What is done already; its folder gets the results.
    pub journal: &'a Journal,
    /// What selects, by content.
    pub sight_identity: &'a str,
    /// Where masks are laid out for a look.
    pub review: Option<Review>,
    /// Pictures that may wait between two stages.
    pub ahead: usize,
    /// Nothing is run.
    pub masks_only: bool,
    /// Results are made again otherwise, in the place of those that are done: whatever is done is run, and the
    /// journal keeps what it knows.
    pub is_redo: bool,
    /// How what is said in rows becomes a sentence.
    pub say: &'a (dyn Fn(&Message) -> String + Sync),
    /// Who sees how far the pictures are that run.
    pub watcher: Option<&'a dyn BatchWatcher>,
}

/// Sees how far the pictures are that run: one for each engine.
pub trait BatchWatcher: Sync {
    /// True while nothing is to be gone on with.
    fn is_held(&self) -> bool;
    /// True while somebody else waits for this machine's engine: a run that is held gives it up then, and is begun
    /// anew later.
    fn is_engine_wanted(&self) -> bool;
    /// That picture of the list is run from now on.
    fn begins(&self, index: usize);
    /// The run of that picture stands here.
    fn stage(&self, index: usize, stage: Stage);
    /// A run has ended on an engine; its result comes without its pixels.
    fn ran(&self, ended: Result<EditResult, (EngineId, EditError)>);
    /// True when a preview would be looked at.
    fn wants_preview(&self) -> bool;
    /// What the result of that picture will be; the size of the picture.
    fn preview(&self, index: usize, preview: PreviewPatch, picture: Extent);
}

/// Where masks are laid out for a look, and what was said of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The folder.
    pub folder: PathBuf,
    /// By picture.
    pub decisions: BTreeMap<String, Decision>,
}

/// Seconds in which each stage worked; they overlap.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BatchSeconds {
    /// Reading and decoding.
    pub read: f64,
    /// Selecting, or reading masks.
    pub select: f64,
    /// Editing or erasing, of all engines together.
    pub run: f64,
    /// Encoding, writing and journaling.
    pub write: f64,
    /// From beginning to end.
    pub total: f64,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BatchResult {
    /// A row for each result, and for each picture without one, in the order of the list.
    pub rows: Vec<ReportRow>,
    /// A row for each selected mask.
    pub review: Vec<ReviewRow>,
    /// Where the time went.
    pub seconds: BatchSeconds,
}

/// A picture all of whose results are settled.
#[derive(Debug)]
pub struct PictureTold<'a> {
    /// Its place in the list, from 0.
    pub index: usize,
    /// What became of it.
    pub rows: &'a [ReportRow],
    /// What is worth knowing of it.
    pub notes: &'a [Message],
}

/// Whether a batch goes on. Whoever asks waits while it is held.
#[derive(Clone, Copy)]
struct Going<'a> {
    stop: &'a AtomicBool,
    watcher: Option<&'a dyn BatchWatcher>,
}

impl Going<'_> {
    /// A held batch looks so often whether it goes on.
    const HELD: Duration = Duration::from_millis(20);

    /// True once it is to stop.
    fn is_stopped(self) -> bool {
        self.waits_until(|_| false);
        self.stop.load(Ordering::Relaxed)
    }

    /// True where what is run on this machine's engine is to be given up for somebody else, while it is held.
    fn gives_way(self) -> bool {
        self.waits_until(|watcher| watcher.is_engine_wanted())
    }

    /// Waits while it is held; true where that ended by what was asked.
    fn waits_until(self, is_so: impl Fn(&dyn BatchWatcher) -> bool) -> bool {
        let Some(watcher) = self.watcher else {
            return false;
        };
        while watcher.is_held() && !self.stop.load(Ordering::Relaxed) {
            if is_so(watcher) {
                return true;
            }
            std::thread::sleep(Self::HELD);
        }
        false
    }
}

/// Pictures are ahead of the stage that works on them by so many where nobody says.
pub const AHEAD: usize = 1;

/// A picture on its way, with what the stages before have found out.
struct Opened {
    index: usize,
    loaded: LoadedPicture,
    /// Those not done yet.
    jobs: Vec<Job>,
    mask: MaskSource,
    /// Rows of what is settled already.
    rows: Vec<ReportRow>,
    /// What is known of the mask.
    doubt: Option<Doubt>,
    /// For the table of the review.
    review: Option<ReviewRow>,
    notes: Vec<Message>,
}

/// Where a picture's mask comes from.
enum MaskSource {
    /// The whole picture changes.
    None,
    /// A file, or a selection that its reviewer has painted over.
    Given(Mask),
    /// A selection, and what is known of it.
    Selected(Key, Option<KnownMask>),
}

/// A picture that needs nothing more.
struct Settled {
    index: usize,
    rows: Vec<ReportRow>,
    review: Option<ReviewRow>,
    notes: Vec<Message>,
}

impl Opened {
    /// Settles what is left of it in one way.
    fn settled(self, name: &str, state: State, why: String) -> Settled {
        let mut rows = self.rows;
        let mut row = ReportRow::of(name.to_owned(), state, why);
        if let Some(doubt) = &self.doubt {
            selecting::with_doubt(&mut row, doubt);
        }
        rows.push(row);
        Settled {
            index: self.index,
            rows,
            review: self.review,
            notes: self.notes,
        }
    }
}

/// What a stage hands on.
enum Step<T> {
    Open(Box<T>),
    Settled(Settled),
}

/// What selects, by content: the networks, and the program around them.
pub fn sight_identity(vision: &VisionFactory) -> String {
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    // Where there is none, looking will say why.
    let parts = vision().map(|vision| vision.identity()).unwrap_or_default();
    Key::of_parts(parts.into_iter().chain([version])).hex()
}

/// Does a batch. `engines` make what runs the work's models, in their order; where it needs none, the first
/// thread does all. `told` hears of each picture as it is settled, in the order of the list. A picture's error is
/// its row's; what comes back as an error is the journal's, and ends the batch. `stop` ends it too, and what is
/// done stays done.
pub fn run_batch(
    batch: &Batch<'_>,
    engines: &[EngineFactory],
    vision: &VisionFactory,
    stop: &AtomicBool,
    told: &(dyn Fn(&PictureTold<'_>) + Sync),
) -> Result<BatchResult, JournalError> {
    let started = Instant::now();
    let (read_tx, read_rx) = bounded(batch.ahead);
    let (selected_tx, selected_rx) = bounded(batch.ahead);
    let (made_tx, made_rx) = bounded(batch.ahead);
    let going = Going {
        stop,
        watcher: batch.watcher,
    };
    let is_stopped = &|| going.is_stopped();
    let (reading, selecting, run, writing) = std::thread::scope(|scope| {
        let reading = scope.spawn(move || reading::read_all(batch, is_stopped, &read_tx));
        let selecting = scope.spawn(move || {
            selecting::select_all(batch, vision, is_stopped, &read_rx, &selected_tx)
        });
        let writing = scope.spawn(move || writing::write_all(batch, &made_rx, told));
        let run = handing_out::run_all(batch, engines, going, &selected_rx, &made_tx);
        drop((selected_rx, made_tx));
        (reading.join(), selecting.join(), run, writing.join())
    });
    let mut result = resumed(writing)?;
    result.seconds.read = resumed(reading)?;
    result.seconds.select = resumed(selecting)?;
    result.seconds.run = run;
    result.seconds.total = started.elapsed().as_secs_f64();
    Ok(result)
}

/// Opens the journal of `out` as [`Journal::open`] does. A damaged file, on which the database breaks down
/// (redb panics over pages that cannot be), is an error like one that cannot be read.
pub fn open_journal(out: &Path, is_resumed: bool) -> Result<Journal, JournalError> {
    guarded(|| Journal::open(out, is_resumed)).unwrap_or_else(|why| {
        let path = out.to_owned();
        Err(JournalError::Failed { path, why })
    })
}

/// What a stage came back with; its panic is the caller's.
fn resumed<T>(joined: std::thread::Result<T>) -> T {
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// What is said of a picture on which the work broke down.
fn broke_down(why: String) -> Message {
    Message::new("bulk-broke-down").with("why", why)
}

/// The doubt of a mask: of the subject, where its background is what was asked for.
fn doubt_of(mask: &Mask, part: Option<crate::select::Part>) -> Doubt {
    match part {
        Some(crate::select::Part::Background) => Doubt::of(&crate::raster::inverted(mask)),
        _ => Doubt::of(mask),
    }
}

/// Adds up the time in which a stage works.
#[derive(Default)]
struct Clock(f64);

impl Clock {
    fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = work();
        self.0 += began.elapsed().as_secs_f64();
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_journal_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        drop(open_journal(out, false).unwrap());
        let path = out.join(crate::bulk::BATCH_FOLDER).join("journal.redb");
        let whole = std::fs::read(&path).unwrap();
        let mut refused = 0;
        for at in (0..whole.len()).step_by(512) {
            let mut damaged = whole.clone();
            damaged[at..].iter_mut().take(512).for_each(|b| *b ^= 0xa5);
            std::fs::write(&path, damaged).unwrap();
            refused += usize::from(open_journal(out, true).is_err());
        }
        assert!(refused > 0, "nothing was damaged");
        std::fs::write(&path, &whole).unwrap();
        open_journal(out, true).unwrap();
    }
}
