//! Functions of two numbers beyond the four of arithmetic, with broadcasting.

use super::arith::{sum_to, zipped};
use crate::tape::same_tape;
use crate::{Result, Value, Var};
use gradus_linalg::{Real, elementwise};
use ndarray::Zip;

impl<F: Real> Var<F> {
    /// The larger of two numbers, element by element with broadcasting; NaN if either is NaN.
    ///
    /// ```text
    /// y = max(a, b)        da = dy where a > b, dy / 2 where a = b, else 0;  db likewise
    /// ```
    ///
    /// # Errors
    /// If the shapes do not broadcast, or the operands are on different tapes.
    #[track_caller]
    pub fn maximum(&self, other: &Self) -> Result<Self> {
        let pull = |dy: F, mine: F, theirs: F| if mine < theirs { F::zero() } else { shared(dy, mine, theirs) };
        self.with_both("maximum", other, F::maximum, pull, move |dy, a, b| pull(dy, b, a))
    }

    /// The smaller of two numbers, element by element with broadcasting; NaN if either is NaN.
    ///
    /// ```text
    /// y = min(a, b)        da = dy where a < b, dy / 2 where a = b, else 0;  db likewise
    /// ```
    ///
    /// # Errors
    /// If the shapes do not broadcast, or the operands are on different tapes.
    #[track_caller]
    pub fn minimum(&self, other: &Self) -> Result<Self> {
        let pull = |dy: F, mine: F, theirs: F| if mine > theirs { F::zero() } else { shared(dy, mine, theirs) };
        self.with_both("minimum", other, F::minimum, pull, move |dy, a, b| pull(dy, b, a))
    }

    /// Power with an exponent for each element, with broadcasting; [`Var::pow`] has one fixed exponent.
    ///
    /// ```text
    /// y = aᵇ        da = dy · b aᵇ⁻¹,  and 0 where b = 0
    ///               db = dy · y ln a,  and 0 where a = 0 and b ≥ 0
    /// ```
    ///
    /// A negative base gives NaN, in `db` always and in `y` unless the exponent is whole.
    ///
    /// # Errors
    /// If the shapes do not broadcast, or the operands are on different tapes.
    #[track_caller]
    pub fn pow_var(&self, exponent: &Self) -> Result<Self> {
        let (zero, one) = (F::zero(), F::one());
        self.with_both(
            "pow_var",
            exponent,
            #[inline(always)]
            |a: F, b: F| a.powf(b),
            #[inline(always)]
            move |dy, a, b| if b == zero { zero } else { dy * b * a.powf(b - one) },
            #[inline(always)]
            move |dy, a, b| if a == zero && b >= zero { zero } else { dy * a.powf(b) * a.ln() },
        )
    }

    /// `y = f(a, b)`, with `da = pull_a(dy, a, b)` and `db = pull_b(dy, a, b)` before they are summed over the repeated
    /// axes.
    #[track_caller]
    fn with_both(
        &self,
        name: &'static str,
        other: &Self,
        f: impl Fn(F, F) -> F + Sync,
        pull_a: impl Fn(F, F, F) -> F + Sync + 'static,
        pull_b: impl Fn(F, F, F) -> F + Sync + 'static,
    ) -> Result<Self> {
        same_tape(name, self, other)?;
        let (a, b) = (self.value().clone(), other.value().clone());
        let y = zipped(name, &a, &b, f)?;
        Ok(self.tape().record_into(name, [self, other], y, move |dy, slots| {
            if slots.needs(1) {
                slots.add(1, sum_to(pulled(dy.clone(), &a, &b, pull_b), b.shape()));
            }
            if slots.needs(0) {
                slots.add(0, sum_to(pulled(dy, &a, &b, pull_a), a.shape()));
            }
        }))
    }
}

/// The gradient of an extreme for the operand that is not beaten.
fn shared<F: Real>(dy: F, mine: F, theirs: F) -> F {
    if mine == theirs { dy / F::from_f64(2.0) } else { dy }
}

fn pulled<F: Real>(mut dy: Value<F>, a: &Value<F>, b: &Value<F>, f: impl Fn(F, F, F) -> F + Sync) -> Value<F> {
    if dy.shape() == a.shape() && dy.shape() == b.shape() {
        elementwise::update2(&mut dy, a, b, f);
    } else {
        let broadcast = Zip::from(dy.view_mut()).and_broadcast(a.view()).and_broadcast(b.view());
        broadcast.for_each(|dy, &a, &b| *dy = f(*dy, a, b));
    }
    dy
}
