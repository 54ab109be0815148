//! There are other ways to write a right answer: other orders of summation, other forms of a formula. The grader takes them.

use crate::graded;
use gradus::ndarray::{Array1, Array2, Array3, Array4, Zip, s};
use gradus_exercises::grader::{Attempt, Limits, Outcome};
use gradus_exercises::{checks, solutions};
use std::time::Duration;

pub(crate) const ANSWERS: &[(&str, Attempt)] = &[
    ("l2-norm: by hypot", |grading| {
        checks::l2_norm(grading, |x| Ok(x.iter().rev().fold(0.0, |length: f64, x| length.hypot(*x))))
    }),
    ("lp-norm: by logarithms", |grading| {
        checks::lp_norm(grading, |x, p| {
            let largest = x.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
            if largest == 0.0 || p.is_infinite() {
                return Ok(largest);
            }
            let sum: f64 = x.iter().map(|x| (p * (x.abs() / largest).ln()).exp()).sum();
            Ok((largest.ln() + sum.ln() / p).exp())
        })
    }),
    ("regression-gradient: sample by sample, from the last", |grading| {
        checks::regression_gradient(grading, |x, y, w, b| {
            let (mut dw, mut db) = (Array1::zeros(w.len()), 0.0);
            for (x, y) in x.rows().into_iter().zip(y).rev() {
                let dr = 2.0 * (w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() - y + b);
                dw.scaled_add(dr, &x);
                db += dr;
            }
            Ok((dw / x.nrows() as f64, db / x.nrows() as f64))
        })
    }),
    ("softmax-backward: by the Jacobian", |grading| {
        checks::softmax_backward(grading, |y, dy| {
            let mut dx = Array2::zeros(y.dim());
            for ((n, i), dx) in dx.indexed_iter_mut() {
                for j in 0..y.ncols() {
                    *dx += dy[(n, j)] * y[(n, j)] * (f64::from(u8::from(i == j)) - y[(n, i)]);
                }
            }
            Ok(dx)
        })
    }),
    ("cross-entropy-gradient: by the logarithm of the sum", |grading| {
        checks::cross_entropy_gradient(grading, |logits, labels| {
            let n = logits.nrows() as f64;
            let mut gradient = Array2::zeros(logits.dim());
            for ((row, class), gradient) in gradient.indexed_iter_mut() {
                let z = logits.row(row);
                let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let log_sum = largest + z.iter().map(|z| (z - largest).exp()).sum::<f64>().ln();
                *gradient = (z[class] - log_sum).exp() / n;
                if labels[row] == class {
                    *gradient -= 1.0 / n;
                }
            }
            Ok(gradient)
        })
    }),
    ("convolution-backward: full and flipped", |grading| {
        checks::convolution_backward(grading, |x, weight, dy| {
            let (_, dw) = solutions::convolution_backward(x, weight, dy)?;
            // dx is the convolution of dy, padded fully, with the flipped kernel, whose channels change places.
            let (_, _, rows, columns) = weight.dim();
            let (n, o, h, w) = dy.dim();
            let mut padded = Array4::zeros((n, o, h + 2 * (rows - 1), w + 2 * (columns - 1)));
            padded.slice_mut(s![.., .., rows - 1..rows - 1 + h, columns - 1..columns - 1 + w]).assign(dy);
            let flipped = weight.slice(s![.., .., ..;-1, ..;-1]).permuted_axes([1, 0, 2, 3]).to_owned();
            Ok((solutions::convolution(&padded, &flipped)?, dw))
        })
    }),
    ("bptt: number by number", |grading| {
        checks::bptt(grading, |x, h0, weights, h, dh| {
            let mut gradients = solutions::bptt(x, h0, weights, h, &Array3::zeros(dh.dim()))?;
            let mut later = Array2::<f64>::zeros(h0.dim());
            let (steps, samples, states) = h.dim();
            for t in (0..steps).rev() {
                let mut earlier = Array2::zeros(h0.dim());
                for (n, j) in (0..samples).flat_map(|n| (0..states).map(move |j| (n, j))) {
                    // Another form of 1 − h², which keeps more digits where tanh is saturated.
                    let h_now = h[(t, n, j)];
                    let delta = (later[(n, j)] + dh[(t, n, j)]) * ((1.0 - h_now) * (1.0 + h_now));
                    gradients.dbias[j] += delta;
                    for i in 0..x.dim().2 {
                        gradients.dx[(t, n, i)] += delta * weights.weight_ih[(j, i)];
                        gradients.dweight_ih[(j, i)] += delta * x[(t, n, i)];
                    }
                    for k in 0..states {
                        let before = if t == 0 { h0[(n, k)] } else { h[(t - 1, n, k)] };
                        gradients.dweight_hh[(j, k)] += delta * before;
                        earlier[(n, k)] += delta * weights.weight_hh[(j, k)];
                    }
                }
                later = earlier;
            }
            gradients.dh0 = later;
            Ok(gradients)
        })
    }),
    ("adam: in the order that saves divisions", |grading| {
        checks::adam(grading, |theta, state, grad, settings| {
            state.t += 1;
            let [beta1, beta2] = [settings.beta1, settings.beta2];
            let root = (1.0 - beta2.powi(state.t)).sqrt();
            let step = settings.lr * root / (1.0 - beta1.powi(state.t));
            Zip::from(theta).and(&mut state.m).and(&mut state.v).and(grad).for_each(|theta, m, v, g| {
                *m += (1.0 - beta1) * (g - *m);
                *v += (1.0 - beta2) * (g * g - *v);
                *theta -= step * *m / (v.sqrt() + settings.eps * root);
            });
            Ok(())
        })
    }),
    ("dropout: by the reciprocal", |grading| {
        checks::dropout(grading, |x, dy, keep, p, training| {
            let factor = if training { 1.0 / (1.0 - p) } else { 1.0 };
            let drop = |x: &Array1<f64>| {
                let mut y = x * factor;
                Zip::from(&mut y).and(keep).for_each(|y, keep| *y = if *keep || !training { *y } else { 0.0 });
                y
            };
            Ok((drop(x), drop(dy)))
        })
    }),
];

#[test]
fn other_ways_are_right() {
    for (name, _) in ANSWERS {
        let verdict = graded(&format!("way/{name}"), Limits { time: Duration::from_secs(60), memory: 1024 });
        assert!(matches!(verdict.outcome, Outcome::Right(_)), "{name}: {verdict}");
    }
}
