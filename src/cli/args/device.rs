//! What computes, as it is typed.

use std::num::NonZero;

use clap::{Args as ClapArgs, ValueEnum};

use crate::engine::diffusion::{DeviceChoice, EngineOptions, PrecisionChoice};

/// What computes.
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct DeviceArgs {
    /// What computes
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
    /// Numbers the processor multiplies. They change a picture's last bits
    #[arg(long, value_enum, default_value_t)]
    pub precision: Precision,
    /// Threads of the engine, at most one for each processor [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub threads: Option<u32>,
}

/// What computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Device {
    /// A GPU this build knows, else the processor
    #[default]
    Auto,
    /// The processor
    Cpu,
    /// An NVIDIA GPU
    Cuda,
    /// An Apple GPU
    Metal,
}

/// Numbers the processor multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Precision {
    /// bf16 where the processor multiplies it faster, else f32
    #[default]
    Auto,
    /// 24 binary digits
    F32,
    /// 8 binary digits, summed in f32
    Bf16,
}

impl DeviceArgs {
    /// The same, in the engine's words. More threads than processors would only wait for each other.
    pub fn engine_options(&self) -> EngineOptions {
        EngineOptions {
            device: match self.device {
                Device::Auto => DeviceChoice::Auto,
                Device::Cpu => DeviceChoice::Cpu,
                Device::Cuda => DeviceChoice::Cuda,
                Device::Metal => DeviceChoice::Metal,
            },
            precision: match self.precision {
                Precision::Auto => PrecisionChoice::Auto,
                Precision::F32 => PrecisionChoice::F32,
                Precision::Bf16 => PrecisionChoice::Bf16,
            },
            threads: self.threads.map(|count| {
                let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
                (count as usize).min(processors)
            }),
            yielding: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::Args;
    use super::*;

    #[test]
    fn more_threads_than_processors_are_as_many_as_processors() {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        for (typed, wanted) in [
            (None, None),
            (Some("1"), Some(1)),
            (Some("1024"), Some(processors.min(1024))),
            (Some("4294967295"), Some(processors)),
        ] {
            let option = typed.map(|count| format!("--threads={count}"));
            let args = Args::try_parse_from(["overpaint".to_owned()].into_iter().chain(option));
            assert_eq!(args.unwrap().device.engine_options().threads, wanted);
        }
        assert!(Args::try_parse_from(["overpaint", "--threads", "0"]).is_err());
    }
}
