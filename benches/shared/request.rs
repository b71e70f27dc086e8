//! The run that benches of the engine measure.

use std::error::Error;

use overpaint::catalog::{self, ModelRef};
use overpaint::geometry::{Extent, Rect};
use overpaint::plan::{EditRequest, EditSettings, Seed, Steps, Strength};
use overpaint::raster::{Picture, Pixmap, Profile, Tiled};

/// A picture of 403 × 297 with its middle painted, 20 executed steps of the built-in model.
pub(crate) fn request(seed: u64) -> Result<EditRequest, Box<dyn Error>> {
    let card = catalog::open(&ModelRef::BuiltIn)?;
    let settings = EditSettings {
        prompt: "cat, in space".to_owned(),
        seed: Seed(seed),
        ..EditSettings::default()
    };
    let settings = EditSettings {
        steps: Steps::new(20)?,
        strength: Strength::new(1.0)?,
        ..settings.with_defaults_of(&card.defaults)
    };
    let extent = Extent::new(403, 297);
    let mut pixels = Tiled::filled(extent, [0, 0, 0, 255]);
    pixels.update(Rect::of(extent), |at, _| {
        [(at.x / 2) as u8, (at.y / 2) as u8, 128, 255]
    });
    let mut painted = Tiled::filled(extent, 0);
    painted.update(Rect::new(100, 70, 200, 150), |_, _| 255);
    Ok(EditRequest {
        model: card.reference.clone(),
        traits: card.traits.clone(),
        source: Picture {
            pixels: Pixmap::Rgba8(pixels),
            profile: Profile::Srgb,
        },
        painted: Some(painted),
        settings,
    })
}
