//! Details of the original that a model cannot see, laid over its enlarged result.
//!
//! A model is shown a picture smaller than it is, and its autoencoder loses more. With O the
//! original, o the original at work size, R the round trip of o through the autoencoder, Y the
//! result, all but O at work size, and U enlargement, what is shown is
//!
//! > O + (U(Y′) − U(o)) − k · (O − U(o)),  Y′ = Y + (1 − k) · (o − R) + s · (g · R₁ − Y₁),  k = 1 − s · g
//!
//! s (0…1) being the share of the details that is kept: 1 where the result has the structure of the
//! round trip, 0 where it has another; g its contrast against that of the round trip. Where Y = R
//! this is O, bit for bit.
//!
//! R₁ and Y₁ are the finest band at work size. A contour that a model draws again lies half a pixel
//! beside the old one; with details of the old one over it there are two. So where structure is
//! kept, the finest band is that of the round trip too, at the result's contrast: locally, the
//! result is a linear function of the original, as in joint upsampling with a guided filter
//! (He, Sun and Tang 2013).
//!
//! Structure is compared by local normalised correlation, so that a wall at night keeps its windows
//! although all its numbers have changed. Three sizes of structure are looked at; what is finer
//! follows the verdicts on what is coarser, and what was lost by size follows all of them. Colour
//! edges count as well, by their place and not their hue: a dress of another colour keeps its
//! folds. The colour of details is let go where hues have changed.

use super::settings::KeepDetails;
use crate::geometry::Extent;
use crate::raster::RgbF32;

/// Below this variance there is no structure to speak of: four levels of 255, squared.
const NOISE: f32 = 16.0 / (255.0 * 255.0);
/// Weights of red, green and blue in luma.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];
/// What is looked at, each as sigmas in work pixels: structure is what the first Gaussian takes
/// away, and it is compared under the second. The same structure over a larger part tells chance
/// from likeness; the last tells whether the same thing is there at all.
const FINE: (f32, f32) = (3.0, 2.0);
const AROUND: (f32, f32) = (3.0, 5.0);
const COARSE: (f32, f32) = (10.0, 6.0);
/// Under this Gaussian, in work pixels, likeness must be more than the little that chance gives: an
/// island of it where all else is something else is none.
const COMPANY: f32 = 16.0;
/// From where to where the share of structure that is alike in such a part counts: where the model may imagine little,
/// and where it may imagine much. Much that is alike after a strong edit is likely the same thing, little is chance.
const COMPANY_SHARES: [(f32, f32); 2] = [(0.15, 0.35), (0.35, 0.65)];
/// Strengths up to which the first holds, and from which on the second.
const COMPANY_STRENGTHS: (f32, f32) = (0.4, 0.5);
/// What this Gaussian takes away is the finest band at work size, in work pixels.
const FINEST: f32 = 1.5;
/// Contrast of details grows with that of the result, up to here.
const MOST_GAIN: f32 = 1.15;

/// From where to where a correlation counts as likeness. All ends lie below 0.7, the least that
/// a picture has with itself, so that nothing is let go where nothing has changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Likeness {
    fine: (f32, f32),
    around: (f32, f32),
    coarse: (f32, f32),
    edges: (f32, f32),
    hues: (f32, f32),
    company: (f32, f32),
}

impl Likeness {
    /// What is asked for after an edit of that strength.
    pub(super) fn of(keep: KeepDetails, strength: f64) -> Self {
        let [little, much] = COMPANY_SHARES;
        let (from, to) = COMPANY_STRENGTHS;
        let share = ((strength as f32 - from) / (to - from)).clamp(0.0, 1.0);
        let between = |a: f32, b: f32| a + share * (b - a);
        match keep {
            KeepDetails::Off | KeepDetails::Auto => Self {
                fine: (0.15, 0.5),
                around: (0.15, 0.4),
                coarse: (0.15, 0.45),
                edges: (0.05, 0.45),
                hues: (0.1, 0.6),
                company: (between(little.0, much.0), between(little.1, much.1)),
            },
            KeepDetails::More => Self {
                fine: (0.1, 0.45),
                around: (0.15, 0.4),
                coarse: (0.1, 0.35),
                edges: (0.0, 0.4),
                hues: (0.1, 0.6),
                company: little,
            },
        }
    }
}

/// What is needed beside the original to keep its details, all at work size.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Details {
    /// The result with what the autoencoder lost put back.
    pub(super) result: RgbF32,
    /// The share of details that is let go: of their luma, of their colour, and 0.
    pub(super) let_go: RgbF32,
}

impl Details {
    /// Compares the result with the round trip of the original; all have the same size. `region` is 1
    /// where the result may differ and 0 elsewhere ([`EngineMask::region`](super::EngineMask)); `None`:
    /// it may everywhere.
    pub(super) fn new(
        original: &RgbF32,
        round_trip: &RgbF32,
        result: &RgbF32,
        region: Option<&[f32]>,
        likeness: Likeness,
    ) -> Self {
        let extent = original.extent;
        let (before, after) = (Channels::of(round_trip), Channels::of(result));
        let kept = kept(&before, &after, region, likeness);
        let let_go: Vec<[f32; 3]> = kept.iter().map(Kept::let_go).collect();
        let fines = finest(round_trip).into_iter().zip(finest(result));
        let pixels = result.pixels.iter().zip(&round_trip.pixels);
        let pixels = pixels.zip(&original.pixels).zip(&let_go);
        let pixels = pixels.zip(fines.zip(&kept));
        let pixels = pixels
            .map(|((((y, r), o), k), ((fine_r, fine_y), kept))| {
                let [r, g, b] = detailed(*o, *y, *r, *k);
                let [by_r, by_g, by_b] = kept.exchange(fine_r, fine_y);
                [r + by_r, g + by_g, b + by_b]
            })
            .collect();
        Self {
            result: RgbF32 { extent, pixels },
            let_go: RgbF32 {
                extent,
                pixels: let_go,
            },
        }
    }
}

/// What is kept of the details at a pixel.
#[derive(Debug, Clone, Copy)]
struct Kept {
    /// The share of them, 0…1.
    share: f32,
    /// The share of that which colours have, 0…1.
    of_hues: f32,
    /// Contrast of the result over that of the round trip.
    gain: f32,
}

impl Kept {
    /// The shares of luma and of colour that are let go, and 0.
    fn let_go(&self) -> [f32; 3] {
        let luma = self.share * self.gain;
        [1.0 - luma, 1.0 - luma * self.of_hues, 0.0]
    }

    /// What makes a band of the result that of the round trip, as far as it is kept.
    fn exchange(&self, before: [f32; 3], after: [f32; 3]) -> [f32; 3] {
        let [b_r, b_g, b_b] = before.map(|v| v * self.gain);
        let [a_r, a_g, a_b] = after;
        let change = [b_r - a_r, b_g - a_g, b_b - a_b];
        let luma = luma(change);
        change.map(|v| self.share * (luma + self.of_hues * (v - luma)))
    }
}

/// The finest band of a picture.
fn finest(picture: &RgbF32) -> Vec<[f32; 3]> {
    let plane = |value: fn(&[f32; 3]) -> f32| {
        let values: Vec<f32> = picture.pixels.iter().map(value).collect();
        blurred(&values, picture.extent, FINEST)
    };
    let (reds, greens, blues) = (plane(|p| p[0]), plane(|p| p[1]), plane(|p| p[2]));
    let pixels = picture
        .pixels
        .iter()
        .zip(reds)
        .zip(greens.into_iter().zip(blues));
    pixels
        .map(|(([r, g, b], smooth_r), (smooth_g, smooth_b))| {
            [r - smooth_r, g - smooth_g, b - smooth_b]
        })
        .collect()
}

/// `original + (result − seen) − let_go · (original − seen)`, luma and colour each with its own
/// share. Where `result` is `seen` and nothing is let go, exactly `original`.
pub(super) fn detailed(
    original: [f32; 3],
    result: [f32; 3],
    seen: [f32; 3],
    let_go: [f32; 3],
) -> [f32; 3] {
    let [of_luma, of_colour, _] = let_go.map(|k| k.clamp(1.0 - MOST_GAIN, 1.0));
    let [o_r, o_g, o_b] = original;
    let [y_r, y_g, y_b] = result;
    let [s_r, s_g, s_b] = seen;
    let lost = [o_r - s_r, o_g - s_g, o_b - s_b];
    let luma = luma(lost);
    let channel = |o: f32, y: f32, s: f32, lost: f32| {
        o + (y - s) - (of_luma * luma + of_colour * (lost - luma))
    };
    let [l_r, l_g, l_b] = lost;
    [
        channel(o_r, y_r, s_r, l_r),
        channel(o_g, y_g, s_g, l_g),
        channel(o_b, y_b, s_b, l_b),
    ]
}

fn luma([r, g, b]: [f32; 3]) -> f32 {
    let [weight_r, weight_g, weight_b] = LUMA;
    weight_r * r + weight_g * g + weight_b * b
}

/// A picture as luma and two differences of colour.
struct Channels {
    extent: Extent,
    luma: Vec<f32>,
    blue: Vec<f32>,
    red: Vec<f32>,
}

impl Channels {
    fn of(picture: &RgbF32) -> Self {
        let each = |value: fn([f32; 3]) -> f32| picture.pixels.iter().map(|p| value(*p)).collect();
        Self {
            extent: picture.extent,
            luma: each(luma),
            blue: each(|p| p[2] - luma(p)),
            red: each(|p| p[0] - luma(p)),
        }
    }

    /// What a Gaussian takes away.
    fn structure(&self, sigma: f32) -> Self {
        let of = |values: &[f32]| {
            let smooth = blurred(values, self.extent, sigma);
            values.iter().zip(&smooth).map(|(v, s)| v - s).collect()
        };
        Self {
            extent: self.extent,
            luma: of(&self.luma),
            blue: of(&self.blue),
            red: of(&self.red),
        }
    }
}

/// Local sums of products of structure.
struct Products {
    common: Vec<f32>,
    before: Vec<f32>,
    after: Vec<f32>,
}

impl Products {
    fn new(before: &[f32], after: &[f32], extent: Extent, window: f32) -> Self {
        Self {
            common: product(before, after, extent, window),
            before: product(before, before, extent, window),
            after: product(after, after, extent, window),
        }
    }

    fn each(&self) -> impl Iterator<Item = (f32, f32, f32)> {
        let pairs = self.common.iter().zip(&self.before).zip(&self.after);
        pairs.map(|((common, before), after)| (*common, *before, *after))
    }
}

fn product(a: &[f32], b: &[f32], extent: Extent, window: f32) -> Vec<f32> {
    let products: Vec<f32> = a.iter().zip(b).map(|(a, b)| a * b).collect();
    blurred(&products, extent, window)
}

/// Correlation, −1…1; where there is no structure, likeness.
fn correlation(common: f32, before: f32, after: f32) -> f32 {
    let alike = (common + NOISE / 2.0) / ((before + NOISE) * (after + NOISE)).sqrt();
    if before < NOISE && after < NOISE {
        alike.max(0.75)
    } else {
        alike
    }
}

/// What is kept, pixel by pixel.
fn kept(
    before: &Channels,
    after: &Channels,
    region: Option<&[f32]>,
    likeness: Likeness,
) -> Vec<Kept> {
    let extent = before.extent;
    let mut kept = vec![1.0f32; extent.len()];
    for ((sigma, window), range) in [(AROUND, likeness.around), (COARSE, likeness.coarse)] {
        let (b, a) = (before.structure(sigma), after.structure(sigma));
        let lumas = Products::new(&b.luma, &a.luma, extent, window);
        for (kept, (common, before, after)) in kept.iter_mut().zip(lumas.each()) {
            *kept *= share(correlation(common, before, after), range);
        }
    }
    let (sigma, window) = FINE;
    let (before, after) = (before.structure(sigma), after.structure(sigma));
    let lumas = Products::new(&before.luma, &after.luma, extent, window);
    let colours = colour_likeness(&before, &after, window);
    let pixels = lumas.each().zip(colours).zip(kept);
    let kept: Vec<Kept> = pixels
        .map(|(((common, before, after), (edges, hues)), kept)| {
            let fine = share(correlation(common, before, after), likeness.fine);
            Kept {
                share: kept * fine * share(edges, likeness.edges),
                of_hues: share(hues, likeness.hues),
                gain: ((after + NOISE) / (before + NOISE)).sqrt().min(MOST_GAIN),
            }
        })
        .collect();
    let mut structure: Vec<f32> = lumas.each().map(|(_, b, a)| b + a).collect();
    // What may not differ is alike whatever was drawn, and says nothing of what lies beside it.
    for (structure, differs) in structure.iter_mut().zip(region.unwrap_or_default()) {
        *structure *= differs;
    }
    let counts = region.map(|region| blurred(region, extent, COMPANY));
    without_islands(
        kept,
        (&structure, counts.as_deref()),
        likeness.company,
        extent,
    )
}

/// Lets go what is alike where little else around it is. `structure` is how much there is to compare,
/// `counts` the share of a part of that size in which something is; `None`: all of it.
fn without_islands(
    mut kept: Vec<Kept>,
    (structure, counts): (&[f32], Option<&[f32]>),
    shares: (f32, f32),
    extent: Extent,
) -> Vec<Kept> {
    let alike: Vec<f32> = kept
        .iter()
        .zip(structure)
        .map(|(kept, structure)| kept.share * structure)
        .collect();
    let alike = blurred(&alike, extent, COMPANY);
    let all = blurred(structure, extent, COMPANY);
    let counts = counts.unwrap_or_default().iter().copied();
    let counts = counts.chain(std::iter::repeat(1.0));
    for (kept, ((alike, all), counts)) in kept.iter_mut().zip(alike.iter().zip(&all).zip(counts)) {
        let noise = NOISE * counts.max(f32::EPSILON);
        kept.share *= share((alike + noise) / (all + noise), shares);
    }
    kept
}

/// How alike colour edges are, pixel by pixel: by their place alone, whatever their hues, and by
/// their hues too.
///
/// The first compares the 2 × 2 matrices of products by their Frobenius norms, which no rotation of
/// hues changes.
fn colour_likeness(before: &Channels, after: &Channels, window: f32) -> Vec<(f32, f32)> {
    let of = |a: &[f32], b: &[f32]| product(a, b, before.extent, window);
    let matrix = |a: &Channels, b: &Channels| {
        let (blues, reds) = (of(&a.blue, &b.blue), of(&a.red, &b.red));
        let (blue_red, red_blue) = (of(&a.blue, &b.red), of(&a.red, &b.blue));
        let entries = blues
            .into_iter()
            .zip(reds)
            .zip(blue_red.into_iter().zip(red_blue));
        let trace_and_norm = |((bb, rr), (br, rb)): ((f32, f32), (f32, f32))| {
            let norm = (bb * bb + rr * rr + br * br + rb * rb).sqrt();
            (bb + rr, norm)
        };
        entries.map(trace_and_norm).collect::<Vec<_>>()
    };
    let (common, b, a) = (
        matrix(before, after),
        matrix(before, before),
        matrix(after, after),
    );
    let pixels = common.into_iter().zip(b).zip(a);
    pixels
        .map(|((common, b), a)| {
            let hues = correlation(common.0, b.0, a.0);
            let mut edges = correlation(common.1, b.1, a.1);
            if b.0 < NOISE && a.0 < NOISE {
                edges = edges.max(0.75);
            }
            (edges, hues)
        })
        .collect()
}

/// 0 up to the first correlation, 1 from the second on.
fn share(correlation: f32, (from, to): (f32, f32)) -> f32 {
    smooth_step((correlation - from) / (to - from))
}

/// 0 up to 0, 1 from 1 on, 3 x² − 2 x³ between.
fn smooth_step(x: f32) -> f32 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// A Gaussian blur; the picture goes on with its border pixels.
fn blurred(values: &[f32], extent: Extent, sigma: f32) -> Vec<f32> {
    let radius = (sigma * 3.0).ceil() as usize;
    let weights: Vec<f32> = (0..=radius)
        .map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp())
        .collect();
    let sum = 2.0 * weights.iter().sum::<f32>() - 1.0;
    let weights: Vec<f32> = weights.iter().map(|w| w / sum).collect();
    let across = blurred_rows(values, extent.width as usize, &weights);
    let turned = transposed(&across, extent.width as usize);
    let down = blurred_rows(&turned, extent.height as usize, &weights);
    transposed(&down, extent.height as usize)
}

fn blurred_rows(values: &[f32], width: usize, weights: &[f32]) -> Vec<f32> {
    let radius = weights.len().saturating_sub(1);
    let mut result = Vec::with_capacity(values.len());
    let mut padded = Vec::with_capacity(width + 2 * radius);
    for row in values.chunks_exact(width.max(1)) {
        let (Some(first), Some(last)) = (row.first(), row.last()) else {
            continue;
        };
        padded.clear();
        padded.extend(std::iter::repeat_n(*first, radius));
        padded.extend_from_slice(row);
        padded.extend(std::iter::repeat_n(*last, radius));
        result.extend(padded.windows(2 * radius + 1).map(|window| {
            let centre = window.get(radius).copied().unwrap_or_default();
            let mut sum = centre * weights.first().copied().unwrap_or_default();
            let pairs = window.iter().zip(window.iter().rev());
            for ((left, right), weight) in pairs.zip(weights.iter().skip(1).rev()) {
                sum += (left + right) * weight;
            }
            sum
        }));
    }
    result
}

fn transposed(values: &[f32], width: usize) -> Vec<f32> {
    (0..width)
        .flat_map(|x| values.iter().skip(x).step_by(width.max(1)).copied())
        .collect()
}

#[cfg(test)]
#[path = "details_tests.rs"]
mod tests;
