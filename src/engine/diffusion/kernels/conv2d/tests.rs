use candle_core::Tensor;

use super::super::super::goldens::{Watch, assert_close, numbers};
use super::*;

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// candle's own convolution is the reference.
#[test]
fn agrees_with_the_reference_in_every_shape() {
    for (batch, inputs, outputs, height, width, kernel, stride, padding) in [
        (1, 1, 1, 1, 1, 3, 1, 1),
        (2, 3, 5, 7, 9, 3, 1, 1),
        (1, 4, 8, 1, 40, 3, 1, 1),
        (1, 4, 8, 40, 1, 3, 1, 1),
        (2, 4, 6, 8, 10, 3, 2, 1),
        (1, 4, 6, 9, 11, 3, 2, 0),
        (3, 5, 7, 6, 5, 1, 1, 0),
        (1, 3, 2, 2, 2, 3, 2, 1),
        (1, 2, 3, 5, 6, 5, 1, 2),
        // Several tiles, the last of which is not full and begins inside a line.
        (2, 33, 4, 71, 83, 3, 1, 1),
    ] {
        let geometry = ConvGeometry {
            batch,
            inputs,
            outputs,
            height,
            width,
            kernel,
            stride,
            padding,
        };
        let x = numbers(&[batch, inputs, height, width]);
        let weight = (numbers(&[outputs, inputs, kernel, kernel]) * 0.7).unwrap();
        let bias = numbers(&[outputs]);
        let wanted = x
            .conv2d(&weight, padding, stride, 1, 1)
            .unwrap()
            .broadcast_add(&bias.reshape((1, outputs, 1, 1)).unwrap())
            .unwrap();
        let mut watch = Watch::default();
        let [x, weight, bias] = [&x, &weight, &bias].map(values);
        let got = conv2d(&geometry, &x, &weight, &bias, &mut watch).unwrap();
        let (rows, columns) = geometry.output_size();
        let got = Tensor::from_vec(got, (batch, outputs, rows, columns), wanted.device()).unwrap();
        assert_close(&format!("{geometry:?}"), &got, &wanted, 1e-6);
        assert!(watch.checkpoints > 0);
    }
}

#[test]
fn a_large_one_can_be_cancelled_on_the_way() {
    let geometry = ConvGeometry {
        batch: 1,
        inputs: 512,
        outputs: 512,
        height: 48,
        width: 48,
        kernel: 3,
        stride: 1,
        padding: 1,
    };
    let input = vec![0.5; 512 * 48 * 48];
    let weight = vec![0.1; 512 * 512 * 9];
    let mut watch = Watch {
        cancel_at: Some(1),
        ..Watch::default()
    };
    let answer = conv2d(&geometry, &input, &weight, &[0.0; 512], &mut watch);
    assert_eq!(answer, Err(Cancelled));
}
