//! Chapters 4 and 5: a recurrent cell, forward and through time.

use super::Wrong;
use gradus::ndarray::{Array2, Array3, s};
use gradus_exercises::exercises::e10_rnn_forward::RnnWeights;
use gradus_exercises::{checks, solutions};

pub(super) const ANSWERS: &[Wrong] = &[
    Wrong {
        name: "rnn-forward: the first state forgotten",
        attempt: |grading| {
            checks::rnn_forward(grading, |x, h0, weights| solutions::rnn_forward(x, &Array2::zeros(h0.dim()), weights))
        },
        says: "h[0, 0, 0]: expected 0.6351489523",
        input: "h0 (1, 1): [[0.5]]",
    },
    Wrong {
        name: "rnn-forward: weight_hh transposed",
        attempt: |grading| {
            checks::rnn_forward(grading, |x, h0, weights| {
                let mut weights = weights.clone();
                weights.weight_hh = weights.weight_hh.t().to_owned();
                solutions::rnn_forward(x, h0, &weights)
            })
        },
        says: "h[0, 0, 0]: expected ",
        input: "x (1, 3, 2): [[[",
    },
    Wrong {
        name: "bptt: nothing comes from later steps",
        attempt: |grading| {
            checks::bptt(grading, |x, h0, weights, h, dh| {
                let mut cut = weights.clone();
                cut.weight_hh.fill(0.0);
                let mut gradients = solutions::bptt(x, h0, &cut, h, dh)?;
                gradients.dh0 = solutions::bptt(x, h0, weights, h, dh)?.dh0;
                Ok(gradients)
            })
        },
        says: "dx[0, 0, 0]: expected ",
        input: "x (2, 1, 1): [[[1.0]], [[0.0]]]",
    },
    Wrong {
        name: "bptt: no derivative of tanh",
        attempt: |grading| {
            checks::bptt(grading, |x, h0, weights, h, dh| solutions::bptt(x, h0, weights, &Array3::zeros(h.dim()), dh))
        },
        says: "dx[0, 0, 0]: expected 0.3932238664… found 0.5, relative error 2.7e-1",
        input: "h (1, 1, 1): [[[0.4621171572",
    },
    Wrong {
        name: "bptt: off by one in time",
        attempt: |grading| {
            checks::bptt(grading, |x, h0, weights, h, dh| {
                // With the unit matrix for the input's weight, dx is δ.
                let unit = RnnWeights { weight_ih: Array2::eye(h0.ncols()), ..weights.clone() };
                let deltas = solutions::bptt(&Array3::zeros(h.dim()), h0, &unit, h, dh)?.dx;
                let mut gradients = solutions::bptt(x, h0, weights, h, dh)?;
                gradients.dweight_hh.fill(0.0);
                // hₜ in the place of hₜ₋₁.
                for (delta, h) in deltas.outer_iter().zip(h.outer_iter()) {
                    gradients.dweight_hh += &delta.t().dot(&h);
                }
                Ok(gradients)
            })
        },
        says: "dweight_hh[0, 0]: expected 0.0, found ",
        input: "x (1, 1, 1): [[[1.0]]]",
    },
    Wrong {
        name: "bptt: bias of the last step alone",
        attempt: |grading| {
            checks::bptt(grading, |x, h0, weights, h, dh| {
                let mut gradients = solutions::bptt(x, h0, weights, h, dh)?;
                let last = |x: &Array3<f64>| x.slice(s![-1.., .., ..]).to_owned();
                gradients.dbias = solutions::bptt(&last(x), h0, weights, &last(h), &last(dh))?.dbias;
                Ok(gradients)
            })
        },
        says: "dbias[0]: expected ",
        input: "x (2, 1, 1): [[[1.0]], [[0.0]]]",
    },
];
