//! Each function over the whole range of its argument: of `f32` against the library's `f64`, whose error is far below an
//! `f32` ulp; of `f64` against numbers of two parts.

use super::*;
use crate::Real;
use crate::simd::vectorized;

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
    let cases: [Bounded<f32>; 11] = [
        ("exp", exp_f32, f64::exp, 1.0),
        ("ln", ln_f32, f64::ln, 1.0),
        ("tanh", tanh_f32, f64::tanh, 2.0),
        ("sigmoid", sigmoid_f32, sigmoid, 2.0),
        ("exp_m1", exp_m1_f32, f64::exp_m1, 2.0),
        ("ln_1p", ln_1p_f32, f64::ln_1p, 2.0),
        ("sin", sin_f32, f64::sin, 1.0),
        ("cos", cos_f32, f64::cos, 1.0),
        ("erf", erf_f32, erf, 1.0),
        ("erfc", erfc_f32, erfc, 1.0),
        ("sqrt", Real::sqrt, f64::sqrt, 0.5),
    ];
    for (name, f, exact, bound) in cases {
        let (error, x) = sweep_f32(step(), f, exact);
        println!("{name}: {error:.3} ulp at {x:e}");
        assert!(error <= bound, "{name}({x:e}) is {error} ulp off, more than {bound}");
    }
}

/// Random numbers for the sweeps.
struct Random(u64);

impl Random {
    #[inline(always)]
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    /// Uniform in an interval.
    #[inline(always)]
    fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * ((self.bits() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// A third each: near 0; as far as functions of exponentials change; and of any exponent, ∞ and NaN included.
    #[inline(always)]
    fn anything(&mut self) -> f64 {
        match self.bits() % 3 {
            0 => self.within(-4.0, 4.0),
            1 => self.within(-750.0, 750.0),
            _ => f64::from_bits(self.bits()),
        }
    }

    /// A third each: up to 4; near 1; and of any exponent.
    #[inline(always)]
    fn positive(&mut self) -> f64 {
        match self.bits() % 3 {
            0 => self.within(0.0, 4.0),
            1 => self.within(0.99, 1.01),
            _ => f64::from_bits(self.bits() >> 1),
        }
    }
}

/// Points of the sweeps of `f64`.
const POINTS: i32 = if cfg!(miri) { 100 } else { 1_000_000 };

/// Asserts that a function stays within `bound` ulp of the exact one at a million random arguments.
#[inline(always)]
fn sweep_f64<X: Copy + std::fmt::Debug>(
    name: &str,
    bound: f64,
    draw: impl Fn(&mut Random) -> X,
    f: impl Fn(X) -> f64,
    exact: impl Fn(X) -> reference::Result,
) {
    let mut random = Random(1);
    let (mut worst, mut at) = (0.0, None);
    vectorized(
        #[inline(always)]
        || {
            for _ in 0..POINTS {
                let x = draw(&mut random);
                let error = reference::ulps(f(x), exact(x));
                if error > worst {
                    (worst, at) = (error, Some(x));
                }
            }
        },
    );
    println!("{name}: {worst:.3} ulp at {at:?}");
    assert!(worst <= bound, "{name} of {at:?} is {worst} ulp off, more than {bound}");
}

#[test]
fn f64_exponentials_at_a_million_points() {
    sweep_f64("exp", 1.0, Random::anything, exp_f64, reference::exp);
    sweep_f64("exp_m1", 2.0, Random::anything, exp_m1_f64, reference::exp_m1);
}

#[test]
fn f64_logarithms_at_a_million_points() {
    sweep_f64("ln", 1.0, Random::positive, ln_f64, reference::ln);
    sweep_f64("ln_1p", 2.0, |random| random.positive() - 1.0, ln_1p_f64, reference::ln_1p);
}

#[test]
fn f64_saturating_functions_at_a_million_points() {
    sweep_f64("tanh", 2.0, Random::anything, tanh_f64, reference::tanh);
    sweep_f64("sigmoid", 2.0, Random::anything, sigmoid_f64, reference::sigmoid);
}

#[test]
fn f64_error_function_at_a_million_points() {
    sweep_f64("erf", 2.0, Random::anything, erf_f64, reference::erf);
}

#[test]
fn f64_powers_and_roots_at_a_million_points() {
    sweep_f64("sqrt", 0.5, Random::anything, Real::sqrt, reference::sqrt);
    let base_and_exponent = |random: &mut Random| (random.positive().min(f64::MAX), random.within(-40.0, 40.0));
    sweep_f64("powf", 1.0, base_and_exponent, |(x, p)| Real::powf(x, p), |(x, p)| reference::pow(x, p));
    // Each multiplication rounds once more.
    let base_and_whole = |random: &mut Random| (random.within(0.1, 10.0), (random.bits() % 17) as i32 - 8);
    sweep_f64("powi", 8.0, base_and_whole, |(x, n)| Real::powi(x, n), |(x, n)| reference::pow(x, f64::from(n)));
}

/// Here the library's is the reference, of which the last bit is not always right: its half ulp is added to the bound.
#[test]
fn f64_sine_and_cosine_at_a_million_points() {
    let exact = |y: f64| (reference::Double(y, 0.0), 0);
    sweep_f64("sin", 1.5, |random| random.within(-1e6, 1e6), sin_f64, |x| exact(x.sin()));
    sweep_f64("cos", 1.5, |random| random.within(-1e6, 1e6), cos_f64, |x| exact(x.cos()));
    sweep_f64("sin of anything", 1.5, Random::anything, sin_f64, |x| exact(x.sin()));
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

/// Blocks with and without numbers whose power is near ∞ or 0.
#[test]
fn many_exponentials_have_the_bits_of_one() {
    fn check<F: Real>(moderate: f64, bits: fn(F) -> u64) {
        let mut random = Random(2);
        let mut x: Vec<F> = (0..3000).map(|_| F::from_f64(random.within(-moderate, moderate))).collect();
        let mut y = vec![F::ZERO; x.len()];
        for (place, beyond) in [(2999, moderate), (0, -moderate), (700, 2.0), (1500, f64::NAN), (600, -f64::INFINITY)] {
            x[place] = F::from_f64(beyond * 1.02);
            F::exp_each(&x, &mut y);
            assert!(x.iter().zip(&y).all(|(&x, &y)| bits(x.exp()) == bits(y)));
        }
    }
    check::<f32>(87.0, |x| u64::from(x.to_bits()));
    check::<f64>(708.0, f64::to_bits);
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
