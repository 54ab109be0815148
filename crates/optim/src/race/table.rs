//! A table in Markdown, its columns aligned for those who read it as text.

use std::fmt;

/// Names to the left, numbers to the right.
#[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
pub(crate) fn write_table<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    header: [String; N],
    rows: &[[String; N]],
) -> fmt::Result {
    let width = |column: usize| {
        let cells = rows.iter().chain([&header]).map(|row| escaped(&row[column]).chars().count());
        cells.max().unwrap_or(0).max(3)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |f: &mut fmt::Formatter<'_>, row: &[String; N]| {
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let cell = escaped(cell);
            if column == 0 { write!(f, "| {cell:<width$} |")? } else { write!(f, " {cell:>width$} |")? }
        }
        writeln!(f)
    };
    line(f, &header)?;
    let rules = std::array::from_fn(|column| {
        if column == 0 { "-".repeat(widths[column]) } else { format!("{}:", "-".repeat(widths[column] - 1)) }
    });
    line(f, &rules)?;
    rows.iter().try_for_each(|row| line(f, row))
}

/// A bar would end the cell.
#[inline]
fn escaped(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    struct Table;

    impl std::fmt::Display for Table {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            super::write_table(f, ["name", "x"].map(str::to_owned), &[["a|b", "1"].map(str::to_owned)])
        }
    }

    #[test]
    fn by_hand() {
        assert_eq!(Table.to_string(), "| name |   x |\n| ---- | --: |\n| a\\|b |   1 |\n");
    }
}
