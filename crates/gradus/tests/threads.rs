//! The number of threads changes no bit of a training run.

#![allow(clippy::unwrap_used)]

use gradus::ndarray::{Array1, Array2};
use gradus::prelude::*;

#[derive(Module)]
struct Net {
    conv: Conv2d,
    hidden: Linear,
    out: Linear,
}

impl Layer for Net {
    fn forward(&self, x: &Var) -> Result<Var> {
        let x = self.conv.forward(x)?.relu();
        let x = self.hidden.forward(&x.flatten_from(1)?)?.tanh();
        self.out.forward(&Dropout::new(0.2).forward(&x)?)
    }
}

/// Three steps on arrays long enough for every loop that threads divide; the bits of all losses and weights.
fn bits(threads: usize) -> Vec<u32> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut rng = StdRng::seed_from_u64(1);
        let mut model = Net {
            conv: Conv2d::new(1, 8, 3, &mut rng).padding(1),
            hidden: Linear::new(8 * 14 * 14, 512, &mut rng),
            out: Linear::new(512, 600, &mut rng),
        };
        let mut adam = Adam::new(1e-3);
        let n = 256;
        let x = Array2::from_shape_fn((n, 196), |(i, j)| ((i * 196 + j) as f32 * 0.618).fract() - 0.5);
        let x = Value::from(x.into_shape_with_order([n, 1, 14, 14]).unwrap());
        let labels: Array1<usize> = (0..n).map(|i| i * 37 % 600).collect();
        let mut bits = Vec::new();
        for _ in 0..3 {
            let tape = Tape::training(&mut rng);
            let loss = model.forward(&tape.input(x.clone())).unwrap().cross_entropy(&labels).unwrap();
            bits.push(loss.item().unwrap().to_bits());
            adam.step(&mut model, &loss.backward().unwrap()).unwrap();
        }
        bits.extend(model.parameters().iter().flat_map(|(_, p)| p.value().iter().map(|w| w.to_bits())));
        bits
    })
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    let one = bits(1);
    for threads in [2, 3, 5] {
        assert!(bits(threads) == one, "{threads} threads give other bits than one");
    }
}
