//! A window in which nothing happens draws nothing: no processor time, no battery.

use std::time::Duration;

use eframe::egui::{Key, ViewportId};

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

#[test]
fn the_space_bar_pans_and_does_not_stop_the_window() {
    // The canvas once asked egui for the focus within egui's own lock as soon as space was down.
    let mut window = TestWindow::open(Wanted::default());
    window.harness.key_down(Key::Space);
    window.frames(2);
    window.harness.key_up(Key::Space);
    window.frames(2);
    assert!(window.editor().active().is_some());
}
