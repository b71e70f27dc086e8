//! ComfyUI's names for samplers and schedules, and how its Differential Diffusion is told our rule.
//!
//! Both read a mask as strength per pixel. Ours frees a latent pixel of strength s at executed step i of k
//! where s ≥ (k − i)/k; `DifferentialDiffusion` where m ≥ t(σᵢ)/t(σ₀), with t the timestep of a noise level.
//! So each s is sent as an m between the thresholds of the step in which it is freed and the one before.

use crate::plan::{SamplerId, ScheduleId};

/// Timesteps of training.
const TRAINED: usize = 1000;
/// ρ of Karras et al. 2022, equation 5.
const RHO: f64 = 7.0;

/// The sampler's name there. DDIM with η = 0 is Euler on noise levels; what is called `ddim` there draws
/// other noise into what is held.
pub(in crate::engine::remote) fn sampler(id: SamplerId) -> &'static str {
    match id {
        SamplerId::Euler | SamplerId::Ddim => "euler",
        SamplerId::EulerA => "euler_ancestral",
        SamplerId::Dpmpp2m => "dpmpp_2m",
        SamplerId::Lcm => "lcm",
    }
}

/// The schedule's name there. The model's own is `leading` with offset 1 for all of Stable Diffusion.
pub(super) fn schedule(id: ScheduleId, sampler: SamplerId) -> &'static str {
    match (id, sampler) {
        (ScheduleId::Karras, _) => "karras",
        (ScheduleId::Model, SamplerId::Lcm) => "sgm_uniform",
        (ScheduleId::Model, _) => "ddim_uniform",
    }
}

/// How many steps the schedule of that name has there when `steps` are asked for: `ddim_uniform` goes by
/// whole timesteps and has more where 1000 is no multiple.
pub(super) fn length(schedule: &str, steps: u32) -> u32 {
    if schedule == "ddim_uniform" {
        let stride = (TRAINED as u32 / steps.max(1)).max(1);
        (TRAINED as u32 - 1).div_ceil(stride)
    } else {
        steps
    }
}

/// Values between the thresholds of a run's steps: the mask value for each strength.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Levels {
    /// The threshold of each executed step, falling from 1.
    thresholds: Vec<f64>,
}

impl Levels {
    /// Of the last `executed` steps of that schedule.
    pub(super) fn new(schedule: &str, steps: u32, executed: u32) -> Self {
        let timesteps = timesteps(schedule, steps);
        let skipped = timesteps.len().saturating_sub(executed as usize);
        let run = timesteps.get(skipped..).unwrap_or_default();
        let first = run.first().copied().unwrap_or(1.0).max(1e-9);
        Self {
            thresholds: run.iter().map(|timestep| timestep / first).collect(),
        }
    }

    /// What is sent for that strength, 0…1.
    pub(super) fn value(&self, strength: f32) -> f32 {
        let count = self.thresholds.len();
        // The first step at which it is free; the tolerance is that of 8 bits.
        let held = ((1.0 - f64::from(strength)) * count as f64 - 1e-3).ceil();
        let held = held.max(0.0) as usize;
        let at = |i: usize| self.thresholds.get(i).copied().unwrap_or(0.0);
        match held {
            0 => 1.0,
            held if held >= count => 0.0,
            held => (f64::midpoint(at(held), at(held - 1))) as f32,
        }
    }
}

/// The timesteps that a schedule visits, most noise first.
fn timesteps(schedule: &str, steps: u32) -> Vec<f64> {
    let count = steps.max(1) as usize;
    match schedule {
        "ddim_uniform" => {
            let stride = (TRAINED / count).max(1);
            let mut all: Vec<f64> = (1..TRAINED).step_by(stride).map(|t| t as f64).collect();
            all.reverse();
            all
        }
        "karras" => {
            let sigmas = trained_sigmas();
            let (least, most) = (
                sigmas.first().copied().unwrap_or(0.03),
                sigmas.last().copied().unwrap_or(14.6),
            );
            let (low, high) = (least.powf(1.0 / RHO), most.powf(1.0 / RHO));
            let share = |i: usize| i as f64 / (count.saturating_sub(1)).max(1) as f64;
            (0..count)
                .map(|i| nearest(&sigmas, (high + share(i) * (low - high)).powf(RHO)))
                .collect()
        }
        _ => {
            let last = (TRAINED - 1) as f64;
            (0..count)
                .map(|i| last * (1.0 - i as f64 / count as f64))
                .collect()
        }
    }
}

/// σ of each timestep of Stable Diffusion's training: √β from √0.00085 to √0.012.
fn trained_sigmas() -> Vec<f64> {
    let (first, last) = (0.00085_f64.sqrt(), 0.012_f64.sqrt());
    let mut kept = 1.0;
    let beta = |i: usize| (first + (last - first) * i as f64 / (TRAINED - 1) as f64).powi(2);
    (0..TRAINED)
        .map(|i| {
            kept *= 1.0 - beta(i);
            ((1.0 - kept) / kept).sqrt()
        })
        .collect()
}

/// The timestep whose noise is nearest by its logarithm, as `ModelSamplingDiscrete.timestep` finds it.
fn nearest(sigmas: &[f64], sigma: f64) -> f64 {
    let distance = |known: f64| (known.ln() - sigma.ln()).abs();
    let found = sigmas
        .iter()
        .enumerate()
        .min_by(|a, b| distance(*a.1).total_cmp(&distance(*b.1)));
    found.map_or(0.0, |(timestep, _)| timestep as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At which executed step each of the two frees a pixel.
    fn freed(levels: &Levels, strength: f32, executed: u32) -> (Option<u32>, Option<usize>) {
        let sent = f64::from((levels.value(strength) * 255.0).round()) / 255.0;
        let k = f64::from(executed);
        let ours = (0..executed).find(|i| f64::from(strength) + 1e-6 >= (k - f64::from(*i)) / k);
        let mut thresholds = levels.thresholds.iter();
        // Where nearly no noise is left, thresholds lie closer than 8 bits can tell apart.
        let theirs = thresholds.position(|least| *least > 0.02 && sent >= *least);
        let ours = ours.filter(|i| levels.thresholds[*i as usize] > 0.02);
        (ours, theirs)
    }

    #[test]
    fn soft_strength_is_freed_at_the_same_step() {
        for schedule in ["ddim_uniform", "karras", "sgm_uniform"] {
            for (steps, executed) in [(20, 10), (25, 12), (20, 20), (8, 3), (30, 15), (50, 40)] {
                let levels = Levels::new(schedule, steps, executed);
                assert_eq!(levels.thresholds.len(), executed as usize, "{schedule}");
                for tenth in 0..=20 {
                    let strength = tenth as f32 / 20.0;
                    let (ours, theirs) = freed(&levels, strength, executed);
                    assert_eq!(
                        ours.map(|i| i as usize),
                        theirs,
                        "{schedule} {steps} {executed} {strength}"
                    );
                }
            }
        }
    }

    #[test]
    fn their_uniform_schedule_may_be_longer() {
        assert_eq!(length("ddim_uniform", 20), 20);
        assert_eq!(length("ddim_uniform", 25), 25);
        assert_eq!(length("ddim_uniform", 30), 31);
        assert_eq!(length("karras", 30), 30);
        for steps in 1..=120 {
            let visited = timesteps("ddim_uniform", steps).len() as u32;
            assert_eq!(length("ddim_uniform", steps), visited, "{steps}");
        }
    }
}
