//! The [`Blueprint`] of a text encoder.

use super::super::blueprint::Blueprint;
use super::TextEncoderConfig;

impl TextEncoderConfig {
    /// One pass over that many whole windows. Names as in files of Stable Diffusion 1.5.
    pub(crate) fn blueprint(&self, windows: usize) -> Blueprint {
        let (width, tokens) = (self.width, self.window);
        let rows = windows * tokens;
        Blueprint::drawn(|draft| {
            let mut model = draft.scope("text_model");
            let mut embeddings = model.scope("embeddings");
            embeddings.embedding("token_embedding", self.vocabulary, width);
            embeddings.embedding("position_embedding", tokens, width);
            for at in 0..self.layers {
                let mut layer = model.member("encoder.layers", at);
                layer.norm("layer_norm1", width);
                let mut attention = layer.scope("self_attn");
                for name in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                    attention.linear(name, (width, width), rows);
                }
                // All of it, though a token looks at those before it only: that is what is computed.
                attention.attention_gemms(windows, (tokens, tokens), width);
                layer.norm("layer_norm2", width);
                layer.linear("mlp.fc1", (width, self.inner_width), rows);
                layer.linear("mlp.fc2", (self.inner_width, width), rows);
            }
            model.norm("final_layer_norm", width);
            if let Some(pooled) = self.pooled {
                draft.linear_unbiased("text_projection", (width, pooled), windows);
            }
        })
    }
}
