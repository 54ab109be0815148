//! Which parameters did a backward pass not reach, and why?

use crate::{Gradients, Leaf};
use gradus_linalg::Real;
use std::fmt;
use std::panic::Location;

/// How the gradients of a backward pass reached the parameters: see [`Gradients::report`].
///
/// `Display` prints a table.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowReport {
    /// One row for each parameter asked about, in the order asked.
    pub rows: Vec<(String, Flow)>,
}

/// What became of the gradient of one parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Flow {
    /// It arrived.
    Arrived {
        /// Its Euclidean norm.
        norm: f64,
        /// The fraction of its elements that are exactly 0.
        zeros: f64,
    },
    /// It arrived, and every element is exactly 0: dead units, a mask, a factor of 0.
    Zero,
    /// The parameter was on the tape, but nothing that the loss depends on was computed from it.
    NoPath,
    /// The parameter was on the tape, and what was computed from it was cut off.
    Detached {
        /// The line that called `detach`.
        location: &'static Location<'static>,
    },
    /// The parameter was never put on the tape.
    Unused,
    /// The parameter wants no gradient.
    Frozen,
}

impl Flow {
    /// Whether a gradient arrived that moves the parameter, or none was wanted.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(self, Self::Arrived { .. } | Self::Frozen)
    }
}

impl FlowReport {
    /// The parameters that should have received a gradient and did not, or one of zeros.
    pub fn missing(&self) -> impl Iterator<Item = (&str, Flow)> {
        self.rows.iter().filter(|(_, flow)| !flow.is_well()).map(|(name, flow)| (name.as_str(), *flow))
    }
}

impl<F: Real> Gradients<F> {
    /// Says for each of the named parameters whether its gradient arrived, and if not, why.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Flow, Leaf, LeafId, Tape, Value, ndarray::array};
    /// struct Weight(LeafId, Value<f64>);
    /// impl Leaf for Weight {
    ///     type Scalar = f64;
    ///     fn id(&self) -> LeafId {
    ///         self.0
    ///     }
    ///     fn value(&self) -> &Value<f64> {
    ///         &self.1
    ///     }
    /// }
    /// let [used, cut, dead] = [(); 3].map(|()| Weight(LeafId::fresh(), array![1.0, 2.0].into()));
    /// let tape = Tape::recording();
    /// let loss = tape.parameter(&used) * tape.parameter(&cut).exp().detach() - tape.parameter(&dead) * 0.0;
    /// let report = loss.sum().backward()?.report([("used", &used), ("cut", &cut), ("dead", &dead)]);
    /// assert!(matches!(report.rows[0].1, Flow::Arrived { .. }));
    /// assert!(matches!(report.rows[1].1, Flow::Detached { location } if location.line() > 0));
    /// assert_eq!(report.rows[2].1, Flow::Zero);
    /// assert_eq!(report.missing().count(), 2);
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[must_use]
    pub fn report<'a, N, L>(&self, parameters: impl IntoIterator<Item = (N, &'a L)>) -> FlowReport
    where
        N: Into<String>,
        L: Leaf<Scalar = F> + ?Sized + 'a,
    {
        let rows = parameters.into_iter().map(|(name, leaf)| (name.into(), self.flow(leaf))).collect();
        FlowReport { rows }
    }

    fn flow(&self, leaf: &(impl Leaf<Scalar = F> + ?Sized)) -> Flow {
        if let Some(gradient) = self.get_id(leaf.id()) {
            let zeros = gradient.iter().filter(|g| g.is_zero()).count();
            if zeros == gradient.len() {
                return Flow::Zero;
            }
            let squares: f64 = gradient.iter().map(|g| g.to_f64() * g.to_f64()).sum();
            return Flow::Arrived { norm: squares.sqrt(), zeros: zeros as f64 / gradient.len() as f64 };
        }
        match self.lost.iter().find(|&&(id, _)| id == leaf.id()) {
            Some(&(_, Some(location))) => Flow::Detached { location },
            Some(&(_, None)) => Flow::NoPath,
            None if leaf.needs_gradient() => Flow::Unused,
            None => Flow::Frozen,
        }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arrived { norm, zeros: 0.0 } => write!(f, "norm {norm:.3e}"),
            Self::Arrived { norm, zeros } => write!(f, "norm {norm:.3e}, {:.1} % exactly 0", 100.0 * zeros),
            Self::Zero => f.write_str("no gradient: it arrived and is exactly 0 everywhere"),
            Self::NoPath => f.write_str("no gradient: on the tape, but the loss does not depend on it"),
            Self::Detached { location } => write!(f, "no gradient: cut off by detach at {location}"),
            Self::Unused => f.write_str("no gradient: never put on the tape"),
            Self::Frozen => f.write_str("frozen: no gradient is wanted"),
        }
    }
}

impl fmt::Display for FlowReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        self.rows.iter().try_for_each(|(name, flow)| writeln!(f, "{name:width$}  {flow}"))
    }
}
