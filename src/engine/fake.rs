//! [`FakeEngine`] and [`FakeVision`]: scripted ones without a model, for tests of everything around them.

use std::path::Path;

use super::{
    Cancelled, Demands, Engine, EngineError, EngineOutput, PassDemand, PassShape, PictureEmbedding,
    Progress, RunReport, Segmenter, Stage, Vision,
};
use crate::geometry::{Extent, PointF};
use crate::plan::EngineInput;
use crate::raster::RgbF32;
use crate::select::{ClickMap, Clicks, Face, SubjectMap};

/// What the next run of a [`FakeEngine`] does.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Script {
    /// Mixes the picture with a colour made from prompt and seed, by the strength.
    #[default]
    Paint,
    /// Fails with this error after the first step.
    Fail(EngineError),
    /// Panics after the first step.
    Panic,
    /// Waits in the first step until it is cancelled.
    WaitForCancel,
    /// The same, as one whose server is away.
    AwayUntilCancel,
}

/// Demands of a model that is none: a FLOP and a byte for each pixel.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakeDemands;

impl Demands for FakeDemands {
    fn of_pass(&self, shape: &PassShape) -> PassDemand {
        let (work, shown) = (shape.work.area() as f64, shape.shown.area() as f64);
        PassDemand {
            encode_flops: work,
            step_flops: shown,
            decode_flops: work,
            peak_bytes: work,
            kept_bytes: work,
        }
    }

    fn weights_bytes(&self) -> f64 {
        1e6
    }

    fn loading_bytes(&self) -> f64 {
        2e6
    }
}

/// A deterministic engine that needs no model. Scripts are used up one a run; then it paints.
#[derive(Debug, Default)]
pub struct FakeEngine {
    scripts: std::collections::VecDeque<Script>,
    step_time: std::time::Duration,
}

impl FakeEngine {
    /// An engine that runs `scripts` in order, then paints.
    pub fn scripted(scripts: impl IntoIterator<Item = Script>) -> Self {
        Self {
            scripts: scripts.into_iter().collect(),
            step_time: std::time::Duration::ZERO,
        }
    }

    /// Makes every step take that long.
    #[must_use]
    pub fn with_step_time(mut self, step_time: std::time::Duration) -> Self {
        self.step_time = step_time;
        self
    }
}

impl Engine for FakeEngine {
    #[expect(
        clippy::panic,
        reason = "panicking on demand is what this script is for"
    )]
    fn run(
        &mut self,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        let script = self.scripts.pop_front().unwrap_or_default();
        let of = input.steps.executed(input.strength);
        progress.stage(Stage::Loading);
        progress.checkpoint()?;
        progress.stage(Stage::EncodingText);
        progress.stage(Stage::EncodingPicture);
        for done in 0..of {
            progress.checkpoint()?;
            progress.stage(Stage::Step { done, of });
            match &script {
                Script::Fail(error) if done == 0 => return Err(error.clone()),
                Script::Panic if done == 0 => panic!("the script says panic"),
                Script::WaitForCancel => wait_for_cancel(progress)?,
                Script::AwayUntilCancel => {
                    progress.stage(Stage::Away);
                    wait_for_cancel(progress)?;
                }
                _ => {}
            }
            std::thread::sleep(self.step_time);
            if progress.wants_preview() {
                let share = f64::from(done + 1) / f64::from(of) * input.strength.get();
                progress.preview(tinted(input, share as f32));
            }
        }
        progress.stage(Stage::Step { done: of, of });
        progress.stage(Stage::Decoding);
        progress.checkpoint()?;
        Ok(EngineOutput {
            image: tinted(input, input.strength.get() as f32),
            // Nothing is encoded here, so nothing is lost by it.
            round_trip: None,
            report: RunReport {
                executed_steps: of,
                text_encodes: 1,
                picture_encodes: 1,
                device: "fake".to_owned(),
                ..RunReport::default()
            },
        })
    }
}

fn wait_for_cancel(progress: &mut dyn Progress) -> Result<(), Cancelled> {
    loop {
        progress.checkpoint()?;
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// The input's picture mixed with the prompt's colour.
fn tinted(input: &EngineInput, share: f32) -> RgbF32 {
    let hash = input.prompt.bytes().fold(input.seed.0, |h, byte| {
        h.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
    });
    let part = |shift: u32| ((hash >> shift) & 0xff) as f32 / 255.0;
    let colour = [part(0), part(8), part(16)];
    let mix = |pixel: &[f32; 3]| {
        let [r, g, b] = *pixel;
        let [cr, cg, cb] = colour;
        [
            r + (cr - r) * share,
            g + (cg - g) * share,
            b + (cb - b) * share,
        ]
    };
    RgbF32 {
        extent: input.image.extent,
        pixels: input.image.pixels.iter().map(mix).collect(),
    }
}
/// Sees a person in the middle half of every picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FakeVision {
    /// Whether there is a face too, in the upper half of the person.
    pub sees_face: bool,
    /// Whether it looks until it is stopped.
    pub looks_on: bool,
}

impl Default for FakeVision {
    fn default() -> Self {
        Self {
            sees_face: true,
            looks_on: false,
        }
    }
}

impl Vision for FakeVision {
    fn subject(
        &mut self,
        _: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<SubjectMap, EngineError> {
        progress.checkpoint()?;
        if self.looks_on {
            loop {
                std::thread::sleep(std::time::Duration::from_millis(1));
                progress.checkpoint()?;
            }
        }
        const SIDE: usize = 64;
        let inside = |at: usize| (SIDE / 4..SIDE * 3 / 4).contains(&at);
        let pixels = (0..SIDE * SIDE).map(|at| inside(at % SIDE) && inside(at / SIDE));
        Ok(SubjectMap {
            extent: Extent::new(SIDE as u32, SIDE as u32),
            likelihood: pixels.map(|seen| if seen { 1.0 } else { 0.0 }).collect(),
        })
    }

    fn faces(
        &mut self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<Vec<Face>, EngineError> {
        progress.checkpoint()?;
        let (width, height) = (picture.extent.width as f32, picture.extent.height as f32);
        let nose = PointF::new(width * 0.5, height * 0.4);
        let face = Face::elliptic(nose, (height * 0.06, height * 0.08));
        Ok(self.sees_face.then_some(face).into_iter().collect())
    }

    fn segmenter(
        &self,
        _: &Path,
        _: &mut dyn Progress,
    ) -> Result<Box<dyn Segmenter + Send>, EngineError> {
        Ok(Box::new(FakeSegmenter))
    }
}

/// Takes what lies near a click, or in a box, for a thing; what lies near a click that says no is left out.
#[derive(Debug, Clone, Copy)]
struct FakeSegmenter;

impl Segmenter for FakeSegmenter {
    fn embed(
        &mut self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<PictureEmbedding, EngineError> {
        progress.checkpoint()?;
        Ok(PictureEmbedding {
            extent: picture.extent,
            numbers: Vec::new(),
        })
    }

    fn segment(
        &mut self,
        embedding: &PictureEmbedding,
        clicks: &Clicks,
        progress: &mut dyn Progress,
    ) -> Result<ClickMap, EngineError> {
        progress.checkpoint()?;
        const SIDE: usize = 64;
        let longer = embedding.extent.width.max(embedding.extent.height) as f32;
        let per_px = longer / SIDE as f32;
        let near = 6.0 * per_px;
        let at = |index: usize| {
            let middle = |cell: usize| (cell as f32 + 0.5) * per_px;
            PointF::new(middle(index % SIDE), middle(index / SIDE))
        };
        let is_meant = |at: PointF| {
            let mut points = clicks.points.iter();
            let says_no = |(point, inside): &(PointF, bool)| !inside && point.distance(at) < near;
            let in_frame = clicks
                .frame
                .is_some_and(|(a, b)| (a.x..b.x).contains(&at.x) && (a.y..b.y).contains(&at.y));
            let is_near = |(point, inside): &(PointF, bool)| *inside && point.distance(at) < near;
            !points.clone().any(says_no) && (in_frame || points.any(is_near))
        };
        let covered = |side: u32| side as f32 / longer;
        let logit = |index| if is_meant(at(index)) { 8.0 } else { -8.0 };
        Ok(ClickMap {
            side_px: SIDE,
            covered: (
                covered(embedding.extent.width),
                covered(embedding.extent.height),
            ),
            logits: (0..SIDE * SIDE).map(logit).collect(),
        })
    }
}
