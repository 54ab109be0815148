//! Networks whose flow is known beforehand.

use super::*;

/// `relu(W h + x)` with inputs that keep the state positive: linear, so that each Jacobian is `W`.
fn linear(weight: Array2<f64>, steps: usize) -> (Rnn<f64>, Var<f64>) {
    let size = weight.nrows();
    let mut rnn = Rnn::new(size, size, &mut rng(1)).relu().without_bias();
    rnn.cells[0].weight_ih = Array2::eye(size).into();
    rnn.cells[0].weight_hh = weight.into();
    let x = Tape::inference().input(Array3::from_elem((steps, 1, size), 1.0));
    (rnn, x)
}

#[test]
fn verdicts_on_networks_that_are_built_for_them() {
    let many_to_one = |y: &Var<f64>, _: &Var<f64>| Ok(y.select(0, y.shape()[0] - 1)?.sum());
    let many_to_many = |y: &Var<f64>, _: &Var<f64>| Ok(y.sum());
    let permutation = array![[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]];
    for every in [false, true] {
        let of = |rnn: &Rnn<f64>, x: &Var<f64>| {
            GradientFlow::of(rnn, x, None, |y, s| if every { many_to_many(y, s) } else { many_to_one(y, s) }).unwrap()
        };
        let gain = |gain: f64, steps: usize| {
            let (rnn, x) = linear(&permutation * gain, steps);
            let flow = of(&rnn, &x);
            let lane = &flow.lanes[0];
            for (k, ln) in lane.ln_gains.iter().enumerate() {
                close_scalar(*ln, k as f64 * gain.ln(), EXACT, "ln gain").unwrap();
            }
            let jacobians = lane.jacobians(0).unwrap();
            assert!(jacobians.spectral_radii().iter().all(|radius| (radius - gain).abs() < 1e-13));
            assert!(jacobians.singular_values().iter().all(|value| (value - gain).abs() < 1e-14));
            flow.diagnosis()
        };
        let half = gain(0.5, 30);
        assert_eq!((half.verdict, half.horizon), (Verdict::Vanishing, 7.0));
        let more = gain(1.5, 30);
        assert_eq!((more.verdict, more.horizon), (Verdict::Exploding, 12.0));
        assert_eq!(gain(1.0, 30).verdict, Verdict::Healthy);

        // tanh with an orthogonal matrix of gain 1/2, and nearly linear with gain 1.
        for (scale, input, verdict) in [(0.5, 1.0, Verdict::Vanishing), (1.0, 1e-3, Verdict::Healthy)] {
            let mut rnn = Rnn::<f64>::new(2, 8, &mut rng(1)).without_bias();
            rnn.cells[0].weight_hh = (init::orthogonal((8, 8), scale, &mut rng(2)).unwrap()).into();
            let x = Tape::inference().input(draw(&[40, 2, 2], 3) * input);
            let flow = of(&rnn, &x);
            assert_eq!(flow.diagnosis().verdict, verdict);
            // With a loss at every step the norms alone would not tell.
            let lane = &flow.lanes[0];
            let first = lane.norms[0] / lane.norms[39];
            assert_eq!(first < 0.01, !every && verdict == Verdict::Vanishing, "{first}");
        }
    }
}

#[test]
fn the_part_that_is_carried() {
    let (rnn, x) = linear(array![[0.5]], 4);
    let flow = GradientFlow::of(&rnn, &x, None, |y, _| Ok(y.sum())).unwrap();
    let lane = &flow.lanes[0];
    assert_eq!(lane.norms, [1.875, 1.75, 1.5, 1.0]);
    assert_eq!(lane.carried, [0.875, 0.75, 0.5, 0.0]);
    // ∂L/∂w = Σ λₜ hₜ₋₁ with h = 1, 1.5, 1.75
    assert_eq!(lane.shares[1].name, "weight_hh_l0");
    assert_eq!(lane.shares[1].norms, [0.0, 1.75, 2.25, 1.75]);
    assert_eq!((lane.shares[1].cosines[0], &lane.shares[1].cosines[1..]), (0.0, &[1.0; 3][..]));
    assert_eq!(lane.share(2).unwrap()[1].1, ArrayD::from_elem(IxDyn(&[1, 1]), 2.25));
}

#[test]
fn the_reverse_direction_forgets_the_end() {
    let (rnn, x) = linear(array![[0.5]], 12);
    let rnn = rnn.bidirectional(&mut rng(1));
    let mut both = rnn.clone();
    both.cells[1] = both.cells[0].clone();
    let flow = GradientFlow::of(&both, &x, None, |_, last| Ok(last.sum())).unwrap();
    let [forward, reverse] = &flow.lanes[..] else { panic!("two lanes") };
    assert_eq!((forward.name.as_str(), reverse.name.as_str()), ("l0", "l0_reverse"));
    assert_eq!((forward.norms[11], forward.norms[10]), (1.0, 0.5));
    assert_eq!((reverse.norms[0], reverse.norms[1]), (1.0, 0.5));
    assert_eq!(forward.ln_gains, reverse.ln_gains);
    let (forward, reverse) = (forward.jacobians(0).unwrap(), reverse.jacobians(0).unwrap());
    let (there, back) = (forward.ln_product_singular_values(), reverse.ln_product_singular_values());
    assert!((0..12).all(|t| (there[[t, 0]] - back[[11 - t, 0]]).abs() < 1e-14));
    assert_eq!(reverse.product(3).unwrap().1, 0.125_f64.ln());
}

/// A forget gate that is open keeps the memory's gradient, one that is half closed halves it at each step.
#[test]
fn the_forget_gate_rules_the_verdict() {
    let x = Tape::inference().input(draw(&[60, 2, 2], 1));
    let diagnosis = |bias: f64| {
        let mut lstm = Lstm::<f64>::new(2, 6, &mut rng(1));
        let weights = lstm.cells[0].bias_hh.as_mut().unwrap().value_mut();
        (6..12).for_each(|unit| weights[[unit]] += bias);
        let flow = GradientFlow::of(&lstm, &x, None, |y, _| Ok(y.sum())).unwrap();
        assert_eq!(flow.lanes[0].states.len(), 2);
        (flow.diagnosis(), flow.advice())
    };
    let (as_drawn, advice) = diagnosis(0.0);
    assert_eq!(as_drawn.verdict, Verdict::Vanishing);
    assert!((0.3..0.9).contains(&as_drawn.factor), "{as_drawn}");
    let Advice::ForgetBias { bias, steps: 60 } = advice[0] else { panic!("{advice:?}") };
    let (raised, advice) = diagnosis(bias);
    assert_eq!((raised.verdict, advice), (Verdict::Healthy, vec![Advice::Keep]), "{raised}");
    assert!((0.9..1.01).contains(&raised.factor), "{raised}");
}
