//! The README's first program: a network of two layers learns real handwritten digits.

use gradus::prelude::*;

#[derive(Module)]
struct Mlp {
    hidden: Linear,
    out: Linear,
}

impl Layer for Mlp {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.out.forward(&self.hidden.forward(x)?.relu())
    }
}

fn main() -> Result<()> {
    let mut rng = StdRng::seed_from_u64(7);
    let digits = Digits::embedded();
    let (train, test) = digits.split(0.8, &mut rng)?;

    let mut model = Mlp { hidden: Linear::new(64, 128, &mut rng), out: Linear::new(128, 10, &mut rng) };
    let mut adam = Adam::new(1e-3);

    for epoch in 0..20 {
        for (images, labels) in train.batches(64).shuffled(&mut rng) {
            let tape = Tape::training(&mut rng);
            let loss = model.forward(&tape.input(images))?.cross_entropy(&labels)?;
            adam.step(&mut model, &loss.backward()?)?;
        }
        println!("epoch {epoch}: {:.1} % right", 100.0 * accuracy(&model, &test)?);
    }
    Ok(())
}
