//! Text in columns, as the reports of `gradus-nn-layers` print it.

use std::fmt;

/// Writes rows in columns, the first of them flush left and the others flush right.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let length = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| length(column).unwrap_or(0)).collect();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            line += &if column == 0 { format!("{cell:width$}") } else { format!("  {cell:>width$}") };
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

/// The same text for each, as a row.
pub(crate) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// A whole number with commas between its thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap_or("")).collect();
    groups.join(",")
}

/// One number for each axis: the number alone where all are the same, else with this between them.
pub(crate) fn per_axis<T: PartialEq + fmt::Display>(numbers: &[T], between: &str) -> String {
    match numbers {
        [first, others @ ..] if others.iter().all(|other| other == first) => first.to_string(),
        _ => numbers.iter().map(T::to_string).collect::<Vec<_>>().join(between),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([per_axis(&[3, 3], " × "), per_axis(&[3, 5], " × "), per_axis(&[7], "")], ["3", "3 × 5", "7"]);
    }
}
