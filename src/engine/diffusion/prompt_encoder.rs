//! [`PromptEncoder`]: from prompts to what the U-Net reads of them, by the model's one or two text encoders.

use candle_core::{Device, Tensor};

use super::cache::LruCache;
use super::text_encoder::{EncodedText, Place, TextEncoder};
use super::tokenizer::PromptTokenizer;
use crate::catalog::ModelFiles;
use crate::engine::nn::precision::Precision;
use crate::engine::nn::weights::KeptWeights;
use crate::engine::{EngineError, Progress, RunReport};

/// Prompts kept encoded.
const TEXTS_KEPT: usize = 8;

/// The tokenizers and text encoders of a model.
#[derive(Debug)]
pub(super) struct PromptEncoder {
    /// At least one.
    encoders: Vec<(PromptTokenizer, TextEncoder)>,
    /// An empty negative prompt stands for zeros; else it is encoded as any other.
    zeros_for_empty: bool,
    texts: LruCache<(bool, Vec<Vec<u32>>), EncodedText>,
}

impl PromptEncoder {
    /// Reads them. `known` are tokenizers of the same model from before, which no LoRA changes.
    pub(super) fn load(
        (files, kept): (&ModelFiles, &mut KeptWeights),
        known: Vec<PromptTokenizer>,
        device: &Device,
        precision: Precision,
        progress: &mut dyn Progress,
    ) -> Result<Self, EngineError> {
        let (mut encoders, mut known) = (Vec::new(), known.into_iter());
        for place in Place::of_model(files) {
            let encoder =
                TextEncoder::load((files, &mut *kept), *place, device, precision, progress)?;
            let tokenizer = match known.next() {
                Some(tokenizer) => tokenizer,
                None => PromptTokenizer::load(files, place.tokenizer(), encoder.window())?,
            };
            progress.checkpoint()?;
            encoders.push((tokenizer, encoder));
        }
        Ok(Self {
            zeros_for_empty: encoders.len() > 1 && zeros_for_empty(files)?,
            encoders,
            texts: LruCache::new(TEXTS_KEPT),
        })
    }

    /// The tokenizers alone.
    pub(super) fn into_tokenizers(self) -> Vec<PromptTokenizer> {
        let encoders = self.encoders.into_iter();
        encoders.map(|(tokenizer, _)| tokenizer).collect()
    }

    /// Numbers they give a token.
    pub(super) fn width(&self) -> usize {
        let widths = self.encoders.iter();
        widths.map(|(_, encoder)| encoder.config().width).sum()
    }

    /// Numbers of a pooled text, where they give one.
    pub(super) fn pooled_width(&self) -> Option<usize> {
        let mut widths = self.encoders.iter();
        widths.find_map(|(_, encoder)| encoder.config().pooled)
    }

    /// The prompts encoded as one batch, the negative one first where it is asked for: each split into
    /// windows, encoded window by window and joined along the tokens. Where there are two encoders, what
    /// they say of a token lies side by side. Pooled text is that of the first window.
    pub(super) fn encode(
        &mut self,
        prompt: &str,
        negative: Option<&str>,
        report: &mut RunReport,
        progress: &mut dyn Progress,
    ) -> Result<EncodedText, EngineError> {
        let zeros = self.zeros_for_empty && negative.is_some_and(str::is_empty);
        let encoded: Vec<&str> = match negative {
            Some(negative) if !zeros => vec![negative, prompt],
            _ => vec![prompt],
        };
        let mut windows = Vec::new();
        for (tokenizer, _) in &self.encoders {
            windows.push(tokenizer.windows_of_all(&encoded)?);
        }
        let most = windows.iter().flatten().map(Vec::len).max().unwrap_or(0);
        for ((tokenizer, _), windows) in self.encoders.iter().zip(&mut windows) {
            tokenizer.fill_up(windows, most);
        }
        let windows: Vec<Vec<Vec<u32>>> = windows.into_iter().map(|w| w.concat()).collect();
        // Kept by the whole batch: another batch of the same window may differ in its last bits.
        let key = (zeros, windows.concat());
        if let Some(cached) = self.texts.get(&key) {
            return Ok(cached);
        }
        report.text_encodes += 1;
        let mut tokens = Vec::new();
        let mut pooled = None;
        for ((_, encoder), windows) in self.encoders.iter().zip(&windows) {
            let text = encoder.encode_many(windows, progress)?;
            let width = encoder.config().width;
            tokens.push(text.tokens.reshape((encoded.len(), (), width))?);
            if let Some(all) = text.pooled {
                let width = all.dim(1)?;
                let of_each = all.reshape((encoded.len(), (), width))?;
                pooled = Some(of_each.narrow(1, 0, 1)?.squeeze(1)?.contiguous()?);
            }
        }
        let tokens = match tokens.as_slice() {
            [only] => only.clone(),
            several => Tensor::cat(several, 2)?,
        };
        let before = |text: Tensor| -> Result<Tensor, EngineError> {
            if zeros {
                return Ok(Tensor::cat(&[&text.zeros_like()?, &text], 0)?);
            }
            Ok(text)
        };
        let text = EncodedText {
            tokens: before(tokens)?,
            pooled: pooled.map(before).transpose()?,
        };
        self.texts.insert(key, text.clone());
        Ok(text)
    }

    /// Pieces of the prompt for which the model has no token.
    pub(super) fn unknown_pieces(&self, prompt: &str) -> Result<Vec<String>, EngineError> {
        match self.encoders.first() {
            Some((tokenizer, _)) => tokenizer.unknown_pieces(prompt),
            None => Ok(Vec::new()),
        }
    }
}

/// `force_zeros_for_empty_prompt` of the model's index.
fn zeros_for_empty(files: &ModelFiles) -> Result<bool, EngineError> {
    const INDEX: &str = "model_index.json";
    if !files.contains(INDEX) {
        return Ok(false);
    }
    let index: serde_json::Value =
        serde_json::from_slice(&files.read(INDEX)?).map_err(|error| EngineError::ModelFile {
            path: files.path(INDEX),
            why: error.to_string().into(),
        })?;
    let says = index.get("force_zeros_for_empty_prompt");
    Ok(says.and_then(serde_json::Value::as_bool).unwrap_or(false))
}
