//! The paths of several rules over the contour lines of a function of the plane.

use super::item;
use crate::plot::{Axis, Pen, Plot};
use crate::{Error, Optimizer, hyper};
use gradus_autograd::{Tape, Var};
use gradus_nn_layers::{Parameter, Result};
use ndarray::{Array2, ArrayD, arr1};

/// Points of the grid along each axis, for the contour lines.
const GRID: usize = 121;

/// The paths of optimizers from one point of the plane over one function, whose gradients come from the tape.
///
/// The function is given `x` and `y` as variables and works element by element: those of [`surface`](super::surface) do. For contour
/// lines it gets all points of a grid at once.
///
/// # Examples
/// ```
/// use gradus_nn_layers::Result;
/// use gradus_optim::see::{Trajectories, surface};
/// use gradus_optim::{Adam, Sgd};
/// fn main() -> Result<()> {
///     let paths = Trajectories::new("a ravine", surface::ravine, [-4.0, 1.0], 50)
///         .window([-5.0, 1.0], [-2.0, 2.0])
///         .walk("sgd", Sgd::new(0.07))?
///         .walk("momentum", Sgd::new(0.02).momentum(0.9))?
///         .walk("adam", Adam::new(0.3))?;
///     let [x, y] = paths.walks()[0].end();
///     assert!(x.hypot(y) < 0.2);
///     let svg = paths.to_svg()?; // contour lines, three paths, a legend
///     assert!(svg.contains("momentum"));
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Trajectories<S> {
    title: String,
    surface: S,
    start: [f64; 2],
    steps: u64,
    window: Option<[[f64; 2]; 2]>,
    walks: Vec<Walk>,
}

/// The path of one optimizer.
#[derive(Debug, Clone, PartialEq)]
pub struct Walk {
    /// The optimizer's name.
    pub name: String,
    /// The points, the first and the last included; fewer than steps if the next one was not finite.
    pub points: Vec<[f64; 2]>,
    /// The function's values there.
    pub values: Vec<f64>,
}

impl Walk {
    /// The last point.
    #[must_use]
    pub fn end(&self) -> [f64; 2] {
        self.points.last().copied().unwrap_or([f64::NAN; 2])
    }
}

impl<S: Fn(&Var<f64>, &Var<f64>) -> Result<Var<f64>>> Trajectories<S> {
    /// Paths of so many steps from `start`. The picture shows as much around the origin as holds the start, and up to twice that
    /// where paths go there, unless [`window`](Self::window) says otherwise.
    #[must_use]
    pub fn new(title: &str, surface: S, start: [f64; 2], steps: u64) -> Self {
        Self { title: title.to_owned(), surface, start, steps, window: None, walks: Vec::new() }
    }

    /// With these ranges of `x` and `y` in the picture, which cuts off what leaves them.
    #[must_use]
    pub fn window(self, x: [f64; 2], y: [f64; 2]) -> Self {
        Self { window: Some([x, y]), ..self }
    }

    /// With the path of a further optimizer. It ends early where the function or the point is not finite.
    ///
    /// # Errors
    /// What the function or the optimizer finds.
    pub fn walk(mut self, name: &str, mut optimizer: impl Optimizer<f64>) -> Result<Self> {
        optimizer.validate()?;
        let mut at: Parameter<f64> = arr1(&self.start).into();
        let (mut points, mut values) = (Vec::new(), Vec::new());
        for step in 0..=self.steps {
            let tape = Tape::recording();
            let point = tape.parameter(&at);
            let value = (self.surface)(&point.select(0, 0)?, &point.select(0, 1)?)?;
            let height = item(&value)?;
            let place = [at.value()[[0]], at.value()[[1]]];
            if !(height.is_finite() && place.iter().all(|c| c.is_finite())) {
                break;
            }
            points.push(place);
            values.push(height);
            if step < self.steps {
                drop(point);
                optimizer.step(&mut at, &value.backward()?)?;
            }
        }
        self.walks.push(Walk { name: name.to_owned(), points, values });
        Ok(self)
    }

    /// The paths so far.
    #[must_use]
    pub fn walks(&self) -> &[Walk] {
        &self.walks
    }

    /// As much around the origin as holds the start and the paths; but of one that runs away, not all.
    fn around(&self) -> [[f64; 2]; 2] {
        let start = self.start.map(f64::abs);
        let least = 1.3 * start[0].max(start[1]).max(1.0);
        let farthest =
            self.walks.iter().flat_map(|walk| walk.points.as_flattened()).fold(0.0, |far, c| c.abs().max(far));
        let reach = (1.05 * farthest).max(least).min(2.0 * least);
        [[-reach, reach]; 2]
    }

    /// All paths over contour lines, each with a dot at its end, and a legend.
    ///
    /// # Errors
    /// What the function finds; [`Error::Grid`] if it does not work element by element; [`Error::HyperParameter`] if the window is
    /// empty or not finite.
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn to_svg(&self) -> Result<String> {
        let [x, y] = self.window.unwrap_or_else(|| self.around());
        for (field, [low, high]) in [("window x", x), ("window y", y)] {
            let fits = low.is_finite() && high.is_finite() && low < high;
            hyper::hold(fits, "trajectories", field, high, "finite and above the window's lower end")?;
        }
        let (xs, ys) = (spread(x, GRID), spread(y, GRID));
        let tape = Tape::inference();
        let grid_x = Array2::from_shape_fn((GRID, GRID), |(_, j)| xs[j]);
        let grid_y = Array2::from_shape_fn((GRID, GRID), |(i, _)| ys[i]);
        let heights: ArrayD<f64> =
            (self.surface)(&tape.input(grid_x), &tape.input(grid_y))?.value().to_owned().into_array();
        let shape = heights.shape().to_vec();
        let heights = heights.into_dimensionality();
        let heights: Array2<f64> = heights.map_err(|_| Error::Grid { values: shape, expected: vec![GRID, GRID] })?;

        let mut plot = Plot::square(&self.title, Axis::exact("x", x[0], x[1]), Axis::exact("y", y[0], y[1]));
        plot.contours(&xs, &ys, &heights)?;
        for (i, walk) in self.walks.iter().enumerate() {
            plot.curve(Some(&walk.name), walk.points.iter().copied(), Pen::of(i));
        }
        for (i, walk) in self.walks.iter().enumerate() {
            plot.dot(None, walk.end(), Pen::of(i));
        }
        plot.dot(Some("start"), self.start, Pen::mark());
        Ok(plot.finish())
    }
}

/// So many numbers from one end to the other, at equal distances; in the middle of an odd number of them exactly the mean.
pub(super) fn spread([low, high]: [f64; 2], points: usize) -> Vec<f64> {
    let last = points.saturating_sub(1).max(1) as f64;
    (0..points).map(|i| low * ((last - i as f64) / last) + high * (i as f64 / last)).collect()
}
