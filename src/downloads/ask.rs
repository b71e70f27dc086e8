//! [`ask`]: from what was asked for to what it consists of. Of the model itself a few hundred bytes are read
//! at most, to see whether it is one.

use std::path::Path;

use super::Watch;
use super::address;
use super::client::{Client, Request};
use super::error::DownloadError;
use super::hub;
use super::list;
use super::parcel::{Parcel, RemoteFile, Shape, safe_name};
use super::source::Source;
use super::stream::{self, Stream};
use crate::catalog::{CatalogError, Foreign, foreign_head};

/// Bytes by which a file is told.
const HEAD_BYTES: usize = 512;
/// Endings of what may be a model.
const ENDINGS: [&str; 4] = ["safetensors", "ckpt", "pt", "pth"];

/// What a source consists of, and what should be got with it behind it.
pub fn ask(
    client: &Client,
    source: &Source,
    watch: &mut dyn Watch,
) -> Result<Vec<Parcel>, DownloadError> {
    match source {
        Source::Repository { name, file } => {
            Ok(vec![hub::ask(client, name, file.as_deref(), watch)?])
        }
        Source::Address(url) => Ok(vec![ask_address(client, url, watch)?]),
        Source::Offer(offer) => {
            let also = list::offers().iter().filter(|o| offer.with.contains(&o.id));
            let mut parcels = Vec::new();
            for offer in std::iter::once(*offer).chain(also) {
                let file = offer.file.as_deref();
                let parcel = hub::ask(client, &offer.repository, file, watch)?;
                parcels.push(Parcel {
                    // What the server says is beside the name that people know.
                    licence: Some(match parcel.licence {
                        Some(said) if said != offer.licence => {
                            format!("{} ({said})", offer.licence)
                        }
                        _ => offer.licence.clone(),
                    }),
                    page: offer.licence_page.clone(),
                    source: offer.id.clone(),
                    ..parcel
                });
            }
            Ok(parcels)
        }
    }
}

fn ask_address(client: &Client, url: &str, watch: &mut dyn Watch) -> Result<Parcel, DownloadError> {
    let request = Request {
        range: Some(format!("bytes=0-{}", HEAD_BYTES - 1)),
        ..Request::to(url)
    };
    let (head, begin) = stream::with_retries(client, watch, |watch| {
        let read = || {
            let stream = Stream::open(client, request.clone())?;
            let head = stream.head(watch)?;
            Ok((head, stream.beginning(HEAD_BYTES, watch)?))
        };
        (read(), false)
    })?;
    let name = head.name.as_deref().map_or_else(
        || {
            let decoded = address::decoded(address::path(url));
            decoded.rsplit('/').next().unwrap_or_default().to_owned()
        },
        str::to_owned,
    );
    let name = safe_name(&name);
    let foreign = |what| {
        let path = name.clone().into();
        DownloadError::Foreign(CatalogError::Foreign { path, what })
    };
    if let Some(what) = foreign_head(&begin) {
        return Err(foreign(what));
    }
    let path = Path::new(&name);
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    if !ENDINGS.iter().any(|known| ending == *known) {
        return Err(foreign(Foreign::OtherFile));
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Parcel {
        name: stem.into_owned(),
        source: url.to_owned(),
        licence: None,
        page: address::shown(url),
        shape: Shape::File,
        files: vec![RemoteFile {
            url: url.to_owned(),
            path: name,
            bytes: match head.status {
                206 => head.total,
                _ => head.length,
            },
            sha256: None,
        }],
    })
}
