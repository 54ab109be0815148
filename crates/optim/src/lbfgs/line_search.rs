//! How far to go along a direction: a line search for the strong Wolfe conditions.

/// The loss somewhere along the direction.
#[derive(Debug, Clone)]
pub(super) struct Point<G> {
    /// How far along.
    pub(super) t: f64,
    pub(super) loss: f64,
    /// The derivative of the loss by `t`.
    pub(super) slope: f64,
    /// The whole gradient.
    pub(super) gradient: G,
}

/// Looks for a `t` at which the loss has fallen enough and the slope is much flatter than at the start:
///
/// ```text
/// L(t) ≤ L(0) + c₁ t L′(0)             sufficient decrease
/// |L′(t)| ≤ c₂ |L′(0)|                 curvature
/// ```
///
/// First it walks on, ever faster, until the minimum along the line must lie between two points; then it narrows that
/// bracket by cubic interpolation. The order of tests and all constants are those of PyTorch (and minFunc before it):
/// `c₁` = 1e-4, `c₂` = 0.9; at most `most` evaluations beside the first. Returns the best point, which may be the start, and the number of
/// evaluations. `longest` is the largest absolute value in the direction.
///
/// A point whose loss is not finite counts as infinitely high.
///
/// # References
/// J. Nocedal, S. J. Wright, *Numerical Optimization*, 2nd edition, 2006, Algorithms 3.5 and 3.6,
/// <https://doi.org/10.1007/978-0-387-40065-5>
pub(super) fn strong_wolfe<G: Clone, E>(
    start: Point<G>,
    first: f64,
    longest: f64,
    most: u64,
    mut at: impl FnMut(f64) -> Result<Point<G>, E>,
) -> Result<(Point<G>, u64), E> {
    const C1: f64 = 1e-4;
    const C2: f64 = 0.9;
    /// A bracket shorter than this, in the number that moves most, is not worth narrowing.
    const SHORT: f64 = 1e-9;
    let too_high = |point: &Point<G>| point.loss > start.loss + C1 * point.t * start.slope;
    let flat = |point: &Point<G>| point.slope.abs() <= -C2 * start.slope;

    let mut last = start.clone();
    let mut point = at(first)?;
    let mut searched = 0;
    let mut bracket = loop {
        if searched == most {
            break [start.clone(), point];
        }
        if too_high(&point) || (searched > 1 && point.loss >= last.loss) {
            break [last, point];
        }
        if flat(&point) {
            return Ok((point, searched + 1));
        }
        if point.slope >= 0.0 {
            break [last, point];
        }
        let bounds = (point.t + 0.01 * (point.t - last.t), 10.0 * point.t);
        let t = minimum_of_cubic(&last, &point, bounds);
        last = std::mem::replace(&mut point, at(t)?);
        searched += 1;
    };

    // Which end is the lower one.
    let mut low = usize::from(bracket[0].loss > bracket[1].loss);
    let mut hardly_moved = false;
    while searched < most {
        let (left, right) = (bracket[0].t.min(bracket[1].t), bracket[0].t.max(bracket[1].t));
        if (right - left) * longest < SHORT {
            break;
        }
        let mut t = minimum_of_cubic(&bracket[0], &bracket[1], (left, right));
        // A point close to an end narrows the bracket by little: the second time in a row it is moved inwards.
        let margin = 0.1 * (right - left);
        let close = (right - t).min(t - left) < margin;
        if close && (hardly_moved || t >= right || t <= left) {
            t = if (t - right).abs() < (t - left).abs() { right - margin } else { left + margin };
            hardly_moved = false;
        } else {
            hardly_moved = close;
        }

        let point = at(t)?;
        searched += 1;
        let high = 1 - low;
        if too_high(&point) || point.loss >= bracket[low].loss {
            bracket[high] = point;
            low = usize::from(bracket[0].loss > bracket[1].loss);
            continue;
        }
        if flat(&point) {
            return Ok((point, searched + 1));
        }
        if point.slope * (bracket[high].t - bracket[low].t) >= 0.0 {
            bracket.swap(high, low); // the old low end becomes the high one
        }
        bracket[low] = point;
    }
    let [a, b] = bracket;
    Ok((if low == 0 { a } else { b }, searched + 1))
}

/// Where the cubic through two points and their slopes has its minimum, held within the bounds; their middle if it has
/// none.
fn minimum_of_cubic<G>(a: &Point<G>, b: &Point<G>, (least, most): (f64, f64)) -> f64 {
    let (a, b) = if a.t <= b.t { (a, b) } else { (b, a) };
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t);
    let square = d1 * d1 - a.slope * b.slope;
    if square >= 0.0 {
        let d2 = square.sqrt();
        let t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2));
        // Written so that a `t` of NaN gives a bound.
        t.max(least).min(most)
    } else {
        (least + most) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn search(loss: impl Fn(f64) -> (f64, f64), first: f64) -> (Point<()>, u64) {
        search_for(25, loss, first)
    }

    fn search_for(most: u64, loss: impl Fn(f64) -> (f64, f64), first: f64) -> (Point<()>, u64) {
        let at = |t| -> Result<_, Infallible> {
            let (loss, slope) = loss(t);
            Ok(Point { t, loss, slope, gradient: () })
        };
        let Ok(start) = at(0.0);
        let Ok(found) = strong_wolfe(start, first, 1.0, most, at);
        found
    }

    #[test]
    fn a_first_point_that_fits_is_taken() {
        let (point, evaluations) = search(|t| ((t - 1.0) * (t - 1.0), 2.0 * (t - 1.0)), 1.0);
        assert_eq!((point.t, evaluations), (1.0, 1));
    }

    #[test]
    fn it_walks_on_and_comes_back() {
        // The minimum of t⁴/4 − 8 t is at 2.
        let loss = |t: f64| (t.powi(4) / 4.0 - 8.0 * t, t.powi(3) - 8.0);
        for first in [1e-3, 0.1, 1.0, 10.0, 1e3] {
            let (point, evaluations) = search(loss, first);
            assert!(point.slope.abs() <= 0.9 * 8.0 && point.loss < -1e-4 * 8.0 * point.t, "{first}: {point:?}");
            assert!(evaluations < 15, "{first}: {evaluations}");
        }
    }

    #[test]
    fn where_the_loss_is_not_finite_it_turns_back() {
        // −√(t (1 − t)) + t/4: nothing beyond 1
        let loss = |t: f64| {
            if t < 1.0 { (t - 3.0 * t.sqrt(), 1.0 - 1.5 / t.max(1e-3).sqrt()) } else { (f64::INFINITY, f64::NAN) }
        };
        let (point, _) = search(loss, 100.0);
        assert!(point.t > 0.0 && point.t < 1.0 && point.loss < 0.0, "{point:?}");
    }

    #[test]
    fn no_descent_is_no_step() {
        let (point, evaluations) = search(|t| (f64::from(u8::from(t > 0.0)), -1.0), 1.0);
        assert_eq!(point.t, 0.0);
        assert!(evaluations <= 26);
    }

    #[test]
    fn it_ends_with_the_lowest_point_when_it_may_ask_no_more() {
        // The minimum of t⁴/4 − 8 t is at 2; the first point lies far beyond it.
        let loss = |t: f64| (t.powi(4) / 4.0 - 8.0 * t, t.powi(3) - 8.0);
        for most in 0..3 {
            let (point, evaluations) = search_for(most, loss, 1e3);
            assert!(evaluations <= most + 1 && point.loss <= 0.0, "{most}: {point:?}, {evaluations}");
        }
        assert_eq!(search_for(0, loss, 1e3).0.t, 0.0);
    }
}
