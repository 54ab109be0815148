//! Sharpness: the largest eigenvalue of the loss's Hessian.

use super::normal::Normal;
use crate::plot::{Axis, Pen, Plot};
use crate::{Error, hyper};
use gradus_autograd::{Dual, Leaf, Real, Value, Var, hvp};
use gradus_nn_layers::{Item, ItemMut, Module, Result};
use ndarray::{ArrayD, Zip};
use std::collections::HashMap;

/// Sharpness: the largest eigenvalue of the Hessian, by power iteration.
///
/// ```text
/// v ← H v / ‖H v‖        λ = vᵀ H v        until ‖H v − λ v‖ ≤ tolerance · |λ|
/// ```
///
/// `H v` comes from the tape over [`Dual`] numbers, forward over reverse, exactly; no Hessian is built. Descent with a rate above
/// `2 / λ` swings out along that eigenvector; in training, sharpness tends to rise until it hovers about there (the "edge of
/// stability").
///
/// Power iteration finds the eigenvalue of largest modulus. If that is negative, or none stands out, the search goes on with `H + c I`,
/// with `c` as large as that modulus, which leaves the largest on top. Where it ends early, the value is a lower bound, and
/// an eigenvalue lies within `residual` of it.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `tolerance` | the residual that is small enough, in units of the eigenvalue | 10⁻³ | above 0 |
/// | `products` | products with the Hessian that it may take | 100 | at least 1 |
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Result, ndarray::array};
/// use gradus_optim::see::{Sharpness, surface::ravine};
/// fn main() -> Result<()> {
///     let at = [array![0.3].into_dyn(), array![-2.0].into_dyn()];
///     let found = Sharpness::new().of(|x| Ok(ravine(&x[0], &x[1])?.sum()), &at)?;
///     assert!((found.value - 25.0_f64).abs() < 1e-3);
///     Ok(())
/// }
/// ```
///
/// # References
/// - B. A. Pearlmutter, *Fast exact multiplication by the Hessian*, Neural Computation 6(1), 1994
/// - J. Cohen, S. Kaur, Y. Li, J. Z. Kolter, A. Talwalkar, *Gradient descent on neural networks typically occurs at the edge of
///   stability*, ICLR 2021, <https://arxiv.org/abs/2103.00065>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharpness {
    tolerance: f64,
    products: usize,
}

/// What a [`Sharpness`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Curvature<F> {
    /// The largest eigenvalue, `λ = vᵀ H v`.
    pub value: f64,
    /// Its eigenvector `v`, of length 1: an array for each input or trainable parameter.
    pub vector: Vec<ArrayD<F>>,
    /// `‖H v − λ v‖`: some eigenvalue is no farther than this.
    pub residual: f64,
    /// Products with the Hessian that it took.
    pub products: usize,
}

impl Default for Sharpness {
    fn default() -> Self {
        Self::new()
    }
}

impl Sharpness {
    /// To three digits, in at most 100 products.
    #[must_use]
    pub fn new() -> Self {
        Self { tolerance: 1e-3, products: 100 }
    }

    /// With this residual, in units of the eigenvalue.
    #[must_use]
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// In at most so many products.
    #[must_use]
    pub fn products(self, products: usize) -> Self {
        Self { products, ..self }
    }

    /// The sharpness of a function of arrays.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] for a setting out of its range; as [`hvp`](gradus_autograd::hvp).
    pub fn of<F: Real>(
        &self,
        f: impl Fn(&[Var<Dual<F>>]) -> Result<Var<Dual<F>>>,
        x: &[ArrayD<F>],
    ) -> Result<Curvature<F>> {
        let zeros = x.iter().map(|x| ArrayD::zeros(x.raw_dim())).collect();
        self.search(zeros, |v| Ok(hvp(&f, x, v)?.1))
    }

    /// The sharpness of a model's loss, at the model's parameters.
    ///
    /// The twin is a model of the same kind over [`Dual`] numbers: `Mlp<Dual<f64>>` for an `Mlp<f64>`. What it holds does not matter,
    /// it is given the model's values. `loss` is that of the twin; frozen parameters do not move.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] for a setting out of its range; [`Error::Counterpart`] if the twin has not the model's names and
    /// shapes; what `loss` and its backward pass find.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::Dual;
    /// use gradus_nn_layers::{Parameter, Result, Tape, ndarray::array};
    /// use gradus_optim::see::Sharpness;
    /// fn main() -> Result<()> {
    ///     let model: Parameter<f64> = array![1.0, 2.0].into();
    ///     let mut twin: Parameter<Dual<f64>> = array![Dual::constant(0.0), Dual::constant(0.0)].into();
    ///     // Σ w⁴: the Hessian is diag(12 w²).
    ///     let loss = |w: &Parameter<Dual<f64>>| Ok(Tape::recording().parameter(w).pow(4.0).sum());
    ///     let found = Sharpness::new().of_model(&model, &mut twin, loss)?;
    ///     assert!((found.value - 48.0).abs() < 0.05);
    ///     Ok(())
    /// }
    /// ```
    pub fn of_model<F: Real, T: Module<Dual<F>>>(
        &self,
        model: &(impl Module<F> + ?Sized),
        twin: &mut T,
        loss: impl Fn(&T) -> Result<Var<Dual<F>>>,
    ) -> Result<Curvature<F>> {
        let mut zeros = Vec::new();
        model.visit(&mut |_, found| {
            if let Item::Parameter(parameter) = found
                && parameter.is_trainable()
            {
                zeros.push(ArrayD::zeros(parameter.value().raw_dim()));
            }
        });
        self.search(zeros, |v| {
            let ids = fill(twin, model, v)?;
            let gradients = loss(twin)?.backward()?;
            let products = ids.iter().zip(v).map(|(&id, v)| {
                gradients.get_id(id).map_or_else(|| ArrayD::zeros(v.raw_dim()), |g| g.mapv(Dual::derivative))
            });
            Ok(products.collect())
        })
    }

    /// Trains so many steps and measures the sharpness before the first and after every so many. `train` makes one step and returns its
    /// loss.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] if `every` is 0; as [`of_model`](Self::of_model); what `train` finds.
    pub fn along<F: Real, M: Module<F>, T: Module<Dual<F>>>(
        &self,
        (model, twin): (&mut M, &mut T),
        (steps, every): (u64, u64),
        mut train: impl FnMut(&mut M, u64) -> Result<f64>,
        loss: impl Fn(&T) -> Result<Var<Dual<F>>>,
    ) -> Result<SharpnessCurve> {
        hyper::steps("sharpness", "every", every)?;
        let mut points = Vec::new();
        for step in 0..=steps {
            if step % every == 0 {
                points.push(SharpnessPoint { step, sharpness: self.of_model(model, twin, &loss)?.value, loss: None });
            }
            if step < steps {
                let value = train(model, step)?;
                if let Some(last) = points.last_mut().filter(|last| last.step == step) {
                    last.loss = Some(value);
                }
            }
        }
        Ok(SharpnessCurve { points })
    }

    fn search<F: Real>(
        &self,
        zeros: Vec<ArrayD<F>>,
        mut product: impl FnMut(&[ArrayD<F>]) -> Result<Vec<ArrayD<F>>>,
    ) -> Result<Curvature<F>> {
        hyper::positive("sharpness", "tolerance", self.tolerance)?;
        hyper::steps("sharpness", "products", self.products as u64)?;
        let mut normal = Normal::new(0);
        let mut random = || -> Vec<ArrayD<F>> {
            let mut v = zeros.clone();
            v.iter_mut().for_each(|v| v.mapv_inplace(|_| F::from_f64(normal.draw())));
            let length = dot(&v, &v).sqrt();
            scaled(v, 1.0 / length)
        };
        let (mut v, mut shift, mut largest) = (random(), 0.0, 0.0_f64);
        let mut products = 0;
        loop {
            products += 1;
            let w = product(&v)?;
            let value = dot(&v, &w);
            let residual = difference(&w, &v, value);
            let modulus = dot(&w, &w).sqrt();
            largest = largest.max(modulus);
            let settled = residual <= self.tolerance * (value + shift).abs() || modulus + shift == 0.0;
            let on_top = shift > 0.0 || value >= 0.0;
            if (settled && on_top) || products == self.products || !modulus.is_finite() {
                return Ok(Curvature { value, vector: v, residual, products });
            }
            if shift == 0.0 && (settled || products == self.products / 2) {
                // The one of largest modulus is negative, or none stands out.
                (shift, v) = (largest, random());
                continue;
            }
            let mut next = w;
            next.iter_mut().zip(&v).for_each(|(next, v)| next.scaled_add(F::from_f64(shift), v));
            let length = dot(&next, &next).sqrt();
            v = if length > 0.0 { scaled(next, 1.0 / length) } else { random() };
        }
    }
}

/// The model's values into the twin, the trainable parameters moving along `v`. Returns who these are in the twin.
fn fill<F: Real>(
    twin: &mut dyn Module<Dual<F>>,
    model: &(impl Module<F> + ?Sized),
    v: &[ArrayD<F>],
) -> crate::Result<Vec<gradus_autograd::LeafId>> {
    let mut values: HashMap<String, (&Value<F>, Option<usize>)> = HashMap::new();
    let mut trainable = 0;
    model.visit(&mut |name, found| {
        let (value, place) = match found {
            Item::Parameter(parameter) if parameter.is_trainable() => {
                trainable += 1;
                (parameter.value(), Some(trainable - 1))
            }
            Item::Parameter(parameter) => (parameter.value(), None),
            Item::Buffer(buffer) => (buffer.value(), None),
        };
        values.insert(name.to_owned(), (value, place));
    });
    let mut ids = vec![None; trainable];
    let mut outcome = Ok(());
    twin.visit_mut(&mut |name, found| {
        let (mut array, id) = match found {
            ItemMut::Parameter(parameter) => {
                let id = parameter.id();
                (parameter.value_mut().view_mut(), Some(id))
            }
            ItemMut::Buffer(buffer) => (buffer.value_mut().view_mut(), None),
        };
        match values.get(name) {
            Some(&(value, place)) if value.shape() == array.shape() => match place {
                Some(place) => {
                    Zip::from(&mut array)
                        .and(&***value)
                        .and(&v[place])
                        .for_each(|slot, &x, &v| *slot = Dual::new(x, v));
                    ids[place] = id;
                }
                None => Zip::from(&mut array).and(&***value).for_each(|slot, &x| *slot = Dual::constant(x)),
            },
            found => {
                let (expected, found) = (array.shape().to_vec(), found.map(|(value, _)| value.shape().to_vec()));
                outcome = Err(Error::Counterpart { name: name.to_owned(), expected, found });
            }
        }
    });
    outcome?;
    let named = |place: usize| values.iter().find(|(_, (_, own))| *own == Some(place));
    ids.iter().enumerate().try_fold(Vec::new(), |mut all, (place, id)| match id {
        Some(id) => {
            all.push(*id);
            Ok(all)
        }
        None => {
            let (name, expected) =
                named(place).map_or_else(Default::default, |(n, (v, _))| (n.clone(), v.shape().to_vec()));
            Err(Error::Counterpart { name, expected, found: None })
        }
    })
}

fn dot<F: Real>(a: &[ArrayD<F>], b: &[ArrayD<F>]) -> f64 {
    let pairs = a.iter().zip(b).flat_map(|(a, b)| a.iter().zip(b));
    pairs.map(|(a, b)| a.to_f64() * b.to_f64()).sum()
}

/// `‖w − λ v‖`
fn difference<F: Real>(w: &[ArrayD<F>], v: &[ArrayD<F>], lambda: f64) -> f64 {
    let pairs = w.iter().zip(v).flat_map(|(w, v)| w.iter().zip(v));
    pairs.map(|(w, v)| (w.to_f64() - lambda * v.to_f64()).powi(2)).sum::<f64>().sqrt()
}

fn scaled<F: Real>(mut v: Vec<ArrayD<F>>, factor: f64) -> Vec<ArrayD<F>> {
    let factor = F::from_f64(factor);
    v.iter_mut().for_each(|v| v.mapv_inplace(|x| x * factor));
    v
}

/// Sharpness along a training.
#[derive(Debug, Clone, PartialEq)]
pub struct SharpnessCurve {
    /// The measurements, in order.
    pub points: Vec<SharpnessPoint>,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharpnessPoint {
    /// The steps made before.
    pub step: u64,
    /// The largest eigenvalue of the Hessian.
    pub sharpness: f64,
    /// The loss of the step that followed; none after the last.
    pub loss: Option<f64>,
}

impl SharpnessCurve {
    /// Sharpness against steps, with the line `2 / lr` above which plain descent with this rate diverges on a quadratic.
    #[must_use]
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn to_svg(&self, lr: f64) -> String {
        let edge = 2.0 / lr;
        let x = Axis::linear("step", self.points.iter().map(|point| point.step as f64));
        let y = Axis::linear("largest eigenvalue", self.points.iter().map(|point| point.sharpness).chain([edge, 0.0]));
        let mut plot = Plot::new("sharpness along training", x, y);
        plot.curve(Some("sharpness"), self.points.iter().map(|p| [p.step as f64, p.sharpness]), Pen::of(0));
        let ends = self.points.first().into_iter().chain(self.points.last());
        plot.curve(Some("2 / lr"), ends.map(|p| [p.step as f64, edge]), Pen::mark());
        plot.finish()
    }
}
