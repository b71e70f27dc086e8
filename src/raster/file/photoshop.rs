//! Photoshop's block of image resources, which lies in JPEG and TIFF files and holds IPTC's
//! captions and rights. Adobe Photoshop file formats specification, "Image Resource Blocks".

const SIGNATURE: &[u8; 4] = b"8BIM";
const IPTC: u16 = 0x0404;
/// Thumbnails (both kinds), EXIF (both kinds) and XMP: they show the picture as it was, or lie in a
/// place of their own.
const LEFT_OUT: [u16; 5] = [0x0409, 0x040C, 0x0422, 0x0423, 0x0424];

/// The block as it may stand beside an edited picture. `None` when nothing is left.
pub(super) fn cleaned(block: &[u8]) -> Option<Vec<u8>> {
    let kept: Vec<&[u8]> = Resources(block)
        .filter(|(id, _)| !LEFT_OUT.contains(id))
        .map(|(_, whole)| whole)
        .collect();
    (!kept.is_empty()).then(|| kept.concat())
}

/// Whether captions or rights are in it.
pub(super) fn has_iptc(block: &[u8]) -> bool {
    Resources(block).any(|(id, _)| id == IPTC)
}

/// IPTC's data, and a block of everything else: TIFF has a place for each.
pub(super) fn parted(block: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let (mut iptc, mut others) = (None, Vec::new());
    for (id, whole) in Resources(block) {
        if id == IPTC {
            iptc = iptc.or_else(|| data_of(whole));
        } else {
            others.extend_from_slice(whole);
        }
    }
    (iptc, (!others.is_empty()).then_some(others))
}

fn data_of(resource: &[u8]) -> Option<Vec<u8>> {
    let name = (usize::from(*resource.get(6)?) + 1).next_multiple_of(2);
    let (length, data) = resource.get(6 + name..)?.split_first_chunk::<4>()?;
    let data = data.get(..u32::from_be_bytes(*length) as usize)?;
    Some(data.to_vec())
}

/// A block that holds IPTC data and nothing else.
pub(super) fn of_iptc(iptc: &[u8]) -> Vec<u8> {
    let mut block = SIGNATURE.to_vec();
    block.extend(IPTC.to_be_bytes());
    block.extend([0; 2]);
    block.extend((iptc.len() as u32).to_be_bytes());
    block.extend(iptc);
    block.resize(block.len().next_multiple_of(2), 0);
    block
}

/// Number and all bytes of each resource.
struct Resources<'a>(&'a [u8]);

impl<'a> Iterator for Resources<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.strip_prefix(SIGNATURE)?;
        let (id, rest) = rest.split_first_chunk::<2>()?;
        // A name with its length before it, filled up to an even number of bytes.
        let name = (usize::from(*rest.first()?) + 1).next_multiple_of(2);
        let (length, _) = rest.get(name..)?.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let end = (4 + 2 + name + 4usize).checked_add(length)?;
        // The last one may lack its filling.
        let padded = end.checked_next_multiple_of(2)?.min(self.0.len());
        let whole = self.0.get(..padded.max(end))?;
        self.0 = self.0.get(whole.len()..)?;
        Some((u16::from_be_bytes(*id), whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn resource(id: u16, data: &[u8]) -> Vec<u8> {
        let mut block = of_iptc(data);
        block[4..6].copy_from_slice(&id.to_be_bytes());
        block
    }

    #[test]
    fn captions_stay_and_thumbnails_go() {
        let caption = resource(IPTC, b"\x1c\x02\x78\0\x05words");
        let block = [
            resource(0x0409, b"old"),
            caption.clone(),
            resource(0x0424, b"<x/>"),
        ]
        .concat();
        assert_eq!(cleaned(&block), Some(caption.clone()));
        assert!(has_iptc(&block) && has_iptc(&caption));
        let (iptc, others) = parted(&block);
        assert_eq!(iptc.as_deref(), Some(&b"\x1c\x02\x78\0\x05words"[..]));
        assert_eq!(of_iptc(&iptc.unwrap()), caption);
        assert!(!has_iptc(&others.unwrap()));
        assert_eq!(parted(&caption).1, None);
        assert_eq!(cleaned(&resource(0x040C, b"old")), None);
        assert_eq!(cleaned(&caption[..caption.len() - 3]), None, "cut");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(
            noise in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..60, value: u8,
        ) {
            cleaned(&noise);
            cleaned(&[&SIGNATURE[..], &noise].concat());
            let mut block = [resource(IPTC, &noise), resource(0x0409, &noise)].concat();
            if let Some(byte) = block.get_mut(at) {
                *byte = value;
            }
            cleaned(&block);
            has_iptc(&block);
            parted(&block);
        }
    }
}
