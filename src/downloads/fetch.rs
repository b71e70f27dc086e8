//! [`fetch`]: a whole parcel.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Watch;
use super::client::Client;
use super::error::DownloadError;
use super::meter::Meter;
use super::parcel::Parcel;
use super::transfer::transfer;
use super::work::{self, Work};

/// Fetches a parcel into the folder `models`, going on from what an earlier try has left there. Says where it
/// is now. The licence must have been accepted.
pub fn fetch(
    client: &Client,
    parcel: &Parcel,
    models: &Path,
    watch: &mut dyn Watch,
) -> Result<PathBuf, DownloadError> {
    let folder = Work::open(models, parcel)?;
    let missing = parcel.files.iter().map(|file| {
        let at = folder.file(&file.path);
        let there = |path: &Path| std::fs::metadata(path).map_or(0, |data| data.len());
        let part = PathBuf::from(format!("{}.part", at.display()));
        let done = there(&at).max(there(&part));
        file.bytes.unwrap_or(0).saturating_sub(done)
    });
    work::check_room(models, missing.sum())?;
    let mut meter = Meter::new(parcel.bytes());
    for file in &parcel.files {
        let to = folder.file(&file.path);
        transfer(client, file, &to, &mut meter, watch)?;
        watch.progress(&meter.progress(Instant::now()));
    }
    folder.place(parcel)
}
