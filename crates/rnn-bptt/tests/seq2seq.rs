//! Sequence to sequence: a reversal is learnt, and the weights show how.

use crate::adam::Adam;
use crate::cells::lstm;
use gradus_rnn_bptt::generate::BeamSearch;
use gradus_rnn_bptt::ndarray::{Array2, Axis, array};
use gradus_rnn_bptt::seq2seq::{
    AdditiveAttention, Attend, Decoder, DotAttention, Encoder, GeneralAttention, ScheduledSampling,
};
use gradus_rnn_bptt::{Cell, Error, Module, Recurrent, RnnCell, Tape};
use gradus_testing::refuses;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

const SYMBOLS: usize = 8;
const START: usize = SYMBOLS;
const END: usize = SYMBOLS + 1;
const TOKENS: usize = SYMBOLS + 2;

#[derive(Module)]
#[module(float = C::Float)]
struct Pair<C: Cell, A: Attend<C::Float>> {
    encoder: Encoder<C>,
    decoder: Decoder<C, A>,
}

/// Sources `(T, N)`, their lengths, and targets `(T + 1, N)`: the source from its end, then the end.
fn reversals(steps: usize, sequences: usize, rng: &mut StdRng) -> (Array2<usize>, Vec<usize>, Array2<usize>) {
    let lengths: Vec<usize> = (0..sequences).map(|_| rng.random_range(3..=steps)).collect();
    let source = Array2::from_shape_simple_fn((steps, sequences), || rng.random_range(..SYMBOLS));
    let target = Array2::from_shape_fn((steps + 1, sequences), |(u, n)| match lengths[n] {
        length if u < length => source[[length - 1 - u, n]],
        _ => END,
    });
    (source, lengths, target)
}

fn learn<A: Attend<f32>>(attention: impl FnOnce(&mut StdRng) -> A) {
    let rng = &mut rng(1);
    let encoder = Encoder::new(TOKENS, Recurrent::of(lstm::<f32>(12, 32, rng)), rng).unwrap();
    let attention = attention(rng);
    let decoder = Decoder::new(TOKENS, Recurrent::of(lstm(12 + 32, 32, rng)), attention, 32, rng).unwrap();
    let mut model = Pair { encoder, decoder };
    let mut adam = Adam::new(5e-3);
    let schedule = ScheduledSampling::linear(1.0, 0.002, 0.5).unwrap();
    for step in 0..300 {
        let (source, lengths, target) = reversals(5, 32, rng);
        let tape = Tape::recording();
        let encoded = model.encoder.forward(&tape, &source, Some(&lengths)).unwrap();
        let decoded = model.decoder.forward(&encoded, START, &target, schedule.probability(step), rng).unwrap();
        let loss = decoded.loss(&target, None).unwrap();
        adam.step(&mut model, loss.backward().unwrap());
    }

    // Left to itself, on sequences that it has not seen.
    let (source, lengths, target) = reversals(5, 300, rng);
    let tape = Tape::inference();
    let encoded = model.encoder.forward(&tape, &source, Some(&lengths)).unwrap();
    let written = model.decoder.greedy(&encoded, START, END, 10).unwrap();
    let right = (0..300).filter(|&n| written[n].iter().eq(target.column(n).iter().take(lengths[n]))).count();
    assert!(right > 285, "{right} of 300 reversed");

    // It looks at the mirrored place, and never at the padding.
    let weights = model.decoder.forward(&encoded, START, &target, 1.0, rng).unwrap().weights;
    let (mut mirrored, mut all) = (0, 0);
    for n in 0..300 {
        for u in 0..lengths[n] {
            let row = weights.value().index_axis(Axis(0), u).index_axis(Axis(0), n).iter().copied().collect::<Vec<_>>();
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(row[lengths[n]..].iter().all(|&a| a == 0.0), "{row:?}");
            let largest = (0..5).max_by(|&i, &j| row[i].total_cmp(&row[j])).unwrap();
            (mirrored, all) = (mirrored + usize::from(largest == lengths[n] - 1 - u), all + 1);
        }
    }
    assert!(mirrored * 10 > all * 9, "{mirrored} of {all} at the mirrored place");

    // A search finds what is written greedily, or better.
    let one = model.encoder.forward(&tape, &array![[3], [1], [4], [1], [5]], None).unwrap();
    let found = model.decoder.beam(&one, START, &BeamSearch::new(3, 10, END)).unwrap();
    assert!(found[0].tokens == [5, 1, 4, 1, 3, END] && found[0].finished && found[0].score >= found[1].score);
    let narrow = model.decoder.beam(&one, START, &BeamSearch::new(1, 10, END)).unwrap();
    assert_eq!(narrow[0].tokens.split_last().unwrap().1, model.decoder.greedy(&one, START, END, 10).unwrap()[0]);
}

#[test]
fn reversing_is_learnt_with_additive_attention() {
    learn(|rng| AdditiveAttention::new(32, 32, 32, rng));
}

#[test]
fn reversing_is_learnt_with_dot_product_attention() {
    learn(|_| DotAttention);
}

fn small<A: Attend<f64>>(attention: A, two_ways: bool) -> Pair<RnnCell<f64>, A> {
    let rng = &mut rng(2);
    let mut reader = Recurrent::of(RnnCell::new(3, 4, rng)).layers(2, rng);
    if two_ways {
        reader = reader.bidirectional(rng);
    }
    let memory = if two_ways { 8 } else { 4 };
    let writer = Recurrent::of(RnnCell::new(3 + memory, 4, rng)).layers(2, rng);
    let decoder = Decoder::new(6, writer, attention, memory, rng).unwrap();
    Pair { encoder: Encoder::new(5, reader, rng).unwrap(), decoder }
}

#[test]
fn padding_has_no_influence_and_every_parameter_a_gradient() {
    fn check<A: Attend<f64>>(model: &Pair<RnnCell<f64>, A>, parameters: usize) {
        let tape = Tape::recording();
        let run = |source: Array2<usize>, lengths: Option<&[usize]>, target: Array2<usize>| {
            let encoded = model.encoder.forward(&tape, &source, lengths).unwrap();
            model.decoder.forward(&encoded, 0, &target, 1.0, &mut rng(1)).unwrap()
        };
        let (short, long) = (array![[1], [2], [3]], array![[1, 4], [2, 3], [3, 2], [0, 1], [4, 0]]);
        let alone = run(short, None, array![[1], [5]]);
        let padded = run(long, Some(&[3, 5]), array![[1, 2], [5, 3]]);
        let first = padded.logits.select(1, 0).unwrap();
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
        assert!(first.value().iter().zip(alone.logits.value().iter()).all(close));
        let weights = padded.weights.select(1, 0).unwrap();
        assert!(weights.value().slice_axis(Axis(1), (3..).into()).iter().all(|&a| a == 0.0));
        // Bytes of the padding do not matter either.
        let other = run(array![[1, 4], [2, 3], [3, 2], [4, 1], [1, 0]], Some(&[3, 5]), array![[1, 2], [5, 3]]);
        assert_eq!(other.logits.value(), padded.logits.value());

        let gradients = padded.loss(&array![[1, 2], [5, 3]], None).unwrap().backward().unwrap();
        let names: Vec<_> = model.parameters();
        assert_eq!(names.len(), parameters);
        for (name, parameter) in names {
            let gradient = gradients.get(parameter);
            assert!(gradient.is_some_and(|g| g.iter().all(|g| g.is_finite())), "{name}");
        }
    }
    check(&small(DotAttention, false), 8 + 1 + 1 + 8 + 1 + 2);
    check(&small(AdditiveAttention::new(4, 4, 3, &mut rng(3)), false), 8 + 1 + 1 + 8 + 1 + 2 + 3);
    check(&small(AdditiveAttention::new(4, 8, 3, &mut rng(3)), true), 16 + 1 + 1 + 8 + 1 + 2 + 3);
    check(&small(GeneralAttention::new(4, 8, &mut rng(3)), true), 16 + 1 + 1 + 8 + 1 + 2 + 1);
}

#[test]
fn scores_are_their_formulas() {
    let tape = Tape::<f64>::inference();
    let query = tape.input(array![[1.0, -2.0]]);
    let memory = tape.input(array![[[3.0, 1.0]], [[0.5, 2.0]]]);
    let scores =
        |attention: &dyn Fn() -> gradus_rnn_bptt::Var<f64>| attention().value().iter().copied().collect::<Vec<_>>();
    assert_eq!(scores(&|| DotAttention.scores(&query, &memory).unwrap()), [1.0, -3.5]);
    let mut general = GeneralAttention::new(2, 2, &mut rng(1));
    general.memory.weight = array![[0.0, 2.0], [1.0, 0.0]].into();
    // W m = (2, 3) and (4, 0.5)
    assert_eq!(scores(&|| general.scores(&query, &general.keys(&memory).unwrap()).unwrap()), [2.0 - 6.0, 4.0 - 1.0]);
    let mut additive = AdditiveAttention::new(2, 2, 1, &mut rng(1));
    additive.query.weight = array![[1.0, 1.0]].into();
    additive.memory.weight = array![[0.5, 0.25]].into();
    additive.score.weight = array![[2.0]].into();
    let expected = [0.75_f64, -0.25].map(|a| 2.0 * a.tanh());
    let found = scores(&|| additive.scores(&query, &additive.keys(&memory).unwrap()).unwrap());
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{found:?}");
    let narrow = tape.input(array![[1.0]]);
    assert!(
        DotAttention
            .scores(&narrow, &memory)
            .unwrap_err()
            .to_string()
            .starts_with("dot attention: input [1, 1]: its last axis is 1 long; this layer takes 2")
    );
}

#[test]
fn the_coin_decides_what_is_read() {
    let model = small(DotAttention, false);
    let tape = Tape::inference();
    let encoded = model.encoder.forward(&tape, &array![[1, 2], [2, 0]], None).unwrap();
    let target = Array2::from_shape_fn((30, 2), |(u, n)| (u * 5 + n) % 6);
    let run = |teacher, seed| {
        model.decoder.forward(&encoded, 0, &target, teacher, &mut rng(seed)).unwrap().logits.value().clone()
    };
    assert_eq!(run(1.0, 1), run(1.0, 2), "the truth needs no luck");
    assert_eq!(run(0.0, 1), run(0.0, 2), "neither does being left to oneself");
    assert_ne!(run(0.0, 1), run(1.0, 1));
    assert_eq!(run(0.5, 3), run(0.5, 3), "a seed, a sequence of coins");
    assert_ne!(run(0.5, 3), run(0.5, 4));
    // Left to itself it writes what the greedy search writes.
    let own = run(0.0, 1);
    let written = model.decoder.greedy(&encoded, 0, 99, 30).unwrap();
    for (n, written) in written.iter().enumerate() {
        for (u, &token) in written.iter().enumerate() {
            let row = own.index_axis(Axis(0), u).index_axis(Axis(0), n).iter().copied().collect::<Vec<_>>();
            assert!(row.iter().all(|&x| x <= row[token]));
        }
    }
}

#[test]
fn schedules_fall_as_the_paper_has_them() {
    let exponential = ScheduledSampling::exponential(0.9).unwrap();
    assert_eq!((exponential.probability(0), exponential.probability(1)), (1.0, 0.9));
    let sigmoid = ScheduledSampling::inverse_sigmoid(10.0).unwrap();
    assert!((sigmoid.probability(0) - 10.0 / 11.0).abs() < 1e-15);
    assert!((sigmoid.probability(23) - 0.5).abs() < 0.01, "half at k ln k");
    assert_eq!(sigmoid.probability(usize::MAX), 0.0);
    for schedule in [exponential, sigmoid, ScheduledSampling::linear(0.9, 0.01, 0.1).unwrap()] {
        let falls: Vec<f64> = (0..200).map(|i| schedule.probability(i)).collect();
        assert!(falls.is_sorted_by(|a, b| a >= b) && falls.iter().all(|p| (0.0..=1.0).contains(p)));
    }
    refuses!(ScheduledSampling::linear(1.5, 0.1, 0.0), Error::Setting { .. }, @"scheduled sampling: start = 1.5: a probability from 0 to 1 would fit");
    refuses!(ScheduledSampling::linear(1.0, -0.1, 0.0), Error::Setting { .. }, @"scheduled sampling: slope = -0.1: a finite number of at least 0 would fit");
    refuses!(ScheduledSampling::linear(1.0, 0.1, f64::NAN), Error::Setting { .. }, @"scheduled sampling: floor = NaN: a probability from 0 to 1 would fit");
    refuses!(ScheduledSampling::exponential(1.0), Error::Setting { .. }, @"scheduled sampling: k = 1: a factor above 0 and below 1 would fit");
    refuses!(ScheduledSampling::inverse_sigmoid(0.5), Error::Setting { .. }, @"scheduled sampling: k = 0.5: a finite number of at least 1 would fit");
}

#[test]
fn what_does_not_fit_is_refused() {
    let model = small(DotAttention, false);
    let tape = Tape::inference();
    let encoded = model.encoder.forward(&tape, &array![[1, 2], [2, 0]], None).unwrap();
    let rng = &mut rng(1);
    let forward = |target: Array2<usize>, teacher| {
        model.decoder.forward(&encoded, 0, &target, teacher, &mut self::rng(1)).unwrap_err().to_string()
    };
    assert_eq!(forward(array![[1, 2]], 1.5), "decoder: teacher = 1.5: a probability from 0 to 1 would fit");
    assert_eq!(forward(Array2::zeros((0, 2)), 1.0), "decoder: targets = 0: a target has at least 1 token");
    assert!(forward(array![[1, 6], [1, 1]], 1.0).contains("index 6"));
    assert!(!forward(array![[1], [2]], 1.0).is_empty(), "a target for one of two sources");
    let beam = model.decoder.beam(&encoded, 0, &BeamSearch::new(2, 3, 1)).unwrap_err();
    assert_eq!(beam.to_string(), "beam search: batch = 2: one sequence at a time is searched for");
    let writer = Recurrent::of(RnnCell::<f64>::new(4, 4, rng));
    let new = |layers: Recurrent<RnnCell<f64>>| {
        Decoder::new(6, layers, DotAttention, 4, &mut self::rng(1)).unwrap_err().to_string()
    };
    assert_eq!(
        new(writer.clone()),
        "decoder: input_size = 4: the layers read a token's features beside the memory's, so more than the memory has"
    );
    assert!(new(writer.clone().bidirectional(rng)).starts_with("decoder: layers in two directions"));
    assert!(Encoder::new(3, writer.layers(0, rng), rng).unwrap_err().to_string().starts_with("encoder: 0 cells"));
    assert!(model.encoder.forward(&tape, &array![[5]], None).unwrap_err().to_string().contains("index 5"));
    assert!(model.encoder.forward(&tape, &array![[1]], Some(&[2])).unwrap_err().to_string().contains("length 2"));
    let mut broken = encoded.clone();
    broken.memory = tape.input(array![[1.0, 2.0]]);
    refuses!(model.decoder.greedy(&broken, 0, 1, 3), _, @"decoder: input [1, 2] has 2 axes; it needs 3 axes, (time, batch, memory_size)");
    let mut broken = small(DotAttention, false);
    broken.decoder.head.bias.as_mut().unwrap().value_mut()[[2]] = f64::NAN;
    refuses!(broken.decoder.greedy(&encoded, 0, 1, 3), _, @"greedy: logit 2 is NaN; a distribution needs finite ones");
    // The decoder has another number of layers than the encoder.
    let flat = Decoder::new(6, Recurrent::of(RnnCell::new(7, 4, rng)), DotAttention, 4, rng).unwrap();
    let error = flat.forward(&encoded, 0, &array![[1, 2]], 1.0, rng).unwrap_err();
    assert!(error.to_string().contains("state [2, 2, 4]"), "{error}");
    // Targets that are padding do not count.
    let decoded = model.decoder.forward(&encoded, 0, &array![[1, 2], [3, 5]], 1.0, rng).unwrap();
    let all = decoded.loss(&array![[1, 5], [5, 5]], Some(5)).unwrap().item().unwrap();
    let first = decoded.logits.select(0, 0).unwrap().select(0, 0).unwrap().log_softmax(0).unwrap();
    assert!((all + first.value()[[1]]).abs() < 1e-12);
    assert!(decoded.loss(&array![[1, 2]], None).is_err());
}
