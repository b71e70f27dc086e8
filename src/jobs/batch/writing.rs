//! The last stage: results into files, then into the journal, and what is said of each picture.

use crossbeam_channel::Receiver;

use super::running::{Made, MadeResult};
use super::{Batch, BatchResult, Clock, PictureTold, Settled, guarded};
use crate::bulk::{Done, JournalError, Key, ReportRow, State};
use crate::raster::PictureError;
use crate::raster::file;
use crate::text::{Explain, Message};

/// Writes what comes until nothing does.
pub(super) fn write_all(
    batch: &Batch<'_>,
    results: &Receiver<Made>,
    told: &dyn Fn(&PictureTold<'_>),
) -> Result<BatchResult, JournalError> {
    let mut clock = Clock::default();
    let mut all = BatchResult::default();
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    for made in results {
        match made {
            Made::Result(result) => {
                let row = clock.time(|| write(batch, *result, &mut notes))?;
                rows.push(row);
            }
            Made::Settled(Settled {
                index,
                rows: mut settled,
                review,
                notes: of_picture,
            }) => {
                settled.append(&mut rows);
                settled.sort_by(|a, b| a.output.cmp(&b.output));
                notes.extend(of_picture);
                told(&PictureTold {
                    index,
                    rows: &settled,
                    notes: &notes,
                });
                notes.clear();
                all.rows.append(&mut settled);
                all.review.extend(review);
            }
        }
    }
    // Of a picture in the middle of which the batch was stopped.
    all.rows.append(&mut rows);
    all.seconds.write = clock.0;
    Ok(all)
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
            let model = batch.work.model.as_ref();
            let done = Done {
                output: result.job.output,
                engine: result.engine,
                model: model
                    .map(|it| (it.id.clone(), it.identity.clone()))
                    .unwrap_or_default(),
                seconds: result.seconds,
                bytes,
            };
            batch.journal.say_done(&result.job.key, &done)?;
        }
        Err(error) => {
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
    let options = batch.work.save_options(source, &result.job.task, extent);
    let notes = file::save(&path, &result.picture, &result.origin, &options)?;
    let bytes = file::read(&path)?;
    let notes = notes.iter().map(Explain::message).collect();
    Ok((Key::of(&bytes).hex(), notes))
}
