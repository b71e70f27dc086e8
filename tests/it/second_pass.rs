//! Passes after the first one: what they give, and what is left of them when something ends them.

use overpaint::catalog::{self, ModelRef};
use overpaint::engine::fake::{FakeEngine, Script};
use overpaint::engine::{Cancelled, EngineError, Stage};
use overpaint::geometry::{Extent, Rect};
use overpaint::jobs::{EditError, EditProgress, EditResult, Unwatched, run_edit};
use overpaint::plan::{
    EditRequest, EditSettings, Layout, Length, Pass, PreviewPatch, SecondPass, Steps, Strength,
};
use overpaint::raster::{Tiled, draw_patch};

use crate::support::session::{pixels, srgb};

fn request(second_pass: SecondPass) -> EditRequest {
    let extent = Extent::new(700, 500);
    let mut painted = Tiled::filled(extent, 0u8);
    painted.update(Rect::new(100, 80, 450, 300), |_, _| 255);
    EditRequest {
        model: ModelRef::BuiltIn,
        traits: catalog::open(&ModelRef::BuiltIn).unwrap().traits,
        source: srgb(pixels(extent)),
        painted: Some(painted),
        settings: EditSettings {
            prompt: "x".to_owned(),
            strength: Strength::new(0.5).unwrap(),
            steps: Steps::new(20).unwrap(),
            feather: Some(Length::Px(6.0)),
            second_pass,
            ..EditSettings::default()
        },
    }
}

/// Stops when so many steps are done.
struct Stopping {
    at_step: u32,
    done: u32,
    last: Option<Stage>,
}

impl EditProgress for Stopping {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        if self.done >= self.at_step {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }
    fn planned(&mut self, _: &Layout, _: &[Pass]) {}
    fn stage(&mut self, stage: Stage) {
        if let Stage::Step { done, .. } = stage {
            assert!(done >= self.done, "steps are counted over all passes");
            self.done = done;
            self.last = Some(stage);
        }
    }
    fn wants_preview(&self) -> bool {
        false
    }
    fn preview(&mut self, _: PreviewPatch) {}
}

fn run(engine: FakeEngine, second_pass: SecondPass, at_step: u32) -> (EditResult, Stopping) {
    let mut engine = engine;
    let mut progress = Stopping {
        at_step,
        done: 0,
        last: None,
    };
    let result = run_edit(&mut engine, &request(second_pass), &mut progress).unwrap();
    (result, progress)
}

#[test]
fn later_passes_work_at_a_larger_size_on_one_patch() {
    let quick = run(FakeEngine::default(), SecondPass::Off, u32::MAX).0;
    let (fine, progress) = run(FakeEngine::default(), SecondPass::Factor(2.0), u32::MAX);
    assert_eq!((quick.passes, fine.passes), ((1, 1), (2, 2)));
    assert_eq!(fine.layout.crop, quick.layout.crop);
    assert!((fine.layout.scale / quick.layout.scale - 2.0).abs() < 1e-9);
    // Half of 20 steps, and 0.3 of 20 more.
    assert_eq!(fine.report.executed_steps, 16);
    assert_eq!(progress.last, Some(Stage::Step { done: 16, of: 16 }));
    assert_eq!(fine.patch.rect, quick.patch.rect);
    let before = request(SecondPass::Off).source;
    let mut after = before.clone();
    draw_patch(&mut after.pixels, &fine.patch, 255);
    let (before, after) = (
        before.pixels.crop_f32(Rect::new(0, 0, 700, 500)),
        after.pixels.crop_f32(Rect::new(0, 0, 700, 500)),
    );
    for (i, (before, after)) in before.iter().zip(&after).enumerate() {
        let (x, y) = ((i % 700) as i32, (i / 700) as i32);
        let (dx, dy) = ((100 - x).max(x - 549).max(0), (80 - y).max(y - 379).max(0));
        if dx * dx + dy * dy > 49 {
            assert_eq!(before, after, "at {x} {y}");
        } else if dx == 0 && dy == 0 {
            assert_ne!(before, after, "at {x} {y}");
        }
    }
    let own = run(FakeEngine::default(), SecondPass::Own, u32::MAX).0;
    assert!((own.layout.scale - 1.0).abs() < 1e-9);
    assert!(own.passes.0 >= 2 && own.passes.0 == own.passes.1);
}

#[test]
fn what_ends_a_later_pass_leaves_the_first_result() {
    let quick = run(FakeEngine::default(), SecondPass::Off, u32::MAX).0;
    let stopped = run(FakeEngine::default(), SecondPass::Factor(2.0), 12).0;
    assert_eq!(stopped.passes, (1, 2));
    assert!(stopped.patch == quick.patch);
    assert!(
        stopped
            .ended_early_by
            .is_some_and(|error| error.is_cancelled())
    );
    let failure = EngineError::Cancelled;
    let scripts = [Script::Paint, Script::Fail(failure.clone())];
    let failed = run(
        FakeEngine::scripted(scripts),
        SecondPass::Factor(2.0),
        u32::MAX,
    )
    .0;
    assert_eq!(failed.ended_early_by, Some(EditError::Engine(failure)));
    assert!(failed.patch == quick.patch);
    // In the first pass there is nothing to leave.
    let mut engine = FakeEngine::scripted([Script::Fail(EngineError::Cancelled)]);
    assert!(run_edit(&mut engine, &request(SecondPass::Own), &mut Unwatched).is_err());
}
