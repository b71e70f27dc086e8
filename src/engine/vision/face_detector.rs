//! BlazeFace ([Bazarevsky et al. 2019](https://arxiv.org/abs/1907.05047)), short range: where faces are.

use candle_core::Tensor;

use super::blaze::{Block, BlockShape, load_blocks, through};
use super::inputs::{Square, cut_out, tensor};
use crate::engine::nn::failure::all_finite;
use crate::engine::nn::layers::{Conv2d, ConvShape, rectified};
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};
use crate::raster::RgbF32;

/// Side of what it is shown, in pixels.
pub(super) const SIDE_PX: u32 = 128;
/// Numbers of an anchor: box and six points.
const NUMBERS: usize = 16;
/// A face is where its score is at least this (MediaPipe's own limit).
const LEAST_SCORE: f32 = 0.5;
/// Boxes that overlap by more than this share of both together are of one face.
const SAME_FACE: f64 = 0.3;
/// A picture is looked at as a whole and in squares of this share of its shorter side, for smaller faces.
const CLOSER: f64 = 0.6;
/// What is larger in a square than it would be in the whole must score higher: patches and folds of clothes
/// look like faces from near (0.6 in `astronaut`), faces score above 0.8.
const LEAST_SCORE_CLOSER: f32 = 0.7;

/// Up to the larger cells, and from there to the smaller ones.
const BLOCKS_16: [BlockShape; 11] = [
    (24, 24, 1),
    (24, 28, 1),
    (28, 32, 2),
    (32, 36, 1),
    (36, 42, 1),
    (42, 48, 2),
    (48, 56, 1),
    (56, 64, 1),
    (64, 72, 1),
    (72, 80, 1),
    (80, 88, 1),
];
const BLOCKS_8: [BlockShape; 5] = [
    (88, 96, 2),
    (96, 96, 1),
    (96, 96, 1),
    (96, 96, 1),
    (96, 96, 1),
];

/// A face that was found, in pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct FoundFace {
    /// 0…1.
    pub(super) score: f32,
    /// Centre and size of its box.
    pub(super) centre: (f64, f64),
    pub(super) size: (f64, f64),
}

/// What looks at cells of one size.
#[derive(Debug)]
struct Head {
    scores: Conv2d,
    boxes: Conv2d,
    anchors: usize,
}

/// The network.
#[derive(Debug)]
pub(super) struct FaceDetector {
    stem: Conv2d,
    blocks_16: Vec<Block>,
    blocks_8: Vec<Block>,
    heads: [Head; 2],
}

impl FaceDetector {
    pub(super) fn load(mut from: Loader<'_>) -> Result<Self, EngineError> {
        let stem = ConvShape {
            inputs: 3,
            outputs: 24,
            kernel: 5,
            stride: 2,
            dilation: 1,
            padding_before: 1,
            padding_after: 2,
        };
        let all: Vec<BlockShape> = BLOCKS_16.into_iter().chain(BLOCKS_8).collect();
        let mut blocks_16 = load_blocks(&mut from, "blocks", &all)?;
        let blocks_8 = blocks_16.split_off(BLOCKS_16.len());
        let mut head = |side: u32, width, anchors| {
            let mut layer = |name: &str, outputs| {
                let shape = ConvShape::pointwise(width, outputs);
                Conv2d::load(from.scope(&format!("{name}{side}")), shape)
            };
            Ok::<_, EngineError>(Head {
                scores: layer("scores", anchors)?,
                boxes: layer("boxes", anchors * NUMBERS)?,
                anchors,
            })
        };
        let heads = [head(16, 88, 2)?, head(8, 96, 6)?];
        Ok(Self {
            stem: Conv2d::load(from.scope("stem"), stem)?,
            blocks_16,
            blocks_8,
            heads,
        })
    }

    /// The faces of a picture, the surest first.
    pub(super) fn faces(
        &self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<Vec<FoundFace>, EngineError> {
        let whole = Square::around(picture.extent);
        let mut found = self.faces_in(picture, whole, progress)?;
        for square in closer_squares(picture) {
            let closer = self.faces_in(picture, square, progress)?;
            let sure = |face: &FoundFace| face.score >= LEAST_SCORE_CLOSER;
            found.extend(closer.into_iter().filter(sure));
        }
        Ok(one_for_each_face(found))
    }

    /// The boxes that score as faces in a square of a picture; several for each face.
    pub(super) fn faces_in(
        &self,
        picture: &RgbF32,
        square: Square,
        progress: &mut dyn Progress,
    ) -> Result<Vec<FoundFace>, EngineError> {
        let shown = cut_out(picture, square, SIDE_PX)?;
        let x = tensor(&shown, |_, value| value * 2.0 - 1.0)?;
        let x = rectified(&self.stem.forward(&x, progress)?, None)?;
        let at_16 = through(&self.blocks_16, x, progress)?;
        let at_8 = through(&self.blocks_8, at_16.clone(), progress)?;
        let mut found = Vec::new();
        for (head, x) in self.heads.iter().zip([at_16, at_8]) {
            found.extend(head.boxes(&x, square, progress)?);
        }
        Ok(found)
    }
}

impl Head {
    fn boxes(
        &self,
        x: &Tensor,
        square: Square,
        progress: &mut dyn Progress,
    ) -> Result<Vec<FoundFace>, EngineError> {
        let cells = x.dim(3)?;
        let scores = by_anchor(&self.scores.forward(x, progress)?)?;
        let boxes = by_anchor(&self.boxes.forward(x, progress)?)?;
        let mut found = Vec::new();
        let anchors = scores.iter().zip(boxes.chunks_exact(NUMBERS)).enumerate();
        for (index, (logit, numbers)) in anchors {
            let score = 1.0 / (1.0 + (-logit).exp());
            let [x, y, width, height, ..] = numbers else {
                continue;
            };
            if score < LEAST_SCORE {
                continue;
            }
            let cell = index / self.anchors;
            let centre = |at: usize, offset: f32| {
                let anchor = (at as f64 + 0.5) / cells as f64;
                (anchor + f64::from(offset) / f64::from(SIDE_PX)) * square.side
            };
            let size = |of: f32| f64::from(of) / f64::from(SIDE_PX) * square.side;
            found.push(FoundFace {
                score,
                centre: (
                    square.left + centre(cell % cells, *x),
                    square.top + centre(cell / cells, *y),
                ),
                size: (size(*width), size(*height)),
            });
        }
        Ok(found)
    }
}

/// The numbers of a head, cell by cell and anchor by anchor.
fn by_anchor(x: &Tensor) -> Result<Vec<f32>, EngineError> {
    Ok(all_finite(&x.permute((0, 2, 3, 1))?.contiguous()?)?
        .flatten_all()?
        .to_vec1()?)
}

/// Squares that overlap and cover a picture, so that a face at the edge of one is whole in another.
fn closer_squares(picture: &RgbF32) -> Vec<Square> {
    let (width, height) = (
        f64::from(picture.extent.width),
        f64::from(picture.extent.height),
    );
    let side = width.min(height) * CLOSER;
    let firsts = |length: f64| {
        let count = ((length - side) / (side * 0.7)).ceil().max(1.0) as usize;
        (0..=count).map(move |at| (length - side) * at as f64 / count as f64)
    };
    let square = |left: f64, top: f64| Square { left, top, side };
    firsts(height)
        .flat_map(|top| firsts(width).map(move |left| square(left, top)))
        .collect()
}

/// The surest box of each face.
fn one_for_each_face(mut found: Vec<FoundFace>) -> Vec<FoundFace> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<FoundFace> = Vec::new();
    for face in found {
        if kept.iter().all(|other| !is_same_face(other, &face)) {
            kept.push(face);
        }
    }
    kept
}

fn is_same_face(a: &FoundFace, b: &FoundFace) -> bool {
    let common = |(a, a_size): (f64, f64), (b, b_size): (f64, f64)| {
        let first = (a - a_size / 2.0).max(b - b_size / 2.0);
        let last = (a + a_size / 2.0).min(b + b_size / 2.0);
        (last - first).max(0.0)
    };
    let both = common((a.centre.0, a.size.0), (b.centre.0, b.size.0))
        * common((a.centre.1, a.size.1), (b.centre.1, b.size.1));
    let of = |face: &FoundFace| face.size.0 * face.size.1;
    // A box inside another one is of the same face too, however small.
    both > SAME_FACE * (of(a) + of(b) - both) || both > 0.6 * of(a).min(of(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;

    #[test]
    fn the_surest_box_stands_for_its_face() {
        let face = |score, x, size| FoundFace {
            score,
            centre: (x, 50.0),
            size: (size, size),
        };
        let found = vec![
            face(0.6, 52.0, 40.0),
            face(0.9, 50.0, 40.0),
            face(0.7, 150.0, 30.0),
            face(0.55, 50.0, 12.0),
        ];
        let kept = one_for_each_face(found);
        assert_eq!(kept, [face(0.9, 50.0, 40.0), face(0.7, 150.0, 30.0)]);
    }

    #[test]
    fn closer_squares_cover_the_picture() {
        let picture = RgbF32::filled(Extent::new(90, 40), [0.0; 3]);
        let squares = closer_squares(&picture);
        let covers = |x: f64, y: f64| {
            squares.iter().any(|square| {
                let inside = |at: f64, first: f64| at >= first && at <= first + square.side;
                inside(x, square.left) && inside(y, square.top)
            })
        };
        assert!((0..=90).all(|x| (0..=40).all(|y| covers(f64::from(x), f64::from(y)))));
        assert!(squares.len() <= 12);
    }
}
