//! Gradients, shares and Jacobians against the tape and against differences.

use super::*;

/// Stacked, bidirectional, batch first: everything that the layer's own backward pass finds, the flow finds.
fn agrees_with_the_layer<C: Cell<Float = f64>>(cell: C) {
    let layer = Recurrent::of(cell).layers(2, &mut rng(5)).bidirectional(&mut rng(6)).batch_first();
    let (batch, steps) = (3, 5);
    let x = draw(&[batch, steps, layer.cells[0].input_size()], 1);
    let given = |tape: &Tape<f64>| layer.zero_state(tape, batch).mapped(|part| tape.variable(draw(part.shape(), 2)));

    let tape = Tape::recording();
    let (x_var, state) = (tape.variable(x.clone()), given(&tape));
    let (output, last) = layer.forward_with(&x_var, Some(&state)).unwrap();
    let expected_loss = loss(&output, &last, 7).unwrap();
    let expected = expected_loss.backward().unwrap();

    let tape = Tape::inference();
    let flow = GradientFlow::of(&layer, &tape.input(x), Some(&given(&tape)), |y, s| loss(y, s, 7)).unwrap();
    close_scalar(flow.loss, expected_loss.item().unwrap(), EXACT, "loss").unwrap();
    let mut dx = flow.input.clone();
    dx.swap_axes(0, 1);
    assert_close(&dx.into_dyn(), &expected.get(&x_var).unwrap().view(), EXACT, "dx");
    let shares: Vec<_> = flow.lanes.iter().flat_map(|lane| &lane.shares).collect();
    let parameters = layer.parameters();
    assert_eq!(shares.len(), parameters.len());
    for (shares, (name, parameter)) in shares.into_iter().zip(parameters) {
        assert_eq!(shares.name, name);
        let gradient = expected.get(parameter).unwrap();
        assert_close(&shares.total, &gradient.view().to_owned(), EXACT, &name);
    }
    for lane in &flow.lanes {
        let mut sums: Vec<_> = lane.shares.iter().map(|shares| ArrayD::<f64>::zeros(shares.total.raw_dim())).collect();
        for t in 0..steps {
            for ((sum, (name, share)), shares) in sums.iter_mut().zip(lane.share(t).unwrap()).zip(&lane.shares) {
                assert_eq!(name, shares.name);
                let length = |x: &ArrayD<f64>| x.iter().map(|x| x * x).sum::<f64>().sqrt();
                let dot: f64 = share.iter().zip(&shares.total).map(|(a, b)| a * b).sum();
                close_scalar(shares.norms[t], length(&share), EXACT, "norm").unwrap();
                let cosine = dot / length(&share) / length(&shares.total);
                close_scalar(shares.cosines[t], cosine, EXACT, "cosine").unwrap();
                *sum += &share;
            }
        }
        for (sum, shares) in sums.iter().zip(&lane.shares) {
            assert_close(sum, &shares.total, EXACT, &shares.name);
        }
    }
}

#[test]
fn shares_add_up_to_the_gradient_of_the_layer() {
    agrees_with_the_layer(RnnCell::<f64>::new(3, 4, &mut rng(3)));
    agrees_with_the_layer(Pair::new(3, &mut rng(4)));
    agrees_with_the_layer(LstmCell::<f64>::new(3, 4, &mut rng(5)).projection(2, &mut rng(6)).peephole(&mut rng(7)));
    agrees_with_the_layer(GruCell::<f64>::new(3, 4, &mut rng(8)));
}

/// One lane in one direction: gradients of the states, the part that is carried, and Jacobians, against the unrolled tape.
fn agrees_with_the_tape<C: Cell<Float = f64>>(cell: C) {
    let (steps, batch, sequence) = (6, 3, 2);
    let x = draw(&[steps, batch, cell.input_size()], 1);
    let layer = Recurrent::of(cell);
    let cell = &layer.cells[0];
    let tape = Tape::inference();
    let last_loss = |y: &Var<f64>, s: &C::State| loss(y, s, 9);
    let flow = GradientFlow::of(&layer, &tape.input(x.clone()), None, last_loss).unwrap().judged_by(sequence).unwrap();
    let lane = &flow.lanes[0];

    // Every part of every state as a variable that retains its gradient.
    let unrolled = |cut: Option<usize>| {
        let tape = Tape::recording();
        let x = tape.input(x.clone());
        let mut states = vec![cell.zero_state(&tape, batch).mapped(|part| tape.variable(part.value().clone()))];
        for t in 0..steps {
            let after = cell.step(&x.select(0, t).unwrap(), states.last().unwrap()).unwrap();
            let after = if cut == Some(t) { after.mapped(|part| tape.variable(part.value().clone())) } else { after };
            after.parts().into_iter().for_each(Var::retain_gradient);
            states.push(after);
        }
        states
    };
    let states = unrolled(None);
    let output = stack(0, &states[1..].iter().map(State::hidden).collect::<Vec<_>>()).unwrap();
    let last = states[steps].mapped(|part| part.unsqueeze(0).unwrap());
    let gradients = loss(&output, &last, 9).unwrap().backward().unwrap();
    for (t, state) in states[1..].iter().enumerate() {
        let mut squares = 0.0;
        for (part, found) in state.parts().into_iter().zip(&lane.states) {
            let expected = gradients.get(part).unwrap();
            close(&found.gradients.index_axis(Axis(0), t).into_dyn(), &expected.view(), EXACT, &found.name).unwrap();
            let square: f64 = expected.iter().map(|g| g * g).sum();
            close_scalar(found.norms[t], square.sqrt(), EXACT, "norm").unwrap();
            squares += square;
        }
        if lane.states.len() == 1 {
            close_scalar(lane.norms[t], squares.sqrt(), EXACT, "norm of the state").unwrap();
        }
    }

    // Row i of ∂s_T/∂s_t: the gradient of number i of the last state.
    let jacobians = lane.jacobians(sequence).unwrap();
    let sizes = cell.state_sizes();
    let size: usize = sizes.iter().sum();
    for from in 0..steps {
        let mut expected = Array2::<f64>::zeros((size, size));
        let mut single = Array2::<f64>::zeros((size, size));
        for i in 0..size {
            // To the last state, and to the one after.
            for (rows, to) in [(&mut expected, steps), (&mut single, from + 1)] {
                let states = unrolled(from.checked_sub(1));
                let (mut part, mut place) = (0, i);
                while place >= sizes[part] {
                    place -= sizes[part];
                    part += 1;
                }
                let number = states[to].parts()[part].select(0, sequence).unwrap().select(0, place).unwrap();
                let gradients = number.backward().unwrap();
                let mut column = 0;
                for part in states[from].parts() {
                    let gradient =
                        gradients.get(part).map_or_else(|| Value::zeros(part.value().raw_dim()), Clone::clone);
                    for &g in gradient.index_axis(Axis(0), sequence) {
                        rows[[i, column]] = g;
                        column += 1;
                    }
                }
            }
        }
        assert_close(&jacobians.matrices[from], &single, EXACT, "a Jacobian");
        let back = steps - from;
        let norm = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
        close_scalar(lane.ln_gains[back].exp(), norm / (size as f64).sqrt(), EXACT, "gain").unwrap();
        if from > 0 {
            let (product, ln) = jacobians.product(from - 1).unwrap();
            assert_close(&(product * ln.exp()), &expected, EXACT, "a product of Jacobians");
            let ln = jacobians.ln_product_singular_values();
            let squares: f64 = ln.row(from - 1).iter().map(|ln| (2.0 * ln).exp()).sum();
            close_scalar(squares.sqrt(), norm, EXACT, "singular values of the product").unwrap();
        }
    }
    let (identity, ln) = jacobians.product(steps - 1).unwrap();
    assert_eq!((identity, ln), (Array2::eye(size), 0.0));
    assert!(jacobians.product(steps).is_none());
    for (t, (radius, values)) in
        jacobians.spectral_radii().iter().zip(jacobians.singular_values().outer_iter()).enumerate()
    {
        assert!(*radius <= values[0] * (1.0 + 1e-12), "{t}: an eigenvalue beyond the largest singular value");
        let norm: f64 = jacobians.matrices[t].iter().map(|x| x * x).sum();
        close_scalar(values.iter().map(|x| x * x).sum::<f64>(), norm, EXACT, "singular values").unwrap();
    }

    // A Jacobian by central differences.
    let t = 3;
    let step = |state: &[ArrayD<f64>]| -> Vec<f64> {
        let tape = Tape::inference();
        let x = tape.input(x.index_axis(Axis(0), t).index_axis(Axis(0), sequence).insert_axis(Axis(0)).to_owned());
        let state = C::State::from_parts(state.iter().map(|part| tape.input(part.clone())).collect()).unwrap();
        let after = cell.step(&x, &state).unwrap();
        after.parts().iter().flat_map(|part| part.value().iter().copied().collect::<Vec<_>>()).collect()
    };
    let at = |part: &Var<f64>| part.value().index_axis(Axis(0), sequence).insert_axis(Axis(0)).to_owned();
    let before: Vec<_> = states[t].parts().into_iter().map(at).collect();
    let mut column = 0;
    for part in 0..before.len() {
        for place in 0..before[part].len() {
            let moved = |by: f64| {
                let mut state = before.clone();
                state[part][[0, place]] += by;
                step(&state)
            };
            let (more, less) = (moved(1e-5), moved(-1e-5));
            for i in 0..size {
                let difference = (more[i] - less[i]) / 2e-5;
                assert!((jacobians.matrices[t][[i, column]] - difference).abs() < 1e-9, "{i} by {column}");
            }
            column += 1;
        }
    }
}

#[test]
fn gradients_and_jacobians_are_those_of_the_unrolled_tape() {
    agrees_with_the_tape(RnnCell::<f64>::new(2, 3, &mut rng(3)));
    agrees_with_the_tape(RnnCell::<f64>::new(2, 3, &mut rng(4)).relu());
    agrees_with_the_tape(Pair::new(2, &mut rng(5)));
    agrees_with_the_tape(LstmCell::<f64>::new(2, 3, &mut rng(6)));
    agrees_with_the_tape(LstmCell::<f64>::new(2, 3, &mut rng(7)).projection(2, &mut rng(8)).peephole(&mut rng(9)));
    agrees_with_the_tape(GruCell::<f64>::new(2, 3, &mut rng(10)));
    agrees_with_the_tape(GruCell::<f64>::new(2, 3, &mut rng(11)).reset_before());
}
