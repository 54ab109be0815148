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

    /// `y = x + c` with a number `c`; `dx = dy`.
    #[track_caller]
    #[must_use]
    pub fn add_scalar(&self, c: F) -> Self {
        add_number(self.clone(), c)
    }

    /// `y = x · c` with a number `c`; `dx = dy · c`.
    #[track_caller]
    #[must_use]
    pub fn mul_scalar(&self, c: F) -> Self {
        mul_number(self.clone(), c)
    }
}

#[track_caller]
fn add_number<F: Real>(x: Var<F>, c: F) -> Var<F> {
    x.tape.note_operands(&[&x.value]);
    let y = map_reusing(x.value, |x| x + c);
    x.tape.record_nodes("add_scalar", [x.node], y, |dy, slots| slots.add(0, dy))
}

#[track_caller]
fn sub_number<F: Real>(x: Var<F>, c: F) -> Var<F> {
    x.tape.note_operands(&[&x.value]);
    let y = map_reusing(x.value, |x| x - c);
    x.tape.record_nodes("sub_scalar", [x.node], y, |dy, slots| slots.add(0, dy))
}

#[track_caller]
fn mul_number<F: Real>(x: Var<F>, c: F) -> Var<F> {
    x.tape.note_operands(&[&x.value]);
    let y = map_reusing(x.value, |x| x * c);
    x.tape.record_nodes("mul_scalar", [x.node], y, move |dy, slots| slots.add(0, map_reusing(dy, |dy| dy * c)))
}

#[track_caller]
fn div_number<F: Real>(x: Var<F>, c: F) -> Var<F> {
    x.tape.note_operands(&[&x.value]);
    // Not a product with 1/c, which is another number, and infinite where c is very small.
    let y = map_reusing(x.value, |x| x / c);
    x.tape.record_nodes("div_scalar", [x.node], y, move |dy, slots| slots.add(0, map_reusing(dy, |dy| dy / c)))
}

#[track_caller]
fn neg<F: Real>(x: Var<F>) -> Var<F> {
    x.tape.note_operands(&[&x.value]);
    let y = map_reusing(x.value, |x| -x);
    x.tape.record_nodes("neg", [x.node], y, |dy, slots| slots.add(0, map_reusing(dy, |dy| -dy)))
}

#[track_caller]
fn add<F: Real>(a: Var<F>, b: Var<F>) -> Result<Var<F>> {
    same_tape("add", &a, &b)?;
    a.tape.note_operands(&[&a.value, &b.value]);
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
    a.tape.note_operands(&[&a.value, &b.value]);
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
            let db = sum_to(dy, ndarray::Dimension::slice(&shapes[1]));
            slots.add(1, map_reusing(db, |x| -x));
        }
    }))
}

#[track_caller]
fn mul<F: Real>(a: Var<F>, b: Var<F>) -> Result<Var<F>> {
    same_tape("mul", &a, &b)?;
    a.tape.note_operands(&[&a.value, &b.value]);
    let (tape, nodes) = (a.tape, [a.node, b.node]);
    let shapes = [a.value.raw_dim(), b.value.raw_dim()];
    // Only what the other operand's gradient needs is kept.
    let saved_a = b.node.map(|_| a.value.clone());
    let saved_b = a.node.map(|_| b.value.clone());
    let y = zip_reusing("mul", a.value, &b.value, |a, b| a * b)?;
    Ok(tape.record_nodes("mul", nodes, y, move |dy, slots| {
        let product = |dy: Value<F>, other: Value<F>, shape: &ndarray::IxDyn| -> Value<F> {
            let full = zip_reusing("mul", dy, &other, |dy, x| dy * x);
            sum_to(full.expect("the shapes fitted in the forward pass"), ndarray::Dimension::slice(shape))
        };
        match (saved_a, saved_b) {
            (None, None) => {}
            (None, Some(b)) => slots.add(0, product(dy, b, &shapes[0])),
            (Some(a), None) => slots.add(1, product(dy, a, &shapes[1])),
            (Some(a), Some(b)) => {
                slots.add(1, product(dy.clone(), a, &shapes[1]));
                slots.add(0, product(dy, b, &shapes[0])); // in the memory of dy
            }
        }
    }))
}

#[track_caller]
fn div<F: Real>(a: Var<F>, b: Var<F>) -> Result<Var<F>> {
    same_tape("div", &a, &b)?;
    a.tape.note_operands(&[&a.value, &b.value]);
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
    mut a: Value<F>,
    b: &Value<F>,
    f: impl Fn(F, F) -> F + Sync,
) -> Result<Value<F>> {
    let same = a.shape() == b.shape();
    let shape = if same { Vec::new() } else { elementwise::broadcast_shape(name, a.shape(), b.shape())? };
    if (same || shape == a.shape()) && a.is_unique() {
        elementwise::zip_in_place(name, &mut a, b, f)?;
        return Ok(a);
    }
    let mut y = if same { Value::unspecified(a.raw_dim()) } else { Value::unspecified(&shape[..]) };
    elementwise::zip_into(&a, b, &mut y, f);
    Ok(y)
}

/// `f(a, b)` with broadcasting.
pub(super) fn zipped<F: Real>(
    name: &'static str,
    a: &Value<F>,
    b: &Value<F>,
    f: impl Fn(F, F) -> F + Sync,
) -> Result<Value<F>> {
    zip_reusing(name, a.clone(), b, f)
}

/// `f(x)`.
pub(super) fn mapped<F: Real>(x: &Value<F>, f: impl Fn(F) -> F + Sync) -> Value<F> {
    let mut y = Value::unspecified(x.raw_dim());
    elementwise::map_into(x, &mut y, f);
    y
}

/// `f(x)`, in the memory of `x` if nobody else holds it.
pub(super) fn map_reusing<F: Real>(mut x: Value<F>, f: impl Fn(F) -> F + Sync) -> Value<F> {
    if x.is_unique() {
        elementwise::map_in_place(&mut x, f);
        x
    } else {
        mapped(&x, f)
    }
}

/// The cotangent of an operand of this shape, which was broadcast to the shape of `dy`.
pub(crate) fn sum_to<F: Real>(dy: Value<F>, shape: &[usize]) -> Value<F> {
    if dy.shape() == shape { dy } else { summed_to(&dy, shape) }
}

/// `dy` added up over the axes along which an operand of this shape was repeated.
pub(super) fn summed_to<F: Real>(dy: &Value<F>, shape: &[usize]) -> Value<F> {
    let mut sum = Value::unspecified(shape);
    elementwise::sum_into(dy, &mut sum);
    sum
}

/// The operator in its four forms of ownership, and with a number on the right.
macro_rules! operator {
    ($trait:ident, $method:ident, $function:ident, $with_number:ident) => {
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
            fn $method(self, c: F) -> Var<F> {
                $with_number(self, c)
            }
        }
        impl<F: Real> $trait<F> for &Var<F> {
            type Output = Var<F>;
            #[track_caller]
            fn $method(self, c: F) -> Var<F> {
                $with_number(self.clone(), c)
            }
        }
    };
}

operator!(Add, add, add, add_number);
operator!(Sub, sub, sub, sub_number);
operator!(Mul, mul, mul, mul_number);
operator!(Div, div, div, div_number);

impl<F: Real> Neg for &Var<F> {
    type Output = Var<F>;
    /// `y = −x`, with `dx = −dy`.
    #[track_caller]
    fn neg(self) -> Var<F> {
        neg(self.clone())
    }
}

impl<F: Real> Neg for Var<F> {
    type Output = Var<F>;
    /// `y = −x`, with `dx = −dy`.
    #[track_caller]
    fn neg(self) -> Var<F> {
        neg(self)
    }
}
