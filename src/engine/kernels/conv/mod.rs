//! 2-D convolution: implicit GEMM, or Winograd's F(4 × 4, 3 × 3) where that is faster.

mod geometry;
mod implicit_gemm;
#[cfg(test)]
mod tests;
mod winograd;

pub(crate) use self::geometry::ConvGeometry;
use self::implicit_gemm::{Im2col, PixelIndex};
use super::dtype::DtypeVec;
use super::gemm::{
    Epilogue, GemmInput, OutputGrid, PackedWeights, PixelSource, amx_of, gemm, gemm_amx,
};
use crate::engine::{Cancelled, Progress};

/// Convolves `input` to `(batch, rows, columns, outputs)`, finished. The taps of the
/// weights are the kernel's places, row after row.
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
    let grid = PixelIndex::of(geometry);
    if let Some(amx) = amx_of(weights) {
        let measures = OutputGrid {
            batch: geometry.batch,
            rows,
            columns,
            kernel: geometry.kernel,
            stride: geometry.stride,
        };
        let source = PixelSource {
            input,
            pixel_at: |picture, row, column| grid.pixel(picture, row, column),
        };
        return gemm_amx(amx, weights, &measures, &source, epilogue, progress);
    }
    let materialized = input.materialized(weights.isa());
    let under = Im2col::new(geometry, &materialized, grid, channels);
    let output = if winograd::is_faster(geometry, weights, epilogue) {
        winograd::convolve(weights, &under, geometry.batch, epilogue, progress)
    } else {
        gemm(weights, &under, epilogue, progress)
    };
    output.map(DtypeVec::F32)
}
