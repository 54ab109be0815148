//! A rank that is gone in the middle of an epoch, and a training that fewer ranks finish.

use gradus_data::Digits;
use gradus_distributed::{Communicator, DataParallel, Group, Threads};
use gradus_nn_layers::{Linear, Losses};
use gradus_optim::Adam;
use gradus_train::{CheckpointFolder, Error as TrainError, Every, History, Trainer};
use rand::{SeedableRng, rngs::StdRng};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process};

/// Four epochs of 14 steps, saved every five, from what is saved; in the step `dies.1` rank `dies.0` panics.
fn train(ranks: usize, folder: &Path, dies: Option<(usize, usize)>) -> Vec<Result<History, TrainError>> {
    Threads::run(ranks, |group: Group| {
        let mut rng = StdRng::seed_from_u64(7);
        let (train, test) = Digits::embedded().split_at(1400)?;
        let mut model = Linear::new(64, 10, &mut rng);
        let mut parallel = DataParallel::new(&group);
        let own = group.rank();
        let steps = AtomicUsize::new(0);
        let mut trainer =
            Trainer::new(4).batch_size(100).checkpoint(folder, Every::Steps(5)).resume().ranks(&mut parallel).loss(
                move |logits, labels| {
                    let step = steps.fetch_add(1, Ordering::Relaxed) + 1;
                    assert!(dies != Some((own, step)), "the power is gone");
                    logits.cross_entropy(labels)
                },
            );
        trainer.run(&mut model, &mut Adam::new(3e-2), &train, &test, &mut rng)
    })
}

#[test]
fn a_training_whose_rank_panics_is_finished_by_the_others() {
    for gone in 0..3 {
        let path = env::temp_dir().join(format!("gradus-panicked-{}-{gone}", process::id()));
        let _ = fs::remove_dir_all(&path);
        let folder = CheckpointFolder::new(&path);

        let begun = Instant::now();
        for (rank, ended) in train(3, &path, Some((gone, 23))).into_iter().enumerate() {
            let error = ended.unwrap_err().to_string();
            assert!(error.contains(&format!("rank {gone}")), "rank {rank}: {error}");
            assert_eq!(error.contains("the power is gone"), rank == gone, "rank {rank}: {error}");
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());

        let found = folder.newest::<f32>().unwrap().unwrap();
        assert!(found.damaged.is_empty(), "{:?}", found.damaged);
        let position = found.checkpoint.position;
        assert_eq!((position.epoch, position.step, position.batch), (2, 20, 6), "of 22 steps, 14 to an epoch");

        for ended in train(2, &path, None) {
            let history = ended.unwrap();
            assert_eq!(history.epochs.len(), 4);
            assert!(history.epochs[3].test_accuracy > 0.85, "{history}");
            // With its time: it was not trained again.
            assert_eq!(history.epochs[0], found.checkpoint.history.epochs[0]);
        }
        let _ = fs::remove_dir_all(path);
    }
}
