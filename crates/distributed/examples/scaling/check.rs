//! A link fitted to few ranks, and how far its predictions for more are off.

use crate::chart::{Axis, Chart};
use crate::{Line, Result};
use gradus_distributed::scaling::{Algorithm, Fit, Measurement, fit};

/// Bytes from which on the processors may be the limit.
const LARGE: f64 = 1e6;

/// What was measured under one setting of the links, and what was fitted to it.
pub(crate) struct Check<'a> {
    gbit_per_s: f64,
    delay_us: f64,
    lines: Vec<&'a Line>,
    /// On two ranks: latency and bandwidth.
    two: Fit,
    /// On two and four ranks: the cost of a message, too.
    four: Fit,
}

impl Check<'_> {
    fn name(&self) -> String {
        format!("{} Gbit/s, {} ms", self.gbit_per_s, self.delay_us / 1000.0)
    }

    /// The relative errors of a fit's predictions for so many ranks: the median for each algorithm, and the worst of all.
    fn errors(&self, fit: &Fit, ranks: usize) -> Result<String> {
        let (mut medians, mut all) = (Vec::new(), Vec::<f64>::new());
        for algorithm in [Algorithm::Direct, Algorithm::Ring, Algorithm::Tree] {
            let ones = self.lines.iter().map(|line| line.measurement);
            let ones = ones.filter(|one| one.ranks == ranks && one.algorithm == algorithm);
            let errors = ones.map(|one| one.error(&fit.link)).collect::<std::result::Result<Vec<_>, _>>()?;
            all.extend(&errors);
            medians.push(format!("{:+.0}", 100.0 * median(errors)));
        }
        let worst = all.into_iter().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(f64::NAN);
        Ok(format!("{} %; {:+.0} %", medians.join(", "), 100.0 * worst))
    }

    /// The most processors that were busy with large messages.
    fn processors(&self, ranks: usize) -> f64 {
        let lines = self.lines.iter().filter(|line| line.measurement.ranks == ranks && line.measurement.bytes > LARGE);
        lines.map(|line| line.processors).fold(0.0, f64::max)
    }
}

/// The measurements by setting, in their order.
pub(crate) fn checks(lines: &[Line]) -> Result<Vec<Check<'_>>> {
    let mut checks: Vec<Check<'_>> = Vec::new();
    for line in lines {
        let known = checks.iter().any(|check| (check.gbit_per_s, check.delay_us) == (line.gbit_per_s, line.delay_us));
        if known {
            continue;
        }
        let (gbit_per_s, delay_us) = (line.gbit_per_s, line.delay_us);
        let lines: Vec<&Line> =
            lines.iter().filter(|line| (line.gbit_per_s, line.delay_us) == (gbit_per_s, delay_us)).collect();
        let up_to = |ranks| -> Vec<Measurement> {
            let measurements = lines.iter().map(|line| line.measurement);
            measurements.filter(|measurement| measurement.ranks <= ranks).collect()
        };
        let (two, four) = (fit(&up_to(2))?, fit(&up_to(4))?);
        checks.push(Check { gbit_per_s, delay_us, lines, two, four });
    }
    Ok(checks)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The seconds that a message costs a rank: the median over the settings, as fitted to two and four ranks.
pub(crate) fn cost_per_message(checks: &[Check<'_>]) -> Result<f64> {
    let cost = median(checks.iter().map(|check| check.four.link.cost_per_message()).collect());
    if cost.is_nan() { Err("measurements: there are none".into()) } else { Ok(cost) }
}

/// A table of what was fitted.
pub(crate) fn fits(checks: &[Check<'_>]) -> String {
    let mut table =
        "| links | 2 ranks: α, ms | B, Gbit/s | error | 2 and 4 ranks: α, ms | o, ms | B, Gbit/s | error | \
                     processors busy at 2, 4, 8 ranks |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
    for check in checks {
        let [two, four] = [check.two, check.four];
        let gbit = |fit: &Fit| fit.link.bandwidth() * 8e-9;
        let busy = [2, 4, 8].map(|ranks| format!("{:.1}", check.processors(ranks)));
        table += &format!(
            "| {} | {:.2} | {:.2} | {:.0} % | {:.2} | {:.2} | {:.2} | {:.0} % | {} |\n",
            check.name(),
            two.link.latency() * 1e3,
            gbit(&two),
            two.error * 100.0,
            four.link.latency() * 1e3,
            four.link.cost_per_message() * 1e3,
            gbit(&four),
            four.error * 100.0,
            busy.join(", ")
        );
    }
    table
}

/// A table of how far predictions are off.
pub(crate) fn errors(checks: &[Check<'_>]) -> Result<String> {
    let mut table = "| links | from 2 ranks: 4 ranks | from 2 ranks: 8 ranks | from 2 and 4 ranks: 8 ranks |\n\
                     | --- | --- | --- | --- |\n"
        .to_owned();
    for check in checks {
        let [first, second] = [4, 8].map(|ranks| check.errors(&check.two, ranks));
        table += &format!("| {} | {} | {} | {} |\n", check.name(), first?, second?, check.errors(&check.four, 8)?);
    }
    Ok(table)
}

/// Predicted against measured time, from the fit to two ranks: a frame for each rate.
pub(crate) fn picture(checks: &[Check<'_>]) -> Result<String> {
    let axis = |name| Axis {
        name,
        from: -3.6,
        to: 1.0,
        ticks: vec![(-3.0, "1 ms".into()), (-2.0, "10 ms".into()), (-1.0, "0.1 s".into()), (0.0, "1 s".into())],
    };
    let mut chart = Chart::new(axis("measured"), axis("predicted from 2 ranks"));
    let mut rates: Vec<f64> = checks.iter().map(|check| check.gbit_per_s).collect();
    rates.dedup();
    for rate in rates {
        chart.frame(&format!("{rate} Gbit/s"));
        chart.curve("as predicted", &[(-3.6, -3.6), (1.0, 1.0)]);
        for ranks in [2, 4, 8] {
            let mut points = Vec::new();
            for check in checks.iter().filter(|check| check.gbit_per_s == rate) {
                for one in check.lines.iter().map(|line| line.measurement).filter(|one| one.ranks == ranks) {
                    let predicted = one.algorithm.seconds(one.ranks, one.bytes, &check.two.link)?;
                    points.push((one.seconds.log10(), predicted.log10()));
                }
            }
            chart.dots(&format!("{ranks} ranks"), &points);
        }
    }
    Ok(chart.svg())
}
