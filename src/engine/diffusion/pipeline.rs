//! [`Pipeline`]: one loaded model: text encoders, U-Net, VAE, and the caches of their results.

use std::collections::HashSet;
use std::path::Path;

use candle_core::{Device, Tensor};

use super::cache::LruCache;
use super::latent_preview::LatentPreview;
use super::previews::PreviewDecoder;
use super::prompt_encoder::PromptEncoder;
use super::schedule::TrainedNoise;
use super::text_encoder::EncodedText;
use super::unet::Unet;
use super::vae::{Vae, VaeConfig};
use crate::catalog::{self, LatentSpace, Library, LoraRef, ModelCard, ModelFiles, ModelRef};
use crate::engine::kernels::BlockAllocator;
use crate::engine::nn::precision::Precision;
use crate::engine::nn::tensors::{picture_tensor, tensor_picture};
use crate::engine::nn::weights::KeptWeights;
use crate::engine::{EngineError, Progress, RunReport};
use crate::plan::LoraUse;
use crate::raster::RgbF32;
use crate::text::{Explain as _, Message};

/// Pictures kept encoded; a run with a model that sees the mask uses two.
const PICTURES_KEPT: usize = 6;
/// Round trips kept.
const ROUND_TRIPS_KEPT: usize = 4;

/// The files of a model with LoRAs.
fn changed(files: ModelFiles, loras: &[LoraUse]) -> Result<ModelFiles, EngineError> {
    let loras: Vec<(LoraRef, f32)> = loras
        .iter()
        .map(|used| (used.lora.clone(), used.weight.get() as f32))
        .collect();
    Ok(files.with_loras(&loras)?)
}

/// Previews are without the tiny autoencoder in that file.
fn without_decoder(path: &Path, why: &EngineError) -> Message {
    Message::new("engine-previews-rough")
        .with("path", path)
        .with("why", why.message())
}

/// One loaded model.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) card: ModelCard,
    pub(super) trained: TrainedNoise,
    pub(super) unet: Unet,
    /// `None`: a map for previews is fitted to each run's picture.
    preview: Option<LatentPreview>,
    preview_decoder: PreviewDecoder,
    prompts: PromptEncoder,
    vae: Vae,
    device: Device,
    pictures: LruCache<RgbF32, Tensor>,
    round_trips: LruCache<RgbF32, RgbF32>,
    /// Of the text encoders and the U-Net.
    kept: KeptWeights,
}

impl Pipeline {
    /// Reads a model whole.
    pub(super) fn load(
        model: &ModelRef,
        loras: &[LoraUse],
        device: &Device,
        precision: Precision,
        progress: &mut dyn Progress,
    ) -> Result<Self, EngineError> {
        let card = catalog::open(model)?;
        let files = changed(ModelFiles::of(model), loras)?;
        let mut kept = KeptWeights::default();
        let trained = TrainedNoise::load(&files)?;
        progress.checkpoint()?;
        let prompts = PromptEncoder::load(
            (&files, &mut kept),
            Vec::new(),
            device,
            precision.in_f32(),
            progress,
        )?;
        let unet = Unet::load((&files, &mut kept), device, precision, progress)?;
        progress.checkpoint()?;
        let vae = Vae::load(&files, device, precision, progress)?;
        let config = unet.config();
        let widths = (config.cross_attention_dim, prompts.width());
        let pooled = config.added.map_or(0, |added| added.pooled);
        let pooled = (pooled, prompts.pooled_width().unwrap_or(0));
        for (what, (wanted, got)) in [
            ("engine-what-text-width", widths),
            ("engine-what-pooled-width", pooled),
        ] {
            if wanted != got {
                return Err(EngineError::Unsupported {
                    what: Message::new(what).with("wanted", wanted).with("got", got),
                });
            }
        }
        if config.out_channels != vae.config().latent_channels {
            return Err(EngineError::Unsupported {
                what: Message::new("engine-what-channels")
                    .with("got", config.out_channels)
                    .with("wanted", vae.config().latent_channels),
            });
        }
        let space = if vae.is_tiny() {
            LatentSpace::of_family(card.family)
        } else {
            card.latent_space
        };
        let channels = vae.config().latent_channels;
        Ok(Self {
            card,
            trained,
            preview: LatentPreview::of_model(&files, channels, space)?,
            preview_decoder: PreviewDecoder::default(),
            prompts,
            unet,
            vae,
            device: device.clone(),
            pictures: LruCache::new(PICTURES_KEPT),
            round_trips: LruCache::new(ROUND_TRIPS_KEPT),
            kept,
        })
    }

    /// The same model with other LoRAs: the weights that are others then are read again; the rest, the
    /// autoencoder and all pictures that went through it stay.
    pub(super) fn with_loras(
        self,
        loras: &[LoraUse],
        precision: Precision,
        progress: &mut dyn Progress,
    ) -> Result<Self, EngineError> {
        let files = changed(ModelFiles::of(&self.card.reference), loras)?;
        let Self {
            card,
            trained,
            unet,
            preview,
            preview_decoder,
            prompts,
            vae,
            device,
            pictures,
            round_trips,
            mut kept,
        } = self;
        // Then no layer holds what changes, and it is packed in its own place.
        drop(unet);
        let tokenizers = prompts.into_tokenizers();
        BlockAllocator::release_all();
        Ok(Self {
            prompts: PromptEncoder::load(
                (&files, &mut kept),
                tokenizers,
                &device,
                precision.in_f32(),
                progress,
            )?,
            unet: Unet::load((&files, &mut kept), &device, precision, progress)?,
            card,
            trained,
            preview,
            preview_decoder,
            vae,
            device,
            pictures,
            round_trips,
            kept,
        })
    }

    /// See [`PromptEncoder::encode`].
    pub(super) fn encode_prompts(
        &mut self,
        prompt: &str,
        negative: Option<&str>,
        report: &mut RunReport,
        progress: &mut dyn Progress,
    ) -> Result<EncodedText, EngineError> {
        self.prompts.encode(prompt, negative, report, progress)
    }

    /// The latent of a picture, (1, c, h, w).
    pub(super) fn encode_picture(
        &mut self,
        picture: &RgbF32,
        report: &mut RunReport,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        if let Some(cached) = self.pictures.get(picture) {
            return Ok(cached);
        }
        report.picture_encodes += 1;
        let tensor = picture_tensor(picture, &self.device)?;
        let latent = self.vae.encode(&tensor, progress)?;
        self.pictures.insert(picture.clone(), latent.clone());
        Ok(latent)
    }

    /// Looks, once, for the tiny autoencoder that makes previews of this model, in the places that are remembered
    /// in `data_dir`. Gives what the user is told where there is one that cannot be used.
    pub(super) fn find_preview_decoder(
        &mut self,
        data_dir: &Path,
        precision: Precision,
        progress: &mut dyn Progress,
    ) -> Result<Option<Message>, EngineError> {
        if !matches!(self.preview_decoder, PreviewDecoder::NotLookedFor) {
            return Ok(None);
        }
        self.preview_decoder = PreviewDecoder::None;
        let Some(found) = Library::open(data_dir).preview_autoencoder(&self.card) else {
            return Ok(None);
        };
        let decoder = found.decoder().map_err(EngineError::from);
        let loaded = decoder
            .and_then(|decoder| Vae::load_decoder(&decoder, &self.device, precision, progress));
        match loaded {
            Ok(decoder) => {
                self.preview_decoder = PreviewDecoder::Loaded(Box::new(decoder), found.path);
                Ok(None)
            }
            Err(EngineError::Cancelled) => {
                self.preview_decoder = PreviewDecoder::NotLookedFor;
                Err(EngineError::Cancelled)
            }
            Err(error) => Ok(Some(without_decoder(&found.path, &error))),
        }
    }

    /// Makes no more previews by the tiny autoencoder beside the model's own. Gives what the user is told.
    pub(super) fn drop_preview_decoder(&mut self, why: &EngineError) -> Option<Message> {
        match std::mem::replace(&mut self.preview_decoder, PreviewDecoder::None) {
            PreviewDecoder::Loaded(_, path) => Some(without_decoder(&path, why)),
            PreviewDecoder::NotLookedFor | PreviewDecoder::None => None,
        }
    }

    /// The file of the tiny autoencoder that makes previews beside the model's own.
    pub(super) fn preview_file(&self) -> Option<&Path> {
        match &self.preview_decoder {
            PreviewDecoder::Loaded(_, path) => Some(path),
            PreviewDecoder::NotLookedFor | PreviewDecoder::None => None,
        }
    }

    /// The tiny decoder that makes previews, and whether it is the one that decodes the result.
    pub(super) fn preview_decoder(&self) -> Option<(&Vae, bool)> {
        match &self.preview_decoder {
            _ if self.vae.is_tiny() => Some((&self.vae, true)),
            PreviewDecoder::Loaded(decoder, _) => Some((decoder, false)),
            PreviewDecoder::NotLookedFor | PreviewDecoder::None => None,
        }
    }

    /// Whether a map for previews must be fitted to each run's picture.
    pub(super) fn fits_previews(&self) -> bool {
        self.preview.is_none() && !self.vae.is_tiny()
    }

    /// The map for previews, where it need not be fitted.
    pub(super) fn preview_map(&self) -> Option<&LatentPreview> {
        self.preview.as_ref()
    }

    /// How its autoencoder is built.
    pub(super) fn vae_config(&self) -> &VaeConfig {
        self.vae.config()
    }

    /// A latent as the autoencoder gives it, before it is scaled for the U-Net.
    pub(super) fn unscaled(&self, latent: &Tensor) -> Result<Tensor, EngineError> {
        self.vae.unscaled(latent)
    }

    /// A picture encoded and decoded.
    pub(super) fn round_trip(
        &mut self,
        picture: &RgbF32,
        report: &mut RunReport,
        progress: &mut dyn Progress,
    ) -> Result<RgbF32, EngineError> {
        if let Some(cached) = self.round_trips.get(picture) {
            return Ok(cached);
        }
        let latent = self.encode_picture(picture, report, progress)?;
        report.round_trips += 1;
        let decoded = tensor_picture(&self.decode(&latent, progress)?)?;
        self.round_trips.insert(picture.clone(), decoded.clone());
        Ok(decoded)
    }

    /// The picture of a latent, (1, 3, h, w), about −1…1.
    pub(super) fn decode(
        &self,
        latent: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        self.vae.decode(latent, progress)
    }

    /// The words of the prompts that the model does not know.
    pub(super) fn unknown_words<'a>(
        &self,
        prompts: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<String>, EngineError> {
        let mut unknown = Vec::new();
        let mut known = HashSet::new();
        for prompt in prompts {
            let pieces = match &self.card.words {
                Some(words) => words.unknown_words(prompt),
                None => self.prompts.unknown_pieces(prompt)?,
            };
            for piece in pieces {
                if known.insert(piece.clone()) {
                    unknown.push(piece);
                }
            }
        }
        Ok(unknown)
    }
}
