//! The last stage: results into files, then into the journal, and what is said of each picture.

use std::collections::BTreeMap;

use crossbeam_channel::Receiver;

use super::running::{Made, MadeResult};
use super::{Batch, BatchResult, Clock, PictureTold, Settled, guarded};
use crate::bulk::{Done, JournalError, Key, ReportRow, State};
use crate::raster::PictureError;
use crate::raster::file;
use crate::text::{Explain, Message};

/// What is known of a picture that was not told of yet.
#[derive(Default)]
struct Pending {
    rows: Vec<ReportRow>,
    notes: Vec<Message>,
    settled: Option<Settled>,
}

/// Writes what comes until nothing does, and tells of the pictures in the order of the list.
pub(super) fn write_all(
    batch: &Batch<'_>,
    results: &Receiver<Made>,
    told: &dyn Fn(&PictureTold<'_>),
) -> Result<BatchResult, JournalError> {
    let mut clock = Clock::default();
    let mut all = BatchResult::default();
    let mut pending: BTreeMap<usize, Pending> = BTreeMap::new();
    let mut next = 0;
    for made in results {
        match made {
            Made::Result(result) => {
                let of_picture = pending.entry(result.index).or_default();
                let row = clock.time(|| write(batch, *result, &mut of_picture.notes))?;
                of_picture.rows.push(row);
            }
            Made::Settled(settled) => {
                let of_picture = pending.entry(settled.index).or_default();
                of_picture.settled = Some(settled);
            }
        }
        while pending.get(&next).is_some_and(|it| it.settled.is_some())
            && let Some(done) = pending.remove(&next)
        {
            tell(done, &mut all, told);
            next += 1;
        }
    }
    // Where the batch was stopped, some were not come to, and one may be in the middle.
    for (_, left) in pending {
        tell(left, &mut all, told);
    }
    all.seconds.write = clock.0;
    Ok(all)
}

/// Takes in all that is known of a picture.
fn tell(picture: Pending, all: &mut BatchResult, told: &dyn Fn(&PictureTold<'_>)) {
    let (mut rows, mut notes) = (picture.rows, picture.notes);
    if let Some(settled) = picture.settled {
        rows.extend(settled.rows);
        rows.sort_by(|a, b| a.output.cmp(&b.output));
        notes.extend(settled.notes);
        told(&PictureTold {
            index: settled.index,
            rows: &rows,
            notes: &notes,
        });
        all.review.extend(settled.review);
    }
    all.rows.append(&mut rows);
}

/// Writes one result. A file that cannot be written is its row's error.
fn write(
    batch: &Batch<'_>,
    result: MadeResult,
    notes: &mut Vec<Message>,
) -> Result<ReportRow, JournalError> {
    let mut row = result.row.clone();
    let saved = guarded(|| save(batch, &result));
    let saved = saved.unwrap_or_else(|why| {
        let path = batch.journal.out().join(&result.job.output);
        Err(PictureError::Write { path, why })
    });
    match saved {
        Ok((bytes, said)) => {
            notes.extend(said);
            let model = batch.work.models().nth(result.lane);
            let keys = &result.job.keys;
            let key = keys.get(result.lane).or_else(|| keys.first());
            let done = Done {
                output: result.job.output.clone(),
                engine: result.engine,
                model: model
                    .map(|it| (it.id.clone(), it.identity.clone()))
                    .unwrap_or_default(),
                seconds: result.seconds,
                bytes,
            };
            if let Some(key) = key
                && !batch.is_redo
            {
                batch.journal.say_done(key, &done)?;
            }
        }
        Err(error) => {
            // What is left would be made for nothing.
            batch.journal.check_room()?;
            row.state = Some(State::Failed);
            row.message = (batch.say)(&error.message());
        }
    }
    Ok(row)
}

/// The file's SHA-256, and what it could not take.
fn save(batch: &Batch<'_>, result: &MadeResult) -> Result<(String, Vec<Message>), PictureError> {
    let path = batch.journal.out().join(&result.job.output);
    let failed = |error: &dyn std::fmt::Display| PictureError::Write {
        path: path.clone(),
        why: error.to_string(),
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    let source = result
        .source(batch)
        .ok_or_else(|| failed(&"no such picture"))?;
    let extent = result.picture.extent();
    let model = batch.work.models().nth(result.lane);
    let work = batch.work;
    let options = work.save_options(source, &result.job.task, (extent, model));
    let notes = file::save(&path, &result.picture, &result.origin, &options)?;
    let bytes = file::read(&path)?;
    let notes = notes.iter().map(Explain::message).collect();
    Ok((Key::of(&bytes).hex(), notes))
}
