//! Ranks train in the bits of one rank that looks at as many parts.

use super::*;
use gradus_data::{Labelled, Loader};
use gradus_optim::schedule::OneCycle;
use gradus_optim::{Lbfgs, Sam, Sgd};
use gradus_regularize::EarlyStopping;
use gradus_train::metrics::{Average, F1};
use gradus_train::{Evaluation, Every, Part, Rows, evaluate};
use ndarray::{Array1, Array2, ArrayD, Axis};

/// With all that a trainer can be asked for.
fn full<'a>() -> Trainer<'a, f64> {
    plain(3)
        .schedule(OneCycle::new(0.05, 15))
        .clip_norm(0.3)
        .metric(F1(Average::Macro))
        .gradient_health(Every::Steps(4))
}

/// The outcome on every rank is that of one rank with so many parts.
macro_rules! assert_law {
    ($sizes:expr, $trainer:expr, $model:expr, $optimizer:expr, $train:expr) => {
        for size in $sizes {
            let alone = run(&mut $trainer.accumulate(size), &mut $model, &mut $optimizer, &$train).unwrap();
            let ranks =
                on_ranks(size, |ranks| run(&mut $trainer.ranks(ranks), &mut $model, &mut $optimizer, &$train).unwrap());
            assert_eq!(ranks.len(), size);
            ranks.into_iter().for_each(|outcome| assert_eq!(outcome, alone, "{size} ranks"));
        }
    };
}

#[test]
fn ranks_train_in_the_bits_of_as_many_parts() {
    let data = samples(SAMPLES);
    assert_law!([1, 2, 3, 5, 8], full(), network(), Adam::new(0.05), data);
    // As good as without ranks.
    let alone = run(&mut full(), &mut network(), &mut Adam::new(0.05), &data).unwrap();
    let one = on_ranks(1, |ranks| run(&mut full().ranks(ranks), &mut network(), &mut Adam::new(0.05), &data).unwrap());
    assert_eq!(one, [alone]);
}

#[test]
fn the_callbacks_are_told_on_rank_0_alone_and_of_the_whole_batch() {
    let data = samples(SAMPLES);
    let mut alone = Told::default();
    run(&mut full().accumulate(3).callback(&mut alone), &mut network(), &mut Adam::new(0.05), &data).unwrap();
    let told = on_ranks(3, |ranks| {
        let mut told = Told::default();
        run(&mut full().callback(&mut told).ranks(ranks), &mut network(), &mut Adam::new(0.05), &data).unwrap();
        (told, ranks.early)
    });
    // Each hands over four gradients a step, but the last, which has no row in the batch of two that ends an epoch.
    assert_eq!(told, [(alone, 60), (Told::default(), 60), (Told::default(), 48)]);
}

#[test]
fn every_evaluation_of_a_step_is_added_up() {
    let data = samples(SAMPLES);
    assert_law!([2, 3], full(), network(), Sam::new(Sgd::new(0.05).momentum(0.9), 0.05), data);
    assert_law!([2, 5], Trainer::new(2).full_batch(), network(), Lbfgs::new(1.0).strong_wolfe().max_iter(4), data);
}

#[test]
fn ranks_divide_their_rows_further() {
    let data = samples(SAMPLES);
    let run = |side_by_side: bool| {
        on_ranks(2, |ranks| {
            let trainer = if side_by_side { plain(2).data_parallel(2) } else { plain(2).accumulate(2) };
            run(&mut trainer.ranks(ranks), &mut network(), &mut Adam::new(0.05), &data).unwrap()
        })
    };
    let parts = run(false);
    assert_eq!(parts[0], parts[1]);
    assert_eq!(run(true), parts);
}

#[test]
fn early_stopping_stops_all_ranks_at_once_and_gives_them_the_same_weights() {
    let data = samples(7); // so few that it over-fits
    fn stopping<'a>() -> Trainer<'a, f64> {
        plain(200).early_stopping(EarlyStopping::new(3))
    }
    fn on_f1<'a>() -> Trainer<'a, f64> {
        plain(20).early_stopping_on(F1(Average::Macro), EarlyStopping::new(2).maximize())
    }
    assert_law!([2, 3], stopping(), network(), Adam::new(0.05), data);
    let outcome = run(&mut stopping().accumulate(2), &mut network(), &mut Adam::new(0.05), &data).unwrap();
    assert!(outcome.history.stopped_early && outcome.history.kept_epoch < outcome.history.epochs.len());
    assert_law!([2], on_f1(), network(), Adam::new(0.05), data);
}

#[test]
fn a_loader_feeds_all_ranks() {
    let data = samples(SAMPLES);
    let loader = || -> Loader<Labelled<f64>, (ArrayD<f64>, Array1<usize>)> {
        let noisy = |(x, label): (ArrayD<f64>, usize), rng: &mut StdRng| {
            Ok((x.mapv_into(|x| x + rand::RngExt::random_range(rng, -0.1..0.1)), label))
        };
        Loader::new(data.clone(), 5).unwrap().shuffled().seed(3).transform(noisy)
    };
    assert_law!([2, 3], full(), network(), Adam::new(0.05), loader());
}

#[test]
fn a_labelled_set_gathers_the_rows_that_the_whole_batches_have() {
    let data = samples(SAMPLES);
    for (count, size, from) in [(1, 5, 0), (2, 5, 1), (3, 5, 0), (5, 7, 2), (30, usize::MAX, 0)] {
        let rng = || StdRng::seed_from_u64(4);
        let mut whole = Vec::new();
        for batch in Source::batches(&data, 1, from, size, rng()).unwrap() {
            whole.push(batch.unwrap());
        }
        let parts: Vec<Vec<Rows<f64>>> = (0..count)
            .map(|index| {
                let rows = data.part_batches(1, from, size, rng(), Part { index, count }).unwrap();
                rows.map(Result::unwrap).collect()
            })
            .collect();
        for (step, (inputs, labels)) in whole.iter().enumerate() {
            let views: Vec<_> = parts.iter().map(|part| part[step].inputs.view()).collect();
            assert_eq!(&ndarray::concatenate(Axis(0), &views).unwrap(), inputs);
            assert!(parts.iter().all(|part| part[step].batch == labels.len()));
            assert_eq!(parts.iter().flat_map(|part| part[step].labels.to_vec()).collect::<Vec<_>>(), labels.to_vec());
        }
        assert!(parts.iter().all(|part| part.len() == whole.len()));
    }
}

#[test]
fn other_samples_have_another_checksum() {
    let data = samples(SAMPLES);
    let checksum = |data: &Labelled<f64>| data.checksum().unwrap();
    assert_eq!(checksum(&data), checksum(&samples(SAMPLES)));
    let (inputs, mut labels, classes) = data.clone().into_parts();
    labels[3] = 1 - labels[3];
    let relabelled = Labelled::new(inputs.clone(), labels, classes).unwrap();
    let moved = Labelled::new(inputs + 1e-15, data.labels().clone(), classes).unwrap();
    assert!(checksum(&relabelled) != checksum(&data) && checksum(&moved) != checksum(&data));
}

#[test]
fn batch_normalization_takes_the_statistics_of_each_rank_and_averages_the_running_ones() {
    let data = samples(SAMPLES);
    for size in [2, 3] {
        let mut alone = normalized();
        run(&mut plain(3).batch_size(11).accumulate(size), &mut alone, &mut Adam::new(0.05), &data).unwrap();
        let ranks = on_ranks(size, |ranks| {
            let mut model = normalized();
            run(&mut plain(3).batch_size(11).ranks(ranks), &mut model, &mut Adam::new(0.05), &data).unwrap();
            (weights(&model), bits(&model))
        });
        assert!(ranks.iter().all(|rank| *rank == ranks[0]));
        assert_eq!(ranks[0].0, weights(&alone));
    }
    // After one step, the running mean is the average of those of the parts.
    let means = |trainer: Trainer<'_, f64>, data: &Labelled<f64>| {
        let (mut trainer, mut model) = (trainer, normalized());
        trainer.run(&mut model, &mut Sgd::new(0.0), data, data, &mut StdRng::seed_from_u64(2)).unwrap();
        let (_, mean) = model.buffers().into_iter().find(|(name, _)| name.ends_with("running_mean")).unwrap();
        mean.value().iter().copied().collect::<Vec<f64>>()
    };
    let whole = means(Trainer::new(1).full_batch(), &data);
    for mean in on_ranks(4, |ranks| means(Trainer::new(1).full_batch().ranks(ranks), &data)) {
        mean.iter().zip(&whole).for_each(|(mean, whole)| assert!((mean - whole).abs() < 1e-12));
    }
    let last = means(Trainer::new(1).full_batch().accumulate(4), &data);
    assert!(last.iter().zip(&whole).any(|(last, whole)| (last - whole).abs() > 1e-3));
}

#[test]
fn an_evaluation_in_parts_is_that_of_one_rank_to_the_bit() {
    // More than two passes, of a size that does not divide them; told by the mistakes, in their order.
    let number = |(i, j): (usize, usize)| ((i * 3 + j) as f64 * 0.618).fract() - 0.5;
    let test = Labelled::new(Array2::from_shape_fn((700, 3), number), vec![1; 700], 2).unwrap();
    let data = samples(SAMPLES);
    let losses = |trainer: Trainer<'_, f64>| -> (Vec<u64>, Evaluation) {
        let (mut trainer, mut model) = (trainer, network());
        let (mut rng, mut adam) = (StdRng::seed_from_u64(2), Adam::new(0.05));
        let history = trainer.run(&mut model, &mut adam, &data, &test, &mut rng).unwrap();
        let losses =
            history.epochs.iter().flat_map(|record| [record.train_loss, record.test_loss, record.test_accuracy]);
        (losses.map(f64::to_bits).collect(), evaluate(&model, &test).unwrap())
    };
    for size in [2, 5] {
        let alone = losses(plain(2).accumulate(size));
        assert!(on_ranks(size, |ranks| losses(plain(2).ranks(ranks))).iter().all(|rank| *rank == alone));
    }
}
