//! Decompositions that show their work.

use super::check;
use crate::{Real, Result, l2_norm};
use ndarray::{Array2, ArrayRef1, ArrayRef2, s};
use std::fmt::{self, Display, Formatter, Write};

/// One step: what was done, and the matrix after it.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkStep<F> {
    /// What was done, as plain text: `R2 ← R2 − 0.5 R1`.
    pub text: String,
    /// What was done, in LaTeX.
    pub latex: String,
    /// The matrix after the step.
    pub matrix: Array2<F>,
}

/// A computation step by step. `{}` prints it as text, `{:.3}` with three decimals; [`latex`](Self::latex) typesets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Work<F> {
    /// The matrix at the start.
    pub start: Array2<F>,
    /// Each step, with the matrix after it.
    pub steps: Vec<WorkStep<F>>,
}

impl<F: Real> Work<F> {
    /// The matrix at the end.
    #[must_use]
    pub fn result(&self) -> &Array2<F> {
        self.steps.last().map_or(&self.start, |step| &step.matrix)
    }

    /// The whole computation as an `align*` of LaTeX, a line for each step.
    ///
    /// # Examples
    /// ```
    /// use gradus_linalg::{elimination_steps, ndarray::array};
    /// let work = elimination_steps(&array![[2.0, 1.0], [1.0, 3.0]])?;
    /// assert_eq!(work.latex(), r"\begin{align*}
    /// &\begin{pmatrix} 2 & 1 \\ 1 & 3 \end{pmatrix} \\
    /// \xrightarrow{R_{2} \leftarrow R_{2} - 0.5\,R_{1}}\;&\begin{pmatrix} 2 & 1 \\ 0 & 2.5 \end{pmatrix}
    /// \end{align*}");
    /// # Ok::<(), gradus_linalg::Error>(())
    /// ```
    #[must_use]
    pub fn latex(&self) -> String {
        let mut out = format!("\\begin{{align*}}\n&{}", pmatrix(&self.start));
        for step in &self.steps {
            write!(out, " \\\\\n\\xrightarrow{{{}}}\\;&{}", step.latex, pmatrix(&step.matrix))
                .expect("writing to a string cannot fail");
        }
        out + "\n\\end{align*}"
    }

    fn push(&mut self, text: String, latex: String, matrix: &Array2<F>) {
        self.steps.push(WorkStep { text, latex, matrix: matrix.clone() });
    }
}

impl<F: Real> Display for Work<F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_matrix(f, &self.start)?;
        for step in &self.steps {
            writeln!(f, "\n{}", step.text)?;
            write_matrix(f, &step.matrix)?;
        }
        Ok(())
    }
}

/// Gaussian elimination with partial pivoting, row operation by row operation, down to the triangle `U` of [`lu`](crate::lu).
///
/// # Examples
/// ```
/// use gradus_linalg::{elimination_steps, ndarray::array};
/// let work = elimination_steps(&array![[1.0, 3.0], [2.0, 4.0]])?;
/// assert_eq!(work.to_string(), "\
/// [ 1  3 ]
/// [ 2  4 ]
///
/// swap R1 and R2: 2 is the largest pivot of column 1
/// [ 2  4 ]
/// [ 1  3 ]
///
/// R2 ← R2 − 0.5 R1
/// [ 2  4 ]
/// [ 0  1 ]
/// ");
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::EmptyMatrix`](crate::Error::EmptyMatrix), [`Error::NotFinite`](crate::Error::NotFinite). The matrix need not be square: append a right-hand
/// side as a last column to see a system solved.
pub fn elimination_steps<F: Real>(a: &ArrayRef2<F>) -> Result<Work<F>> {
    check::matrix("elimination_steps", a)?;
    let mut a = a.to_owned();
    let mut work = Work { start: a.clone(), steps: Vec::new() };
    eliminate(&mut a, |operation, a| match operation {
        RowOperation::Swap(k, best) => {
            let (x, y) = (k + 1, best + 1);
            let text = format!("swap R{x} and R{y}: {} is the largest pivot of column {x}", a[[k, k]]);
            work.push(text, format!("R_{{{x}}} \\leftrightarrow R_{{{y}}}"), a);
        }
        RowOperation::Subtract { row, multiplier, of } => {
            let (sign, minus) = if multiplier < F::zero() { ('+', "+") } else { ('−', "-") };
            let (size, row, above) = (multiplier.abs(), row + 1, of + 1);
            let text = format!("R{row} ← R{row} {sign} {size} R{above}");
            let latex = format!("R_{{{row}}} \\leftarrow R_{{{row}}} {minus} {size}\\,R_{{{above}}}");
            work.push(text, latex, a);
        }
    });
    Ok(work)
}

/// A step of elimination, rows counted from 0.
pub(super) enum RowOperation<F> {
    /// The two change places.
    Swap(usize, usize),
    /// `row ← row − multiplier · of`
    Subtract { row: usize, multiplier: F, of: usize },
}

/// Elimination with partial pivoting in place, down to `U`; `each` is told every step, and shown the matrix after it.
pub(super) fn eliminate<F: Real>(a: &mut Array2<F>, mut each: impl FnMut(RowOperation<F>, &Array2<F>)) {
    let (m, n) = a.dim();
    for k in 0..m.min(n) {
        let best = (k + 1..m).fold(k, |best, i| if a[[i, k]].abs() > a[[best, k]].abs() { i } else { best });
        if best != k {
            for j in 0..n {
                a.swap([k, j], [best, j]);
            }
            each(RowOperation::Swap(k, best), a);
        }
        let pivot = a[[k, k]];
        for i in k + 1..m {
            if a[[i, k]] == F::zero() {
                continue;
            }
            let multiplier = a[[i, k]] / pivot;
            a[[i, k]] = F::zero();
            for j in k + 1..n {
                let above = a[[k, j]];
                a[[i, j]] -= multiplier * above;
            }
            each(RowOperation::Subtract { row: i, multiplier, of: k }, a);
        }
    }
}

/// QR decomposition, reflection by reflection, down to the triangle `R` of [`qr`](crate::qr()).
///
/// # Examples
/// ```
/// use gradus_linalg::{householder_steps, ndarray::array};
/// let work = householder_steps(&array![[3.0, 1.0], [4.0, 2.0]])?;
/// assert_eq!(format!("{work:.1}"), "\
/// [ 3.0  1.0 ]
/// [ 4.0  2.0 ]
///
/// H1 = I − τ v vᵀ, v = (1.0, 0.5), τ = 1.6: maps column 1 to (-5.0, 0, …)
/// [ -5.0  -2.2 ]
/// [  0.0   0.4 ]
/// ");
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::EmptyMatrix`](crate::Error::EmptyMatrix), [`Error::NotFinite`](crate::Error::NotFinite).
pub fn householder_steps<F: Real>(a: &ArrayRef2<F>) -> Result<Work<F>> {
    check::matrix("householder_steps", a)?;
    let mut a = a.to_owned();
    let mut work = Work { start: a.clone(), steps: Vec::new() };
    let (m, n) = a.dim();
    for k in 0..m.min(n) {
        let mut v = vec![F::zero(); m - k];
        let (tau, beta) = reflector(&a.slice(s![k.., k]), &mut v);
        if tau == F::zero() {
            continue; // zero below the diagonal already
        }
        for mut column in a.slice_mut(s![k.., k..]).columns_mut() {
            let product = tau * column.iter().zip(&v).map(|(&a, &v)| a * v).sum::<F>();
            column.iter_mut().zip(&v).for_each(|(a, &v)| *a -= product * v);
        }
        a.slice_mut(s![k + 1.., k]).fill(F::zero()); // but for rounding
        a[[k, k]] = beta;
        let step = k + 1;
        let normal = v.iter().map(|v| format!("{v:.1}")).collect::<Vec<_>>().join(", ");
        let text =
            format!("H{step} = I − τ v vᵀ, v = ({normal}), τ = {tau:.1}: maps column {step} to ({beta:.1}, 0, …)");
        let latex = format!("H_{{{step}}} = I - \\tau v v^\\top,\\; v = ({normal})^\\top,\\; \\tau = {tau:.1}");
        work.push(text, latex, &a);
    }
    Ok(work)
}

/// The reflection `I − τ v vᵀ` that maps `x` to `β e₁`: writes `v`, with `v₁ = 1`, and returns `τ` and `β`.
fn reflector<F: Real>(x: &ArrayRef1<F>, v: &mut [F]) -> (F, F) {
    let (first, length) = (x[0], l2_norm(x));
    v[0] = F::one();
    // Asked of the elements: next to a large first one, the others are lost in the length.
    if x.iter().skip(1).all(|&x| x == F::zero()) {
        v[1..].fill(F::zero()); // along e₁ already: nothing to mirror
        return (F::zero(), first);
    }
    let beta = if first > F::zero() { -length } else { length };
    v.iter_mut().zip(x).skip(1).for_each(|(v, &x)| *v = x / (first - beta));
    ((beta - first) / beta, beta)
}

fn pmatrix<F: Real>(a: &Array2<F>) -> String {
    let row = |row: ndarray::ArrayView1<'_, F>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" & ");
    let rows: Vec<String> = a.rows().into_iter().map(row).collect();
    format!("\\begin{{pmatrix}} {} \\end{{pmatrix}}", rows.join(" \\\\ "))
}

/// A matrix in brackets, with its columns flush right.
fn write_matrix<F: Real>(f: &mut Formatter<'_>, a: &Array2<F>) -> fmt::Result {
    let decimals = f.precision();
    let cells = a.mapv(|x| decimals.map_or_else(|| x.to_string(), |decimals| format!("{x:.decimals$}")));
    let widths: Vec<usize> =
        cells.columns().into_iter().map(|column| column.iter().map(String::len).max().unwrap_or(0)).collect();
    for row in cells.rows() {
        f.write_char('[')?;
        for (j, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            write!(f, "{}{cell:>width$}", if j == 0 { " " } else { "  " })?;
        }
        f.write_str(" ]\n")?;
    }
    Ok(())
}
