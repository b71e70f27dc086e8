//! [`StoredTensor`]: where one weight lies in a file.

pub use safetensors::Dtype;

/// Where one weight lies in a file, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTensor {
    /// Numbers it is stored in.
    pub dtype: Dtype,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Elements from one to the next along each dimension, where that is not row-major.
    pub(super) strides: Option<Vec<usize>>,
    /// Its first byte in the file.
    pub(super) start: usize,
}

impl StoredTensor {
    /// Numbers it holds.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes its numbers take.
    pub fn byte_len(&self) -> usize {
        self.elements() * self.number_bytes()
    }

    pub(super) fn number_bytes(&self) -> usize {
        self.dtype.bitsize() / 8
    }

    /// The same numbers in another shape; unchanged where it does not fit.
    #[must_use]
    pub(super) fn reshaped(&self, shape: &[usize]) -> Self {
        let fits = self.strides.is_none() && shape.iter().product::<usize>() == self.elements();
        Self {
            shape: if fits { shape } else { &self.shape }.to_vec(),
            ..self.clone()
        }
    }

    /// Part `index` of `count` equal parts along the first dimension; `None` where it has none.
    pub(super) fn part(&self, index: usize, count: usize) -> Option<Self> {
        let rows = *self.shape.first()?;
        if self.strides.is_some() || count == 0 || !rows.is_multiple_of(count) || index >= count {
            return None;
        }
        let mut part = self.clone();
        *part.shape.first_mut()? = rows / count;
        part.start += index * part.byte_len();
        Some(part)
    }

    /// A matrix with rows and columns swapped; `None` for what is none.
    pub(super) fn transposed(&self) -> Option<Self> {
        let (&[rows, columns], None) = (self.shape.as_slice(), &self.strides) else {
            return None;
        };
        Some(Self {
            shape: vec![columns, rows],
            strides: Some(vec![1, columns]),
            ..self.clone()
        })
    }
}
