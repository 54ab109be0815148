//! How the gradient of each parameter was, and what that says of the layers.

mod look;

use crate::History;
use gradus_autograd::{Gradients, Real};
use gradus_nn_layers::{Module, Verdict};

/// The gradient of one parameter at one step, before clipping.
///
/// [`Trainer::gradient_health`](crate::Trainer::gradient_health) collects these in [`History::gradients`]; a loop of your own calls
/// [`GradientRecord::of`].
#[derive(Debug, Clone, PartialEq)]
pub struct GradientRecord {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The step, from 1, counted over all epochs.
    pub step: u64,
    /// The parameter's name.
    pub parameter: String,
    /// How many numbers it has.
    pub numbers: usize,
    /// The Euclidean norm of its gradient, `‖g‖`; 0 if none arrived.
    pub norm: f64,
    /// The Euclidean norm of the weights before the update, `‖w‖`.
    pub weight_norm: f64,
    /// The share of the gradient's numbers that are exactly 0; 1 if none arrived.
    pub zeros: f64,
    /// The share of the gradient's numbers that are NaN or infinite. A [`Trainer`](crate::Trainer) ends with an error at the first of them.
    pub not_finite: f64,
    /// What these numbers say, beside those of the other parameters at this step: see [`health`](gradus_nn_layers::health).
    pub verdict: Verdict,
}

impl GradientRecord {
    /// A record of every parameter that is trained, in the model's order.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Layer, Linear, Tape, Verdict, ndarray::array};
    /// use gradus_train::GradientRecord;
    ///
    /// let model: Linear<f64> = Linear::from_parts(array![[3.0, 4.0]], None)?;
    /// let y = model.forward(&Tape::recording().input(array![[0.0, 2.0]]))?;
    /// let records = GradientRecord::of(&model, &y.sum().backward()?, 1, 1);
    /// assert_eq!((records[0].norm, records[0].weight_norm, records[0].zeros), (2.0, 5.0, 0.5));
    /// assert_eq!(records[0].verdict, Verdict::Healthy);
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    #[must_use]
    pub fn of<F: Real>(
        model: &(impl Module<F> + ?Sized),
        gradients: &Gradients<F>,
        epoch: usize,
        step: u64,
    ) -> Vec<Self> {
        look::look(model, gradients, epoch, step)
    }

    /// `‖g‖ / ‖w‖`: infinite for weights of zero, NaN if both norms are 0.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.norm / self.weight_norm
    }

    /// The layer: the parameter's name up to its last dot, or all of it where there is none.
    #[must_use]
    pub fn layer(&self) -> &str {
        self.parameter.rsplit_once('.').map_or(&self.parameter, |(layer, _)| layer)
    }
}

/// What the gradients of a layer say at the end of a run, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GradientFinding {
    /// The layer: see [`GradientRecord::layer`].
    pub layer: String,
    /// The verdict of the last step that was looked at: that of the first of its parameters which is not well.
    pub verdict: Verdict,
    /// The first of the epochs in a row that ended with this verdict.
    pub since: usize,
}

impl History {
    /// What the gradients of each layer say, in the model's order; nothing if none were looked at.
    ///
    /// # Examples
    /// Ten layers of sigmoids, through which hardly any gradient comes back:
    /// ```
    /// use gradus_data::Digits;
    /// use gradus_nn_layers::{Linear, Sequential, Sigmoid, Verdict};
    /// use gradus_optim::Sgd;
    /// use gradus_train::{Every, Trainer};
    /// use rand::{SeedableRng, rngs::StdRng};
    ///
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let (train, test) = Digits::embedded().split_at(200)?;
    /// let mut model = Sequential::new().push(Linear::new(64, 16, &mut rng)).push(Sigmoid);
    /// for _ in 0..9 {
    ///     model = model.push(Linear::new(16, 16, &mut rng)).push(Sigmoid);
    /// }
    /// let mut model = model.push(Linear::new(16, 10, &mut rng));
    /// let mut trainer = Trainer::new(1).gradient_health(Every::Epochs(1));
    /// let history = trainer.run(&mut model, &mut Sgd::new(0.1), &train, &test, &mut rng)?;
    /// let findings = history.gradient_findings();
    /// assert_eq!((findings[0].layer.as_str(), findings[0].verdict), ("0", Verdict::Vanishing));
    /// assert_eq!(findings[10].verdict, Verdict::Healthy);
    /// # Ok::<(), gradus_train::Error>(())
    /// ```
    #[must_use]
    pub fn gradient_findings(&self) -> Vec<GradientFinding> {
        let mut layers: Vec<(&str, Vec<Judged>)> = Vec::new();
        for record in &self.gradients {
            let layer = record.layer();
            let place = layers.iter().position(|(name, _)| *name == layer).unwrap_or_else(|| {
                layers.push((layer, Vec::new()));
                layers.len() - 1
            });
            let &GradientRecord { epoch, step, verdict, .. } = record;
            let epochs = &mut layers[place].1;
            match epochs.last_mut() {
                // Of the parameters of a step the first counts that is not well, and of the steps of an epoch the last.
                Some(last) if last.step == step && !last.verdict.is_well() => {}
                Some(last) if last.epoch == epoch => *last = Judged { epoch, step, verdict },
                _ => epochs.push(Judged { epoch, step, verdict }),
            }
        }
        let finding = |(layer, epochs): (&str, Vec<Judged>)| {
            let verdict = epochs.last()?.verdict;
            let run = epochs.iter().rev().take_while(|judged| judged.verdict == verdict);
            Some(GradientFinding { layer: layer.to_owned(), verdict, since: run.last()?.epoch })
        };
        layers.into_iter().filter_map(finding).collect()
    }
}

/// The verdict on a layer at the last step of an epoch that was looked at.
struct Judged {
    epoch: usize,
    step: u64,
    verdict: Verdict,
}
