//! [`ClickLane`]: clicks become masks on a thread of their own. The networks and what they have seen in a picture
//! stay there from click to click, so that only the first one waits.

use std::path::PathBuf;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::VisionFactory;
use super::queue::CancelFlag;
use super::sight::{SightError, Stoppable};
use super::tasks::{TaskEvent, TaskThread, TooBusy};
use super::worker::Wake;
use crate::engine::{Cancelled, PictureEmbedding, Segmenter};
use crate::raster::{Mask, Picture};
use crate::select::{Clicks, Proxy, SelectError, clicked};

/// Clicks that may wait, nearly all of them stopped ones.
const MOST_CLICKS: usize = 16;

/// What was pointed at in a picture.
#[derive(Debug, Clone)]
pub struct ClickRequest {
    /// File of the weights.
    pub weights: PathBuf,
    /// The picture.
    pub picture: Picture,
    /// Where, in its pixels.
    pub clicks: Clicks,
}

/// The networks, and what they have seen.
pub struct Clicker {
    vision: VisionFactory,
    loaded: Option<(PathBuf, Box<dyn Segmenter + Send>)>,
    seen: Option<Seen>,
}

struct Seen {
    picture: Picture,
    to_full: (f32, f32),
    embedding: PictureEmbedding,
}

impl std::fmt::Debug for Clicker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clicker").finish_non_exhaustive()
    }
}

impl Clicker {
    /// Without networks yet; `vision` makes them.
    pub fn new(vision: VisionFactory) -> Self {
        Self {
            vision,
            loaded: None,
            seen: None,
        }
    }

    /// The mask of what was pointed at. `is_stopped` is asked between the steps.
    pub fn click(
        &mut self,
        request: &ClickRequest,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Mask, SightError> {
        if is_stopped() {
            return Err(Cancelled.into());
        }
        request.clicks.check(request.picture.extent())?;
        let progress = &mut Stoppable(is_stopped);
        let networks = match &mut self.loaded {
            Some((from, networks)) if *from == request.weights => networks,
            loaded => {
                self.seen = None;
                let networks = (self.vision)()?.segmenter(&request.weights, progress)?;
                &mut loaded.insert((request.weights.clone(), networks)).1
            }
        };
        let picture = &request.picture;
        let is_same = |seen: &Seen| {
            seen.picture.extent() == picture.extent()
                && seen.picture.profile == picture.profile
                && picture
                    .pixels
                    .changed_tiles(&seen.picture.pixels)
                    .is_empty()
        };
        let seen = if let Some(seen) = self.seen.take().filter(is_same) {
            self.seen.insert(seen)
        } else {
            let proxy = Proxy::of(picture)?;
            let embedding = networks.embed(&proxy.srgb(picture)?, progress)?;
            self.seen.insert(Seen {
                picture: picture.clone(),
                to_full: proxy.to_full(),
                embedding,
            })
        };
        let (across, down) = seen.to_full;
        let clicks = request.clicks.scaled((1.0 / across, 1.0 / down));
        let map = networks.segment(&seen.embedding, &clicks, progress)?;
        Ok(clicked(picture.extent(), &map).ok_or(SelectError::NothingThere)?)
    }
}

/// What the lane says: the number given with the click, and the mask.
pub type Clicked = TaskEvent<(u64, Result<Mask, SightError>)>;

/// Clicks one after the other on a thread of their own; the last one counts.
pub struct ClickLane {
    thread: TaskThread<(u64, Result<Mask, SightError>)>,
    /// Where the networks lie while no click needs them.
    rest: (Sender<Clicker>, Receiver<Clicker>),
    vision: VisionFactory,
    cancel: CancelFlag,
}

impl std::fmt::Debug for ClickLane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClickLane").finish_non_exhaustive()
    }
}

impl ClickLane {
    /// A lane without work.
    pub fn new(vision: VisionFactory, wake: Wake) -> Self {
        Self {
            thread: TaskThread::new("clicks", MOST_CLICKS, wake),
            rest: bounded(1),
            vision,
            cancel: CancelFlag::default(),
        }
    }

    /// Hands a click over; those before it are stopped.
    pub fn click(&mut self, number: u64, request: ClickRequest) -> Result<(), TooBusy> {
        self.stop();
        self.cancel = CancelFlag::default();
        let (cancel, vision) = (self.cancel.clone(), VisionFactory::clone(&self.vision));
        let (keep, kept) = self.rest.clone();
        let task = move || {
            // Tasks are done one after the other, so that nobody else has them.
            let known = kept.try_recv().ok();
            let mut clicker = known.unwrap_or_else(|| Clicker::new(vision));
            let mask = clicker.click(&request, &|| cancel.is_set());
            // There is room for one, and one was taken out.
            drop(keep.try_send(clicker));
            (number, mask)
        };
        self.thread.try_do(Box::new(task)).map_err(|(busy, _)| busy)
    }

    /// Stops what is under way.
    pub fn stop(&self) {
        self.cancel.set();
    }

    /// The next event, if there is one.
    pub fn poll(&mut self) -> Option<Clicked> {
        self.thread.poll()
    }
}
