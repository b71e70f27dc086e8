//! [`FrameTimes`]: writes down what each frame takes, for `--frame-times` and `benches/painting`.

use std::fs::File;
use std::io::{LineWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::canvas::Uploads;

/// The columns; a line is written when the next frame begins.
const HEADER: &str = "began_unix_s\twindow_ms\tthread_cpu_ms\ttextures\ttexels\tjob_running\t\
                      program_ms\tblocked_ms\tjobs";

/// What the engine is at when a frame begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct EngineWork {
    /// A job runs.
    pub(super) is_running: bool,
    /// Jobs that this window has asked for so far.
    pub(super) jobs: u64,
}

/// A file with one line a frame (written at once, so that it is whole whenever the program ends),
/// separated by tabs:
/// - `began_unix_s`: when the frame began, in seconds since 1970;
/// - `window_ms`: wall-clock time of logic, ui, tessellation, uploads and drawing, without the swap
///   of buffers (which waits for the screen); 0 where eframe does not say;
/// - `thread_cpu_ms`: what the thread computed from this frame's beginning to the next one's, with
///   the swap and the desktop's events; 0 where the system has no clock for it;
/// - `textures`, `texels`: what was sent of picture and mask, or of a batch's pictures where one is shown;
/// - `job_running`: 1 while the engine worked;
/// - `program_ms`: wall-clock time of logic and ui alone, before anything is tessellated, sent or drawn: what this
///   program does, and waits for, whatever draws;
/// - `blocked_ms`: how much of it the thread was blocked: it neither ran nor stood in line for a processor. 0 where
///   the system does not say;
/// - `jobs`: how many jobs this window had asked for by then, whatever became of them.
#[derive(Debug)]
pub(super) struct FrameTimes {
    file: LineWriter<File>,
    began: Option<(SystemTime, Duration)>,
    /// When the frame began, and for how long the thread had been at work or in line for a processor by then.
    frame: (Instant, Duration),
    /// What the frame's logic and ui took, and how much of it they were blocked.
    program: (Duration, Duration),
}

impl FrameTimes {
    pub(super) fn create(path: &Path) -> std::io::Result<Self> {
        let mut file = LineWriter::new(File::create(path)?);
        writeln!(file, "{HEADER}")?;
        Ok(Self {
            file,
            began: None,
            frame: (Instant::now(), scheduled_time()),
            program: Default::default(),
        })
    }

    /// To be called when a frame's ui is done.
    pub(super) fn program_done(&mut self) {
        let took = self.frame.0.elapsed();
        let scheduled = scheduled_time().saturating_sub(self.frame.1);
        let blocked = match scheduled {
            Duration::ZERO => Duration::ZERO,
            scheduled => took.saturating_sub(scheduled),
        };
        self.program = (took, blocked);
    }

    /// To be called when a frame begins, with what is known of the one before.
    pub(super) fn next_frame(&mut self, seconds: Option<f32>, uploads: Uploads, work: EngineWork) {
        let now = (SystemTime::now(), thread_cpu_time());
        let (program, blocked) = std::mem::take(&mut self.program);
        self.frame = (Instant::now(), scheduled_time());
        if let Some((began, cpu)) = self.began.replace(now) {
            let unix = began.duration_since(UNIX_EPOCH).unwrap_or_default();
            // A lost line spoils a measurement, not the painting.
            _ = writeln!(
                self.file,
                "{:.6}\t{:.3}\t{:.3}\t{}\t{}\t{}\t{:.3}\t{:.3}\t{}",
                unix.as_secs_f64(),
                seconds.unwrap_or_default() * 1e3,
                now.1.saturating_sub(cpu).as_secs_f64() * 1e3,
                uploads.count,
                uploads.texels,
                u8::from(work.is_running),
                program.as_secs_f64() * 1e3,
                blocked.as_secs_f64() * 1e3,
                work.jobs,
            );
        }
    }
}

/// For how long this thread has run or stood in line for a processor. Linux counts the latter
/// ([scheduler statistics](https://docs.kernel.org/scheduler/sched-stats.html)); elsewhere it is not known.
fn scheduled_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let in_line = text.split_whitespace().nth(1);
    let in_line = in_line.and_then(|nanoseconds| nanoseconds.parse().ok());
    thread_cpu_time() + Duration::from_nanos(in_line.unwrap_or_default())
}

/// Processor time that this thread has used.
#[cfg(unix)]
fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(not(unix))]
fn thread_cpu_time() -> Duration {
    Duration::ZERO
}
