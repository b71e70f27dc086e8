//! Which colours are inside and which outside: a mixture of a few Gaussians each, as in GrabCut (Rother,
//! Kolmogorov & Blake, “GrabCut: Interactive Foreground Extraction using Iterated Graph Cuts”, SIGGRAPH 2004).

/// Gaussians of a mixture; as published.
const PARTS: usize = 5;
/// Rounds in which samples find their Gaussian.
const ROUNDS: usize = 8;
/// Least variance along each axis: differences smaller than this are not seen.
const LEAST_VARIANCE: f32 = 4.0;

/// A colour in OKLab, times 100.
pub(super) type Colour = [f32; 3];

/// How likely colours are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mixture(Vec<Gaussian>);

#[derive(Debug, Clone, PartialEq)]
struct Gaussian {
    mean: Colour,
    /// The inverse of the covariance: xx, xy, xz, yy, yz, zz.
    inverse: [f32; 6],
    /// −ln of its weight and of its height.
    least_cost: f32,
}

impl Mixture {
    /// The mixture of samples; `None` where there are none.
    pub(super) fn of(samples: &[Colour]) -> Option<Self> {
        let groups = grouped(samples);
        let all = samples.len() as f32;
        let gaussians: Vec<Gaussian> = (0..PARTS)
            .filter_map(|part| {
                let members = samples.iter().zip(&groups);
                let members = members.filter(|(_, group)| usize::from(**group) == part);
                let members: Vec<Colour> = members.map(|(colour, _)| *colour).collect();
                Gaussian::of(&members, members.len() as f32 / all)
            })
            .collect();
        (!gaussians.is_empty()).then_some(Self(gaussians))
    }

    /// −ln of how likely a colour is, by the Gaussian that explains it best.
    pub(super) fn cost(&self, colour: Colour) -> f32 {
        let costs = self.0.iter().map(|gaussian| gaussian.cost(colour));
        costs.fold(f32::INFINITY, f32::min)
    }
}

impl Gaussian {
    fn of(members: &[Colour], weight: f32) -> Option<Self> {
        if members.is_empty() {
            return None;
        }
        let share = 1.0 / members.len() as f32;
        let mean = mean(members.iter())?;
        let mut sums = [0f32; 6];
        for [x, y, z] in members {
            let (x, y, z) = (x - mean[0], y - mean[1], z - mean[2]);
            let products = [x * x, x * y, x * z, y * y, y * z, z * z];
            for (sum, product) in sums.iter_mut().zip(products) {
                *sum += product * share;
            }
        }
        let [xx, xy, xz, yy, yz, zz] = sums;
        let [xx, yy, zz] = [xx, yy, zz].map(|variance| variance + LEAST_VARIANCE);
        // The inverse of a symmetric matrix by its cofactors.
        let (cxx, cxy, cxz) = (yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy);
        let (cyy, cyz, czz) = (xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy);
        let determinant = (xx * cxx + xy * cxy + xz * cxz).max(f32::MIN_POSITIVE);
        let inverse = [cxx, cxy, cxz, cyy, cyz, czz].map(|cofactor| cofactor / determinant);
        let height = 0.5 * determinant.ln();
        Some(Self {
            mean,
            inverse,
            least_cost: height - weight.max(f32::MIN_POSITIVE).ln(),
        })
    }

    fn cost(&self, [x, y, z]: Colour) -> f32 {
        let [mx, my, mz] = self.mean;
        let (x, y, z) = (x - mx, y - my, z - mz);
        let [xx, xy, xz, yy, yz, zz] = self.inverse;
        let squares = xx * x * x + yy * y * y + zz * z * z;
        let mixed = xy * x * y + xz * x * z + yz * y * z;
        self.least_cost + 0.5 * squares + mixed
    }
}

fn mean<'a>(colours: impl Iterator<Item = &'a Colour>) -> Option<Colour> {
    let (mut sums, mut count) = ([0f64; 3], 0f64);
    for colour in colours {
        for (sum, value) in sums.iter_mut().zip(colour) {
            *sum += f64::from(*value);
        }
        count += 1.0;
    }
    (count > 0.0).then(|| sums.map(|sum| (sum / count) as f32))
}

/// The group of each sample: k-means, begun with samples from dark to light.
fn grouped(samples: &[Colour]) -> Vec<u8> {
    let mut by_light: Vec<&Colour> = samples.iter().collect();
    by_light.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let first = |part: usize| {
        let at = (2 * part + 1) * by_light.len() / (2 * PARTS);
        by_light.get(at).copied().copied().unwrap_or_default()
    };
    let mut means: [Colour; PARTS] = std::array::from_fn(first);
    let mut groups = vec![0u8; samples.len()];
    for _ in 0..ROUNDS {
        for (group, colour) in groups.iter_mut().zip(samples) {
            let distance = |mean: &Colour| -> f32 {
                let axes = mean.iter().zip(colour);
                axes.map(|(a, b)| (a - b) * (a - b)).sum()
            };
            let nearest = means
                .iter()
                .map(distance)
                .enumerate()
                .min_by(|a, b| a.1.total_cmp(&b.1));
            *group = nearest.map_or(0, |(part, _)| part as u8);
        }
        for (part, slot) in means.iter_mut().enumerate() {
            let members = samples.iter().zip(&groups);
            let members = members.filter(|(_, group)| usize::from(**group) == part);
            *slot = mean(members.map(|(colour, _)| colour)).unwrap_or(*slot);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(centre: Colour, spread: f32, count: usize) -> Vec<Colour> {
        let wave = |at: usize, by: f32| (at as f32 * by).sin() * spread;
        (0..count)
            .map(|at| {
                let [x, y, z] = centre;
                [x + wave(at, 1.1), y + wave(at, 2.3), z + wave(at, 0.7)]
            })
            .collect()
    }

    #[test]
    fn colours_that_were_seen_are_likely() {
        let mut samples = cloud([30.0, 10.0, 5.0], 4.0, 300);
        samples.extend(cloud([70.0, -5.0, -20.0], 3.0, 100));
        let mixture = Mixture::of(&samples).unwrap();
        let cost = |colour| mixture.cost(colour);
        assert!(cost([31.0, 9.0, 5.0]) + 8.0 < cost([50.0, 0.0, 0.0]));
        assert!(cost([70.0, -5.0, -20.0]) + 8.0 < cost([90.0, 0.0, 0.0]));
        assert!(cost([30.0, 10.0, 5.0]) < cost([70.0, -5.0, -20.0]) + 3.0);
    }

    #[test]
    fn one_sample_is_enough_and_none_is_not() {
        let mixture = Mixture::of(&[[50.0, 0.0, 0.0]]).unwrap();
        assert!(mixture.cost([50.0, 0.0, 0.0]).is_finite());
        assert!(mixture.cost([50.0, 0.0, 0.0]) < mixture.cost([60.0, 0.0, 0.0]));
        assert_eq!(Mixture::of(&[]), None);
    }
}
