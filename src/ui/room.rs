//! [`Room`]: how much height a window has, by which what lies under the canvas gives way to it.

/// How much height there is for the canvas and what lies under it. Where there is little, what lies
/// under it gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Room {
    /// The guide says what to do only to those who point at it.
    Least,
    /// Guide and results are as low as they can be.
    Little,
    /// Everything has its full size.
    Enough,
}

impl Room {
    /// The room in a height between the bars, in points.
    pub(super) fn of(height: f32) -> Self {
        match height {
            h if h < 380.0 => Self::Least,
            h if h < 560.0 => Self::Little,
            _ => Self::Enough,
        }
    }
}
