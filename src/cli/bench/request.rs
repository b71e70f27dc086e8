//! The edit that `overpaint bench` and the benches of this repository measure.

use crate::catalog::ModelCard;
use crate::geometry::{Extent, Rect};
use crate::plan::{EditRequest, EditSettings, PlanError, Steps, Strength};
use crate::raster::{Picture, Pixmap, Profile, Tiled};

/// Steps of each run; at strength 1 all of them are executed.
const STEPS: u32 = 20;

/// A smooth picture of that size with its middle painted, [`STEPS`] executed steps; each variant has
/// its own picture and prompts.
pub fn bench_request(
    card: &ModelCard,
    extent: Extent,
    variant: u32,
) -> Result<EditRequest, PlanError> {
    let settings = EditSettings {
        prompt: match variant {
            0 => "cat, in space".to_owned(),
            _ => format!("cat, {}", words(variant)),
        },
        ..EditSettings::default()
    };
    let settings = EditSettings {
        steps: Steps::new(STEPS)?,
        strength: Strength::new(1.0)?,
        ..settings.with_defaults_of(&card.defaults)
    };
    let mut pixels = Tiled::filled(extent, [0, 0, 0, 255]);
    pixels.update(Rect::of(extent), |at, _| {
        let shade = |v: i32, side: u32| (v as u32 * 255 / side) as u8;
        [
            shade(at.x, extent.width),
            shade(at.y, extent.height),
            128 + (variant % 128) as u8,
            255,
        ]
    });
    let mut painted = Tiled::filled(extent, 0);
    let middle = Rect::new(
        extent.width as i32 / 4,
        extent.height as i32 / 4,
        extent.width.div_ceil(2),
        extent.height.div_ceil(2),
    );
    painted.update(middle, |_, _| 255);
    Ok(EditRequest {
        model: card.reference.clone(),
        traits: card.traits.clone(),
        source: Picture {
            pixels: Pixmap::Rgba8(pixels),
            profile: Profile::Srgb,
        },
        painted: Some(painted),
        mask_kind: crate::raster::MaskKind::Strength,
        settings,
    })
}

/// Three words that other variants near by have not in this order.
fn words(variant: u32) -> String {
    const WORDS: [&str; 4] = ["cat", "woman", "beach", "space"];
    let word = |place: u32| WORDS[(variant >> (2 * place)) as usize % WORDS.len()];
    [word(2), word(1), word(0)].join(" ")
}
