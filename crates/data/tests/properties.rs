//! Laws: what is written is read back, batches and splits lose and double nothing.

#![allow(clippy::unwrap_used)] // the helpers are tests, too

use crate::files::{idx_file, idx_of_each_type};
use gradus_data::{Encoding, IdxArray, Labelled};
use gradus_linalg::ndarray::{Array1, ArrayD};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Samples that carry their own number, so that each can be told from every other.
fn numbered(n: usize) -> Labelled<f64> {
    let inputs = ArrayD::from_shape_fn(vec![n, 3], |i| (3 * i[0] + i[1]) as f64);
    Labelled::new(inputs, Array1::from_iter(0..n), n).unwrap()
}

/// Checks that each label stands beside its own input, and gives the labels.
fn checked_labels(inputs: &ArrayD<f64>, labels: &Array1<usize>) -> Vec<usize> {
    assert_eq!(inputs.shape(), [labels.len(), 3]);
    for (input, &label) in inputs.outer_iter().zip(labels) {
        assert!(input.iter().enumerate().all(|(i, &x)| x == (3 * label + i) as f64));
    }
    labels.to_vec()
}

proptest! {
    #[test]
    fn idx_reads_what_it_wrote(shape in prop::collection::vec(0_usize..6, 0..5), seed: u64) {
        for array in idx_of_each_type(&shape, &mut StdRng::seed_from_u64(seed)) {
            for encoding in [Encoding::Plain, Encoding::Gzip] {
                let bytes = idx_file(&array, encoding);
                prop_assert_eq!(&IdxArray::read_from(bytes.as_slice(), "memory").unwrap(), &array);
                prop_assert_eq!(bytes, idx_file(&array, encoding));
            }
        }
    }

    #[test]
    fn batches_cover_every_sample_once(n in 0_usize..50, size in 0_usize..60, seed: u64) {
        let data = numbered(n);
        let all: Vec<usize> = (0..n).collect();
        let mut rng = StdRng::seed_from_u64(seed);
        for (batches, in_order) in [(data.batches(size), true), (data.batches(size).shuffled(&mut rng), false)] {
            prop_assert_eq!(batches.len(), n.div_ceil(size.max(1)));
            let whole = batches.clone().drop_last();
            prop_assert_eq!(whole.len(), n / size.max(1));
            prop_assert!(whole.clone().all(|(_, labels)| labels.len() == size.max(1)));
            prop_assert_eq!(whole.len(), whole.count());

            let mut seen: Vec<usize> = batches.flat_map(|(inputs, labels)| checked_labels(&inputs, &labels)).collect();
            if !in_order {
                seen.sort_unstable();
            }
            prop_assert_eq!(&seen, &all);
        }
    }

    #[test]
    fn a_split_is_a_partition(n in 2_usize..60, fraction in 0.0_f64..1.0, seed: u64) {
        let data = numbered(n);
        let split = data.split(fraction, &mut StdRng::seed_from_u64(seed));
        let first = (fraction * n as f64).round() as usize;
        if first == 0 || first == n {
            prop_assert!(split.is_err());
            return Ok(());
        }
        let (left, right) = split.unwrap();
        prop_assert_eq!(left.len(), first);
        let mut seen = checked_labels(left.inputs(), left.labels());
        seen.extend(checked_labels(right.inputs(), right.labels()));
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..n).collect::<Vec<_>>());
    }

    #[test]
    fn the_same_seed_gives_the_same_bits(n in 2_usize..50, size in 1_usize..20, seed: u64) {
        let data = numbered(n);
        let run = |seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            let (left, right) = data.split(0.5, &mut rng).unwrap();
            let batches: Vec<_> = left.batches(size).shuffled(&mut rng).collect();
            (left.clone(), right, batches, rng.next_u64())
        };
        prop_assert_eq!(run(seed), run(seed));
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(8))]

    #[test]
    fn pieces_of_the_writer_join(n in 8_000_usize..40_000, seed: u64) {
        for array in idx_of_each_type(&[n], &mut StdRng::seed_from_u64(seed)) {
            let bytes = idx_file(&array, Encoding::Plain);
            prop_assert_eq!(&IdxArray::read_from(bytes.as_slice(), "memory").unwrap(), &array);
        }
    }
}

#[test]
fn another_seed_gives_another_order() {
    let data = numbered(100);
    let order = |seed| -> Vec<usize> {
        data.batches(7).shuffled(&mut StdRng::seed_from_u64(seed)).flat_map(|(_, labels)| labels).collect()
    };
    assert_ne!(order(1), order(2));
}

#[test]
fn every_sample_comes_first_equally_often() {
    let data = numbered(5);
    let mut rng = StdRng::seed_from_u64(3);
    let mut counts = [0_i32; 5];
    for _ in 0..5_000 {
        let (_, labels) = data.batches(1).shuffled(&mut rng).next().unwrap();
        counts[labels[0]] += 1;
    }
    // Each count is binomial, with mean 1000 and standard deviation 28.
    assert!(counts.iter().all(|count| (count - 1000).abs() < 150), "{counts:?}");
}
