//! Data sets made of others.

use gradus_data::{Dataset, Error, Labelled, Samples};
use gradus_linalg::ndarray::{ArrayD, array};
use proptest::prelude::*;
use std::sync::Arc;

#[test]
fn arrays_and_labelled_give_their_samples() {
    let matrix = array![[1., 2.], [3., 4.], [5., 6.]];
    let rows = Samples(matrix.clone());
    assert_eq!((rows.len(), rows.get(1).unwrap()), (3, array![3., 4.].into_dyn()));
    assert_eq!(Samples(array![7_u8, 8]).get(1).unwrap(), ArrayD::from_elem(vec![], 8));
    assert_eq!(Samples(ArrayD::from_elem(vec![], 1_u8)).len(), 0);

    let labelled = Labelled::new(matrix, vec![0, 1, 0], 2).unwrap();
    assert_eq!(labelled.get(2).unwrap(), (array![5., 6.].into_dyn(), 0));
    let shared: Arc<dyn Dataset<Sample = (ArrayD<f64>, usize)>> = Arc::new(labelled);
    assert_eq!((shared.len(), shared.is_empty(), shared.get(1).unwrap().1), (3, false, 1));
}

#[test]
fn what_is_not_there_is_named() {
    let message = |error: Error| error.to_string();
    assert_eq!(
        message(Samples(vec![1, 2]).get(2).unwrap_err()),
        "get: sample 2: the data has 2 samples, counted from 0"
    );
    assert_eq!(
        message(Labelled::new(array![1.], vec![0], 1).unwrap().get(1).unwrap_err()),
        "get: sample 1: the data has 1 samples, counted from 0"
    );
    assert_eq!(
        message(Samples(vec![1, 2]).subset(vec![1, 5]).unwrap_err()),
        "subset: index 5 at position 1: the data has 2 samples, counted from 0"
    );
    assert_eq!(
        message(Samples(vec![1, 2]).zipped(Samples(vec![1])).unwrap_err()),
        "zipped: 2 and 1 samples: each sample needs one beside it"
    );
    // The index in the message is the one that was asked for, not one further in.
    let joined = Samples(vec![1]).concatenated(Samples(vec![2]));
    assert_eq!(message(joined.get(4).unwrap_err()), "get: sample 4: the data has 2 samples, counted from 0");
}

proptest! {
    #[test]
    fn views_give_what_vectors_would(a in prop::collection::vec(0_u32..100, 0..20), b in prop::collection::vec(0_u32..100, 0..20), picks in prop::collection::vec(0_usize..100, 0..20)) {
        let all = |data: &dyn Dataset<Sample = u32>| -> Vec<u32> { (0..data.len()).map(|i| data.get(i).unwrap()).collect() };
        let joined = [a.clone(), b.clone()].concat();
        let both = Samples(a.clone()).concatenated(Samples(b));
        prop_assert_eq!(all(&both), joined.clone());
        prop_assert!(both.get(joined.len()).is_err());

        let doubled = Samples(a.clone()).mapped(|x| Ok(2 * x));
        prop_assert_eq!(all(&doubled), a.iter().map(|x| 2 * x).collect::<Vec<_>>());

        let pairs = Samples(a.clone()).zipped(&doubled).unwrap();
        prop_assert!((0..a.len()).all(|i| pairs.get(i).unwrap() == (a[i], 2 * a[i])));

        let picks: Vec<usize> = picks.into_iter().filter(|_| !joined.is_empty()).map(|i| i % joined.len()).collect();
        let subset = both.subset(picks.clone()).unwrap();
        prop_assert_eq!(all(&subset), picks.iter().map(|&i| joined[i]).collect::<Vec<_>>());
    }
}
