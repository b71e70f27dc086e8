//! [`BatchLane`]: a batch on a thread of its own, for the window.

use std::collections::HashSet;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::{
    AHEAD, Batch, BatchResult, BatchWatcher, PictureTold, Review, broke_down, open_journal,
    run_batch, sight_identity,
};
use crate::bulk::{
    BulkRecipe, ReportRow, Source, Work, made_ready_on, report_csv, review_csv, review_rows,
};
use crate::catalog::{Library, ModelRef};
use crate::engine::Stage;
use crate::geometry::Extent;
use crate::jobs::{
    EditError, EditResult, EngineFactory, EngineId, EngineTurns, Engines, VisionFactory, Wake,
};
use crate::plan::PreviewPatch;
use crate::raster::PictureError;
use crate::raster::file;
use crate::text::{Explain as _, Language, Message, Texts};

/// A batch as it is asked for.
#[derive(Debug, Clone)]
pub struct BatchOrder {
    /// What is done.
    pub recipe: BulkRecipe,
    /// Where relative paths of the recipe begin.
    pub recipe_folder: PathBuf,
    /// Where it is remembered which models there are.
    pub data_dir: PathBuf,
    /// What does it: `None` is the recipe's own model on this machine, others stand in its place at their engines.
    pub models: Vec<Option<ModelRef>>,
    /// With which pictures, in this order.
    pub sources: Vec<Source>,
    /// The folder of the results; what is done there stays as it is.
    pub out: PathBuf,
    /// Where masks are laid out, and what was said of them.
    pub review: Review,
    /// Nothing is run.
    pub masks_only: bool,
    /// As [`Batch::is_redo`].
    pub is_redo: bool,
    /// It is the whole batch: its tables are written at the end.
    pub writes_tables: bool,
    /// Of what is said in rows.
    pub language: Language,
}

/// What a batch says of itself.
#[derive(Debug)]
pub enum BatchEvent {
    /// That picture of the order is run from now on.
    Begins(usize),
    /// The run of that picture stands here. May be left out when nobody listens for a long time.
    Stage(usize, Stage),
    /// A run has ended, well (its pixels are on their way to the writer) or not, and on which engine.
    Ran(Box<Result<EditResult, (EngineId, EditError)>>),
    /// That picture of the order is settled.
    Settled {
        /// Which.
        index: usize,
        /// What became of it.
        rows: Vec<ReportRow>,
        /// What is worth knowing.
        notes: Vec<Message>,
    },
    /// It has ended, or could not be begun; said once, as the last.
    Ended(Result<(), Message>),
}

/// A batch on a thread of its own. Dropping it stops the batch and waits for it; what is done stays done.
pub struct BatchLane {
    events: Option<Receiver<BatchEvent>>,
    previews: Receiver<Shown>,
    stop: Arc<AtomicBool>,
    hold: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for BatchLane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchLane").finish_non_exhaustive()
    }
}

/// What the result of a picture of the order will be, and the size of that picture.
type Shown = (usize, PreviewPatch, Extent);

/// Events that may wait. Then the batch waits too: no result may go by unseen.
const MOST_EVENTS: usize = 256;

impl BatchLane {
    /// Begins a batch, in turns with edits on this machine's engine, and on engines of its own `there`. `vision` and
    /// the engines are made on its threads.
    pub fn start(
        order: BatchOrder,
        (here, there): (EngineTurns, Engines),
        vision: VisionFactory,
        wake: Wake,
    ) -> std::io::Result<Self> {
        let (events, told) = bounded(MOST_EVENTS);
        let (previews, shown) = bounded(1);
        let (stop, hold) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let line = Line {
            events,
            previews,
            wake,
            hold: Arc::clone(&hold),
            here,
        };
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("batch".to_owned())
            .spawn(move || {
                let ended = carry_out(&order, (&there, &vision), &stopped, &line);
                line.tell(BatchEvent::Ended(ended));
            })?;
        Ok(Self {
            events: Some(told),
            previews: shown,
            stop,
            hold,
            thread: Some(thread),
        })
    }

    /// The next event, if there is one.
    pub fn poll(&mut self) -> Option<BatchEvent> {
        match self.events.as_ref()?.try_recv() {
            Ok(event) => Some(event),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                // Only where the thread itself broke down after its last word.
                self.events = None;
                Some(BatchEvent::Ended(Err(broke_down(String::new()))))
            }
        }
    }

    /// Waits for the next event; `None` after the last one.
    pub fn wait(&mut self) -> Option<BatchEvent> {
        let event = self.events.as_ref()?.recv().ok();
        if matches!(event, None | Some(BatchEvent::Ended(_))) {
            self.events = None;
        }
        event
    }

    /// The newest preview, if there is one that was not taken yet: of which picture of the order, and that
    /// picture's size.
    pub fn take_preview(&self) -> Option<(usize, PreviewPatch, Extent)> {
        self.previews.try_recv().ok()
    }

    /// Asks it to stop; it ends soon.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Holds it between two steps, or lets it go on.
    pub fn hold(&self, is_held: bool) {
        self.hold.store(is_held, Ordering::Relaxed);
    }

    /// True while it is held.
    pub fn is_held(&self) -> bool {
        self.hold.load(Ordering::Relaxed)
    }
}

impl Drop for BatchLane {
    fn drop(&mut self) {
        self.stop();
        // Without a listener a send fails at once, so the thread cannot hang in one.
        self.events = None;
        if let Some(thread) = self.thread.take() {
            // What panicked in it was said when it did.
            _ = thread.join();
        }
    }
}

/// The thread's way back.
struct Line {
    events: Sender<BatchEvent>,
    previews: Sender<Shown>,
    wake: Wake,
    hold: Arc<AtomicBool>,
    here: EngineTurns,
}

impl Line {
    fn tell(&self, event: BatchEvent) {
        // Nobody listens any more when the program ends.
        _ = self.events.send(event);
        (self.wake)();
    }
}

impl BatchWatcher for Line {
    fn is_held(&self) -> bool {
        self.hold.load(Ordering::Relaxed)
    }

    fn is_engine_wanted(&self) -> bool {
        self.here.is_wanted()
    }

    fn begins(&self, index: usize) {
        self.tell(BatchEvent::Begins(index));
    }

    fn stage(&self, index: usize, stage: Stage) {
        // The next stage says more than this one, and the sampler must not wait.
        _ = self.events.try_send(BatchEvent::Stage(index, stage));
        (self.wake)();
    }

    fn ran(&self, ended: Result<EditResult, (EngineId, EditError)>) {
        self.tell(BatchEvent::Ran(Box::new(ended)));
    }

    fn wants_preview(&self) -> bool {
        self.previews.is_empty()
    }

    fn preview(&self, index: usize, preview: PreviewPatch, picture: Extent) {
        _ = self.previews.try_send((index, preview, picture));
        (self.wake)();
    }
}

fn carry_out(
    order: &BatchOrder,
    (there, vision): (&Engines, &VisionFactory),
    stop: &AtomicBool,
    line: &Line,
) -> Result<(), Message> {
    let library = Library::open(&order.data_dir);
    let (recipe, folder) = (order.recipe.clone(), &order.recipe_folder);
    let work = made_ready_on(recipe, folder, &library, &order.models);
    let work: Work = work.map_err(|error| error.message())?;
    let factories = engines_of(&order.models, &line.here, there);
    let journal = open_journal(&order.out, true).map_err(|error| error.message())?;
    let texts = Texts::of(order.language);
    let say = |message: &Message| texts.say(message);
    let batch = Batch {
        work: &work,
        sources: &order.sources,
        journal: &journal,
        sight_identity: &sight_identity(vision),
        review: Some(order.review.clone()),
        ahead: AHEAD,
        masks_only: order.masks_only,
        is_redo: order.is_redo,
        say: &say,
        watcher: Some(line),
    };
    let told = |picture: &PictureTold<'_>| {
        line.tell(BatchEvent::Settled {
            index: picture.index,
            rows: picture.rows.to_vec(),
            notes: picture.notes.to_vec(),
        });
    };
    let result = run_batch(&batch, &factories, vision, stop, &told);
    let result = result.map_err(|error| error.message())?;
    if order.writes_tables && !stop.load(Ordering::Relaxed) {
        write_tables(&order.out, &order.review.folder, &result).map_err(|error| error.message())?;
    }
    Ok(())
}

/// The engines of those models.
fn engines_of(
    models: &[Option<ModelRef>],
    here: &EngineTurns,
    there: &Engines,
) -> Vec<EngineFactory> {
    let engine = |model: &Option<ModelRef>| {
        let id = model.as_ref().map(EngineId::of).unwrap_or_default();
        match id.server() {
            Some(_) => there(&id),
            None => here.of_batches(),
        }
    };
    models.iter().map(engine).collect()
}

/// Writes `report.csv` into the folder of the results and `review.csv` into that of the masks. There, rows of
/// pictures that were not come to (done before, or the batch was stopped) stay as they were.
pub fn write_tables(out: &Path, review: &Path, result: &BatchResult) -> Result<(), PictureError> {
    write_table(&out.join(REPORT), report_csv(&result.rows))?;
    if result.review.is_empty() {
        return Ok(());
    }
    let path = review.join(REVIEW);
    let unreadable = |why: String| PictureError::Write {
        path: path.clone(),
        why,
    };
    let mut rows = match std::fs::read(&path) {
        Ok(table) => review_rows(&table, &path).map_err(|error| unreadable(error.to_string()))?,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let now: HashSet<&str> = result.review.iter().map(|row| &*row.picture).collect();
    rows.retain(|row| !now.contains(&*row.picture));
    rows.extend(result.review.iter().cloned());
    write_table(&path, review_csv(rows))
}

/// The table of all results, in the output folder.
pub const REPORT: &str = "report.csv";
/// The table of a review, in its folder.
pub const REVIEW: &str = "review.csv";

fn write_table(path: &Path, table: Result<Vec<u8>, String>) -> Result<(), PictureError> {
    let table = table.map_err(|why| PictureError::Write {
        path: path.to_owned(),
        why,
    })?;
    file::write_whole(path, |file| Ok(file.write_all(&table)?))
}
