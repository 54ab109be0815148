//! Samples, and the loader that serves them.

use gradus_data::{
    BatchSize, Dataset, Error, Features, Fill, Labelled, Loader, NpyArray, Samples, Standardize, Text, Vocabulary,
    pad_sequences,
};
use gradus_linalg::ndarray::{Array2, ArrayD, array};
use gradus_testing::refuses;
use std::io;

fn loader(n: usize) -> Loader<Samples<Vec<usize>>, gradus_linalg::ndarray::Array1<usize>> {
    Loader::new(Samples((0..n).collect()), 4).unwrap()
}

#[test]
fn labelled_data() {
    refuses!(Labelled::new(array![[1.0], [2.0]], vec![0], 1), Error::Lengths { .. }, @"labelled: 2 inputs and 1 labels: each input needs one label");
    refuses!(Labelled::new(ArrayD::from_elem(vec![], 1.0), vec![0], 1), Error::NoSampleAxis, @"labelled: the inputs have shape []: the first axis numbers the samples, so there must be one");
    refuses!(Labelled::new(array![[1.0], [2.0]], vec![0, 2], 2), Error::Label { .. }, @"labelled: label 2 at position 1: with 2 classes every label is below 2");
    let two = Labelled::new(array![[1.0, 2.0], [3.0, 4.0]], vec![0, 1], 2).unwrap();
    refuses!(two.select(&[0, 2]), Error::Index { .. }, @"select: index 2 at position 1: the data has 2 samples, counted from 0");
    refuses!(two.get(2), Error::Sample { .. }, @"get: sample 2: the data has 2 samples, counted from 0");
    refuses!(two.clone().reshape_inputs(&[3]), Error::SampleShape { .. }, @"reshape_inputs: [2] to [3]: a sample has 2 numbers, the new shape 3");
    refuses!(two.clone().reshape_inputs(&[usize::MAX, 2]), Error::SampleShape { .. }, @"reshape_inputs: [2] to [18446744073709551615, 2]: a sample has 2 numbers, the new shape more than can be counted");
    let rng = &mut rand::SeedableRng::seed_from_u64(0);
    let rng: &mut rand::rngs::StdRng = rng;
    refuses!(two.split(1.0, rng), Error::Fraction { .. }, @"split: fraction 1: the first part's share of the samples lies between 0 and 1, both excluded");
    refuses!(two.split(0.1, rng), Error::EmptyPart { .. }, @"split: 0 of 2 samples to the first part: one side would be empty; 1 to 1 would fit");
    refuses!(two.select(&[0]).unwrap().split_at(1), Error::EmptyPart { .. }, @"split_at: 1 of 1 samples to the first part: one side would be empty; a split takes at least 2 samples");
    refuses!(NpyArray::from(array![1.0, 0.5]).to_labels(), Error::NotLabel { .. }, @"labels: 0.5 at position 1: a label is a whole number from 0");
}

#[test]
fn data_sets_of_others() {
    refuses!(Samples(vec![1, 2]).zipped(Samples(vec![1])), Error::Zip { .. }, @"zipped: 2 and 1 samples: each sample needs one beside it");
    refuses!(Samples(vec![1, 2]).subset(vec![1, 5]), Error::Index { .. }, @"subset: index 5 at position 1: the data has 2 samples, counted from 0");
    refuses!(gradus_data::Generate::moons::<f32>(5, -1.0, &mut rng()), Error::Setting { .. }, @"moons: noise -1: it must be finite and not negative");
    let sequences = [ArrayD::<f32>::zeros(vec![2, 3]), ArrayD::zeros(vec![1, 4])];
    refuses!(pad_sequences(&sequences, 0.0), Error::Ragged { .. }, @"collate: sample 1 of the batch has shape [4], the first [3]: bring them to one shape, or pad sequences");
}

fn rng() -> rand::rngs::StdRng {
    rand::SeedableRng::seed_from_u64(0)
}

#[test]
fn loaders() {
    refuses!(BatchSize::new(0), Error::BatchSize { .. }, @"batch size 0: a mini-batch has at least 1 sample");
    refuses!(loader(2).stratified([0]), Error::SamplerLength { .. }, @"loader: 1 labels for 2 samples: each sample needs one");
    refuses!(loader(2).weighted(&[1.0, f64::NAN], 1), Error::Weight { .. }, @"loader: weight NaN at position 1: weights are finite, not negative, and one of them is above 0");
    let position = loader(20).epoch(3).unwrap().position();
    refuses!(loader(21).resume(position), Error::Position { .. }, @"loader: epoch 3, batch 0: the position was saved by a loader with another seed, batch size, order or data set, or lies beyond the 6 batches of an epoch");
    // No system refuses a thread when a test would like it to.
    let refused: Result<(), Error> = Err(Error::Workers { workers: 3, source: io::Error::other("too many threads") });
    refuses!(refused, Error::Workers { .. }, @"loader: no thread for one of 3 workers: too many threads; ask for fewer");
}

#[test]
fn texts() {
    let text = Text::bytes(b"four");
    refuses!(text.windows(4, 1), Error::ShortText { .. }, @"windows: a text of 4 tokens: a window of 4 and the token behind it take 5");
    refuses!(text.windows(usize::MAX, 1), Error::ShortText { .. }, @"windows: a text of 4 tokens: a window of 18446744073709551615 and the token behind it take 18446744073709551615");
    refuses!(text.windows(2, 0), Error::Setting { .. }, @"windows: stride 0: it must be at least 1");
    refuses!(Text::tokens(&[0, 5], 5), Error::Token { .. }, @"text: token 5 at position 1: with 5 kinds every token is below 5");
    refuses!(Text::characters("oh", &Vocabulary::of("on").unwrap()), Error::Vocabulary(_), @"encode: 'h' at character 1: not among the 2 characters of the vocabulary");
}

#[test]
fn standardization() {
    refuses!(Standardize::fit(&Array2::<f32>::zeros((0, 3))), Error::NoSamples { .. }, @"standardize: the data have no sample; at least 1 is needed");
    refuses!(Standardize::fit(&array![[1.0, f64::INFINITY]]), Error::NotFinite { .. }, @"standardize: inf in sample 0, feature 1, counted from 0: finite numbers are needed");
    let fitted = Standardize::fit(&array![[1.0, 2.0]]).unwrap();
    refuses!(fitted.apply(array![[1.0]]), Error::FeatureCount { .. }, @"standardize: 1 features in a sample, fitted to 2: apply it to data of the same kind");
    refuses!(Standardize::from_parts(vec![0.0], vec![]), Error::StandardizeParts { .. }, @"standardize: 1 means and 0 deviations: each feature needs one of both");
    refuses!(Standardize::from_parts(vec![0.0], vec![-1.0]), Error::StandardizeParts { .. }, @"standardize: feature 0 has mean 0 and deviation -1: means are finite, deviations finite and above 0");
    let table = gradus_data::Csv::new().read_from("x\n1\n".as_bytes(), "x.csv").unwrap();
    refuses!(Features::new().number_or("x", Fill::Value(f64::NAN)).fit(&table), Error::NotFinite { .. }, @"number_or: NaN in sample 0, feature 0, counted from 0: finite numbers are needed");
}
