use super::*;
use crate::engine::kernels::reference::{NeverCancelled, assert_close, numbers, tolerance};

/// Attention as its definition says, in f64.
fn expected(sizes: &AttentionSizes, queries: usize, [q, k, v]: [&[f32]; 3]) -> Vec<f64> {
    let width = sizes.width();
    let mut output = vec![0f64; q.len()];
    for member in 0..sizes.batch {
        for head in 0..sizes.heads {
            for query in 0..queries {
                let at = (member * queries + query) * width + head * sizes.head_dim;
                let key_at =
                    |key: usize| (member * sizes.keys + key) * width + head * sizes.head_dim;
                let scores: Vec<f64> = (0..sizes.keys)
                    .map(|key| {
                        let dot: f64 = (0..sizes.head_dim)
                            .map(|i| f64::from(q[at + i]) * f64::from(k[key_at(key) + i]))
                            .sum();
                        dot / (sizes.head_dim as f64).sqrt()
                    })
                    .collect();
                let row_max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let row_sum: Vec<f64> = scores.iter().map(|s| (s - row_max).exp()).collect();
                let sum: f64 = row_sum.iter().sum();
                for i in 0..sizes.head_dim {
                    output[at + i] = (0..sizes.keys)
                        .map(|key| row_sum[key] / sum * f64::from(v[key_at(key) + i]))
                        .sum();
                }
            }
        }
    }
    output
}

#[test]
fn agrees_with_f64_on_every_instruction_set() {
    let cases = [
        (1, 1, 1, 1, 40),
        (2, 2, 7, 77, 40),
        (1, 3, 97, 33, 64),
        (1, 1, 13, 1025, 80),
        (3, 1, 5, 4, 160),
        (1, 2, 2, 600, 5),
    ];
    for isa in Isa::all_with_emulated() {
        for (batch, heads, queries, keys, head_dim) in cases {
            let sizes = AttentionSizes {
                batch,
                heads,
                keys,
                head_dim,
            };
            // Far apart, so that the running maximum changes from block to block.
            let q: Vec<f32> = numbers(batch * queries * sizes.width(), 1)
                .iter()
                .map(|x| x * 3.0)
                .collect();
            let k = numbers(batch * keys * sizes.width(), 2);
            let v = numbers(batch * keys * sizes.width(), 3);
            let kv = PackedKv::pack(isa, sizes, [&k, &v]);
            let output = flash_attention(&kv, &q, &mut NeverCancelled)
                .unwrap()
                .into_f32();
            let what = format!("{} {queries} {sizes:?}", isa.name());
            let expected = expected(&sizes, queries, [&q, &k, &v]);
            assert_close(&output, &expected, tolerance(isa, 2e-6), &what);
        }
    }
}

#[test]
fn scores_of_thousands_do_not_overflow() {
    let sizes = AttentionSizes {
        batch: 1,
        heads: 1,
        keys: 700,
        head_dim: 8,
    };
    let q = vec![100.0; 3 * 8];
    let k: Vec<f32> = (0..700 * 8).map(|at| (at / 8) as f32).collect();
    let v: Vec<f32> = (0..700 * 8).map(|at| (at / 8) as f32).collect();
    for isa in Isa::all_with_emulated() {
        let kv = PackedKv::pack(isa, sizes, [&k, &v]);
        let output = flash_attention(&kv, &q, &mut NeverCancelled)
            .unwrap()
            .into_f32();
        // The last key has all of the probability; in bf16 some keys are the same.
        let most = 699.0 * tolerance(isa, 1e-6) as f32;
        assert!(
            output.iter().all(|x| (x - 699.0).abs() < most),
            "{output:?}"
        );
    }
}
