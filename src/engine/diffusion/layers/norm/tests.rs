use super::super::super::goldens::{assert_close, numbers};
use super::*;

#[test]
fn group_norm_on_the_cpu_equals_the_composed_one() {
    for (channels, groups, height, width) in [(12, 4, 5, 7), (6, 6, 1, 1), (8, 1, 33, 40)] {
        let norm = GroupNorm {
            weight: numbers(&[channels]),
            bias: (numbers(&[channels]) * 0.5).unwrap(),
            groups,
            eps: 1e-5,
        };
        // Far from zero, where a careless variance loses its digits.
        let x = (numbers(&[2, channels, height, width]) + 50.0).unwrap();
        for silu in [false, true] {
            let got = norm.run(&x, silu).unwrap();
            let wanted = norm.composed(&x, silu).unwrap();
            assert_close("group norm", &got, &wanted, 1e-4);
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
    };
    let x = numbers(&[1, 4, 6, 5]).transpose(2, 3).unwrap();
    let wanted = norm.forward(&x.contiguous().unwrap()).unwrap();
    assert_close("transposed", &norm.forward(&x).unwrap(), &wanted, 1e-6);
}
