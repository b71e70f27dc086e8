//! OpenRaster files of other programs: the lowest layer is the picture where it fills the canvas, what
//! lies above are layers.

use std::sync::Arc;

use super::archive::Archive;
use super::error::{ProjectError, ProjectNote};
use super::stack::{Stack, StackLayer};
use crate::document::{Layer, LayerId, State};
use crate::geometry::{Extent, Rect};
use crate::raster::{Patch, Picture, Pixmap, Profile, Tiled};

/// What the layers of such a file come to, and what is not as it is there.
pub(super) fn state(
    archive: &mut Archive,
    stack: &Stack,
) -> Result<(State, Vec<ProjectNote>), ProjectError> {
    let entries: Vec<&str> = stack
        .layers
        .iter()
        .map(|layer| layer.src.as_str())
        .collect();
    let pictures = archive.pictures(&entries)?;
    let is_deep = |picture: &Picture| matches!(picture.pixels, Pixmap::Rgba16(_));
    let is_deep = pictures.iter().any(is_deep);
    // OpenRaster has a profile for each layer; programs write the same into all.
    let profile = pictures
        .last()
        .map_or(Profile::Srgb, |lowest| lowest.profile.clone());
    let mut rest: Vec<(&StackLayer, Pixmap)> = stack
        .layers
        .iter()
        .zip(pictures)
        .map(|(layer, picture)| (layer, in_depth(picture.pixels, is_deep)))
        .collect();
    let fills = |layer: &StackLayer, extent: Extent| {
        (layer.x, layer.y) == (0, 0)
            && layer.visible
            && layer.opacity == 1.0
            && extent == stack.extent
    };
    let base = match rest.last() {
        Some((layer, pixels)) if fills(layer, pixels.extent()) => rest.pop().map(|(_, it)| it),
        _ => None,
    };
    let base = base
        .unwrap_or_else(|| in_depth(Pixmap::Rgba8(Tiled::filled(stack.extent, [0; 4])), is_deep));
    let mut state = State::new(Picture {
        pixels: base,
        profile,
    });
    for (number, (layer, pixels)) in rest.into_iter().rev().enumerate() {
        let extent = pixels.extent();
        let rect = Rect::new(layer.x, layer.y, extent.width, extent.height);
        state.layers.push(Layer {
            id: LayerId(number as u64 + 1),
            name: layer.name.clone(),
            visible: layer.visible,
            opacity: (layer.opacity * 255.0).round() as u8,
            patch: Arc::new(Patch { rect, pixels }),
            recipe: String::new(),
            painted: None,
        });
    }
    let notes = [
        (stack.has_blend_modes, ProjectNote::BlendModes),
        (stack.has_other_elements, ProjectNote::OtherElements),
        (stack.has_groups, ProjectNote::Groups),
    ];
    let notes = notes.into_iter().filter(|(is_so, _)| *is_so);
    Ok((state, notes.map(|(_, note)| note).collect()))
}

fn in_depth(pixels: Pixmap, is_deep: bool) -> Pixmap {
    match pixels {
        Pixmap::Rgba8(plane) if is_deep => {
            Pixmap::Rgba16(plane.map(|p| p.map(|v| u16::from(v) * 257)))
        }
        other => other,
    }
}
