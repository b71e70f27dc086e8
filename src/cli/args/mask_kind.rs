//! `--mask-kind`.

use clap::ValueEnum;

use crate::raster::MaskKind;

/// What the values between the ends of a mask mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// How far a pixel may change
    Strength,
    /// How much of a pixel is selected; the rest of it is what lies behind
    Matte,
}

impl From<KindArg> for MaskKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Strength => Self::Strength,
            KindArg::Matte => Self::Matte,
        }
    }
}
