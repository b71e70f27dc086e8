//! What is shown while the real engine runs.

use overpaint::catalog::{self, ModelRef};
use overpaint::engine::diffusion::{DiffusionEngine, EngineOptions};
use overpaint::engine::{Cancelled, Stage};
use overpaint::geometry::{Extent, Rect};
use overpaint::jobs::{EditProgress, run_edit};
use overpaint::plan::{
    EditRequest, EditSettings, Layout, Pass, PreviewPatch, Seed, Steps, Strength,
};
use overpaint::raster::{Patch, Pixmap, file};

/// Keeps every preview.
#[derive(Default)]
struct Watching(Vec<PreviewPatch>);

impl EditProgress for Watching {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        Ok(())
    }

    fn planned(&mut self, _: &Layout, _: &[Pass]) {}

    fn stage(&mut self, _: Stage) {}

    fn wants_preview(&self) -> bool {
        true
    }

    fn preview(&mut self, preview: PreviewPatch) {
        self.0.push(preview);
    }
}

/// The mean colours of a result under the pixels of a smaller picture.
fn reduced(patch: &Patch, to: Extent) -> Vec<[f64; 3]> {
    let Pixmap::Rgba8(pixels) = &patch.pixels else {
        panic!("8 bits expected")
    };
    let from = pixels.extent();
    let edge = |at: usize, of: u32, side: u32| (at as u32 * side / of) as i32;
    let mean = |i: usize| {
        let (x, y) = (i % to.width as usize, i / to.width as usize);
        let (left, top) = (
            edge(x, to.width, from.width),
            edge(y, to.height, from.height),
        );
        let (right, bottom) = (
            edge(x + 1, to.width, from.width),
            edge(y + 1, to.height, from.height),
        );
        let part = Rect::new(left, top, (right - left) as u32, (bottom - top) as u32);
        let part = pixels.crop(part);
        let mean = |channel: usize| {
            let sum: f64 = part.iter().map(|pixel| f64::from(pixel[channel])).sum();
            sum / part.len() as f64
        };
        [mean(0), mean(1), mean(2)]
    };
    (0..to.len()).map(mean).collect()
}

/// Peak signal-to-noise ratio of 8-bit colours, in dB.
fn psnr(a: &[[f64; 3]], b: &[[u8; 4]]) -> f64 {
    assert_eq!(a.len(), b.len());
    let squares = a.iter().zip(b).flat_map(|(a, b)| {
        let channels = a.iter().zip(b);
        channels.map(|(a, b)| (a - f64::from(*b)).powi(2))
    });
    let mean = squares.sum::<f64>() / (a.len() * 3) as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}

#[test]
fn each_step_shows_another_picture_and_the_last_is_close_to_the_result() {
    let card = catalog::open(&ModelRef::BuiltIn).unwrap();
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/assets/samples/portrait-city.png"
    );
    let settings = EditSettings {
        prompt: "woman, in the city at night".to_owned(),
        seed: Seed(11),
        ..EditSettings::default()
    };
    let request = EditRequest {
        model: card.reference.clone(),
        traits: card.traits.clone(),
        source: file::load(path.as_ref()).unwrap().picture,
        mask_kind: overpaint::raster::MaskKind::Strength,
        painted: None,
        settings: EditSettings {
            steps: Steps::new(8).unwrap(),
            strength: Strength::new(0.75).unwrap(),
            ..settings.with_defaults_of(&card.defaults)
        },
    };
    let mut engine = DiffusionEngine::new(EngineOptions::default()).unwrap();
    let mut watching = Watching::default();
    let result = run_edit(&mut engine, &request, &mut watching).unwrap();
    let previews = watching.0;
    assert_eq!(result.report.executed_steps, 6);
    assert_eq!(previews.len(), 6);
    for (i, preview) in previews.iter().enumerate() {
        assert!(
            previews[..i]
                .iter()
                .all(|other| other.pixels != preview.pixels)
        );
    }
    let last = previews.last().unwrap();
    assert_eq!(last.rect, result.patch.rect);
    let closeness = psnr(&reduced(&result.patch, last.extent), &last.pixels);
    println!("the last preview is {closeness:.1} dB from the result");
    assert!(closeness >= 18.0, "{closeness} dB");
}
