//! A convolution as a matrix, and as a product of spectra.

use super::settings::{correlate, hold, settings};
use gradus_conv::ndarray::{Array2, ArrayD, Axis, IxDyn};
use gradus_conv::{Error, Geometry, conv_fft, input_gradient, toeplitz};
use gradus_testing::{Tolerance, assert_close, close, refuses};
use proptest::prelude::*;

/// The images of an array, each as one row of numbers.
fn rows(array: &ArrayD<f64>) -> Array2<f64> {
    let images = array.len_of(Axis(0));
    let numbers: Vec<f64> = array.iter().copied().collect();
    Array2::from_shape_vec((images, numbers.len() / images), numbers).expect("equal images")
}

fn matrix_is_the_operation<const R: usize>() {
    hold(100, (settings::<R>(), any::<bool>()), |(s, ceil_mode)| {
        let s = super::settings::Setting { geometry: Geometry { ceil_mode, ..s.geometry }, ..s };
        let (x, weight, dy) = (s.random(0, &s.x_shape()), s.random(1, &s.weight_shape()), s.random(2, &s.y_shape()));
        let t = toeplitz(&weight, &s.geometry, s.size, s.groups)?;
        let y = correlate(&x, &weight, &s.geometry, s.groups);
        close(&rows(&x).dot(&t.t()), &rows(&y), Tolerance::F64, "T vec(x)")?;
        let dx = input_gradient(x.shape(), &weight, &dy, &s.geometry, s.groups)?;
        Ok(close(&rows(&dy).dot(&t), &rows(&dx), Tolerance::F64, "Tᵀ vec(dy)")?)
    });
}

#[test]
fn the_toeplitz_matrix_is_the_operation() {
    matrix_is_the_operation::<1>();
    matrix_is_the_operation::<2>();
    matrix_is_the_operation::<3>();
}

#[test]
fn a_matrix_that_is_not_small_is_refused() {
    let weight = ArrayD::<f32>::zeros(IxDyn(&[8, 3, 3, 3]));
    let geometry = Geometry::<2>::new(3).padding(1);
    refuses!(
        toeplitz(&weight, &geometry, [32, 30], 1), Error::MatrixTooLarge { .. },
        @"conv2d: 8 · 32 · 30 = 7680 rows, one for each number of the result [8, 32, 30], 3 · 32 · 30 = 2880 columns, one for each number of the input [3, 32, 30]: 7680 · 2880 numbers; at most 16777216 would fit, and `conv` needs no matrix"
    );
    let largest = usize::MAX / 4;
    assert!(matches!(toeplitz(&weight, &geometry, [largest, 3], 1), Err(Error::MatrixTooLarge { .. })));
    let none = ArrayD::<f32>::zeros(IxDyn(&[0, 3, 3, 3]));
    assert!(matches!(toeplitz(&none, &geometry, [largest, 3], 1), Err(Error::MatrixTooLarge { .. })));
    assert_eq!(toeplitz(&none, &geometry, [5, 5], 1).unwrap().dim(), (0, 75));
}

fn spectra_are_the_operation<const R: usize>() {
    hold(150, (settings::<R>(), any::<bool>()), |(s, ceil_mode)| {
        let geometry = Geometry { ceil_mode, ..s.geometry };
        let (x, weight) = (s.random(0, &s.x_shape()), s.random(1, &s.weight_shape()));
        let y = correlate(&x, &weight, &geometry, s.groups);
        close(&conv_fft(&x, &weight, &geometry, s.groups)?, &y, Tolerance::F64, "y")?;
        let single = conv_fft(&x.mapv(|x| x as f32), &weight.mapv(|w| w as f32), &geometry, s.groups)?;
        Ok(close(&single, &y, Tolerance::F32.at_scale(1.0), "y of f32")?)
    });
}

#[test]
fn the_product_of_spectra_is_the_operation() {
    spectra_are_the_operation::<1>();
    spectra_are_the_operation::<2>();
    spectra_are_the_operation::<3>();
}

#[test]
fn a_large_kernel_by_spectra() {
    hold(5, settings::<2>(), |s| {
        let geometry = Geometry::<2>::new((31, 15)).padding((15, 7));
        let (x, weight) = (s.random(0, &[2, 4, 40, 33]), s.random(1, &[6, 2, 31, 15]));
        let y = correlate(&x, &weight, &geometry, 2);
        Ok(close(&conv_fft(&x, &weight, &geometry, 2)?, &y, Tolerance::F64, "y")?)
    });
}

#[test]
fn spectra_of_few_numbers_and_of_none() {
    let zeros = |shape: &[usize]| ArrayD::<f64>::zeros(IxDyn(shape));
    let ones = |shape: &[usize]| ArrayD::<f64>::ones(IxDyn(shape));
    let (point, wide) = (Geometry::<1>::new(1), Geometry::<1>::new(3).padding(2));
    assert_eq!(conv_fft(&zeros(&[0, 2, 5]), &zeros(&[3, 2, 3]), &wide, 1).unwrap(), zeros(&[0, 3, 7]));
    assert_eq!(conv_fft(&zeros(&[2, 0, 5]), &zeros(&[3, 0, 3]), &wide, 1).unwrap(), zeros(&[2, 3, 7]));
    assert_close(
        &conv_fft(&zeros(&[1, 1, 0]), &ones(&[1, 1, 3]), &wide, 1).unwrap(),
        &zeros(&[1, 1, 2]),
        Tolerance::F64,
        "0",
    );
    assert_close(
        &conv_fft(&ones(&[1, 1, 1]), &ones(&[1, 1, 1]), &point, 1).unwrap(),
        &ones(&[1, 1, 1]),
        Tolerance::F64,
        "1",
    );
    let no_axes = Geometry::<0>::new([]);
    let y = conv_fft(&ones(&[2, 3]), &ones(&[4, 3]), &no_axes, 1).unwrap();
    assert_close(&y, &(3.0 * ones(&[2, 4])), Tolerance::F64, "no axes in space");
    // The one window of a stride beyond the input sees the padding alone.
    let beyond = Geometry::<1>::new(2).padding(3).stride(usize::MAX);
    assert_close(
        &conv_fft(&ones(&[1, 1, 2]), &ones(&[1, 1, 2]), &beyond, 1).unwrap(),
        &zeros(&[1, 1, 1]),
        Tolerance::F64,
        "0",
    );
}

#[test]
fn spectra_that_memory_cannot_hold_are_refused() {
    let one = ArrayD::<f64>::ones(IxDyn(&[1, 1, 1]));
    let far = Geometry::<1>::new(1).padding(usize::MAX / 32).stride(1);
    refuses!(
        conv_fft(&one, &one, &far.stride(usize::MAX / 32), 1), Error::TooLarge { .. },
        @"conv1d: spectra of a size, their two parts, and their number [1152921504606846976, 2, 1]: more than memory can hold"
    );
    let wide = ArrayD::<f64>::ones(IxDyn(&[1, 1, 2]));
    refuses!(
        conv_fft(&one, &wide, &Geometry::<1>::new(2).dilation(usize::MAX / 2).padding(usize::MAX / 2), 1), Error::TooLarge { .. },
        @"conv1d: result of shape [1, 1, 9223372036854775808]: more than memory can hold"
    );
}
