//! The only place where pictures and masks meet tensors.

use candle_core::{DType, Device, Tensor};

use crate::engine::EngineError;
use crate::geometry::Extent;
use crate::raster::RgbF32;

/// A picture as the autoencoder reads it: (1, 3, h, w), −1…1.
pub(crate) fn picture_tensor(picture: &RgbF32, device: &Device) -> Result<Tensor, EngineError> {
    let scaled = |plane: usize| {
        let channel = move |pixel: &[f32; 3]| pixel.get(plane).map_or(0.0, |v| v * 2.0 - 1.0);
        picture.pixels.iter().map(channel)
    };
    let planes: Vec<f32> = scaled(0).chain(scaled(1)).chain(scaled(2)).collect();
    let (width, height) = sides(picture.extent);
    Ok(Tensor::from_vec(planes, (1, 3, height, width), device)?)
}

/// The picture in a (1, 3, h, w) tensor of −1…1, cut to that range.
pub(crate) fn tensor_picture(tensor: &Tensor) -> Result<RgbF32, EngineError> {
    let (_, channels, height, width) = tensor.dims4()?;
    let pixels = channels_last(&tensor.affine(0.5, 0.5)?, channels)?;
    let pixel = |values: &[f32]| {
        let value = |i: usize| values.get(i).copied().unwrap_or(0.0);
        [value(0), value(1), value(2)]
    };
    let pixels: Vec<[f32; 3]> = pixels.chunks_exact(channels).map(pixel).collect();
    if !pixels.iter().flatten().all(|value| value.is_finite()) {
        return Err(EngineError::NotFiniteResult);
    }
    Ok(RgbF32 {
        extent: extent(width, height),
        pixels: pixels
            .into_iter()
            .map(|pixel| pixel.map(|v| v.clamp(0.0, 1.0)))
            .collect(),
    })
}

/// A latent (1, c, h, w) as c values a pixel, row-major, with its size.
pub(crate) fn latent_pixels(latent: &Tensor) -> Result<(Extent, Vec<f32>), EngineError> {
    let (_, channels, height, width) = latent.dims4()?;
    Ok((extent(width, height), channels_last(latent, channels)?))
}

/// Values of a plane as a (1, 1, h, w) tensor.
pub(crate) fn plane_tensor(
    values: Vec<f32>,
    size: Extent,
    device: &Device,
) -> Result<Tensor, EngineError> {
    let (width, height) = sides(size);
    Ok(Tensor::from_vec(values, (1, 1, height, width), device)?)
}

/// Where a (1, 1, h, w) plane of yes and no is yes, `yes`, else `no`; both of (1, c, h, w).
pub(crate) fn choose(plane: &[bool], yes: &Tensor, no: &Tensor) -> Result<Tensor, EngineError> {
    let (_, channels, height, width) = no.dims4()?;
    let plane: Vec<u8> = plane.iter().map(|&yes| u8::from(yes)).collect();
    let mask = Tensor::from_vec(plane, (1, 1, height, width), no.device())?
        .expand((1, channels, height, width))?
        .contiguous()?;
    Ok(mask.where_cond(yes, no)?)
}

/// Noise as a (1, c, h, w) tensor.
pub(crate) fn noise_tensor(
    numbers: Vec<f32>,
    shape: (usize, usize, usize, usize),
    device: &Device,
) -> Result<Tensor, EngineError> {
    Ok(Tensor::from_vec(numbers, shape, device)?)
}

/// Fails where a latent holds NaN or infinity.
pub(crate) fn check_finite(latent: &Tensor) -> Result<(), EngineError> {
    let values = latent
        .to_dtype(DType::F32)?
        .flatten_all()?
        .to_vec1::<f32>()?;
    if values.iter().all(|value| value.is_finite()) {
        Ok(())
    } else {
        Err(EngineError::NotFiniteResult)
    }
}

/// The mean of each block of `factor` × `factor` pixels.
pub(crate) fn reduced(picture: &RgbF32, factor: u32) -> RgbF32 {
    let size = Extent::new(
        picture.extent.width / factor,
        picture.extent.height / factor,
    );
    let row = picture.extent.width as usize;
    let block = factor as usize;
    let share = 1.0 / (block * block) as f32;
    let mean = |x: usize, y: usize| {
        let mut sum = [0.0; 3];
        for line in y * block..(y + 1) * block {
            let from = line * row + x * block;
            for pixel in picture.pixels.get(from..from + block).unwrap_or_default() {
                for (total, value) in sum.iter_mut().zip(pixel) {
                    *total += value;
                }
            }
        }
        sum.map(|total| total * share)
    };
    RgbF32 {
        extent: size,
        pixels: (0..size.height as usize)
            .flat_map(|y| (0..size.width as usize).map(move |x| (x, y)))
            .map(|(x, y)| mean(x, y))
            .collect(),
    }
}

fn channels_last(tensor: &Tensor, channels: usize) -> Result<Vec<f32>, EngineError> {
    Ok(tensor
        .to_dtype(DType::F32)?
        .reshape((channels, ()))?
        .t()?
        .contiguous()?
        .flatten_all()?
        .to_vec1()?)
}

fn sides(extent: Extent) -> (usize, usize) {
    (extent.width as usize, extent.height as usize)
}

fn extent(width: usize, height: usize) -> Extent {
    Extent::new(width as u32, height as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> RgbF32 {
        RgbF32 {
            extent: Extent::new(4, 2),
            pixels: (0..8).map(|i| [i as f32 / 8.0, 0.25, 1.0]).collect(),
        }
    }

    #[test]
    fn a_picture_comes_back_from_its_tensor() {
        let tensor = picture_tensor(&picture(), &Device::Cpu).unwrap();
        assert_eq!(tensor.dims(), [1, 3, 2, 4]);
        let red = tensor
            .to_device(&Device::Cpu)
            .unwrap()
            .flatten_all()
            .unwrap();
        assert_eq!(red.to_vec1::<f32>().unwrap()[..3], [-1.0, -0.75, -0.5]);
        assert_eq!(tensor_picture(&tensor).unwrap(), picture());
    }

    #[test]
    fn what_comes_out_is_cut_to_the_range_and_must_be_finite() {
        let tensor = Tensor::new(&[[[[3.0f32]], [[-7.0]], [[0.0]]]], &Device::Cpu).unwrap();
        assert_eq!(tensor_picture(&tensor).unwrap().pixels, [[1.0, 0.0, 0.5]]);
        let broken = Tensor::new(&[[[[f32::NAN]], [[0.0]], [[0.0]]]], &Device::Cpu).unwrap();
        assert_eq!(tensor_picture(&broken), Err(EngineError::NotFiniteResult));
        assert_eq!(check_finite(&broken), Err(EngineError::NotFiniteResult));
    }

    #[test]
    fn reduced_is_the_mean_of_blocks() {
        let small = reduced(&picture(), 2);
        assert_eq!(small.extent, Extent::new(2, 1));
        assert_eq!(
            small.pixels,
            [[2.5 / 8.0, 0.25, 1.0], [4.5 / 8.0, 0.25, 1.0]]
        );
    }

    #[test]
    fn choosing_is_by_pixel_in_all_channels() {
        let yes = Tensor::ones((1, 2, 1, 2), DType::F32, &Device::Cpu).unwrap();
        let no = yes.zeros_like().unwrap();
        let mixed = choose(&[true, false], &yes, &no).unwrap();
        let values = mixed.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values, [1.0, 0.0, 1.0, 0.0]);
    }
}
