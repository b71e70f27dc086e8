//! [`ConvGeometry`]: sizes, stride and padding of a convolution.

/// Geometry of a convolution of pictures `(batch, height, width, channels)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvGeometry {
    /// Pictures.
    pub(crate) batch: usize,
    /// Rows of the input as it is stored.
    pub(crate) height: usize,
    /// Columns of the input as it is stored.
    pub(crate) width: usize,
    /// Rows and columns of a nearest-neighbour upsampling, fused before the convolution.
    pub(crate) upsampled_to: Option<(usize, usize)>,
    /// Side of the kernel.
    pub(crate) kernel: usize,
    /// Stride.
    pub(crate) stride: usize,
    /// Pixels of the input from one tap of the kernel to the next; 1 where they touch
    /// ([Yu & Koltun 2016](https://arxiv.org/abs/1511.07122)).
    pub(crate) dilation: usize,
    /// Zero padding above and left of the (upsampled) input.
    pub(crate) padding_before: usize,
    /// Zero padding below and right of it.
    pub(crate) padding_after: usize,
}

impl ConvGeometry {
    /// Rows and columns of what is convolved.
    pub(crate) fn input_size(&self) -> (usize, usize) {
        self.upsampled_to.unwrap_or((self.height, self.width))
    }

    /// Rows and columns of the output.
    pub(crate) fn output_size(&self) -> (usize, usize) {
        let along = |len: usize| {
            let padded = len + self.padding_before + self.padding_after;
            padded
                .checked_sub((self.kernel - 1) * self.dilation + 1)
                .map_or(0, |rest| rest / self.stride + 1)
        };
        let (height, width) = self.input_size();
        (along(height), along(width))
    }
}
