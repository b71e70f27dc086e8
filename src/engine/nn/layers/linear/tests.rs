use candle_core::Device;

use super::*;
use crate::engine::kernels::{Isa, PackTarget};
use crate::engine::nn::goldens::{Watch, assert_close, numbers};

/// A linear layer of that matrix, packed row by row in `order` or left a tensor.
fn layer(weight: &Tensor, bias: &Tensor, order: Option<&dyn Fn(usize) -> usize>) -> Linear {
    let (outputs, inputs) = weight.dims2().unwrap();
    let Some(order) = order else {
        return Linear {
            weight: Weight::Tensor(weight.clone()),
            bias: Some(bias.clone()),
            bf16_activations: false,
        };
    };
    let rows: Vec<Vec<f32>> = weight.to_vec2().unwrap();
    let bias: Vec<f32> = bias.to_vec1().unwrap();
    let rows: Vec<Vec<f32>> = (0..outputs)
        .map(|output| rows[order(output)].clone())
        .collect();
    let bias: Vec<f32> = (0..outputs).map(|output| bias[order(output)]).collect();
    let set = Isa::chosen().unwrap().in_f32();
    let packed = PackedWeights::pack(PackTarget::in_f32(set), [outputs, 1, inputs], |o, _, i| {
        rows[o][i]
    });
    Linear {
        weight: Weight::Packed(packed.into()),
        bias: Some(Tensor::new(bias, &Device::Cpu).unwrap()),
        bf16_activations: false,
    }
}

#[test]
fn geglu_gates_the_first_half_by_the_second() {
    let weight = Tensor::new(&[[2f32], [3.0], [1.0], [-1.0]], &Device::Cpu).unwrap();
    let bias = Tensor::new(&[0f32, 1.0, 0.0, 0.0], &Device::Cpu).unwrap();
    let x = Tensor::new(&[[[1f32]]], &Device::Cpu).unwrap();
    for order in [None, Some(&(|output| output) as &dyn Fn(usize) -> usize)] {
        let layer = GeGlu {
            projection: layer(&weight, &bias, order),
            outputs: 2,
            fused: false,
        };
        let y = layer.forward(&x, &mut Watch::default()).unwrap();
        let y: Vec<f32> = y.flatten_all().unwrap().to_vec1().unwrap();
        let phi = 0.841_344_8;
        // Φ(1) = 0.841344746: the tanh approximation gives 0.841191991.
        assert!((y[0] - 2.0 * phi).abs() < 1e-6, "{y:?}");
        assert!((y[1] + 4.0 * (1.0 - phi)).abs() < 1e-6, "{y:?}");
    }
}

#[test]
fn packed_layers_equal_composed_ones() {
    let (inputs, outputs) = (24, 32);
    let weight = numbers(&[2 * outputs, inputs]);
    let bias = numbers(&[2 * outputs]);
    let x = numbers(&[2, 7, inputs]);
    let set = Isa::chosen().unwrap().in_f32();
    let mut watch = Watch::default();
    let plain = |output| output;
    let [by_candle, packed] = [None, Some(&plain as &dyn Fn(usize) -> usize)].map(|order| {
        layer(&weight, &bias, order)
            .forward(&x, &mut watch)
            .unwrap()
    });
    assert_close("linear", &packed, &by_candle, 1e-6);

    let residual = numbers(&[2, 7, 2 * outputs]);
    let onto = PostOps::onto(&residual);
    let onto = layer(&weight, &bias, Some(&plain)).forward_then(&x, onto, &mut watch);
    assert_close(
        "onto",
        &onto.unwrap(),
        &(by_candle + residual).unwrap(),
        1e-6,
    );

    assert!(can_fuse_geglu(set, outputs));
    let order = |output| geglu_row_order(set, outputs, output);
    let [by_candle, packed] = [
        (None, false),
        (Some(&order as &dyn Fn(usize) -> usize), true),
    ]
    .map(|(order, fused)| {
        let projection = layer(&weight, &bias, order);
        let layer = GeGlu {
            projection,
            outputs,
            fused,
        };
        layer.forward(&x, &mut watch).unwrap()
    });
    assert_close("geglu", &packed, &by_candle, 1e-5);
}
