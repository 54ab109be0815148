//! The two sweeps over time: forward, which leaves the states, and backward, which is the algorithm.

use super::Order;
use super::weights::Sizes;
use crate::Nonlinearity;
use gradus_autograd::{Real, Slots, Value};
use gradus_linalg::{elementwise, memory};
use ndarray::{Array2, Array3, ArrayRef3, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, Axis, Ix3};

/// The constants of every step, as views.
pub(super) struct Step<'a, F> {
    pub(super) weight_ih: ArrayView2<'a, F>,
    pub(super) weight_hh: ArrayView2<'a, F>,
    pub(super) biases: [Option<ArrayView1<'a, F>>; 2],
    pub(super) nonlinearity: Nonlinearity,
}

/// The states after every step, `(T, N, H)`; the rows of `x` are all inputs of step 0, then all of step 1, and so on.
pub(super) fn forward<F: Real>(
    step: Step<'_, F>,
    x: ArrayView2<'_, F>,
    [h0, mask]: [Option<ArrayView2<'_, F>>; 2],
    sizes: &Sizes,
    order: &Order,
) -> Array3<F> {
    let one = F::one();
    // P = X Wᵢₕᵀ + bᵢₕ + bₕₕ for all steps; the biases are there before the product is added to them.
    let mut states = memory::array((sizes.steps, sizes.batch, sizes.hidden));
    let bias = step.biases.into_iter().flatten().map(|bias| bias.to_owned()).reduce(|a, b| a + b);
    if let Some(bias) = &bias {
        states.assign(bias);
    }
    let beta = if bias.is_some() { one } else { F::zero() };
    let projected = states.view_mut().into_shape_with_order((sizes.steps * sizes.batch, sizes.hidden));
    F::gemm(one, x, step.weight_ih.t(), beta, projected.expect("fresh memory is row-major"));

    // Hₜ = f(Pₜ + (m ∘ Hₜ₋₁) Wₕₕᵀ), from a zero state without the product.
    let mut scratch = mask.map(|_| memory::array((sizes.batch, sizes.hidden)));
    let mut add = |h: ArrayView2<'_, F>, current: ArrayViewMut2<'_, F>| {
        let read = match (&mut scratch, mask) {
            (Some(scratch), Some(mask)) => {
                scratch.assign(&h);
                elementwise::update(
                    scratch,
                    &mask,
                    #[inline(always)]
                    |h, m| h * m,
                );
                scratch.view()
            }
            _ => h,
        };
        F::gemm(one, read, step.weight_hh.t(), one, current);
    };
    let mut before = None;
    for t in order.times() {
        match (before, h0) {
            (Some(before), _) => {
                let (current, before) = two_steps(&mut states, t, before);
                add(before.view(), current);
            }
            (None, Some(h0)) => add(h0, states.index_axis_mut(Axis(0), t)),
            (None, None) => {}
        }
        let mut current = states.index_axis_mut(Axis(0), t);
        step.nonlinearity.forward(current.view_mut());
        // A sequence that has not begun waits in its first state; one that is over may do so, too.
        for sequence in order.padding(t) {
            match h0 {
                Some(h0) => current.row_mut(sequence).assign(&h0.row(sequence)),
                None => current.row_mut(sequence).fill(F::zero()),
            }
        }
        before = Some(t);
    }
    fill_padding(&mut states, order);
    states
}

/// What the backward pass needs of the forward pass.
pub(super) struct Saved<F: Real> {
    pub(super) x: Option<Value<F>>,
    pub(super) weight_ih: Option<Value<F>>,
    pub(super) weight_hh: Value<F>,
    pub(super) h0: Option<Value<F>>,
    pub(super) mask: Option<Value<F>>,
    pub(super) states: Value<F>,
    pub(super) nonlinearity: Nonlinearity,
    pub(super) order: Order,
    pub(super) places: Places,
}

impl<F: Real> Saved<F> {
    /// Back-propagation through time: first the `δ` of every step, last step first, then the gradients that are sums over steps.
    pub(super) fn backward(self, mut cotangents: Vec<Option<Value<F>>>, slots: &mut Slots<'_, F>) {
        let (one, order) = (F::one(), &self.order);
        let d_last = cotangents.pop().flatten();
        let d_states = cotangents.pop().flatten();
        let mut d_mask = self.places.mask.filter(|&mask| slots.needs(mask)).map(|_| Array2::zeros(self.one_step()));
        let da = self.through_time(d_states, d_last, d_mask.as_mut());
        let first = gather(&da, |sequence| order.first(sequence));
        let da = Value::from(da);
        let hidden = self.weight_hh.shape()[0];
        let da_rows = rows(da.view(), hidden);

        // Σₜ dAₜᵀ (m ∘ Hₜ₋₁): the states, shifted by one step against dA; h₀ stands before the first.
        slots.accumulate(HH, |dw, beta| {
            let mut dw = matrix_mut(dw);
            let (later, earlier) = order.shifted();
            let states = self.masked(&self.states);
            let (later, earlier) = (da.slice_axis(Axis(0), later), states.slice_axis(Axis(0), earlier));
            F::gemm(one, rows(later, hidden).t(), rows(earlier, hidden), beta, dw.view_mut());
            if let Some(h0) = &self.h0 {
                F::gemm(one, first.t(), matrix(&self.masked(h0)), one, dw);
            }
        });
        if let Some(x) = &self.x {
            let x = rows(x.view(), x.shape()[2]);
            slots.accumulate(IH, |dw, beta| F::gemm(one, da_rows.t(), x, beta, matrix_mut(dw)));
        }
        let biases = [self.places.bias_ih, self.places.bias_hh].map(|place| place.filter(|&place| slots.needs(place)));
        if biases.iter().any(Option::is_some) {
            let db = Value::from(elementwise::sum_to(&da, &[hidden]));
            biases.into_iter().flatten().for_each(|place| slots.add(place, db.clone()));
        }
        if let Some(weight_ih) = &self.weight_ih {
            slots.accumulate(X, |dx, beta| {
                let dx = dx.into_shape_with_order((da_rows.nrows(), weight_ih.shape()[1]));
                F::gemm(one, da_rows, matrix(weight_ih), beta, dx.expect("gradients are row-major"));
            });
        }
        match (self.places.h0, &self.mask) {
            (Some(h0), None) => slots.accumulate(h0, |dh0, beta| {
                F::gemm(one, first.view(), matrix(&self.weight_hh), beta, matrix_mut(dh0));
            }),
            (Some(h0), Some(mask)) if slots.needs(h0) || d_mask.is_some() => {
                let mut dr = memory::array(self.one_step());
                F::gemm(one, first.view(), matrix(&self.weight_hh), F::zero(), dr.view_mut());
                if let (Some(d_mask), Some(h0)) = (&mut d_mask, &self.h0) {
                    elementwise::update2(
                        d_mask,
                        &dr,
                        &matrix(h0),
                        #[inline(always)]
                        |dm, dr, h| dm + dr * h,
                    );
                }
                elementwise::update(
                    &mut dr,
                    &matrix(mask),
                    #[inline(always)]
                    |dr, m| dr * m,
                );
                slots.add(h0, dr);
            }
            _ => {}
        }
        if let (Some(mask), Some(d_mask)) = (self.places.mask, d_mask) {
            slots.add(mask, d_mask);
        }
    }

    /// The shape `(N, H)` of the states of one step.
    fn one_step(&self) -> (usize, usize) {
        (self.states.shape()[1], self.states.shape()[2])
    }

    /// `m ∘ H` for one step or for all, which share the mask; without a mask `H`.
    fn masked(&self, h: &Value<F>) -> Value<F> {
        match &self.mask {
            Some(mask) => elementwise::zip(
                "mask",
                h,
                mask,
                #[inline(always)]
                |h, m| h * m,
            )
            .expect("the mask was checked to fit")
            .into(),
            None => h.clone(),
        }
    }

    /// `dAₜ = (dYₜ + m ∘ dAₜ₊₁ Wₕₕ) ∘ f′(Aₜ)` for every step, in the memory of `dY` if there is one. What the mask's own gradient
    /// gets from all steps but the first is added to `d_mask`.
    fn through_time(
        &self,
        d_states: Option<Value<F>>,
        d_last: Option<Value<F>>,
        mut d_mask: Option<&mut Array2<F>>,
    ) -> Array3<F> {
        let rank = "the states have three axes";
        let weight_hh = matrix(&self.weight_hh);
        let states = self.states.view().into_dimensionality::<Ix3>().expect(rank);
        // Many-to-one: no step but the last has a dY of its own, and the product overwrites what is there (β = 0).
        let (mut da, beta) = match d_states {
            Some(dy) => (dy.into_standard_layout().into_array().into_dimensionality().expect(rank), F::one()),
            None => (memory::array(states.raw_dim()), F::zero()),
        };
        let d_last = d_last.as_ref().map(matrix);
        let mut masked = self.mask.as_ref().map(|mask| (matrix(mask), memory::array(self.one_step())));
        let mut after = None;
        for t in self.order.times().rev() {
            match after {
                Some(after) => {
                    let (mut current, after) = two_steps(&mut da, t, after);
                    match &mut masked {
                        None => F::gemm(F::one(), after.view(), weight_hh, beta, current),
                        Some((mask, dr)) => {
                            F::gemm(F::one(), after.view(), weight_hh, F::zero(), dr.view_mut());
                            if let Some(d_mask) = &mut d_mask {
                                elementwise::update2(
                                    d_mask,
                                    dr,
                                    &states.index_axis(Axis(0), t),
                                    #[inline(always)]
                                    |dm, dr, h| dm + dr * h,
                                );
                            }
                            if beta == F::zero() {
                                current.fill(F::zero());
                            }
                            elementwise::update2(
                                &mut current,
                                dr,
                                mask,
                                #[inline(always)]
                                |dh, dr, m| dh + dr * m,
                            );
                        }
                    }
                }
                None if beta == F::zero() => da.index_axis_mut(Axis(0), t).fill(F::zero()),
                None => {}
            }
            let mut current = da.index_axis_mut(Axis(0), t);
            if let Some(d_last) = d_last {
                for (sequence, (mut dh, d_last)) in current.rows_mut().into_iter().zip(d_last.rows()).enumerate() {
                    if self.order.last(sequence) == t {
                        dh.zip_mut_with(&d_last, |dh, &d_last| *dh += d_last);
                    }
                }
            }
            self.nonlinearity.backward(current.view_mut(), states.index_axis(Axis(0), t));
            self.order.padding(t).for_each(|sequence| current.row_mut(sequence).fill(F::zero()));
            after = Some(t);
        }
        da
    }
}

/// Where the inputs stand in the list that was recorded.
const X: usize = 0;
const IH: usize = 1;
const HH: usize = 2;

/// Where those inputs stand that need not be there.
pub(super) struct Places {
    pub(super) bias_ih: Option<usize>,
    pub(super) bias_hh: Option<usize>,
    pub(super) h0: Option<usize>,
    pub(super) mask: Option<usize>,
}

/// Step `t` and one of its neighbours.
fn two_steps<F: Real>(x: &mut Array3<F>, t: usize, neighbour: usize) -> (ArrayViewMut2<'_, F>, ArrayViewMut2<'_, F>) {
    let (earlier, later) = x.view_mut().split_at(Axis(0), t.max(neighbour));
    let earlier = earlier.index_axis_move(Axis(0), t.min(neighbour));
    let later = later.index_axis_move(Axis(0), 0);
    if t < neighbour { (earlier, later) } else { (later, earlier) }
}

/// Of each sequence the row at a time of its own.
pub(super) fn gather<F: Real>(x: &ArrayRef3<F>, time: impl Fn(usize) -> usize) -> Array2<F> {
    let mut gathered = memory::array((x.dim().1, x.dim().2));
    for (sequence, mut row) in gathered.rows_mut().into_iter().enumerate() {
        row.assign(&x.index_axis(Axis(0), time(sequence)).row(sequence));
    }
    gathered
}

/// Zeros past the ends of the sequences.
pub(super) fn fill_padding<F: Real>(x: &mut ArrayRef3<F>, order: &Order) {
    for (t, mut step) in x.outer_iter_mut().enumerate() {
        order.padding(t).for_each(|sequence| step.row_mut(sequence).fill(F::zero()));
    }
}

/// All steps and sequences as the rows of one matrix.
pub(super) fn rows<F: Real>(x: ArrayViewD<'_, F>, columns: usize) -> ArrayView2<'_, F> {
    let rows = x.shape()[0] * x.shape()[1];
    x.into_shape_with_order((rows, columns)).expect("whole steps of a row-major array are contiguous")
}

pub(super) fn matrix<'a, F: Real>(x: &'a Value<F>) -> ArrayView2<'a, F> {
    x.view().into_dimensionality().expect("the shape was checked to have two axes")
}

pub(super) fn vector<'a, F: Real>(x: &'a Value<F>) -> ArrayView1<'a, F> {
    x.view().into_dimensionality().expect("the shape was checked to have one axis")
}

pub(super) fn matrix_mut<F: Real>(x: ArrayViewMutD<'_, F>) -> ArrayViewMut2<'_, F> {
    x.into_dimensionality().expect("the shape was checked to have two axes")
}
