//! What clicking takes: looking at the picture, a click, a box, two clicks, stopping.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use overpaint::engine::vision::BuiltInVision;
use overpaint::engine::{Unwatched, Vision as _};
use overpaint::geometry::{Extent, PointF};
use overpaint::jobs::{ClickRequest, Clicker, SightError, VisionFactory};
use overpaint::raster::{Picture, Pixmap, Tiled};
use overpaint::select::{Clicks, Proxy, SelectError};

use super::Failure;

/// Clicks after the one that looks at the picture, of each kind.
const CLICKS: u16 = 20;
/// Moments at which looking is stopped.
const STOPS: u16 = 12;

/// Seconds of a picture, and milliseconds of what follows.
pub(super) struct Times {
    extent: Extent,
    look_s: f64,
    click_ms: f64,
    two_ms: f64,
    box_ms: f64,
    stop_ms: Vec<f64>,
    peak_mb: Option<u64>,
    /// What the network makes of the picture.
    embedding: Vec<f32>,
}

impl Times {
    pub(super) const HEADER: &str = "| size | looking | a click | two clicks | a box | stopping, median | at most | memory |\n|---|---|---|---|---|---|---|---|";

    pub(super) fn row(&self) -> String {
        let last = self.stop_ms.last().copied().unwrap_or_default();
        format!(
            "| {} | {:.2} s | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {last:.0} ms | {} MB |",
            self.extent,
            self.look_s,
            self.click_ms,
            self.two_ms,
            self.box_ms,
            middle(&self.stop_ms),
            self.peak_mb.unwrap_or_default(),
        )
    }

    pub(super) fn json(&self) -> String {
        format!(
            "{{\"look_s\": {}, \"click_ms\": {}, \"two_ms\": {}, \"box_ms\": {}, \"embedding\": {:?}}}",
            self.look_s, self.click_ms, self.two_ms, self.box_ms, self.embedding
        )
    }
}

/// Clicks in a picture with the weights of that file.
pub(super) fn measured(picture: &Picture, weights: &Path) -> Result<Times, Failure> {
    let vision: VisionFactory = Arc::new(|| Ok(Box::new(BuiltInVision::default())));
    let mut clicker = Clicker::new(vision);
    let extent = picture.extent();
    let request = |clicks: Clicks| ClickRequest {
        weights: weights.to_path_buf(),
        picture: picture.clone(),
        clicks,
    };
    let at = |step: u16, inside: bool| {
        let along = f32::from(step % CLICKS + 1) / f32::from(CLICKS + 2);
        let y = (along * 7.0).fract();
        let at = PointF::new(along * extent.width as f32, y * extent.height as f32);
        (at, inside)
    };
    let points = |points: Vec<(PointF, bool)>| Clicks {
        points,
        frame: None,
    };
    let mut timed = |clicks: Clicks| -> Result<f64, Failure> {
        let request = request(clicks);
        let begun = Instant::now();
        match clicker.click(&request, &|| false) {
            // With weights by a formula there may be nothing; the work was the same but for the mask.
            Ok(_) | Err(SightError::Select(SelectError::NothingThere)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(begun.elapsed().as_secs_f64() * 1000.0)
    };
    let mut each = |make: &dyn Fn(u16) -> Clicks| -> Result<f64, Failure> {
        let mut times = (0..CLICKS)
            .map(|step| timed(make(step)))
            .collect::<Result<Vec<f64>, _>>()?;
        times.sort_by(f64::total_cmp);
        Ok(middle(&times))
    };
    // Reads the weights, looks, and answers.
    each(&|_| points(vec![at(0, true)]))?;
    let click_ms = each(&|step| points(vec![at(step, true)]))?;
    let two_ms = each(&|step| points(vec![at(step, true), at(step + 7, false)]))?;
    let box_ms = each(&|step| Clicks::frame(at(step, true).0, at(step + 9, true).0))?;
    // Another picture of the same size is looked at anew.
    let mut looks = Vec::new();
    for _ in 0..5 {
        looks.push(look(&mut clicker, &request(points(vec![at(3, true)])))?);
    }
    looks.sort_by(f64::total_cmp);
    let look_s = middle(&looks) / 1000.0;
    let stop_ms = (0..STOPS).map(|step| {
        let after = look_s * f64::from(step) / f64::from(STOPS);
        stopped(&mut clicker, &request(points(vec![at(3, true)])), after)
    });
    let mut stop_ms: Vec<f64> = stop_ms.collect::<Result<Vec<_>, Failure>>()?;
    stop_ms.sort_by(f64::total_cmp);
    Ok(Times {
        extent,
        look_s,
        click_ms,
        two_ms,
        box_ms,
        stop_ms,
        peak_mb: peak_mb(),
        embedding: embedding(picture, weights)?,
    })
}

fn embedding(picture: &Picture, weights: &Path) -> Result<Vec<f32>, Failure> {
    let shown = Proxy::of(picture)?.srgb(picture)?;
    let mut networks = BuiltInVision::default().segmenter(weights, &mut Unwatched)?;
    Ok(networks.embed(&shown, &mut Unwatched)?.numbers)
}

/// Milliseconds of looking at a picture that was not seen, and one click.
fn look(clicker: &mut Clicker, request: &ClickRequest) -> Result<f64, Failure> {
    forget(clicker, request);
    let begun = Instant::now();
    match clicker.click(request, &|| false) {
        Ok(_) | Err(SightError::Select(SelectError::NothingThere)) => {
            Ok(begun.elapsed().as_secs_f64() * 1000.0)
        }
        Err(error) => Err(error.into()),
    }
}

/// Milliseconds from stopping, `after` seconds of looking, until it has stopped.
fn stopped(clicker: &mut Clicker, request: &ClickRequest, after: f64) -> Result<f64, Failure> {
    forget(clicker, request);
    let begun = Instant::now();
    let after = Duration::from_secs_f64(after);
    let answer = clicker.click(request, &|| begun.elapsed() >= after);
    let all = begun.elapsed();
    match answer {
        Err(error) if error.is_cancelled() => {}
        Ok(_) | Err(SightError::Select(SelectError::NothingThere)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok((all.saturating_sub(after)).as_secs_f64() * 1000.0)
}

/// Shows the clicker something else and stops it at once: the picture is no longer known.
fn forget(clicker: &mut Clicker, request: &ClickRequest) {
    let pixels = Tiled::from_pixels(Extent::new(1, 1), &[[9; 4]], [0; 4]);
    let other = ClickRequest {
        picture: Picture {
            pixels: Pixmap::Rgba8(pixels),
            profile: request.picture.profile.clone(),
        },
        clicks: Clicks {
            points: vec![(PointF::new(0.5, 0.5), true)],
            frame: None,
        },
        weights: request.weights.clone(),
    };
    let asked = Cell::new(0);
    let is_stopped = || asked.replace(asked.get() + 1) > 0;
    let stopped = clicker.click(&other, &is_stopped);
    assert!(stopped.is_err_and(|error| error.is_cancelled()));
}

fn middle(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The most memory this process has held (Linux).
fn peak_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}
