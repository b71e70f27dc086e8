use std::io::Write as _;

use proptest::prelude::*;

use safetensors::Dtype;

use super::*;

/// What `torch.save` wrote: `tests/golden/checkpoints.py`.
const SAVED: &[u8] = include_bytes!("../../../tests/golden/data/saved.ckpt");

/// A file as PyTorch writes it around `program`, with one storage of 16 bytes.
fn archive(program: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("a/data.pkl", stored).unwrap();
    zip.write_all(program).unwrap();
    zip.start_file("a/data/0", stored).unwrap();
    zip.write_all(&[7; 16]).unwrap();
    zip.finish().unwrap().into_inner()
}

/// A program that saves one f32 weight `w` of that offset, shape and strides.
fn saving(offset: u8, shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let tuple = |numbers: &[u8]| {
        let inner = numbers.iter().flat_map(|n| [b'K', *n]);
        [b'(']
            .into_iter()
            .chain(inner)
            .chain([b't'])
            .collect::<Vec<u8>>()
    };
    let mut program = b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((".to_vec();
    program.extend(b"X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ");
    program.extend([b'K', offset]);
    program.extend(tuple(shape));
    program.extend(tuple(strides));
    program.extend(b"\x89ccollections\nOrderedDict\n)RtRs.");
    program
}

#[test]
fn what_torch_saved_is_read_as_it_was() {
    let found = tensors(SAVED).unwrap();
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "deep.bf16",
            "deep.double",
            "deep.half",
            "deep.part",
            "deep.turned",
            "ids",
            "w"
        ]
    );
    let file = crate::catalog::TensorFile::compiled_in("saved.ckpt", SAVED).unwrap();
    let bytes = |name: &str| file.bytes_of(&found[name]).unwrap().into_owned();
    let f32s = |name: &str| -> Vec<f32> {
        let bytes = bytes(name);
        bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect()
    };
    assert_eq!(found["w"].shape, [2, 3]);
    assert_eq!(f32s("w"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    // A view of another weight's storage, and one whose rows are the other's columns.
    assert_eq!(
        (found["deep.part"].shape.as_slice(), f32s("deep.part")),
        (&[2][..], vec![4.0, 5.0])
    );
    assert_eq!(found["deep.turned"].shape, [3, 2]);
    assert_eq!(f32s("deep.turned"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(bytes("deep.half"), half::f16::from_f32(1.5).to_le_bytes());
    assert_eq!(bytes("deep.bf16"), half::bf16::from_f32(-2.5).to_le_bytes());
    assert_eq!(bytes("deep.double"), 0.25_f64.to_le_bytes());
    assert_eq!(found["ids"].dtype, Dtype::I64);
}

#[test]
fn every_name_outside_the_list_ends_the_reading() {
    for (program, name) in [
        (
            &b"\x80\x02cposix\nsystem\nX\x02\0\0\0id\x85R."[..],
            "posix.system",
        ),
        (
            b"\x80\x02c__builtin__\neval\nX\x01\0\0\0a\x85R.",
            "__builtin__.eval",
        ),
        (
            b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93.",
            "builtins.exec",
        ),
        (b"\x80\x02ctorch\nload\n.", "torch.load"),
        (
            b"\x80\x02ctorch._utils\n__import__\n.",
            "torch._utils.__import__",
        ),
        (
            b"\x80\x02ccollections\nOrderedDict.__reduce__\n.",
            "collections.OrderedDict.__reduce__",
        ),
    ] {
        let found = tensors(&archive(program));
        let name = name.to_owned();
        assert_eq!(found, Err(Damage::ForeignCall { name }));
    }
    // Instances and extensions are not known at all.
    for program in [
        &b"\x80\x02(iposix\nsystem\n."[..],
        b"\x80\x02\x82\x01.",
        b"\x80\x02(ccollections\nOrderedDict\no.",
    ] {
        assert!(matches!(
            tensors(&archive(program)),
            Err(Damage::Pickle { .. })
        ));
    }
}

#[test]
fn a_weight_lies_within_its_storage_or_nowhere() {
    let read =
        |offset, shape: &[u8], strides: &[u8]| tensors(&archive(&saving(offset, shape, strides)));
    assert!(read(0, &[2, 2], &[2, 1]).is_ok());
    assert!(read(0, &[2, 2], &[1, 2]).is_ok());
    assert!(read(3, &[1], &[1]).is_ok());
    assert!(read(0, &[], &[]).is_ok());
    for (offset, shape, strides) in [
        (1, &[2, 2][..], &[2, 1][..]),
        (0, &[2, 3], &[3, 1]),
        (0, &[2, 2], &[3, 2]),
        (4, &[1], &[1]),
        // The same number over and over: a file of a few bytes would be gigabytes.
        (0, &[255, 255, 255], &[0, 0, 0]),
        (0, &[2, 2], &[1]),
    ] {
        let found = read(offset, shape, strides);
        assert!(
            matches!(found, Err(Damage::Pickle { .. })),
            "{shape:?} {strides:?}"
        );
    }
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    // A dictionary in itself, and dictionaries that hold each other over and over.
    let looped = b"\x80\x02}q\x00X\x01\0\0\0ah\x00s.";
    assert!(matches!(
        tensors(&archive(looped)),
        Err(Damage::Pickle { .. })
    ));
    let mut fanned = b"\x80\x02}q\x00".to_vec();
    for level in 1..7_u8 {
        fanned.extend([b'}', b'q', level, b'(']);
        for key in 0..200_u8 {
            fanned.extend([b'X', 1, 0, 0, 0, key, b'h', level - 1]);
        }
        fanned.push(b'u');
    }
    fanned.push(b'.');
    assert!(matches!(
        tensors(&archive(&fanned)),
        Err(Damage::Pickle { .. })
    ));
    for bytes in [
        &b"\x80\x02\x8a\nl\xfc\x9cF"[..],
        b"PK\x03\x04",
        &SAVED[..SAVED.len() / 2],
        &archive(b""),
        &archive(b"\x80\x02."),
        &archive(b"\x80\x02N."),
        &archive(b"t."),
        &archive(b"X\xff\xff\xff\xffa."),
    ] {
        assert!(
            matches!(tensors(bytes), Err(Damage::Pickle { .. })),
            "{}",
            bytes.escape_ascii()
        );
    }
}

proptest! {
    /// Whatever a file holds, it is read to an answer, and each weight lies in it.
    #[test]
    fn nothing_breaks_the_reader(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = SAVED.to_vec();
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if changes[0].1.is_multiple_of(4) {
            bytes.truncate(cut.index(bytes.len()));
        }
        for stored in tensors(&bytes).into_iter().flat_map(BTreeMap::into_values) {
            prop_assert!(stored.byte_len() <= bytes.len());
        }
    }

    /// Programs of chance instructions.
    #[test]
    fn nothing_breaks_the_machine(program in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(tensors(&archive(&program)).map_or(true, |found| found.len() < 200));
    }
}
