//! Adam and AdamW with a step's numbers put in.

use super::change::{Change, number, term};
use crate::adam::Moments;

impl<F> Moments<F> {
    /// The lines of the formula that stands in Adam's documentation, each with its numbers.
    pub(crate) fn explain(&self, change: &Change) -> Vec<String> {
        let &Self { lr, beta1, beta2, eps, weight_decay, .. } = self;
        let (penalty, decoupled) = if self.rule == "adamw" { (0.0, weight_decay) } else { (weight_decay, 0.0) };
        let (mut lines, g) = change.gradient_with(penalty);
        let (shrunk, theta) = change.shrunk(lr, decoupled);
        lines.extend(shrunk);
        let (line, m) = change.average("exp_avg", ["m", "β₁", "g"], beta1, g);
        lines.push(line);
        let (line, mut v) = change.average("exp_avg_sq", ["v", "β₂", "g²"], beta2, g);
        lines.push(line);
        if self.amsgrad {
            let (largest_old, largest) = change.remembered("max_exp_avg_sq");
            lines.push(format!("v ← max({}, {}) = {}", number(largest_old), number(v), number(largest)));
            v = largest;
        }
        let (line, m_hat) = change.corrected(["m", "β₁"], m, beta1);
        lines.push(line);
        let (line, v_hat) = change.corrected(["v", "β₂"], v, beta2);
        lines.push(line);
        let d = format!("{} / (√{} + {})", term(m_hat), number(v_hat), number(eps));
        lines.push(change.along(theta, lr, ["m̂ / (√v̂ + ε)", &d]));
        lines
    }
}
