//! Chapter 2: softmax, cross-entropy, a linear layer.

use super::Wrong;
use gradus::ndarray::Axis;
use gradus_exercises::{checks, solutions};

pub(super) const ANSWERS: &[Wrong] = &[
    Wrong {
        name: "softmax-backward: diagonal alone",
        attempt: |grading| checks::softmax_backward(grading, |y, dy| Ok(y * &(1.0 - y) * dy)),
        says: "dx[0, 1]: expected -0.25, found 0.0, relative error 1.0e0; 1 of 2 numbers differ",
        input: "dy (1, 2): [[1.0, 0.0]]",
    },
    Wrong {
        name: "softmax-backward: sum over columns",
        attempt: |grading| {
            checks::softmax_backward(grading, |y, dy| Ok(y * &(dy - &(y * dy).sum_axis(Axis(0)).insert_axis(Axis(0)))))
        },
        says: "dx[0, 1]: expected -0.25, found 0.0, relative error 1.0e0",
        input: "y (1, 2): [[0.5, 0.5]]",
    },
    Wrong {
        name: "cross-entropy-gradient: no mean",
        attempt: |grading| {
            checks::cross_entropy_gradient(grading, |logits, labels| {
                solutions::cross_entropy_gradient(logits, labels).map(|gradient| gradient * labels.len() as f64)
            })
        },
        says: "dlogits[0, 0]: expected 0.1344707106… found 0.2689414213… 4 of 4 numbers differ, all by the factor 2.000000",
        input: "labels (2,): [1, 1]",
    },
    Wrong {
        name: "cross-entropy-gradient: overflows",
        attempt: |grading| {
            checks::cross_entropy_gradient(grading, |logits, labels| {
                let exps = logits.mapv(f64::exp);
                let mut gradient = &exps / &exps.sum_axis(Axis(1)).insert_axis(Axis(1));
                labels.iter().enumerate().for_each(|(row, &label)| gradient[(row, label)] -= 1.0);
                Ok(gradient / labels.len() as f64)
            })
        },
        says: "dlogits[0, 0]: expected 1.0, found NaN",
        input: "logits (1, 3): [[1000.0, 0.0, -1000.0]]",
    },
    Wrong {
        name: "linear-backward: weight transposed",
        attempt: |grading| {
            checks::linear_backward(grading, |x, w, dy| {
                let (dx, dw, db) = solutions::linear_backward(x, w, dy)?;
                let dx = if w.is_square() { dy.dot(&w.t()) } else { dx };
                Ok((dx, dw, db))
            })
        },
        says: "dx[0, 1]: expected 1.0, found 2.0, relative error 1.0e0; 2 of 4 numbers differ",
        input: "w (2, 2): [[0.0, 1.0], [2.0, 0.0]]",
    },
    Wrong {
        name: "linear-backward: result transposed",
        attempt: |grading| {
            checks::linear_backward(grading, |x, w, dy| {
                let (dx, _, db) = solutions::linear_backward(x, w, dy)?;
                Ok((dx, x.t().dot(dy), db))
            })
        },
        says: "dW has the shape (2, 1), expected (1, 2)",
        input: "x (1, 2): [[1.0, 2.0]]",
    },
    Wrong {
        name: "linear-backward: mean for the bias",
        attempt: |grading| {
            checks::linear_backward(grading, |x, w, dy| {
                let (dx, dw, db) = solutions::linear_backward(x, w, dy)?;
                Ok((dx, dw, db / dy.nrows() as f64))
            })
        },
        says: "db[0]: expected 1.0, found 0.5, relative error 5.0e-1; 2 of 2 numbers differ, all by the factor 0.500000",
        input: "x (2, 2): [[1.0, 2.0], [3.0, 4.0]]",
    },
];
