//! Files for parsers that open paths: in memory, one folder for each process.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The folder of this process. One that a killed process left is of another number and goes with the machine.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = parent.join(format!("overpaint-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    })
}

/// A file of that name with these bytes and `more` zeros behind them, which take no room until they are read.
pub(crate) fn file(name: &str, bytes: &[u8], more: u64) -> PathBuf {
    let path = folder().join(name);
    // Not written over: it may still be mapped.
    drop(std::fs::remove_file(&path));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    if more > 0 {
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(bytes.len() as u64 + more).unwrap();
    }
    path
}

/// Up to `N` pieces of an input, parted by a line of `----`; missing ones are empty.
pub(crate) fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    const LINE: &[u8] = b"\n----\n";
    let mut rest = data;
    let mut parts = [&data[..0]; N];
    for (index, part) in parts.iter_mut().enumerate() {
        let found = rest.windows(LINE.len()).position(|window| window == LINE);
        match found.filter(|_| index + 1 < N) {
            Some(at) => (*part, rest) = (&rest[..at], &rest[at + LINE.len()..]),
            None => (*part, rest) = (rest, &[]),
        }
    }
    parts
}

/// The header of a safetensors file, and the bytes of its weights, from lines of `name⇥dtype⇥1,2,3` and
/// `#key⇥value`: what is behind the header's syntax is reached by changing names and sizes alone.
pub(crate) fn described(text: &str) -> (Vec<u8>, u64) {
    const MOST: u64 = 1 << 32;
    let mut header = serde_json::Map::new();
    let mut about = serde_json::Map::new();
    let mut end = 0_u64;
    for line in text.lines() {
        let mut fields = line.split('\t');
        let (Some(name), Some(kind)) = (fields.next(), fields.next()) else { continue };
        if let Some(key) = name.strip_prefix('#') {
            about.insert(key.to_owned(), kind.into());
            continue;
        }
        let dims = fields.next().unwrap_or_default();
        let dims: Option<Vec<u64>> =
            dims.split(',').filter(|dim| !dim.is_empty()).map(|dim| dim.parse().ok()).collect();
        let size = match kind {
            "F64" | "I64" => 8,
            "F32" | "I32" => 4,
            "F16" | "BF16" | "I16" => 2,
            _ => 1,
        };
        let Some(dims) = dims else { continue };
        let bytes = dims.iter().try_fold(size, |bytes: u64, dim| bytes.checked_mul(*dim));
        let Some(next) = bytes.and_then(|bytes| end.checked_add(bytes)).filter(|next| *next < MOST)
        else {
            continue;
        };
        if header.contains_key(name) {
            continue;
        }
        let place = serde_json::json!({"dtype": kind, "shape": dims, "data_offsets": [end, next]});
        header.insert(name.to_owned(), place);
        end = next;
    }
    if !about.is_empty() {
        header.insert("__metadata__".to_owned(), about.into());
    }
    let text = serde_json::Value::Object(header).to_string();
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    (bytes, end)
}
