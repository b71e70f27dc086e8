//! [`Placement`]: where the window stood and how large it was, remembered for the next start.

use std::fmt;
use std::str::FromStr;

use eframe::egui::{Context, Pos2, Vec2, ViewportBuilder, ViewportCommand, ViewportInfo};

/// Width and height of the first window, in logical pixels of the desktop.
const FIRST_SIZE: Vec2 = Vec2::new(1280.0, 800.0);
/// Smaller it cannot be made.
pub(super) const LEAST_SIZE: Vec2 = Vec2::new(800.0, 520.0);

/// Where the window stands and how large it is, in logical pixels of the desktop (not in points,
/// which change with the size of the interface).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement {
    size: Vec2,
    /// Its upper left corner; `None` leaves it to the desktop.
    corner: Option<Pos2>,
    maximized: bool,
}

impl Default for Placement {
    fn default() -> Self {
        Self {
            size: FIRST_SIZE,
            corner: None,
            maximized: false,
        }
    }
}

impl Placement {
    /// The window as it would be made.
    pub(super) fn of_builder(self, builder: ViewportBuilder) -> ViewportBuilder {
        let builder = builder
            .with_inner_size(self.size)
            .with_min_inner_size(LEAST_SIZE)
            .with_maximized(self.maximized);
        match self.corner {
            Some(corner) => builder.with_position(corner),
            None => builder,
        }
    }

    /// Makes a first window fill a screen (`screen` is in points of the interface at `percent`)
    /// which has no room for it, or where everything is enlarged.
    pub(super) fn suit_screen(ctx: &Context, screen: Vec2, percent: f32) {
        let with_bars = FIRST_SIZE + Vec2::new(0.0, 80.0);
        let no_room = with_bars.x > screen.x || with_bars.y > screen.y;
        // Not by asking for a size: on X11 a window that the desktop has made larger meanwhile
        // would go on being drawn at its first size.
        if no_room || percent > 100.0 {
            ctx.send_viewport_cmd(ViewportCommand::Maximized(true));
        }
    }

    /// Follows the window; `zoom` is the size of the interface. A maximised window keeps the place
    /// that it goes back to.
    pub(super) fn follow(&mut self, window: &ViewportInfo, zoom: f32) {
        if window.minimized == Some(true) || window.fullscreen == Some(true) {
            return;
        }
        self.maximized = window.maximized == Some(true);
        if self.maximized {
            return;
        }
        if let Some(inner) = window.inner_rect {
            self.size = (inner.size() * zoom).round().max(LEAST_SIZE);
        }
        if let Some(outer) = window.outer_rect {
            self.corner = Some((outer.min.to_vec2() * zoom).round().to_pos2());
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.size.x, self.size.y)?;
        if let Some(corner) = self.corner {
            write!(f, " at {} {}", corner.x, corner.y)?;
        }
        f.write_str(if self.maximized { " maximized" } else { "" })
    }
}

impl FromStr for Placement {
    type Err = std::num::ParseFloatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (text, maximized) = match text.strip_suffix(" maximized") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let pair = |text: &str| -> Result<Vec2, Self::Err> {
            let (x, y) = text.split_once(' ').unwrap_or((text, ""));
            Ok(Vec2::new(finite(x)?, finite(y)?))
        };
        let (size, corner) = match text.split_once(" at ") {
            Some((size, corner)) => (pair(size)?, Some(pair(corner)?.to_pos2())),
            None => (pair(text)?, None),
        };
        Ok(Self {
            size: size.clamp(LEAST_SIZE, Vec2::splat(16_384.0)),
            corner,
            maximized,
        })
    }
}

/// A number that a window can have; “inf” and “nan” count as 0.
fn finite(text: &str) -> Result<f32, std::num::ParseFloatError> {
    let value: f32 = text.parse()?;
    Ok(if value.is_finite() { value } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui::{Rect, pos2, vec2};

    #[test]
    fn what_is_written_is_read_again() {
        for placement in [
            Placement::default(),
            Placement {
                size: vec2(1600.0, 1000.0),
                corner: Some(pos2(-1920.0, 31.0)),
                maximized: true,
            },
        ] {
            assert_eq!(placement.to_string().parse(), Ok(placement));
        }
        for broken in ["", "wide", "1280", "1280 x", "1280 800 at 4"] {
            assert!(broken.parse::<Placement>().is_err(), "{broken}");
        }
        assert_eq!("1 NaN".parse::<Placement>().map(|p| p.size), Ok(LEAST_SIZE));
    }

    #[test]
    fn a_larger_interface_does_not_make_the_next_window_smaller() {
        let mut placement = Placement::default();
        let window = ViewportInfo {
            inner_rect: Some(Rect::from_min_size(pos2(10.0, 40.0), vec2(800.0, 500.0))),
            outer_rect: Some(Rect::from_min_size(pos2(10.0, 20.0), vec2(800.0, 520.0))),
            ..ViewportInfo::default()
        };
        placement.follow(&window, 2.0);
        assert_eq!(placement.size, vec2(1600.0, 1000.0));
        assert_eq!(placement.corner, Some(pos2(20.0, 40.0)));
        let before = placement;
        let maximized = ViewportInfo {
            inner_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(3840.0, 2160.0))),
            maximized: Some(true),
            ..ViewportInfo::default()
        };
        placement.follow(&maximized, 1.0);
        assert_eq!(placement.size, before.size, "where it goes back to");
        assert!(placement.maximized);
    }
}
