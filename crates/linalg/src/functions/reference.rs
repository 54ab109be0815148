//! What the functions are compared with: the same in numbers of two `f64`, some thirty digits, by slow and plain ways that
//! have nothing in common with theirs.
//!
//! Everything is inlined, so that within [`vectorized`](crate::simd::vectorized) the fused multiply-add that the exact
//! product needs is an instruction.

/// An unevaluated sum of two numbers, of which the second is below the last digit of the first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Double(pub(super) f64, pub(super) f64);

const LN_2: Double = Double(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);
const TWO_BY_ROOT_PI: Double = Double(std::f64::consts::FRAC_2_SQRT_PI, 1.533_545_961_316_588e-17);

/// The sum, and what its rounding has lost.
#[inline(always)]
fn two_sum(a: f64, b: f64) -> Double {
    let sum = a + b;
    let second = sum - a;
    Double(sum, (a - (sum - second)) + (b - second))
}

/// The same where `a` is the larger.
#[inline(always)]
fn quick_sum(a: f64, b: f64) -> Double {
    let sum = a + b;
    Double(sum, b - (sum - a))
}

/// The product, and what its rounding has lost.
#[inline(always)]
fn two_product(a: f64, b: f64) -> Double {
    let product = a * b;
    Double(product, a.mul_add(b, -product))
}

impl Double {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        let (high, low) = (two_sum(self.0, other.0), two_sum(self.1, other.1));
        let sum = quick_sum(high.0, high.1 + low.0);
        quick_sum(sum.0, sum.1 + low.1)
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self.plus(Self(-other.0, -other.1))
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        let product = two_product(self.0, other.0);
        quick_sum(product.0, product.1 + (self.0 * other.1 + self.1 * other.0))
    }

    #[inline(always)]
    fn over(self, other: Self) -> Self {
        let first = self.0 / other.0;
        let rest = self.minus(other.times(Self(first, 0.0)));
        let second = rest.0 / other.0;
        let rest = rest.minus(other.times(Self(second, 0.0)));
        quick_sum(first, second).plus(Self(rest.0 / other.0, 0.0))
    }

    /// Times a power of two.
    #[inline(always)]
    fn scaled(self, n: i32) -> Self {
        let two_to = |n: i32| f64::from_bits(((n + 1023) as u64) << 52);
        let (half, rest) = (two_to(n / 2), two_to(n - n / 2));
        Self(self.0 * half * rest, self.1 * half * rest)
    }
}

const ONE: Double = Double(1.0, 0.0);

/// A result: a number and the power of two that it is to be multiplied by.
pub(super) type Result = (Double, i32);

/// The distance of `got` from the exact result, in units in the last place of the latter.
#[inline(always)]
pub(super) fn ulps(got: f64, (exact, n): Result) -> f64 {
    if exact.0 == 0.0 || exact.0.is_nan() || exact.0.is_infinite() {
        let same = got == exact.0 || (got.is_nan() && exact.0.is_nan());
        return if same { 0.0 } else { f64::INFINITY };
    }
    let exponent = (exact.0.abs().to_bits() >> 52) as i32 - 1023;
    if exponent + n > 1023 {
        return if got.is_infinite() { 0.0 } else { f64::INFINITY };
    }
    let last_place = (exponent + n).max(-1022) - 52;
    let difference = Double(got, 0.0).scaled(-last_place).minus(exact.scaled(n - last_place));
    (difference.0 + difference.1).abs()
}

/// `eˣ − 1` for |x| < 0.7: of x/256 by Taylor's series, and `e²ˣ − 1 = (eˣ − 1)(eˣ + 1)` eight times.
#[inline(always)]
fn exp_m1_small(x: Double) -> Double {
    /// `1/k!` from k = 8 down; those of the low powers in two parts.
    const INVERSE_FACTORIALS: [Double; 8] = [
        Double(1.0 / 40_320.0, 0.0),
        Double(1.0 / 5_040.0, 0.0),
        Double(1.388_888_888_888_889e-3, -5.300_543_954_373_577e-20),
        Double(8.333_333_333_333_333e-3, 1.156_482_317_317_871_4e-19),
        Double(4.166_666_666_666_666_4e-2, 2.312_964_634_635_743e-18),
        Double(1.666_666_666_666_666_6e-1, 9.251_858_538_542_97e-18),
        Double(0.5, 0.0),
        ONE,
    ];
    let x = x.scaled(-8);
    let mut sum = Double(1.0 / 362_880.0, 0.0);
    for c in INVERSE_FACTORIALS {
        sum = sum.times(x).plus(c);
    }
    let mut y = sum.times(x);
    for _ in 0..8 {
        y = y.times(y.plus(Double(2.0, 0.0)));
    }
    y
}

/// `eˣ` of a number of two parts.
#[inline(always)]
pub(super) fn exp_double(x: Double) -> Result {
    const THIRD: f64 = 5.707_708_438_416_212e-34; // of ln 2
    if x.0.is_nan() || x.0.abs() > 2000.0 {
        let end = if x.0 > 0.0 { f64::INFINITY } else { 0.0 };
        return (Double(if x.0.is_nan() { f64::NAN } else { end }, 0.0), 0);
    }
    let n = (x.0 / LN_2.0).round();
    let r = x.minus(two_product(LN_2.0, n)).minus(two_product(LN_2.1, n)).minus(Double(THIRD * n, 0.0));
    (exp_m1_small(r).plus(ONE), n as i32)
}

#[inline(always)]
pub(super) fn exp(x: f64) -> Result {
    exp_double(Double(x, 0.0))
}

/// `eˣ − 1`.
#[inline(always)]
pub(super) fn exp_m1(x: f64) -> Result {
    if x == 0.0 || x.abs() < 1e-300 {
        return (Double(x, 0.0), 0);
    }
    if x.abs() < 0.3 {
        return (exp_m1_small(Double(x, 0.0)), 0);
    }
    let (power, n) = exp(x);
    if n > 1000 || !power.0.is_finite() { (power, n) } else { (power.scaled(n.max(-200)).minus(ONE), 0) }
}

/// `ln x` for 0 < x < ∞: near 1 by the series; elsewhere one step of Newton's method from the library's.
#[inline(always)]
pub(super) fn ln_double(x: f64) -> Double {
    let f = x - 1.0;
    if f.abs() < 1e-3 {
        let mut sum = Double(0.0, 0.0);
        for k in (1..=12).rev() {
            sum = ONE.over(Double(f64::from(k), 0.0)).minus(sum.times(Double(f, 0.0)));
        }
        return sum.times(Double(f, 0.0));
    }
    let (scaled, shift) = if x < f64::MIN_POSITIVE { (x * 18_014_398_509_481_984.0, -54.0) } else { (x, 0.0) };
    let n = (scaled.to_bits() >> 52) as f64 - 1023.0 + shift;
    let m = f64::from_bits(scaled.to_bits() & 0x000f_ffff_ffff_ffff | 1.0_f64.to_bits());
    let near = m.ln();
    let (inverse, k) = exp(-near);
    let off = inverse.scaled(k).times(Double(m, 0.0)).minus(ONE);
    let off = off.minus(off.times(off).scaled(-1));
    Double(near, 0.0).plus(off).plus(two_product(LN_2.0, n)).plus(two_product(LN_2.1, n))
}

#[inline(always)]
pub(super) fn ln(x: f64) -> Result {
    let y = match x {
        0.0 => Double(f64::NEG_INFINITY, 0.0),
        f64::INFINITY => Double(x, 0.0),
        x if x > 0.0 => ln_double(x),
        _ => Double(f64::NAN, 0.0),
    };
    (y, 0)
}

/// `ln(1 + x)`: the series near 0; elsewhere the logarithm of the rounded sum, and what the rounding has lost.
#[inline(always)]
pub(super) fn ln_1p(x: f64) -> Result {
    if x.abs() < 1e-3 {
        let mut sum = Double(0.0, 0.0);
        for k in (1..=12).rev() {
            sum = ONE.over(Double(f64::from(k), 0.0)).minus(sum.times(Double(x, 0.0)));
        }
        return if x.abs() < 1e-290 { (Double(x, 0.0), 0) } else { (sum.times(Double(x, 0.0)), 0) };
    }
    let sum = two_sum(1.0, x);
    let (y, n) = ln(sum.0);
    if !y.0.is_finite() {
        return (y, n);
    }
    let rest = Double(sum.1, 0.0).over(Double(sum.0, 0.0));
    (y.plus(rest).minus(rest.times(rest).scaled(-1)), n)
}

/// `xᵖ` for x > 0.
#[inline(always)]
pub(super) fn pow(x: f64, p: f64) -> Result {
    exp_double(ln_double(x).times(Double(p, 0.0)))
}

#[inline(always)]
pub(super) fn sigmoid(x: f64) -> Result {
    let (power, n) = exp(-x.abs());
    let sum = power.scaled(n.max(-300)).plus(ONE);
    if x < 0.0 { (power.over(sum), n) } else { (ONE.over(sum), 0) }
}

#[inline(always)]
pub(super) fn tanh(x: f64) -> Result {
    if x.abs() > 40.0 || x.abs() < 1e-300 {
        return (Double(if x.abs() > 40.0 { x.signum() } else { x }, 0.0), 0);
    }
    let (power, _) = exp_m1(2.0 * x);
    (power.over(power.plus(Double(2.0, 0.0))), 0)
}

/// The error function: by its series of positive terms, beyond 2.5 by the continued fraction of its complement.
#[inline(always)]
pub(super) fn erf(x: f64) -> Result {
    let m = x.abs();
    if !(1e-150..6.5).contains(&m) {
        let y = if m < 6.5 { x * TWO_BY_ROOT_PI.0 } else { x.signum() };
        return (Double(y, if m < 6.5 { x * TWO_BY_ROOT_PI.1 } else { 0.0 }), 0);
    }
    let square = two_product(m, m);
    let (gaussian, n) = exp_double(Double(-square.0, -square.1));
    let gaussian = gaussian.scaled(n);
    let y = if m < 2.5 {
        let (mut term, mut sum) = (Double(m, 0.0), Double(m, 0.0));
        let mut k = 3.0;
        while term.0 > sum.0 * 1e-22 {
            term = term.times(square.scaled(1)).over(Double(k, 0.0));
            sum = sum.plus(term);
            k += 2.0;
        }
        TWO_BY_ROOT_PI.times(gaussian).times(sum)
    } else {
        // erfc is below 5e-4 there: the digits of one number are enough.
        let mut fraction = m;
        for k in (1..60).rev() {
            fraction = m + 0.5 * f64::from(k) / fraction;
        }
        ONE.minus(TWO_BY_ROOT_PI.scaled(-1).times(gaussian).over(Double(fraction, 0.0)))
    };
    (if x < 0.0 { Double(-y.0, -y.1) } else { y }, 0)
}

/// The square root: one step of Newton's method from the library's, whose square is exact in two numbers.
#[inline(always)]
pub(super) fn sqrt(x: f64) -> Result {
    if x == 0.0 || x.is_nan() || x < 0.0 || x == f64::INFINITY {
        return (Double(if x < 0.0 { f64::NAN } else { x }, 0.0), 0);
    }
    // Brought near 1 first, by an even power of two.
    let n = ((x.to_bits() >> 52) as i32 - 1023).max(-1022) / 2 * 2;
    let m = Double(x, 0.0).scaled(-n).0;
    let near = m.sqrt();
    let rest = Double(m, 0.0).minus(two_product(near, near));
    (Double(near, 0.0).plus(rest.over(Double(2.0 * near, 0.0))), n / 2)
}

#[test]
fn the_reference_has_more_digits_than_a_number() {
    // With 32 digits, as the sum of two numbers.
    for ((found, n), high, low) in [
        (exp(1.0), std::f64::consts::E, 1.445_646_891_729_250_2e-16),
        (exp_m1(1.0), std::f64::consts::E - 1.0, 1.445_646_891_729_250_2e-16),
        (ln(10.0), std::f64::consts::LN_10, -2.170_756_223_382_249_4e-16),
        (ln(1.0005), 4.998_750_416_509_929e-4, 4.675_283_455_486_491_5e-21),
        (pow(2.0, 0.5), std::f64::consts::SQRT_2, -9.667_293_313_452_913e-17),
        (sqrt(2.0), std::f64::consts::SQRT_2, -9.667_293_313_452_913e-17),
        (tanh(1.0), 0.761_594_155_955_764_9, 3.709_021_448_216_492_4e-17),
        (erf(1.0), 0.842_700_792_949_714_9, -2.480_101_178_911_860_2e-17),
        (erf(3.0), 0.999_977_909_503_001_4, 5.363_397_058_636_269e-17),
        (sigmoid(1.0), 0.731_058_578_630_004_9, -1.679_727_399_649_845e-17),
    ] {
        let found = found.scaled(n);
        let off = found.minus(Double(high, low));
        assert!(off.0.abs() < 1e-19, "{found:?} for {high} + {low}");
    }
}
