//! The backward pass in formulas: exact texts, and the walk in steps.

use gradus_autograd::ndarray::array;
use gradus_autograd::{Error, Formula, Tape, Value, Var, explain};

/// The computation that the texts are about, and the line of its first operation.
fn loss(tape: &Tape<f64>) -> (Var<f64>, Var<f64>, u32) {
    let (w, b) = (tape.variable(array![2.0, -1.0]), tape.variable(0.5));
    let x = tape.input(array![3.0, 5.0]);
    let line = line!();
    let y = &w * &x;
    let y = (y + &b).tanh();
    ((&y * &y).sum(), w, line)
}

/// A text with `@n` for the n-th line after the first operation's.
fn at(text: &str, line: u32) -> String {
    let mut text = text.to_owned();
    for n in (0..10).rev() {
        text = text.replace(&format!("@{n}"), &format!("{}:{}", file!(), i64::from(line) + n - 3));
    }
    text
}

#[test]
fn the_text_before_a_run() {
    let (loss, w, line) = loss(&Tape::recording());
    let text = explain(&loss).unwrap().named(&w, "w").to_string();
    let expected = "\
The backward pass from L = v6, through 7 entries of the tape. No numbers: nothing has been run.

v6 = Σ v5  []  sum, @6:16
    ∂L/∂v6 = 1
    ∂L/∂v5 = ∂L/∂v6, repeated  [2]

v5 = v4 ⊙ v4  [2]  mul, @6:6
    ∂L/∂v4 = ∂L/∂v5 ⊙ v4  [2]
    ∂L/∂v4 += ∂L/∂v5 ⊙ v4  [2]

v4 = tanh(v3)  [2]  tanh, @5:22
    ∂L/∂v3 = ∂L/∂v4 ⊙ (1 − v4²)  [2]

v3 = v2 + v1  [2]  add, @5:13
    ∂L/∂v2 = ∂L/∂v3  [2]
    ∂L/∂v1 = Σ (∂L/∂v3) over the repeats  []

v2 = w ⊙ data  [2]  mul, @4:13
    ∂L/∂w = ∂L/∂v2 ⊙ data  [2]

v1 = variable  []  variable, @1:58
    ∂L/∂v1 is complete, and kept

w = variable  [2]  variable, @1:24
    ∂L/∂w is complete, and kept
";
    assert_eq!(text, at(expected, line));
    assert!(loss.backward().is_ok(), "an explanation leaves the tape as it is");
    assert!(matches!(loss.explain(), Err(Error::Spent)));
}

#[test]
fn latex_mermaid_and_dot() {
    let tape = Tape::<f64>::recording();
    let (x, line) = (tape.variable(array![1.0, 2.0, 3.0]), line!());
    let loss = x.exp().sum();
    let explanation = loss.explain().unwrap().named(&x, "x_0");
    let line_of = |n: i64, column: u32| format!("{}:{}:{column}", file!(), i64::from(line) + n);
    let tex = |text: &str| text.replace('_', "\\_");
    assert_eq!(
        explanation.latex(),
        format!(
            r"\begin{{align*}}
v_{{2}} &= \sum v_{{1}} && \in \mathbb{{R}} && \text{{sum, {sum}}} \\
\frac{{\partial L}}{{\partial v_{{2}}}} &= 1 \\
\frac{{\partial L}}{{\partial v_{{1}}}} &= \frac{{\partial L}}{{\partial v_{{2}}}} \cdot \mathbf{{1}} && \in \mathbb{{R}}^{{3}} \\
v_{{1}} &= e^{{\mathit{{x\_0}}}} && \in \mathbb{{R}}^{{3}} && \text{{exp, {exp}}} \\
\frac{{\partial L}}{{\partial \mathit{{x\_0}}}} &= \frac{{\partial L}}{{\partial v_{{1}}}} \odot v_{{1}} && \in \mathbb{{R}}^{{3}} \\
\mathit{{x\_0}} &= \text{{variable}} && \in \mathbb{{R}}^{{3}} && \text{{variable, {variable}}} \\
\end{{align*}}
",
            sum = tex(&line_of(1, 24)),
            exp = tex(&line_of(1, 18)),
            variable = tex(&line_of(0, 27)),
        )
    );
    assert_eq!(
        explanation.mermaid(),
        format!(
            "flowchart BT
    v2[\"v2 = Σ v1 []<br>{}\"]
    v1[\"v1 = exp(x_0) [3]<br>{}\"]
    v0([\"x_0 = variable [3]<br>{}\"])
    v1 -->|\"∂L/∂v1 = ∂L/∂v2, repeated\"| v2
    v0 -->|\"∂L/∂x_0 = ∂L/∂v1 ⊙ v1\"| v1
",
            line_of(1, 24),
            line_of(1, 18),
            line_of(0, 27)
        )
    );
    assert_eq!(
        explanation.dot(),
        format!(
            "digraph backward {{
    rankdir=BT;
    node [shape=box];
    v2 [label=\"v2 = Σ v1 []\\n{}\"];
    v1 [label=\"v1 = exp(x_0) [3]\\n{}\"];
    v0 [label=\"x_0 = variable [3]\\n{}\", style=rounded];
    v1 -> v2 [label=\"∂L/∂v1 = ∂L/∂v2, repeated\"];
    v0 -> v1 [label=\"∂L/∂x_0 = ∂L/∂v1 ⊙ v1\"];
}}
",
            line_of(1, 24),
            line_of(1, 18),
            line_of(0, 27)
        )
    );
}

#[test]
fn the_numbers_of_a_run() {
    let tape = Tape::<f64>::recording();
    let x = tape.variable(array![3.0, -4.0]);
    let far = tape.variable(Value::full(100, 0.5));
    let loss = x.square().sum() + far.sum() / 3.0;
    let (explanation, gradients) = loss.explain_with_numbers().unwrap();
    let text = explanation.named(&x, "x").to_string();
    assert!(text.contains("The numbers are those of a run."), "{text}");
    assert!(text.contains("∂L/∂x = ∂L/∂v2 ⊙ 2 x  [2]  → [6, -8]\n"), "{text}");
    assert!(text.contains("→ 100 numbers from 0.333333 to 0.333333, norm 3.33333\n"), "{text}");
    assert!(text.contains("    ∂L/∂x is complete: [6, -8]\n"), "{text}");
    assert_eq!(gradients.get(&x).unwrap(), &array![6.0, -8.0].into_dyn());
}

#[test]
fn steps_have_the_bits_of_backward() {
    let compute = |tape: &Tape<f32>| {
        let values = |n: usize, scale: f32| Value::from(ndarray_of(n, scale));
        let (w, x) = (
            tape.variable(values(12, 0.3).into_array().into_shape_with_order((3, 4)).unwrap()),
            tape.variable(values(8, 0.7).into_array().into_shape_with_order((2, 4)).unwrap()),
        );
        let once = x.affine(&w, None).unwrap().tanh();
        let twice = x.matmul(&w.transpose(0, 1).unwrap()).unwrap().sigmoid();
        let parts = once.split(1, &[1, 2]).unwrap();
        let loss = (&once * &twice).sum() + parts[1].exp().mean() + x.softmax(-1).unwrap().square().sum();
        (loss, w, x)
    };
    let (loss, w, x) = compute(&Tape::recording());
    let whole = loss.backward().unwrap();
    let expected = [&w, &x].map(|v| whole.get(v).unwrap().clone());
    for stop in [0, 3, 1000] {
        let (loss, w, x) = compute(&Tape::recording());
        let mut steps = loss.backward_steps().unwrap();
        for step in steps.by_ref().take(stop) {
            assert!(!step.unwrap().to_string().is_empty());
        }
        let gradients = steps.finish().unwrap();
        for (v, expected) in [&w, &x].into_iter().zip(&expected) {
            assert_eq!(gradients.get(v).unwrap(), expected, "{stop} steps");
        }
    }
}

fn ndarray_of(n: usize, scale: f32) -> gradus_autograd::ndarray::Array1<f32> {
    (0..n).map(|i| scale * ((i * 7 + 3) % 11) as f32 - 1.0).collect()
}

#[test]
fn a_step_shows_what_arrived_and_what_it_made() {
    let x = Tape::recording().variable(array![3.0, 4.0]);
    let loss = (&x * &x.square()).sum();
    let steps: Vec<_> = loss.backward_steps().unwrap().map(Result::unwrap).collect();
    let operations: Vec<_> = steps.iter().map(|step| step.operation).collect();
    assert_eq!(operations, ["sum", "mul", "square", "variable"]);
    let square = &steps[2];
    assert_eq!(square.upstream[0].as_ref().unwrap(), &array![3.0, 4.0].into_dyn());
    assert_eq!(square.inputs[0].factor, "∂L/∂v1 ⊙ 2 v0");
    assert_eq!(square.inputs[0].before.as_ref().unwrap(), &array![9.0, 16.0].into_dyn());
    assert_eq!(square.inputs[0].gradient.as_ref().unwrap(), &array![27.0, 48.0].into_dyn());
    assert!(
        square.to_string().contains("∂L/∂v1 is complete: [3, 4]\n    ∂L/∂v0 += ∂L/∂v1 ⊙ 2 v0  [2]  → [27, 48]\n"),
        "{square}"
    );
}

#[test]
fn operations_of_ones_own_and_with_several_results() {
    let tape = Tape::<f64>::recording();
    let x = tape.variable(2.0);
    let outputs = tape.record_many("powers", &[&x], vec![4.0.into(), 8.0.into()], |mut dys, slots| {
        let cube = dys.pop().flatten().and_then(|dy| dy.first().copied()).unwrap_or(0.0);
        slots.add(0, 12.0 * cube);
    });
    let _ = outputs[0].exp(); // takes no part
    let loss = outputs[1].sum();
    let explanation = loss.explain().unwrap();
    let text = explanation.to_string();
    assert!(text.contains("through 4 entries of the tape (1 more take no part)"), "{text}");
    assert!(text.contains("v1, v2 = powers(v0)  [], []"), "{text}");
    assert!(text.contains("∂L/∂v0 = (∂v1/∂v0)ᵀ ∂L/∂v1 + (∂v2/∂v0)ᵀ ∂L/∂v2  []"), "{text}");
    let own = Formula { text: "(@a², @a³)", latex: "(@a^2, @a^3)", gradients: &[("2 @a …", r"2\,@a \dots")] };
    let text = explanation.with_formula("powers", own).to_string();
    assert!(text.contains("v1, v2 = (v0², v0³)") && text.contains("∂L/∂v0 = 2 v0 …"), "{text}");
    let steps: Vec<_> = loss.backward_steps().unwrap().map(|step| step.unwrap().operation).collect();
    assert_eq!(steps, ["sum", "powers", "variable"]);
}
