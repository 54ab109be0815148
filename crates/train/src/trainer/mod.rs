//! The training loop.

mod run;

use crate::checkpoint::Plan;
use crate::metrics::Metric;
use crate::step::Parts;
use crate::{Callback, Every, Ranks};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Losses, Result as LayerResult};
use gradus_optim::Schedule;
use gradus_regularize::EarlyStopping;
use ndarray::ArrayRef1;

pub(crate) type Loss<F> = Box<dyn Fn(&Var<F>, &ArrayRef1<usize>) -> LayerResult<Var<F>> + Send + Sync>;

/// Trains a classifier: epochs of shuffled mini-batches, each a forward pass, a backward pass and an update.
///
/// # Batch, stochastic and mini-batch
/// How much of the training set one step sees is all that they differ in, so they are one loop here, and
/// [`batch_size`](Trainer::batch_size) turns one into the other. Of `n` samples with the losses `L₁ … Lₙ`, an epoch takes
///
/// ```text
/// θ ← θ − lr · ∇ 1/|B| Σ Lᵢ, i ∈ B          for each of the ⌈n / batch_size⌉ parts B of a random order of all n
/// ```
///
/// | | `batch_size` | steps an epoch | the gradient of a step |
/// | --- | --- | --- | --- |
/// | batch gradient descent | [`full_batch`](Trainer::full_batch): `n` or more | 1 | that of the whole set |
/// | mini-batch | between | `⌈n / batch_size⌉` | an estimate, the better the larger the batch |
/// | stochastic gradient descent | 1 | `n` | that of one sample: right on average alone |
///
/// An epoch costs about the same in all three. Many small steps get near the minimum sooner and cannot settle in it unless the rate
/// falls; one large step is exact, and what [`Lbfgs`](gradus_optim::Lbfgs) and [`Rprop`](gradus_optim::Rprop) need. Whatever the
/// size, every sample counts once an epoch (the mean over `n` is the same if the size divides it; if not, the samples of the last,
/// smaller batch count for more).
///
/// ```
/// use gradus_data::Digits;
/// use gradus_nn_layers::Linear;
/// use gradus_optim::Sgd;
/// use gradus_train::{Callback, StepRecord, Trainer};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// #[derive(Default)]
/// struct Steps(u64);
/// impl Callback for Steps {
///     fn step(&mut self, step: &StepRecord) {
///         self.0 = step.step;
///     }
/// }
///
/// let (train, test) = Digits::embedded().split_at(1000)?;
/// for (batch_size, expected) in [(train.len(), 1), (50, 20), (1, 1000)] {
///     let mut rng = StdRng::seed_from_u64(7);
///     let (mut model, mut steps) = (Linear::new(64, 10, &mut rng), Steps::default());
///     let mut trainer = Trainer::new(1).batch_size(batch_size).callback(&mut steps);
///     let history = trainer.run(&mut model, &mut Sgd::new(0.05), &train, &test, &mut rng)?;
///     println!("{batch_size:>4} samples a step: loss {:.3} after one epoch", history.epochs[0].test_loss);
///     drop(trainer);
///     assert_eq!(steps.0, expected);
/// }
/// # Ok::<(), gradus_train::Error>(())
/// ```
///
/// # Optimizers
/// [`run`](Trainer::run) takes both kinds: an [`Optimizer`](gradus_optim::Optimizer), which is given the gradient of the batch, and a
/// [`ClosureOptimizer`](gradus_optim::ClosureOptimizer) (SAM, L-BFGS), which evaluates the batch as often as it likes. All evaluations of one step see **the same
/// mini-batch and the same random numbers**, so the same dropout masks and the same noise: within a step the loss is one function of
/// the parameters, and a difference of two gradients tells of the parameters alone. The next step draws anew. What the callbacks are
/// told of a step is the loss at which it began.
///
/// After every epoch the model is evaluated as in use, on the test samples and on as many training samples, so that
/// the two losses can be compared: dropout and noise are in neither.
///
/// The loop itself is [`Trainer::run`]; it is short, and meant to be read.
///
/// # Examples
/// ```
/// use gradus_data::Digits;
/// use gradus_nn_layers::Linear;
/// use gradus_optim::Adam;
/// use gradus_train::Trainer;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
/// let mut model = Linear::new(64, 10, &mut rng);
/// let history = Trainer::new(3).batch_size(32).run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)?;
/// assert!(history.epochs[2].test_accuracy > 0.9);
/// # Ok::<(), gradus_train::Error>(())
/// ```
pub struct Trainer<'a, F: Real = f32> {
    epochs: usize,
    batch_size: usize,
    clip_norm: Option<f64>,
    schedule: Option<Box<dyn Schedule + 'a>>,
    early_stopping: Option<EarlyStopping<F>>,
    /// The place of the metric that early stopping watches; the test loss if there is none.
    watched: Option<usize>,
    loss: Loss<F>,
    parts: Parts,
    gradient_health: Option<Every>,
    metrics: Vec<Box<dyn Metric + 'a>>,
    callbacks: Vec<&'a mut dyn Callback>,
    ranks: Option<&'a mut dyn Ranks<F>>,
    pub(crate) plan: Plan<'a>,
}

impl<'a, F: Real> Trainer<'a, F> {
    /// So many passes over the training samples, in batches of 64, with the cross-entropy as loss.
    #[must_use]
    pub fn new(epochs: usize) -> Self {
        Self {
            epochs,
            batch_size: 64,
            clip_norm: None,
            schedule: None,
            early_stopping: None,
            watched: None,
            loss: Box::new(|logits, labels| logits.cross_entropy(labels)),
            parts: Parts::whole(),
            gradient_health: None,
            metrics: Vec::new(),
            callbacks: Vec::new(),
            ranks: None,
            plan: Plan::default(),
        }
    }

    /// Samples a step; 64 if not set. 1 is stochastic gradient descent, all samples or more are batch gradient descent: see
    /// [above](Trainer#batch-stochastic-and-mini-batch).
    #[must_use]
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// All training samples in one step, however many: batch gradient descent, an epoch of which is one step.
    ///
    /// # Examples
    /// L-BFGS, which takes noise of mini-batches for curvature:
    /// ```
    /// use gradus_data::Digits;
    /// use gradus_nn_layers::Linear;
    /// use gradus_optim::Lbfgs;
    /// use gradus_train::Trainer;
    /// use rand::{SeedableRng, rngs::StdRng};
    ///
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
    /// let (mut model, mut lbfgs) = (Linear::new(64, 10, &mut rng), Lbfgs::new(1.0).strong_wolfe());
    /// let history = Trainer::new(2).full_batch().run(&mut model, &mut lbfgs, &train, &test, &mut rng)?;
    /// assert!(history.epochs[1].test_accuracy > 0.9); // after two steps, of up to 20 iterations each
    /// # Ok::<(), gradus_train::Error>(())
    /// ```
    #[must_use]
    pub fn full_batch(self) -> Self {
        self.batch_size(usize::MAX)
    }

    /// Scales gradients down whose norm, taken over all parameters, exceeds this.
    ///
    /// A [`ClosureOptimizer`](gradus_optim::ClosureOptimizer) is given every gradient of a step clipped. SAM's way up does not depend on a gradient's length, so that it
    /// is the base optimizer's gradient that is clipped. L-BFGS reads curvature off differences of gradients, which clipping
    /// falsifies: with it, leave this out; its line search bounds the steps.
    #[must_use]
    pub fn clip_norm(mut self, max_norm: f64) -> Self {
        self.clip_norm = Some(max_norm);
        self
    }

    /// Divides each batch into so many parts, one after the other, and adds their gradients up: gradient accumulation, for batches that
    /// memory does not hold in one.
    ///
    /// ```text
    /// g = Σ nᵢ/n gᵢ          for parts of nᵢ samples of a batch of n, in their order; sizes differ by at most one
    /// ```
    ///
    /// For a loss that is a mean over samples this is the batch's gradient. What a model does with the batch as a whole it does with each
    /// part: batch normalization takes the statistics of a part, and keeps the running ones of the last.
    #[must_use]
    pub fn accumulate(mut self, parts: usize) -> Self {
        self.parts = Parts { count: parts, side_by_side: false };
        self
    }

    /// As [`accumulate`](Trainer::accumulate), with the parts side by side on the threads of the current pool: data-parallel training.
    ///
    /// The number of shards is a setting of the run, as the batch size is, and not the number of threads: shards depend on it alone, and
    /// their gradients are averaged in their order, so that the weights have the same bits for any number of threads, and
    /// those of `accumulate`. Worth it where the model's operations are too small to be divided among threads themselves.
    ///
    /// # Examples
    /// ```
    /// use gradus_data::Digits;
    /// use gradus_nn_layers::Linear;
    /// use gradus_optim::Adam;
    /// use gradus_train::Trainer;
    /// use rand::{SeedableRng, rngs::StdRng};
    ///
    /// let run = |trainer: Trainer| {
    ///     let (mut trainer, mut rng) = (trainer, StdRng::seed_from_u64(7));
    ///     let (train, test) = Digits::embedded().split_at(500)?;
    ///     let mut model = Linear::new(64, 10, &mut rng);
    ///     trainer.run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)?;
    ///     Ok::<_, gradus_train::Error>(model)
    /// };
    /// let (a, b) = (run(Trainer::new(1).data_parallel(4))?, run(Trainer::new(1).accumulate(4))?);
    /// assert!(a.weight.value() == b.weight.value());
    /// # Ok::<(), gradus_train::Error>(())
    /// ```
    #[must_use]
    pub fn data_parallel(mut self, shards: usize) -> Self {
        self.parts = Parts { count: shards, side_by_side: true };
        self
    }

    /// Spreads the run over several processes: synchronous data-parallel training. Every rank runs the same program, with the
    /// same settings, seed and data, and ends with the same weights.
    ///
    /// # What is promised
    /// `N` ranks train in the bits of one rank with [`accumulate(N)`](Trainer::accumulate), if [`Ranks::add_up`] adds up in the
    /// order of the ranks: rank `i` takes part `i` of every batch, with the same random numbers, and
    ///
    /// ```text
    /// g = Σ nᵢ/n gᵢ          over the ranks, of nᵢ samples each of a batch of n
    /// ```
    ///
    /// The batch size is that of all ranks together. Of a batch with fewer samples than ranks the last ranks have no rows.
    /// Clipping, [`gradient_health`](Trainer::gradient_health) and the optimizer see the sum, on every rank; an optimizer that
    /// evaluates a batch several times has each evaluation added up. With `accumulate` or [`data_parallel`](Trainer::data_parallel)
    /// each rank divides its own rows further.
    ///
    /// What a model does with a batch as a whole it does with the rows of each rank: batch normalization takes the statistics of
    /// a rank's rows. The running ones are averaged over the ranks by their share of the batch, so that all ranks have the same:
    /// this is the one thing that `accumulate` does otherwise, which keeps those of the last part.
    ///
    /// # What one rank does for all
    /// Rank 0 alone tells the callbacks, and writes checkpoints, while the others wait; resuming, it reads the newest, and sends
    /// it to the others, which touch no disk. The number of ranks may be another then. Evaluation is divided among the ranks, and
    /// all have the numbers that one would have, to the bit; so early stopping stops all at once.
    ///
    /// A flag of [`stop_when`](Trainer::stop_when) on any rank stops all after the same step: that during which it is set, or the
    /// next, if it is set when the gradients have been added up. An error on a rank ends all: that rank with the error, the others
    /// with [`Error::OtherRank`](crate::Error::OtherRank), which names it.
    ///
    /// # Errors
    /// The run is refused with [`Error::FewerSamplesThanRanks`](crate::Error::FewerSamplesThanRanks) if there is not a training
    /// sample for every rank.
    ///
    /// # References
    /// S. Li and others, *PyTorch Distributed: Experiences on Accelerating Data Parallel Training*, VLDB 2020,
    /// <https://doi.org/10.14778/3415478.3415530>
    #[must_use]
    pub fn ranks(mut self, ranks: &'a mut dyn Ranks<F>) -> Self {
        self.ranks = Some(ranks);
        self
    }

    /// Follows a metric on the test samples, epoch by epoch: in [`History::metrics`](crate::History::metrics), and by
    /// [`Callback::metric`]. See [`Metric`] for one of your own.
    #[must_use]
    pub fn metric(mut self, metric: impl Metric + 'a) -> Self {
        self.metrics.push(Box::new(metric));
        self
    }

    /// Looks at the gradient of every parameter now and then: at every so many steps, or at the last step of every so many epochs. What it
    /// sees is in [`History::gradients`](crate::History::gradients) and in the report, and told by [`Callback::gradient`].
    ///
    /// The gradient is that of the batch, before clipping. One look reads every weight and every gradient once, less work than an optimizer's
    /// update: once an epoch it costs next to nothing.
    #[must_use]
    pub fn gradient_health(mut self, every: Every) -> Self {
        self.gradient_health = Some(every);
        self
    }

    /// Sets the learning rate of each step, counted from 0.
    #[must_use]
    pub fn schedule(mut self, schedule: impl Schedule + 'a) -> Self {
        self.schedule = Some(Box::new(schedule));
        self
    }

    /// Stops when the test loss no longer falls, and gives the model the weights of its best epoch.
    #[must_use]
    pub fn early_stopping(mut self, early_stopping: EarlyStopping<F>) -> Self {
        (self.early_stopping, self.watched) = (Some(early_stopping), None);
        self
    }

    /// As [`early_stopping`](Trainer::early_stopping), by a metric instead of the test loss, which is followed as
    /// [`metric`](Trainer::metric) does. Whether a large one is good is said by [`EarlyStopping::maximize`].
    ///
    /// # Examples
    /// ```
    /// use gradus_data::Digits;
    /// use gradus_nn_layers::Linear;
    /// use gradus_optim::Adam;
    /// use gradus_regularize::EarlyStopping;
    /// use gradus_train::Trainer;
    /// use gradus_train::metrics::{Average, F1};
    /// use rand::{SeedableRng, rngs::StdRng};
    ///
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let (train, test) = Digits::embedded().split_at(300)?;
    /// let history = Trainer::new(50)
    ///     .early_stopping_on(F1(Average::Macro), EarlyStopping::new(3).maximize())
    ///     .run(&mut Linear::new(64, 10, &mut rng), &mut Adam::new(1e-2), &train, &test, &mut rng)?;
    /// let best = history.metrics.iter().max_by(|a, b| a.value.total_cmp(&b.value)).unwrap();
    /// assert_eq!(history.metrics[history.kept_epoch - 1].value, best.value);
    /// # Ok::<(), gradus_train::Error>(())
    /// ```
    #[must_use]
    pub fn early_stopping_on(mut self, metric: impl Metric + 'a, early_stopping: EarlyStopping<F>) -> Self {
        self.metrics.push(Box::new(metric));
        (self.early_stopping, self.watched) = (Some(early_stopping), Some(self.metrics.len() - 1));
        self
    }

    /// Another loss, from logits `(N, K)` and labels `(N)` to one number.
    #[must_use]
    pub fn loss(
        mut self,
        loss: impl Fn(&Var<F>, &ArrayRef1<usize>) -> LayerResult<Var<F>> + Send + Sync + 'static,
    ) -> Self {
        self.loss = Box::new(loss);
        self
    }

    /// Lets somebody watch: [`Progress`](crate::Progress), say.
    #[must_use]
    pub fn callback(mut self, callback: &'a mut dyn Callback) -> Self {
        self.callbacks.push(callback);
        self
    }
}

impl<F: Real> std::fmt::Debug for Trainer<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer")
            .field("epochs", &self.epochs)
            .field("batch_size", &self.batch_size)
            .field("clip_norm", &self.clip_norm)
            .finish_non_exhaustive()
    }
}
