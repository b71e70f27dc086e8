//! Exact Euclidean distances to the nearest pixel of a set.

use crate::geometry::Extent;

/// For each pixel of a plane the squared distance, centre to centre in pixels, to the nearest site,
/// and which site that is.
pub(super) struct NearestSites {
    /// Squared distances, row-major; infinite where there is no site at all.
    pub(super) squared: Vec<f32>,
    /// Row-major index of the nearest site; meaningless where the distance is infinite.
    pub(super) site: Vec<u32>,
}

const NONE: u32 = u32::MAX;

/// Computes [`NearestSites`] of the pixels for which `is_site` holds.
///
/// Two passes, linear in the number of pixels: the nearest site of each column, then for each row
/// the lower envelope of the parabolas rooted there. Felzenszwalb & Huttenlocher, "Distance
/// Transforms of Sampled Functions", Theory of Computing 8 (2012), section 2.
pub(super) fn nearest_sites(extent: Extent, is_site: &[bool]) -> NearestSites {
    let (width, height) = (extent.width as usize, extent.height as usize);
    let rows = nearest_row_in_column(width, height, is_site);
    let mut squared = vec![f32::INFINITY; extent.len()];
    let mut site = vec![0; extent.len()];
    let mut envelope = Envelope::with_capacity(width);
    let lines = rows
        .chunks_exact(width.max(1))
        .zip(squared.chunks_exact_mut(width.max(1)))
        .zip(site.chunks_exact_mut(width.max(1)));
    for (y, ((rows, squared), site)) in lines.enumerate() {
        envelope.build(y, rows);
        envelope.evaluate(|x, column, row, distance_squared| {
            if let (Some(squared), Some(site)) = (squared.get_mut(x), site.get_mut(x)) {
                *squared = distance_squared;
                *site = (row * width + column) as u32;
            }
        });
    }
    NearestSites { squared, site }
}

/// The row of the nearest site in the same column, or `NONE`.
fn nearest_row_in_column(width: usize, height: usize, is_site: &[bool]) -> Vec<u32> {
    let mut rows = vec![NONE; width * height];
    let mut last = vec![NONE; width];
    let lines = is_site
        .chunks_exact(width.max(1))
        .zip(rows.chunks_exact_mut(width.max(1)));
    for (y, (sites, rows)) in lines.enumerate() {
        for ((is_site, row), last) in sites.iter().zip(rows).zip(&mut last) {
            if *is_site {
                *last = y as u32;
            }
            *row = *last;
        }
    }
    last.fill(NONE);
    for (y, rows) in rows.chunks_exact_mut(width.max(1)).enumerate().rev() {
        for (row, last) in rows.iter_mut().zip(&mut last) {
            if *row == y as u32 {
                *last = y as u32;
            } else if *last != NONE && (*row == NONE || *last - (y as u32) < y as u32 - *row) {
                *row = *last;
            }
        }
    }
    rows
}

/// The lower envelope of parabolas `(x − column)² + height` of one row.
struct Envelope {
    width: usize,
    parabolas: Vec<Parabola>,
}

struct Parabola {
    column: usize,
    row: usize,
    height: f64,
    /// From this x on it is the lowest.
    from: f64,
}

impl Envelope {
    fn with_capacity(width: usize) -> Self {
        Self {
            width,
            parabolas: Vec::with_capacity(width),
        }
    }

    fn build(&mut self, y: usize, nearest_rows: &[u32]) {
        self.parabolas.clear();
        for (column, row) in nearest_rows.iter().enumerate() {
            if *row == NONE {
                continue;
            }
            let row = *row as usize;
            let height = (y.abs_diff(row) as f64).powi(2);
            let mut from = f64::NEG_INFINITY;
            while let Some(top) = self.parabolas.last() {
                let (p, q) = (top.column as f64, column as f64);
                from = ((height + q * q) - (top.height + p * p)) / (2.0 * (q - p));
                if from > top.from {
                    break;
                }
                self.parabolas.pop();
                from = f64::NEG_INFINITY;
            }
            self.parabolas.push(Parabola {
                column,
                row,
                height,
                from,
            });
        }
    }

    /// Calls `found` with x, and column, row and squared distance of its nearest site.
    fn evaluate(&self, mut found: impl FnMut(usize, usize, usize, f32)) {
        let mut lowest = self.parabolas.iter().peekable();
        let Some(mut current) = lowest.next() else {
            return;
        };
        for x in 0..self.width {
            while let Some(next) = lowest.next_if(|next| next.from <= x as f64) {
                current = next;
            }
            let squared = (x.abs_diff(current.column) as f64).powi(2) + current.height;
            found(x, current.column, current.row, squared as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn distances_equal_brute_force(
            (width, height, sites) in (1u32..24, 1u32..24).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), prop::collection::vec(prop::bool::weighted(0.08), (w * h) as usize))
            })
        ) {
            let extent = Extent::new(width, height);
            let found = nearest_sites(extent, &sites);
            let at = |i: usize| ((i % width as usize) as f32, (i / width as usize) as f32);
            for i in 0..extent.len() {
                let (x, y) = at(i);
                let to = |j: usize| { let (a, b) = at(j); (a - x).powi(2) + (b - y).powi(2) };
                let nearest = (0..extent.len()).filter(|j| sites[*j]).map(to).fold(f32::INFINITY, f32::min);
                prop_assert_eq!(found.squared[i], nearest);
                if nearest.is_finite() {
                    let site = found.site[i] as usize;
                    prop_assert!(sites[site]);
                    prop_assert_eq!(to(site), nearest);
                }
            }
        }
    }
}
