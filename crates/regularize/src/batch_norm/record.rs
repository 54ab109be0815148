//! Batch normalization as one entry of the tape, alone or with what follows it in a residual network.

use super::backward::{self, Gradient, Mask};
use super::channels::{Channels, Moments, SLICE};
use super::forward;
use gradus_autograd::{Real, Slots, Value, Var};
use gradus_linalg::parallel::for_each_part;
use ndarray::{ArrayView3, ArrayViewMut3, Axis};

/// Steps that a number costs on its way in either direction, for the choice of threads.
const STEPS: usize = 4;

/// What follows the normalization, in the same entry.
#[derive(Debug, Clone, Copy)]
pub(super) enum Then<'a, F: Real> {
    Nothing,
    Relu,
    /// The sum with a shortcut, then a ReLU.
    AddRelu(&'a Var<F>),
}

/// Where mean and variance come from.
pub(super) enum Statistics<'a, F: Real> {
    OfBatch,
    Given { mean: &'a Value<F>, var: &'a Value<F> },
}

/// What the rule keeps.
struct Entry<F: Real> {
    all: Channels,
    x: Value<F>,
    /// The [`Moments`] of each channel.
    moments: Value<F>,
    weight: Option<Value<F>>,
    bias: Option<Value<F>>,
    of_batch: bool,
    relu: bool,
    /// The result, where the mask of the ReLU cannot be had from `x`.
    y: Option<Value<F>>,
    /// The places of the shortcut, the weight and the bias among the inputs.
    places: [Option<usize>; 3],
}

/// Records the normalization of `x`, whose shape has two axes or more and fits the other values. Returns the moments of each channel too.
#[track_caller]
pub(super) fn record<F: Real>(
    operation: &'static str,
    x: &Var<F>,
    affine: [Option<&Var<F>>; 2],
    statistics: &Statistics<'_, F>,
    eps: F,
    then: Then<'_, F>,
) -> (Var<F>, Value<F>) {
    let all = Channels::of(x.shape());
    let [weight, bias] = affine.map(|v| v.map(|v| v.value().clone().into_standard_layout()));
    let past = match then {
        Then::AddRelu(past) => Some(past),
        Then::Nothing | Then::Relu => None,
    };
    let mut inputs = vec![x];
    let places = [past, affine[0], affine[1]].map(|input| {
        input.map(|input| {
            inputs.push(input);
            inputs.len() - 1
        })
    });
    let mut entry = Entry {
        all,
        x: x.value().clone().into_standard_layout(),
        moments: match statistics {
            Statistics::OfBatch => Value::zeros([all.channels, Moments::<F>::SIZE]),
            Statistics::Given { mean, var } => given(mean, var, eps),
        },
        weight,
        bias,
        of_batch: matches!(statistics, Statistics::OfBatch),
        relu: !matches!(then, Then::Nothing),
        y: None,
        places,
    };
    let y = entry.forward(eps, past.map(Var::value));
    let moments = entry.moments.clone();
    entry.y = past.map(|_| y.clone());
    let rule = move |dys: Vec<Option<Value<F>>>, slots: &mut Slots<'_, F>| {
        if let Some(dy) = dys.into_iter().flatten().next() {
            entry.backward(dy, slots);
        }
    };
    let mut recorded = x.tape().record_many(operation, &inputs, vec![y], rule);
    (recorded.pop().expect("one value was recorded"), moments)
}

/// The moments of channels whose mean and variance are given.
fn given<F: Real>(mean: &Value<F>, var: &Value<F>, eps: F) -> Value<F> {
    let mut moments = Value::unspecified([mean.len(), Moments::<F>::SIZE]);
    let each = moments.as_slice_mut().expect(SLICE).chunks_exact_mut(Moments::<F>::SIZE);
    for (moments, (&center, &var)) in each.zip(mean.iter().zip(var.iter())) {
        Moments { center, rest: F::zero(), scale: F::one() / (var + eps).sqrt(), unbiased: var }.write(moments);
    }
    moments
}

impl<F: Real> Entry<F> {
    /// The moments of a channel.
    fn moments(&self, channel: usize) -> Moments<F> {
        let size = Moments::<F>::SIZE;
        Moments::read(&self.moments.as_slice().expect(SLICE)[channel * size..][..size])
    }

    fn weight(&self, channel: usize) -> F {
        self.weight.as_ref().map_or(F::one(), |w| w[[channel]])
    }

    fn bias(&self, channel: usize) -> F {
        self.bias.as_ref().map_or(F::zero(), |b| b[[channel]])
    }

    /// The result, and the moments if they are those of the batch.
    ///
    /// A thread takes a channel through all three passes: after the first they mostly find it in the cache.
    fn forward(&mut self, eps: F, past: Option<&Value<F>>) -> Value<F> {
        struct Band<'a, F> {
            first: usize,
            x: ArrayView3<'a, F>,
            past: Option<ArrayView3<'a, F>>,
            moments: &'a mut [F],
            y: ArrayViewMut3<'a, F>,
        }
        let mut y = Value::unspecified(self.x.raw_dim());
        let all = self.all;
        if all.len() == 0 {
            return y;
        }
        let mut moments = std::mem::replace(&mut self.moments, Value::scalar(F::zero()));
        let (band, size) = (all.band(), Moments::<F>::SIZE);
        let past = past.map(|past| past.clone().into_standard_layout());
        let past = past.as_ref().map(|past| all.view(past.as_slice().expect(SLICE)));
        let mut pasts = past.as_ref().map(|past| past.axis_chunks_iter(Axis(1), band));
        let x = all.view(self.x.as_slice().expect(SLICE));
        let mut y_view = all.view_mut(y.as_slice_mut().expect(SLICE));
        let bands = x.axis_chunks_iter(Axis(1), band).zip(y_view.axis_chunks_iter_mut(Axis(1), band));
        let bands = bands.zip(moments.as_slice_mut().expect(SLICE).chunks_mut(band * size)).enumerate();
        let bands = bands.map(|(i, ((x, y), moments))| {
            let past = pasts.as_mut().and_then(Iterator::next);
            Band { first: i * band, x, past, moments, y }
        });
        for_each_part(STEPS * all.len(), bands.collect(), |mut part: Band<'_, F>| {
            if self.of_batch {
                forward::moments(&all, &part.x, eps, part.moments);
            }
            let band = part.x.shape()[1];
            let moments = |channel: usize| Moments::read(&part.moments[channel * size..]);
            let line = |channel: usize| {
                moments(channel).line(self.weight(part.first + channel), self.bias(part.first + channel))
            };
            let center = all.spread(band, |channel| moments(channel).center);
            let slope = all.spread(band, |channel| line(channel).0);
            let shift = all.spread(band, |channel| line(channel).1);
            forward::apply(&part.x, part.past.as_ref(), self.relu, &(center, slope, shift), &mut part.y);
        });
        self.moments = moments;
        y
    }

    /// The gradients of all inputs.
    ///
    /// ```text
    /// g = dy, or dy where y > 0,  z = (x − m) r
    /// dx = w r (g − Σ g / n − z Σ g z / n),  dw = Σ g z,  db = Σ g,  dshortcut = g
    /// ```
    ///
    /// With given statistics `dx = w r g`. A channel is read for the two sums and, mostly from the cache, for `dx`, which takes the
    /// memory of `dy` unless the shortcut needs that.
    fn backward(self, dy: Value<F>, slots: &mut Slots<'_, F>) {
        struct Band<'a, F> {
            first: usize,
            x: ArrayView3<'a, F>,
            y: Option<ArrayView3<'a, F>>,
            dy: ArrayViewMut3<'a, F>,
            beside: Option<ArrayViewMut3<'a, F>>,
            dw: &'a mut [F],
            db: &'a mut [F],
        }
        let all = self.all;
        let mut dy = dy.into_standard_layout();
        let [past, weight, bias] = self.places;
        let past = past.filter(|&past| slots.needs(past));
        let wanted = slots.needs(0);
        let mut beside = (past.is_some() && wanted).then(|| Value::unspecified(self.x.raw_dim()));
        let [mut dw, mut db] = [(); 2].map(|()| Value::zeros([all.channels]));
        if all.len() > 0 {
            let band = all.band();
            let x = all.view(self.x.as_slice().expect(SLICE));
            let y = self.y.as_ref().map(|y| all.view(y.as_slice().expect(SLICE)));
            let mut ys = y.as_ref().map(|y| y.axis_chunks_iter(Axis(1), band));
            let mut dy = all.view_mut(dy.as_slice_mut().expect(SLICE));
            let mut beside = beside.as_mut().map(|dx| all.view_mut(dx.as_slice_mut().expect(SLICE)));
            let mut besides = beside.as_mut().map(|dx| dx.axis_chunks_iter_mut(Axis(1), band));
            let sums = dw.as_slice_mut().expect(SLICE).chunks_mut(band);
            let sums = sums.zip(db.as_slice_mut().expect(SLICE).chunks_mut(band));
            let bands = x.axis_chunks_iter(Axis(1), band).zip(dy.axis_chunks_iter_mut(Axis(1), band)).zip(sums);
            let bands = bands.enumerate().map(|(i, ((x, dy), (dw, db)))| {
                let (y, beside) = (ys.as_mut().and_then(Iterator::next), besides.as_mut().and_then(Iterator::next));
                Band { first: i * band, x, y, dy, beside, dw, db }
            });
            for_each_part(STEPS * all.len(), bands.collect(), |mut part: Band<'_, F>| {
                let (band, first) = (part.x.shape()[1], part.first);
                let of = |channel: usize| self.moments(first + channel);
                let line = |channel: usize| of(channel).line(self.weight(first + channel), self.bias(first + channel));
                let center = all.spread(band, |channel| of(channel).center);
                let mask = match part.y.take() {
                    Some(y) => Mask::Result(y),
                    None if self.relu => Mask::Again(
                        all.spread(band, |channel| line(channel).0),
                        all.spread(band, |channel| line(channel).1),
                    ),
                    None => Mask::None,
                };
                let [sum, inner] = backward::sums(&part.x, &mut part.dy, &mask, &center);
                for channel in 0..band {
                    let sum = all.gather(band, channel, &sum);
                    let Moments { rest, .. } = of(channel);
                    part.db[channel] = sum;
                    part.dw[channel] = all.gather(band, channel, &inner) - rest * sum;
                }
                if wanted {
                    let line = |channel: usize| {
                        let (slope, _) = line(channel);
                        let Moments { rest, scale, .. } = of(channel);
                        let sums = [part.db[channel], part.dw[channel]];
                        backward::coefficients(&all, self.of_batch, (slope, scale, rest), sums)
                    };
                    let [p, q, u] = [0, 1, 2].map(|i| all.spread(band, |channel| line(channel)[i]));
                    Gradient { center, p, q, u }.write(&part.x, &mut part.dy, &mask, part.beside.take());
                }
                for (channel, dw) in part.dw.iter_mut().enumerate() {
                    *dw *= of(channel).scale;
                }
            });
        }
        for (place, gradient) in [(weight, dw), (bias, db)] {
            if let Some(place) = place {
                slots.add(place, gradient);
            }
        }
        match (past, beside) {
            (Some(past), Some(dx)) => {
                slots.add(past, dy);
                slots.add(0, dx);
            }
            (Some(past), None) => slots.add(past, dy),
            (None, _) => slots.add(0, dy),
        }
    }
}
