//! What each operation computes and what its rule is, as formulas.

/// An operation in formulas, as an explanation shows it.
///
/// `@y` stands for the result, `@a`, `@b`, `@c` for the inputs, `@x` for the input whose gradient is written, and `@g`
/// for the gradient ∂L/∂y that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formula {
    /// The right-hand side of `y = …` in plain text.
    pub text: &'static str,
    /// The same in LaTeX.
    pub latex: &'static str,
    /// For each input the right-hand side of `∂L/∂x = …`, in plain text and in LaTeX; the last is for all further inputs.
    pub gradients: &'static [(&'static str, &'static str)],
}

/// The formulas of a built-in operation.
pub(crate) fn formula(operation: &str) -> Option<Formula> {
    let &(_, text, latex, gradients) = TABLE.iter().find(|(name, ..)| *name == operation)?;
    Some(Formula { text, latex, gradients })
}

/// Whether the operation repeats the elements of an input that is smaller than the result.
pub(crate) fn broadcasts(operation: &str) -> bool {
    matches!(
        operation,
        "add" | "sub" | "mul" | "div" | "maximum" | "minimum" | "pow_var" | "choose" | "fused" | "broadcast_to"
    )
}

/// Name, value in text and LaTeX, and the gradient of each input in text and LaTeX.
type Row = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const SAME: (&str, &str) = ("@g", r"@g");
const PARTS: (&str, &str) = ("@g at its places, 0 elsewhere", r"@g \text{ at its places, } 0 \text{ elsewhere}");

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // Arithmetic.
    ("add", "@a + @b", r"@a + @b", &[SAME]),
    ("sub", "@a − @b", r"@a - @b", &[SAME, ("−@g", r"-@g")]),
    ("mul", "@a ⊙ @b", r"@a \odot @b", &[("@g ⊙ @b", r"@g \odot @b"), ("@g ⊙ @a", r"@g \odot @a")]),
    ("div", "@a / @b", r"@a / @b", &[("@g / @b", r"@g / @b"), ("−@g ⊙ @y / @b", r"-@g \odot @y / @b")]),
    ("add_scalar", "@a + k", r"@a + k", &[SAME]),
    ("sub_scalar", "@a − k", r"@a - k", &[SAME]),
    ("mul_scalar", "k @a", r"k\,@a", &[("k @g", r"k\,@g")]),
    ("div_scalar", "@a / k", r"@a / k", &[("@g / k", r"@g / k")]),
    ("neg", "−@a", r"-@a", &[("−@g", r"-@g")]),
    ("maximum", "max(@a, @b)", r"\max(@a, @b)", &[
        ("@g where @a > @b, half where equal", r"@g \odot [@a > @b] \text{ (half where equal)}"),
        ("@g where @b > @a, half where equal", r"@g \odot [@b > @a] \text{ (half where equal)}")]),
    ("minimum", "min(@a, @b)", r"\min(@a, @b)", &[
        ("@g where @a < @b, half where equal", r"@g \odot [@a < @b] \text{ (half where equal)}"),
        ("@g where @b < @a, half where equal", r"@g \odot [@b < @a] \text{ (half where equal)}")]),
    ("pow_var", "@a^@b", r"@a^{@b}", &[
        ("@g ⊙ @b ⊙ @a^(@b − 1)", r"@g \odot @b \odot @a^{@b - 1}"), ("@g ⊙ @y ⊙ ln @a", r"@g \odot @y \odot \ln @a")]),
    ("pow", "@a^p", r"@a^{p}", &[("@g ⊙ p @a^(p − 1)", r"@g \odot p\,@a^{p - 1}")]),

    // Functions of one number.
    ("exp", "exp(@a)", r"e^{@a}", &[("@g ⊙ @y", r"@g \odot @y")]),
    ("ln", "ln(@a)", r"\ln @a", &[("@g / @a", r"@g / @a")]),
    ("sqrt", "√@a", r"\sqrt{@a}", &[("@g / (2 @y)", r"@g / (2\,@y)")]),
    ("square", "@a²", r"@a^2", &[("@g ⊙ 2 @a", r"@g \odot 2\,@a")]),
    ("abs", "|@a|", r"|@a|", &[("@g ⊙ sign(@a)", r"@g \odot \operatorname{sign}(@a)")]),
    ("sin", "sin(@a)", r"\sin @a", &[("@g ⊙ cos(@a)", r"@g \odot \cos @a")]),
    ("cos", "cos(@a)", r"\cos @a", &[("−@g ⊙ sin(@a)", r"-@g \odot \sin @a")]),
    ("erf", "erf(@a)", r"\operatorname{erf}(@a)", &[("@g ⊙ 2/√π exp(−@a²)", r"@g \odot \tfrac{2}{\sqrt\pi} e^{-@a^2}")]),
    ("clamp", "min(max(@a, low), high)", r"\min(\max(@a, \ell), h)", &[
        ("@g where low < @a < high, else 0", r"@g \odot [\ell < @a < h]")]),
    ("tanh", "tanh(@a)", r"\tanh @a", &[("@g ⊙ (1 − @y²)", r"@g \odot (1 - @y^2)")]),
    ("sigmoid", "σ(@a)", r"\sigma(@a)", &[("@g ⊙ @y ⊙ (1 − @y)", r"@g \odot @y \odot (1 - @y)")]),
    ("relu", "max(@a, 0)", r"\max(@a, 0)", &[("@g where @a > 0, else 0", r"@g \odot [@a > 0]")]),
    ("leaky_relu", "@a where @a > 0, else k @a", r"\max(@a, 0) + k \min(@a, 0)", &[
        ("@g where @a > 0, else k @g", r"@g \odot ([@a > 0] + k\,[@a \le 0])")]),
    ("elu", "@a where @a > 0, else α (exp(@a) − 1)", r"\max(@a, 0) + \alpha (e^{\min(@a, 0)} - 1)", &[
        ("@g where @a > 0, else @g ⊙ α exp(@a)", r"@g \odot \min(1, \alpha e^{@a})\text{ by sign}")]),
    ("gelu", "@a ⊙ Φ(@a)", r"@a \odot \Phi(@a)", &[("@g ⊙ (Φ(@a) + @a φ(@a))", r"@g \odot (\Phi(@a) + @a \odot \varphi(@a))")]),
    ("gelu_tanh", "@a ⊙ (1 + tanh u) / 2, u = √(2/π) (@a + 0.044715 @a³)",
        r"\tfrac12 @a \odot (1 + \tanh u),\ u = \sqrt{2/\pi}\,(@a + 0.044715\,@a^3)", &[
        ("@g ⊙ ((1 + tanh u) / 2 + @a (1 − tanh² u) u' / 2)",
         r"@g \odot \left(\tfrac12 (1 + \tanh u) + \tfrac12 @a \odot (1 - \tanh^2 u) \odot u'\right)")]),
    ("silu", "@a ⊙ σ(@a)", r"@a \odot \sigma(@a)", &[
        ("@g ⊙ σ(@a) ⊙ (1 + @a ⊙ (1 − σ(@a)))", r"@g \odot \sigma(@a) \odot (1 + @a \odot (1 - \sigma(@a)))")]),
    ("softplus", "ln(1 + exp(β @a)) / β", r"\tfrac1\beta \ln(1 + e^{\beta @a})", &[("@g ⊙ σ(β @a)", r"@g \odot \sigma(\beta @a)")]),
    ("fused", "f(@a, …), element by element", r"f(@a, \dots)", &[("@g ⊙ ∂f/∂@x", r"@g \odot \frac{\partial f}{\partial @x}")]),
    ("fused_sum", "Σ f(@a, …)", r"\sum f(@a, \dots)", &[("@g · ∂f/∂@x, summed where repeated", r"@g \cdot \frac{\partial f}{\partial @x}")]),

    // Reductions.
    ("sum", "Σ @a", r"\sum @a", &[("@g, repeated", r"@g \cdot \mathbf{1}")]),
    ("mean", "Σ @a / n", r"\tfrac1n \sum @a", &[("@g / n, repeated", r"\tfrac1n\, @g \cdot \mathbf{1}")]),
    ("sum_axes", "Σ @a over axes", r"\sum_{\text{axes}} @a", &[("@g, repeated", r"@g \cdot \mathbf{1}")]),
    ("mean_axes", "Σ @a / n over axes", r"\tfrac1n \sum_{\text{axes}} @a", &[("@g / n, repeated", r"\tfrac1n\, @g \cdot \mathbf{1}")]),
    ("prod", "Π @a", r"\prod @a", &[("@g · Π of the other elements", r"@g \prod_{j \ne i} @a_j")]),
    ("cumsum", "running Σ of @a", r"\textstyle\sum_{j \le i} @a_j", &[("running Σ of @g from the end", r"\textstyle\sum_{j \ge i} @g_j")]),
    ("amax", "max @a", r"\max @a", &[("@g where @a = @y, shared equally", r"@g \odot [@a = @y] / n_{=}")]),
    ("amin", "min @a", r"\min @a", &[("@g where @a = @y, shared equally", r"@g \odot [@a = @y] / n_{=}")]),
    ("max_axis", "max @a along an axis", r"\max @a", &[("@g at the first largest, 0 elsewhere", r"@g \odot [i = \arg\max @a]")]),
    ("min_axis", "min @a along an axis", r"\min @a", &[("@g at the first smallest, 0 elsewhere", r"@g \odot [i = \arg\min @a]")]),
    ("variance", "Σ (@a − m)² / (n − c), m = mean @a", r"\tfrac{1}{n - c} \sum (@a - m)^2", &[
        ("2 @g (@a − m) / (n − c)", r"\tfrac{2}{n - c}\, @g \odot (@a - m)")]),
    ("standard_deviation", "√(Σ (@a − m)² / (n − c)), m = mean @a", r"\sqrt{\tfrac{1}{n - c} \sum (@a - m)^2}", &[
        ("@g (@a − m) / ((n − c) @y)", r"\tfrac{1}{n - c}\, @g \odot (@a - m) / @y")]),
    ("norm", "(Σ |@a|^p)^(1/p)", r"\lVert @a \rVert_p", &[
        ("@g ⊙ sign(@a) ⊙ (|@a| / @y)^(p − 1)", r"@g \odot \operatorname{sign}(@a) \odot (|@a| / @y)^{p - 1}")]),
    ("softmax", "exp(@a) / Σ exp(@a)", r"e^{@a} / \textstyle\sum e^{@a}", &[
        ("@y ⊙ (@g − Σ @g ⊙ @y)", r"@y \odot \left(@g - \textstyle\sum @g \odot @y\right)")]),
    ("log_softmax", "@a − ln Σ exp(@a)", r"@a - \ln \textstyle\sum e^{@a}", &[
        ("@g − exp(@y) Σ @g", r"@g - e^{@y} \textstyle\sum @g")]),
    ("logsumexp", "ln Σ exp(@a)", r"\ln \textstyle\sum e^{@a}", &[("@g ⊙ exp(@a − @y)", r"@g \odot e^{@a - @y}")]),

    // Products.
    ("matmul", "@a @b", r"@a\,@b", &[("@g @bᵀ", r"@g\,@b^\top"), ("@aᵀ @g", r"@a^\top @g")]),
    ("outer", "@a @bᵀ", r"@a\,@b^\top", &[("@g @b", r"@g\,@b"), ("@gᵀ @a", r"@g^\top @a")]),
    ("affine", "@a @bᵀ + @c", r"@a\,@b^\top + @c", &[
        ("@g @b", r"@g\,@b"), ("@gᵀ @a", r"@g^\top @a"), ("Σ @g over the rows", r"\textstyle\sum_{\text{rows}} @g")]),

    // Shapes and parts.
    ("reshape", "@a in another shape", r"\operatorname{reshape}(@a)", &[("@g in the shape of @x", r"\operatorname{reshape}(@g)")]),
    ("permute", "@a, axes permuted", r"\operatorname{permute}(@a)", &[("@g, axes put back", r"\operatorname{permute}^{-1}(@g)")]),
    ("squeeze", "@a without an axis of length 1", r"\operatorname{squeeze}(@a)", &[("@g with the axis", r"\operatorname{unsqueeze}(@g)")]),
    ("unsqueeze", "@a with an axis of length 1", r"\operatorname{unsqueeze}(@a)", &[("@g without the axis", r"\operatorname{squeeze}(@g)")]),
    ("flip", "@a, reversed", r"\operatorname{flip}(@a)", &[("@g, reversed", r"\operatorname{flip}(@g)")]),
    ("broadcast_to", "@a, repeated", r"\operatorname{repeat}(@a)", &[SAME]),
    ("pad", "@a in a margin", r"\operatorname{pad}(@a)", &[("@g without the margin", r"@g \text{ without the margin}")]),
    ("slice", "a slice of @a", r"\operatorname{slice}(@a)", &[PARTS]),
    ("select", "one index of @a", r"@a_{i}", &[PARTS]),
    ("index_select", "@a at indices", r"@a_{\text{indices}}", &[("Σ @g over equal indices", r"\textstyle\sum_{\text{equal}} @g")]),
    ("gather", "@a at indices", r"@a_{\text{indices}}", &[("Σ @g over equal indices", r"\textstyle\sum_{\text{equal}} @g")]),
    ("tril", "lower triangle of @a", r"\operatorname{tril}(@a)", &[("lower triangle of @g", r"\operatorname{tril}(@g)")]),
    ("triu", "upper triangle of @a", r"\operatorname{triu}(@a)", &[("upper triangle of @g", r"\operatorname{triu}(@g)")]),
    ("masked_fill", "k where mask, else @a", r"k\,[m] + @a \odot [\lnot m]", &[("@g where not mask, else 0", r"@g \odot [\lnot m]")]),
    ("choose", "@a where c, else @b", r"@a \odot [c] + @b \odot [\lnot c]", &[
        ("@g where c, else 0", r"@g \odot [c]"), ("@g where not c, else 0", r"@g \odot [\lnot c]")]),
    ("concatenate", "@a, … one after the other", r"\operatorname{cat}(@a, \dots)", &[("the part of @g that came from @x", r"@g_{@x}")]),
    ("stack", "@a, … along a new axis", r"\operatorname{stack}(@a, \dots)", &[("the part of @g that came from @x", r"@g_{@x}")]),
];
