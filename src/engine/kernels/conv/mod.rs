//! 2-D convolution: implicit GEMM, or Winograd's F(4 × 4, 3 × 3) where that is faster.

mod depthwise;
mod geometry;
mod implicit_gemm;
#[cfg(test)]
mod tests;
mod winograd;

pub(crate) use self::depthwise::{DepthwiseFilter, depthwise};
pub(crate) use self::geometry::ConvGeometry;
use self::implicit_gemm::{Im2col, PixelIndex};
use super::dtype::DtypeVec;
use super::gemm::{
    Epilogue, GemmInput, OutputGrid, PackedWeights, PixelSource, amx_of, gemm, gemm_amx,
};
use crate::engine::{Cancelled, Progress};

/// Convolves `input` to `(batch, rows, columns, outputs)`, with the epilogue. The taps of the weights are
/// the kernel's, row after row.
pub(crate) fn conv2d(
    geometry: &ConvGeometry,
    weights: &PackedWeights,
    input: &GemmInput<'_>,
    epilogue: &Epilogue<'_>,
    progress: &mut dyn Progress,
) -> Result<DtypeVec, Cancelled> {
    let (rows, columns) = geometry.output_size();
    let channels = weights.inputs();
    assert_eq!(weights.taps(), geometry.kernel * geometry.kernel);
    assert_eq!(
        input.values.len(),
        geometry.batch * geometry.height * geometry.width * channels
    );
    let index = PixelIndex::of(geometry);
    if let Some(amx) = amx_of(weights) {
        let grid = OutputGrid {
            batch: geometry.batch,
            rows,
            columns,
            kernel: geometry.kernel,
            stride: geometry.stride,
            dilation: geometry.dilation,
        };
        let source = PixelSource {
            input,
            pixel_at: |picture, row, column| index.pixel(picture, row, column),
        };
        return gemm_amx(amx, weights, &grid, &source, epilogue, progress);
    }
    let materialized = input.materialized(weights.isa());
    let im2col = Im2col::new(geometry, &materialized, index, channels);
    let output = if winograd::is_faster(geometry, weights, epilogue) {
        winograd::convolve(weights, &im2col, geometry.batch, epilogue, progress)
    } else {
        gemm(weights, &im2col, epilogue, progress)
    };
    output.map(DtypeVec::F32)
}
