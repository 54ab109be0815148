//! Layers with a head.

use crate::adam::Adam;
use crate::cells::lstm;
use gradus_rnn_bptt::drivers::{ManyToMany, ManyToOne, OneToMany};
use gradus_rnn_bptt::ndarray::{Array3, Axis};
use gradus_rnn_bptt::tasks::{Sine, Task};
use gradus_rnn_bptt::{Error, Layer, Module, Recurrent, RnnCell, State, Tape, Var};
use gradus_testing::refuses;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn near(a: &Var<f64>, b: &Var<f64>) -> bool {
    a.shape() == b.shape() && a.value().iter().zip(b.value().iter()).all(|(a, b)| (a - b).abs() < 1e-12)
}

#[test]
fn heads_stand_on_what_the_layers_say() {
    let rng = &mut rng();
    let recurrent = Recurrent::of(lstm::<f64>(3, 5, rng)).layers(2, rng);
    let (one, many) =
        (ManyToOne::new(recurrent.clone(), 4, rng).unwrap(), ManyToMany::new(recurrent.clone(), 4, rng).unwrap());
    let x =
        Tape::recording().input(Array3::from_shape_fn((6, 2, 3), |(t, n, i)| (t * 7 + n * 3 + i) as f64 % 5.0 - 2.0));
    assert_eq!(one.forward(&x).unwrap().shape(), [2, 4]);
    let expected = one.head.forward(&one.recurrent.forward(&x).unwrap().select(0, 5).unwrap()).unwrap();
    assert_eq!(one.forward(&x).unwrap().value(), expected.value());
    let (outputs, state) = many.forward_with(&x.slice_axis(0, 0..4, 1).unwrap(), None).unwrap();
    assert_eq!((outputs.shape(), state.parts().len()), (&[4, 2, 4][..], 2));
    let (rest, _) = many.forward_with(&x.slice_axis(0, 4..6, 1).unwrap(), Some(&state)).unwrap();
    let whole = many.forward(&x).unwrap();
    assert!(near(&rest, &whole.slice_axis(0, 4..6, 1).unwrap()));
    let gradients = whole.square().sum().backward().unwrap();
    assert_eq!(gradients.len(), many.parameters().len());
    assert_eq!(many.parameters()[0].0, "recurrent.weight_ih_l0");
    // Two directions: the head is as wide as both.
    let both = ManyToOne::new(recurrent.bidirectional(rng), 4, rng).unwrap();
    assert_eq!((both.head.in_features(), both.forward(&x).unwrap().shape()), (10, &[2, 4][..]));
}

#[test]
fn a_beginning_goes_on_by_itself() {
    let rng = &mut rng();
    let model = OneToMany::new(Recurrent::of(RnnCell::<f64>::new(2, 5, rng)).layers(2, rng), rng).unwrap();
    let x = Tape::recording().input(Array3::from_shape_fn((3, 4, 2), |(t, n, i)| (t + n + i) as f64 / 4.0));
    let y = model.forward(&x, 5).unwrap();
    // The same by hand: at each step all that was read and said is read again.
    let mut read = x;
    for t in 0..5 {
        let h = model.recurrent.forward(&read).unwrap();
        let next = model.head.forward(&h.select(0, 2 + t).unwrap()).unwrap();
        let found = y.select(0, t).unwrap();
        assert!(near(&found, &next));
        read = gradus_autograd::concatenate(0, &[&read, &next.unsqueeze(0).unwrap()]).unwrap();
    }
    assert_eq!(y.square().sum().backward().unwrap().len(), model.parameters().len());
    let batch_first = OneToMany { recurrent: model.recurrent.clone().batch_first(), ..model.clone() };
    let x = Tape::inference().input(Array3::ones((1, 4, 2)));
    assert_eq!(batch_first.forward(&x, 3).unwrap().value(), model.forward(&x, 3).unwrap().value());
}

/// Trained to say the next value, a network goes on with the sine by itself.
#[test]
fn a_sine_goes_on() {
    let rng = &mut rng();
    let task = Sine::new(24, 8.0).unwrap();
    let mut model = OneToMany::new(Recurrent::of(RnnCell::new(1, 24, rng)), rng).unwrap();
    let mut adam = Adam::new(5e-3);
    for _ in 0..600 {
        let batch = task.batch(16, rng);
        let h = model.recurrent.forward(&Tape::recording().input(batch.input.clone())).unwrap();
        let loss = batch.loss(&model.head.forward(&h).unwrap()).unwrap();
        adam.step(&mut model, loss.backward().unwrap());
    }
    let wave = task.batch(50, rng).input;
    let beginning = Tape::inference().input(wave.slice_axis(Axis(0), (..12).into()).to_owned());
    let y = model.forward(&beginning, 8).unwrap();
    let error = y.value().iter().zip(wave.iter().skip(12 * 50)).map(|(y, x)| (y - x).powi(2)).sum::<f32>() / 400.0;
    assert!(error < 0.05, "{error}, where always 0 has 0.5");
}

#[test]
fn drivers_that_cannot_be_are_refused() {
    let rng = &mut rng();
    let layers = Recurrent::of(RnnCell::<f32>::new(2, 5, rng));
    let none = layers.clone().layers(0, rng);
    assert!(ManyToOne::new(none.clone(), 1, rng).unwrap_err().to_string().starts_with("many to one: 0 cells"));
    assert!(ManyToMany::new(none.clone(), 1, rng).unwrap_err().to_string().starts_with("many to many: 0 cells"));
    assert!(OneToMany::new(none, rng).unwrap_err().to_string().starts_with("one to many: 0 cells"));
    let two_ways = OneToMany::new(layers.clone().bidirectional(rng), rng).unwrap_err();
    refuses!(Err::<(), _>(two_ways.source_as::<Error>().unwrap()), Error::TwoDirections { .. }, @"one to many: layers in two directions read what comes after, too; layers in one direction would fit");
    let model = OneToMany::new(layers, rng).unwrap();
    let forward = |shape, steps| model.forward(&Tape::inference().input(Array3::zeros(shape)), steps).unwrap_err();
    assert_eq!(forward((1, 2, 2), 0).to_string(), "one to many: steps = 0: at least 1 step would fit");
    assert!(forward((0, 2, 2), 3).to_string().contains("no time steps"));
    assert!(forward((1, 2, 3), 3).to_string().contains("the layer takes 2"));
}
