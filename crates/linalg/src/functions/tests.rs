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
    let cases: [Bounded<f32>; 4] = [
        ("exp", exp_f32, f64::exp, 1.0),
        ("ln", ln_f32, f64::ln, 1.0),
        ("tanh", tanh_f32, f64::tanh, 2.0),
        ("sigmoid", sigmoid_f32, sigmoid, 2.0),
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
    let cases: [Bounded<f64>; 4] = [
        ("exp", exp_f64, f64::exp, 1.5),
        ("ln", |x| ln_f64(x.exp()), |x| x.exp().ln(), 1.5),
        ("tanh", tanh_f64, f64::tanh, 2.5),
        ("sigmoid", sigmoid_f64, sigmoid, 3.0),
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
