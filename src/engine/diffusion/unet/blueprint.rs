//! The [`Blueprint`] of a U-Net.

use super::super::blueprint::{Blueprint, Draft, Grid};
use super::config::{Level, Mid, UnetConfig};

/// The input sizes of a transformer.
#[derive(Clone, Copy)]
struct Surroundings {
    grid: Grid,
    /// Tokens of each text.
    tokens: usize,
}

impl UnetConfig {
    /// One pass over latents of that size with texts of `tokens` each.
    pub(crate) fn blueprint(&self, grid: Grid, tokens: usize) -> Blueprint {
        Blueprint::drawn(|draft| {
            let mut time = draft.scope("time_embedding");
            let first = self.first_channels();
            let rows = usize::from(grid.pictures > 0);
            if let Some(guidance) = self.guidance_width {
                time.linear_unbiased("cond_proj", (guidance, first), rows);
            }
            time.linear("linear_1", (first, self.time_width), rows);
            time.linear("linear_2", (self.time_width, self.time_width), rows);
            if let Some(added) = self.added {
                let mut draft = draft.scope("add_embedding");
                draft.linear("linear_1", (added.total(), self.time_width), grid.pictures);
                draft.linear(
                    "linear_2",
                    (self.time_width, self.time_width),
                    grid.pictures,
                );
            }
            draft.conv("conv_in", (self.in_channels, first), 3, grid);
            draft.keep(first, grid);

            let mut grids = vec![grid];
            for index in 0..self.levels.len() {
                let grid = grids.last().copied().unwrap_or(grid);
                let around = Surroundings { grid, tokens };
                self.draw_down(&mut draft.member("down_blocks", index), index, around);
                grids.push(grid.halved(self.downsample_padding == 0));
            }
            // The last level does not halve.
            grids.pop();
            let around = Surroundings {
                grid: grids.last().copied().unwrap_or(grid),
                tokens,
            };
            self.draw_mid(&mut draft.scope("mid_block"), around);
            for (at, index) in (0..self.levels.len()).rev().enumerate() {
                let grid = grids.pop().unwrap_or(grid);
                let above = grids.last().copied();
                let around = Surroundings { grid, tokens };
                self.draw_up(&mut draft.member("up_blocks", at), index, around, above);
            }
            draft.norm("conv_norm_out", first);
            draft.conv("conv_out", (first, self.out_channels), 3, grid);
        })
    }

    fn draw_down(&self, draft: &mut Draft<'_>, index: usize, around: Surroundings) {
        let level = &self.levels[index];
        let above = &self.levels[index.saturating_sub(1)];
        for at in 0..level.layers {
            let inputs = if at == 0 { above } else { level }.channels;
            self.draw_resnet(&mut draft.member("resnets", at), inputs, level, around);
            if let Some(depth) = level.down_depth {
                self.draw_transformer(&mut draft.member("attentions", at), level, depth, around);
            }
            draft.keep(level.channels, around.grid);
        }
        if index + 1 < self.levels.len() {
            let smaller = around.grid.halved(self.downsample_padding == 0);
            draft.downsample(level.channels, smaller);
            draft.keep(level.channels, smaller);
        }
    }

    fn draw_mid(&self, draft: &mut Draft<'_>, around: Surroundings) {
        let Some(level) = self.levels.last() else {
            return;
        };
        let resnet = |draft: &mut Draft<'_>, at: usize| {
            let mut draft = draft.member("resnets", at);
            self.draw_resnet(&mut draft, level.channels, level, around);
        };
        match self.mid {
            Mid::Absent => {}
            Mid::Resnet => resnet(draft, 0),
            Mid::CrossAttention { depth } => {
                resnet(draft, 0);
                self.draw_transformer(&mut draft.member("attentions", 0), level, depth, around);
                resnet(draft, 1);
            }
        }
    }

    fn draw_up(
        &self,
        draft: &mut Draft<'_>,
        index: usize,
        around: Surroundings,
        larger: Option<Grid>,
    ) {
        let level = &self.levels[index];
        let above = &self.levels[index.saturating_sub(1)];
        let below = self.levels.get(index + 1).unwrap_or(level);
        for at in 0..=level.layers {
            let carried = if at == 0 { below } else { level }.channels;
            let skipped = if at == level.layers { above } else { level }.channels;
            draft.let_go(skipped, around.grid);
            let mut resnet = draft.member("resnets", at);
            self.draw_resnet(&mut resnet, carried + skipped, level, around);
            if let Some(depth) = level.up_depth {
                self.draw_transformer(&mut draft.member("attentions", at), level, depth, around);
            }
        }
        if let Some(larger) = larger {
            draft.upsample(level.channels, larger);
        }
    }

    fn draw_resnet(
        &self,
        draft: &mut Draft<'_>,
        inputs: usize,
        level: &Level,
        around: Surroundings,
    ) {
        // Once for all pictures, which are at the same time, unless each has something added to it.
        let rows = match self.added {
            Some(_) => around.grid.pictures,
            None => around.grid.pictures.min(1),
        };
        let time = Some((self.time_width, rows));
        draft.resnet((inputs, level.channels), time, around.grid);
    }

    fn draw_transformer(
        &self,
        draft: &mut Draft<'_>,
        level: &Level,
        depth: usize,
        Surroundings { grid, tokens }: Surroundings,
    ) {
        let channels = level.channels;
        let width = channels / level.heads * level.heads;
        let pixels = grid.height * grid.width;
        let (members, rows) = (grid.pictures, grid.pictures * pixels);
        let ends = |draft: &mut Draft<'_>, name: &str, ends: (usize, usize)| {
            // The same thing, in two shapes.
            if self.linear_projection {
                draft.linear(name, ends, rows);
            } else {
                draft.conv(name, ends, 1, grid);
            }
        };
        // The transformer's and the block's input, normalised, and queries, keys, values and their result,
        // or the inside of the feed-forward network.
        draft.live(7 * width, grid);
        draft.norm("norm", channels);
        ends(draft, "proj_in", (channels, width));
        for at in 0..depth {
            let mut block = draft.member("transformer_blocks", at);
            for (index, context, keys) in
                [(1, width, pixels), (2, self.cross_attention_dim, tokens)]
            {
                block.norm(&format!("norm{index}"), width);
                let mut attention = block.scope(&format!("attn{index}"));
                attention.linear_unbiased("to_q", (width, width), rows);
                attention.linear_unbiased("to_k", (context, width), members * keys);
                attention.linear_unbiased("to_v", (context, width), members * keys);
                attention.attention_gemms(members, (pixels, keys), width);
                attention.linear("to_out.0", (width, width), rows);
            }
            block.norm("norm3", width);
            block.linear("ff.net.0.proj", (width, 8 * width), rows);
            block.linear("ff.net.2", (4 * width, width), rows);
        }
        ends(draft, "proj_out", (width, channels));
    }
}
