//! Face Mesh ([Kartynnik et al. 2019](https://arxiv.org/abs/1907.06724)): 468 points of a face.

use candle_core::Tensor;

use super::blaze::{Block, BlockShape, load_blocks, load_slopes, through};
use super::face_detector::FoundFace;
use super::inputs::{Square, cut_out, tensor};
use crate::engine::nn::failure::all_finite;
use crate::engine::nn::layers::{Conv2d, ConvShape, Slopes, rectified};
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};
use crate::geometry::PointF;
use crate::raster::RgbF32;
use crate::select::{FACE_POINTS, Face};

/// Side of what it is shown, in pixels.
pub(super) const SIDE_PX: u32 = 192;
/// It is shown so many times the face's box.
const AROUND: f64 = 1.5;
/// Coordinates of a point: x, y, depth.
const COORDINATES: usize = 3;

const BLOCKS: [BlockShape; 14] = [
    (16, 16, 1),
    (16, 16, 1),
    (16, 32, 2),
    (32, 32, 1),
    (32, 32, 1),
    (32, 64, 2),
    (64, 64, 1),
    (64, 64, 1),
    (64, 128, 2),
    (128, 128, 1),
    (128, 128, 1),
    (128, 128, 2),
    (128, 128, 1),
    (128, 128, 1),
];
const FLAG_BLOCKS: [BlockShape; 1] = [(128, 128, 2)];
const POINT_BLOCKS: [BlockShape; 3] = [(128, 128, 2), (128, 128, 1), (128, 128, 1)];
const NARROW: usize = 32;

/// The network.
#[derive(Debug)]
pub(super) struct FaceMesh {
    stem: Conv2d,
    stem_slopes: Option<Slopes>,
    blocks: Vec<Block>,
    flag: Branch,
    points: Branch,
}

/// What it answers about what it is shown.
pub(super) struct MeshAnswer {
    /// Logit: is there a face?
    pub(super) flag: f32,
    /// In pixels of what it was shown.
    pub(super) points: Vec<PointF>,
}

impl FaceMesh {
    pub(super) fn load(mut from: Loader<'_>) -> Result<Self, EngineError> {
        let stem = ConvShape {
            stride: 2,
            padding_before: 0,
            ..ConvShape::same3(3, 16)
        };
        let points = FACE_POINTS * COORDINATES;
        Ok(Self {
            stem: Conv2d::load(from.scope("stem"), stem)?,
            stem_slopes: load_slopes(&mut from.scope("stem"), 16)?,
            blocks: load_blocks(&mut from, "blocks", &BLOCKS)?,
            flag: Branch::load(from.scope("flag"), &FLAG_BLOCKS, 1)?,
            points: Branch::load(from.scope("points"), &POINT_BLOCKS, points)?,
        })
    }

    /// The points of a face that was found; `None` where this network sees none there.
    pub(super) fn face(
        &self,
        picture: &RgbF32,
        found: &FoundFace,
        progress: &mut dyn Progress,
    ) -> Result<Option<Face>, EngineError> {
        let side = found.size.0.max(found.size.1) * AROUND;
        let square = Square {
            left: found.centre.0 - side / 2.0,
            top: found.centre.1 - side / 2.0,
            side,
        };
        let shown = cut_out(picture, square, SIDE_PX)?;
        let answer = self.answer(&shown, progress)?;
        if answer.flag <= 0.0 {
            return Ok(None);
        }
        let per_px = (side / f64::from(SIDE_PX)) as f32;
        let points = answer.points.into_iter().map(|point| {
            PointF::new(
                square.left as f32 + point.x * per_px,
                square.top as f32 + point.y * per_px,
            )
        });
        Ok(Some(Face {
            score: found.score,
            points: points.collect(),
        }))
    }

    /// Of a picture of 192 × 192.
    pub(super) fn answer(
        &self,
        shown: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<MeshAnswer, EngineError> {
        let x = tensor(shown, |_, value| value)?;
        let x = self.stem.forward(&x, progress)?;
        let x = rectified(&x, self.stem_slopes.as_ref())?;
        let x = through(&self.blocks, x, progress)?;
        let flag = self.flag.forward(&x, progress)?;
        let points = self.points.forward(&x, progress)?;
        Ok(MeshAnswer {
            flag: flag.first().copied().unwrap_or(f32::MIN),
            points: points
                .chunks_exact(COORDINATES)
                .filter_map(|point| Some(PointF::new(*point.first()?, *point.get(1)?)))
                .collect(),
        })
    }
}

/// From features to numbers.
#[derive(Debug)]
struct Branch {
    blocks: Vec<Block>,
    narrow: Conv2d,
    narrow_slopes: Option<Slopes>,
    block: Block,
    out: Conv2d,
}

impl Branch {
    fn load(
        mut from: Loader<'_>,
        blocks: &[BlockShape],
        outputs: usize,
    ) -> Result<Self, EngineError> {
        // What is left of the picture is as large as the kernel.
        let out = ConvShape {
            padding_before: 0,
            padding_after: 0,
            ..ConvShape::same3(NARROW, outputs)
        };
        Ok(Self {
            blocks: load_blocks(&mut from, "blocks", blocks)?,
            narrow: Conv2d::load(from.scope("narrow"), ConvShape::pointwise(128, NARROW))?,
            narrow_slopes: load_slopes(&mut from.scope("narrow"), NARROW)?,
            block: Block::load(from.scope("block"), (NARROW, NARROW, 1))?,
            out: Conv2d::load(from.scope("out"), out)?,
        })
    }

    fn forward(&self, x: &Tensor, progress: &mut dyn Progress) -> Result<Vec<f32>, EngineError> {
        let x = through(&self.blocks, x.clone(), progress)?;
        let x = self.narrow.forward(&x, progress)?;
        let x = rectified(&x, self.narrow_slopes.as_ref())?;
        let x = self.block.forward(&x, progress)?;
        let numbers = self.out.forward(&x, progress)?;
        Ok(all_finite(&numbers)?.flatten_all()?.to_vec1()?)
    }
}
