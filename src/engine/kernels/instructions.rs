//! Which instructions of the processor the kernels use.

use std::sync::OnceLock;

use pulp::Scalar128b;
#[cfg(target_arch = "aarch64")]
use pulp::aarch64::Neon;
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
use pulp::{Simd, WithSimd};

/// The environment variable that forces a set: `portable`, `avx2`, `avx512` or `neon`.
pub(crate) const CPU_VARIABLE: &str = "OVERPAINT_CPU";

/// A set of vector instructions this processor has. A value of it is the proof that it has them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Instructions {
    /// What every processor has; the compiler makes vectors of it where it can.
    Portable(Scalar128b),
    /// AVX2 with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2(V3),
    /// AVX-512.
    #[cfg(target_arch = "x86_64")]
    Avx512(V4),
    /// Arm's vectors.
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Instructions {
    /// Every set this processor has, the narrowest first.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Portable(Scalar128b)];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(V3::try_new().map(Self::Avx2));
            all.extend(V4::try_new().map(Self::Avx512));
        }
        #[cfg(target_arch = "aarch64")]
        all.extend(Neon::try_new().map(Self::Neon));
        all
    }

    /// The set to use: the one [`CPU_VARIABLE`] names, else the widest. Read once.
    ///
    /// # Errors
    /// When the variable names a set that there is not or that this processor has not; the text
    /// says which it has.
    pub(crate) fn chosen() -> Result<Self, String> {
        static CHOSEN: OnceLock<Result<Instructions, String>> = OnceLock::new();
        CHOSEN
            .get_or_init(|| Self::choose(std::env::var(CPU_VARIABLE).ok().as_deref()))
            .clone()
    }

    fn choose(name: Option<&str>) -> Result<Self, String> {
        let all = Self::all();
        let widest = all.last().copied().unwrap_or(Self::Portable(Scalar128b));
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Ok(widest);
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

    /// What [`CPU_VARIABLE`] calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Portable(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
        }
    }

    /// f32 numbers of a vector.
    pub(super) fn lanes(self) -> usize {
        match self {
            Self::Portable(_) => Scalar128b::F32_LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => V3::F32_LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => V4::F32_LANES,
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => Neon::F32_LANES,
        }
    }

    /// Runs `work` compiled for these instructions.
    #[inline]
    pub(super) fn run<W: WithSimd>(self, work: W) -> W::Output {
        match self {
            Self::Portable(simd) => Simd::vectorize(simd, work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => Simd::vectorize(simd, work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => Simd::vectorize(simd, work),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(simd) => Simd::vectorize(simd, work),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_chooses_and_a_wrong_one_says_what_there_is() {
        for set in Instructions::all() {
            assert_eq!(
                Instructions::choose(Some(set.name())).unwrap().name(),
                set.name()
            );
        }
        let widest = Instructions::all().last().unwrap().name();
        assert_eq!(Instructions::choose(None).unwrap().name(), widest);
        assert_eq!(Instructions::choose(Some("")).unwrap().name(), widest);
        let error = Instructions::choose(Some("mmx")).unwrap_err();
        assert!(
            error.contains("mmx") && error.contains("portable"),
            "{error}"
        );
    }
}
