//! Tables and pictures.

use super::*;

#[test]
fn tables_and_pictures() {
    let x = Tape::inference().input(draw(&[40, 2, 2], 1));
    let last = |y: &Var<f64>| Ok(y.select(0, 39)?.square().mean());
    let lstm = Lstm::<f64>::new(2, 6, &mut rng(1)).layers(2, &mut rng(2)).bidirectional(&mut rng(3));
    let lstm = GradientFlow::of(&lstm, &x, None, |y, _| last(y)).unwrap();
    let rnn = GradientFlow::of(&Rnn::<f64>::new(2, 6, &mut rng(4)), &x, None, |y, _| last(y)).unwrap();
    let table = rnn.to_string();
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("gradient flow of rnn: loss 0."), "{table}");
    assert!(lines[1].starts_with("l0: vanishing: factor 0."), "{table}");
    assert!(table.contains("     t    |dL/dh|   carried       gain   weight_hh     cos"), "{table}");
    assert!(table.contains("    39") && table.contains("1.00e0") && table.contains("k2 = "), "{table}");
    for text in [table, lstm.to_string(), lstm.to_text(), rnn.to_text()] {
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    assert!(lstm.to_string().contains("|dL/dc|") && lstm.to_string().contains("l1_reverse: "));
    assert_eq!(lstm.to_svg().matches("class=\"curve\"").count(), 8);
    for name in ["l0 h", "l0_reverse c", "l1_reverse h"] {
        assert!(lstm.to_svg().contains(&format!(">{name}<")), "{name}");
    }
    let jacobians = rnn.lanes[0].jacobians(1).unwrap();
    let figure = jacobians.figure();
    assert_eq!(figure.curves().len(), 4);
    let radius = 10_f64.powf(figure.curves()[0].values[7]);
    assert!((radius - jacobians.spectral_radii()[7]).abs() < 1e-12);
    let gains = &rnn.clone().judged_by(1).unwrap().lanes[0].ln_gains;
    for (t, log) in figure.curves()[3].values.iter().enumerate() {
        assert!((log * std::f64::consts::LN_10 - gains[39 - t]).abs() < 1e-9, "{t}");
    }
    for figure in [Figure::gradients("both"), Figure::gains("both")] {
        let figure = figure.with("LSTM", &lstm).with("RNN", &rnn);
        let both = figure.to_svg();
        assert!(both.contains(">LSTM<") && both.contains(">RNN<") && !both.contains("NaN") && !both.contains("inf"));
        assert_eq!(figure.curves()[1].name, "RNN");
    }
}
