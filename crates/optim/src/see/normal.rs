//! Random directions that are the same on every machine.

/// Numbers of the standard normal distribution, by SplitMix64 and the transform of Box and Muller.
///
/// A direction to look along needs a few thousand of them and no more quality than this.
///
/// # References
/// G. L. Steele, D. Lea, C. H. Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014;
/// G. E. P. Box, M. E. Muller, *A note on the generation of random normal deviates*, 1958
pub(super) struct Normal {
    state: u64,
}

impl Normal {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// In (0, 1]: the logarithm of 0 is not asked for.
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = (z ^ (z >> 31)) >> 11;
        (bits + 1) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn draw(&mut self) -> f64 {
        let (radius, angle) = ((-2.0 * self.uniform().ln()).sqrt(), std::f64::consts::TAU * self.uniform());
        radius * angle.cos()
    }
}

#[cfg(test)]
mod tests {
    use super::Normal;

    #[test]
    fn mean_and_variance() {
        let mut normal = Normal::new(1);
        let draws: Vec<f64> = (0..20_000).map(|_| normal.draw()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        assert_ne!(Normal::new(1).draw(), Normal::new(2).draw());
    }
}
