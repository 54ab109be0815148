//! Laws of transposed convolution.

use super::settings::{Setting, extent, hold, nested_loops, settings};
use gradus_autograd::gradcheck;
use gradus_conv::ndarray::ArrayD;
use gradus_conv::{Tape, conv, conv_transpose};
use gradus_testing::{Tolerance, close};
use proptest::prelude::*;

/// A transposed convolution: `size` is that of its input, and the padding leaves something of the output.
#[derive(Debug, Clone)]
struct Transposed<const R: usize> {
    setting: Setting<R>,
    output_padding: [usize; R],
    out: [usize; R],
    bias: bool,
}

fn transposed<const R: usize>() -> impl Strategy<Value = Transposed<R>> {
    let sizes = proptest::collection::vec((1..=3_usize, 0..=2_usize), R);
    (settings::<R>(), sizes, any::<bool>()).prop_map(|(mut setting, axes, bias)| {
        setting.size = std::array::from_fn(|axis| axes[axis].0);
        let geometry = &mut setting.geometry;
        let limit = |axis: usize| geometry.stride[axis].max(geometry.dilation[axis]);
        let output_padding = std::array::from_fn(|axis| axes[axis].1 % limit(axis));
        let spans = extent(geometry);
        let whole: [usize; R] = std::array::from_fn(|axis| {
            (setting.size[axis] - 1) * geometry.stride[axis] + spans[axis] + output_padding[axis]
        });
        for (axis, (before, after)) in geometry.padding.iter_mut().enumerate() {
            let most = (whole[axis] - 1) / 2;
            (*before, *after) = ((*before).min(most), (*after).min(most));
        }
        let out = std::array::from_fn(|axis| whole[axis] - geometry.padding[axis].0 - geometry.padding[axis].1);
        Transposed { setting, output_padding, out, bias }
    })
}

impl<const R: usize> Transposed<R> {
    /// Input, weight and, if there is one, bias. What the setting calls outputs goes in here.
    fn operands(&self) -> Vec<ArrayD<f64>> {
        let Setting { images, groups, outputs, inputs, size, .. } = &self.setting;
        let x = self.setting.random(0, &[&[*images, groups * outputs], &size[..]].concat());
        let mut operands = vec![x, self.setting.random(1, &self.setting.weight_shape())];
        operands.extend(self.bias.then(|| self.setting.random(2, &[groups * inputs])));
        operands
    }
}

fn is_its_definition<const R: usize>() {
    hold(150, transposed::<R>(), |case| {
        let (operands, geometry, groups) = (case.operands(), &case.setting.geometry, case.setting.groups);
        let expected = nested_loops(&operands[0], &operands[1], operands.get(2), geometry, case.out, groups);
        let tape = Tape::inference();
        let inputs: Vec<_> = operands.iter().map(|x| tape.input(x.clone())).collect();
        let y = conv_transpose(&inputs[0], &inputs[1], inputs.get(2), geometry, case.output_padding, groups)?;
        close(&**y.value(), &expected, Tolerance::F64, "y")?;
        let tape = Tape::<f32>::inference();
        let inputs: Vec<_> = operands.iter().map(|x| tape.input(x.mapv(|x| x as f32))).collect();
        let y = conv_transpose(&inputs[0], &inputs[1], inputs.get(2), geometry, case.output_padding, groups)?;
        Ok(close(&**y.value(), &expected, Tolerance::F32.at_scale(1.0), "y of f32")?)
    });
}

#[test]
fn transposed_convolution_is_its_definition() {
    is_its_definition::<1>();
    is_its_definition::<2>();
    is_its_definition::<3>();
}

fn has_the_right_gradients<const R: usize>() {
    let check = |case: &Transposed<R>, twice: bool| {
        let (geometry, groups) = (&case.setting.geometry, case.setting.groups);
        let run = |x: &[_]| conv_transpose(&x[0], &x[1], x.get(2), geometry, case.output_padding, groups);
        let product = |x: &[_]| if twice { Ok(&run(x)? * &run(x)?) } else { run(x) };
        Ok(gradcheck(product, &case.operands()).map(drop)?)
    };
    hold(40, transposed::<R>(), |case| check(&case, false));
    // Gradients add up in memory that is there already.
    hold(12, transposed::<R>(), |case| check(&case, true));
}

#[test]
fn transposed_convolution_has_the_right_gradients() {
    has_the_right_gradients::<1>();
    has_the_right_gradients::<2>();
    has_the_right_gradients::<3>();
}

/// ⟨conv x, y⟩ = ⟨x, conv_transpose y⟩, with the output padding that leads back to the size of `x`.
fn is_the_adjoint<const R: usize>() {
    hold(150, settings::<R>(), |s| {
        let (x, weight, y) = (s.random(0, &s.x_shape()), s.random(1, &s.weight_shape()), s.random(2, &s.y_shape()));
        let spans = extent(&s.geometry);
        let output_padding: [usize; R] = std::array::from_fn(|axis| {
            let (before, after) = s.geometry.padding[axis];
            (before + s.size[axis] + after - spans[axis]) % s.geometry.stride[axis] // what the stride left over
        });
        assert_eq!(s.geometry.transposed_output_size(s.out(), output_padding)?, s.size);
        let tape = Tape::inference();
        let [x, weight, y] = [x, weight, y].map(|array| tape.input(array));
        let there = conv(&x, &weight, None, &s.geometry, s.groups)?;
        let back = conv_transpose(&y, &weight, None, &s.geometry, output_padding, s.groups)?;
        let products = |a: &gradus_conv::Var<f64>, b: &gradus_conv::Var<f64>| -> Vec<f64> {
            a.value().iter().zip(b.value().iter()).map(|(a, b)| a * b).collect()
        };
        let (there, back) = (products(&there, &y), products(&x, &back));
        let scale: f64 = there.iter().map(|term| term.abs()).sum();
        let (there, back): (f64, f64) = (there.iter().sum(), back.iter().sum());
        if (there - back).abs() > 1e-12 * scale {
            return Err(format!("{there} and {back}").into());
        }
        Ok(())
    });
}

#[test]
fn transposed_convolution_is_the_adjoint_of_convolution() {
    is_the_adjoint::<1>();
    is_the_adjoint::<2>();
    is_the_adjoint::<3>();
}
