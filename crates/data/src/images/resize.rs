//! Images of another size.

use gradus_linalg::ndarray::{Array2, Array3, Axis};

/// Brings each channel to another number of rows and columns.
///
/// A new pixel lies at `c = (i + ½) · s` of the old ones, `s` being how many of them one new pixel covers, and is their mean with the weights of a
/// triangle about it:
///
/// ```text
/// wᵢⱼ ∝ max(0, 1 − |j + ½ − c| / max(s, 1))        y = W_rows x W_columnsᵀ
/// ```
///
/// For `s ≤ 1` that is linear interpolation; for `s > 1` the triangle grows, so that no old pixel is passed over, as in Pillow's `BILINEAR`.
pub(super) fn resize(image: &Array3<f32>, size: [usize; 2]) -> Array3<f32> {
    let (channels, rows, columns) = image.dim();
    let (down, across) = (weights(rows, size[0]), weights(columns, size[1]));
    let mut resized = Array3::zeros((channels, size[0], size[1]));
    for (channel, mut to) in image.axis_iter(Axis(0)).zip(resized.axis_iter_mut(Axis(0))) {
        to.assign(&down.dot(&channel).dot(&across.t()));
    }
    resized
}

/// The weight of each old place `(to, from)` in each new one.
fn weights(from: usize, to: usize) -> Array2<f32> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let mut weights = Array2::from_shape_fn((to, from), |(i, j)| {
        let distance = (j as f64 + 0.5 - (i as f64 + 0.5) * scale).abs();
        (1.0 - distance / reach).max(0.0) as f32
    });
    for mut row in weights.rows_mut() {
        let sum = row.sum();
        row /= sum;
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_linalg::ndarray::array;

    #[test]
    fn weights_by_hand() {
        assert_eq!(weights(2, 2), array![[1., 0.], [0., 1.]]);
        assert_eq!(weights(2, 4), array![[1., 0.], [0.75, 0.25], [0.25, 0.75], [0., 1.]]);
        // Twice as many: the triangle reaches two pixels to each side.
        let close = |a: &Array2<f32>, b: &Array2<f32>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        let [a, b] = [3. / 7., 1. / 7.];
        let half = weights(4, 2);
        assert!(close(&half, &array![[a, a, b, 0.], [0., b, a, a]]), "{half}");
        assert!((weights(5, 1).sum() - 1.0).abs() < 1e-6);
        assert_eq!(weights(1, 3), array![[1.], [1.], [1.]]);
    }

    #[test]
    fn a_plain_image_stays_plain() {
        let plain = Array3::from_elem((2, 5, 7), 0.25);
        for size in [[1, 1], [5, 7], [3, 20], [11, 2]] {
            let resized = resize(&plain, size);
            assert_eq!(resized.shape(), [2, size[0], size[1]]);
            assert!(resized.iter().all(|x| (x - 0.25).abs() < 1e-6));
        }
    }
}
