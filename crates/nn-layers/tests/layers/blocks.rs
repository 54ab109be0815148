//! Bilinear forms, residual and parallel blocks.

use super::{check, normal, rng};
use gradus_nn_layers::ndarray::array;
use gradus_nn_layers::{
    Bilinear, Identity, Layer, Linear, Module, Parallel, Residual, Result, Tanh, Tape, Var, sequential,
};
use gradus_testing::{Tolerance, assert_close};
use proptest::prelude::*;

/// A bilinear form of the two halves of its input.
#[derive(Module)]
#[module(float = f64)]
struct OfHalves {
    form: Bilinear<f64>,
    first: usize,
}

impl Layer<f64> for OfHalves {
    fn forward(&self, x: &Var<f64>) -> Result<Var<f64>> {
        let width = *x.shape().last().expect("the test gives it an axis");
        self.form.forward(&x.slice_axis(-1, 0..self.first, 1)?, &x.slice_axis(-1, self.first..width, 1)?)
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(100))]

    #[test]
    fn gradients_of_blocks_are_right(
        n in 0..3_usize, a in 1..4_usize, b in 1..4_usize, out in 1..4_usize, bias in any::<bool>(), seed in any::<u64>(),
    ) {
        let form = if bias {
            Bilinear::new(a, b, out, &mut rng(seed))
        } else {
            Bilinear::without_bias(a, b, out, &mut rng(seed))
        };
        check(&mut OfHalves { form: form.clone(), first: a }, &normal(&[a + b], seed))?;
        check(&mut OfHalves { form, first: a }, &normal(&[2, n, a + b], seed))?;

        let linear = |from, to, i: u64| Linear::<f64>::new(from, to, &mut rng(seed ^ i));
        let x = normal(&[n, a], seed ^ 9);
        check(&mut Residual::new(sequential![linear(a, b, 1), Tanh, linear(b, a, 2)]), &x)?;
        check(&mut Residual::with_shortcut(sequential![linear(a, b, 1), Tanh], linear(a, b, 2)), &x)?;
        check(&mut Parallel::sum().push(linear(a, b, 1)).push(linear(a, b, 2)), &x)?;
        check(&mut Parallel::concatenate(-1).push(linear(a, b, 1)).push(Identity).push(linear(a, out, 2)), &x)?;
    }
}

/// `F.bilinear(x1, x2, w, b)`
#[test]
fn a_bilinear_form_is_pytorchs() {
    let weight = array![[[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], [[-0.1, 0.2, -0.3], [0.4, -0.5, 0.6]]];
    let form = Bilinear::<f64>::from_parts(weight, Some(array![0.1, -0.2].into())).unwrap();
    let tape = Tape::recording();
    let (x1, x2) =
        (tape.variable(array![[0.5, -1.0], [2.0, 0.3]]), tape.variable(array![[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]]));
    let y = form.forward(&x1, &x2).unwrap();
    assert_close(&**y.value(), &array![[-0.6, 1.3], [2.6, -1.5]], Tolerance::F64, "y");
    let gradients = y.sum().backward().unwrap();
    assert_close(&**gradients.get(&x1).unwrap(), &array![[0.8, -0.4], [0.0, 4.0]], Tolerance::F64, "dx1");
    let dx2 = array![[-0.8, 0.2, -1.2], [0.24, 0.8, 0.36]];
    assert_close(&**gradients.get(&x2).unwrap(), &dx2, Tolerance::F64, "dx2");
    let dw = array![[1.5, 1.0, 5.5], [-0.85, -2.0, 1.9]];
    let dw = gradus_nn_layers::ndarray::stack![gradus_nn_layers::ndarray::Axis(0), dw, dw];
    assert_close(&**gradients.get(&form.weight).unwrap(), &dw, Tolerance::F64, "dw");
}

#[test]
fn names_in_blocks_are_paths() {
    let linear = || Linear::<f64>::without_bias(2, 2, &mut rng(1));
    let names = |layer: &dyn Layer<f64>| layer.parameters().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&Residual::new(linear())), ["body.weight"]);
    assert_eq!(names(&Residual::with_shortcut(linear(), linear())), ["body.weight", "shortcut.weight"]);
    assert_eq!(names(&Parallel::sum().push(linear()).push_named("b", linear())), ["0.weight", "b.weight"]);
}
