//! Einstein's summation: an index that stands in two places is multiplied along, and one that the result has not is summed
//! over.

use super::pair::{Labelled, contract};
use crate::{Error, Real, Result, memory};
use ndarray::{ArrayD, ArrayRef, ArrayViewD, ArrayViewMutD, Axis, CowArray, IxDyn};

/// Sum of products, written in letters: one for each axis of each operand, and, after an arrow, for each axis of the result.
///
/// ```text
/// "ij,jk->ik"      matrix product                "ii->"        trace
/// "ij,j->i"        matrix times vector           "ii->i"       diagonal
/// "i,j->ij"        outer product                 "ij->ji"      transpose
/// "nij,njk->nik"   a product for each n          "ij->j"       sums of columns
/// "i,ij,j->"       quadratic form xᵀ A y         "ij,ij->ij"   elementwise product
/// ```
///
/// Without an arrow the result has the letters that stand once, in the order of the alphabet. Three and more operands are
/// multiplied two at a time, each time the pair with the smallest result; each pair is a matrix product, or a batch of them.
///
/// # Errors
/// [`Error::Subscripts`] if the text is not of this form or does not fit the operands' numbers of axes,
/// [`Error::SubscriptLength`] if a letter stands for axes of different lengths.
///
/// # Examples
/// ```
/// use gradus_linalg::{einsum, ndarray::array};
/// let (a, x) = (array![[2.0, 1.0], [0.0, 3.0]].into_dyn(), array![1.0, 2.0].into_dyn());
/// let form = einsum("i,ij,j->", &[x.view(), a.view(), x.view()])?;
/// assert_eq!(form.first(), Some(&16.0));
/// let error = einsum("ij,jk->ik", &[a.view(), array![[1.0]].into_dyn().view()]).unwrap_err();
/// assert_eq!(error.to_string(), "einsum: \"ij,jk->ik\" of [[2, 2], [1, 1]]: j stands for axes of lengths 2 and 1; must be the same");
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # References
/// A. Einstein, *Die Grundlage der allgemeinen Relativitätstheorie*, Annalen der Physik 354, 1916, §5; NumPy's function of the
/// same name.
pub fn einsum<F: Real>(subscripts: &str, operands: &[ArrayViewD<'_, F>]) -> Result<ArrayD<F>> {
    let plan = Plan::new("einsum", subscripts, operands)?;
    let mut c = memory::array(IxDyn(&plan.shape));
    plan.run(F::one(), operands, F::zero(), c.view_mut());
    Ok(c)
}

/// `C ← α einsum(…) + β C`; with `beta` 0 the old values of `C` are not read.
///
/// # Errors
/// As [`einsum`]; [`Error::Destination`] if `C` has another shape than the result.
pub fn einsum_into<F: Real>(
    alpha: F,
    subscripts: &str,
    operands: &[ArrayViewD<'_, F>],
    beta: F,
    c: &mut ArrayRef<F, IxDyn>,
) -> Result<()> {
    let plan = Plan::new("einsum_into", subscripts, operands)?;
    if c.shape() != plan.shape {
        return Err(Error::Destination { operation: "einsum_into", expected: plan.shape, found: c.shape().to_vec() });
    }
    plan.run(alpha, operands, beta, c.view_mut());
    Ok(())
}

/// The letters as numbers, checked against the operands.
struct Plan {
    inputs: Vec<Vec<usize>>,
    output: Vec<usize>,
    shape: Vec<usize>,
}

impl Plan {
    fn new<F>(operation: &'static str, subscripts: &str, operands: &[ArrayViewD<'_, F>]) -> Result<Self> {
        let shapes = || operands.iter().map(|operand| operand.shape().to_vec()).collect::<Vec<_>>();
        let error =
            |problem| Error::Subscripts { operation, subscripts: subscripts.to_owned(), operands: shapes(), problem };
        let text: String = subscripts.chars().filter(|c| !c.is_whitespace()).collect();
        let (left, right) = match text.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (text.as_str(), None),
        };
        if !left.chars().chain(right.unwrap_or("").chars()).all(|c| c.is_ascii_alphabetic() || c == ',') {
            return Err(error("must be letters, commas between operands, and at most one arrow ->"));
        }
        let letters = |text: &str| text.bytes().map(usize::from).collect::<Vec<usize>>();
        let inputs: Vec<Vec<usize>> = left.split(',').map(letters).collect();
        if operands.is_empty() || inputs.len() != operands.len() {
            return Err(error("must have as many lists of letters, separated by commas, as there are operands"));
        }
        if inputs.iter().zip(operands).any(|(labels, operand)| labels.len() != operand.ndim()) {
            return Err(error("each operand must have a letter for each of its axes"));
        }
        let mut lengths = [None; 128];
        for (labels, operand) in inputs.iter().zip(operands) {
            for (&label, &length) in labels.iter().zip(operand.shape()) {
                let first = *lengths[label].get_or_insert(length);
                if first != length {
                    return Err(Error::SubscriptLength {
                        operation,
                        subscripts: subscripts.to_owned(),
                        operands: shapes(),
                        letter: label as u8 as char,
                        lengths: [first, length],
                    });
                }
            }
        }
        let output = match right {
            Some(right) => letters(right),
            None => {
                let count = |label| inputs.iter().flatten().filter(|&&own| own == label).count();
                (0..128).filter(|&label| count(label) == 1).collect()
            }
        };
        if output.iter().enumerate().any(|(i, label)| output[..i].contains(label)) {
            return Err(error("a letter of the result must stand there once"));
        }
        let shape = output.iter().map(|&label| lengths.get(label).copied().flatten()).collect::<Option<Vec<_>>>();
        let shape = shape.ok_or_else(|| error("a letter of the result must be one of an operand"))?;
        Ok(Self { inputs, output, shape })
    }

    fn run<F: Real>(&self, alpha: F, operands: &[ArrayViewD<'_, F>], beta: F, c: ArrayViewMutD<'_, F>) {
        let mut terms: Vec<Labelled<'_, F>> = Vec::with_capacity(operands.len());
        for (i, (labels, operand)) in self.inputs.iter().zip(operands).enumerate() {
            let elsewhere = |label| {
                let others = self.inputs.iter().enumerate().filter(|&(j, _)| j != i);
                self.output.contains(&label) || others.flat_map(|(_, labels)| labels).any(|&other| other == label)
            };
            terms.push(alone(operand.view(), labels, elsewhere));
        }
        while terms.len() > 2 {
            let (i, j) = cheapest(&terms, &self.output);
            let (b, a) = (terms.remove(j), terms.remove(i));
            let labels = kept(&a, &b, |label| {
                self.output.contains(&label) || terms.iter().any(|term| term.labels.contains(&label))
            });
            let shape: Vec<usize> =
                labels.iter().map(|&label| a.length(label).or(b.length(label)).unwrap_or(1)).collect();
            let mut product = memory::array(IxDyn(&shape));
            contract(F::one(), &a, &b, F::zero(), product.view_mut(), &labels);
            terms.push(Labelled { array: product.into(), labels });
        }
        match &terms[..] {
            [a, b] => contract(alpha, a, b, beta, c, &self.output),
            [a] => {
                let place = |label| a.labels.iter().position(|own| own == label).expect("the letters were checked");
                let order: Vec<usize> = self.output.iter().map(place).collect();
                let (x, mut c) = (a.array.view().permuted_axes(IxDyn(&order)), c);
                if beta == F::zero() {
                    c.zip_mut_with(&x, |c, &x| *c = alpha * x);
                } else {
                    c.zip_mut_with(&x, |c, &x| *c = alpha * x + beta * *c);
                }
            }
            _ => {}
        }
    }
}

/// An operand whose letters each stand once, and somewhere else, too: repeated ones give a diagonal, lonely ones a sum.
fn alone<'a, F: Real>(x: ArrayViewD<'a, F>, labels: &[usize], elsewhere: impl Fn(usize) -> bool) -> Labelled<'a, F> {
    let (mut x, mut labels) = (CowArray::from(x), labels.to_vec());
    while let Some((i, j)) = repeated(&labels) {
        x = diagonal(&x, i, j).into();
        labels.remove(j);
    }
    for axis in (0..labels.len()).rev() {
        if !elsewhere(labels[axis]) {
            x = sum_axis(&x, axis).into();
            labels.remove(axis);
        }
    }
    Labelled { array: x, labels }
}

/// The first axis whose letter stands again, and where.
fn repeated(labels: &[usize]) -> Option<(usize, usize)> {
    (0..labels.len()).find_map(|j| labels[..j].iter().position(|label| *label == labels[j]).map(|i| (i, j)))
}

/// The elements whose indices `i` and `j` are equal, along axis `i`.
fn diagonal<F: Real>(x: &ArrayRef<F, IxDyn>, i: usize, j: usize) -> ArrayD<F> {
    let mut shape = x.shape().to_vec();
    shape.remove(j);
    let mut y = memory::array(IxDyn(&shape));
    for k in 0..shape[i] {
        // `j` lies behind `i`: taking it away first leaves `i` in its place.
        let mut x = x.index_axis(Axis(j), k);
        x.index_axis_inplace(Axis(i), k);
        y.index_axis_mut(Axis(i), k).assign(&x);
    }
    y
}

/// The sum along an axis, in the tree that depends on its length alone.
fn sum_axis<F: Real>(x: &ArrayRef<F, IxDyn>, axis: usize) -> ArrayD<F> {
    x.map_axis(Axis(axis), |lane| match lane.as_slice() {
        Some(lane) => crate::rows::sum(lane),
        None => crate::rows::sum(&lane.to_vec()),
    })
}

/// The letters of a product: those that are needed afterwards.
fn kept<F>(a: &Labelled<'_, F>, b: &Labelled<'_, F>, needed: impl Fn(usize) -> bool) -> Vec<usize> {
    let own = b.labels.iter().filter(|label| !a.labels.contains(label));
    a.labels.iter().chain(own).copied().filter(|&label| needed(label)).collect()
}

/// The pair of terms whose product is smallest.
fn cheapest<F: Real>(terms: &[Labelled<'_, F>], output: &[usize]) -> (usize, usize) {
    let size = |i: usize, j: usize| -> usize {
        let (a, b) = (&terms[i], &terms[j]);
        let others = |label| terms.iter().enumerate().any(|(k, term)| k != i && k != j && term.labels.contains(&label));
        let labels = kept(a, b, |label| output.contains(&label) || others(label));
        labels.iter().map(|&label| a.length(label).or(b.length(label)).unwrap_or(1)).product()
    };
    let pairs = (0..terms.len()).flat_map(|i| (i + 1..terms.len()).map(move |j| (i, j)));
    pairs.min_by_key(|&(i, j)| size(i, j)).unwrap_or((0, 1))
}
