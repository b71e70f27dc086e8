//! Where a run is computed, and what that is called.

use candle_core::Device;

use super::cpu;
use crate::engine::EngineError;
use crate::engine::kernels::Instructions;

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

    /// Opens the device.
    pub(super) fn open(self) -> Result<Device, EngineError> {
        match self {
            Self::Cpu => Instructions::chosen()
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

/// What a device is called in reports, with the instructions used of a processor.
pub(super) fn name(device: &Device) -> String {
    match device {
        Device::Cpu => format!("cpu {}", cpu::instructions().name()),
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
        assert!(name(&Device::Cpu).starts_with("cpu"));
        assert_eq!(DeviceChoice::from_id("metal"), Some(DeviceChoice::Metal));
        assert_eq!(DeviceChoice::from_id("tpu"), None);
    }
}
