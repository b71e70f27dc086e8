//! The summary of all runs: median, FLOP/s, share of the peak, memory.

use serde_json::json;

use super::Measured;
use crate::cli::console::{answer, event};
use crate::text::Message;

/// Most memory held, in bytes; `None` where the system does not say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PeakMemory {
    /// Until the model was loaded.
    pub(super) load: Option<u64>,
    /// From then on.
    pub(super) run: Option<u64>,
}

/// The summary of all runs.
pub(super) struct Summary {
    pub(super) model: String,
    pub(super) device: String,
    /// Of each run, without loading.
    pub(super) seconds: Vec<f64>,
    /// FLOPs of each run.
    pub(super) flops: Vec<u64>,
    pub(super) memory: PeakMemory,
}

impl Summary {
    pub(super) fn report(&self, measured: &Measured<'_>) {
        let seconds = median(self.seconds.clone());
        let fastest = self.seconds.iter().copied().fold(f64::INFINITY, f64::min);
        // A run that finds prompts and pictures encoded has less to do than the one before.
        let speeds = self.flops.iter().zip(&self.seconds);
        let speed = median(
            speeds
                .map(|(flops, seconds)| *flops as f64 / seconds)
                .collect(),
        );
        let (Some(seconds), Some(speed)) = (seconds, speed) else {
            return;
        };
        let on_cpu = self.device.starts_with("cpu");
        let peak = on_cpu.then_some(measured.peak.flops_per_second);
        let share = peak.map(|peak| speed / peak);
        let gigaflop = self.flops.last().map_or(0.0, |flops| *flops as f64 / 1e9);
        if measured.args.json {
            event(&json!({
                "event": "bench_summary",
                "model": self.model,
                "stage": measured.args.stage.id(),
                "device": self.device,
                "isa": measured.peak.isa,
                "threads": measured.threads,
                "size": measured.size.to_string(),
                "runs": self.seconds.len(),
                "median_seconds": seconds,
                "min_seconds": fastest,
                "gflop": gigaflop,
                "gflop_per_second": speed / 1e9,
                "peak_gflop_per_second": peak.map(|peak| peak / 1e9),
                "share_of_peak": share,
                "load_peak_rss_bytes": self.memory.load,
                "run_peak_rss_bytes": self.memory.run,
            }));
            return;
        }
        let say = |message: Message| answer(&measured.console.say(&message));
        say(Message::new("cli-bench-speed")
            .with("median", format!("{seconds:.3}"))
            .with("fastest", format!("{fastest:.3}"))
            .with("gflop", format!("{gigaflop:.1}"))
            .with("speed", format!("{:.1}", speed / 1e9)));
        if let (Some(share), Some(peak)) = (share, peak) {
            say(Message::new("cli-bench-share")
                .with("share", format!("{:.1}", 100.0 * share))
                .with("peak", format!("{:.1}", peak / 1e9))
                .with("threads", measured.threads)
                .with("isa", measured.peak.isa));
        }
        if let (Some(load), Some(run)) = (self.memory.load, self.memory.run) {
            let mebibytes = |bytes: u64| format!("{:.0}", bytes as f64 / f64::from(1 << 20));
            say(Message::new("cli-bench-memory")
                .with("load", mebibytes(load))
                .with("run", mebibytes(run)));
        }
    }
}

/// The middle one, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get(values.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![3.0, 1.0]), Some(2.0));
        assert_eq!(median(vec![9.0, 1.0, 4.0]), Some(4.0));
        assert_eq!(median(vec![9.0, 1.0, 4.0, 6.0]), Some(5.0));
    }
}
