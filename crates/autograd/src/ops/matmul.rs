//! Products of matrices, of stacks of matrices, and the affine map of a linear layer.

use super::arith::{sum_to, summed_to};
use crate::tape::same_tape;
use crate::{Error, Result, Value, Var};
use gradus_linalg::{Real, elementwise};
use ndarray::{ArrayView2, ArrayViewMutD, Axis, Ix1, Ix2, IxDyn};

impl<F: Real> Var<F> {
    /// Matrix product of the last two axes; the axes before them broadcast.
    ///
    /// ```text
    /// C = A B        dA = dC Bᵀ,  dB = Aᵀ dC
    /// ```
    ///
    /// # Shapes
    /// - `(m, k) · (k, n)` gives `(m, n)`
    /// - `(…, m, k) · (…, k, n)` gives `(…, m, n)`
    /// - a vector on the left is a row `(1, k)`, on the right a column `(k, 1)`; that axis of 1 is left out of the result
    ///
    /// # Errors
    /// If the inner dimensions differ, the axes before them do not broadcast, an operand has no axes, or the operands
    /// are on different tapes.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let tape = Tape::recording();
    /// let a = tape.variable(array![[1.0, 2.0], [3.0, 4.0]]);
    /// let x = tape.variable(array![1.0, -1.0]);
    /// let y = a.matmul(&x)?;
    /// assert_eq!(y.value(), &array![-1.0, -1.0].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn matmul(&self, other: &Self) -> Result<Self> {
        same_tape("matmul", self, other)?;
        let shapes = ProductShapes::new(self.shape(), other.shape())?;
        if other.shape().len() == 2 {
            return Ok(self.times_matrix(other, &shapes.result));
        }
        let (a, b) = (self.value.clone().reshaped_view(&shapes.a), other.value.clone().reshaped_view(&shapes.b));
        let c = stacked_product(&a, &b, &shapes.c).reshaped(&shapes.result);
        Ok(self.tape().record_into("matmul", [self, other], c, move |dy, slots| {
            let dc = dy.reshaped(&shapes.c);
            if slots.needs(0) {
                let transposed = b.transposed();
                match (as_matrix(&dc), as_matrix(&transposed)) {
                    (Some(dc), Some(bt)) if shapes.left.len() == 2 => {
                        slots.accumulate(0, |da, beta| product_into(dc, bt, da, beta));
                    }
                    _ => slots.add(0, shapes.gradient(&dc, &transposed, &shapes.a).reshaped(&shapes.left)),
                }
            }
            if slots.needs(1) {
                let db = shapes.gradient(&a.transposed(), &dc, &shapes.b);
                slots.add(1, db.reshaped(&shapes.right));
            }
        }))
    }

    /// The product with a plain matrix: however many axes stand before the last, it is one tall product.
    #[track_caller]
    fn times_matrix(&self, other: &Self, result: &[usize]) -> Self {
        let [k, n] = [other.shape()[0], other.shape()[1]];
        let rows = self.shape()[..self.shape().len() - 1].iter().product();
        let (rows_in, rows_out) = ([rows, k], [rows, n]);
        let (x, w) = (self.value.clone().into_rows(rows_in), other.value.clone());
        let mut y = Value::unspecified(IxDyn(&rows_out));
        product_into(matrix(&x), matrix(&w), y.view_mut(), F::zero());
        // Only what the other operand's gradient needs is kept.
        let (x, w) = (other.node.map(|_| x), self.node.map(|_| w));
        self.tape().record_into("matmul", [self, other], y.reshaped(result), move |dy, slots| {
            let dy = dy.into_rows(rows_out);
            if let Some(x) = x {
                slots.accumulate(1, |dw, beta| product_into(matrix(&x).reversed_axes(), matrix(&dy), dw, beta));
            }
            if let Some(w) = w {
                slots.accumulate(0, |dx, beta| {
                    product_into(matrix(&dy), matrix(&w).reversed_axes(), rows_of(dx, rows_in), beta);
                });
            }
        })
    }

    /// Product of each element of one vector with each of another.
    ///
    /// ```text
    /// Cᵢⱼ = aᵢ bⱼ        da = dC b,  db = dCᵀ a
    /// ```
    ///
    /// # Shapes
    /// `(m)` and `(n)` give `(m, n)`
    ///
    /// # Errors
    /// [`Error::Shapes`] if an operand is not a vector, or the operands are on different tapes.
    #[track_caller]
    pub fn outer(&self, other: &Self) -> Result<Self> {
        same_tape("outer", self, other)?;
        if self.shape().len() != 1 || other.shape().len() != 1 {
            let (left, right) = (self.shape().to_vec(), other.shape().to_vec());
            return Err(Error::Shapes { operation: "outer", left, right, expected: "each operand must have one axis" });
        }
        let (a, b) = (self.value.clone(), other.value.clone());
        let shape = [a.len(), b.len()];
        let mut y = Value::unspecified(IxDyn(&shape));
        product_into(column(&a), column(&b).reversed_axes(), y.view_mut(), F::zero());
        Ok(self.tape().record_into("outer", [self, other], y, move |dy, slots| {
            let dy = matrix(&dy);
            slots.accumulate(0, |da, beta| product_into(dy, column(&b), rows_of(da, [shape[0], 1]), beta));
            slots.accumulate(1, |db, beta| {
                product_into(dy.reversed_axes(), column(&a), rows_of(db, [shape[1], 1]), beta);
            });
        }))
    }

    /// Affine map of the last axis, the forward pass of a linear layer, in one entry.
    ///
    /// ```text
    /// y = x Wᵀ + b        dx = dy W,  dW = dyᵀ x,  db = Σ dy over all axes but the last
    /// ```
    ///
    /// # Shapes
    /// `x (…, in)`, `W (out, in)`, `b (out)`, result `(…, out)`
    ///
    /// # Errors
    /// [`Error::Shapes`] if the shapes do not fit; if the operands are on different tapes.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let tape = Tape::recording();
    /// let (w, b) = (tape.variable(array![[1.0, 2.0, 3.0]]), tape.variable(array![0.5]));
    /// let y = tape.input(array![[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]).affine(&w, Some(&b))?;
    /// assert_eq!(y.value(), &array![[1.5], [6.5]].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn affine(&self, weight: &Self, bias: Option<&Self>) -> Result<Self> {
        same_tape("affine", self, weight)?;
        let ([.., features], [out_features, in_features]) = (self.shape(), weight.shape()) else {
            return Err(affine_error(self, weight.shape(), "x must have at least one axis, the weight two: (out, in)"));
        };
        if features != in_features {
            return Err(affine_error(
                self,
                weight.shape(),
                "the last axis of x must be as long as the last axis of the weight",
            ));
        }
        if let Some(bias) = bias {
            same_tape("affine", self, bias)?;
            if bias.shape() != [*out_features] {
                return Err(affine_error(
                    weight,
                    bias.shape(),
                    "the bias must be as long as the first axis of the weight",
                ));
            }
        }
        let rows = self.shape()[..self.shape().len() - 1].iter().product::<usize>();
        let (rows_in, rows_out) = ([rows, *in_features], [rows, *out_features]);

        let (x, w) = (self.value.clone().into_rows(rows_in), weight.value.clone());
        let mut y = Value::unspecified(IxDyn(&rows_out));
        let out = y.view_mut().into_dimensionality::<Ix2>().expect("it was made with two axes");
        let (one, zero, w_turned) = (F::one(), F::zero(), matrix(&w).reversed_axes());
        match bias.and_then(|bias| bias.value.broadcast((rows, *out_features))) {
            Some(bias) => F::gemm_add(one, matrix(&x), w_turned, one, bias, out),
            None => F::gemm(one, matrix(&x), w_turned, zero, out),
        }
        let y = match self.shape() {
            [_, _] => y,
            [others @ .., _] => y.reshaped(&[others, &[*out_features]].concat()),
            [] => y, // there is a last axis
        };

        // Only what the other operand's gradient needs is kept.
        let (x, w) = (weight.node.map(|_| x), self.node.map(|_| w));
        let backward = move |dy: Value<F>, slots: &mut crate::Slots<'_, F>| {
            let dy = dy.into_rows(rows_out);
            if let Some(x) = x {
                slots.accumulate(1, |dw, beta| product_into(matrix(&dy).reversed_axes(), matrix(&x), dw, beta));
            }
            if slots.needs(2) {
                slots.add(2, summed_to(&dy, &rows_out[1..]));
            }
            if let Some(w) = w {
                slots.accumulate(0, |dx, beta| {
                    product_into(matrix(&dy), matrix(&w), rows_of(dx, rows_in), beta);
                });
            }
        };
        Ok(match bias {
            Some(bias) => self.tape().record_into("affine", [self, weight, bias], y, backward),
            None => self.tape().record_into("affine", [self, weight], y, backward),
        })
    }
}

fn affine_error<F: Real>(left: &Var<F>, right: &[usize], expected: &'static str) -> Error {
    Error::Shapes { operation: "affine", left: left.shape().to_vec(), right: right.to_vec(), expected }
}

/// The shapes of a product, brought to the form `batch of (m, k) · (k, n)`.
struct ProductShapes {
    /// The operands as given.
    left: Vec<usize>,
    right: Vec<usize>,
    /// The operands with a vector's missing axis put in.
    a: Vec<usize>,
    b: Vec<usize>,
    /// The result with, and without, that axis.
    c: Vec<usize>,
    result: Vec<usize>,
}

impl ProductShapes {
    fn new(left: &[usize], right: &[usize]) -> Result<Self> {
        let error =
            |expected| Error::Shapes { operation: "matmul", left: left.to_vec(), right: right.to_vec(), expected };
        if left.is_empty() || right.is_empty() {
            return Err(error("each operand must have at least one axis"));
        }
        let mut a = left.to_vec();
        let mut b = right.to_vec();
        if left.len() == 1 {
            a.insert(0, 1);
        }
        if right.len() == 1 {
            b.push(1);
        }
        let ([a_batch @ .., m, k], [b_batch @ .., k_right, n]) = (&a[..], &b[..]) else {
            return Err(error("each operand must have at least one axis"));
        };
        if k != k_right {
            let (left, right) = (left.to_vec(), right.to_vec());
            return Err(gradus_linalg::Error::InnerDimensions { operation: "matmul", left, right }.into());
        }
        let mut c = elementwise::broadcast_shape("matmul", a_batch, b_batch).map_err(|_| {
            let (left, right) = (left.to_vec(), right.to_vec());
            gradus_linalg::Error::Batch { operation: "matmul", left, right }
        })?;
        let mut result = c.clone();
        c.extend([*m, *n]);
        if left.len() > 1 {
            result.push(*m);
        }
        if right.len() > 1 {
            result.push(*n);
        }
        Ok(Self { left: left.to_vec(), right: right.to_vec(), a, b, c, result })
    }

    /// A product that is the gradient of an operand of this shape.
    fn gradient<F: Real>(&self, a: &Value<F>, b: &Value<F>, shape: &[usize]) -> Value<F> {
        let mut full = self.c[..self.c.len() - 2].to_vec();
        full.extend(&shape[shape.len() - 2..]);
        sum_to(stacked_product(a, b, &full), shape)
    }
}

/// One product for each matrix of the result.
fn stacked_product<F: Real>(a: &Value<F>, b: &Value<F>, shape: &[usize]) -> Value<F> {
    let batch = &shape[..shape.len() - 2];
    let stack = |x: &Value<F>| {
        let mut full = batch.to_vec();
        full.extend(&x.shape()[x.ndim() - 2..]);
        full
    };
    let (a_full, b_full) = (stack(a), stack(b));
    let fits = "the batch axes broadcast";
    let (a, b) = (a.broadcast(a_full).expect(fits), b.broadcast(b_full).expect(fits));
    let mut c = Value::unspecified(IxDyn(shape));
    for index in ndarray::indices(batch) {
        let index = ndarray::Dimension::slice(&index);
        let (mut a, mut b, mut c) = (a.view(), b.view(), c.view_mut());
        for &i in index {
            a.index_axis_inplace(Axis(0), i);
            b.index_axis_inplace(Axis(0), i);
            c.index_axis_inplace(Axis(0), i);
        }
        let rank = "two axes are left";
        let (a, b) = (a.into_dimensionality().expect(rank), b.into_dimensionality().expect(rank));
        product_into(a, b, c, F::zero());
    }
    c
}

/// `c ← a b + beta c`.
fn product_into<F: Real>(a: ArrayView2<'_, F>, b: ArrayView2<'_, F>, c: ArrayViewMutD<'_, F>, beta: F) {
    F::gemm(F::one(), a, b, beta, c.into_dimensionality().expect("the result of a product is a matrix"));
}

fn as_matrix<'a, F: Real>(x: &'a Value<F>) -> Option<ArrayView2<'a, F>> {
    x.view().into_dimensionality::<Ix2>().ok()
}

fn matrix<'a, F: Real>(x: &'a Value<F>) -> ArrayView2<'a, F> {
    as_matrix(x).expect("the shape was checked to be a matrix")
}

fn column<'a, F: Real>(x: &'a Value<F>) -> ArrayView2<'a, F> {
    x.view().into_dimensionality::<Ix1>().expect("the shape was checked to be a vector").insert_axis(Axis(1))
}

/// A gradient under the shape of the matrix that the product gives.
fn rows_of<F: Real>(gradient: ArrayViewMutD<'_, F>, shape: [usize; 2]) -> ArrayViewMutD<'_, F> {
    gradient.into_shape_with_order(shape).expect("gradients are row-major").into_dyn()
}

impl<F: Real> Value<F> {
    /// The last two axes swapped; the memory is shared.
    fn transposed(self) -> Self {
        let rank = self.ndim();
        self.view_as(|mut x| {
            x.swap_axes(rank - 2, rank - 1);
            x
        })
    }

    /// All axes but the last as one; a matrix stays as it is, whatever its strides.
    fn into_rows(self, shape: [usize; 2]) -> Self {
        if self.ndim() == 2 { self } else { self.reshaped(&shape) }
    }

    /// A shape that differs only by axes of length 1, without a copy whatever the strides.
    fn reshaped_view(self, shape: &[usize]) -> Self {
        if self.shape() == shape {
            return self;
        }
        let axis = if shape[0] == 1 { 0 } else { shape.len() - 1 };
        self.view_as(|x| x.insert_axis(Axis(axis)))
    }
}
