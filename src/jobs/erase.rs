//! [`EraseLane`]: erasing, on a thread of its own, so that it never waits behind the engine.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::queue::CancelFlag;
use super::tasks::{TaskEvent, TaskThread, TooBusy};
use super::worker::Wake;
use crate::completion::Cancelled;
use crate::plan::{EraseError, EraseRequest, erase};
use crate::raster::Patch;

/// How often the share that is done is said.
const EVERY: Duration = Duration::from_millis(100);

/// How an erasure ends.
#[derive(Debug)]
pub enum Erased {
    /// It gave a patch.
    Finished(Box<Patch>),
    /// It failed, or was stopped.
    Failed(EraseError),
    /// Its thread broke down.
    Lost,
}

/// One erasure at a time on a thread of its own. Dropping it stops the one that runs.
#[derive(Debug)]
pub struct EraseLane {
    thread: TaskThread<Result<Patch, EraseError>>,
    cancel: CancelFlag,
    said: (Sender<f32>, Receiver<f32>),
    share: f32,
    wake: WakeUp,
}

/// A [`Wake`] that can be shown.
struct WakeUp(Wake);

impl std::fmt::Debug for WakeUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WakeUp").finish_non_exhaustive()
    }
}

impl EraseLane {
    /// A lane without work.
    pub fn new(wake: Wake) -> Self {
        Self {
            thread: TaskThread::new("erase", 1, Wake::clone(&wake)),
            cancel: CancelFlag::default(),
            said: bounded(1),
            share: 0.0,
            wake: WakeUp(wake),
        }
    }

    /// True when nothing is under way, so that something can be started.
    pub fn is_idle(&self) -> bool {
        self.thread.has_room()
    }

    /// Starts an erasure. Refused while one is under way, or when no thread can be had.
    pub fn start(&mut self, request: EraseRequest) -> Result<(), TooBusy> {
        if !self.is_idle() {
            return Err(TooBusy);
        }
        self.cancel = CancelFlag::default();
        self.share = 0.0;
        // What an earlier one said last.
        _ = self.said.1.try_recv();
        let (cancel, say) = (self.cancel.clone(), self.said.0.clone());
        let wake = Wake::clone(&self.wake.0);
        let task = Box::new(move || {
            let mut last = Instant::now();
            erase(&request, &mut |share| {
                if cancel.is_set() {
                    return Err(Cancelled);
                }
                if last.elapsed() >= EVERY {
                    last = Instant::now();
                    // A full slot means that nobody has looked since.
                    if say.try_send(share).is_ok() {
                        wake();
                    }
                }
                Ok(())
            })
        });
        self.thread.try_do(task).map_err(|(busy, _)| busy)
    }

    /// Stops what is under way; its end is still to come.
    pub fn cancel(&self) {
        self.cancel.set();
    }

    /// How much of it is done, 0…1.
    pub fn share(&self) -> f32 {
        self.share
    }

    /// The end of what was under way, if it has come. True in the second place when the share has
    /// grown.
    pub fn poll(&mut self) -> (Option<Erased>, bool) {
        let mut moved = false;
        while let Ok(share) = self.said.1.try_recv() {
            (self.share, moved) = (share, true);
        }
        let ended = self.thread.poll().map(|event| match event {
            TaskEvent::Done(Ok(patch)) => Erased::Finished(Box::new(patch)),
            TaskEvent::Done(Err(error)) => Erased::Failed(error),
            TaskEvent::Lost(_) => Erased::Lost,
        });
        (ended, moved)
    }
}

impl Drop for EraseLane {
    fn drop(&mut self) {
        self.cancel.set();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::completion::CompletionError;
    use crate::geometry::{Extent, Rect};
    use crate::plan::EraseSettings;
    use crate::raster::{Picture, Pixmap, Profile, Tiled};

    fn request(side: u32, hole: u32) -> EraseRequest {
        let extent = Extent::new(side, side);
        let mut pixels = Tiled::filled(extent, [0u8; 4]);
        pixels.update(Rect::of(extent), |at, _| {
            let noise = (at.x.wrapping_mul(7919) ^ at.y.wrapping_mul(104_729)) as u8;
            [noise, at.x as u8, at.y as u8, 255]
        });
        let mut painted = Tiled::filled(extent, 0);
        let from = (side - hole) as i32 / 2;
        painted.update(Rect::new(from, from, hole, hole), |_, _| 255);
        EraseRequest {
            source: Picture {
                pixels: Pixmap::Rgba8(pixels),
                profile: Profile::Srgb,
            },
            painted,
            settings: EraseSettings::default(),
        }
    }

    fn end_of(lane: &mut EraseLane) -> Erased {
        let give_up = Instant::now() + Duration::from_secs(100);
        loop {
            if let (Some(ended), _) = lane.poll() {
                return ended;
            }
            assert!(Instant::now() < give_up, "nothing came");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn one_at_a_time_gives_a_patch() {
        let mut lane = EraseLane::new(Arc::new(|| {}));
        assert!(lane.start(request(64, 8)).is_ok());
        assert!(matches!(end_of(&mut lane), Erased::Finished(patch) if patch.rect.width == 8));
        assert!(lane.is_idle());
    }

    #[test]
    fn what_runs_can_be_stopped() {
        let mut lane = EraseLane::new(Arc::new(|| {}));
        // Far more work than is done before the next line.
        assert!(lane.start(request(700, 300)).is_ok());
        assert!(lane.start(request(64, 8)).is_err(), "one at a time");
        lane.cancel();
        let cancelled = EraseError::Completion(CompletionError::Cancelled);
        assert!(matches!(end_of(&mut lane), Erased::Failed(error) if error == cancelled));
    }
}
