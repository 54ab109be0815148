//! Packing, masks, and losses that leave the padding out.

use super::{EXACT, Found, draw, rng, run, same};
use gradus_rnn_bptt::ndarray::{Array2, Array3, ArrayD, Axis, array, s};
use gradus_rnn_bptt::{
    Cell, GruCell, LayerNormRnnCell, LstmCell, PackedSequence, Recurrent, Rnn, RnnCell, State, Tape, masked_mean,
    pack_padded, pack_padded_sorted, pad_packed, padding_mask,
};
use gradus_testing::{assert_close, close};
use proptest::prelude::*;

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..=7_usize, 1..=5)
}

/// Numbers of three axes whose padding is NaN.
fn padded(lengths: &[usize], steps: usize, features: usize, seed: u64) -> ArrayD<f64> {
    let mut x = draw(&[steps, lengths.len(), features], &mut rng(seed));
    for (n, &length) in lengths.iter().enumerate() {
        x.slice_mut(s![length.., n, ..]).fill(f64::NAN);
    }
    x
}

#[test]
fn a_package_worked_by_hand() {
    // Three sequences, a of 2 steps, b of 4, c of 2.
    let x = array![[[1.0], [10.0], [100.0]], [[2.0], [20.0], [200.0]], [[0.0], [30.0], [0.0]], [[0.0], [40.0], [0.0]]];
    let tape = Tape::<f64>::recording();
    let x = tape.variable(x);
    let packed = pack_padded(&x, &[2, 4, 2]).unwrap();
    assert_eq!(packed.data().value(), &array![[10.0], [1.0], [100.0], [20.0], [2.0], [200.0], [30.0], [40.0]]);
    assert_eq!(packed.batch_sizes(), [3, 3, 1, 1]);
    assert_eq!(packed.sorted_indices(), [1, 0, 2]);
    assert_eq!(packed.unsorted_indices(), [1, 0, 2]);
    assert_eq!(packed.lengths(), [2, 4, 2]);
    let gradients = packed.data().sum().backward().unwrap();
    let real = padding_mask(&[2, 4, 2], 4).unwrap().mapv(|padding| f64::from(u8::from(!padding)));
    assert_eq!(gradients.get(&x).unwrap(), &real.insert_axis(Axis(2)));
}

proptest! {
    #[test]
    fn packing_and_padding_undo_each_other(lengths in lengths(), more in 0..3_usize, features in 0..=3_usize, seed: u64) {
        let longest = lengths.iter().copied().max().unwrap();
        let steps = longest + more;
        let tape = Tape::recording();
        let x = tape.variable(padded(&lengths, steps, features, seed));
        let packed = pack_padded(&x, &lengths).unwrap();
        prop_assert_eq!(packed.data().shape(), &[lengths.iter().sum::<usize>(), features][..]);
        prop_assert_eq!(packed.lengths(), lengths.clone());
        let places = packed.unsorted_indices();
        prop_assert!(packed.sorted_indices().iter().enumerate().all(|(place, &sequence)| places[sequence] == place));

        let (back, same_lengths) = pad_packed(&packed, Some(steps)).unwrap();
        prop_assert_eq!(&same_lengths, &lengths);
        let zeroed = x.value().mapv(|x| if x.is_nan() { 0.0 } else { x });
        prop_assert_eq!(back.value(), &zeroed);
        let (short, _) = pad_packed(&packed, None).unwrap();
        prop_assert_eq!(short.shape(), &[longest, lengths.len(), features][..]);
        // The gradient goes the same ways, and nothing comes to the padding.
        let weights = draw(back.shape(), &mut rng(!seed));
        let gradients = (&back * tape.input(weights.clone())).sum().backward().unwrap();
        let mut expected = weights;
        for (n, &length) in lengths.iter().enumerate() {
            expected.slice_mut(s![length.., n, ..]).fill(0.0);
        }
        prop_assert_eq!(gradients.get(&x).unwrap(), &expected);

        // In falling order nothing is rearranged.
        let mut falling = lengths.clone();
        falling.sort_by(|a, b| b.cmp(a));
        let packed = pack_padded_sorted(&x, &falling).unwrap();
        prop_assert!(packed.sorted_indices().is_sorted());
        prop_assert_eq!(pack_padded_sorted(&x, &lengths).is_ok(), falling == lengths);
    }
}

/// The layer over packed sequences, padded again.
fn packed<C: Cell<Float = f64>>(layer: &Recurrent<C>, x: &ArrayD<f64>, lengths: &[usize], seed: u64) -> Found {
    run(layer, &Tape::recording(), x, seed, |x, h| {
        let (output, last) = layer.forward_packed(&pack_padded(x, lengths)?, h)?;
        assert_eq!(output.lengths(), lengths);
        Ok((pad_packed(&output, Some(x.shape()[0]))?.0, last))
    })
}

fn packed_is_padded_is_alone<C: Cell<Float = f64>>(cell: C, two_directions: bool, lengths: &[usize], seed: u64) {
    let mut layer = Recurrent::of(cell).layers(2, &mut rng(seed));
    if two_directions {
        layer = layer.bidirectional(&mut rng(seed));
    }
    let x = padded(lengths, 7, 3, seed);
    let together = packed(&layer, &x, lengths, seed);
    let by_mask = run(&layer, &Tape::recording(), &x, seed, |x, h| layer.forward_padded(x, lengths, h));
    same(&together, &by_mask, "packed and padded");

    // Each sequence alone, as long as it is, from its own state: what `run` draws first are the states.
    let tape = Tape::inference();
    let mut states = rng(seed);
    let state = layer.zero_state(&tape, lengths.len()).mapped(|part| tape.input(draw(part.shape(), &mut states)));
    for (n, &length) in lengths.iter().enumerate() {
        let own = x.slice(s![..length, n..=n, ..]).to_owned();
        let state = state.mapped(|part| part.slice_axis(1, n..n + 1, 1).unwrap());
        let (output, last) = layer.forward_with(&tape.input(own), Some(&state)).unwrap();
        let part = together[0].1.slice(s![..length, n..=n, ..]).to_owned();
        assert_close(&part, &**output.value(), EXACT, "output");
        for (part, (_, together)) in last.parts().into_iter().zip(&together[1..]) {
            assert_close(&together.slice(s![.., n..=n, ..]), &**part.value(), EXACT, "last");
        }
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(24))]

    #[test]
    fn packed_equals_padded_and_each_sequence_alone(lengths in lengths(), two_directions: bool, seed: u64) {
        packed_is_padded_is_alone(RnnCell::new(3, 4, &mut rng(seed)), two_directions, &lengths, seed);
        packed_is_padded_is_alone(LstmCell::new(3, 4, &mut rng(seed)), two_directions, &lengths, seed);
        packed_is_padded_is_alone(GruCell::new(3, 4, &mut rng(seed)), two_directions, &lengths, seed);
        packed_is_padded_is_alone(LayerNormRnnCell::new(3, 4, &mut rng(seed)), two_directions, &lengths, seed);
    }

    /// The mean over real steps is the mean over the steps of all sequences without padding, in value and gradient.
    #[test]
    fn a_masked_loss_is_the_loss_without_padding(lengths in lengths(), seed: u64) {
        let rnn: Rnn<f64> = Rnn::new(3, 4, &mut rng(seed));
        let (x, target) = (padded(&lengths, 7, 3, seed), draw(&[7, lengths.len(), 4], &mut rng(!seed)));
        let tape = Tape::recording();
        let (output, _) = rnn.forward_padded(&tape.input(x.clone()), &lengths, None).unwrap();
        let losses = (&output - tape.input(target.clone())).square();
        let loss = masked_mean(&losses, &lengths).unwrap();
        let by_mask = loss.backward().unwrap();

        let tape = Tape::recording();
        let packed = pack_padded(&tape.input(x.clone()), &lengths).unwrap();
        let (output, _) = rnn.forward_packed(&packed, None).unwrap();
        let packed_target = pack_padded(&tape.input(target.clone()), &lengths).unwrap();
        let by_package = (output.data() - packed_target.data()).square().mean();
        let gradients_by_package = by_package.backward().unwrap();

        let tape = Tape::recording();
        let mut sum = tape.input(0.0);
        for (n, &length) in lengths.iter().enumerate() {
            let own = |x: &ArrayD<f64>| tape.input(x.slice(s![..length, n..=n, ..]).to_owned());
            let (output, _) = rnn.forward_with(&own(&x), None).unwrap();
            sum = sum + (output - own(&target)).square().sum();
        }
        let count = 4.0 * lengths.iter().sum::<usize>() as f64;
        let alone = sum.mul_scalar(1.0 / count);
        let gradients = alone.backward().unwrap();

        let value = |v: &gradus_rnn_bptt::Var<f64>| v.item().unwrap();
        prop_assert!((value(&loss) - value(&alone)).abs() < 1e-12, "{} {}", value(&loss), value(&alone));
        prop_assert!((value(&by_package) - value(&alone)).abs() < 1e-12);
        for parameter in [&rnn.cells[0].weight_ih, &rnn.cells[0].weight_hh] {
            let expected = gradients.get(parameter).unwrap();
            for got in [by_mask.get(parameter), gradients_by_package.get(parameter)] {
                close(&***got.unwrap(), &***expected, EXACT, "gradient").map_err(TestCaseError::fail)?;
            }
        }
    }
}

#[test]
fn batch_first_changes_nothing_in_a_package() {
    let rnn: Rnn<f64> = Rnn::new(3, 4, &mut rng(1)).layers(2, &mut rng(1));
    let x = padded(&[2, 7, 3], 7, 3, 1);
    let time_first = packed(&rnn, &x, &[2, 7, 3], 1);
    same(&packed(&rnn.batch_first(), &x, &[2, 7, 3], 1), &time_first, "batch first");
}

#[test]
fn in_single_precision() {
    let x = Tape::<f32>::recording().variable(Array3::from_elem((3, 2, 1), 0.5));
    let mean = masked_mean(&x, &[1, 3]).unwrap();
    assert_eq!(mean.item(), Some(0.5));
    assert_eq!(mean.backward().unwrap().get(&x).unwrap()[[2, 0, 0]], 0.0);
    let packed = pack_padded(&x, &[1, 3]).unwrap();
    let (output, h_n) = Rnn::new(1, 2, &mut rng(1)).forward_packed(&packed, None).unwrap();
    assert_eq!((output.data().shape(), h_n.shape()), (&[4, 2][..], &[1, 2, 2][..]));
}

#[test]
fn what_does_not_fit_is_said() {
    let tape = Tape::<f64>::recording();
    let x = tape.input(Array3::zeros((5, 3, 2)));
    let pack = |lengths: &[usize]| pack_padded(&x, lengths).unwrap_err().to_string();
    assert_eq!(pack(&[5, 1]), "pack_padded: 2 lengths for a batch of 3 sequences; each sequence has one");
    assert_eq!(pack(&[5, 0, 1]), "pack_padded: sequence 1 has length 0; lengths go from 1 to the input's 5 steps");
    assert_eq!(
        pack_padded(&tape.input(Array2::zeros((5, 3))), &[1, 1, 1]).unwrap_err().to_string(),
        "pack_padded: input [5, 3] has 2 axes; it needs 3 axes, (time, batch, features)"
    );
    assert_eq!(
        pack_padded_sorted(&x, &[4, 2, 3]).unwrap_err().to_string(),
        "pack_padded_sorted: sequence 2 of length 3 after one of length 2: lengths must not grow; pack_padded takes any order"
    );
    let package = |rows: usize, sizes: &[usize], indices: &[usize]| {
        let data = tape.input(Array2::zeros((rows, 2)));
        PackedSequence::new(data, sizes.to_vec(), indices.to_vec()).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(package(3, &[2, 1], &[1, 0]), Ok(()));
    let rule = "they begin with the number of sequences, at least 1, never grow, stay above 0, and add up to the number of rows";
    for (rows, sizes, indices) in [
        (3, &[1, 2][..], &[0][..]),
        (4, &[2, 1], &[0, 1]),
        (3, &[2, 1], &[0, 1, 2]),
        (2, &[2, 0], &[0, 1]),
        (0, &[], &[]),
        (0, &[0], &[]),
        (0, &[usize::MAX, usize::MAX], &[]),
    ] {
        let sequences = indices.len();
        let message =
            format!("packed_sequence: batch sizes {sizes:?} for {rows} rows and {sequences} sequences: {rule}");
        assert_eq!(package(rows, sizes, indices), Err(message));
    }
    for indices in [[0, 0], [0, 2]] {
        assert_eq!(
            package(3, &[2, 1], &indices),
            Err(format!("packed_sequence: sorted indices {indices:?}: each number from 0 to 1 stands there once"))
        );
    }
    let empty = pack_padded(&tape.input(Array3::zeros((5, 0, 2))), &[]).unwrap_err().to_string();
    assert!(empty.starts_with("packed_sequence: batch sizes [] for 0 rows and 0 sequences"), "{empty}");
    let packed = pack_padded(&x, &[5, 1, 2]).unwrap();
    assert_eq!(
        pad_packed(&packed, Some(4)).unwrap_err().to_string(),
        "pad_packed: sequence 0 has length 5; lengths go from 1 to the input's 4 steps"
    );
    assert!(packed.with_data(tape.input(Array2::zeros((9, 2)))).unwrap_err().to_string().contains("for 9 rows"));
    let rnn: Rnn<f64> = Rnn::new(3, 4, &mut rng(1));
    assert_eq!(
        rnn.forward_packed(&packed, None).unwrap_err().to_string(),
        "rnn: input [8, 2]: the last axis has 2 features; the layer takes 3"
    );
    assert!(rnn.layers(0, &mut rng(1)).forward_packed(&packed, None).unwrap_err().to_string().contains("0 cells"));

    assert_eq!(
        padding_mask(&[3, 4], 3).unwrap_err().to_string(),
        "padding_mask: sequence 1 has length 4; lengths go from 1 to the input's 3 steps"
    );
    assert_eq!(padding_mask(&[], 3).unwrap().dim(), (3, 0));
    let mean = |shape: &[usize], lengths: &[usize]| {
        masked_mean(&tape.input(ArrayD::zeros(shape)), lengths).unwrap_err().to_string()
    };
    assert_eq!(mean(&[5], &[5]), "masked_mean: input [5] has 1 axes; it needs 2 axes, (time, batch)");
    assert_eq!(mean(&[5, 2], &[5]), "masked_mean: 1 lengths for a batch of 2 sequences; each sequence has one");
    assert_eq!(mean(&[5, 0], &[]), "masked_mean: input [5, 0] has no time steps; a sequence has at least one");
}
