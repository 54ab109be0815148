//! Which arrays to draw.

use super::Draw;
use ndarray::ArrayD;

/// Which arrays a check draws: their shapes, and the numbers in them.
///
/// # Examples
/// ```
/// use gradus_autograd::testing::{Draw, Inputs};
/// let mut draw = Draw::new(1);
/// let x = Inputs::sized("nk km").within(0.0, 1.0).draw(&mut draw);
/// assert_eq!(x[0].shape()[1], x[1].shape()[0]);
/// ```
#[derive(Debug, Clone)]
pub struct Inputs {
    shapes: Shapes,
    smallest: usize,
    low: f64,
    high: f64,
    kinks: Vec<f64>,
    distinct: bool,
}

#[derive(Debug, Clone)]
enum Shapes {
    Broadcast(usize),
    Same(usize),
    Ending(Vec<usize>),
    Sized(Vec<Vec<char>>),
}

impl Inputs {
    fn new(shapes: Shapes) -> Self {
        Self { shapes, smallest: 0, low: -2.0, high: 2.0, kinks: Vec::new(), distinct: false }
    }

    /// One array of any shape.
    #[must_use]
    pub fn any() -> Self {
        Self::broadcast(1)
    }

    /// So many arrays whose shapes broadcast together.
    #[must_use]
    pub fn broadcast(count: usize) -> Self {
        Self::new(Shapes::Broadcast(count))
    }

    /// So many arrays of the same shape.
    #[must_use]
    pub fn same(count: usize) -> Self {
        Self::new(Shapes::Same(count))
    }

    /// One array with these last axes, and none, one or two before them: what a layer takes.
    #[must_use]
    pub fn ending(axes: &[usize]) -> Self {
        Self::new(Shapes::Ending(axes.to_vec()))
    }

    /// A word for each array, a letter for each axis; equal letters are of equal length: `"nk km"` is a product.
    #[must_use]
    pub fn sized(words: &str) -> Self {
        Self::new(Shapes::Sized(words.split_whitespace().map(|word| word.chars().collect()).collect()))
    }

    /// Numbers between these two; otherwise they lie between −2 and 2.
    #[must_use]
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { low, high, ..self }
    }

    /// No number closer than 0.001 to any of these, where the function has a kink.
    #[must_use]
    pub fn away_from(self, kinks: &[f64]) -> Self {
        Self { kinks: kinks.to_vec(), ..self }
    }

    /// No two numbers of an array closer than 0.01, in magnitude either, nor to 0: for maxima. The range does not apply.
    #[must_use]
    pub fn distinct(self) -> Self {
        Self { distinct: true, ..self }
    }

    /// No axis of length 0, for functions that have no value for nothing.
    #[must_use]
    pub fn nonempty(self) -> Self {
        Self { smallest: 1, ..self }
    }

    /// Draws one set of arrays.
    #[cfg_attr(not(debug_assertions), inline)] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn draw(&self, draw: &mut Draw) -> Vec<ArrayD<f64>> {
        let shapes: Vec<Vec<usize>> = match &self.shapes {
            Shapes::Broadcast(count) => {
                let full = draw.shape(0..=4, self.smallest);
                // One is whole, or the full shape would be rare.
                let whole = draw.below(*count);
                (0..*count).map(|i| if i == whole { full.clone() } else { draw.narrowed(&full) }).collect()
            }
            Shapes::Same(count) => vec![draw.shape(0..=4, self.smallest); *count],
            Shapes::Ending(axes) => vec![[draw.shape(0..=2, self.smallest), axes.clone()].concat()],
            Shapes::Sized(words) => {
                let mut lengths: Vec<(char, usize)> = Vec::new();
                let mut length = |letter: char| match lengths.iter().find(|(known, _)| *known == letter) {
                    Some(&(_, length)) => length,
                    None => {
                        let length = draw.size(self.smallest).min(4);
                        lengths.push((letter, length));
                        length
                    }
                };
                words.iter().map(|word| word.iter().map(|&letter| length(letter)).collect()).collect()
            }
        };
        shapes.iter().map(|shape| self.fill(shape, draw)).collect()
    }

    #[cfg_attr(not(debug_assertions), inline)]
    fn fill(&self, shape: &[usize], draw: &mut Draw) -> ArrayD<f64> {
        if self.distinct {
            return draw.distinct(shape);
        }
        let mut x = draw.array(shape, self.low, self.high);
        for x in &mut x {
            // Few tries are needed: the neighbourhoods of the kinks are small.
            for _ in 0..100 {
                if self.kinks.iter().all(|kink| (*x - kink).abs() > 1e-3) {
                    break;
                }
                *x = draw.number(self.low, self.high);
            }
        }
        x
    }
}
