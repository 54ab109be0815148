//! Checks on many small random arrays, for those who write operations or layers of their own.
//!
//! What one forgets is drawn often: arrays without axes, of no elements and of one, shapes that broadcast, memory that
//! is transposed, has gaps, or is walked backwards. The same arrays come in every run; there are 100 draws, or as many
//! as the environment variable `PROPTEST_CASES` says.
//!
//! # Examples
//! A test of an operation in one line:
//! ```
//! # mod tests {
//! use gradus_autograd::gradcheck;
//! gradcheck!(swish_is_right, |x| x * &x.sigmoid());
//! # }
//! ```
//! A layer, here a function of `(N, 3)` for any number of leading axes:
//! ```
//! use gradus_autograd::testing::{Inputs, check_shapes};
//! use gradus_autograd::{Tape, Var, ndarray::array};
//! let weight = array![[0.5, -1.0, 0.3], [0.1, 0.7, 2.0]];
//! let layer = |x: &Var<f64>| x.affine(&x.tape().input(weight.clone()), None);
//! let report = check_shapes(&Inputs::ending(&[3]), |x| layer(&x[0]))?;
//! assert!(report.checked > 100);
//! # Ok::<(), gradus_autograd::Error>(())
//! ```

mod draw;
mod inputs;

pub use draw::Draw;
pub use inputs::Inputs;

use crate::gradcheck::{self, Report};
use crate::{Error, Function, Result, Var};
use ndarray::ArrayD;

/// How many arrays each check draws: `PROPTEST_CASES` if it is set, otherwise 100.
#[must_use]
pub fn cases() -> usize {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100)
}

/// Compares the gradients of `f` with central differences on many small random arrays, as
/// [`gradcheck`](crate::gradcheck()) does, and its value with that for the same numbers in row-major memory.
///
/// # Errors
/// [`Error::Case`] names the shapes and strides of the first inputs that fail, and carries what went wrong.
///
/// # Examples
/// ```
/// use gradus_autograd::testing::{Inputs, check_shapes};
/// let twice = Inputs::broadcast(2).within(0.5, 2.0);
/// check_shapes(&twice, |x| x[0].try_div(&x[1]))?;
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
pub fn check_shapes<E>(inputs: &Inputs, f: impl Fn(&[Var<f64>]) -> Result<Var<f64>, E>) -> Result<Report>
where
    E: std::error::Error + Send + Sync + 'static,
{
    each_case(inputs, |x| {
        gradcheck::same_in_any_layout(&f, x)?;
        gradcheck::gradcheck(&f, x)
    })
}

/// Compares the gradients of a function with [`Dual`](crate::Dual) numbers and with a central difference, its second derivatives
/// with differences of gradients, and its value with that for row-major memory, on many small random arrays.
///
/// The macro [`gradcheck!`](crate::gradcheck!) makes a test of it.
///
/// # Errors
/// [`Error::Case`] names the shapes and strides of the first inputs that fail, and carries what went wrong.
///
/// # Examples
/// ```
/// use gradus_autograd::function;
/// use gradus_autograd::testing::{Inputs, check_function};
/// check_function(&Inputs::sized("nk km"), &function!(|a, b| a.matmul(b)))?;
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
#[cfg_attr(not(debug_assertions), inline)] // compiled where it is used: CONTRIBUTING, "What few programs call"
pub fn check_function(inputs: &Inputs, f: &Function<'_>) -> Result<Report> {
    each_case(inputs, |x| check_at(f, x))
}

/// What [`check_function`] does, at given inputs.
///
/// # Errors
/// As [`gradcheck::exact`], [`gradcheck::fast`] and [`gradcheck::second_order`].
#[cfg_attr(not(debug_assertions), inline)]
pub fn check_at(f: &Function<'_>, x: &[ArrayD<f64>]) -> Result<Report> {
    let plain = |x: &[Var<f64>]| f.call(x);
    gradcheck::same_in_any_layout(&plain, x)?;
    Ok(gradcheck::exact(f, x)?.and(gradcheck::fast(plain, x)?).and(gradcheck::second_order(f, x)?))
}

#[cfg_attr(not(debug_assertions), inline)]
fn each_case(inputs: &Inputs, check: impl Fn(&[ArrayD<f64>]) -> Result<Report>) -> Result<Report> {
    let mut draw = Draw::new(0);
    let mut all = Report::default();
    for case in 0..cases() {
        let x = inputs.draw(&mut draw);
        let report = check(&x).map_err(|source| {
            let inputs = x.iter().map(|x| (x.shape().to_vec(), x.strides().to_vec())).collect();
            Error::Case { case, inputs, source: Box::new(source) }
        })?;
        all = all.and(report);
    }
    Ok(all)
}

/// Makes a `#[test]` that checks a function on many small random arrays: see
/// [`check_function`](crate::testing::check_function).
///
/// The name of the test, then, if the arrays are not just any that broadcast together, what
/// [`Inputs`](crate::testing::Inputs) to draw, then the function as [`function!`](crate::function!) takes it.
///
/// # Examples
/// ```
/// # mod tests {
/// use gradus_autograd::gradcheck;
/// use gradus_autograd::testing::Inputs;
///
/// gradcheck!(tanh, |x| x.tanh());
/// gradcheck!(product, |a, b| a * b);
/// gradcheck!(logarithm, Inputs::any().within(0.1, 5.0), |x| x.ln());
/// gradcheck!(matmul, Inputs::sized("nk km"), |a, b| a.matmul(b)?);
/// # }
/// ```
#[macro_export]
macro_rules! gradcheck {
    ($name:ident, |$($x:ident),+ $(,)?| $body:expr) => {
        $crate::gradcheck!($name, $crate::testing::Inputs::broadcast([$(stringify!($x)),+].len()), |$($x),+| $body);
    };
    ($name:ident, $inputs:expr, |$($x:ident),+ $(,)?| $body:expr) => {
        #[test]
        fn $name() {
            let checked = $crate::testing::check_function(&$inputs, &$crate::function!(|$($x),+| $body));
            if let Err(error) = checked {
                panic!("{}: {error}", stringify!($name));
            }
        }
    };
}
