//! [`Watch`]: says how far the work is, and stops it.

use super::Cancelled;

/// Asked several times a second with the share that is done; an error ends the work.
pub type Checkpoint<'a> = dyn FnMut(f32) -> Result<(), Cancelled> + 'a;

/// Says how far the work is, and stops it.
pub(super) struct Watch<'a> {
    checkpoint: &'a mut Checkpoint<'a>,
    /// Shares at which this hole begins and ends.
    span: (f32, f32),
    done: f32,
    of: f32,
}

impl<'a> Watch<'a> {
    pub(super) fn new(checkpoint: &'a mut Checkpoint<'a>) -> Self {
        Self {
            checkpoint,
            span: (0.0, 1.0),
            done: 0.0,
            of: 0.0,
        }
    }

    /// What follows goes from one share to another.
    pub(super) fn begin(&mut self, from: f32, to: f32) {
        (self.span, self.done, self.of) = ((from, to), 0.0, 0.0);
    }

    /// What follows costs this much.
    pub(super) fn plan(&mut self, costs: impl Iterator<Item = usize>) {
        (self.done, self.of) = (0.0, costs.map(|cost| cost as f32).sum());
    }

    /// So much of it is done.
    pub(super) fn advance(&mut self, cost: f32) {
        self.done += cost;
    }

    /// Asks whether to go on.
    pub(super) fn look(&mut self) -> Result<(), Cancelled> {
        let (from, to) = self.span;
        let share = if self.of > 0.0 {
            (self.done / self.of).min(1.0)
        } else {
            0.0
        };
        (self.checkpoint)(from + (to - from) * share)
    }
}
