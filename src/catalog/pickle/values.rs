//! What a pickle of weights may name and make.

use safetensors::Dtype;

use crate::catalog::stored_tensor::StoredTensor;

/// Where a value lies among the machine's.
pub(super) type Id = usize;

#[derive(Debug, Clone)]
pub(super) enum Item {
    Nothing,
    Whole(i64),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dictionary(Vec<(Id, Id)>),
    /// Something known by name that can be called.
    Known(Callable),
    /// A type of numbers.
    Numbers(Dtype),
    /// Numbers in the archive: first byte and bytes, and what they are.
    Storage(usize, usize, Dtype),
    Tensor(StoredTensor),
    /// What is of no concern, such as a float.
    Other,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Callable {
    Dictionary,
    Tensor,
    Parameter,
    /// Restores something that holds no weights, and is not restored.
    Ignored,
}

/// What may be named, and what it is here.
pub(super) fn global(module: &str, name: &str) -> Option<Item> {
    Some(match (module, name) {
        ("collections", "OrderedDict") => Item::Known(Callable::Dictionary),
        ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => Item::Known(Callable::Tensor),
        ("torch._utils", "_rebuild_parameter") => Item::Known(Callable::Parameter),
        // What PyTorch Lightning leaves beside the weights; built as nothing.
        (
            "pytorch_lightning.callbacks.model_checkpoint"
            | "lightning.pytorch.callbacks.model_checkpoint",
            "ModelCheckpoint",
        )
        | ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar")
        | ("numpy", "dtype")
        | ("torch", "Size")
        | ("_codecs", "encode") => Item::Known(Callable::Ignored),
        ("torch", "FloatStorage" | "float32") => Item::Numbers(Dtype::F32),
        ("torch", "HalfStorage" | "float16") => Item::Numbers(Dtype::F16),
        ("torch", "BFloat16Storage" | "bfloat16") => Item::Numbers(Dtype::BF16),
        ("torch", "DoubleStorage" | "float64") => Item::Numbers(Dtype::F64),
        ("torch", "LongStorage" | "int64") => Item::Numbers(Dtype::I64),
        ("torch", "IntStorage" | "int32") => Item::Numbers(Dtype::I32),
        ("torch", "ShortStorage") => Item::Numbers(Dtype::I16),
        ("torch", "CharStorage") => Item::Numbers(Dtype::I8),
        ("torch", "ByteStorage") => Item::Numbers(Dtype::U8),
        ("torch", "BoolStorage") => Item::Numbers(Dtype::BOOL),
        _ => return None,
    })
}

pub(super) fn pairs(items: &[Id]) -> Vec<(Id, Id)> {
    items
        .as_chunks()
        .0
        .iter()
        .map(|[key, value]| (*key, *value))
        .collect()
}

/// A whole number of any length, little-endian, in two's complement.
pub(super) fn long(bytes: &[u8]) -> Item {
    let Some(last) = bytes.last() else {
        return Item::Whole(0);
    };
    if bytes.len() > 8 {
        return Item::Other;
    }
    let fill = if last & 0x80 == 0 { 0 } else { 0xff };
    let mut whole = [fill; 8];
    for (to, from) in whole.iter_mut().zip(bytes) {
        *to = *from;
    }
    Item::Whole(i64::from_le_bytes(whole))
}

/// The tensor at that place of a storage (first byte, bytes); `None` where any of it lies outside.
pub(super) fn place(
    (start, size): (usize, usize),
    dtype: Dtype,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
) -> Option<StoredTensor> {
    let number = dtype.bitsize() / 8;
    if shape.len() != strides.len() {
        return None;
    }
    let mut last = offset;
    let mut row_major = 1_usize;
    let mut is_plain = true;
    for (count, stride) in shape.iter().zip(&strides).rev() {
        last = last.checked_add(count.saturating_sub(1).checked_mul(*stride)?)?;
        is_plain &= *stride == row_major || *count <= 1;
        row_major = row_major.checked_mul(*count)?;
    }
    // A tensor that repeats its numbers could be of any size.
    let elements = row_major;
    if elements > 0 && last.checked_add(1)?.checked_mul(number)? > size {
        return None;
    }
    if elements.checked_mul(number)? > size {
        return None;
    }
    Some(StoredTensor {
        dtype,
        shape,
        strides: (!is_plain).then_some(strides),
        start: start.checked_add(offset.checked_mul(number)?)?,
    })
}
