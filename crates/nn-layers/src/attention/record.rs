//! All heads of an attention as one entry of the tape.

use super::head::Head;
use super::heads::{Heads, Layout};
use super::options::Attention;
use crate::Result;
use gradus_autograd::{Real, Value, Var};
use ndarray::{ArrayView2, ArrayViewD, ArrayViewMutD};

/// Records the attention of inputs of this layout, whose shapes have been checked: the output, and if `need_weights` the
/// probabilities of each head, `(…, H, L, S)`, through which a gradient flows as well.
#[track_caller]
pub(super) fn record<F: Real>(
    layer: &'static str,
    inputs: &[&Var<F>],
    layout: Layout,
    options: &Attention<F>,
    need_weights: bool,
) -> Result<(Var<F>, Option<Var<F>>)> {
    let values: Vec<Value<F>> = inputs.iter().map(|x| rows_of(x.value().clone(), layout)).collect();
    let core = Core { layout, values, options: options.clone(), scale: F::one(), scores: Vec::new() };
    let (mut core, y_shape) = core.with_shapes();
    // Arrays that hold nothing may still have long axes, whose product is no array.
    if let Some(shape) = [&y_shape, &core.scores].into_iter().find(|shape| !is_addressable::<F>(shape)) {
        return Err(gradus_autograd::Error::TooLarge { operation: layer, shape: shape.clone() }.into());
    }
    core.scale = core.options.check(layer, core.features(), &core.scores)?;
    let mut outputs = vec![Value::unspecified(&y_shape[..])];
    if need_weights {
        outputs.push(Value::unspecified(&core.scores[..]));
    }
    core.forward(&mut outputs);
    let tape = inputs[0].tape();
    let mut outputs = tape.record_many(layer, inputs, outputs, move |mut dys, slots| {
        let dweights = dys.pop_if(|_| need_weights).flatten();
        let dy = dys.pop().flatten().unwrap_or_else(|| Value::zeros(&y_shape[..]));
        for (input, gradient) in core.backward(rows_of(dy, layout), dweights).into_iter().enumerate() {
            slots.add(input, gradient);
        }
    });
    let weights = outputs.pop_if(|_| need_weights);
    Ok((outputs.pop().expect("there is an output"), weights))
}

/// Whether memory could hold an array of this shape.
fn is_addressable<F>(shape: &[usize]) -> bool {
    let bytes = shape.iter().filter(|&&len| len > 0).try_fold(size_of::<F>(), |bytes, &len| bytes.checked_mul(len));
    bytes.is_some_and(|bytes| isize::try_from(bytes).is_ok())
}

/// The value as its layout asks for it: heads are split off row-major arrays only.
fn rows_of<F: Real>(x: Value<F>, layout: Layout) -> Value<F> {
    if layout == Layout::Matrices { x } else { x.into_standard_layout() }
}

/// What both ways need.
struct Core<F: Real> {
    layout: Layout,
    /// The inputs.
    values: Vec<Value<F>>,
    options: Attention<F>,
    scale: F,
    /// The shape of the scores, `(…, L, S)`.
    scores: Vec<usize>,
}

impl<F: Real> Core<F> {
    /// The inputs as queries, keys and values, one head on the last two axes of each.
    fn inputs(&self) -> Vec<ArrayViewD<'_, F>> {
        self.layout.split(self.values.iter().map(|x| x.view()).collect())
    }

    /// With the shape of the scores; and the shape of the output.
    fn with_shapes(mut self) -> (Self, Vec<usize>) {
        let (mut scores, mut y) = (Vec::new(), self.values[0].shape().to_vec());
        if let [q, k, v] = &self.inputs()[..] {
            scores.extend(q.shape());
            let features = v.shape()[v.ndim() - 1];
            scores[q.ndim() - 1] = k.shape()[k.ndim() - 2];
            let last = y.len() - 1;
            y[last] = match self.layout {
                Layout::Matrices => features,
                Layout::Heads(heads) | Layout::Packed(heads) => heads * features,
            };
        }
        self.scores = scores;
        (self, y)
    }

    /// The features of a query.
    fn features(&self) -> usize {
        self.inputs().first().and_then(|q| q.shape().last().copied()).unwrap_or(0)
    }

    /// How long a head takes, in numbers of an elementwise loop: a product makes about sixteen multiplications in the time of
    /// one, and an exponential takes about four.
    fn work(&self) -> usize {
        let pairs: usize = self.scores.iter().rev().take(2).product();
        pairs.saturating_mul(4 + self.features() / 8)
    }

    /// An array of the scores' shape, or one that holds nothing, for weights that nobody asked for.
    fn nothing(&self) -> Value<F> {
        let mut shape = self.scores.clone();
        shape.iter_mut().rev().take(2).for_each(|len| *len = 0);
        Value::zeros(&shape[..])
    }

    /// The walk over the heads that reads the inputs and then `others`.
    fn heads<'a>(&'a self, others: Vec<ArrayViewD<'a, F>>, writes: Vec<ArrayViewMutD<'a, F>>) -> Heads<'a, F> {
        let fits = "the masks have been checked";
        let mut reads = self.inputs();
        reads.extend(others);
        reads.extend(self.options.additive.iter().map(|mask| mask.broadcast(&self.scores[..]).expect(fits)));
        let masks = self.options.masks.iter().map(|mask| mask.broadcast(&self.scores[..]).expect(fits));
        Heads { reads, masks: masks.collect(), writes }
    }

    /// One head of what the walk shows: `others` were given beside the inputs.
    fn head<'a>(
        &self,
        reads: Vec<ArrayView2<'a, F>>,
        masks: Vec<ArrayView2<'a, bool>>,
        others: usize,
    ) -> (Head<'a, F>, Vec<ArrayView2<'a, F>>) {
        let mut reads = reads.into_iter();
        let [q, k, v] = [(); 3].map(|()| reads.next().expect("queries, keys and values come first"));
        let others = reads.by_ref().take(others).collect();
        let (scale, causal) = (self.scale, self.options.causal);
        (Head { q, k, v, scale, causal, masks, additive: reads.next() }, others)
    }

    fn forward(&self, outputs: &mut [Value<F>]) {
        let mut none = self.nothing();
        let mut outputs = outputs.iter_mut();
        let y = outputs.next().map(|y| self.layout.output(y.view_mut()));
        let weights = outputs.next().unwrap_or(&mut none).view_mut();
        let writes = y.into_iter().chain([weights]).collect();
        self.heads(Vec::new(), writes).for_each(self.work(), &|reads, masks, writes| {
            let (head, _) = self.head(reads, masks, 0);
            let mut writes = writes.into_iter();
            let [y, weights] = [(); 2].map(|()| writes.next().expect("the output and the weights are written"));
            head.forward(y, weights);
        });
    }

    fn backward(&self, dy: Value<F>, dweights: Option<Value<F>>) -> Vec<Value<F>> {
        let mut gradients: Vec<Value<F>> = self.values.iter().map(|x| Value::unspecified(x.raw_dim())).collect();
        let dweights = dweights.unwrap_or_else(|| self.nothing());
        let others = vec![self.layout.output(dy.view()), dweights.view()];
        let writes = self.layout.split(gradients.iter_mut().map(|x| x.view_mut()).collect());
        // Five products instead of two, and the exponentials again.
        self.heads(others, writes).for_each(self.work().saturating_mul(2), &|reads, masks, writes| {
            let (head, others) = self.head(reads, masks, 2);
            let mut writes = writes.into_iter();
            let gradients = [(); 3].map(|()| writes.next().expect("there is a gradient of each input"));
            head.backward(&others[0], &others[1], gradients);
        });
        gradients
    }
}
