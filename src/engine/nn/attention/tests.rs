use super::super::cpu;
use super::*;
use crate::engine::nn::goldens::{Watch, assert_close, numbers};

/// Attention written down as the paper has it, with the whole matrix of scores.
fn sliced(kv: &SlicedAttention<'_>, q: &Tensor) -> Tensor {
    let (_, queries, inner) = q.dims3().unwrap();
    let width = inner / kv.heads;
    let heads: Vec<Tensor> = (0..kv.heads)
        .map(|head| {
            let part = |x: &Tensor| {
                x.narrow(2, head * width, width)
                    .unwrap()
                    .contiguous()
                    .unwrap()
            };
            let (q, k, v) = (part(q), part(&kv.kv.k), part(&kv.kv.v));
            let scores = q.matmul(&k.t().unwrap()).unwrap();
            let mut scores = (scores / (width as f64).sqrt()).unwrap();
            if let Some(mask) = kv.mask {
                scores = scores.broadcast_add(mask).unwrap();
            }
            candle_nn::ops::softmax(&scores, 2)
                .unwrap()
                .matmul(&v)
                .unwrap()
        })
        .collect();
    let y = Tensor::cat(&heads, 2).unwrap();
    assert_eq!(y.dim(1).unwrap(), queries);
    y
}

#[test]
fn slices_equal_the_whole_whatever_the_budget() {
    let q = (numbers(&[2, 13, 12]) * 3.0).unwrap();
    let keys_and_values = KeysAndValues {
        k: (numbers(&[2, 9, 12]) * 2.0).unwrap(),
        v: numbers(&[2, 9, 12]),
    };
    let mask = numbers(&[13, 9]);
    for mask in [None, Some(&mask)] {
        let kv = SlicedAttention {
            kv: &keys_and_values,
            heads: 3,
            mask,
        };
        let wanted = sliced(&kv, &q);
        let row = 9 * 4;
        // Everything, two heads at a time, one head, five rows, one row, less than a row.
        for (budget, slices) in [
            (row * 13 * 6, 1),
            (row * 13 * 2 + 1, 3),
            (row * 13, 6),
            (row * 5, 18),
            (row, 78),
            (0, 78),
        ] {
            let mut watch = Watch::default();
            let got = kv.attend(&q, budget, &mut watch).unwrap();
            assert_close(&format!("budget {budget}"), &got, &wanted, 1e-6);
            assert_eq!(watch.checkpoints, slices, "budget {budget}");
        }
        if mask.is_none() {
            let isa = cpu::isa().in_f32();
            let packed = keys_and_values.packed(isa, 3).unwrap();
            let got = flash_on_cpu(&packed, &q, &mut Watch::default()).unwrap();
            assert_close("kernel", &got, &wanted, 1e-6);
        }
    }
}
