//! Adam and AdamW with a step's numbers put in.

use super::change::{Change, number, term};
use crate::adam::Moments;

impl<F> Moments<F> {
    /// The lines of the formula that stands in Adam's documentation, each with its numbers.
    pub(crate) fn explain(&self, change: &Change) -> Vec<String> {
        let &Self { lr, beta1, beta2, eps, weight_decay, .. } = self;
        let decoupled = self.rule == "adamw" && weight_decay != 0.0;
        let (mut lines, g) = change.gradient_with(if decoupled { 0.0 } else { weight_decay });
        let mut theta = change.before;
        if decoupled {
            let shrink = 1.0 - lr * weight_decay;
            let (old, lr, decay) = (term(theta), number(lr), number(weight_decay));
            theta *= shrink;
            lines.push(format!("θ ← (1 − lr · λ) θ = (1 − {lr} · {decay}) · {old} = {}", number(theta)));
        }
        let t = i32::try_from(change.steps).unwrap_or(i32::MAX);
        let (correct1, correct2) = (1.0 - beta1.powi(t), 1.0 - beta2.powi(t));
        let ((m_old, m), (v_old, v)) = (change.remembered("exp_avg"), change.remembered("exp_avg_sq"));
        let (b1, take1, b2, take2) = (number(beta1), number(1.0 - beta1), number(beta2), number(1.0 - beta2));
        let g = term(g);
        lines.push(format!("m ← β₁ m + (1 − β₁) g = {b1} · {} + {take1} · {g} = {}", term(m_old), number(m)));
        lines.push(format!("v ← β₂ v + (1 − β₂) g² = {b2} · {} + {take2} · {g}² = {}", term(v_old), number(v)));
        let v = if self.amsgrad {
            let (largest_old, largest) = change.remembered("max_exp_avg_sq");
            lines.push(format!("v ← max({}, {}) = {}", number(largest_old), number(v), number(largest)));
            largest
        } else {
            v
        };
        let (m_hat, v_hat) = (m / correct1, v / correct2);
        lines.push(format!("m̂ = m / (1 − β₁^{t}) = {} / {} = {}", number(m), number(correct1), number(m_hat)));
        lines.push(format!("v̂ = v / (1 − β₂^{t}) = {} / {} = {}", number(v), number(correct2), number(v_hat)));
        let (theta, lr, new) = (term(theta), number(lr), number(change.after));
        let (m_hat, v_hat, eps) = (term(m_hat), number(v_hat), number(eps));
        lines.push(format!("θ ← θ − lr · m̂ / (√v̂ + ε) = {theta} − {lr} · {m_hat} / (√{v_hat} + {eps}) = {new}"));
        lines
    }
}
