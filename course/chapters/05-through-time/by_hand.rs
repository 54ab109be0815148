//! A recurrent network, many-to-one, forward and backward by its formulas.

use crate::Outcome;
use gradus::autograd::{Gradients, Tape, Var};
use gradus::linalg::{l2_norm, spectral_radius};
use gradus::ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis};
use gradus::rand::{Rng, RngExt};
use gradus::rnn_bptt::bptt::{self, Weights};
use gradus::rnn_bptt::{Nonlinearity, Sweep};
use gradus_course::{Chapter, Kind, Plot, Sketch};

/// `aₜ = U xₜ + W hₜ₋₁ + b`, `hₜ = tanh aₜ`, `h₀ = 0`; the loss is `L = ½ ‖V h_T − y‖²`.
pub(crate) struct Network {
    u: Array2<f64>,
    w: Array2<f64>,
    b: Array1<f64>,
    v: Array2<f64>,
}

/// What the backward pass finds.
pub(crate) struct Backward {
    u: Array2<f64>,
    w: Array2<f64>,
    b: Array1<f64>,
    v: Array2<f64>,
    /// `δₜ = ∂L/∂aₜ` for `t` from 1 to `T`.
    delta: Vec<Array1<f64>>,
    /// `∂L/∂hₜ` for `t` from 1 to `T`.
    dh: Vec<Array1<f64>>,
}

/// Numbers up to ±1.
pub(crate) fn uniform(rows: usize, columns: usize, rng: &mut impl Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn((rows, columns), || rng.random_range(-1.0..1.0))
}

/// A random square matrix of this spectral radius.
pub(crate) fn of_radius(size: usize, radius: f64, rng: &mut impl Rng) -> Outcome<Array2<f64>> {
    let w = uniform(size, size, rng);
    let found = spectral_radius(&w)?;
    Ok(w * (radius / found))
}

/// `a bᵀ`.
fn outer(a: &ArrayRef1<f64>, b: &ArrayRef1<f64>) -> Array2<f64> {
    a.view().insert_axis(Axis(1)).dot(&b.view().insert_axis(Axis(0)))
}

impl Network {
    /// With recurrent weights of this spectral radius.
    pub(crate) fn draw(inputs: usize, size: usize, radius: f64, rng: &mut impl Rng) -> Outcome<Self> {
        Ok(Self {
            u: uniform(size, inputs, rng) * 0.3,
            w: of_radius(size, radius, rng)?,
            b: Array1::from_shape_simple_fn(size, || rng.random_range(-0.1..0.1)),
            v: uniform(2, size, rng),
        })
    }

    /// `h₀, h₁, …, h_T`.
    pub(crate) fn forward(&self, x: &ArrayRef2<f64>) -> Vec<Array1<f64>> {
        let mut h = vec![Array1::zeros(self.b.len())];
        for (t, x) in x.rows().into_iter().enumerate() {
            let a = self.u.dot(&x) + self.w.dot(&h[t]) + &self.b;
            h.push(a.mapv(f64::tanh));
        }
        h
    }

    /// From the last step to the first, or to the last `window` steps alone:
    ///
    /// ```text
    /// ∂L/∂h_T = Vᵀ(V h_T − y)    δₜ = ∂L/∂hₜ ∘ (1 − hₜ²)    ∂L/∂hₜ₋₁ = Wᵀ δₜ
    /// ∂L/∂W = Σ δₜ hₜ₋₁ᵀ    ∂L/∂U = Σ δₜ xₜᵀ    ∂L/∂b = Σ δₜ
    /// ```
    pub(crate) fn backward(&self, x: &ArrayRef2<f64>, h: &[Array1<f64>], y: &Array1<f64>, window: usize) -> Backward {
        let steps = x.nrows();
        let error = self.v.dot(&h[steps]) - y;
        let mut found = Backward {
            u: Array2::zeros(self.u.raw_dim()),
            w: Array2::zeros(self.w.raw_dim()),
            b: Array1::zeros(self.b.raw_dim()),
            v: outer(&error, &h[steps]),
            delta: Vec::new(),
            dh: Vec::new(),
        };
        let mut dh = self.v.t().dot(&error);
        for t in (1..=steps).rev().take(window) {
            let delta = &dh * &h[t].mapv(|h| 1.0 - h * h);
            found.w += &outer(&delta, &h[t - 1]);
            found.u += &outer(&delta, &x.row(t - 1));
            found.b += &delta;
            let before = self.w.t().dot(&delta);
            found.dh.push(std::mem::replace(&mut dh, before));
            found.delta.push(delta);
        }
        found.delta.reverse();
        found.dh.reverse();
        found
    }

    /// `Jₜ = ∂hₜ/∂hₜ₋₁ = diag(1 − hₜ²) W`.
    fn jacobian(&self, h: &ArrayRef1<f64>) -> Array2<f64> {
        &h.mapv(|h| 1.0 - h * h).insert_axis(Axis(1)) * &self.w
    }

    fn loss(&self, x: &ArrayRef2<f64>, y: &Array1<f64>) -> f64 {
        let h = self.forward(x);
        0.5 * (self.v.dot(&h[x.nrows()]) - y).mapv(|e| e * e).sum()
    }
}

impl Backward {
    pub(crate) fn of_w(&self) -> &Array2<f64> {
        &self.w
    }
}

/// The picture of an unrolled network: there in grey, back in red.
pub(crate) fn unrolled(chapter: &mut Chapter) -> Outcome {
    chapter.section("The network, unrolled");
    let (left, step, size, top) = (60.0, 150.0, 56.0, 110.0);
    let mut sketch = Sketch::new(800.0, 300.0);
    let red = "#b2182b";
    sketch.text((400.0, 28.0), 20.0, "middle", "The same weights at every step; the loss at the end");
    for t in 0..5_u32 {
        let x = left + step * f64::from(t);
        let (label, fill) = if t == 4 {
            ("L".to_owned(), "#fde0dd")
        } else {
            (format!("h{}", ["₀", "₁", "₂", "₃"][t as usize]), "#deebf7")
        };
        sketch.rectangle((x, top), (size, size), fill, "#666");
        sketch.text((x + size / 2.0, top + 35.0), 20.0, "middle", &label);
        if t > 0 {
            let from = x - step + size;
            sketch.arrow((from, top + 18.0), (x, top + 18.0), "#666");
            sketch.text((from + 47.0, top + 11.0), 15.0, "middle", if t == 4 { "V" } else { "W" });
            sketch.arrow((x, top + 40.0), (from, top + 40.0), red);
            sketch.text(
                (from + 47.0, top + 58.0),
                13.0,
                "middle",
                ["", "Wᵀδ₁", "Wᵀδ₂", "Wᵀδ₃", "Vᵀ(Vh₃ − y)"][t as usize],
            );
        }
        if (1..4).contains(&t) {
            let x = x + size / 2.0;
            sketch.arrow((x - 8.0, 240.0), (x - 8.0, top + size), "#666");
            sketch.text((x - 24.0, 215.0), 15.0, "middle", "U");
            sketch.text((x - 8.0, 262.0), 18.0, "middle", ["", "x₁", "x₂", "x₃"][t as usize]);
            sketch.arrow((x + 8.0, top), (x + 8.0, 76.0), red);
            sketch.text(
                (x + 8.0, 68.0),
                13.0,
                "middle",
                ["", "δ₁h₀ᵀ, δ₁x₁ᵀ", "δ₂h₁ᵀ, δ₂x₂ᵀ", "δ₃h₂ᵀ, δ₃x₃ᵀ"][t as usize],
            );
        }
    }
    sketch.text((60.0, 285.0), 13.0, "start", "grey: forward");
    sketch.text((160.0, 285.0), 13.0, "start", "red: backward; the shares of all steps are added up");
    let caption =
        "Three steps of a recurrent network as a network of three layers: forward in grey, and the gradients in red.";
    Ok(chapter.figure("unrolled", caption, &sketch.svg())?)
}

/// One unit, one input at the first step: small enough for paper.
pub(crate) fn one_unit(chapter: &mut Chapter) {
    chapter.section("One unit, on paper");
    let (u, w, x, y) = (1.0, 0.8, [1.0, 0.0, 0.0, 0.0], 0.0);
    let mut h = vec![0.0_f64];
    x.iter().for_each(|x| h.push((u * x + w * h[h.len() - 1]).tanh()));
    let mut rows = vec!["t    xₜ      hₜ   ∂L/∂hₜ      δₜ   δₜ hₜ₋₁   δₜ xₜ".to_owned()];
    let (mut dh, mut dw, mut du) = (h[4] - y, 0.0, 0.0);
    for t in (1..=4).rev() {
        let delta = dh * (1.0 - h[t] * h[t]);
        let (of_w, of_u) = (delta * h[t - 1], delta * x[t - 1]);
        rows.push(format!("{t}  {:4.1}  {:.4}   {dh:.4}  {delta:.4}    {of_w:.4}  {of_u:.4}", x[t - 1], h[t]));
        (dw, du, dh) = (dw + of_w, du + of_u, w * delta);
    }
    rows.push(format!("sum of the shares:             {dw:.4}  {du:.4}"));
    chapter.say(rows.join("\n"));
    let loss = |u: f64, w: f64| 0.5 * (x.iter().fold(0.0, |h: f64, x| (u * x + w * h).tanh()) - y).powi(2);
    let by = 1e-6;
    let of_w = (loss(u, w + by) - loss(u, w - by)) / (2.0 * by);
    let of_u = (loss(u + by, w) - loss(u - by, w)) / (2.0 * by);
    chapter.check("the sums are the derivatives, by differences", (dw - of_w).abs() < 1e-9 && (du - of_u).abs() < 1e-9);
}

/// The gradients of `U`, `W`, `b` and `V` from the tape.
fn gradients_of(gradients: &Gradients<f64>, variables: [&Var<f64>; 4]) -> Outcome<Vec<Vec<f64>>> {
    let all = variables.map(|variable| gradients.get(variable).map(|gradient| gradient.iter().copied().collect()));
    all.into_iter().map(|gradient| gradient.ok_or_else(|| "every parameter takes part in the loss".into())).collect()
}

fn worst(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    a.iter().flatten().zip(b.iter().flatten()).fold(0.0, |worst, (a, b)| worst.max((a - b).abs()))
}

/// By hand, by the tape of the unrolled network, by the library's layer, and by differences.
pub(crate) fn beside_the_tape(chapter: &mut Chapter, rng: &mut impl Rng) -> Outcome {
    chapter.section("By hand, by the tape, and by the layer");
    const STEPS: usize = 12;
    let network = Network::draw(3, 5, 0.9, rng)?;
    let (x, y) = (uniform(STEPS, 3, rng), Array1::from_vec(vec![1.0, -1.0]));
    let h = network.forward(&x);
    let hand = network.backward(&x, &h, &y, STEPS);
    let flat = |array: &Array2<f64>| array.iter().copied().collect::<Vec<_>>();
    let by_hand = [flat(&hand.u), flat(&hand.w), hand.b.to_vec(), flat(&hand.v)];

    let variables = |tape: &Tape<f64>| {
        (
            tape.variable(network.u.clone()),
            tape.variable(network.w.clone()),
            tape.variable(network.b.clone()),
            tape.variable(network.v.clone()),
        )
    };
    let target = y.clone().insert_axis(Axis(0));
    let tape = Tape::recording();
    let (u, w, b, v) = variables(&tape);
    let mut state = tape.input(Array2::zeros((1, 5)));
    for x in x.rows() {
        let x = tape.input(x.to_owned().insert_axis(Axis(0)));
        state = x.matmul(&u.transpose(0, 1)?)?.try_add(&state.matmul(&w.transpose(0, 1)?)?)?.try_add(&b)?.tanh();
    }
    let error = state.matmul(&v.transpose(0, 1)?)?.try_sub(&tape.input(target.clone()))?;
    let by_tape = gradients_of(&(error.square().sum() * 0.5).backward()?, [&u, &w, &b, &v])?;

    let tape = Tape::recording();
    let (u, w, b, v) = variables(&tape);
    let weights = Weights { weight_ih: u, weight_hh: w, bias_ih: Some(b.clone()), bias_hh: None };
    let sequence = tape.input(x.clone().insert_axis(Axis(1)));
    let (_, last) = bptt::rnn(&sequence, None, &weights, Nonlinearity::Tanh, &Sweep::default())?;
    let error = last.matmul(&v.transpose(0, 1)?)?.try_sub(&tape.input(target))?;
    let gradients = (error.square().sum() * 0.5).backward()?;
    let by_layer = gradients_of(&gradients, [&weights.weight_ih, &weights.weight_hh, &b, &v])?;

    let mut by_differences = 0.0_f64;
    for (place, &gradient) in hand.w.indexed_iter() {
        const BY: f64 = 1e-5;
        let loss = |by: f64| {
            let mut w = network.w.clone();
            w[place] += by;
            Network { u: network.u.clone(), w, b: network.b.clone(), v: network.v.clone() }.loss(&x, &y)
        };
        by_differences = by_differences.max((gradient - (loss(BY) - loss(-BY)) / (2.0 * BY)).abs());
    }
    let (of_tape, of_layer) = (worst(&by_hand, &by_tape), worst(&by_hand, &by_layer));
    chapter.say(format!("‖∂L/∂W‖ = {:.4}; the tape is {of_tape:.0e} off at most, the layer {of_layer:.0e}, differences {by_differences:.0e}", l2_norm(&hand.w)));
    chapter.check("the formulas and the tape find the same, to 12 digits", of_tape < 1e-12);
    chapter.check("the formulas and gradus::rnn_bptt find the same, to 12 digits", of_layer < 1e-12);
    chapter.check("differences agree", by_differences < 1e-7);

    // ∂L/∂hₜ as a product of Jacobians, multiplied out.
    let mut product = Array2::eye(5);
    let mut off = 0.0_f64;
    for t in (1..=STEPS).rev() {
        let gradient = product.t().dot(&hand.dh[STEPS - 1]);
        off = (&gradient - &hand.dh[t - 1]).iter().fold(off, |off, d| off.max(d.abs()));
        product = product.dot(&network.jacobian(&h[t]));
    }
    chapter.check("∂L/∂hₜ is the product of the Jacobians, transposed, times ∂L/∂h_T", off < 1e-12);
    Ok(())
}

/// What each step adds to the gradient by `W`.
pub(crate) fn shares(chapter: &mut Chapter, rng: &mut impl Rng) -> Outcome {
    chapter.section("What each step adds");
    const STEPS: usize = 50;
    let mut plot =
        Plot::new("Each step's share of ∂L/∂W", "step t; the loss is at 50", "‖δₜ hₜ₋₁ᵀ‖, the last 1").logarithmic();
    let mut early = Vec::new();
    for radius in [0.6, 0.8, 1.0] {
        let network = Network::draw(3, 16, radius, rng)?;
        let x = uniform(STEPS, 3, rng);
        let h = network.forward(&x);
        let found = network.backward(&x, &h, &Array1::from_vec(vec![1.0, -1.0]), STEPS);
        let norms: Vec<f64> =
            found.delta.iter().zip(&h).map(|(delta, before)| l2_norm(delta) * l2_norm(before)).collect();
        let last = norms[STEPS - 1];
        let share = norms[..STEPS - 20].iter().sum::<f64>() / norms.iter().sum::<f64>();
        chapter.say(format!(
            "spectral radius {radius}: the first 30 of 50 steps have {:.2} % of the sum of the shares' norms",
            100.0 * share
        ));
        early.push(share);
        let points = norms.iter().enumerate().skip(1).map(|(t, norm)| ((t + 1) as f64, norm / last));
        plot = plot.series(&format!("radius {radius}"), Kind::Line, points);
    }
    chapter.figure(
        "shares",
        "The gradient is a sum over all steps, but the early ones may add next to nothing.",
        &plot.svg()?,
    )?;
    chapter.check("with a radius of 0.6 the first 30 of 50 steps add less than a thousandth", early[0] < 1e-3);
    chapter.check("the smaller the radius, the less they add", early[0] < early[1] && early[1] < early[2]);
    Ok(())
}
