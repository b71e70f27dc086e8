//! [`TensorFile`]: the weights of one file, by name, and where in it each lies. Nothing is read but
//! the header, and a header is believed in nothing that the file's own length does not confirm.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::tensor::{SafeTensorError, SafeTensors};

use super::error::{CatalogError, Damage};
use super::file_bytes::FileBytes;
use super::inspect;
use super::pickle;
pub use super::stored_tensor::{Dtype, StoredTensor};

/// The weights of one file. Cheap to clone; the file stays mapped while one lives.
#[derive(Debug, Clone)]
pub struct TensorFile {
    path: PathBuf,
    bytes: Arc<FileBytes>,
    tensors: BTreeMap<String, StoredTensor>,
    /// What the file says of itself.
    metadata: BTreeMap<String, String>,
}

impl TensorFile {
    /// The weights of the file at `path`: safetensors, or what PyTorch saved.
    pub fn open(path: &Path) -> Result<Self, CatalogError> {
        let bytes = FileBytes::map(path).map_err(|error| CatalogError::of_io(path, &error))?;
        Self::parse(path, bytes)
    }

    /// Weights that are compiled into the program; `name` is for messages.
    pub fn compiled_in(name: &str, bytes: &'static [u8]) -> Result<Self, CatalogError> {
        Self::parse(Path::new(name), FileBytes::Static(bytes))
    }

    fn parse(path: &Path, bytes: FileBytes) -> Result<Self, CatalogError> {
        let damaged = |damage| CatalogError::Damaged {
            path: path.to_path_buf(),
            damage,
        };
        let (tensors, metadata) = match inspect::foreign_head(&bytes) {
            Some(what) => {
                let path = path.to_path_buf();
                return Err(CatalogError::Foreign { path, what });
            }
            None if inspect::is_pickle(&bytes) => {
                (pickle::tensors(&bytes).map_err(damaged)?, BTreeMap::new())
            }
            None => safetensors(&bytes).map_err(damaged)?,
        };
        Ok(Self {
            path: path.to_path_buf(),
            bytes: Arc::new(bytes),
            tensors,
            metadata,
        })
    }

    /// The same file with other names for its weights.
    pub(super) fn with_tensors(&self, tensors: BTreeMap<String, StoredTensor>) -> Self {
        Self {
            path: self.path.clone(),
            bytes: Arc::clone(&self.bytes),
            tensors,
            metadata: BTreeMap::new(),
        }
    }

    /// Which file it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its weights by name.
    pub fn tensors(&self) -> &BTreeMap<String, StoredTensor> {
        &self.tensors
    }

    /// What the file says of itself under that name.
    pub(super) fn metadata(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).map(String::as_str)
    }

    /// What lies behind the header of a safetensors file; `None` for other kinds.
    pub(super) fn payload(&self) -> Option<&[u8]> {
        if inspect::is_pickle(&self.bytes) {
            return None;
        }
        self.bytes
            .get(usize::try_from(header_end(&self.bytes)).ok()?..)
    }

    /// Bytes of all its weights.
    pub fn weights_len(&self) -> usize {
        self.tensors.values().map(StoredTensor::byte_len).sum()
    }

    /// The numbers of a weight as they lie in the file, row-major, little-endian. `None` where they
    /// would lie beyond its end.
    pub fn bytes_of(&self, tensor: &StoredTensor) -> Option<Cow<'_, [u8]>> {
        let Some(strides) = &tensor.strides else {
            let end = tensor.start.checked_add(tensor.byte_len())?;
            return self.bytes.get(tensor.start..end).map(Cow::Borrowed);
        };
        let size = tensor.number_bytes();
        let mut gathered = Vec::with_capacity(tensor.byte_len());
        let mut at = vec![0; tensor.shape.len()];
        for _ in 0..tensor.elements() {
            let offset: usize = at.iter().zip(strides).map(|(i, stride)| i * stride).sum();
            let from = tensor.start + offset * size;
            gathered.extend_from_slice(self.bytes.get(from..from + size)?);
            for (index, count) in at.iter_mut().zip(&tensor.shape).rev() {
                *index += 1;
                if *index < *count {
                    break;
                }
                *index = 0;
            }
        }
        Some(Cow::Owned(gathered))
    }
}

impl TensorFile {
    /// Says that a weight has been read and is not read again soon: large ones leave memory, where they are
    /// a part of a file.
    pub fn release(&self, tensor: &StoredTensor) {
        if tensor.byte_len() >= LARGE_BYTES {
            self.bytes.release(tensor.start, tensor.byte_len());
        }
    }
}

/// Weights below this stay mapped once they are read.
const LARGE_BYTES: usize = 1 << 20;

type Parsed = (BTreeMap<String, StoredTensor>, BTreeMap<String, String>);

/// The header of a safetensors file: its length is checked against the file, each weight's place
/// against its shape, and no two may overlap.
fn safetensors(bytes: &[u8]) -> Result<Parsed, Damage> {
    let (header_len, header) = SafeTensors::read_metadata(bytes).map_err(|error| match error {
        SafeTensorError::MetadataIncompleteBuffer => size_damage(bytes),
        SafeTensorError::InvalidOffset(name) => Damage::Overlap { name },
        SafeTensorError::HeaderTooLarge
        | SafeTensorError::HeaderTooSmall
        | SafeTensorError::InvalidHeader(_)
        | SafeTensorError::InvalidHeaderDeserialization(_) => Damage::NoHeader,
        SafeTensorError::InvalidHeaderLength => match bytes.get(8) {
            // A real header that goes on where the file does not.
            Some(b'{') => Damage::CutOff {
                wanted: header_end(bytes),
                got: bytes.len() as u64,
            },
            _ => Damage::NoHeader,
        },
        other => Damage::Header {
            why: other.to_string(),
        },
    })?;
    let payload = header_len + size_of::<u64>();
    let tensors = header.tensors().into_iter().map(|(name, info)| {
        let stored = StoredTensor {
            dtype: info.dtype,
            shape: info.shape.clone(),
            strides: None,
            start: payload + info.data_offsets.0,
        };
        (name, stored)
    });
    let metadata = header.metadata().clone().unwrap_or_default();
    Ok((tensors.collect(), metadata.into_iter().collect()))
}

fn header_end(bytes: &[u8]) -> u64 {
    let length = bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
    length.saturating_add(8)
}

/// A file that is shorter or longer than its header says.
fn size_damage(bytes: &[u8]) -> Damage {
    #[derive(serde::Deserialize)]
    struct Place {
        data_offsets: Option<(u64, u64)>,
    }
    let end = header_end(bytes);
    let header = bytes.get(8..end as usize).unwrap_or_default();
    let places: BTreeMap<String, Place> = serde_json::from_slice(header).unwrap_or_default();
    let last = places.values().filter_map(|place| place.data_offsets);
    let wanted = end.saturating_add(last.map(|(_, end)| end).max().unwrap_or(0));
    let got = bytes.len() as u64;
    if wanted > got {
        Damage::CutOff { wanted, got }
    } else {
        Damage::TooLong { wanted, got }
    }
}
