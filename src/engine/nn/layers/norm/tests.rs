use super::super::super::cpu::tokens_of;
use super::*;
use crate::engine::nn::goldens::{assert_close, numbers};

#[test]
fn group_norm_on_the_cpu_equals_the_composed_one() {
    for (channels, groups, height, width) in [(12, 4, 5, 7), (6, 6, 1, 1), (8, 1, 33, 40)] {
        // Far from zero, where a careless variance loses its digits.
        let x = (numbers(&[2, channels, height, width]) + 50.0).unwrap();
        for (silu, fused) in [(false, false), (true, false), (false, true), (true, true)] {
            let norm = GroupNorm {
                weight: numbers(&[channels]),
                bias: (numbers(&[channels]) * 0.5).unwrap(),
                groups,
                eps: 1e-5,
                fused,
            };
            let got = norm.run(&x, silu).unwrap();
            let wanted = norm.forward_candle(&x, silu).unwrap();
            let tokens = got.tokens().unwrap().materialized().unwrap();
            assert_close("group norm", &got.materialized().unwrap(), &wanted, 1e-4);
            let wanted = tokens_of(&wanted).unwrap();
            assert_close("group norm of tokens", &tokens, &wanted, 1e-4);
        }
    }
}

#[test]
fn group_norm_takes_pictures_that_are_not_contiguous() {
    let norm = GroupNorm {
        weight: numbers(&[4]),
        bias: numbers(&[4]),
        groups: 2,
        eps: 1e-5,
        fused: true,
    };
    let x = numbers(&[1, 4, 6, 5]).transpose(2, 3).unwrap();
    let [got, wanted] =
        [&x, &x.contiguous().unwrap()].map(|x| norm.forward(x).unwrap().materialized().unwrap());
    assert_close("transposed", &got, &wanted, 1e-6);
}

#[test]
fn layer_norm_is_the_same_whoever_computes_it() {
    let x = (numbers(&[2, 9, 20]) * 3.0).unwrap();
    let [materialized, fused] = [false, true].map(|fused| {
        let norm = LayerNorm {
            weight: numbers(&[20]),
            bias: (numbers(&[20]) * 0.5).unwrap(),
            eps: 1e-5,
            fused,
        };
        norm.forward(&x).unwrap().materialized().unwrap()
    });
    let weight = numbers(&[20]);
    let bias = (numbers(&[20]) * 0.5).unwrap();
    let wanted = candle_nn::ops::layer_norm_slow(&x, &weight, &bias, 1e-5).unwrap();
    assert_close("layer norm", &materialized, &wanted, 1e-5);
    assert_close("as it is read", &fused, &materialized, 1e-7);
}
