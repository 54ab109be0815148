//! Characters as numbers, and a text in streams.

use gradus_rnn_bptt::Error;
use gradus_rnn_bptt::text::{Streams, Vocabulary, split};
use gradus_testing::refuses;
use proptest::prelude::*;

#[test]
fn characters_are_sorted_and_come_back() {
    let vocabulary = Vocabulary::of("zażółć gęślą\n").unwrap();
    assert!(vocabulary.characters().is_sorted());
    assert_eq!(vocabulary.len(), 13);
    assert_eq!(vocabulary, Vocabulary::of(&vocabulary.characters().iter().rev().collect::<String>()).unwrap());
    assert!(vocabulary.encode("").unwrap().is_empty());
    assert_eq!(vocabulary.decode(&[]).unwrap(), "");
}

#[test]
fn what_is_no_text_is_refused() {
    refuses!(Vocabulary::of(""), Error::EmptyText { .. }, @"vocabulary: an empty text has no characters; at least two distinct ones would fit");
    refuses!(Vocabulary::of("ééé"), Error::OneCharacter { .. }, @"vocabulary: the text is 'é', 3 times over: with one distinct character there is nothing to be learnt");
    let vocabulary = Vocabulary::of("ab").unwrap();
    refuses!(vocabulary.encode("abß\n"), Error::UnknownCharacter { character: 'ß', place: 2, .. }, @"encode: 'ß' at character 2: not among the 2 characters of the vocabulary");
    refuses!(vocabulary.decode(&[1, 2]), Error::UnknownToken { .. }, @"decode: token 2 at place 1: the vocabulary has 2 characters, so tokens lie below 2");
    refuses!(Streams::new(&[1, 2, 3], 0, 1), Error::Setting { .. }, @"streams: batch = 0: at least 1 sequence would fit");
    refuses!(Streams::new(&[1, 2, 3], 1, 0), Error::Setting { .. }, @"streams: k = 0: a piece has at least 1 step");
    refuses!(Streams::new(&[1, 2, 3], 3, 1), Error::ShortText { .. }, @"streams: 3 tokens for a batch of 3: each sequence needs an input and a target, so at least 4 tokens");
    refuses!(Streams::new(&[], 1, 1), Error::ShortText { .. }, @"streams: 0 tokens for a batch of 1: each sequence needs an input and a target, so at least 2 tokens");
    assert!(Streams::new(&[1, 2], usize::MAX, 1).is_err());
    refuses!(split(&[1, 2], 1.0), Error::Setting { .. }, @"split: training_share = 1: a share between 0 and 1 would fit");
    refuses!(split(&[1, 2], f64::NAN), Error::Setting { .. }, @"split: training_share = NaN: a share between 0 and 1 would fit");
    refuses!(split(&[1, 2], 0.1), Error::Setting { .. }, @"split: training_share = 0.1: with it one of the two parts of so short a text would be empty");
    assert!(split(&[], 0.5).is_err() && split(&[1, 2], 0.9).is_err());
}

proptest! {
    #[test]
    fn any_text_comes_back(text in "\\PC*[ab]\\PC*c") {
        let vocabulary = Vocabulary::of(&text).unwrap();
        let tokens = vocabulary.encode(&text).unwrap();
        prop_assert!(tokens.iter().all(|&token| token < vocabulary.len()));
        prop_assert_eq!(vocabulary.decode(&tokens).unwrap(), text);
    }

    #[test]
    fn every_token_is_an_input_once_in_its_order(length in 2..200_usize, batch in 1..6_usize, k in prop_oneof![1..50_usize, Just(usize::MAX)]) {
        prop_assume!(length > batch);
        let tokens: Vec<usize> = (100..100 + length).collect();
        let streams = Streams::new(&tokens, batch, k).unwrap();
        prop_assert_eq!(streams.iter().len(), streams.steps().div_ceil(k));
        let mut read = vec![Vec::new(); batch];
        for piece in streams.iter() {
            prop_assert!(piece.inputs.nrows() <= k && piece.inputs.dim() == piece.targets.dim());
            prop_assert!(piece.inputs.iter().zip(&piece.targets).all(|(&input, &target)| target == input + 1));
            piece.inputs.columns().into_iter().zip(&mut read).for_each(|(inputs, read)| read.extend(inputs.iter().copied()));
        }
        let read = read.concat();
        prop_assert_eq!(&read[..], &tokens[..read.len()]); // one stream goes on where the one before it ends
        prop_assert_eq!(read.len() + streams.unused() + 1, length);
        prop_assert!(streams.unused() < batch);
        let (training, validation) = split(&tokens, 0.5).unwrap();
        prop_assert_eq!([training, validation].concat(), tokens);
    }
}
