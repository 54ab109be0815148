//! Sweeps over symbols, beside sweeps over the same rows of the table one after the other.

use gradus_nn_layers::{Embedding, Error as LayerError};
use gradus_rnn_bptt::bptt::Direction;
use gradus_rnn_bptt::ndarray::{Array2, ArrayD, array};
use gradus_rnn_bptt::{
    Cell, Error, Gru, GruCell, LayerNormLstmCell, Lstm, LstmCell, Module, Recurrent, RnnCell, State, Sweep, Tape,
    Value, Var, unroll,
};
use gradus_testing::{Tolerance, close, refuses};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// 1e-10, of the number itself where that is above 1.
const EXACT: Tolerance = Tolerance { absolute: 1e-10, relative: 1e-10, of_largest: 0.0 };

/// Symbols, the table's size, and how they are read.
#[derive(Debug, Clone)]
struct Setting {
    symbols: Array2<usize>,
    known: usize,
    input: usize,
    hidden: usize,
    lengths: Option<Vec<usize>>,
    direction: Direction,
    state: bool,
    seed: u64,
}

fn settings() -> impl Strategy<Value = Setting> {
    let sizes = (1..=20_usize, 0..=9_usize, 1..=7_usize, 1..=9_usize, 1..=9_usize);
    let lengths = prop::option::of(prop::collection::vec(any::<prop::sample::Index>(), 9));
    (sizes, lengths, any::<bool>(), any::<bool>(), any::<u64>()).prop_map(|(sizes, lengths, reverse, state, seed)| {
        let (steps, batch, known, input, hidden) = sizes;
        let mut rng = StdRng::seed_from_u64(seed);
        Setting {
            symbols: Array2::from_shape_simple_fn((steps, batch), || rng.random_range(0..known)),
            known,
            input,
            hidden,
            lengths: lengths.map(|all| all[..batch].iter().map(|length| 1 + length.index(steps)).collect()),
            direction: if reverse { Direction::Reverse } else { Direction::Forward },
            state,
            seed,
        }
    })
}

/// What a sweep gives, and the gradients of a loss of all of it, by name.
fn run<C: Cell<Float = f64>>(
    setting: &Setting,
    cell: &C,
    sweep: impl Fn(&Var<f64>, Option<&C::State>, &Sweep<'_, f64>) -> (Var<f64>, C::State),
) -> Vec<(String, ArrayD<f64>)> {
    let mut rng = StdRng::seed_from_u64(!setting.seed);
    let mut draw = |shape: &[usize]| ArrayD::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0));
    let tape = Tape::recording();
    let table = tape.variable(draw(&[setting.known, setting.input]));
    let batch = setting.symbols.ncols();
    let state: Vec<_> = cell.state_sizes().iter().map(|&size| tape.variable(draw(&[batch, size]))).collect();
    let state = C::State::from_parts(state).filter(|_| setting.state);
    let how = Sweep { direction: setting.direction, lengths: setting.lengths.as_deref(), ..Sweep::default() };
    let (outputs, last) = sweep(&table, state.as_ref(), &how);
    let mut loss = (&outputs * tape.input(draw(outputs.shape()))).sum();
    for part in last.parts() {
        loss = loss + (part * tape.input(draw(part.shape()))).sum();
    }
    let gradients = loss.backward().unwrap();
    let gradient = |gradient: Option<&Value<f64>>, shape: &[usize]| {
        gradient.map_or_else(|| ArrayD::zeros(shape), |gradient| gradient.clone().into_array())
    };
    let mut found = vec![("outputs".to_owned(), outputs.value().clone().into_array())];
    found.extend(last.parts().into_iter().map(|part| ("last".to_owned(), part.value().clone().into_array())));
    found.push(("table".to_owned(), gradient(gradients.get(&table), table.shape())));
    for part in state.iter().flat_map(State::parts) {
        found.push(("state".to_owned(), gradient(gradients.get(part), part.shape())));
    }
    for (name, parameter) in cell.parameters() {
        found.push((name, gradient(gradients.get(parameter), parameter.shape())));
    }
    found
}

fn symbols_are_their_rows<C: Cell<Float = f64>>(setting: &Setting, cell: &C) -> Result<(), TestCaseError> {
    let (steps, batch) = setting.symbols.dim();
    let numbers: Vec<usize> = setting.symbols.iter().copied().collect();
    let rows = run(setting, cell, |table, state, how| {
        let rows = table.index_select(0, &numbers).unwrap().reshape(&[steps, batch, setting.input]).unwrap();
        cell.sweep(&rows, state, how).unwrap()
    });
    let symbols = Some(setting.symbols.view());
    let written =
        run(setting, cell, |table, state, how| cell.sweep(table, state, &Sweep { symbols, ..how.clone() }).unwrap());
    let unrolled =
        run(setting, cell, |table, state, how| unroll(cell, table, state, &Sweep { symbols, ..how.clone() }).unwrap());
    for (name, found) in [("written out", written), ("unrolled", unrolled)] {
        for ((part, found), (_, expected)) in found.iter().zip(&rows) {
            close(found, expected, EXACT, &format!("{} {name}: {part}", C::NAME)).map_err(TestCaseError::fail)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(32))]

    #[test]
    fn a_sweep_over_symbols_is_the_sweep_over_their_rows(setting in settings()) {
        let mut rng = StdRng::seed_from_u64(setting.seed);
        let &Setting { input, hidden, .. } = &setting;
        symbols_are_their_rows(&setting, &RnnCell::new(input, hidden, &mut rng))?;
        symbols_are_their_rows(&setting, &LstmCell::new(input, hidden, &mut rng))?;
        symbols_are_their_rows(&setting, &LstmCell::new(input, hidden, &mut rng).without_bias())?;
        symbols_are_their_rows(&setting, &GruCell::new(input, hidden, &mut rng))?;
        symbols_are_their_rows(&setting, &GruCell::new(input, hidden, &mut rng).reset_before())?;
        symbols_are_their_rows(&setting, &LayerNormLstmCell::new(input, hidden, &mut rng))?;
    }
}

/// A long sequence by itself, whose steps threads may share, and one of several pieces on the way back.
#[test]
fn long_sequences_of_symbols_are_those_of_their_rows() {
    for (steps, batch, hidden) in [(40, 1, 130), (1100, 2, 3)] {
        let mut rng = StdRng::seed_from_u64(9);
        let symbols = Array2::from_shape_simple_fn((steps, batch), || rng.random_range(0..3));
        let setting = Setting {
            symbols,
            known: 3,
            input: 2,
            hidden,
            lengths: None,
            direction: Direction::Forward,
            state: true,
            seed: 5,
        };
        let cell = LstmCell::new(2, hidden, &mut rng);
        symbols_are_their_rows(&setting, &cell).unwrap();
    }
}

/// The outputs, the last state and the embedding's gradient of a layer over symbols, and of the embedding and the layer.
fn beside_embedded<C: Cell<Float = f64>>(layer: &Recurrent<C>, embedding: &Embedding<f64>, lengths: Option<&[usize]>) {
    let mut rng = StdRng::seed_from_u64(3);
    let symbols = Array2::from_shape_simple_fn((6, 6), || rng.random_range(0..4));
    let run = |fused: bool| {
        let tape = Tape::training(&mut StdRng::seed_from_u64(8));
        let (outputs, last) = match fused {
            true => layer.forward_symbols(&tape, embedding, &symbols, lengths, None).unwrap(),
            false => {
                let x = embedding.forward(&tape, &symbols).unwrap();
                match lengths {
                    Some(lengths) => layer.forward_padded(&x, lengths, None).unwrap(),
                    None => layer.forward_with(&x, None).unwrap(),
                }
            }
        };
        let gradients = (&outputs * &outputs).sum().backward().unwrap();
        let mut found = vec![outputs.value().clone(), gradients.get(&embedding.weight).unwrap().clone()];
        found.extend(last.parts().into_iter().map(|part| part.value().clone()));
        found.extend(layer.parameters().iter().map(|(_, parameter)| gradients.get(*parameter).unwrap().clone()));
        found
    };
    for (fused, apart) in run(true).iter().zip(run(false)) {
        close(&***fused, &**apart, EXACT, "symbols").unwrap();
    }
}

#[test]
fn a_layer_over_symbols_is_the_embedding_and_the_layer() {
    let mut rng = StdRng::seed_from_u64(1);
    let embedding = Embedding::new(4, 8, &mut rng);
    let lengths = [6, 1, 3, 6, 2, 5];
    let lstm = || Lstm::<f64>::new(8, 5, &mut StdRng::seed_from_u64(2));
    beside_embedded(&lstm(), &embedding, None);
    beside_embedded(&lstm().batch_first(), &embedding, Some(&lengths));
    beside_embedded(&lstm().layers(2, &mut rng).bidirectional(&mut rng), &embedding, Some(&lengths));
    beside_embedded(&Gru::<f64>::new(8, 5, &mut rng).layers(2, &mut rng).dropout(0.5), &embedding, None);
    beside_embedded(&lstm().variational_dropout(0.5), &embedding, None);
    // A row for padding gets no gradient.
    beside_embedded(&lstm(), &embedding.with_padding(2).unwrap(), None);
}

#[test]
fn wrong_symbols_are_refused() {
    let mut rng = StdRng::seed_from_u64(1);
    let cell = GruCell::<f64>::new(2, 3, &mut rng);
    let tape = Tape::inference();
    let table = tape.input(Array2::zeros((4, 2)));
    let symbols = array![[0, 3], [1, 4]];
    let sweep = |table: &Var<f64>, symbols: &Array2<usize>| {
        cell.sweep(table, None, &Sweep { symbols: Some(symbols.view()), ..Sweep::default() })
    };
    refuses!(sweep(&table, &symbols), Error::Symbol { symbol: 4, time: 1, sequence: 1, known: 4, .. }, @"gru: symbol 4 at time 1 of sequence 1: the table has 4 rows, so symbols lie below 4");
    let how = Sweep { symbols: Some(symbols.view()), ..Sweep::default() };
    assert!(matches!(unroll(&cell, &table, None, &how), Err(Error::Symbol { symbol: 4, .. })));
    let none = Array2::zeros((0, 2));
    refuses!(sweep(&table, &none), Error::NoSteps { .. }, @"gru: input [0, 2] has no time steps; a sequence has at least one");
    let x = tape.input(gradus_rnn_bptt::ndarray::Array3::zeros((2, 2, 2)));
    refuses!(sweep(&x, &symbols), Error::InputRank { .. }, @"gru: input [2, 2, 2] has 3 axes; it needs 2 axes, (symbols, input_size)");
    let narrow = tape.input(Array2::zeros((4, 1)));
    refuses!(sweep(&narrow, &symbols), Error::InputSize { .. }, @"gru: input [4, 1]: the last axis has 1 features; the layer takes 2");

    let layer = Gru::<f64>::new(8, 3, &mut rng);
    let embedding = Embedding::new(3, 8, &mut rng);
    let symbols = array![[0, 2, 1, 0], [1, 3, 0, 0]];
    let error = layer.forward_symbols(&tape, &embedding, &symbols, None, None).unwrap_err();
    assert!(matches!(error, LayerError::Index { index: 3, rows: 3, .. }), "{error}");
    // Its place is that in what was given, whatever the order of the axes.
    let error = layer.clone().batch_first().forward_symbols(&tape, &embedding, &symbols, None, None).unwrap_err();
    assert!(matches!(&error, LayerError::Index { position, .. } if position == &[1, 1]), "{error}");
    // The state of another tape.
    let state = layer.zero_state(&Tape::inference(), 4);
    let symbols = array![[0, 2, 1, 0], [1, 1, 0, 0]];
    let error = layer.forward_symbols(&tape, &embedding, &symbols, None, Some(&state)).unwrap_err();
    assert!(error.to_string().contains("tape"), "{error}");
}
