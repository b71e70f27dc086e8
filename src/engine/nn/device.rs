//! The device and the precision of a run, and their names.

use candle_core::Device;

use super::cpu;
use super::precision::Precision;
use crate::engine::EngineError;
use crate::engine::kernels::Isa;

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// A graphics card where build and machine have one, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The first NVIDIA card.
    Cuda,
    /// Apple's graphics.
    Metal,
}

impl DeviceChoice {
    /// Every choice, in the order shown to people.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Cpu, Self::Cuda, Self::Metal];

    /// Its stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Metal => "metal",
        }
    }

    /// The choice of that id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.id() == id)
    }

    /// True where the processor will compute. Opens nothing.
    pub(crate) fn is_processor(self) -> bool {
        let graphics =
            candle_core::utils::cuda_is_available() || candle_core::utils::metal_is_available();
        self == Self::Cpu || self == Self::Auto && !graphics
    }

    /// Opens the device.
    pub(crate) fn open(self) -> Result<Device, EngineError> {
        match self {
            Self::Cpu => Isa::chosen()
                .map(|_| Device::Cpu)
                .map_err(|why| self.refused(why)),
            Self::Cuda => self.graphics(candle_core::utils::cuda_is_available(), Device::new_cuda),
            Self::Metal => {
                self.graphics(candle_core::utils::metal_is_available(), Device::new_metal)
            }
            Self::Auto => Ok(Self::Cuda
                .open()
                .or_else(|_| Self::Metal.open())
                .or_else(|_| Self::Cpu.open())?),
        }
    }

    fn graphics(
        self,
        in_build: bool,
        open: fn(usize) -> candle_core::Result<Device>,
    ) -> Result<Device, EngineError> {
        if !in_build {
            let id = self.id();
            let why = format!("this build has no {id} support; build with --features {id}");
            return Err(self.refused(why));
        }
        open(0).map_err(|error| self.refused(error.to_string()))
    }

    fn refused(self, why: String) -> EngineError {
        EngineError::Device {
            device: self.id().to_owned(),
            why,
        }
    }
}

/// The dtype of GEMMs on the CPU. Accumulation, and all that is no GEMM, is f32 either way, and so are the
/// text encoder, the time embedding and the layers at the ends of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrecisionChoice {
    /// bf16 where the processor multiplies it faster than f32, else f32.
    #[default]
    Auto,
    /// f32 on the processor.
    F32,
    /// bf16 on the processor; an error where it has no bf16 instructions.
    Bf16,
}

impl PrecisionChoice {
    /// The precision of networks on `device`. A GPU has its own.
    pub(crate) fn on(self, device: &Device) -> Result<Precision, EngineError> {
        let here = device.is_cpu();
        let refused = |why| EngineError::Device {
            device: "bf16".to_owned(),
            why,
        };
        Ok(match self {
            Self::Auto if here && cpu::isa().bf16().is_some() => Precision::BF16,
            Self::Auto | Self::F32 => Precision::F32,
            Self::Bf16 if !here => return Err(refused("it is for the processor".to_owned())),
            Self::Bf16 => {
                Isa::chosen_with_bf16().map_err(refused)?;
                Precision::BF16
            }
        })
    }
}

/// What a device is called in reports, with the instructions used of a processor.
pub(crate) fn name(device: &Device, precision: Precision) -> String {
    match device {
        Device::Cpu => format!("cpu {}", precision.isa().name()),
        Device::Cuda(_) => "cuda".to_owned(),
        Device::Metal(_) => "metal".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_build_lacks_is_an_error_that_says_so() {
        for choice in [DeviceChoice::Cuda, DeviceChoice::Metal] {
            if let Err(error) = choice.open() {
                assert!(
                    matches!(&error, EngineError::Device { device, .. } if device == choice.id())
                );
            }
        }
        assert!(DeviceChoice::Auto.open().is_ok());
        assert!(name(&Device::Cpu, Precision::F32).starts_with("cpu"));
        assert_eq!(DeviceChoice::from_id("metal"), Some(DeviceChoice::Metal));
        assert_eq!(DeviceChoice::from_id("tpu"), None);
    }

    #[test]
    fn bf16_is_had_where_the_processor_has_it() {
        let of = |choice: PrecisionChoice| choice.on(&Device::Cpu);
        assert_eq!(of(PrecisionChoice::F32), Ok(Precision::F32));
        let set = Isa::chosen_with_bf16();
        assert_eq!(of(PrecisionChoice::Bf16).is_ok(), set.is_ok());
        if let Ok(set) = set {
            let name = name(&Device::Cpu, Precision::BF16);
            assert!(["cpu avx512bf16", "cpu amx"].contains(&name.as_str()));
            assert!(name.ends_with(set.name()));
        }
        let auto = of(PrecisionChoice::Auto).unwrap();
        let fast = cpu::isa().bf16().is_some();
        assert_eq!(auto == Precision::BF16, fast);
    }
}
