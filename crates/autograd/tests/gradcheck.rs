//! The checks themselves: they pass what is right, and name what is wrong.

use gradus_autograd::ndarray::{Array, ArrayD, Ix2, array};
use gradus_autograd::testing::{Inputs, check_function, check_shapes};
use gradus_autograd::{Error, Function, Real, Value, Var, function, gradcheck};

/// `x²` with a slope that is off by a factor.
fn bent<F: Real>(x: &Var<F>, factor: f64) -> Var<F> {
    let saved = x.value().clone();
    let y = x.value().mapv(|x| x * x);
    x.tape().record("bent", [x], y, move |dy| {
        [Value::from(dy.into_array() * saved.mapv(|x| F::from_f64(2.0 * factor) * x))]
    })
}

/// `x²` whose gradient is right, but has no derivative of its own: the slope forgets its dual part.
fn flat<F: Real>(x: &Var<F>) -> Var<F> {
    let saved = x.value().mapv(|x| F::from_f64(2.0 * x.to_f64()));
    let y = x.value().mapv(|x| x * x);
    x.tape().record("flat", [x], y, move |dy| [Value::from(dy.into_array() * &saved)])
}

fn inputs() -> [ArrayD<f64>; 2] {
    [array![0.5, -1.5, 3.0].into_dyn(), array![1.0, 2.0, -0.7].into_dyn()]
}

#[test]
fn every_check_passes_what_is_right_and_reports() {
    let f = function!(|x, y| (x * y).tanh() + y);
    let plain = |x: &[Var<f64>]| f.call(x);
    let full = gradcheck(plain, &inputs()).unwrap();
    let fast = gradcheck::fast(plain, &inputs()).unwrap();
    let exact = gradcheck::exact(&f, &inputs()).unwrap();
    let second = gradcheck::second_order(&f, &inputs()).unwrap();
    assert_eq!([full.checked, fast.checked, exact.checked, second.checked], [6, 1, 6, 6]);
    assert!(full.worst_error < 1e-9 && fast.worst_error < 1e-9 && second.worst_error < 1e-9);
    assert!(exact.worst_error < 1e-15, "{exact}");
    let text = full.to_string();
    assert!(text.starts_with("6 derivatives; worst: input ") && text.ends_with(" ulp"), "{text}");
    let worst = full.worst.unwrap();
    assert!(worst.absolute_error() > 0.0 && worst.relative_error() > 0.0 && worst.ulp() >= 1.0);
    assert_eq!(gradcheck::Report::default().to_string(), "0 derivatives, each equal");
}

#[test]
fn every_first_order_check_finds_a_wrong_slope() {
    for factor in [1.0 + 1e-6, -1.0, 0.0, f64::NAN] {
        let f = function!(|x| bent(x, factor));
        let plain = |x: &[Var<f64>]| f.call(x);
        let x = &inputs()[..1];
        for outcome in [gradcheck(plain, x), gradcheck::exact(&f, x)] {
            let error = outcome.unwrap_err();
            assert!(matches!(error, Error::Gradcheck { input: 0, .. }), "{error}");
        }
        assert!(matches!(gradcheck::fast(plain, x).unwrap_err(), Error::GradcheckDirection { .. }));
    }
    // Differences cannot see an error in the tenth digit; dual numbers can.
    let f = function!(|x| bent(x, 1.0 + 1e-10));
    gradcheck(|x: &[Var<f64>]| f.call(x), &inputs()[..1]).unwrap();
    assert!(matches!(gradcheck::exact(&f, &inputs()[..1]).unwrap_err(), Error::Gradcheck { .. }));
}

#[test]
fn a_wrong_second_derivative_is_found() {
    let f = function!(|x| flat(x));
    gradcheck::exact(&f, &inputs()[..1]).unwrap();
    let error = gradcheck::second_order(&f, &inputs()[..1]).unwrap_err();
    assert!(matches!(error, Error::Gradcheck { analytic: 0.0, .. }), "{error}");
    assert!(error.to_string().contains("differences of gradients say"), "{error}");
}

#[test]
fn the_messages() {
    let wrong = function!(|x| bent(x, 0.5));
    let x = [array![1.0, 2.0].into_dyn()];
    assert_eq!(
        gradcheck::exact(&wrong, &x).unwrap_err().to_string(),
        "gradcheck: input 0 at [1]: backward says -1.2557280900008407e0, dual numbers say -2.5114561800016815e0 (error 3.5760893077704287e-1, allowed 1e-11, 4503599627370496 ulp)"
    );
    let error = gradcheck::fast(|x: &[Var<f64>]| wrong.call(x), &x).unwrap_err().to_string();
    assert!(error.starts_with("gradcheck: along a direction: backward says "), "{error}");
    assert!(error.ends_with(" ulp); gradcheck of each element says which is wrong"), "{error}");
    let error = check_function(&Inputs::any(), &wrong).unwrap_err();
    let Error::Case { inputs, source, .. } = &error else { panic!("{error}") };
    assert!(matches!(**source, Error::Gradcheck { .. }) && inputs.len() == 1);
    let text = error.to_string();
    assert!(
        text.starts_with("case ") && text.contains(" (strides [") && text.contains("): gradcheck: input 0"),
        "{text}"
    );
    assert_eq!(wrong.call(&[]).unwrap_err().to_string(), "function: 0 arrays for 1 inputs: needs one for each");
}

#[test]
fn an_operation_that_trusts_its_input_to_be_row_major_is_found() {
    // Reads the memory, not the array: right only where the two are in the same order.
    let careless = |x: &[Var<f64>]| -> Result<Var<f64>, Error> {
        let numbers: Vec<f64> = x[0].value().as_slice_memory_order().unwrap_or(&[]).to_vec();
        let y = match Array::from_shape_vec(x[0].shape(), numbers) {
            Ok(y) => y,
            Err(_) => x[0].value().clone().into_array(),
        };
        Ok(x[0].tape().record("careless", [&x[0]], y, |dy| [dy]))
    };
    let error = check_shapes(&Inputs::any(), careless).unwrap_err();
    let Error::Case { source, .. } = &error else { panic!("{error}") };
    assert!(matches!(**source, Error::Layout { .. }), "{error}");
    assert!(error.to_string().contains("gradcheck: the result at "), "{error}");
}

#[test]
fn the_inputs_keep_their_promises() {
    let seen = |inputs: &Inputs, holds: &dyn Fn(&[&ArrayD<f64>]) -> bool| {
        check_shapes(inputs, |x| {
            let arrays: Vec<ArrayD<f64>> = x.iter().map(|x| x.value().view().to_owned()).collect();
            assert!(holds(&arrays.iter().collect::<Vec<_>>()), "{arrays:?}");
            Ok::<_, Error>(x[0].square())
        })
        .map(|report| assert!(report.checked > 0))
        .unwrap();
    };
    seen(&Inputs::same(3), &|x| x.len() == 3 && x[0].shape() == x[2].shape());
    seen(&Inputs::ending(&[2, 3]), &|x| x[0].shape().ends_with(&[2, 3]));
    seen(&Inputs::sized("ab bc c"), &|x| x[0].shape()[1] == x[1].shape()[0] && x[1].shape()[1] == x[2].shape()[0]);
    seen(&Inputs::any().nonempty(), &|x| !x[0].is_empty());
    seen(&Inputs::any().within(0.5, 1.0), &|x| x[0].iter().all(|x| (0.4999..1.0001).contains(x)));
    seen(&Inputs::any().within(-0.01, 0.01).away_from(&[0.0]), &|x| x[0].iter().all(|x| x.abs() > 9e-4));
    seen(&Inputs::any().distinct(), &|x| {
        let mut magnitudes: Vec<f64> = x[0].iter().map(|x| x.abs()).collect();
        magnitudes.sort_by(f64::total_cmp);
        magnitudes.windows(2).all(|pair| pair[1] - pair[0] > 0.009)
    });
}

#[test]
fn a_function_may_be_written_out_for_each_kind_of_number() {
    let f = Function::new(|x| x[0].softmax(-1), |x| x[0].softmax(-1));
    gradcheck::exact(&f, &[array![[0.1, 2.0], [-1.0, 0.5]].into_dyn()]).unwrap();
    let axis = 0_isize;
    let owned = function!(move |x| x.log_softmax(axis)?);
    gradcheck::exact(&owned, &[array![0.1, 2.0].into_dyn()]).unwrap();
    assert_eq!(format!("{owned:?}"), "Function { .. }");
}

gradcheck!(one_line_for_one_array, |x| x.tanh());
gradcheck!(one_line_for_two_that_broadcast, |a, b| a * b);
gradcheck!(one_line_with_a_result, Inputs::sized("nk km"), |a, b| a.matmul(b));
gradcheck!(one_line_with_a_range, Inputs::any().within(0.2, 3.0), |x| x.ln() + x.sqrt());

#[test]
fn a_rule_by_hand_is_marked() {
    use gradus_autograd::gradcheck::{Mark, grade};
    let x = [array![[0.5, -1.0, 2.0]].into_dyn(), array![[1.5], [3.0], [-0.5]].into_dyn()];
    let layer = |x: &[Var<f64>]| Ok::<_, Error>(x[0].matmul(&x[1])?.tanh());
    let flat = |x: &ArrayD<f64>| x.clone().into_dimensionality::<Ix2>().unwrap();
    let right = |x: &[ArrayD<f64>], dy: &ArrayD<f64>| {
        let (x, w) = (flat(&x[0]), flat(&x[1]));
        let dz = flat(dy) * x.dot(&w).mapv(|z| 1.0 - z.tanh().powi(2));
        vec![dz.dot(&w.t()).into_dyn(), x.t().dot(&dz).into_dyn()]
    };
    let marked = grade(layer, &x, right).unwrap();
    assert!(marked.is_right());
    assert_eq!(marked.to_string(), "input 0: right (3 numbers)\ninput 1: right (3 numbers)\n");

    let marked = grade(layer, &x, |x, dy| {
        let mut dx = right(x, dy);
        dx[0][[0, 1]] *= 1.001;
        dx[0][[0, 2]] = f64::NAN;
        dx[1] = dx[1].clone().reversed_axes();
        dx
    });
    let marks = marked.unwrap().marks;
    assert!(matches!(&marks[0], Mark::Wrong { wrong: 2, checked: 3, index, .. } if index == &[0, 1]), "{:?}", marks[0]);
    assert_eq!(marks[1], Mark::Shape { by_hand: vec![1, 3], input: vec![3, 1] });
    assert!(grade(layer, &x, |_, _| Vec::new()).is_err());
}
