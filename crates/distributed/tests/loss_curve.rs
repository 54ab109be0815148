//! Ranks that share each batch have the loss curve of PyTorch in one process with the whole batch.
//!
//! `benches/peers/python/loss_curve.py` recorded it, with the same model, numbers and steps.

use gradus_autograd::ndarray::{Array1, ArrayD, Axis};
use gradus_autograd::{Tape, Var};
use gradus_distributed::{Communicator, DataParallel, Group, Threads};
use gradus_nn_layers::{Layer, Linear, Losses, Module, Result as LayerResult};
use gradus_optim::{Adam, Optimizer};
use gradus_train::{Ranks, Result, Start};
use rand::{SeedableRng, rngs::StdRng};

const RECORDED: &str = include_str!("loss_curve/pytorch.txt");
const INPUTS: usize = 6;
const UNITS: usize = 24;
const CLASSES: usize = 4;
const BATCH: usize = 16;

#[derive(Module)]
struct Model {
    fc1: Linear,
    fc2: Linear,
}

impl Layer for Model {
    fn forward(&self, x: &Var) -> LayerResult<Var> {
        self.fc2.forward(&self.fc1.forward(x)?.tanh())
    }
}

/// Number `k` of stream `s` is `sin(s + 1.7 k + 0.3 k²)`.
fn waves(stream: usize, shape: [usize; 2]) -> ArrayD<f32> {
    let wave = |k: usize| (stream as f64 + 1.7 * k as f64 + 0.3 * (k * k) as f64).sin() as f32;
    ArrayD::from_shape_vec(shape.to_vec(), (0..shape[0] * shape[1]).map(wave).collect()).unwrap()
}

fn model() -> Model {
    let mut rng = StdRng::seed_from_u64(0);
    let mut model = Model { fc1: Linear::new(INPUTS, UNITS, &mut rng), fc2: Linear::new(UNITS, CLASSES, &mut rng) };
    for (stream, [outputs, inputs], layer) in
        [(1, [UNITS, INPUTS], &mut model.fc1), (2, [CLASSES, UNITS], &mut model.fc2)]
    {
        layer.weight.value_mut().assign(&(waves(stream, [outputs, inputs]) / (inputs as f32).sqrt()));
        layer.bias.iter_mut().for_each(|bias| bias.value_mut().fill(0.0));
    }
    model
}

/// The losses of all ranks' rows together, a step each.
fn curve(group: &Group, steps: usize) -> Result<Vec<f64>> {
    let (rank, size) = (group.rank(), group.size());
    let (share, rows) = (1.0 / size as f64, BATCH / size);
    let (mut model, mut adam, mut ranks) = (model(), Adam::new(1e-2), DataParallel::new(group));
    let start = Start {
        seed: 0,
        samples: BATCH * steps,
        test_samples: 0,
        batch_size: BATCH,
        epochs: 1,
        data: 0,
        test_data: 0,
        checkpoint: None,
    };
    ranks.begin(&mut model, &start)?;
    let mut losses = Vec::new();
    for step in 0..steps {
        let all = waves(10 + step, [BATCH, INPUTS]);
        let own = all.slice_axis(Axis(0), (rank * rows..(rank + 1) * rows).into()).to_owned();
        let labels: Array1<usize> =
            own.outer_iter().map(|x| usize::from(x[0] > 0.0) + 2 * usize::from(x[1] > 0.0)).collect();
        let tape = Tape::recording();
        let loss = model.forward(&tape.input(own))?.cross_entropy(&labels)?;
        let mut gradients = loss.backward_each(|id, gradient| ranks.gradient(id, gradient, share))?;
        let mut numbers = [f64::from(loss.item().unwrap()) * share];
        ranks.add_up(&mut gradients, share, &mut numbers)?;
        adam.step(&mut model, &gradients)?;
        losses.extend(numbers);
    }
    Ok(losses)
}

#[test]
fn two_ranks_have_the_loss_curve_of_pytorch_in_one_process() {
    let recorded: Vec<f64> = RECORDED.lines().map(|loss| loss.parse().unwrap()).collect();
    assert_eq!(recorded.len(), 50);
    assert!(recorded[49] < 0.7 * recorded[0], "it is a curve that falls");
    for ranks in [1, 2, 4] {
        for losses in Threads::run(ranks, |group: Group| curve(&group, recorded.len())) {
            let differences =
                losses.unwrap().into_iter().zip(&recorded).map(|(own, other)| (own - other).abs() / other);
            let largest = differences.fold(0.0, f64::max);
            assert!(largest < 1e-4, "{ranks} ranks: {largest:e}");
        }
    }
}
