//! The gates of LSTM and GRU.

use super::*;

#[test]
fn gates_are_those_that_the_step_uses() {
    let tape = Tape::inference();
    let x = tape.input(draw(&[4, 3], 1));
    let lstm = LstmCell::<f64>::new(3, 5, &mut rng(2)).peephole(&mut rng(3));
    let state = lstm.zero_state(&tape, 4).mapped(|part| tape.input(draw(part.shape(), 4)));
    let gates = lstm.gates(&x, &state).unwrap();
    let after = lstm.step(&x, &state).unwrap();
    let (f, o) = (&gates[1], &gates[2]);
    assert_close(&**(o * after.c.tanh()).value(), &after.h.value().view(), EXACT, "h = o tanh c");
    // c = f c₋ + i g: what is added is i g, with |g| < 1.
    let added = &after.c - f * &state.c;
    assert!(added.value().iter().zip(gates[0].value().iter()).all(|(added, i)| added.abs() < *i));

    for gru in [GruCell::<f64>::new(3, 5, &mut rng(5)), GruCell::new(3, 5, &mut rng(6)).reset_before()] {
        let h = tape.input(draw(&[4, 5], 7));
        let z = &gru.gates(&x, &h).unwrap()[1];
        // h′ − z h = (1 − z) n, with |n| < 1
        let rest = gru.step(&x, &h).unwrap() - z * &h;
        assert!(rest.value().iter().zip(z.value().iter()).all(|(rest, z)| rest.abs() < 1.0 - z));
        assert!(gru.gates(&h, &h).is_err());
    }
}

#[test]
fn gate_activity_over_a_sequence() {
    let mut gru = Gru::<f32>::new(2, 3, &mut rng(1)).layers(2, &mut rng(2)).bidirectional(&mut rng(3)).batch_first();
    let shut = gru.cells[1].bias_ih.as_mut().unwrap().value_mut();
    (shut[[3]], shut[[4]], shut[[5]]) = (100.0, 100.0, -100.0); // update gates of three units
    let tape = Tape::inference();
    let x = tape.input(Array3::<f32>::ones((2, 9, 2)));
    let activity = GateActivity::of(&gru, &x, None).unwrap();
    let names: Vec<_> = activity.lanes.iter().map(|lane| lane.name.as_str()).collect();
    assert_eq!(names, ["l0", "l0_reverse", "l1", "l1_reverse"]);
    let z = &activity.lanes[1].gates[1];
    assert_eq!((z.name, z.values.dim(), z.means.len()), ("z", (9, 2, 3), 9));
    for t in 0..9 {
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found}");
        near(z.means[t], 2.0 / 3.0);
        near(z.closed[t], 1.0 / 3.0);
        near(z.open[t], 2.0 / 3.0);
        near(z.saturated()[t], 1.0);
    }
    let svg = activity.lanes[1].to_svg(1, &[0, 2]).unwrap();
    assert!(svg.contains("gates of l0_reverse, sequence 1") && svg.contains("z, units"), "{svg}");
    assert_eq!(svg.matches("class=\"frame\"").count(), 2);
    assert_eq!(activity.lanes[0].figure().curves().len(), 4);

    let message = |sequence, units: &[usize]| activity.lanes[0].to_svg(sequence, units).unwrap_err().to_string();
    assert_eq!(message(2, &[0]), "gate_activity: sequence 2 of a batch of 2; it must be less than that");
    assert_eq!(message(0, &[1, 3]), "gate_activity: unit 3 of a layer of 3; give at least one, each less than that");
    assert_eq!(message(0, &[]), "gate_activity: unit 3 of a layer of 3; give at least one, each less than that");
    let none = GateActivity::of(&gru, &tape.input(Array3::zeros((0, 9, 2))), None).unwrap_err().to_string();
    assert_eq!(none, "gate_activity: sequence 0 of a batch of 0; it must be less than that");
    assert!(GateActivity::of(&gru, &tape.input(Array3::zeros((2, 0, 2))), None).is_err());
}
