//! The fused epilogue of a GEMM (oneDNN: post-ops): bias, GEGLU, residual and GELU, applied to a micro-tile while
//! it is in L1, and its store in f32 or bf16.

#[cfg(target_arch = "x86_64")]
mod geglu_bf16;

use std::mem::MaybeUninit;

use half::bf16;
use pulp::{Simd, WithSimd};

use super::pack::Panel;
use crate::engine::kernels::activation::gelu;
use crate::engine::kernels::convert::widen;
use crate::engine::kernels::dtype::DtypeSlice;
use crate::engine::kernels::elementwise::{MAX_LANES, update, write};
use crate::engine::kernels::isa::{Bf16Isa, Isa};
use crate::engine::kernels::output::{MAX_CHUNK, Output};

/// What is applied to C before it is stored.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Epilogue<'a> {
    /// Added to each column of C: one value an output of the layer.
    pub(crate) bias: Option<&'a [f32]>,
    /// Added to the result element by element; as long as it.
    pub(crate) residual: Option<DtypeSlice<'a>>,
    /// Vectors of outputs alternate between values and gates: value · GELU(gate) is stored. The weights
    /// must be packed in [`geglu_row_order`].
    pub(crate) geglu: bool,
    /// GELU of the result, after bias and residual.
    pub(crate) gelu: bool,
    /// The result may be rounded to bf16. On AMX it is, because the next GEMM rounds it anyway.
    pub(crate) bf16_output: bool,
}

impl Epilogue<'_> {
    /// The residual in f32; widened in `scratch` where it is bf16.
    pub(crate) fn residual_in_f32<'r>(
        &'r self,
        isa: Isa,
        scratch: &'r mut Vec<f32>,
    ) -> Option<&'r [f32]> {
        self.residual.map(|residual| residual.as_f32(isa, scratch))
    }
}

/// Which row of a matrix `(2 × outputs, …)`, values before gates, is packed as row `index` for
/// [`Epilogue::geglu`]: vectors of values and of their gates alternate.
///
/// `outputs` must be a multiple of the vectors' `lanes`.
pub(crate) fn geglu_row_order(isa: Isa, outputs: usize, index: usize) -> usize {
    let lanes = isa.lanes();
    let (pair, at) = (index / (2 * lanes), index % (2 * lanes));
    let gate = if at < lanes { 0 } else { outputs };
    gate + pair * lanes + at % lanes
}

/// True when that many outputs can be [`Epilogue::geglu`].
pub(crate) fn can_fuse_geglu(isa: Isa, outputs: usize) -> bool {
    outputs.is_multiple_of(isa.lanes())
}

/// Where the result goes: rows of `ldc` elements.
pub(crate) struct Target<'a> {
    pub(crate) output: Output<'a>,
    pub(crate) ldc: usize,
}

/// Prefetches where a micro-tile will be stored, and its residual, while it is computed.
pub(crate) fn prefetch_target(
    panel: Panel,
    rows: impl Iterator<Item = usize>,
    epilogue: &Epilogue<'_>,
    target: &Target<'_>,
) {
    let (first, outputs) = if epilogue.geglu {
        (panel.first / 2, panel.outputs / 2)
    } else {
        (panel.first, panel.outputs)
    };
    for row in rows {
        let start = row * target.ldc + first;
        target.output.prefetch(start, outputs);
        if let Some(residual) = epilogue.residual {
            residual.slice(start, outputs).prefetch_l1();
        }
    }
}

/// Applies the epilogue to a micro-tile `c` and stores it. `rows` says which row of the result each of its
/// rows is; padding is none.
pub(crate) fn apply_epilogue(
    isa: Isa,
    panel: Panel,
    c: &[f32],
    rows: impl IntoIterator<Item = Option<usize>>,
    epilogue: &Epilogue<'_>,
    target: &Target<'_>,
) {
    let lanes = isa.lanes();
    let (first, outputs) = if epilogue.geglu {
        (panel.first / 2, lanes)
    } else {
        (panel.first, panel.outputs)
    };
    let bias = epilogue
        .bias
        .map(|bias| &bias[panel.first..panel.first + panel.outputs]);
    isa.run(EpilogueTile {
        c,
        ldc: panel.vectors * lanes,
        bias: bias.unwrap_or(&NO_BIAS[..panel.outputs]),
        residual: epilogue.residual,
        geglu: epilogue.geglu,
        gelu: epilogue.gelu,
        rows: rows.into_iter(),
        first,
        outputs,
        target,
    });
}

/// The bias of a layer without one; as long as the widest panel.
const NO_BIAS: [f32; 2 * MAX_LANES] = [0.0; 2 * MAX_LANES];

/// A micro-tile on its way to the outputs `first .. first + outputs` of `rows`.
struct EpilogueTile<'a, R> {
    c: &'a [f32],
    ldc: usize,
    /// Of the panel's outputs.
    bias: &'a [f32],
    residual: Option<DtypeSlice<'a>>,
    geglu: bool,
    gelu: bool,
    rows: R,
    first: usize,
    outputs: usize,
    target: &'a Target<'a>,
}

impl<R: Iterator<Item = Option<usize>>> WithSimd for EpilogueTile<'_, R> {
    type Output = ();

    #[inline(always)]
    #[expect(unsafe_code, reason = "a micro-tile is no slice of the output")]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let c_rows = self.c.chunks_exact(self.ldc);
        for (row, c) in std::iter::zip(&mut self.rows, c_rows) {
            let Some(row) = row else {
                continue;
            };
            let start = row * self.target.ldc + self.first;
            let row = EpilogueRow {
                start,
                c,
                bias: self.bias,
                residual: self.residual,
                geglu: self.geglu,
                gelu: self.gelu,
            };
            // SAFETY: each task of a GEMM has its own rows and panels, and a panel its own columns, so no
            // other thread writes these columns of this row.
            unsafe {
                if let Output::Bf16(bf16_isa, output) = &self.target.output
                    && row.store_geglu_bf16(*bf16_isa, output.slice(start, self.outputs))
                {
                    continue;
                }
                self.target.output.write(
                    start,
                    self.outputs,
                    #[inline(always)]
                    |to| row.store(simd, to),
                );
            }
        }
    }
}

/// A row of a micro-tile.
struct EpilogueRow<'a> {
    /// Where it begins in the result.
    start: usize,
    c: &'a [f32],
    bias: &'a [f32],
    residual: Option<DtypeSlice<'a>>,
    geglu: bool,
    gelu: bool,
}

impl EpilogueRow<'_> {
    /// Stores GEGLU without a residual in bf16; false where it is something else.
    #[inline(always)]
    fn store_geglu_bf16(&self, bf16_isa: Bf16Isa, to: &mut [MaybeUninit<bf16>]) -> bool {
        if !self.geglu || self.gelu || self.residual.is_some() {
            return false;
        }
        let (Ok(c), Ok(bias), Ok(to)) = (self.c.try_into(), self.bias.try_into(), to.try_into())
        else {
            return false;
        };
        bf16_isa.geglu(c, bias, to);
        true
    }

    /// Stores the row in f32.
    #[inline(always)]
    fn store<'to, S: Simd>(&self, simd: S, to: &'to mut [MaybeUninit<f32>]) -> &'to mut [f32] {
        let to = if self.geglu {
            let (values, gates) = self.c.split_at(to.len());
            let (value_bias, gate_bias) = self.bias.split_at(to.len());
            write(
                simd,
                to,
                [values, value_bias, gates, gate_bias],
                #[inline(always)]
                |[value, value_bias, gate, gate_bias]| {
                    let value = simd.add_f32s(value, value_bias);
                    simd.mul_f32s(value, gelu(simd, simd.add_f32s(gate, gate_bias)))
                },
            )
        } else {
            write(
                simd,
                to,
                [self.c, self.bias],
                #[inline(always)]
                |[c, bias]| simd.add_f32s(c, bias),
            )
        };
        if let Some(residual) = self.residual {
            let mut scratch = [0.0; MAX_CHUNK];
            let residual = match residual.slice(self.start, to.len()) {
                DtypeSlice::F32(residual) => residual,
                DtypeSlice::Bf16(residual) => widen(residual, &mut scratch[..residual.len()]),
            };
            update(
                simd,
                to,
                [residual],
                #[inline(always)]
                |to, [residual]| simd.add_f32s(to, residual),
            );
        }
        if self.gelu {
            update(
                simd,
                to,
                [],
                #[inline(always)]
                |x, []| gelu(simd, x),
            );
        }
        to
    }
}
