//! Reading an image between its pixels.

use gradus_linalg::Real;
use ndarray::{Array3, ArrayView3};

/// An image whose pixel at `(y, x)` is that of `image` at `from(y, x)`, between pixels interpolated bilinearly.
///
/// ```text
/// y₀ = ⌊y⌋, x₀ = ⌊x⌋, v = y − y₀, u = x − x₀
/// p(y, x) = (1 − v) ((1 − u) p[y₀, x₀] + u p[y₀, x₀ + 1]) + v ((1 − u) p[y₀ + 1, x₀] + u p[y₀ + 1, x₀ + 1])
/// ```
///
/// Pixels stand at whole numbers, the first at `(0, 0)`; those outside the image are `fill`. At whole numbers the result is the
/// pixel, exactly. All channels are read at the same places.
///
/// # Examples
/// ```
/// use gradus_nn_layers::ndarray::array;
/// use gradus_regularize::augment::resample;
/// let image = array![[[0.0_f64, 4.0], [8.0, 12.0]]];
/// let middle = resample(image.view(), [1, 1], 0.0, |_, _| [0.5, 0.5]);
/// assert_eq!(middle, array![[[6.0]]]);
/// let turned = resample(image.view(), [2, 2], 0.0, |y, x| [x, y]);
/// assert_eq!(turned, array![[[0.0, 8.0], [4.0, 12.0]]]);
/// ```
pub fn resample<F: Real>(
    image: ArrayView3<'_, F>,
    [height, width]: [usize; 2],
    fill: f64,
    mut from: impl FnMut(f64, f64) -> [f64; 2],
) -> Array3<F> {
    let (channels, rows, columns) = image.dim();
    let fill = F::from_f64(fill);
    let pixel = |channel: usize, y: f64, x: f64| {
        let inside = y >= 0.0 && x >= 0.0 && y < rows as f64 && x < columns as f64;
        if inside { image[[channel, y as usize, x as usize]] } else { fill }
    };
    let mut out = Array3::from_elem((channels, height, width), fill);
    for row in 0..height {
        for column in 0..width {
            let [y, x] = from(row as f64, column as f64);
            let (y0, x0) = (y.floor(), x.floor());
            let (v, u) = (F::from_f64(y - y0), F::from_f64(x - x0));
            let far = !(y0 >= -1.0 && x0 >= -1.0 && y0 < rows as f64 && x0 < columns as f64);
            if far {
                continue;
            }
            // A weight of 0 reads nothing: a pixel that is not finite stays where it is.
            let between = |share: F, near: F, next: &dyn Fn() -> F| {
                if share == F::zero() { near } else { (F::one() - share) * near + share * next() }
            };
            for channel in 0..channels {
                let line = |y: f64| between(u, pixel(channel, y, x0), &|| pixel(channel, y, x0 + 1.0));
                out[[channel, row, column]] = between(v, line(y0), &|| line(y0 + 1.0));
            }
        }
    }
    out
}
