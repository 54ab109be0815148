//! Addition, subtraction, multiplication and division, with broadcasting, as methods and as operators.

use crate::tape::same_tape;
use crate::{Result, Value, Var};
use gradus_linalg::{Real, elementwise};
use std::ops::{Add, Div, Mul, Neg, Sub};

impl<F: Real> Var<F> {
    /// Sum with broadcasting; the operator `+` panics where this returns an error.
    ///
    /// ```text
    /// y = a + b        da = Σ dy, db = Σ dy over the axes along which a, b were repeated
    /// ```
    ///
    /// # Errors
    /// If the shapes do not broadcast, or the operands are on different tapes.
    #[track_caller]
    pub fn try_add(&self, other: &Self) -> Result<Self> {
        add(self.clone(), other.clone())
    }

    /// Difference with broadcasting; the operator `-` panics where this returns an error.
    ///
    /// ```text
    /// y = a − b        da = Σ dy, db = −Σ dy over the axes along which a, b were repeated
    /// ```
    ///
    /// # Errors
    /// If the shapes do not broadcast, or the operands are on different tapes.
    #[track_caller]
    pub fn try_sub(&self, other: &Self) -> Result<Self> {
        sub(self.clone(), other.clone())
    }

    /// Product element by element, with broadcasting; the operator `*` panics where this returns an error.
    ///
    /// ```text
    /// y = a · b        da = Σ dy · b, db = Σ dy · a over the axes along which a, b were repeated
    /// ```
    ///
    /// # Errors
    /// If the shapes do not broadcast, or the operands are on different tapes.
    #[track_caller]
    pub fn try_mul(&self, other: &Self) -> Result<Self> {
        mul(self.clone(), other.clone())
    }

    /// Quotient element by element, with broadcasting; the operator `/` panics where this returns an error.
    /// Division by zero follows IEEE 754.
    ///
    /// ```text
    /// y = a / b        da = Σ dy / b, db = −Σ dy · y / b over the axes along which a, b were repeated
    /// ```
    ///
    /// # Errors
    /// If the shapes do not broadcast, or the operands are on different tapes.
    #[track_caller]
    pub fn try_div(&self, other: &Self) -> Result<Self> {
        div(self.clone(), other.clone())
    }

    /// `y = a + c` with a number `c`; `da = dy`.
    #[track_caller]
    #[must_use]
    pub fn add_scalar(&self, c: F) -> Self {
        self.affine_scalar("add_scalar", F::one(), c)
    }

    /// `y = a · c` with a number `c`; `da = dy · c`.
    #[track_caller]
    #[must_use]
    pub fn mul_scalar(&self, c: F) -> Self {
        self.affine_scalar("mul_scalar", c, F::zero())
    }

    /// `y = scale · x + shift`, with `dx = scale · dy`.
    #[track_caller]
    fn affine_scalar(&self, name: &'static str, scale: F, shift: F) -> Self {
        let y = elementwise::map(self.value(), |x| scale * x + shift);
        self.tape().record(name, [self], y, move |mut dy| {
            if scale != F::one() {
                elementwise::map_in_place(&mut dy, |dy| dy * scale);
            }
            [dy]
        })
    }
}

#[track_caller]
fn add<F: Real>(a: Var<F>, b: Var<F>) -> Result<Var<F>> {
    same_tape("add", &a, &b)?;
    let (tape, nodes) = (a.tape, [a.node, b.node]);
    let shapes = [a.value.raw_dim(), b.value.raw_dim()];
    let y = zip_reusing("add", a.value, &b.value, |a, b| a + b)?;
    drop(b.value);
    Ok(tape.record_nodes("add", nodes, y, move |dy, slots| {
        for (input, shape) in shapes.iter().enumerate() {
            if slots.needs(input) {
                let gradient = sum_to(dy.clone(), ndarray::Dimension::slice(shape));
                slots.add(input, gradient);
            }
        }
    }))
}

#[track_caller]
fn sub<F: Real>(a: Var<F>, b: Var<F>) -> Result<Var<F>> {
    same_tape("sub", &a, &b)?;
    let (tape, nodes) = (a.tape, [a.node, b.node]);
    let shapes = [a.value.raw_dim(), b.value.raw_dim()];
    let y = zip_reusing("sub", a.value, &b.value, |a, b| a - b)?;
    drop(b.value);
    Ok(tape.record_nodes("sub", nodes, y, move |dy, slots| {
        if slots.needs(0) {
            let da = sum_to(dy.clone(), ndarray::Dimension::slice(&shapes[0]));
            slots.add(0, da);
        }
        if slots.needs(1) {
            let mut db = sum_to(dy, ndarray::Dimension::slice(&shapes[1]));
            elementwise::map_in_place(&mut db, |x| -x);
            slots.add(1, db);
        }
    }))
}

#[track_caller]
fn mul<F: Real>(a: Var<F>, b: Var<F>) -> Result<Var<F>> {
    same_tape("mul", &a, &b)?;
    let (tape, nodes) = (a.tape, [a.node, b.node]);
    let shapes = [a.value.raw_dim(), b.value.raw_dim()];
    // Only what the other operand's gradient needs is kept.
    let saved_a = b.node.map(|_| a.value.clone());
    let saved_b = a.node.map(|_| b.value.clone());
    let y = zip_reusing("mul", a.value, &b.value, |a, b| a * b)?;
    Ok(tape.record_nodes("mul", nodes, y, move |dy, slots| {
        let product = |other: &Value<F>, shape: &ndarray::IxDyn| -> Value<F> {
            let full = zip_reusing("mul", dy.clone(), other, |dy, x| dy * x);
            sum_to(full.expect("the shapes fitted in the forward pass"), ndarray::Dimension::slice(shape))
        };
        if let Some(b) = &saved_b {
            slots.add(0, product(b, &shapes[0]));
        }
        if let Some(a) = &saved_a {
            slots.add(1, product(a, &shapes[1]));
        }
    }))
}

#[track_caller]
fn div<F: Real>(a: Var<F>, b: Var<F>) -> Result<Var<F>> {
    same_tape("div", &a, &b)?;
    let (tape, nodes) = (a.tape, [a.node, b.node]);
    let shapes = [a.value.raw_dim(), b.value.raw_dim()];
    let y = zip_reusing("div", a.value, &b.value, |a, b| a / b)?;
    let saved_y = b.node.map(|_| y.clone());
    let b = b.value;
    Ok(tape.record_nodes("div", nodes, y, move |dy, slots| {
        let fits = "the shapes fitted in the forward pass";
        let da = zip_reusing("div", dy, &b, |dy, b| dy / b).expect(fits);
        if let Some(y) = saved_y {
            let db = zip_reusing("div", da.clone(), &y, |da, y| -da * y).expect(fits);
            slots.add(1, sum_to(db, ndarray::Dimension::slice(&shapes[1])));
        }
        if slots.needs(0) {
            slots.add(0, sum_to(da, ndarray::Dimension::slice(&shapes[0])));
        }
    }))
}

/// `f(a, b)` with broadcasting, in the memory of `a` if it has the shape of the result and nobody else holds it.
pub(super) fn zip_reusing<F: Real>(
    name: &'static str,
    a: Value<F>,
    b: &Value<F>,
    f: impl Fn(F, F) -> F,
) -> Result<Value<F>> {
    let shape = elementwise::broadcast_shape(name, a.shape(), b.shape())?;
    if shape != a.shape() {
        return Ok(elementwise::zip(name, &a, b, f)?.into());
    }
    Ok(match a.try_into_array() {
        Ok(mut a) => {
            elementwise::zip_in_place(name, &mut a, b, f)?;
            a.into()
        }
        Err(a) => elementwise::zip(name, &a, b, f)?.into(),
    })
}

/// The cotangent of an operand of this shape, which was broadcast to the shape of `dy`.
pub(super) fn sum_to<F: Real>(dy: Value<F>, shape: &[usize]) -> Value<F> {
    if dy.shape() == shape { dy } else { elementwise::sum_to(&dy, shape).into() }
}

/// The operator in its four forms of ownership, and with a number on the right.
macro_rules! operator {
    ($trait:ident, $method:ident, $function:ident, |$a:ident, $c:ident| $with_number:expr) => {
        /// # Panics
        /// If the shapes do not broadcast, or the operands are on different tapes.
        impl<F: Real> $trait for Var<F> {
            type Output = Var<F>;
            #[track_caller]
            fn $method(self, other: Var<F>) -> Var<F> {
                $function(self, other).unwrap_or_else(|error| panic!("{error}"))
            }
        }
        /// # Panics
        /// If the shapes do not broadcast, or the operands are on different tapes.
        impl<F: Real> $trait<&Var<F>> for Var<F> {
            type Output = Var<F>;
            #[track_caller]
            fn $method(self, other: &Var<F>) -> Var<F> {
                $trait::$method(self, other.clone())
            }
        }
        /// # Panics
        /// If the shapes do not broadcast, or the operands are on different tapes.
        impl<F: Real> $trait<Var<F>> for &Var<F> {
            type Output = Var<F>;
            #[track_caller]
            fn $method(self, other: Var<F>) -> Var<F> {
                $trait::$method(self.clone(), other)
            }
        }
        /// # Panics
        /// If the shapes do not broadcast, or the operands are on different tapes.
        impl<F: Real> $trait<&Var<F>> for &Var<F> {
            type Output = Var<F>;
            #[track_caller]
            fn $method(self, other: &Var<F>) -> Var<F> {
                $trait::$method(self.clone(), other.clone())
            }
        }
        impl<F: Real> $trait<F> for Var<F> {
            type Output = Var<F>;
            #[track_caller]
            fn $method(self, $c: F) -> Var<F> {
                let $a = &self;
                $with_number
            }
        }
        impl<F: Real> $trait<F> for &Var<F> {
            type Output = Var<F>;
            #[track_caller]
            fn $method(self, $c: F) -> Var<F> {
                let $a = self;
                $with_number
            }
        }
    };
}

operator!(Add, add, add, |a, c| a.add_scalar(c));
operator!(Sub, sub, sub, |a, c| a.add_scalar(-c));
operator!(Mul, mul, mul, |a, c| a.mul_scalar(c));
operator!(Div, div, div, |a, c| a.mul_scalar(F::one() / c));

impl<F: Real> Neg for &Var<F> {
    type Output = Var<F>;
    /// `y = −x`, with `dx = −dy`.
    #[track_caller]
    fn neg(self) -> Var<F> {
        self.affine_scalar("neg", -F::one(), F::zero())
    }
}

impl<F: Real> Neg for Var<F> {
    type Output = Var<F>;
    /// `y = −x`, with `dx = −dy`.
    #[track_caller]
    fn neg(self) -> Var<F> {
        -&self
    }
}
