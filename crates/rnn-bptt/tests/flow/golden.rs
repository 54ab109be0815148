//! Against PyTorch.

use super::*;

/// The norms of the states' gradients in PyTorch, also where back-propagation is truncated.
#[test]
fn norms_are_those_of_pytorch() {
    check("bptt", &[], |case| {
        let sizes = (case.input("weight_ih").shape()[1], case.input("h0").shape()[1]);
        match case.str("cell") {
            "tanh" => norms(case, RnnCell::<f64>::new(sizes.0, sizes.1, &mut rng(0))),
            "relu" => norms(case, RnnCell::<f64>::new(sizes.0, sizes.1, &mut rng(0)).relu()),
            "lstm" => norms(case, LstmCell::<f64>::new(sizes.0, sizes.1, &mut rng(0))),
            "gru" => norms(case, GruCell::<f64>::new(sizes.0, sizes.1, &mut rng(0))),
            other => Err(format!("no cell of kind {other}").into()),
        }
    });
}

fn norms<C: Cell<Float = f64>>(case: &Case, mut cell: C) -> std::result::Result<(), Box<dyn std::error::Error>> {
    cell.map_parameters(&mut |name, parameter| parameter.value_mut().assign(&case.input_as::<f64>(name)));
    let layer = Recurrent::of(cell);
    let tape = Tape::inference();
    let given: Vec<_> = ["h0", "c0"].into_iter().filter_map(|name| case.try_input_as::<f64>(name)).collect();
    let parts = given.into_iter().map(|part| tape.input(part).unsqueeze(0)).collect::<std::result::Result<_, _>>()?;
    let mut state = C::State::from_parts(parts).ok_or("another state")?;
    let (x, target) = (tape.input(case.input_as::<f64>("x")), case.input_as::<f64>("target"));
    let (steps, every) = (case.usize("steps"), case.bool("every_step"));
    let piece = case.try_usize("truncate").unwrap_or(steps);
    let expected = case.output("dh_norm");
    for start in (0..steps).step_by(piece) {
        let end = steps.min(start + piece);
        let x = x.slice_axis(0, start..end, 1)?;
        let flow = GradientFlow::of(&layer, &x, Some(&state), |output, _| {
            let tape = output.tape();
            let head = |name| tape.input(case.input_as::<f64>(name));
            let y = output.affine(&head("head.weight"), Some(&head("head.bias")))?;
            let target = tape.input(target.clone());
            let squares = match (every, end == steps) {
                (true, _) => y.try_sub(&target.slice_axis(0, start..end, 1)?)?.square(),
                (false, true) => y.select(0, end - start - 1)?.try_sub(&target)?.square(),
                (false, false) => y.mul_scalar(0.0),
            };
            Ok(squares.sum().mul_scalar(1.0 / target.value().len() as f64))
        })?;
        for (t, &norm) in flow.lanes[0].states[0].norms.iter().enumerate() {
            close_scalar(norm, expected[[start + t]], EXACT, &format!("dh_norm at {}", start + t))?;
        }
        state = layer.forward_with(&x, Some(&state))?.1;
    }
    Ok(())
}
