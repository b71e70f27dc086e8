//! [`Bf16Isa`]: which instructions multiply bf16, AVX-512-BF16's or AMX's.

use super::amx::Amx;

/// f32 numbers of a vector of AVX-512.
pub(crate) const LANES: usize = 16;

/// The proof that this processor multiplies pairs of bf16, and by which instructions. All have
/// AVX-512-BF16, which rounds.
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
        let tiles = Amx::try_new().map(Unit::Amx);
        [Unit::Vectors].into_iter().chain(tiles).map(Self).collect()
    }

    /// By tiles, interpreted where the processor has none; where it rounds, which all of them need.
    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn emulated_amx() -> Option<Self> {
        let rounds = !Self::all().is_empty();
        rounds.then(|| Self(Unit::Amx(Amx::emulated())))
    }

    /// What the environment variable calls the set of instructions.
    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            Unit::Vectors => "avx512bf16",
            Unit::Amx(_) => "amx",
        }
    }

    /// True where they are faster than products of f32. AMX's are, many times (an Emerald Rapids Xeon:
    /// 2850 against 175 GFLOP/s a thread were measured). AMD's vectors do twice as much (Zen 4: 205
    /// against 117); Intel's, on a Xeon of 2023, half as much. By who made the processor and not by the clock,
    /// so that a machine always gives the same picture.
    pub(crate) fn is_fast(self) -> bool {
        let vendor = std::arch::x86_64::__cpuid(0);
        let name = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
        matches!(self.0, Unit::Amx(_)) || name.as_flattened() == b"AuthenticAMD"
    }

    /// AMX's tiles, where products are theirs.
    pub(crate) fn amx(self) -> Option<Amx> {
        match self.0 {
            Unit::Vectors => None,
            Unit::Amx(tiles) => Some(tiles),
        }
    }
}
