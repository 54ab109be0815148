//! How gradients travel: as they are, or smaller.
//!
//! All ways have one seam, [`Method`]: what a bucket sends, and what it makes of what comes back.

mod dense;
mod sender;
mod top_k;

pub(super) use dense::Dense;
pub(super) use sender::{Counted, Sender};

use super::buckets::{Bucket, Buckets};
use crate::{Numbers, Pending, Result};
use gradus_autograd::{Real, Value};
use std::fmt;
use std::sync::Arc;
use top_k::TopK;

/// How gradients are made smaller before they are sent.
///
/// What it does to training is measured in
/// [docs/compression.md](https://docs.rs/crate/gradus-distributed/latest/source/docs/compression.md).
///
/// # Examples
/// ```
/// use gradus_distributed::{Communicator, Compression, DataParallel, Group, Threads};
/// use gradus_data::Digits;
/// use gradus_nn_layers::Linear;
/// use gradus_optim::Adam;
/// use gradus_train::{Result, Trainer};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// fn train(group: Group, compression: Compression) -> Result<(f64, u64)> {
///     let mut rng = StdRng::seed_from_u64(7);
///     let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
///     let mut model = Linear::new(64, 10, &mut rng);
///     let mut ranks = DataParallel::new(&group).compression(compression);
///     let mut trainer = Trainer::new(3).batch_size(32).ranks(&mut ranks);
///     let history = trainer.run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)?;
///     drop(trainer);
///     Ok((history.epochs[2].test_accuracy, ranks.sent_bytes()))
/// }
///
/// let [none, bf16, top_k] = [Compression::None, Compression::Bf16, Compression::TopK { share: 0.05 }].map(|compression| {
///     Threads::run(2, |group| train(group, compression)).swap_remove(0).unwrap()
/// });
/// assert!(none.0 > 0.9 && bf16.0 > 0.9 && top_k.0 > 0.9);
/// assert_eq!(bf16.1 * 2, none.1);
/// assert!(top_k.1 * 9 < none.1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Compression {
    /// As they are: four bytes for each number of `f32`.
    #[default]
    None,

    /// As bfloat16, two bytes for each number, there and back. Numbers are rounded when they leave, added up in `f32` in the order of the
    /// ranks, and the sum is rounded once:
    ///
    /// ```text
    /// g = round(Σᵣ round(nᵣ/n gᵣ))          |round(x) − x| ≤ 2⁻⁸ |x|
    /// ```
    ///
    /// # References
    /// D. Kalamkar and others, *A Study of BFLOAT16 for Deep Learning Training*, 2019, <https://arxiv.org/abs/1905.12322>
    Bf16,

    /// Of each bucket the `k = max(1, ⌈share · len⌉)` numbers of largest magnitude, each with its index: eight bytes for one of `f32`. What
    /// is not sent stays with the rank, its residual `e`, and is added to its next gradient:
    ///
    /// ```text
    /// aᵣ = eᵣ + nᵣ/n gᵣ
    /// g  = Σᵣ top_k(aᵣ)
    /// eᵣ ← aᵣ − top_k(aᵣ)
    /// ```
    ///
    /// so that nothing is lost, but late. Of equal magnitudes the lower index is chosen; NaN and infinities count as largest, so that
    /// they are seen. The residual of a step that is refused for a fault is that of before. It is not part of a checkpoint: a run
    /// that is resumed begins with zero.
    ///
    /// Ranks choose different numbers, so nothing can be added up on the way: every rank is sent every rank's, `8 k (N − 1)` bytes. From
    /// `N = 1 / share` on that is more than the `8 len (N − 1) / N` of an all-reduce of all numbers (Agarwal and others).
    ///
    /// It is meant for optimizers that look at a batch once: one with a line search would see another function each time.
    ///
    /// # References
    /// - S. Stich, J.-B. Cordonnier, M. Jaggi, *Sparsified SGD with Memory*, NeurIPS 2018, <https://arxiv.org/abs/1809.07599>
    /// - Y. Lin and others, *Deep Gradient Compression*, ICLR 2018, <https://arxiv.org/abs/1712.01887>
    /// - S. Agarwal and others, *On the Utility of Gradient Compression in Distributed Training Systems*, MLSys 2022,
    ///   <https://arxiv.org/abs/2103.00543>
    TopK {
        /// The part of the numbers that is sent: above 0, and at most 1.
        share: f64,
    },
}

impl Compression {
    /// The way in which a model's gradients travel.
    pub(super) fn method<F: Real>(self, buckets: &Buckets) -> Result<Box<dyn Method<F>>> {
        Ok(match self {
            Self::None => Box::new(Dense { numbers: Numbers::with_capacity::<F> }),
            Self::Bf16 => Box::new(Dense { numbers: |capacity| Ok(Numbers::bf16(capacity)) }),
            Self::TopK { share } => Box::new(TopK::<F>::new(share, buckets)?),
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Bf16 => f.write_str("bf16"),
            Self::TopK { share } => write!(f, "top-k with a share of {share}"),
        }
    }
}

/// Sums over the ranks, one for each gradient of a bucket; of those that no rank has there is none.
pub(super) type Sums<F> = Vec<Option<Value<F>>>;

/// What a bucket sends, and what it makes of what comes back.
pub(super) trait Method<F: Real>: fmt::Debug + Send {
    /// Sends the gradients that this rank has of a bucket, multiplied by `share`.
    ///
    /// For the same steps, all ranks send the same buckets in the same order.
    fn send(
        &mut self,
        bucket: &Arc<Bucket>,
        gradients: &[Option<Value<F>>],
        share: F,
        communicator: &mut Counted<'_>,
    ) -> Result<Pending<Sums<F>>>;

    /// The sums of all buckets are there, and no rank has a fault: they count.
    fn taken(&mut self) {}
}
