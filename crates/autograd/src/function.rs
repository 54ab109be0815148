//! A function that can be called with plain numbers and with dual numbers.

use crate::{Dual, Error, Result, Var};
use gradus_linalg::Real;
use std::fmt;

/// A function of arrays, over `f64` and over [`Dual`] numbers: what a check needs that compares the two.
///
/// The macro [`function!`](crate::function!) makes one from an expression, which it writes out twice, once for each
/// kind of number. Where one kind is enough ([`jvp`](crate::jvp()), [`hessian`](crate::hessian()), …), a closure will do.
///
/// # Examples
/// ```
/// use gradus_autograd::{Tape, function, ndarray::array};
/// let scale = 3.0;
/// let f = function!(|x, y| (x * y).tanh() * F::from(scale)); // F is the kind of number
/// let tape = Tape::recording();
/// let y = f.call(&[tape.variable(array![1.0]), tape.variable(array![0.5])])?;
/// assert_eq!(y.item(), Some(3.0 * 0.5f64.tanh()));
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
pub struct Function<'f> {
    plain: Over<'f, f64>,
    dual: Over<'f, Dual>,
}

/// A function over one kind of number.
type Over<'f, F> = Box<dyn Fn(&[Var<F>]) -> Result<Var<F>> + 'f>;

impl<'f> Function<'f> {
    /// The same function, written for each kind of number.
    pub fn new(
        plain: impl Fn(&[Var<f64>]) -> Result<Var<f64>> + 'f,
        dual: impl Fn(&[Var<Dual>]) -> Result<Var<Dual>> + 'f,
    ) -> Self {
        Self { plain: Box::new(plain), dual: Box::new(dual) }
    }

    /// Calls it with plain numbers.
    ///
    /// # Errors
    /// Whatever the function returns; [`Error::Inputs`] for another number of arrays than it takes.
    pub fn call(&self, x: &[Var<f64>]) -> Result<Var<f64>> {
        (self.plain)(x)
    }

    /// Calls it with dual numbers.
    ///
    /// # Errors
    /// As [`Function::call`].
    pub fn call_dual(&self, x: &[Var<Dual>]) -> Result<Var<Dual>> {
        (self.dual)(x)
    }
}

impl fmt::Debug for Function<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").finish_non_exhaustive()
    }
}

/// Makes a [`Function`](crate::Function) of a closure-like expression.
///
/// The inputs are `&Var`s. The body is a `Var` or a `Result` of one, may use `?`, may use what is around it by
/// reference (with `move`, by copy), and may name the kind of number `F`: `F::from(0.5)` is a number of that kind.
///
/// # Examples
/// ```
/// use gradus_autograd::{function, gradcheck, ndarray::array};
/// let axis = -1;
/// let f = function!(|a, b| a.matmul(b)?.softmax(axis));
/// let report = gradcheck::exact(&f, &[array![[0.3, -1.0]].into_dyn(), array![[1.0, 2.0], [0.5, 0.0]].into_dyn()])?;
/// assert_eq!(report.checked, 6);
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
#[macro_export]
macro_rules! function {
    (|$($x:ident),+ $(,)?| $body:expr) => {
        $crate::Function::new(
            $crate::function!(@one [] f64, $($x),+; $body),
            $crate::function!(@one [] $crate::Dual, $($x),+; $body),
        )
    };
    (move |$($x:ident),+ $(,)?| $body:expr) => {
        $crate::Function::new(
            $crate::function!(@one [move] f64, $($x),+; $body),
            $crate::function!(@one [move] $crate::Dual, $($x),+; $body),
        )
    };
    (@one [$($move:tt)?] $number:ty, $($x:ident),+; $body:expr) => {
        $($move)? |inputs: &[$crate::Var<$number>]| -> $crate::Result<$crate::Var<$number>> {
            #[allow(dead_code)]
            type F = $number;
            let [$($x),+] = inputs else {
                let expected = [$(stringify!($x)),+].len();
                return Err($crate::Error::Inputs { operation: "function", given: inputs.len(), inputs: expected });
            };
            $crate::Outcome::outcome($body)
        }
    };
}

/// What the body of [`function!`](crate::function!) may be.
#[doc(hidden)]
pub trait Outcome<F: Real> {
    /// As a result.
    #[allow(clippy::missing_errors_doc)]
    fn outcome(self) -> Result<Var<F>>;
}

impl<F: Real> Outcome<F> for Var<F> {
    fn outcome(self) -> Result<Var<F>> {
        Ok(self)
    }
}

impl<F: Real, E: Into<Error>> Outcome<F> for Result<Var<F>, E> {
    fn outcome(self) -> Result<Var<F>> {
        self.map_err(Into::into)
    }
}
