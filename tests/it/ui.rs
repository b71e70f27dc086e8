//! The window by role and label, and as pictures.

use crate::support::window::{TestWindow, Wanted};

#[test]
fn look_at_it() {
    let mut window = TestWindow::open(Wanted::default());
    window.frames(5);
    window.picture().save("/tmp/ui-shots/first.png").unwrap();
}
