//! The layer here passes the kit for convolutions in every rank, and the kit finds faults that convolutions have had.

use gradus_conv::testing::{Fault, Setting, check_convolution};
use gradus_conv::{Conv, Layer, Module, Var, conv};
use gradus_nn_layers::Result;

fn layer<const R: usize>(setting: &Setting<R>) -> Option<Conv<R, f64>> {
    let bias = setting.bias.clone().map(Into::into);
    let mut layer = Conv::from_parts(setting.weight.clone(), bias, setting.groups).unwrap();
    layer.geometry = setting.geometry;
    Some(layer)
}

#[test]
fn the_layer_passes_in_every_rank() {
    assert_eq!(check_convolution::<1, _>(layer).unwrap(), 100);
    assert_eq!(check_convolution::<2, _>(layer).unwrap(), 100);
    assert_eq!(check_convolution::<3, _>(layer).unwrap(), 100);
}

/// A convolution that does something before or after, or in another way.
#[derive(Module)]
#[module(float = f64)]
struct Changed {
    conv: Conv<2, f64>,
    #[module(skip)]
    change: fn(&Conv<2, f64>, &Var<f64>) -> Result<Var<f64>>,
}

impl Layer<f64> for Changed {
    fn forward(&self, x: &Var<f64>) -> Result<Var<f64>> {
        (self.change)(&self.conv, x)
    }
}

fn fault(change: fn(&Conv<2, f64>, &Var<f64>) -> Result<Var<f64>>) -> Fault {
    check_convolution::<2, _>(|setting| layer(setting).map(|conv| Changed { conv, change })).unwrap_err()
}

#[test]
fn faults_are_found() {
    // Flipped, as the word says in mathematics.
    let flipped = fault(|own, x| {
        let tape = x.tape();
        let (weight, bias) = (tape.parameter(&own.weight), own.bias.as_ref().map(|bias| tape.parameter(bias)));
        Ok(conv(x, &weight.flip(&[2, 3])?, bias.as_ref(), &own.geometry, own.groups)?)
    });
    assert!(matches!(flipped, Fault::Number { .. }), "{flipped}");

    // Right results, half the gradient.
    let gradient = fault(|own, x| {
        let y = own.forward(x)?;
        Ok(x.tape().record("halved", [&y], y.value().clone(), |mut dy| {
            dy.mapv_inplace(|dy| 0.5 * dy);
            [dy]
        }))
    });
    assert!(matches!(gradient, Fault::Failed { .. }), "{gradient}");

    let shape = fault(|own, x| {
        let tape = x.tape();
        let (weight, bias) = (tape.parameter(&own.weight), own.bias.as_ref().map(|bias| tape.parameter(bias)));
        Ok(conv(x, &weight, bias.as_ref(), &own.geometry.stride(1), own.groups)?)
    });
    assert!(matches!(shape, Fault::Shape { .. }), "{shape}");

    // What does not fit becomes something that does.
    let taken = fault(|own, x| match own.forward(x) {
        Err(_) => Ok(x.clone()),
        y => y,
    });
    assert!(matches!(taken, Fault::Taken { .. }), "{taken}");

    let none = check_convolution::<2, Conv<2, f64>>(|_| None).unwrap_err();
    assert_eq!(
        none.to_string(),
        "convolution: not one of 100 settings was taken; is there a layer for the simplest of them?"
    );
}
