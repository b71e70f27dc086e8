//! Reading a project: one of ours comes back as it was, one of another program's as layers.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::archive::Archive;
use super::error::{ProjectError, ProjectNote};
use super::manifest::{LayerNote, MATTE, Manifest, VERSION};
use super::stack::Stack;
use super::writing::{MANIFEST, STACK, THUMBNAIL, Written};
use super::{Original, Project, ResultEntry, Unknown, UnknownEntry, foreign};
use crate::document::{Layer, LayerId, State};
use crate::geometry::Rect;
use crate::raster::file::{self, MAX_PIXELS, MaskChannel};
use crate::raster::{Mask, MaskKind, Patch, Picture, Pixmap, Profile};

/// The most bytes of `stack.xml` and of the manifest.
const MOST_TEXT_BYTES: u64 = 64 << 20;

/// A project that was read.
#[derive(Debug)]
pub struct Opened {
    /// What it holds.
    pub project: Project,
    /// What its base and layers look like together.
    pub visible: Picture,
    /// What could not be taken over.
    pub notes: Vec<ProjectNote>,
    /// What the next writing to the same path can take over. `None`: the file is another program's,
    /// and holds things that writing would lose.
    pub written: Option<Written>,
}

/// Reads a project.
pub fn read(path: &Path) -> Result<Opened, ProjectError> {
    let mut archive = Archive::open(path)?;
    let xml = archive.text(STACK, MOST_TEXT_BYTES)?;
    let stack = Stack::parse(&xml).map_err(|error| archive.damaged(STACK, &error))?;
    if stack.extent.is_empty() || stack.extent.area() > MAX_PIXELS {
        return Err(ProjectError::Size {
            path: path.to_path_buf(),
            extent: stack.extent,
        });
    }
    let mut notes = Vec::new();
    if archive.has(MANIFEST) {
        let json = archive.text(MANIFEST, MOST_TEXT_BYTES)?;
        let manifest: Manifest =
            serde_json::from_str(&json).map_err(|error| archive.damaged(MANIFEST, &error))?;
        if manifest.version > VERSION {
            return Err(ProjectError::Newer {
                path: path.to_path_buf(),
            });
        }
        if names_the_same(&stack, &manifest) {
            let project = ours(&mut archive, &stack, manifest)?;
            let visible = project.state.visible();
            let written = Written::as_read(path, &project, &visible);
            return Ok(Opened {
                project,
                visible,
                notes,
                written: Some(written),
            });
        }
        notes.push(ProjectNote::ChangedElsewhere);
    }
    let (state, more) = foreign::state(&mut archive, &stack)?;
    notes.extend(more);
    Ok(Opened {
        visible: state.visible(),
        project: Project {
            state,
            about: Value::Null,
            original: None,
            results: Vec::new(),
            unknown: Unknown::default(),
        },
        notes,
        written: None,
    })
}

/// The small picture of a project, by whichever program; `None` where it has none that can be read.
pub fn thumbnail(path: &Path) -> Option<Picture> {
    let mut archive = Archive::open(path).ok()?;
    archive.pictures(&[THUMBNAIL]).ok()?.pop()
}

/// Whether the layers that other programs see are those the manifest speaks of.
fn names_the_same(stack: &Stack, manifest: &Manifest) -> bool {
    let told = manifest.layers.iter().rev();
    let told = told.map(|l| (l.file.as_str(), l.x, l.y, l.visible, l.opacity));
    let base = [(manifest.base.as_str(), 0, 0, true, 255)];
    let seen = stack.layers.iter().map(|l| {
        let opacity = (l.opacity * 255.0).round() as u8;
        (l.src.as_str(), l.x, l.y, l.visible, opacity)
    });
    seen.eq(told.chain(base))
}

fn ours(archive: &mut Archive, stack: &Stack, manifest: Manifest) -> Result<Project, ProjectError> {
    let profile = match &manifest.profile {
        Some(entry) => Profile::Icc(Arc::new(archive.bytes(entry)?)),
        None => Profile::Srgb,
    };
    let layers = manifest.layers.iter().map(|layer| layer.file.as_str());
    let results = manifest.results.iter().map(|result| result.file.as_str());
    let mut entries: Vec<&str> = std::iter::once(manifest.base.as_str())
        .chain(layers)
        .chain(results)
        .collect();
    // Runs may share a mask.
    let masks: BTreeSet<&str> = masks_of(&manifest).map(String::as_str).collect();
    entries.extend(&masks);
    let mut pictures = archive.pictures(&entries)?;
    let planes = pictures.split_off(entries.len() - masks.len());
    let masks: BTreeMap<&str, Mask> = masks.into_iter().zip(planes.iter().map(plane_of)).collect();
    let mask = |entry: &Option<String>| masks.get(entry.as_deref()?).cloned();
    let mut pictures = pictures.into_iter().map(|it| it.pixels);
    let base = Picture {
        pixels: pictures
            .next()
            .ok_or_else(|| archive.damaged(&manifest.base, &"it is missing"))?,
        profile,
    };
    if base.extent() != stack.extent {
        return Err(archive.damaged(&manifest.base, &"it has another size than the canvas"));
    }
    let mut state = State::new(base);
    let mut read_mask = |entry: &String| {
        let bytes = archive.bytes(entry)?;
        let name = Path::new(entry);
        let loaded = file::mask_from_bytes(&bytes, name, stack.extent, MaskChannel::Auto);
        let loaded = loaded.map_err(|error| archive.damaged(entry, &error))?;
        Ok::<_, ProjectError>(loaded.mask)
    };
    if let Some(entry) = &manifest.mask {
        state.mask = read_mask(entry)?;
    }
    state.cutout = manifest.cutout.as_ref().map(read_mask).transpose()?;
    if manifest.mask_kind.as_deref() == Some(MATTE) {
        state.mask_kind = MaskKind::Matte;
    }
    let mut patches = patches_of(archive, &manifest, &state.base.pixels, pictures)?.into_iter();
    state.layers = layers_of(&manifest.layers, &mut patches);
    for (layer, note) in state.layers.iter_mut().zip(&manifest.layers) {
        layer.painted = mask(&note.mask);
    }
    if let Some(twin) = twin_of(&manifest.layers) {
        return Err(archive.damaged(&twin.file, &"two layers have one number"));
    }
    let notes = manifest.results.iter();
    let results = notes.zip(patches).map(|(told, patch)| ResultEntry {
        note: told.note.clone(),
        patch,
        painted: mask(&told.mask),
    });
    let results = results.collect();
    let original = original_of(archive, &manifest)?;
    let unknown = Unknown {
        entries: unknown_entries(archive, &manifest)?,
        of_layers: of_layers(&manifest.layers),
        fields: manifest.unknown,
    };
    Ok(Project {
        state,
        about: manifest.about,
        original,
        results,
        unknown,
    })
}

/// The patches of the layers, then of the results, all in the depth of the base picture.
fn patches_of(
    archive: &Archive,
    manifest: &Manifest,
    base: &Pixmap,
    pictures: impl Iterator<Item = Pixmap>,
) -> Result<Vec<Arc<Patch>>, ProjectError> {
    let depth = std::mem::discriminant(base);
    let layers = manifest.layers.iter().map(|it| (&it.file, it.x, it.y));
    let results = manifest.results.iter().map(|it| (&it.file, it.x, it.y));
    let places = layers.chain(results).zip(pictures);
    places
        .map(|((entry, x, y), pixels)| {
            if std::mem::discriminant(&pixels) != depth {
                return Err(archive.damaged(entry, &"it has another depth than the picture"));
            }
            let extent = pixels.extent();
            let rect = Rect::new(x, y, extent.width, extent.height);
            Ok(Arc::new(Patch { rect, pixels }))
        })
        .collect()
}

/// The file that the picture was opened from.
fn original_of(
    archive: &mut Archive,
    manifest: &Manifest,
) -> Result<Option<Arc<Original>>, ProjectError> {
    let Some(note) = &manifest.original else {
        return Ok(None);
    };
    Ok(Some(Arc::new(Original {
        name: note.name.clone(),
        bytes: archive.bytes(&note.file)?,
    })))
}

fn layers_of(notes: &[LayerNote], patches: &mut impl Iterator<Item = Arc<Patch>>) -> Vec<Layer> {
    let layers = notes.iter().zip(patches);
    let layers = layers.map(|(note, patch)| Layer {
        id: LayerId(note.id),
        name: note.name.clone(),
        visible: note.visible,
        opacity: note.opacity,
        patch,
        recipe: note.recipe.clone(),
        painted: None,
    });
    layers.collect()
}

/// What is told of layers that this program does not know.
fn of_layers(notes: &[LayerNote]) -> BTreeMap<LayerId, Map<String, Value>> {
    let told = notes.iter().filter(|note| !note.unknown.is_empty());
    told.map(|note| (LayerId(note.id), note.unknown.clone()))
        .collect()
}

/// The entries of what was painted for runs.
fn masks_of(manifest: &Manifest) -> impl Iterator<Item = &String> {
    let layers = manifest.layers.iter().filter_map(|it| it.mask.as_ref());
    layers.chain(manifest.results.iter().filter_map(|it| it.mask.as_ref()))
}

/// A mask of ours, which is grey.
fn plane_of(picture: &Picture) -> Mask {
    match &picture.pixels {
        Pixmap::Rgba8(plane) => plane.map(|[value, ..]| value),
        Pixmap::Rgba16(plane) => plane.map(|[value, ..]| (value >> 8) as u8),
    }
}

/// A layer whose number another one has already.
fn twin_of(notes: &[LayerNote]) -> Option<&LayerNote> {
    let mut ids = HashSet::new();
    notes.iter().find(|note| !ids.insert(note.id))
}

/// Entries of ours that the manifest does not speak of.
fn unknown_entries(
    archive: &mut Archive,
    manifest: &Manifest,
) -> Result<Vec<UnknownEntry>, ProjectError> {
    let layers = manifest.layers.iter().map(|layer| &layer.file);
    let results = manifest.results.iter().map(|result| &result.file);
    let known: HashSet<&str> = layers
        .chain(results)
        .chain(masks_of(manifest))
        .chain(&manifest.mask)
        .chain(&manifest.cutout)
        .chain(&manifest.profile)
        .chain(manifest.original.iter().map(|original| &original.file))
        .map(String::as_str)
        .chain([manifest.base.as_str(), MANIFEST])
        .collect();
    let mut unknown = Vec::new();
    for name in archive.names() {
        let is_file = name.starts_with("overpaint/") && !name.ends_with('/');
        if is_file && !known.contains(name.as_str()) {
            let bytes = archive.bytes(&name)?;
            unknown.push((name, Arc::new(bytes)));
        }
    }
    Ok(unknown)
}
