//! What one all-reduce costs, by the way that the messages take.

use super::{Error, Link, error::at_least_one};

/// How many latencies, messages and bytes stand behind each other on the longest way through a collective operation:
/// its time is `latencies · α + messages · o + bytes / B`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Terms {
    /// Latencies α.
    pub latencies: f64,
    /// Costs o of a message.
    pub messages: f64,
    /// Bytes.
    pub bytes: f64,
}

impl Terms {
    /// The time on a link, in seconds.
    #[must_use]
    pub fn seconds(&self, link: &Link) -> f64 {
        // No bytes take no time, on a link without bandwidth, too.
        let bytes = if self.bytes > 0.0 { self.bytes / link.bandwidth() } else { 0.0 };
        self.latencies * link.latency() + self.messages * link.cost_per_message() + bytes
    }
}

/// The ways to add up S bytes over N ranks, and to give everyone the sum. Links are full-duplex, and no two ranks share
/// one.
///
/// | algorithm | latencies | messages | bytes |
/// | --- | --- | --- | --- |
/// | [`Direct`](Self::Direct) | 2 | 2 (N − 1) | 2 S (N − 1) / N |
/// | [`Ring`](Self::Ring) | 2 (N − 1) | 2 (N − 1) | 2 S (N − 1) / N |
/// | [`Tree`](Self::Tree) | 2 ⌈log₂ N⌉ | 2 ⌈log₂ N⌉ | 2 S ⌈log₂ N⌉ |
/// | [`DoubleTree`](Self::DoubleTree) | 4 (⌈log₂ N⌉ + k) | 4 (⌈log₂ N⌉ + k) | 2 S (⌈log₂ N⌉ + k) / k |
///
/// To add the numbers up costs processor time in proportion to the bytes, by the same factor for the first three: it is
/// part of the bandwidth that one measures.
///
/// # Examples
/// ```
/// use gradus_distributed::scaling::{Algorithm, Link};
/// let link = Link::new(1e-4, 1.25e8)?; // 0.1 ms, 1 Gbit/s
/// // A kilobyte is a matter of latency, a hundred megabytes are one of bandwidth.
/// let seconds = |algorithm: Algorithm, bytes| algorithm.seconds(64, bytes, &link);
/// assert!(seconds(Algorithm::Tree, 1e3)? < seconds(Algorithm::Ring, 1e3)?);
/// assert!(seconds(Algorithm::Ring, 1e8)? < seconds(Algorithm::Tree, 1e8)?);
/// # Ok::<(), gradus_distributed::scaling::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Reduce-scatter, then all-gather, each by sending to all others at once: few latencies, many small messages. This
    /// is what [`Communicator::all_reduce`](crate::Communicator::all_reduce) does (R. Thakur, R. Rabenseifner, W.
    /// Gropp, *Optimization of collective communication operations in MPICH*, IJHPCA 19, 2005).
    Direct,
    /// Reduce-scatter and all-gather around a ring: no rank sends more than it must, and only to its neighbour, but N −
    /// 1 times in a row, twice (P. Patarasuk, X. Yuan, *Bandwidth optimal all-reduce algorithms for clusters of
    /// workstations*, JPDC 69, 2009).
    Ring,
    /// Reduction of whole messages along a binomial tree, and back (Thakur et al.): the fewest latencies without many
    /// messages, at log₂ N times the bytes.
    Tree,
    /// Reduction and broadcast in k blocks along two trees at once, in which every rank is a leaf of one and within the
    /// other: near the least bytes and the least latencies, for k = √(h S / (2 B (α + o))), h = ⌈log₂ N⌉ (P. Sanders,
    /// J. Speck, J. L. Träff, *Two-tree algorithms for full bandwidth broadcast, reduction and scan*, Parallel
    /// Computing 35, 2009).
    DoubleTree,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Direct, Self::Ring, Self::Tree, Self::DoubleTree];

    /// The English name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Ring => "ring",
            Self::Tree => "tree",
            Self::DoubleTree => "double tree",
        }
    }

    /// What stands behind each other when S bytes are added up over so many ranks. The link matters to the double tree
    /// alone, which chooses its number of blocks by it. One rank has nothing to do.
    ///
    /// # Errors
    /// [`Error::Value`] without ranks, or if the bytes are negative or not finite.
    pub fn terms(self, ranks: usize, bytes: f64, link: &Link) -> Result<Terms, Error> {
        let ranks = at_least_one("all_reduce", "ranks", ranks)?;
        let bytes = super::error::not_negative("all_reduce", "bytes", bytes)?;
        if ranks == 1 {
            return Ok(Terms::default());
        }
        let others = (ranks - 1) as f64;
        let height = f64::from(ranks.next_power_of_two().ilog2());
        let least = 2.0 * bytes * others / ranks as f64;
        Ok(match self {
            Self::Direct => Terms { latencies: 2.0, messages: 2.0 * others, bytes: least },
            Self::Ring => Terms { latencies: 2.0 * others, messages: 2.0 * others, bytes: least },
            Self::Tree => Terms { latencies: 2.0 * height, messages: 2.0 * height, bytes: 2.0 * height * bytes },
            Self::DoubleTree => {
                let start = link.message(0.0);
                // Without a cost for blocks there may be as many as there are numbers.
                let blocks = (height * bytes / link.bandwidth() / (2.0 * start)).sqrt();
                let blocks = if blocks.is_nan() { 1.0 } else { blocks.min(bytes / 8.0).round().max(1.0) };
                // Reduction and broadcast, of two rounds for each level and block: one for each tree.
                let rounds = 4.0 * (height + blocks);
                Terms { latencies: rounds, messages: rounds, bytes: rounds * bytes / (2.0 * blocks) }
            }
        })
    }

    /// The time of one all-reduce of S bytes over so many ranks, in seconds.
    ///
    /// # Errors
    /// As of [`terms`](Self::terms).
    pub fn seconds(self, ranks: usize, bytes: f64, link: &Link) -> Result<f64, Error> {
        Ok(self.terms(ranks, bytes, link)?.seconds(link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(algorithm: Algorithm, ranks: usize, bytes: f64, latency: f64, bandwidth: f64) -> f64 {
        Link::new(latency, bandwidth).and_then(|link| algorithm.seconds(ranks, bytes, &link)).unwrap_or(f64::NAN)
    }

    #[test]
    fn large_messages_take_the_ring_twice_their_time_on_the_link() {
        for ranks in [2, 3, 8, 1000] {
            let bound = 2.0 * (ranks - 1) as f64 / ranks as f64 * 1e12 / 1e9;
            for algorithm in [Algorithm::Ring, Algorithm::Direct] {
                let ratio = seconds(algorithm, ranks, 1e12, 1e-4, 1e9) / bound;
                assert!((1.0..1.001).contains(&ratio), "{algorithm:?} {ranks} {ratio}");
            }
            let ratio = seconds(Algorithm::DoubleTree, ranks, 1e12, 1e-4, 1e9) / (2.0 * 1e12 / 1e9);
            assert!((1.0..1.02).contains(&ratio), "{ranks} {ratio}");
        }
    }

    #[test]
    fn small_messages_take_the_tree_the_logarithm_of_the_ranks() {
        for (ranks, levels) in [(2, 1.0), (3, 2.0), (4, 2.0), (8, 3.0), (9, 4.0), (1024, 10.0)] {
            assert_eq!(seconds(Algorithm::Tree, ranks, 0.0, 1.0, 1e9), 2.0 * levels);
        }
        assert_eq!(seconds(Algorithm::Ring, 1024, 0.0, 1.0, 1e9), 2046.0);
        assert_eq!(seconds(Algorithm::Direct, 1024, 0.0, 1.0, 1e9), 2.0);
    }

    #[test]
    fn two_ranks_make_direct_exchange_of_a_ring() {
        assert_eq!(seconds(Algorithm::Ring, 2, 1e6, 1e-4, 1e9), seconds(Algorithm::Direct, 2, 1e6, 1e-4, 1e9));
    }

    #[test]
    fn one_rank_has_nothing_to_add_up() {
        for algorithm in Algorithm::ALL {
            assert_eq!(seconds(algorithm, 1, 1e9, 1.0, 1.0), 0.0);
        }
    }

    #[test]
    fn the_double_trees_number_of_blocks_is_the_best() {
        let (height, bytes, latency, bandwidth) = (6.0, 1e7, 1e-4, 1e9);
        let best = (1..2000).map(|blocks| {
            let blocks = f64::from(blocks);
            4.0 * (height + blocks) * (latency + bytes / (2.0 * blocks * bandwidth))
        });
        let best = best.fold(f64::INFINITY, f64::min);
        let chosen = seconds(Algorithm::DoubleTree, 64, bytes, latency, bandwidth);
        assert!((chosen / best - 1.0).abs() < 1e-3, "{chosen} {best}");
    }

    #[test]
    fn nothing_costs_nothing_on_a_perfect_link() {
        for algorithm in Algorithm::ALL {
            assert_eq!(seconds(algorithm, 64, 1e9, 0.0, f64::INFINITY), 0.0);
        }
    }

    #[test]
    fn wrong_counts_are_refused() {
        let link = Link::new(0.0, 1.0).expect("a link");
        let message = |ranks, bytes| Algorithm::Ring.seconds(ranks, bytes, &link).map_err(|error| error.to_string());
        assert_eq!(message(0, 1.0), Err("all_reduce: ranks 0: must be 1 or more".to_owned()));
        assert_eq!(message(2, -1.0), Err("all_reduce: bytes -1: must be finite, and 0 or more".to_owned()));
    }
}
