//! Disks that fail, at every place where they can.

use super::*;
use gradus_train::{CheckpointFolder, Disk, Every, Storage, StorageFile};
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;

/// A disk on which one call, counted from 0, fails, and does half of its work if it writes.
#[derive(Debug, Clone)]
struct Failing {
    at: u64,
    kind: ErrorKind,
    /// That call alone, or all after it, too.
    for_ever: bool,
    calls: Arc<AtomicU64>,
}

impl Failing {
    fn new(at: u64, kind: ErrorKind, for_ever: bool) -> Self {
        Self { at, kind, for_ever, calls: Arc::default() }
    }

    fn call(&self) -> io::Result<()> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let fails = if self.for_ever { call >= self.at } else { call == self.at };
        if fails { Err(self.kind.into()) } else { Ok(()) }
    }
}

impl Storage for Failing {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.call().and_then(|()| Disk.create_folder(folder))
    }
    fn lock(&self, path: &Path) -> io::Result<Option<std::fs::File>> {
        self.call().and_then(|()| Disk.lock(path))
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        self.call()?;
        Ok(Box::new(FailingFile { disk: self.clone(), file: Disk.create(path)? }))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call().and_then(|()| Disk.rename(from, to))
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.call().and_then(|()| Disk.sync_folder(folder))
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.call().and_then(|()| Disk.read(path))
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.call().and_then(|()| Disk.list(folder))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call().and_then(|()| Disk.remove(path))
    }
}

struct FailingFile {
    disk: Failing,
    file: Box<dyn StorageFile>,
}

impl Write for FailingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.call().inspect_err(|_| drop(self.file.write(&bytes[..bytes.len() / 2])))?;
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.disk.call().and_then(|()| self.file.flush())
    }
}

impl StorageFile for FailingFile {
    fn sync(&mut self) -> io::Result<()> {
        self.disk.call().and_then(|()| self.file.sync())
    }
}

#[test]
fn a_disk_that_fails_at_any_call_spoils_no_checkpoint() {
    let whole = run(trainer()).unwrap();
    let mut failures = 0;
    for at in 0.. {
        let folder = Temporary::new();
        run_until(2, trainer().checkpoint(&folder.0, Every::Steps(1)));
        // Two steps more on a disk that fails once.
        let disk = Failing::new(at, ErrorKind::Other, false);
        let failing = CheckpointFolder::new(&folder.0).keep(1).storage(disk.clone());
        let error = run_until(4, trainer().checkpoint(failing, Every::Steps(1)).resume());
        let failed = disk.calls.load(Ordering::Relaxed) > at;
        match &error {
            Error::CheckpointIo { .. } => failures += 1,
            // What is not to be kept and cannot be removed is no reason to stop.
            Error::Interrupted { step: 4, .. } => {}
            other => panic!("call {at}: {other}"),
        }
        // There is a whole one of step 2 or after it, and the run goes on from it as if nothing had been.
        let found = CheckpointFolder::new(&folder.0).newest::<f64>().unwrap().unwrap();
        assert!(found.checkpoint.position.step >= 2 && found.damaged.is_empty(), "call {at}");
        let resumed = run(trainer().checkpoint(&folder.0, Every::Epochs(9)).resume()).unwrap();
        assert_eq!((resumed.model, resumed.optimizer), (whole.model.clone(), whole.optimizer.clone()), "call {at}");
        assert!(folder.names().iter().all(|name| !name.ends_with(".part")), "call {at}: {:?}", folder.names());
        if !failed {
            break;
        }
    }
    assert!(failures > 40, "{failures} calls failed");
}

#[test]
fn a_full_disk_is_named_and_leaves_nothing_half_written() {
    let folder = Temporary::new();
    run_until(2, trainer().checkpoint(&folder.0, Every::Steps(1)));
    let before = folder.names();
    // The first calls are those that find the checkpoint to go on from.
    let disk = Failing::new(20, ErrorKind::StorageFull, false);
    let failing = CheckpointFolder::new(&folder.0).storage(disk);
    let error = run(trainer().checkpoint(failing, Every::Steps(1)).resume()).unwrap_err();
    assert_eq!(without(&folder.0, &error), "checkpoint: write FOLDER/step-000000000003.ckpt: no storage space");
    assert_eq!(folder.names(), before);
}

#[test]
fn a_folder_that_cannot_be_written_is_named_before_the_first_step() {
    let folder = Temporary::new();
    let disk = Failing::new(1, ErrorKind::ReadOnlyFilesystem, true);
    let read_only = CheckpointFolder::new(&folder.0).storage(disk);
    let error = run(trainer().checkpoint(read_only, Every::Steps(1))).unwrap_err();
    assert_eq!(without(&folder.0, &error), "checkpoint: lock FOLDER/lock: read-only filesystem or storage medium");
    // A file stands where the folder should.
    std::fs::write(folder.0.join("file"), "x").unwrap();
    let error = run(trainer().checkpoint(folder.0.join("file"), Every::Steps(1))).unwrap_err();
    assert!(without(&folder.0, &error).starts_with("checkpoint: make the folder FOLDER/file: "), "{error}");
}

#[test]
fn two_runs_in_one_folder_are_refused_and_a_lock_without_its_process_is_not() {
    let folder = Temporary::new();
    let first = CheckpointFolder::new(&folder.0);
    let open = first.open().unwrap();
    let error = run(trainer().checkpoint(&folder.0, Every::Steps(1)).resume()).unwrap_err();
    let process = std::process::id();
    assert_eq!(
        without(&folder.0, &error),
        format!("checkpoint: FOLDER is in use by another run (process {process}); each run needs a folder of its own")
    );
    drop(open);
    std::fs::write(folder.0.join("lock"), "1").unwrap(); // a process that lives, but has no lock
    run(trainer().checkpoint(&folder.0, Every::Epochs(1)).resume()).unwrap();
}

#[test]
fn a_damaged_newest_file_falls_back_to_the_one_before_and_never_to_the_start() {
    let (whole, folder) = (run(trainer()).unwrap(), Temporary::new());
    run_until(7, trainer().checkpoint(&folder.0, Every::Steps(1)));
    let path = |step: u64| folder.0.join(format!("step-{step:012}.ckpt"));
    let good: Vec<_> = [5, 6, 7].map(|step| std::fs::read(path(step)).unwrap()).into();
    let mut bytes = good[2].clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path(7), &bytes).unwrap();
    std::fs::write(path(6), &good[1][..good[1].len() - 1]).unwrap();

    let found = CheckpointFolder::new(&folder.0).newest::<f64>().unwrap().unwrap();
    assert_eq!((found.checkpoint.position.step, found.path), (5, path(5)));
    let damaged: Vec<_> = found.damaged.iter().map(|error| without(&folder.0, error)).collect();
    assert!(damaged[0].starts_with("checkpoint: FOLDER/step-000000000007.ckpt: "), "{damaged:?}");
    assert!(damaged[0].contains("checksum"), "{damaged:?}");
    assert_eq!(
        damaged[1],
        "checkpoint: FOLDER/step-000000000006.ckpt: best: 4 bytes should follow, and 3 are left: the file has been cut"
    );

    let resumed =
        run(trainer().checkpoint(CheckpointFolder::new(&folder.0).keep(1), Every::Epochs(9)).resume()).unwrap();
    assert_eq!(resumed.told.steps[0].step, 6);
    assert_eq!(resumed.model, whole.model);
    assert!(folder.names().contains(&"step-000000000007.ckpt.damaged".to_owned()), "{:?}", folder.names());

    // All damaged.
    for (_, path) in CheckpointFolder::new(&folder.0).checkpoints().unwrap() {
        std::fs::write(path, "GRADUSCP").unwrap();
    }
    let error = run(trainer().checkpoint(&folder.0, Every::Steps(1)).resume()).unwrap_err();
    let Error::NoGoodCheckpoint { files, .. } = &error else { panic!("{error}") };
    assert_eq!(
        without(&folder.0, &error),
        format!(
            "checkpoint: none of the {files} checkpoints in FOLDER can be read; the newest: checkpoint: \
             FOLDER/step-000000000012.ckpt: the header: 4 bytes should follow, and 0 are left: the file has been cut; \
             another folder begins anew"
        )
    );
}
