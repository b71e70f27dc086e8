//! What sees subjects and faces: three small networks, compiled in from `models/vision/`.
//!
//! Pictures in, maps and points out, through [`Vision`]. The layers are those of `engine/nn`; everything runs
//! on the processor in f32, where a map takes half a second. Knows no mask: `select` makes one of the answers.

mod blaze;
mod face_detector;
mod face_mesh;
mod inputs;
mod segment_anything;
#[cfg(test)]
mod tests;
mod u2net;

use std::path::Path;

use candle_core::Device;

use self::face_detector::FaceDetector;
use self::face_mesh::FaceMesh;
use self::segment_anything::SegmentAnything;
use self::u2net::U2Net;
use super::nn::precision::Precision;
use super::nn::weights::{Loader, Weights};
use super::{EngineError, Progress, Segmenter, Vision};
use crate::raster::RgbF32;
use crate::select::{Face, SubjectMap};

/// The weights of each network, and what it is called in messages.
const U2NETP: (&str, &[u8]) = (
    "(built in)/vision/u2netp.safetensors",
    include_bytes!("../../../models/vision/u2netp.safetensors"),
);
const BLAZEFACE: (&str, &[u8]) = (
    "(built in)/vision/blazeface.safetensors",
    include_bytes!("../../../models/vision/blazeface.safetensors"),
);
const FACEMESH: (&str, &[u8]) = (
    "(built in)/vision/facemesh.safetensors",
    include_bytes!("../../../models/vision/facemesh.safetensors"),
);

/// The weights of every built-in network: what they see depends on nothing else.
const WEIGHTS: [&[u8]; 3] = [U2NETP.1, BLAZEFACE.1, FACEMESH.1];

/// [`Vision`] by the built-in networks. They are loaded when they are first asked.
#[derive(Debug, Default)]
pub struct BuiltInVision {
    subject: Option<U2Net>,
    faces: Option<(FaceDetector, FaceMesh)>,
}

impl Vision for BuiltInVision {
    fn identity(&self) -> Vec<&'static [u8]> {
        WEIGHTS.to_vec()
    }

    fn subject(
        &mut self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<SubjectMap, EngineError> {
        let network = match &mut self.subject {
            Some(network) => network,
            absent => absent.insert(load(U2NETP, progress, U2Net::load)?),
        };
        network.subject(picture, progress)
    }

    fn faces(
        &mut self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<Vec<Face>, EngineError> {
        let (detector, mesh) = match &mut self.faces {
            Some(networks) => networks,
            absent => absent.insert((
                load(BLAZEFACE, progress, FaceDetector::load)?,
                load(FACEMESH, progress, FaceMesh::load)?,
            )),
        };
        let mut faces = Vec::new();
        for found in detector.faces(picture, progress)? {
            faces.extend(mesh.face(picture, &found, progress)?);
        }
        Ok(faces)
    }

    fn segmenter(
        &self,
        weights: &Path,
        progress: &mut dyn Progress,
    ) -> Result<Box<dyn Segmenter + Send>, EngineError> {
        Ok(Box::new(SegmentAnything::open(weights, progress)?))
    }
}

fn load<N>(
    (name, bytes): (&str, &'static [u8]),
    progress: &mut dyn Progress,
    network: impl FnOnce(Loader<'_>) -> Result<N, EngineError>,
) -> Result<N, EngineError> {
    let weights = Weights::compiled_in(name, bytes, &Device::Cpu, Precision::F32)?;
    network(Loader::new(weights, progress))
}
