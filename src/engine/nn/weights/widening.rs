//! [`Widening`]: numbers of a file, little-endian, to f32.

use std::sync::LazyLock;

use half::slice::{HalfBitsSliceExt as _, HalfFloatSliceExt as _};
use half::{bf16, f16};

use crate::catalog::Dtype;

/// Elements converted at a time; small enough for the stack and L1.
pub(super) const CHUNK: usize = 2048;

static E4M3: LazyLock<[f32; 256]> = LazyLock::new(|| std::array::from_fn(|b| e4m3_to_f32(b as u8)));
static E5M2: LazyLock<[f32; 256]> = LazyLock::new(|| std::array::from_fn(|b| e5m2_to_f32(b as u8)));

/// How numbers of a type become f32.
#[derive(Debug, Clone, Copy)]
pub(super) enum Widening {
    F16,
    Bf16,
    F32,
    F64,
    /// Numbers of one byte, by a table.
    Table(&'static [f32; 256]),
}

impl Widening {
    /// `None` for types that no weight has.
    pub(super) fn of(dtype: Dtype) -> Option<Self> {
        Some(match dtype {
            Dtype::F16 => Self::F16,
            Dtype::BF16 => Self::Bf16,
            Dtype::F32 => Self::F32,
            Dtype::F64 => Self::F64,
            Dtype::F8_E4M3 => Self::Table(&E4M3),
            Dtype::F8_E5M2 => Self::Table(&E5M2),
            _ => return None,
        })
    }

    pub(super) fn number_bytes(self) -> usize {
        match self {
            Self::Table(_) => 1,
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Converts as many numbers as both hold.
    pub(super) fn run(self, from: &[u8], to: &mut [f32]) {
        match self {
            Self::F16 => f16_to_f32(from, to),
            Self::Bf16 => {
                for (number, bytes) in to.iter_mut().zip(from.as_chunks().0) {
                    *number = bf16::from_le_bytes(*bytes).to_f32();
                }
            }
            Self::F32 => {
                for (number, bytes) in to.iter_mut().zip(from.as_chunks().0) {
                    *number = f32::from_le_bytes(*bytes);
                }
            }
            Self::F64 => {
                for (number, bytes) in to.iter_mut().zip(from.as_chunks().0) {
                    *number = f64::from_le_bytes(*bytes) as f32;
                }
            }
            Self::Table(table) => {
                for (number, byte) in to.iter_mut().zip(from) {
                    *number = table[usize::from(*byte)];
                }
            }
        }
    }
}

/// By slices, which the processor's own instructions convert.
fn f16_to_f32(from: &[u8], to: &mut [f32]) {
    if cfg!(target_endian = "little")
        && let Ok(bits) = bytemuck::try_cast_slice::<u8, u16>(from)
    {
        let count = to.len().min(bits.len());
        let numbers = bits[..count].reinterpret_cast::<f16>();
        return numbers.convert_to_f32_slice(&mut to[..count]);
    }
    // In files they may lie at odd places.
    let mut half = [f16::ZERO; CHUNK];
    for (to, from) in to.chunks_mut(CHUNK).zip(from.chunks(2 * CHUNK)) {
        let (pairs, _) = from.as_chunks();
        let count = to.len().min(pairs.len());
        for (number, bytes) in half.iter_mut().zip(pairs) {
            *number = f16::from_le_bytes(*bytes);
        }
        half[..count].convert_to_f32_slice(&mut to[..count]);
    }
}

/// Four bits of exponent, three of mantissa, no infinity
/// ([Micikevicius et al. 2022](https://arxiv.org/abs/2209.05433), E4M3).
fn e4m3_to_f32(byte: u8) -> f32 {
    let (exponent, mantissa) = (i32::from(byte >> 3 & 15), f32::from(byte & 7));
    let size = match (exponent, byte & 7) {
        (15, 7) => f32::NAN,
        (0, _) => mantissa * 2_f32.powi(-9),
        _ => (1.0 + mantissa / 8.0) * 2_f32.powi(exponent - 7),
    };
    if byte & 0x80 == 0 { size } else { -size }
}

/// Five bits of exponent, two of mantissa: the upper byte of an f16 (E5M2 of the same paper).
fn e5m2_to_f32(byte: u8) -> f32 {
    f16::from_le_bytes([0, byte]).to_f32()
}
