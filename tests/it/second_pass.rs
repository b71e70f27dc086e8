//! Passes after the first one: what they give, and what is left of them when something ends them.

use overpaint::catalog::{self, ModelRef};
use overpaint::document::DocumentId;
use overpaint::editor::{Command, RunState};
use overpaint::engine::diffusion::{DiffusionEngine, EngineOptions};
use overpaint::engine::fake::{FakeEngine, Script};
use overpaint::engine::{Cancelled, EngineError, Stage};
use overpaint::geometry::{Extent, Rect};
use overpaint::jobs::{EditError, EditProgress, EditResult, Unwatched, run_edit};
use overpaint::plan::{
    EditRequest, EditSettings, Layout, Length, Pass, PreviewPatch, SecondPass, Steps, Strength,
};
use overpaint::raster::{Pixmap, Tiled, draw_patch};

use crate::support::session::{Session, pixels, srgb};

fn request(second_pass: SecondPass) -> EditRequest {
    let extent = Extent::new(700, 500);
    let mut painted = Tiled::filled(extent, 0u8);
    painted.update(Rect::new(100, 80, 450, 300), |_, _| 255);
    EditRequest {
        model: ModelRef::BuiltIn,
        traits: catalog::open(&ModelRef::BuiltIn).unwrap().traits,
        source: srgb(pixels(extent)),
        mask_kind: overpaint::raster::MaskKind::Strength,
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
    previews: Vec<(u32, Rect)>,
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
        true
    }
    fn preview(&mut self, preview: PreviewPatch) {
        self.previews.push((self.done, preview.rect));
    }
}

fn run(engine: FakeEngine, second_pass: SecondPass, at_step: u32) -> (EditResult, Stopping) {
    let mut engine = engine;
    let mut progress = Stopping {
        at_step,
        done: 0,
        last: None,
        previews: Vec::new(),
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
    // Previews go on in the same place.
    let later = progress.previews.iter().filter(|(done, _)| *done >= 10);
    assert_eq!(later.count(), 6);
    let mut places = progress.previews.iter().map(|(_, place)| *place);
    assert!(places.all(|place| place == fine.patch.rect));
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

fn edited(session: &mut Session, change: impl FnOnce(&mut EditSettings)) -> DocumentId {
    let pixels = pixels(Extent::new(700, 500));
    let title = None;
    session.editor.apply(Command::OpenPixels { title, pixels });
    let document = session.editor.active().unwrap().id();
    let mut settings = Box::new(session.document(document).settings().clone());
    "x".clone_into(&mut settings.prompt);
    settings.steps = Steps::new(10).unwrap();
    change(&mut settings);
    let set = Command::SetSettings { document, settings };
    session.editor.apply(set);
    document
}

#[test]
fn what_was_made_quickly_is_finished_in_full_by_one_press() {
    let mut session = Session::new(Vec::new());
    let id = edited(&mut session, |settings| {
        settings.second_pass = SecondPass::Factor(2.0);
    });
    session.paint(id, (200.0, 200.0), (320.0, 260.0));
    let strengths = [0.4, 0.8].map(|s| Strength::new(s).unwrap()).to_vec();
    let document = id;
    session.editor.apply(Command::CompareStrengths {
        document,
        strengths,
    });
    session.wait_for_runs();
    let quick = session.last_candidate(id);
    // Comparisons run quickly whatever the sharpness is.
    assert_eq!(quick.settings.second_pass, SecondPass::Off);
    assert_eq!(session.editor.finishable(id), None, "nothing is accepted");
    session.editor.apply(Command::AcceptCandidate(quick.id));
    assert_eq!(session.editor.finishable(id), Some(quick.id));
    let forecast = session.editor.finishing_forecast(quick.id).unwrap();
    assert_eq!(forecast.passes, 2);
    let layer = |session: &Session| {
        let layers = session.document(id).document().layers().to_vec();
        assert_eq!(layers.len(), 1);
        layers[0].clone()
    };
    let before = layer(&session);
    session.editor.apply(Command::FinishInFull(quick.id));
    assert_eq!(session.editor.finishable(id), None, "it is under way");
    session.wait_for_runs();
    let after = layer(&session);
    assert_ne!(after.patch, before.patch);
    assert_eq!(after.name, before.name);
    let full = session.last_candidate(id);
    assert_eq!(full.accepted_as, Some(after.id));
    assert_eq!(full.settings.second_pass, SecondPass::Factor(2.0));
    let same = |a: &EditSettings, b: &EditSettings| {
        let second_pass = a.second_pass;
        *a == EditSettings {
            second_pass,
            ..b.clone()
        }
    };
    assert!(same(&full.settings, &quick.settings));
    // Undo brings the quick one back, and it can be finished again.
    session.editor.apply(Command::Undo { document });
    assert_eq!(layer(&session).patch, before.patch);
    assert_eq!(session.editor.finishable(id), Some(quick.id));
    session.editor.apply(Command::Redo { document });
    assert_eq!(layer(&session).patch, after.patch);
    assert_eq!(session.editor.finishable(id), None);
}

#[test]
fn finishing_that_is_stopped_in_its_first_pass_changes_nothing() {
    let scripts = vec![Script::Paint, Script::Paint, Script::WaitForCancel];
    let mut session = Session::new(scripts);
    let id = edited(&mut session, |_| {});
    session.generate(id);
    let quick = session.last_candidate(id);
    session.editor.apply(Command::AcceptCandidate(quick.id));
    session.editor.apply(Command::FinishInFull(quick.id));
    session.wait("the second pass", |editor| {
        let stage = |run: &overpaint::editor::Run| match &run.state {
            RunState::Running(progress) => progress.stage,
            _ => None,
        };
        let done = |stage| matches!(stage, Some(Stage::Step { done, .. }) if done >= 5);
        editor.running().is_some_and(|run| done(stage(run)))
    });
    let job = session.editor.running().unwrap().job;
    session.editor.apply(Command::Cancel(job));
    session.wait_for_runs();
    let layers = session.document(id).document().layers();
    assert_eq!(layers.len(), 1);
    assert_eq!(Some(&layers[0].patch), quick.patch());
    assert_eq!(session.editor.candidates(id).count(), 1);
    assert!(session.errors().is_empty());
}

#[test]
fn what_a_run_takes_is_known_before_it_begins() {
    let mut session = Session::new(Vec::new());
    let id = edited(&mut session, |settings| {
        settings.second_pass = SecondPass::Own;
    });
    session.editor.poll();
    let own = session.editor.forecast(id).unwrap();
    assert!(own.passes == 4 && own.tiles > 4 && own.seconds > 0.0);
    let settings = Box::new(EditSettings {
        second_pass: SecondPass::Off,
        ..session.document(id).settings().clone()
    });
    let document = id;
    let set = Command::SetSettings { document, settings };
    session.editor.apply(set);
    session.editor.poll();
    let quick = session.editor.forecast(id).unwrap();
    assert_eq!((quick.passes, quick.tiles), (1, 0));
    assert!(quick.seconds < own.seconds && quick.bytes < own.bytes);
    // What a run took is learnt, and kept for the next session.
    session.generate(id);
    session.wait("the file", |_| true);
    let kept = session.path("speeds.json");
    session.wait("what was measured", move |_| kept.exists());
}

/// The built-in model, in tiles, on sixteen bits and soft paint.
#[test]
fn a_real_run_in_tiles_encodes_texts_once_and_keeps_depth_and_surroundings() {
    let extent = Extent::new(400, 160);
    let mut painted = Tiled::filled(extent, 0u8);
    painted.update(
        Rect::new(20, 40, 90, 80),
        |at, _| if at.x < 60 { 255 } else { 120 },
    );
    let mut pixels16 = Tiled::filled(extent, [0u16, 0, 0, u16::MAX]);
    pixels16.update(Rect::of(extent), |at, _| {
        [(at.x * 150) as u16, (at.y * 390) as u16, 20_001, u16::MAX]
    });
    let mut request = request(SecondPass::Own);
    request.source.pixels = Pixmap::Rgba16(pixels16);
    request.painted = Some(painted);
    request.settings.area = overpaint::plan::AreaMode::Whole;
    request.settings.steps = Steps::new(4).unwrap();
    request.settings.prompt = "cat".to_owned();
    let mut engine = DiffusionEngine::new(EngineOptions::default()).unwrap();
    let result = run_edit(&mut engine, &request, &mut Unwatched).unwrap();
    assert_eq!(result.ended_early_by, None);
    let (first, last) = (&result.runs[0], result.runs.last().unwrap());
    assert_eq!(result.report.text_encodes, 1);
    assert_eq!(first.report.parts, 1);
    // Two tiles side by side, of which the right one holds nothing that changes.
    assert_eq!(
        (last.layout.work.width, last.shown.width < 400),
        (400, true)
    );
    assert_eq!(last.report.parts, 1);
    // The result so far is encoded, and the original for the details that are kept.
    assert!(last.report.picture_encodes <= 2);
    assert!(matches!(result.patch.pixels, Pixmap::Rgba16(_)));
    let before = request.source.clone();
    let mut after = before.clone();
    draw_patch(&mut after.pixels, &result.patch, 255);
    let (Pixmap::Rgba16(before), Pixmap::Rgba16(after)) = (&before.pixels, &after.pixels) else {
        panic!("sixteen bits");
    };
    let changed = |rect: Rect| before.crop(rect) != after.crop(rect);
    assert!(changed(Rect::new(20, 40, 40, 80)) && changed(Rect::new(70, 40, 40, 80)));
    for outside in [Rect::new(0, 0, 400, 30), Rect::new(120, 0, 280, 160)] {
        assert!(!changed(outside), "{outside:?}");
    }
}
