//! [`NoiseSource`]: all noise of a run, from its seed, the same on every machine and device.
//!
//! The first noise is what PyTorch's CPU generator gives for the seed, so that seeds mean here what
//! they mean in tools that draw on the CPU. Every other use draws from its own stream.

/// Version of the rule from seed to noise. Pictures made with another version cannot be repeated.
pub const NOISE_VERSION: u32 = 1;

/// Gives unit normal noise for each purpose of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoiseSource {
    seed: u64,
}

/// Purposes with a stream of their own; the numbers are part of [`NOISE_VERSION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Step = 1,
    Fill = 2,
}

impl NoiseSource {
    /// The noise of that seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The initial noise: `torch.randn(count, generator=torch.Generator("cpu")
    /// .manual_seed(seed))`. PyTorch looks at the lower 32 bits of a seed only.
    pub(crate) fn initial(self, count: usize) -> Vec<f32> {
        Normals::seeded(self.seed).draw(count)
    }

    /// Fresh noise of one step. `index` counts from the start of the whole schedule, so that runs
    /// which differ only in strength share the noise of the steps they share.
    pub(crate) fn step(self, index: usize, count: usize) -> Vec<f32> {
        self.stream(Stream::Step, index).draw(count)
    }

    /// The noise that a region is filled with.
    pub(crate) fn fill(self, count: usize) -> Vec<f32> {
        self.stream(Stream::Fill, 0).draw(count)
    }

    /// Streams are seeded by array, a way of seeding that no plain seed can reach.
    fn stream(self, stream: Stream, index: usize) -> Normals {
        let index = index as u64;
        Normals::new(Mersenne::seeded_by_array(&[
            NOISE_VERSION,
            stream as u32,
            self.seed as u32,
            (self.seed >> 32) as u32,
            index as u32,
            (index >> 32) as u32,
        ]))
    }
}

/// Unit normal numbers in the order and layout of PyTorch's CPU generator
/// (`aten/src/ATen/native/cpu/DistributionTemplates.h`, `normal_fill`, and
/// `aten/src/ATen/core/DistributionsHelper.h`, `normal_distribution<double>`).
#[derive(Debug)]
struct Normals {
    bits: Mersenne,
    /// Second number of the last pair; only the short path keeps one.
    spare: Option<f64>,
}

impl Normals {
    /// Numbers drawn at once by the long path.
    const BLOCK: usize = 16;

    fn new(bits: Mersenne) -> Self {
        Self { bits, spare: None }
    }

    fn seeded(seed: u64) -> Self {
        Self::new(Mersenne::seeded(seed as u32))
    }

    /// The next `count` numbers, as one call of `torch.randn` draws them.
    fn draw(&mut self, count: usize) -> Vec<f32> {
        if count < Self::BLOCK {
            return (0..count).map(|_| self.next_single() as f32).collect();
        }
        let mut numbers: Vec<f32> = (0..count).map(|_| self.bits.uniform_f32()).collect();
        for block in numbers.chunks_exact_mut(Self::BLOCK) {
            normals_from_uniforms(block);
        }
        // A rest is not drawn short: the last whole block is drawn anew, over its neighbours.
        if !count.is_multiple_of(Self::BLOCK) {
            let last = count - Self::BLOCK;
            if let Some(block) = numbers.get_mut(last..) {
                block.fill_with(|| self.bits.uniform_f32());
                normals_from_uniforms(block);
            }
        }
        numbers
    }

    /// Box & Muller 1958, one number at a time in double precision.
    fn next_single(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let angle = std::f64::consts::TAU * self.bits.uniform_f64();
        let radius = (-2.0 * (-self.bits.uniform_f64()).ln_1p()).sqrt();
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }
}

/// Box & Muller 1958 over a block: number j of the first half is paired with number j of the second.
fn normals_from_uniforms(block: &mut [f32]) {
    let (first, second) = block.split_at_mut(block.len() / 2);
    for (a, b) in first.iter_mut().zip(second) {
        // 1 − u, because u may be 0 and never is 1.
        let radius = (-2.0 * (1.0 - *a).ln()).sqrt();
        let angle = std::f32::consts::TAU * *b;
        *a = radius * angle.cos();
        *b = radius * angle.sin();
    }
}

/// The Mersenne Twister MT19937, [Matsumoto & Nishimura 1998](https://doi.org/10.1145/272991.272995)
/// with the seeding of their 2002 revision.
#[derive(Debug, Clone)]
struct Mersenne {
    state: [u32; Self::WORDS],
    next: usize,
}

impl Mersenne {
    const WORDS: usize = 624;
    const SHIFT: usize = 397;

    fn seeded(seed: u32) -> Self {
        let mut state = [0; Self::WORDS];
        let mut previous = seed;
        for (i, word) in state.iter_mut().enumerate() {
            if i > 0 {
                previous = (previous ^ (previous >> 30))
                    .wrapping_mul(1_812_433_253)
                    .wrapping_add(i as u32);
            }
            *word = previous;
        }
        Self {
            state,
            next: Self::WORDS,
        }
    }

    /// `init_by_array` of the 2002 revision.
    fn seeded_by_array(key: &[u32]) -> Self {
        fn stirred(state: &[u32; Mersenne::WORDS], i: usize, factor: u32) -> u32 {
            let previous = state[i - 1];
            state[i] ^ (previous ^ (previous >> 30)).wrapping_mul(factor)
        }
        // The walk goes round the words 1…623; word 0 only repeats the last.
        fn following(state: &mut [u32; Mersenne::WORDS], i: usize) -> usize {
            if i + 1 < Mersenne::WORDS {
                return i + 1;
            }
            state[0] = state[Mersenne::WORDS - 1];
            1
        }
        let mut state = Self::seeded(19_650_218).state;
        let mut i = 1;
        let rounds = Self::WORDS.max(key.len());
        for (j, word) in key.iter().enumerate().cycle().take(rounds) {
            state[i] = stirred(&state, i, 1_664_525)
                .wrapping_add(*word)
                .wrapping_add(j as u32);
            i = following(&mut state, i);
        }
        for _ in 1..Self::WORDS {
            state[i] = stirred(&state, i, 1_566_083_941).wrapping_sub(i as u32);
            i = following(&mut state, i);
        }
        state[0] = 0x8000_0000;
        Self {
            state,
            next: Self::WORDS,
        }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next >= Self::WORDS {
            self.twist();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        for i in 0..Self::WORDS {
            let joined =
                (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % Self::WORDS] & 0x7fff_ffff);
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + Self::SHIFT) % Self::WORDS] ^ (joined >> 1) ^ odd;
        }
        self.next = 0;
    }

    /// 0 ≤ u < 1 with 24 bits.
    fn uniform_f32(&mut self) -> f32 {
        (self.next_u32() & 0x00ff_ffff) as f32 / (1 << 24) as f32
    }

    /// 0 ≤ u < 1 with 53 bits, the upper ones from the first word.
    fn uniform_f64(&mut self) -> f64 {
        let upper = u64::from(self.next_u32());
        let both = (upper << 32) | u64::from(self.next_u32());
        (both & ((1 << 53) - 1)) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::diffusion::testing::golden;

    #[test]
    fn the_twister_gives_the_numbers_of_its_authors() {
        // First outputs for the default seed, and for the key of mt19937ar.out.
        let mut plain = Mersenne::seeded(5489);
        assert_eq!(
            [plain.next_u32(), plain.next_u32()],
            [3_499_211_612, 581_869_302]
        );
        let mut by_array = Mersenne::seeded_by_array(&[0x123, 0x234, 0x345, 0x456]);
        assert_eq!(
            [
                by_array.next_u32(),
                by_array.next_u32(),
                by_array.next_u32()
            ],
            [1_067_595_299, 955_945_823, 477_289_528]
        );
    }

    #[test]
    fn a_seed_gives_what_torch_gives() {
        let golden = golden("noise");
        let mut compared = 0;
        for (name, wanted) in &golden {
            // `<seed>.<size>.<call>`: consecutive calls of one generator.
            let parts: Vec<u64> = name.split('.').map(|part| part.parse().unwrap()).collect();
            let [seed, size, call] = parts[..] else {
                panic!("{name}")
            };
            let mut normals = Normals::seeded(seed);
            for _ in 0..call {
                normals.draw(size as usize);
            }
            let ours = normals.draw(size as usize);
            let wanted = wanted.to_vec1::<f32>().unwrap();
            assert_eq!(ours.len(), wanted.len());
            for (a, b) in ours.iter().zip(&wanted) {
                assert!((a - b).abs() <= 1e-5, "{name}: {a} is not {b}");
            }
            compared += ours.len();
        }
        assert!(compared > 10_000, "{compared}");
    }

    #[test]
    fn streams_do_not_repeat_each_other() {
        let source = NoiseSource::new(7);
        let all = [
            source.initial(64),
            source.fill(64),
            source.step(0, 64),
            source.step(1, 64),
            NoiseSource::new(8).step(0, 64),
            NoiseSource::new(7 + (1 << 32)).step(0, 64),
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[..i] {
                assert!(a.iter().all(|x| !b.contains(x)));
            }
        }
        assert_eq!(source.step(1, 64), source.step(1, 64));
    }

    #[test]
    fn every_stream_is_unit_noise() {
        let source = NoiseSource::new(99);
        for numbers in [
            source.initial(50_000),
            source.fill(50_001),
            source.step(3, 50_000),
        ] {
            let count = numbers.len() as f64;
            let mean = numbers.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
            let variance = numbers.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / count;
            assert!(
                mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03,
                "{mean} {variance}"
            );
        }
    }
}
