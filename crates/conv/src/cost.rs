//! What a layer costs: multiply–adds, parameters, bytes, and how many operations there are for each byte.

use crate::{Conv, Layer, Result, correlation, table};
use gradus_autograd::Real;
use gradus_nn_layers::{Description, Module};
use std::fmt;

/// What the forward pass of a layer costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// Products, each of which is added to a sum; elementwise operations are none. `None` if unknown.
    pub multiply_adds: Option<u64>,
    /// Numbers in the parameters.
    pub parameters: u64,
    /// Bytes of what goes in.
    pub input_bytes: u64,
    /// Bytes of what comes out.
    pub output_bytes: u64,
    /// Bytes of the parameters.
    pub weight_bytes: u64,
}

impl Cost {
    /// Bytes that go through memory, if each array does so once.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        [self.output_bytes, self.weight_bytes].into_iter().fold(self.input_bytes, u64::saturating_add)
    }

    /// The arithmetic intensity: operations for each byte, a multiply–add being two.
    ///
    /// ```text
    /// intensity = 2 · multiply_adds / (input_bytes + output_bytes + weight_bytes)
    /// ```
    ///
    /// A processor of `P` operations a second and a memory of `B` bytes a second are both busy at an intensity of
    /// `P / B`, some tens today. A layer below it, such as a depthwise convolution, waits for memory; one above it
    /// computes as fast as the processor can.
    ///
    /// # References
    /// S. Williams, A. Waterman, D. Patterson, *Roofline: an insightful visual performance model for multicore
    /// architectures*, 2009, <https://doi.org/10.1145/1498765.1498785>
    #[must_use]
    pub fn intensity(&self) -> Option<f64> {
        let bytes = self.bytes();
        self.multiply_adds.filter(|_| bytes > 0).map(|number| 2.0 * number as f64 / bytes as f64)
    }
}

impl<const R: usize, F: Real> Conv<R, F> {
    /// The shape of the output for an input of this shape.
    ///
    /// # Errors
    /// As [`conv`](crate::conv) of such an input.
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::Conv2d;
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let layer: Conv2d = Conv2d::new(3, 16, 3, &mut StdRng::seed_from_u64(7)).stride(2).padding(1);
    /// assert_eq!(layer.output_shape(&[8, 3, 32, 32])?, [8, 16, 16, 16]);
    /// # Ok::<(), gradus_conv::Error>(())
    /// ```
    pub fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.validate()?;
        correlation::output_shape(input, self.weight.shape(), &self.geometry, self.groups)
    }

    /// What the layer costs for an input of this shape.
    ///
    /// ```text
    /// multiply_adds = images · out_channels · places · (in_channels / groups) · kernel
    /// ```
    ///
    /// Products with padding are counted: that is what a convolution costs that does not leave them out.
    ///
    /// # Errors
    /// As [`Conv::output_shape`].
    ///
    /// # Examples
    /// A depthwise convolution has a ninth of the multiply–adds of a 3 × 3 convolution of 9 channels, and nearly all of its bytes:
    /// ```
    /// use gradus_conv::Conv2d;
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let full: Conv2d = Conv2d::new(9, 9, 3, &mut rng).padding(1).without_bias();
    /// let depthwise = full.clone().groups(9, &mut rng)?;
    /// let [full, depthwise] = [full.cost(&[1, 9, 32, 32])?, depthwise.cost(&[1, 9, 32, 32])?];
    /// assert_eq!((full.multiply_adds, depthwise.multiply_adds), (Some(9 * 9 * 9 * 1024), Some(9 * 9 * 1024)));
    /// assert_eq!((full.bytes(), depthwise.bytes()), (4 * (2 * 9 * 1024 + 729), 4 * (2 * 9 * 1024 + 81)));
    /// assert!(full.intensity() > Some(19.0) && depthwise.intensity() < Some(2.3));
    /// # Ok::<(), gradus_conv::Error>(())
    /// ```
    pub fn cost(&self, input: &[usize]) -> Result<Cost> {
        let output = self.output_shape(input)?;
        let parameters = self.count_parameters() as u64;
        Ok(Cost {
            multiply_adds: Some(self.multiply_adds(&output)),
            parameters,
            input_bytes: bytes::<F>(input),
            output_bytes: bytes::<F>(&output),
            weight_bytes: parameters.saturating_mul(size_of::<F>() as u64),
        })
    }

    fn multiply_adds(&self, output: &[usize]) -> u64 {
        let kernel = numbers(self.weight.shape().get(1..).unwrap_or(&[]));
        numbers(output).saturating_mul(kernel)
    }
}

fn numbers(shape: &[usize]) -> u64 {
    if shape.contains(&0) { 0 } else { shape.iter().fold(1, |n, &len| n.saturating_mul(len as u64)) }
}

fn bytes<F>(shape: &[usize]) -> u64 {
    numbers(shape).saturating_mul(size_of::<F>() as u64)
}

/// One layer of [`Costs`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CostRow {
    /// The names on the way to the layer, joined by dots, and its kind.
    pub layer: String,
    /// The shape of its output.
    pub output: Vec<usize>,
    /// What it costs.
    pub cost: Cost,
}

/// The costs of a model, layer by layer; `Display` prints an aligned table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Costs {
    /// The shape of the input.
    pub input: Vec<usize>,
    /// One for each layer, in the order in which they run.
    pub rows: Vec<CostRow>,
    /// All of them together, parameters included that no row has.
    pub total: Cost,
}

/// What each layer of a model costs for an input of this shape, the batch included.
///
/// The layers are those that [`Layer::describe`] tells of, as in [`summary`](gradus_nn_layers::summary). Each reads what the row
/// before it wrote, but for a part called `downsample` or `shortcut`, which reads the input of the block that it is
/// part of, and a sum of kind `Add`, which reads two arrays of its output's size. Nothing is counted as fused: an
/// activation reads and writes its array. A layer that makes no array, such as a flattening, moves no bytes.
///
/// # Errors
/// As `describe` of an input of this shape.
///
/// # Examples
/// ```
/// use gradus_conv::{costs, models::LeNet5};
/// use rand::{SeedableRng, rngs::StdRng};
/// let model: LeNet5 = LeNet5::new(10, &mut StdRng::seed_from_u64(7));
/// let costs = costs(&model, &[1, 1, 32, 32])?;
/// println!("{costs}");
/// assert_eq!(costs.total.multiply_adds, Some(416_520));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
/// It prints
/// ```text
/// layer                      output  multiply–adds  parameters  bytes in     out   weight  op/byte
/// input              [1, 1, 32, 32]
/// conv1: Conv2d      [1, 6, 28, 28]        117,600         156     4,096  18,816      624     10.0
/// tanh1: Tanh        [1, 6, 28, 28]              0           0    18,816  18,816        0      0.0
/// pool1: Mean2x2     [1, 6, 14, 14]              0           0    18,816   4,704        0      0.0
/// conv2: Conv2d     [1, 16, 10, 10]        240,000       2,416     4,704   6,400    9,664     23.1
/// tanh2: Tanh       [1, 16, 10, 10]              0           0     6,400   6,400        0      0.0
/// pool2: Mean2x2      [1, 16, 5, 5]              0           0     6,400   1,600        0      0.0
/// flatten: Flatten         [1, 400]              0           0         0       0        0        –
/// fc1: Linear              [1, 120]         48,000      48,120     1,600     480  192,480      0.5
/// tanh3: Tanh              [1, 120]              0           0       480     480        0      0.0
/// fc2: Linear               [1, 84]         10,080      10,164       480     336   40,656      0.5
/// tanh4: Tanh               [1, 84]              0           0       336     336        0      0.0
/// fc3: Linear               [1, 10]            840         850       336      40    3,400      0.4
/// total                     [1, 10]        416,520      61,706    62,464  58,408  246,824      2.3
/// ```
pub fn costs<F: Real>(model: &(impl Layer<F> + ?Sized), input: &[usize]) -> gradus_nn_layers::Result<Costs> {
    let whole = model.describe(input)?;
    let mut rows = Vec::new();
    descend::<F>("", &whole, input.to_vec(), &mut rows);
    let sum = |part: fn(&Cost) -> u64| rows.iter().map(|row| part(&row.cost)).fold(0, u64::saturating_add);
    let (input_bytes, output_bytes) = (sum(|cost| cost.input_bytes), sum(|cost| cost.output_bytes));
    let total = Cost { input_bytes, output_bytes, ..cost::<F>(&whole, input) };
    Ok(Costs { input: input.to_vec(), rows, total })
}

/// Adds a row for each part that consists of no others.
fn descend<F: Real>(path: &str, whole: &Description, input: Vec<usize>, rows: &mut Vec<CostRow>) {
    if whole.parts.is_empty() {
        let colon = if path.is_empty() { "" } else { ": " };
        let layer = format!("{path}{colon}{}", whole.kind);
        let mut cost = cost::<F>(whole, &input);
        if whole.kind == ADD {
            cost.input_bytes = cost.output_bytes.saturating_mul(2);
        }
        return rows.push(CostRow { layer, output: whole.output.clone(), cost });
    }
    let mut last = input.clone();
    for (name, part) in &whole.parts {
        let dot = if path.is_empty() || name.is_empty() { "" } else { "." };
        let reads = if matches!(name.as_str(), "downsample" | "shortcut") { input.clone() } else { last };
        descend::<F>(&format!("{path}{dot}{name}"), part, reads, rows);
        last = part.output.clone();
    }
}

/// The kind of a sum of two paths.
pub(crate) const ADD: &str = "Add";

fn cost<F>(of: &Description, input: &[usize]) -> Cost {
    let moved = |shape: &[usize]| if of.activation_bytes == 0 { 0 } else { bytes::<F>(shape) };
    Cost {
        multiply_adds: of.multiply_adds,
        parameters: of.parameters as u64,
        input_bytes: moved(input),
        output_bytes: moved(&of.output),
        weight_bytes: (of.parameters as u64).saturating_mul(size_of::<F>() as u64),
    }
}

impl fmt::Display for Costs {
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dash = || "–".to_owned();
        let line = |name: &str, output: &[usize], cost: &Cost| {
            let counts = [cost.parameters, cost.input_bytes, cost.output_bytes, cost.weight_bytes].map(table::count);
            let [parameters, input_bytes, output_bytes, weight_bytes] = counts;
            let multiply_adds = cost.multiply_adds.map_or_else(dash, table::count);
            let intensity = cost.intensity().map_or_else(dash, |x| format!("{x:.1}"));
            let output = format!("{output:?}");
            vec![name.to_owned(), output, multiply_adds, parameters, input_bytes, output_bytes, weight_bytes, intensity]
        };
        let header = ["layer", "output", "multiply–adds", "parameters", "bytes in", "out", "weight", "op/byte"];
        let mut lines = vec![table::row(header), vec!["input".to_owned(), format!("{:?}", self.input)]];
        lines.extend(self.rows.iter().map(|row| line(&row.layer, &row.output, &row.cost)));
        let output = self.rows.last().map_or(&self.input, |row| &row.output);
        lines.push(line("total", output, &self.total));
        table::write(f, &lines)
    }
}
