//! A window in which nothing happens draws nothing: no processor time, no battery.

use std::time::Duration;

use eframe::egui::ViewportId;

use crate::support::window::{TestWindow, Wanted};

#[test]
fn a_window_at_rest_asks_for_no_frame() {
    let mut window = TestWindow::open(Wanted::default());
    window.frames(40);
    let harness = &window.harness;
    let delay = harness.output().viewport_output[&ViewportId::ROOT].repaint_delay;
    let causes = harness.ctx.repaint_causes();
    assert!(
        delay > Duration::from_secs(1),
        "the next frame comes in {delay:?}, because of {causes:?}"
    );
}
