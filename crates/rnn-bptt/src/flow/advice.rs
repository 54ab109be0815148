//! What to do about a gradient that vanishes or explodes.

use super::{Diagnosis, Verdict};
use std::fmt;

/// Something to try, with the numbers for it. `Display` says it in a sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Advice {
    /// Limit the norm of the gradient before each step of the optimizer.
    ///
    /// R. Pascanu, T. Mikolov, Y. Bengio, 2013, <https://arxiv.org/abs/1211.5063>
    Clip,
    /// Begin with an orthogonal `weight_hh`, which keeps lengths.
    ///
    /// A. M. Saxe, J. L. McClelland, S. Ganguli, 2013, <https://arxiv.org/abs/1312.6120>; Q. V. Le, N. Jaitly, G. E. Hinton, 2015,
    /// <https://arxiv.org/abs/1504.00941> (the identity, with ReLU)
    OrthogonalStart,
    /// Divide `weight_hh` by the factor with which the gradient grows.
    Shrink {
        /// The factor.
        factor: f64,
    },
    /// Use a cell whose state is added to, behind gates, and not replaced.
    ///
    /// S. Hochreiter, J. Schmidhuber, *Long short-term memory*, Neural Computation 9(8), 1997, <https://doi.org/10.1162/neco.1997.9.8.1735>
    Gates,
    /// Raise the bias of the forget gates of an LSTM, so that they begin open.
    ///
    /// R. Jozefowicz, W. Zaremba, I. Sutskever, 2015, <https://proceedings.mlr.press/v37/jozefowicz15.html>; C. Tallec, Y. Ollivier, 2018,
    /// <https://arxiv.org/abs/1804.11188> (how much for which length)
    ForgetBias {
        /// The bias with which 1 % is left after so many steps.
        bias: f64,
        /// The steps.
        steps: usize,
    },
    /// Raise the bias of the update gates of a GRU, so that they begin by keeping the state.
    ///
    /// C. Tallec, Y. Ollivier, 2018, <https://arxiv.org/abs/1804.11188>
    UpdateBias {
        /// The bias with which 1 % is left after so many steps.
        bias: f64,
        /// The steps.
        steps: usize,
    },
    /// Truncate back-propagation after so many steps.
    Truncate {
        /// The length of the backward pass, `k2`.
        k2: usize,
        /// Why: nothing arrives from farther, or too much does.
        verdict: Verdict,
    },
    /// Nothing.
    Keep,
}

impl Advice {
    /// For a layer of cells of this name, [`Cell::NAME`](crate::Cell::NAME), in the order in which to try.
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::flow::{Advice, Diagnosis};
    /// let diagnosis = Diagnosis::of(&(0..=100).map(|k| f64::from(k) * 0.7_f64.ln()).collect::<Vec<_>>());
    /// let advice = Advice::for_cell("lstm", &diagnosis);
    /// assert!(advice[0].to_string().starts_with("raise the forget gates' bias"));
    /// assert!(advice[1].to_string().contains("k2 = 13"));
    /// ```
    #[must_use]
    pub fn for_cell(cell: &str, diagnosis: &Diagnosis) -> Vec<Self> {
        let Diagnosis { verdict, horizon, factor, steps, .. } = *diagnosis;
        let k2 = (horizon.min(steps as f64) as usize).max(1);
        let truncate = Self::Truncate { k2, verdict };
        let bias = open_gate(steps);
        match (verdict, cell) {
            (Verdict::Healthy, _) => vec![Self::Keep],
            (Verdict::Vanishing, "lstm") => vec![Self::ForgetBias { bias, steps }, truncate],
            (Verdict::Vanishing, "gru") => vec![Self::UpdateBias { bias, steps }, truncate],
            (Verdict::Vanishing, _) => vec![Self::OrthogonalStart, Self::Gates, truncate],
            (Verdict::Exploding, "rnn") if factor > 1.0 => {
                vec![Self::Clip, Self::Shrink { factor }, Self::OrthogonalStart, truncate]
            }
            (Verdict::Exploding, _) => vec![Self::Clip, Self::OrthogonalStart, truncate],
        }
    }
}

/// The bias of a gate `g = σ(bias)` with `gᵀ = 1 %`: `ln(g / (1 − g))`.
fn open_gate(steps: usize) -> f64 {
    let ln_gate = 0.01_f64.ln() / steps.max(1) as f64;
    ln_gate - (-ln_gate.exp_m1()).ln()
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clip => f.write_str("clip the norm of the whole gradient before each step of the optimizer, at about its median over some batches"),
            Self::OrthogonalStart => f.write_str("begin with an orthogonal weight_hh (init::orthogonal with gain 1), or with the identity if the cell is a ReLU network"),
            Self::Shrink { factor } => write!(f, "divide weight_hh by {factor:.2}: that is how much a step back multiplies the gradient"),
            Self::Gates => f.write_str("take an LSTM or a GRU, whose gates let the state pass from step to step"),
            Self::ForgetBias { bias, steps } => write!(f, "raise the forget gates' bias (the second quarter of bias_hh) to {bias:.1}: then 1 % is left after {steps} steps"),
            Self::UpdateBias { bias, steps } => write!(f, "raise the update gates' bias (the second third of bias_hh) to {bias:.1}: then 1 % is left after {steps} steps"),
            Self::Truncate { k2, verdict: Verdict::Exploding } => write!(f, "truncate back-propagation at k2 = {k2}, before the gradient has grown a hundredfold"),
            Self::Truncate { k2, .. } => write!(f, "as it is, truncate back-propagation at k2 = {k2}: from farther back less than 1 % arrives, and it costs as much"),
            Self::Keep => f.write_str("nothing to do at this length; look again at the length that is to be learned, and after some training"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(cell: &str, factor: f64, steps: usize) -> Vec<Advice> {
        let ln_gains: Vec<_> = (0..=steps).map(|k| k as f64 * f64::ln(factor)).collect();
        Advice::for_cell(cell, &Diagnosis::of(&ln_gains))
    }

    #[test]
    fn it_goes_by_cell_and_verdict() {
        let truncate = Advice::Truncate { k2: 7, verdict: Verdict::Vanishing };
        assert_eq!(advice("rnn", 0.5, 20), [Advice::OrthogonalStart, Advice::Gates, truncate]);
        assert!(
            matches!(advice("lstm", 0.5, 20)[..], [Advice::ForgetBias { steps: 20, .. }, found] if found == truncate)
        );
        assert!(matches!(advice("gru", 0.5, 20)[..], [Advice::UpdateBias { .. }, found] if found == truncate));
        assert!(matches!(
            advice("rnn", 2.0, 20)[..],
            [Advice::Clip, Advice::Shrink { .. }, _, Advice::Truncate { k2: 7, .. }]
        ));
        assert_eq!(advice("lstm", 2.0, 20)[0], Advice::Clip);
        assert_eq!(advice("rnn", 1.0, 20), [Advice::Keep]);
    }

    #[test]
    fn a_gate_with_that_bias_leaves_one_percent() {
        for steps in [1, 10, 200, 5000] {
            let gate = 1.0 / (1.0 + (-open_gate(steps)).exp());
            assert!((gate.powf(steps as f64) - 0.01).abs() < 1e-10, "{steps}");
        }
    }

    #[test]
    fn it_names_numbers() {
        let said = |advice: Advice| advice.to_string();
        assert!(said(advice("lstm", 0.9, 200)[0]).contains("to 3.8: then 1 % is left after 200 steps"));
        assert!(said(advice("rnn", 1.5, 20)[1]).contains("divide weight_hh by 1.50"));
        assert!(said(advice("rnn", 0.5, 20)[2]).contains("k2 = 7"));
        for advice in [Advice::Clip, Advice::OrthogonalStart, Advice::Gates, Advice::Keep] {
            assert!(said(advice).len() > 40);
        }
    }
}
