//! The class axis of logits, and the checks of labels and class weights.

use super::Reduction;
use crate::{Error, Result};
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::{elementwise, memory, parallel};
use ndarray::{ArrayRef, Dimension, IxDyn};

/// Logits seen as lanes: one for each sample, along the class axis. That axis is the second, or the only one.
#[derive(Debug, Clone)]
pub(super) struct Lanes {
    pub(super) loss: &'static str,
    /// The shape of the logits.
    shape: Vec<usize>,
    /// The shape of the labels: that of the logits without the class axis.
    samples: Vec<usize>,
    pub(super) classes: usize,
    /// How many lanes lie side by side: the product of the axes after the class axis.
    pub(super) inner: usize,
    /// How many lanes there are.
    pub(super) count: usize,
}

impl Lanes {
    pub(super) fn new(loss: &'static str, shape: &[usize]) -> Result<Self> {
        if shape.is_empty() || shape.contains(&0) {
            return Err(Error::EmptyBatch { loss, shape: shape.to_vec() });
        }
        let axis = usize::from(shape.len() > 1);
        let mut samples = shape.to_vec();
        let classes = samples.remove(axis);
        let inner = samples[axis..].iter().product();
        let count = samples.iter().product();
        Ok(Self { loss, shape: shape.to_vec(), samples, classes, inner, count })
    }

    /// The labels in the order of the lanes, `None` where one is ignored.
    pub(super) fn labels<D: Dimension>(
        &self,
        labels: &ArrayRef<usize, D>,
        ignored: Option<usize>,
    ) -> Result<Vec<Option<usize>>> {
        let Self { loss, classes, .. } = *self;
        if labels.shape() != self.samples {
            let (logits, expected) = (self.shape.clone(), self.samples.clone());
            return Err(Error::LabelShape { loss, logits, labels: labels.shape().to_vec(), expected });
        }
        let wrong = |label: usize| label >= classes && Some(label) != ignored;
        if labels.iter().any(|&label| wrong(label)) {
            let at = labels.view().into_dyn();
            let (position, &label) = at.indexed_iter().find(|&(_, &label)| wrong(label)).expect("one was just seen");
            return Err(Error::LabelOutOfRange { loss, label, position: position.slice().to_vec(), classes });
        }
        Ok(labels.iter().map(|&label| (Some(label) != ignored).then_some(label)).collect())
    }

    /// The class weights as numbers of type `F`.
    pub(super) fn weights<F: Real>(&self, weights: Option<&[f64]>) -> Result<Option<Vec<F>>> {
        let (loss, Some(weights)) = (self.loss, weights) else { return Ok(None) };
        if weights.len() != self.classes {
            return Err(Error::WeightLength { loss, found: weights.len(), classes: self.classes });
        }
        if let Some(&value) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            let expected = "class weights are finite and at least 0";
            return Err(Error::HyperParameter { operation: loss, name: "weight", value, expected });
        }
        Ok(Some(weights.iter().map(|&w| F::from_f64(w)).collect()))
    }

    /// One over the sum of the weights of the labels that count.
    pub(super) fn one_over_weights<F: Real>(&self, labels: &[Option<usize>], weights: Option<&[F]>) -> Result<F> {
        let weigh = |&label: &usize| weights.map_or(F::one(), |weights| weights[label]);
        let total: F = labels.iter().flatten().map(weigh).sum();
        if total == F::zero() {
            return Err(Error::NothingCounts { loss: self.loss, samples: self.count });
        }
        Ok(F::one() / total)
    }

    /// Where the lane begins in row-major logits; its classes follow at distances of `inner`.
    pub(super) fn start(&self, lane: usize) -> usize {
        let (outer, inner) = (lane / self.inner, lane % self.inner);
        outer * self.classes * self.inner + inner
    }

    /// Calls `each(lane, x, dx)` with the classes of every lane side by side, puts what it writes into `dx` in its place in
    /// `gradient`, if there is one, and what it returns into `losses`.
    fn run<F: Real>(
        &self,
        xs: &[F],
        gradient: Option<&mut [F]>,
        losses: &mut [F],
        each: impl Fn(usize, &[F], &mut [F]) -> F + Sync,
    ) {
        match gradient {
            // The lanes are rows: they can be divided among threads.
            Some(gradient) if self.inner == 1 => {
                parallel::for_each_row(gradient, losses, [self.classes, 1], |lane, dx, loss| {
                    loss[0] = each(lane, &xs[lane * self.classes..][..self.classes], dx);
                });
            }
            mut gradient => {
                let (mut row, mut dx) = (memory::take(self.classes), memory::take(self.classes));
                for (lane, loss) in losses.iter_mut().enumerate() {
                    let places = (self.start(lane)..).step_by(self.inner);
                    row.iter_mut().zip(places.clone()).for_each(|(x, at)| *x = xs[at]);
                    *loss = each(lane, &row, &mut dx);
                    if let Some(gradient) = &mut gradient {
                        dx.iter().zip(places).for_each(|(&dx, at)| gradient[at] = dx);
                    }
                }
                memory::give(row);
                memory::give(dx);
            }
        }
    }

    /// Records the loss of all lanes: `each(lane, x, dx)` returns the loss of a lane without `scale`, and writes its
    /// gradient times `scale`. What it writes is handed over by the backward pass, multiplied by the cotangent.
    #[track_caller]
    pub(super) fn record<F: Real>(
        self,
        logits: &Var<F>,
        reduction: Reduction,
        scale: F,
        each: impl Fn(usize, &[F], &mut [F]) -> F + Sync,
    ) -> Var<F> {
        let x = logits.value().clone().into_standard_layout();
        let mut gradient = logits.needs_gradient().then(|| Value::unspecified(x.raw_dim()));
        let gradients = gradient.as_mut().map(|dx| dx.as_slice_mut().expect("fresh memory is row-major"));
        let mut losses = Value::unspecified(IxDyn(&self.samples));
        let own = losses.as_slice_mut().expect("fresh memory is row-major");
        self.run(x.as_slice().expect("a standard layout is a slice"), gradients, own, each);
        let y = match reduction {
            Reduction::None => losses,
            _ => Value::scalar(scale * elementwise::sum_slice(own)),
        };
        logits.tape().record(self.loss, [logits], y, move |dy| {
            [gradient.map(|mut dx| {
                self.scale(&mut dx, dy);
                dx
            })]
        })
    }

    /// Multiplies each lane of `dx`, the gradient for a cotangent of 1, by the cotangent: one number for all lanes or
    /// one for each.
    fn scale<F: Real>(&self, dx: &mut Value<F>, dy: Value<F>) {
        let dy = dy.into_standard_layout();
        let dys = dy.as_slice().expect("a standard layout is a slice");
        if let [dy] = *dys {
            if dy != F::one() {
                elementwise::map_in_place(dx, |dx| dx * dy);
            }
            return;
        }
        let dxs = dx.as_slice_mut().expect("the gradient was made in row-major order");
        for (lanes, dys) in dxs.chunks_exact_mut(self.classes * self.inner).zip(dys.chunks_exact(self.inner)) {
            match dys {
                [dy] => lanes.iter_mut().for_each(|dx| *dx *= *dy),
                _ => lanes.chunks_exact_mut(self.inner).for_each(|class| {
                    class.iter_mut().zip(dys).for_each(|(dx, &dy)| *dx *= dy);
                }),
            }
        }
    }
}
