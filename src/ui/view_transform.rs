//! Where the picture lies in the window: [`View`] is what the user chose, [`ViewTransform`] the
//! exact mapping of one frame.

use eframe::egui::{Pos2, Rect, Vec2, pos2};

use crate::geometry::{Extent, PointF, Rect as PixelRect};

/// Smallest and largest zoom: physical pixels of the screen per pixel of the picture.
const ZOOM_RANGE: std::ops::RangeInclusive<f32> = 0.01..=64.0;

/// The zooms that the keys step through.
const STEPS: [f32; 20] = [
    0.02, 0.03, 0.05, 0.08, 0.125, 0.17, 0.25, 0.33, 0.5, 0.67, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0,
    12.0, 16.0, 32.0,
];

/// How a picture is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    /// Physical pixels of the screen per pixel of the picture.
    pub zoom: f32,
    /// The place in the picture that lies in the middle of the canvas.
    pub center: PointF,
    /// True while the view follows the size of the canvas so that all is seen.
    pub fits: bool,
}

impl Default for View {
    fn default() -> Self {
        Self {
            zoom: 1.0,
            center: PointF::default(),
            fits: true,
        }
    }
}

impl View {
    /// Shows the whole picture in `free`, a part of the canvas, at most at 8 pixels per pixel.
    pub(super) fn fit(&mut self, picture: Extent, canvas: Rect, free: Rect, pixels_per_point: f32) {
        let room = free.size().max(Vec2::splat(16.0)) * pixels_per_point;
        let across = room.x / picture.width.max(1) as f32;
        let down = room.y / picture.height.max(1) as f32;
        self.zoom = across
            .min(down)
            .min(8.0)
            .clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end());
        let aside = (canvas.center() - free.center()) * pixels_per_point / self.zoom;
        self.center = PointF::new(
            picture.width as f32 / 2.0 + aside.x,
            picture.height as f32 / 2.0 + aside.y,
        );
        self.fits = true;
    }

    /// Zooms by `factor` so that what lies under `anchor` stays there.
    pub(super) fn zoom_at(
        &mut self,
        anchor: Pos2,
        factor: f32,
        canvas: Rect,
        pixels_per_point: f32,
    ) {
        let from_middle = (anchor - canvas.center()) * pixels_per_point;
        let before = from_middle / self.zoom;
        self.zoom = (self.zoom * factor).clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end());
        // Not by way of a `ViewTransform`, whose rounding to the screen's pixels would add up.
        let moved = before - from_middle / self.zoom;
        self.center = PointF::new(self.center.x + moved.x, self.center.y + moved.y);
        self.fits = false;
    }

    /// Zooms to the next step up or down, around the middle of the canvas.
    pub(super) fn zoom_step(&mut self, up: bool) {
        let next = if up {
            STEPS.iter().copied().find(|step| *step > self.zoom * 1.01)
        } else {
            STEPS
                .iter()
                .rev()
                .copied()
                .find(|step| *step < self.zoom * 0.99)
        };
        self.zoom = next.unwrap_or(self.zoom);
        self.fits = false;
    }

    /// One pixel of the picture is one pixel of the screen.
    pub(super) fn actual_size(&mut self) {
        self.zoom = 1.0;
        self.fits = false;
    }

    /// Moves the picture by `by` points of the window, but never quite out of sight.
    pub(super) fn pan(&mut self, by: Vec2, picture: Extent, pixels_per_point: f32) {
        let by = by * pixels_per_point / self.zoom;
        self.center = PointF::new(
            (self.center.x - by.x).clamp(0.0, picture.width as f32),
            (self.center.y - by.y).clamp(0.0, picture.height as f32),
        );
        self.fits = false;
    }
}

/// The mapping between window and picture in one frame. The picture's corner lies on a whole
/// pixel of the screen, so that at 100 % every pixel is drawn as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ViewTransform {
    /// The part of the window that shows the picture.
    pub canvas: Rect,
    /// Physical pixels per point of the window.
    pub pixels_per_point: f32,
    /// Physical pixels per pixel of the picture.
    pub zoom: f32,
    /// Where the picture's corner lies, in physical pixels.
    origin: Vec2,
}

impl ViewTransform {
    /// The mapping that `view` asks for.
    pub(super) fn new(view: &View, canvas: Rect, pixels_per_point: f32) -> Self {
        let center = Vec2::new(view.center.x, view.center.y);
        let origin = (canvas.center().to_vec2() * pixels_per_point - center * view.zoom).round();
        Self {
            canvas,
            pixels_per_point,
            zoom: view.zoom,
            origin,
        }
    }

    /// The place in the picture under a position of the window.
    pub(super) fn image_from_view(&self, pos: Pos2) -> PointF {
        let at = (pos.to_vec2() * self.pixels_per_point - self.origin) / self.zoom;
        PointF::new(at.x, at.y)
    }

    /// Where a place of the picture lies in the window.
    pub(super) fn view_from_image(&self, point: PointF) -> Pos2 {
        let at = (Vec2::new(point.x, point.y) * self.zoom + self.origin) / self.pixels_per_point;
        pos2(at.x, at.y)
    }

    /// A length of the picture in points of the window.
    pub(super) fn view_from_image_length(&self, length_px: f32) -> f32 {
        length_px * self.zoom / self.pixels_per_point
    }

    /// Where a rectangle of the picture lies in the window.
    pub(super) fn view_rect(&self, rect: PixelRect) -> Rect {
        Rect::from_min_max(
            self.view_from_image(PointF::new(rect.x as f32, rect.y as f32)),
            self.view_from_image(PointF::new(rect.right() as f32, rect.bottom() as f32)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canvas() -> Rect {
        Rect::from_min_size(pos2(52.0, 44.0), Vec2::new(901.0, 633.0))
    }

    #[test]
    fn both_ways_are_inverse() {
        for zoom in [0.03, 0.5, 1.0, 1.5, 32.0] {
            for pixels_per_point in [1.0, 1.25, 2.0] {
                let view = View {
                    zoom,
                    center: PointF::new(1234.5, 77.25),
                    fits: false,
                };
                let transform = ViewTransform::new(&view, canvas(), pixels_per_point);
                for point in [
                    PointF::new(0.0, 0.0),
                    PointF::new(6000.0, 4000.0),
                    PointF::new(3.25, 900.5),
                ] {
                    let back = transform.image_from_view(transform.view_from_image(point));
                    assert!(
                        back.distance(point) < 0.05,
                        "{point:?} came back as {back:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let mut view = View {
            zoom: 0.4,
            center: PointF::new(900.0, 500.0),
            fits: true,
        };
        let pointer = pos2(300.0, 500.0);
        let offset = (pointer - canvas().center()) / view.zoom;
        let before = PointF::new(view.center.x + offset.x, view.center.y + offset.y);
        for factor in [1.3, 4.0, 0.1, 2.0, 7.0, 0.3, 16.0] {
            view.zoom_at(pointer, factor, canvas(), 1.0);
            let transform = ViewTransform::new(&view, canvas(), 1.0);
            let after = transform.image_from_view(pointer);
            let half_a_screen_pixel = 0.75 / view.zoom;
            assert!(
                before.distance(after) <= half_a_screen_pixel,
                "{before:?} moved to {after:?}"
            );
        }
    }

    #[test]
    fn at_full_size_pixels_meet_pixels() {
        let view = View {
            zoom: 1.0,
            center: PointF::new(33.3, 44.4),
            fits: false,
        };
        for pixels_per_point in [1.0, 1.5, 2.0] {
            let transform = ViewTransform::new(&view, canvas(), pixels_per_point);
            let at = transform.view_from_image(PointF::new(7.0, 9.0)) * pixels_per_point;
            assert!((at.x - at.x.round()).abs() < 1e-3 && (at.y - at.y.round()).abs() < 1e-3);
        }
    }

    #[test]
    fn a_fitted_picture_is_seen_whole() {
        let mut view = View::default();
        for extent in [
            Extent::new(512, 512),
            Extent::new(6000, 4000),
            Extent::new(10, 9000),
        ] {
            let mut free = canvas().shrink(24.0);
            free.min.y += 30.0;
            view.fit(extent, canvas(), free, 2.0);
            let transform = ViewTransform::new(&view, canvas(), 2.0);
            let seen = transform.view_rect(PixelRect::of(extent));
            assert!(free.expand(0.01).contains_rect(seen), "{seen} in {free}");
            assert!(
                seen.center().distance(free.center()) < 1.0,
                "{seen} in {free}"
            );
        }
    }

    #[test]
    fn steps_go_up_and_down_and_stop() {
        let mut view = View {
            zoom: 1.0,
            ..View::default()
        };
        view.zoom_step(true);
        assert_eq!(view.zoom, 1.5);
        view.zoom_step(false);
        view.zoom_step(false);
        assert_eq!(view.zoom, 0.67);
        view.zoom = 64.0;
        view.zoom_step(true);
        assert_eq!(view.zoom, 64.0);
    }
}
