//! Losses that have no golden cases.

use super::normal;
use gradus_autograd::gradcheck;
use gradus_nn_layers::ndarray::{ArrayD, Axis, array};
use gradus_nn_layers::{
    Bce, BinaryFocal, CosineEmbedding, CrossEntropy, Dice, Focal, GaussianNll, Losses, MarginRanking, MultiMargin,
    PoissonNll, Reduction, Result, Tape, TripletMargin, Var,
};
use gradus_testing::{Tolerance, assert_close, strategies};
use proptest::prelude::*;

/// Asserts that a loss of these inputs, and the gradients of its sum, are these.
fn agrees(
    name: &str,
    inputs: &[ArrayD<f64>],
    loss: impl Fn(&[Var<f64>]) -> Result<Var<f64>>,
    expected: &[f64],
    gradients: &[&[f64]],
) {
    let tape = Tape::recording();
    let variables: Vec<Var<f64>> = inputs.iter().map(|x| tape.variable(x.clone())).collect();
    let y = loss(&variables).unwrap();
    let flat = |numbers: &[f64]| ArrayD::from_shape_vec(vec![numbers.len()], numbers.to_vec()).unwrap();
    assert_close(&y.value().flatten().into_dyn(), &flat(expected), Tolerance::F64, name);
    let computed = y.sum().backward().unwrap();
    for (i, (x, expected)) in variables.iter().zip(gradients).enumerate() {
        let dx = computed.get(x).unwrap().flatten().into_dyn();
        assert_close(&dx, &flat(expected), Tolerance::F64, &format!("{name}, gradient of input {i}"));
    }
}

/// PyTorch's numbers, in double precision; the call stands above each.
#[test]
#[rustfmt::skip]
fn losses_are_pytorchs() {
    // nn.TripletMarginLoss(reduction="none", **{})(a, p, n)
    agrees("triplet", &[array![[0.5, -1.0], [2.0, 0.3]].into_dyn(), array![[0.2, 0.4], [1.5, -0.7]].into_dyn(), array![[1.0, 0.1], [1.1, 0.2]].into_dyn()], |v| TripletMargin::new().reduction(Reduction::None).loss(&v[0], &v[1], &v[2]), &[1.2234780648646646, 1.2124957122613373], &[&[0.623332469769304, -0.06743559280243161, -0.5466696736648338, 0.7839945163983412], &[-0.20952989959177498, 0.9778022403211503, -0.4472139532703692, -0.8944270121146206], &[-0.413802570177529, -0.9103666475187187, 0.993883626935203, 0.11043249571627946]]);
    // nn.TripletMarginLoss(reduction="none", **{'p': 1.0, 'margin': 2.0})(a, p, n)
    agrees("triplet", &[array![[0.5, -1.0], [2.0, 0.3]].into_dyn(), array![[0.2, 0.4], [1.5, -0.7]].into_dyn(), array![[1.0, 0.1], [1.1, 0.2]].into_dyn()], |v| TripletMargin::new().power(1.0).margin(2.0).reduction(Reduction::None).loss(&v[0], &v[1], &v[2]), &[2.100002, 2.5], &[&[2.0, 0.0, 0.0, 0.0], &[-1.0, 1.0, -1.0, -1.0], &[-1.0, -1.0, 1.0, 1.0]]);
    // nn.TripletMarginLoss(reduction="none", **{'swap': True})(a, p, n)
    agrees("triplet", &[array![[0.5, -1.0], [2.0, 0.3]].into_dyn(), array![[0.2, 0.4], [1.5, -0.7]].into_dyn(), array![[1.0, 0.1], [1.1, 0.2]].into_dyn()], |v| TripletMargin::new().swap().reduction(Reduction::None).loss(&v[0], &v[1], &v[2]), &[1.577381548727815, 1.2124957122613373], &[&[0.20952989959177498, -0.9778022403211503, -0.5466696736648338, 0.7839945163983412], &[0.7267987488857266, 0.626677387825211, -0.4472139532703692, -0.8944270121146206], &[-0.9363286484775016, 0.35112485249593933, 0.993883626935203, 0.11043249571627946]]);
    // nn.MarginRankingLoss(margin=0.4)(x1, x2, t)
    agrees("margin_ranking", &[array![0.5, -1.0, 2.0].into_dyn(), array![0.2, 0.4, 2.5].into_dyn()], |v| MarginRanking::new().margin(0.4).loss(&v[0], &v[1], &v[0].tape().input(array![1.0, -1.0, 1.0])), &[0.3333333333333333], &[&[-0.3333333333333333, 0.0, -0.3333333333333333], &[0.3333333333333333, 0.0, 0.3333333333333333]]);
    // nn.CosineEmbeddingLoss(margin=0.85, reduction="sum")(x1, x2, t)
    agrees("cosine_embedding", &[array![[0.5, -1.0], [2.0, 0.3], [1.0, 2.0]].into_dyn(), array![[0.2, 0.4], [1.5, -0.7], [2.0, 1.0]].into_dyn()], |v| CosineEmbedding::new().margin(0.85).reduction(Reduction::Sum).loss(&v[0], &v[1], &v[0].tape().input(array![1.0, -1.0, -1.0])), &[1.5999999999982601], &[&[-0.639999999997952, -0.31999999999945583, 0.0, 0.0, 0.0, 0.0], &[-1.59999999999236, 0.8000000000036798, 0.0, 0.0, 0.0, 0.0]]);
    // nn.CosineEmbeddingLoss(margin=0.0, reduction="sum")(x1, x2, t)
    agrees("cosine_embedding", &[array![[0.5, -1.0], [2.0, 0.3], [1.0, 2.0]].into_dyn(), array![[0.2, 0.4], [1.5, -0.7], [2.0, 1.0]].into_dyn()], |v| CosineEmbedding::new().margin(0.0).reduction(Reduction::Sum).loss(&v[0], &v[1], &v[0].tape().input(array![1.0, -1.0, -1.0])), &[3.2334264280306697], &[&[-0.639999999997952, -0.31999999999945583, 0.04053523915829438, -0.2702349277212833, 0.23999999999998398, -0.11999999999991201], &[-1.59999999999236, 0.8000000000036798, 0.14118295585164042, 0.3025349053959378, -0.11999999999991201, 0.23999999999998398]]);
    // nn.GaussianNLLLoss(full=True, eps=1e-2, reduction="none")(x, t, v)
    agrees("gaussian_nll", &[array![[0.5, -1.0], [2.0, 0.3]].into_dyn(), array![[0.2, 0.4], [1.5, -0.7]].into_dyn(), array![[0.7], [0.0]].into_dyn()], |v| GaussianNll::new().full().eps(1e-2).reduction(Reduction::None).loss(&v[0], &v[1], &v[2]), &[0.8048867755210207, 2.1406010612353064, 11.116353440210627, 48.61635344021063], &[&[0.42857142857142855, -2.0, 50.0, 100.0], &[-0.42857142857142855, 2.0, -50.0, -100.0], &[-0.6632653061224489, -6150.0]]);
    // nn.GaussianNLLLoss()(x, t, v)
    agrees("gaussian_nll of rows", &[array![[0.5, -1.0], [2.0, 0.3]].into_dyn(), array![[0.2, 0.4], [1.5, -0.7]].into_dyn(), array![0.7, 2.0].into_dyn()], |v| GaussianNll::new().loss(&v[0], &v[1], &v[2]), &[0.5283144877267318], &[&[0.10714285714285714, -0.5, 0.0625, 0.125], &[-0.10714285714285714, 0.5, -0.0625, -0.125], &[-0.16581632653061223, 0.0859375]]);
    // nn.PoissonNLLLoss()(x, t)
    agrees("poisson_nll", &[array![0.5, -1.0, 2.0].into_dyn(), array![0.0, 1.0, 4.0].into_dyn()], |v| PoissonNll::new().loss(&v[0], &v[1]), &[0.8018856036007403], &[&[0.5495737569000427, -0.21070685294285255, 1.1296853663102169], &[-0.16666666666666666, 0.3333333333333333, -0.6666666666666666]]);
    // nn.PoissonNLLLoss(log_input=False, full=True, reduction="none")(x, t)
    agrees("poisson_nll full", &[array![0.5, 1.0, 2.0].into_dyn(), array![0.5, 1.0, 4.0].into_dyn()], |v| PoissonNll::new().plain_input().full().reduction(Reduction::None).loss(&v[0], &v[1]), &[0.8465735802799728, 0.9999999900000001, 2.3846744160043993], &[&[1.9999999656405976e-08, 9.999999828202988e-09, -0.9999999900000001], &[0.6931471605599454, -9.999999889225291e-09, 0.8181471755599453]]);
    // nn.MultiMarginLoss(p=2, margin=1.3, weight=torch.tensor([0.5, 2.0, 1.0]))(x, l)
    agrees("multi_margin", &[array![[0.5, -1.0, 0.2], [2.0, 0.3, 1.1]].into_dyn()], |v| MultiMargin::new(1.3).squared().weight([0.5, 2.0, 1.0]).loss(&v[0], &array![1, 0]), &[4.71], &[&[1.8666666666666665, -3.533333333333333, 1.6666666666666665, -0.06666666666666668, 0.0, 0.06666666666666668]]);
    // nn.BCELoss(weight=torch.tensor([0.5, 2.0]))(x, t)
    agrees("bce", &[array![0.3, 0.9].into_dyn()], |v| Bce::new().weight(array![0.5, 2.0]).loss(&v[0], &v[0].tape().input(array![1.0, 0.0])), &[2.60357829407553], &[&[-0.8333333333333333, 10.000000000000002]]);
    // p = x.sigmoid(); q = 1 - p t - (1 - p)(1 - t); (0.25 t + 0.75 (1 - t)) F.binary_cross_entropy_with_logits(x, t, reduction="none") q ** 2
    agrees("binary_focal", &[array![0.5, -1.0, 2.0].into_dyn()], |v| BinaryFocal::new().reduction(Reduction::None).loss(&v[0], &v[0].tape().input(array![1.0, 0.0, 0.3])), &[0.016893372629375906, 0.016993543131350493, 0.38984291382742076], &[&[-0.0344842493377286, 0.03943584748317046, 0.1984819594303794]]);
    // lp = F.log_softmax(x, 1)[range(2), l]; (-w[l] (1 - lp.exp()) ** 1.5 lp).mean()
    agrees("focal", &[array![[0.5, -1.0, 0.2], [2.0, 0.3, 1.1]].into_dyn()], |v| Focal::new().gamma(1.5).weight([0.5, 2.0, 1.0]).loss(&v[0], &array![1, 0]), &[1.8411854899428188], &[&[0.6026032349910355, -1.0490226913141414, 0.4464194563231061, -0.04560639838505655, 0.014139147323227972, 0.03146725106182857]]);
    // 1 - (2 (x t).sum(1) + 1) / (x.sum(1) + t.sum(1) + 1)
    agrees("dice", &[array![[0.5, 0.1, 0.2], [0.9, 0.3, 0.7]].into_dyn()], |v| Dice::new().reduction(Reduction::None).loss(&v[0], &v[0].tape().input(array![[1.0, 0.0, 0.0], [1.0, 0.0, 1.0]])), &[0.2857142857142857, 0.1428571428571429], &[&[-0.45918367346938777, 0.25510204081632654, 0.25510204081632654, -0.23323615160349853, 0.17492711370262387, -0.23323615160349853]]);
}

fn reduction() -> impl Strategy<Value = Reduction> {
    prop_oneof![Just(Reduction::None), Just(Reduction::Mean), Just(Reduction::Sum)]
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(100))]

    /// The margins are chosen so that no pair lies on a kink.
    #[test]
    fn gradients_of_rankings_are_right(
        n in 1..4_usize, d in 2..5_usize, reduction in reduction(), seed in any::<u64>(), swap in any::<bool>(),
        power in prop_oneof![Just(1.0), Just(2.0), Just(3.0)],
    ) {
        let unit = |i: u64| normal(&[n, d], seed ^ i).mapv(f64::tanh);
        let triplet = TripletMargin::new().margin(20.0).power(power).reduction(reduction);
        let triplet = if swap { triplet.swap() } else { triplet };
        let (anchor, positive, negative) = (unit(0), unit(1) + 3.0, unit(2) - 5.0);
        let checked = gradcheck(|v| triplet.loss(&v[0], &v[1], &v[2]), &[anchor, positive, negative]);
        prop_assert!(checked.is_ok(), "{checked:?}");

        let ranking = MarginRanking::new().margin(20.0).reduction(reduction);
        let checked = gradcheck(|v| ranking.loss(&v[0], &v[1], &v[2]), &[unit(0), unit(1), unit(2)]);
        prop_assert!(checked.is_ok(), "{checked:?}");

        let cosine = CosineEmbedding::new().margin(-1.0).reduction(reduction);
        let signs = ArrayD::from_shape_fn(vec![n], |i| if i[0] % 2 == 0 { 1.0 } else { -1.0 });
        let loss = |v: &[Var<f64>]| cosine.loss(&v[0], &v[1], &v[0].tape().input(signs.clone()));
        let checked = gradcheck(loss, &[unit(0) + 1.5, unit(1) - 1.5]);
        prop_assert!(checked.is_ok(), "{checked:?}");
    }

    #[test]
    fn gradients_of_likelihoods_and_overlaps_are_right(
        shape in strategies::nonempty_shape(), reduction in reduction(), seed in any::<u64>(), options in any::<[bool; 2]>(),
    ) {
        let unit = |i: u64| normal(&shape, seed ^ i).mapv(f64::tanh);
        let (gaussian, poisson) = (GaussianNll::new().reduction(reduction), PoissonNll::new().reduction(reduction));
        let gaussian = if options[0] { gaussian.full() } else { gaussian };
        let poisson = if options[0] { poisson.full() } else { poisson };
        let poisson = if options[1] { poisson.plain_input() } else { poisson };
        let variance = unit(2) + 1.5;
        let checked = gradcheck(|v| gaussian.loss(&v[0], &v[1], &v[2]), &[unit(0), unit(1), variance.clone()]);
        prop_assert!(checked.is_ok(), "{checked:?}");
        if !shape.is_empty() {
            let row = variance.index_axis(Axis(shape.len() - 1), 0).to_owned();
            let checked = gradcheck(|v| gaussian.loss(&v[0], &v[1], &v[2]), &[unit(0), unit(1), row]);
            prop_assert!(checked.is_ok(), "{checked:?}");
        }
        // Counts on both sides of 1, where Stirling's formula begins.
        let counts = unit(1).mapv(|x| if x > 0.0 { x + 1.5 } else { x.abs() * 0.9 });
        let checked = gradcheck(|v| poisson.loss(&v[0], &v[1]), &[unit(0) + 1.5, counts]);
        prop_assert!(checked.is_ok(), "{checked:?}");
        let probabilities = |i| unit(i) * 0.4 + 0.5;
        if !shape.is_empty() {
            let dice = Dice::new().reduction(reduction).smooth(0.5);
            let dice = if options[0] { dice.squared() } else { dice };
            let checked = gradcheck(|v| dice.loss(&v[0], &v[1]), &[probabilities(0), probabilities(1)]);
            prop_assert!(checked.is_ok(), "{checked:?}");
        }
        for gamma in [0.0, 0.5, 1.0, 2.0] {
            let focal = BinaryFocal::new().gamma(gamma).alpha(options[0].then_some(0.3)).reduction(reduction);
            let checked = gradcheck(|v| focal.loss(&v[0], &v[1]), &[unit(0) * 3.0, probabilities(1)]);
            prop_assert!(checked.is_ok(), "γ = {gamma}: {checked:?}");
        }
    }

    #[test]
    fn gradients_of_a_focal_loss_are_right_and_with_gamma_0_it_is_cross_entropy(
        (x, labels) in (1..4_usize, 1..5_usize).prop_flat_map(|(n, k)| {
            (strategies::strided(&[n, k, 2], -3.0..3.0), proptest::collection::vec(0..k, 2 * n))
        }),
        reduction in reduction(), gamma in prop_oneof![Just(0.0), Just(0.5), Just(1.0), Just(3.0)],
    ) {
        let labels = ArrayD::from_shape_vec(vec![x.shape()[0], 2], labels).unwrap();
        let weights: Vec<f64> = (0..x.shape()[1]).map(|k| 0.5 + k as f64).collect();
        let focal = Focal::new().gamma(gamma).weight(weights).reduction(reduction);
        let checked = gradcheck(|v| focal.loss(&v[0], &labels), std::slice::from_ref(&x));
        prop_assert!(checked.is_ok(), "{checked:?}");
        let x = Tape::<f64>::inference().input(x);
        let focal = Focal::new().gamma(0.0).reduction(reduction).loss(&x, &labels).unwrap();
        let cross_entropy = CrossEntropy::new().reduction(reduction).loss(&x, &labels).unwrap();
        assert_close(&**focal.value(), &**cross_entropy.value(), Tolerance::F64, "loss");
    }
}

#[test]
fn focal_losses_are_finite_at_extreme_logits() {
    for gamma in [0.0, 0.5, 2.0] {
        let tape = Tape::<f32>::recording();
        let x = tape.variable(array![[1e4_f32, -1e4], [-1e4, 1e4]]);
        let loss = Focal::new().gamma(gamma).reduction(Reduction::None).loss(&x, &array![0, 0]).unwrap();
        assert_eq!(loss.value(), &array![0.0, 2e4]);
        let gradients = loss.sum().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap(), &array![[0.0, 0.0], [-1.0, 1.0]]);

        let tape = Tape::<f32>::recording();
        let (x, t) = (tape.variable(array![1e4_f32, -1e4]), tape.input(array![1.0, 1.0]));
        let loss = BinaryFocal::new().gamma(gamma).alpha(None).reduction(Reduction::None).loss(&x, &t).unwrap();
        assert_eq!(loss.value(), &array![0.0, 1e4]);
        let gradients = loss.sum().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap(), &array![0.0, -1.0]);
    }
}

#[test]
fn an_ignored_label_has_no_focal_loss() {
    let tape = Tape::<f64>::recording();
    let x = tape.variable(array![[0.0, 0.0], [0.0, 0.0]]);
    let loss = Focal::new().ignore_index(7).loss(&x, &array![1, 7]).unwrap();
    assert_eq!(loss.item(), Some(0.25 * 2_f64.ln()));
    assert_eq!(loss.backward().unwrap().get(&x).unwrap().index_axis(Axis(0), 1), array![0.0, 0.0].into_dyn());
    assert!(x.cross_entropy(&array![1, 7]).is_err());
}
