//! Chapter 3: convolution.

use super::Wrong;
use gradus::ndarray::{Array4, s};
use gradus_exercises::{checks, solutions};

pub(super) const ANSWERS: &[Wrong] = &[
    Wrong {
        name: "convolution: kernel flipped",
        attempt: |grading| checks::convolution(grading, |x, weight| solutions::convolution(x, &flipped(weight))),
        says: "y[0, 0, 0, 0]: expected 5.0, found 4.0, relative error 2.0e-1; 2 of 2 numbers differ",
        input: "weight (1, 1, 1, 2): [[[[1.0, 2.0]]]]",
    },
    Wrong {
        name: "convolution-backward: kernel flipped",
        attempt: |grading| {
            checks::convolution_backward(grading, |x, weight, dy| {
                let (dx, _) = solutions::convolution_backward(x, &flipped(weight), dy)?;
                Ok((dx, solutions::convolution_backward(x, weight, dy)?.1))
            })
        },
        says: "dx[0, 0, 0, 0]: expected 1.0, found 2.0, relative error 1.0e0; 2 of 3 numbers differ",
        input: "weight (1, 1, 1, 2): [[[[1.0, 2.0]]]]",
    },
    Wrong {
        name: "convolution-backward: rows and columns exchanged",
        attempt: |grading| {
            checks::convolution_backward(grading, |x, weight, dy| {
                let (dx, dw) = solutions::convolution_backward(x, weight, dy)?;
                let (_, _, rows, columns) = dw.dim();
                let dw = if rows == columns { dw.permuted_axes([0, 1, 3, 2]) } else { dw };
                Ok((dx, dw))
            })
        },
        says: "dW[0, 0, 0, 1]: expected 16.0, found 24.0, relative error 5.0e-1; 2 of 4 numbers differ",
        input: "x (1, 1, 3, 3): [[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]",
    },
    Wrong {
        name: "convolution-backward: the last sample alone",
        attempt: |grading| {
            checks::convolution_backward(grading, |x, weight, dy| {
                let (dx, _) = solutions::convolution_backward(x, weight, dy)?;
                let last = |x: &Array4<f64>| x.slice(s![-1.., .., .., ..]).to_owned();
                Ok((dx, solutions::convolution_backward(&last(x), weight, &last(dy))?.1))
            })
        },
        says: "dW[0, 0, 0, 0]: expected ",
        input: "weight (1, 1, 1, 1): [[[[",
    },
];

fn flipped(weight: &Array4<f64>) -> Array4<f64> {
    weight.slice(s![.., .., ..;-1, ..;-1]).to_owned()
}
