//! Dual numbers, and derivatives of functions of which they are known.

use gradus_autograd::ndarray::{Array1, Array2, ArrayD, array};
use gradus_autograd::{Dual, Error, Real, Result, Tape, Value, Var, hessian, hvp, jacobian, jvp, vjp};

fn agree(got: &ArrayD<f64>, expected: &ArrayD<f64>, allowed: f64) {
    assert_eq!(got.shape(), expected.shape());
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() <= allowed * (1.0 + b.abs()), "{got}, expected {expected}");
    }
}

/// A function and its derivative, in terms of what `f64` itself computes.
type Known = (&'static str, fn(Dual) -> Dual, fn(f64) -> f64, fn(f64) -> f64);

#[test]
fn every_function_of_a_dual_number_has_its_derivative() {
    let known: [Known; 17] = [
        ("exp", Dual::exp, f64::exp, f64::exp),
        ("exp_m1", Dual::exp_m1, f64::exp_m1, f64::exp),
        ("ln", Dual::ln, f64::ln, |x| 1.0 / x),
        ("ln_1p", Dual::ln_1p, f64::ln_1p, |x| 1.0 / (1.0 + x)),
        ("sqrt", Dual::sqrt, f64::sqrt, |x| 0.5 / x.sqrt()),
        ("sin", Dual::sin, f64::sin, f64::cos),
        ("cos", Dual::cos, f64::cos, |x| -x.sin()),
        ("tanh", Dual::tanh, f64::tanh, |x| 1.0 / x.cosh().powi(2)),
        ("sigmoid", Dual::sigmoid, |x| 1.0 / (1.0 + (-x).exp()), |x| 0.25 / (0.5 * x).cosh().powi(2)),
        ("acos", Dual::acos, f64::acos, |x| -1.0 / (1.0 - x * x).sqrt()),
        ("powi", |x| x.powi(-3), |x| x.powi(-3), |x| -3.0 * x.powi(-4)),
        ("x⁰", |x| x.powi(0), |_| 1.0, |_| 0.0),
        ("powf", |x| x.powf(x), |x| x.powf(x), |x| x.powf(x) * (1.0 + x.ln())),
        ("abs", |x| (-x).abs(), |x| x, |_| 1.0),
        ("%", |x| x % Dual::constant(0.25), |x| x % 0.25, |_| 1.0),
        ("/", |x| Dual::constant(2.0) / x, |x| 2.0 / x, |x| -2.0 / (x * x)),
        ("maximum", |x| x.maximum(Dual::zero() + x * x), |x| x, |_| 1.0),
    ];
    for (name, f, y, slope) in known {
        for x in [0.03, 0.3, 0.61, 0.93] {
            let got = f(Dual::variable(x));
            assert!((got.value() - y(x)).abs() <= 1e-14 * (1.0 + y(x).abs()), "{name}({x}) = {got}");
            assert!((got.derivative() - slope(x)).abs() <= 1e-13 * (1.0 + slope(x).abs()), "{name}({x}) = {got}");
        }
    }
}

trait Zero {
    fn zero() -> Self;
}
impl Zero for Dual {
    fn zero() -> Self {
        Dual::constant(0.0)
    }
}

#[test]
fn duals_of_duals_carry_second_derivatives() {
    let second = |f: fn(Dual<Dual>) -> Dual<Dual>, x: f64| {
        f(Dual::new(Dual::variable(x), Dual::constant(1.0))).derivative().derivative()
    };
    let x = 0.7_f64;
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-13 * (1.0 + b.abs()), "{a}, expected {b}");
    close(second(Dual::exp, x), x.exp());
    close(second(Dual::ln, x), -1.0 / (x * x));
    close(second(Dual::sin, x), -x.sin());
    close(second(Dual::tanh, x), -2.0 * x.tanh() * (1.0 - x.tanh().powi(2)));
    close(second(|x| x.powi(5), x), 20.0 * x.powi(3));
    close(second(|x| x.powi(2), 0.0), 2.0);
    close(second(|x| x * x, 0.0), 2.0);
    close(second(|x| x.powf(Dual::from_f64(2.5)), x), 3.75 * x.sqrt());
    close(second(|x| x.sqrt(), x), -0.25 * x.powf(-1.5));
}

#[test]
fn duals_at_the_edges() {
    // What does not change has derivative 0, whatever the slope; what does has an infinite one.
    assert_eq!(Dual::constant(0.0).sqrt().derivative(), 0.0);
    assert_eq!(Dual::variable(0.0).sqrt().derivative(), f64::INFINITY);
    assert_eq!(Dual::variable(-2.0).powf(Dual::constant(3.0)).derivative(), 12.0);
    assert_eq!(Dual::variable(0.0).abs().derivative(), 0.0);
    assert_eq!((Dual::variable(3.0) * Dual::INFINITY).derivative(), f64::INFINITY);
    assert_eq!((Dual::constant(3.0) * Dual::<f64>::INFINITY).derivative(), 0.0);
    assert!(Dual::variable(f64::NAN).abs().derivative().is_nan());
    assert!(Dual::variable(f64::NAN).is_nan() && !Dual::variable(f64::INFINITY).is_finite());
    // Comparisons see the value.
    assert_eq!(Dual::new(1.0, 5.0), Dual::new(1.0, -5.0));
    assert!(Dual::new(1.0, 5.0) < Dual::new(2.0, -5.0));
    assert_eq!(Dual::new(1.5, -2.0).to_string(), "1.5 + -2 ε");
}

/// ½ xᵀ A x + bᵀ x, of which the Hessian is (A + Aᵀ) / 2.
#[test]
fn a_quadratic_form() {
    let a = array![[2.0, -1.0, 0.5], [3.0, 1.0, 0.0], [0.0, 4.0, -2.0]];
    let b = array![1.0, -2.0, 3.0];
    let x = array![0.3, -0.7, 1.1];
    let form = |v: &[Var<Dual>]| -> Result<Var<Dual>> {
        let tape = v[0].tape();
        let (a, b) = (tape.input(a.mapv(Dual::constant)), tape.input(b.mapv(Dual::constant)));
        Ok(v[0].matmul(&a.matmul(&v[0])?)? * Dual::constant(0.5) + v[0].matmul(&b)?)
    };
    let symmetric: Array2<f64> = (&a + &a.t()) / 2.0;
    let inputs = [x.clone().into_dyn()];
    agree(&hessian(form, &inputs).unwrap()[0][0], &symmetric.clone().into_dyn(), 1e-14);
    let v = array![1.0, 2.0, -1.0];
    let (gradient, product) = hvp(form, &inputs, &[v.clone().into_dyn()]).unwrap();
    agree(&gradient[0], &(symmetric.dot(&x) + &b).into_dyn(), 1e-14);
    agree(&product[0], &symmetric.dot(&v).into_dyn(), 1e-14);
    let (_, slope) = jvp(form, &inputs, &[v.clone().into_dyn()]).unwrap();
    agree(&slope, &ndarray_number((symmetric.dot(&x) + &b).dot(&v)), 1e-14);
}

fn ndarray_number(x: f64) -> ArrayD<f64> {
    Value::scalar(x).into_array()
}

/// Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)² in four variables.
#[test]
fn the_rosenbrock_function() {
    fn rosenbrock<F: Real>(x: &[Var<F>]) -> Result<Var<F>> {
        let (head, tail) = (x[0].slice_axis(0, 0..3, 1)?, x[0].slice_axis(0, 1..4, 1)?);
        Ok(((tail - head.square()).square() * F::from_f64(100.0) + (head - F::one()).square()).sum())
    }
    let x = array![0.4, -1.2, 0.9, 1.5];
    let mut expected = Array2::<f64>::zeros((4, 4));
    for i in 0..3 {
        expected[[i, i]] += 1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0;
        expected[[i + 1, i + 1]] += 200.0;
        expected[[i, i + 1]] -= 400.0 * x[i];
        expected[[i + 1, i]] -= 400.0 * x[i];
    }
    let inputs = [x.into_dyn()];
    agree(&hessian(rosenbrock, &inputs).unwrap()[0][0], &expected.into_dyn(), 1e-13);
    // The gradient by the tape over f64, by the tape over duals, and forward, column by column.
    let (_, reverse) = vjp(rosenbrock, &inputs, ndarray_number(1.0)).unwrap();
    let (over_duals, _) = hvp(rosenbrock, &inputs, &[ArrayD::zeros(vec![4])]).unwrap();
    agree(&over_duals[0], &reverse[0], 1e-15);
    agree(&jacobian(rosenbrock, &inputs).unwrap()[0], &reverse[0], 1e-15);
}

/// Σ ln(1 + e^(−t xᵀw)): the Hessian is Xᵀ diag(p (1 − p)) X.
#[test]
fn logistic_regression() {
    let samples = array![[1.0, 2.0], [0.5, -1.0], [-2.0, 0.3], [0.1, 0.9]];
    let labels = array![1.0, -1.0, 1.0, -1.0];
    let w = array![0.3, -0.4];
    let loss = |v: &[Var<Dual>]| -> Result<Var<Dual>> {
        let tape = v[0].tape();
        let (x, t) = (tape.input(samples.mapv(Dual::constant)), tape.input(labels.mapv(Dual::constant)));
        Ok((-(x.matmul(&v[0])? * t)).softplus(1.0, f64::INFINITY).sum())
    };
    let p = samples.dot(&w).mapv(|z: f64| 1.0 / (1.0 + (-z).exp()));
    let weights = Array2::from_diag(&p.mapv(|p| p * (1.0 - p)));
    let expected = samples.t().dot(&weights).dot(&samples);
    agree(&hessian(loss, &[w.into_dyn()]).unwrap()[0][0], &expected.into_dyn(), 1e-14);
}

/// −ln softmax(z)ₖ: the gradient is p − eₖ and the Hessian diag(p) − p pᵀ. Two inputs: z = A u has blocks.
#[test]
fn softmax_cross_entropy() {
    fn loss<F: Real>(z: &[Var<F>]) -> Result<Var<F>> {
        Ok(-z[0].log_softmax(-1)?.select(0, 1)?)
    }
    let z: Array1<f64> = array![0.2, -1.3, 0.8];
    let e = z.mapv(f64::exp);
    let p = &e / e.sum();
    let column = p.clone().insert_axis(gradus_autograd::ndarray::Axis(1));
    let expected = Array2::from_diag(&p) - column.dot(&column.t());
    agree(&hessian(loss, &[z.into_dyn()]).unwrap()[0][0], &expected.into_dyn(), 1e-14);
}

#[test]
fn blocks_of_several_inputs() {
    // L = uᵀ A v: ∂²L/∂u∂v = A, ∂²L/∂A∂v [i, j, k] = uᵢ δⱼₖ, and the diagonal blocks vanish.
    let form = |x: &[Var<Dual>]| x[0].matmul(&x[1].matmul(&x[2])?);
    let (u, a, v) = (array![1.0, -2.0], array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], array![0.5, 1.5, -1.0]);
    let inputs = [u.into_dyn(), a.clone().into_dyn(), v.clone().into_dyn()];
    let h = hessian(form, &inputs).unwrap();
    assert_eq!(h[0][2], a.into_dyn());
    assert_eq!(h[1][2].shape(), [2, 3, 3]);
    assert_eq!((h[1][2][[1, 2, 2]], h[1][2][[1, 2, 1]]), (-2.0, 0.0));
    for i in 0..3 {
        assert!(h[i][i].iter().all(|&x| x == 0.0));
        for j in 0..3 {
            assert_eq!(h[i][j].shape(), [inputs[i].shape(), inputs[j].shape()].concat());
        }
    }
    // ∂/∂u (A v) is not there, ∂/∂v (A v) is A; by rows and by columns.
    let j = jacobian(|x: &[Var<Dual>]| x[1].matmul(&x[2]), &inputs).unwrap();
    assert!(j[0].iter().all(|&x| x == 0.0));
    assert_eq!(j[2], inputs[1]);
    let tall = jacobian(|x: &[Var<Dual>]| x[0].outer(&x[0]), &inputs[2..]).unwrap();
    assert_eq!(tall[0].shape(), [3, 3, 3]);
    assert_eq!((tall[0][[0, 1, 0]], tall[0][[0, 1, 1]], tall[0][[1, 1, 1]]), (1.5, 0.5, 3.0));
}

#[test]
fn nothing_and_constants() {
    let empty = [ArrayD::<f64>::zeros(vec![0, 3])];
    let sum = |x: &[Var<Dual>]| Ok::<_, Error>(x[0].sum());
    assert_eq!(hessian(sum, &empty).unwrap()[0][0].shape(), [0, 3, 0, 3]);
    assert_eq!(jacobian(sum, &empty).unwrap()[0].shape(), [0, 3]);
    let constant = |x: &[Var<Dual>]| Ok::<_, Error>(x[0].tape().input(Dual::constant(1.0)));
    let x = [array![1.0, 2.0].into_dyn()];
    assert!(hessian(constant, &x).unwrap()[0][0].iter().all(|&x| x == 0.0));
    assert!(jacobian(constant, &x).unwrap()[0].iter().all(|&x| x == 0.0));
}

#[test]
fn products_of_dual_matrices_go_through_the_engine() {
    // (A + εA')(B + εB') = AB + ε(A'B + AB'), accumulated into what is there.
    let dual = |rows: usize, columns: usize, seed: usize| {
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            let at = |k: usize| ((i * 7 + j * 3 + seed * k) % 11) as f64 - 5.0;
            Dual::new(at(1), at(2))
        })
    };
    let (a, b, before) = (dual(5, 7, 1), dual(7, 4, 3), dual(5, 4, 5));
    let (alpha, beta) = (Dual::new(2.0, 3.0), Dual::new(0.5, -1.0));
    for beta in [beta, Dual::constant(0.0), Dual::constant(1.0)] {
        let mut c = before.clone();
        Dual::gemm(alpha, a.view(), b.view(), beta, c.view_mut());
        for ((i, j), got) in c.indexed_iter() {
            let product: Dual = (0..7).map(|k| a[[i, k]] * b[[k, j]]).sum();
            let expected = alpha * product + beta * before[[i, j]];
            assert_eq!((got.value(), got.derivative()), (expected.value(), expected.derivative()));
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let f = |x: &[Var<Dual>]| Ok::<_, Error>(x[0].square());
    let x = [array![1.0, 2.0].into_dyn()];
    let message = |error: Error| error.to_string();
    assert_eq!(message(jvp(f, &x, &[]).unwrap_err()), "jvp: 0 arrays for 1 inputs: needs one for each");
    assert_eq!(
        message(hvp(f, &x, &[array![1.0].into_dyn()]).unwrap_err()),
        "hvp: [2] and [1]: the direction must have the shape of its input"
    );
    assert!(matches!(hessian(f, &x).unwrap_err(), Error::NotScalar { .. }));
    assert!(matches!(
        vjp(|x: &[Var<f64>]| Ok::<_, Error>(x[0].square()), &x, array![1.0].into_dyn()).unwrap_err(),
        Error::Shapes { .. }
    ));
    assert!(matches!(jacobian(|x: &[Var<Dual>]| x[0].reshape(&[3]), &x).unwrap_err(), Error::Function(_)));
    let infinite = |x: &[Var<Dual>]| Ok::<_, Error>(x[0].sum() * Dual::INFINITY);
    assert!(matches!(hessian(infinite, &x).unwrap_err(), Error::NonFiniteLoss { .. }));
}

#[test]
fn the_tape_runs_over_single_precision_duals_too() {
    let tape = Tape::<Dual<f32>>::recording();
    let x = tape.variable(array![Dual::new(0.5_f32, 1.0)]);
    let gradients = x.exp().sum().backward().unwrap();
    let dx = gradients.get(&x).and_then(|dx| dx.first().copied()).unwrap();
    assert_eq!((dx.value(), dx.derivative()), (0.5_f32.exp(), 0.5_f32.exp()));
}
