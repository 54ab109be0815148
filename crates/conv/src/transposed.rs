//! The operation: transposed convolution, which is the way back of a convolution taken forward.

use crate::correlation::{self, Plan, check_weight, slice, slice_mut};
use crate::geometry::{Geometry, PerAxis, count};
use crate::gradients::sums_of_channels;
use crate::{Error, Result};
use gradus_autograd::{Real, Slots, Value, Var};
use ndarray::IxDyn;

/// Transposed convolution in `R` axes of space: each number of the input puts the kernel, times itself, into the result.
///
/// A convolution is linear in its input, `vec(y) = T vec(x)` with the matrix of [`toeplitz`](crate::toeplitz()). This is `Tᵀ`, hence the name: the
/// gradient of a convolution with respect to its *input*, taken forward. It is no inverse; it has the shapes of one. Written for one axis:
///
/// ```text
/// y[n, o, i] = b[o] + Σ_c Σ_{p, k: p · stride + k · dilation − padding = i} W[c, o, k] · x[n, c, p]
///
/// dx[n, c, p] = Σ_o Σ_k W[c, o, k] · dy[n, o, p · stride + k · dilation − padding]      a convolution
/// dW[c, o, k] = Σ_n Σ_p x[n, c, p] · dy[n, o, p · stride + k · dilation − padding]      its weight gradient, x and dy exchanged
/// db[o]       = Σ_n Σ_i dy[n, o, i]
/// ```
///
/// The geometry, the weight and the groups are those of the convolution that it is the transpose of, which runs from the result here to the
/// input here, and whose code computes all three. So padding takes away, and a stride spreads:
///
/// ```text
/// kernel (1 2 3), stride 2, padding 1        x = a b
///
///   a  2a  3a                                one kernel for each number, 2 apart
///           b  2b  3b
///   ─────────────────
///   ×  2a 3a+b 2b  ×                         the sums, without the padding: y = 2a, 3a + b, 2b
/// ```
///
/// With a stride above 1 convolutions of several sizes give the same size, that of `x` here. `output_padding` says which of them to
/// go back to: by so much the result is longer at its end.
///
/// # Shapes
/// - `x (N, in_channels, …)`, with `R` axes after the channels
/// - `weight (in_channels, out_channels / groups, …)`, the last `R` axes as in `geometry`
/// - `bias (out_channels,)`
/// - result `(N, out_channels, …)`, the last `R` axes as [`Geometry::transposed_output_size`] says
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, Tape, conv_transpose, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let x = tape.variable(array![[[10.0, 100.0]]]);
/// let weight = tape.variable(array![[[1.0, 2.0, 3.0]]]);
/// let y = conv_transpose(&x, &weight, None, &Geometry::<1>::new(3).stride(2).padding(1), 0, 1)?;
/// assert_eq!(y.value(), &array![[[20.0, 130.0, 200.0]]]);
/// assert_eq!(y.sum().backward()?.get(&x).unwrap(), &array![[[5.0, 3.0]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`], [`Error::Groups`] and [`Error::Parameter`] where shapes do not fit; the errors of [`Geometry::transposed_output_size`];
/// [`Error::TooLarge`] if memory cannot hold the result; variables of different tapes.
///
/// # References
/// M. Zeiler, D. Krishnan, G. Taylor, R. Fergus, *Deconvolutional networks*, 2010, <https://doi.org/10.1109/CVPR.2010.5539957>; V. Dumoulin,
/// F. Visin, *A guide to convolution arithmetic for deep learning*, 2016, <https://arxiv.org/abs/1603.07285>, section 4.
#[doc(alias = "conv_transpose1d")]
#[doc(alias = "conv_transpose2d")]
#[doc(alias = "conv_transpose3d")]
#[doc(alias = "deconvolution")]
#[track_caller]
pub fn conv_transpose<const R: usize, F: Real>(
    x: &Var<F>,
    weight: &Var<F>,
    bias: Option<&Var<F>>,
    geometry: &Geometry<R>,
    output_padding: impl Into<PerAxis<R>>,
    groups: usize,
) -> Result<Var<F>> {
    let operation = name::<R>();
    let output_padding = output_padding.into().0;
    let (tape, on_other_tape) = (x.tape(), |v: &&Var<F>| !v.tape().is(x.tape()));
    if [Some(weight), bias].iter().flatten().any(on_other_tape) {
        return Err(gradus_autograd::Error::ForeignVar { operation }.into());
    }
    check_parameters(geometry, weight.shape(), bias.map(Var::shape), groups)?;
    let y_shape = output_shape::<F, R>(x.shape(), weight.shape(), geometry, output_padding, groups)?;
    if whole_strides(geometry, output_padding) {
        return conv_transpose(
            &longer(x, geometry, output_padding)?,
            weight,
            bias,
            geometry,
            rest(geometry, output_padding),
            groups,
        );
    }

    // The convolution from here to there; what it calls its result is x.
    let plan = plan::<F, R>(&y_shape, weight.shape(), geometry, groups)?;
    let x_value = x.value().clone().into_standard_layout();
    let w_value = weight.value().clone().into_standard_layout();
    let mut y = Value::unspecified(IxDyn(&y_shape));
    let beta = match bias {
        Some(bias) => {
            spread(&bias.value().clone().into_standard_layout(), &mut y);
            F::one()
        }
        None => F::zero(),
    };
    plan.input_gradient(slice(&w_value), slice(&x_value), beta, slice_mut(&mut y));

    // Only what a gradient is made of is kept.
    let x_shape = x_value.raw_dim();
    let saved_x = weight.needs_gradient().then_some(x_value);
    let saved_w = x.needs_gradient().then_some(w_value);
    let backward = move |dy: Value<F>, slots: &mut Slots<'_, F>| {
        let dy = dy.into_standard_layout();
        if slots.needs(2) {
            slots.add(2, sums_of_channels(&dy));
        }
        if let Some(x) = &saved_x {
            slots.accumulate(1, |dw, beta| {
                let dw = dw.into_slice().expect("gradients are row-major");
                plan.weight_gradient(slice(&dy), slice(x), beta, dw);
            });
        }
        if let Some(w) = &saved_w {
            let mut dx = Value::unspecified(x_shape);
            plan.forward(slice(&dy), slice(w), None, slice_mut(&mut dx));
            slots.add(0, dx);
        }
    };
    Ok(match bias {
        Some(bias) => tape.record_into(operation, [x, weight, bias], y, backward),
        None => tape.record_into(operation, [x, weight], y, backward),
    })
}

/// The name that the operation has on the tape and in errors.
pub(crate) const fn name<const R: usize>() -> &'static str {
    match R {
        1 => "conv_transpose1d",
        2 => "conv_transpose2d",
        3 => "conv_transpose3d",
        _ => "conv_transpose",
    }
}

impl<const R: usize> Geometry<R> {
    /// The size of a transposed convolution's result: one of those from which [`Geometry::output_size`] leads to `input_size`.
    ///
    /// ```text
    /// out = (size − 1) · stride − before − after + dilation · (kernel − 1) + 1 + output_padding       along each axis
    /// ```
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::Geometry;
    /// let halving = Geometry::<1>::new(3).stride(2).padding(1);
    /// assert_eq!((halving.output_size([7])?, halving.output_size([8])?), ([4], [4]));
    /// assert_eq!(halving.transposed_output_size([4], 0)?, [7]);
    /// assert_eq!(halving.transposed_output_size([4], 1)?, [8]);
    /// # Ok::<(), gradus_conv::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Zero`], also for a size of 0; [`Error::OutputPadding`] if it is neither below the stride nor below the dilation;
    /// [`Error::NothingLeft`] if padding takes all away; [`Error::TooLarge`] if the size overflows.
    pub fn transposed_output_size(
        &self,
        input_size: [usize; R],
        output_padding: impl Into<PerAxis<R>>,
    ) -> Result<[usize; R]> {
        self.transposed("transposed output size", &input_size, output_padding.into().0)
    }

    fn transposed(&self, operation: &'static str, size: &[usize], output_padding: [usize; R]) -> Result<[usize; R]> {
        self.check(operation)?;
        if size.contains(&0) {
            return Err(Error::Zero { operation, name: "size", value: size.to_vec() });
        }
        self.check_output_padding(operation, output_padding)?;
        let mut out = [0; R];
        for (axis, out) in out.iter_mut().enumerate() {
            *out = self.transposed_axis(operation, axis, size[axis], output_padding[axis])?;
        }
        Ok(out)
    }

    pub(crate) fn check_output_padding(&self, operation: &'static str, output_padding: [usize; R]) -> Result<()> {
        for (axis, output_padding) in output_padding.into_iter().enumerate() {
            let (stride, dilation) = (self.stride[axis], self.dilation[axis]);
            if output_padding >= stride.max(dilation) {
                return Err(Error::OutputPadding { operation, axis, output_padding, stride, dilation });
            }
        }
        Ok(())
    }

    fn transposed_axis(
        &self,
        operation: &'static str,
        axis: usize,
        size: usize,
        output_padding: usize,
    ) -> Result<usize> {
        let (kernel_size, stride, dilation) = (self.kernel_size[axis], self.stride[axis], self.dilation[axis]);
        let padding = self.padding[axis];
        let too_large = || {
            let sizes = vec![size, stride, kernel_size, dilation, output_padding];
            Error::TooLarge { operation, what: "size, stride, kernel, dilation and output padding", sizes }
        };
        let wide = |n: usize| n as i128;
        let product = |a: usize, b: usize| wide(a).checked_mul(wide(b)).filter(|&n| n <= wide(usize::MAX));
        let places = product(size - 1, stride).ok_or_else(too_large)?;
        let span = product(kernel_size - 1, dilation).ok_or_else(too_large)?;
        let result = places - wide(padding.0) - wide(padding.1) + span + 1 + wide(output_padding);
        if result < 1 {
            let result = isize::try_from(result).unwrap_or(isize::MIN);
            let error = Error::NothingLeft {
                operation,
                axis,
                size,
                stride,
                padding,
                kernel_size,
                dilation,
                output_padding,
                result,
            };
            return Err(error);
        }
        usize::try_from(result).map_err(|_| too_large())
    }
}

/// What must hold whatever the input is.
pub(crate) fn check_parameters<const R: usize>(
    geometry: &Geometry<R>,
    weight: &[usize],
    bias: Option<&[usize]>,
    groups: usize,
) -> Result<()> {
    let operation = name::<R>();
    let axes = "(in_channels, out_channels / groups, …)";
    let [_, outputs] = check_weight(operation, geometry, weight, groups, (axes, "input channels"))?;
    let out_channels = count::<u8>(operation, "output channels of each group, and groups,", &[outputs, groups])?;
    match bias {
        Some(bias) if bias != [out_channels] => {
            let expected = format!(
                "the weight has {outputs} · {groups} = {out_channels} output channels; [{out_channels}] would fit"
            );
            Err(Error::Parameter { operation, parameter: "bias", found: bias.to_vec(), expected })
        }
        _ => Ok(()),
    }
}

/// The shape of the result, if arrays of the sizes on the way to it can exist; the parameters have been checked.
pub(crate) fn output_shape<F: Real, const R: usize>(
    x: &[usize],
    weight: &[usize],
    geometry: &Geometry<R>,
    output_padding: [usize; R],
    groups: usize,
) -> Result<Vec<usize>> {
    let operation = name::<R>();
    let (&[images, channels, ref size @ ..], &[in_channels, outputs, ..]) = (x, weight) else {
        return Err(Error::Rank { operation, found: x.to_vec(), rank: R });
    };
    if size.len() != R {
        return Err(Error::Rank { operation, found: x.to_vec(), rank: R });
    }
    if channels != in_channels {
        let expected =
            format!("it takes {in_channels} channels, the input {x:?} has {channels}; ({channels}, …) would fit");
        return Err(Error::Parameter { operation, parameter: "weight", found: weight.to_vec(), expected });
    }
    let out = geometry.transposed(operation, size, output_padding)?;
    let y = [&[images, outputs * groups], &out[..]].concat();
    count::<F>(operation, "result of shape", &y)?;
    if whole_strides(geometry, output_padding) {
        let x = longer_shape::<F, R>(x, geometry, output_padding)?;
        return output_shape::<F, R>(&x, weight, geometry, rest(geometry, output_padding), groups);
    }
    in_own_name::<_, R>(correlation::counted_output_shape::<F, R>(&y, weight, &downward(geometry), groups))?;
    Ok(y)
}

/// The convolution from the result to the input: where it stops is no question of rounding.
fn downward<const R: usize>(geometry: &Geometry<R>) -> Geometry<R> {
    Geometry { ceil_mode: false, ..*geometry }
}

/// What the convolution found wrong, under this operation's name.
fn in_own_name<T, const R: usize>(result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::TooLarge { what, sizes, .. } => Error::TooLarge { operation: name::<R>(), what, sizes },
        other => other,
    })
}

/// The plan of the convolution from the result to the input.
fn plan<F: Real, const R: usize>(y: &[usize], weight: &[usize], geometry: &Geometry<R>, groups: usize) -> Result<Plan> {
    in_own_name::<_, R>(Plan::new::<F, R>(y, weight, &downward(geometry), groups)).map(|(plan, _)| plan)
}

/// The input with zeros after it, which stand for an output padding of whole strides.
///
/// Such a padding (it is below the dilation) goes back to a size from which the convolution leads to more than there is of `x`: what there
/// is not is zero.
#[track_caller]
fn longer<const R: usize, F: Real>(x: &Var<F>, geometry: &Geometry<R>, output_padding: [usize; R]) -> Result<Var<F>> {
    longer_shape::<F, R>(x.shape(), geometry, output_padding)?;
    let widths: Vec<_> =
        [0, 0].into_iter().chain(strides_of(geometry, output_padding)).map(|after| (0, after)).collect();
    Ok(x.pad(&widths, 0.0)?)
}

/// The shape of the input with those zeros.
fn longer_shape<F: Real, const R: usize>(
    x: &[usize],
    geometry: &Geometry<R>,
    output_padding: [usize; R],
) -> Result<Vec<usize>> {
    let zeros = [0, 0].into_iter().chain(strides_of(geometry, output_padding));
    let sizes: Vec<_> = x.iter().zip(zeros).map(|(&size, zeros)| size.saturating_add(zeros)).collect();
    count::<F>(name::<R>(), "input with zeros for the output padding, of shape", &sizes)?;
    Ok(sizes)
}

/// The whole strides in the output padding.
fn strides_of<const R: usize>(geometry: &Geometry<R>, output_padding: [usize; R]) -> [usize; R] {
    std::array::from_fn(|axis| output_padding[axis] / geometry.stride[axis])
}

/// Whether the output padding is a stride or more, somewhere.
fn whole_strides<const R: usize>(geometry: &Geometry<R>, output_padding: [usize; R]) -> bool {
    (0..R).any(|axis| output_padding[axis] >= geometry.stride[axis])
}

fn rest<const R: usize>(geometry: &Geometry<R>, output_padding: [usize; R]) -> [usize; R] {
    std::array::from_fn(|axis| output_padding[axis] % geometry.stride[axis])
}

/// Fills each channel of `y (N, channels, …)` with its bias.
fn spread<F: Real>(bias: &Value<F>, y: &mut Value<F>) {
    let places = y.shape()[2..].iter().product();
    let planes = slice_mut(y).chunks_exact_mut(places);
    planes.zip(slice(bias).iter().cycle()).for_each(|(plane, &b)| plane.fill(b));
}
