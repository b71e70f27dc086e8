//! Whole sessions without a window: what a user does, from opening to saving.

use overpaint::document::EditLabel;
use overpaint::editor::{BrushTip, Command, Preferences, RunState, Sample, Theme};
use overpaint::engine::fake::Script;
use overpaint::geometry::{Extent, PointF, Rect};
use overpaint::jobs::JobId;
use overpaint::plan::{EditSettings, MaskMode, Strength};
use overpaint::raster::{Shape, file};
use overpaint::select::Combination;
use overpaint::text::{Language, Texts};

use crate::support::session::{Session, differing, pixels, point, srgb, start_in};

fn strength(value: f64) -> Strength {
    Strength::new(value).unwrap()
}

#[test]
fn paint_generate_accept_undo_save_and_reopen() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    let base = session.document(id).document().base().clone();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    session.generate(id);
    let candidate = session.last_candidate(id);
    assert!(session.errors().is_empty(), "{:?}", session.errors());
    assert_eq!(
        differing(
            session.document(id).document().visible(),
            &base,
            Rect::default()
        ),
        0,
        "not accepted yet"
    );

    session.editor.apply(Command::AcceptCandidate(candidate.id));
    let with_layer = session.document(id).document().visible().clone();
    let touched = candidate.layout.touched;
    assert!(differing(&with_layer, &base, touched) > 1000);
    assert_eq!(session.document(id).document().layers()[0].name, "a cat");

    session.editor.apply(Command::Undo { document: id });
    assert_eq!(
        differing(
            session.document(id).document().visible(),
            &base,
            Rect::default()
        ),
        0
    );
    assert!(
        session.editor.candidate(candidate.id).is_some(),
        "undo loses no result"
    );
    session.editor.apply(Command::AcceptCandidate(candidate.id));
    assert!(
        *session.document(id).document().visible() == with_layer,
        "accepting after undo works"
    );
    session.editor.apply(Command::AcceptCandidate(candidate.id));
    assert_eq!(
        session.document(id).document().layers().len(),
        1,
        "once is enough"
    );

    session.editor.apply(Command::Save { document: id });
    assert!(session.errors()[0].contains("Save as"), "no path yet");
    let path = session.path("saved.png");
    session.editor.apply(Command::SaveAs {
        document: id,
        path: path.clone(),
        jpeg_quality: None,
    });
    session.wait("the save", |editor| {
        !editor.document(id).unwrap().is_being_saved()
    });
    assert!(!session.document(id).document().is_unsaved());
    assert_eq!(session.document(id).title(), "saved.png");
    assert!(file::load(&path).unwrap().picture == with_layer);

    session.editor.apply(Command::OpenFile(path));
    session.wait("the picture", |editor| editor.documents().len() == 2);
    let reopened = session.editor.active().unwrap();
    assert!(reopened.id() != id && *reopened.document().visible() == with_layer);
    assert_eq!(
        reopened.settings().seed,
        candidate.settings.seed,
        "the file brings its settings"
    );
    assert_eq!(reopened.settings().prompt, "a cat");
}

#[test]
fn a_failed_save_loses_nothing_and_says_so() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    let path = session.path("no/such/folder/a.png");
    session.editor.apply(Command::SaveAs {
        document: id,
        path,
        jpeg_quality: None,
    });
    session.wait("the failure", |editor| {
        !editor.document(id).unwrap().is_being_saved()
    });
    assert_eq!(session.errors().len(), 1);
    assert!(session.document(id).document().is_unsaved());
    session.editor.apply(Command::CloseDocument {
        document: id,
        discard_unsaved: false,
    });
    assert_eq!(
        session.editor.documents().len(),
        1,
        "unsaved work is not closed unasked"
    );
    session.editor.apply(Command::CloseDocument {
        document: id,
        discard_unsaved: true,
    });
    assert!(session.editor.documents().is_empty());
}

#[test]
fn failure_and_panic_leave_the_painting_and_the_next_run_works() {
    use overpaint::engine::EngineError;
    let mut session = Session::new(vec![Script::Fail(EngineError::OutOfMemory), Script::Panic]);
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    let mask = session.document(id).document().mask().clone();
    let failed = session.generate(id);
    let RunState::Failed(message) = session.state_of(failed) else {
        panic!("it should fail")
    };
    assert_eq!(message.key, "engine-out-of-memory");
    let panicked = session.generate(id);
    let RunState::Failed(message) = session.state_of(panicked) else {
        panic!("it should fail")
    };
    assert_eq!(message.key, "engine-panicked");
    assert!(
        session
            .errors()
            .iter()
            .any(|text| text.contains("the script says panic"))
    );
    // The engine made anew runs its script from the beginning: fail, panic, and only then paint.
    session.generate(id);
    assert!(session.document(id).document().mask() == &mask);
    assert_eq!(session.editor.candidates(id).count(), 0);
}

#[test]
fn what_failed_is_tried_again_as_it_was_asked_for() {
    use overpaint::engine::EngineError;
    let out_of_memory = || Script::Fail(EngineError::OutOfMemory);
    let mut session = Session::new(vec![out_of_memory(), out_of_memory()]);
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    let failed = [session.generate(id), session.generate(id)];
    let of = |session: &Session, job: JobId| {
        let mut runs = session.editor.runs().iter();
        EditSettings::clone(&runs.find(|run| run.job == job).unwrap().settings)
    };
    let asked = failed.map(|job| of(&session, job));
    assert_ne!(asked[0].seed, asked[1].seed);
    let mask = session.document(id).document().mask().clone();
    // What is chosen and painted since is not what was asked for.
    let other = EditSettings {
        prompt: "a dog".to_owned(),
        ..session.document(id).settings().clone()
    };
    session.editor.apply(Command::SetSettings {
        document: id,
        settings: Box::new(other),
    });
    session.paint(id, (200.0, 200.0), (220.0, 240.0));
    // Both have failed of the same.
    let notices = session.editor.notices().to_vec();
    assert_eq!(notices.len(), 1);
    assert!(session.editor.can_try_again(&notices[0]));
    session.editor.apply(Command::TryAgain(notices[0].id));
    session.wait_for_runs();
    assert!(session.editor.notices().is_empty());
    let made: Vec<_> = session.editor.candidates(id).collect();
    assert_eq!(made.len(), 2);
    for settings in &asked {
        assert!(made.iter().any(|made| *made.settings == *settings));
    }
    assert!(made.iter().all(|made| made.painted.as_ref() == Some(&mask)));
    // Once.
    session.editor.apply(Command::TryAgain(notices[0].id));
    assert_eq!(session.editor.runs().len(), 2);
}

#[test]
fn cancelling_stops_the_run_and_the_next_one_works() {
    let mut session = Session::new(vec![Script::WaitForCancel]);
    let id = session.open();
    session.editor.apply(Command::Generate { document: id });
    session.editor.apply(Command::Generate { document: id });
    let first = session.editor.running().unwrap().job;
    let second = session.editor.queue().next().unwrap().job;
    session.wait("the first step", |editor| {
        matches!(&editor.running().unwrap().state, RunState::Running(progress) if progress.stage.is_some())
    });
    std::thread::sleep(std::time::Duration::from_millis(20));
    session.editor.apply(Command::Cancel(first));
    session.wait_for_runs();
    assert!(matches!(session.state_of(first), RunState::Cancelled));
    assert!(matches!(session.state_of(second), RunState::Finished(_)));
    assert!(session.errors().is_empty());
}

#[test]
fn what_cannot_run_is_said_at_once() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    let settings = session.document(id).settings().clone();
    let stays = EditSettings {
        mask_mode: MaskMode::Stays,
        ..settings.clone()
    };
    session.editor.apply(Command::SetSettings {
        document: id,
        settings: Box::new(stays),
    });
    session.editor.apply(Command::InvertMask { document: id });
    session.editor.apply(Command::Generate { document: id });
    assert!(session.errors()[0].contains("Everything is painted"));
    let too_few = EditSettings {
        strength: strength(0.05),
        ..settings
    };
    session.editor.apply(Command::SetSettings {
        document: id,
        settings: Box::new(too_few),
    });
    session.editor.apply(Command::Generate { document: id });
    assert!(session.errors()[1].contains("no step"));
    assert!(session.editor.runs().is_empty());
}

#[test]
fn a_result_for_another_canvas_is_refused_until_the_size_is_back() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    session.generate(id);
    let candidate = session.last_candidate(id).id;
    session.editor.apply(Command::CropCanvas {
        document: id,
        rect: Rect::new(10, 10, 200, 200),
    });
    session.editor.apply(Command::AcceptCandidate(candidate));
    assert!(session.document(id).document().layers().is_empty());
    assert!(session.errors()[0].contains("300×270"));
    session.editor.apply(Command::Undo { document: id });
    session.editor.apply(Command::AcceptCandidate(candidate));
    assert_eq!(session.document(id).document().layers().len(), 1);
}

#[test]
fn every_strength_of_a_comparison_equals_its_single_run() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    session.paint(id, (60.0, 60.0), (120.0, 90.0));
    let strengths = vec![strength(0.9), strength(0.3), strength(0.3), strength(0.6)];
    session.editor.apply(Command::CompareStrengths {
        document: id,
        strengths,
    });
    let comparison = session.editor.comparisons(id).next().unwrap().clone();
    // Painting on does not change what the comparison compares.
    session.paint(id, (200.0, 200.0), (220.0, 220.0));
    session.editor.apply(Command::AddBetween {
        comparison: comparison.id,
        lower: strength(0.3),
        upper: strength(0.6),
    });
    session.wait_for_runs();
    let comparison = session.editor.comparison(comparison.id).unwrap().clone();
    let said: Vec<f64> = comparison
        .entries
        .iter()
        .map(|(strength, _)| strength.get())
        .collect();
    assert_eq!(said, [0.3, 0.45, 0.6, 0.9]);
    session.editor.apply(Command::Undo { document: id });
    session.editor.apply(Command::LockSeed {
        document: id,
        locked: true,
    });
    for (strength, job) in comparison.entries {
        let RunState::Finished(of_comparison) = session.state_of(job) else {
            panic!("not finished")
        };
        let settings = EditSettings {
            strength,
            ..comparison_settings(&session, of_comparison)
        };
        session.editor.apply(Command::SetSettings {
            document: id,
            settings: Box::new(settings),
        });
        session.generate(id);
        let single = session.last_candidate(id);
        let compared = session.editor.candidate(of_comparison).unwrap();
        assert_eq!(single.settings.seed, compared.settings.seed);
        assert!(
            single.patch() == compared.patch(),
            "strength {}",
            strength.get()
        );
    }
}

fn comparison_settings(
    session: &Session,
    candidate: overpaint::editor::CandidateId,
) -> EditSettings {
    EditSettings::clone(&session.editor.candidate(candidate).unwrap().settings)
}

#[test]
fn seeds_are_drawn_shown_and_held() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    let mut seeds = Vec::new();
    for _ in 0..3 {
        session.generate(id);
        let used = session.last_candidate(id).settings.seed;
        assert_eq!(
            session.document(id).settings().seed,
            used,
            "what ran is shown"
        );
        seeds.push(used);
    }
    assert!(seeds[0] != seeds[1] && seeds[1] != seeds[2]);
    session.editor.apply(Command::LockSeed {
        document: id,
        locked: true,
    });
    session.generate(id);
    assert_eq!(session.last_candidate(id).settings.seed, seeds[2]);
}

#[test]
fn strokes_and_shapes_paint_what_they_say() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    let at = |session: &Session, x, y| session.document(id).document().mask().get(x, y).unwrap();
    session.paint(id, (50.0, 50.0), (150.0, 50.0));
    for x in [50, 77, 100, 123, 150] {
        assert_eq!(at(&session, x, 50), 255, "no gaps however fast the pointer");
    }
    assert_eq!((at(&session, 100, 30), at(&session, 100, 70)), (0, 0));
    let eraser = BrushTip {
        diameter_px: 10.0,
        hardness: 1.0,
        opacity: 0.5,
        erase: true,
    };
    session.editor.apply(Command::StrokeBegin {
        document: id,
        brush: eraser,
        at: point((100.0, 50.0)),
    });
    session.editor.apply(Command::StrokeTo {
        document: id,
        at: point((100.0, 50.0)),
    });
    session.editor.apply(Command::StrokeEnd { document: id });
    assert_eq!(
        at(&session, 100, 50),
        127,
        "half erased, also where the stroke met itself"
    );
    session.editor.apply(Command::StrokeBegin {
        document: id,
        brush: eraser,
        at: point((60.0, 50.0)),
    });
    session.editor.apply(Command::StrokeAbort { document: id });
    assert_eq!(at(&session, 60, 50), 255);
    assert_eq!(
        session.document(id).document().undo_label(),
        Some(EditLabel::Erase)
    );
    let points = vec![
        PointF::new(200.0, 100.0),
        PointF::new(240.0, 100.0),
        PointF::new(240.0, 140.0),
    ];
    session.editor.apply(Command::DrawShape {
        document: id,
        shape: Shape::Polygon(points),
        how: Combination::Add,
        opacity: 1.0,
    });
    assert_eq!(
        (
            at(&session, 239, 138),
            at(&session, 201, 139),
            at(&session, 241, 120)
        ),
        (255, 0, 0)
    );
    let path = session.path("mask.png");
    let mask = session.document(id).document().mask().clone();
    session.editor.apply(Command::SaveMask {
        document: id,
        path: path.clone(),
    });
    session.editor.apply(Command::ClearMask { document: id });
    session.wait("the mask's file", |_| path.is_file());
    session
        .editor
        .apply(Command::LoadMask { document: id, path });
    session.wait("the mask", |editor| {
        editor.document(id).unwrap().document().undo_label() == Some(EditLabel::LoadMask)
    });
    assert!(*session.document(id).document().mask() == mask);
}

#[test]
fn a_drag_of_the_opacity_is_one_edit() {
    let mut session = Session::new(vec![]);
    let id = session.open();
    session.generate(id);
    session
        .editor
        .apply(Command::AcceptCandidate(session.last_candidate(id).id));
    let layer = session.document(id).document().layers()[0].id;
    for (opacity, done) in [(200, false), (100, false), (50, true)] {
        session.editor.apply(Command::SetLayerOpacity {
            document: id,
            layer,
            opacity,
            done,
        });
    }
    assert_eq!(session.document(id).document().layers()[0].opacity, 50);
    session.editor.apply(Command::Undo { document: id });
    assert_eq!(session.document(id).document().layers()[0].opacity, 255);
}

#[test]
fn preferences_last_and_broken_ones_are_kept_aside() {
    let mut session = Session::new(vec![]);
    let mut preferences = session.editor.preferences().clone();
    preferences.theme = Theme::Dark;
    session
        .editor
        .apply(Command::SetPreferences(Box::new(preferences)));
    let Session { editor, folder } = session;
    editor.close();
    let editor = start_in(folder.path(), vec![], std::time::Duration::ZERO);
    assert_eq!(editor.preferences().theme, Theme::Dark);
    editor.close();
    std::fs::write(folder.path().join("preferences.json"), "{\"theme\": 7").unwrap();
    let editor = start_in(folder.path(), vec![], std::time::Duration::ZERO);
    assert_eq!(*editor.preferences(), Preferences::default());
    assert_eq!(editor.notices().len(), 1);
    assert!(folder.path().join("preferences.broken.json").is_file());
    editor.close();
}

#[test]
fn every_sample_opens_and_the_layout_of_the_last_is_known() {
    let mut session = Session::new(vec![]);
    for (number, sample) in Sample::ALL.into_iter().enumerate() {
        session.editor.apply(Command::OpenSample(sample));
        session.wait("the sample", |editor| editor.documents().len() > number);
        let open = session.editor.active().unwrap();
        assert_eq!(open.sample(), Some(sample));
        assert_eq!(
            open.title(),
            Texts::of(Language::English).say(&sample.title())
        );
        let Extent { width, height } = open.document().extent();
        let is_small = matches!(sample, Sample::PortraitCity | Sample::Astronaut);
        assert!(is_small || width.min(height) >= 768, "{sample:?}");
    }
    let open = session.editor.active().unwrap();
    let layout = session.editor.layout(open.id()).unwrap().unwrap();
    assert_eq!(layout.crop, Rect::of(open.document().extent()));
    assert!(!open.document().is_unsaved());
    session.editor.apply(Command::ExportPixels {
        pixels: pixels(Extent::new(9, 5)),
        path: session.path("sheet.png"),
    });
    let path = session.path("sheet.png");
    session.wait("the sheet", |_| path.is_file());
    assert!(file::load(&path).unwrap().picture == srgb(pixels(Extent::new(9, 5))));
}
