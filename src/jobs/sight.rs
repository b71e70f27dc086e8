//! Seeing what is in a picture, on the thread at hand: from picture to [`Seen`].

use crate::engine::{Cancelled, EngineError, Progress, Stage, Vision};
use crate::raster::{Picture, RgbF32};
use crate::select::{Proxy, Seen, SelectError, lift};
use crate::text::{Explain, Message, error_speaks};

/// Why nothing was seen, or nothing selected.
#[derive(Debug, Clone, PartialEq)]
pub enum SightError {
    /// The networks failed, or were stopped.
    Engine(EngineError),
    /// There is nothing of that kind.
    Select(SelectError),
}

impl SightError {
    /// True when it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        *self == Self::Engine(EngineError::Cancelled)
    }
}

impl From<EngineError> for SightError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<Cancelled> for SightError {
    fn from(_: Cancelled) -> Self {
        Self::Engine(EngineError::Cancelled)
    }
}

impl From<SelectError> for SightError {
    fn from(error: SelectError) -> Self {
        Self::Select(error)
    }
}

impl Explain for SightError {
    fn message(&self) -> Message {
        match self {
            Self::Engine(error) => error.message(),
            Self::Select(error) => error.message(),
        }
    }
}

error_speaks!(SightError);

/// What is in a picture. `is_stopped` is asked often, between the layers of the networks.
pub fn see(
    vision: &mut dyn Vision,
    picture: &Picture,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Seen, SightError> {
    let progress = &mut Stoppable(is_stopped);
    progress.checkpoint()?;
    let proxy = Proxy::of(picture)?;
    let shown = proxy.srgb(picture)?;
    let map = vision.subject(&shown, progress)?;
    let faces = vision.faces(&shown, progress)?;
    progress.checkpoint()?;
    let subject = lift(picture, &proxy, &map);
    let to_full = proxy.to_full();
    let mut faces: Vec<_> = faces.iter().map(|face| face.scaled(to_full)).collect();
    faces.sort_by(|a, b| a.nose().x.total_cmp(&b.nose().x));
    Ok(Seen {
        extent: picture.extent(),
        subject,
        faces,
    })
}

/// Has nothing to show, and can be stopped.
pub(super) struct Stoppable<'a>(pub(super) &'a dyn Fn() -> bool);

impl Progress for Stoppable<'_> {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        if (self.0)() { Err(Cancelled) } else { Ok(()) }
    }

    fn stage(&mut self, _: Stage) {}

    fn wants_preview(&self) -> bool {
        false
    }

    fn preview(&mut self, _: RgbF32) {}
}
