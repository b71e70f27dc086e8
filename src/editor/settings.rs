//! First settings.

use crate::plan::{
    AreaMode, EditSettings, FillMode, Guidance, Length, MaskMode, SamplerId, ScheduleId, Seed,
    Steps, Strength,
};

/// What a document starts with.
pub(super) fn first_settings() -> EditSettings {
    #[expect(clippy::expect_used, reason = "constants inside their ranges")]
    EditSettings {
        prompt: String::new(),
        negative: String::new(),
        strength: Strength::new(0.6).expect("in range"),
        steps: Steps::new(20).expect("in range"),
        guidance: Guidance::new(4.0).expect("in range"),
        seed: Seed(0),
        sampler: SamplerId::Dpmpp2m,
        schedule: ScheduleId::Karras,
        mask_mode: MaskMode::Changes,
        area: AreaMode::Auto,
        padding: None,
        fill: FillMode::Auto,
        feather: None,
        grow: Length::Px(0.0),
    }
}
