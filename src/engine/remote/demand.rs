//! [`demands_of`]: how much work a run on a server is. It is known of the model's family only; what a server
//! took before makes it seconds, so that nothing but the ratio between sizes and families counts.

use std::sync::Arc;

use crate::catalog::{Family, ServedModel};
use crate::engine::{Demands, PassDemand, PassShape};

/// FLOPs of the autoencoder of all these families for a pixel, at 512 × 512: 1.1 · 10¹² to encode and
/// 2.5 · 10¹² to decode.
const ENCODE_FLOPS: f64 = 4.2e6;
const DECODE_FLOPS: f64 = 9.5e6;

/// What runs of a model on a server ask for.
pub fn demands_of(model: &ServedModel) -> Arc<dyn Demands> {
    Arc::new(ServedDemands {
        // Of a prediction at the family's own size: 0.8 · 10¹² at 512 × 512, 6 · 10¹² at 1024 × 1024.
        step_flops: match model.family {
            Family::Xl => 5.7e6,
            Family::StableDiffusion1 | Family::StableDiffusion2 | Family::Other => 3.1e6,
        },
    })
}

#[derive(Debug)]
struct ServedDemands {
    /// For a pixel.
    step_flops: f64,
}

impl Demands for ServedDemands {
    fn of_pass(&self, shape: &PassShape) -> PassDemand {
        let work = shape.work.area() as f64;
        PassDemand {
            encode_flops: ENCODE_FLOPS * work,
            step_flops: self.step_flops * shape.shown.area() as f64,
            decode_flops: DECODE_FLOPS * work,
            // Its memory is not this machine's.
            peak_bytes: 0.0,
            kept_bytes: 0.0,
        }
    }

    fn weights_bytes(&self) -> f64 {
        0.0
    }

    fn loading_bytes(&self) -> f64 {
        0.0
    }
}
