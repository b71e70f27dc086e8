//! The guided filter ([He et al. 2010](https://kaiminghe.github.io/eccv10/)) with a colour picture as guide: a plane
//! is made, window by window, a linear function of the picture's colours, so that its edges become theirs.

use rayon::prelude::*;

use crate::raster::RgbF32;

/// Rows of a task.
const STRIPE: usize = 32;

/// The function of a pixel: what its red, green and blue are multiplied by, and what is added.
pub(super) type Coefficients = [f32; 4];

/// A guide with its means and covariances, for several planes.
pub(super) struct Guide<'a> {
    picture: &'a RgbF32,
    radius_px: usize,
    epsilon: f32,
    /// Of each window: means of r, g, b, then rr, rg, rb, gg, gb, bb.
    means: Vec<[f32; 9]>,
}

impl<'a> Guide<'a> {
    /// Windows reach `radius_px` to each side; `epsilon` is the variance below which a window is flat.
    pub(super) fn new(picture: &'a RgbF32, radius_px: usize, epsilon: f32) -> Self {
        let products =
            |[r, g, b]: &[f32; 3]| [*r, *g, *b, r * r, r * g, r * b, g * g, g * b, b * b];
        let numbers: Vec<[f32; 9]> = picture.pixels.par_iter().map(products).collect();
        Self {
            picture,
            radius_px,
            epsilon,
            means: box_means(&numbers, picture.extent.width as usize, radius_px),
        }
    }

    /// The functions that make `plane` of the guide; at each pixel the mean over the windows it is in.
    pub(super) fn fit(&self, plane: &[f32]) -> Vec<Coefficients> {
        let width = self.picture.extent.width as usize;
        let pixels = self.picture.pixels.par_iter().zip(plane);
        let products = pixels.map(|([r, g, b], p)| [r * p, g * p, b * p, *p]);
        let products: Vec<[f32; 4]> = products.collect();
        let products = box_means(&products, width, self.radius_px);
        let windows = self.means.par_iter().zip(products);
        let fitted = windows.map(|(means, products)| self.solve(means, products));
        let fitted: Vec<Coefficients> = fitted.collect();
        box_means(&fitted, width, self.radius_px)
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

/// Means over squares of 2 × `radius` + 1 pixels, cut at the borders. Sums slide along and are kept in f64:
/// covariances are small differences of them.
fn box_means<const N: usize>(numbers: &[[f32; N]], width: usize, radius: usize) -> Vec<[f32; N]> {
    let mut means = vec![[0f32; N]; numbers.len()];
    if width == 0 {
        return means;
    }
    let rows: Vec<&[[f32; N]]> = numbers.chunks_exact(width).collect();
    let stripes = means.par_chunks_mut(STRIPE * width).enumerate();
    stripes.for_each(|(stripe, means)| {
        let first = stripe * STRIPE;
        let mut columns = vec![[0f64; N]; width];
        let before = rows
            .iter()
            .take(first + radius)
            .skip(first.saturating_sub(radius));
        before.for_each(|row| change(&mut columns, row, 1.0));
        for (y, means) in (first..).zip(means.chunks_exact_mut(width)) {
            if let Some(entering) = rows.get(y + radius) {
                change(&mut columns, entering, 1.0);
            }
            let leaving = y.checked_sub(radius + 1).filter(|_| y > first);
            if let Some(leaving) = leaving.and_then(|leaving| rows.get(leaving)) {
                change(&mut columns, leaving, -1.0);
            }
            let count = (y + radius + 1).min(rows.len()) - y.saturating_sub(radius);
            slide(&columns, radius, count, means);
        }
    });
    means
}

fn change<const N: usize>(columns: &mut [[f64; N]], row: &[[f32; N]], sign: f64) {
    for (sums, values) in columns.iter_mut().zip(row) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += sign * f64::from(*value);
        }
    }
}

/// A row of means from the sums of its columns, each over `rows` pixels.
fn slide<const N: usize>(columns: &[[f64; N]], radius: usize, rows: usize, means: &mut [[f32; N]]) {
    let mut window = [0f64; N];
    let add = |window: &mut [f64; N], column: Option<&[f64; N]>, sign: f64| {
        for (sum, value) in window.iter_mut().zip(column.into_iter().flatten()) {
            *sum += sign * value;
        }
    };
    for column in columns.iter().take(radius) {
        add(&mut window, Some(column), 1.0);
    }
    for (x, mean) in means.iter_mut().enumerate() {
        add(&mut window, columns.get(x + radius), 1.0);
        let leaving = x.checked_sub(radius + 1);
        add(&mut window, leaving.and_then(|at| columns.get(at)), -1.0);
        let across = (x + radius + 1).min(columns.len()) - x.saturating_sub(radius);
        let share = 1.0 / (rows * across) as f64;
        *mean = window.map(|sum| (sum * share) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;

    #[test]
    fn box_means_agree_with_their_definition() {
        for (width, height, radius) in [
            (7usize, 5usize, 2usize),
            (40, 70, 3),
            (3, 2, 9),
            (1, 100, 1),
        ] {
            let numbers: Vec<[f32; 1]> = (0..width * height)
                .map(|i| [(i as f32 * 0.737).sin()])
                .collect();
            let means = box_means(&numbers, width, radius);
            for (at, [mean]) in means.iter().enumerate() {
                let (x, y) = (at % width, at / width);
                let (mut sum, mut count) = (0f64, 0.0);
                for row in y.saturating_sub(radius)..(y + radius + 1).min(height) {
                    for column in x.saturating_sub(radius)..(x + radius + 1).min(width) {
                        sum += f64::from(numbers[row * width + column][0]);
                        count += 1.0;
                    }
                }
                assert!((f64::from(*mean) - sum / count).abs() < 1e-6, "{at}");
            }
        }
    }

    #[test]
    fn a_plane_that_is_a_function_of_the_colours_is_found_again() {
        let extent = Extent::new(50, 40);
        let pixels: Vec<[f32; 3]> = (0..extent.len())
            .map(|i| [0.1f32, 0.23, 0.37].map(|f| (i as f32 * f).sin() * 0.5 + 0.5))
            .collect();
        let of = |[r, g, b]: [f32; 3]| 0.5 * r - 0.25 * g + 0.125 * b + 0.3;
        let plane: Vec<f32> = pixels.iter().map(|pixel| of(*pixel)).collect();
        let picture = RgbF32 { extent, pixels };
        let fitted = Guide::new(&picture, 4, 1e-6).fit(&plane);
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
        let fitted = Guide::new(&picture, 6, 1e-5).fit(&blurred);
        let value = |x: usize| applied(fitted[8 * 64 + x], picture.pixels[8 * 64 + x]);
        assert!(value(31) - value(28) > 0.6, "{} {}", value(28), value(31));
        assert!(blurred[31] - blurred[28] < 0.4);
    }
}
