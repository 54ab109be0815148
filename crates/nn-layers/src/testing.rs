//! Checks that any layer must pass, for those who write their own.

use crate::{Error, ItemMut, Layer, Result};
use gradus_autograd::gradcheck::{Report, TOLERANCE};
use gradus_autograd::{Tape, Value, gradcheck};
use ndarray::ArrayD;

/// Compares a layer's gradients, with respect to its input and to every trainable parameter, with central differences.
///
/// The layer's parameters are moved and moved back. Keep the input away from kinks, as for
/// [`gradcheck`](gradus_autograd::gradcheck()), which checks the input here.
///
/// # Errors
/// [`Error::Gradcheck`] names the worst derivative of a parameter; [`Error::Source`] carries that of the input; and
/// whatever the layer's forward pass returns.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Linear, Tanh, ndarray::array, sequential, testing};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut model = sequential![Linear::new(2, 3, &mut StdRng::seed_from_u64(7)), Tanh];
/// let report = testing::check_layer(&mut model, &array![[0.3, -0.2], [1.0, 0.5]].into_dyn())?;
/// assert_eq!(report.checked, 4 + 9);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub fn check_layer(layer: &mut (impl Layer<f64> + ?Sized), input: &ArrayD<f64>) -> Result<Report> {
    let mut report = gradcheck(|x| layer.forward(&x[0]), std::slice::from_ref(input))?;

    let x = Value::from(input.clone());
    let y = layer.forward(&Tape::recording().input(x.clone()))?;
    // Weights of changing size and sign, so that errors do not cancel.
    let weights: Vec<f64> = (1..=y.value().len()).map(|i| (1.7 * i as f64).sin() + 0.1).collect();
    let cotangent = ArrayD::from_shape_vec(y.shape(), weights).expect("one weight was made for each output");
    let analytic: Vec<(String, Option<Value<f64>>)> = {
        if layer.parameters().iter().all(|(_, parameter)| !parameter.is_trainable()) {
            return Ok(report);
        }
        let gradients = y.backward_with(cotangent.clone())?;
        let trainable = layer.parameters().into_iter().filter(|(_, parameter)| parameter.is_trainable());
        trainable.map(|(name, parameter)| (name, gradients.get(parameter).cloned())).collect()
    };
    let mut worst = None;
    for (name, gradient) in analytic {
        let indices = indices(layer, &name);
        for index in indices {
            let original = move_to(layer, &name, &index, None);
            let step = f64::EPSILON.cbrt() * original.abs().max(1.0);
            let mut at = |value: f64| -> Result<ArrayD<f64>> {
                move_to(layer, &name, &index, Some(value));
                Ok(&**layer.forward(&Tape::inference().input(x.clone()))?.value() * &cotangent)
            };
            let (above, below) = (at(original + step), at(original - step));
            move_to(layer, &name, &index, Some(original));
            let difference = (above? - below?).sum();
            let numeric = difference / ((original + step) - (original - step));
            let analytic = gradient.as_ref().map_or(0.0, |gradient| gradient[&index[..]]);
            let error = (analytic - numeric).abs() / (1.0 + analytic.abs().max(numeric.abs()));
            report.checked += 1;
            if error > report.worst_error || error.is_nan() {
                report.worst_error = error;
                worst = Some((name.clone(), index, analytic, numeric));
            }
        }
    }
    match worst {
        Some((parameter, index, analytic, numeric))
            if report.worst_error > TOLERANCE || report.worst_error.is_nan() =>
        {
            Err(Error::Gradcheck { parameter, index, analytic, numeric })
        }
        _ => Ok(report),
    }
}

/// Every place in the parameter of this name.
fn indices(layer: &(impl Layer<f64> + ?Sized), name: &str) -> Vec<Vec<usize>> {
    let parameters = layer.parameters();
    let (_, parameter) = parameters.iter().find(|(other, _)| other == name).expect("the layer was just asked for it");
    parameter.value().indexed_iter().map(|(index, _)| ndarray::Dimension::slice(&index).to_vec()).collect()
}

/// Puts a value into a parameter, and returns the one before.
fn move_to(layer: &mut (impl Layer<f64> + ?Sized), name: &str, index: &[usize], value: Option<f64>) -> f64 {
    let mut before = f64::NAN;
    layer.visit_mut(&mut |other, item| {
        if let ItemMut::Parameter(parameter) = item
            && other == name
        {
            before = parameter.value()[index];
            if let Some(value) = value {
                parameter.value_mut()[index] = value;
            }
        }
    });
    before
}
