//! The networks of a model, each by itself, for `overpaint bench` and for comparing their outputs with
//! another program's. An edit goes through [`DiffusionEngine`](super::DiffusionEngine).

use std::collections::HashMap;
use std::io;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::Dtype;
use safetensors::tensor::{View, serialize_to_file};

use super::blueprint::{Blueprint, Grid};
use super::engine::EngineOptions;
use super::noise::NoiseSource;
use super::text_encoder::{Place, TextEncoder, TextEncoderConfig};
use super::tokenizer::PromptTokenizer;
use super::unet::{Conditions, PictureSizes, Pooled, Unet, UnetConfig};
use super::vae::{Vae, VaeConfig};
use crate::catalog::{ModelFiles, ModelRef};
use crate::engine::nn::device;
use crate::engine::nn::failure::bad_input;
use crate::engine::nn::precision::Precision;
use crate::engine::nn::weights::KeptWeights;
use crate::engine::{EngineError, Progress};
use crate::geometry::Extent;

/// Tokens of the U-Net's text embeddings.
const TOKENS: usize = 77;
/// The timestep of the U-Net.
const TIMESTEP: f64 = 501.0;
/// Prompts encoded, and members of the U-Net's batch: with guidance on there are two.
const PROMPTS: [&str; 2] = ["", "cat, in space"];
/// Seed of the inputs.
const SEED: u64 = 7;

/// A part of a model that can be run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The text encoder, or the first of two, on two prompts.
    TextEncoder,
    /// The second text encoder, where a model has one, on two prompts: its pooled text.
    TextEncoder2,
    /// The autoencoder's encoder on one picture.
    VaeEncoder,
    /// One U-Net step with a batch of two, as with classifier-free guidance.
    Unet,
    /// The autoencoder's decoder on one latent.
    VaeDecoder,
}

impl Part {
    /// All of them, in the order of an edit.
    pub const ALL: [Self; 5] = [
        Self::TextEncoder,
        Self::TextEncoder2,
        Self::VaeEncoder,
        Self::Unet,
        Self::VaeDecoder,
    ];

    /// The text encoder it stands for.
    fn text_encoder(self) -> Option<Place> {
        match self {
            Self::TextEncoder => Some(Place::First),
            Self::TextEncoder2 => Some(Place::Second),
            Self::VaeEncoder | Self::Unet | Self::VaeDecoder => None,
        }
    }

    /// Whether `model` has it.
    pub fn is_in(self, model: &ModelRef) -> bool {
        let places = Place::of_model(&ModelFiles::of(model));
        self.text_encoder()
            .is_none_or(|place| places.contains(&place))
    }

    /// What the sides of a picture for this part of `model` must be multiples of, by the model's
    /// configuration.
    pub fn size_multiple_px(self, model: &ModelRef) -> Result<u32, EngineError> {
        match self {
            Self::TextEncoder | Self::TextEncoder2 => Ok(1),
            _ => Ok(VaeConfig::read(&ModelFiles::of(model))?.factor as u32),
        }
    }

    /// FLOPs of one forward pass of this part of `model` for a picture of `size`, counted from the
    /// model's configuration. `prompts`: 2 with guidance, else 1.
    pub fn flops(self, model: &ModelRef, size: Extent, prompts: usize) -> Result<u64, EngineError> {
        let files = ModelFiles::of(model);
        if let Some(place) = self.text_encoder() {
            let config = TextEncoderConfig::read(&files, place)?;
            return Ok(config.blueprint(prompts).flops);
        }
        let vae = VaeConfig::read(&files)?;
        let grid = |pictures: usize, factor: usize| Grid {
            pictures,
            height: size.height as usize / factor,
            width: size.width as usize / factor,
        };
        let blueprint: Blueprint = match self {
            Self::VaeEncoder => vae.encoder_blueprint(grid(1, 1)),
            Self::VaeDecoder => vae.decoder_blueprint(grid(1, vae.factor)),
            _ => UnetConfig::read(&files)?.blueprint(grid(prompts, vae.factor), TOKENS),
        };
        Ok(blueprint.flops)
    }
}

/// A loaded part of a model.
#[derive(Debug)]
pub struct LoadedPart {
    part: Part,
    model: ModelRef,
    network: Network,
    /// Pixels per latent pixel along a side; 1 where pictures have nothing to do with it.
    factor: usize,
    device: Device,
    precision: Precision,
}

#[derive(Debug)]
enum Network {
    Text(Box<(PromptTokenizer, TextEncoder)>),
    Autoencoder(Box<Vae>),
    Unet(Box<Unet>),
}

/// The inputs of a part, always the same ones.
#[derive(Debug)]
pub struct PartInputs {
    /// Text ids are whole numbers.
    tensors: Vec<(&'static str, Tensor)>,
    flops: u64,
    /// Of the picture.
    size: Extent,
}

/// The output of a part.
#[derive(Debug)]
pub struct PartOutput(Tensor);

impl LoadedPart {
    /// Reads one part of a model.
    pub fn load(
        model: &ModelRef,
        part: Part,
        options: EngineOptions,
        progress: &mut dyn Progress,
    ) -> Result<Self, EngineError> {
        let (device, mut precision) = options.start()?;
        if part.text_encoder().is_some() {
            precision = precision.in_f32();
        }
        let files = ModelFiles::of(model);
        let mut kept = KeptWeights::default();
        let network = match part {
            Part::TextEncoder | Part::TextEncoder2 => {
                let place = part.text_encoder().unwrap_or(Place::First);
                let encoder =
                    TextEncoder::load((&files, &mut kept), place, &device, precision, progress)?;
                let folder = place.tokenizer();
                let tokenizer = PromptTokenizer::load(&files, folder, encoder.window())?;
                Network::Text(Box::new((tokenizer, encoder)))
            }
            Part::VaeEncoder | Part::VaeDecoder => {
                Network::Autoencoder(Box::new(Vae::load(&files, &device, precision, progress)?))
            }
            Part::Unet => Network::Unet(Box::new(Unet::load(
                (&files, &mut kept),
                &device,
                precision,
                progress,
            )?)),
        };
        let factor = part.size_multiple_px(model)? as usize;
        Ok(Self {
            part,
            model: model.clone(),
            network,
            factor,
            device,
            precision,
        })
    }

    /// What computes, such as `cpu avx512`.
    pub fn device(&self) -> String {
        device::name(&self.device, self.precision)
    }

    /// The inputs for a picture of that size, whose sides must be multiples of
    /// [`Part::size_multiple_px`]; with guidance there are two prompts and two predictions.
    pub fn inputs(&self, size: Extent, is_guided: bool) -> Result<PartInputs, EngineError> {
        let prompts = if is_guided {
            &PROMPTS[..]
        } else {
            &PROMPTS[..1]
        };
        let (height, width) = (size.height as usize, size.width as usize);
        if size.is_empty() || height % self.factor != 0 || width % self.factor != 0 {
            return Err(bad_input(format!("{size} in steps of {}", self.factor)));
        }
        let (rows, columns) = (height / self.factor, width / self.factor);
        let noise = NoiseSource::new(SEED);
        let tensor = |numbers: Vec<f32>, shape: &[usize]| {
            Tensor::from_vec(numbers, shape, &self.device).map_err(EngineError::from)
        };
        let tensors = match &self.network {
            Network::Text(text) => {
                let (tokenizer, _) = &**text;
                let windows = tokenizer.windows_of_all(prompts)?.concat();
                let count = windows.len();
                let ids = Tensor::from_vec(windows.concat(), (count, ()), &self.device)?;
                vec![("ids", ids)]
            }
            Network::Autoencoder(vae) if self.part == Part::VaeEncoder => {
                let shape = [1, vae.config().image_channels, height, width];
                let numbers = noise.initial(shape.iter().product());
                let numbers = numbers.into_iter().map(|v| (v / 2.0).clamp(-1.0, 1.0));
                vec![("picture", tensor(numbers.collect(), &shape)?)]
            }
            Network::Autoencoder(vae) => {
                let shape = [1, vae.config().latent_channels, rows, columns];
                let latent = tensor(noise.initial(shape.iter().product()), &shape)?;
                vec![("latent", latent)]
            }
            Network::Unet(unet) => {
                let config = unet.config();
                let shape = [1, config.in_channels, rows, columns];
                // Both predictions are of one latent, as in an edit.
                let latent = tensor(noise.initial(shape.iter().product()), &shape)?;
                let latent = Tensor::cat(&vec![&latent; prompts.len()], 0)?;
                let shape = [prompts.len(), TOKENS, config.cross_attention_dim];
                let text = tensor(noise.step(0, shape.iter().product()), &shape)?;
                let mut tensors = vec![("latent", latent), ("text", text)];
                if let Some(added) = config.added {
                    let shape = [prompts.len(), added.pooled];
                    let pooled = tensor(noise.step(1, shape.iter().product()), &shape)?;
                    let sizes = PictureSizes::of_whole(size).numbers().map(|n| n as f32);
                    let sizes = Tensor::new(&sizes, &self.device)?;
                    tensors.extend([("pooled", pooled), ("sizes", sizes)]);
                }
                tensors
            }
        };
        Ok(PartInputs {
            tensors,
            flops: self.part.flops(&self.model, size, prompts.len())?,
            size,
        })
    }

    /// Runs one forward pass.
    pub fn forward(
        &self,
        inputs: &PartInputs,
        progress: &mut dyn Progress,
    ) -> Result<PartOutput, EngineError> {
        let size = inputs.size;
        let inputs: Vec<&Tensor> = inputs.tensors.iter().map(|(_, input)| input).collect();
        let output = match (&self.network, inputs.as_slice()) {
            (Network::Text(text), [ids]) => {
                let encoded = text.1.encode(&ids.to_vec2()?, progress)?;
                encoded.pooled.unwrap_or(encoded.tokens)
            }
            (Network::Autoencoder(vae), [picture]) if self.part == Part::VaeEncoder => {
                vae.encode(picture, progress)?
            }
            (Network::Autoencoder(vae), [latent]) => vae.decode(latent, progress)?,
            (Network::Unet(unet), [latent, text, more @ ..]) => {
                // The conditioning, which an edit computes once, is in here too: other programs compute
                // it at every step.
                let conditions = Conditions {
                    text,
                    pooled: more.first().map(|text| Pooled {
                        text,
                        sizes: PictureSizes::of_whole(size),
                    }),
                    guidance: 1.0,
                };
                let conditioning = unet.condition(&conditions, &[TIMESTEP], progress)?;
                unet.predict(latent, TIMESTEP, &conditioning, progress)?
            }
            _ => return Err(bad_input("inputs of another part")),
        };
        // A GPU has finished only when its output is here.
        Ok(PartOutput(output.to_device(&Device::Cpu)?))
    }
}

impl PartInputs {
    /// FLOPs of one forward pass.
    pub fn flops(&self) -> u64 {
        self.flops
    }

    /// Writes inputs, timestep and output as f32 in one safetensors file.
    pub fn write(&self, output: &PartOutput, path: &Path) -> io::Result<()> {
        let time = Tensor::new(&[TIMESTEP as f32], &Device::Cpu).map_err(io::Error::other)?;
        let all = self
            .tensors
            .iter()
            .map(|(name, tensor)| (*name, tensor))
            .chain([("timestep", &time), ("output", &output.0)]);
        let numbers = all
            .map(|(name, tensor)| Ok((name, Numbers::of(tensor)?)))
            .collect::<Result<Vec<_>, EngineError>>()
            .map_err(io::Error::other)?;
        serialize_to_file(numbers, None::<HashMap<String, String>>, path).map_err(io::Error::other)
    }
}

impl PartOutput {
    /// The mean of its numbers' squares: about 1 where the weights of a random model keep numbers
    /// where they should.
    pub fn mean_square(&self) -> Result<f64, EngineError> {
        let mean = self.0.to_dtype(DType::F64)?.sqr()?.mean_all()?;
        Ok(mean.to_scalar()?)
    }
}

/// A tensor on its way into a file.
struct Numbers {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Numbers {
    fn of(tensor: &Tensor) -> Result<Self, EngineError> {
        let values = tensor.to_dtype(DType::F32)?.flatten_all()?;
        let values = values.to_vec1::<f32>()?;
        Ok(Self {
            shape: tensor.dims().to_vec(),
            bytes: values.into_iter().flat_map(f32::to_le_bytes).collect(),
        })
    }
}

impl View for Numbers {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> std::borrow::Cow<'_, [u8]> {
        (&self.bytes).into()
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}
