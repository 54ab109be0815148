//! Chapter 6: attention.

use super::{Draw, largest};
use crate::Answer;
use crate::grader::{Checked, Grading, Input, compare};
use gradus::autograd::Tape;
use gradus::ndarray::{Array2, array};
use gradus::nn_layers::{Attention, scaled_dot_product_attention};

/// Grades `attention`.
///
/// # Errors
/// What is wrong first.
pub fn attention(
    grading: &mut Grading<'_>,
    answer: impl Fn(&Array2<f64>, &Array2<f64>, &Array2<f64>) -> Answer<Array2<f64>>,
) -> Checked {
    let mut draw = Draw::new(12);
    let mut inputs = vec![
        // Both keys match alike: the mean of the values.
        (array![[1.0]], array![[1.0], [1.0]], array![[2.0], [4.0]]),
        (array![[1.0, 0.0, 0.0, 0.0]], array![[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]], array![[1.0], [0.0]]),
        (array![[0.5]], array![[-3.0]], array![[7.0, 8.0]]),
        (array![[1.0, 0.0], [0.0, 1.0]], array![[1.0, 0.0], [0.0, 1.0]], array![[1.0, 2.0], [3.0, 4.0]]),
        (Array2::zeros((2, 3)), Array2::zeros((4, 3)), Array2::zeros((4, 2))),
        // Scores whose `exp` no number can hold.
        (array![[1000.0, 0.0]], array![[1.0, 0.0], [2.0, 0.0]], array![[1.0], [-1.0]]),
    ];
    for ([n, m, d, e], scale) in
        [([1, 3, 2, 2], 1.0), ([3, 1, 2, 5], 1.0), ([4, 7, 5, 3], 3.0), ([7, 4, 16, 1], 3.0), ([2, 5, 3, 2], 1e-100)]
    {
        inputs.push((draw.array((n, d)) * 3.0, draw.array((m, d)) * 3.0, draw.array((m, e)) * scale));
    }
    for (q, k, v) in inputs {
        let tape = Tape::inference();
        let [query, key, value] = [&q, &k, &v].map(|x| tape.input(x.clone()));
        let y = scaled_dot_product_attention(&query, &key, &value, &Attention::default())?;

        let input = Input::new().array("q", &q).array("k", &k).array("v", &v);
        grading.input(&input, || answer(&q, &k, &v), |found| compare("y", &found, &**y.value(), largest(&v)))?;
    }
    Ok(())
}
