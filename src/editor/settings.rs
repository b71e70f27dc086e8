//! What a document's settings start from.

use crate::catalog::ModelDefaults;
use crate::plan::{
    AreaMode, EditSettings, FillMode, Guidance, Length, MaskMode, PlanError, SamplerId, ScheduleId,
    Seed, Steps, Strength,
};

/// The settings a model's own defaults give, with an empty prompt.
pub(super) fn first_settings(defaults: &ModelDefaults) -> Result<EditSettings, PlanError> {
    Ok(EditSettings {
        prompt: String::new(),
        negative: String::new(),
        strength: Strength::new(defaults.strength)?,
        steps: Steps::new(defaults.steps)?,
        guidance: Guidance::new(defaults.guidance)?,
        seed: Seed(0),
        sampler: defaults.sampler.parse::<SamplerId>()?,
        schedule: defaults.schedule.parse::<ScheduleId>()?,
        mask_mode: MaskMode::Changes,
        area: AreaMode::Auto,
        padding: None,
        fill: FillMode::Auto,
        feather: None,
        grow: Length::Px(0.0),
    })
}
