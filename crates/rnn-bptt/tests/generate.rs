//! Sampling, generating, searching, and the language model that all of it is for.

use crate::adam::Adam;
use crate::cells::lstm;
use gradus_rnn_bptt::generate::{
    BeamSearch, CharModel, Generate, Sampler, beam_search, bits_per_character, perplexity,
};
use gradus_rnn_bptt::ndarray::{Array2, array};
use gradus_rnn_bptt::text::{Streams, Vocabulary};
use gradus_rnn_bptt::{Cell, Error, Module, Recurrent, RnnCell, State, Tape};
use gradus_testing::refuses;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

#[test]
fn shares_are_those_of_the_softmax() {
    let logits = [1_f64, 3.0, 2.0, 3.0];
    let close = |sampler: Sampler, expected: &[(usize, f64)]| {
        let found = sampler.probabilities(&logits).unwrap();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(found.iter().zip(expected).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-12), "{found:?}");
    };
    let weights = |temperature: f64| logits.map(|x| (x / temperature).exp());
    for temperature in [1.0, 0.5, 7.0] {
        let [a, b, c, d] = weights(temperature);
        let sum = a + b + c + d;
        close(Sampler::new(temperature), &[(1, b / sum), (3, d / sum), (2, c / sum), (0, a / sum)]);
        close(Sampler::new(temperature).top_k(3), &[(1, b / (b + c + d)), (3, d / (b + c + d)), (2, c / (b + c + d))]);
        close(Sampler::new(temperature).top_k(9), &[(1, b / sum), (3, d / sum), (2, c / sum), (0, a / sum)]);
    }
    close(Sampler::greedy(), &[(1, 1.0)]); // of two equal ones the first
    close(Sampler::new(1.0).top_k(1), &[(1, 1.0)]);
    close(Sampler::default().top_p(1e-9), &[(1, 1.0)]);
    close(Sampler::default().top_p(0.7), &[(1, 0.5), (3, 0.5)]);
    close(Sampler::new(1e-300), &[(1, 0.5), (3, 0.5), (2, 0.0), (0, 0.0)]);
}

#[test]
fn draws_have_their_shares_and_their_seed() {
    let (sampler, rng) = (Sampler::new(0.7), &mut rng(1));
    let logits = [0.0_f32, 1.0, -0.5];
    let mut counts = [0.0; 3];
    (0..20_000).for_each(|_| counts[sampler.sample(&logits, rng).unwrap()] += 1.0 / 20_000.0);
    for (class, p) in sampler.probabilities(&logits).unwrap() {
        assert!((counts[class] - p).abs() < 0.015, "{class}: {} of {p}", counts[class]);
    }
    let draw = || {
        let rng = &mut self::rng(5);
        (0..50).map(|_| sampler.sample(&logits, rng).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(draw(), draw());
}

#[test]
fn samplers_and_logits_that_do_not_fit_are_refused() {
    let sample = |sampler: Sampler, logits: &[f64]| sampler.sample(logits, &mut rng(1));
    refuses!(sample(Sampler::new(-1.0), &[1.0]), Error::Setting { .. }, @"sampler: temperature = -1: a finite number of at least 0 would fit");
    refuses!(sample(Sampler::new(f64::NAN), &[1.0]), Error::Setting { .. }, @"sampler: temperature = NaN: a finite number of at least 0 would fit");
    refuses!(sample(Sampler::new(f64::INFINITY), &[1.0]), Error::Setting { .. }, @"sampler: temperature = inf: a finite number of at least 0 would fit");
    refuses!(sample(Sampler::new(1.0).top_k(0), &[1.0]), Error::Setting { .. }, @"sampler: top_k = 0: one class at least has to be left");
    refuses!(sample(Sampler::new(1.0).top_p(0.0), &[1.0]), Error::Setting { .. }, @"sampler: top_p = 0: a probability above 0 and at most 1 would fit");
    refuses!(sample(Sampler::new(1.0).top_p(f64::NAN), &[1.0]), Error::Setting { .. }, @"sampler: top_p = NaN: a probability above 0 and at most 1 would fit");
    refuses!(sample(Sampler::greedy(), &[]), Error::NoLogits { .. }, @"sampler: no logits; there is at least one class to choose");
    refuses!(sample(Sampler::greedy(), &[0.0, f64::NAN]), Error::NotFinite { place: 1, .. }, @"sampler: logit 1 is NaN; a distribution needs finite ones");
    refuses!(sample(Sampler::greedy(), &[f64::NEG_INFINITY]), Error::NotFinite { .. }, @"sampler: logit 0 is -inf; a distribution needs finite ones");
    let huge = sample(Sampler::new(1.0), &[1e308, -1e308]);
    assert_eq!(huge.unwrap(), 0);
}

#[test]
fn perplexity_and_bits_are_the_cross_entropy_in_other_units() {
    assert_eq!((perplexity(0.0), bits_per_character(0.0)), (1.0, 0.0));
    assert!((perplexity(1.65) - 5.206_979_827_179_85).abs() < 1e-9);
    assert!((2_f64.powf(bits_per_character(1.65)) - perplexity(1.65)).abs() < 1e-12);
}

#[test]
fn an_error_ends_the_sequence() {
    let model = |token: usize, _: Option<()>| {
        if token < 2 { Ok((vec![0.0, 0.0, 9.0_f64], ())) } else { Ok((vec![f64::NAN], ())) }
    };
    let generate = |prime: &[usize]| Generate::new(prime, Sampler::greedy(), rng(1), model);
    let found: Vec<Result<usize, Error>> = generate(&[0, 1]).unwrap().take(10).collect();
    assert!(matches!(found[..], [Ok(2), Err(Error::NotFinite { .. })]), "{found:?}");
    refuses!(generate(&[]).map(|_| ()), Error::NoPrime { .. }, @"generate: no token to begin with; the model reads at least one before it says the next");
    assert!(matches!(Generate::new(&[0], Sampler::new(-1.0), rng(1), model).err(), Some(Error::Setting { .. })));
}

/// A model of 3 tokens whose logits depend on all tokens so far; its state is the number of them.
fn draw(seed: u64) -> impl Fn(&[usize], &usize) -> Result<(Vec<f64>, usize), Error> {
    move |tokens: &[usize], state: &usize| {
        assert_eq!(tokens.len(), *state);
        let hash = |class: u64| {
            let mix = |x: u64, y: u64| (x ^ y).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
            let mixed = tokens.iter().fold(mix(seed, class + 9), |x, &token| mix(x, token as u64 + 1));
            (mix(mixed, 1) >> 40) as f64 / 4e6
        };
        Ok(((0..3).map(hash).collect(), state + 1))
    }
}

fn log_softmax(x: &[f64]) -> Vec<f64> {
    let ln_sum = x.iter().map(|x| x.exp()).sum::<f64>().ln();
    x.iter().map(|x| x - ln_sum).collect()
}

proptest! {
    #[test]
    fn a_beam_of_one_is_greedy_search(seed: u64, max_len in 1..8_usize) {
        let model = draw(seed);
        let found = beam_search(0, 1, max_len, 2, &model).unwrap();
        let mut tokens = Vec::new();
        while tokens.len() < max_len && tokens.last() != Some(&2) {
            let (logits, _) = model(&tokens, &tokens.len()).unwrap();
            tokens.push(Sampler::greedy().sample(&logits, &mut rng(1)).unwrap());
        }
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(&found[0].tokens, &tokens);
        prop_assert_eq!(found[0].state, tokens.len());
        prop_assert_eq!(found[0].finished, tokens.last() == Some(&2));
    }

    #[test]
    fn a_beam_that_leaves_nothing_out_finds_what_trying_all_finds(seed: u64, max_len in 1..5_usize, alpha in prop_oneof![Just(0.0), 0.0..2.0]) {
        let model = draw(seed);
        // Every sequence of the end, or of the largest length, with its score.
        let mut all = Vec::new();
        let mut begun = vec![(Vec::new(), 0.0)];
        while let Some((tokens, log_probability)) = begun.pop() {
            if tokens.len() == max_len || tokens.last() == Some(&2) {
                let penalty = ((5.0 + tokens.len() as f64) / 6.0).powf(alpha);
                all.push((tokens, log_probability / penalty));
                continue;
            }
            let (logits, _) = model(&tokens, &tokens.len()).unwrap();
            for (token, p) in log_softmax(&logits).into_iter().enumerate() {
                begun.push(([&tokens[..], &[token]].concat(), log_probability + p));
            }
        }
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        let search = BeamSearch::new(300, max_len, 2).length_penalty(alpha);
        let found = search.search(0, &model).unwrap();
        prop_assert_eq!(found.len(), all.len());
        if alpha == 0.0 {
            let sum: f64 = all.iter().map(|(_, score)| score.exp()).sum();
            prop_assert!((sum - 1.0).abs() < 1e-9, "all there is has a probability of {}", sum);
        }
        for (found, (_, score)) in found.iter().zip(&all) {
            prop_assert!((found.score - score).abs() < 1e-12);
            let same = all.iter().find(|(tokens, _)| *tokens == found.tokens);
            prop_assert!(same.is_some_and(|(_, score)| (found.score - score).abs() < 1e-12), "{:?}", found);
        }
        // A narrow beam finds no better ones, and its own are in order.
        for width in 1..6 {
            let narrow = BeamSearch { width, ..search.clone() }.search(0, &model).unwrap();
            prop_assert!(narrow.len() <= width && narrow.is_sorted_by(|a, b| a.score >= b.score));
            prop_assert!(narrow[0].score <= all[0].1 + 1e-12);
        }
    }
}

#[test]
fn searches_that_cannot_be_are_refused() {
    let search = |width, max_len, alpha: f64, logits: Vec<f32>| {
        let model = |_: &[usize], (): &()| Ok::<_, Error>((logits.clone(), ()));
        BeamSearch::new(width, max_len, 0).length_penalty(alpha).search((), model)
    };
    refuses!(search(0, 3, 0.0, vec![1.0]), Error::Setting { .. }, @"beam search: width = 0: at least 1 sequence has to be followed");
    refuses!(search(1, 0, 0.0, vec![1.0]), Error::Setting { .. }, @"beam search: max_len = 0: a sequence has at least 1 token");
    refuses!(search(1, 1, -1.0, vec![1.0]), Error::Setting { .. }, @"beam search: length_penalty = -1: a finite number of at least 0 would fit");
    refuses!(search(1, 1, f64::NAN, vec![1.0]), Error::Setting { .. }, @"beam search: length_penalty = NaN: a finite number of at least 0 would fit");
    refuses!(search(1, 1, 0.0, vec![]), Error::NoLogits { .. }, @"beam search: no logits; there is at least one class to choose");
    refuses!(search(1, 1, 0.0, vec![0.0, f32::INFINITY]), Error::NotFinite { .. }, @"beam search: logit 1 is inf; a distribution needs finite ones");
    assert_eq!(search(usize::MAX, 1, 0.0, vec![1.0, 2.0]).unwrap().len(), 2);
}

#[test]
fn a_long_answer_is_better_with_a_length_penalty() {
    // The end is a little less likely than going on, twice; then it is certain.
    let model = |tokens: &[usize], (): &()| {
        Ok::<_, Error>((if tokens.len() < 2 { vec![-0.5, -0.9] } else { vec![-50.0, 0.0_f64] }, ()))
    };
    let best = |alpha| BeamSearch::new(3, 4, 1).length_penalty(alpha).search((), model).unwrap().swap_remove(0).tokens;
    assert_eq!(best(0.0), [1]);
    assert_eq!(best(2.0), [0, 0, 1]);
}

const TEXT: &str = "she sells sea shells by the sea shore. ";

fn char_model<C: Cell<Float = f32>>(cell: impl FnOnce(usize, usize, &mut StdRng) -> C) -> (Vocabulary, CharModel<C>) {
    let rng = &mut rng(1);
    let vocabulary = Vocabulary::of(TEXT).unwrap();
    let recurrent = Recurrent::of(cell(12, 32, rng)).layers(2, rng);
    let model = CharModel::new(vocabulary.len(), recurrent, rng).unwrap();
    (vocabulary, model)
}

#[test]
fn a_text_is_learnt_by_heart() {
    fn learn<C: Cell<Float = f32>>(cell: impl FnOnce(usize, usize, &mut StdRng) -> C) {
        let (vocabulary, mut model) = char_model(cell);
        let streams = Streams::new(&vocabulary.encode(&TEXT.repeat(9)).unwrap(), 4, 20).unwrap();
        let mut adam = Adam::new(1e-2);
        let mut last = f32::INFINITY;
        for _ in 0..25 {
            let mut state: Option<C::State> = None;
            for piece in streams.iter() {
                let tape = Tape::recording();
                let state_here = state.map(|state| state.carry(&tape));
                let (loss, after) = model.loss(&tape, &piece.inputs, &piece.targets, state_here.as_ref()).unwrap();
                last = loss.item().unwrap();
                adam.step(&mut model, loss.backward().unwrap());
                state = Some(after.cut());
            }
        }
        assert!(perplexity(f64::from(last)) < 1.2, "{last}");
        let written = model.sample(&vocabulary, "she sells", Sampler::greedy(), rng(1)).unwrap();
        let written: String = written.take(30).collect::<Result<_, _>>().unwrap();
        assert_eq!(written, " sea shells by the sea shore. ");
        // The likeliest seven characters after an "s" that ends a word, by a search.
        let prime = vocabulary.encode("she sells sea shell").unwrap();
        let mut state = None;
        prime.iter().for_each(|&token| state = Some(model.step(token, state.as_ref()).unwrap().1));
        let end = vocabulary.encode(".").unwrap()[0];
        let found = beam_search(state.unwrap(), 3, 40, end, |tokens, state| {
            let last = tokens.last().copied().unwrap_or(vocabulary.encode("s").unwrap()[0]);
            model.step(last, Some(state))
        });
        assert_eq!(vocabulary.decode(&found.unwrap()[0].tokens).unwrap(), " by the sea shore.");
    }
    learn(RnnCell::new);
    learn(lstm);
}

#[test]
fn a_sequence_in_pieces_has_the_logits_of_the_whole() {
    let (_, model) = char_model(lstm);
    let tape = Tape::inference();
    let tokens = array![[1, 2], [3, 4], [5, 6], [0, 1]];
    let (whole, _) = model.forward(&tape, &tokens, None).unwrap();
    assert_eq!(whole.shape(), [4, 2, 12]);
    let mut state = None;
    for (t, row) in tokens.rows().into_iter().enumerate() {
        let row = row.insert_axis(gradus_rnn_bptt::ndarray::Axis(0)).to_owned();
        let (logits, after) = model.forward(&tape, &row, state.as_ref()).unwrap();
        let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
        assert!(logits.value().iter().zip(whole.select(0, t).unwrap().value().iter()).all(close));
        state = Some(after);
    }
    let names: Vec<String> = model.parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[..3], ["embedding.weight", "recurrent.weight_ih_l0", "recurrent.weight_hh_l0"]);
    assert_eq!(names[9..], ["head.weight", "head.bias"]);
    // Layers whose own order is batch first read the same.
    let batch_first = CharModel { recurrent: model.recurrent.clone().batch_first(), ..model.clone() };
    assert_eq!(batch_first.forward(&tape, &tokens, None).unwrap().0.value(), whole.value());
}

#[test]
fn models_and_characters_that_do_not_fit_are_refused() {
    let (vocabulary, model) = char_model(RnnCell::new);
    let source = |error: gradus_nn_layers::Error| -> String { error.source_as::<Error>().unwrap().to_string() };
    let sample = |prime: &str, sampler| model.sample(&vocabulary, prime, sampler, rng(1)).map(|_| ()).unwrap_err();
    assert_eq!(
        source(sample("sea?", Sampler::default())),
        "encode: '?' at character 3: not among the 12 characters of the vocabulary"
    );
    assert!(source(sample("", Sampler::default())).starts_with("generate: no token to begin with"));
    assert!(source(sample("s", Sampler::new(-1.0))).starts_with("sampler: temperature"));
    let new = |recurrent: Recurrent<RnnCell>| CharModel::new(5, recurrent, &mut rng(1)).map(|_| ()).unwrap_err();
    let two_ways = model.recurrent.clone().bidirectional(&mut rng(1));
    let two_ways = new(two_ways);
    refuses!(Err::<(), _>(two_ways.source_as::<Error>().unwrap()), Error::TwoDirections { .. }, @"char model: layers in two directions read what comes after, too; layers in one direction would fit");
    assert!(source(new(model.recurrent.clone().layers(0, &mut rng(1)))).starts_with("char model: 0 cells"));
    let tape = Tape::inference();
    let tokens = |token| Array2::from_elem((2, 1), token);
    assert!(model.forward(&tape, &tokens(12), None).unwrap_err().to_string().contains("index 12"));
    // As many targets, but sequences where steps should be.
    let error = model.loss(&tape, &tokens(1), &Array2::zeros((1, 2)), None).unwrap_err();
    assert_eq!(error.to_string(), "cross_entropy: logits [2, 1, 12], labels [1, 2]: labels of shape [2, 1] would fit");
    assert!(source(model.forward(&tape, &Array2::zeros((0, 1)), None).unwrap_err()).contains("no time steps"));
    // A vocabulary smaller than the model's, and a token beyond it.
    let small = Vocabulary::of("se").unwrap();
    let mut written = model.sample(&small, "s", Sampler::new(1e6), rng(1)).unwrap();
    assert!(source(written.find_map(Result::err).unwrap()).contains("the vocabulary has 2 characters"));
}
