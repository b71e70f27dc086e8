//! Looking at a picture and selecting a part of it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::CliError;
use crate::engine::vision::BuiltInVision;
use crate::jobs::{SightError, see};
use crate::raster::{Mask, Picture};
use crate::select::{Part, Seen, part};

/// What is in a picture, and the named part of it.
pub(super) fn selection(
    what: Part,
    person: Option<u32>,
    picture: &Picture,
    stop: &AtomicBool,
) -> Result<(Seen, Mask), CliError> {
    let is_stopped = || stop.load(Ordering::Relaxed);
    let seen = see(&mut BuiltInVision::default(), picture, &is_stopped)?;
    let mask = part(&seen, what, person).map_err(SightError::from)?;
    Ok((seen, mask))
}
