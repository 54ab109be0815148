//! Whole models against PyTorch: the same weights, the same logits, the same losses step after step.

use gradus::ndarray::{Array2, Ix2};
use gradus::nn_layers::{Embedding, StateDict};
use gradus::optim::clip_global_norm;
use gradus::prelude::*;
use gradus_testing::golden::{self, Case};
use gradus_testing::{Tolerance, close};

type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

#[test]
fn models() {
    golden::check("models", &[], |case| match case.op.as_str() {
        "model_cnn" => cnn(case),
        "model_lstm" => lstm(case),
        _ => case.unknown(),
    });
}

/// `SmallCnn` of the golden set's program, with its names.
#[derive(Module)]
struct SmallCnn {
    conv1: Conv2d,
    conv2: Conv2d,
    fc1: Linear,
    fc2: Linear,
}

impl Layer for SmallCnn {
    fn forward(&self, x: &Var) -> Result<Var> {
        let pool = MaxPool2d::new(2);
        let x = pool.forward(&self.conv1.forward(x)?.relu())?;
        let x = pool.forward(&self.conv2.forward(&x)?.relu())?;
        self.fc2.forward(&self.fc1.forward(&x.flatten_from(1)?)?.relu())
    }
}

fn cnn(case: &Case) -> Outcome {
    let mut rng = StdRng::seed_from_u64(0);
    let (c1, c2, hidden) = (case.usize("c1"), case.usize("c2"), case.usize("hidden"));
    let mut model = SmallCnn {
        conv1: Conv2d::new(1, c1, 3, &mut rng).padding(1),
        conv2: Conv2d::new(c1, c2, 3, &mut rng).padding(1),
        fc1: Linear::new(c2 * 49, hidden, &mut rng),
        fc2: Linear::new(hidden, 10, &mut rng),
    };
    model.load_state_dict(&StateDict::load(golden::path(case.str("state_dict")))?)?;

    let x = case.input_as::<f32>("x");
    let labels = case.classes("target");
    let logits = model.forward(&Tape::inference().input(x.clone()))?;
    close(&**logits.value(), &case.output("logits"), Tolerance::F32, "logits")?;

    let mut adam = Adam::new(case.f64("lr"));
    let mut losses = Vec::new();
    for _ in 0..case.output("losses").len() {
        let tape = Tape::training(&mut rng);
        let loss = model.forward(&tape.input(x.clone()))?.cross_entropy(&labels)?;
        losses.extend(loss.item());
        adam.step(&mut model, &loss.backward()?)?;
    }
    close(&gradus::ndarray::Array1::from(losses), &case.output("losses"), Tolerance::F32, "losses")?;
    Ok(())
}

/// `SmallLstm` of the golden set's program, with its names.
#[derive(Module)]
struct SmallLstm {
    embed: Embedding,
    lstm: Lstm,
    head: Linear,
}

impl SmallLstm {
    /// The logits of every step, `(N, T, 65)`.
    fn forward(&self, tape: &Tape, tokens: &Array2<usize>) -> Result<Var> {
        self.head.forward(&self.lstm.forward(&self.embed.forward(tape, tokens)?)?)
    }
}

fn lstm(case: &Case) -> Outcome {
    let mut rng = StdRng::seed_from_u64(0);
    let (embed, hidden) = (case.usize("embed"), case.usize("hidden"));
    let mut model = SmallLstm {
        embed: Embedding::new(65, embed, &mut rng),
        lstm: Lstm::new(embed, hidden, &mut rng).layers(case.usize("layers"), &mut rng).batch_first(),
        head: Linear::new(hidden, 65, &mut rng),
    };
    model.load_state_dict(&StateDict::load(golden::path(case.str("state_dict")))?)?;

    let tokens = case.classes("x").into_dimensionality::<Ix2>()?;
    let targets = case.classes("target");
    let logits = model.forward(&Tape::inference(), &tokens)?;
    close(&**logits.value(), &case.output("logits"), Tolerance::F32, "logits")?;

    let mut adam = Adam::new(case.f64("lr"));
    let mut losses = Vec::new();
    for _ in 0..case.output("losses").len() {
        let logits = model.forward(&Tape::training(&mut rng), &tokens)?;
        let loss = logits.reshape(&[tokens.len(), 65])?.cross_entropy(&targets.flatten())?;
        losses.extend(loss.item());
        let mut gradients = loss.backward()?;
        clip_global_norm(&mut gradients, case.f64("clip_grad_norm"))?;
        adam.step(&mut model, &gradients)?;
    }
    close(&gradus::ndarray::Array1::from(losses), &case.output("losses"), Tolerance::F32, "losses")?;
    Ok(())
}
