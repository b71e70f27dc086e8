//! The guided filter ([He et al. 2010](https://kaiminghe.github.io/eccv10/)) with a colour picture as guide: a plane
//! is made, window by window, a linear function of the picture's colours, so that its edges become theirs.

use super::area::Area;
use crate::raster::RgbF32;

/// The function of a pixel: what its red, green and blue are multiplied by, and what is added.
pub(super) type Coefficients = [f32; 4];

/// A guide with its means and covariances, for several planes.
pub(super) struct Guide<'a> {
    picture: &'a RgbF32,
    area: &'a Area,
    radius_px: usize,
    epsilon: f32,
    /// Of each window: means of r, g, b, then rr, rg, rb, gg, gb, bb.
    means: Vec<[f32; 9]>,
}

impl<'a> Guide<'a> {
    /// Windows reach `radius_px` to each side; `epsilon` is the variance below which a window is flat. Functions are
    /// whole where the area reaches another `radius_px` farther.
    pub(super) fn new(picture: &'a RgbF32, area: &'a Area, radius_px: usize, epsilon: f32) -> Self {
        let products = |at: usize| {
            let [r, g, b] = picture.pixels.get(at).copied().unwrap_or_default();
            [r, g, b, r * r, r * g, r * b, g * g, g * b, b * b]
        };
        Self {
            picture,
            area,
            radius_px,
            epsilon,
            means: area.box_means(radius_px, products),
        }
    }

    /// The functions that make `plane` of the guide; at each pixel the mean over the windows it is in.
    pub(super) fn fit(&self, plane: &[f32]) -> Vec<Coefficients> {
        let products = self.area.box_means(self.radius_px, |at| {
            let [r, g, b] = self.picture.pixels.get(at).copied().unwrap_or_default();
            let p = plane.get(at).copied().unwrap_or(0.0);
            [r * p, g * p, b * p, p]
        });
        let fitted = self.area.made(|at| {
            let products = products.get(at).copied().unwrap_or_default();
            let means = self.means.get(at);
            means.map_or([0.0; 4], |means| self.solve(means, products))
        });
        self.area.box_means(self.radius_px, |at| {
            fitted.get(at).copied().unwrap_or_default()
        })
    }

    /// Linear ridge regression in a window.
    fn solve(&self, means: &[f32; 9], [rp, gp, bp, p]: [f32; 4]) -> Coefficients {
        let [r, g, b, rr, rg, rb, gg, gb, bb] = *means;
        let (xx, yy, zz) = (
            rr - r * r + self.epsilon,
            gg - g * g + self.epsilon,
            bb - b * b + self.epsilon,
        );
        let (xy, xz, yz) = (rg - r * g, rb - r * b, gb - g * b);
        // The inverse of a symmetric matrix by its cofactors.
        let (c00, c01, c02) = (yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy);
        let (c11, c12, c22) = (xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy);
        let determinant = xx * c00 + xy * c01 + xz * c02;
        if determinant <= 0.0 {
            return [0.0, 0.0, 0.0, p];
        }
        let (u, v, w) = (rp - r * p, gp - g * p, bp - b * p);
        let by_red = (c00 * u + c01 * v + c02 * w) / determinant;
        let by_green = (c01 * u + c11 * v + c12 * w) / determinant;
        let by_blue = (c02 * u + c12 * v + c22 * w) / determinant;
        let added = p - by_red * r - by_green * g - by_blue * b;
        [by_red, by_green, by_blue, added]
    }
}

/// The value of a function at a colour.
pub(super) fn applied(
    [by_red, by_green, by_blue, added]: Coefficients,
    [r, g, b]: [f32; 3],
) -> f32 {
    by_red * r + by_green * g + by_blue * b + added
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;

    #[test]
    fn a_plane_that_is_a_function_of_the_colours_is_found_again() {
        let extent = Extent::new(50, 40);
        let pixels: Vec<[f32; 3]> = (0..extent.len())
            .map(|i| [0.1f32, 0.23, 0.37].map(|f| (i as f32 * f).sin() * 0.5 + 0.5))
            .collect();
        let of = |[r, g, b]: [f32; 3]| 0.5 * r - 0.25 * g + 0.125 * b + 0.3;
        let plane: Vec<f32> = pixels.iter().map(|pixel| of(*pixel)).collect();
        let picture = RgbF32 { extent, pixels };
        let area = Area::around(extent, 0, |_| true);
        let fitted = Guide::new(&picture, &area, 4, 1e-6).fit(&plane);
        for (coefficients, pixel) in fitted.iter().zip(&picture.pixels) {
            assert!((applied(*coefficients, *pixel) - of(*pixel)).abs() < 2e-3);
        }
    }

    #[test]
    fn a_blurred_edge_becomes_that_of_the_guide() {
        let extent = Extent::new(64, 16);
        let is_right = |i: usize| i % 64 >= 30;
        let picture = RgbF32 {
            extent,
            pixels: (0..extent.len())
                .map(|i| {
                    if is_right(i) {
                        [0.9, 0.5, 0.1]
                    } else {
                        [0.2, 0.4, 0.6]
                    }
                })
                .collect(),
        };
        let blurred: Vec<f32> = (0..extent.len())
            .map(|i| ((i % 64) as f32 - 26.0).clamp(0.0, 8.0) / 8.0)
            .collect();
        let area = Area::around(extent, 0, |_| true);
        let fitted = Guide::new(&picture, &area, 6, 1e-5).fit(&blurred);
        let value = |x: usize| applied(fitted[8 * 64 + x], picture.pixels[8 * 64 + x]);
        assert!(value(31) - value(28) > 0.6, "{} {}", value(28), value(31));
        assert!(blurred[31] - blurred[28] < 0.4);
    }
}
