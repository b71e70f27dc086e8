//! [`Bf16Isa`]: the instructions for bf16 GEMMs, AVX-512-BF16 or AMX.

use super::amx::Amx;

/// f32 lanes of AVX-512.
pub(crate) const LANES: usize = 16;

/// The proof that this processor multiplies bf16, and by which instructions. All have AVX-512-BF16, which
/// rounds to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bf16Isa(Unit);

#[derive(Debug, Clone, Copy)]
enum Unit {
    Vectors,
    Amx(Amx),
}

impl Bf16Isa {
    /// Every way this processor has, the narrowest first.
    pub(crate) fn all() -> Vec<Self> {
        let vectors = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bf16");
        if !vectors {
            return Vec::new();
        }
        let amx = Amx::try_new().map(Unit::Amx);
        [Unit::Vectors].into_iter().chain(amx).map(Self).collect()
    }

    /// AMX, emulated where the processor has none; only where it has AVX-512-BF16, which rounds.
    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn emulated_amx() -> Option<Self> {
        let rounds = !Self::all().is_empty();
        rounds.then(|| Self(Unit::Amx(Amx::emulated())))
    }

    /// What [`CPU_VARIABLE`](super::CPU_VARIABLE) calls it.
    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            Unit::Vectors => "avx512bf16",
            Unit::Amx(_) => "amx",
        }
    }

    /// True where bf16 GEMMs are faster than f32. On AMX they are, many times (an Emerald Rapids Xeon: 2850
    /// against 175 GFLOP/s a thread were measured). AVX-512-BF16 is twice as fast on AMD (Zen 4: 205 against
    /// 117) and half as fast on a Xeon of 2023. Decided by vendor and not by measuring, so that a machine
    /// always gives the same picture.
    pub(crate) fn is_fast(self) -> bool {
        let vendor = std::arch::x86_64::__cpuid(0);
        let name = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
        matches!(self.0, Unit::Amx(_)) || name.as_flattened() == b"AuthenticAMD"
    }

    /// AMX, where GEMMs run on it.
    pub(crate) fn amx(self) -> Option<Amx> {
        match self.0 {
            Unit::Vectors => None,
            Unit::Amx(amx) => Some(amx),
        }
    }
}
