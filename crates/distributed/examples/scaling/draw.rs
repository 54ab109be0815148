//! Efficiency for 8 to 1,024 ranks: three models, and what can be changed about a step.

use crate::Result;
use crate::chart::{Axis, Chart};
use gradus_distributed::scaling::{Algorithm, Compression, Link, Plan, Workload};

/// 8 to 1,024.
const RANKS: [usize; 8] = [8, 16, 32, 64, 128, 256, 512, 1024];

/// Seconds that a message costs a rank which has a processor to itself, as `benches/scaling/message_cost.py` measures
/// them.
pub(crate) const COST: f64 = 2e-5;

/// Operations that one rank's processors do in a second, and rows that it has of a batch.
const OPERATIONS: f64 = 5e10;
const ROWS: f64 = 128.0;

/// Parameters, and layers over which they are spread.
const MODELS: [(&str, usize, usize); 3] = [
    ("0.1 million parameters", 100_000, 6),
    ("1 million parameters", 1_000_000, 20),
    ("25 million parameters", 25_000_000, 50),
];

/// A dense model, whose weights are used once for each row: two operations in the forward pass for each parameter and
/// row, four in the backward pass. A convolution uses its weights more often, and scales that much better.
fn workload((_, parameters, layers): (&str, usize, usize)) -> Result<Workload> {
    let forward = 2.0 * parameters as f64 * ROWS / OPERATIONS;
    Ok(Workload::uniform(parameters, layers, forward, 2.0 * forward)?)
}

/// What is changed, one thing at a time, then what helps together.
fn plans() -> Vec<(&'static str, Plan)> {
    let plan = Plan::new(Algorithm::Direct).bucket(1 << 20);
    vec![
        ("direct, buckets of 1 MiB", plan),
        ("buckets of 25 MiB", plan.bucket(25 << 20)),
        ("ring", Plan { algorithm: Algorithm::Ring, ..plan }),
        ("double tree", Plan { algorithm: Algorithm::DoubleTree, ..plan }),
        ("accumulate 8", plan.accumulation(8)),
        ("bf16", plan.compression(Compression::Bf16)),
        ("top-k 1 %", plan.compression(Compression::TopK { share: 0.01 })),
        ("accumulate 8, bf16, 25 MiB", plan.accumulation(8).compression(Compression::Bf16).bucket(25 << 20)),
    ]
}

/// A network between many ranks.
pub(crate) struct Network {
    link: Link,
}

impl Network {
    /// With a latency of 0.1 ms.
    pub(crate) fn new(gbit_per_s: f64, per_message: f64) -> Result<Self> {
        Ok(Self { link: Link::new(1e-4, gbit_per_s * 1.25e8)?.per_message(per_message)? })
    }

    /// The efficiency of a plan at each number of ranks.
    fn efficiencies(&self, plan: &Plan, work: &Workload) -> Result<Vec<f64>> {
        let steps = RANKS.iter().map(|&ranks| Ok(plan.step(work, ranks, &self.link)?.efficiency()));
        steps.collect()
    }

    /// A row for each plan: for each model the most ranks with an efficiency of a half, and the efficiency at 8, 64 and
    /// 1,024.
    pub(crate) fn table(&self) -> Result<String> {
        let mut table = "| plan |".to_owned();
        for (name, _, _) in MODELS {
            table += &format!(" {name}: ½ until | at 8, 64, 1,024 ranks |");
        }
        table += &format!("\n| --- |{}\n", " --- | --- |".repeat(MODELS.len()));
        for (name, plan) in plans() {
            table += &format!("| {name} |");
            for model in MODELS {
                let work = workload(model)?;
                let all = self.efficiencies(&plan, &work)?;
                let percent = [0, 3, 7].map(|at| format!("{:.0}", 100.0 * all[at]));
                table += &format!(" {} | {} % |", until(&plan, &work, &self.link)?, percent.join(", "));
            }
            table += "\n";
        }
        Ok(table)
    }

    /// A frame for each model, a curve for each plan.
    pub(crate) fn picture(&self) -> Result<String> {
        let ranks = RANKS.map(|ranks| ((ranks as f64).log2(), ranks.to_string()));
        let shares = [0, 25, 50, 75, 100].map(|share| (f64::from(share) / 100.0, format!("{share} %")));
        let mut chart = Chart::new(
            Axis { name: "ranks", from: 3.0, to: 10.0, ticks: ranks.to_vec() },
            Axis { name: "efficiency", from: 0.0, to: 1.02, ticks: shares.to_vec() },
        );
        for model in MODELS {
            chart.frame(model.0);
            for (name, plan) in plans() {
                let all = self.efficiencies(&plan, &workload(model)?)?;
                let points: Vec<_> =
                    RANKS.iter().zip(all).map(|(&ranks, share)| ((ranks as f64).log2(), share)).collect();
                chart.curve(name, &points);
            }
        }
        Ok(chart.svg())
    }
}

/// The most ranks, of powers of two, that spend half of the time computing.
fn until(plan: &Plan, work: &Workload, link: &Link) -> Result<String> {
    let mut most = 1;
    for ranks in (1..=20).map(|power| 1 << power) {
        if plan.step(work, ranks, link)?.efficiency() < 0.5 {
            break;
        }
        most = ranks;
    }
    Ok(match most {
        1 => "–".to_owned(),
        1_048_576 => "10⁶".to_owned(),
        most => most.to_string(),
    })
}

/// The efficiency at 64 ranks by bucket size, the best of each row in bold.
pub(crate) fn buckets() -> Result<String> {
    const SIZES: [(&str, usize); 6] = [
        ("64 KiB", 1 << 16),
        ("256 KiB", 1 << 18),
        ("1 MiB", 1 << 20),
        ("4 MiB", 1 << 22),
        ("25 MiB", 25 << 20),
        ("all at once", 1 << 40),
    ];
    let names = SIZES.map(|(name, _)| name).join(" | ");
    let mut table = format!("| 64 ranks, direct | {names} |\n| --- |{}\n", " --- |".repeat(SIZES.len()));
    for gbit_per_s in [1.0, 10.0] {
        let network = Network::new(gbit_per_s, COST)?;
        for model in MODELS {
            let work = workload(model)?;
            let plan = Plan::new(Algorithm::Direct);
            let steps = SIZES.map(|(_, size)| plan.bucket(size).step(&work, 64, &network.link));
            let all = steps.into_iter().map(|step| Ok(100.0 * step?.efficiency())).collect::<Result<Vec<_>>>()?;
            let best = all.iter().copied().fold(0.0, f64::max);
            table += &format!("| {gbit_per_s} Gbit/s, {} |", model.0);
            for share in all {
                let mark = if share > best - 0.05 { "**" } else { "" };
                table += &format!(" {mark}{share:.1} %{mark} |");
            }
            table += "\n";
        }
    }
    Ok(table)
}
