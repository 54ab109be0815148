//! Laws of padding, interpolation and shuffling over random sizes of every rank, and the plain loops of each definition.

use super::common::{
    Layout, Outcome, agree, array, at, first, indices, layouts, modes, numbers, of_rank, three, within,
};
use gradus_autograd::gradcheck;
use gradus_conv::ndarray::{ArrayD, Axis, Dimension, IxDyn};
use gradus_conv::{
    Geometry, Interpolation, PaddingMode, Result, Tape, Target, Var, pad, pixel_shuffle, pixel_unshuffle, unfold,
    upsample,
};
use gradus_testing::strategies;
use proptest::prelude::*;

fn padding<const R: usize>(size: [usize; 3], widths: [(usize, usize); 3], mode: PaddingMode, x: Layout) -> Outcome {
    let size = first::<R, _>(size);
    let widths = within(size, first(widths), mode);
    let x = x.array(&[&[2, 2], &size[..]].concat());
    let y = pad(&Tape::inference().input(x.clone()), widths, mode)?;
    let expected = ArrayD::from_shape_fn(IxDyn(y.shape()), |index| {
        let index = index.as_array_view().to_vec();
        let position: Vec<isize> = (0..R).map(|axis| index[2 + axis] as isize - widths[axis].0 as isize).collect();
        at(&x, &index[..2], &position, mode)
    });
    prop_assert_eq!(&**y.value(), &expected);
    // Used twice, so that the second gradient is added to the first.
    let square = |x: &[Var<f64>]| -> Result<Var<f64>> { Ok(&pad(&x[0], widths, mode)? * &pad(&x[0], widths, mode)?) };
    gradcheck(square, &[x])?;
    Ok(())
}

fn interpolations() -> impl Strategy<Value = Interpolation> {
    (0..4, any::<bool>()).prop_map(|(kind, align_corners)| match kind {
        0 => Interpolation::Nearest,
        1 => Interpolation::NearestExact,
        2 => Interpolation::Linear { align_corners },
        _ => Interpolation::Cubic { align_corners },
    })
}

/// The share that number `i` has in place `o`, from the definition of the mode.
fn share(mode: Interpolation, (size, out): (usize, usize), factor: Option<f64>, o: usize, i: usize) -> f64 {
    let step = factor.map_or(size as f64 / out as f64, |factor| 1.0 / factor);
    let place = |corners: bool| match corners {
        true if out == 1 => 0.0,
        true => (o * (size - 1)) as f64 / (out - 1) as f64,
        false => (o as f64 + 0.5) * step - 0.5,
    };
    let kernel = |d: f64| match d.abs() {
        d if d <= 1.0 => 1.25 * d.powi(3) - 2.25 * d.powi(2) + 1.0,
        d if d < 2.0 => -0.75 * (d.powi(3) - 5.0 * d.powi(2) + 8.0 * d - 4.0),
        _ => 0.0,
    };
    let nearest = |doubled: usize| match factor {
        // `doubled` half steps from the begin, in whole numbers where there is no factor.
        None => usize::from((2 * i * out..2 * (i + 1) * out).contains(&(doubled * size))) as f64,
        Some(factor) => f64::from(((doubled as f64 / 2.0 / factor).floor() as usize).min(size - 1) == i),
    };
    match mode {
        Interpolation::Nearest => nearest(2 * o),
        Interpolation::NearestExact => nearest(2 * o + 1),
        Interpolation::Linear { .. } if size == out => f64::from(o == i),
        Interpolation::Linear { align_corners } => {
            let place = place(align_corners).clamp(0.0, (size - 1) as f64);
            (1.0 - (place - i as f64).abs()).max(0.0)
        }
        Interpolation::Cubic { align_corners } => {
            let place = place(align_corners);
            let beyond = -4..size as isize + 4;
            let here = beyond.filter(|&j| j.clamp(0, size as isize - 1) == i as isize);
            here.map(|j| kernel(place - j as f64)).sum()
        }
        _ => unreachable!("no other mode is drawn"),
    }
}

fn interpolation<const R: usize>(
    size: [usize; 3],
    out: [usize; 3],
    factor: Option<[f64; 3]>,
    mode: Interpolation,
    x: Layout,
) -> Outcome {
    let size = first::<R, _>(size);
    let target: Target<R> = match factor.map(first::<R, _>) {
        // At least as much as leaves one number.
        Some(factors) => Target::Factor(std::array::from_fn(|axis| factors[axis].max(1.0 / size[axis] as f64))),
        None => Target::Size(first(out)),
    };
    let x = x.array(&[&[1, 2], &size[..]].concat());
    let y = upsample(&Tape::inference().input(x.clone()), target, mode)?;
    let out: [usize; R] = y.shape()[2..].try_into()?;
    let factor = |axis: usize| match target {
        Target::Factor(factors) => Some(factors[axis]),
        _ => None,
    };
    let expected = ArrayD::from_shape_fn(IxDyn(y.shape()), |index| {
        let terms = indices(&size).map(|i| {
            let shares =
                (0..R).map(|axis| share(mode, (size[axis], out[axis]), factor(axis), index[2 + axis], i[axis]));
            shares.product::<f64>() * x[&[&[index[0], index[1]], &i[..]].concat()[..]]
        });
        terms.sum()
    });
    agree(&y, &expected)?;
    let square =
        |x: &[Var<f64>]| -> Result<Var<f64>> { Ok(&upsample(&x[0], target, mode)? * &upsample(&x[0], target, mode)?) };
    gradcheck(square, &[x])?;
    Ok(())
}

fn shuffles<const R: usize>(size: [usize; 3], factor: usize, seed: u32) -> Outcome {
    let size = first::<R, _>(size);
    let block = factor.pow(R as u32);
    let x = numbers(&[&[2, 2 * block], &size[..]].concat(), seed);
    let tape = Tape::inference();
    let y = pixel_shuffle(&tape.input(x.clone()), factor)?;
    prop_assert_eq!(y.shape()[1], 2);
    for (index, &value) in y.value().indexed_iter() {
        let in_block = (0..R).fold(0, |number, axis| number * factor + index[2 + axis] % factor);
        let from = [index[0], index[1] * block + in_block].into_iter();
        let from: Vec<usize> = from.chain((0..R).map(|axis| index[2 + axis] / factor)).collect();
        prop_assert_eq!(value, x[&from[..]]);
    }
    let back = array(&pixel_unshuffle(&y, factor)?);
    prop_assert_eq!(&back, &x);
    // Two passes for every number: of one image alone.
    let [x, y] = [x, array(&y)].map(|images| images.slice_axis(Axis(0), (..1).into()).to_owned());
    gradcheck(|x| pixel_shuffle(&x[0], factor), &[x])?;
    gradcheck(|y| pixel_unshuffle(&y[0], factor), &[y])?;
    Ok(())
}

proptest! {
    #[test]
    fn padding_is_its_definition(
        rank in 1..=3, size in three(1..=4_usize), widths in three((0..=3_usize, 0..=3_usize)), mode in modes(), x in layouts(),
    ) {
        of_rank!(rank, padding(size, widths, mode, x))?;
    }

    #[test]
    fn interpolation_is_its_definition(
        rank in 1..=3, size in three(1..=4_usize), out in three(1..=6_usize), factor in prop::option::of(three(0.3..2.6_f64)),
        mode in interpolations(), x in layouts(),
    ) {
        of_rank!(rank, interpolation(size, out, factor, mode, x))?;
    }

}

proptest! {
    // A volume that is enlarged three times has 27 times as many numbers, each found on its own.
    #![proptest_config(gradus_testing::proptest_cases(64))]

    #[test]
    fn shuffling_is_its_definition_and_unshuffling_its_inverse(
        rank in 1..=3, size in three(1..=3_usize), factor in 1..=3_usize, seed in 1..1000_u32,
    ) {
        of_rank!(rank, shuffles(size, factor, seed))?;
    }
}

proptest! {
    #[test]
    fn a_layout_in_memory_changes_nothing(x in strategies::array(&[2, 4, 3, 2], -1.0..1.0).prop_flat_map(|x| (Just(x.clone()), strategies::any_layout(x)))) {
        let tape = Tape::inference();
        let [plain, strided] = [x.0, x.1].map(|x| tape.input(x));
        let mode = Interpolation::Cubic { align_corners: false };
        let all = |x: &Var<f64>| [
            pad(x, [(1, 2), (0, 1)], PaddingMode::Reflect).unwrap(),
            upsample(x, Target::size((5, 3)), mode).unwrap(),
            unfold(x, &Geometry::<2>::new(2)).unwrap(),
            pixel_shuffle(x, 2).unwrap(),
        ];
        for (a, b) in all(&plain).iter().zip(all(&strided)) {
            prop_assert_eq!(a.value(), b.value());
        }
    }
}
