//! Files larger than memory, read in windows.

mod rows;

pub use rows::CsvRows;

use crate::element::{ByteOrder, Element};
use crate::npy::Header;
use crate::source::Source;
use crate::{Dataset, Error, Result, idx};
use gradus_linalg::ndarray::ArrayD;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What is read at a time, unless asked otherwise.
const BUFFER: usize = 1 << 20;

/// The samples of a file that stays on disk: the first axis of an IDX or NPY array, or records of raw numbers.
///
/// Who asks for one sample after the other is served from a window that moves over the file; who jumps about, as a shuffled epoch does, causes
/// one read of one sample each time, which costs little as long as the operating system has the file in its cache.
/// Memory is that of the window, 1 MiB unless [`buffer`](Self::buffer) says otherwise, or of one sample if that is larger, whatever the size of
/// the file. A header is compared with the file's size when it is opened, so that no claim is believed.
///
/// Numbers are given as they are; [`mapped`](Dataset::mapped) makes others of them.
///
/// # Examples
/// ```
/// use gradus_data::{Dataset, Loader, NpyArray, Windows};
/// use gradus_linalg::ndarray::{Array2, array};
///
/// # let path = std::env::temp_dir().join(format!("gradus-data-windows-{}.npy", std::process::id()));
/// NpyArray::from(Array2::from_shape_fn((1000, 2), |(i, j)| (2 * i + j) as u8)).write(&path)?;
///
/// let pixels = Windows::<u8>::npy(&path)?;
/// assert_eq!((pixels.len(), pixels.get(3)?), (1000, array![6, 7].into_dyn()));
/// let inputs = pixels.mapped(|sample| Ok(sample.mapv(|pixel| f32::from(pixel) / 255.0)));
/// let loader = Loader::new(inputs, 32)?.shuffled().workers(1);
/// assert_eq!(loader.epoch(0)?.next().transpose()?.map(|batch| batch.shape().to_vec()), Some(vec![32, 2]));
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), gradus_data::Error>(())
/// ```
pub struct Windows<E> {
    path: PathBuf,
    /// Where the first sample begins.
    start: u64,
    len: usize,
    /// The shape of a sample.
    shape: Vec<usize>,
    order: ByteOrder,
    /// Samples that a window holds.
    capacity: usize,
    window: Mutex<Window<E>>,
}

/// The part of the file that is in memory.
struct Window<E> {
    file: File,
    /// The samples `first .. first + samples`.
    first: usize,
    samples: usize,
    numbers: Vec<E>,
    bytes: Vec<u8>,
}

impl<E: Element> Windows<E> {
    /// The samples of an IDX file, which must be a plain one.
    ///
    /// # Errors
    /// - The errors of [`IdxArray::read`](crate::IdxArray::read), but for those of compressed files.
    /// - [`Error::NoWindows`] if it is compressed; [`Error::OtherElement`] if its numbers are not of type `E`.
    /// - [`Error::NoSampleAxis`] if the array has no axis that could number the samples.
    pub fn idx(path: impl AsRef<Path>) -> Result<Self> {
        let mut source = plain(path.as_ref(), "idx")?;
        let (element, shape) = idx::header(&mut source)?;
        Self::of_array(&source, element.name(), &shape, 4 + 4 * shape.len(), ByteOrder::Big)
    }

    /// The samples of an NPY file in C order.
    ///
    /// # Errors
    /// - The errors of [`NpyArray::read`](crate::NpyArray::read), but for those of compressed files.
    /// - [`Error::NoWindows`] if it is compressed or in Fortran order, in which a sample's numbers are strewn over the file;
    ///   [`Error::OtherElement`] if its numbers are not of type `E`.
    /// - [`Error::NoSampleAxis`] if the array has no axis that could number the samples.
    pub fn npy(path: impl AsRef<Path>) -> Result<Self> {
        let mut source = plain(path.as_ref(), "npy")?;
        let Header { element, order, fortran_order, shape, len } = Header::read(&mut source)?;
        // With one axis the two orders are one.
        if fortran_order && shape.len() > 1 {
            let reason = "it is in Fortran order, in which no sample is in one piece; save it in C order, as `numpy.ascontiguousarray` gives";
            return Err(Error::NoWindows { path: source.path.into(), reason });
        }
        Self::of_array(&source, element.name(), &shape, len, order)
    }

    /// The samples of a file that is nothing but numbers, little-endian, each sample of the same shape.
    ///
    /// ```no_run
    /// use gradus_data::{Dataset, Windows};
    ///
    /// // CIFAR-10: a label and 3·32·32 pixels.
    /// let records = Windows::<u8>::raw("data_batch_1.bin", &[3073])?;
    /// let labels = records.mapped(|record| Ok(usize::from(record[[0]])));
    /// # Ok::<(), gradus_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Io`] if the file cannot be opened.
    /// - [`Error::PartialSample`] if it is no whole number of samples.
    /// - [`Error::NoWindows`] if a sample would have no number, or more than can be counted.
    pub fn raw(path: impl AsRef<Path>, sample_shape: &[usize]) -> Result<Self> {
        let path = path.as_ref();
        let (file, bytes) = open(path)?;
        let sample = sample_shape.iter().try_fold(E::SIZE, |bytes, &n| bytes.checked_mul(n));
        let sample = sample.filter(|&sample| sample > 0 && isize::try_from(sample).is_ok());
        let sample = sample.ok_or_else(|| Error::NoWindows {
            path: path.into(),
            reason: "a sample needs at least one number, and no more than memory can address",
        })?;
        if bytes % sample as u64 != 0 {
            return Err(Error::PartialSample { path: path.into(), bytes, sample: sample as u64 });
        }
        let len = usize::try_from(bytes / sample as u64).unwrap_or(usize::MAX);
        Ok(Self::new(path, file, 0, len, sample_shape.to_vec(), ByteOrder::Little))
    }

    /// The bytes of the file that are read at a time: at least one sample is.
    #[must_use]
    pub fn buffer(mut self, bytes: usize) -> Self {
        self.capacity = bytes.checked_div(self.sample_bytes()).unwrap_or(bytes).max(1);
        self
    }

    /// The shape of a sample.
    #[must_use]
    pub fn sample_shape(&self) -> &[usize] {
        &self.shape
    }

    fn of_array(
        source: &Source<'_>,
        found: &'static str,
        shape: &[usize],
        start: usize,
        order: ByteOrder,
    ) -> Result<Self> {
        if found != E::NAME {
            return Err(Error::OtherElement { path: source.path.into(), found, expected: E::NAME });
        }
        let expected = source.payload_len(E::NAME, E::SIZE, shape)?;
        let (file, bytes) = open(source.path)?;
        let there = bytes.saturating_sub(start as u64);
        match there.cmp(&(expected as u64)) {
            std::cmp::Ordering::Less => Err(source.truncated("array", expected, there as usize)),
            std::cmp::Ordering::Greater => Err(source.trailing(shape, expected)),
            std::cmp::Ordering::Equal => {
                let (&len, sample) = shape.split_first().ok_or(Error::NoSampleAxis)?;
                Ok(Self::new(source.path, file, start as u64, len, sample.to_vec(), order))
            }
        }
    }

    fn new(path: &Path, file: File, start: u64, len: usize, shape: Vec<usize>, order: ByteOrder) -> Self {
        let window = Mutex::new(Window { file, first: 0, samples: 0, numbers: Vec::new(), bytes: Vec::new() });
        Self { path: path.into(), start, len, shape, order, capacity: 1, window }.buffer(BUFFER)
    }

    fn numbers(&self) -> usize {
        self.shape.iter().product()
    }

    fn sample_bytes(&self) -> usize {
        self.numbers() * E::SIZE
    }
}

impl<E: Element> Dataset for Windows<E> {
    type Sample = ArrayD<E>;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> Result<ArrayD<E>> {
        Error::check_sample(index, self.len)?;
        // A thread that panicked here leaves a window that is empty or whole.
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = window.first + window.samples;
        if !(window.first..behind).contains(&index) {
            let samples = if index == behind { self.capacity.min(self.len - index) } else { 1 };
            let place = self.start + index as u64 * self.sample_bytes() as u64;
            window
                .move_to(index, samples, place, samples * self.sample_bytes(), self.order)
                .map_err(|source| Error::Io { operation: "read", path: self.path.clone(), source })?;
        }
        let (n, place) = (self.numbers(), index - window.first);
        let numbers = window.numbers[place * n..(place + 1) * n].to_vec();
        Ok(ArrayD::from_shape_vec(self.shape.clone(), numbers).expect("a sample has as many numbers as its shape"))
    }
}

impl<E: Element> Window<E> {
    fn move_to(&mut self, first: usize, samples: usize, place: u64, bytes: usize, order: ByteOrder) -> io::Result<()> {
        self.samples = 0;
        self.numbers.clear();
        self.bytes.resize(bytes, 0);
        self.file.seek(SeekFrom::Start(place))?;
        self.file.read_exact(&mut self.bytes)?;
        E::decode(&self.bytes, order, &mut self.numbers);
        (self.first, self.samples) = (first, samples);
        Ok(())
    }
}

impl<E> fmt::Debug for Windows<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Windows")
            .field("path", &self.path)
            .field("len", &self.len)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// A source that is not compressed.
fn plain<'a>(path: &'a Path, format: &'static str) -> Result<Source<'a>> {
    let source = Source::open(path, format)?;
    if source.is_plain() {
        return Ok(source);
    }
    Err(Error::NoWindows {
        path: path.into(),
        reason: "it is compressed, and has no places to jump to; unpack it first",
    })
}

/// A file and its size.
fn open(path: &Path) -> Result<(File, u64)> {
    let error = |source| Error::Io { operation: "read", path: path.into(), source };
    let file = File::open(path).map_err(error)?;
    let size = file.metadata().map_err(error)?.len();
    Ok((file, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_takes_what_its_buffer_does() {
        let path = std::env::temp_dir().join(format!("gradus-data-window-{}", std::process::id()));
        std::fs::write(&path, vec![7; 100_000]).unwrap();
        let windows = Windows::<u16>::raw(&path, &[5]).unwrap().buffer(1000);
        std::fs::remove_file(&path).unwrap();
        let order = (0..10_000).chain((0..10_000).map(|i| i * 7919 % 10_000)).chain(0..10_000);
        for index in order {
            assert_eq!(windows.get(index).unwrap().len(), 5);
            let window = windows.window.lock().unwrap();
            assert!(window.bytes.capacity() <= 1000 && window.numbers.capacity() <= 500);
        }
    }
}
