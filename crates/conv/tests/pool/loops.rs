//! Pooling by its definition: loops over places and windows, nothing clever.

use gradus_conv::ndarray::{ArrayD, IxDyn};
use gradus_conv::{Geometry, Real};
use proptest::prelude::*;

/// What one window sees of a channel: positions in row-major order, and how many numbers it has over the input and the padding.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) seen: Vec<usize>,
    pub(crate) padded: usize,
}

/// Every combination of one item of each list, in row-major order.
fn combinations<T: Clone>(lists: &[Vec<T>]) -> Vec<Vec<T>> {
    lists.iter().fold(vec![Vec::new()], |all, list| {
        all.iter()
            .flat_map(|one| list.iter().map(move |item| [&one[..], std::slice::from_ref(item)].concat()))
            .collect()
    })
}

/// The windows whose positions along each axis are given, `None` being padding.
fn cross(axes: &[Vec<Vec<Option<usize>>>], size: &[usize]) -> Vec<Window> {
    let window = |along: Vec<Vec<Option<usize>>>| {
        let numbers = combinations(&along);
        let flat =
            |at: &Vec<Option<usize>>| at.iter().zip(size).try_fold(0, |flat, (i, size)| i.map(|i| flat * size + i));
        Window { padded: numbers.len(), seen: numbers.iter().filter_map(flat).collect() }
    };
    combinations(axes).into_iter().map(window).collect()
}

pub(crate) fn regular<const R: usize>(geometry: &Geometry<R>, size: [usize; R], out: [usize; R]) -> Vec<Window> {
    let axis = |i: usize| {
        let (before, after) = geometry.padding[i];
        let places = (0..out[i]).map(|o| {
            let ahead = (0..geometry.kernel_size[i]).map(|k| o * geometry.stride[i] + k * geometry.dilation[i]);
            let within = ahead.filter(|&i_padded| i_padded < before + size[i] + after);
            within.map(|padded| padded.checked_sub(before).filter(|&position| position < size[i])).collect()
        });
        places.collect::<Vec<_>>()
    };
    cross(&(0..R).map(axis).collect::<Vec<_>>(), &size)
}

pub(crate) fn adaptive<const R: usize>(size: [usize; R], out: [usize; R]) -> Vec<Window> {
    let axis = |i: usize| {
        let (size, out) = (size[i] as f64, out[i] as f64);
        let span = |o: usize| (o as f64 * size / out).floor() as usize..((o + 1) as f64 * size / out).ceil() as usize;
        (0..out as usize).map(|o| span(o).map(Some).collect()).collect::<Vec<_>>()
    };
    cross(&(0..R).map(axis).collect::<Vec<_>>(), &size)
}

/// Where the maximum stands, as PyTorch looks for it.
pub(crate) fn winner<F: Real>(x: &[F], window: &Window) -> usize {
    let mut best = window.seen[0];
    for &i in &window.seen {
        if x[i] > x[best] || x[i].is_nan() {
            best = i;
        }
    }
    best
}

/// Applies `f(channel of x, window, number of the place)` to each channel and window.
pub(crate) fn each<F: Real, T>(
    x: &ArrayD<F>,
    out: &[usize],
    windows: &[Window],
    f: impl Fn(&[F], &Window, usize) -> T,
) -> ArrayD<T> {
    let pixels: usize = x.shape()[2..].iter().product();
    let values: Vec<F> = x.iter().copied().collect();
    let channels = values.chunks(pixels);
    let numbers = channels.flat_map(|x| windows.iter().enumerate().map(move |(p, window)| (x, p, window)));
    let shape = [&x.shape()[..2], out].concat();
    ArrayD::from_shape_vec(IxDyn(&shape), numbers.map(|(x, p, window)| f(x, window, p)).collect()).unwrap()
}

/// Adds `dy` times a factor to each position that `targets` names: the adjoint, written as it is defined.
pub(crate) fn adjoint<F: Real>(
    shape: &[usize],
    dy: &ArrayD<F>,
    places: usize,
    targets: impl Fn(usize, usize) -> Vec<(usize, F)>,
) -> ArrayD<F> {
    let pixels: usize = shape[2..].iter().product();
    let mut dx = vec![F::zero(); shape.iter().product()];
    for (number, &dy) in dy.iter().enumerate() {
        let (channel, place) = (number / places, number % places);
        for (position, factor) in targets(channel, place) {
            dx[channel * pixels + position] += dy * factor;
        }
    }
    ArrayD::from_shape_vec(IxDyn(shape), dx).unwrap()
}

/// A geometry that pools, and the size of an input that it pools to `out`.
#[derive(Debug, Clone)]
pub(crate) struct Setting<const R: usize> {
    pub(crate) geometry: Geometry<R>,
    pub(crate) size: [usize; R],
    pub(crate) out: [usize; R],
}

pub(crate) fn settings<const R: usize>(dilations: usize) -> impl Strategy<Value = Setting<R>> {
    let axis = (1..=4_usize, 1..=4_usize, (0..=2_usize, 0..=2_usize), 1..=dilations, 1..=11_usize);
    (prop::collection::vec(axis, R), any::<bool>(), any::<bool>()).prop_filter_map("no window", |(axes, ceil, same)| {
        let geometry = Geometry::new(std::array::from_fn(|i| axes[i].0)).stride(std::array::from_fn(|i| axes[i].1));
        let mut geometry = geometry.dilation(std::array::from_fn(|i| axes[i].3));
        geometry.ceil_mode = ceil;
        if same {
            geometry = geometry.stride(geometry.kernel_size).dilation(1); // side by side
        }
        for (i, axis) in axes.iter().enumerate() {
            let extent = geometry.dilation[i] * (geometry.kernel_size[i] - 1) + 1;
            let most = extent / 2;
            geometry.padding[i] = (axis.2.0.min(most), axis.2.1.min(most));
        }
        let size = std::array::from_fn(|i| axes[i].4);
        let out = geometry.output_size(size).ok()?;
        let windows = regular(&geometry, size, out);
        windows.iter().all(|window| !window.seen.is_empty()).then_some(Setting { geometry, size, out })
    })
}
