//! Chapter 1: norms, linear regression, a step of descent.

use super::Wrong;
use gradus::ndarray::s;
use gradus_exercises::{checks, solutions};

pub(super) const ANSWERS: &[Wrong] = &[
    Wrong {
        name: "l2-norm: no root",
        attempt: |grading| checks::l2_norm(grading, |x| Ok(x.dot(x))),
        says: "norm: expected 5.0, found 25.0, relative error 4.0e0",
        input: "x (2,): [3.0, -4.0]",
    },
    Wrong {
        name: "l2-norm: one number left out",
        attempt: |grading| {
            checks::l2_norm(grading, |x| {
                solutions::l2_norm(&x.slice(s![..x.len() - usize::from(x.len() == 7)]).to_owned())
            })
        },
        says: "norm: expected ",
        input: "x (7,): [",
    },
    Wrong {
        name: "lp-norm: no absolute value",
        attempt: |grading| {
            checks::lp_norm(grading, |x, p| {
                if p == f64::INFINITY {
                    solutions::lp_norm(x, p)
                } else {
                    Ok(x.mapv(|x| x.powf(p)).sum().powf(1.0 / p))
                }
            })
        },
        says: "norm: expected 7.0, found -1.0, relative error 1.1e0",
        input: "p = 1.0",
    },
    Wrong {
        name: "lp-norm: infinity by the formula",
        attempt: |grading| checks::lp_norm(grading, |x, p| Ok(x.mapv(|x| x.abs().powf(p)).sum().powf(1.0 / p))),
        says: "norm: expected 4.0, found 1.0, relative error 7.5e-1",
        input: "p = inf",
    },
    Wrong {
        name: "lp-norm: overflows",
        attempt: |grading| {
            checks::lp_norm(grading, |x, p| {
                if p == f64::INFINITY {
                    solutions::lp_norm(x, p)
                } else {
                    Ok(x.mapv(|x| x.abs().powf(p)).sum().powf(1.0 / p))
                }
            })
        },
        says: "norm: expected 1.41421356237… found inf, relative error inf",
        input: "x (2,): [1e200, -1e200]",
    },
    Wrong {
        name: "lp-norm: zeros divided",
        attempt: |grading| {
            checks::lp_norm(grading, |x, p| {
                let largest = x.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
                Ok(if p == f64::INFINITY {
                    largest
                } else {
                    largest * x.mapv(|x| (x.abs() / largest).powf(p)).sum().powf(1.0 / p)
                })
            })
        },
        says: "norm: expected 0.0, found NaN, relative error NaN",
        input: "x (1,): [0.0]",
    },
    Wrong {
        name: "regression-gradient: no factor 2",
        attempt: |grading| {
            checks::regression_gradient(grading, |x, y, w, b| {
                solutions::regression_gradient(x, y, w, b).map(|(dw, db)| (dw / 2.0, db / 2.0))
            })
        },
        says: "dw[0]: expected 20.0, found 10.0, relative error 5.0e-1",
        input: "b = 0.0",
    },
    Wrong {
        name: "regression-gradient: no mean",
        attempt: |grading| {
            checks::regression_gradient(grading, |x, y, w, b| {
                let n = x.nrows() as f64;
                solutions::regression_gradient(x, y, w, b).map(|(dw, db)| (dw * n, db * n))
            })
        },
        says: "dw[0]: expected 7.0, found 14.0, relative error 1.0e0",
        input: "x (2, 1): [[1.0], [2.0]]",
    },
    Wrong {
        name: "regression-gradient: no bias",
        attempt: |grading| {
            checks::regression_gradient(grading, |x, y, w, _| solutions::regression_gradient(x, y, w, 0.0))
        },
        says: "dw[0]: expected 7.0, found 4.0, relative error 4.3e-1",
        input: "b = 1.0",
    },
    Wrong {
        name: "gradient-step: uphill",
        attempt: |grading| checks::gradient_step(grading, |theta, grad, lr| solutions::gradient_step(theta, grad, -lr)),
        says: "theta[0]: expected 0.0, found 2.0, relative error inf",
        input: "lr = 0.5",
    },
    Wrong {
        name: "gradient-step: nothing changed",
        attempt: |grading| checks::gradient_step(grading, |_, _, _| Ok(())),
        says: "theta[0]: expected 0.0, found 1.0, relative error inf",
        input: "grad (1,): [2.0]",
    },
];
