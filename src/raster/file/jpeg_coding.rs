//! [`JpegCoding`]: how a JPEG was compressed, so that it can be written again the same way: where the
//! picture did not change, most coefficients come out as they were. ITU-T T.81, B.2.2 and B.2.4.1.

use jpeg_encoder::{
    ChromaSubsamplingMethod, Encoder, JfifWrite, QuantizationTableType, SamplingFactor,
};
use serde::{Deserialize, Serialize};

/// The place in rows of eight of each coefficient in the order of a file (T.81, figure A.6).
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Divisors of the 64 coefficients, row by row.
type Table = [u16; 64];

/// How a JPEG was compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JpegCoding {
    /// Divisors of luma's 64 coefficients, row by row, 1…255.
    luma: Vec<u16>,
    /// The same of chroma; luma's where there is none.
    chroma: Vec<u16>,
    /// Pixels a chroma sample stands for, across and down.
    sampling: (u8, u8),
    /// The picture comes in passes from coarse to fine.
    is_progressive: bool,
}

impl JpegCoding {
    /// Has an encoder compress the same way.
    pub(super) fn apply<W: JfifWrite>(&self, encoder: &mut Encoder<W>) {
        let table = |values: &[u16]| {
            let values: Table = values.try_into().ok()?;
            Some(QuantizationTableType::Custom(Box::new(values)))
        };
        if let (Some(luma), Some(chroma)) = (table(&self.luma), table(&self.chroma)) {
            encoder.set_quantization_tables(luma, chroma);
        }
        let (across, down) = self.sampling;
        if let Some(sampling) = SamplingFactor::from_factors(across, down) {
            encoder.set_sampling_factor(sampling);
        }
        encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
        encoder.set_progressive(self.is_progressive);
    }
}

/// Collects what the segments before the first scan say of the coding.
#[derive(Debug, Default)]
pub(super) struct CodingReader {
    tables: [Option<Table>; 4],
    frame: Option<Frame>,
    is_rgb: bool,
}

/// A frame header.
#[derive(Debug)]
struct Frame {
    is_progressive: bool,
    /// Sampling across and down, and the table, of each component.
    components: Vec<(u8, u8, u8)>,
}

impl CodingReader {
    /// Takes in a segment.
    pub(super) fn take(&mut self, marker: u8, data: &[u8]) {
        match marker {
            0xDB => self.take_tables(data),
            // Baseline, extended and progressive, all with Huffman codes.
            0xC0..=0xC2 => self.frame = frame(data, marker == 0xC2),
            // Adobe's: 0 stands for no transform.
            0xEE if data.starts_with(b"Adobe") => self.is_rgb = data.get(11) == Some(&0),
            _ => {}
        }
    }

    /// Components of a frame that is not progressive.
    pub(super) fn sequential_components(&self) -> Option<usize> {
        let frame = self.frame.as_ref().filter(|frame| !frame.is_progressive)?;
        Some(frame.components.len())
    }

    fn take_tables(&mut self, mut data: &[u8]) {
        while let Some((&head, rest)) = data.split_first() {
            let bytes_each = if head >> 4 == 0 { 1 } else { 2 };
            let Some((values, after)) = rest.split_at_checked(64 * bytes_each) else {
                return;
            };
            let mut table = [0; 64];
            for (value, place) in values.chunks(bytes_each).zip(ZIGZAG) {
                if let Some(slot) = table.get_mut(place) {
                    *slot = value
                        .iter()
                        .fold(0, |sum, byte| sum << 8 | u16::from(*byte));
                }
            }
            if let Some(slot) = self.tables.get_mut(usize::from(head & 15)) {
                *slot = Some(table);
            }
            data = after;
        }
    }

    /// The coding; `None` where it is one that is not written here: more than 8 bits, CMYK, RGB without a
    /// transform, two kinds of chroma.
    pub(super) fn coding(self) -> Option<JpegCoding> {
        let frame = self.frame.filter(|_| !self.is_rgb)?;
        let table = |id: u8| {
            let table = self.tables.get(usize::from(id)).copied().flatten()?;
            let fits = table.iter().all(|divisor| (1..=255).contains(divisor));
            fits.then(|| table.to_vec())
        };
        let (luma, chroma, sampling) = match frame.components.as_slice() {
            [(.., id)] => (table(*id)?, table(*id)?, (1, 1)),
            [(across, down, id), second, third] => {
                let chroma = second.2;
                let coarser = |own: u8, others: u8| {
                    (others > 0 && own.is_multiple_of(others)).then(|| own / others)
                };
                if second != third {
                    return None;
                }
                let sampling = (coarser(*across, second.0)?, coarser(*down, second.1)?);
                SamplingFactor::from_factors(sampling.0, sampling.1)?;
                (table(*id)?, table(chroma)?, sampling)
            }
            _ => return None,
        };
        Some(JpegCoding {
            luma,
            chroma,
            sampling,
            is_progressive: frame.is_progressive,
        })
    }
}

fn frame(data: &[u8], is_progressive: bool) -> Option<Frame> {
    let [8, _, _, _, _, count, components @ ..] = data else {
        return None;
    };
    let components = components.chunks_exact(3).take(usize::from(*count));
    let components = components.map(|component| match component {
        [_, sampling, table] => (sampling >> 4, sampling & 15, *table),
        _ => (0, 0, 0),
    });
    Some(Frame {
        is_progressive,
        components: components.collect(),
    })
}

#[cfg(test)]
mod tests {
    use jpeg_encoder::ColorType;

    use super::super::jpeg_segments;
    use super::*;

    fn written(coding: &JpegCoding, colour: ColorType) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 92);
        coding.apply(&mut encoder);
        let pixels: Vec<u8> = (0..48 * 32 * 4).map(|i| (i * 7 % 251) as u8).collect();
        encoder.encode(&pixels, 48, 32, colour).unwrap();
        bytes
    }

    fn coding(sampling: (u8, u8), is_progressive: bool) -> JpegCoding {
        JpegCoding {
            luma: (1..=64).collect(),
            chroma: (101..=164).collect(),
            sampling,
            is_progressive,
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for sampling in [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1)] {
            for progressive in [false, true] {
                let wanted = coding(sampling, progressive);
                let bytes = written(&wanted, ColorType::Rgb);
                let found = jpeg_segments::read(&bytes).coding;
                assert_eq!(found, Some(wanted));
            }
        }
        let grey = written(&coding((1, 1), false), ColorType::Luma);
        let found = jpeg_segments::read(&grey).coding.unwrap();
        assert_eq!(found.luma, found.chroma);
    }

    #[test]
    fn other_codings_are_not_taken_for_ours() {
        let bytes = written(&coding((1, 1), false), ColorType::Cmyk);
        assert_eq!(jpeg_segments::read(&bytes).coding, None);
        let mut reader = CodingReader::default();
        reader.take(0xDB, &[0; 65]);
        reader.take(0xC0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]);
        assert_eq!(reader.coding(), None, "a divisor of 0");
        let mut reader = CodingReader::default();
        reader.take(0xDB, &[1; 65]);
        reader.take(0xC0, &[12, 0, 1, 0, 1, 1, 1, 0x11, 1]);
        assert_eq!(reader.coding(), None, "12 bits");
    }
}
