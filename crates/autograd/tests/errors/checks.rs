//! Gradient checks and derivatives that fail.

use gradus_autograd::ndarray::{Array, ArrayD, array};
use gradus_autograd::testing::{Inputs, check_shapes};
use gradus_autograd::{Error, Result, Tape, Value, Var, function, gradcheck, hessian, hvp, jvp, vjp};
use gradus_testing::refuses;

/// A square whose rule has lost its factor 2.
fn halved(x: &[Var<f64>]) -> Result<Var<f64>> {
    let saved = x[0].value().clone();
    let y = saved.mapv(|x| x * x);
    Ok(x[0].tape().record("halved", [&x[0]], y, move |dy| [Value::from(dy.into_array() * &**saved)]))
}

/// Takes memory for the order of the elements.
fn in_memory_order(x: &[Var<f64>]) -> Result<Var<f64>> {
    let value = x[0].value();
    let y = Array::from_iter(value.as_slice_memory_order().unwrap().iter().copied());
    let shape = value.shape().to_vec();
    Ok(x[0].tape().record("in_memory_order", [&x[0]], y, move |dy| {
        [Value::from(dy.into_array().into_shape_with_order(shape).unwrap())]
    }))
}

fn at(x: &[f64]) -> [ArrayD<f64>; 1] {
    [Array::from(x.to_vec()).into_dyn()]
}

#[test]
fn wrong_derivatives() {
    refuses!(gradcheck(halved, &at(&[0.5, 3.0])), Error::Gradcheck { input: 0, .. }, @"gradcheck: input 0 at [1]: backward says -1.883592135001261e0, differences say -3.767184269994101e0 (error 3.9511628422854544e-1, allowed 1e-7, 4503599627351534 ulp)");
    refuses!(gradcheck::fast(halved, &at(&[0.5, 3.0])), Error::GradcheckDirection { .. }, @"gradcheck: along a direction: backward says -4.202852427991986e0, a difference says -8.405704856121305e0 (error 4.468407729585594e-1, allowed 1e-7, 4503599627447808 ulp); gradcheck of each element says which is wrong");
    refuses!(check_shapes(&Inputs::any().nonempty(), halved), Error::Case { .. }, @"case 0, inputs [4, 5, 1, 2] (strides [10, 2, 0, 1]): gradcheck: input 0 at [0, 3, 0, 1]: backward says -1.7943471514631195e0, differences say -3.5886943029344183e0 (error 3.9103654177264197e-1, allowed 1e-7, 4503599627388914 ulp)");
    refuses!(check_shapes(&Inputs::sized("ab"), in_memory_order), Error::Case { .. }, @"case 0, inputs [4, 2] (strides [1, 4]): gradcheck: the result at [1] is 1.0879476229872829e0; for the same inputs in row-major memory it is -9.513174697098994e-1; it must not depend on strides");
}

#[test]
fn a_function_that_depends_on_memory() {
    let Err(Error::Case { source, .. }) = check_shapes(&Inputs::sized("ab"), in_memory_order) else { panic!() };
    refuses!(Err::<(), _>(*source), Error::Layout { .. }, @"gradcheck: the result at [1] is 1.0879476229872829e0; for the same inputs in row-major memory it is -9.513174697098994e-1; it must not depend on strides");
}

#[test]
fn functions_that_fail_or_lead_nowhere() {
    refuses!(gradcheck(|x: &[Var<f64>]| x[0].reshape(&[7]), &at(&[0.5])), Error::Function(_), @"gradcheck: the function failed: reshape: [1] has 1 elements, [7] has 7; the numbers must be equal");
    refuses!(gradcheck(|x: &[Var<f64>]| Ok::<_, Error>(x[0].detach()), &at(&[0.5])), Error::NotRecorded, @"backward: nothing was recorded that leads to this variable; was it computed from a parameter or variable, on a tape that records?");
    refuses!(gradcheck::exact(&function!(|a, b| a + b), &at(&[0.5])), Error::Function(_), @"gradcheck: the function failed: function: 1 arrays for 2 inputs: needs one for each");
    let f = function!(|a, b| a + b);
    refuses!(f.call(&[Tape::recording().variable(1.0)]), Error::Inputs { .. }, @"function: 1 arrays for 2 inputs: needs one for each");
}

#[test]
fn derivatives_along_what_does_not_fit() {
    let x = at(&[1.0, 2.0]);
    let square = |x: &[Var<f64>]| Ok::<_, Error>(x[0].square());
    refuses!(vjp(square, &x, array![1.0].into_dyn()), Error::Shapes { .. }, @"backward: [2] and [1]: the cotangent must have the shape of the variable");
    refuses!(jvp(|x| Ok::<_, Error>(x[0].square()), &x, &at(&[1.0])), Error::Shapes { .. }, @"jvp: [2] and [1]: the direction must have the shape of its input");
    refuses!(jvp(|x| Ok::<_, Error>(x[0].square()), &x, &[]), Error::Inputs { .. }, @"jvp: 0 arrays for 1 inputs: needs one for each");
    refuses!(hvp(|x| Ok::<_, Error>(x[0].square().sum()), &x, &at(&[1.0])), Error::Shapes { .. }, @"hvp: [2] and [1]: the direction must have the shape of its input");
    refuses!(hvp(|x| Ok::<_, Error>(x[0].square()), &x, &x), Error::NotScalar { .. }, @"backward: [2] is not a scalar; reduce it with sum or mean, or give a cotangent to backward_with");
    refuses!(hessian(|x| Ok::<_, Error>(x[0].square()), &x), Error::NotScalar { .. }, @"backward: [2] is not a scalar; reduce it with sum or mean, or give a cotangent to backward_with");
}
