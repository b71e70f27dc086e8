use candle_core::Device;

use super::*;
use crate::engine::Unwatched;
use crate::engine::diffusion::sampler::sampler;
use crate::engine::diffusion::schedule::{Schedule, TrainedNoise};
use crate::plan::{SamplerId, ScheduleId};

const SHAPE: (usize, usize, usize, usize) = (1, 4, 4, 4);
const PIXELS: usize = 16;

/// Any smooth function will do; counts how often it is asked.
#[derive(Default)]
struct Toy {
    asked: u32,
}

impl Predictor for Toy {
    fn predict(
        &mut self,
        scaled: &Tensor,
        timestep: f64,
        _: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        self.asked += 1;
        Ok(scaled.affine(0.8, timestep / 2000.0)?.tanh()?)
    }
}

fn noise(seed: u64) -> Tensor {
    let numbers = NoiseSource::new(seed).initial(PIXELS * 4);
    Tensor::from_vec(numbers, SHAPE, &Device::Cpu).unwrap()
}

fn schedule(id: SamplerId, schedule: ScheduleId) -> Schedule {
    let trained = TrainedNoise::from_json(serde_json::json!({})).unwrap();
    sampler(id).schedule(&trained, schedule, 20).unwrap()
}

/// The last `executed` steps of 20, from noise for all 20, with a latent mask of these strengths.
fn run(
    id: SamplerId,
    schedule: &Schedule,
    executed: usize,
    strengths: Option<Vec<f32>>,
) -> (Vec<[f32; 4]>, Denoised, u32) {
    let (init_latent, noise_of_run) = (noise(1), noise(2));
    let steps = &schedule.steps[20 - executed..];
    let first = if executed == 20 {
        noise_of_run.affine(schedule.noise_scale, 0.0).unwrap()
    } else {
        noised(&init_latent, &noise_of_run, steps[0].sigma).unwrap()
    };
    let mut toy = Toy::default();
    let denoising = Denoising {
        sampler: sampler(id),
        steps,
        prediction: PredictionType::Epsilon,
        initial_sample: first,
        noise: &noise_of_run,
        source: NoiseSource::new(3),
        latent_mask: strengths.map(|strength| LatentMask {
            init_latent,
            strength,
        }),
        previews: Previews::default(),
    };
    let denoised = denoise(denoising, &mut toy, &mut Unwatched).unwrap();
    (pixels(&denoised.latent), denoised, toy.asked)
}

fn pixels(latent: &Tensor) -> Vec<[f32; 4]> {
    let (_, values) = crate::engine::nn::tensors::latent_pixels(latent).unwrap();
    values
        .chunks_exact(4)
        .map(|v| [v[0], v[1], v[2], v[3]])
        .collect()
}

fn distance(a: &[[f32; 4]], b: &[[f32; 4]]) -> f32 {
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.fold(0.0, |most, (x, y)| most.max((x - y).abs()))
}

fn every_way() -> impl Iterator<Item = (SamplerId, ScheduleId)> {
    let schedules = |id| ScheduleId::ALL.iter().map(move |s| (id, *s));
    SamplerId::ALL.iter().copied().flat_map(schedules)
}

#[test]
fn half_the_opacity_at_full_strength_is_half_the_strength() {
    for (id, schedule_id) in every_way() {
        let schedule = schedule(id, schedule_id);
        let (half_masked, denoised, asked) = run(id, &schedule, 20, Some(vec![0.5; PIXELS]));
        let (half_strength, ..) = run(id, &schedule, 10, None);
        // Equal but for rounding where the multistep sampler's past was replaced.
        let error = distance(&half_masked, &half_strength);
        assert!(error < 1e-4, "{id:?} {schedule_id:?} {error}");
        // Nothing is asked while everything is preserved.
        assert_eq!((asked, denoised.executed), (10, 10));
    }
}

#[test]
fn what_is_always_preserved_ends_as_the_init_latent() {
    let init_latent = pixels(&noise(1));
    // Below one step of 12 is never; one step's worth is.
    let strengths: Vec<f32> = (0..PIXELS)
        .map(|i| [0.0, 0.08, 1.0, 1.0 / 12.0][i % 4])
        .collect();
    for (id, schedule_id) in every_way() {
        let schedule = schedule(id, schedule_id);
        let (result, ..) = run(id, &schedule, 12, Some(strengths.clone()));
        for (i, (a, b)) in result.iter().zip(&init_latent).enumerate() {
            assert_eq!(a == b, i % 4 < 2, "{id:?} {schedule_id:?} {i}");
        }
    }
}

#[test]
fn full_strengths_are_no_mask_at_all() {
    for (id, schedule_id) in every_way() {
        for executed in [20, 7] {
            let schedule = schedule(id, schedule_id);
            let (with, ..) = run(id, &schedule, executed, Some(vec![1.0; PIXELS]));
            let (without, ..) = run(id, &schedule, executed, None);
            assert_eq!(with, without, "{id:?} {schedule_id:?}");
        }
    }
}

#[test]
fn a_hard_mask_is_the_classic_blend() {
    // The toy works pixel by pixel, so the inpainted half must not notice the preserved half.
    let strengths: Vec<f32> = (0..PIXELS).map(|i| (i % 2) as f32).collect();
    for (id, schedule_id) in every_way() {
        let schedule = schedule(id, schedule_id);
        let (masked, ..) = run(id, &schedule, 12, Some(strengths.clone()));
        let (free, ..) = run(id, &schedule, 12, None);
        let init_latent = pixels(&noise(1));
        for i in 0..PIXELS {
            let wanted = if i % 2 == 1 { free[i] } else { init_latent[i] };
            assert_eq!(masked[i], wanted, "{id:?} {schedule_id:?} {i}");
        }
    }
}

#[test]
fn strengths_of_pixels_count_steps_as_strengths_of_runs_do() {
    let latent_mask = LatentMask {
        init_latent: noise(1),
        strength: vec![0.6, 0.3, 1.0, 0.0],
    };
    let inpainted_from = |pixel: usize, of: usize| {
        (0..of)
            .find(|&done| !latent_mask.preserved_at(done, of)[pixel])
            .unwrap_or(of)
    };
    assert_eq!(inpainted_from(0, 20), 8);
    assert_eq!(inpainted_from(1, 20), 14);
    assert_eq!(inpainted_from(1, 7), 5);
    assert_eq!((inpainted_from(2, 7), inpainted_from(3, 7)), (0, 7));
}
