//! What a run asks of the machine, by arithmetic alone: [`Demands`] of a model, [`PassDemand`] of a pass.

use std::sync::Arc;

use crate::catalog::ModelRef;
use crate::geometry::Extent;

/// The sizes of a pass, which decide what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassShape {
    /// The picture the model works on.
    pub work: Extent,
    /// What the U-Net is shown at once, in work pixels: all of `work`, or a tile.
    pub shown: Extent,
    /// How many such parts a step has: 1, or tiles that are not skipped.
    pub parts: u32,
    /// Steps that run.
    pub steps: u32,
    /// Predictions at once: 2 with guidance, 3 where the picture guides too.
    pub prompts: u32,
    /// Pictures that are encoded.
    pub encodes: u32,
    /// Latents that are decoded: 2 where the round trip of the original is asked for.
    pub decodes: u32,
}

/// What a pass asks for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PassDemand {
    /// FLOPs of encoding one picture.
    pub encode_flops: f64,
    /// FLOPs of one prediction: of all that is worked on, or of one tile.
    pub step_flops: f64,
    /// FLOPs of decoding one picture.
    pub decode_flops: f64,
    /// Most memory at once beside the weights and what was there before, in bytes.
    pub peak_bytes: f64,
    /// What stays until the end of the run: what is kept encoded. In bytes.
    pub kept_bytes: f64,
}

/// What runs of one model ask for.
pub trait Demands: std::fmt::Debug + Send + Sync {
    /// Of a pass of that shape.
    fn of_pass(&self, shape: &PassShape) -> PassDemand;
    /// Memory of the weights, in bytes.
    fn weights_bytes(&self) -> f64;
    /// Most memory while they are read, in bytes.
    fn loading_bytes(&self) -> f64;
}

/// Tells the demands of a model; `None` where they cannot be known. May read the model's configuration.
pub type DemandsOf = Arc<dyn Fn(&ModelRef) -> Option<Arc<dyn Demands>> + Send + Sync>;
