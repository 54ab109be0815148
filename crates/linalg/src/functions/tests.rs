//! Each function against the library's `f64`, whose error is far below an `f32` ulp and about half an `f64` ulp.

use super::*;

/// How many `f32` there are between two of them, the sign included; 0 for two NaN.
fn ulps_f32(got: f32, exact: f64) -> f64 {
    let expected = exact as f32;
    if got.is_nan() || expected.is_nan() {
        return if got.is_nan() && expected.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if got == expected {
        return 0.0;
    }
    if got.is_infinite() || expected.is_infinite() {
        return f64::INFINITY;
    }
    let ulp = (f64::from(expected.abs()).max(f64::from(f32::MIN_POSITIVE)).log2().floor() - 23.0).exp2();
    (f64::from(got) - exact).abs() / ulp
}

/// The largest error in ulp over all `f32`, in steps of an odd number of bit patterns.
fn sweep_f32(step: usize, f: fn(f32) -> f32, exact: fn(f64) -> f64) -> (f64, f32) {
    let mut worst = (0.0, 0.0);
    for bits in (0..=u32::MAX).step_by(step) {
        let x = f32::from_bits(bits);
        let error = ulps_f32(f(x), exact(f64::from(x)));
        if error > worst.0 {
            worst = (error, x);
        }
    }
    worst
}

/// Odd, so that it meets every pattern of low bits; `GRADUS_SWEEP=1` tries every `f32` there is.
fn step() -> usize {
    let given = std::env::var("GRADUS_SWEEP").ok().and_then(|step| step.parse().ok());
    given.unwrap_or(if cfg!(miri) { 40_000_003 } else { 4_001 })
}

/// A function's name, itself, its reference, and how many ulp they may differ.
type Bounded<F> = (&'static str, fn(F) -> F, fn(f64) -> f64, f64);

#[test]
fn every_f32_is_within_its_bound() {
    let sigmoid = |x: f64| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
    let cases: [Bounded<f32>; 8] = [
        ("exp", exp_f32, f64::exp, 1.0),
        ("ln", ln_f32, f64::ln, 1.0),
        ("tanh", tanh_f32, f64::tanh, 2.0),
        ("sigmoid", sigmoid_f32, sigmoid, 2.0),
        ("exp_m1", exp_m1_f32, f64::exp_m1, 2.0),
        ("ln_1p", ln_1p_f32, f64::ln_1p, 2.0),
        ("sin", sin_f32, f64::sin, 1.0),
        ("cos", cos_f32, f64::cos, 1.0),
    ];
    for (name, f, exact, bound) in cases {
        let (error, x) = sweep_f32(step(), f, exact);
        println!("{name}: {error:.3} ulp at {x:e}");
        assert!(error <= bound, "{name}({x:e}) is {error} ulp off, more than {bound}");
    }
}

#[test]
fn f64_is_within_its_bound_at_a_million_points() {
    let n: i32 = if cfg!(miri) { 100 } else { 1_000_000 };
    let ulps = |got: f64, expected: f64| {
        if got == expected || (got.is_nan() && expected.is_nan()) {
            return 0.0;
        }
        let ulp = (expected.abs().max(f64::MIN_POSITIVE).log2().floor() - 52.0).exp2();
        (got - expected).abs() / ulp
    };
    let sigmoid = |x: f64| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
    // The library's own last bit is not always right: its half ulp is added to the bound.
    let cases: [Bounded<f64>; 9] = [
        ("exp", exp_f64, f64::exp, 1.5),
        ("ln", |x| ln_f64(x.exp()), |x| x.exp().ln(), 1.5),
        ("tanh", tanh_f64, f64::tanh, 2.5),
        ("sigmoid", sigmoid_f64, sigmoid, 3.0),
        ("exp_m1", exp_m1_f64, f64::exp_m1, 2.5),
        ("ln_1p", |x| ln_1p_f64(x.exp_m1()), |x| x.exp_m1().ln_1p(), 2.5),
        ("sin", |x| sin_f64(x * 1000.0), |x| (x * 1000.0).sin(), 1.5),
        ("cos", |x| cos_f64(x * 1000.0), |x| (x * 1000.0).cos(), 1.5),
        ("sin far out", |x| sin_f64(x.exp()), |x| x.exp().sin(), 1.5),
    ];
    for (name, f, exact, bound) in cases {
        let mut worst = (0.0, 0.0);
        for i in 0..n {
            let part = (f64::from(i) * 0.618_033_988_749_894_9).fract();
            // Half of the points near 0, half over the whole range.
            let x = if i % 2 == 0 { 8.0 * part - 4.0 } else { 1500.0 * part - 750.0 };
            let error = ulps(f(x), exact(x));
            if error > worst.0 {
                worst = (error, x);
            }
        }
        println!("{name}: {:.3} ulp at {:e}", worst.0, worst.1);
        assert!(worst.0 <= bound, "{name}({:e}) is {} ulp off, more than {bound}", worst.1, worst.0);
    }
}

#[test]
fn exceptional_arguments() {
    let (infinity, nan) = (f64::INFINITY, f64::NAN);
    assert_eq!([exp_f64(infinity), exp_f64(-infinity), exp_f64(0.0), exp_f64(-0.0)], [infinity, 0.0, 1.0, 1.0]);
    assert_eq!([ln_f64(infinity), ln_f64(0.0), ln_f64(-0.0), ln_f64(1.0)], [infinity, -infinity, -infinity, 0.0]);
    assert!(ln_f64(-1.0).is_nan() && ln_f64(-infinity).is_nan());
    assert_eq!([tanh_f64(infinity), tanh_f64(-infinity)], [1.0, -1.0]);
    assert!(tanh_f64(-0.0).is_sign_negative());
    assert_eq!([sigmoid_f64(infinity), sigmoid_f64(-infinity), sigmoid_f64(0.0)], [1.0, 0.0, 0.5]);
    for f in [exp_f64, ln_f64, tanh_f64, sigmoid_f64] {
        assert!(f(nan).is_nan());
    }
    // Subnormal results and arguments.
    assert_eq!(exp_f64(-745.0), 5e-324);
    assert!((ln_f64(5e-324) - 5e-324_f64.ln()).abs() < 1e-12);
}

#[test]
fn f32_powers() {
    let exponents =
        [0.0, 1.0, -1.0, 2.0, 3.0, -3.0, 0.5, 1.0 / 3.0, 2.7, -0.1, 30.0, 100.5, 1e9, f32::INFINITY, -f32::INFINITY];
    for p in exponents {
        let mut worst = (0.0, 0.0);
        for bits in (0..=u32::MAX).step_by(step().max(40_009)) {
            let x = f32::from_bits(bits);
            let error = ulps_f32(powf_f32(x, p), f64::from(x).powf(f64::from(p)));
            if error > worst.0 {
                worst = (error, x);
            }
        }
        assert!(worst.0 <= 1.0, "{:e} to the {p} is {} ulp off", worst.1, worst.0);
    }
    let values = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e-45, -3e38];
    for x in values {
        for p in values.into_iter().chain([3.0, -3.0, 4.0, 0.3, 16_777_216.0, 16_777_215.0]) {
            let (got, expected) = (powf_f32(x, p), x.powf(p));
            let same = got == expected && got.is_sign_negative() == expected.is_sign_negative();
            assert!(same || (got.is_nan() && expected.is_nan()), "{x} to the {p}: {got}, expected {expected}");
        }
    }
}

#[test]
fn f32_error_functions_are_those_of_f64() {
    for bits in (0..=u32::MAX).step_by(step()) {
        let x = f32::from_bits(bits);
        let exact = (erf(f64::from(x)), erfc(f64::from(x)));
        let error = (ulps_f32(erf_f32(x), exact.0), ulps_f32(erfc_f32(x), exact.1));
        assert!(error.0 <= 1.0 && error.1 <= 1.0, "at {x}: {error:?}");
    }
}

#[test]
fn exceptional_arguments_of_the_others() {
    let (infinity, nan) = (f64::INFINITY, f64::NAN);
    assert_eq!([exp_m1_f64(infinity), exp_m1_f64(-infinity), exp_m1_f64(1e-300)], [infinity, -1.0, 1e-300]);
    assert_eq!([ln_1p_f64(infinity), ln_1p_f64(-1.0), ln_1p_f64(1e-300)], [infinity, -infinity, 1e-300]);
    assert!(ln_1p_f64(-2.0).is_nan() && sin_f64(infinity).is_nan() && cos_f64(-infinity).is_nan());
    for f in [exp_m1_f64, ln_1p_f64, sin_f64, erf_f64] {
        assert!(f(nan).is_nan());
        assert_eq!((f(-0.0), f(-0.0).is_sign_negative()), (0.0, true));
    }
    assert!(cos_f64(nan).is_nan() && erfc_f64(nan).is_nan());
}
