//! The checkpoints of one run in one folder: written whole or not at all, the last few kept, and found again.

use super::{Checkpoint, CheckpointError, Disk, Storage};
use crate::{Error, Result};
use gradus_autograd::Real;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A folder for the checkpoints of one run: `step-000000001234.ckpt` and so on.
///
/// The last few are kept (3, unless [`keep`](Self::keep) says otherwise), and that of the epoch with the lowest test loss beside them.
///
/// # What is promised
/// A checkpoint is written to a file of another name, the file is brought to disk (`fsync`), renamed, and the folder brought to disk, before
/// an older one is removed. So there is always a whole one if there ever was: after a crash or `kill -9` of the program at any
/// moment (tests do that), after an error of the disk at any moment (tests do that, too), and after a loss of power as far as the disk
/// keeps what it says it has written (which no test of a program can show). Windows documents no such promise for a
/// rename; as each checkpoint has a name of its own, the ones before stay as they are.
///
/// While a run has the folder open no other can open it. The lock is the system's and ends with the process.
///
/// # Examples
/// ```
/// use gradus_train::{CheckpointFolder, Every, Trainer};
///
/// let folder = CheckpointFolder::new("runs/digits").keep(5);
/// let trainer: Trainer = Trainer::new(20).checkpoint(folder, Every::Steps(500)).resume();
/// ```
#[derive(Debug)]
pub struct CheckpointFolder {
    path: PathBuf,
    keep: usize,
    storage: Box<dyn Storage>,
}

impl<P: Into<PathBuf>> From<P> for CheckpointFolder {
    fn from(path: P) -> Self {
        Self::new(path)
    }
}

/// A checkpoint that was found in a folder.
#[derive(Debug)]
pub struct Found<F: Real = f32> {
    /// The checkpoint.
    pub checkpoint: Checkpoint<F>,
    /// Its file.
    pub path: PathBuf,
    /// What was wrong with the newer ones, the newest first.
    pub damaged: Vec<Error>,
}

impl CheckpointFolder {
    /// The folder at this path, which need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), keep: 3, storage: Box::new(Disk) }
    }

    /// Keeps so many of the last checkpoints, at least 1, and the best one beside them.
    #[must_use]
    pub fn keep(self, last: usize) -> Self {
        Self { keep: last, ..self }
    }

    /// Another file system than the [`Disk`].
    #[must_use]
    pub fn storage(self, storage: impl Storage + 'static) -> Self {
        Self { storage: Box::new(storage), ..self }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        if self.keep == 0 {
            let expected = "must be at least 1: the last checkpoint is what a run goes on from";
            return Err(Error::Setting { setting: "keep", value: "0".to_owned(), expected });
        }
        Ok(())
    }

    /// Makes the folder if need be, takes it for this run alone, and removes what an interrupted run has left half written.
    ///
    /// # Errors
    /// [`Error::FolderLocked`] if another run has it, [`Error::CheckpointIo`] if it cannot be written, [`Error::Setting`] if
    /// [`keep`](Self::keep) is 0.
    pub fn open(&self) -> Result<OpenFolder<'_>> {
        self.validate()?;
        self.storage.create_folder(&self.path).map_err(io("make the folder", &self.path))?;
        let lock = self.path.join("lock");
        let Some(held) = self.storage.lock(&lock).map_err(io("lock", &lock))? else {
            let holder = self.storage.read(&lock).ok().and_then(|pid| String::from_utf8(pid).ok()?.trim().parse().ok());
            return Err(Error::FolderLocked { folder: self.path.clone(), process: holder });
        };
        for path in self.files()? {
            if path.extension().is_some_and(|extension| extension == "part") {
                self.storage.remove(&path).map_err(io("remove the unfinished", &path))?;
            }
        }
        Ok(OpenFolder { folder: self, lock: held })
    }

    /// The newest checkpoint that is whole; `None` if there is none at all. This needs no lock, and changes nothing.
    ///
    /// # Errors
    /// [`Error::NoGoodCheckpoint`] if there are some and none is whole; [`Error::Checkpoint`] if the newest was written by a later version
    /// of this crate, or for numbers of another type, which is no damage to fall back from.
    pub fn newest<F: Real>(&self) -> Result<Option<Found<F>>> {
        let mut damaged = Vec::new();
        for (_, path) in self.checkpoints()?.into_iter().rev() {
            match get(&*self.storage, &path) {
                Ok(checkpoint) => return Ok(Some(Found { checkpoint, path, damaged })),
                Err(
                    error @ Error::Checkpoint {
                        source: CheckpointError::Version { .. } | CheckpointError::Element { .. },
                        ..
                    },
                ) => return Err(error),
                Err(error) => damaged.push(error),
            }
        }
        if damaged.is_empty() {
            return Ok(None);
        }
        let files = damaged.len();
        let newest = Box::new(damaged.swap_remove(0));
        Err(Error::NoGoodCheckpoint { folder: self.path.clone(), files, newest })
    }

    /// The steps that there is a checkpoint of, and the files, in order.
    ///
    /// # Errors
    /// [`Error::CheckpointIo`] if the folder cannot be read.
    pub fn checkpoints(&self) -> Result<Vec<(u64, PathBuf)>> {
        let step_of = |path: &Path| -> Option<u64> {
            let name = path.file_name()?.to_str()?;
            name.strip_prefix("step-")?.strip_suffix(".ckpt")?.parse().ok()
        };
        let mut found: Vec<_> = self.files()?.into_iter().filter_map(|path| Some((step_of(&path)?, path))).collect();
        found.sort();
        Ok(found)
    }

    fn files(&self) -> Result<Vec<PathBuf>> {
        self.storage.list(&self.path).map_err(io("look into", &self.path))
    }
}

/// A folder that this run alone has, until this is dropped.
#[derive(Debug)]
pub struct OpenFolder<'a> {
    folder: &'a CheckpointFolder,
    lock: File,
}

/// Given back outright: a process that another thread is just starting has a copy of the file, and would keep the lock for a moment.
impl Drop for OpenFolder<'_> {
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl OpenFolder<'_> {
    /// Writes a checkpoint, and then removes those that are no longer to be kept; returns its file.
    ///
    /// # Errors
    /// [`Error::CheckpointIo`]; the checkpoints that were there are as they were then.
    pub fn save<F: Real>(&self, checkpoint: &Checkpoint<F>) -> Result<PathBuf> {
        let folder = self.folder;
        let step = checkpoint.position.step;
        let path = folder.path.join(format!("step-{step:012}.ckpt"));
        put(&*folder.storage, &path, checkpoint)?;
        let best = best_step(checkpoint);
        let all = folder.checkpoints()?;
        for (other, path) in &all[..all.len().saturating_sub(folder.keep)] {
            if *other != step && Some(*other) != best {
                // What could not be removed is in nobody's way, and the next time tries again.
                let _ = folder.storage.remove(path);
            }
        }
        Ok(path)
    }

    /// The newest checkpoint that is whole, as [`CheckpointFolder::newest`] finds it. Newer ones that are damaged are put aside, as
    /// `….ckpt.damaged`.
    ///
    /// # Errors
    /// Those of [`CheckpointFolder::newest`], and [`Error::CheckpointIo`] if a damaged file cannot be put aside.
    pub fn newest<F: Real>(&self) -> Result<Option<Found<F>>> {
        let found = self.folder.newest()?;
        if let Some(Found { damaged, .. }) = &found {
            for path in damaged.iter().filter_map(path_of) {
                let mut aside = path.as_os_str().to_owned();
                aside.push(".damaged");
                let aside = PathBuf::from(aside);
                self.folder.storage.rename(path, &aside).map_err(io("put aside", path))?;
            }
        }
        Ok(found)
    }

    /// The folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder.path
    }
}

/// The file that could not be read.
fn path_of(error: &Error) -> Option<&PathBuf> {
    match error {
        Error::Checkpoint { path, .. } | Error::CheckpointIo { path, .. } => Some(path),
        _ => None,
    }
}

/// The step at which the epoch with the lowest test loss ended.
fn best_step<F: Real>(checkpoint: &Checkpoint<F>) -> Option<u64> {
    let position = &checkpoint.position;
    let steps = position.samples.div_ceil(position.batch_size.max(1)) as u64;
    let best = checkpoint.history.epochs.iter().min_by(|a, b| a.test_loss.total_cmp(&b.test_loss))?;
    steps.checked_mul(best.epoch as u64)
}

fn io<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Error + 'a {
    move |source| Error::CheckpointIo { operation, path: path.to_owned(), source }
}

/// Puts a checkpoint at this path: there is the old file or the new one, whole.
pub(super) fn put<F: Real>(storage: &dyn Storage, path: &Path, checkpoint: &Checkpoint<F>) -> Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".part");
    let temporary = PathBuf::from(temporary);
    let written = (|| {
        let mut file = storage.create(&temporary)?;
        checkpoint.write(&mut |piece| file.write_all(piece))?;
        file.flush()?;
        file.sync()?;
        drop(file);
        storage.rename(&temporary, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        storage.sync_folder(folder.unwrap_or(Path::new(".")))
    })();
    written.map_err(|source| {
        let _ = storage.remove(&temporary); // the first error is the one to tell
        io("write", path)(source)
    })
}

/// Reads the checkpoint at this path.
pub(super) fn get<F: Real>(storage: &dyn Storage, path: &Path) -> Result<Checkpoint<F>> {
    let bytes = storage.read(path).map_err(io("read", path))?;
    Checkpoint::from_bytes(&bytes).map_err(|source| Error::Checkpoint { path: path.to_owned(), source })
}
