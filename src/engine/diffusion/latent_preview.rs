//! [`LatentPreview`]: a rough picture of a latent by one matrix from its channels to RGB.

use candle_core::Tensor;
use serde::Deserialize;

use crate::catalog::{LatentSpace, ModelFiles};
use crate::engine::EngineError;
use crate::engine::nn::tensors::{latent_pixels, reduced};
use crate::raster::RgbF32;

const FILE: &str = "preview.json";

/// Stable Diffusion 1 and 2, fitted by users torridgristle and others to −1…1,
/// <https://discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204/7>.
const STABLE_DIFFUSION: [[f32; 3]; 4] = [
    [0.3444, 0.1385, 0.0670],
    [0.1247, 0.4027, 0.1494],
    [-0.3192, 0.2513, 0.2103],
    [-0.1307, -0.1874, -0.7445],
];

/// Stable Diffusion XL, fitted by user StAlKeR7779 to −1…1 for InvokeAI.
const XL: [[f32; 3]; 4] = [
    [0.3816, 0.4930, 0.5320],
    [-0.3753, 0.1631, 0.1739],
    [0.1770, 0.3588, -0.2048],
    [-0.4350, -0.2644, -0.4289],
];

/// A linear map from the channels of a latent pixel to sRGB of 0…1.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct LatentPreview {
    /// One row a channel.
    #[serde(rename = "latent_to_rgb")]
    rows: Vec<[f32; 3]>,
    bias: [f32; 3],
}

impl LatentPreview {
    /// The map that lies beside the model, whose latents have so many channels, or the known one of its latent
    /// space. `None`: it has to be [`fitted`](Self::fitted).
    pub(crate) fn of_model(
        files: &ModelFiles,
        latent_channels: usize,
        space: Option<LatentSpace>,
    ) -> Result<Option<Self>, EngineError> {
        let refused = |why: String| EngineError::ModelFile {
            path: files.path(FILE),
            why: why.into(),
        };
        if files.contains(FILE) {
            let value: serde_json::Value = serde_json::from_slice(&files.read(FILE)?)
                .map_err(|error| refused(error.to_string()))?;
            // The file may hold defaults only.
            if value.get("latent_to_rgb").is_some() {
                let map: Self =
                    serde_json::from_value(value).map_err(|error| refused(error.to_string()))?;
                if map.rows.len() == latent_channels {
                    return Ok(Some(map));
                }
                let why = format!("latent_to_rgb has {} rows", map.rows.len());
                return Err(refused(why));
            }
        }
        let known = space.map(|space| match space {
            LatentSpace::StableDiffusion => Self::of_signed(&STABLE_DIFFUSION),
            LatentSpace::Xl => Self::of_signed(&XL),
        });
        Ok(known.filter(|map| map.rows.len() == latent_channels))
    }

    /// From a matrix to −1…1.
    fn of_signed(rows: &[[f32; 3]]) -> Self {
        Self {
            rows: rows.iter().map(|row| row.map(|v| v / 2.0)).collect(),
            bias: [0.5; 3],
        }
    }

    /// The map that takes `latent` to the picture it was encoded from with the least squared error.
    pub(crate) fn fitted(
        latent: &Tensor,
        picture: &RgbF32,
        factor: u32,
    ) -> Result<Self, EngineError> {
        let (_, values) = latent_pixels(latent)?;
        let channels = latent.dim(1)?;
        let small = reduced(picture, factor);
        // Unknowns: one row a channel and the bias. A x = b with A = Σ f fᵀ and b = Σ f rgbᵀ, where
        // f is a latent pixel followed by 1.
        let unknowns = channels + 1;
        let mut system = vec![vec![0.0f64; unknowns + 3]; unknowns];
        for (latent, rgb) in values.chunks_exact(channels).zip(&small.pixels) {
            let features = || latent.iter().copied().chain([1.0]).map(f64::from);
            for (row, f) in system.iter_mut().zip(features()) {
                let terms = features().chain(rgb.iter().copied().map(f64::from));
                for (cell, term) in row.iter_mut().zip(terms) {
                    *cell += f * term;
                }
            }
        }
        // A little weight on small rows, so that a picture of one colour has an answer, too.
        let ridge = 1e-3 * small.pixels.len() as f64;
        for (i, row) in system.iter_mut().enumerate() {
            if let Some(cell) = row.get_mut(i) {
                *cell += ridge;
            }
        }
        let solved = solve(system);
        let mut rows: Vec<[f32; 3]> = solved.iter().map(|row| row.map(|v| v as f32)).collect();
        let bias = rows.pop().unwrap_or([0.5; 3]);
        Ok(Self { rows, bias })
    }

    /// The picture of a clean latent (1, c, h, w), a pixel for each of its pixels.
    pub(crate) fn picture(&self, clean: &Tensor) -> Result<RgbF32, EngineError> {
        let (extent, values) = latent_pixels(clean)?;
        let pixel = |latent: &[f32]| {
            let mut rgb = self.bias;
            for (value, row) in latent.iter().zip(&self.rows) {
                for (channel, weight) in rgb.iter_mut().zip(row) {
                    *channel += value * weight;
                }
            }
            // A broken latent is reported by the run itself.
            rgb.map(|v| {
                if v.is_finite() {
                    v.clamp(0.0, 1.0)
                } else {
                    0.5
                }
            })
        };
        Ok(RgbF32 {
            extent,
            pixels: values
                .chunks_exact(self.rows.len().max(1))
                .map(pixel)
                .collect(),
        })
    }
}

/// Solves n equations for n unknowns and three right sides, which are the last three columns, by
/// elimination with pivots.
fn solve(mut system: Vec<Vec<f64>>) -> Vec<[f64; 3]> {
    let n = system.len();
    for column in 0..n {
        let size = |row: &usize| system[*row][column].abs();
        let pivot = (column..n).max_by(|a, b| size(a).total_cmp(&size(b)));
        system.swap(column, pivot.unwrap_or(column));
        let pivot_row = system[column].clone();
        for (i, row) in system.iter_mut().enumerate() {
            if i != column && pivot_row[column] != 0.0 {
                let share = row[column] / pivot_row[column];
                for (cell, above) in row.iter_mut().zip(&pivot_row) {
                    *cell -= share * above;
                }
            }
        }
    }
    let answer = |(i, row): (usize, &Vec<f64>)| {
        let of = |right: usize| {
            if row[i] == 0.0 {
                0.0
            } else {
                row[n + right] / row[i]
            }
        };
        [of(0), of(1), of(2)]
    };
    system.iter().enumerate().map(answer).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::engine::diffusion::noise::NoiseSource;
    use crate::geometry::Extent;

    #[test]
    fn a_linear_picture_is_fitted_exactly() {
        let map = LatentPreview::of_signed(&STABLE_DIFFUSION);
        let numbers = NoiseSource::new(3).initial(4 * 64);
        let numbers = numbers.into_iter().map(|v| v * 0.3).collect();
        let latent = Tensor::from_vec(numbers, (1, 4, 8, 8), &Device::Cpu).unwrap();
        let small = map.picture(&latent).unwrap();
        assert_eq!(small.extent, Extent::new(8, 8));
        // The same picture at twice the size, as if decoded.
        let large = RgbF32 {
            extent: Extent::new(16, 16),
            pixels: (0..256)
                .map(|i| small.pixels[i / 32 * 8 + i % 16 / 2])
                .collect(),
        };
        let fitted = LatentPreview::fitted(&latent, &large, 2).unwrap();
        let again = fitted.picture(&latent).unwrap();
        for (a, b) in again
            .pixels
            .iter()
            .flatten()
            .zip(small.pixels.iter().flatten())
        {
            assert!((a - b).abs() < 0.02, "{a} {b}");
        }
    }

    #[test]
    fn one_colour_everywhere_has_an_answer() {
        let latent = Tensor::zeros((1, 4, 2, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
        let grey = RgbF32::filled(Extent::new(8, 8), [0.25; 3]);
        let fitted = LatentPreview::fitted(&latent, &grey, 4).unwrap();
        let shown = fitted.picture(&latent).unwrap();
        assert!(
            shown
                .pixels
                .iter()
                .flatten()
                .all(|v| (v - 0.25).abs() < 1e-3)
        );
    }
}
