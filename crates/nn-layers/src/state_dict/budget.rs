//! How much memory a file may ask for.

use crate::{Error, Result};

/// What reading a file may still allocate: so much for every byte that the file really has, and some for free.
///
/// Three things in an archive can be far larger than the file: a deflated member (up to 1032 times), a tensor that repeats
/// a small storage with stride 0, and views of one storage under very many names. Weights hardly compress, so that what
/// is larger by a hundred times was not trained.
#[derive(Debug)]
pub(super) struct Budget {
    file: usize,
    limit: usize,
    spent: usize,
}

impl Budget {
    const FREE: usize = 64 << 20;
    const FOR_EACH_BYTE: usize = 100;

    pub(super) fn of(file: usize) -> Self {
        Self { file, limit: file.saturating_mul(Self::FOR_EACH_BYTE).saturating_add(Self::FREE), spent: 0 }
    }

    /// Asked before memory is taken.
    pub(super) fn spend(&mut self, what: &str, bytes: u64) -> Result<()> {
        let spent = usize::try_from(bytes).ok().and_then(|bytes| self.spent.checked_add(bytes));
        match spent {
            Some(spent) if spent <= self.limit => self.spent = spent,
            _ => {
                let (file, limit, spent) = (self.file, self.limit, self.spent);
                return Err(Error::TooLarge { name: what.to_owned(), needed: bytes, spent, limit, file });
            }
        }
        Ok(())
    }
}
