//! Looking at a picture and selecting a part of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::data_dir;
use super::error::CliError;
use crate::catalog::Library;
use crate::engine::vision::BuiltInVision;
use crate::jobs::{ClickRequest, Clicker, SightError, VisionFactory, see};
use crate::raster::{Mask, Picture};
use crate::select::{Clicks, Part, Seen, part};
use crate::text::Message;

/// What was pointed at in a picture.
pub(super) fn clicked_on(
    clicks: Clicks,
    picture: &Picture,
    stop: &AtomicBool,
) -> Result<Mask, CliError> {
    let found = Library::open(&data_dir()).segmenter();
    let weights = found.ok_or_else(|| CliError::Argument(Message::new("cli-no-segmenter")))?;
    let vision: VisionFactory = Arc::new(|| Ok(Box::new(BuiltInVision::default())));
    let request = ClickRequest {
        weights,
        picture: picture.clone(),
        clicks,
    };
    let is_stopped = || stop.load(Ordering::Relaxed);
    Ok(Clicker::new(vision).click(&request, &is_stopped)?)
}

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
