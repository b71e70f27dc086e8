//! Writing a project: only what has changed since the last time is encoded again.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rayon::prelude::*;
use serde_json::{Map, Value};

use super::archive::{AnyError, Archive, Outgoing};
use super::error::ProjectError;
use super::manifest::{LayerNote, MATTE, Manifest, OriginalNote, ResultNote, VERSION};
use super::stack::{Stack, StackLayer};
use super::{Original, Project, Unknown};
use crate::document::{LayerId, State};
use crate::raster::file::{self, png_bytes};
use crate::raster::sheet::SheetTile;
use crate::raster::{Mask, MaskKind, Patch, Picture, Pixmap, Profile, Tiled};

pub(super) const STACK: &str = "stack.xml";
pub(super) const MANIFEST: &str = "overpaint/project.json";
pub(super) const MERGED: &str = "mergedimage.png";
pub(super) const THUMBNAIL: &str = "Thumbnails/thumbnail.png";
/// OpenRaster's longest side of a thumbnail, in pixels.
const THUMBNAIL_PX: u32 = 256;
pub(super) const BASE: &str = "data/background.png";
const MASK: &str = "overpaint/mask.png";
const CUTOUT: &str = "overpaint/cutout.png";
const PROFILE: &str = "overpaint/profile.icc";

/// What a project file holds, so that the next writing can take over what is still the same.
#[derive(Debug)]
pub struct Written {
    stamp: Stamp,
    entries: Vec<(String, Piece)>,
}

/// By what a file is known not to have been touched.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp(u64, Option<SystemTime>);

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        Some(Self(about.len(), about.modified().ok()))
    }
}

/// What an entry is made from. Planes are compared tile by tile, and tiles that are the same memory
/// cost nothing.
#[derive(Debug, Clone)]
enum Piece {
    Picture(Picture),
    Thumbnail(Picture),
    Patch(Arc<Patch>, Profile),
    Mask(Mask),
    Original(Arc<Original>),
    Bytes(Arc<Vec<u8>>),
    Text(Arc<Vec<u8>>),
}

impl Piece {
    /// True when both give the same bytes.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Picture(a), Self::Picture(b)) | (Self::Thumbnail(a), Self::Thumbnail(b)) => {
                a == b
            }
            (Self::Patch(a, profile), Self::Patch(b, other)) => {
                (Arc::ptr_eq(a, b) || a.pixels == b.pixels) && profile == other
            }
            (Self::Mask(a), Self::Mask(b)) => a == b,
            (Self::Original(a), Self::Original(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::Bytes(a), Self::Bytes(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    fn encoded(&self) -> Result<Vec<u8>, ProjectError> {
        Ok(match self {
            Self::Picture(picture) => png_bytes(picture)?,
            Self::Thumbnail(picture) => {
                let small = SheetTile::of(picture, THUMBNAIL_PX, String::new())?;
                let pixels = Tiled::from_pixels(small.extent, &small.pixels, [0; 4]);
                png_bytes(&in_srgb(Pixmap::Rgba8(pixels)))?
            }
            Self::Patch(patch, profile) => png_bytes(&Picture {
                pixels: patch.pixels.clone(),
                profile: profile.clone(),
            })?,
            Self::Mask(mask) => file::mask_bytes(mask)?,
            Self::Original(original) => original.bytes.clone(),
            Self::Bytes(bytes) | Self::Text(bytes) => Vec::clone(bytes),
        })
    }
}

fn in_srgb(pixels: Pixmap) -> Picture {
    let profile = Profile::Srgb;
    Picture { pixels, profile }
}

/// Writes a project, whole or not at all. `visible` is what base and layers look like together.
/// `previous` is what the last writing to this path returned, or reading from it; what it holds and
/// is still the same is not encoded again.
pub fn write(
    path: &Path,
    project: &Project,
    visible: &Picture,
    previous: Option<&Written>,
) -> Result<Written, ProjectError> {
    let entries = entries_of(project, visible).map_err(|error| ProjectError::Damaged {
        path: path.to_path_buf(),
        entry: MANIFEST.to_owned(),
        why: error.to_string(),
    })?;
    let previous = previous.filter(|previous| Stamp::of(path).as_ref() == Some(&previous.stamp));
    let old_name = |piece: &Piece| {
        let mut known = previous?.entries.iter();
        known
            .find(|(_, other)| other.is_same(piece))
            .map(|(name, _)| name.as_str())
    };
    // The old file is read while the new one is written beside it.
    let mut old = previous.and_then(|_| Archive::open(path).ok());
    let sources: Vec<Option<&str>> = entries
        .iter()
        .map(|(_, piece)| {
            let name = old_name(piece)?;
            old.as_ref().filter(|old| old.has(name)).map(|_| name)
        })
        .collect();
    let mut failed = None;
    let whole = file::write_whole(path, |file| {
        let disk: &File = file.get_ref();
        let mut outgoing = Outgoing::begin(file)?;
        for (name, piece) in &entries {
            if let Piece::Text(bytes) = piece {
                outgoing.deflated(name, bytes)?;
            }
        }
        // Most of a large project is taken over, and lies on the disk while the rest is encoded.
        let (taken, encoded) = rayon::join(
            || take_over((&entries, &sources), old.as_mut(), &mut outgoing, disk),
            || encoded((&entries, &sources)),
        );
        taken?;
        let encoded = encoded.map_err(|error| failed.insert(error).to_string())?;
        for ((name, _), bytes) in entries.iter().zip(&encoded) {
            if let Some(bytes) = bytes {
                outgoing.stored(name, bytes)?;
            }
        }
        outgoing.finish()
    });
    if let Some(failed) = failed {
        return Err(failed);
    }
    whole?;
    Ok(Written::new(path, entries))
}

/// Entries, and the name of each in the old file where it is the same there.
type Sourced<'a> = (&'a [(String, Piece)], &'a [Option<&'a str>]);

/// Copies what is the same in the old file, and waits until the disk has it.
fn take_over(
    (entries, sources): Sourced<'_>,
    old: Option<&mut Archive>,
    outgoing: &mut Outgoing<&mut BufWriter<&File>>,
    disk: &File,
) -> Result<(), String> {
    let Some(old) = old else {
        return Ok(());
    };
    for ((name, _), source) in entries.iter().zip(sources) {
        if let Some(old_name) = source {
            let taken = outgoing.taken_over(name, old, old_name);
            taken.map_err(|error| error.to_string())?;
        }
    }
    disk.sync_data().map_err(|error| error.to_string())
}

/// The bytes of what is not in the old file, but for texts.
fn encoded((entries, sources): Sourced<'_>) -> Result<Vec<Option<Vec<u8>>>, ProjectError> {
    let all = entries.par_iter().zip(sources);
    all.map(|((_, piece), source)| match (source, piece) {
        (Some(_), _) | (None, Piece::Text(_)) => Ok(None),
        (None, piece) => piece.encoded().map(Some),
    })
    .collect()
}

impl Written {
    fn new(path: &Path, entries: Vec<(String, Piece)>) -> Self {
        Self {
            // Without a stamp nothing is taken over.
            stamp: Stamp::of(path).unwrap_or(Stamp(u64::MAX, None)),
            entries,
        }
    }

    /// What a file that was just read holds.
    pub(super) fn as_read(path: &Path, project: &Project, visible: &Picture) -> Self {
        Self::new(path, entries_of(project, visible).unwrap_or_default())
    }
}

/// All entries after the first, in their order.
fn entries_of(project: &Project, visible: &Picture) -> Result<Vec<(String, Piece)>, AnyError> {
    let state = &project.state;
    let profile = &state.base.profile;
    let mut entries = vec![
        (
            STACK.to_owned(),
            text(
                stack_of(state)
                    .to_xml()
                    .map_err(|error| error.to_string())?,
            ),
        ),
        (MANIFEST.to_owned(), text(Vec::new())),
        (THUMBNAIL.to_owned(), Piece::Thumbnail(visible.clone())),
        (MERGED.to_owned(), Piece::Picture(visible.clone())),
        (BASE.to_owned(), Piece::Picture(state.base.clone())),
    ];
    let mut manifest = Manifest {
        version: VERSION,
        program: concat!("Overpaint ", env!("CARGO_PKG_VERSION")).to_owned(),
        base: BASE.to_owned(),
        about: project.about.clone(),
        unknown: project.unknown.fields.clone(),
        ..Manifest::default()
    };
    if let Profile::Icc(icc) = profile {
        manifest.profile = Some(PROFILE.to_owned());
        entries.push((PROFILE.to_owned(), Piece::Bytes(Arc::clone(icc))));
    }
    add_masks(state, &mut manifest, &mut entries);
    for layer in &state.layers {
        let file = layer_entry(layer.id.0);
        let mask = format!("overpaint/masks/layer-{}.png", layer.id.0);
        let mask = add_mask(mask, layer.painted.as_ref(), &mut entries);
        entries.push((
            file.clone(),
            Piece::Patch(Arc::clone(&layer.patch), profile.clone()),
        ));
        manifest.layers.push(LayerNote {
            file,
            id: layer.id.0,
            name: layer.name.clone(),
            x: layer.patch.rect.x,
            y: layer.patch.rect.y,
            visible: layer.visible,
            opacity: layer.opacity,
            recipe: layer.recipe.clone(),
            mask,
            unknown: known_of(layer.id, &project.unknown),
        });
    }
    add_results(project, &mut manifest, &mut entries);
    if let Some(original) = &project.original {
        let file = "overpaint/original".to_owned();
        manifest.original = Some(OriginalNote {
            file: file.clone(),
            name: original.name.clone(),
        });
        entries.push((file, Piece::Original(Arc::clone(original))));
    }
    for (name, bytes) in &project.unknown.entries {
        if entries.iter().all(|(known, _)| known != name) {
            entries.push((name.clone(), Piece::Bytes(Arc::clone(bytes))));
        }
    }
    let manifest = serde_json::to_vec_pretty(&manifest)?;
    if let Some((_, piece)) = entries.get_mut(1) {
        *piece = text(manifest);
    }
    Ok(entries)
}

/// The results that nobody has accepted or thrown away.
fn add_results(project: &Project, manifest: &mut Manifest, entries: &mut Vec<(String, Piece)>) {
    let profile = &project.state.base.profile;
    for (number, result) in project.results.iter().enumerate() {
        let file = format!("overpaint/results/{}.png", number + 1);
        let mask = format!("overpaint/masks/result-{}.png", number + 1);
        let mask = add_mask(mask, result.painted.as_ref(), entries);
        let patch = &result.patch;
        manifest.results.push(ResultNote {
            file: file.clone(),
            x: patch.rect.x,
            y: patch.rect.y,
            note: result.note.clone(),
            mask,
        });
        entries.push((file, Piece::Patch(Arc::clone(patch), profile.clone())));
    }
}

/// What a newer program tells of a layer.
fn known_of(layer: LayerId, unknown: &Unknown) -> Map<String, Value> {
    unknown.of_layers.get(&layer).cloned().unwrap_or_default()
}

/// Adds what was painted for a run. Runs with the same mask share its entry.
fn add_mask(
    name: String,
    mask: Option<&Mask>,
    entries: &mut Vec<(String, Piece)>,
) -> Option<String> {
    let piece = Piece::Mask(mask?.clone());
    let twin = entries.iter().find(|(_, known)| known.is_same(&piece));
    if let Some((known, _)) = twin {
        return Some(known.clone());
    }
    entries.push((name.clone(), piece));
    Some(name)
}

fn add_masks(state: &State, manifest: &mut Manifest, entries: &mut Vec<(String, Piece)>) {
    if state.mask != Tiled::filled(state.extent(), 0) {
        manifest.mask = Some(MASK.to_owned());
        entries.push((MASK.to_owned(), Piece::Mask(state.mask.clone())));
    }
    if state.mask_kind == MaskKind::Matte {
        manifest.mask_kind = Some(MATTE.to_owned());
    }
    if let Some(cutout) = &state.cutout {
        manifest.cutout = Some(CUTOUT.to_owned());
        entries.push((CUTOUT.to_owned(), Piece::Mask(cutout.clone())));
    }
}

fn text(bytes: Vec<u8>) -> Piece {
    Piece::Text(Arc::new(bytes))
}

pub(super) fn layer_entry(id: u64) -> String {
    format!("data/layer-{id}.png")
}

/// What other programs are told.
pub(super) fn stack_of(state: &State) -> Stack {
    let above = state.layers.iter().rev().map(|layer| StackLayer {
        name: layer.name.clone(),
        src: layer_entry(layer.id.0),
        x: layer.patch.rect.x,
        y: layer.patch.rect.y,
        opacity: f64::from(layer.opacity) / 255.0,
        visible: layer.visible,
    });
    let base = StackLayer {
        name: "Background".to_owned(),
        src: BASE.to_owned(),
        x: 0,
        y: 0,
        opacity: 1.0,
        visible: true,
    };
    Stack {
        extent: state.extent(),
        layers: above.chain([base]).collect(),
        ..Stack::default()
    }
}
