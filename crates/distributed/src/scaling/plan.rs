//! One training step of many ranks, event by event.

use super::error::{at_least_one, not_negative};
use super::{Algorithm, Error, Link, Terms, Workload};
use crate::Compression;

/// Bytes of a gradient's number, f32.
const NUMBER: f64 = 4.0;

/// How ranks add up their gradients.
///
/// # Examples
/// ```
/// use gradus_distributed::scaling::{Algorithm, Compression, Link, Plan, Workload};
/// let work = Workload::uniform(1_000_000, 10, 0.01, 0.02)?;
/// let link = Link::new(1e-3, 1.25e8)?; // 1 ms, 1 Gbit/s
/// let plan = Plan::new(Algorithm::Direct).bucket(400_000);
/// let efficiency = |plan: Plan| Ok(plan.step(&work, 8, &link)?.efficiency());
/// assert!(efficiency(plan.accumulation(4))? > efficiency(plan)?);
/// assert!(efficiency(plan.compression(Compression::Bf16))? > efficiency(plan)?);
/// # Ok::<(), gradus_distributed::scaling::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The way of the messages.
    pub algorithm: Algorithm,
    /// A bucket is sent when it holds so many bytes of gradients, before compression.
    pub bucket: usize,
    /// Batches whose gradients each rank adds up by itself before they are added up over the ranks.
    pub accumulation: usize,
    /// What is sent of the gradients.
    pub compression: Compression,
    /// Whether buckets are sent while the backward pass goes on.
    pub overlap: bool,
}

impl Plan {
    /// Buckets of 25 MB, sent while the backward pass goes on; without accumulation or compression. The size is that of
    /// PyTorch's `DistributedDataParallel` (S. Li et al., *PyTorch distributed: experiences on accelerating data
    /// parallel training*, VLDB 2020).
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, bucket: 25 << 20, accumulation: 1, compression: Compression::None, overlap: true }
    }

    /// This plan with buckets of so many bytes.
    #[must_use]
    pub fn bucket(self, bytes: usize) -> Self {
        Self { bucket: bytes, ..self }
    }

    /// This plan with so many batches for each update.
    #[must_use]
    pub fn accumulation(self, batches: usize) -> Self {
        Self { accumulation: batches, ..self }
    }

    /// This plan with compressed gradients.
    #[must_use]
    pub fn compression(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// This plan with nothing sent before the backward pass has ended.
    #[must_use]
    pub fn without_overlap(self) -> Self {
        Self { overlap: false, ..self }
    }

    /// The time of a step of so many ranks, each of which computes the whole workload (weak scaling) as often as there
    /// are batches to accumulate.
    ///
    /// Bucket i is full at t_i, in the backward pass of the last batch. Buckets are sent one after the other, in the
    /// order in which they become full: bucket i begins at max(t_i, end of bucket i − 1). The step ends with the
    /// backward pass, or with the last bucket if that is later.
    ///
    /// # Errors
    /// [`Error::Value`] without ranks, batches or bytes in a bucket, or if a share is not within 0 and 1.
    pub fn step(&self, work: &Workload, ranks: usize, link: &Link) -> Result<Step, Error> {
        at_least_one("plan", "accumulation", self.accumulation)?;
        at_least_one("plan", "bucket", self.bucket)?;
        let compute = work.seconds() * self.accumulation as f64;
        let before = compute - work.seconds();
        let (mut free, mut communication) = (if self.overlap { 0.0 } else { compute }, 0.0);
        for (full, gradients) in work.buckets(self.bucket as f64 / NUMBER) {
            let seconds = self.terms(ranks, gradients as f64, link)?.seconds(link);
            communication += seconds;
            free = f64::max(before + full, free) + seconds;
        }
        // A free network has nothing left to do even if rounding has its clock behind the other one.
        let exposed = if communication > 0.0 { (free - compute).max(0.0) } else { 0.0 };
        Ok(Step { compute, communication, exposed })
    }

    /// What it takes to add up so many gradients.
    fn terms(&self, ranks: usize, gradients: f64, link: &Link) -> Result<Terms, Error> {
        match self.compression {
            Compression::None => self.algorithm.terms(ranks, NUMBER * gradients, link),
            Compression::Bf16 => self.algorithm.terms(ranks, 0.5 * NUMBER * gradients, link),
            Compression::TopK { share } => {
                let others = (at_least_one("all_reduce", "ranks", ranks)? - 1) as f64;
                let share = not_negative("top-k", "share", share)?;
                if share > 1.0 {
                    return Err(Error::Value { of: "top-k", field: "share", value: share, expected: "from 0 to 1" });
                }
                let latencies = if ranks > 1 { 1.0 } else { 0.0 };
                Ok(Terms { latencies, messages: others, bytes: others * 2.0 * NUMBER * (share * gradients).ceil() })
            }
        }
    }
}

/// Where a step's time goes, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// All passes over all accumulated batches.
    pub compute: f64,
    /// The all-reduces of all buckets.
    pub communication: f64,
    /// The part of the communication that is not hidden behind the backward pass.
    pub exposed: f64,
}

impl Step {
    /// The time of the step.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.compute + self.exposed
    }

    /// The share of the time in which ranks compute: N ranks get through N times so much as one rank. It is 1 for a
    /// step that takes no time.
    #[must_use]
    pub fn efficiency(&self) -> f64 {
        if self.exposed > 0.0 { self.compute / self.seconds() } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANKS: [usize; 8] = [1, 2, 3, 8, 16, 100, 256, 1024];

    fn work() -> Workload {
        Workload::uniform(1_000_000, 50, 0.01, 0.02).expect("a workload")
    }

    fn link() -> Link {
        Link::new(1e-4, 1.25e8).and_then(|link| link.per_message(2e-6)).expect("a link")
    }

    /// Plans of every algorithm and compression, with small and large buckets.
    fn plans() -> Vec<Plan> {
        let mut plans = Vec::new();
        for algorithm in Algorithm::ALL {
            for bucket in [1, 100_000, 1_000_000, 1 << 30] {
                for compression in [Compression::None, Compression::Bf16, Compression::TopK { share: 0.01 }] {
                    plans.push(Plan::new(algorithm).bucket(bucket).compression(compression));
                }
            }
        }
        plans
    }

    #[test]
    fn overlap_never_makes_a_step_slower() {
        for plan in plans() {
            for ranks in RANKS {
                let steps = [plan, plan.without_overlap()].map(|plan| plan.step(&work(), ranks, &link()));
                let [with, without] = steps.map(|step| step.expect("a step").seconds());
                assert!(with <= without + 1e-12, "{plan:?} {ranks}: {with} {without}");
            }
        }
    }

    #[test]
    fn efficiency_falls_with_the_ranks_and_rises_with_accumulation() {
        for plan in plans() {
            let mut last = [f64::INFINITY; 2];
            for ranks in RANKS {
                let steps = [plan, plan.accumulation(4)].map(|plan| plan.step(&work(), ranks, &link()));
                let now = steps.map(|step| step.expect("a step").efficiency());
                assert!(now[0] <= last[0] + 1e-9 && now[1] <= last[1] + 1e-9, "{plan:?} {ranks}: {now:?} {last:?}");
                assert!(now[1] >= now[0] - 1e-12, "{plan:?} {ranks}: {now:?}");
                last = now;
            }
        }
    }

    #[test]
    fn on_a_perfect_link_the_step_is_computation_alone() {
        let link = Link::new(0.0, f64::INFINITY).expect("a link");
        for plan in plans() {
            let step = plan.accumulation(3).step(&work(), 1024, &link).expect("a step");
            assert_eq!((step.efficiency(), step.exposed, step.communication), (1.0, 0.0, 0.0));
            assert!((step.seconds() - 0.09).abs() < 1e-12);
        }
    }

    #[test]
    fn buckets_wait_for_their_gradients_and_for_each_other() {
        // Two buckets of 4 bytes, full at 2 s and 3 s, and a second for each message of an all-reduce of two ranks.
        let work = Workload::layers(1.0, &[(1, 1.0), (1, 1.0)]).expect("a workload");
        let link = Link::new(1.0, f64::INFINITY).expect("a link");
        let plan = Plan::new(Algorithm::Direct).bucket(4);
        let exposed = |plan: Plan| plan.step(&work, 2, &link).map(|step| step.exposed);
        // From 2 to 4, then from 4 to 6.
        assert_eq!(exposed(plan), Ok(3.0));
        // Both from 3 to 5.
        assert_eq!(exposed(plan.bucket(8)), Ok(2.0));
        assert_eq!(exposed(plan.without_overlap()), Ok(4.0));
        // The earlier batches delay both.
        assert_eq!(exposed(plan.accumulation(5)), Ok(3.0));
    }

    #[test]
    fn top_k_of_a_share_is_as_much_as_everything_for_one_over_the_share_ranks() {
        let link = Link::new(0.0, 1.25e8).expect("a link");
        let communication = |compression| {
            let plan = Plan::new(Algorithm::Ring).compression(compression);
            plan.step(&work(), 100, &link).expect("a step").communication
        };
        let ratio = communication(Compression::TopK { share: 0.01 }) / communication(Compression::None);
        assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
        let ratio = communication(Compression::Bf16) / communication(Compression::None);
        assert!((ratio - 0.5).abs() < 1e-12, "{ratio}");
    }

    #[test]
    fn what_is_no_plan_is_refused_by_name() {
        let message = |plan: Plan, ranks| plan.step(&work(), ranks, &link()).map_err(|error| error.to_string());
        let plan = Plan::new(Algorithm::Direct);
        assert_eq!(message(plan.accumulation(0), 2), Err("plan: accumulation 0: must be 1 or more".to_owned()));
        assert_eq!(message(plan.bucket(0), 2), Err("plan: bucket 0: must be 1 or more".to_owned()));
        assert_eq!(message(plan, 0), Err("all_reduce: ranks 0: must be 1 or more".to_owned()));
        let plan = plan.compression(Compression::TopK { share: 1.5 });
        assert_eq!(message(plan, 2), Err("top-k: share 1.5: must be from 0 to 1".to_owned()));
    }
}
