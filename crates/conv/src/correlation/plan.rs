//! The sizes of a convolution, and which way each of its products goes.

use super::after::{self, After, Cotangent, Kept};
use super::depthwise::Depthwise;
use super::direct::Direct;
use super::winograd::{Wanted, Winograd};
use super::{name, products, slice_mut};
use crate::geometry::{Axis, Geometry, count};
use crate::patches::volume;
use crate::{Error, Result};
use gradus_autograd::{Real, Value};
use gradus_linalg::{elementwise, memory};
use ndarray::IxDyn;
use std::ops::Range;

/// The axes and the shape of the result; the parameters have been checked.
fn output<const R: usize>(
    x: &[usize],
    weight: &[usize],
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<(Vec<Axis>, Vec<usize>)> {
    let operation = name::<R>();
    let (&[images, in_channels, ref size @ ..], &[out_channels, inputs, ..]) = (x, weight) else {
        return Err(Error::Rank { operation, found: x.to_vec(), rank: R });
    };
    if size.len() != R {
        return Err(Error::Rank { operation, found: x.to_vec(), rank: R });
    }
    if in_channels % groups != 0 {
        return Err(Error::Groups { operation, name: "input channels", channels: in_channels, groups });
    }
    if in_channels / groups != inputs {
        return Err(Error::Channels { operation, input: x.to_vec(), weight: weight.to_vec(), groups });
    }
    let axes = geometry.axes(operation, size)?;
    let out_shape = [images, out_channels].into_iter().chain(axes.iter().map(|axis| axis.out)).collect();
    Ok((axes, out_shape))
}

/// As [`output`], if arrays of such sizes can exist.
fn counted_output<F: Real, const R: usize>(
    x: &[usize],
    weight: &[usize],
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<(Vec<Axis>, Vec<usize>)> {
    let (axes, out_shape) = output(x, weight, geometry, groups)?;
    count::<F>(name::<R>(), "result of shape", &out_shape)?;
    let spanned: Vec<usize> = x.iter().skip(1).take(1).copied().chain(axes.iter().map(Axis::spanned)).collect();
    count::<F>(name::<R>(), "image with its padding, of shape", &spanned)?;
    Ok((axes, out_shape))
}

/// The shape of the result, whether or not there can be an array of it; the parameters have been checked.
pub(crate) fn output_shape<const R: usize>(
    x: &[usize],
    weight: &[usize],
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<Vec<usize>> {
    output(x, weight, geometry, groups).map(|(_, shape)| shape)
}

/// As [`output_shape`], if arrays of the sizes on the way to it can exist, as the convolution itself asks.
pub(crate) fn counted_output_shape<F: Real, const R: usize>(
    x: &[usize],
    weight: &[usize],
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<Vec<usize>> {
    counted_output::<F, R>(x, weight, geometry, groups).map(|(_, shape)| shape)
}

/// The sizes of a convolution.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The axes in space; of a kernel of 1 that moves in steps of 1, one axis of all places.
    pub(super) axes: Vec<Axis>,
    pub(super) images: usize,
    pub(super) groups: usize,
    /// Channels of one group, in the input and in the output.
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Numbers of one channel of the input, of the kernel and of the output.
    pub(super) pixels: usize,
    pub(super) taps: usize,
    pub(super) places: usize,
    pub(super) direct: Direct,
    /// The other way, for the products in which groups have few channels.
    pub(super) depthwise: Depthwise,
    /// The way of fewer multiplications, if the kernel is one for it.
    pub(super) winograd: Option<Winograd>,
}

impl Plan {
    /// The plan and the shape of the result; the parameters have been checked.
    pub(crate) fn new<F: Real, const R: usize>(
        x: &[usize],
        weight: &[usize],
        geometry: &Geometry<R>,
        groups: usize,
    ) -> Result<(Self, Vec<usize>)> {
        let (mut axes, out_shape) = counted_output::<F, R>(x, weight, geometry, groups)?;
        let (&[images, ..], &[out_channels, inputs, ..]) = (x, weight) else {
            unreachable!("the shapes have been checked")
        };
        let (pixels, places) = (volume(&axes, |axis| axis.size), volume(&axes, |axis| axis.out));
        if axes.iter().all(|axis| axis.extent == 1 && axis.stride == 1 && axis.out == axis.size) {
            axes = Geometry::<1>::new(1).axes(name::<R>(), &[pixels])?;
        }
        let (outputs, taps) = (out_channels / groups, volume(&axes, |axis| axis.kernel_size));
        let direct = Direct::new(&axes, inputs);
        let depthwise = Depthwise::new(&axes, inputs, outputs);
        let winograd = Winograd::new(&axes, images, groups, [inputs, outputs]);
        let sizes = Self { axes, images, groups, inputs, outputs, pixels, taps, places, direct, depthwise, winograd };
        Ok((sizes, out_shape))
    }

    /// `Y = W P + b`.
    pub(crate) fn forward<F: Real>(&self, x: &[F], w: &[F], bias: Option<&[F]>, y: &mut [F]) {
        self.forward_and(x, (w, bias), After::Nothing, y, &mut []);
    }

    /// `Y = W P + b`, and what follows.
    pub(crate) fn forward_and<F: Real>(
        &self,
        x: &[F],
        (w, bias): (&[F], Option<&[F]>),
        after: After,
        y: &mut [F],
        winners: &mut [u8],
    ) {
        if y.is_empty() {
            return;
        }
        if !x.is_empty() && self.is_pointwise() && !after.is_apart() {
            self.pointwise(x, w, bias, y);
            if after == After::Relu {
                after::relu(y);
            }
            return;
        }
        if !x.is_empty() {
            if let (Some(seen), false) = (&self.depthwise.seen, after.is_apart()) {
                return seen.forward(self, x, (w, bias), after == After::Relu, y);
            }
            if let Some(winograd) = &self.winograd {
                return winograd.forward(self, x, (w, bias), after, y, winners);
            }
            return self.direct.forward(self, x, (w, bias), after, y, winners);
        }
        // There is nothing but padding: all numbers of a channel are its bias.
        let planes = y.chunks_exact_mut(after.places(self.places)).enumerate();
        planes.for_each(|(i, y)| y.fill(bias.map_or(F::zero(), |bias| bias[i % bias.len()])));
        if after != After::Nothing {
            after::relu(y);
        }
        // Alike over the plane: which of its rows of channels a mark stands for makes no difference.
        let channels = self.outputs;
        for (i, winner) in winners.iter_mut().enumerate() {
            let bias = bias.map_or(F::zero(), |bias| {
                bias[i / (channels * after.places(self.places)) % self.groups * channels + i % channels]
            });
            *winner = if bias > F::zero() { 0 } else { u8::MAX };
        }
    }

    /// `dW ← Σ dY Pᵀ + β dW`.
    pub(crate) fn weight_gradient<F: Real>(&self, x: &[F], dy: &[F], beta: F, dw: &mut [F]) {
        self.weight_gradient_of(x, &Cotangent { dy, kept: Kept::Nothing }, beta, dw);
    }

    pub(super) fn weight_gradient_of<F: Real>(&self, x: &[F], dy: &Cotangent<'_, F>, beta: F, dw: &mut [F]) {
        if !x.is_empty() && !dw.is_empty() {
            if let (Some(seen), None) = (&self.depthwise.seen, dy.windows()) {
                return seen.weight_gradient(self, x, dy, beta, dw);
            }
            if let Some(winograd) = &self.winograd {
                return winograd.gradients(self, dy, Some(Wanted { of: x, beta, to: dw }), None);
            }
            return self.direct.weight_gradient(self, x, dy, beta, dw);
        }
        dw.iter_mut().for_each(|dw| *dw = if beta.is_zero() { F::zero() } else { beta * *dw });
    }

    /// `dx ← Σ_k W_kᵀ dY + β dx`.
    pub(crate) fn input_gradient<F: Real>(&self, w: &[F], dy: &[F], beta: F, dx: &mut [F]) {
        self.input_gradient_of(w, &Cotangent { dy, kept: Kept::Nothing }, beta, dx);
    }

    pub(super) fn input_gradient_of<F: Real>(&self, w: &[F], dy: &Cotangent<'_, F>, beta: F, dx: &mut [F]) {
        if !dx.is_empty() && self.outputs > 0 {
            return match (dy.kept, &self.depthwise.spread) {
                (Kept::Nothing, _) if self.is_pointwise() => self.pointwise_input_gradient(w, dy.dy, beta, dx),
                (Kept::Nothing, _) if self.has_few_inputs() && self.outputs >= products::MANY => {
                    self.input_gradient_by_taps(w, dy.dy, beta, dx);
                }
                (Kept::Nothing | Kept::Result(_), Some(spread)) => spread.input_gradient(self, w, dy, beta, dx),
                (Kept::Nothing, _) if self.has_few_inputs() => self.input_gradient_by_taps(w, dy.dy, beta, dx),
                _ => match &self.winograd {
                    Some(winograd) => winograd.gradients(self, dy, None, Some(Wanted { of: w, beta, to: dx })),
                    None => self.direct.input_gradient(self, w, dy, beta, dx),
                },
            };
        }
        dx.iter_mut().for_each(|dx| *dx = if beta.is_zero() { F::zero() } else { beta * *dx });
    }

    /// If both gradients are computed the same way, that way: they can then share what it makes of `dy`.
    pub(super) fn shared_way(&self) -> Option<&Winograd> {
        let others = self.depthwise.seen.is_some() || self.depthwise.spread.is_some();
        self.winograd.as_ref().filter(|_| !others && self.images > 0)
    }

    /// `db = Σ dY`, over images and places.
    pub(super) fn bias_gradient_of<F: Real>(&self, dy: &Cotangent<'_, F>) -> Value<F> {
        let channels = self.groups * self.outputs;
        let mut db = Value::zeros(IxDyn(&[channels]));
        let len = dy.dy.len() / (self.images * channels).max(1);
        let mut room: Vec<F> = memory::take(if dy.is_plain() { 0 } else { channels * len });
        for image in 0..self.images {
            let dy = dy.image(image, channels * len, &mut room);
            for (sum, plane) in slice_mut(&mut db).iter_mut().zip(dy.chunks_exact(len.max(1))) {
                *sum += elementwise::sum_slice(plane);
            }
        }
        memory::give(room);
        db
    }

    /// Room for the gradient of an image's sums, if it is not given as it is.
    pub(super) fn room_for_sums<F: Real>(&self, dy: &Cotangent<'_, F>) -> Vec<F> {
        let of_windows = dy.windows().map(|(windows, _)| self.outputs * windows.places());
        let of_relu = if dy.is_plain() { 0 } else { self.groups * self.outputs * self.places };
        memory::take(of_windows.unwrap_or(of_relu))
    }

    /// Terms of each sum of the output.
    pub(super) fn depth(&self) -> usize {
        self.inputs * self.taps
    }

    /// Multiplications of each of the three products.
    pub(super) fn multiplications(&self) -> usize {
        [self.images, self.places, self.groups, self.outputs, self.depth()].into_iter().fold(1, usize::saturating_mul)
    }

    /// Where the weight of a group lies.
    pub(super) fn weights(&self, group: usize) -> Range<usize> {
        let len = self.outputs * self.depth();
        group * len..(group + 1) * len
    }

    /// The bias of a group.
    pub(super) fn bias<'a, F>(&self, bias: Option<&'a [F]>, group: usize) -> Option<&'a [F]> {
        bias.map(|bias| &bias[group * self.outputs..][..self.outputs])
    }
}
