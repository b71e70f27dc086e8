//! The wheel over numbers. A number is turned only by a turn that began over it: who scrolls a panel
//! and passes a number on the way leaves it alone.

use eframe::egui::{self, Event, Id, MouseWheelUnit, Response, Ui, Vec2};

/// After this long without the wheel, in seconds, the next notch begins a new turn.
const REST_SECS: f64 = 0.35;

/// The turn of the wheel under way.
#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    /// True in the frame in which it began.
    begins: bool,
    /// When the last notch came, in seconds since the start of the window.
    last_secs: Option<f64>,
    /// The number it turns.
    owner: Option<Id>,
}

impl Turn {
    /// True where the wheel has rested long enough, or was never turned.
    fn is_over(&self, now_secs: f64) -> bool {
        self.last_secs
            .is_none_or(|last_secs| now_secs - last_secs > REST_SECS)
    }
}

fn turn_id() -> Id {
    Id::unique("wheel turn")
}

/// To be called once a frame before anything is drawn.
pub(crate) fn follow_wheel(ctx: &egui::Context) {
    let (notches, now) = (notches(ctx), ctx.time());
    let mut turn: Turn = ctx
        .data(|data| data.get_temp(turn_id()))
        .unwrap_or_default();
    turn.begins = false;
    if notches != 0.0 {
        turn.begins = turn.is_over(now);
        turn.last_secs = Some(now);
        if turn.begins {
            turn.owner = None;
        }
    }
    ctx.data_mut(|data| data.insert_temp(turn_id(), turn));
}

/// By how many notches the wheel turns what `response` stands for in this frame, up is more.
pub(crate) fn wheel_notches(ui: &Ui, response: &Response) -> f64 {
    if !response.hovered() {
        return 0.0;
    }
    let ctx = ui.ctx();
    let mut turn: Turn = ctx
        .data(|data| data.get_temp(turn_id()))
        .unwrap_or_default();
    if turn.begins && turn.owner.is_none() {
        turn.owner = Some(response.id);
        ctx.data_mut(|data| data.insert_temp(turn_id(), turn));
    }
    if turn.owner != Some(response.id) || turn.is_over(ctx.time()) {
        return 0.0;
    }
    // What turns a number does not scroll the panel, now nor while the scrolling is smoothed.
    ctx.input_mut(|input| input.smooth_scroll_delta = Vec2::ZERO);
    notches(ctx)
}

/// Whole notches of this frame; a touch pad gives parts of one.
fn notches(ctx: &egui::Context) -> f64 {
    ctx.input(|input| {
        let of = |event: &Event| match event {
            Event::MouseWheel { unit, delta, .. } => Some(match unit {
                MouseWheelUnit::Line | MouseWheelUnit::Page => f64::from(delta.y),
                MouseWheelUnit::Point => f64::from(delta.y) / 50.0,
            }),
            _ => None,
        };
        input.events.iter().filter_map(of).sum()
    })
}
