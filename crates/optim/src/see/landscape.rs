//! Slices of the loss around a model.

use super::item;
use super::keep::kept;
use super::normal::Normal;
use super::trajectories::spread;
use crate::plot::{Axis, Pen, Plot};
use crate::{Error, hyper};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Item, ItemMut, Module, Result, StateDict};
use ndarray::{Array2, ArrayD, Axis as ArrayAxis};

/// A direction in the space of a model's parameters: an array for each trainable one.
#[derive(Debug, Clone, PartialEq)]
pub struct Direction<F> {
    parts: Vec<(String, ArrayD<F>)>,
}

impl<F: Real> Direction<F> {
    /// A random direction, normalized filter by filter.
    ///
    /// ```text
    /// dⱼ ← dⱼ / ‖dⱼ‖ · ‖θⱼ‖        for each filter j: the part of a weight that makes one output
    /// ```
    ///
    /// After a layer with large weights a small step changes nothing, after one with small weights everything, though the functions may
    /// be the same (ReLU networks can be rescaled). In units of the filters' own norms, slices of different models compare. A filter is
    /// what one index of the first axis picks; biases and scales of normalization (one axis or none) stay where they are, as in the
    /// paper. The same seed gives the same direction.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Parameter, ndarray::{Axis, array}};
    /// use gradus_optim::see::Direction;
    /// let w: Parameter<f64> = array![[3.0, 4.0], [0.0, 0.0]].into();
    /// let direction = Direction::filter_normalized(&w, 7);
    /// let d = &direction.parts()[0].1;
    /// let norm = |i| d.index_axis(Axis(0), i).iter().map(|d: &f64| d * d).sum::<f64>().sqrt();
    /// assert!((norm(0) - 5.0).abs() < 1e-12 && norm(1) == 0.0);
    /// ```
    ///
    /// # References
    /// H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein, *Visualizing the loss landscape of neural nets*, NeurIPS 2018, section 4,
    /// <https://arxiv.org/abs/1712.09913>
    pub fn filter_normalized(model: &(impl Module<F> + ?Sized), seed: u64) -> Self {
        let mut normal = Normal::new(seed);
        Self::of_each(model, |_, weights| {
            if weights.ndim() < 2 {
                return ArrayD::zeros(weights.raw_dim());
            }
            let mut direction = ArrayD::from_shape_simple_fn(weights.raw_dim(), || F::from_f64(normal.draw()));
            for (mut d, w) in direction.axis_iter_mut(ArrayAxis(0)).zip(weights.axis_iter(ArrayAxis(0))) {
                let (length, wanted) = (norm(d.iter()), norm(w.iter()));
                let factor = F::from_f64(if length > 0.0 { wanted / length } else { 0.0 });
                d.mapv_inplace(|d| d * factor);
            }
            direction
        })
    }

    /// From this model to the values of another one, of the same names and shapes: at 0 the slice shows this one, at 1 the other.
    ///
    /// # Errors
    /// [`Error::Counterpart`] names the first parameter that the other lacks or has in another shape.
    ///
    /// # References
    /// I. J. Goodfellow, O. Vinyals, A. M. Saxe, *Qualitatively characterizing neural network optimization problems*, ICLR 2015,
    /// <https://arxiv.org/abs/1412.6544>
    pub fn towards(model: &(impl Module<F> + ?Sized), other: &StateDict<F>) -> crate::Result<Self> {
        let mut outcome = Ok(());
        let direction = Self::of_each(model, |name, weights| match other.get(name) {
            Some(target) if target.shape() == weights.shape() => &**target - weights,
            found => {
                if outcome.is_ok() {
                    let found = found.map(|target| target.shape().to_vec());
                    outcome =
                        Err(Error::Counterpart { name: name.to_owned(), expected: weights.shape().to_vec(), found });
                }
                ArrayD::zeros(weights.raw_dim())
            }
        });
        outcome.map(|()| direction)
    }

    fn of_each(model: &(impl Module<F> + ?Sized), mut part: impl FnMut(&str, &ArrayD<F>) -> ArrayD<F>) -> Self {
        let mut parts = Vec::new();
        model.visit(&mut |name, found| {
            if let Item::Parameter(parameter) = found
                && parameter.is_trainable()
            {
                parts.push((name.to_owned(), part(name, &parameter.value().to_owned().into_array())));
            }
        });
        Self { parts }
    }

    /// The part of each trainable parameter, by name, in the model's order.
    #[must_use]
    pub fn parts(&self) -> &[(String, ArrayD<F>)] {
        &self.parts
    }
}

/// In f64, where squares of f32 neither overflow nor vanish.
fn norm<'a, F: Real>(values: impl Iterator<Item = &'a F>) -> f64 {
    values.map(|x| x.to_f64() * x.to_f64()).sum::<f64>().sqrt()
}

/// The loss along a line through the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// How far along the direction.
    pub at: Vec<f64>,
    /// The loss there; may be infinite or NaN.
    pub losses: Vec<f64>,
}

impl Slice {
    /// The curve, with the model's place marked.
    #[must_use]
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn to_svg(&self) -> String {
        let x = Axis::linear("along the direction", self.at.iter().copied());
        let y = Axis::automatic("loss", self.losses.iter().copied());
        let mut plot = Plot::new("the loss around the model", x, y);
        let points: Vec<[f64; 2]> = self.at.iter().zip(&self.losses).map(|(&x, &y)| [x, y]).collect();
        let here = points.iter().copied().min_by(|a, b| a[0].abs().total_cmp(&b[0].abs()));
        plot.curve(None, points, Pen::of(0));
        if let Some(here) = here {
            plot.dot(Some("the model"), here, Pen::of(1));
        }
        plot.finish()
    }
}

/// The loss on a plane through the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// How far along either direction.
    pub at: Vec<f64>,
    /// The losses: in row `i` and column `j`, that at `at[j]` along the first direction and `at[i]` along the second.
    pub losses: Array2<f64>,
}

impl Plane {
    /// Contour lines, with the model's place marked.
    ///
    /// # Errors
    /// [`Error::Grid`] if the fields were changed so that they do not fit each other.
    #[inline]
    pub fn to_svg(&self) -> crate::Result<String> {
        let (low, high) = (self.at.first().copied().unwrap_or(0.0), self.at.last().copied().unwrap_or(0.0));
        let axis = |label| Axis::exact(label, low, high);
        let mut plot = Plot::square("the loss around the model", axis("first direction"), axis("second direction"));
        plot.contours(&self.at, &self.at, &self.losses)?;
        plot.dot(Some("the model"), [0.0, 0.0], Pen::of(1));
        Ok(plot.finish())
    }
}

/// The loss along a direction, from `−reach` to `reach` at so many points; an odd number of them includes the model itself.
///
/// ```text
/// loss(θ + α d)
/// ```
///
/// The model is left as it was, bit for bit. A loss that is the mean over one fixed batch shows the surface, one with dropout its noise.
///
/// # Errors
/// [`Error::HyperParameter`] for fewer than two points or a reach that is not above 0; [`Error::Counterpart`] if the direction is of
/// another model; what `loss` finds.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Result, Tape, ndarray::array};
/// use gradus_optim::see::{Direction, slice};
/// fn main() -> Result<()> {
///     let mut w: Parameter<f64> = array![[3.0, 4.0]].into();
///     let direction = Direction::filter_normalized(&w, 1);
///     let slice = slice(&mut w, &direction, 1.0, 5, |w| Ok(Tape::inference().parameter(w).square().sum()))?;
///     assert_eq!((slice.at[2], slice.losses[2]), (0.0, 25.0));
///     assert!(slice.to_svg().contains("along the direction"));
///     Ok(())
/// }
/// ```
pub fn slice<F: Real, M: Module<F>>(
    model: &mut M,
    direction: &Direction<F>,
    reach: f64,
    points: usize,
    loss: impl Fn(&M) -> Result<Var<F>>,
) -> Result<Slice> {
    let at = places("slice", reach, points)?;
    let start = model.state_dict();
    let losses = kept(model, |model| {
        let each = at.iter().map(|&alpha| {
            put(model, &start, &[(alpha, direction)])?;
            item(&loss(model)?)
        });
        each.collect::<Result<Vec<f64>>>()
    })?;
    Ok(Slice { at, losses })
}

/// The loss on a plane, from `−reach` to `reach` along two directions at `points · points` places; see [`slice`](slice()).
///
/// ```text
/// loss(θ + α d + β e)
/// ```
///
/// # Errors
/// As [`slice`](slice()).
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Result, Tape, ndarray::array};
/// use gradus_optim::see::{Direction, plane};
/// fn main() -> Result<()> {
///     let mut w: Parameter<f64> = array![[3.0, 4.0]].into();
///     let (d, e) = (Direction::filter_normalized(&w, 1), Direction::filter_normalized(&w, 2));
///     let plane = plane(&mut w, [&d, &e], 1.0, 21, |w| Ok(Tape::inference().parameter(w).square().sum()))?;
///     assert_eq!(plane.losses[[10, 10]], 25.0);
///     assert!(plane.to_svg()?.contains("second direction"));
///     Ok(())
/// }
/// ```
pub fn plane<F: Real, M: Module<F>>(
    model: &mut M,
    directions: [&Direction<F>; 2],
    reach: f64,
    points: usize,
    loss: impl Fn(&M) -> Result<Var<F>>,
) -> Result<Plane> {
    let at = places("plane", reach, points)?;
    let start = model.state_dict();
    let mut losses = Array2::zeros((points, points));
    kept(model, |model| {
        for ((i, j), slot) in losses.indexed_iter_mut() {
            put(model, &start, &[(at[j], directions[0]), (at[i], directions[1])])?;
            *slot = item(&loss(model)?)?;
        }
        Ok(())
    })?;
    Ok(Plane { at, losses })
}

fn places(operation: &'static str, reach: f64, points: usize) -> crate::Result<Vec<f64>> {
    hyper::positive(operation, "reach", reach)?;
    hyper::hold(points >= 2, operation, "points", points as f64, "at least 2")?;
    Ok(spread([-reach, reach], points))
}

/// Every parameter at its start plus multiples of the directions.
fn put<F: Real>(model: &mut dyn Module<F>, start: &StateDict<F>, steps: &[(f64, &Direction<F>)]) -> crate::Result<()> {
    let mut outcome = Ok(());
    let mut place = 0;
    model.visit_mut(&mut |name, found| {
        let ItemMut::Parameter(parameter) = found else { return };
        if outcome.is_err() || !parameter.is_trainable() {
            return;
        }
        let expected = parameter.shape().to_vec();
        if let Some(from) = start.get(name) {
            parameter.value_mut().assign(&**from);
        }
        for (alpha, direction) in steps {
            match direction.parts.get(place) {
                Some((own, part)) if own == name && part.shape() == expected => {
                    parameter.value_mut().scaled_add(F::from_f64(*alpha), part);
                }
                found => {
                    let found = found.filter(|(own, _)| own == name).map(|(_, part)| part.shape().to_vec());
                    outcome = Err(Error::Counterpart { name: name.to_owned(), expected: expected.clone(), found });
                }
            }
        }
        place += 1;
    });
    outcome
}
