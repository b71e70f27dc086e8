//! [`PngColour`]: the chunks in which a PNG says what its numbers mean, other than an ICC profile.
//! PNG specification (third edition), 11.3.2; cICP goes before iCCP, sRGB, and gAMA with cHRM.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::raster::{Profile, colour};

/// The four bytes of cICP, and what the older chunks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PngColour {
    /// gAMA: 100 000 times the exponent of encoding.
    pub gamma: Option<u32>,
    /// cHRM: 100 000 times x and y of white, red, green and blue.
    pub chromaticities: Option<[u32; 8]>,
    /// sRGB: the rendering intent.
    pub srgb_intent: Option<u8>,
    /// cICP: primaries, transfer, matrix, full range.
    pub cicp: Option<[u8; 4]>,
}

/// What the chunks mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// They say nothing.
    Silent,
    /// This.
    Is(Profile),
    /// They say something that cannot be followed: brightness beyond white, or nonsense.
    Unusable,
}

/// cHRM of sRGB.
const SRGB_CHROMATICITIES: [u32; 8] = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000];

impl PngColour {
    /// Takes in a chunk; others are left alone.
    pub(super) fn take(&mut self, kind: [u8; 4], data: &[u8]) {
        let word = |i: usize| {
            data.get(i * 4..)?
                .first_chunk()
                .map(|b| u32::from_be_bytes(*b))
        };
        match &kind {
            b"gAMA" => self.gamma = word(0),
            b"cHRM" => {
                let mut values = [0; 8];
                let words = (0..8).map_while(word);
                let count = values
                    .iter_mut()
                    .zip(words)
                    .map(|(to, from)| *to = from)
                    .count();
                self.chromaticities = (count == 8).then_some(values);
            }
            b"sRGB" => self.srgb_intent = data.first().copied(),
            b"cICP" => self.cicp = data.first_chunk().copied(),
            _ => {}
        }
    }

    /// The chunks, in the order in which a file should have them.
    pub(super) fn chunks(&self) -> Vec<([u8; 4], Vec<u8>)> {
        let mut chunks = Vec::new();
        if let Some(cicp) = self.cicp {
            chunks.push((*b"cICP", cicp.to_vec()));
        }
        if let Some(intent) = self.srgb_intent {
            chunks.push((*b"sRGB", vec![intent]));
        }
        chunks.extend(self.fallback_chunks());
        chunks
    }

    /// gAMA and cHRM alone: they may stand beside an ICC profile, for programs that read none.
    pub(super) fn fallback_chunks(&self) -> Vec<([u8; 4], Vec<u8>)> {
        let gamma = self
            .gamma
            .map(|gamma| (*b"gAMA", gamma.to_be_bytes().to_vec()));
        let chromaticities = self.chromaticities.map(|values| {
            let bytes = values.iter().flat_map(|value| value.to_be_bytes());
            (*b"cHRM", bytes.collect())
        });
        gamma.into_iter().chain(chromaticities).collect()
    }

    /// What cICP says.
    pub(super) fn meaning_of_cicp(&self) -> Meaning {
        match self.cicp {
            None => Meaning::Silent,
            Some([1, 13, 0, 1]) => Meaning::Is(Profile::Srgb),
            Some(cicp) => made(colour::icc_of_cicp(cicp)),
        }
    }

    /// What sRGB, or gAMA and cHRM, say of a picture that is grey or not.
    pub(super) fn meaning(&self, is_grey: bool) -> Meaning {
        if self.srgb_intent.is_some() {
            return Meaning::Is(Profile::Srgb);
        }
        let has_srgb_primaries = self.chromaticities.is_none_or(|values| {
            let near = |(a, b): (&u32, &u32)| a.abs_diff(*b) <= 200;
            values.iter().zip(&SRGB_CHROMATICITIES).all(near)
        });
        // 1/2.2 is how programs that know sRGB say it in this chunk, as the specification asks.
        let is_srgb_curve = self.gamma.is_none_or(|gamma| gamma.abs_diff(45_455) <= 300);
        if has_srgb_primaries && is_srgb_curve {
            return match (self.gamma, self.chromaticities) {
                (None, None) => Meaning::Silent,
                _ => Meaning::Is(Profile::Srgb),
            };
        }
        if is_grey && is_srgb_curve {
            return Meaning::Is(Profile::Srgb);
        }
        let primaries = self.chromaticities.filter(|_| !has_srgb_primaries);
        made(colour::icc_of_gamma(self.gamma, primaries, is_grey))
    }
}

fn made(icc: Option<Vec<u8>>) -> Meaning {
    icc.map_or(Meaning::Unusable, |icc| {
        Meaning::Is(Profile::Icc(Arc::new(icc)))
    })
}
