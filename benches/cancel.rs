//! How long cancelling takes: runs of the built-in model are stopped at random moments from the
//! first look at the request to the placed result, loading included. Says how long each went on
//! after it was told to stop, and checks that the next run on the same engine gives the same bytes.
//!
//! `cargo bench --bench cancel [-- COUNT [SEED]]`

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::error::Error;
use std::time::{Duration, Instant};

use overpaint::engine::diffusion::{DiffusionEngine, EngineOptions};
use overpaint::engine::{Cancelled, Stage};
use overpaint::jobs::{EditProgress, run_edit};
use overpaint::plan::{Layout, Pass, PreviewPatch};

#[path = "shared/request.rs"]
mod shared;

use shared::request;

/// Tells the run to stop from a moment on, and remembers where it stood then.
struct StopAt {
    moment: Option<Instant>,
    stage: Option<Stage>,
}

impl EditProgress for StopAt {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        match self.moment {
            Some(moment) if Instant::now() >= moment => Err(Cancelled),
            _ => Ok(()),
        }
    }

    fn planned(&mut self, _: &Layout, _: &[Pass]) {}

    fn stage(&mut self, stage: Stage) {
        if self.moment.is_none_or(|moment| Instant::now() < moment) {
            self.stage = Some(stage);
        }
    }

    fn wants_preview(&self) -> bool {
        true
    }

    fn preview(&mut self, _: PreviewPatch) {}
}

/// A number of 0…1 without a pattern (Marsaglia's xorshift).
fn share(state: &mut u64) -> f64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as f64 / (1u64 << 53) as f64
}

fn main() -> Result<(), Box<dyn Error>> {
    // cargo adds an argument of its own.
    let numbers: Vec<u64> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let count = numbers.first().copied().unwrap_or(20);
    let mut random = numbers.get(1).copied().unwrap_or(1).max(1);
    let request = request(7)?;
    let mut never = StopAt {
        moment: None,
        stage: None,
    };
    let mut engine = DiffusionEngine::new(EngineOptions::default())?;
    let whole = run_edit(&mut engine, &request, &mut never)?;
    println!(
        "a whole run on a fresh engine: {:.3} s",
        whole.total_seconds
    );
    let mut late = Vec::new();
    while (late.len() as u64) < count {
        let mut engine = DiffusionEngine::new(EngineOptions::default())?;
        let runs_for = Duration::from_secs_f64(whole.total_seconds * share(&mut random));
        let moment = Instant::now() + runs_for;
        let mut stop = StopAt {
            moment: Some(moment),
            stage: None,
        };
        let stopped = run_edit(&mut engine, &request, &mut stop);
        let went_on = moment.elapsed();
        match stopped {
            Err(error) if error.is_cancelled() => {}
            Err(error) => return Err(error.into()),
            // It was faster this time: that was no moment within a run.
            Ok(_) => continue,
        }
        let next = run_edit(&mut engine, &request, &mut never)?;
        if next.patch != whole.patch {
            return Err("the run after a cancelled one gave other bytes".into());
        }
        let millis = went_on.as_secs_f64() * 1e3;
        println!("after {runs_for:>8.3?} in {:?}: {millis:.1} ms", stop.stage);
        late.push(millis);
    }
    late.sort_by(f64::total_cmp);
    let p95 = late.get((late.len() * 95).div_ceil(100).saturating_sub(1));
    println!(
        "{count} cancelled, next runs the same; p95 {:.1} ms, max {:.1} ms",
        p95.copied().unwrap_or_default(),
        late.last().copied().unwrap_or_default()
    );
    Ok(())
}
