//! Values that recurrent weights and gates start from.

use super::{EXACT, rng, three};
use gradus_rnn_bptt::ndarray::{Array2, Array3, Axis, Ix2};
use gradus_rnn_bptt::{Cell, Gru, LayerNormCell, LayerNormLstmCell, Lstm, LstmCell, Recurrent, Rnn, Tape};
use gradus_testing::assert_close;

/// The blocks of the recurrent weights of a cell, each of so many rows.
fn blocks<C: Cell<Float = f64>>(cell: &C, rows: usize) -> Vec<Array2<f64>> {
    let named = cell.parameters();
    let weight = named.iter().find(|(name, _)| name == "weight_hh").unwrap().1.value();
    let block =
        |block: gradus_rnn_bptt::ndarray::ArrayViewD<'_, f64>| block.into_dimensionality::<Ix2>().unwrap().to_owned();
    weight.axis_chunks_iter(Axis(0), rows).map(block).collect()
}

#[test]
fn each_gates_block_is_a_rotation_by_itself() {
    fn rotations<C: Cell<Float = f64>>(layer: &Recurrent<C>, gates: usize, rows: usize) {
        for cell in &layer.cells {
            let blocks = blocks(cell, rows);
            assert_eq!(blocks.len(), gates);
            for block in &blocks {
                let columns = block.ncols();
                assert_close(&block.t().dot(block), &Array2::<f64>::eye(columns), EXACT, C::NAME);
            }
            assert!(gates == 1 || blocks[0] != blocks[1]);
        }
    }
    let mut draws = rng(1);
    rotations(&Rnn::new(3, 6, &mut rng(1)).layers(2, &mut rng(1)).orthogonal_recurrent(&mut draws), 1, 6);
    rotations(&Gru::new(3, 6, &mut rng(1)).bidirectional(&mut rng(1)).orthogonal_recurrent(&mut draws), 3, 6);
    rotations(&Lstm::new(3, 6, &mut rng(1)).orthogonal_recurrent(&mut draws), 4, 6);
    rotations(&Lstm::new(3, 6, &mut rng(1)).projection(2, &mut rng(1)).orthogonal_recurrent(&mut draws), 4, 6);
    let cell = LayerNormLstmCell::new(3, 6, &mut rng(1));
    rotations(&Recurrent::of(cell).orthogonal_recurrent(&mut draws), 4, 6);
    // What does not have to change stays.
    let before: Rnn<f64> = Rnn::new(3, 6, &mut rng(1));
    let after = before.clone().orthogonal_recurrent(&mut draws);
    assert_eq!(before.cells[0].weight_ih.value(), after.cells[0].weight_ih.value());
    assert_eq!(Rnn::<f32>::new(3, 0, &mut rng(1)).orthogonal_recurrent(&mut draws).cells[0].weight_hh.shape(), [0, 0]);
}

#[test]
fn an_irnn_adds_up_and_keeps() {
    let mut irnn: Rnn<f64> = Rnn::new(4, 4, &mut rng(1)).relu().identity_recurrent();
    irnn.cells[0].weight_ih = Array2::eye(4).into();
    let x = Array3::from_shape_fn((20, 3, 4), |(t, n, i)| (t * n + i) as f64 / 8.0);
    let tape = Tape::recording();
    let x = tape.variable(x);
    let (output, h_n) = irnn.forward_with(&x, None).unwrap();
    assert_close(&three(&output), &three(&x.cumsum(0).unwrap()), EXACT, "sums");
    let gradients = h_n.sum().backward().unwrap();
    // Wherever anything came before, the gradient is 1 at all steps: 0 is where ReLU passes nothing on.
    let last = gradients.get(&x).unwrap();
    assert!(last.slice(gradus_rnn_bptt::ndarray::s![.., 1.., 1..]).iter().all(|&g| g == 1.0));
    for block in blocks(&Gru::<f64>::new(3, 4, &mut rng(1)).identity_recurrent().cells[0], 4) {
        assert_eq!(block, Array2::<f64>::eye(4));
    }
}

#[test]
fn the_forget_gate_gets_its_bias_once() {
    let before: Lstm<f64> = Lstm::new(3, 4, &mut rng(1)).layers(2, &mut rng(1)).bidirectional(&mut rng(1));
    let after = before.clone().forget_bias(1.5).unwrap();
    for (before, after) in before.cells.iter().zip(&after.cells) {
        let of = |cell: &LstmCell<f64>, i: usize| {
            [&cell.bias_ih, &cell.bias_hh].map(|bias| bias.as_ref().unwrap().value()[[i]])
        };
        for i in 0..16 {
            assert_eq!(of(after, i), if (4..8).contains(&i) { [1.5, 0.0] } else { of(before, i) });
        }
    }
    let normed = Recurrent::of(LayerNormLstmCell::<f64>::new(3, 4, &mut rng(1))).forget_bias(1.0).unwrap();
    let shift = |norm: usize, i: usize| normed.cells[0].norms[norm].bias.as_ref().unwrap().value()[[i]];
    assert!((0..16).all(|i| shift(0, i) == f64::from(u8::from((4..8).contains(&i))) && shift(1, i) == 0.0));
    // With a projection the gates are as wide as the memory.
    let narrow = Lstm::<f64>::new(3, 4, &mut rng(1)).projection(2, &mut rng(1)).forget_bias(1.0).unwrap();
    let bias = narrow.cells[0].bias_ih.as_ref().unwrap().value();
    assert!((4..8).all(|i| bias[[i]] == 1.0) && bias[[3]] != 1.0 && bias[[8]] != 1.0);
}

#[test]
fn chrono_spreads_memories_over_the_range() {
    let lstm: Lstm<f64> = Lstm::new(3, 200, &mut rng(1)).layers(2, &mut rng(1)).chrono(101, &mut rng(2)).unwrap();
    for cell in &lstm.cells {
        let [bias, other] = [&cell.bias_ih, &cell.bias_hh].map(|bias| bias.as_ref().unwrap().value());
        for unit in 0..200 {
            let forget = bias[[200 + unit]];
            assert!((0.0..=100_f64.ln()).contains(&forget) && bias[[unit]] == -forget);
            assert_eq!((other[[unit]], other[[200 + unit]]), (0.0, 0.0));
        }
        // The mean of e^b_f is that of U(1, 100): 50.5, with a deviation of 2.02 for 200 units.
        let mean = (200..400).map(|i| bias[[i]].exp()).sum::<f64>() / 200.0;
        assert!((mean - 50.5).abs() < 8.0, "{mean}");
    }
    assert_ne!(
        lstm.cells[0].bias_ih.as_ref().unwrap().value()[[0]],
        lstm.cells[1].bias_ih.as_ref().unwrap().value()[[0]]
    );
    assert!(Lstm::<f32>::new(3, 2, &mut rng(1)).chrono(2, &mut rng(1)).is_ok());
}

#[test]
fn what_does_not_fit_is_said() {
    let lstm: Lstm = Lstm::new(3, 4, &mut rng(1));
    let message = |lstm: gradus_rnn_bptt::Result<Lstm>| lstm.unwrap_err().to_string();
    assert_eq!(
        message(lstm.clone().without_bias().forget_bias(1.0)),
        "forget_bias: the cells of this lstm have no bias to set; a layer with biases would fit"
    );
    assert!(message(lstm.clone().without_bias().chrono(9, &mut rng(1))).starts_with("chrono: the cells of this lstm"));
    assert_eq!(message(lstm.clone().forget_bias(f64::INFINITY)), "forget_bias: value = inf: a finite number would fit");
    assert_eq!(message(lstm.chrono(1, &mut rng(1))), "chrono: longest = 1: a dependency of at least 2 steps would fit");
    let mut bare = LayerNormCell::of(LstmCell::<f32>::new(3, 4, &mut rng(1)));
    bare.norms.iter_mut().for_each(|norm| norm.bias = None);
    assert!(Recurrent::of(bare).forget_bias(1.0).is_err());
}
