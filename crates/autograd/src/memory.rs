//! Which operation, on which line, holds how much memory?

use crate::Tape;
use crate::tape::{Backward, Entry};
use crate::value::{Bytes, count_dropped};
use gradus_linalg::Real;
use std::fmt;
use std::mem::{size_of, size_of_val};
use std::panic::Location;

/// The memory that a tape held, by operation and line: see [`Tape::take_apart`].
///
/// `Display` prints a table, the largest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// One row for each operation on each line, those that hold most first.
    pub rows: Vec<Held>,
}

/// The memory that one operation on one line held.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The operation.
    pub operation: &'static str,
    /// The line that called it.
    pub location: &'static Location<'static>,
    /// How many entries of the list it made.
    pub entries: usize,
    /// Bytes of arrays that the tape alone kept alive. An array that several entries saved counts for the first.
    pub held: usize,
    /// Bytes of arrays that it saved but that live without it: parameters, variables in scope, what another row holds.
    pub shared: usize,
    /// Bytes of the entries themselves and their closures.
    pub entry: usize,
}

impl Memory {
    /// Bytes of arrays that the tape alone kept alive: what would be free without it.
    #[must_use]
    pub fn held(&self) -> usize {
        self.rows.iter().map(|row| row.held).sum()
    }

    /// Bytes of the list itself.
    #[must_use]
    pub fn entry(&self) -> usize {
        self.rows.iter().map(|row| row.entry).sum()
    }
}

impl<F: Real> Tape<F> {
    /// Takes the tape apart, entry by entry, and says how much memory each operation on each line held.
    ///
    /// What a backward rule has saved only shows when the rule goes: the tape cannot be walked afterwards. Nothing is
    /// counted before this call, and so it costs a recording nothing. Drop the variables that a training step would have
    /// dropped by now, so that what they hold does not count as shared. Arrays in [`Value`](crate::Value)s are counted; an index
    /// or a mask that a rule keeps is not, and neither is what [`Tape::watch_finite`] keeps for its reports.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, Value};
    /// let tape = Tape::<f32>::recording();
    /// let x = tape.variable(Value::full(1000, 0.5));
    /// let loss = x.exp().sin().sum(); // the slope of exp needs its result, that of sin its argument: the same array
    /// let memory = tape.take_apart();
    /// assert_eq!(memory.held(), 4000);
    /// assert_eq!(memory.rows[0].operation, "exp");
    /// println!("{memory}");
    /// # drop((x, loss));
    /// ```
    #[must_use]
    pub fn take_apart(self) -> Memory {
        let mut list = self.list.borrow_mut();
        (list.spent, list.recording) = (true, false);
        let mut entries = std::mem::take(&mut list.entries);
        let other =
            (std::mem::take(&mut list.kept), std::mem::take(&mut list.operands), std::mem::take(&mut list.hooks));
        drop(list); // what is dropped here may hold variables of this tape
        drop(other);
        let mut rows: Vec<Held> = Vec::new();
        while let Some(Entry { operation, location, backward, .. }) = entries.pop() {
            let closure = match &backward {
                Backward::One(rule) => size_of_val(&**rule),
                Backward::Many(_, rule) => size_of_val(&**rule),
                Backward::Leaf(_) | Backward::Further => 0,
            };
            let Bytes { freed, shared } = count_dropped(|| drop(backward));
            // The last in the list are the likeliest to be met again.
            let place = rows.iter().rposition(|row| row.operation == operation && row.location == location);
            let place = place.unwrap_or_else(|| {
                rows.push(Held { operation, location, entries: 0, held: 0, shared: 0, entry: 0 });
                rows.len() - 1
            });
            let row = &mut rows[place];
            row.entries += 1;
            row.held += freed;
            row.shared += shared;
            row.entry += size_of::<Entry<F>>() + closure;
        }
        rows.reverse(); // in the order of recording, among equals
        rows.sort_by_key(|row| std::cmp::Reverse(row.held));
        Memory { rows }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (held, entries) = (self.held(), self.rows.iter().map(|row| row.entries).sum::<usize>());
        writeln!(f, "{held} bytes held by {entries} entries, which take {} themselves", self.entry())?;
        writeln!(f, "{:>14} {:>14} {:>8}  operation", "held", "shared", "entries")?;
        for Held { operation, location, entries, held, shared, .. } in &self.rows {
            writeln!(f, "{held:>14} {shared:>14} {entries:>8}  {operation} at {location}")?;
        }
        Ok(())
    }
}
