//! States as users give them at first, and what they are told.

use super::rng;
use gradus_rnn_bptt::ndarray::{Array3, ArrayD};
use gradus_rnn_bptt::{Lstm, LstmState, Rnn, Tape};

#[test]
fn a_state_without_its_first_axis_is_told_how_to_get_it() {
    let tape = Tape::recording();
    let x = tape.input(Array3::zeros((5, 3, 2)));
    let message = |rnn: &Rnn, shape: &[usize]| {
        rnn.forward_with(&x, Some(&tape.input(ArrayD::zeros(shape)))).unwrap_err().to_string()
    };
    let rnn: Rnn = Rnn::new(2, 4, &mut rng(1));
    assert_eq!(
        message(&rnn, &[3, 4]),
        "rnn: state [3, 4]: this layer and input need (layers, batch, hidden_size) = [1, 3, 4]; \
         unsqueeze(0) gives it the first axis, of layers and directions (L·D, N, H)"
    );
    assert_eq!(
        message(&rnn, &[3, 1, 4]),
        "rnn: state [3, 1, 4]: this layer and input need (layers, batch, hidden_size) = [1, 3, 4]; \
         a state is (L·D, N, H) with the batch in the middle, batch-first layers included: transpose(0, 1)"
    );
    assert_eq!(
        message(&rnn, &[1, 3, 5]),
        "rnn: state [1, 3, 5]: this layer and input need (layers, batch, hidden_size) = [1, 3, 4]"
    );
    let deep = rnn.layers(2, &mut rng(1)).bidirectional(&mut rng(1));
    assert_eq!(
        message(&deep, &[3, 4]),
        "rnn: state [3, 4]: this layer and input need (2 · layers, batch, hidden_size) = [4, 3, 4]; \
         there is one for each of 4 layers and directions, stacked on the first axis (L·D, N, H)"
    );
    // What the message says works.
    let flat = tape.input(ArrayD::<f32>::ones(vec![3, 4]));
    let rnn: Rnn = Rnn::new(2, 4, &mut rng(1));
    assert!(rnn.forward_with(&x, Some(&flat.unsqueeze(0).unwrap())).is_ok());
}

#[test]
fn the_memory_of_an_lstm_is_told_of_by_its_own_size() {
    let tape = Tape::recording();
    let x = tape.input(Array3::zeros((5, 3, 2)));
    let lstm: Lstm = Lstm::new(2, 6, &mut rng(1)).projection(4, &mut rng(1));
    let zeros = |shape: &[usize]| tape.input(ArrayD::zeros(shape));
    let state = LstmState { h: zeros(&[1, 3, 4]), c: zeros(&[3, 6]) };
    let message = lstm.forward_with(&x, Some(&state)).unwrap_err().to_string();
    assert!(message.contains("state [3, 6]") && message.contains("[1, 3, 6]; unsqueeze(0)"), "{message}");
    let state = LstmState { h: zeros(&[1, 3, 4]), c: zeros(&[1, 3, 6]) };
    assert!(lstm.forward_with(&x, Some(&state)).is_ok());
}
