//! `--layers`: a profile of the GEMM-shaped operations of a part, by shape.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::json;

use super::Measured;
use crate::cli::console::{answer, event};
use crate::engine::{Operation, OperationKind};
use crate::text::Message;

/// Operations of all runs but the first, which warms up and only counts where it is the only one.
#[derive(Debug, Default)]
pub(super) struct LayerTimes {
    warmed_up: bool,
    runs: u32,
    /// Of all runs that count.
    seconds: f64,
    shapes: BTreeMap<Operation, Times>,
    under_way: Option<(Operation, Instant)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Times {
    count: u32,
    seconds: f64,
}

impl LayerTimes {
    /// As [`Progress::operation`](crate::engine::Progress::operation).
    pub(super) fn operation(&mut self, operation: Option<Operation>) {
        if let Some((operation, clock)) = self.under_way.take() {
            let times = self.shapes.entry(operation).or_default();
            times.count += 1;
            times.seconds += clock.elapsed().as_secs_f64();
        }
        self.under_way = operation.map(|operation| (operation, Instant::now()));
    }

    /// Another run begins: the first was a warm-up.
    pub(super) fn run_begins(&mut self) {
        if self.runs == 1 && !self.warmed_up {
            *self = Self {
                warmed_up: true,
                ..Self::default()
            };
        }
    }

    /// A run took that long.
    pub(super) fn run_ended(&mut self, seconds: f64) {
        self.runs += 1;
        self.seconds += seconds;
    }

    /// Says the mean of a run for each shape, what takes longest first, and the rest.
    pub(super) fn report(&self, measured: &Measured<'_>) {
        let runs = f64::from(self.runs.max(1));
        let mut shapes: Vec<_> = self.shapes.iter().collect();
        shapes.sort_by(|a, b| b.1.seconds.total_cmp(&a.1.seconds));
        let mut rest = self.seconds;
        for (operation, times) in shapes {
            rest -= times.seconds;
            let flops = f64::from(times.count) * operation.flops() as f64;
            Line {
                name: name(operation),
                count: f64::from(times.count) / runs,
                seconds: times.seconds / runs,
                share_of_run: times.seconds / self.seconds,
                share_of_peak: Some(flops / times.seconds / measured.peak.flops_per_second),
            }
            .say(measured);
        }
        Line {
            name: measured.console.say(&Message::new("cli-bench-layers-rest")),
            count: 0.0,
            seconds: rest / runs,
            share_of_run: rest / self.seconds,
            share_of_peak: None,
        }
        .say(measured);
    }
}

/// Such as `conv 3×3 M=8192 N=320 K=2880`.
fn name(operation: &Operation) -> String {
    let Operation { kind, m, n, k } = operation;
    let kind = match kind {
        OperationKind::Convolution(side) => format!("conv {side}×{side}"),
        OperationKind::Linear => "linear".to_owned(),
        OperationKind::Attention => "attention".to_owned(),
    };
    format!("{kind} M={m} N={n} K={k}")
}

/// A line of the table.
struct Line {
    name: String,
    /// Layers of the shape in a run.
    count: f64,
    /// All of them together.
    seconds: f64,
    share_of_run: f64,
    share_of_peak: Option<f64>,
}

impl Line {
    fn say(&self, measured: &Measured<'_>) {
        if measured.args.json {
            event(&json!({
                "event": "bench_layer",
                "layer": self.name,
                "count": self.count,
                "seconds": self.seconds,
                "share_of_run": self.share_of_run,
                "share_of_peak": self.share_of_peak,
            }));
            return;
        }
        let percent = |share: f64| format!("{:5.1} %", 100.0 * share);
        // A table reads the same in every language.
        answer(&format!(
            "{:36} {:4.0} {:9.4} s {} {}",
            self.name,
            self.count,
            self.seconds,
            percent(self.share_of_run),
            self.share_of_peak.map(percent).unwrap_or_default()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_several_runs_is_left_out() {
        let linear = Operation {
            kind: OperationKind::Linear,
            m: 2,
            n: 4,
            k: 3,
        };
        let mut times = LayerTimes::default();
        for run in 1..=3 {
            times.run_begins();
            for _ in 0..run {
                times.operation(Some(linear));
                times.operation(None);
            }
            times.run_ended(1.0);
        }
        assert_eq!((times.runs, times.seconds), (2, 2.0));
        assert_eq!(times.shapes[&linear].count, 2 + 3);
        assert_eq!(name(&linear), "linear M=2 N=4 K=3");
        assert_eq!(linear.flops(), 2 * 2 * 3 * 4);
        let attention = Operation {
            kind: OperationKind::Attention,
            ..linear
        };
        assert_eq!(attention.flops(), 2 * linear.flops());
    }
}
