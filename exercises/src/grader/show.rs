//! Numbers and arrays as a learner reads them.

use gradus::ndarray::{ArrayRef, Dimension};
use std::fmt::Debug;

/// So many numbers of an array are shown; of a longer one the first.
const SHOWN: usize = 24;

/// An array in one line: its shape, and its numbers with brackets around each row.
pub(super) fn array<A: Debug, D: Dimension>(x: &ArrayRef<A, D>) -> String {
    let shape = x.shape();
    let mut text = format!("{}: ", sizes(shape));
    for (at, number) in x.iter().enumerate().take(SHOWN) {
        // A bracket opens for each axis that begins at this number, and closes for each that ended before it.
        let begun = depth(shape, at);
        if at > 0 {
            text += &"]".repeat(begun);
            text += ", ";
        }
        text += &"[".repeat(if at == 0 { shape.len() } else { begun });
        text += &format!("{number:?}");
    }
    match x.len().checked_sub(SHOWN) {
        Some(rest) if rest > 0 => text + &format!(", and {rest} more"),
        _ if x.is_empty() => text + "[]",
        _ => text + &"]".repeat(shape.len()),
    }
}

/// The sizes of a shape as a tuple: `(2, 3)`.
pub(super) fn sizes(shape: &[usize]) -> String {
    let sizes: Vec<_> = shape.iter().map(usize::to_string).collect();
    format!("({}{})", sizes.join(", "), if sizes.len() == 1 { "," } else { "" })
}

/// How many axes begin anew at the number that stands at this place in row-major order.
fn depth(shape: &[usize], at: usize) -> usize {
    let mut block = 1;
    shape
        .iter()
        .rev()
        .take_while(|&&size| {
            block *= size.max(1);
            at.is_multiple_of(block)
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus::ndarray::{Array1, Array3, arr0, array};

    #[test]
    fn brackets_stand_around_rows() {
        assert_eq!(array(&arr0(1.5)), "(): 1.5");
        assert_eq!(array(&array![1.0, -2.0]), "(2,): [1.0, -2.0]");
        assert_eq!(array(&array![[1, 2], [3, 4]]), "(2, 2): [[1, 2], [3, 4]]");
        let cube = Array3::from_shape_vec((2, 2, 1), vec![1, 2, 3, 4]).unwrap();
        assert_eq!(array(&cube), "(2, 2, 1): [[[1], [2]], [[3], [4]]]");
        assert_eq!(array(&Array1::<f64>::zeros(0)), "(0,): []");
    }

    #[test]
    fn a_long_array_is_cut() {
        let text = array(&Array1::<u8>::zeros(100));
        assert!(text.ends_with("0, 0, and 76 more"), "{text}");
    }
}
