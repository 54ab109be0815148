//! The perceptron keeps its theorem: the bound where a line separates, the cycle where none does.

use gradus_nn_layers::ndarray::{Array1, Array2, array};
use gradus_nn_layers::{Convergence, Error, Layer, Linear, Module, Perceptron, PerceptronFit, Real, Tape, init};
use gradus_testing::refuses;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn square<F: Real>() -> Array2<F> {
    array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].mapv(F::from_f64)
}

fn predicted<F: Real>(model: &Perceptron<F>, x: &Array2<F>) -> Vec<usize> {
    let y = model.forward(&Tape::inference().input(x.clone())).unwrap();
    assert_eq!(y.shape(), [x.nrows(), 1]);
    y.value().iter().map(|&y| usize::from(y > F::zero())).collect()
}

fn learned<F: Real>(labels: &Array1<usize>) -> (Perceptron<F>, PerceptronFit) {
    let mut model = Perceptron::new(2);
    let fit = model.fit(&square(), labels, 1000).unwrap();
    (model, fit)
}

fn every_function_of_two_bits<F: Real>() {
    for code in 0..16_usize {
        let labels = Array1::from_shape_fn(4, |i| code >> i & 1);
        let (model, fit) = learned::<F>(&labels);
        // Exclusive or and its negation are the only two that no line separates.
        match (&fit.convergence, matches!(code, 0b0110 | 0b1001)) {
            (Convergence::Separated { margin, bound }, false) => {
                assert_eq!(predicted(&model, &square()), labels.to_vec());
                assert!(fit.mistakes() as f64 <= *bound, "{code:04b}: {fit}");
                assert_eq!(model.margin(&square(), &labels).unwrap(), Some((*margin, *bound)));
                assert_eq!(fit.mistakes_by_pass.last(), Some(&0));
            }
            (Convergence::Cycles { period, multiplicities, residual }, true) => {
                // The certificate by hand: the samples, signed and so many times, cancel.
                let signed = |i: usize| multiplicities[i] as f64 * (2.0 * labels[i] as f64 - 1.0);
                let sum = |of: &dyn Fn(usize) -> f64| (0..4).map(|i| signed(i) * of(i)).sum::<f64>();
                let x = square::<f64>();
                assert_eq!([sum(&|i| x[(i, 0)]), sum(&|i| x[(i, 1)]), sum(&|_| 1.0)], [0.0; 3]);
                assert!(multiplicities.iter().any(|&m| m > 0) && *residual == 0.0);
                // A round of `period` passes is what has just been, and no shorter one.
                let tail = &fit.mistakes_by_pass[fit.mistakes_by_pass.len() - period..];
                assert_eq!(tail.iter().sum::<usize>(), multiplicities.iter().sum::<usize>());
                assert_eq!(model.margin(&x.mapv(F::from_f64), &labels).unwrap(), None);
                assert!(fit.mistakes_by_pass.len() < 20, "{fit}");
            }
            (other, _) => panic!("{code:04b}: {other:?}"),
        }
    }
}

#[test]
fn all_but_two_functions_of_two_bits_are_learned() {
    every_function_of_two_bits::<f32>();
    every_function_of_two_bits::<f64>();
}

/// The updates by hand: of samples in order, with weights `(w₁, w₂, b)` from 0.
#[test]
fn the_rule_is_rosenblatts() {
    let x = array![[2.0, 1.0], [1.0, -1.0], [0.0, 1.0]];
    let labels = array![1, 0, 0];
    let mut model: Perceptron<f64> = Perceptron::new(2);
    // 0 is a mistake: + (2, 1, 1). Then 2 at the second: − (1, −1, 1), which is (1, 2, 0). Then 2 at the third: − (0, 1, 1).
    let fit = model.fit(&x, &labels, 1).unwrap();
    assert_eq!(fit.convergence, Convergence::Undecided);
    assert_eq!(fit.mistakes_by_pass, [3]);
    assert_eq!(model.unit.weight.value(), &array![[1.0, 1.0]].into_dyn());
    assert_eq!(model.unit.bias.as_ref().unwrap().value(), &array![-1.0].into_dyn());
    // Beginning anew, not from where it was: the same again.
    assert_eq!(model.fit(&x, &labels, 1).unwrap(), fit);
    assert_eq!(model.fit(&x, &labels, 0).unwrap().mistakes(), 0);
    let names: Vec<_> = model.parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["unit.weight", "unit.bias"]);
}

#[test]
fn what_it_did_is_told() {
    let told = |labels| learned::<f32>(&labels).1.to_string();
    assert_told(
        &told(array![0, 0, 0, 1]),
        "separated after 9 passes and 18 mistakes; with a margin of 0.186 at most 87.0 are possible",
    );
    assert_told(
        &told(array![0, 1, 1, 0]),
        "after 1 pass and 4 mistakes the weights are those of 1 pass before, and so for ever; the updates of a round cancel, so no line separates the classes",
    );
    let mut model: Perceptron = Perceptron::new(2);
    let fit = model.fit(&square(), &array![0, 0, 0, 1], 2).unwrap();
    assert_told(&fit.to_string(), &format!("undecided after 2 passes and {} mistakes", fit.mistakes()));
}

fn assert_told(found: &str, expected: &str) {
    assert_eq!(found, expected);
}

/// One sample, no inputs, no room for an update: the ends of what there is.
#[test]
fn at_the_ends() {
    let fit = Perceptron::<f64>::new(1).fit(&array![[3.0]], &array![0], 10).unwrap();
    assert_eq!(fit.mistakes_by_pass, [1, 0]);
    assert!(matches!(fit.convergence, Convergence::Separated { bound: 1.0, .. }), "{fit}");

    // Without inputs there is the threshold alone.
    let fit = Perceptron::<f64>::new(0).fit(&Array2::zeros((2, 0)), &array![1, 1], 10).unwrap();
    assert!(matches!(fit.convergence, Convergence::Separated { .. }));
    let fit = Perceptron::<f64>::new(0).fit(&Array2::zeros((2, 0)), &array![1, 0], 10).unwrap();
    assert!(matches!(fit.convergence, Convergence::Cycles { residual: 0.0, .. }));

    // The line x₂ = x₁/2 separates these, but beside the first sample's update those of the others are lost: the weights stand
    // still, which is no proof.
    let far = array![[1e20, 1e20], [1.0, 0.0], [-1.0, 0.0]];
    let fit = Perceptron::<f64>::new(2).fit(&far, &array![1, 0, 1], 50).unwrap();
    match fit.convergence {
        Convergence::Cycles { period: 1, residual, .. } => {
            assert!(residual == 2.0 && fit.to_string().contains("lost to rounding"), "{fit}");
        }
        other => panic!("{other:?}"),
    }
    // Sums beyond the largest number.
    let fit = Perceptron::<f64>::new(1).fit(&array![[1e308], [1e308]], &array![1, 0], 50).unwrap();
    assert!(!matches!(fit.convergence, Convergence::Separated { .. }), "{fit}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let fit = |x: Array2<f64>, labels: Array1<usize>| Perceptron::<f64>::new(2).fit(&x, &labels, 10);
    refuses!(
        fit(Array2::zeros((4, 3)), array![0, 0, 0, 1]),
        Error::Features { .. },
        @"perceptron: input [4, 3]: its last axis is 3 long; this layer takes 2 features on the last axis, (…, 2); Perceptron::new(3) would take it"
    );
    refuses!(
        fit(square(), array![0, 1]),
        Error::LabelShape { .. },
        @"perceptron: logits [4, 1], labels [2]: labels of shape [4] would fit"
    );
    refuses!(
        fit(square(), array![0, 1, 2, 1]),
        Error::LabelOutOfRange { .. },
        @"perceptron: label 2 at [2]: there are 2 classes, so labels lie below 2"
    );
    refuses!(
        fit(Array2::zeros((0, 2)), Array1::zeros(0)),
        Error::EmptyBatch { .. },
        @"perceptron: input of shape [0, 2]: it holds nothing to compute a loss of; give at least one sample"
    );
    refuses!(
        fit(array![[0.0, f64::NAN]], array![1]),
        Error::TargetValue { .. },
        @"perceptron: input NaN at [0, 1]: a finite number would fit"
    );
    refuses!(
        Perceptron::<f64>::new(2).forward(&Tape::inference().input(Array2::zeros((1, 3)))),
        Error::InLayer { .. },
        @"layer `unit`: linear: input [1, 3]: its last axis is 3 long; this layer takes 2 features on the last axis, (…, 2); Linear::new(3, …) would take it"
    );
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(200))]

    /// Novikoff's theorem with the separator that made the labels, and with the one that was found.
    #[test]
    fn mistakes_keep_to_the_bound(n in 1..40_usize, inputs in 1..5_usize, seed in any::<u64>()) {
        let rng = &mut StdRng::seed_from_u64(seed);
        let teacher: Linear<f64> = Linear::new(inputs, 1, rng);
        let x: Array2<f64> = init::normal((n, inputs), 0.0, 1.0, rng);
        let y = teacher.forward(&Tape::inference().input(x.clone())).unwrap();
        let labels: Array1<usize> = y.value().iter().map(|&y| usize::from(y > 0.0)).collect();
        let Some((teachers, bound)) = (Perceptron { unit: teacher }).margin(&x, &labels).unwrap() else {
            return Err(TestCaseError::reject("a sample on the line"));
        };
        prop_assume!(bound < 1e5);

        let mut model = Perceptron::new(inputs);
        let fit = model.fit(&x, &labels, 200_000).unwrap();
        let Convergence::Separated { margin, bound: own } = fit.convergence else { panic!("{fit}") };
        prop_assert!(fit.mistakes() as f64 <= bound, "{} > {bound}, margin {teachers}", fit.mistakes());
        prop_assert!(fit.mistakes() as f64 <= own, "{} > {own}, margin {margin}", fit.mistakes());
        prop_assert_eq!(predicted(&model, &x), labels.to_vec());
    }

    /// Of whole numbers one of the two always comes out, and each is what it says.
    #[test]
    fn whole_numbers_are_always_decided(
        cells in proptest::collection::vec((-3..4_i32, -3..4_i32, 0..2_usize), 1..9),
    ) {
        let x = Array2::from_shape_fn((cells.len(), 2), |(i, j)| f64::from(if j == 0 { cells[i].0 } else { cells[i].1 }));
        let labels: Array1<usize> = cells.iter().map(|cell| cell.2).collect();
        let fit = Perceptron::new(2).fit(&x, &labels, 1_000_000).unwrap();
        match &fit.convergence {
            Convergence::Separated { bound, .. } => prop_assert!(fit.mistakes() as f64 <= *bound),
            Convergence::Cycles { multiplicities, residual, .. } => {
                prop_assert_eq!(*residual, 0.0);
                prop_assert!(multiplicities.iter().sum::<usize>() > 0);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
