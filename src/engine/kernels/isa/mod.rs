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

/// The environment variable that forces a set: `portable`, `avx2`, `avx512`, `avx512bf16`,
/// `amx` or `neon`.
pub(crate) const CPU_VARIABLE: &str = "OVERPAINT_CPU";

/// A set of vector instructions this processor has. A value of it is the proof that it has them.
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
    /// AVX-512 with products of bf16, of vectors or of AMX's tiles: what is packed for it is rounded
    /// to bf16.
    #[cfg(target_arch = "x86_64")]
    Bf16(V4, Bf16Isa),
    /// Arm's vectors.
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Isa {
    /// What every processor has.
    pub(crate) fn portable() -> Self {
        Self::Portable(Scalar128b)
    }

    /// Every set this processor has, the narrowest first.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::portable()];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(V3::try_new().map(Self::Avx2));
            all.extend(V4::try_new().map(Self::Avx512));
            if let Some(simd) = V4::try_new() {
                let pairs = Bf16Isa::all().into_iter();
                all.extend(pairs.map(|pairs| Self::Bf16(simd, pairs)));
            }
        }
        #[cfg(target_arch = "aarch64")]
        all.extend(Neon::try_new().map(Self::Neon));
        all
    }

    /// [`all`](Self::all), and AMX's even where its instructions must be interpreted.
    #[cfg(test)]
    pub(crate) fn all_with_emulated() -> Vec<Self> {
        Self::all().into_iter().chain(Self::emulated()).collect()
    }

    #[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
    fn emulated() -> Option<Self> {
        let simd = V4::try_new()?;
        let there_already = Self::all().iter().any(|set| set.name() == "amx");
        let pairs = Bf16Isa::emulated_amx().filter(|_| !there_already);
        pairs.map(|pairs| Self::Bf16(simd, pairs))
    }

    #[cfg(all(test, not(all(target_arch = "x86_64", target_os = "linux"))))]
    fn emulated() -> Option<Self> {
        None
    }

    /// The set to use: the one [`CPU_VARIABLE`] names, else the fastest. Read once.
    ///
    /// # Errors
    /// When the variable names a set that there is not or that this processor has not; the text
    /// says which it has.
    pub(crate) fn chosen() -> Result<Self, String> {
        static CHOSEN: OnceLock<Result<Isa, String>> = OnceLock::new();
        CHOSEN
            .get_or_init(|| Self::choose(forced().as_deref()))
            .clone()
    }

    /// The set to use where products of bf16 are asked for, be they fast or not.
    ///
    /// # Errors
    /// When the processor has none, or [`CPU_VARIABLE`] names a set without them.
    pub(crate) fn chosen_with_bf16() -> Result<Self, String> {
        let set = match forced() {
            Some(_) => Self::chosen()?,
            None => Self::all().pop().unwrap_or_else(Self::portable),
        };
        if set.bf16().is_none() {
            return Err(format!("{} has no products of bf16", set.name()));
        }
        Ok(set)
    }

    fn choose(name: Option<&str>) -> Result<Self, String> {
        let all = Self::all();
        let Some(name) = name else {
            let fastest = all.iter().rfind(|set| set.is_fast());
            return Ok(fastest.copied().unwrap_or_else(Self::portable));
        };
        all.iter()
            .copied()
            .find(|set| set.name() == name)
            .ok_or_else(|| {
                let names: Vec<_> = all.iter().map(|set| set.name()).collect();
                format!(
                    "{CPU_VARIABLE} is “{name}”; this processor has {}",
                    names.join(", ")
                )
            })
    }

    /// The same without products of bf16.
    pub(crate) fn in_f32(self) -> Self {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Bf16(simd, _) => Self::Avx512(simd),
            other => other,
        }
    }

    /// What multiplies pairs of bf16, where this set does.
    pub(crate) fn bf16(self) -> Option<Bf16Isa> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Bf16(_, pairs) => Some(pairs),
            _ => None,
        }
    }

    /// True where numbers that Winograd's method has transformed are rounded to bf16, which costs some
    /// four times the rounding of a plain product. AMX multiplies so fast that nothing is transformed.
    pub(crate) fn rounds_winograd_transforms(self) -> bool {
        let bf16_isa = self.bf16();
        bf16_isa.is_some_and(|bf16_isa| bf16_isa.amx().is_none())
    }

    /// True where products are of AMX's tiles.
    pub(crate) fn has_amx(self) -> bool {
        let bf16_isa = self.bf16();
        bf16_isa.is_some_and(|bf16_isa| bf16_isa.amx().is_some())
    }

    /// False where a narrower set is faster.
    fn is_fast(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Bf16(_, pairs) => pairs.is_fast(),
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
            Self::Bf16(_, pairs) => pairs.name(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
        }
    }

    /// f32 numbers of a vector.
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
        for set in Isa::all() {
            assert_eq!(Isa::choose(Some(set.name())).unwrap().name(), set.name());
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
    fn every_set_has_one_in_f32_as_wide() {
        for set in Isa::all() {
            let plain = set.in_f32();
            assert_eq!(plain.lanes(), set.lanes());
            assert!(plain.bf16().is_none());
        }
    }
}
