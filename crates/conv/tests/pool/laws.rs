//! Each operation against plain nested loops, and the laws that hold whatever the geometry.

use super::loops::{Setting, Window, adaptive, adjoint, each, regular, settings, winner};
use gradus_autograd::gradcheck;
use gradus_conv::ndarray::{ArrayD, IxDyn};
use gradus_conv::{
    Geometry, PerAxis, Real, Tape, Value, Var, adaptive_avg_pool, adaptive_max_pool, adaptive_max_pool_with_indices,
    avg_pool, lp_pool, max_pool, max_pool_with_indices, max_unpool,
};
use gradus_testing::{Float, Tolerance, close, strategies};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A pooling whose settings fit.
type Pool<'a> = &'a dyn Fn(&Var<f64>) -> Var<f64>;
type Outcome = Result<(), TestCaseError>;

fn fail<T>(result: Result<T, String>) -> Result<T, TestCaseError> {
    result.map_err(TestCaseError::fail)
}

/// Whole numbers, many of them equal, so that sums are exact in any order; with `wild`, infinities and NaN, too.
fn whole<F: Real>(shape: &[usize], seed: u64, wild: bool) -> ArrayD<F> {
    let mut rng = StdRng::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(IxDyn(shape), || match rng.random_range(0..24) {
        0 if wild => F::from_f64(f64::NAN),
        1..=5 if wild => -F::INFINITY,
        n => F::from_f64(f64::from(n % 5) - 2.0),
    })
}

fn shape<const R: usize>(size: [usize; R]) -> Vec<usize> {
    [&[2, 3][..], &size].concat()
}

/// A few planes: differences take two passes for every number.
fn few<const R: usize>(size: [usize; R]) -> Vec<usize> {
    [&[1, 2][..], &size].concat()
}

fn bits<F: Real>(x: impl IntoIterator<Item = F>) -> Vec<u64> {
    x.into_iter().map(|x| if x.is_nan() { u64::MAX } else { x.to_f64().to_bits() }).collect()
}

/// Forward, indices and gradient of a max pooling, bit by bit; the gradient also where it is added to another.
fn maxima<const R: usize, F: Real>(
    x: &ArrayD<F>,
    out: [usize; R],
    windows: &[Window],
    seed: u64,
    plain: impl Fn(&Var<F>) -> gradus_conv::Result<Var<F>>,
    with_indices: impl Fn(&Var<F>) -> gradus_conv::Result<(Var<F>, ArrayD<usize>)>,
) -> Outcome {
    let expected = each(x, &out, windows, |x, window, _| x[winner(x, window)]);
    let positions = each(x, &out, windows, |x, window, _| winner(x, window));
    let untracked = plain(&Tape::inference().input(x.clone())).unwrap();
    prop_assert_eq!(bits(untracked.value().iter().copied()), bits(expected.iter().copied()));
    let tape = Tape::recording();
    let x_var = tape.variable(x.clone());
    let (once, (again, indices)) = (plain(&x_var).unwrap(), with_indices(&x_var).unwrap());
    prop_assert_eq!(once.shape(), expected.shape());
    prop_assert_eq!(bits(once.value().iter().copied()), bits(expected.iter().copied()));
    prop_assert_eq!(bits(again.value().iter().copied()), bits(expected.iter().copied()));
    prop_assert_eq!(&indices, &positions);

    let dy = whole::<F>(expected.shape(), seed + 1, false);
    let flat: Vec<usize> = positions.iter().copied().collect();
    let places = windows.len();
    let dx = adjoint(x.shape(), &dy, places, |channel, place| vec![(flat[channel * places + place], F::one())]);
    let alone = once.backward_with(dy.clone()).unwrap();
    prop_assert_eq!(bits(alone.get(&x_var).unwrap().iter().copied()), bits(dx.iter().copied()));
    let tape = Tape::recording();
    let x_var = tape.variable(x.clone());
    let twice = plain(&x_var).unwrap().try_add(&plain(&x_var).unwrap()).unwrap();
    let added = twice.backward_with(dy).unwrap();
    prop_assert_eq!(bits(added.get(&x_var).unwrap().iter().copied()), bits(dx.iter().map(|&dx| dx + dx)));
    Ok(())
}

/// Forward and gradient of an average pooling with these divisors.
fn averages<const R: usize, F: Real + Float>(
    x: &ArrayD<F>,
    out: [usize; R],
    windows: &[Window],
    tolerance: Tolerance,
    divisor: impl Fn(&Window) -> usize,
    pool: impl Fn(&Var<F>) -> gradus_conv::Result<Var<F>>,
) -> Outcome {
    let divisor = |window: &Window| <F as Real>::from_f64(divisor(window) as f64);
    let expected =
        each(x, &out, windows, |x, window, _| window.seen.iter().map(|&i| x[i]).sum::<F>() / divisor(window));
    let dy = whole::<F>(expected.shape(), 5, false);
    let dx = adjoint(x.shape(), &dy, windows.len(), |_, place| {
        let window = &windows[place];
        window.seen.iter().map(|&i| (i, F::one() / divisor(window))).collect()
    });
    for uses in [1, 2] {
        let tape = Tape::recording();
        let x_var = tape.variable(x.clone());
        let y = pool(&x_var).unwrap();
        fail(close(&**y.value(), &expected, tolerance, "y"))?;
        let y = if uses == 1 { y } else { y.try_add(&pool(&x_var).unwrap()).unwrap() };
        let gradients = y.backward_with(dy.clone()).unwrap();
        let expected = dx.mapv(|dx| dx * <F as Real>::from_f64(f64::from(uses)));
        fail(close(&**gradients.get(&x_var).unwrap(), &expected, tolerance, "dx"))?;
    }
    Ok(())
}

fn max_law<const R: usize>(setting: &Setting<R>, seed: u64, wild: bool) -> Outcome {
    let Setting { geometry, size, out } = setting;
    let windows = regular(geometry, *size, *out);
    let pools = (|x: &Var<f64>| max_pool(x, geometry), |x: &Var<f64>| max_pool_with_indices(x, geometry));
    maxima(&whole::<f64>(&shape(*size), seed, wild), *out, &windows, seed, pools.0, pools.1)?;
    let pools = (|x: &Var<f32>| max_pool(x, geometry), |x: &Var<f32>| max_pool_with_indices(x, geometry));
    maxima(&whole::<f32>(&shape(*size), seed, wild), *out, &windows, seed, pools.0, pools.1)
}

fn avg_law<const R: usize>(setting: &Setting<R>, seed: u64, include: bool, divisor: Option<usize>) -> Outcome {
    let Setting { geometry, size, out } = setting;
    let windows = regular(geometry, *size, *out);
    let count = |window: &Window| divisor.unwrap_or(if include { window.padded } else { window.seen.len() });
    let x = whole::<f64>(&shape(*size), seed, false);
    averages(&x, *out, &windows, Tolerance::F64, count, |x| avg_pool(x, geometry, include, divisor))?;
    let x = whole::<f32>(&shape(*size), seed, false);
    averages(&x, *out, &windows, Tolerance::F32, count, |x| avg_pool(x, geometry, include, divisor))
}

fn adaptive_law<const R: usize>(size: [usize; R], out: [usize; R], seed: u64) -> Outcome {
    let windows = adaptive(size, out);
    let out_size = PerAxis(out);
    let x = whole::<f64>(&shape(size), seed, true);
    let pools = (
        |x: &Var<f64>| adaptive_max_pool::<R, _>(x, out_size),
        |x: &Var<f64>| adaptive_max_pool_with_indices::<R, _>(x, out_size),
    );
    maxima(&x, out, &windows, seed, pools.0, pools.1)?;
    let x = whole::<f64>(&shape(size), seed, false);
    averages(&x, out, &windows, Tolerance::F64, |window| window.seen.len(), |x| adaptive_avg_pool::<R, _>(x, out_size))
}

/// Windows of 2 side by side, the fast path: any sizes, even and odd.
fn halves<const R: usize>(sizes: &[usize]) -> Setting<R> {
    let geometry = Geometry::<R>::new(2).stride(2);
    let size = std::array::from_fn(|i| sizes[i]);
    Setting { out: geometry.output_size(size).unwrap(), geometry, size }
}

proptest! {
    #[test]
    fn maxima_are_those_of_the_loops(
        one in settings::<1>(3), two in settings::<2>(3), three in settings::<3>(2), seed in any::<u64>(), wild in any::<bool>(),
    ) {
        let seed = seed / 2;
        max_law(&one, seed, wild)?;
        max_law(&two, seed, wild)?;
        max_law(&three, seed, wild)?;
    }

    #[test]
    fn averages_are_those_of_the_loops(
        one in settings::<1>(3), two in settings::<2>(3), three in settings::<3>(2), seed in any::<u64>(),
        include in any::<bool>(), divisor in prop::option::weighted(0.3, 1..=9_usize),
    ) {
        avg_law(&one, seed, include, divisor)?;
        avg_law(&two, seed, include, divisor)?;
        avg_law(&three, seed, include, divisor)?;
    }

    #[test]
    fn adaptive_windows_are_those_of_the_loops(
        sizes in prop::array::uniform3(1..=9_usize), out in prop::array::uniform3(1..=9_usize), seed in any::<u64>(),
    ) {
        let seed = seed / 2;
        adaptive_law([sizes[0]], [out[0]], seed)?;
        adaptive_law([sizes[0], sizes[1]], [out[0], out[1]], seed)?;
        adaptive_law(sizes, [out[0].min(3), out[1].min(3), out[2].min(4)], seed)?;
        adaptive_law(sizes, [1; 3], seed)?; // global
    }

    /// ⟨pool x, y⟩ = ⟨x, poolᵀ y⟩.
    #[test]
    fn backward_of_an_average_is_its_adjoint(
        setting in settings::<3>(2), include in any::<bool>(), out in prop::array::uniform3(1..=4_usize), seed in any::<u64>(),
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut random = |shape: &[usize]| -> ArrayD<f64> { ArrayD::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0)) };
        let inner = |a: &Value<f64>, b: &Value<f64>| a.iter().zip(b.iter()).map(|(a, b)| a * b).sum::<f64>();
        let x: Value<f64> = random(&shape(setting.size)).into();
        let pools: [Pool<'_>; 2] = [
            &|x| avg_pool(x, &setting.geometry, include, None).unwrap(),
            &|x| adaptive_avg_pool::<3, _>(x, out).unwrap(),
        ];
        for pool in pools {
            let x_var = Tape::recording().variable(x.clone());
            let y = pool(&x_var);
            let dy: Value<f64> = random(y.shape()).into();
            let scale = y.value().iter().zip(dy.iter()).map(|(a, b)| (a * b).abs()).sum::<f64>().max(1.0);
            let forward = inner(y.value(), &dy);
            let adjoint = inner(&x, y.backward_with(dy).unwrap().get(&x_var).unwrap());
            prop_assert!((forward - adjoint).abs() <= 1e-12 * scale, "{} and {}", forward, adjoint);
        }
    }
}

proptest! {
    // Two passes for every number.
    #![proptest_config(gradus_testing::proptest_cases(100))]

    #[test]
    fn norms_are_those_of_the_loops(
        setting in settings::<2>(1), whole_p in 1..=4_i32, broken in any::<bool>(), seed in any::<u64>(),
    ) {
        let Setting { geometry, size, out } = &setting;
        let p = f64::from(whole_p) + if broken { 0.5 } else { 0.0 };
        let windows = regular(geometry, *size, *out);
        let mut rng = StdRng::seed_from_u64(seed);
        let x = ArrayD::from_shape_simple_fn(IxDyn(&few(*size)), || rng.random_range(0.5..2.0));
        let numbers = geometry.kernel_size.iter().product::<usize>() as f64;
        let expected = each(&x, out, &windows, |x, window, _| {
            let average = window.seen.iter().map(|&i| x[i].powf(p)).sum::<f64>() / window.padded as f64;
            (average * numbers).powf(1.0 / p)
        });
        let y = lp_pool(&Tape::inference().input(x.clone()), p, geometry).unwrap();
        fail(close(&**y.value(), &expected, Tolerance::F64, "y"))?;
        gradcheck(|x| lp_pool(&x[0], p, geometry), &[x]).unwrap();
    }

    #[test]
    fn gradients_are_those_of_differences(
        (setting, x) in settings::<2>(2).prop_flat_map(|setting| {
            let values = strategies::well_separated(&few(setting.size)).prop_flat_map(strategies::any_layout);
            (Just(setting), values)
        }),
        out in prop::array::uniform2(1..=4_usize),
    ) {
        let geometry = &setting.geometry;
        gradcheck(|x| max_pool(&x[0], geometry), std::slice::from_ref(&x)).unwrap();
        gradcheck(|x| avg_pool(&x[0], geometry, false, None), std::slice::from_ref(&x)).unwrap();
        gradcheck(|x| adaptive_avg_pool::<2, _>(&x[0], out), std::slice::from_ref(&x)).unwrap();
        gradcheck(|x| adaptive_max_pool::<2, _>(&x[0], out), std::slice::from_ref(&x)).unwrap();
    }

    /// What was pooled and put back is pooled to the same; every number stands where it stood, or is 0.
    #[test]
    fn unpooling_puts_maxima_back(sizes in prop::array::uniform2(2..=9_usize), kernel in 1..=3_usize, seed in any::<u64>()) {
        let geometry = Geometry::<2>::new(kernel.min(sizes[0]).min(sizes[1]));
        let geometry = geometry.stride(geometry.kernel_size);
        let x = whole::<f64>(&shape(sizes), seed, false).mapv(|x| x + 3.0);
        let input = Tape::inference().input(x.clone());
        let (y, indices) = max_pool_with_indices(&input, &geometry).unwrap();
        let back = max_unpool(&y, &indices, &geometry, Some(sizes.into())).unwrap();
        prop_assert!(back.value().iter().zip(&x).all(|(&back, &x)| back == x || back == 0.0));
        let again = max_pool(&back, &geometry).unwrap();
        prop_assert_eq!(again.value(), y.value());
        let y: ArrayD<f64> = (**y.value()).to_owned();
        gradcheck(|y| max_unpool(&y[0], &indices, &geometry, Some(sizes.into())), &[y]).unwrap();
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(150))]

    #[test]
    fn the_fast_path_is_its_loops(
        sizes in (2..=40_usize, 2..=40_usize), small in prop::array::uniform3(2..=7_usize), seed in any::<u64>(), wild in any::<bool>(),
    ) {
        let seed = seed / 2;
        let (one, two, three) = (halves::<1>(&[sizes.0]), halves::<2>(&[sizes.0, sizes.1]), halves::<3>(&small));
        max_law(&one, seed, wild)?;
        max_law(&two, seed, wild)?;
        max_law(&three, seed, wild)?;
        avg_law(&one, seed, true, None)?;
        avg_law(&two, seed, true, None)?;
        avg_law(&three, seed, true, None)?;
    }
}

/// A window of more than 256 numbers has winners that a byte does not count.
#[test]
fn large_windows_are_those_of_the_loops() {
    for (kernel, size, padding) in [(16, 33, 0), (17, 33, 8), (20, 21, 10)] {
        let geometry = Geometry::<2>::new(kernel).stride(5).padding(padding);
        let out = geometry.output_size([size, size]).unwrap();
        for wild in [false, true] {
            max_law(&Setting { geometry, size: [size, size], out }, 3, wild).unwrap();
        }
    }
}

/// Sizes that threads divide.
#[test]
fn the_bits_are_the_same_for_any_number_of_threads() {
    let x = whole::<f32>(&[16, 32, 30, 31], 7, false).mapv(|x| x.abs() * 0.37 + 0.1);
    let run = |threads: usize| {
        let all = || {
            let mut all = Vec::new();
            let mut note = |pool: &dyn Fn(&Var<f32>) -> gradus_conv::Result<Var<f32>>| {
                let x = Tape::recording().variable(x.clone());
                let y = pool(&x).unwrap();
                all.extend(bits(y.value().iter().copied()));
                all.extend(bits(y.square().sum().backward().unwrap().get(&x).unwrap().iter().copied()));
            };
            let (halves, overlapping) = (Geometry::<2>::new(2).stride(2), Geometry::<2>::new(3).stride(2).padding(1));
            note(&|x| max_pool(x, &halves));
            note(&|x| max_pool(x, &overlapping));
            note(&|x| avg_pool(x, &halves, true, None));
            note(&|x| avg_pool(x, &overlapping, false, None));
            note(&|x| adaptive_avg_pool::<2, _>(x, (20, 7)));
            note(&|x| lp_pool(x, 3.0, &halves));
            note(&|x| {
                let (y, indices) = max_pool_with_indices(x, &halves)?;
                max_unpool(&y, &indices, &halves, Some((30, 31).into()))
            });
            all
        };
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all)
    };
    let one = run(1);
    assert!(run(2) == one && run(3) == one);
}
