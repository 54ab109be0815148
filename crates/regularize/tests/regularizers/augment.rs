//! Augmentation.

use super::rng;
use gradus_autograd::Tape;
use gradus_nn_layers::{CrossEntropy, Reduction};
use gradus_regularize::augment::{
    Compose, Crop, CutMix, Elastic, Erase, Flip, Gain, Jitter, Mask, Maybe, Mixup, Normalize, Rotate, Scale, Shift,
    Transform, each, resample,
};
use gradus_regularize::smooth_labels;
use gradus_testing::{Tolerance, assert_close};
use ndarray::{Array1, Array2, Array3, Array4, ArrayView3, Axis, Ix3, array};
use proptest::prelude::*;

fn image(rows: usize, columns: usize) -> Array3<f64> {
    Array3::from_shape_fn((2, rows, columns), |(c, i, j)| 1.0 + (c * 100 + i * 10 + j) as f64)
}

type Named = (&'static str, Box<dyn Transform<f64, Ix3>>);

fn transforms() -> Vec<Named> {
    vec![
        ("shift", Box::new(Shift::new(2, 3))),
        ("flip", Box::new(Flip::horizontal(0.5))),
        ("flop", Box::new(Flip::vertical(0.5))),
        ("rotate", Box::new(Rotate::new(30.0))),
        ("scale", Box::new(Scale::new(0.7, 1.4))),
        ("elastic", Box::new(Elastic::new(8.0, 2.0))),
        ("crop", Box::new(Crop::new(4, 3).padding(2))),
        ("erase", Box::new(Erase::new(0.8))),
        ("jitter", Box::new(Jitter::new(0.1))),
        ("gain", Box::new(Gain::new(0.5, 2.0))),
        ("mask", Box::new(Mask::new(0.3))),
        ("maybe", Box::new(Maybe::new(Shift::new(1, 1), 0.5))),
        ("compose", Box::new(Compose::new().then(Rotate::new(20.0)).then(Shift::new(1, 1)).then(Jitter::new(0.01)))),
    ]
}

#[test]
fn the_same_generator_gives_the_same_image_and_another_another() {
    for (name, transform) in transforms() {
        let run = |seed| transform.apply(image(7, 6).view(), &mut rng(seed)).unwrap();
        assert_eq!(run(1), run(1), "{name}");
        assert!((2..40).any(|seed| run(seed) != run(1)), "{name}");
    }
}

#[test]
fn a_batch_has_the_same_bits_for_any_number_of_threads() {
    let transform =
        Compose::new().then(Elastic::new(8.0, 2.0)).then(Rotate::new(20.0)).then(Crop::new(12, 12).padding(2));
    let batch = Array4::from_shape_fn((24, 2, 14, 14), |(n, c, i, j)| ((n * 7 + c * 5 + i * 3 + j) % 11) as f64);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| each(&transform, batch.view(), |i| rng(100 + i as u64)).unwrap())
    };
    let one = run(1);
    assert_eq!(one, run(3));
    for (i, sample) in one.axis_iter(Axis(0)).enumerate() {
        assert_eq!(sample, transform.apply(batch.index_axis(Axis(0), i), &mut rng(100 + i as u64)).unwrap(), "{i}");
    }
    assert_eq!(each(&transform, Array4::<f64>::zeros((0, 2, 14, 14)).view(), |_| rng(1)).unwrap().len(), 0);
}

#[test]
fn neutral_settings_change_nothing_bit_for_bit() {
    let x = image(5, 4);
    let neutral: Vec<Box<dyn Transform<f64, Ix3>>> = vec![
        Box::new(Shift::new(0, 0)),
        Box::new(Flip::horizontal(0.0)),
        Box::new(Rotate::new(0.0)),
        Box::new(Scale::new(1.0, 1.0)),
        Box::new(Elastic::new(0.0, 2.0)),
        Box::new(Crop::new(5, 4)),
        Box::new(Erase::new(0.0)),
        Box::new(Jitter::new(0.0)),
        Box::new(Gain::new(1.0, 1.0)),
        Box::new(Mask::new(0.0)),
        Box::new(Compose::new()),
        Box::new(Normalize::new(&[0.0; 2], &[1.0; 2]).unwrap()),
    ];
    for transform in neutral {
        assert_eq!(transform.apply(x.view(), &mut rng(1)).unwrap(), x);
    }
}

#[test]
fn geometry_is_what_it_says() {
    let x = image(5, 5);
    let flipped = Flip::horizontal(1.0).apply(x.view(), &mut rng(1)).unwrap();
    assert!(x.indexed_iter().all(|((c, i, j), &x)| flipped[[c, i, 4 - j]] == x));
    let flopped = Flip::vertical(1.0).apply(x.view(), &mut rng(1)).unwrap();
    assert!(x.indexed_iter().all(|((c, i, j), &x)| flopped[[c, 4 - i, j]] == x));
    // Every shift up to the most occurs, and moves all pixels alike.
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let shifted = Shift::new(1, 2).apply(x.view(), &mut rng(seed)).unwrap();
        let at = |dy: i64, dx: i64| {
            x.indexed_iter().all(|((c, i, j), &x)| {
                let (i, j) = (i as i64 + dy, j as i64 + dx);
                !(0..5).contains(&i) || !(0..5).contains(&j) || shifted[[c, i as usize, j as usize]] == x
            })
        };
        let found: Vec<_> =
            (-1..=1).flat_map(|dy| (-2..=2).map(move |dx| (dy, dx))).filter(|&(dy, dx)| at(dy, dx)).collect();
        assert_eq!(found.len(), 1);
        seen.insert(found[0]);
    }
    assert_eq!(seen.len(), 15);
    // A quarter turn permutes pixels, up to the rounding of its cosine.
    let turned = resample(x.view(), [5, 5], 0.0, |y, x| [x, 4.0 - y]);
    assert!(x.indexed_iter().all(|((c, i, j), &x)| turned[[c, 4 - j, i]] == x));
    // Zooming in by 2 around the centre: the centre stays, the corner is halfway.
    let zoomed = Scale::new(2.0, 2.0).apply(x.view(), &mut rng(1)).unwrap();
    assert_eq!((zoomed[[0, 2, 2]], zoomed[[0, 0, 0]]), (x[[0, 2, 2]], x[[0, 1, 1]]));
    let even = Normalize::new(&[1.0, 101.0], &[2.0, 4.0]).unwrap().apply(x.view(), &mut rng(1)).unwrap();
    assert_eq!((even[[0, 0, 1]], even[[1, 1, 0]]), (0.5, 2.5));
}

#[test]
fn crops_come_from_everywhere_and_hold_the_image_in_order() {
    let x = image(4, 4);
    let mut corners = std::collections::BTreeSet::new();
    for seed in 0..300 {
        let part = Crop::new(3, 4).padding(1).apply(x.view(), &mut rng(seed)).unwrap();
        assert_eq!(part.dim(), (2, 3, 4));
        let fits = |top: usize, left: usize| {
            part.indexed_iter().all(|((c, i, j), &found)| {
                let inside = (1..5).contains(&(top + i)) && (1..5).contains(&(left + j));
                found == if inside { x[[c, top + i - 1, left + j - 1]] } else { 0.0 }
            })
        };
        let place = (0..4).flat_map(|top| (0..3).map(move |left| (top, left))).find(|&(top, left)| fits(top, left));
        corners.insert(place.unwrap());
    }
    assert_eq!(corners.len(), 12);
    assert!(Crop::new(5, 4).apply(x.view(), &mut rng(1)).is_err());
    assert_eq!(Crop::new(1, 1).padding(9).apply(Array3::<f64>::zeros((1, 0, 0)).view(), &mut rng(1)).unwrap().len(), 1);
}

#[test]
fn erasing_takes_one_rectangle() {
    let x = image(9, 8);
    let mut erased = 0;
    for seed in 0..200 {
        let y = Erase { value: -1.0, ..Erase::new(0.5) }.apply(x.view(), &mut rng(seed)).unwrap();
        let gone: Vec<_> =
            y.index_axis(Axis(0), 0).indexed_iter().filter(|(_, y)| **y == -1.0).map(|(at, _)| at).collect();
        let Some(&first) = gone.first() else { continue };
        erased += 1;
        let last = gone[gone.len() - 1];
        assert_eq!(gone.len(), (last.0 - first.0 + 1) * (last.1 - first.1 + 1));
        assert!(gone.len() as f64 <= 0.33 * 72.0 + 9.0);
        assert!(y.indexed_iter().all(|((c, i, j), &y)| if gone.contains(&(i, j)) {
            y == -1.0
        } else {
            y == x[[c, i, j]]
        }));
    }
    assert!((50..150).contains(&erased), "{erased}");
}

#[test]
fn elastic_bends_neighbours_alike_and_keeps_the_mass_in_the_middle() {
    let x = Array3::from_shape_fn((1, 28, 28), |(_, i, j)| (i + 2 * j) as f64); // a plane: bilinear sampling is exact
    let y = Elastic::new(34.0, 4.0).apply(x.view(), &mut rng(3)).unwrap();
    let off = |i: usize, j: usize| y[[0, i, j]] - x[[0, i, j]];
    let inside = || (8..20).flat_map(|i| (8..20).map(move |j| (i, j)));
    assert!(inside().any(|(i, j)| off(i, j).abs() > 0.3));
    assert!(inside().all(|(i, j)| (off(i, j) - off(i, j + 1)).abs() < 1.5 && off(i, j).abs() < 12.0));
    let weak = Elastic::new(3.4, 4.0).apply(x.view(), &mut rng(3)).unwrap();
    assert!(inside().all(|(i, j)| (10.0 * (weak[[0, i, j]] - x[[0, i, j]]) - off(i, j)).abs() < 1e-9));
}

#[test]
fn vectors_are_augmented_by_the_same_means() {
    let x = Array1::from_elem(4000, 2.0);
    let transform = Compose::new().then(Gain::new(3.0, 3.0)).then(Mask::new(0.25));
    let y: Array1<f64> = transform.apply(x.view(), &mut rng(1)).unwrap();
    let gone = y.iter().filter(|y| **y == 0.0).count() as f64;
    assert!(y.iter().all(|&y| y == 0.0 || y == 6.0) && (gone - 1000.0).abs() < 6.0 * 750_f64.sqrt());
    let often = (0..400)
        .filter(|&seed| Maybe::new(Gain::new(0.0, 0.0), 0.25).apply(x.view(), &mut rng(seed)).unwrap()[0] == 0.0)
        .count();
    assert!((often as f64 - 100.0).abs() < 6.0 * 75_f64.sqrt(), "{often}");
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(60))]

    /// A sample between pixels lies between them, whatever the place; and a plane is met exactly.
    #[test]
    fn bilinear_sampling_is_convex(y in -3.0..8.0_f64, x in -3.0..8.0_f64, seed: u64) {
        let picture = Array3::from_shape_fn((1, 5, 6), |(_, i, j)| ((i * 31 + j * 17 + seed as usize % 97) % 10) as f64);
        let found = resample(picture.view(), [1, 1], 4.5, |_, _| [y, x])[[0, 0, 0]];
        prop_assert!((0.0..=9.0).contains(&found));
        if (0.0..=4.0).contains(&y) && (0.0..=5.0).contains(&x) {
            let plane = Array3::from_shape_fn((1, 5, 6), |(_, i, j)| 2.0 * i as f64 - 3.0 * j as f64);
            let found = resample(plane.view(), [1, 1], 0.0, |_, _| [y, x])[[0, 0, 0]];
            prop_assert!((found - (2.0 * y - 3.0 * x)).abs() < 1e-12);
        }
    }

    /// Mixup is one convex combination: the same for samples, targets, and the loss, which is linear in the target.
    #[test]
    fn mixup_is_convex(seed: u64, alpha in 0.05..4.0_f64, n in 1_usize..7) {
        let x = Array2::from_shape_fn((n, 3), |(i, j)| (i * 3 + j) as f64);
        let labels = Array1::from_shape_fn(n, |i| i % 4);
        let targets = smooth_labels::<f64>(&labels, 4, 0.0).unwrap();
        let (mixed, soft) = Mixup::new(alpha).apply(x.view(), targets.view(), &mut rng(seed)).unwrap();
        for i in 0..n {
            prop_assert!((soft.row(i).sum() - 1.0).abs() < 1e-12 && soft.row(i).iter().all(|t| (0.0..=1.0).contains(t)));
            // Where the partner stands, and its share, from the sample; then the target must have the same.
            let shift = mixed[[i, 0]] - x[[i, 0]];
            prop_assert!((0..3).all(|j| (mixed[[i, j]] - x[[i, j]] - shift).abs() < 1e-9));
            prop_assert!((-1e-9..=3.0 * (n - 1) as f64 + 1e-9).contains(&mixed[[i, 0]]));
        }
        // A permutation: nothing is lost on the whole.
        prop_assert!((mixed.sum() - x.sum()).abs() < 1e-9);
        assert_close(&soft.sum_axis(Axis(0)), &targets.sum_axis(Axis(0)), Tolerance::F64, "targets");
        let tape = Tape::inference();
        let logits = tape.input(Array2::from_shape_fn((n, 4), |(i, k)| ((i * 5 + k * 3) % 7) as f64));
        let each = CrossEntropy::new().reduction(Reduction::None).loss_soft(&logits, &soft).unwrap();
        let by_class: Vec<_> = (0..4).map(|k| CrossEntropy::new().reduction(Reduction::None).loss(&logits, &Array1::from_elem(n, k)).unwrap()).collect();
        for i in 0..n {
            let sum: f64 = (0..4).map(|k| soft[[i, k]] * by_class[k].value()[[i]]).sum();
            prop_assert!((each.value()[[i]] - sum).abs() < 1e-10 * (1.0 + sum));
        }
    }

    /// CutMix: each pixel is one of two images', and the target's share is the share of pixels.
    #[test]
    fn cutmix_mixes_by_area(seed: u64, alpha in 0.1..4.0_f64, n in 1_usize..5) {
        let x = Array4::from_shape_fn((n, 2, 6, 5), |(i, _, _, _)| i as f64);
        let targets = Array2::<f64>::eye(n);
        let (mixed, soft) = CutMix::new(alpha).apply(x.view(), targets.view(), &mut rng(seed)).unwrap();
        for (i, (image, target)) in mixed.axis_iter(Axis(0)).zip(soft.rows()).enumerate() {
            for k in 0..n {
                let share = image.iter().filter(|&&pixel| pixel == k as f64).count() as f64 / 60.0;
                prop_assert!((share - target[k]).abs() < 1e-12, "{i} {k}: {share} {target}");
            }
        }
    }
}

#[test]
fn mixup_draws_its_share_of_the_beta_distribution() {
    // x is 0 or 1 in turn: of two that differ, the mixture shows λ or 1 − λ.
    let (x, targets) = (array![[0.0], [1.0]], Array2::<f64>::eye(2));
    let (alpha, mut shares) = (0.4, Vec::new());
    for seed in 0..3000 {
        let (mixed, _) = Mixup::new(alpha).apply(x.view(), targets.view(), &mut rng(seed)).unwrap();
        shares.push(mixed[[1, 0]]);
    }
    // Half of the permutations are the identity, which leaves 1; of the others λ has mean 1/2, variance 1 / (4 (2 α + 1)).
    let mean = shares.iter().sum::<f64>() / 3000.0;
    assert!((mean - 0.75).abs() < 6.0 * (0.2_f64 / 3000.0).sqrt(), "{mean}");
    let between: Vec<f64> = shares.into_iter().filter(|share| *share != 1.0).collect();
    let n = between.len() as f64;
    let variance = between.iter().map(|share| (share - 0.5).powi(2)).sum::<f64>() / n;
    assert!((variance - 1.0 / (4.0 * (2.0 * alpha + 1.0))).abs() < 6.0 * (0.01 / n).sqrt(), "{variance}");
}

/// A transform of one's own composes with the others.
#[test]
fn ones_own_transform_composes() {
    struct Invert;
    impl Transform<f64, Ix3> for Invert {
        fn apply(&self, x: ArrayView3<'_, f64>, _: &mut dyn rand::Rng) -> gradus_regularize::Result<Array3<f64>> {
            Ok(x.mapv(|x| -x))
        }
    }
    let twice = Compose::new().then(Invert).then(Invert);
    assert_eq!(twice.apply(image(2, 2).view(), &mut rng(1)).unwrap(), image(2, 2));
}
