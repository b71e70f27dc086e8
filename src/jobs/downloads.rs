//! [`DownloadLane`]: models being fetched, each on a thread of its own, so that nothing else waits for the
//! network.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::queue::CancelFlag;
use super::worker::Wake;
use crate::downloads::{self, Client, DownloadError, Options, Parcel, Progress, Source, Watch};

/// Models fetched at the same time; more wait.
const AT_ONCE: usize = 3;

/// Names what was asked of the network; never used twice in the program's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DownloadId(pub u64);

/// What the lane has to say.
#[derive(Debug)]
pub enum DownloadEvent {
    /// What a source consists of.
    Asked(Result<Vec<Parcel>, DownloadError>),
    /// It runs, and is so far. Some are left out when nobody listens.
    Progress(Progress),
    /// It has ended; where the model is now.
    Ended(Result<PathBuf, DownloadError>),
    /// Its thread broke down.
    Lost,
}

enum Order {
    Ask(String),
    Fetch(Box<Parcel>, PathBuf),
}

struct Running {
    id: DownloadId,
    cancel: CancelFlag,
    thread: JoinHandle<()>,
}

type Told = (DownloadId, DownloadEvent);

/// Models being fetched. Dropping it stops them; what has come stays on the disk.
pub struct DownloadLane {
    wake: Wake,
    say: Sender<Told>,
    told: Option<Receiver<Told>>,
    running: Vec<Running>,
    waiting: VecDeque<(DownloadId, Order, Options)>,
}

impl std::fmt::Debug for DownloadLane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DownloadLane")
            .field("running", &self.running.len())
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

impl DownloadLane {
    /// A lane without work.
    pub fn new(wake: Wake) -> Self {
        let (say, told) = bounded(64);
        Self {
            wake,
            say,
            told: Some(told),
            running: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Asks what a source, as it was written, consists of.
    pub fn ask(&mut self, id: DownloadId, source: &str, options: Options) {
        // A question does not wait behind what is being fetched.
        self.start(id, Order::Ask(source.to_owned()), options);
    }

    /// Fetches a parcel into a models folder, now or when there is room.
    pub fn fetch(&mut self, id: DownloadId, parcel: Parcel, models: PathBuf, options: Options) {
        let order = Order::Fetch(Box::new(parcel), models);
        self.waiting.push_back((id, order, options));
        self.start_waiting();
    }

    /// Stops one, waiting or running; its end is told as any other's.
    pub fn stop(&mut self, id: DownloadId) {
        if let Some(at) = self.waiting.iter().position(|(of, ..)| *of == id) {
            self.waiting.remove(at);
            let told = (id, DownloadEvent::Ended(Err(DownloadError::Cancelled)));
            // Nothing ran, so a full line is of others, and is emptied at once.
            drop(self.say.try_send(told));
            (self.wake)();
        }
        for running in self.running.iter().filter(|running| running.id == id) {
            running.cancel.set();
        }
    }

    /// The next event, if there is one.
    pub fn poll(&mut self) -> Option<Told> {
        let told = self.told.as_ref()?.try_recv().ok();
        if let Some((id, event)) = &told
            && !matches!(event, DownloadEvent::Progress(_))
        {
            self.running.retain(|running| running.id != *id);
            self.start_waiting();
        }
        told.or_else(|| {
            // It ended without a word: it panicked. One that has just spoken is heard the next time.
            let is_lost = |running: &Running| running.thread.is_finished();
            let at = self.running.iter().position(is_lost)?;
            if self.told.as_ref().is_some_and(|told| !told.is_empty()) {
                return None;
            }
            let lost = self.running.remove(at);
            self.start_waiting();
            Some((lost.id, DownloadEvent::Lost))
        })
    }

    fn start_waiting(&mut self) {
        while self.running.len() < AT_ONCE
            && let Some((id, order, options)) = self.waiting.pop_front()
        {
            self.start(id, order, options);
        }
    }

    fn start(&mut self, id: DownloadId, order: Order, options: Options) {
        let cancel = CancelFlag::default();
        let watcher = Watcher {
            id,
            cancel: cancel.clone(),
            say: self.say.clone(),
            wake: Wake::clone(&self.wake),
        };
        let thread = std::thread::Builder::new().name("model download".to_owned());
        match thread.spawn(move || serve(order, options, watcher)) {
            Ok(thread) => self.running.push(Running { id, cancel, thread }),
            Err(error) => {
                let why = error.to_string();
                let error = DownloadError::Disk {
                    path: PathBuf::new(),
                    why,
                };
                drop(self.say.try_send((id, DownloadEvent::Ended(Err(error)))));
            }
        }
    }
}

impl Drop for DownloadLane {
    fn drop(&mut self) {
        for running in &self.running {
            running.cancel.set();
        }
        // Without a listener a send fails at once, so no thread can hang in one.
        self.told = None;
        for running in self.running.drain(..) {
            _ = running.thread.join();
        }
    }
}

fn serve(order: Order, options: Options, mut watcher: Watcher) {
    let client = Client::new(options);
    let event = match order {
        Order::Ask(source) => DownloadEvent::Asked(
            client
                .and_then(|client| downloads::ask(&client, &Source::parse(&source)?, &mut watcher)),
        ),
        Order::Fetch(parcel, models) => DownloadEvent::Ended(
            client.and_then(|client| downloads::fetch(&client, &parcel, &models, &mut watcher)),
        ),
    };
    // Nobody listens any more when the program ends; what has come is on the disk.
    drop(watcher.say.send((watcher.id, event)));
    (watcher.wake)();
}

struct Watcher {
    id: DownloadId,
    cancel: CancelFlag,
    say: Sender<Told>,
    wake: Wake,
}

impl Watch for Watcher {
    fn is_stopped(&self) -> bool {
        self.cancel.is_set()
    }

    fn progress(&mut self, progress: &Progress) {
        let told = (self.id, DownloadEvent::Progress(progress.clone()));
        // The next one says more than this one.
        if self.say.try_send(told).is_ok() {
            (self.wake)();
        }
    }
}
