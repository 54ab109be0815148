//! The rectified linear unit that learns its slope.

use crate::{Error, Layer, Module, Parameter, Result, init};
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::{rows, simd};

/// Rectified linear unit with a learned slope on the left: one for all numbers, or one for each channel.
///
/// ```text
/// y = x where x > 0, else a x        dx = dy where x > 0, else a · dy,  da = Σ x · dy over x ≤ 0
/// ```
///
/// The slope should not decay: a penalty would pull the unit towards [`Relu`](crate::Relu).
///
/// # Shapes
/// - input: any, for one slope; with slopes for C channels `(N, C, …)`, or `(C)`
/// - output: as the input
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Prelu, Tape, ndarray::array};
/// let layer: Prelu = Prelu::new(2);
/// let y = layer.forward(&Tape::inference().input(array![[4.0, -4.0]]))?;
/// assert_eq!(y.value(), &array![[4.0, -1.0]]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// K. He et al., *Delving deep into rectifiers*, 2015, <https://arxiv.org/abs/1502.01852>
#[derive(Debug, Clone, Module)]
pub struct Prelu<F: Real = f32> {
    /// Slopes `a`, `(num_parameters,)`; they start at 0.25.
    pub weight: Parameter<F>,
}

const NAME: &str = "prelu";
const SLICE: &str = "a standard layout is a slice";

impl<F: Real> Prelu<F> {
    /// One slope for all numbers (1), or one for each channel.
    #[must_use]
    pub fn new(num_parameters: usize) -> Self {
        Self { weight: init::constant(num_parameters, 0.25).into() }
    }
}

impl<F: Real> Layer<F> for Prelu<F> {
    /// # Errors
    /// [`Error::Channels`] if the input has not as many channels as there are slopes, [`Error::ParameterRank`].
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let &[slopes] = self.weight.shape() else {
            let (found, expected) = (self.weight.shape().to_vec(), "one, (num_parameters,),");
            return Err(Error::ParameterRank { layer: NAME, parameter: "weight", found, expected });
        };
        // Numbers side by side that have the same slope.
        let inner: usize = match x.shape() {
            shape if slopes == 1 => shape.iter().product(),
            [channels] if *channels == slopes => 1,
            [_, channels, inner @ ..] if *channels == slopes => inner.iter().product(),
            input => return Err(Error::Channels { layer: NAME, channels: slopes, least: 2, input: input.to_vec() }),
        };
        let (inner, zero) = (inner.max(1), F::zero());
        let weight = x.tape().parameter(&self.weight);
        let (xs, slope) = (x.value().clone().into_standard_layout(), weight.value().clone().into_standard_layout());
        let mut y = Value::unspecified(xs.raw_dim());
        let (from, to) = (xs.as_slice().expect(SLICE), y.as_slice_mut().expect(SLICE));
        let channels = from.chunks_exact(inner).zip(to.chunks_exact_mut(inner));
        for ((x, y), &a) in channels.zip(slope.as_slice().expect(SLICE).iter().cycle()) {
            simd::vectorized(
                #[inline(always)]
                || y.iter_mut().zip(x).for_each(|(y, &x)| *y = if x > zero { x } else { a * x }),
            );
        }
        Ok(x.tape().record_into(NAME, [x, &weight], y, move |dy, slots| {
            let mut dx = dy.into_standard_layout(); // turned into the gradient where it lies
            let mut da = Value::zeros([slopes]);
            let slope = slope.as_slice().expect(SLICE);
            let channels = xs.as_slice().expect(SLICE).chunks_exact(inner);
            let channels = channels.zip(dx.as_slice_mut().expect(SLICE).chunks_exact_mut(inner));
            let mut terms = gradus_linalg::memory::take(inner);
            for (i, (x, dx)) in channels.enumerate() {
                let a = slope[i % slopes];
                simd::vectorized(
                    #[inline(always)]
                    || {
                        for ((dx, &x), term) in dx.iter_mut().zip(x).zip(&mut terms) {
                            (*dx, *term) = if x > zero { (*dx, zero) } else { (a * *dx, x * *dx) };
                        }
                    },
                );
                da[[i % slopes]] += rows::sum(&terms);
            }
            gradus_linalg::memory::give(terms);
            slots.add(0, dx);
            slots.add(1, da);
        }))
    }
}
