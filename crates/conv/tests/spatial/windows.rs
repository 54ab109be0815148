//! Laws of patches, layers and flipped kernels over random windows of every rank, and the plain loops of each definition.

use super::common::{
    Layout, Outcome, agree, array, at, first, indices, layouts, modes, numbers, of_rank, three, within,
};
use gradus_autograd::gradcheck;
use gradus_conv::ndarray::{ArrayD, Dimension, IxDyn};
use gradus_conv::{
    Conv, Geometry, Layer, PaddingMode, Tape, Value, Var, conv, convolve, cross_correlate, fold, unfold,
};
use proptest::prelude::*;

fn inner(a: &Value<f64>, b: &Value<f64>) -> f64 {
    a.iter().zip(b.iter()).map(|(a, b)| a * b).sum()
}

/// A window of a random geometry and the size of an input that has a place for it.
type Window = ([usize; 3], [usize; 3], [usize; 3], [(usize, usize); 3], [usize; 3]);

fn windows() -> impl Strategy<Value = Window> {
    (three(1..=3_usize), three(1..=3_usize), three(1..=2_usize), three((0..=2_usize, 0..=2_usize)), three(0..=3_usize))
}

fn placed<const R: usize>((kernel, stride, dilation, padding, more): Window) -> (Geometry<R>, [usize; R]) {
    let geometry = Geometry::new(first::<R, _>(kernel)).stride(first(stride)).dilation(first(dilation));
    let geometry = geometry.padding_each(first(padding));
    let size = std::array::from_fn(|axis| {
        let extent = dilation[axis] * (kernel[axis] - 1) + 1;
        (extent + more[axis]).saturating_sub(padding[axis].0 + padding[axis].1).max(1)
    });
    (geometry, size)
}

fn position<const R: usize>(geometry: &Geometry<R>, place: &[usize], k: &[usize]) -> Vec<isize> {
    let along = |axis: usize| place[axis] * geometry.stride[axis] + k[axis] * geometry.dilation[axis];
    (0..R).map(|axis| along(axis) as isize - geometry.padding[axis].0 as isize).collect()
}

fn patches<const R: usize>(window: Window, x: Layout, seed: u32) -> Outcome {
    let (geometry, size) = placed::<R>(window);
    let x = x.array(&[&[2, 2], &size[..]].concat());
    let tape = Tape::inference();
    let a = tape.input(x.clone());
    let y = unfold(&a, &geometry)?;
    let (out, kernel) = (geometry.output_size(size)?, geometry.kernel_size);
    let (taps, places): (Vec<_>, Vec<_>) = (indices(&kernel).collect(), indices(&out).collect());
    let expected = ArrayD::from_shape_fn(IxDyn(&[2, 2 * taps.len(), places.len()]), |index| {
        let (n, c, k, p) = (index[0], index[1] / taps.len(), index[1] % taps.len(), index[2]);
        at(&x, &[n, c], &position(&geometry, &places[p], &taps[k]), PaddingMode::Zeros)
    });
    prop_assert_eq!(&**y.value(), &expected);

    // fold by its loops, and as the adjoint of unfold: ⟨unfold(a), b⟩ = ⟨a, fold(b)⟩.
    let columns = numbers(y.shape(), seed);
    let b = tape.input(columns.clone());
    let folded = fold(&b, size, &geometry)?;
    let mut sums = ArrayD::<f64>::zeros(x.shape());
    for (index, &value) in columns.indexed_iter() {
        let (n, c, k, p) = (index[0], index[1] / taps.len(), index[1] % taps.len(), index[2]);
        let position = position(&geometry, &places[p], &taps[k]);
        let inside = position.iter().zip(size).all(|(&i, size)| (0..size as isize).contains(&i));
        if inside {
            let i: Vec<usize> = position.iter().map(|&i| i as usize).collect();
            sums[&[&[n, c], &i[..]].concat()[..]] += value;
        }
    }
    agree(&folded, &sums)?;
    let (forward, adjoint) = (inner(y.value(), b.value()), inner(a.value(), folded.value()));
    let scale = y.value().iter().zip(b.value().iter()).map(|(a, b)| (a * b).abs()).sum::<f64>().max(1.0);
    prop_assert!((forward - adjoint).abs() <= 1e-12 * scale, "{} and {}", forward, adjoint);

    gradcheck(|x| unfold(&x[0], &geometry), &[x])?;
    gradcheck(|x| fold(&x[0], size, &geometry), &[columns])?;
    // A second use adds to the gradient of the first.
    let twice = |x: &[Var<f64>]| -> gradus_conv::Result<Var<f64>> {
        Ok(&unfold(&x[0], &geometry)? * &unfold(&x[0], &geometry)?)
    };
    gradcheck(twice, &[sums])?;
    Ok(())
}

fn layer<const R: usize>(
    window: Window,
    mode: PaddingMode,
    groups: usize,
    channels: (usize, usize),
    seed: u32,
) -> Outcome {
    let (geometry, size) = placed::<R>(window);
    let geometry = geometry.padding_each(within(size, geometry.padding, mode));
    let ((inputs, outputs), kernel) = (channels, geometry.kernel_size);
    let weight = numbers(&[&[groups * outputs, inputs], &kernel[..]].concat(), seed + 1);
    let bias = numbers(&[groups * outputs], seed + 2);
    let x = numbers(&[&[2, groups * inputs], &size[..]].concat(), seed);
    let layer = Conv::<R, f64>::from_parts(weight.clone(), Some(bias.clone().into()), groups)?;
    let layer = layer.stride(geometry.stride).dilation(geometry.dilation).padding(geometry.padding).padding_mode(mode);
    let Ok(y) = layer.forward(&Tape::inference().input(x.clone())) else {
        return Err(TestCaseError::reject("the mode allows too little padding"));
    };
    let expected = ArrayD::from_shape_fn(IxDyn(y.shape()), |index| {
        let index = index.as_array_view().to_vec();
        let (n, o, place) = (index[0], index[1], &index[2..]);
        let mut sum = bias[[o]];
        for c in 0..inputs {
            for k in indices(&kernel) {
                let seen = at(&x, &[n, o / outputs * inputs + c], &position(&geometry, place, &k), mode);
                sum += weight[&[&[o, c], &k[..]].concat()[..]] * seen;
            }
        }
        sum
    });
    agree(&y, &expected)
}

fn flips<const R: usize>(window: Window, groups: usize, seed: u32) -> Outcome {
    let (geometry, size) = placed::<R>(window);
    let kernel = geometry.kernel_size;
    let tape = Tape::inference();
    let x = tape.input(numbers(&[&[2, 2 * groups], &size[..]].concat(), seed));
    let weight = numbers(&[&[groups, 2], &kernel[..]].concat(), seed + 1);
    let flipped = ArrayD::from_shape_fn(IxDyn(weight.shape()), |index| {
        let k = (0..R).map(|axis| kernel[axis] - 1 - index[2 + axis]);
        weight[&[index[0], index[1]].into_iter().chain(k).collect::<Vec<_>>()[..]]
    });
    let (weight, flipped) = (tape.input(weight), tape.input(flipped));
    let y = convolve(&x, &weight, None, &geometry, groups)?;
    agree(&y, &array(&cross_correlate(&x, &flipped, None, &geometry, groups)?))?;
    agree(&y, &array(&conv(&x, &flipped, None, &geometry, groups)?))?;
    gradcheck(|x| convolve(&x[0], &x[1], None, &geometry, groups), &[array(&x), array(&weight)])?;
    Ok(())
}

fn commutes<const R: usize>(a: [usize; 3], b: [usize; 3], seed: u32) -> Outcome {
    let tape = Tape::inference();
    let input = |size: [usize; R], seed| tape.input(numbers(&[&[1, 1], &size[..]].concat(), seed));
    let (a, b) = (input(first(a), seed), input(first(b), seed + 1));
    let full = |x: &Var<f64>, w: &Var<f64>| -> Result<Var<f64>, TestCaseError> {
        let kernel: [usize; R] = w.shape()[2..].try_into()?;
        Ok(convolve(x, w, None, &Geometry::new(kernel).padding(kernel.map(|size| size - 1)), 1)?)
    };
    agree(&full(&a, &b)?, &array(&full(&b, &a)?))
}

proptest! {
    // Two passes for every number.
    #![proptest_config(gradus_testing::proptest_cases(100))]

    #[test]
    fn patches_are_their_definition_and_fold_is_the_adjoint(
        rank in 1..=3, window in windows(), x in layouts(), seed in 1..1000_u32,
    ) {
        of_rank!(rank, patches(window, x, seed))?;
    }

    /// The identity between the two names: flip the kernel.
    #[test]
    fn convolution_is_cross_correlation_with_the_flipped_kernel(
        rank in 1..=3, window in windows(), groups in 1..=2_usize, seed in 1..1000_u32,
    ) {
        of_rank!(rank, flips(window, groups, seed))?;
    }
}

proptest! {
    #[test]
    fn the_layer_sees_beyond_the_edges_what_its_mode_says(
        rank in 1..=3, window in windows(), mode in modes(), groups in 1..=2_usize, channels in (1..=2_usize, 1..=2_usize),
        seed in 1..1000_u32,
    ) {
        of_rank!(rank, layer(window, mode, groups, channels, seed))?;
    }

    #[test]
    fn full_convolution_commutes(rank in 1..=3, a in three(1..=4_usize), b in three(1..=4_usize), seed in 1..1000_u32) {
        of_rank!(rank, commutes(a, b, seed))?;
    }

    /// The same padding leaves the size as it is, the odd one after.
    #[test]
    fn same_padding_keeps_the_size(window in windows(), size in three(1..=6_usize)) {
        let (geometry, _) = placed::<3>(window);
        let geometry = geometry.stride(1).same_padding();
        prop_assert_eq!(geometry.output_size(size).unwrap(), size);
        prop_assert!(geometry.padding.iter().all(|(before, after)| after - before <= 1));
    }
}
