//! Whole edits with a tiny random model, against diffusers and against themselves.

mod checkpoints;
mod families;
mod previews;
mod tiles;

use std::path::Path;

use candle_core::DType;

use super::*;
use crate::engine::diffusion::testing::{find, golden, golden_path, relative_error};
use crate::engine::{Cancelled, Unwatched};
use crate::plan::{Guidance, SamplerId, ScheduleId, Seed, Steps, Strength};

/// Counts and keeps what a run says; cancels at one checkpoint where asked.
#[derive(Debug, Default)]
struct Watch {
    checkpoints: usize,
    cancel_at: Option<usize>,
    stages: Vec<Stage>,
    previews: Vec<RgbF32>,
}

impl Progress for Watch {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        if self.cancel_at == Some(self.checkpoints) {
            return Err(Cancelled);
        }
        self.checkpoints += 1;
        Ok(())
    }

    fn stage(&mut self, stage: Stage) {
        self.stages.push(stage);
    }

    fn wants_preview(&self) -> bool {
        true
    }

    fn preview(&mut self, preview: RgbF32) {
        self.previews.push(preview);
    }
}

fn engine() -> DiffusionEngine {
    engine_in(PrecisionChoice::F32)
}

fn engine_in(precision: PrecisionChoice) -> DiffusionEngine {
    DiffusionEngine::new(EngineOptions {
        device: DeviceChoice::Cpu,
        precision,
        ..EngineOptions::default()
    })
    .unwrap()
}

/// Bytes (1, 3, h, w) as a picture.
fn picture(bytes: &Tensor) -> RgbF32 {
    let (_, _, height, width) = bytes.dims4().unwrap();
    let planes = bytes.to_dtype(DType::F32).unwrap();
    let planes = planes.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let count = width * height;
    RgbF32 {
        extent: Extent::new(width as u32, height as u32),
        pixels: (0..count)
            .map(|i| [0, 1, 2].map(|plane| planes[plane * count + i] / 255.0))
            .collect(),
    }
}

/// A picture as (1, 3, h, w) of 0…1.
fn planes(picture: &RgbF32) -> Tensor {
    let tensor = crate::engine::nn::tensors::picture_tensor(picture, &Device::Cpu).unwrap();
    tensor.affine(0.5, 0.5).unwrap()
}

fn tiny_input(picture: RgbF32) -> EngineInput {
    EngineInput {
        model: ModelRef::Folder(golden_path("tiny")),
        image: picture,
        mask: None,
        prompt: "woman, red dress, in the city".to_owned(),
        negative: "night".to_owned(),
        strength: Strength::new(0.6).unwrap(),
        steps: Steps::new(10).unwrap(),
        guidance: Guidance::new(3.5).unwrap(),
        loras: Vec::new(),
        image_guidance: Guidance::new(1.5).unwrap(),
        seed: Seed(11),
        sampler: SamplerId::Ddim,
        schedule: ScheduleId::Model,
        wants_round_trip: false,
        original: None,
        tiles: Vec::new(),
    }
}

fn tiny() -> EngineInput {
    tiny_input(picture(find(&golden("runs"), "tiny.picture")))
}

/// The right half changes, hard.
fn right_half() -> EngineMask {
    let half =
        |side: usize| (0..side * side).map(move |i| f32::from(u8::from(i % side >= side / 2)));
    EngineMask {
        latent_extent: Extent::new(16, 16),
        latent_strength: half(16).collect(),
        region: half(32).collect(),
        fill: LatentFill::Image,
    }
}

#[track_caller]
fn assert_is_golden(input: &EngineInput, name: &str) {
    let golden = golden("runs");
    let wanted = find(&golden, name).to_dtype(DType::F32).unwrap();
    let ours = engine().run(input, &mut Unwatched).unwrap().image;
    let error = relative_error(&planes(&ours), &wanted);
    println!("{name}: {error:.1e}");
    assert!(error <= 1e-3, "{name}: {error:e}");
}

#[test]
fn image_to_image_is_that_of_diffusers() {
    assert_is_golden(&tiny(), "tiny.img2img.ddim");
    let euler = EngineInput {
        strength: Strength::new(0.75).unwrap(),
        steps: Steps::new(12).unwrap(),
        sampler: SamplerId::Euler,
        seed: Seed(12),
        ..tiny()
    };
    assert_is_golden(&euler, "tiny.img2img.euler");
}

#[test]
fn inpainting_is_the_classic_blend() {
    for (sampler, name) in [
        (SamplerId::Euler, "tiny.inpaint.euler"),
        (SamplerId::Dpmpp2m, "tiny.inpaint.dpmpp_2m"),
    ] {
        let input = EngineInput {
            mask: Some(right_half()),
            strength: Strength::new(0.7).unwrap(),
            sampler,
            schedule: ScheduleId::Karras,
            seed: Seed(13),
            ..tiny()
        };
        assert_is_golden(&input, name);
    }
}

/// A folder of the tiny model with its inpainting U-Net.
fn seeing_the_mask() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tiny = golden_path("tiny");
    let copy = |from: &Path, to: &Path| {
        std::fs::create_dir_all(to).unwrap();
        for file in std::fs::read_dir(from).unwrap() {
            let file = file.unwrap().path();
            std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
        }
    };
    for (from, to) in [
        ("tokenizer", "tokenizer"),
        ("text_encoder", "text_encoder"),
        ("vae", "vae"),
        ("unet9", "unet"),
        ("scheduler9", "scheduler"),
    ] {
        copy(&tiny.join(from), &folder.path().join(to));
    }
    std::fs::copy(
        tiny.join("model_index.json"),
        folder.path().join("model_index.json"),
    )
    .unwrap();
    folder
}

#[test]
fn a_model_that_sees_the_mask_is_shown_it_as_in_diffusers() {
    let folder = seeing_the_mask();
    let golden = golden("runs");
    let region = find(&golden, "tiny.mask").flatten_all().unwrap();
    let input = EngineInput {
        model: ModelRef::Folder(folder.path().to_owned()),
        // diffusers holds nothing with such a model, so neither here.
        mask: Some(EngineMask {
            latent_strength: vec![1.0; 256],
            region: region.to_vec1().unwrap(),
            ..right_half()
        }),
        strength: Strength::new(0.7).unwrap(),
        seed: Seed(14),
        ..tiny()
    };
    assert_is_golden(&input, "tiny.sees_mask.ddim");
    let report = engine().run(&input, &mut Unwatched).unwrap().report;
    assert_eq!(report.picture_encodes, 2);
}

fn starter() -> EngineInput {
    EngineInput {
        model: ModelRef::BuiltIn,
        prompt: "woman with black long hair, in the city at night".to_owned(),
        negative: String::new(),
        steps: Steps::new(20).unwrap(),
        guidance: Guidance::new(4.0).unwrap(),
        seed: Seed(15),
        sampler: SamplerId::Dpmpp2m,
        schedule: ScheduleId::Karras,
        ..tiny_input(picture(find(&golden("runs"), "starter.picture")))
    }
}

#[test]
fn the_starter_is_that_of_diffusers() {
    assert_is_golden(&starter(), "starter.img2img.dpmpp_2m");
}

#[test]
fn a_whole_run_in_bf16_is_within_35_db_of_one_in_f32() {
    if PrecisionChoice::Bf16.on(&Device::Cpu).is_err() {
        return;
    }
    let of = |precision| {
        let mut engine = engine_in(precision);
        engine.run(&starter(), &mut Unwatched).unwrap()
    };
    let (exact, rounded) = (of(PrecisionChoice::F32), of(PrecisionChoice::Bf16));
    assert!(["cpu avx512bf16", "cpu amx"].contains(&rounded.report.device.as_str()));
    let pixels = exact.image.pixels.iter().zip(&rounded.image.pixels);
    let squares: Vec<f64> = pixels
        .flat_map(|(a, b)| (0..3).map(|channel| f64::from(a[channel] - b[channel]).powi(2)))
        .collect();
    let mean = squares.iter().sum::<f64>() / squares.len() as f64;
    let decibels = -10.0 * mean.log10();
    println!("{decibels:.1} dB");
    assert!(decibels >= 35.0, "{decibels} dB");
}

#[test]
fn the_same_seed_gives_the_same_bytes_in_any_engine() {
    let mut used = engine();
    for sampler in SamplerId::ALL {
        let input = EngineInput {
            sampler: *sampler,
            mask: Some(right_half()),
            ..tiny()
        };
        let first = engine().run(&input, &mut Unwatched).unwrap();
        let again = used.run(&input, &mut Unwatched).unwrap();
        assert_eq!(first.image, again.image);
        let other = EngineInput {
            seed: Seed(99),
            ..input
        };
        assert_ne!(used.run(&other, &mut Unwatched).unwrap().image, first.image);
    }
}

#[test]
fn runs_that_differ_in_strength_share_their_encodings() {
    let mut engine = engine();
    let (mut texts, mut pictures) = (0, 0);
    for strength in [0.2, 0.4, 0.6, 0.8, 1.0] {
        let input = EngineInput {
            strength: Strength::new(strength).unwrap(),
            ..tiny()
        };
        let report = engine.run(&input, &mut Unwatched).unwrap().report;
        texts += report.text_encodes;
        pictures += report.picture_encodes;
        assert_eq!(report.executed_steps, (strength * 10.0) as u32);
    }
    assert_eq!((texts, pictures), (1, 1));
    let other = EngineInput {
        prompt: "cat".to_owned(),
        ..tiny()
    };
    let report = engine.run(&other, &mut Unwatched).unwrap().report;
    assert_eq!((report.text_encodes, report.picture_encodes), (1, 0));
}

#[test]
fn a_round_trip_is_given_where_asked_for_and_decoded_once_a_picture() {
    let mut engine = engine();
    let plain = engine.run(&tiny(), &mut Unwatched).unwrap();
    assert_eq!((plain.round_trip, plain.report.round_trips), (None, 0));
    let mut given = Vec::new();
    for (seed, decoded) in [(1, 1), (2, 0)] {
        let input = EngineInput {
            wants_round_trip: true,
            seed: Seed(seed),
            ..tiny()
        };
        let output = engine.run(&input, &mut Unwatched).unwrap();
        let report = output.report;
        assert_eq!((report.round_trips, report.picture_encodes), (decoded, 0));
        given.push(output.round_trip.unwrap());
    }
    assert_eq!(given[0], given[1]);
    assert_eq!(given[0].extent, tiny().image.extent);
    // Asking for it changes nothing else.
    let asked = EngineInput {
        wants_round_trip: true,
        ..tiny()
    };
    assert_eq!(
        engine.run(&asked, &mut Unwatched).unwrap().image,
        plain.image
    );
    // Another engine gives the same bytes, also where nothing of the picture is needed else.
    let alone = EngineInput {
        strength: Strength::new(1.0).unwrap(),
        ..asked
    };
    let output = self::engine().run(&alone, &mut Unwatched).unwrap();
    assert_eq!(output.round_trip.as_ref(), given.first());
}

#[test]
fn cancelling_anywhere_leaves_the_engine_as_it_was() {
    let input = EngineInput {
        mask: Some(right_half()),
        steps: Steps::new(4).unwrap(),
        ..tiny()
    };
    let mut watch = Watch::default();
    let wanted = engine().run(&input, &mut watch).unwrap().image;
    let checkpoints = watch.checkpoints;
    assert!(checkpoints > 20);
    let mut engine = engine();
    for cancel_at in 0..checkpoints {
        let mut watch = Watch {
            cancel_at: Some(cancel_at),
            ..Watch::default()
        };
        let answer = engine.run(&input, &mut watch);
        assert_eq!(answer, Err(EngineError::Cancelled), "{cancel_at}");
        if cancel_at % 16 == 0 {
            let image = engine.run(&input, &mut Unwatched).unwrap().image;
            assert_eq!(image, wanted, "{cancel_at}");
        }
        // A warm engine has fewer checkpoints; the late ones need a cold one.
        engine.loaded = None;
    }
    assert_eq!(engine.run(&input, &mut Unwatched).unwrap().image, wanted);
}

#[test]
fn stages_and_previews_come_in_order() {
    let mut watch = Watch::default();
    engine().run(&tiny(), &mut watch).unwrap();
    let steps: Vec<Stage> = (0..=6).map(|done| Stage::Step { done, of: 6 }).collect();
    let mut wanted = vec![Stage::Loading, Stage::EncodingText, Stage::EncodingPicture];
    wanted.extend(steps);
    wanted.push(Stage::Decoding);
    assert_eq!(watch.stages, wanted);
    assert_eq!(watch.previews.len(), 6);
    assert!(
        watch
            .previews
            .iter()
            .all(|p| p.extent == Extent::new(16, 16))
    );
}

#[test]
fn fills_change_the_region_and_nothing_else() {
    let mut engine = engine();
    let mut latents = Vec::new();
    for fill in [LatentFill::Image, LatentFill::Nothing, LatentFill::Noise] {
        let input = EngineInput {
            mask: Some(EngineMask {
                fill,
                ..right_half()
            }),
            ..tiny()
        };
        latents.push(engine.run(&input, &mut Unwatched).unwrap().image);
    }
    // Far from the seam the autoencoder's reach is over and the held half is the same.
    let far_left =
        |image: &RgbF32| -> Vec<[f32; 3]> { image.pixels.iter().step_by(32).copied().collect() };
    let far_right = |image: &RgbF32| -> Vec<[f32; 3]> {
        image.pixels.iter().skip(31).step_by(32).copied().collect()
    };
    for pair in latents.windows(2) {
        assert_ne!(far_right(&pair[0]), far_right(&pair[1]));
        let (a, b) = (far_left(&pair[0]), far_left(&pair[1]));
        let pairs = a.iter().flatten().zip(b.iter().flatten());
        let error = pairs.fold(0.0f32, |most, (x, y)| most.max((x - y).abs()));
        assert!(error < 0.05, "{error}");
    }
}

#[test]
fn guidance_off_asks_once_and_ignores_the_negative_prompt() {
    let mut engine = engine();
    let off = |negative: &str| EngineInput {
        negative: negative.to_owned(),
        guidance: Guidance::new(1.0).unwrap(),
        ..tiny()
    };
    let a = engine.run(&off(""), &mut Unwatched).unwrap().image;
    let b = engine.run(&off("anything"), &mut Unwatched).unwrap().image;
    assert_eq!(a, b);
}

#[test]
fn unknown_words_are_reported() {
    let input = EngineInput {
        model: ModelRef::BuiltIn,
        prompt: "woman in a cyberpunk city".to_owned(),
        steps: Steps::new(2).unwrap(),
        guidance: Guidance::new(1.0).unwrap(),
        ..tiny()
    };
    let report = engine().run(&input, &mut Unwatched).unwrap().report;
    assert_eq!(report.unknown_words, ["cyberpunk"]);
    assert!(report.device.starts_with("cpu"));
}

#[test]
fn work_that_contradicts_itself_is_refused() {
    let wrong_size = tiny_input(RgbF32::filled(Extent::new(30, 32), [0.5; 3]));
    let wrong_mask = EngineInput {
        mask: Some(EngineMask {
            latent_strength: vec![1.0; 3],
            ..right_half()
        }),
        ..tiny()
    };
    let nothing_to_run = EngineInput {
        strength: Strength::new(0.05).unwrap(),
        ..tiny()
    };
    let mut engine = engine();
    for input in [wrong_size, wrong_mask, nothing_to_run] {
        let answer = engine.run(&input, &mut Unwatched);
        assert!(matches!(answer, Err(EngineError::BadInput { .. })));
    }
    let missing = EngineInput {
        model: ModelRef::Folder("/nowhere".into()),
        ..tiny()
    };
    let error = engine.run(&missing, &mut Unwatched).unwrap_err();
    assert!(error.is_about_model(), "{error}");
    assert!(engine.run(&tiny(), &mut Unwatched).is_ok());
}
