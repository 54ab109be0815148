//! What a layer makes of a shape.

use super::entries::{TapeEntry, entries};
use crate::{Error, Layer, Module, Result};
use gradus_autograd::{Real, Tape, Value};
use ndarray::{ArrayD, IxDyn};

/// What a layer says of itself, given the shape of its input: what [`Layer::describe`] returns.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// What it is: the name of its type, of an operation.
    pub kind: String,
    /// The shape of its output.
    pub output: Vec<usize>,
    /// The number of numbers in its parameters.
    pub parameters: usize,
    /// … of those that are trained.
    pub trainable: usize,
    /// The products and sums of its forward pass, `Σ wᵢ xᵢ` being one for each `i`; elementwise operations are none.
    /// `None` if unknown.
    pub multiply_adds: Option<u64>,
    /// Bytes of the arrays that its forward pass makes.
    pub activation_bytes: u64,
    /// Whether it does not say so itself, and it was run on zeros to find out.
    pub dry_run: bool,
    /// The layers or operations that it consists of, with their names, in the order in which they run.
    pub parts: Vec<(String, Description)>,
}

impl Description {
    /// Of a layer that makes one array of this shape, without multiply–adds. Its parameters are counted.
    ///
    /// # Examples
    /// A layer of your own that describes itself:
    /// ```
    /// use gradus_nn_layers::{Description, Layer, Module, Parameter, Result, Var, summary};
    ///
    /// #[derive(Debug, Module)]
    /// struct Scale {
    ///     factor: Parameter,
    /// }
    ///
    /// impl Layer for Scale {
    ///     fn forward(&self, x: &Var) -> Result<Var> {
    ///         Ok(x.try_mul(&x.tape().parameter(&self.factor))?)
    ///     }
    ///     fn describe(&self, input: &[usize]) -> Result<Description> {
    ///         Ok(Description::of(self, "Scale", input))
    ///     }
    /// }
    /// let summary = summary(&Scale { factor: Parameter::new(2.0) }, &[32, 10])?;
    /// assert_eq!((summary.total.parameters, summary.total.activation_bytes), (1, 32 * 10 * 4));
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    pub fn of<F: Real>(layer: &(impl Module<F> + ?Sized), kind: impl Into<String>, output: &[usize]) -> Self {
        Self {
            kind: kind.into(),
            output: output.to_vec(),
            parameters: layer.count_parameters(),
            trainable: layer.count_trainable(),
            multiply_adds: Some(0),
            activation_bytes: size(output).saturating_mul(size_of::<F>() as u64),
            dry_run: false,
            parts: Vec::new(),
        }
    }

    /// The same with this many multiply–adds.
    #[must_use]
    pub fn multiply_adds(self, number: u64) -> Self {
        Self { multiply_adds: Some(number), ..self }
    }

    /// The same with this many bytes of arrays: 0 if the output is the input's memory.
    #[must_use]
    pub fn activation_bytes(self, activation_bytes: u64) -> Self {
        Self { activation_bytes, ..self }
    }

    /// Of layers one after the other, each given the output of the one before.
    ///
    /// # Errors
    /// [`Error::InLayer`] names the layer that the shape does not fit.
    pub fn in_sequence<'layer, F: Real>(
        model: &(impl Module<F> + ?Sized),
        kind: impl Into<String>,
        input: &[usize],
        stages: impl IntoIterator<Item = (&'layer str, &'layer dyn Layer<F>)>,
    ) -> Result<Self> {
        let mut whole = Self::of(model, kind, input).activation_bytes(0);
        for (name, layer) in stages {
            let part =
                layer.describe(&whole.output).map_err(|error| error.in_layer(name, layer.kind(), &whole.output))?;
            whole.output.clone_from(&part.output);
            whole.add(name.to_owned(), part);
        }
        Ok(whole)
    }

    fn add(&mut self, name: String, part: Self) {
        self.multiply_adds = self.multiply_adds.zip(part.multiply_adds).map(|(sum, n)| sum.saturating_add(n));
        self.activation_bytes = self.activation_bytes.saturating_add(part.activation_bytes);
        self.dry_run |= part.dry_run;
        self.parts.push((name, part));
    }

    /// Of a layer that does not describe itself: runs it on zeros and reads off the tape which operations ran.
    ///
    /// Runs batches of 1 and of 2, the first axis being the batch, from which follow the shapes for one of any size:
    /// `n` more samples add `n` times what one more does. Where these do not run, or not with the same operations,
    /// the whole input is run.
    pub(crate) fn by_dry_run<F: Real>(layer: &(impl Layer<F> + ?Sized), input: &[usize]) -> Result<Self> {
        if let [n, others @ ..] = input
            && !others.is_empty()
            && !matches!(n, 1 | 2)
            && let Some(description) = Self::from_small_batches(layer, *n, others)
        {
            return Ok(description);
        }
        Ok(Self::from_run(layer, Run::of(layer, input)?))
    }

    fn from_small_batches<F: Real>(layer: &(impl Layer<F> + ?Sized), n: usize, others: &[usize]) -> Option<Self> {
        let [one, two] = [1, 2].map(|n| Run::of(layer, &[&[n], others].concat()).ok());
        let (mut one, two) = (one?, two?);
        let extend = |one: &mut Vec<usize>, two: &[usize]| -> Option<()> {
            for (len, more) in one.iter_mut().zip(two) {
                let step = isize::try_from(*more).ok()? - isize::try_from(*len).ok()?;
                let grown = step.checked_mul(isize::try_from(n).ok()?.checked_sub(1)?)?;
                *len = usize::try_from(isize::try_from(*len).ok()?.checked_add(grown)?).ok()?;
            }
            (one.len() == two.len()).then_some(())
        };
        extend(&mut one.output, &two.output)?;
        if one.entries.len() != two.entries.len() {
            return None;
        }
        for (one, two) in one.entries.iter_mut().zip(&two.entries) {
            if one.operation != two.operation || one.inputs.len() != two.inputs.len() {
                return None;
            }
            extend(&mut one.output, &two.output)?;
            for ((_, one), (_, two)) in one.inputs.iter_mut().zip(&two.inputs) {
                extend(one, two)?;
            }
        }
        Some(Self::from_run(layer, one))
    }

    fn from_run<F: Real, L: Layer<F> + ?Sized>(layer: &L, run: Run) -> Self {
        let mut whole = Self::of(layer, layer.kind(), &run.output).activation_bytes(0);
        let mut counted: Vec<String> = Vec::new();
        let parameters = layer.parameters();
        for entry in &run.entries {
            let fresh = entry.parameters.iter().filter(|name| !counted.contains(name));
            let fresh: Vec<String> = fresh.cloned().collect();
            let numbers = parameters.iter().filter(|(name, _)| fresh.contains(name)).map(|(_, p)| p.value().len());
            let numbers = numbers.sum();
            counted.extend(fresh);
            let makes_nothing = matches!(entry.operation, "reshape" | "permute" | "squeeze" | "unsqueeze");
            let bytes = if makes_nothing { 0 } else { size(&entry.output).saturating_mul(size_of::<F>() as u64) };
            let part = Self {
                kind: entry.operation.to_owned(),
                output: entry.output.clone(),
                parameters: numbers,
                trainable: numbers, // a frozen parameter has no gradient to be known by
                multiply_adds: multiply_adds(entry),
                activation_bytes: bytes,
                dry_run: true,
                parts: Vec::new(),
            };
            whole.add(entry.path(), part);
        }
        whole.dry_run = true;
        if run.entries.is_empty() {
            // Nothing was recorded: what is not the input's memory is one array at least.
            whole.multiply_adds = None;
            whole.activation_bytes = size(&whole.output).saturating_mul(size_of::<F>() as u64);
        }
        whole
    }
}

/// The products and sums of an operation, if it is one of those that consist of them alone, or of none.
fn multiply_adds(entry: &TapeEntry) -> Option<u64> {
    let from_end = |shape: &[usize], place: usize| shape.len().checked_sub(place).map(|at| shape[at] as u64);
    let input = |number: usize| entry.inputs.iter().find(|(own, _)| *own == number).map(|(_, shape)| shape.as_slice());
    let output = size(&entry.output);
    let terms = || {
        let (input, shape) = entry.inputs.first()?;
        match (entry.operation, *input) {
            ("affine", 0 | 1) | ("matmul", 0) => from_end(shape, 1),
            ("matmul", 1) => from_end(shape, 2.min(shape.len())),
            _ => None,
        }
    };
    match entry.operation {
        "affine" | "matmul" => Some(output.saturating_mul(terms()?)),
        // Each query with each key, each probability with each value; what a causal mask hides is counted, too.
        "scaled_dot_product_attention" => {
            let keys = from_end(input(1)?, 2)?;
            Some(size(input(0)?).saturating_add(output).saturating_mul(keys))
        }
        "multihead_attention" => {
            let keys = from_end(input(1).unwrap_or(&entry.output), 2)?;
            Some(output.saturating_mul(2).saturating_mul(keys))
        }
        "layer_norm" | "rms_norm" | "group_norm" | "instance_norm" | "prelu" => Some(0),
        "einsum" | "outer" => None,
        _ => entry.parameters.is_empty().then_some(0),
    }
}

/// What a layer did with zeros.
struct Run {
    output: Vec<usize>,
    entries: Vec<TapeEntry>,
}

impl Run {
    fn of<F: Real>(layer: &(impl Layer<F> + ?Sized), input: &[usize]) -> Result<Self> {
        fits_into_memory::<F>("summary", input)?;
        // A variable, so that every operation is recorded, and none for want of a parameter is not.
        let x = Tape::recording().variable(ArrayD::<F>::zeros(IxDyn(input)));
        let y = layer.forward(&x)?;
        let (entries, _) = entries(layer, &y, Value::zeros(y.shape()))?;
        Ok(Self { output: y.shape().to_vec(), entries })
    }
}

/// Refuses a shape that no array can have.
pub(super) fn fits_into_memory<F>(operation: &'static str, shape: &[usize]) -> Result<()> {
    let bytes = size(shape).checked_mul(size_of::<F>() as u64);
    if bytes.is_some_and(|bytes| bytes <= isize::MAX as u64) {
        return Ok(());
    }
    let expected = "a shape whose elements fit into memory would fit";
    Err(Error::UnfitShape { operation, shape: shape.to_vec(), expected })
}

/// The number of elements of an array of this shape.
pub(crate) fn size(shape: &[usize]) -> u64 {
    if shape.contains(&0) { 0 } else { shape.iter().fold(1, |n, &len| n.saturating_mul(len as u64)) }
}

/// The name of a type without the modules that it is in and without its parameters.
pub(crate) fn type_name<T: ?Sized>() -> &'static str {
    let full = std::any::type_name::<T>();
    let plain = full.split('<').next().unwrap_or(full);
    plain.rsplit("::").next().unwrap_or(plain)
}
