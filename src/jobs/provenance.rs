//! [`Provenance`]: what a run computed from, by content, so that it can be said later whether running
//! again would give the same bytes, and if not, what differs ([`Difference`]).

use bytemuck::Pod;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::bulk::{Key, model_identity};
use crate::catalog::{CatalogError, ModelRef};
use crate::geometry::Rect;
use crate::plan::EditRequest;
use crate::raster::{Mask, MaskKind, Picture, Pixmap, Profile, Tiled};
use crate::text::{Explain, Message};

/// What a run computed from. Where two runs agree in all of it and in their settings, they give the
/// same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of the program.
    #[serde(default)]
    pub program: String,
    /// Identity of the model, see [`model_identity`].
    #[serde(default)]
    pub model: String,
    /// Identities of the LoRAs, in the order of the settings, see
    /// [`LoraRef::identity_now`](crate::catalog::LoraRef::identity_now).
    #[serde(default)]
    pub loras: Vec<String>,
    /// Hash of the picture it began from: pixels, size, depth and profile.
    #[serde(default)]
    pub source: String,
    /// Hash of what was painted and how it was meant; `None`: nothing was.
    #[serde(default)]
    pub mask: Option<String>,
    /// What computed it, such as `cpu avx512`; empty while it has not run.
    #[serde(default)]
    pub device: String,
}

/// What stands between a result and the same bytes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It was made before what runs compute from was written down.
    Unrecorded,
    /// It was made with another version of the program.
    Program {
        /// That version.
        then: String,
    },
    /// It was computed by something else, which rounds differently.
    Device {
        /// What computed it.
        then: String,
    },
    /// The model is not there, or cannot be read.
    ModelAbsent {
        /// What it is called.
        name: String,
    },
    /// A model is there, but with other weights.
    ModelChanged {
        /// What it is called.
        name: String,
    },
    /// A LoRA is not there, or cannot be read.
    LoraAbsent {
        /// What it is called.
        name: String,
    },
    /// A LoRA is there, but with other weights.
    LoraChanged {
        /// What it is called.
        name: String,
    },
    /// The picture below it is another.
    Source,
    /// The mask is another.
    Mask,
}

impl Difference {
    /// True where it cannot run at all.
    pub fn prevents(&self) -> bool {
        matches!(self, Self::ModelAbsent { .. } | Self::LoraAbsent { .. })
    }
}

impl Explain for Difference {
    fn message(&self) -> Message {
        let named = |key, name: &String| Message::new(key).with("name", name.clone());
        match self {
            Self::Unrecorded => Message::new("rerun-unrecorded"),
            Self::Program { then } => {
                Message::new("rerun-other-program").with("then", then.clone())
            }
            Self::Device { then } => Message::new("rerun-other-device").with("then", then.clone()),
            Self::ModelAbsent { name } => named("rerun-model-absent", name),
            Self::ModelChanged { name } => named("rerun-model-changed", name),
            Self::LoraAbsent { name } => named("rerun-lora-absent", name),
            Self::LoraChanged { name } => named("rerun-lora-changed", name),
            Self::Source => Message::new("rerun-other-source"),
            Self::Mask => Message::new("rerun-other-mask"),
        }
    }
}

impl Provenance {
    /// What a request would compute from now. Reads samples of the model's files and hashes the whole
    /// picture: for threads beside the user.
    pub fn of(request: &EditRequest) -> Result<Self, CatalogError> {
        let loras = request.settings.loras.iter();
        Ok(Self {
            model: model_identity(&request.model)?,
            loras: loras
                .map(|used| used.lora.identity_now())
                .collect::<Result<_, _>>()?,
            ..Self::of_pictures(request)
        })
    }

    /// All but the weights.
    fn of_pictures(request: &EditRequest) -> Self {
        let painted = request.painted.as_ref();
        Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            source: hash_of_picture(&request.source),
            mask: painted.map(|mask| hash_of_mask(mask, request.mask_kind)),
            ..Self::default()
        }
    }

    /// What stands between the result that was computed from this and the same bytes, if `request`
    /// were run now. Of the order in which people can do something about it. For threads beside the
    /// user, as [`of`](Self::of).
    pub fn differences(&self, request: &EditRequest) -> Vec<Difference> {
        let mut found = Vec::new();
        found.extend(difference_of_model(&self.model, &request.model));
        for (number, used) in request.settings.loras.iter().enumerate() {
            let name = used.lora.name();
            match used.lora.identity_now() {
                Err(_) => found.push(Difference::LoraAbsent { name }),
                Ok(now) if self.loras.get(number) != Some(&now) => {
                    found.push(Difference::LoraChanged { name });
                }
                Ok(_) => {}
            }
        }
        let now = Self::of_pictures(request);
        if self.source != now.source {
            found.push(Difference::Source);
        }
        if self.mask != now.mask {
            found.push(Difference::Mask);
        }
        if self.program != now.program {
            let then = self.program.clone();
            found.push(Difference::Program { then });
        }
        found
    }

    /// That it was computed by something else than `device`, where both are known.
    pub fn difference_of_device(&self, device: &str) -> Option<Difference> {
        let is_other = !self.device.is_empty() && !device.is_empty() && self.device != device;
        is_other.then(|| Difference::Device {
            then: self.device.clone(),
        })
    }
}

fn difference_of_model(then: &str, model: &ModelRef) -> Option<Difference> {
    let name = model.name();
    let is_there = model.path().is_none_or(std::path::Path::exists);
    match model_identity(model) {
        Ok(now) if is_there && now == then => None,
        Ok(_) if is_there => Some(Difference::ModelChanged { name }),
        _ => Some(Difference::ModelAbsent { name }),
    }
}

/// The same for any two pictures that look the same in every bit, however they share their tiles.
fn hash_of_picture(picture: &Picture) -> String {
    let (depth, tiles) = match &picture.pixels {
        Pixmap::Rgba8(plane) => (8, tiles_of(plane)),
        Pixmap::Rgba16(plane) => (16, tiles_of(plane)),
    };
    let profile = match &picture.profile {
        Profile::Srgb => Key::of(b""),
        Profile::Icc(icc) => Key::of(icc),
    };
    let extent = picture.extent();
    let head = format!("{extent} {depth}");
    let head = [head.as_bytes(), profile.bytes()].into_iter();
    let tiles = tiles.iter().map(Key::bytes);
    Key::of_parts(head.chain(tiles)).hex()
}

fn hash_of_mask(mask: &Mask, kind: MaskKind) -> String {
    let head = format!("{} {kind:?}", mask.extent());
    let tiles = tiles_of(mask);
    let tiles = tiles.iter().map(Key::bytes);
    Key::of_parts(std::iter::once(head.as_bytes()).chain(tiles)).hex()
}

fn tiles_of<P: Pod + PartialEq + Send + Sync>(plane: &Tiled<P>) -> Vec<Key> {
    let tiles = plane.tiles_in(Rect::of(plane.extent()));
    let tiles = tiles.into_par_iter();
    tiles
        .map(|tile| Key::of(bytemuck::cast_slice(&plane.crop(plane.tile_rect(tile)))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use crate::geometry::Extent;
    use crate::plan::EditSettings;

    const SIZE: Extent = Extent::new(300, 270);

    fn request() -> EditRequest {
        let card = catalog::open(&ModelRef::BuiltIn).unwrap();
        let pixels: Vec<[u8; 4]> = (0..SIZE.len()).map(|i| [i as u8, 7, 9, 255]).collect();
        EditRequest {
            model: card.reference.clone(),
            traits: card.traits,
            source: Picture {
                pixels: Pixmap::Rgba8(Tiled::from_pixels(SIZE, &pixels, [0; 4])),
                profile: Profile::Srgb,
            },
            painted: Some(Tiled::filled(SIZE, 255)),
            mask_kind: MaskKind::Strength,
            settings: EditSettings::default(),
        }
    }

    #[test]
    fn the_same_content_differs_in_nothing_and_a_bit_in_what_it_belongs_to() {
        let then = request();
        let made_from = Provenance::of(&then).unwrap();
        assert_eq!(made_from.model.len(), 64);
        // The same pixels in other memory.
        assert_eq!(made_from.differences(&request()), []);
        let mut other = request();
        let Pixmap::Rgba8(plane) = &mut other.source.pixels else {
            panic!("8 bits");
        };
        plane.write_row(299, 269, &[[1, 2, 3, 4]]);
        assert_eq!(made_from.differences(&other), [Difference::Source]);
        let mut other = request();
        other.source.profile = Profile::Icc(std::sync::Arc::new(vec![1]));
        assert_eq!(made_from.differences(&other), [Difference::Source]);
        let mut other = request();
        other.mask_kind = MaskKind::Matte;
        assert_eq!(made_from.differences(&other), [Difference::Mask]);
        let mut other = request();
        other.painted = None;
        assert_eq!(made_from.differences(&other), [Difference::Mask]);
        let older = Provenance {
            program: "0.0.9".to_owned(),
            ..made_from.clone()
        };
        let then = "0.0.9".to_owned();
        assert_eq!(
            older.differences(&request()),
            [Difference::Program { then }]
        );
        assert_eq!(made_from.difference_of_device("cpu avx2"), None);
        let ran = Provenance {
            device: "cpu avx512".to_owned(),
            ..made_from
        };
        assert_eq!(ran.difference_of_device("cpu avx512"), None);
        assert!(ran.difference_of_device("cpu avx2").is_some());
    }

    #[test]
    fn a_model_that_is_gone_or_another_is_said() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("model");
        std::fs::create_dir_all(folder.join("unet")).unwrap();
        let weights = folder.join("unet/weights.safetensors");
        std::fs::write(&weights, vec![1_u8; 5000]).unwrap();
        let request = EditRequest {
            model: ModelRef::Folder(folder.clone()),
            ..request()
        };
        let name = "model".to_owned();
        let made_from = Provenance::of(&request).unwrap();
        assert_eq!(made_from.differences(&request), []);
        std::fs::write(&weights, vec![2_u8; 5000]).unwrap();
        let changed = Difference::ModelChanged { name: name.clone() };
        assert_eq!(made_from.differences(&request), [changed]);
        std::fs::remove_dir_all(&folder).unwrap();
        let absent = Difference::ModelAbsent { name };
        assert!(absent.prevents());
        assert_eq!(made_from.differences(&request), [absent]);
    }
}
