//! Going on is as never having stopped.

use super::*;
use gradus_optim::{AdamW, Lbfgs, Lion, Sam, Sgd};
use gradus_train::metrics::{Average, F1};
use gradus_train::{CheckpointFolder, Every};
use rand::RngExt;

#[test]
fn a_run_that_stops_after_any_step_goes_on_in_the_same_bits() {
    let whole = run(trainer()).unwrap();
    assert_eq!(whole.told.steps.len(), 12);
    for step in 1..=11 {
        let folder = Temporary::new();
        let error = run_until(step, trainer().checkpoint(&folder.0, Every::Epochs(100)));
        let epoch = step / 4 + 1;
        assert_eq!(
            without(&folder.0, &error),
            format!(
                "training: stopped on request in epoch {epoch}, after step {step}; all is saved in FOLDER/step-{step:012}.ckpt: \
                 run again with resume() to go on"
            )
        );
        // Another model, another optimizer, another seed: all come from the file.
        let resumed = trainer().checkpoint(&folder.0, Every::Epochs(100)).resume();
        let mut resumed = run_with(resumed, &mut Adam::new(0.5), 99).unwrap();
        resumed.told.steps.splice(0..0, whole.told.steps[..step as usize].iter().copied());
        resumed.told.epochs.splice(0..0, whole.told.epochs[..step as usize / 4].iter().copied());
        assert_eq!(resumed, whole, "stopped after step {step}");
    }
}

#[test]
fn a_run_that_stops_again_and_again_goes_on_in_the_same_bits() {
    let (whole, folder) = (run(trainer()).unwrap(), Temporary::new());
    for step in 1..=11 {
        run_until(step, trainer().checkpoint(&folder.0, Every::Steps(1)).resume());
    }
    let resumed = run(trainer().checkpoint(&folder.0, Every::Steps(1)).resume()).unwrap();
    assert_eq!(resumed.model, whole.model);
    assert_eq!(resumed.optimizer, whole.optimizer);
    // The last three, and the best if it is none of them.
    let best = whole.told.epochs.iter().min_by(|a, b| a.test_loss.total_cmp(&b.test_loss)).unwrap().epoch as u64 * 4;
    let mut kept: Vec<u64> = vec![best, 10, 11, 12];
    kept.sort_unstable();
    kept.dedup();
    let mut names: Vec<_> = kept.iter().map(|step| format!("step-{step:012}.ckpt")).collect();
    names.insert(0, "lock".to_owned());
    assert_eq!(folder.names(), names);
    // Nothing is left to do: the same comes out again.
    let again = run_with(trainer().checkpoint(&folder.0, Every::Steps(1)).resume(), &mut Adam::new(0.5), 99).unwrap();
    assert_eq!((again.model, again.kept_epoch), (whole.model, whole.kept_epoch));
    assert!(again.told.steps.is_empty());
}

#[test]
fn every_optimizer_goes_on_in_the_same_bits() {
    fn same<Kind>(
        mut new: impl FnMut() -> Box<dyn gradus_optim::ClosureOptimizer<f64>>,
        _: std::marker::PhantomData<Kind>,
    ) {
        let data = samples(24);
        let mut rng = StdRng::seed_from_u64(1);
        let mut whole = network(5);
        let trainer = || Trainer::new(2).batch_size(7);
        trainer().run(&mut whole, &mut new(), &data, &data, &mut StdRng::seed_from_u64(3)).unwrap();
        let (folder, flag) = (Temporary::new(), AtomicBool::new(false));
        let step = rng.random_range(1..8);
        let mut stop = StopAt(step, &flag);
        let mut first = trainer().checkpoint(&folder.0, Every::Epochs(9)).stop_when(&flag).callback(&mut stop);
        first.run(&mut network(5), &mut new(), &data, &data, &mut StdRng::seed_from_u64(3)).unwrap_err();
        drop(first);
        let mut model = network(6);
        let mut second = trainer().checkpoint(&folder.0, Every::Epochs(9)).resume();
        second.run(&mut model, &mut new(), &data, &data, &mut StdRng::seed_from_u64(4)).unwrap();
        assert_eq!(bits(&model), bits(&whole), "stopped after step {step}");
    }
    use gradus_optim::OneEvaluation;
    let kind = std::marker::PhantomData::<()>;
    same(|| Box::new(OneEvaluation(Sgd::new(0.1).momentum(0.9).nesterov())), kind);
    same(|| Box::new(OneEvaluation(AdamW::new(0.01))), kind);
    same(|| Box::new(OneEvaluation(Lion::new(0.01))), kind);
    same(|| Box::new(Sam::new(Sgd::new(0.1).momentum(0.9), 0.05)), kind);
    same(|| Box::new(Lbfgs::new(0.5).max_iter(3)), kind);
}

#[test]
fn more_epochs_go_on_where_fewer_ended() {
    let plain = || Trainer::new(4).batch_size(6);
    let (whole, folder) = (run(plain()).unwrap(), Temporary::new());
    run(Trainer::new(2).batch_size(6).checkpoint(&folder.0, Every::Epochs(1))).unwrap();
    assert_eq!(run(plain().checkpoint(&folder.0, Every::Epochs(1)).resume()).unwrap().model, whole.model);
}

#[test]
fn a_run_that_stopped_early_stays_stopped_and_gives_its_best() {
    let stops = || Trainer::new(50).batch_size(6).early_stopping(EarlyStopping::new(1));
    let (whole, folder) = (run(stops()).unwrap(), Temporary::new());
    assert!(whole.told.epochs.len() < 50);
    run_until(1, stops().checkpoint(&folder.0, Every::Epochs(1)));
    for _ in 0..2 {
        let resumed = run(stops().checkpoint(&folder.0, Every::Epochs(1)).resume()).unwrap();
        assert_eq!((resumed.model, resumed.kept_epoch), (whole.model.clone(), whole.kept_epoch));
    }
}

#[test]
fn a_metric_that_is_watched_is_read_from_the_file() {
    let by = |average| {
        let early_stopping = EarlyStopping::new(2).maximize();
        Trainer::new(9).batch_size(6).early_stopping_on(F1(average), early_stopping)
    };
    let (whole, folder) = (run(by(Average::Macro)).unwrap(), Temporary::new());
    for step in [5, 9] {
        run_until(step, by(Average::Macro).checkpoint(&folder.0, Every::Steps(1)).resume());
    }
    // Another metric than the one that was followed is noticed before a step is taken.
    let error = run(by(Average::Micro).checkpoint(&folder.0, Every::Steps(1)).resume()).unwrap_err().to_string();
    assert!(error.contains("one on F1 (micro), which was not followed: early stopping must be set as"), "{error}");
    let resumed = run(by(Average::Macro).checkpoint(&folder.0, Every::Steps(1)).resume()).unwrap();
    assert_eq!((resumed.model, resumed.kept_epoch), (whole.model, whole.kept_epoch));
}

#[test]
fn callbacks_are_told_of_files() {
    #[derive(Default)]
    struct Files(Vec<(&'static str, u64, String)>);
    impl Callback for Files {
        fn resumed(&mut self, step: u64, checkpoint: &Path) {
            self.0.push(("resumed", step, checkpoint.file_name().unwrap().to_str().unwrap().to_owned()));
        }
        fn saved(&mut self, step: u64, checkpoint: &Path) {
            assert!(checkpoint.exists());
            self.0.push(("saved", step, checkpoint.file_name().unwrap().to_str().unwrap().to_owned()));
        }
    }
    let (folder, mut files) = (Temporary::new(), Files::default());
    run_until(5, Trainer::new(2).batch_size(6).checkpoint(&folder.0, Every::Steps(3)).callback(&mut files));
    let name = |step: u64| format!("step-{step:012}.ckpt");
    // The first epoch is the best so far.
    assert_eq!(files.0, [("saved", 3, name(3)), ("saved", 4, name(4)), ("saved", 5, name(5))]);
    files.0.clear();
    run(Trainer::new(2).batch_size(6).checkpoint(&folder.0, Every::Steps(3)).resume().callback(&mut files)).unwrap();
    assert_eq!(files.0, [("resumed", 5, name(5)), ("saved", 6, name(6)), ("saved", 8, name(8))]);
}

#[test]
fn the_last_and_the_best_are_kept() {
    let folder = Temporary::new();
    let kept = CheckpointFolder::new(&folder.0).keep(1);
    let whole = run(Trainer::new(6).batch_size(6).checkpoint(kept, Every::Steps(1))).unwrap();
    let best = whole.told.epochs.iter().min_by(|a, b| a.test_loss.total_cmp(&b.test_loss)).unwrap().epoch as u64 * 4;
    let steps: Vec<u64> =
        CheckpointFolder::new(&folder.0).checkpoints().unwrap().iter().map(|(step, _)| *step).collect();
    let mut expected = vec![best, 24];
    expected.dedup();
    assert_eq!(steps, expected);
    let saved = load(&folder.0, best);
    assert_eq!(saved.history.epochs.last().unwrap().epoch as u64 * 4, best);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let folder = Temporary::new();
    let resumed = || trainer().checkpoint(&folder.0, Every::Epochs(1)).resume();
    run(trainer().checkpoint(&folder.0, Every::Epochs(1))).unwrap();
    let refused = |trainer: Trainer<'_, f64>| without(&folder.0, &run(trainer).unwrap_err());
    assert_eq!(
        refused(trainer().checkpoint(&folder.0, Every::Epochs(1))),
        "checkpoint: FOLDER has checkpoints already, the last of step 12; resume() goes on from it, another folder begins anew"
    );
    assert_eq!(
        refused(resumed().batch_size(7)),
        "checkpoint: FOLDER/step-000000000012.ckpt: its batch size is 6, and now it is 7; a run resumes with what it began with"
    );
    assert_eq!(
        refused(resumed().early_stopping(EarlyStopping::new(2).maximize())).split(": training: early_stopping").next(),
        Some("checkpoint: FOLDER/step-000000000012.ckpt: it does not fit this run")
    );
    assert_eq!(
        refused(trainer().checkpoint(&folder.0, Every::Steps(0))),
        "training: checkpoint is every 0: must be at least every step or every epoch"
    );
    assert_eq!(
        refused(trainer().checkpoint(CheckpointFolder::new(&folder.0).keep(0), Every::Steps(1))),
        "training: keep is 0: must be at least 1: the last checkpoint is what a run goes on from"
    );
    assert_eq!(
        refused(trainer().resume()),
        "training: resume is asked for: needs a folder to resume from: call checkpoint(folder, every), too"
    );
    assert_eq!(
        run_until(2, trainer()).to_string(),
        "training: stopped on request in epoch 1, after step 2; nothing is saved, as the trainer has no checkpoint folder"
    );
    let data = samples(23);
    let test = samples(9);
    // Another optimizer.
    let (mut model, mut sgd) = (network(1), Sgd::new(0.1).momentum(0.9));
    let before = bits(&model);
    let mut rng = StdRng::seed_from_u64(1);
    let error = resumed().run(&mut model, &mut sgd, &data, &test, &mut rng).unwrap_err();
    assert!(matches!(&error, Error::Resume { source, .. } if matches!(**source, Error::Optim(_))), "{error}");
    assert_eq!(bits(&model), before);
    // Another model.
    let mut model = Linear::<f64>::new(3, 2, &mut rng);
    let before = bits(&model);
    let error = resumed().run(&mut model, &mut Adam::new(0.1), &data, &test, &mut rng).unwrap_err();
    assert!(matches!(&error, Error::Resume { source, .. } if matches!(**source, Error::Model(_))), "{error}");
    assert_eq!(bits(&model), before);
    // Numbers of another type.
    let error = CheckpointFolder::new(&folder.0).newest::<f32>().unwrap_err();
    assert_eq!(
        without(&folder.0, &error),
        "checkpoint: FOLDER/step-000000000012.ckpt: model: 0.weight holds numbers of type f64; this model's are f32"
    );
}
