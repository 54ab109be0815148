//! Chapters 6 to 8: attention, Adam, dropout.

use super::Wrong;
use gradus::ndarray::{Array1, Axis};
use gradus_exercises::exercises::e13_adam::AdamSettings;
use gradus_exercises::{checks, solutions};

pub(super) const ANSWERS: &[Wrong] = &[
    Wrong {
        name: "attention: not divided by the root",
        attempt: |grading| {
            checks::attention(grading, |q, k, v| solutions::attention(&(q * (q.ncols() as f64).sqrt()), k, v))
        },
        says: "y[0, 0]: expected ",
        input: "q (1, 4): [[1.0, 0.0, 0.0, 0.0]]",
    },
    Wrong {
        name: "attention: exp of the scores as they are",
        attempt: |grading| {
            checks::attention(grading, |q, k, v| {
                let p = (q.dot(&k.t()) / (q.ncols() as f64).sqrt()).mapv(f64::exp);
                let sums = p.sum_axis(Axis(1)).insert_axis(Axis(1));
                Ok((p / sums).dot(v))
            })
        },
        says: "y[0, 0]: expected -1.0, found NaN",
        input: "q (1, 2): [[1000.0, 0.0]]",
    },
    Wrong {
        name: "attention: softmax over the queries",
        attempt: |grading| {
            checks::attention(grading, |q, k, v| {
                let p = (q.dot(&k.t()) / (q.ncols() as f64).sqrt()).mapv(f64::exp);
                let sums = p.sum_axis(Axis(0));
                Ok((p / sums).dot(v))
            })
        },
        says: "y[0, 0]: expected 3.0, found 6.0",
        input: "v (2, 1)",
    },
    Wrong {
        name: "adam: no correction of the bias",
        attempt: |grading| {
            checks::adam(grading, |theta, state, grad, settings| {
                let AdamSettings { lr, beta1, beta2, eps } = *settings;
                state.m = &state.m * beta1 + grad * (1.0 - beta1);
                state.v = &state.v * beta2 + grad * grad * (1.0 - beta2);
                *theta -= &(&state.m * lr / (state.v.mapv(f64::sqrt) + eps));
                Ok(())
            })
        },
        says: "theta[0]: expected ",
        input: "t = 0",
    },
    Wrong {
        name: "adam: the step is not counted",
        attempt: |grading| {
            checks::adam(grading, |theta, state, grad, settings| {
                solutions::adam(theta, state, grad, settings)?;
                state.t = 0;
                Ok(())
            })
        },
        says: "theta[0]: expected ",
        input: "t = 0",
    },
    Wrong {
        name: "adam: eps under the root",
        attempt: |grading| {
            checks::adam(grading, |theta, state, grad, settings| {
                let before = theta.clone();
                solutions::adam(theta, state, grad, settings)?;
                let AdamSettings { lr, beta1, beta2, eps } = *settings;
                let (m, v) = (&state.m / (1.0 - beta1.powi(state.t)), &state.v / (1.0 - beta2.powi(state.t)));
                *theta = before - m * lr / (v + eps).mapv(f64::sqrt);
                Ok(())
            })
        },
        says: "theta[0]: expected ",
        input: "grad (1,): [1.0]",
    },
    Wrong {
        name: "dropout: not rescaled",
        attempt: |grading| {
            checks::dropout(grading, |x, dy, keep, _, training| solutions::dropout(x, dy, keep, 0.0, training))
        },
        says: "y[",
        input: "p = 0.5",
    },
    Wrong {
        name: "dropout: the gradient not rescaled",
        attempt: |grading| {
            checks::dropout(grading, |x, dy, keep, p, training| {
                let (y, _) = solutions::dropout(x, dy, keep, p, training)?;
                Ok((y, solutions::dropout(x, dy, keep, 0.0, training)?.1))
            })
        },
        says: "dx[",
        input: "training = true",
    },
    Wrong {
        name: "dropout: drops in use",
        attempt: |grading| checks::dropout(grading, |x, dy, keep, p, _| solutions::dropout(x, dy, keep, p, true)),
        says: "y[0]: expected 1.0, found ",
        input: "training = false",
    },
    Wrong {
        name: "dropout: infinity times zero",
        attempt: |grading| {
            checks::dropout(grading, |x, dy, keep, p, training| {
                let mask: Array1<f64> = keep.mapv(|keep| {
                    if !training {
                        1.0
                    } else if keep {
                        1.0 / (1.0 - p)
                    } else {
                        0.0
                    }
                });
                Ok((x * &mask, dy * &mask))
            })
        },
        says: "y[",
        input: "x (6,): [inf, inf, inf, inf, inf, inf]",
    },
];
