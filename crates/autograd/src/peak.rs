//! How much memory did a computation hold at most, when was that, and which lines had made what it held then?

use gradus_linalg::Real;
use ndarray::{ArrayRef, Dimension};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::panic::Location;

/// The most memory that a computation held in arrays at any time: see [`Peak::of`].
///
/// `Display` prints a table, the largest first.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Peak {
    /// Bytes of all arrays at that time.
    pub bytes: usize,
    /// What was being computed; `None` if no operation came after it.
    pub at: Option<Moment>,
    /// What had made these arrays, one row for each operation on each line in each pass, those that hold most first.
    pub rows: Vec<Alive>,
}

/// An operation at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Whether it was on the way back.
    pub pass: Pass,
    /// The operation.
    pub operation: &'static str,
    /// The line that called it.
    pub location: &'static Location<'static>,
}

/// The way there or the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// The computation itself.
    Forward,
    /// [`Var::backward`](crate::Var::backward).
    Backward,
}

/// The arrays that one operation on one line made in one of the passes, and that lived at the time of a [`Peak`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alive {
    /// What made them; `None` if no operation came after them.
    pub by: Option<Moment>,
    /// How many they are.
    pub arrays: usize,
    /// Their bytes.
    pub bytes: usize,
}

impl Peak {
    /// Runs a computation, and says how much memory the arrays that it made held at most at any time: results, what the tape
    /// keeps for the way back, gradients.
    ///
    /// Arrays are those in [`Value`](crate::Value)s that are made on this thread while `f` runs. What was there before, parameters for instance,
    /// does not count; memory that an operation takes over counts as made by it. Where nobody asks, nothing is written down: it
    /// then costs an operation a look at one flag. Unlike [`Tape::take_apart`](crate::Tape::take_apart), which says what the tape
    /// held before the way back, this lets the way back be walked.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Pass, Peak, Tape, Value};
    /// let (gradients, peak) = Peak::of(|| {
    ///     let tape = Tape::<f32>::recording();
    ///     let x = tape.variable(Value::full(1000, 0.5));
    ///     x.exp().sin().sum().backward()
    /// });
    /// assert!(gradients.is_ok());
    /// // x, its exponential and its sine, each of 4000 bytes, and, before the first of them can go, the gradient of the sine.
    /// assert!(peak.bytes >= 12_000 && peak.bytes < 17_000);
    /// let at = peak.at.expect("there were operations");
    /// assert_eq!((at.pass, at.operation), (Pass::Backward, "sum"));
    /// println!("{peak}");
    /// ```
    pub fn of<R>(f: impl FnOnce() -> R) -> (R, Self) {
        METERS.with_borrow_mut(|meters| meters.push(Meter::default()));
        let running = Running; // takes the meter away again if `f` panics
        METERING.set(true);
        let result = f();
        let meter = METERS.with_borrow_mut(Vec::pop);
        std::mem::forget(running);
        METERING.set(METERS.with_borrow(|meters| !meters.is_empty()));
        (result, meter.unwrap_or_default().peak())
    }
}

struct Running;

impl Drop for Running {
    fn drop(&mut self) {
        METERS.with_borrow_mut(Vec::pop);
        METERING.set(METERS.with_borrow(|meters| !meters.is_empty()));
    }
}

thread_local! {
    /// Whether anybody asks.
    static METERING: Cell<bool> = const { Cell::new(false) };
    /// One for each [`Peak::of`] that runs, the innermost last.
    static METERS: RefCell<Vec<Meter>> = const { RefCell::new(Vec::new()) };
}

/// What happened to memory while a computation ran.
#[derive(Default)]
struct Meter {
    /// The memory in use, by its beginning: its end, and which array it is.
    live: BTreeMap<usize, (usize, usize)>,
    arrays: Vec<Life>,
    /// How many of the arrays, from the first, an operation has taken for its own.
    claimed: usize,
    /// Counts what happens.
    now: usize,
    bytes: usize,
    most: usize,
    most_when: usize,
    most_at: Option<Moment>,
}

/// From when to when an array was there, and what made it.
struct Life {
    bytes: usize,
    born: usize,
    died: usize,
    by: Option<Moment>,
}

impl Meter {
    fn take(&mut self, memory: Range<usize>) {
        self.free(memory.clone()); // left over if it went without our knowing
        self.now += 1;
        let bytes = memory.len();
        self.live.insert(memory.start, (memory.end, self.arrays.len()));
        self.arrays.push(Life { bytes, born: self.now, died: usize::MAX, by: None });
        self.bytes += bytes;
        if self.bytes > self.most {
            (self.most, self.most_when, self.most_at) = (self.bytes, self.now, None);
        }
    }

    fn free(&mut self, memory: Range<usize>) {
        while let Some((&start, &(_, array))) = self.overlapping(&memory) {
            self.live.remove(&start);
            self.now += 1;
            self.arrays[array].died = self.now;
            self.bytes -= self.arrays[array].bytes;
        }
    }

    fn overlapping(&self, memory: &Range<usize>) -> Option<(&usize, &(usize, usize))> {
        self.live.range(..memory.end).next_back().filter(|(_, (end, _))| *end > memory.start)
    }

    fn claim(&mut self, moment: Moment) {
        self.arrays[self.claimed..].iter_mut().for_each(|array| array.by = Some(moment));
        self.claimed = self.arrays.len();
        if self.most > 0 {
            self.most_at.get_or_insert(moment);
        }
    }

    fn peak(self) -> Peak {
        let mut rows: Vec<Alive> = Vec::new();
        for Life { bytes, born, died, by } in self.arrays {
            if born <= self.most_when && self.most_when < died {
                match rows.iter_mut().find(|row| row.by == by) {
                    Some(row) => (row.arrays, row.bytes) = (row.arrays + 1, row.bytes + bytes),
                    None => rows.push(Alive { by, arrays: 1, bytes }),
                }
            }
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.bytes)); // stable: in the order of making, among equals
        Peak { bytes: self.most, at: self.most_at, rows }
    }
}

/// Whether anybody asks for the memory of arrays on this thread.
#[inline]
pub(crate) fn is_metering() -> bool {
    METERING.get()
}

fn each_meter(f: impl FnMut(&mut Meter)) {
    METERS.with_borrow_mut(|meters| meters.iter_mut().for_each(f));
}

/// An array has come into a [`Value`](crate::Value): one that nobody else holds, or perhaps another view of memory that is known.
#[cold]
pub(crate) fn note_new<F: Real, D: Dimension>(array: &ArrayRef<F, D>, owned: bool) {
    let memory = span(array);
    if !memory.is_empty() {
        each_meter(|meter| {
            if owned || meter.overlapping(&memory).is_none() {
                meter.take(memory.clone());
            }
        });
    }
}

/// An array has left its [`Value`](crate::Value).
#[cold]
pub(crate) fn note_gone<F: Real, D: Dimension>(array: &ArrayRef<F, D>) {
    let memory = span(array);
    each_meter(|meter| meter.free(memory.clone()));
}

/// An operation has computed something, or walked its way back.
#[cold]
pub(crate) fn note_operation(pass: Pass, operation: &'static str, location: &'static Location<'static>) {
    each_meter(|meter| meter.claim(Moment { pass, operation, location }));
}

/// The addresses between which the elements of an array lie.
fn span<F, D: Dimension>(array: &ArrayRef<F, D>) -> Range<usize> {
    if array.is_empty() {
        return 0..0;
    }
    let (mut low, mut high) = (0, 1);
    for (&len, &stride) in array.shape().iter().zip(array.strides()) {
        let reach = (len - 1) as isize * stride;
        (low, high) = (low + reach.min(0), high + reach.max(0));
    }
    let at = |elements: isize| array.as_ptr().addr().wrapping_add_signed(elements * size_of::<F>() as isize);
    at(low)..at(high)
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {}", self.operation, self.pass, self.location)
    }
}

impl fmt::Display for Peak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at most", self.bytes)?;
        if let Some(at) = self.at {
            write!(f, ", in {at}")?;
        }
        writeln!(f, "\n{:>14} {:>8}  made by", "bytes", "arrays")?;
        for Alive { by, arrays, bytes } in &self.rows {
            write!(f, "{bytes:>14} {arrays:>8}  ")?;
            match by {
                Some(by) => writeln!(f, "{by}")?,
                None => writeln!(f, "no operation")?,
            }
        }
        Ok(())
    }
}
