//! The names of the files an edit writes.

use std::path::{Path, PathBuf};

use crate::plan::Strength;

/// `out.png` → `out-0.45.png`.
pub(super) fn with_strength(path: &Path, strength: Strength) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{}", strength.get()));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strength_goes_before_the_extension() {
        let named =
            |path: &str, strength| with_strength(Path::new(path), Strength::new(strength).unwrap());
        assert_eq!(named("a/out.png", 0.45), Path::new("a/out-0.45.png"));
        assert_eq!(named("out.v2.webp", 1.0), Path::new("out.v2-1.webp"));
    }
}
