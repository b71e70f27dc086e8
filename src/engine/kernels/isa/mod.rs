//! ISA dispatch: which instruction set the kernels use. `OVERPAINT_CPU` forces one.
//!
//! An [`Isa`], [`Bf16Isa`] or [`Amx`] is the proof that the processor has the instructions; kernels
//! are methods of it or are compiled for it by [`Isa::run`].

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod amx_emulator;
#[cfg(target_arch = "x86_64")]
mod bf16;
#[cfg(not(target_arch = "x86_64"))]
mod no_bf16;

use std::sync::OnceLock;

use pulp::Scalar128b;
#[cfg(target_arch = "aarch64")]
use pulp::aarch64::Neon;
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
use pulp::{Simd, WithSimd};

#[cfg(target_arch = "x86_64")]
pub(crate) use self::amx::Amx;
#[cfg(target_arch = "x86_64")]
pub(crate) use self::bf16::{Bf16Isa, LANES};
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use self::no_bf16::{Amx, Bf16Isa, LANES};

/// The environment variable that forces an ISA: `portable`, `avx2`, `avx512`, `avx512bf16`,
/// `amx` or `neon`.
pub(crate) const CPU_VARIABLE: &str = "OVERPAINT_CPU";

/// An instruction set this processor has. A value of it is the proof that it has it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Isa {
    /// What every processor has; the compiler makes vectors of it where it can.
    Portable(Scalar128b),
    /// AVX2 with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2(V3),
    /// AVX-512.
    #[cfg(target_arch = "x86_64")]
    Avx512(V4),
    /// AVX-512 with AVX-512-BF16, and maybe AMX: weights are packed in bf16.
    #[cfg(target_arch = "x86_64")]
    Bf16(V4, Bf16Isa),
    /// Arm's NEON.
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Isa {
    /// What every processor has.
    pub(crate) fn portable() -> Self {
        Self::Portable(Scalar128b)
    }

    /// Every ISA this processor has, the narrowest first.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::portable()];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(V3::try_new().map(Self::Avx2));
            all.extend(V4::try_new().map(Self::Avx512));
            if let Some(simd) = V4::try_new() {
                let bf16_isa = Bf16Isa::all().into_iter();
                all.extend(bf16_isa.map(|bf16_isa| Self::Bf16(simd, bf16_isa)));
            }
        }
        #[cfg(target_arch = "aarch64")]
        all.extend(Neon::try_new().map(Self::Neon));
        all
    }

    /// [`all`](Self::all), and AMX even where it must be emulated.
    #[cfg(test)]
    pub(crate) fn all_with_emulated() -> Vec<Self> {
        Self::all().into_iter().chain(Self::emulated()).collect()
    }

    #[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
    fn emulated() -> Option<Self> {
        let simd = V4::try_new()?;
        let is_there = Self::all().iter().any(|isa| isa.name() == "amx");
        let bf16_isa = Bf16Isa::emulated_amx().filter(|_| !is_there);
        bf16_isa.map(|bf16_isa| Self::Bf16(simd, bf16_isa))
    }

    #[cfg(all(test, not(all(target_arch = "x86_64", target_os = "linux"))))]
    fn emulated() -> Option<Self> {
        None
    }

    /// The ISA to use: the one [`CPU_VARIABLE`] names, else the fastest. Read once.
    ///
    /// # Errors
    /// When the variable names an ISA that is unknown or that this processor lacks; the text says which
    /// it has.
    pub(crate) fn chosen() -> Result<Self, String> {
        static CHOSEN: OnceLock<Result<Isa, String>> = OnceLock::new();
        CHOSEN
            .get_or_init(|| Self::choose(forced().as_deref()))
            .clone()
    }

    /// The ISA to use where bf16 GEMMs are asked for, be they fast or not.
    ///
    /// # Errors
    /// When the processor has none, or [`CPU_VARIABLE`] names an ISA without bf16.
    pub(crate) fn chosen_with_bf16() -> Result<Self, String> {
        let isa = match forced() {
            Some(_) => Self::chosen()?,
            None => Self::all().pop().unwrap_or_else(Self::portable),
        };
        if isa.bf16().is_none() {
            return Err(format!("{} has no bf16 instructions", isa.name()));
        }
        Ok(isa)
    }

    fn choose(name: Option<&str>) -> Result<Self, String> {
        let all = Self::all();
        let Some(name) = name else {
            let fastest = all.iter().rfind(|isa| isa.is_fast());
            return Ok(fastest.copied().unwrap_or_else(Self::portable));
        };
        all.iter()
            .copied()
            .find(|isa| isa.name() == name)
            .ok_or_else(|| {
                let names: Vec<_> = all.iter().map(|isa| isa.name()).collect();
                format!(
                    "{CPU_VARIABLE} is “{name}”; this processor has {}",
                    names.join(", ")
                )
            })
    }

    /// The same without bf16.
    pub(crate) fn in_f32(self) -> Self {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Bf16(simd, _) => Self::Avx512(simd),
            other => other,
        }
    }

    /// Its bf16 instructions, if it has any.
    pub(crate) fn bf16(self) -> Option<Bf16Isa> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Bf16(_, bf16_isa) => Some(bf16_isa),
            _ => None,
        }
    }

    /// True where Winograd transforms are rounded to bf16, which costs some four times the rounding of an
    /// implicit GEMM. AMX multiplies so fast that Winograd is not used.
    pub(crate) fn rounds_winograd_transforms(self) -> bool {
        let bf16_isa = self.bf16();
        bf16_isa.is_some_and(|bf16_isa| bf16_isa.amx().is_none())
    }

    /// True where GEMMs run on AMX.
    pub(crate) fn has_amx(self) -> bool {
        let bf16_isa = self.bf16();
        bf16_isa.is_some_and(|bf16_isa| bf16_isa.amx().is_some())
    }

    /// False where a narrower ISA is faster.
    fn is_fast(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Bf16(_, bf16_isa) => bf16_isa.is_fast(),
            _ => true,
        }
    }

    /// What [`CPU_VARIABLE`] calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Portable(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Bf16(_, bf16_isa) => bf16_isa.name(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
        }
    }

    /// f32 lanes of a vector.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Self::Portable(_) => Scalar128b::F32_LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => V3::F32_LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) | Self::Bf16(..) => V4::F32_LANES,
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => Neon::F32_LANES,
        }
    }

    /// Runs `work` compiled for these instructions.
    #[inline]
    pub(crate) fn run<W: WithSimd>(self, work: W) -> W::Output {
        match self {
            Self::Portable(simd) => Simd::vectorize(simd, work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => Simd::vectorize(simd, work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) | Self::Bf16(simd, _) => Simd::vectorize(simd, work),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(simd) => Simd::vectorize(simd, work),
        }
    }
}

/// What [`CPU_VARIABLE`] says.
fn forced() -> Option<String> {
    let name = std::env::var(CPU_VARIABLE).ok();
    name.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_chooses_and_a_wrong_one_says_what_there_is() {
        for isa in Isa::all() {
            assert_eq!(Isa::choose(Some(isa.name())).unwrap().name(), isa.name());
        }
        let fastest = Isa::choose(None).unwrap();
        let last = Isa::all().pop().unwrap();
        assert_eq!(fastest.lanes(), last.lanes());
        assert!(fastest.is_fast());
        let error = Isa::choose(Some("mmx")).unwrap_err();
        assert!(
            error.contains("mmx") && error.contains("portable"),
            "{error}"
        );
    }

    #[test]
    fn every_isa_has_one_in_f32_as_wide() {
        for isa in Isa::all() {
            let plain = isa.in_f32();
            assert_eq!(plain.lanes(), isa.lanes());
            assert!(plain.bf16().is_none());
        }
    }
}
