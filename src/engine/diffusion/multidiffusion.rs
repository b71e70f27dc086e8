//! [`TiledUnet`]: a latent larger than the model takes at once, tile by tile.

use candle_core::Tensor;

use super::classifier_free_guidance::GuidedUnet;
use super::denoise::Predictor;
use crate::engine::{EngineError, Progress};
use crate::geometry::Rect;

/// The tiles are denoised together: in each step each of them is predicted by itself, and where they
/// overlap their predictions are averaged (MultiDiffusion,
/// [Bar-Tal et al. 2023](https://arxiv.org/abs/2302.08113), equation 5). The noise is one field for
/// all of them, so the result does not depend on their order.
#[derive(Debug)]
pub(crate) struct TiledUnet<'a> {
    unet: GuidedUnet<'a>,
    tiles: Vec<Tile>,
}

#[derive(Debug)]
struct Tile {
    /// In latent pixels.
    place: Rect,
    /// How much each of its pixels counts, row-major.
    weights: Vec<f32>,
}

impl<'a> TiledUnet<'a> {
    /// The tiles at `places` of a latent of that width, without those in which nothing is ever
    /// inpainted: `strength` is the latent mask's.
    pub(crate) fn new(
        unet: GuidedUnet<'a>,
        places: &[Rect],
        width: u32,
        strength: Option<&[f32]>,
    ) -> Self {
        let bounds = places.iter().copied().fold(Rect::default(), Rect::union);
        let overlap = overlap(places);
        let is_inpainted = |place: &&Rect| {
            strength.is_none_or(|strength| {
                rows(**place, width).any(|row| {
                    strength
                        .get(row)
                        .is_none_or(|row| row.iter().any(|s| *s > 0.0))
                })
            })
        };
        let tile = |place: &Rect| Tile {
            place: *place,
            weights: weights(*place, bounds, overlap),
        };
        Self {
            unet,
            tiles: places.iter().filter(is_inpainted).map(tile).collect(),
        }
    }
}

impl TiledUnet<'_> {
    /// Tiles that are not skipped.
    pub(crate) fn tile_count(&self) -> usize {
        self.tiles.len()
    }
}

/// Where the rows of a tile lie in a plane of that width.
fn rows(place: Rect, width: u32) -> impl Iterator<Item = std::ops::Range<usize>> {
    let (left, length) = (place.x as usize, place.width as usize);
    (place.y..place.bottom()).map(move |y| {
        let from = y as usize * width as usize + left;
        from..from + length
    })
}

/// The narrowest overlap of neighbours, across and down.
fn overlap(places: &[Rect]) -> (u32, u32) {
    let mut least = (u32::MAX, u32::MAX);
    for a in places {
        for b in places {
            let common = a.intersect(*b);
            if a.y == b.y && a.x < b.x && common.width > 0 {
                least.0 = least.0.min(common.width);
            }
            if a.x == b.x && a.y < b.y && common.height > 0 {
                least.1 = least.1.min(common.height);
            }
        }
    }
    least
}

/// 1 inside, falling linearly over the overlap towards sides that other tiles lie behind.
fn weights(place: Rect, bounds: Rect, overlap: (u32, u32)) -> Vec<f32> {
    let fall = |at: u32, length: u32, (behind_start, behind_end): (bool, bool), overlap: u32| {
        let ramp = |distance: u32| ((distance as f32 + 0.5) / overlap as f32).min(1.0);
        let start = if behind_start { ramp(at) } else { 1.0 };
        let end = if behind_end {
            ramp(length - 1 - at)
        } else {
            1.0
        };
        start * end
    };
    let across = (place.x > bounds.x, place.right() < bounds.right());
    let down = (place.y > bounds.y, place.bottom() < bounds.bottom());
    let columns: Vec<f32> = (0..place.width)
        .map(|x| fall(x, place.width, across, overlap.0))
        .collect();
    (0..place.height)
        .flat_map(|y| {
            let row = fall(y, place.height, down, overlap.1);
            columns
                .iter()
                .map(move |column| row * column)
                .collect::<Vec<_>>()
        })
        .collect()
}

impl Predictor for TiledUnet<'_> {
    fn predict(
        &mut self,
        scaled: &Tensor,
        timestep: f64,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let (_, channels, height, width) = scaled.dims4()?;
        let plane = height * width;
        let mut sum = vec![0f32; channels * plane];
        let mut weight_sum = vec![0f32; plane];
        for tile in &self.tiles {
            let part = |latent: &Tensor| -> Result<Tensor, EngineError> {
                let place = tile.place;
                let rows = latent.narrow(2, place.y as usize, place.height as usize)?;
                Ok(rows
                    .narrow(3, place.x as usize, place.width as usize)?
                    .contiguous()?)
            };
            let shown = self.unet.shown.as_ref().map(part).transpose()?;
            let predicted =
                self.unet
                    .predict_part(&part(scaled)?, shown.as_ref(), timestep, progress)?;
            let predicted = predicted.flatten_all()?.to_vec1::<f32>()?;
            let length = tile.place.width as usize;
            let area = tile.weights.len().max(1);
            for (channel, values) in predicted.chunks_exact(area).enumerate() {
                let lines = values
                    .chunks_exact(length)
                    .zip(tile.weights.chunks_exact(length));
                for ((values, weights), row) in lines.zip(rows(tile.place, width as u32)) {
                    let row = row.start + channel * plane..row.end + channel * plane;
                    for ((sum, value), weight) in sum
                        .get_mut(row)
                        .into_iter()
                        .flatten()
                        .zip(values)
                        .zip(weights)
                    {
                        *sum += value * weight;
                    }
                }
            }
            let lines = tile.weights.chunks_exact(length);
            for (weights, row) in lines.zip(rows(tile.place, width as u32)) {
                for (sum, weight) in weight_sum.get_mut(row).into_iter().flatten().zip(weights) {
                    *sum += weight;
                }
            }
        }
        for channel in sum.chunks_exact_mut(plane.max(1)) {
            for (sum, weight) in channel.iter_mut().zip(&weight_sum) {
                // Where no tile lies nothing is inpainted, and the prediction is not looked at.
                *sum /= weight.max(f32::MIN_POSITIVE);
            }
        }
        Ok(Tensor::from_vec(sum, scaled.dims4()?, scaled.device())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_fall_only_towards_neighbours_and_never_to_nothing() {
        let places = [Rect::new(0, 0, 8, 4), Rect::new(5, 0, 8, 4)];
        let overlap = overlap(&places);
        assert_eq!(overlap, (3, u32::MAX));
        let bounds = Rect::new(0, 0, 13, 4);
        let left = weights(places[0], bounds, overlap);
        let right = weights(places[1], bounds, overlap);
        assert!(left[..5].iter().all(|weight| *weight == 1.0));
        // What the two give where they overlap is 1 in all: they fall as the other rises.
        for x in 5..8 {
            assert!((left[x] + right[x - 5] - 1.0).abs() < 1e-6, "{x}");
            assert!(left[x] > 0.0);
        }
        assert!(right[3..8].iter().all(|weight| *weight == 1.0));
    }
}
