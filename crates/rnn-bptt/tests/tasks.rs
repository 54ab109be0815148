//! The toy tasks: their scores are what they say, and are reached.

use crate::adam::Adam;
use crate::cells::lstm;
use gradus_nn_layers::Linear;
use gradus_rnn_bptt::ndarray::{Array3, ArrayD, Axis, array};
use gradus_rnn_bptt::tasks::{Adding, Batch, Brackets, CopyMemory, Parity, Sine, Target, Task};
use gradus_rnn_bptt::{Cell, Error, Layer, Module, Recurrent, RnnCell, Tape, Var};
use gradus_testing::refuses;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

#[derive(Module)]
struct Net<C: Cell<Float = f32>> {
    recurrent: Recurrent<C>,
    head: Linear,
}

impl<C: Cell<Float = f32>> Net<C> {
    fn new(cell: C, task: &impl Task, rng: &mut impl Rng) -> Self {
        let head = Linear::new(cell.output_size(), task.output_size(), rng);
        Self { recurrent: Recurrent::of(cell), head }
    }

    fn output(&self, task: &impl Task, x: &Var) -> Var {
        let h = if task.every_step() { self.recurrent.forward(x) } else { self.recurrent.last(x).map_err(Into::into) };
        self.head.forward(&h.unwrap()).unwrap()
    }
}

/// A network of this cell after so many steps of training: its loss on sequences that it has not seen, and the share of right
/// answers.
fn learn<C: Cell<Float = f32>>(
    task: &impl Task,
    cell: impl FnOnce(usize, usize, &mut StdRng) -> C,
    units: usize,
    [steps, batch]: [usize; 2],
    rate: f32,
) -> (f64, Option<f64>) {
    let mut rng = StdRng::seed_from_u64(1);
    let mut net = Net::new(cell(task.input_size(), units, &mut rng), task, &mut rng);
    let mut adam = Adam::new(rate);
    for _ in 0..steps {
        let batch = task.batch(batch, &mut rng);
        let loss = batch.loss(&net.output(task, &Tape::recording().input(batch.input.clone()))).unwrap();
        adam.step(&mut net, loss.backward().unwrap());
    }
    let batch = task.batch(1000, &mut rng);
    let output = net.output(task, &Tape::inference().input(batch.input.clone()));
    (f64::from(batch.loss(&output).unwrap().item().unwrap()), batch.accuracy(&output).unwrap())
}

#[test]
fn the_easy_ones_are_learnt() {
    let task = Adding::new(10).unwrap();
    let (loss, right) = learn(&task, RnnCell::new, 32, [1500, 32], 4e-3);
    assert!(loss < task.solved() && loss < task.baseline() / 10.0 && right.is_none(), "adding: {loss}");

    let task = Parity::new(8).unwrap();
    let (loss, right) = learn(&task, RnnCell::new, 16, [800, 32], 1e-2);
    assert!(loss < task.solved() && right > Some(0.99), "parity: {loss}, {right:?}");

    let task = Sine::new(20, 8.0).unwrap();
    let (loss, _) = learn(&task, RnnCell::new, 16, [800, 16], 5e-3);
    assert!((task.floor() / 2.0..task.solved()).contains(&loss), "sine: {loss}, at best {}", task.floor());

    let task = CopyMemory::of(1, 3, 4).unwrap();
    let (loss, right) = learn(&task, RnnCell::new, 32, [800, 32], 5e-3);
    assert!(loss < task.solved() && right > Some(0.99), "copy memory: {loss}, {right:?}");

    let task = Brackets::new(20, 2, 3).unwrap();
    let (loss, right) = learn(&task, RnnCell::new, 32, [500, 32], 5e-3);
    assert!(loss < task.solved() && right > Some(0.99), "brackets: {loss}, {right:?}");
}

#[test]
fn what_takes_a_longer_memory_is_not_learnt_in_the_same_time() {
    let task = CopyMemory::of(20, 3, 4).unwrap();
    let (loss, _) = learn(&task, RnnCell::new, 32, [300, 32], 5e-3);
    assert!(loss > 0.9 * task.baseline(), "{loss}");
    assert_eq!(task.rnn_horizon(), Some(20));
}

/// The mean loss of guesses that know the present input alone, on many sequences.
fn guess<T: Task>(task: &T, guess: impl Fn(&[f64]) -> Vec<f64>) -> f64 {
    let batch = task.batch::<f64>(4000, &mut StdRng::seed_from_u64(2));
    let x =
        if task.every_step() { batch.input.clone() } else { batch.input.slice_axis(Axis(0), (-1..).into()).to_owned() };
    let answers: Vec<f64> = x.rows().into_iter().flat_map(|x| guess(&x.to_vec())).collect();
    let mut shape = if task.every_step() { vec![x.dim().0] } else { vec![] };
    shape.extend([x.dim().1, task.output_size()]);
    let answers = Tape::inference().input(ArrayD::from_shape_vec(shape, answers).unwrap());
    batch.loss(&answers).unwrap().item().unwrap()
}

#[test]
fn baselines_are_what_the_best_guess_without_a_memory_gets() {
    let near = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 0.03, "{found}, not {expected}");
    let adding = Adding::new(5).unwrap();
    near(guess(&adding, |_| vec![1.0]), adding.baseline());
    let parity = Parity::new(4).unwrap();
    let logit = (0.625_f64 / 0.375).ln();
    near(guess(&parity, |x| vec![if x[0] > 0.0 { logit } else { -logit }]), parity.baseline());
    near(guess(&parity.at_the_end(), |_| vec![0.0]), 2_f64.ln());
    assert_eq!(Parity::new(1).unwrap().at_the_end().baseline(), 0.0);
    let sine = Sine::new(7, 9.0).unwrap();
    near(guess(&sine, |x| vec![x[0] * (std::f64::consts::TAU / 9.0).cos()]), sine.baseline());

    // Brackets: after an opening one its kind, after a closing one the shares, which are counted here.
    for (steps, kinds, depth) in [(9, 3, 2), (30, 2, 6), (8, 1, 3), (4, 2, 1)] {
        let task = Brackets::new(steps, kinds, depth).unwrap();
        let batch = task.batch::<f64>(4000, &mut StdRng::seed_from_u64(3));
        let Target::Classes(says) = &batch.target else { panic!("classes") };
        let closing = batch.input.rows().into_iter().zip(says).filter(|(x, _)| x.iter().skip(kinds).any(|&x| x > 0.0));
        let mut counts = vec![1e-9; kinds + 1];
        closing.for_each(|(_, &class)| counts[class] += 1.0);
        let after_closing: Vec<f64> = counts.iter().map(|count: &f64| count.ln()).collect();
        let found = guess(&task, |x| match x[..kinds].iter().position(|&x| x > 0.0) {
            Some(kind) => (0..=kinds).map(|class| if class == kind + 1 { 50.0 } else { 0.0 }).collect(),
            None => after_closing.clone(),
        });
        if task.baseline() > 0.0 { near(found, task.baseline()) } else { assert!(found < 1e-9, "{found}") }
    }

    // Copy memory: the best guess knows the time. Blanks, and at the end each symbol with the same logit.
    let copy = CopyMemory::of(7, 3, 5).unwrap();
    let batch = copy.batch::<f64>(10, &mut StdRng::seed_from_u64(4));
    let answer = ArrayD::from_shape_fn(vec![13, 10, 6], |at| if (at[0] >= 10) == (at[2] == 5) { 0.0 } else { 50.0 });
    let loss = batch.loss(&Tape::inference().input(answer)).unwrap().item().unwrap();
    assert!((loss - 3.0 * 5_f64.ln() / 13.0).abs() < 1e-3, "{loss}"); // before the end, a symbol takes a share of the blank
    assert!((CopyMemory::new(100).unwrap().baseline() - 10.0 * 8_f64.ln() / 120.0).abs() < 1e-12);
}

#[test]
fn sequences_follow_their_rules() {
    let rng = &mut StdRng::seed_from_u64(5);
    let Batch { input, target: Target::Values(sum) } = Adding::new(7).unwrap().batch::<f64>(50, rng) else { panic!() };
    for n in 0..50 {
        let marks: Vec<usize> = (0..7).filter(|&t| input[[t, n, 1]] == 1.0).collect();
        assert!(marks.len() == 2 && marks[0] < 3 && marks[1] >= 3, "{marks:?}");
        assert_eq!(sum[[n, 0]], marks.iter().map(|&t| input[[t, n, 0]]).sum::<f64>());
    }

    let copy = CopyMemory::of(3, 2, 4).unwrap();
    let Batch { input, target: Target::Classes(says) } = copy.batch::<f32>(5, rng) else { panic!() };
    for n in 0..5 {
        let reads: Vec<usize> = (0..7).map(|t| (0..6).position(|k| input[[t, n, k]] == 1.0).unwrap()).collect();
        assert_eq!(reads[2..], [4, 4, 5, 4, 4][..], "two blanks, the sign, blanks");
        let says: Vec<usize> = (0..7).map(|t| says[[t, n]]).collect();
        assert_eq!(says, [4, 4, 4, 4, 4, reads[0], reads[1]]);
    }

    let Batch { input, target: Target::Bits(odd) } = Parity::new(6).unwrap().batch::<f32>(5, rng) else { panic!() };
    for n in 0..5 {
        let mut ones = 0.0;
        for t in 0..6 {
            ones += input[[t, n, 0]];
            assert_eq!(odd[[t, n, 0]], ones % 2.0);
        }
    }
    let same = || Parity::new(6).unwrap().at_the_end().batch::<f32>(5, &mut StdRng::seed_from_u64(6));
    assert_eq!(same(), same(), "the same seed gives the same sequences");

    let Batch { input, target: Target::Values(next) } = Sine::new(9, 7.5).unwrap().batch::<f64>(3, rng) else {
        panic!()
    };
    (0..8).for_each(|t| assert!((next[[t, 1, 0]] - input[[t + 1, 1, 0]]).abs() < 1e-12));

    let Batch { input, target: Target::Classes(says) } = Brackets::new(40, 3, 4).unwrap().batch::<f64>(20, rng) else {
        panic!()
    };
    for n in 0..20 {
        let mut open = Vec::new();
        for t in 0..40 {
            match (0..6).position(|k| input[[t, n, k]] == 1.0).unwrap() {
                closed @ 3.. => assert_eq!(open.pop(), Some(closed - 3)),
                opened => open.push(opened),
            }
            assert!(open.len() <= 4);
            assert_eq!(says[[t, n]], open.last().map_or(0, |kind| kind + 1));
        }
    }
}

#[test]
fn right_answers_are_counted() {
    let tape = Tape::<f64>::inference();
    let input = Array3::zeros((1, 4, 1));
    let bits = Batch { input: input.clone(), target: Target::Bits(array![[1.0], [1.0], [0.0], [0.0]].into_dyn()) };
    let said = tape.input(array![[2.0], [-1.0], [-3.0], [0.0]]);
    assert_eq!(bits.accuracy(&said).unwrap(), Some(0.75));
    let classes = Batch { input, target: Target::Classes(array![0, 1].into_dyn()) };
    // A tie is no answer.
    assert_eq!(classes.accuracy(&tape.input(array![[1.0, 1.0], [0.0, 1.0]])).unwrap(), Some(0.5));
    assert!(classes.accuracy(&tape.input(array![[1.0, 1.0]])).is_err());
    assert!(bits.loss(&tape.input(array![[1.0, 1.0]])).is_err());
}

#[test]
fn tasks_that_cannot_be_are_refused() {
    refuses!(Adding::new(1), Error::Setting { .. }, @"adding: steps = 1: two numbers are added, so at least 2 steps");
    refuses!(CopyMemory::new(0), Error::Setting { .. }, @"copy memory: delay = 0: the sign takes one step, so at least 1");
    refuses!(CopyMemory::of(5, 0, 8), Error::Setting { .. }, @"copy memory: symbols = 0: there is something to remember, so at least 1");
    refuses!(CopyMemory::of(5, 3, 1), Error::Setting { .. }, @"copy memory: alphabet = 1: one letter needs no memory, so at least 2 letters");
    refuses!(Parity::new(0), Error::Setting { .. }, @"parity: steps = 0: a sequence has at least 1 bit");
    refuses!(Sine::new(0, 5.0), Error::Setting { .. }, @"sine: steps = 0: a sequence has at least 1 step");
    refuses!(Sine::new(3, f64::NAN), Error::Setting { .. }, @"sine: period = NaN: a finite number of steps above 2 would fit");
    refuses!(Sine::new(3, 2.0), Error::Setting { .. }, @"sine: period = 2: a finite number of steps above 2 would fit");
    refuses!(Brackets::new(0, 1, 1), Error::Setting { .. }, @"brackets: steps = 0: a sequence has at least 1 step");
    refuses!(Brackets::new(1, 0, 1), Error::Setting { .. }, @"brackets: kinds = 0: there is at least 1 kind of brackets");
    refuses!(Brackets::new(1, 1, 0), Error::Setting { .. }, @"brackets: depth = 0: what is opened has a depth of at least 1");
    assert_eq!(Adding::new(2).unwrap().batch::<f32>(0, &mut StdRng::seed_from_u64(1)).input.dim(), (2, 0, 2));
    assert_eq!(Brackets::new(1, 3, 1).unwrap().baseline(), 0.0);
}

/// Prints what stands on the pages of the tasks: `cargo test … how_far -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes, and is for people to read"]
fn how_far_a_plain_network_gets() {
    fn print<T: Task>(name: &str, task: &T, (loss, right): (f64, Option<f64>)) {
        let solved = if loss < task.solved() { "solved" } else { "" };
        println!("{name:14} {:4}: {loss:.5}, baseline {:.5}, right {right:?} {solved}", task.steps(), task.baseline());
    }
    fn plain<T: Task>(task: T) {
        print("plain", &task, learn(&task, RnnCell::new, 32, [3000, 32], 2e-3));
    }
    fn gated<T: Task>(task: T) {
        print("lstm", &task, learn(&task, lstm, 32, [3000, 32], 2e-3));
    }
    println!("adding");
    [10, 50, 100].into_iter().for_each(|steps| plain(Adding::new(steps).unwrap()));
    gated(Adding::new(50).unwrap());
    println!("copy memory, 3 symbols of 4");
    [1, 5, 20].into_iter().for_each(|delay| plain(CopyMemory::of(delay, 3, 4).unwrap()));
    gated(CopyMemory::of(20, 3, 4).unwrap());
    println!("parity");
    [8, 50, 100].into_iter().for_each(|steps| plain(Parity::new(steps).unwrap()));
    [4, 8].into_iter().for_each(|steps| plain(Parity::new(steps).unwrap().at_the_end()));
    gated(Parity::new(50).unwrap());
    println!("sine");
    [20, 200].into_iter().for_each(|steps| plain(Sine::new(steps, 20.0).unwrap()));
    println!("brackets");
    [4, 8, 16].into_iter().for_each(|depth| plain(Brackets::new(50, 2, depth).unwrap()));
    gated(Brackets::new(50, 2, 16).unwrap());
}
