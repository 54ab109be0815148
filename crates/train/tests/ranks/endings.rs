//! Runs on several ranks that are resumed, stopped, or fail on one of them.

use super::super::checkpoints::Temporary;
use super::*;
use gradus_data::Labelled;
use gradus_optim::{Lbfgs, Sgd};
use gradus_regularize::EarlyStopping;
use gradus_train::{CheckpointFolder, Disk, Every, Storage, StorageFile};
use ndarray::Array2;
use std::io;
use std::path::{Path, PathBuf};

/// Sets a flag at a step.
struct StopAt<'a>(u64, &'a AtomicBool);

impl Callback for StopAt<'_> {
    fn step(&mut self, step: &StepRecord) {
        self.1.store(step.step == self.0, Ordering::Relaxed);
    }
}

/// A folder for each rank; only that of rank 0 may ever be there.
fn folder(base: &Path, ranks: &Local) -> CheckpointFolder {
    use gradus_train::Ranks;
    CheckpointFolder::new(if ranks.rank() == 0 { base.to_owned() } else { base.join("no rank but 0 writes") })
}

fn patient<'a>() -> Trainer<'a, f64> {
    plain(3).early_stopping(EarlyStopping::new(9))
}

fn resumed(trainer: Trainer<'_, f64>) -> Result<Outcome, Error> {
    let mut trainer = trainer;
    run(&mut trainer, &mut network(), &mut Adam::new(0.05), &samples(SAMPLES))
}

#[test]
fn a_run_goes_on_with_another_number_of_ranks() {
    for step in [3, 5, 7] {
        let (alone, together, flag) = (Temporary::new(), Temporary::new(), AtomicBool::new(false));
        let mut stop = StopAt(step, &flag);
        let stopped = resumed(
            patient().accumulate(2).checkpoint(&alone.0, Every::Steps(100)).stop_when(&flag).callback(&mut stop),
        );
        assert!(matches!(stopped, Err(Error::Interrupted { step: at, .. }) if at == step));
        let begun = on_ranks(2, |ranks| {
            // Asked for between two steps, it is noticed in the next.
            let (folder, flag) = (folder(&together.0, ranks), AtomicBool::new(false));
            let mut stop = StopAt(step - 1, &flag);
            let trainer = patient().checkpoint(folder, Every::Steps(100)).stop_when(&flag);
            resumed(trainer.callback(&mut stop).ranks(ranks)).unwrap_err()
        });
        for error in begun {
            let Error::Interrupted { step: at, checkpoint: Some(path), .. } = error else { panic!("{error}") };
            assert!(at == step && path.exists(), "{at} instead of {step}");
        }
        let end = resumed(patient().accumulate(3).checkpoint(&alone.0, Every::Steps(100)).resume()).unwrap();
        let ends = on_ranks(3, |ranks| {
            let trainer = patient().checkpoint(folder(&together.0, ranks), Every::Steps(100)).resume();
            resumed(trainer.ranks(ranks)).unwrap()
        });
        ends.iter().for_each(|other| assert_eq!(*other, end));
        assert!(!together.0.join("no rank but 0 writes").exists());
    }
}

#[test]
fn what_is_wrong_with_the_folder_is_told_to_all_ranks() {
    let taken = Temporary::new();
    resumed(plain(1).checkpoint(&taken.0, Every::Epochs(1))).unwrap();
    let errors = on_ranks(3, |ranks| {
        let folder = folder(&taken.0, ranks);
        resumed(plain(1).checkpoint(folder, Every::Epochs(1)).ranks(ranks)).unwrap_err()
    });
    assert!(matches!(errors[0], Error::FolderTaken { .. }), "{}", errors[0]);
    for error in &errors[1..] {
        assert!(matches!(error, Error::OtherRank { rank: 0, reason, .. } if reason.contains("resume()")), "{error}");
    }
}

/// A disk that is full when the second checkpoint is to be written.
#[derive(Debug)]
struct Full(AtomicU64);

impl Storage for Full {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        Disk.create_folder(folder)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<std::fs::File>> {
        Disk.lock(path)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        let full = self.0.fetch_add(1, Ordering::Relaxed) > 0;
        if full { Err(io::ErrorKind::StorageFull.into()) } else { Disk.create(path) }
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        Disk.sync_folder(folder)
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read(path)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        Disk.list(folder)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }
}

#[test]
fn a_checkpoint_that_rank_0_cannot_write_ends_all() {
    let base = Temporary::new();
    let errors = on_ranks(3, |ranks| {
        let folder = folder(&base.0, ranks).storage(Full(AtomicU64::new(0)));
        resumed(plain(2).checkpoint(folder, Every::Steps(2)).ranks(ranks)).unwrap_err()
    });
    assert!(matches!(errors[0], Error::CheckpointIo { operation: "write", .. }), "{}", errors[0]);
    for error in &errors[1..] {
        assert!(
            matches!(error, Error::OtherRank { rank: 0, reason, .. } if reason.contains("step-000000000004")),
            "{error}"
        );
    }
}

#[test]
fn a_request_on_any_rank_stops_all_after_the_same_step() {
    let asked = AtomicBool::new(false);
    /// Asks in the midst of a forward pass of its own.
    #[derive(Module)]
    #[module(float = f64)]
    struct Asking<'a> {
        inner: Linear<f64>,
        #[module(skip)]
        asks: Option<&'a AtomicBool>,
        #[module(skip)]
        passes: AtomicU64,
    }
    impl Layer<f64> for Asking<'_> {
        fn forward(&self, x: &Var<f64>) -> LayerResult<Var<f64>> {
            if x.tape().is_training()
                && self.passes.fetch_add(1, Ordering::Relaxed) == 6
                && let Some(flag) = self.asks
            {
                flag.store(true, Ordering::Relaxed);
            }
            self.inner.forward(x)
        }
    }
    let ends = on_ranks(3, |ranks| {
        use gradus_train::Ranks;
        let (passes, none) = (AtomicU64::new(0), AtomicBool::new(false));
        let [asks, flag] = if ranks.rank() == 2 { [Some(&asked), Some(&asked)] } else { [None, Some(&none)] };
        let inner = Linear::new(3, 2, &mut StdRng::seed_from_u64(1));
        let mut model = Asking { inner, asks, passes };
        let mut trainer = plain(3).stop_when(flag.unwrap()).ranks(ranks);
        let error = run(&mut trainer, &mut model, &mut Sgd::new(0.1), &samples(SAMPLES)).unwrap_err();
        (error, weights(&model))
    });
    for (error, model) in &ends {
        assert!(matches!(error, Error::Interrupted { epoch: 2, step: 8, checkpoint: None }), "{error}");
        assert_eq!(*model, ends[0].1);
    }
}

/// How a rank's own rows can go wrong: where an input is 100.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Loss,
    Gradient,
    Model,
}

#[derive(Module)]
#[module(float = f64)]
struct Brittle {
    inner: Linear<f64>,
    #[module(skip)]
    wrong: Mutex<Wrong>,
}

impl Layer<f64> for Brittle {
    fn forward(&self, x: &Var<f64>) -> LayerResult<Var<f64>> {
        let hit = x.tape().is_training() && x.value().iter().any(|x| *x == 100.0);
        let y = self.inner.forward(x)?;
        match *self.wrong.lock().unwrap() {
            _ if !hit => Ok(y),
            Wrong::Loss => Ok((y - 1e9).ln()),
            Wrong::Gradient => Ok(y.tape().record("bad", [&y], y.value().clone(), |mut dy| {
                dy.fill(f64::INFINITY);
                [dy]
            })),
            Wrong::Model => self.inner.forward(&y),
        }
    }
}

fn brittle(wrong: Wrong) -> Brittle {
    Brittle { inner: Linear::new(3, 2, &mut StdRng::seed_from_u64(1)), wrong: Mutex::new(wrong) }
}

/// One sample of which is what breaks it.
fn poisoned() -> Labelled<f64> {
    let (mut inputs, labels, classes) = samples(SAMPLES).into_parts();
    inputs[[4, 0]] = 100.0;
    Labelled::new(inputs, labels, classes).unwrap()
}

#[test]
fn a_fault_on_one_rank_ends_all_and_the_others_name_it() {
    for wrong in [Wrong::Loss, Wrong::Gradient, Wrong::Model] {
        let ends = on_ranks(3, |ranks| {
            let mut model = brittle(wrong);
            let error = run(&mut plain(2).ranks(ranks), &mut model, &mut Adam::new(0.1), &poisoned()).unwrap_err();
            (error, weights(&model))
        });
        let own = ends.iter().position(|(error, _)| !matches!(error, Error::OtherRank { .. })).unwrap();
        for (rank, (error, model)) in ends.iter().enumerate() {
            let message = error.to_string();
            match error {
                Error::OtherRank { rank: named, kept: Some(kept), .. } => {
                    assert_eq!((*named, kept.as_str()), (own, "the start"), "{message}");
                    let reason = if wrong == Wrong::Model { "linear" } else { "step" };
                    assert!(rank != own && message.contains(reason), "{message}");
                    assert_eq!(*model, weights(&brittle(wrong)));
                }
                Error::NonFiniteLoss { .. } => assert!(rank == own && wrong == Wrong::Loss, "{message}"),
                Error::NonFiniteGradient { .. } => assert!(rank == own && wrong == Wrong::Gradient, "{message}"),
                Error::Model(_) => assert!(rank == own && wrong == Wrong::Model, "{message}"),
                _ => panic!("{message}"),
            }
        }
    }
}

/// The loss is not finite where weights are large, on the rank that has a certain sample.
#[derive(Module)]
#[module(float = f64)]
struct Edge(Linear<f64>);

impl Layer<f64> for Edge {
    fn forward(&self, x: &Var<f64>) -> LayerResult<Var<f64>> {
        let y = self.0.forward(x)?;
        let far = self.0.weight.value().iter().any(|w| w.abs() > 0.4);
        let hit = x.tape().is_training() && x.value().iter().any(|x| *x == 1.25);
        Ok(if far && hit { (y - 1e9).ln() } else { y })
    }
}

#[test]
fn a_line_search_turns_back_on_all_ranks_from_a_fault_on_one() {
    let (mut inputs, labels, classes) = samples(SAMPLES).into_parts();
    inputs[[4, 0]] = 1.25;
    let data = Labelled::new(inputs, labels, classes).unwrap();
    let run = |trainer: Trainer<'_, f64>| {
        let (mut trainer, mut model) = (trainer, Edge(Linear::new(3, 2, &mut StdRng::seed_from_u64(1))));
        model.0.weight.value_mut().fill(0.0);
        let mut lbfgs = Lbfgs::new(1.0).strong_wolfe().max_iter(3);
        run(&mut trainer, &mut model, &mut lbfgs, &data).map_err(|error| error.to_string())
    };
    let alone = run(Trainer::new(3).full_batch().accumulate(3)).unwrap();
    let ranks = on_ranks(3, |ranks| run(Trainer::new(3).full_batch().ranks(ranks)).unwrap());
    ranks.into_iter().for_each(|outcome| assert_eq!(outcome, alone));
}

/// Samples that cannot be read any more from some batch on.
struct Torn(Labelled<f64>, usize);

impl Source<f64> for Torn {
    fn samples(&self) -> usize {
        self.0.len()
    }
    fn batch_size(&self, trainers: usize) -> usize {
        trainers
    }
    fn steps(&self, batch_size: usize) -> usize {
        Source::steps(&self.0, batch_size)
    }
    fn fingerprint(&self) -> gradus_train::Result<Option<u64>> {
        Ok(None)
    }
    fn batches(
        &self,
        epoch: usize,
        from: usize,
        batch_size: usize,
        rng: StdRng,
    ) -> gradus_train::Result<gradus_train::Batches<'_, f64>> {
        let torn = |i| Err(Error::Metric { metric: "batch", reason: format!("{i} cannot be read") });
        let batches = Source::batches(&self.0, epoch, from, batch_size, rng)?.enumerate();
        Ok(Box::new(batches.map(move |(i, batch)| if i < self.1 { batch } else { torn(i) })))
    }
    fn select(&self, places: &[usize], _: usize) -> gradus_train::Result<Labelled<f64>> {
        Ok(self.0.select(places)?)
    }
}

#[test]
fn what_one_rank_cannot_read_ends_all() {
    let errors = on_ranks(3, |ranks| {
        use gradus_train::Ranks;
        let source = Torn(samples(SAMPLES), if ranks.rank() == 1 { 2 } else { 100 });
        run(&mut plain(2).ranks(ranks), &mut network(), &mut Adam::new(0.1), &source).unwrap_err().to_string()
    });
    assert_eq!(errors[1], "batch: 2 cannot be read");
    for rank in [0, 2] {
        assert!(errors[rank].contains("rank 1") && errors[rank].contains("2 cannot be read"), "{}", errors[rank]);
    }
}

#[test]
fn ranks_that_do_not_fit_together_do_not_begin() {
    // Fewer samples than ranks.
    for error in on_ranks(4, |ranks| {
        run(&mut plain(1).ranks(ranks), &mut network(), &mut Adam::new(0.1), &samples(3)).unwrap_err()
    }) {
        assert!(matches!(error, Error::FewerSamplesThanRanks { samples: 3, ranks: 4 }), "{error}");
    }
    // Another seed on each.
    for error in on_ranks(2, |ranks| {
        use gradus_train::Ranks;
        let (data, mut rng) = (samples(SAMPLES), StdRng::seed_from_u64(ranks.rank() as u64));
        plain(1).ranks(ranks).run(&mut network(), &mut Adam::new(0.1), &data, &data, &mut rng).unwrap_err()
    }) {
        assert!(matches!(&error, Error::Ranks(why) if why.to_string().contains("seed")), "{error}");
    }
    // A setting that is wrong on one is told to the other, which would wait for it.
    let errors = on_ranks(2, |ranks| {
        use gradus_train::Ranks;
        let lr = if ranks.rank() == 1 { f64::NAN } else { 0.1 };
        run(&mut plain(1).ranks(ranks), &mut network(), &mut Adam::new(lr), &samples(SAMPLES)).unwrap_err()
    });
    assert!(
        matches!(&errors[0], Error::OtherRank { rank: 1, reason, .. } if reason.contains("lr NaN")),
        "{}",
        errors[0]
    );
    assert!(matches!(&errors[1], Error::Optim(_)), "{}", errors[1]);
    // A test set that the model cannot be evaluated on.
    let four = Labelled::new(Array2::zeros((4, 3)), vec![0, 1, 2, 0], 3).unwrap();
    for error in on_ranks(2, |ranks| {
        let (data, mut rng) = (samples(SAMPLES), StdRng::seed_from_u64(1));
        plain(1).ranks(ranks).run(&mut network(), &mut Adam::new(0.1), &data, &four, &mut rng).unwrap_err()
    }) {
        assert!(matches!(error, Error::Logits { .. } | Error::OtherRank { .. }), "{error}");
    }
}
