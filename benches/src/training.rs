//! The training steps of the contract, by one rank or by several together.

use crate::draw::{classes, parameters, reals};
use crate::models::{Cnn, Language, LinearRegression, Mlp, ResNet, RowReader, Scalar};
use gradus::ndarray::{Array1, Array2, ArrayD, Axis, Slice};
use gradus::optim::clip_global_norm;
use gradus::prelude::*;
use gradus::rnn_bptt::Cell;
use gradus::train::{Ranks, Result as TrainResult};
use std::ops::Range;

/// The characters of a sequence of the language models.
pub(crate) const STEPS: usize = 64;

/// Where layers get their first weights from, which the contract's replace at once.
pub(crate) fn rng() -> StdRng {
    StdRng::seed_from_u64(0)
}

/// A model, its data and its optimizer: a workload that trains.
#[allow(missing_debug_implementations)] // it has parts of any type
pub struct Training {
    task: Box<dyn Task>,
    optimizer: Box<dyn Optimizer>,
    max_norm: Option<f64>,
    rng: StdRng,
    batch: usize,
}

impl Training {
    /// The workload `name`; `None` if there is none that trains. Of the rows of its batch, it has those of part `part` of `parts`.
    #[must_use]
    pub fn new(name: &str, part: usize, parts: usize) -> Option<Self> {
        let all = match name {
            "scalar" => 4,
            "linreg" | "resnet" | "lstm" | "gru" => 32,
            "mlp" => 128,
            "cnn" | "rnn" => 64,
            _ => return None,
        };
        let rows = all * part / parts..all * (part + 1) / parts;
        let batch = rows.len();
        let (adam, sgd) = (|| Box::new(Adam::new(1e-3)), |rate| Sgd::new(rate));
        let (task, optimizer, max_norm): (Box<dyn Task>, Box<dyn Optimizer>, _) = match name {
            "scalar" => (regression(name, Scalar::new(&mut rng()), &[4, 2], rows), Box::new(sgd(0.01)), None),
            "linreg" => {
                (regression(name, LinearRegression::new(&mut rng()), &[32, 100], rows), Box::new(sgd(0.01)), None)
            }
            "mlp" => (classification(name, Mlp::new(&mut rng()), &[128, 784], rows), adam(), None),
            "cnn" => (classification(name, Cnn::new(&mut rng()), &[64, 1, 28, 28], rows), adam(), None),
            "resnet" => {
                let sgd = sgd(0.1).momentum(0.9).weight_decay(5e-4);
                (classification(name, ResNet::new(&mut rng()), &[32, 3, 32, 32], rows), Box::new(sgd), None)
            }
            "rnn" => (classification(name, RowReader::new(&mut rng()), &[64, 28, 28], rows), adam(), None),
            "lstm" => (language(name, Language::lstm(&mut rng()), rows), adam(), Some(1.0)),
            "gru" => (language(name, Language::gru(&mut rng()), rows), adam(), Some(1.0)),
            _ => return None,
        };
        Some(Self { task, optimizer, max_norm, rng: rng(), batch })
    }

    /// The rows of its batch.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The model that is trained.
    pub fn model(&mut self) -> &mut dyn Module {
        self.task.model()
    }

    /// One step; returns its loss.
    ///
    /// # Errors
    /// None, of the contract's workloads.
    pub fn step(&mut self) -> Result<f64> {
        let tape = Tape::training(&mut self.rng);
        let loss = self.task.loss(&tape)?;
        let gradients = loss.backward()?;
        self.update(gradients)?;
        Ok(item(&loss))
    }

    /// One step together with other ranks, of which each has as many rows; returns the loss on all of them.
    ///
    /// # Errors
    /// Those of the ranks.
    pub fn step_on(&mut self, ranks: &mut dyn Ranks) -> TrainResult<f64> {
        let share = 1.0 / ranks.size() as f64;
        let tape = Tape::training(&mut self.rng);
        let loss = self.task.loss(&tape)?;
        let mut gradients = loss.backward_each(|id, gradient| ranks.gradient(id, gradient, share))?;
        let mut numbers = [item(&loss) * share];
        ranks.add_up(&mut gradients, share, &mut numbers)?;
        self.update(gradients)?;
        Ok(numbers[0])
    }

    fn update(&mut self, mut gradients: Gradients) -> Result<()> {
        if let Some(max_norm) = self.max_norm {
            clip_global_norm(&mut gradients, max_norm)?;
        }
        self.optimizer.step(self.task.model(), &gradients)?;
        Ok(())
    }
}

/// A model and its data.
trait Task {
    fn model(&mut self) -> &mut dyn Module;

    fn loss(&self, tape: &Tape) -> Result<Var>;
}

struct Regression<M> {
    model: M,
    x: Value,
    y: Value,
}

fn regression<M: Layer + 'static>(name: &str, mut model: M, shape: &[usize], rows: Range<usize>) -> Box<dyn Task> {
    parameters(name, &mut model);
    let x = of_rows(reals(&format!("{name}/x"), shape, 1.0), &rows);
    let y = of_rows(reals(&format!("{name}/y"), &[shape[0], 1][..], 1.0), &rows);
    Box::new(Regression { model, x, y })
}

impl<M: Layer> Task for Regression<M> {
    fn model(&mut self) -> &mut dyn Module {
        &mut self.model
    }

    fn loss(&self, tape: &Tape) -> Result<Var> {
        self.model.forward(&tape.input(self.x.clone()))?.mse(&tape.input(self.y.clone()))
    }
}

struct Classification<M> {
    model: M,
    x: Value,
    y: Array1<usize>,
}

fn classification<M: Layer + 'static>(name: &str, mut model: M, shape: &[usize], rows: Range<usize>) -> Box<dyn Task> {
    parameters(name, &mut model);
    let x = of_rows(reals(&format!("{name}/x"), shape, 1.0), &rows);
    let y = classes(&format!("{name}/y"), shape[0], 10).slice_axis(Axis(0), Slice::from(rows)).to_owned();
    Box::new(Classification { model, x, y })
}

impl<M: Layer> Task for Classification<M> {
    fn model(&mut self) -> &mut dyn Module {
        &mut self.model
    }

    fn loss(&self, tape: &Tape) -> Result<Var> {
        self.model.forward(&tape.input(self.x.clone()))?.cross_entropy(&self.y)
    }
}

struct NextCharacter<C: Cell<Float = f32>> {
    model: Language<C>,
    x: Array2<usize>,
    y: Array1<usize>,
}

fn language<C: Cell<Float = f32> + 'static>(name: &str, mut model: Language<C>, rows: Range<usize>) -> Box<dyn Task> {
    parameters(name, &mut model);
    let [x, y] = ["x", "y"]
        .map(|key| tokens(&format!("{name}/{key}"), 32).slice_axis(Axis(0), Slice::from(rows.clone())).to_owned());
    Box::new(NextCharacter { model, x, y: y.flatten().to_owned() })
}

impl<C: Cell<Float = f32>> Task for NextCharacter<C> {
    fn model(&mut self) -> &mut dyn Module {
        &mut self.model
    }

    fn loss(&self, tape: &Tape) -> Result<Var> {
        self.model.forward(tape, &self.x)?.reshape(&[self.y.len(), 65])?.cross_entropy(&self.y)
    }
}

fn of_rows(all: ArrayD<f32>, rows: &Range<usize>) -> Value {
    all.slice_axis(Axis(0), Slice::from(rows.clone())).to_owned().into()
}

/// Sequences of characters.
pub(crate) fn tokens(key: &str, batch: usize) -> Array2<usize> {
    let drawn = classes(key, batch * STEPS, 65);
    Array2::from_shape_fn((batch, STEPS), |(sequence, t)| drawn[sequence * STEPS + t])
}

pub(crate) fn item(loss: &Var) -> f64 {
    loss.item().map_or(f64::NAN, f64::from)
}
