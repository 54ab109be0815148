//! Checks that any product engine must pass, for those who write their own.
//!
//! An engine belongs to a scalar: it is what [`Real::gemm`] of that type does. Whoever implements [`Real`] with an engine of their own calls
//! [`check_engine`] in a test; while the engine is still a function, [`check_gemm`] takes it as it is.
//!
//! What one forgets is drawn often: sizes of 0, 1 and one more than a tile, transposes, gaps between elements, axes walked backwards, results that
//! lie in columns, α and β of 0 and 1, NaN where nothing may be read. The products are the same in every run.
//!
//! A result may differ from the exact one by what rounding explains in a sum of `k` products, whatever the order of the sum:
//!
//! ```text
//! |found − exact| ≤ (k + 4) ε (|α| Σ |aᵢₚ| |bₚⱼ| + |β| |cᵢⱼ|)        ε = F::EPSILON
//! ```
//!
//! The exact one is summed in `f64`. An engine of Strassen's kind, which adds elements of different rows before it multiplies, keeps a weaker
//! bound and does not pass.
//!
//! # References
//! N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd edition, SIAM 2002, section 3.5,
//! <https://doi.org/10.1137/1.9780898718027>

mod draw;

use crate::{Gathered, Offsets, Packed, Real, Result};
use draw::{Case, Hidden, Placed, Random};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// How many products each check draws for each kind of shape.
const CASES: usize = 60;

/// Beside the shapes drawn: an empty one on each side, a single number, sizes around common tiles and blocks.
const SIZES: [[usize; 3]; 12] = [
    [0, 0, 0],
    [0, 3, 2],
    [3, 0, 2],
    [3, 2, 0],
    [1, 1, 1],
    [1, 40, 7],
    [40, 1, 7],
    [4, 4, 1],
    [16, 16, 16],
    [17, 33, 65],
    [65, 17, 300],
    [130, 70, 33],
];

/// Checks a matrix product `C ← α A B + β C` that is written as a function of views.
///
/// The function is called with shapes that fit. It must give the same bits when it is called again, read nothing of `C` where β is 0, write nothing beside `C`, let a NaN
/// in an operand through, and come as close to the exact product as [the bound](self) says. Returns how many products were compared.
///
/// # Errors
/// [`Error::Engine`](crate::Error::Engine) describes the first product that fails.
///
/// # Examples
/// The definition passes; one that forgets β does not:
/// ```
/// use gradus_linalg::testing::check_gemm;
/// let products = check_gemm::<f64>(|alpha, a, b, beta, mut c| {
///     for ((i, j), c) in c.indexed_iter_mut() {
///         let sum: f64 = a.row(i).iter().zip(b.column(j)).map(|(a, b)| a * b).sum();
///         *c = if beta == 0.0 { alpha * sum } else { alpha * sum + beta * *c };
///     }
/// })?;
/// assert!(products > 50);
///
/// let error = check_gemm::<f32>(|alpha, a, b, _, mut c| c.assign(&(a.dot(&b) * alpha))).unwrap_err();
/// assert!(error.to_string().starts_with("gemm: [3, 0] · [0, 2], α = "), "{error}");
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn check_gemm<F: Real>(
    gemm: impl Fn(F, ArrayView2<'_, F>, ArrayView2<'_, F>, F, ArrayViewMut2<'_, F>),
) -> Result<usize> {
    check("gemm", &|case, c| gemm(case.alpha, case.a.view(), case.b.view(), case.beta, c))
}

/// Checks the product engine of a scalar through each of its doors: [`Real::gemm`], [`Real::gemm_add`], [`Real::gemm_packed`] and
/// [`Real::gemm_gathered`], of which the last three go through the first unless the type says otherwise.
///
/// Each is held to what [`check_gemm`] asks. Returns how many products were compared.
///
/// # Errors
/// [`Error::Engine`](crate::Error::Engine) names the door and describes the first product that fails.
///
/// # Examples
/// ```
/// use gradus_linalg::testing::check_engine;
/// assert!(check_engine::<f32>()? > 200);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn check_engine<F: Real>() -> Result<usize> {
    let mut products = check_gemm(F::gemm)?;
    products += check("gemm_add", &|case, c| {
        F::gemm_add(case.alpha, case.a.view(), case.b.view(), case.beta, case.c.view(), c);
    })?;
    products += check("gemm_packed", &|case, c| {
        let (a, b) = (case.a.view(), case.b.view());
        F::gemm_packed(case.alpha, &Hidden(a), &Hidden(b.t()), case.beta, c);
    })?;
    products += check("gemm_gathered", &|case: &Case<F>, c| {
        // Each row of A begins at its own place; its terms stand one after the other.
        let a = case.a.view().as_standard_layout().into_owned();
        let (m, k) = a.dim();
        let offsets = Offsets::new((0..k).collect::<Vec<_>>());
        let starts: Vec<usize> = (0..m).map(|row| row * k).collect();
        let data = a.as_slice().expect("it was just laid out row by row");
        let rows = Gathered::new(data, &starts, (1, 1), &offsets).expect("each row lies within the matrix");
        F::gemm_gathered(case.alpha, &rows, &Packed::new(&case.b.view().t()), case.beta, None, c);
    })?;
    Ok(products)
}

/// What computes the product of a case into `C`.
type Door<'a, F> = dyn Fn(&Case<F>, ArrayViewMut2<'_, F>) + 'a;

fn check<F: Real>(operation: &'static str, door: &Door<'_, F>) -> Result<usize> {
    let mut random = Random::new();
    for size in SIZES {
        for beta in [F::zero(), F::one(), F::from_f64(-0.5)] {
            check_case(operation, door, &Case::new(&mut random, size, beta))?;
        }
    }
    for _ in 0..CASES {
        let size = [random.size(), random.size(), random.size()];
        let beta = random.scale();
        check_case(operation, door, &Case::new(&mut random, size, beta))?;
    }
    check_nan(operation, door, &mut random)?;
    Ok(3 * SIZES.len() + CASES + 2)
}

fn check_case<F: Real>(operation: &'static str, door: &Door<'_, F>, case: &Case<F>) -> Result<()> {
    let first = run(operation, door, case)?;
    let (exact, slack) = case.exact();
    for ((at, &found), (&exact, &slack)) in first.indexed_iter().zip(exact.iter().zip(&slack)) {
        let bound = (case.depth() + 4) as f64 * F::EPSILON.to_f64() * slack;
        let found = found.to_f64();
        // So written that NaN fails.
        let holds = (found - exact).abs() <= bound;
        if !holds {
            let problem =
                format!("at {at:?} it is {found:e}, the exact result {exact:e}; rounding explains {bound:.1e}");
            return Err(case.fails(operation, problem));
        }
    }
    let again = run(operation, door, case)?;
    let same = first.iter().zip(&again).all(|(a, b)| a.to_f64().to_bits() == b.to_f64().to_bits());
    if same { Ok(()) } else { Err(case.fails(operation, "called again, it gives other bits".to_owned())) }
}

/// The result in `C`, which lies among numbers that must stay as they are.
fn run<F: Real>(operation: &'static str, door: &Door<'_, F>, case: &Case<F>) -> Result<Array2<F>> {
    let mut c: Placed<F> = case.c.clone();
    if case.beta.is_zero() {
        c.view_mut().fill(F::zero() / F::zero());
    }
    door(case, c.view_mut());
    if c.gaps_differ(&case.c) {
        return Err(case.fails(operation, "it writes beside its result".to_owned()));
    }
    Ok(c.view().to_owned())
}

/// A NaN in an operand reaches each sum that it belongs to, also where the other factor is 0, and no other.
fn check_nan<F: Real>(operation: &'static str, door: &Door<'_, F>, random: &mut Random) -> Result<()> {
    let nan = F::zero() / F::zero();
    for left in [true, false] {
        let mut case = Case::new(random, [6, 5, 9], F::zero());
        case.alpha = F::one();
        if left {
            case.a.view_mut()[[2, 7]] = nan;
            case.b.view_mut().row_mut(7).fill(F::zero());
        } else {
            case.b.view_mut()[[7, 2]] = nan;
            case.a.view_mut().column_mut(7).fill(F::zero());
        }
        let c = run(operation, door, &case)?;
        let wrong = c.indexed_iter().find(|&((i, j), c)| c.is_nan() != (if left { i } else { j } == 2));
        if let Some((at, c)) = wrong {
            let (side, line) = if left { ("left", "row") } else { ("right", "column") };
            let problem = format!("with a NaN in {line} 2 of the {side} operand, times 0, it is {c} at {at:?}");
            return Err(case.fails(operation, problem));
        }
    }
    Ok(())
}
