//! What tests of this room send.

use crate::catalog::{ModelRef, ServedModel};
use crate::geometry::Extent;
use crate::plan::{
    EngineInput, EngineMask, Guidance, LatentFill, SamplerId, ScheduleId, Seed, Steps, Strength,
};
use crate::raster::RgbF32;

/// 20 steps at strength 0.5 of a grey picture, the left half of which may change.
pub(crate) fn input() -> EngineInput {
    let extent = Extent::new(64, 64);
    EngineInput {
        model: ModelRef::Served(ServedModel::guessed("there", "sd.safetensors", None)),
        loras: Vec::new(),
        image: RgbF32::filled(extent, [0.5; 3]),
        mask: Some(EngineMask {
            latent_extent: Extent::new(8, 8),
            latent_strength: (0..64).map(|i| f32::from(u8::from(i % 8 < 4))).collect(),
            region: (0..64 * 64)
                .map(|i| f32::from(u8::from(i % 64 < 32)))
                .collect(),
            fill: LatentFill::Image,
        }),
        prompt: "a (red) house".to_owned(),
        negative: String::new(),
        strength: Strength::new(0.5).unwrap(),
        steps: Steps::new(20).unwrap(),
        guidance: Guidance::new(7.0).unwrap(),
        image_guidance: Guidance::new(1.5).unwrap(),
        seed: Seed(7),
        sampler: SamplerId::Euler,
        schedule: ScheduleId::Model,
        wants_round_trip: false,
        original: None,
        tiles: Vec::new(),
    }
}
