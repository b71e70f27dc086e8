//! What the guide says: by what may change, and in the sample portrait by what lies there.

use crate::editor::{Candidate, OpenDocument, Sample};
use crate::geometry::Extent;
use crate::plan::MaskMode;
use crate::raster::{Patch, Pixmap};

/// What a step says, and prompts that fit, as keys of texts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) about: &'static str,
    pub(super) prompts: &'static [&'static str],
}

/// A place in the sample portrait, in its pixels.
type Place = (u32, u32);

/// The size of the sample portrait; cut to another, its places are elsewhere.
const SAMPLE: Extent = Extent {
    width: 512,
    height: 512,
};
const CITY: [Place; 6] = [
    (40, 60),
    (470, 60),
    (40, 330),
    (480, 330),
    (40, 490),
    (480, 490),
];
const HAIR: [Place; 4] = [(210, 160), (260, 150), (330, 160), (150, 450)];
const RED_TOP: [Place; 4] = [(255, 450), (215, 480), (255, 490), (310, 480)];

const PLACES_OF_SAMPLE: &[&str] = &["ui-guide-prompt-night", "ui-guide-prompt-room"];
/// Places that suit whatever was kept.
const PLACES: &[&str] = &[
    "ui-guide-prompt-night",
    "ui-guide-prompt-forest",
    "ui-guide-prompt-mountains",
];

/// What to say of a picture in which nothing need be painted yet.
pub(super) fn before_painting(open: &OpenDocument) -> &'static str {
    if is_sample(open) {
        "ui-guide-paint-sample"
    } else {
        "ui-guide-paint-about"
    }
}

/// What to say where something is painted and nothing described.
pub(super) fn of_painted(open: &OpenDocument) -> Words {
    let stays = open.settings().mask_mode == MaskMode::Stays;
    if !is_sample(open) {
        return if stays {
            words("ui-guide-say-about", PLACES)
        } else {
            words("ui-guide-say-own", &[])
        };
    }
    let mask = open.document().mask();
    let changes = |(x, y): Place| (mask.get(x, y).unwrap_or_default() > 127) != stays;
    if most(&CITY, changes) {
        return words("ui-guide-say-about", PLACES_OF_SAMPLE);
    }
    match (most(&HAIR, changes), most(&RED_TOP, changes)) {
        (true, true) => words(
            "ui-guide-say-there",
            &["ui-guide-prompt-hair", "ui-guide-prompt-clothes"],
        ),
        (true, false) => words("ui-guide-say-there", &["ui-guide-prompt-hair"]),
        (false, true) => words("ui-guide-say-there", &["ui-guide-prompt-clothes"]),
        (false, false) => words("ui-guide-say-own", &[]),
    }
}

/// What to do the other way round after this result.
pub(super) fn after_result(open: &OpenDocument, result: Option<&Candidate>) -> Words {
    let sample = is_sample(open);
    if sample
        && let Some(patch) = result.and_then(Candidate::patch)
        && most(&CITY, |place| is_changed(patch, place))
        && !RED_TOP.iter().any(|place| is_changed(patch, *place))
    {
        return words("ui-guide-next-sample", &["ui-guide-prompt-clothes"]);
    }
    let stays = result.is_some_and(|made| made.settings.mask_mode == MaskMode::Stays);
    match (sample, stays) {
        (false, true) => words("ui-guide-next-about", &[]),
        (false, false) => words("ui-guide-next-around", PLACES),
        (true, _) => words("ui-guide-next-around", PLACES_OF_SAMPLE),
    }
}

fn words(about: &'static str, prompts: &'static [&'static str]) -> Words {
    Words { about, prompts }
}

fn is_sample(open: &OpenDocument) -> bool {
    open.sample() == Some(Sample::PortraitCity) && open.document().extent() == SAMPLE
}

/// True where it holds for at least half of the places.
fn most(places: &[Place], holds: impl Fn(Place) -> bool) -> bool {
    2 * places.iter().filter(|place| holds(**place)).count() >= places.len()
}

fn is_changed(patch: &Patch, (x, y): Place) -> bool {
    let inside = |at: u32, origin: i32| u32::try_from(i64::from(at) - i64::from(origin)).ok();
    let (Some(x), Some(y)) = (inside(x, patch.rect.x), inside(y, patch.rect.y)) else {
        return false;
    };
    match &patch.pixels {
        Pixmap::Rgba8(plane) => plane.get(x, y).is_some_and(|[.., alpha]| alpha > 0),
        Pixmap::Rgba16(plane) => plane.get(x, y).is_some_and(|[.., alpha]| alpha > 0),
    }
}
